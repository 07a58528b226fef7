package exchange

import (
	"fmt"
	"strings"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

// stranger does what somebody does who wants to know what another said.
func (c *crosser) stranger() {
	c.t.Helper()
	if c.done || c.there && byNumber(c.at.channel) {
		return
	}
	switch c.rng.IntN(3) {
	case 0:
		if n := len(c.overheard); n > 0 && len(c.answers) > 0 {
			c.guess(c.overheard[n-1])
		}
	case 2:
		c.isForged()
	case 1:
		digits := fmt.Sprintf("%08d", c.rng.IntN(100_000_000))
		c.guess(digits + string(talk.CheckDigit(digits)))
	}
}

// isForged is a call that shows their number, and goes as far as it gets without answering anything.
func (c *crosser) isForged() {
	c.t.Helper()
	m := c.memory()
	if len(m.Aside) > 0 {
		return
	}
	if d := c.dialogNow(&m); d != nil && m.Now.Step >= 0 && d.Steps[m.Now.Step].Type == dialogs.Contact { // a call answers that by itself, and ends it
		return
	}
	c.count.forged.Add(1)
	c.note("somebody calls with their number")
	at := c.at
	c.at = spot{"voice", c.number}
	c.calls++
	show := func(e channels.Event) *render.Page {
		r := c.hands(c.server(), e)
		if leak := c.watch.shown(e.From, "voice", c.calls, r.Pages); leak != "" {
			c.fail("%q is told to whoever calls: %s", leak, textOf(r))
		}
		c.note("    (they hear %q)", textOf(r))
		if len(r.Pages) == 0 {
			return nil
		}
		return &r.Pages[len(r.Pages)-1]
	}
	p := show(c.event(channels.Dialed, ""))
	for range 3 {
		if p == nil {
			break
		}
		on := ""
		for _, o := range p.Options {
			if o.ID == "on" {
				on = o.Digit
			}
		}
		if on == "" {
			break
		}
		p = show(c.event(channels.Message, on))
	}
	if p != nil && p.Listen != nil && p.Listen.Keys == 1 { // else it would be an answer
		show(c.event(channels.Message, "9"))
	}
	if p := show(c.event(channels.Message, "kiosk")); p != nil { // a line that understands words may come
		if _, told, ok := strings.Cut(p.String(), "Your code is "); ok {
			told, _, _ = strings.Cut(told, ".")
			c.overheard = append(c.overheard, digitsOf(told))
			c.note("they hear a code")
		}
	}
	show(c.event(channels.HungUp, ""))
	c.at = at
	if c.known() { // what is on show there is an offer to go on, by now
		c.page, c.came = nil, false
	}
}

func (c *crosser) dialogNow(m *talk.Memory) *dialogs.Dialog {
	if m.Now == nil {
		return nil
	}
	return c.w.x.town.Dialogs.Pinned(m.Now.Pin)
}

// guess has a stranger at the machine try a code that nobody gave them.
func (c *crosser) guess(code string) {
	c.t.Helper()
	c.count.guessed.Add(1)
	c.w.ids++
	e := channels.Event{Channel: "kiosk", ID: fmt.Sprint("g", c.w.ids), From: channels.Address{Kind: "kiosk", ID: fmt.Sprint("stranger-", c.w.ids)}, Words: code, At: c.w.clock.Now()}
	r := c.hands(c.server(), e)
	if leak := c.watch.shown(e.From, "kiosk", 0, r.Pages); leak != "" {
		c.fail("%q is shown to a stranger", leak)
	}
	if words := textOf(r); !strings.Contains(words, "We do not know that code") {
		c.fail("a stranger with the code %s gets %q", code, words)
	}
}

// usesCodeAgain is somebody who found the code that they used.
func (c *crosser) usesCodeAgain(code string) {
	c.t.Helper()
	c.note("somebody else tries %s", code)
	c.guess(code)
}

// goesOffline takes the conversation to a machine that is cut off, to its end; what was said there arrives later.
func (c *crosser) goesOffline(code string) {
	c.t.Helper()
	c.count.all.Add(1)
	c.count.offline.Add(1)
	c.note("-> a machine that is cut off, with %s", code)
	c.visits++
	g := c.w.guest(fmt.Sprintf("%s-%d", c.number, c.visits))
	g.refs = 10 * c.n // references of its own
	c.at = spot{"kiosk", g.from.ID}
	bad := c.w.x.store
	c.w.x.store = c.w.store // the machine asks once
	g.says(code)
	c.w.x.store = bad
	for range 30 {
		m, err := talk.Decode(g.memory)
		if err != nil {
			c.t.Fatal(err)
		}
		if m.Now == nil || strings.Contains(g.last, "Your receipt is") || strings.Contains(g.last, "Your number is") {
			break
		}
		d := c.w.x.town.Dialogs.Pinned(m.Now.Pin)
		if d == nil {
			c.fail("the machine has nothing to go on with: %s", g.last)
			return
		}
		st := &d.Steps[m.Now.Step]
		if _, had := c.answers[m.Now.Step]; had && m.Now.Mode == engine.Asking && m.Now.Step != c.cut-1 {
			c.fail("step %d is asked again at the machine", m.Now.Step)
		}
		words := c.wordsFor(st)
		c.note("cut off: %s", words)
		g.says(words)
	}
	c.note("    %q", g.last)
	for _, turn := range g.turns {
		for range 1 + c.rng.IntN(2) {
			for try := 0; ; try++ {
				v, err := c.servers[c.rng.IntN(2)].Adopt(c.t.Context(), turn, func(why string) error { c.fail("put aside: %s", why); return nil })
				if _, again := channels.Retrying(err); again && try < 100 {
					continue
				}
				if err != nil || v == channels.Refused {
					c.fail("turn %d: %v %v", turn.Number, v, err)
				}
				break
			}
		}
	}
	c.done, c.ended = true, c.at
}

// wordsFor is the answer that they mean to a step, in one message.
func (c *crosser) wordsFor(st *dialogs.Step) string {
	switch st.Type {
	case dialogs.Choice:
		for _, o := range c.picks {
			if optionIn(st, o) {
				return o
			}
		}
	case dialogs.YesNo, dialogs.Consent:
		return "yes"
	case dialogs.Review:
		return "ok"
	case dialogs.Code:
		return c.letter
	case dialogs.Number:
		return c.mind.number
	case dialogs.Place:
		return c.place
	case dialogs.Words:
		return strings.Join(c.words, " ")
	}
	return "skip"
}

func optionIn(st *dialogs.Step, id string) bool {
	for i := range st.Options {
		if st.Options[i].ID == id {
			return true
		}
	}
	return false
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
