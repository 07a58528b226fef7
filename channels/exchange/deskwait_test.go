package exchange

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

func TestOutOfTheDesksHours(t *testing.T) {
	hours, err := ParseHours("Mon-Fri 9:00-11:00")
	if err != nil {
		t.Fatal(err)
	}
	w := settle(t, func(_ *town, s *Settings) { s.Calendar.Hours = hours })
	w.expect(w.says(ann, "MEND", "person"), "A person will answer when we open: Mon-Fri 9:00-11:00", "What is the problem?")
	menu := func(kind channels.EventKind, number, words string) string {
		w.ids++
		return w.hear(channels.Event{Channel: "ussd", ID: "u" + strings.Repeat("x", w.ids), From: channels.Address{Kind: "tel", ID: number}, Kind: kind, Words: words})
	}
	menu(channels.Dialed, ben, "")
	w.expect(menu(channels.Message, ben, "person"), "A person will write to you when we open: Mon-Fri")
	w.expect(w.presses(cat, "0", "person"), "A person will call you when it opens: Mon-Fri")

	all, err := w.x.Cases(t.Context(), "")
	if err != nil || len(all) != 3 {
		t.Fatal(all, err)
	}
	reach := map[channels.CaseReach]string{}
	for _, c := range all {
		if c.Overdue {
			t.Fatal("nobody was at the desk yet")
		}
		whole, err := w.x.Case(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		reach[whole.Reach] += whole.Channel + whole.Call + " "
	}
	if reach[channels.Called] != "voice"+cat+" " || reach[channels.Written] != "sms ussd " && reach[channels.Written] != "ussd sms " {
		t.Fatal(reach)
	}
	// The next morning: who dialled gets a text; who called can't be written to.
	w.clock.pass(22 * time.Hour)
	for _, c := range all {
		err := w.x.Act(t.Context(), channels.CaseAct{Case: c.ID, Kind: channels.CaseSay, Clerk: anna, Words: "Good morning", Token: c.ID})
		if c.Channel == "voice" && !errors.Is(err, channels.ErrNotRead) || c.Channel != "voice" && err != nil {
			t.Fatal(c.Channel, err)
		}
	}
	if w.pushed(); len(w.texts()) != 2 {
		t.Fatal(w.texts())
	}
	// What is written after hours is passed on, and they are told when somebody is there: once.
	w.clock.pass(3 * time.Hour)
	w.expect(w.says(ben, "Thank you, and one more thing"), "I passed that on", "Mon-Fri 9:00-11:00")
	if got := w.says(ben, "It is about the light."); got != "" {
		t.Fatal(got)
	}
}

func TestWhoWaitsTooLong(t *testing.T) {
	hours, err := ParseHours("Mon-Fri 9:00-13:00")
	if err != nil {
		t.Fatal(err)
	}
	w := settle(t, func(_ *town, s *Settings) { s.Calendar.Hours, s.AnswerWithin = hours, 2*time.Hour })
	w.says(ann, "person")
	for i, c := range []struct {
		pass time.Duration
		late bool
	}{{59 * time.Minute, false}, {20 * time.Hour, false}, {30 * time.Minute, false}, {time.Hour, true}} {
		w.clock.pass(c.pass)
		if got := w.waiting().Overdue; got != c.late {
			t.Fatal(i, w.clock.Now(), got)
		}
	}
	w.done(anna, channels.CaseSay, "Hello")
	if w.waiting().Overdue {
		t.Fatal("it was answered")
	}
}

func TestACallThatNobodyTookWaitsAtTheDesk(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, _ := landline(t, on)
		w.atQuestion(ann) // begun by text, gone on by telephone
		w.on(ann, "1")
		w.expect(w.presses(ann, "*", "person"), "I am passing you on")
		// The context is on the desk while it rings there.
		c := w.waiting()
		if c.Channel != "voice" || c.Title != "Park survey" || c.Hidden != "confidential" || len(c.Answers) > 0 || c.Shown != "" {
			t.Fatalf("%+v", c)
		}
		w.expect(w.hear(w.call(ann, channels.Returned, "")), "nobody could answer you", "The answer comes as a message on your phone")
		w.done(anna, channels.CaseSay, "Sorry that we missed you")
		w.expect(w.pushed(), "Sorry that we missed you")

		// A caller who never wrote is called by the clerk.
		w.on(ben)
		w.presses(ben, "0", "person")
		w.expect(w.hear(w.call(ben, channels.Returned, "")), "Somebody will call you back")
	})
}

func TestTheNextWordsGoWhereTheyWriteNow(t *testing.T) {
	w := talking(t)
	// ann's telephone, and then their chat: one resident on two channels.
	r := resident(w)
	c, err := w.store.Load(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	chat := channels.Address{Kind: "telegram", ID: "77"}
	link := store.Address{Key: seals{}.Address(chat.Kind, chat.ID), Kind: chat.Kind, Address: chat.ID}
	if out, err := w.store.Commit(t.Context(), &store.Change{Resident: r, Read: c.Version, At: noon, State: c.State, Link: []store.Address{link}}); err != nil || out.Kind != store.Applied {
		t.Fatal(out, err)
	}
	if got := w.hear(channels.Event{Channel: "telegram", ID: "c1", From: chat, Words: "I am here now"}); got != "" {
		t.Fatal(got)
	}
	w.done(anna, channels.CaseSay, "Good")
	w.x.Tick(t.Context())
	sent := w.x.channels["telegram"].Channel.(*post).letters()
	if len(sent) != 1 || sent[0].to != chat || len(w.texts()) != 1 {
		t.Fatal(sent, w.texts())
	}
	if got := w.waiting(); got.Channel != "telegram" || got.Letters[1].Channel != "telegram" {
		t.Fatalf("%+v", got)
	}
	// A call in between changes nothing: nobody can write to a call.
	w.on(ann)
	w.done(anna, channels.CaseSay, "Again")
	w.x.Tick(t.Context())
	if sent = w.x.channels["telegram"].Channel.(*post).letters(); len(sent) != 2 {
		t.Fatal(sent)
	}
}
