package exchange

import (
	"cmp"
	"math"
	"sync"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// Limits say how much leaves the town, and how fast. The zero value limits nothing.
type Limits struct {
	Rates   []Rate
	Account map[string]string // by channel: the provider's account that it goes by. What the provider says to one channel holds for all of its account. A channel that isn't there has its own
	Contact Contact
	Budgets []Budget
	Reserve float64 // part of each budget that only replies may use
	// Price is what a segment to a number costs, in millionths of a unit ("USD"); ok is false where it isn't known. nil: nothing costs anything.
	Price func(channel, number string) (millionths int64, unit string, ok bool)
}

// Rate holds what leaves on some channels together to a pace: segments of text messages, messages and calls elsewhere.
type Rate struct {
	Channels  []string
	PerSecond float64
	Each      bool // to one resident, not to all together
}

// Contact is how many messages a resident may get unasked. Pages of one message count once.
type Contact struct {
	Most   int           // 0: not limited
	Within time.Duration // a week at most
}

// How a pace is kept.
const (
	// lateness that a pace makes up for: a worker wakes a little late each time. So in any time t no more leaves than
	// rate × (t + lateness) and one message.
	lateness  = 50 * time.Millisecond
	anyWeight = math.MaxInt32 / 2

	firstPause = time.Second // after a provider that takes no more and doesn't say for how long; doubled each time
	lastPause  = 5 * time.Minute
	fallPause  = 10 * time.Second // after so many failures of different messages in a row
	mostFalls  = 5
	wrongPause = 15 * time.Minute // after so many refusals of different messages in a row, for one and the same reason
	mostWrongs = 10
	// A message that the provider takes no more of can wait so long without an attempt being counted.
	patienceOfThrottled = 48 * time.Hour

	mostEach = 10_000 // residents whose pace is remembered
)

// limits are Limits at work. Time comes in as a value.
type limits struct {
	mu      sync.Mutex
	contact Contact
	purses  []*purse
	price   func(channel, number string) (int64, string, bool)
}

// limited is what holds one channel back. Paces and the account are shared with other channels.
type limited struct {
	paces   []*pace
	each    []*eachPace
	account *account
	purses  []*purse
}

// pace is a rate at work: a bucket that is described by when it has room again.
type pace struct {
	perSecond float64
	free      time.Time
	shared    *granted // nil: this node's alone
}

func (p *pace) lasts(weight int) time.Duration {
	return time.Duration(float64(weight) / p.perSecond * float64(time.Second))
}

// room is how much may leave now, or from when on something may.
func (p *pace) room(now time.Time) (weight int, at time.Time) {
	if p.shared != nil {
		return p.sharedRoom(now)
	}
	if behind := now.Sub(p.free); behind >= 0 {
		return 1 + int(min(behind, lateness).Seconds()*p.perSecond), now
	}
	at = p.free
	// Where much leaves, it is worth a moment to let some come together.
	if lateness.Seconds()/2*p.perSecond >= 1 {
		at = at.Add(lateness / 2)
	}
	return 0, at
}

func (p *pace) take(now time.Time, weight int) {
	if p.shared != nil {
		p.shared.left -= weight
		p.shared.Take(weight)
		return
	}
	if oldest := now.Add(-lateness); p.free.Before(oldest) {
		p.free = oldest
	}
	p.free = p.free.Add(p.lasts(weight))
}

// eachPace is the pace of each resident.
type eachPace struct {
	perSecond float64
	free      map[store.Resident]time.Time

	name  string
	ask   EachPace   // nil: this node's alone
	parts func() int // how many nodes keep it, where they can't ask; nil: one
}

func (e *eachPace) take(now time.Time, r store.Resident, weight int) (at time.Time, ok bool) {
	p := pace{perSecond: e.perSecond, free: e.free[r]}
	if e.parts != nil {
		p.perSecond /= float64(max(e.parts(), 1))
	}
	if n, at := p.room(now); n == 0 {
		return at, false
	}
	if e.free == nil || len(e.free) >= mostEach {
		kept := make(map[store.Resident]time.Time)
		for r, free := range e.free {
			if free.After(now) {
				kept[r] = free
			}
		}
		e.free = kept
	}
	p.take(now, weight)
	e.free[r] = p.free
	return now, true
}

// account is what a provider has said lately to all that goes by one account of the town's.
type account struct {
	until  time.Time // nothing leaves before
	pauses int       // in a row
	falls  streak    // failures that may pass
	wrongs streak    // refusals that won't
	later  time.Time // nothing but replies leaves before
	code   string    // why
}

// streak counts messages in a row to which the same happened.
type streak struct {
	n    int
	last [16]byte
	code string
}

func (s *streak) count(m [16]byte, code string) int {
	switch {
	case s.code != code:
		*s = streak{1, m, code}
	case s.last != m:
		s.n, s.last = s.n+1, m
	}
	return s.n
}

// newLimits joins channels to what holds them back.
func newLimits(s Limits, n *Nodes, lines map[string]*line) *limits {
	x := &limits{contact: s.Contact, price: s.Price}
	accounts := map[string]*account{}
	for name, l := range lines {
		of := cmp.Or(s.Account[name], name)
		if l.rings() { // a line that takes no texts for an hour still takes calls, which can't wait
			of = "calls of " + of
		}
		if accounts[of] == nil {
			accounts[of] = &account{}
		}
		l.account = accounts[of]
	}
	for _, r := range s.Rates {
		if r.PerSecond <= 0 {
			continue
		}
		all, each := &pace{perSecond: r.PerSecond}, &eachPace{perSecond: r.PerSecond, name: paceName(&r), ask: n.Each, parts: n.Count}
		if n.Pace != nil && !r.Each {
			all.shared = &granted{Pace: n.Pace(paceName(&r), r.PerSecond)}
		}
		for _, name := range r.Channels {
			switch l := lines[name]; {
			case l == nil:
			case r.Each:
				l.each = append(l.each, each)
			default:
				l.paces = append(l.paces, all)
			}
		}
	}
	for _, b := range s.Budgets {
		p := &purse{Budget: b, busy: make(chan struct{}, 1), reserve: int64(float64(b.Most) * s.Reserve)}
		x.purses = append(x.purses, p)
		for _, name := range b.Channels {
			if l := lines[name]; l != nil && !l.rings() { // calls have a budget of their own
				l.purses = append(l.purses, p)
			}
		}
	}
	return x
}

// flights is how many messages may be on their way at once, so that a provider that takes a second for each doesn't slow the
// pace down.
func (l *line) flights() int {
	fastest := 0.0
	for _, p := range l.paces {
		if fastest == 0 || p.perSecond < fastest {
			fastest = p.perSecond
		}
	}
	if l.rings() {
		return inFlight
	}
	return min(max(inFlight, int(1.5*fastest)), mostInFlight)
}

// room is how much may leave on a line now, or from when on something may.
func (x *limits) room(l *line, now time.Time) (weight int, at time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	weight, at = anyWeight, now
	if l.account.until.After(now) {
		weight, at = 0, l.account.until
	} else if l.account.pauses > 1 { // it failed again after a pause: one by one, until something goes
		weight = 1
		if len(l.flight) > 0 {
			return 0, time.Time{}
		}
	}
	for _, p := range l.paces {
		w, when := p.room(now)
		weight = min(weight, w)
		if when.After(at) {
			at = when
		}
	}
	return weight, at
}

// waits is until when nothing but replies may leave on a line, by what its provider said.
func (x *limits) waits(l *line, now time.Time) time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	if l.account.later.After(now) {
		return l.account.later
	}
	return now
}

