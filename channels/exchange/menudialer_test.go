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
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

// dialer is somebody on the way through a conversation by a gateway that behaves badly.
type dialer struct {
	mind
	t       *testing.T
	w       *town
	servers []*Exchange
	rng     *rand.Rand
	number  string
	pin     string  // behind which they are on a phone that two use; "": they need none
	mate    *dialer // who uses the phone as well
	opened  bool    // the PIN was given in this session
	gateway channels.Session
	name    string

	session int
	live    bool
	all     string // keyed in this session
	sent    int
	page    *render.Page     // what they see; nil: nothing
	texting bool             // on text messages
	done    bool             // the last words were said
	old     []channels.Event // requests and ends that may come once more, or late
	halls   int              // screens since they dialled that were no question
	clean   bool             // nothing came in between that makes the town show something once more
	log     []string
	tally   *tally
}

func (d *dialer) note(format string, a ...any) {
	d.log = append(d.log, fmt.Sprintf(format, a...))
	if d.mate != nil {
		d.mate.log = append(d.mate.log, "(mate) "+fmt.Sprintf(format, a...))
	}
}

func (d *dialer) fail(format string, a ...any) {
	d.t.Helper()
	d.t.Errorf("%s on %s: %s\n%s", d.number, d.name, fmt.Sprintf(format, a...), strings.Join(d.log, "\n"))
}

func (d *dialer) event(kind channels.EventKind, words string) channels.Event {
	s := d.gateway
	if s.ID != "" {
		s.ID = fmt.Sprint(d.number, "-", d.pin, "-", d.session)
	}
	if s.Number > 0 {
		s.Number = d.sent
	}
	if s.Whole {
		words = d.all
	}
	return channels.Event{Channel: "ussd", From: channels.Address{Kind: "tel", ID: d.number}, Kind: kind, Words: words, Session: &s, At: d.w.clock.Now()}
}

// gives hands an event to one of the servers.
func (d *dialer) gives(e channels.Event) channels.Reply {
	d.t.Helper()
	r, err := d.servers[d.rng.IntN(len(d.servers))].Receive(d.t.Context(), e)
	if err != nil {
		d.fail("%v", err)
	}
	d.sees(e, r)
	return r
}

// sees checks every reply, whether or not anybody sees it.
func (d *dialer) sees(e channels.Event, r channels.Reply) {
	d.t.Helper()
	if e.Kind == channels.HungUp || e.Kind == channels.Overdue {
		return
	}
	if e.Channel == "ussd" && len(r.Pages) != 1 {
		d.fail("%d screens at once", len(r.Pages))
	}
	for _, p := range r.Pages {
		c := render.Count(p.Text)
		if most := map[bool]int{true: 160, false: 70}[c.GSM]; e.Channel == "ussd" && c.Units > most {
			d.fail("a screen of %d: %q", c.Units, p.Text)
		}
	}
}

// hears notes whether these are the last words. What a late request is answered isn't theirs to hear, and before they gave their
// PIN it may be what their mate was told.
func (d *dialer) hears(r channels.Reply) {
	if d.pin != "" && !d.opened {
		return
	}
	for i := range r.Pages {
		d.done = d.done || theEnd(r.Pages[i].Text)
	}
}

func theEnd(s string) bool {
	return strings.Contains(s, "Your receipt is") || strings.Contains(s, "Your number is")
}

// shares has them use another's phone, behind a PIN.
func (d *dialer) shares(m *dialer, pin string) {
	d.t.Helper()
	d.tally.shared.Add(1)
	d.number, d.pin, d.mate, m.mate = m.number, pin, m, d
	d.w.chooses(d.number, pin, "")
	d.w.says(d.number, "LOCK PIN")
}

// busy says that their mate has the phone in hand.
func (d *dialer) busy() bool { return d.mate != nil && !d.mate.done && (d.mate.live || d.mate.texting) }

