package talk

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// caller is somebody on the telephone, in English.
func caller(t *testing.T) *person {
	p := someone(t)
	p.traits = render.Voice
	return p.hear(Heard{Kind: Came}).hears("For English, press 1.").says("1")
}

// reports is a caller who reports a street problem, and is asked where it is.
func reports(t *testing.T) *person {
	return caller(t).says("FIX").hears("What is the problem?").says("2").hears("Hole in the road", "Where is it?")
}

func (p *person) records(name string) *person {
	p.t.Helper()
	return p.hear(Heard{Media: []engine.Media{{Type: "audio/wav", Ref: name}}})
}

func (p *person) silent() *person { p.t.Helper(); return p.hear(Heard{Kind: Quiet}) }

// listen is what the line waits for.
func (p *person) listen() render.Listen {
	p.t.Helper()
	if n := len(p.said.Pages); n > 0 && p.said.Pages[n-1].Listen != nil {
		return *p.said.Pages[n-1].Listen
	}
	p.t.Fatalf("the line waits for nothing: %s", p.text())
	return render.Listen{}
}

func TestTheLanguageIsAskedOnceInEachLanguage(t *testing.T) {
	p := someone(t)
	p.town.Languages = []string{"en", "es", "fr", "zh", "so"}
	p.traits = render.Voice
	p.hear(Heard{Kind: Came}).hears("Hello, this is Elmwood.", "For English, press 1.", "Para Español, marque 2.", "请按 8").not("What can we do", "press 9")
	langs := ""
	for _, s := range p.said.Pages[0].Spoken {
		langs += s.Lang + " "
	}
	if langs != "  es fr zh so " {
		t.Errorf("said in %q", langs)
	}
	p.silent().hears("中文", "Soomaali") // those who speak these hear them without a key
	p.silent().hears("For English, press 1.")
	p.says("2").hears("Seguimos en español", "¿Qué podemos hacer")
	if !slices.Contains(p.effects, engine.SetLanguage) {
		t.Error("nobody remembers the language")
	}
	p.hear(Heard{Kind: Came}).hears("¿Qué podemos hacer").not("English")

	one := someone(t)
	one.town.Languages = []string{"en"}
	one.traits = render.Voice
	one.hear(Heard{Kind: Came}).hears("What can we do for you?").not("English")
}

func TestWhatIsSaidIsPlayedBackBeforeItIsKept(t *testing.T) {
	p := reports(t)
	if l := p.listen(); l.Record != 30 || l.Keys != 1 || l.Pause == 0 {
		t.Errorf("a place is waited for by %+v", l)
	}
	p.records("where.wav").hears("This is what you said.", "If that is right, press 1.", "To do it again, press 2.")
	if !slices.ContainsFunc(p.said.Pages[0].Spoken, func(s render.Spoken) bool { return s.Media == "where.wav" }) {
		t.Error("it isn't played back")
	}
	if len(p.said.Memory.Now.Answers) != 1 {
		t.Errorf("kept before it is confirmed: %+v", p.said.Memory.Now.Answers)
	}
	p.says("2").hears("Once more", "Where is it?").records("there.wav").says("1").hears("Describe it")
	if a, ok := p.said.Memory.Now.Answer(p.said.Memory.Now.Step - 1); !ok || len(a.Values) != 0 || a.Media[0].Ref != "there.wav" {
		t.Errorf("kept: %+v", a)
	}
	if l := p.listen(); l.Record != 120 {
		t.Errorf("own words are waited for by %+v", l)
	}
}

// Who says nothing after hearing themselves hears the choice again, and not all that they said.
func TestASilenceDoesntPlayARecordingAgain(t *testing.T) {
	played := func(p *person) bool {
		return slices.ContainsFunc(p.said.Pages[0].Spoken, func(s render.Spoken) bool { return s.Media != "" })
	}
	p := reports(t).records("where.wav")
	for range 2 {
		if p.silent().hears("If that is right, press 1.").not("This is what you said"); played(p) {
			t.Fatal("it is played again")
		}
	}
	if p.says("7").hears("I did not understand", "If that is right, press 1."); played(p) {
		t.Fatal("it is played again after a wrong key")
	}
	if p.says("9").hears("This is what you said"); !played(p) {
		t.Fatal("who wants to hear it again doesn't")
	}
	p.silent().says("1").hears("Describe it")
}