// take counts what is about to leave on a line. It says when a resident may get more, where that isn't now: nothing is counted
// then. known is true where all nodes together have counted what one resident gets.
func (x *limits) take(l *line, now time.Time, r store.Resident, weight int, known bool) (at time.Time, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range l.each {
		if known {
			break
		}
		if at, ok := e.take(now, r, weight); !ok {
			return at, false
		}
	}
	for _, p := range l.paces {
		p.take(now, weight)
	}
	return now, true
}

// went notes that a provider took something.
func (x *limits) went(l *line) {
	x.mu.Lock()
	defer x.mu.Unlock()
	l.account.pauses, l.account.falls, l.account.wrongs, l.account.later, l.account.code = 0, streak{}, streak{}, time.Time{}, ""
}

// throttled notes that a provider takes no more for now, and says until when nothing goes by it.
func (x *limits) throttled(l *line, now time.Time, after time.Duration) time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return l.account.pause(now, after, firstPause)
}

// fell notes that a message failed for a reason that may pass. Where several did in a row, all of the account waits; told is
// true for the first of those pauses.
func (x *limits) fell(l *line, now time.Time, m [16]byte) (told bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if l.account.falls.count(m, "") < mostFalls {
		return false
	}
	told = l.account.pauses == 0
	l.account.pause(now, 0, fallPause)
	return told
}

// refused notes that a message was refused for good. Where one after the other is, for the same reason, it is the town's
// account and not those numbers: what can wait does, until somebody has looked.
func (x *limits) refused(l *line, now time.Time, m [16]byte, code string) (told bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	a := l.account
	if a.wrongs.count(m, code) < mostWrongs {
		return false
	}
	told = a.code == ""
	a.later, a.code = now.Add(wrongPause), code
	return told
}

// pause makes all of an account wait. One that comes while it waits, of a message that was on its way, is the same pause.
func (a *account) pause(now time.Time, after, first time.Duration) time.Time {
	if !a.until.After(now) {
		wait := min(first<<min(a.pauses, 10), lastPause)
		a.pauses++
		if after <= 0 {
			after = wait
		}
	}
	if until := now.Add(after); until.After(a.until) {
		a.until = until
	}
	return a.until
}

// weight is what a page counts as on a line: the segments of a text message, else 1.
func (l *line) weight(p *render.Page) int {
	if l.traits.Form == engine.Text && l.traits.Texts {
		return max(render.Count(p.Text).Segments, 1)
	}
	return 1
}

// number is the telephone number of an address, "" where it is none.
func number(a channels.Address) string {
	if baseKind(a.Kind) == "tel" {
		return a.ID
	}
	return ""
}