// asks sends a request as its gateway does: once, or several times, at once or one after the other.
func (d *dialer) asks(e channels.Event) *channels.Reply {
	d.t.Helper()
	d.note("%v %q", e.Kind, e.Words)
	repeats := 0
	if d.rng.IntN(4) == 0 {
		repeats = 1 + d.rng.IntN(2)
	}
	d.tally.requests.Add(1)
	d.tally.repeats.Add(int64(repeats))
	replies := make([]channels.Reply, 1+repeats)
	if d.rng.IntN(2) == 0 {
		var at sync.WaitGroup
		for i := range replies {
			x := d.servers[d.rng.IntN(len(d.servers))]
			at.Go(func() {
				r, err := x.Receive(d.t.Context(), e)
				if err != nil {
					d.t.Error(err)
				}
				replies[i] = r
			})
		}
		at.Wait()
	} else {
		for i := range replies {
			if i > 0 { // gateways without counts are known by their haste alone
				gap := 5 * time.Second
				if e.Session.ID == "" || !e.Session.Whole && e.Session.Number == 0 {
					gap = 900 * time.Millisecond
				}
				d.w.clock.pass(time.Duration(d.rng.Int64N(int64(gap))))
				e.At = d.w.clock.Now()
			}
			replies[i] = d.gives(e)
		}
	}
	for _, r := range replies {
		d.sees(e, r)
		d.hears(r)
		if textOf(r) != textOf(replies[0]) {
			d.fail("the same request got %q, then %q", textOf(replies[0]), textOf(r))
		}
	}
	if e.Session.Whole || e.Session.Number > 0 {
		if e.Session.ID != "" {
			d.old = append(d.old, e)
		}
	}
	d.note("    %q", textOf(replies[0]))
	if len(replies[0].Pages) == 0 {
		d.fail("nothing to show")
		return nil
	}
	return &replies[0]
}

// comesLate is an older request, or the end of an earlier session, which comes now.
func (d *dialer) comesLate() {
	d.t.Helper()
	now := d.w.clock.Now()
	d.old = slices.DeleteFunc(d.old, func(e channels.Event) bool { return now.Sub(e.At) > latest })
	if len(d.old) == 0 {
		return
	}
	e := d.old[d.rng.IntN(len(d.old))]
	e.At = now
	d.tally.late.Add(1)
	d.note("late: %v %q of %s", e.Kind, e.Words, e.Session.ID)
	d.w.t.Helper()
	before := d.row()
	r := d.gives(e)
	// What was said behind a PIN is not known to whom the number finds, who may be shown what is on show.
	if after := d.row(); after != before && e.Kind != channels.HungUp && d.pin == "" {
		d.fail("a late request changed what is known: %q, before %q", after, before)
	}
	if e.Kind != channels.HungUp && len(r.Pages) == 0 {
		d.fail("a late request got nothing")
	}
}

// row is what the town remembers of them.
func (d *dialer) row() string {
	d.t.Helper()
	r, known, err := d.w.store.Find(d.t.Context(), seals{}.Address("tel", d.number))
	if err != nil || !known {
		return ""
	}
	kept, err := d.w.store.Load(d.t.Context(), r)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(kept.State)
}

// step is the next thing that happens to them.
func (d *dialer) step() {
	d.t.Helper()
	d.w.clock.pass(time.Duration(3+d.rng.IntN(20)) * time.Second)
	if d.rng.IntN(8) == 0 {
		d.comesLate()
	}
	switch {
	case d.texting:
		d.text()
	case !d.live:
		d.dial()
	default:
		d.key()
	}
}

func (d *dialer) dial() {
	d.t.Helper()
	d.session++
	d.live, d.opened, d.sent, d.all, d.halls, d.clean = true, false, 1, "", 0, true
	e := d.event(channels.Dialed, "")
	if d.rng.IntN(5) == 0 && d.pin == "" && d.open() { // the town's code with what goes on
		d.all = "1"
		if e = d.event(channels.Dialed, "1"); d.gateway.Whole {
			e.Kind = channels.Message
		}
	}
	d.sends(e)
}

func (d *dialer) key() {
	d.t.Helper()
	keys := d.answers(d.page, false)
	if d.pin != "" && !d.opened {
		keys, d.opened, d.halls = "PIN "+d.pin, true, 0
	} else if slices.ContainsFunc(d.page.Options, func(o render.Shown) bool { return o.ID == "on" }) && d.rng.IntN(20) == 0 {
		keys = "2" // start again
	}
	if keys == "" {
		d.fail("no answer to %q", d.page.Text)
		d.done = true
		return
	}
	if d.all != "" {
		d.all += "*"
	}
	d.all += keys
	d.sent++
	d.sends(d.event(channels.Message, keys))
}