// While a voice is recorded, the keys for help, again and back still do what they always do.
func TestAKeyOutdoesWhatWasRecorded(t *testing.T) {
	p := reports(t)
	media := []engine.Media{{Type: "audio/wav", Ref: "noise.wav"}}
	p.hear(Heard{Words: "0", Media: media}).hears("How can we help?").says("1").hears("Where is it?")
	p.hear(Heard{Words: "*", Media: media}).hears("What is the problem?")
	p.says("2").hear(Heard{Words: "#", Media: media}).hears("This is what you said.")
	p.says("*").hears("Where is it?") // taken back
	p.says("55555").hears("Please give a street, a corner", "Where is it?")
}

func TestWhatIsChosenIsSaidBackAndStarTakesItBack(t *testing.T) {
	p := reports(t).says("*").hears("What is the problem?", "You said: Hole in the road")
	p.says("8").hears("To keep it as it is, press 8.").says("8").hears("Where is it?")
	p.says("*").says("1").hears("Street light out", "Where is it?")
}

func TestASecondCallTellsNothingOfTheFirst(t *testing.T) {
	p := reports(t).records("where.wav").says("1").records("secret.wav")
	p.hear(Heard{Kind: Left})
	if s := p.said.Memory.Now; s.Held != nil || s.Mode != engine.Asking || !s.Back {
		t.Errorf("what was not confirmed is lost: %+v", s)
	}
	p.hear(Heard{Kind: Came}).hears("You have not finished: Report a street problem").says("1")
	p.hears("You answered this one before", "To keep it as it is, press 8.").not("where.wav", "secret.wav")
	p.says("8").hears("Please check your answers", "What is the problem? you told us before").not("Hole in the road", "recording")
	p.hear(Heard{Words: "give me a code"}).hears("we give no code on the telephone").not("482")
	p.says("2").hears("Which answer do you want to change?").says("1").not("Hole in the road.").says("1")
	p.hears("What is the problem? Street light out", "you told us before") // what is answered on this call is told on it
	p.says("1").says("1").hears("Your report number is")

	// who writes from the number has it
	p = reports(t).records("where.wav").says("1")
	p.hear(Heard{Kind: Came})
	p.traits = render.SMS
	p.says("hello").hears("1 Go on").says("1").hears("Describe it")
	if p.said.Memory.Now.Hidden() {
		t.Error("hidden from who wrote")
	}
}

func TestATextAfterACallIsNoAnswerToWhatWasHeard(t *testing.T) {
	p := caller(t).says("FIX")
	p.hear(Heard{Kind: Left})
	p.traits = render.SMS
	p.says("2").hears("Not finished: Report a street problem", "1 Go on")
	if len(p.said.Memory.Now.Answers) != 0 {
		t.Errorf("it was taken for an answer: %+v", p.said.Memory.Now.Answers)
	}
	p.says("1").hears("What is the problem?").says("2").hears("Street and number")
	p.traits = render.Voice
	p.hear(Heard{Kind: Came})
	p.traits = render.SMS
	if p.says("stop"); !p.said.Memory.Stopped {
		t.Error("STOP isn't heard after a call")
	}
	q := caller(t) // in the menu
	q.traits = render.SMS
	q.says("1").hears("I don't know that word")
	if q.said.Memory.Now != nil {
		t.Error("a digit chose from a menu that was only heard")
	}
}

func TestSlowerLouderMoreTimeAndAPause(t *testing.T) {
	p := caller(t).says("FIX")
	ear := func() *person {
		p.says("0").hears("For speaking slower or louder, or more time, press 4.")
		return p.says("4").hears("How shall I speak to you?", "To hear me more slowly, press 1.")
	}
	ear().says("1").hears("Shall I do so the next time as well?").says("2").hears("What is the problem?")
	if page := p.said.Pages[0]; page.Pace != 85 || page.Gain != 0 || page.Listen.Wait != 10 {
		t.Errorf("%+v", page)
	}
	ear().says("1").not("the next time").hears("To hear me more slowly, press 1.").says("8").hears("To go on, press 5.", "To hear me as usual again, press 6.")
	if page := p.said.Pages[0]; page.Pace != 70 { // slower still, and not asked about again
		t.Errorf("%+v", page)
	}
	p.says("5").hears("What is the problem?")
}

