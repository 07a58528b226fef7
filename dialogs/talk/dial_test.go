package talk

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// tell asks for own words, and for a place.
const tell = `dialog: tell
version: 1
title: Tell us
purpose: request
service: {code: words, department: desk, days: 3}
language: en
start: TELL
steps:
  - {id: words, type: text, say: What is it?, limit: 600}
  - {id: where, type: place, say: Where is it?}
  - {id: saved, type: submit}
  - {id: bye, type: end, say: "Thank you. It is ${reference}."}
`

func teller(t *testing.T, traits render.Traits) *person {
	t.Helper()
	set, problems := dialogs.Load(fstest.MapFS{"tell.yaml": {Data: []byte(tell)}}, dialogs.Options{})
	if problems.Errors() {
		t.Fatal(problems.String())
	}
	p := someone(t)
	p.town.Dialogs, p.traits = shelf{set.All()}, traits
	p.town.Texting = "555 0100"
	return p
}

func TestWordsLongerThanAnInput(t *testing.T) {
	p := teller(t, render.USSD)
	p.hear(Heard{Kind: Came}).says("1").hears("What is it?", "Or text it to 555 0100")
	first := strings.Repeat("A long lane of mud. ", 6)
	p.says(first).hears("We have: ...", "lane of mud.", "1 That is all")
	p.says("No bus can").says("0").hears("How can we help?").says("1")
	if p.said.Memory.Now.Step != 1 { // shorter than an input: that was all of it
		t.Fatalf("%+v", p.said.Memory.Now)
	}
	p.says("00").says(first).says("And the rest of it is " + strings.Repeat("very ", 20)).says("00").hears("lane of mud")
	p.says("00").hears("What is it?")
	p.says(first).says("1").hears("Where is it?", "555 0100")
	if got := p.said.Memory.Now.Answers[0].Values; len(got) != 1 || got[0] != strings.TrimSpace(first) {
		t.Fatalf("%q", got)
	}
	wide := teller(t, render.USSD) // letters that take twice the room
	wide.hear(Heard{Kind: Came}).says("1").says(strings.Repeat("شارع ", 11)).hears("1 That is all")
	short := teller(t, render.USSD)
	short.hear(Heard{Kind: Came}).says("1").says("A hole").hears("Where is it?")
}

// Words that could be commands are the end of a sentence where one is being written.
func TestWordsThatEndASentence(t *testing.T) {
	p := teller(t, render.USSD)
	p.hear(Heard{Kind: Came}).says("1").says(strings.Repeat("They tell us to go ", 6)).says("back")
	if got := p.said.Memory.Now.Answers[0].Values[0]; !strings.HasSuffix(got, "to go back") {
		t.Fatal(got)
	}
	p = teller(t, render.USSD)
	p.hear(Heard{Kind: Came}).says("1").says(strings.Repeat("They tell us to go ", 6)).says("stop").hears("no more messages")
}

// What was written so far isn't lost on another channel, and isn't told on a call.
func TestWordsBegunOnAMenu(t *testing.T) {
	first := strings.TrimSpace(strings.Repeat("A long lane of mud. ", 6))
	begun := func() *person { return teller(t, render.USSD).hear(Heard{Kind: Came}).says("1").says(first) }
	value := func(p *person) string { return p.said.Memory.Now.Answers[0].Values[0] }

	p := begun()
	p.traits = render.SMS
	if p.says("And ice.").hears("Where is it?"); value(p) != first+" And ice." {
		t.Fatal(value(p))
	}
	p = begun()
	p.hear(Heard{Kind: Left}).hear(Heard{Kind: Came}).hears("Welcome back").says("1").hears("We have: ...").says("1").hears("Where is it?")

	p = begun()
	p.traits = render.Voice
	p.hear(Heard{Kind: Came}).not("lane").says("1").not("lane")
	p.traits = render.USSD
	p.hear(Heard{Kind: Came}).says("1").hears("You said:", "lane of mud").says("skip").hears("Where is it?")
	if value(p) != first {
		t.Fatal(value(p))
	}

	p = begun()
	p.traits = render.Kiosk
	p.hear(Heard{Kind: Came})
	p.hear(Heard{Choice: "1"})
	if e := p.said.Pages[0].Entry; e == nil || len(e.Values) != 1 || e.Values[0] != first {
		t.Fatalf("%+v", e)
	}
	if p.says("All of it."); value(p) != "All of it." {
		t.Fatal(value(p))
	}
}

