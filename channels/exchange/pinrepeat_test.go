package exchange

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// dialler is a phone on a gateway that joins all that was keyed.
type dialler struct {
	w      *town
	number string
	id     int
	keyed  string
	last   channels.Event
}

func (h *dialler) dials() string {
	h.id, h.keyed = h.id+1, ""
	return h.ask(channels.Dialed)
}

func (h *dialler) keys(s string) string {
	if h.keyed != "" {
		s = "*" + s
	}
	h.keyed += s
	return h.ask(channels.Message)
}

func (h *dialler) ask(kind channels.EventKind) string {
	h.w.clock.pass(3 * time.Second)
	h.last = channels.Event{Channel: "ussd", From: channels.Address{Kind: "tel", ID: h.number}, Kind: kind, Words: h.keyed, At: h.w.clock.Now(),
		Session: &channels.Session{ID: fmt.Sprint("s", h.id), Whole: true}}
	return h.w.hear(h.last)
}

func TestAPINOnAMenu(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w := settle(t, on)
		w.says(ann, "PARK", "1")
		w.chooses(ann, "4821", "2")
		w.expect(w.says(ann, "PARK", "2"), "How many days")
		w.says(ann, "LOCK PIN")
		h := &dialler{w: w, number: ann}
		w.expect(h.dials(), "Park survey")
		open := h.keys("PIN 4821")
		w.expect(open, "Your PIN is open until this menu ends")
		if again := w.hear(h.last); again != open {
			t.Fatalf("%q, then %q", open, again)
		}
		w.expect(h.keys("1"), "How many days")
		w.expect(h.keys("7"), "7")
		if again := w.hear(h.last); !strings.Contains(again, "7") {
			t.Fatal(again)
		}
		end := h.keys("LOCK PIN")
		w.expect(end, "Your PIN is closed")
		if again := w.hear(h.last); again != end {
			t.Fatalf("%q, then %q", end, again)
		}
		// What comes of it later is nobody's: not a key of it is heard by whoever dials next.
		h.keys("5")
		w.expect(h.dials(), "Park survey")
		w.expect(h.keys("1"), "How many days")
		w.expect(h.keys("9"), "9")

		// Nothing of it is texted that came too late.
		h.dials()
		h.keys("PIN 4821")
		late := h.last
		late.Kind = channels.Overdue
		if r, err := w.x.Receive(t.Context(), late); err != nil || r.Texts {
			t.Fatal(r, err)
		}
		w.x.Tick(t.Context())
		if n := len(w.sms.letters()); n > 0 {
			t.Fatal(w.sms.letters())
		}
		// Who is cut off and erased takes their keys along.
		h.dials()
		h.keys("PIN 4821")
		h.keys("erase")
		w.expect(h.keys("1"), "We keep nothing about you")
		w.not(w.hear(h.last), nothingHere)
		w.not(h.keys("4"), nothingHere)
		if p, err := LookPINs(t.Context(), w.store, seals{}, ann, w.clock.Now()); err != nil || p.Tries != 0 {
			t.Fatal("their keys were heard as somebody else's", p, err)
		}
		w.expect(h.dials(), "Park survey")
	})
}

// TestAPINThatIsChosenOnAMenu whose gateway asks for everything twice.
func TestAPINThatIsChosenOnAMenu(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		for mine, left := range map[string]string{"1": "What can we do for you?", "2": "Not finished: Park survey"} {
			w := settle(t, on)
			w.says(ann, "PARK", "1")
			h := &dialler{w: w, number: ann}
			h.dials()
			h.keys("1")
			for _, k := range []string{"PIN", "2", "4821", "4821", mine, "LOCK PIN"} {
				first := h.keys(k)
				if again := w.hear(h.last); again != first {
					t.Fatalf("%q was answered %q, then %q", k, first, again)
				}
			}
			w.expect(h.dials(), left)
			w.expect(w.says(ann, "PIN 4821"), "Your PIN is open")
			if p, err := LookPINs(t.Context(), w.store, seals{}, ann, w.clock.Now()); err != nil || p.Chosen != 1 {
				t.Fatalf("%+v, %v", p, err)
			}
		}
	})
}

// TestRepeatsOfWhatWasSaidBehindAPIN get what they got, whoever has the phone by then.
func TestRepeatsOfWhatWasSaidBehindAPIN(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w := settle(t, on)
		type said struct {
			e channels.Event
			r string
		}
		var all []said
		for _, words := range []string{"PIN", "2", "4821", "4821", "PARK", "1", "PIN", "1", "MEND", "PIN", "2", "7305", "7305", "2", "PARK", "2", "PIN 4821", "12", "PIN 7305 5", "LOCK PIN", "hello"} {
			e := w.text(ann, words)
			all = append(all, said{e, w.hear(e)})
			if len(all) > 12 {
				all = all[1:]
			}
			for _, s := range all {
				if again := w.hear(s.e); again != s.r {
					t.Fatalf("after %q: %q was answered %q, then %q", words, s.e.Words, s.r, again)
				}
			}
		}
	})
}

