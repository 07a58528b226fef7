package exchange

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

// crosser is somebody on the way through a conversation, by one channel after the other.
type crosser struct {
	mind
	t       *testing.T
	w       *town
	servers []*Exchange
	rng     *rand.Rand
	count   *crossed
	watch   *watcher
	seed    uint64
	n       int // among those of the batch
	number  string
	chat    string
	letter  string // the code from their letter
	visits  int

	at      spot
	there   bool // a call, a menu or a visit is under way
	calls   int  // that they made so far
	proved  int  // the call on which they gave a code
	menus   int  // sessions of menus
	keyed   int  // requests of this one
	page    *render.Page
	old     *render.Page // that was on show before, with buttons that are still there
	halls   int          // screens since they came here that were not the question they were at
	came    bool
	done    bool
	cut     int // 1 + the step at which they left before they said that what they gave is right, or all: it is asked once more
	said    []saying
	answers map[int]string // to the steps, as the town had them when it was last looked at
	ended   spot
	linked  bool // the number and the chat are known to be one person's
	parted  bool // they were, for a while

	votedLinked bool     // when the last words were said, they were
	overheard   []string // codes that were told on calls that showed their number
	log         []string
}

func (c *crosser) note(format string, a ...any) { c.log = append(c.log, fmt.Sprintf(format, a...)) }

func (c *crosser) fail(format string, a ...any) {
	c.t.Helper()
	c.t.Errorf("seed %d, %s, %s: %s\n%s", c.seed, c.number, c.dialog, fmt.Sprintf(format, a...), strings.Join(c.log, "\n"))
}

// sets out: somewhere.
func (c *crosser) sets() {
	c.answers = map[int]string{}
	c.at = c.somewhere([]string{"sms", "whatsapp", "voice", "ussd", "telegram", "kiosk"})
}

func (c *crosser) somewhere(channels []string) spot {
	switch name := channels[c.rng.IntN(len(channels))]; name {
	case "telegram":
		return spot{name, c.chat}
	case "kiosk":
		c.visits++
		return spot{name, fmt.Sprintf("%s-%d", c.number, c.visits)}
	default:
		return spot{name, c.number}
	}
}

// event is something of theirs, where they are.
func (c *crosser) event(kind channels.EventKind, words string) channels.Event {
	c.w.ids++
	e := channels.Event{Channel: c.at.channel, ID: fmt.Sprint("x", c.w.ids), From: c.at.from(), Kind: kind, Words: words, At: c.w.clock.Now()}
	if c.at.channel == "ussd" {
		e.ID = ""
		if kind != channels.HungUp {
			c.keyed++
		}
		e.Session = &channels.Session{ID: fmt.Sprint(c.number, "-", c.menus), Number: c.keyed}
	}
	return e
}

// gives hands an event to one of the servers, perhaps several times, or to both at once, and looks at what is shown.
func (c *crosser) gives(e channels.Event) channels.Reply {
	c.t.Helper()
	c.note("%s %v %q %q", e.Channel, e.Kind, e.Words, e.Choice)
	all := make([]channels.Reply, 1)
	if c.rng.IntN(6) == 0 {
		all = make([]channels.Reply, 2+c.rng.IntN(2))
	}
	c.count.repeats.Add(int64(len(all) - 1))
	if c.rng.IntN(2) == 0 {
		var at sync.WaitGroup
		for i := range all {
			x := c.servers[c.rng.IntN(len(c.servers))]
			at.Go(func() { all[i] = c.hands(x, e) })
		}
		at.Wait()
	} else {
		for i := range all {
			if i > 0 {
				c.w.clock.pass(time.Duration(c.rng.Int64N(int64(900 * time.Millisecond))))
			}
			all[i] = c.hands(c.servers[c.rng.IntN(len(c.servers))], e)
		}
	}
	c.note("    %q", textOf(all[0]))
	for _, r := range all {
		if leak := c.watch.shown(e.From, e.Channel, c.calls, r.Pages); leak != "" {
			c.fail("%q is shown by %s: %s", leak, e.Channel, textOf(r))
		}
		if textOf(r) != textOf(all[0]) {
			c.fail("the same again got %q, then %q", textOf(all[0]), textOf(r))
		}
	}
	c.count.turns.Add(1)
	return all[0]
}

// hands an event to a server until it is taken: the store may have a bad day.
func (c *crosser) hands(x *Exchange, e channels.Event) channels.Reply {
	c.t.Helper()
	for try := 0; ; try++ {
		r, err := x.Receive(c.t.Context(), e)
		if _, again := channels.Retrying(err); again && try < 100 {
			continue
		}
		if err != nil {
			c.t.Errorf("seed %d: %v", c.seed, err)
		}
		return r
	}
}

func (c *crosser) server() *Exchange { return c.servers[c.rng.IntN(len(c.servers))] }

