package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/locales"
)

// A statement that a change makes apply is said, even where the conversation had gone past it.
const warning = `dialog: warn
version: 1
title: Warnings
purpose: information
language: en
steps:
  - {id: hello, type: say, say: Hello.}
  - id: what
    type: choice
    say: What is it?
    options:
      hole: A hole
      wire: A wire
  - {id: hurt, type: yesno, when: what is wire, say: Is anyone hurt?}
  - {id: away, type: say, when: what is wire, say: Stay away from it.}
  - {id: words, type: text, say: Tell us more.}
  - {id: answers, type: review}
  - {id: bye, type: end, say: Goodbye.}
`

func TestAChangeSaysWhatAppliesNow(t *testing.T) {
	h := hold(t, load(t, warning)).say("hole").say("deep").wants("@review.title")
	h.say("change").say("what").say("wire").wants("@review.changed hurt").say("no").wants("away @review.title")
	h.say("change").say("words").say("low").wants("@review.changed @review.title") // once is enough
	h.tell(locales.Back).tell(locales.Back).tell(locales.Back).wants("what").say("wire").wants("@review.title")
}

func TestHowMuchOfLongWordsIsKeptIsSaidRightly(t *testing.T) {
	h := hold(t, load(t, town)).upto("words").say("a very long story about a hole").wants("@toolong photo")
	if a := h.last.Prompts[0].Args; len(a) != 1 || a[0].Value != "20" {
		t.Errorf("kept %+v, not 20 letters", a)
	}
	h.can.Photo = false // and when the town is asked something in between
	h = hold(t, load(t, town)).upto("words")
	h.can.Photo, h.found = false, []Found{{Ref: "111"}}
	h.say("a very long story about a hole").wants("@toolong same")
}

func TestWhoSaysStartIsHere(t *testing.T) {
	h := hold(t, load(t, town)).say("hole").tell(locales.Stop)
	h.at = noon.Add(7*24*time.Hour - time.Hour)
	h.tell(locales.Start)
	h.at = h.at.Add(time.Hour)
	h.do(Input{Kind: Expiry})
	if h.s.Mode == Over {
		t.Error("it is over an hour after START")
	}
}

// Whatever has become of the conversation, STOP and START count.
func TestSTOPCountsWhereNothingElseDoes(t *testing.T) {
	for name, breaks := range map[string]func(*State){
		"over":                    func(s *State) { s.Mode = Over },
		"a state that can't be":   func(s *State) { s.Step = 99 },
		"the town never answered": func(s *State) { s.Mode, s.Await = Waiting, FindSimilar },
	} {
		for command, want := range map[locales.Command]EffectKind{locales.Stop: OptOut, locales.Start: OptIn} {
			h := hold(t, load(t, town)).upto("words")
			breaks(&h.s)
			if h.tell(command); h.effects(want) != 1 {
				t.Errorf("%s: %s doesn't count", name, want)
			}
		}
	}
}

func TestAReportIsLookedForAgainWhenItsPlaceFalls(t *testing.T) {
	h := hold(t, load(t, `dialog: fall
version: 1
title: Fall
purpose: request
service: {code: fall, department: works, days: 5}
language: en
steps:
  - {id: known, type: yesno, say: Do you know the place?}
  - {id: place, type: place, when: known is yes, say: Where?}
  - {id: same, type: similar, compare: [place], within: 100 m, days: 30, say: Is it one of these?}
  - {id: answers, type: review}
  - {id: agree, type: consent, say: May we keep this?}
  - {id: saved, type: submit}
  - {id: bye, type: end, say: Thank you.}
`))
	h.found = []Found{{Ref: "111"}}
	h.say("yes").say("Oak Street").say("111").wants("@review.title")
	h.found = nil
	h.say("change").say("known").say("no").say("ok").say("yes").wants("bye")
	if h.kept.Joins != "" {
		t.Errorf("joins %s, near a place that was taken back", h.kept.Joins)
	}
}

func TestOnAnotherChannelWhatItCantCarryIsNotAsked(t *testing.T) {
	h := hold(t, load(t, town)).upto("photo").wants("photo")
	h.can = Can{Form: Speech, Address: true, Voice: true, Piecewise: true, Live: true, Carried: true}
	h.do(Input{Kind: Resume}).wants("@resume @review.title")
	h.can = Can{Form: Screen, Live: true}
	h.say("ok").wants("reach")
	h.can = Can{Form: Text, Address: true}
	h.do(Input{Kind: Resume}).wants("@resume agree")

	secret := load(t, fmt.Sprintf(poll, "anyone", "secret"))
	hold(t, secret).do(Input{Kind: Resume}).wants("@resume decides @begin.carried first") // nobody knows what they heard of it
	h = &holding{t: t, d: secret, at: noon, can: Can{Form: Screen}}
	h.do(Input{Kind: Begin, Lang: "en"}).wants("decides @begin.secret first").say("a")
	h.can.Carried = true
	h.do(Input{Kind: Resume}).wants("@resume @begin.carried agree")
}