// sends a request, unless the network does something else with it.
func (d *dialer) sends(e channels.Event) {
	d.t.Helper()
	switch fate := d.rng.IntN(40); {
	case fate == 0: // it never arrives
		d.tally.lost.Add(1)
		d.note("lost: %q", e.Words)
		d.drop()
		return
	case fate == 1: // the town took it, and the phone never hears of it
		d.asks(e)
		d.drop()
		return
	case fate == 2 && d.pin == "": // nothing is texted to a phone that several use
		d.asks(e)
		d.overdue(e)
		return
	}
	r := d.asks(e)
	if r == nil {
		d.drop()
		return
	}
	d.page = &r.Pages[0]
	d.counts()
	switch {
	case r.Over:
		d.ends()
	case d.rng.IntN(15) == 0:
		d.drop()
	case d.pin != "":
	case d.rng.IntN(40) == 0:
		d.drop()
		d.texting, d.page = true, nil
	case d.rng.IntN(40) == 0: // a text that was on its way for long
		d.clean = false
		d.note("a text: repeat")
		d.hears(d.gives(d.w.text(d.number, "repeat")))
	}
}

// counts the screens that go by before somebody who dialled again is where they were.
func (d *dialer) counts() {
	d.t.Helper()
	hall := slices.ContainsFunc(d.page.Options, func(o render.Shown) bool { return o.ID == "on" })
	if hall {
		d.halls++
	}
	if d.clean && d.halls > 1 {
		d.fail("%d screens to go on", d.halls)
	}
}

// ends the session, as gateways do: at once, late, twice, or without a word.
func (d *dialer) ends() {
	d.t.Helper()
	e := d.event(channels.HungUp, "")
	d.live, d.page = false, nil
	if d.gateway.ID == "" {
		return
	}
	switch d.rng.IntN(3) {
	case 0:
		d.note("end of %s", e.Session.ID)
		d.gives(e)
		if d.rng.IntN(3) == 0 {
			d.gives(e)
		}
	case 1:
		d.old = append(d.old, e)
	}
}

func (d *dialer) drop() {
	d.t.Helper()
	d.tally.cut.Add(1)
	d.note("cut off")
	d.ends()
}

// overdue is a request whose answer the adapter could not wait for: they get it as a text.
func (d *dialer) overdue(e channels.Event) {
	d.t.Helper()
	d.tally.slow.Add(1)
	d.note("too slow")
	e.Kind = channels.Overdue
	had := len(d.letters())
	for range 1 + d.rng.IntN(2) {
		if r := d.gives(e); !r.Texts {
			d.fail("no text is on its way")
		}
	}
	d.w.x.Tick(d.t.Context())
	got := d.letters()[had:]
	if len(got) != 1 {
		d.fail("%d texts", len(got))
		return
	}
	d.note("    text %q", got[0].text)
	d.done = d.done || theEnd(got[0].text)
	d.live, d.page = false, nil
	d.texting = d.rng.IntN(2) == 0
}

func (d *dialer) letters() (out []letter) {
	for _, l := range d.w.sms.letters() {
		if l.to.ID == d.number {
			out = append(out, l)
		}
	}
	return out
}

// text goes on by text message, twice if the provider likes.
func (d *dialer) text() {
	d.t.Helper()
	words := "menu"
	switch {
	case d.page != nil:
		words = d.answers(d.page, true)
	case d.open():
		words = "repeat"
	}
	e := d.w.text(d.number, words)
	d.tally.texts.Add(1)
	d.note("text %q", words)
	r := d.gives(e)
	d.hears(r)
	if d.rng.IntN(4) == 0 {
		if again := d.gives(e); textOf(again) != textOf(r) {
			d.fail("the same text got %q, then %q", textOf(r), textOf(again))
		}
	}
	d.note("    %q", textOf(r))
	if d.page = nil; len(r.Pages) > 0 {
		d.page = &r.Pages[len(r.Pages)-1]
	}
	if d.rng.IntN(12) == 0 { // back to the menu
		d.texting, d.page = false, nil
	}
}

// memory is what talk remembers of them.
func (d *dialer) memory() (m talk.Memory) {
	if row, err := decodeRow([]byte(d.row())); err == nil {
		if m, err = talk.Decode(row.memory); err != nil {
			d.t.Error(err)
		}
	}
	return m
}

// open says whether they are in a conversation.
func (d *dialer) open() bool { return d.memory().Now != nil }