// takes shows them a reply, unless it is lost.
func (c *crosser) takes(e channels.Event) {
	c.t.Helper()
	r := c.gives(e)
	if c.t.Failed() {
		return
	}
	words := textOf(r)
	if strings.Contains(words, "Your receipt is") || strings.Contains(words, "Your number is") {
		c.done, c.ended, c.votedLinked = true, c.at, c.linked
		c.note("done")
		return
	}
	c.looks()
	c.page = nil
	if c.rng.IntN(25) == 0 { // it never arrives
		c.count.lost.Add(1)
		c.note("lost")
		if c.at.live() {
			c.leaves()
		}
		return
	}
	if len(r.Pages) > 0 {
		c.page = &r.Pages[len(r.Pages)-1]
	}
	if c.page != nil && c.page.Mark != "" && len(c.page.Options) > 0 && c.rng.IntN(2) == 0 {
		c.old = c.page
	}
	if r.Over && c.at.live() {
		c.there = false
		c.page = nil
		return
	}
	c.screens()
}

// screens counts those that go by before somebody who came here is where they were.
func (c *crosser) screens() {
	c.t.Helper()
	if !c.came || c.page == nil {
		return
	}
	m := c.memory()
	if m.Now != nil && m.Hall == nil {
		c.came = false
		return
	}
	if c.page.Number > 1 {
		return
	}
	if c.halls++; c.halls > 1 {
		c.fail("%d screens, and not where they were", c.halls)
	}
}

// looks compares what the town has of them with what it had: no answer goes, and none is asked for again.
func (c *crosser) looks() {
	c.t.Helper()
	s := c.memory().Now
	if s == nil || s.Pin.ID != c.dialog {
		return
	}
	now := map[int]string{}
	for i := range s.Answers {
		if a := &s.Answers[i]; a.Skip == engine.Answered && (a.Step != s.Step || s.Step != c.cut-1) { // else it is not whole yet
			now[a.Step] = strings.Join(a.Values, ",")
		}
	}
	for step, had := range c.answers {
		if got, ok := now[step]; !ok || got != had {
			c.fail("the answer %q to step %d is %q now", had, step, got)
		}
	}
	if s.Mode == engine.Asking {
		if _, had := c.answers[s.Step]; had && s.Step != c.cut-1 {
			c.fail("step %d is asked again", s.Step)
		}
	}
	c.answers = now
}

