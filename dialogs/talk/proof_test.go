package talk

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// asksToErase is a caller who asks that all is erased, and says yes.
func asksToErase(p *person) *person {
	p.t.Helper()
	return p.says("0").says("8").says("6").hears("Shall we erase all").says("1")
}

func (p *person) did(kind engine.EffectKind) bool {
	return slices.ContainsFunc(p.said.Effects, func(e Effect) bool { return e.Kind == kind })
}

func TestACallAloneErasesNothing(t *testing.T) {
	wrote := caller(t)
	wrote.texted = true
	asksToErase(wrote).hears("We send you a text message now", "Until then we erase nothing", "What can we do for you?")
	if wrote.did(engine.EraseAll) || len(wrote.said.Texts) != 1 || wrote.said.Texts[0].Number != "" || !strings.Contains(wrote.said.Texts[0].Page.Text, "answer ERASE") {
		t.Fatalf("%+v", wrote.said)
	}
	if asksToErase(wrote).hears("We sent you a text message before").not("now"); len(wrote.said.Texts) != 0 {
		t.Error("somebody else's number gets one text after the other")
	}
	wrote.at = wrote.at.Add(25 * time.Hour)
	if asksToErase(wrote); len(wrote.said.Texts) != 1 {
		t.Error("the next day they get none")
	}

	landline := asksToErase(caller(t)).hears("We call you back in a few minutes", "Goodbye")
	if landline.did(engine.EraseAll) || !landline.did(engine.RingBack) || !landline.said.Over || len(landline.said.Texts) != 0 {
		t.Fatalf("%+v", landline.said)
	}
	landline.hear(Heard{Kind: Left})
	again := *landline // a second call with that number on show
	again.hear(Heard{Kind: Came}).not("erase")
	late := *landline
	late.out, late.at = true, late.at.Add(3*24*time.Hour)
	late.hear(Heard{Kind: Came}).not("erase")
	no := *landline
	no.out = true
	no.hear(Heard{Kind: Came}).hears("You asked us to erase", "Shall we erase all").says("2").hears("Nothing was erased.")
	if no.did(engine.EraseAll) || no.said.Memory.Wipe != 0 {
		t.Errorf("%+v", no.said)
	}
	landline.out = true
	landline.hear(Heard{Kind: Came}).says("1").hears("It is done.")
	if !landline.did(engine.EraseAll) || !landline.said.Over {
		t.Errorf("%+v", landline.said)
	}

	nowhere := caller(t)
	nowhere.traits.Ring = false
	if asksToErase(nowhere).hears("Please come to the town's desk."); nowhere.did(engine.EraseAll) || nowhere.did(engine.RingBack) {
		t.Errorf("%+v", nowhere.said)
	}
	hidden := caller(t) // nothing is kept of them but this call
	hidden.traits.Address = false
	if asksToErase(hidden).hears("It is done."); !hidden.did(engine.EraseAll) {
		t.Errorf("%+v", hidden.said)
	}
}

// In the midst of a conversation it is the same, and the question comes back.
func TestACallAloneErasesNothingInAConversation(t *testing.T) {
	p := caller(t).says("MAIN")
	p.texted = true
	p.says("erase").hears("Shall we erase all").says("2").hears("Nothing was erased.", "What is your link to Elmwood?")
	p.says("erase").says("*").hears("What is your link to Elmwood?")
	p.says("erase").says("1").hears("We send you a text message now", "What is your link to Elmwood?")
	if p.did(engine.EraseAll) || p.said.Memory.Now == nil {
		t.Errorf("%+v", p.said)
	}
	p.out = true
	if p.says("erase").says("1").hears("It is done."); !p.did(engine.EraseAll) {
		t.Errorf("%+v", p.said)
	}
}

func TestStopOnACallIsToldToTheNumber(t *testing.T) {
	stop := func(p *person) *person { p.t.Helper(); return p.says("0").says("8").says("5") }
	wrote := caller(t)
	wrote.texted = true
	stop(wrote).hears("no more messages or calls from Elmwood", "one last text message")
	at := slices.IndexFunc(wrote.said.Effects, func(e Effect) bool { return e.Kind == engine.OptOut })
	if !wrote.said.Memory.Stopped || len(wrote.said.Texts) != 1 || !strings.Contains(wrote.said.Texts[0].Page.Text, "answer START") || at < 0 || !wrote.said.Effects[at].At.After(wrote.at) {
		t.Fatalf("%+v", wrote.said)
	}
	// Nor does a call undo what was said in a text message.
	wrote.hear(Heard{Kind: Came}).says("0").says("8").says("5").hears("send us a text message with the word start")
	if !wrote.said.Memory.Stopped || wrote.did(engine.OptIn) {
		t.Errorf("%+v", wrote.said)
	}
	if wrote.says("MAIN").says("start").hears("with the word start"); !wrote.said.Memory.Stopped {
		t.Errorf("%+v", wrote.said)
	}

	// Whoever took it back hears of the next one, however soon: each needs a START from the number itself.
	again := *wrote
	again.traits = render.SMS
	again.says("START")
	again.traits = wrote.traits
	if stop(again.hear(Heard{Kind: Came})); !again.said.Memory.Stopped || len(again.said.Texts) != 1 {
		t.Errorf("%+v", again.said)
	}

	landline := stop(caller(t)).not("text message")
	if at := slices.IndexFunc(landline.said.Effects, func(e Effect) bool { return e.Kind == engine.OptOut }); len(landline.said.Texts) != 0 || !landline.said.Effects[at].At.IsZero() {
		t.Errorf("%+v", landline.said)
	}
}
