package talk

import (
	"slices"
	"testing"
	"time"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// writing is somebody whom Anna wrote to while a question of a dialog stood open.
func writing(t *testing.T) *person {
	t.Helper()
	p := someone(t)
	p.results = map[string]string{"open": "yes", "by": "here", "reference": "482-173-5"}
	p.says("FIX").says("person").hears("A person will answer you here soon")
	return p.clerk(ClerkSays, "Hello").hears("Anna: Hello", "What you write now goes to Anna")
}

func (p *person) clerk(act ClerkAct, words string) *person {
	p.t.Helper()
	return p.hear(Heard{Kind: Clerked, Clerk: "Anna", Act: act, Words: words})
}

// writes says something that is for the clerk, and gets nothing but these words.
func (p *person) writes(words string, replied ...string) *person {
	p.t.Helper()
	p.says(words).hears(replied...)
	if l := p.said.Letter; l == nil || l.Words != words {
		p.t.Fatalf("%q is not passed on: %+v", words, l)
	}
	if len(replied) == 0 && len(p.said.Pages) > 0 {
		p.t.Fatalf("the machine answers too: %s", p.text())
	}
	return p
}

// kept says something that is not for the clerk.
func (p *person) kept(words string, replied ...string) *person {
	p.t.Helper()
	p.says(words).hears(replied...)
	if p.said.Letter != nil {
		p.t.Fatalf("%q is passed on", words)
	}
	return p
}

func TestWordsThatAreForTheClerk(t *testing.T) {
	p := writing(t)
	for _, words := range []string{"1", "MAIN", "skip", "yes", "back", "12345", "hello Anna"} {
		p.writes(words)
	}
	p.writes("help", "You are writing with Anna", "MENU", "STOP").writes("person", "You are writing with Anna")
	if p.said.Memory.Now == nil || p.said.Memory.Now.Step < 0 {
		t.Fatal("the question that stood open is gone")
	}
	p.kept("menu", "We go on without a person", "PERSON")
	p.writes("person", "You are writing with Anna again").writes("I am back") // the clerk sees that they want to go on
	// A press under something older is no letter.
	if p.hear(Heard{Choice: "2"}).hears("You are writing with Anna"); p.said.Letter != nil {
		t.Fatalf("%+v", p.said.Letter)
	}
}

func TestAnotherLanguageWithAClerk(t *testing.T) {
	p := writing(t)
	p.kept("language", "Español").kept("2", "Anna").writes("gracias")
	if p.said.Memory.Lang != "es" || !slices.Contains(p.effects, engine.SetLanguage) {
		t.Fatalf("%+v", p.said.Memory)
	}
	p.clerk(ClerkSays, "Hola").hears("Anna: Hola").not("goes to")
	p.kept("idioma").writes("no, gracias") // no language is called so: it is for the clerk
}

func TestErasedInTheMiddle(t *testing.T) {
	p := writing(t)
	p.kept("erase").kept("2", "goes to Anna").writes("I was not sure")
	p.kept("erase").kept("1", "We keep nothing about you")
	if p.said.Memory.Desk != nil || p.said.Memory.Now != nil || !slices.Contains(p.effects, engine.EraseAll) {
		t.Fatalf("%+v", p.said.Memory)
	}
}

func TestStopInTheMiddle(t *testing.T) {
	p := writing(t)
	if p.kept("STOP"); !p.said.Memory.Stopped || !slices.Contains(p.effects, engine.OptOut) {
		t.Fatalf("%+v", p.said.Memory)
	}
	if p.kept("and one more thing"); len(p.said.Pages) > 0 {
		t.Fatal(p.text())
	}
	p.kept("START").writes("Now I want it again")
}

func TestHandedBackAndClosed(t *testing.T) {
	p := writing(t)
	p.writes("thank you")
	if p.clerk(ClerkBack, "Over to the machine").hears("Anna: Over to the machine", "We go on", "1 "); p.said.Memory.Desk != nil {
		t.Fatalf("%+v", p.said.Memory.Desk)
	}
	step := p.said.Memory.Now.Step
	if p.kept("1"); p.said.Memory.Now.Step == step {
		t.Fatal("the answer is not taken: " + p.text())
	}

	p = writing(t)
	if p.clerk(ClerkCloses, "").hears("Anna has ended this talk"); p.said.Memory.Desk != nil {
		t.Fatal(p.text())
	}
	p = someone(t)
	p.results = map[string]string{"open": "no", "hours": "Mon 9-10", "by": "text"}
	p.says("FIX").says("person").hears("A person will write to you when we open: Mon 9-10")
	if p.clerk(ClerkCloses, "").hears("Anna has ended this talk"); p.said.Memory.Desk != nil { // nobody waits for what doesn't come
		t.Fatal(p.text())
	}
	if none := someone(t).clerk(ClerkBack, "There you are"); none.hears("Anna: There you are", "Anna has ended this talk").said.Memory.Desk != nil {
		t.Fatal("nothing stood open")
	}
}

func TestWhoWaitsGoesOn(t *testing.T) {
	p := someone(t)
	p.results = map[string]string{"open": "yes", "by": "here"}
	p.says("FIX").says("person")
	open := p.text()
	p.writes("I would like to know who decides", "I passed that on to a person").hears("1 ")
	p.kept("qx") // no sentence
	if p.kept("1"); p.text() == open {
		t.Fatal("the answer is not taken")
	}
	// What may be meant for a consultation whose answers nobody sees isn't passed on, not even while that rests.
	p = someone(t)
	p.results = map[string]string{"open": "yes", "by": "here"}
	p.says("MAIN").says("person").hear(Heard{Kind: Came}).hears("Not finished: Main Street plan")
	p.kept("I would like more trees on Main Street")
	// On a call nothing is written; a week later nobody believes in an answer any more.
	p = someone(t)
	p.results = map[string]string{"open": "yes", "by": "here"}
	p.says("person").writes("what are your opening hours please", "I passed that on")
	p.at = p.at.Add(waitsLong + time.Second)
	p.kept("what are your opening hours please")
}

func TestAfterHours(t *testing.T) {
	p := writing(t)
	shut := func(words string) *person { return p.hear(Heard{Words: words, Shut: "Mon 9-10"}) }
	shut("still there?").hears("I passed that on", "Mon 9-10")
	if shut("hm"); p.said.Letter == nil || len(p.said.Pages) > 0 {
		t.Fatal("told twice: " + p.text())
	}
	p.clerk(ClerkSays, "Good morning")
	shut("and again").hears("Mon 9-10")
	if p.hear(Heard{Words: "flood", Full: true}).hears("Please wait for an answer"); p.said.Letter != nil {
		t.Fatal("more than the desk takes")
	}
}

func TestCallsAndMenusAreNoPlaceForLetters(t *testing.T) {
	p := writing(t)
	p.traits = render.USSD
	p.hear(Heard{Kind: Came}).kept("1")
	p.traits = render.SMS
	p.writes("I am here again")
}

func TestNoReminderWhileAClerkWrites(t *testing.T) {
	p := writing(t)
	if p.hear(Heard{Kind: Rang, Timer: "remind:street-problem"}); len(p.said.Pages) > 0 {
		t.Fatal(p.text())
	}
	p.writes("I have read it")
}

func TestBehindAPINAClerksWordsWait(t *testing.T) {
	p := someone(t)
	p.results = map[string]string{"open": "yes", "by": "pin"}
	behind := func(h Heard) *person { h.Behind = true; return p.hear(h) }
	behind(Heard{Words: "person"}).hears("come back later with your PIN")
	for _, words := range []string{"First", "Second"} {
		if behind(Heard{Kind: Clerked, Clerk: "Anna", Act: ClerkSays, Words: words}); len(p.said.Pages) > 0 {
			t.Fatal(p.text())
		}
	}
	behind(Heard{Kind: Came}).hears("Anna: First", "Anna: Second", "goes to Anna")
	if behind(Heard{Words: "thank you"}).not("First"); p.said.Letter == nil {
		t.Fatal(p.text())
	}
	behind(Heard{Kind: Clerked, Clerk: "Anna", Act: ClerkCloses, Words: "Bye"})
	behind(Heard{Kind: Came}).hears("Anna: Bye").not("goes to Anna")
	if p.said.Memory.Desk != nil {
		t.Fatalf("%+v", p.said.Memory.Desk)
	}
}

func TestSeveralAnswersWhileAPersonIsWaitedFor(t *testing.T) {
	p := someone(t)
	p.results = map[string]string{"open": "yes", "by": "here"}
	p.says("VISIT").says("person").hears("Is help needed today?")
	p.kept("no thank you, for someone in my family", "The name of the person we visit?")
}
