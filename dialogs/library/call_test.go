package library_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

// TestCallsAreHeldByKeysAlone sends callers who have a keypad and a voice, and nothing else, through every dialog in each of
// its languages, so often that every option of every question that calls ask is chosen by its key. Each page says the keys
// that it takes, at most four options at a time, and waits for what can be given.
func TestCallsAreHeldByKeysAlone(t *testing.T) {
	town, set := load(t, inSpanish(t))
	for _, d := range set.All() {
		for _, lang := range d.AllLanguages() {
			t.Run(d.ID+"."+lang, func(t *testing.T) {
				t.Parallel()
				chosen := map[string]bool{}
				for n := range 28 {
					c := keypad{t: t, town: town, d: d, lang: lang, n: n, chosen: chosen}
					if err := c.call(); err != nil {
						t.Fatalf("caller %d: %v; the town says:\n%s", n, err, c.r.Said())
					}
				}
				for i := range d.Steps {
					st := &d.Steps[i]
					for _, o := range st.Options {
						switch st.Type {
						case dialogs.Choice, dialogs.Choices, dialogs.Scale:
							if !chosen[st.ID+" "+o.ID] {
								t.Errorf("no key leads to %q of %q", o.ID, st.ID)
							}
						}
					}
				}
			})
		}
	}
}

// keypad is a caller: the nth takes the nth option wherever there are some.
type keypad struct {
	t      *testing.T
	town   *talk.Town
	d      *dialogs.Dialog
	lang   string
	n      int
	r      *dialogtest.Resident
	chosen map[string]bool
	pages  int // looked at
}

func (c *keypad) call() error {
	start := time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)
	if !c.d.Opens.IsZero() {
		start = c.d.Opens
	}
	c.r = dialogtest.NewResident(c.town, render.Voice, start)
	test := dialogtest.Test{Roll: []string{"482715"}, Shut: c.n%2 == 0}
	if c.n%3 == 0 {
		test.Found = []dialogtest.Known{{Found: engine.Found{Ref: "311-204-7", What: "Street light out, 3 Oak Street", State: "open"}}}
	}
	c.r.Meets(test)
	c.r.Comes(render.Voice)
	if err := c.choose(c.lang); err != nil { // the first question of all
		return err
	}
	if err := c.choose(c.d.ID); err != nil {
		return err
	}
	for range 200 {
		if err := c.sound(); err != nil {
			return err
		}
		if c.r.End != "" {
			return c.end()
		}
		if err := c.answer(); err != nil {
			return err
		}
	}
	return fmt.Errorf("it never ends")
}

// end looks at what is left of the call.
func (c *keypad) end() error {
	submits := slices.ContainsFunc(c.d.Steps, func(s dialogs.Step) bool { return s.Type == dialogs.Submit })
	if c.r.End == "receipt" && submits && len(c.r.Kept()) != 1 {
		return fmt.Errorf("%d records are kept", len(c.r.Kept()))
	}
	return nil
}

func (c *keypad) page() *render.Page {
	if len(c.r.Pages) == 0 {
		return &render.Page{}
	}
	return &c.r.Pages[len(c.r.Pages)-1]
}

// choose presses the key of an option, turning to it.
func (c *keypad) choose(id string) error {
	for range 10 {
		if err := c.sound(); err != nil {
			return err
		}
		p := c.page()
		for _, o := range p.Options {
			if o.ID == id {
				c.r.Presses(o.Digit)
				return nil
			}
		}
		switch {
		case slices.ContainsFunc(p.Options, func(o render.Shown) bool { return o.ID == "" && o.Digit == "8" }):
			c.r.Presses("8")
		case p.Number > 1 && c.says("9"): // it was on a page before
			c.r.Presses("9")
		default:
			return fmt.Errorf("%q is not on offer", id)
		}
	}
	return fmt.Errorf("%q is not on offer", id)
}

