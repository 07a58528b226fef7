package exchange

import (
	"fmt"
	"slices"
	"strings"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// crossesByLink has the town know the number and the chat to be one person's, and goes on at the other; false where that can't be.
func (c *crosser) crossesByLink() bool {
	c.t.Helper()
	other := map[string]string{"sms": "telegram", "whatsapp": "telegram", "telegram": "sms"}[c.at.channel]
	if c.linked || c.parted || other == "" || c.page == nil {
		return false
	}
	code := c.linkCode()
	if code == "" {
		return true
	}
	c.count.all.Add(1)
	c.count.byLink.Add(1)
	c.note("-> %s by putting together, with %s", other, code)
	c.page = nil
	from := c.at
	c.at = c.somewhere([]string{other})
	r := c.gives(c.event(channels.Message, "LINK "+code))
	if !strings.Contains(textOf(r), "Put this together") {
		c.fail("the code isn't known: %q", textOf(r))
		return true
	}
	if c.rng.IntN(5) == 0 { // they would rather not
		r = c.gives(c.event(channels.Message, "no"))
		if leak := c.watch.shown(c.at.from(), c.at.channel, 0, r.Pages); leak != "" {
			c.fail("%q is shown though nothing was put together", leak)
		}
		c.at = from
		return true
	}
	c.linked, c.came, c.halls = true, true, 0
	c.takes(c.event(channels.Message, "yes"))
	if c.rng.IntN(3) == 0 {
		c.leavesOne()
	}
	return true
}

func (c *crosser) linkCode() string {
	c.t.Helper()
	c.came = false
	r := c.gives(c.event(channels.Message, "LINK"))
	if len(r.Pages) == 0 {
		return ""
	}
	code := linkForm.FindString(textOf(r))
	if code == "" {
		c.fail("no code in %q", textOf(r))
	}
	return code
}

// leavesOne has the place where they aren't leave: what was said stays where they are.
func (c *crosser) leavesOne() {
	c.t.Helper()
	if c.done || c.t.Failed() {
		return
	}
	c.note("the other leaves")
	at := c.at
	to := "telegram"
	if at.channel == "telegram" {
		to = "sms"
	}
	c.at = c.somewhere([]string{to})
	c.gives(c.event(channels.Message, "PART"))
	if r := c.gives(c.event(channels.Message, "yes")); !strings.Contains(textOf(r), "It has left") {
		c.fail("it doesn't leave: %q", textOf(r))
	}
	c.count.parted.Add(1)
	c.linked, c.parted = false, true
	left := c.at
	if m := c.memory(); m.Now != nil || len(m.Aside) > 0 {
		c.fail("where they left, something is still open")
	}
	c.at, c.page = at, nil
	for _, words := range []string{"repeat", "menu"} { // nothing of theirs is there now
		c.w.ids++
		e := channels.Event{Channel: left.channel, ID: fmt.Sprint("p", c.w.ids), From: left.from(), Words: words, At: c.w.clock.Now()}
		r := c.hands(c.server(), e)
		if leak := c.watch.shown(left.from(), left.channel, 0, r.Pages); leak != "" {
			c.fail("%q is shown where they left", leak)
		}
		for i := range r.Pages {
			if slices.ContainsFunc(r.Pages[i].Options, func(o render.Shown) bool { return o.ID == "on" }) {
				c.fail("where they left, it can be gone on: %q", textOf(r))
			}
		}
	}
}

// votesAgain tries once more where one answer counts for a person, from wherever they are known.
func (c *crosser) votesAgain() {
	c.t.Helper()
	if c.dialog == "roll-vote" {
		c.count.again.Add(1)
		c.at = spot{"sms", "+15559990000"}
		c.gives(c.event(channels.Message, "ROLLV"))
		if r := c.gives(c.event(channels.Message, c.letter)); strings.Contains(textOf(r), "Which day") {
			c.fail("a letter is good twice: %q", textOf(r))
		}
		return
	}
	word := map[string]string{"number-vote": "NUMB", "secret-vote": "SECR"}[c.dialog]
	if word == "" || !byNumber(c.ended.channel) && c.ended.channel != "telegram" {
		return
	}
	var from []string
	switch {
	case c.linked || c.parted && c.votedLinked:
		from = []string{"sms", "whatsapp", "telegram"}
	case byNumber(c.ended.channel) && c.rng.IntN(2) == 0 && !c.parted: // put together afterwards, and left again, the chat stays marked
		c.putsTogether()
		c.at = spot{"telegram", c.chat}
		c.gives(c.event(channels.Message, "PART"))
		c.gives(c.event(channels.Message, "yes"))
		from = []string{"sms", "whatsapp", "telegram"}
	case c.ended.channel == "telegram" && c.rng.IntN(2) == 0 && !c.parted: // counted apart until now
		c.putsTogether()
		c.linked = true
		from = []string{"sms", "whatsapp", "telegram"}
	case byNumber(c.ended.channel):
		from = []string{"sms", "whatsapp"}
	default:
		from = []string{"telegram"}
	}
	c.count.again.Add(1)
	c.at = c.somewhere(from)
	r := c.gives(c.event(channels.Message, word))
	if !strings.Contains(textOf(r), "already") {
		c.fail("asked to vote again: %q", textOf(r))
	}
}

// putsTogether has the number and the chat known to be one person's when all is said.
func (c *crosser) putsTogether() {
	c.t.Helper()
	c.note("afterwards the two are put together")
	c.at = spot{"sms", c.number}
	code := c.linkCode()
	c.at = spot{"telegram", c.chat}
	c.gives(c.event(channels.Message, "LINK "+code))
	c.gives(c.event(channels.Message, "yes"))
}
