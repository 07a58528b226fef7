package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/townline/townline/locales"
)

// Nothing of it is read back before it is sent.
const quick = `dialog: quick
version: 1
title: Quick
purpose: request
service: {code: quick, department: works, days: 5}
language: en
steps:
  - id: what
    type: choice
    say: What is it?
    options:
      light: A lamp
      hole: A hole
  - id: order
    type: rank
    say: Put these in order.
    options:
      a: Apples
      b: Bread
      c: Cheese
  - id: where
    type: place
    say: Where?
  - id: more
    type: text
    optional: true
    say: What else?
  - id: sent
    type: submit
  - id: bye
    type: end
    say: Thank you for ${where}. ${reference}
`

var calling = Can{Form: Speech, Voice: true, Address: true, Piecewise: true, Live: true, Carried: true}

// rung is a call about d.
func rung(t *testing.T, source string) *holding {
	h := hold(t, load(t, source))
	h.can = calling
	return h
}

func (h *holding) records(name string) *holding {
	h.t.Helper()
	return h.do(Input{Kind: Said, Media: []Media{{Type: "audio/wav", Ref: name}}})
}

func TestWithoutAReviewAChoiceIsConfirmedOnACall(t *testing.T) {
	h := rung(t, quick).say("hole").wants("@speech.chose")
	if len(h.s.Answers) != 0 || h.s.Held == nil {
		t.Errorf("kept before it is confirmed: %+v", h.s)
	}
	h.say("redo").wants("@speech.once what").say("light").say("right").wants("order")
	h.say("b").wants("@speech.echo order").say("a").wants("@speech.chose").say("right").wants("where")
	h.records("here").wants("@speech.voice").say("right").wants("more")
	h.tell(locales.Skip)
	if a, ok := h.kept.Answer("order"); !ok || !slices.Equal(a.Values, []string{"b", "a", "c"}) {
		t.Errorf("kept %+v", h.kept)
	}
	if a, ok := h.kept.Answer("where"); !ok || len(a.Values) != 0 || a.Media[0].Ref != "here" {
		t.Errorf("kept %+v", h.kept)
	}
	// anywhere else nothing is asked about
	w := hold(t, load(t, quick)).say("hole").wants("order")
	if w.s.Held != nil {
		t.Errorf("held: %+v", w.s)
	}
}

func TestWhatIsHeldOutlivesHelpAndSilence(t *testing.T) {
	h := rung(t, quick).say("hole").tell(locales.Help).say("on").wants("@speech.chose")
	for range 4 {
		h.do(Input{Kind: Silence})
	}
	h.wants("@speech.nothing @stuck").say("again").wants("@speech.chose").say("right").wants("order")
	h = rung(t, quick).say("hole")
	for range 3 {
		h.do(Input{Kind: Unclear}).wants(h.shown())
	}
	h.do(Input{Kind: Unclear}).wants("@speech.sorry @stuck")
	h = rung(t, quick).say("hole").tell(locales.Back).wants("what")
	if h.s.Held != nil {
		t.Error("star doesn't take it back")
	}
}

func TestACallThatEndsLeavesWhatWasNotConfirmed(t *testing.T) {
	h := rung(t, quick).say("hole").say("right").say("b").say("a").say("right").records("here")
	h.s = Settle(h.d, h.s)
	if a, ok := h.s.Answer(h.s.Step); !ok || !h.s.Back || h.s.Held != nil || a.Media[0].Ref != "here" {
		t.Fatalf("%+v", h.s)
	}
	h.s = Veil(h.d, h.s)
	h.do(Input{Kind: Resume}).wants("@resume where")
	if old := h.last.Prompts[1].Old; old == nil || !old.Veiled {
		t.Errorf("it is told: %+v", old)
	}
	h.tell(locales.Skip).wants("more").tell(locales.Skip)
	if a, ok := h.kept.Answer("where"); !ok || a.Media[0].Ref != "here" {
		t.Errorf("kept %+v", h.kept)
	}
	for _, p := range h.last.Prompts {
		for _, a := range p.Args {
			if a.Name == "where" && (a.Kind != ArgPhrase || a.Value != PhraseVeil) {
				t.Errorf("inserted: %+v", a)
			}
		}
	}
}