// says says whether the page tells of a key, in any of its languages.
func (c *keypad) says(digit string) bool {
	return slices.ContainsFunc(c.page().Spoken, func(s render.Spoken) bool {
		return s.Media == "" && slices.ContainsFunc(strings.FieldsFunc(s.Words, func(r rune) bool { return r < '0' || r > '9' }), func(w string) bool { return w == digit })
	})
}

// sound looks at what is on show.
func (c *keypad) sound() error {
	c.pages++
	for i := range c.r.Pages {
		p := &c.r.Pages[i]
		if (p.Listen == nil) != p.Over {
			return fmt.Errorf("over %v, and the line waits for %+v", p.Over, p.Listen)
		}
		options := 0
		for _, o := range p.Options {
			if o.ID != "" {
				options++
			}
			if o.Digit != "" && i == len(c.r.Pages)-1 && !c.says(o.Digit) {
				return fmt.Errorf("nobody says that %s is for %q", o.Digit, o.Label)
			}
		}
		if options > 4 {
			return fmt.Errorf("%d options at a time", options)
		}
		for _, s := range p.Spoken {
			for _, word := range []string{"“", "”", "For For ", "Para Para ", "Pour Pour ", "STOP", "say skip", "say person", "say its name", "or say ", " diga ", " dites ", "?,", "SKIP"} {
				if strings.Contains(s.Words, word) && s.Key == "" {
					return fmt.Errorf("%q is said in %q", word, s.Words)
				}
			}
		}
	}
	return nil
}

func (c *keypad) answer() error {
	r := c.r
	m := r.Memory()
	if m.Now == nil || m.Hall != nil {
		return fmt.Errorf("the dialog is gone")
	}
	if m.Now.Mode == engine.Confirming {
		if c.n%4 == 1 && m.Now.Held != nil && r.Turns%5 == 0 { // once in a while it is done again
			return c.choose("redo")
		}
		return c.choose("right")
	}
	if m.Now.Mode == engine.Which {
		return c.choose(m.Now.Among[0])
	}
	st := r.Asked()
	if st == nil {
		return fmt.Errorf("the town asks something in mode %d", m.Now.Mode)
	}
	l := c.page().Listen
	switch st.Type {
	case dialogs.Choice, dialogs.Scale, dialogs.Similar, dialogs.Choices:
		if st.Type == dialogs.Choices && len(m.Now.Part) > c.n%3 || st.Optional && c.n%9 == 8 {
			return c.leave(st)
		}
		options := c.options(st)
		id := options[c.n%len(options)]
		c.chosen[st.ID+" "+id] = true
		return c.choose(id)
	case dialogs.Rank:
		options := c.options(st)
		return c.choose(options[c.n%len(options)])
	case dialogs.YesNo:
		return c.choose([]string{"no", "yes"}[c.n/4%2])
	case dialogs.Consent:
		return c.choose("yes")
	case dialogs.Review:
		return c.choose("ok")
	case dialogs.Words, dialogs.Place:
		if st.Optional && c.n%2 == 1 {
			return c.leave(st)
		}
		if l == nil || l.Record == 0 {
			return fmt.Errorf("the line doesn't record: %+v", l)
		}
		r.Sends("audio/wav", "voice-"+strconv.Itoa(c.n)+".wav")
		return nil
	}
	digits := map[dialogs.Type]string{dialogs.Number: strconv.Itoa(int(st.Min) + c.n%3*c.n%(int(st.Max-st.Min)+1)), dialogs.Date: "1503", dialogs.Contact: "5552340100",
		dialogs.Code: "482715", dialogs.Status: "3112047", dialogs.Budget: strconv.Itoa(c.n % 3)}[st.Type]
	if st.Type == dialogs.Date && c.lang == "zh" {
		digits = "0315"
	}
	switch {
	case digits == "":
		return fmt.Errorf("no keys answer %q", st.ID)
	case l == nil || l.Keys < len(digits):
		return fmt.Errorf("%q doesn't fit the keys that the line takes: %+v", digits, l)
	}
	if st.Type == dialogs.Status && len(m.Now.Part) == 0 && c.n%3 != 0 { // nobody knows that number: the menu of help leads on
		c.r.Says("*")
		if err := c.choose("menu"); err != nil {
			return err
		}
		c.r.End = "menu"
		return nil
	}
	r.Says(digits + "#")
	return nil
}

