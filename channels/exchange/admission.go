package exchange

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
)

// How many turns are held at once is measured, not set: as many as end within a good turn's time. A menu waits three seconds for its
// screen, and has to wait for its turn, for the store and for the gateway in them.
const (
	goodTurn    = 500 * time.Millisecond // that a turn should take once it is begun
	longestWait = time.Second            // until it is
	leastRoom   = 32                     // so that a far store that takes its time still commits many together
	firstRoom   = 64                     // as long as nobody knows how many fit
	mostRoom    = 1024
	calm        = time.Second // without as many turns as leastRoom: after it nobody knows any more

	leastEnded = 32 // turns, and time, that the room is measured by
	leastSpan  = 100 * time.Millisecond

	retrySoonest = 2 * time.Second // when who is turned away may come again; not all at once
	retryApart   = 4
)

// admission lets in as many turns at once as come to their end in good time. As many again may wait, more while nobody knows how many fit,
// each channel in a queue of its own; the queues take turns, and when all places are taken, the longest gives one up for a shorter. Who
// finds none is told at once. Whoever waits can still be told in time that it is in vain, and who was let in can't: so the room is
// small at first.
type admission struct {
	clock Clock
	said  lull // that some were turned away

	mu      sync.Mutex
	room    int  // turns that may be held at once
	found   bool // they fit, and no more do
	busy    int  // turns that are
	waiting int
	queues  []*queue
	next    int // of the queues
	of      map[string]*queue
	refused int

	since   time.Time // the room is measured; zero: it isn't, as nobody had to wait
	ended   int       // turns since then
	hurried time.Time // when somebody last came who found leastRoom turns
}

// queue is those of one channel who wait, the first one first.
type queue struct {
	places []*place
}

type place struct {
	begin chan bool // true: it may begin; false: somebody of a shorter queue has the place
}

func newAdmission(clock Clock, names []string) *admission {
	a := &admission{clock: clock, room: firstRoom, of: map[string]*queue{}}
	for _, n := range names {
		q := &queue{}
		a.of[n], a.queues = q, append(a.queues, q)
	}
	return a
}

// enter waits until a turn of a channel may begin, not for long; who gets no error must call what it returns when it has ended. The
// error is channels.ErrBusy, marked with when to come again, or ctx's.
func (a *admission) enter(ctx context.Context, channel string) (leave func(), err error) {
	a.mu.Lock()
	if a.busy >= leastRoom {
		a.hurry()
	}
	if a.busy < a.room && a.waiting == 0 {
		a.busy++
		a.mu.Unlock()
		return a.leave, nil
	}
	if a.since.IsZero() {
		a.since, a.ended = a.clock.Now(), 0
	}
	q := a.of[channel]
	if a.waiting >= a.places() && !a.makeWay(q) {
		err := a.refusal()
		a.mu.Unlock()
		return nil, err
	}
	p := &place{begin: make(chan bool, 1)}
	q.places = append(q.places, p)
	a.waiting++
	a.mu.Unlock()
	select {
	case begin := <-p.begin:
		return a.called(begin)
	case <-a.clock.After(longestWait):
	case <-ctx.Done():
	}
	a.mu.Lock()
	i := slices.Index(q.places, p)
	if i < 0 { // called at the same moment
		a.mu.Unlock()
		return a.called(<-p.begin)
	}
	q.places = slices.Delete(q.places, i, i+1)
	a.waiting--
	if err = ctx.Err(); err == nil {
		a.found = true // more wait than can begin in time
		err = a.refusal()
	}
	a.mu.Unlock()
	return nil, err
}

// hurry begins anew with finding out how many fit, where it was calm; the lock is held.
func (a *admission) hurry() {
	now := a.clock.Now()
	if now.Sub(a.hurried) > calm && a.waiting == 0 {
		a.room, a.found, a.since = firstRoom, false, time.Time{}
	}
	a.hurried = now
}

// places is how many may wait; the lock is held.
func (a *admission) places() int {
	if a.found {
		return a.room
	}
	return mostRoom
}

