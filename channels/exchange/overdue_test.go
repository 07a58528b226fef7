package exchange

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

// late is the gateway's last request, whose answer the adapter could not wait for.
func (h *handset) late() channels.Reply {
	h.w.t.Helper()
	e := h.last
	e.Kind = channels.Overdue
	r, err := h.w.x.Receive(h.w.t.Context(), e)
	if err != nil {
		h.w.t.Fatal(err)
	}
	h.w.x.Tick(h.w.t.Context())
	return r
}

func TestMenuOverdueQuestionIsTexted(t *testing.T) {
	onEachGateway(t, func(t *testing.T, h *handset) {
		w := h.w
		h.dials("")
		h.keys("MEND")
		h.keys("2")
		if r := h.late(); !r.Texts || len(r.Pages) > 0 {
			t.Fatalf("%+v", r)
		}
		if r := h.late(); !r.Texts { // the adapter wasn't sure that it came through
			t.Fatalf("%+v", r)
		}
		got := w.sms.letters()
		if len(got) != 1 || got[0].to != (channels.Address{Kind: "tel", ID: ann}) || !strings.Contains(got[0].text, "Where is it?") {
			t.Fatalf("%+v", got)
		}
		w.expect(w.says(ann, "Main and Elm"), "Your number is")
	})
}

func TestMenuOverdueLastWordsAreTexted(t *testing.T) {
	h := handset{w: settle(t), number: ann, session: channels.Session{ID: "s", Whole: true}}
	w := h.w
	h.dials("")
	h.keys("MEND")
	h.keys("2")
	last := h.keys("Main and Elm")
	h.late()
	got := w.sms.letters()
	if len(got) != 1 || got[0].text+"\n" != last {
		t.Fatalf("%+v, on the screen %q", got, last)
	}
	all, err := w.store.Requests(t.Context(), store.RequestQuery{})
	if err != nil || len(all) != 1 || !strings.Contains(got[0].text, all[0].Reference) {
		t.Fatal(err, all, got)
	}

	// With something set aside, that is offered in the same breath.
	h.dials("")
	h.keys("PARK")
	h.keys("menu")
	h.keys("MEND")
	h.keys("2")
	last = h.keys("Elm and Oak")
	w.expect(last, "Your number is", "Not finished: Park survey")
	h.late()
	if got = w.sms.letters()[1:]; len(got) != 1 || got[0].text+"\n" != last {
		t.Fatalf("%+v, on the screen %q", got, last)
	}
	w.expect(w.says(ann, "1"), "What should come first?")
}

// Nothing is texted to whoever saw it, or doesn't want it, or where nothing can be.
func TestMenuOverdueIsLetBe(t *testing.T) {
	for name, then := range map[string]func(h *handset) channels.Event{
		"they dialled again": func(h *handset) channels.Event { e := h.last; h.dials(""); return e },
		"they went on":       func(h *handset) channels.Event { e := h.last; h.keys("Main and Elm"); return e },
		"they wrote":         func(h *handset) channels.Event { e := h.last; h.w.says(ann, "help"); return e },
		"they rang": func(h *handset) channels.Event {
			e := h.last
			h.w.hear(channels.Event{Channel: "voice", ID: "c1", From: e.From, Kind: channels.Dialed})
			return e
		},
		"they said STOP": func(h *handset) channels.Event { h.keys("STOP"); return h.last },
		"it is another session's": func(h *handset) channels.Event {
			e := h.last
			s := *e.Session
			s.ID = "other"
			e.Session = &s
			return e
		},
		"nobody knows them": func(h *handset) channels.Event { e := h.last; e.From.ID = ben; return e },
		"they were erased":  func(h *handset) channels.Event { h.keys("erase"); h.keys("1"); return h.last },
		"there are no texts": func(h *handset) channels.Event {
			h.w.x.channels["sms"].traits.Texts = false
			return h.last
		},
	} {
		for _, s := range []channels.Session{{ID: "s"}, {ID: "s", Whole: true}, {ID: "s", Number: 1}} {
			t.Run(name, func(t *testing.T) {
				h := &handset{w: settle(t), number: ann, session: s}
				h.dials("")
				h.keys("MEND")
				h.keys("2")
				h.last = then(h)
				if r := h.late(); r.Texts || len(r.Pages) > 0 {
					t.Errorf("%+v", r)
				}
				if got := h.w.sms.letters(); len(got) > 0 {
					t.Errorf("%+v", got)
				}
			})
		}
	}
}

// After the text a key of that session is no answer to what it showed.
func TestMenuOverdueEndsTheSession(t *testing.T) {
	h := handset{w: settle(t), number: ann, session: channels.Session{ID: "s", Whole: true}}
	h.dials("")
	h.keys("MEND")
	h.late()
	h.w.expect(h.keys("2"), "What is the problem?")
	h.w.clock.pass(time.Minute)
	h.w.expect(h.dials(""), "Welcome back")
	if got := fmt.Sprint(len(h.w.sms.letters())); got != "1" {
		t.Fatal(got)
	}
}

// Last words of several screens are one text.
func TestMenuOverdueLongLastWords(t *testing.T) {
	h := handset{w: settle(t), number: ann, session: channels.Session{ID: "s", Whole: true}}
	w := h.w
	set := edited(t, "open-vote.yaml", swap("Thank you. Your receipt is ${reference}.", strings.Repeat("Thank you for that. ", 9)+"Your receipt is ${reference}."))
	w.dialogs.current.Store(new(set.All()))
	for _, d := range set.All() {
		w.dialogs.keep(d)
	}
	h.dials("")
	for _, keys := range []string{"OPENV", "8", "2"} {
		h.keys(keys)
	}
	w.expect(h.keys("1"), "Thank you for that.", "8 more")
	h.late()
	got := w.sms.letters()
	if len(got) != 1 || !strings.Contains(got[0].text, "Your receipt is") || strings.Contains(got[0].text, "8 more") || strings.Count(got[0].text, "Thank you") != 9 {
		t.Fatalf("%+v", got)
	}
}
