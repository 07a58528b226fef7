package exchange

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

func TestContactCap(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w := settle(t, on, limitedTo(Limits{Contact: Contact{Most: 2, Within: 7 * 24 * time.Hour}}))
		late := func(m *store.Message) { m.Until = w.clock.Now().Add(48 * time.Hour) }
		day := func(n int) { w.clock.pass(time.Duration(n) * 24 * time.Hour); w.x.Tick(t.Context()) }
		w.remind(ann, "one")
		reply := func(text string) {
			w.remind(ann, text, func(m *store.Message) { m.Class, m.Due = classReply, w.clock.Now().Add(time.Millisecond) })
			w.clock.pass(time.Millisecond)
		}
		reply("a reply")
		day(0)
		w.x.Tick(t.Context())
		day(1)
		w.remind(ann, "two")
		day(0)
		day(1)
		w.remind(ann, "three", late) // of no use in five days
		w.remind(ann, "results", func(m *store.Message) { m.Class = classBroadcast })
		reply("another reply")
		day(0)
		w.x.Tick(t.Context())
		got := w.sms.texts()
		slices.Sort(got)
		if want := []string{"a reply", "another reply", "one", "two"}; !slices.Equal(got, want) {
			t.Fatalf("sent %q, want %q", got, want)
		}
		if got := w.codes(); !slices.Equal(got, []string{codeContact}) {
			t.Fatal(got)
		}
		day(4)
		if n := len(w.sms.texts()); n != 4 {
			t.Fatalf("%d sent after six days", n)
		}
		day(1)
		if got := w.sms.texts(); len(got) != 5 || got[4] != "results" {
			t.Fatal(got)
		}
	})
}

// Of messages that may have gone, or not, and that nobody has looked at since, no resident is written to less for good.
func TestContactCapAndMessagesInDoubt(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w := settle(t, on, limitedTo(Limits{Contact: Contact{Most: 1, Within: 7 * 24 * time.Hour}}))
		w.sms.fail = func(string, int) error { return channels.Doubt(errors.New("cut off")) }
		w.remind(ann, "one")
		w.x.Tick(t.Context())
		w.sms.fail = nil
		w.clock.pass(24 * time.Hour)
		w.remind(ann, "two")
		w.x.Tick(t.Context())
		if next := w.x.nextLeave(t.Context()); len(w.sms.letters()) > 0 || !next.Equal(noon.Add(7*24*time.Hour)) {
			t.Fatalf("%v, and looks again at %v", w.sms.texts(), next)
		}
		w.clock.pass(6 * 24 * time.Hour)
		w.x.Tick(t.Context())
		w.sent("two")
	})
}

func TestBadNumber(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		for name, c := range map[string]struct {
			err   error
			tries int // before nothing more is tried
		}{
			"a landline":    {channels.Gone(fmt.Errorf("30006: %w", channels.ErrBadNumber), "30006"), 1},
			"refused twice": {channels.Gone(errors.New("30004"), "30004"), 2},
			"opted out":     {channels.Gone(errors.New("busy"), "1"), 2},
		} {
			t.Run(name, func(t *testing.T) {
				w := settle(t, on)
				w.says(ann, "PARK")
				tries := 0
				w.sms.fail = func(string, int) error { tries++; return c.err }
				for i := range 4 {
					r, _, _ := w.store.Find(t.Context(), seals{}.Address("tel", ann))
					w.remindRow(r, fmt.Sprint("hello ", i))
					w.clock.pass(time.Minute)
					w.x.Tick(t.Context())
				}
				if tries != c.tries {
					t.Fatalf("%d tries, want %d", tries, c.tries)
				}
				if got := w.codes(); len(got) != 4 || got[3] != codeBadNumber {
					t.Fatal(got)
				}
				// Not even the timer's reminder is queued; and who writes from there can be reached again.
				w.clock.pass(25 * time.Hour)
				w.x.Tick(t.Context())
				if tries != c.tries {
					t.Fatal("reminded at a number that takes nothing")
				}
				w.sms.fail = nil
				w.says(ann, "1")
				r, _, _ := w.store.Find(t.Context(), seals{}.Address("tel", ann))
				w.remindRow(r, "again")
				w.x.Tick(t.Context())
				w.sent("again")
			})
		}
	})
}

