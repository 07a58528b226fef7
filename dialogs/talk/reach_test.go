package talk

import (
	"slices"
	"testing"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// later goes from a question of a call's on to the help menu, and there to going on later.
func (p *person) later() *person {
	p.t.Helper()
	p.says("0")
	for range 4 {
		for _, o := range p.said.Pages[len(p.said.Pages)-1].Options {
			if o.ID == "later" {
				return p.says(o.Digit)
			}
		}
		p.says("8")
	}
	p.t.Fatal("going on later is not on offer")
	return p
}

func TestWhoGoesOnLaterIsAskedOnceHowToBeReminded(t *testing.T) {
	p := caller(t).says("MAIN").later()
	p.hears("How shall we remind you?", "For a call from us, press 1.", "For no call, press 2.").not("text message")
	if p.said.Over {
		t.Fatal("hung up on somebody who is asked something")
	}
	p.says("1").hears("We call you, in the daytime.", "Your answers are kept.", "Goodbye")
	if !p.said.Over || p.said.Memory.Reach != ByCall || p.said.Memory.Now == nil {
		t.Errorf("over %v, %+v", p.said.Over, p.said.Memory)
	}
	p.hear(Heard{Kind: Left}).hear(Heard{Kind: Came}).says("1").later().hears("Your answers are kept").not("remind you")

	wrote := caller(t)
	wrote.texted = true
	wrote.says("MAIN").later().hears("For a text message, press 2.").not("For no call").says("2").hears("You get a text message.").not("do not call")
	if wrote.said.Memory.Reach != NoCall {
		t.Errorf("%+v", wrote.said.Memory)
	}
	if silent := caller(t).says("MAIN").later().silent().hears("How shall we remind you?").silent(); !silent.said.Over || silent.said.Memory.Reach != AsBefore {
		t.Errorf("over %v, %+v", silent.said.Over, silent.said.Memory)
	}
	never := caller(t)
	never.traits.Ring = false
	never.says("MAIN").later().hears("Your answers are kept").not("remind you")
	hidden := caller(t)
	hidden.traits.Address = false
	hidden.says("MAIN").later().not("remind you")
	gone := caller(t).says("MAIN") // nobody is there to be asked
	for range 8 {
		gone.silent().not("How shall we remind you?")
	}
}

func TestHowToBeRemindedCanBeChanged(t *testing.T) {
	p := caller(t).says("0").says("8").hears("For choosing how we remind you, press 7.").says("7")
	p.hears("How shall we remind you?").says("1").hears("We call you, in the daytime.", "What can we do for you?")
	p.says("MAIN").says("0")
	for range 3 {
		p.says("8")
	}
	for range 4 {
		if slices.ContainsFunc(p.said.Pages[0].Options, func(o render.Shown) bool { return o.ID == "reach" }) {
			break
		}
		p.says("8")
	}
	p.hears("For choosing how we remind you, press")
	for _, o := range p.said.Pages[0].Options {
		if o.ID == "reach" {
			p.says(o.Digit)
		}
	}
	p.says("2").hears("We do not call you.", "What is your link to Elmwood?")
	if p.said.Memory.Reach != NoCall {
		t.Errorf("%+v", p.said.Memory)
	}
	if p.says("stop"); p.said.Memory.Reach != AsBefore {
		t.Error("STOP leaves a wish behind")
	}
}

// reminds rings the reminder's timer on the telephone.
func (p *person) reminds() *person {
	p.t.Helper()
	p.at = p.at.Add(8 * 24 * time.Hour)
	was := p.traits
	p.traits = render.Voice
	p.hear(Heard{Kind: Rang, Timer: "remind:main-street"})
	p.traits = was
	return p
}

func TestAReminderByCallIsHeardWhenItIsAnswered(t *testing.T) {
	p := caller(t).says("MAIN").says("1").later().says("1")
	p.hear(Heard{Kind: Left}).reminds()
	if len(p.said.Pages) != 0 || !p.said.Memory.Due || !slices.ContainsFunc(p.said.Effects, func(e Effect) bool { return e.Kind == engine.RingBack }) {
		t.Fatalf("%+v", p.said)
	}
	p.out = true
	p.hear(Heard{Kind: Came}).hears("You have a survey to finish: Main Street plan.", "improve first on Main Street?").not("Welcome back")
	p.says("2").hears("A protected bike lane", "Put these in order")
	if p.said.Memory.Due {
		t.Error("it is still due")
	}

	// Whoever rings the town meanwhile is asked what they want; what they gave before isn't told to whoever answers.
	q := caller(t).says("MAIN").says("1").later().says("1")
	q.hear(Heard{Kind: Left}).reminds()
	own := *q
	own.hear(Heard{Kind: Came}).hears("You have not finished: Main Street plan").not("to finish: M")
	q.out = true
	q.hear(Heard{Kind: Came}).hears("You have a survey to finish").says("*").hears("You answered this one before").not("You said")
}

// Who has answered in public can be told what came of it; a landline by a call alone.
func TestWhoAnsweredIsAskedOnceHowToBeToldTheResult(t *testing.T) {
	answers := func(secrecy dialogs.Secrecy) *person {
		p := caller(t)
		all := slices.Clone(p.town.Dialogs.Current())
		for i, d := range all {
			if d.ID == "main-street" {
				own := *d
				own.Secrecy = secrecy
				all[i] = &own
			}
		}
		p.town.Dialogs = shelf{all}
		p.says("MAIN")
		for range 40 {
			if p.said.Memory.Now == nil {
				break
			}
			key := "1"
			if s := p.said.Memory.Now; s.Mode == engine.Asking && s.Step >= 0 && all[slices.IndexFunc(all, func(d *dialogs.Dialog) bool { return d.ID == "main-street" })].Steps[s.Step].Type == dialogs.Budget {
				key = "10"
			}
			p.says(key)
		}
		return p.hears("Your receipt is")
	}
	p := answers(dialogs.Public).hears("How shall we tell you the result?", "For a call from us, press 1.", "For no call, press 2.")
	if p.said.Over {
		t.Fatal("hung up on somebody who is asked something")
	}
	if p.says("1").hears("We call you, in the daytime.", "Goodbye."); !p.said.Over || p.said.Memory.Reach != ByCall {
		t.Errorf("%+v", p.said)
	}
	for range 2 {
		p = answers(dialogs.Public).silent().silent()
		if !p.said.Over || p.said.Memory.Reach != AsBefore {
			t.Errorf("%+v", p.said)
		}
	}
	if secret := answers(dialogs.Confidential).not("the result?"); !secret.said.Over { // nobody may look up who answered
		t.Errorf("%+v", secret.said)
	}
}

// What a text message shows stays on show until the call is answered.
func TestAReminderByCallLeavesTheTextsAsTheyWere(t *testing.T) {
	p := someone(t).says("MAIN").hears("What is your link to Elmwood?")
	p.said.Memory.Reach = ByCall
	p.memory, _ = Encode(&p.said.Memory)
	p.reminds().says("1").hears("What first on Main Street?")
	if p.said.Memory.Due {
		t.Error("whoever answers by text is still rung")
	}
}

func TestAKeyThatComesAfterTheCallIsWhatItWasPressedFor(t *testing.T) {
	p := caller(t).says("FIX").says("2").records("where.wav").hears("If that is right, press 1.")
	p.hear(Heard{Kind: Left})
	p.says("1")
	if len(p.said.Pages) != 0 || p.said.Memory.Late != nil {
		t.Errorf("%+v", p.said)
	}
	s := p.said.Memory.Now
	if a, ok := s.Answer(s.Step - 1); !ok || len(a.Media) != 1 || a.Media[0].Ref != "where.wav" || s.Held != nil {
		t.Errorf("the key was taken for something else: %+v", s)
	}
	p.hear(Heard{Kind: Came}).says("1").hears("Describe it")

	redo := caller(t).says("FIX").says("2").records("where.wav")
	redo.hear(Heard{Kind: Left})
	if redo.says("2"); len(redo.said.Memory.Now.Answers) != 1 {
		t.Errorf("taken back, and kept all the same: %+v", redo.said.Memory.Now)
	}

	// Who comes again presses keys for what they hear then.
	again := caller(t).says("FIX").says("2").records("where.wav")
	again.hear(Heard{Kind: Left}).hear(Heard{Kind: Came})
	if again.said.Memory.Late != nil {
		t.Error("a key of the next call would be taken for the last one's")
	}
}

func TestACodeIsKeyedIn(t *testing.T) {
	p := caller(t).says("0").says("8").says("8").hears("For going on with a code from us, press 1.").says("1").hears("What is your code?", "then the hash key")
	if l := p.listen(); l.Keys != CodeDigits {
		t.Errorf("%+v", l)
	}
	const code = "48217362"
	right := code + string(CheckDigit(code))
	p.says(code+string('0'+(CheckDigit(code)-'0'+1)%10)).hears("We do not know that code", "What is your code?")
	p.results["code"] = "unknown"
	p.says(right).hears("We do not know that code", "What is your code?")
	p.says("*").hears("How can we help?")
	other := someone(t).says("MAIN").says("1").hears("What first on Main Street?").said.Memory.Now
	p.says("8").says("8").says("1")
	p.results["code"], p.brings = "good", other
	p.says(right).hears("We go on with: Main Street plan.", "improve first on Main Street?")
}