func TestLanguages(t *testing.T) {
	d := load(t, town)
	two := *d
	two.Languages = []string{"es"}
	h := hold(t, &two)
	for _, c := range []struct{ resident, held string }{{"es", "es"}, {"es-MX", "es"}, {"fr", "en"}, {"", "en"}} {
		if h.do(Input{Kind: Begin, Lang: c.resident}); h.s.Lang != c.held {
			t.Errorf("a resident of %q is spoken to in %q, not %q", c.resident, h.s.Lang, c.held)
		}
	}
	h.do(Input{Kind: Told, Command: locales.Tongue, Values: []string{"fr"}}).wants("@language.ask") // "only in English" would be untrue
	h.tell(locales.Back).do(Input{Kind: Resume, Lang: "es"})
	if h.s.Lang != "es" {
		t.Error("who changed the language elsewhere is answered in the old one")
	}
}

func TestTheHoursOfTheDeskAreNotTheDayOfTheReply(t *testing.T) {
	h := hold(t, load(t, strings.Replace(town, "  - id: bye\n", "  - {id: liked, type: yesno, say: Was this easy?}\n  - id: bye\n", 1))).upto("liked").wants("liked")
	h.result = map[string]string{"hours": "Monday"}
	h.tell(locales.Person).wants("@person.closed liked")
	if h.s.Due != "2026-11-30" || h.last.Prompts[0].Args[0].Value != "Monday" {
		t.Errorf("due %q, hours %v", h.s.Due, h.last.Prompts[0].Args)
	}
}

func TestErasingWorksAfterTheClose(t *testing.T) {
	d := load(t, fmt.Sprintf(poll, "anyone", "confidential"))
	late := time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)
	h := hold(t, d).tell(locales.Erase)
	h.at = late
	h.say("yes").wants("@erase.done")
	h = hold(t, d)
	h.at = late
	h.tell(locales.Erase).wants("@erase.ask").say("no").say("a").wants("@begin.closed")
}

// What a page leads with stands on the first one: on any other nobody would hear why they are asked again.
func TestANoteIsOnShow(t *testing.T) {
	for _, in := range []Input{{Kind: Unclear}, {Kind: Silence}, {Kind: Told, Command: locales.Skip}, {Kind: Told, Command: locales.Back}, {Kind: Told, Command: locales.Person}} {
		h := hold(t, load(t, town)).do(Input{Kind: Turned, Page: 2}).do(in)
		if h.s.Note == "" || h.s.Page != 0 {
			t.Errorf("after %+v page %d is on show, with %q", in, h.s.Page, h.s.Note)
		}
		if h.do(Input{Kind: Turned, Page: 1}); h.s.Note == "" || h.s.Page != 1 {
			t.Errorf("turned to page %d, with %q", h.s.Page, h.s.Note)
		}
	}
}

func TestAConsentIsKeptInTheWordsThatWereSaid(t *testing.T) {
	d := *load(t, strings.Replace(town, "  - id: saved\n", "  - {id: liked, type: yesno, say: Was this easy?}\n  - id: saved\n", 1))
	d.Languages = []string{"es"}
	d.Translations = map[string]map[string]dialogs.Text{"es": {"agree": {Text: "Sí?"}}}
	h := hold(t, &d).upto("agree").say("yes").wants("liked").do(Input{Kind: Told, Command: locales.Tongue, Values: []string{"es"}}).say("yes")
	for _, e := range h.all {
		if e.Kind == KeepConsent && (e.Consent.Lang != "en" || e.Consent.Words != "May we keep this?") {
			t.Errorf("they agreed to %+v", e.Consent)
		}
	}
	if h.effects(KeepConsent) != 1 {
		t.Error("no consent is kept")
	}
}

// What is sent is sent: who refuses something more afterwards isn't told that nothing was kept.
func TestAConsentAfterSendingMayBeRefused(t *testing.T) {
	for _, optional := range []string{"", "optional: true, "} {
		h := hold(t, load(t, strings.Replace(town, "  - id: bye\n", "  - {id: news, type: consent, "+optional+"say: May we send news?}\n  - id: bye\n", 1)))
		h.upto("news").wants("news")
		if optional == "" {
			h.say("no")
		} else {
			h.tell(locales.Skip)
		}
		if h.wants("bye"); h.effects(KeepConsent) != 2 || h.all[len(h.all)-1].Kind != Ended {
			t.Errorf("%d consents", h.effects(KeepConsent))
		}
	}
}