// memory is what the town remembers of whom it knows here.
func (c *crosser) memory() (m talk.Memory) {
	c.t.Helper()
	from := c.at.from()
	r, known, err := c.w.store.Find(c.t.Context(), seals{}.Address(from.Kind, from.ID))
	if err != nil || !known {
		return m
	}
	kept, err := c.w.store.Load(c.t.Context(), r)
	if err != nil {
		c.t.Fatal(err)
	}
	row, err := decodeRow(kept.State)
	if err == nil {
		m, err = talk.Decode(row.memory)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c *crosser) open() bool { return c.memory().Now != nil }

// step is the next thing that they do.
func (c *crosser) step() {
	c.t.Helper()
	c.w.clock.pass(time.Duration(3+c.rng.IntN(20)) * time.Second)
	if c.rng.IntN(10) == 0 {
		c.stranger()
	}
	switch {
	case c.page == nil:
		c.arrives("")
	case c.old != nil && c.at.channel == "telegram" && c.page.Mark != c.old.Mark && c.rng.IntN(4) == 0:
		c.pressesLate()
	case c.rng.IntN(5) < 2 && c.crosses():
	case c.at.live() && c.rng.IntN(15) == 0:
		c.count.cut.Add(1)
		c.leaves()
	default:
		c.speaks()
	}
}

// pressesLate is a press on a page that is not on show any more: it answers nothing.
func (c *crosser) pressesLate() {
	c.t.Helper()
	before := c.memory()
	e := c.event(channels.Message, "")
	e.Choice, e.Pressed = c.old.Options[0].Digit, c.old.Mark
	c.old = nil
	r := c.gives(e)
	after := c.memory()
	if before.Now == nil || after.Now == nil || before.Hall == nil != (after.Hall == nil) || before.Now.Step != after.Now.Step || len(before.Now.Answers) != len(after.Now.Answers) {
		c.fail("a late press moved it")
		return
	}
	c.count.late.Add(1)
	if c.page = nil; len(r.Pages) > 0 {
		c.page = &r.Pages[len(r.Pages)-1]
	}
}

// arrives where they are: they dial, or come in, or write; with a code, they go on by it.
func (c *crosser) arrives(code string) {
	c.t.Helper()
	open := c.open()
	if c.at.live() && !c.there {
		c.there, c.keyed = true, 0
		c.halls, c.came = 0, open
		switch c.at.channel {
		case "voice":
			c.calls++
		case "ussd":
			c.menus++
		}
		c.takes(c.event(channels.Dialed, ""))
		if code == "" || c.page == nil {
			return
		}
	}
	switch {
	case code != "":
		c.redeems(code)
	case c.at.live(): // the reply was lost
		c.leaves()
	case open:
		c.halls, c.came = 0, true
		c.takes(c.event(channels.Message, "repeat"))
	default:
		c.takes(c.event(channels.Message, "menu"))
	}
}

// leaves what they are on.
func (c *crosser) leaves() {
	c.t.Helper()
	if !c.there || !c.at.live() {
		c.page = nil
		return
	}
	if m := c.memory(); m.Now != nil && (c.at.channel == "voice" && m.Now.Mode == engine.Confirming || len(m.Now.Part) > 0) {
		c.cut = 1 + m.Now.Step
		delete(c.answers, m.Now.Step)
	}
	c.there, c.page = false, nil
	if c.rng.IntN(4) > 0 || c.at.channel == "voice" { // a line tells of it
		c.gives(c.event(channels.HungUp, ""))
	}
}

// crosses goes on elsewhere; false where there is nothing to go on with.
func (c *crosser) crosses() bool {
	c.t.Helper()
	m := c.memory()
	if m.Now == nil || m.Now.Pin.ID != c.dialog {
		return false
	}
	if c.known() && (c.at.channel == "voice" || c.rng.IntN(2) == 0) {
		c.crossesByNumber()
		return true
	}
	if c.rng.IntN(3) == 0 && c.crossesByLink() || c.rng.IntN(3) == 0 && c.crossesByText() {
		return true
	}
	if c.at.channel == "ussd" && len(m.Now.Part) > 0 || c.at.channel == "kiosk" && m.Hall != nil {
		return false
	}
	code := c.code()
	if code == "" {
		return true // the reply was lost, or they stay
	}
	from := c.at
	c.leaves()
	if c.rng.IntN(8) == 0 {
		c.goesOffline(code)
		return true
	}
	inside := c.known()
	for c.at.from() == from.from() || inside && c.known() {
		c.at = c.somewhere([]string{"sms", "whatsapp", "voice", "ussd", "telegram", "kiosk"})
	}
	c.count.all.Add(1)
	c.count.byCode.Add(1)
	c.note("-> %s with %s", c.at.channel, code)
	c.page, c.there = nil, false
	c.bring(code, c.at)
	return true
}

// bring carries the code to where they go on.
func (c *crosser) bring(code string, to spot) {
	c.t.Helper()
	c.at = to
	c.arrives(code)
	if c.t.Failed() {
		return
	}
	for range 5 { // a reply was lost on the way
		if c.done || c.open() && c.memory().Now.Pin.ID == c.dialog {
			break
		}
		c.arrives(code)
	}
	if c.rng.IntN(3) == 0 {
		c.usesCodeAgain(code)
	}
}

// known says whether they are where another channel finds the same person by itself.
func (c *crosser) known() bool {
	return byNumber(c.at.channel) || c.linked && c.at.channel == "telegram"
}

func (c *crosser) crossesByNumber() {
	c.t.Helper()
	from := c.at.channel
	c.leaves()
	for c.at.channel == from {
		if c.at = c.somewhere([]string{"sms", "whatsapp", "voice", "ussd", "telegram"}); c.at.channel == "telegram" && !c.linked {
			c.at.channel = from
		}
	}
	c.page, c.there = nil, false
	c.count.all.Add(1)
	c.count.byNumber.Add(1)
	c.note("-> %s", c.at.channel)
	c.arrives("")
}

// crossesByText has the question texted, and answers it there at once; false where that can't be.
func (c *crosser) crossesByText() bool {
	c.t.Helper()
	m := c.memory()
	d := c.dialogNow(&m)
	if c.at.channel != "ussd" && c.at.channel != "whatsapp" && (c.at.channel != "telegram" || !c.linked) || d == nil || m.Hall != nil || m.Now.Mode != engine.Asking || len(m.Now.Part) > 0 {
		return false
	}
	st := &d.Steps[m.Now.Step]
	switch st.Type {
	case dialogs.Contact, dialogs.Words, dialogs.Place: // in own words, only one word alone is a command
		return false
	}
	had := len(c.w.sms.letters())
	c.came = false
	if r := c.gives(c.event(channels.Message, "text me")); !strings.Contains(textOf(r), "text message now") {
		c.fail("no text: %q", textOf(r))
		return true
	}
	c.count.all.Add(1)
	c.count.byText.Add(1)
	bad := c.w.x.store
	c.w.x.store = c.w.store
	c.w.x.Tick(c.t.Context())
	c.w.x.store = bad
	found := false
	for _, l := range c.w.sms.letters()[had:] {
		found = found || l.to.ID == c.number && strings.Contains(l.text, st.Say.Text)
	}
	if !found {
		c.fail("nothing was texted that asks %q: %v", st.Say.Text, c.w.sms.letters()[had:])
		return true
	}
	c.note("-> sms, by a text that asks %q", st.Say.Text)
	c.at, c.there, c.page = spot{"sms", c.number}, false, nil
	c.said = append(c.said, saying{words: long(c.wordsFor(st))})
	c.takes(c.event(channels.Message, c.wordsFor(st)))
	return true
}

// long is what nobody else says; "" for what others may say as well.
func long(words string) string {
	if len(words) < 8 {
		return ""
	}
	return words
}

// code asks for one where they are; "" when they don't get to see it.
func (c *crosser) code() string {
	c.t.Helper()
	c.came = false
	e := c.event(channels.Message, "kiosk")
	if c.at.channel == "kiosk" {
		e.Words, e.Choice = "", render.PressCarry
	}
	c.takes(e)
	if c.page == nil {
		return ""
	}
	code := codeForm.FindString(c.page.String())
	if code == "" {
		c.fail("no code in %q", c.page.String())
	}
	return strings.ReplaceAll(code, " ", "")
}

// redeems a code: the question is there at once.
func (c *crosser) redeems(code string) {
	c.t.Helper()
	if c.at.channel == "voice" {
		c.proved = c.calls
	}
	c.came, c.halls = true, 1
	c.takes(c.event(channels.Message, code))
	if m := c.memory(); !c.t.Failed() && !c.done && (m.Now == nil || m.Now.Pin.ID != c.dialog) {
		c.fail("the code did not bring it here")
	}
}

// speaks answers what is on show.
func (c *crosser) speaks() {
	c.t.Helper()
	p := c.page
	if c.at.channel == "voice" && (p.Asks == dialogs.Words || p.Asks == dialogs.Place) { // they would rather write it
		c.crossesByNumber()
		return
	}
	e := c.event(channels.Message, "")
	words := c.says(p, c.at.channel != "ussd")
	if m := c.memory(); p.Asks == dialogs.Words && m.Now != nil && len(m.Now.Part) > 0 { // the town has a piece of it
		switch left := c.words[min(len(m.Now.Part), len(c.words)):]; {
		case c.at.channel == "kiosk": // the field has what they wrote, and all of it is sent
			if had := strings.Join(m.Now.Part, " "); p.Entry == nil || !slices.Equal(p.Entry.Values, []string{had}) {
				c.fail("the field has not %q", had)
			}
			words = strings.Join(c.words, " ")
		case len(left) == 0:
			words = "1"
		case c.at.channel == "ussd":
			words = left[0]
		default:
			words = strings.Join(left, " ")
		}
	}
	if words == "" && p.Asks == dialogs.Contact {
		if words = "skip"; c.at.channel == "kiosk" {
			words, e.Choice = "", render.PressSkip
		}
	}
	if words == "" && e.Choice == "" {
		c.fail("no answer to %q", p.String())
		c.done = true
		return
	}
	if e.Words = words; slices.ContainsFunc(p.Options, func(o render.Shown) bool { return o.Digit == words }) && (c.at.channel == "kiosk" || c.rng.IntN(2) == 0 && p.Mark != "") {
		e.Words, e.Choice, e.Pressed = "", words, p.Mark
	}
	c.keeps(p, words)
	c.takes(e)
}

// says is the answer that they mean.
func (c *crosser) says(p *render.Page, all bool) string {
	if p.Asks == dialogs.Code {
		return c.letter
	}
	return c.mind.answers(p, all)
}

// stays is the same conversation by text messages, undisturbed.
func (c *crosser) stays(calm *town) {
	c.t.Helper()
	words := "menu"
	for range 60 {
		r, err := calm.x.Receive(c.t.Context(), calm.text(c.number, words))
		if err != nil {
			c.t.Fatal(err)
		}
		if got := textOf(r); strings.Contains(got, "Your receipt is") || strings.Contains(got, "Your number is") {
			return
		}
		if len(r.Pages) == 0 {
			break
		}
		words = c.says(&r.Pages[len(r.Pages)-1], true)
	}
	c.fail("no end by text")
}

// keeps notes what they are about to say.
func (c *crosser) keeps(p *render.Page, words string) {
	s := saying{}
	if c.at.channel == "voice" {
		s.call = c.calls
	}
	switch p.Asks {
	case dialogs.Words, dialogs.Place:
		if len(words) < 8 {
			return
		}
		s.words = words
	case dialogs.Choice:
		for _, o := range p.Options {
			if o.Digit == words {
				s.option = o.ID
			}
		}
	default:
		return
	}
	c.said = append(c.said, s)
}
