package talk

import (
	"slices"
	"testing"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/render"
)

// given checks what was given to the open question so far.
func (p *person) given(want ...string) *person {
	p.t.Helper()
	m, err := Decode(p.memory)
	if err != nil || m.Now == nil {
		p.t.Fatal("nothing is open")
	}
	if !slices.Equal(m.Now.Part, want) {
		p.t.Fatalf("given so far: %v, want %v", m.Now.Part, want)
	}
	return p
}

func (p *person) presses(choice string) *person {
	p.t.Helper()
	return p.hear(Heard{Choice: choice})
}

// answered is the answer to the question before the open one.
func (p *person) answered() []string {
	p.t.Helper()
	m, err := Decode(p.memory)
	if err != nil || m.Now == nil || len(m.Now.Answers) == 0 {
		p.t.Fatal("no answers")
	}
	return m.Now.Answers[len(m.Now.Answers)-1].Values
}

func inAChat(t *testing.T) *person {
	p := someone(t)
	p.traits = render.Telegram
	return p
}

// Buttons of choices are pressed one by one, pressed again to take one back, and ended by another button: the answer is the
// one that is typed in one go.
func TestChoicesAreButtons(t *testing.T) {
	p := inAChat(t)
	p.says("bus").says("5").hears("When do you take the bus?").given()
	p.presses("3").given("afternoon").hears("So far: From 12 to 6")
	p.presses("1").given("afternoon", "early")
	p.presses("3").given("early")
	p.presses("1").given().not("So far")
	p.presses("done").hears("When do you take the bus?").given()
	p.presses("4").presses("2").given("evening", "morning")
	var chosen []string
	for _, o := range p.said.Pages[0].Options {
		if o.Chosen {
			chosen = append(chosen, o.Digit)
		}
	}
	if !slices.Equal(chosen, []string{"2", "4"}) || !p.said.Pages[0].Given {
		t.Fatalf("chosen on the page: %v, given: %v", chosen, p.said.Pages[0].Given)
	}
	p.presses("done").hears("waiting time")
	if typed := inAChat(t).says("bus").says("5").says("4 2").hears("waiting time"); !slices.Equal(p.answered(), typed.answered()) {
		t.Fatalf("pressed %v, typed %v", p.answered(), typed.answered())
	}
}

// What is typed after some were pressed comes on top, and ends the question.
func TestDigitsAfterButtons(t *testing.T) {
	p := inAChat(t).says("bus").says("5").presses("3").says("1 2").hears("waiting time")
	if got := p.answered(); !slices.Equal(got, []string{"early", "morning", "afternoon"}) {
		t.Fatal(got)
	}
}

// An order is pressed place by place.
func TestAnOrderIsPressed(t *testing.T) {
	p := inAChat(t).says("bus").says("5").says("1").says("3")
	if p.said.Pages[0].Asks != dialogs.Rank {
		t.Fatalf("no order is asked for:\n%s", p.text())
	}
	best := p.said.Pages[0].Options[1]
	p.presses(best.Digit).given(best.ID).hears("place 2")
	for _, o := range p.said.Pages[0].Options {
		if o.ID == best.ID || o.Chosen {
			t.Fatalf("%+v is on offer", o)
		}
	}
}