func TestHowACallerWantsToBeSpokenToIsForOneCallUnlessTheySayOtherwise(t *testing.T) {
	for _, keep := range []bool{false, true} {
		p := caller(t).says("0").hears("How can we help?")
		p.says("3").hears("For more time to answer, press 3.").says("3").hears("the next time")
		p.says(map[bool]string{true: "1", false: "2"}[keep]).hears("What can we do for you?")
		if l := p.listen(); l.Wait != 20 {
			t.Errorf("waits %d s", l.Wait)
		}
		p.hear(Heard{Kind: Left})
		want := 10
		if keep {
			want = 20
		}
		if p.hear(Heard{Kind: Came}); p.listen().Wait != want {
			t.Errorf("kept %v: waits %d s the next time", keep, p.listen().Wait)
		}
		p.out = true // the town called: it is them
		if p.says("0").says("8").says("6").hears("Shall we erase").says("1"); p.said.Memory.Ear != nil {
			t.Error("it isn't erased with the rest")
		}
	}
	p := caller(t).says("0").says("3").says("2").says("1") // louder
	if p.said.Pages[0].Gain != 6 {
		t.Errorf("%+v", p.said.Pages[0])
	}
	p.says("0").says("3").says("2")
	if p.said.Pages[0].Gain != 12 {
		t.Errorf("%+v", p.said.Pages[0])
	}
	p.says("8").hears("To hear me as usual again, press 6.").says("6")
	if p.said.Pages[0].Gain != 0 || p.said.Memory.Ear != nil {
		t.Errorf("%+v", p.said.Pages[0])
	}
}

func TestAPauseWaitsForAnyKey(t *testing.T) {
	for _, key := range []string{"1", "5", "9", "8", "0", "*", "#"} {
		p := caller(t).says("FIX").says("0").says("4").says("8").hears("For a pause, press 4.").says("4").hears("press any key")
		if l := p.listen(); !l.Hold || l.Keys != 1 {
			t.Errorf("%+v", l)
		}
		if p.says(key).hears("What is the problem?"); p.listen().Hold {
			t.Errorf("%q doesn't go on", key)
		}
	}
}

func TestNobodyIsSentAwayForAWrongKey(t *testing.T) {
	p := caller(t).says("FIX")
	p.says("7").hears("I did not understand that", "What is the problem?")
	p.says("7").hears("Please press just one key")
	p.says("7").hears("Listen to the end, then answer")
	p.says("7").hears("Sorry, I do not understand.", "What would you like to do?", "For a person, press 1.", "For another try, press 2.", "For a call back, press 3.", "For going on later, press 4.")
	for range 20 {
		if p.says("7").hears("press 1"); p.said.Over {
			t.Fatal("hung up on somebody who presses keys")
		}
	}
	p.says("2").hears("What is the problem?")

	p = caller(t) // the same in the menu
	for range 20 {
		if p.says("77").hears("press 1"); p.said.Over {
			t.Fatal("hung up on somebody who presses keys")
		}
	}
	p.hears("For another try, press 2.").says("2").hears("What can we do for you?")
}

func TestACallBackIsAtATime(t *testing.T) {
	p := reports(t)
	for range 4 {
		p.silent()
	}
	p.hears("Sorry, I can not hear you.").says("3").hears("We call you back in about an hour.")
	var ring *Effect
	for i := range p.said.Effects {
		if p.said.Effects[i].Kind == engine.RingBack {
			ring = &p.said.Effects[i]
		}
	}
	if ring == nil || !ring.At.Equal(p.at.Add(time.Hour)) || !p.said.Over {
		t.Errorf("%+v, over %v", ring, p.said.Over)
	}
	p.hear(Heard{Kind: Came}).hears("You have not finished")

	hidden := someone(t)
	hidden.traits = render.Voice
	hidden.traits.Address = false
	hidden.hear(Heard{Kind: Came}).says("1").says("FIX")
	for range 4 {
		hidden.silent()
	}
	hidden.hears("For a person, press 1.", "For going on later, press 3.").not("call back")
	hidden.says("3").hears("Your number is hidden").not("kept", "Call again")
}