// Whatever is written piece by piece leaves the same record as the same words in one text message.
func TestWordsLeaveTheSameRecordPieceByPiece(t *testing.T) {
	alphabets := []string{"abcdefghij.,!0123", "áéíóúñ¿üàò", "上下左右车路水灯", "شارعالمدرسة", "é😀ʼx"}
	rng := rand.New(rand.NewPCG(5, 1))
	word := func(letters []rune) string {
		var b strings.Builder
		for range 1 + rng.IntN(9) {
			b.WriteRune(letters[rng.IntN(len(letters))])
		}
		return "x" + b.String()
	}
	record := func(traits render.Traits, pieces ...string) []byte {
		p := teller(t, traits)
		p.hear(Heard{Kind: Came}).says("1")
		kept := []byte(nil)
		hear := func(words string) {
			m, err := Decode(p.memory)
			if err != nil {
				t.Fatal(err)
			}
			p.said, err = p.town.Hear(m, Heard{At: p.at, Traits: p.traits, Words: words, Seed: 1}, func(e Effect) (engine.Input, error) {
				if e.Record != nil {
					if kept, err = engine.Encode(e.Record); err != nil {
						t.Fatal(err)
					}
				}
				return engine.Input{Result: p.results}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if p.memory, err = Encode(&p.said.Memory); err != nil {
				t.Fatal(err)
			}
		}
		for _, w := range pieces {
			hear(w)
		}
		return kept
	}
	for n := range 60 {
		letters := []rune(alphabets[n%len(alphabets)])
		var answers [2][]string // the pieces of each
		for i := range answers {
			long := rng.IntN(4) > 0
			for range 1 + rng.IntN(4) {
				var piece []string
				for utf8.RuneCountInString(strings.Join(piece, " ")) < 100 {
					piece = append(piece, word(letters))
				}
				if long {
					answers[i] = append(answers[i], strings.Join(piece, " "))
				}
			}
			switch last := word(letters); {
			case !long:
				answers[i] = []string{last}
			case rng.IntN(2) == 0:
				answers[i] = append(answers[i], last)
			default:
				answers[i] = append(answers[i], "1")
			}
		}
		var whole []string
		for _, a := range answers {
			if a[len(a)-1] == "1" {
				a = a[:len(a)-1]
			}
			whole = append(whole, strings.Join(a, " "))
		}
		var pieces []string
		for i, a := range answers { // what is longer than is kept ends by itself
			most, so := []int{600, 200}[i], 0
			for _, w := range a {
				if so >= most {
					break
				}
				pieces = append(pieces, w)
				so += utf8.RuneCountInString(w) + min(so, 1)
			}
		}
		by, at := record(render.USSD, pieces...), record(render.SMS, whole...)
		if len(at) == 0 || !bytes.Equal(by, at) {
			t.Fatalf("%q\nas pieces %s\nas a text %s", pieces, by, at)
		}
	}
}

func TestMenuStartsAgain(t *testing.T) {
	p := someone(t)
	p.traits = render.USSD
	p.says("MAIN")
	for p.said.Pages[0].Options[0].ID == "" {
		p.says("8")
	}
	p.says("1")
	answered := len(p.said.Memory.Now.Answers)
	p.hear(Heard{Kind: Came}).hears("Welcome back", "1 Go on", "2 Start again").says("2").hears("What can we do for you?")
	menu := p.text()
	p.hear(Heard{Kind: Came})
	if p.text() != menu {
		t.Fatalf("%q, before %q", p.text(), menu)
	}
	digit := func(title string) string {
		for _, o := range p.said.Pages[0].Options {
			if o.Label == title {
				return o.Digit
			}
		}
		t.Fatalf("%q is not on %s", title, p.text())
		return ""
	}
	main := ""
	for _, d := range p.town.Dialogs.Current() {
		if d.Start == "MAIN" {
			text, _ := d.Text("en", "title")
			if main = text.Short; main == "" {
				main = text.Text
			}
		}
	}
	// Cut off before anything was chosen, nothing has been given up.
	if p.says(digit(main)); answered == 0 || len(p.said.Memory.Now.Answers) != answered {
		t.Fatalf("%d answers of %d", len(p.said.Memory.Now.Answers), answered)
	}
	p.hear(Heard{Kind: Came}).says("2").says(digit(main))
	if len(p.said.Memory.Now.Answers) != 0 || len(p.said.Memory.Aside) != 0 {
		t.Fatalf("%+v", p.said.Memory)
	}
}

// One more screen than without the interruption, whatever was on show.
func TestMenuGoesOnAfterOneScreen(t *testing.T) {
	p := someone(t)
	p.traits = render.USSD
	p.says("MAIN")
	for n := range 12 {
		was := p.text()
		if p.hear(Heard{Kind: Came}).hears("Welcome back").says("1"); p.said.Memory.Now.Note != "" || !strings.HasSuffix(was, p.text()) {
			t.Fatalf("%d: on show again\n%s\nbefore\n%s", n, p.text(), was)
		}
		if strings.Contains(p.text(), "8 more") {
			p.says("8")
		} else {
			p.says("1")
		}
		if p.said.Memory.Now == nil {
			break
		}
	}
}
