package talk

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

type shelf struct{ all []*dialogs.Dialog }

func (s shelf) Current() []*dialogs.Dialog { return s.all }
func (s shelf) Pinned(pin dialogs.Pin) *dialogs.Dialog {
	for _, d := range s.all {
		if d.Pin == pin {
			return d
		}
	}
	return nil
}

func elmwood(t testing.TB) *Town {
	t.Helper()
	all, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := dialogs.Load(library.FS(), dialogs.Options{})
	if problems.Errors() {
		t.Fatal(problems.String())
	}
	return &Town{Name: "Elmwood", Languages: []string{"en", "es"}, Zone: time.UTC, Emergency: "911", Country: "1", Locales: all, Dialogs: shelf{set.All()}}
}

// person is a resident in a test; the memory is encoded and decoded between every two turns.
type person struct {
	t       *testing.T
	town    *Town
	memory  []byte
	at      time.Time
	traits  render.Traits
	said    Said
	effects []engine.EffectKind
	results map[string]string
}

func someone(t *testing.T) *person {
	return &person{t: t, town: elmwood(t), at: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC), traits: render.SMS, results: map[string]string{"reference": "482-173-5", "due": "2026-12-08"}}
}

func (p *person) hear(h Heard) *person {
	p.t.Helper()
	m, err := Decode(p.memory)
	if err != nil {
		p.t.Fatal(err)
	}
	h.At, h.Traits, h.Seed = p.at, p.traits, 1
	p.said, err = p.town.Hear(m, h, func(e Effect) (engine.Input, error) {
		p.effects = append(p.effects, e.Kind)
		return engine.Input{Result: p.results}, nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, e := range p.said.Effects {
		p.effects = append(p.effects, e.Kind)
	}
	if p.memory, err = Encode(&p.said.Memory); err != nil {
		p.t.Fatal(err)
	}
	if os.Getenv("TALK") != "" {
		p.t.Logf("> %s\n%s\n", h.Words, p.text())
	}
	return p
}

func (p *person) says(words string) *person { p.t.Helper(); return p.hear(Heard{Words: words}) }

func (p *person) text() string {
	var b strings.Builder
	for _, page := range p.said.Pages {
		b.WriteString(page.Text)
		for _, s := range page.Spoken {
			b.WriteString(s.Words + "\n")
		}
	}
	return b.String()
}

func (p *person) hears(parts ...string) *person {
	p.t.Helper()
	for _, part := range parts {
		if !strings.Contains(p.text(), part) {
			p.t.Fatalf("they hear\n%s\nwithout %q", p.text(), part)
		}
	}
	return p
}

func (p *person) not(parts ...string) *person {
	p.t.Helper()
	for _, part := range parts {
		if strings.Contains(p.text(), part) {
			p.t.Fatalf("they hear\n%s\nwith %q", p.text(), part)
		}
	}
	return p
}

func TestAStartWordBeginsADialog(t *testing.T) {
	someone(t).says("main").hears("What is your link to Elmwood?", "1 I live here")
}

func TestAnUnknownWordShowsTheMenu(t *testing.T) {
	p := someone(t).says("hello there").hears("1 ")
	p.says("1").not("hello there")
	if p.said.Memory.Now == nil {
		t.Error("the menu's first entry begins nothing")
	}
}

func TestWhatWasSetAsideIsOfferedAgain(t *testing.T) {
	p := someone(t).says("MAIN").says("1").says("FIX").hears("What is the problem?").says("light")
	p.says("main").hears("What first on Main Street?") // and the other way round
	p.says("fix").hears("Street and number")
	p.says("12 Oak Street").says("It is dark").says("skip")
	for i := 0; p.said.Memory.Now != nil && p.said.Memory.Now.Pin.ID == "street-problem" && i < 5; i++ {
		p.says("1")
	}
	p.hears("482-173-5", "Main Street plan").says("1").hears("What first on Main Street?")
}

func TestStopIsStickyAndStartGoesOn(t *testing.T) {
	p := someone(t).says("MAIN").says("Stop. Thank you").hears("Elmwood")
	if !p.said.Memory.Stopped || p.effects[len(p.effects)-1] == "" {
		t.Fatal("not stopped")
	}
	for _, words := range []string{"MAIN", "1", "stop", "hello"} {
		if p.says(words); len(p.said.Pages) != 0 {
			t.Errorf("%q is answered after STOP: %s", words, p.text())
		}
	}
	p.says("start").hears("What is your link to Elmwood?")
}

func TestSeveralAnswersInOneMessage(t *testing.T) {
	someone(t).says("MAIN").says("I live here, more frequent buses").not("What first").hears("Order, best")
	someone(t).says("MAIN").says("live\nbuses\nskip").hears("What is your link") // a command among them is no answer: nothing is guessed
	someone(t).says("FIX hole").hears("0 for help", "Street and number").not("What is the problem")
	someone(t).says("MAIN live").hears("4 minutes, free", "The city council decides", "What first").not("your link")
	someone(t).says("MAIN").says("1,2").not("What first") // either could be meant
}

func TestALiveChannelOffersToGoOn(t *testing.T) {
	p := someone(t).says("MAIN").says("1")
	p.traits = render.Voice
	p.hear(Heard{Kind: Came}).hears("Main Street plan").says("1").hears("What should the city improve first")
	p.hear(Heard{Kind: Came}).says("2").hears("press 1")
	if p.said.Memory.Now != nil || len(p.said.Memory.Aside) != 1 {
		t.Error("something else doesn't set aside")
	}
}

func TestAReminderComesOnceAndTheRestExpires(t *testing.T) {
	p := someone(t).says("MAIN").says("1")
	p.at = p.at.Add(24 * time.Hour)
	p.hear(Heard{Kind: Rang, Timer: "remind:main-street"}).hears("Main Street plan", "What first on Main Street?")
	p.at = p.at.Add(6 * 24 * time.Hour)
	p.hear(Heard{Kind: Rang, Timer: "expire:main-street"})
	if len(p.said.Pages) != 0 || p.said.Memory.Now != nil {
		t.Error("after a week it isn't over, or something is said")
	}
	p.hear(Heard{Kind: Rang, Timer: "remind:main-street"})
	if len(p.said.Pages) != 0 {
		t.Error("an old timer speaks")
	}
}

func TestTwoMachinesStopAnsweringEachOther(t *testing.T) {
	p := someone(t)
	answered := 0
	for range 20 {
		if p.says("I am out of the office."); len(p.said.Pages) > 0 {
			answered++
		}
	}
	if answered > 5 {
		t.Errorf("answered %d times", answered)
	}
}

func TestAWithdrawnDialogIsExplained(t *testing.T) {
	p := someone(t).says("MAIN")
	all := p.town.Dialogs.(shelf).all
	var rest []*dialogs.Dialog
	for _, d := range all {
		if d.ID != "main-street" {
			rest = append(rest, d)
		}
	}
	p.town.Dialogs = shelf{rest}
	p.says("1").hears("1 ")
	if p.said.Memory.Now != nil {
		t.Error("still held")
	}
}

func TestErasingLeavesNothing(t *testing.T) {
	p := someone(t).says("MAIN").says("1").says("FIX").says("erase").says("1")
	m := p.said.Memory
	if m.Now != nil || len(m.Aside) != 0 || !slices.Contains(p.effects, engine.EraseAll) {
		t.Errorf("%+v %v", m, p.effects)
	}
}

func BenchmarkHear(b *testing.B) {
	town := elmwood(b)
	ask := func(Effect) (engine.Input, error) { return engine.Input{}, nil }
	at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	said, err := town.Hear(Memory{}, Heard{At: at, Traits: render.SMS, Words: "MAIN"}, ask)
	if err != nil {
		b.Fatal(err)
	}
	memory, err := Encode(&said.Memory)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		m, err := Decode(memory)
		if err != nil {
			b.Fatal(err)
		}
		said, err := town.Hear(m, Heard{At: at, Traits: render.SMS, Words: "1"}, ask)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Encode(&said.Memory); err != nil {
			b.Fatal(err)
		}
	}
}

func TestADigitAnswersNoQuestionThatNobodyHasSeen(t *testing.T) {
	p := someone(t)
	p.traits = render.USSD
	p.says("MAIN").not("your link")
	for i := 0; !strings.Contains(p.text(), "your link"); i++ {
		p.says("1")
		if now := p.said.Memory.Now; len(now.Answers) > 0 || i > 9 {
			t.Fatalf("answered unseen: %+v", now)
		}
	}
	p.says("1").hears("What first on Main Street?")
}