func (a *admission) called(begin bool) (leave func(), err error) {
	if begin {
		return a.leave, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return nil, a.refusal()
}

// makeWay takes the last place of the longest queue from whoever has it, where that leaves q no longer than it; the lock is held.
func (a *admission) makeWay(q *queue) bool {
	longest := a.longest()
	if !shorter(q, longest) {
		return false
	}
	last := len(longest.places) - 1
	longest.places[last].begin <- false
	longest.places = longest.places[:last]
	a.waiting--
	return true
}

func (a *admission) longest() *queue {
	return slices.MaxFunc(a.queues, func(p, q *queue) int { return len(p.places) - len(q.places) })
}

func shorter(q, longest *queue) bool { return len(q.places)+1 < len(longest.places) }

// refusal counts one who is turned away; the lock is held. They are not to come back all at the same time.
func (a *admission) refusal() error {
	a.refused++
	return channels.Retry(channels.ErrBusy, retrySoonest+time.Duration(a.refused%retryApart)*time.Second)
}

func (a *admission) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy--
	if !a.since.IsZero() {
		a.ended++
		a.measure()
	}
	for a.busy < a.room && a.waiting > 0 {
		a.call()
	}
}

// measure finds the room anew: as many turns as ended within goodTurn while others waited. It doubles until it is found, and again where
// far more fit; then it grows little by little. It shrinks by half at most, as one slow sync means nothing. The lock is held.
func (a *admission) measure() {
	if a.waiting == 0 {
		a.since = time.Time{}
		return
	}
	if a.ended < leastEnded {
		return
	}
	now := a.clock.Now()
	span := now.Sub(a.since)
	if span < leastSpan {
		return
	}
	fits := int(float64(a.ended) * float64(goodTurn) / float64(span))
	switch {
	case fits < a.room:
		a.room, a.found = max(fits, a.room/2, leastRoom), true
	case !a.found || fits/4 >= a.room:
		a.room, a.found = min(fits, 2*a.room, mostRoom), false
	default:
		a.room = min(fits, a.room+a.room/8, mostRoom)
	}
	a.since, a.ended = now, 0
}

// call lets the first of the next queue begin; somebody waits, and the lock is held.
func (a *admission) call() {
	for len(a.queues[a.next].places) == 0 {
		a.next = (a.next + 1) % len(a.queues)
	}
	q := a.queues[a.next]
	a.next = (a.next + 1) % len(a.queues)
	q.places[0].begin <- true
	q.places = slices.Delete(q.places, 0, 1)
	a.waiting--
	a.busy++
}

// isFull says whether an event of a channel would be turned away now.
func (a *admission) isFull(channel string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.of[channel]
	return q != nil && a.busy >= a.room && a.waiting >= a.places() && !shorter(q, a.longest())
}

// Full says whether an event of a channel would be turned away now, as more comes in than can be held. It is counted as if it had been.
func (x *Exchange) Full(channel string) bool {
	if !x.admission.isFull(channel) {
		return false
	}
	x.turnedAway(context.Background(), channel)
	return true
}

// turnedAway notes that somebody was asked to come again; a line in the log now and then is enough.
func (x *Exchange) turnedAway(ctx context.Context, channel string) {
	x.metrics.turns[channel].busy.Inc()
	now := x.clock.Now()
	if x.admission.said.has(now) {
		return
	}
	x.admission.said.note(now)
	x.log.LogAttrs(ctx, slog.LevelWarn, "more comes in than can be held: some are asked to come again", slog.String("channel", channel))
}

// watchAdmission tells how full it is.
func watchAdmission(reg prometheus.Registerer, a *admission) error {
	if reg == nil {
		return nil
	}
	gauge := func(name, help string, read func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "townline", Name: name, Help: help}, func() float64 {
			a.mu.Lock()
			defer a.mu.Unlock()
			return float64(read())
		})
	}
	for _, c := range []prometheus.Collector{
		gauge("turns_room", "Turns that may be held at once, as measured.", func() int { return a.room }),
		gauge("turns_held", "Turns that are being held.", func() int { return a.busy }),
		gauge("turns_waiting", "Turns that wait to be begun.", func() int { return a.waiting }),
	} {
		if err := reg.Register(c); err != nil {
			return err
		}
	}
	return nil
}