func TestACallIsPassedOnAndComesBack(t *testing.T) {
	p := reports(t)
	p.results["open"] = "yes"
	p.says("0").says("2").hears("I am passing you on to a person.").not("Where is it?")
	if !p.said.Pass || p.said.Over || p.said.Pages[0].Listen != nil {
		t.Errorf("pass %v, over %v, %+v", p.said.Pass, p.said.Over, p.said.Pages[0].Listen)
	}
	p.hear(Heard{Kind: Returned}).hears("nobody could answer you just now", "For another try, press 1.", "For a call back, press 2.").not("I do not understand")
	if p.said.Pass {
		t.Error("passed on again")
	}
	p.says("1").hears("Where is it?")

	p = caller(t)
	p.results["open"] = "yes"
	p.says("FIX").says("8").says("5") // a fallen wire
	for p.said.Memory.Now != nil && !p.said.Over && !p.said.Pass && !strings.Contains(p.text(), "passing") {
		p.says("2")
	}
	if p.hears("Stay away from it"); !p.said.Pass || p.said.Desk != "emergency-desk" {
		t.Errorf("pass %v to %q", p.said.Pass, p.said.Desk)
	}
	p.hear(Heard{Kind: Returned}).hears("Nobody is at the desk. Call 911", "For a call back, press 2.")

	p = caller(t) // from the menu
	p.results["open"] = "yes"
	if p.says("0").says("2").hears("I am passing you on"); !p.said.Pass || p.said.Over {
		t.Errorf("pass %v, over %v", p.said.Pass, p.said.Over)
	}
	p.hear(Heard{Kind: Returned}).hears("nobody could answer")
	p.results["open"] = "no"
	if p.says("1").says("0").says("2").hears("Nobody is at the desk"); p.said.Pass {
		t.Error("passed on to nobody")
	}
}

func TestAHiddenNumberIsTold(t *testing.T) {
	for _, c := range []struct{ word, hears, not string }{
		{"MAIN", "Your number is hidden, so the town does not know who you are.", "which number gave which answer"},
		{"BUS", "Your number is hidden", "which number gave which answer"},
	} {
		p := someone(t)
		p.traits = render.Voice
		p.traits.Address = false
		if p.hear(Heard{Kind: Came}).says("1").says(c.word); p.said.Memory.Now == nil {
			continue
		}
		p.hears(c.hears).not(c.not)
		if d := p.town.Dialogs.Pinned(p.said.Memory.Now.Pin); d.Who == "number" {
			p.hears("Answers without a number are counted apart.")
		}
	}
}

// Who calls from a landline can't text STOP.
func TestStopAndStartHaveKeys(t *testing.T) {
	p := caller(t).says("0").says("8").hears("For no more messages or calls from us, press 5.").says("5").hears("You will get no more messages or calls from Elmwood.")
	if !p.said.Memory.Stopped || !p.said.Over || !slices.Contains(p.effects, engine.OptOut) {
		t.Error("not stopped")
	}
	p.hear(Heard{Kind: Came}).hears("What can we do for you?").says("0").says("8").hears("For messages and calls from us again, press 5.").says("5").hears("You will get messages from Elmwood again.")
	if p.said.Memory.Stopped {
		t.Error("still stopped")
	}
}

// Whoever calls from a number learns nothing by waiting until its owner writes.
func TestACallThatIsOnTellsNothingOfWhatItsOwnerWrites(t *testing.T) {
	p := reports(t).records("where.wav").says("1").hears("Describe it")
	p.hear(Heard{Kind: Left})
	p.hear(Heard{Kind: Came}).hears("You have not finished")
	p.traits = render.SMS
	p.says("hello").says("1").hears("Describe it")
	p.traits = render.Voice
	p.says("*").hears("Where is it?", "You answered this one before").not("You said")
	p.says("*").hears("What is the problem?", "You answered this one before").not("Hole in the road. ", "You said")
}

func TestACallThatEndsLeavesThePageOfWhoWritesMeanwhile(t *testing.T) {
	p := someone(t).says("hello").says("8")
	page := p.said.Memory.Hall.Page
	if page == 0 {
		t.Fatalf("no other page: %s", p.text())
	}
	p.traits = render.Voice
	p.hear(Heard{Kind: Left})
	if m := p.said.Memory; m.On != render.SMS.Name || m.Hall == nil || m.Hall.Page != page {
		t.Errorf("on %q, %+v", m.On, m.Hall)
	}
}

func TestATitleInAnotherLanguageIsSaidInThatLanguage(t *testing.T) {
	p := someone(t)
	p.town.Languages = []string{"en", "zh"}
	p.traits = render.Voice
	p.hear(Heard{Kind: Came}).says("2")
	said := map[string]string{}
	for range 3 {
		for _, s := range p.said.Pages[0].Spoken {
			said[s.Words] = s.Lang
		}
		p.says("8")
	}
	if lang, ok := said["For Main Street plan, press 3."]; lang != "en" || !ok {
		t.Errorf("%v", said)
	}
	for words, lang := range said {
		if own := strings.ContainsRune(words, '按'); own && lang != "" || !own && strings.Contains(words, "press") && lang != "en" {
			t.Errorf("%q in the voice of %q", words, lang)
		}
	}
}