func TestTheVeilIsLifted(t *testing.T) {
	h := hold(t, load(t, quick)).say("hole")
	veiled := Veil(h.d, h.s)
	seen := Unveil(veiled)
	if h.s.Hidden() || seen.Hidden() || !veiled.Hidden() {
		t.Error("the veil is not what it should be, or changes what it was put over")
	}
	if !slices.Equal(seen.Answers[0].Values, []string{"hole"}) {
		t.Errorf("%+v", seen)
	}
}

func TestOwnWordsAreLeftOutWhereNoVoiceMayBeKept(t *testing.T) {
	ballot := strings.NewReplacer("purpose: request\nservice: {code: quick, department: works, days: 5}", "purpose: consultation\nsecrecy: confidential\ncloses: 2027-12-01\ndecides: The council decides. It is not bound. Its answer comes by 1 June 2028.").Replace(quick)
	ballot = strings.Replace(ballot, "  - id: sent\n", "  - id: agree\n    type: consent\n    say: May we count it?\n  - id: sent\n", 1)
	ballot = strings.ReplaceAll(ballot, " for ${where}.", ".")
	h := rung(t, ballot)
	h.say("hole").say("right").say("b").say("a").say("right").wants("agree")
	if a, _ := h.s.Answer(h.d.Index("where")); a == nil || a.Skip != NotAsked {
		t.Errorf("%+v", a)
	}
	hold(t, load(t, ballot)).say("hole").say("b", "a", "c").wants("where")
}

// A question of each kind that is asked part by part, and something said before it.
const partly = `dialog: partly
version: 1
title: Part by part
purpose: request
service: {code: quick, department: works, days: 5}
language: en
steps:
  - id: hello
    type: say
    say: Hello.
  - id: many
    type: choices
    say: Which of these?
    options:
      red: Red
      green: Green
      blue: Blue
  - id: next
    type: say
    say: Now for their order.
  - id: order
    type: rank
    say: Put these in order.
    options:
      a: Apples
      b: Bread
      c: Cheese
  - id: last
    type: say
    say: The last question.
  - id: coins
    type: budget
    say: Share ten.
    total: 10
    options:
      x: Xylophones
      y: Yachts
      z: Zebras
  - id: sent
    type: submit
  - id: bye
    type: end
    say: Thank you. ${reference}
`

func TestWhatLeadsUpToAQuestionIsNotSaidWithEachPartOfTheAnswer(t *testing.T) {
	h := rung(t, partly).wants("hello many")
	h.do(Input{Kind: Said, Values: []string{"red"}, Part: true, Next: "green"}).wants("many")
	h.tell(locales.Repeat).wants("many").tell(locales.Back).wants("hello many") // asked anew
	h.do(Input{Kind: Said, Values: []string{"red", "blue"}, Part: true}).say("right")
	h.wants("next order").say("b").wants("@speech.echo order").say("a").say("right")
	h.wants("last coins").say("4").wants("@speech.share coins").say("3").say("right").wants("bye")
}

func TestOnceMoreIsTheWholeAnswer(t *testing.T) {
	h := rung(t, quick).say("hole").say("right").say("b").say("a").wants("@speech.chose").say("redo").wants("@speech.once order")
	if len(h.s.Part) != 0 {
		t.Errorf("%v is given already", h.s.Part)
	}
	h.say("c").say("a").say("right")
	if a, ok := h.s.Answer(h.d.Index("order")); !ok || !slices.Equal(a.Values, []string{"c", "a", "b"}) {
		t.Errorf("%+v", a)
	}
}

func TestWhatIsHeldOutlivesAClosedDesk(t *testing.T) {
	last := func() *holding {
		h := rung(t, quick).say("hole").say("right").say("b").say("a").say("right").records("here").say("right").wants("more")
		return h.records("also").wants("@speech.voice")
	}
	h := last()
	h.result = map[string]string{"open": "no"}
	h.tell(locales.Person).wants("@person.closed @speech.voice").say("right").wants("bye")
	if a, ok := h.kept.Answer("more"); !ok || a.Media[0].Ref != "also" {
		t.Errorf("kept %+v", h.kept)
	}
	h = last().tell(locales.Start).tell(locales.Skip).wants("bye") // START was typed, and the question left out
	if a, ok := h.kept.Answer("more"); ok && len(a.Media) > 0 {
		t.Errorf("kept %+v", h.kept)
	}
}