// remindRow queues a message of class 1 for a resident, whatever they say.
func (w *town) remindRow(r store.Resident, text string) {
	w.t.Helper()
	kept, err := w.store.Load(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	m := store.Message{ID: hashed("row", text), Resident: r, Body: must(engine.Encode(&render.Page{Text: text})), Channel: "sms", Kind: "tel", Due: w.clock.Now(), Class: classReminder}
	if out, err := w.store.Commit(w.t.Context(), &store.Change{Resident: r, Read: kept.Version, At: w.clock.Now(), State: kept.State, Outbox: []store.Message{m}}); err != nil || out.Kind != store.Applied {
		w.t.Fatal(out, err)
	}
}

// A report that comes later says it as well.
func TestBadNumberByReport(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK")
	r, _, _ := w.store.Find(t.Context(), seals{}.Address("tel", ann))
	w.remindRow(r, "one")
	w.x.Tick(t.Context())
	if err := w.x.Report(t.Context(), "sms", "R-"+w.sms.letters()[0].key, channels.Delivery{State: channels.Failed, Code: "30006", Bad: true}); err != nil {
		t.Fatal(err)
	}
	w.remindRow(r, "two")
	w.x.Tick(t.Context())
	w.sent("one")
}

// Who goes on by themselves isn't reminded by what still waits.
func TestReminderThatIsNotNeeded(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w := settle(t, on, func(_ *town, s *Settings) {
			s.Quiet = func(_ string, now time.Time) time.Time { return later(now, noon.Add(26*time.Hour)) }
		})
		w.says(ann, "PARK")
		w.says(ben, "PARK")
		w.clock.pass(25 * time.Hour)
		w.x.Tick(t.Context())
		w.says(ann, "1")
		w.clock.pass(time.Hour)
		w.x.Tick(t.Context())
		w.x.Tick(t.Context())
		if got := w.sms.letters(); len(got) != 1 || got[0].to.ID != ben {
			t.Fatalf("%d reminded", len(got))
		}
		if got := w.codes(); !slices.Equal(got, []string{store.CodeOvertaken}) {
			t.Fatal(got)
		}
	})
}

// It is looked at again when a reminder is about to leave: a backlog can drift into the night.
func TestBacklogDriftsIntoTheNight(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w := settle(t, on, func(_ *town, s *Settings) {
			s.Quiet = (&Nights{From: 21 * 60, To: 8 * 60}).Day
			s.Limits.Rates = []Rate{{Channels: []string{"sms"}, PerSecond: 1}}
		})
		w.clock.pass(9*time.Hour - 3*time.Second) // 20:59:57
		for i := range 20 {
			w.remind(fmt.Sprintf("+4479111234%02d", i), "hello")
		}
		for range 10 {
			w.x.Tick(t.Context())
			w.clock.pass(time.Second)
		}
		if got := len(w.sms.texts()); got < 3 || got > 4 {
			t.Fatalf("%d before nine", got)
		}
		w.queue(ann, "a reply")
		w.x.Tick(t.Context())
		if got := w.sms.texts(); got[len(got)-1] != "a reply" {
			t.Fatal("a reply waited for the night to end")
		}
		if next := w.x.nextLeave(t.Context()); next.Sub(noon) != 20*time.Hour {
			t.Fatalf("looks again at %v", next)
		}
	})
}

func TestTell(t *testing.T) {
	w := settle(t, func(w *town, _ *Settings) { w.store = onDisk(t) })
	w.says(ann, "OPENV", "2", "yes")
	w.says(ben, "OPENV", "1", "yes")
	w.says("+15550103", "OPENV", "1", "yes", "STOP")
	w.says("+15550104", "PARK")
	d := w.dialog("open-vote")
	words := map[string]string{"en": "Sunday it is."}
	count := func(told Told) (n int) {
		for _, l := range told.Lines {
			n += l.Messages
		}
		return n
	}
	told, err := w.x.Tell(t.Context(), d, words, false)
	if err != nil || count(told) != 2 || told.Stopped != 1 || told.Lines[0].Channel != "sms" {
		t.Fatalf("%+v, %v", told, err)
	}
	if s, _ := w.store.Stats(t.Context()); s.Queued != 0 {
		t.Fatal("sent before anybody said yes")
	}
	if told, err = w.x.Tell(t.Context(), d, words, true); err != nil || count(told) != 2 {
		t.Fatalf("%+v, %v", told, err)
	}
	if told, err = w.x.Tell(t.Context(), d, words, true); err != nil || count(told) != 0 || told.Before != 2 {
		t.Fatalf("told twice: %+v, %v", told, err)
	}
	w.says(ben, "STOP") // while it waits
	w.x.Tick(t.Context())
	got := w.sms.letters()
	if len(got) != 1 || got[0].to.ID != ann || !strings.HasPrefix(got[0].text, "Elmwood: Sunday it is.") || !strings.Contains(got[0].text, "STOP") {
		t.Fatalf("%+v", got)
	}
	w.says(ann, "HELP")
	w.clock.pass(40 * 24 * time.Hour) // long after the outbox has forgotten it
	w.queue("+15550105", "x")
	w.x.Tick(t.Context())
	if told, err = w.x.Tell(t.Context(), d, words, true); err != nil || count(told) != 0 {
		t.Fatalf("told twice: %+v, %v", told, err)
	}
	for _, other := range []string{"survey", "secret-vote", "hidden-vote"} {
		if _, err := w.x.Tell(t.Context(), w.dialog(other), words, true); !errors.Is(err, ErrLinked) {
			t.Errorf("%s: %v", other, err)
		}
	}
	if _, err := w.x.Tell(t.Context(), d, map[string]string{"es": "Domingo."}, false); err == nil {
		t.Error("without words in the dialog's own language")
	}
	if _, err := w.x.Tell(t.Context(), d, map[string]string{"en": strings.Repeat("too long ", 90)}, false); err == nil {
		t.Error("a text of many segments")
	}
}

func (w *town) dialog(id string) *dialogs.Dialog {
	w.t.Helper()
	for _, d := range w.dialogs.Current() {
		if d.ID == id {
			return d
		}
	}
	w.t.Fatalf("there is no dialog %q", id)
	return nil
}