func TestAPictureIsNotAskedForAgainOnACall(t *testing.T) {
	h := hold(t, load(t, town)).upto("photo").do(Input{Kind: Said, Media: []Media{{Type: "image/jpeg", Ref: "1"}}}).wants("@review.title")
	h.can.Photo = false
	h.say("change").wants("@review.which")
	for _, o := range h.last.Prompts[0].Options {
		if o.ID == "photo" {
			t.Error("it can be changed where no picture can be sent")
		}
	}
	h.tell(locales.Back).tell(locales.Back).wants("words")
}

func TestKeepingAnAnswerIsNoChange(t *testing.T) {
	hold(t, load(t, town)).upto("answers").say("change").say("what").tell(locales.Skip).wants("@review.title")
}

func TestAMachineIsNotAnsweredForEver(t *testing.T) {
	h := hold(t, load(t, town))
	n := 0
	for range 60 {
		if h.do(Input{Kind: Unclear}); len(h.last.Prompts) > 0 {
			n++
		}
	}
	if n > 15 {
		t.Fatalf("answered %d times", n)
	}
	h.at = h.at.Add(2 * time.Hour)
	h.do(Input{Kind: Unclear}).wants("@resume hello what")
	h.say("hole").wants("order")
}

// What an older or a newer townline wrote can be read where it says the same, and is refused where it says more.
func TestStatesOfOtherVersions(t *testing.T) {
	for _, c := range []struct {
		name  string
		state map[int]any
		want  error
	}{
		{"fields unknown yet are zero", map[int]any{1: Version, 5: 3}, nil},
		{"fields unknown here are passed over", map[int]any{1: Version, 5: 3, 99: []string{"new"}}, nil},
		{"a newer encoding", map[int]any{1: Version + 1, 5: 3, 99: []string{"new"}}, ErrNewer},
	} {
		b, err := Encode(c.state)
		if err != nil {
			t.Fatal(err)
		}
		var s State
		if err := Decode(b, &s); !errors.Is(err, c.want) || s.Step != 3 {
			t.Errorf("%s: %v, step %d", c.name, err, s.Step)
		}
	}
}

// How far it is: exact where nothing is open any more, else as few and as many questions as there can be.
func TestHowFarItIs(t *testing.T) {
	h := hold(t, load(t, `dialog: far
version: 1
title: How far
purpose: information
language: en
steps:
  - id: here
    type: yesno
    say: Do you live here?
  - {id: stranger, type: end, when: here is no, say: Goodbye.}
  - id: what
    type: choice
    say: What is it?
    options:
      hole: A hole
      wire: A wire
  - {id: hurt, type: yesno, when: what is wire, say: Is anyone hurt?}
  - {id: look, type: photo, optional: true, say: Show us.}
  - {id: answers, type: review}
  - {id: bye, type: end, say: Thank you.}
`))
	if q := h.last.Prompts[len(h.last.Prompts)-1]; q.Way != nil {
		t.Error("a phone is told how far it is")
	}
	h.can.Form = Screen
	far := func(want Way) {
		t.Helper()
		p := Show(h.d, &h.s, h.can, h.at)
		if got := *p[len(p)-1].Way; got != want {
			t.Errorf("at %s: %+v, not %+v", h.d.Steps[h.s.Step].ID, got, want)
		}
	}
	h.can.Photo = true
	far(Way{1, 1, 5})
	h.can.Photo = false
	far(Way{1, 1, 4})
	h.say("yes")
	far(Way{2, 3, 4})
	h.say("hole")
	far(Way{3, 3, 3})
	h.tell(locales.Back)
	far(Way{2, 3, 3})
	h.say("wire")
	far(Way{3, 4, 4})
	h.say("no")
	far(Way{4, 4, 4})
}

func TestClearingTakesAnAnswerAway(t *testing.T) {
	h := hold(t, load(t, `dialog: clear
version: 1
title: Clearing
purpose: information
language: en
steps:
  - {id: words, type: text, optional: true, say: Tell us.}
  - {id: more, type: text, say: Tell us more.}
  - {id: bye, type: end, say: Thank you.}
`)).say("deep").tell(locales.Back).wants("words").tell(locales.Skip).wants("more")
	if a, ok := h.s.Answer(0); !ok || a.Skip != Answered {
		t.Fatal("to skip what was answered takes it away")
	}
	h.tell(locales.Back).do(Input{Kind: Told, Command: locales.Skip, Values: []string{"clear"}}).wants("@skipped more")
	if a, ok := h.s.Answer(0); !ok || a.Skip != Declined {
		t.Errorf("it is still there: %+v", a)
	}
}