// crashing is a store whose n-th commit fails, before or after it is on disk.
type crashing struct {
	store.Store
	n     int
	after bool
}

var errCrash = errors.New("the process died")

func (c *crashing) Commit(ctx context.Context, change *store.Change) (store.Outcome, error) {
	if c.n--; c.n != 0 {
		return c.Store.Commit(ctx, change)
	}
	if c.after {
		if o, err := c.Store.Commit(ctx, change); err != nil || o.Kind != store.Applied {
			return o, err
		}
	}
	return store.Outcome{}, errCrash
}

// TestCrashesBetweenCommits: whichever commit a process dies at, the same messages given again to another get the same
// replies, and what is left is the same.
func TestCrashesBetweenCommits(t *testing.T) {
	script := []string{"PARK", "1", "PIN", "2", "4821", "4821", "1", "1", "5", "LOCK PIN", "PARK", "2", "PIN 9300", "2", "PIN 4821", "yes", "yes", "PIN", "2", "7306", "7306", "PIN 7306",
		"PIN 4821", "2", "PIN", "2", "6042", "6042", "2", "MEND", "PIN 7306", "erase", "1", "PIN 7306", "2", "12"}
	plain := edited(t, "survey.yaml", swap("    rotate: true\n", ""))
	unrotated := func(w *town) {
		w.dialogs.current.Store(new(plain.All()))
		for _, d := range plain.All() {
			w.dialogs.keep(d)
		}
	}
	run := func(n int, after bool) (replies, left []string, commits int) {
		w := settle(t)
		unrotated(w)
		c := &crashing{Store: w.store, n: n, after: after}
		w.x.store = c
		for _, words := range script {
			e := w.text(ann, words)
			r, err := w.x.Receive(t.Context(), e)
			if err != nil {
				// Another process: nothing is remembered but what is on disk.
				disk := w.store
				w.open(Settings{Keys: seals{}, Clock: w.clock, Entropy: chance(uint64(100 + n)), Channels: []channels.Channel{
					&post{name: "voice", traits: render.Voice}, &post{name: "ussd", traits: render.USSD}, &post{name: "telegram", traits: render.Telegram}, &post{name: "kiosk", traits: render.Kiosk}}})
				w.x.store = disk
				unrotated(w)
				if r, err = w.x.Receive(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
			replies = append(replies, masked(textOf(r)))
			w.clock.pass(time.Second)
		}
		return replies, w.left(), -c.n
	}
	want, left, commits := run(0, false)
	if commits < 40 {
		t.Fatalf("only %d commits", commits)
	}
	for n := 1; n <= commits; n++ {
		for _, after := range []bool{false, true} {
			got, l, _ := run(n, after)
			for i := range want {
				if got[i] != want[i] && !(after && got[i] == "" && strings.Contains(want[i], "We keep nothing")) {
					t.Fatalf("dies at commit %d (on disk: %v): %q is answered\n%s\nwant\n%s", n, after, script[i], got[i], want[i])
				}
			}
			if !slices.Equal(l, left) {
				t.Fatalf("dies at commit %d (on disk: %v): left\n%s\nwant\n%s", n, after, strings.Join(l, "\n"), strings.Join(left, "\n"))
			}
		}
	}
}

// masked hides what is random in a reply: the digits of a reference, as they are written and as they are said.
func masked(words string) string { return references.ReplaceAllString(words, "?") }

var references = regexp.MustCompile(`\d{3}-\d{3}-\d|\d \d \d, \d \d \d, \d`)

// TestAPINOnAMenuWhileTheServerDies: the gateway asks again, and whoever gave the PIN is behind it.
func TestAPINOnAMenuWhileTheServerDies(t *testing.T) {
	for at := range 4 {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(at, after), func(t *testing.T) {
				w := settle(t)
				w.says(ann, "PARK", "1")
				w.chooses(ann, "4821", "1")
				w.says(ann, "LOCK PIN")
				h := &dialler{w: w, number: ann}
				h.dials()
				w.x.store = &breaks{Store: w.store, at: at, after: after}
				h.keyed = "PIN 4821"
				h.last = channels.Event{Channel: "ussd", From: channels.Address{Kind: "tel", ID: ann}, Words: h.keyed, At: w.clock.Now(),
					Session: &channels.Session{ID: fmt.Sprint("s", h.id), Whole: true}}
				_, _ = w.x.Receive(t.Context(), h.last)
				w.x = w.again()
				w.expect(w.hear(h.last), "Your PIN is open", "Park survey")
				w.expect(h.keys("1"), "How many days")
			})
		}
	}
}