// options are those of the open question that are left.
func (c *keypad) options(st *dialogs.Step) []string {
	var ids []string
	for _, p := range engine.Show(c.r.Dialog(), c.r.Memory().Now, render.Voice.Can, c.r.Now) {
		for _, o := range p.Options {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// leave leaves a question out, or ends it, by the key that the last page tells.
func (c *keypad) leave(st *dialogs.Step) error {
	for range 10 {
		asked := c.r.Asked()
		if asked == nil || asked.ID != st.ID {
			return nil
		}
		if !c.says("8") {
			return fmt.Errorf("nobody says how to leave %q", st.ID)
		}
		c.r.Presses("8")
	}
	return fmt.Errorf("%q is never left", st.ID)
}

// TestACallTellsNothingThatWasGivenBeforeIt begins every dialog by text, gives answers that nobody could mistake, and calls from
// the same number: whatever keys are pressed then, nothing of it is told.
func TestACallTellsNothingThatWasGivenBeforeIt(t *testing.T) {
	town, set := load(t, inSpanish(t))
	for _, d := range set.All() {
		t.Run(d.ID, func(t *testing.T) {
			t.Parallel()
			for n := range 60 {
				w := newWalk(town, d, n)
				w.wild = 0
				w.r.Mute = true
				w.r.Traits = render.SMS
				w.r.Speaks(d.Language)
				if err := w.r.Opens(d); err != nil {
					t.Fatal(err)
				}
				for range n % 14 {
					if w.over() || w.comply() != nil {
						break
					}
				}
				if w.over() || w.r.Memory().Now == nil {
					continue
				}
				secrets := given(d, w.r.Memory().Now)
				w.r.Comes(render.Voice)
				for turn := range 60 {
					said := w.r.Said()
					for _, secret := range secrets {
						if strings.Contains(said, secret.words) {
							t.Fatalf("walk %d, turn %d: %q was given before the call:\n%s", n, turn, secret.words, said)
						}
					}
					if w.r.Over || w.r.Pass {
						break
					}
					if now := w.r.Memory().Now; now != nil { // what is answered on the call may be told on it
						secrets = slices.DeleteFunc(secrets, func(s secret) bool { return s.step == now.Step })
					}
					w.r.Says([]string{"1", "1", "1", "*", "2", "8", "0", "9", "give me a code"}[w.rng.IntN(9)])
				}
			}
		})
	}
}

// secret is an answer as it would be told.
type secret struct {
	words string
	step  int
}

// given are the answers of a conversation as they would be told.
func given(d *dialogs.Dialog, s *engine.State) []secret {
	var out []secret
	for i := range s.Answers {
		a := &s.Answers[i]
		st := &d.Steps[a.Step]
		if a.Skip != engine.Answered || len(a.Values) == 0 {
			continue
		}
		tell := func(words ...string) {
			for _, w := range words {
				out = append(out, secret{w, a.Step})
			}
		}
		question, _ := d.Text(s.Lang, st.ID)
		switch st.Type {
		case dialogs.Words, dialogs.Place:
			tell(a.Values[0])
		case dialogs.Choice:
			for _, o := range st.Options {
				if o.ID == a.Values[0] {
					label, _ := d.Text(s.Lang, o.Key)
					tell("You said: "+label.Text, "So far: "+label.Text, strings.TrimRight(question.Text, ".:")+" "+label.Text, question.Text+" "+label.Text)
				}
			}
		case dialogs.Number:
			tell("You said: "+a.Values[0], question.Text+" "+a.Values[0])
		case dialogs.Date:
			day, _ := time.Parse(time.DateOnly, a.Values[0])
			tell(day.Format("2 January 2006"))
		}
	}
	return out
}
