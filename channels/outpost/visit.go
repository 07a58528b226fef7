package outpost

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// line is a line of the journal.
type line struct {
	Kind   lineKind `cbor:"1,keyasint"`
	Number uint64   `cbor:"2,keyasint,omitempty"` // of the turn, over all visits
	Visit  [16]byte `cbor:"3,keyasint"`           // turn, over: a keyed hash of the visitor's secret
	Event  [16]byte `cbor:"4,keyasint"`           // turn: a keyed hash of the event's id
	At     int64    `cbor:"5,keyasint,omitempty"` // turn, time: unix milliseconds by the centre's clock, as far as it was known
	Centre []byte   `cbor:"6,keyasint,omitempty"` // turn: channels.Turn, sealed for the centre
	Keep   []byte   `cbor:"7,keyasint,omitempty"` // turn: standing, sealed for the visitor; none when the visit is over
	Done   []uint64 `cbor:"8,keyasint,omitempty"` // entered: the numbers of turns that the centre has
}

type lineKind uint8

const (
	lineTurn lineKind = iota + 1
	lineEntered
	lineOver
	lineTime // when the journal was written anew
)

// standing is what a visit goes on with after a turn.
type standing struct {
	From      string        `cbor:"1,keyasint"`           // the visitor, as the centre knows them
	Number    uint64        `cbor:"2,keyasint"`           // of the turn in the visit
	Memory    []byte        `cbor:"3,keyasint"`           // talk.Encode
	Pages     []render.Page `cbor:"4,keyasint,omitempty"` // what was replied
	Over      bool          `cbor:"5,keyasint,omitempty"`
	Unchecked []string      `cbor:"6,keyasint,omitempty"` // dialogs whose code was taken on trust
}

// mostReplies is how many events of a visit are known again when they come again.
const mostReplies = 16

// entry is a turn in the journal.
type entry struct {
	number uint64
	at     time.Time // when it was held, by the machine's clock; zero: before this process began
	told   int64     // the same by the centre's, in unix milliseconds
	place  int64     // in the file
	visit  [16]byte
	event  [16]byte
	weight int
	tries  int       // how often the centre could not enter it, as far as it counts
	tried  time.Time // when that was counted last
	done   bool      // the centre has it
	over   bool      // its visit is over: nobody goes on with it
}

// visit is one visitor's, from the first page to the wipe.
type visit struct {
	id    [16]byte
	turn  chan struct{} // holds a token while a turn is held
	seals box
	users int  // who has the turn or waits for it
	woken bool // standing is filled in
	standing
	last []*entry // the newest first
}

func (o *Outpost) visitOf(secret string) (id [16]byte) { return mark(o.marks, "visit\x00"+secret) }

func (o *Outpost) eventOf(secret, id string) (e [16]byte) {
	return mark(o.marks, "event\x00"+secret+"\x00"+id)
}

// visit finds a visitor's, or begins it. Who calls it has to call leave, with the visit's turn taken.
func (o *Outpost) visit(secret string) *visit {
	id := o.visitOf(secret)
	o.mu.Lock()
	defer o.mu.Unlock()
	v := o.visits[id]
	if v == nil {
		v = newVisit(id)
		o.visits[id] = v
	}
	v.users++
	return v
}

// take waits for the visit's turn until ctx ends.
func (o *Outpost) take(ctx context.Context, v *visit) error {
	select {
	case v.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		o.mu.Lock()
		v.users--
		o.mu.Unlock()
		return ctx.Err()
	}
}

// leave hands the visit's turn on. A visit in which nothing was held is forgotten.
func (o *Outpost) leave(v *visit) {
	<-v.turn
	o.mu.Lock()
	defer o.mu.Unlock()
	if v.users--; v.users == 0 && len(v.last) == 0 && o.visits[v.id] == v {
		delete(o.visits, v.id)
	}
}

func newVisit(id [16]byte) *visit { return &visit{id: id, turn: make(chan struct{}, 1)} }

// wake reads what the visit is to go on with; the caller has its turn.
func (o *Outpost) wake(v *visit, secret string) error {
	if v.woken {
		return nil
	}
	v.seals = newBox([]byte(secret), "visitor")
	o.mu.Lock()
	var newest *entry
	if len(v.last) > 0 {
		newest = v.last[0]
	}
	o.mu.Unlock()
	if newest != nil {
		s, err := o.standingOf(v, newest)
		if err != nil {
			return err
		}
		v.standing = s
	}
	v.woken = true
	return nil
}

// standingOf reads what was kept with a turn.
func (o *Outpost) standingOf(v *visit, e *entry) (s standing, err error) {
	o.tidied.RLock()
	defer o.tidied.RUnlock()
	l, err := o.read(e)
	if err != nil {
		return s, err
	}
	b, err := v.seals.open(l.Keep, keepAbout(e.visit, e.event))
	if err != nil {
		return s, err
	}
	if err := wire.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("outpost: what a visit goes on with can't be read: %w", err)
	}
	return s, nil
}

func keepAbout(visit, event [16]byte) string { return "keep" + string(visit[:]) + string(event[:]) }

func (o *Outpost) read(e *entry) (l line, err error) {
	b, err := o.journal.read(e.place)
	if err != nil {
		return l, err
	}
	if err := wire.Unmarshal(b, &l); err != nil {
		return l, fmt.Errorf("outpost: a turn can't be read: %w", err)
	}
	if l.Kind != lineTurn || l.Number != e.number {
		return l, fmt.Errorf("outpost: turn %d is not where it was written", e.number)
	}
	return l, nil
}

// again returns the reply that was given to an event before.
func (o *Outpost) again(v *visit, event [16]byte) (channels.Reply, bool, error) {
	o.mu.Lock()
	var was *entry
	for _, e := range v.last {
		if e.event == event {
			was = e
			break
		}
	}
	o.mu.Unlock()
	if was == nil {
		return channels.Reply{}, false, nil
	}
	s, err := o.standingOf(v, was)
	return channels.Reply{Pages: s.Pages, Over: s.Over}, true, err
}

// age is how long ago a turn was held. As long as this process lives, no clock that is set changes it.
func (o *Outpost) age(e *entry) time.Duration {
	if !e.at.IsZero() {
		return max(o.clock.Now().Sub(e.at), 0)
	}
	now := o.clock.Now()
	if p := o.place.Load(); p != nil {
		now = now.Add(p.offset)
	}
	return max(time.Duration(now.UnixMilli()-e.told)*time.Millisecond, 0)
}

// put adds a turn that is on disk to the visit and to the queue.
func (o *Outpost) put(v *visit, e *entry) {
	v.last = append([]*entry{e}, v.last...)
	if len(v.last) > mostReplies {
		v.last = v.last[:mostReplies]
	}
	if !e.done {
		o.queue = append(o.queue, e)
	}
	o.next = max(o.next, e.number+1)
}

// recall takes a line of the journal when it is opened.
func (o *Outpost) recall(content []byte, at int64) error {
	var l line
	if err := wire.Unmarshal(content, &l); err != nil {
		return fmt.Errorf("outpost: a line of the journal can't be read: %w", err)
	}
	o.latest = max(o.latest, l.At)
	switch l.Kind {
	case lineTurn:
		if l.Keep == nil {
			if l.Centre != nil {
				o.queue = append(o.queue, &entry{number: l.Number, told: l.At, place: at, visit: l.Visit, event: l.Event, weight: len(content), over: true})
			}
			o.next = max(o.next, l.Number+1)
			break
		}
		v := o.visits[l.Visit]
		if v == nil {
			v = newVisit(l.Visit)
			o.visits[l.Visit] = v
		}
		o.put(v, &entry{number: l.Number, told: l.At, place: at, visit: l.Visit, event: l.Event, weight: len(content), done: l.Centre == nil})
	case lineEntered:
		o.entered(l.Done)
	case lineOver:
		if v := o.visits[l.Visit]; v != nil {
			o.end(v)
			delete(o.visits, l.Visit)
		}
	}
	return nil
}

// entered takes turns that the centre has from the queue.
func (o *Outpost) entered(numbers []uint64) {
	done := make(map[uint64]bool, len(numbers))
	for _, n := range numbers {
		done[n] = true
	}
	rest := o.queue[:0:0]
	for _, e := range o.queue {
		if done[e.number] {
			e.done = true
		} else {
			rest = append(rest, e)
		}
	}
	o.queue = rest
}

// end notes that nobody goes on with a visit's turns.
func (o *Outpost) end(v *visit) {
	for _, e := range v.last {
		e.over = true
	}
	for _, e := range o.queue {
		if e.visit == v.id {
			e.over = true
		}
	}
	v.last = nil
}

// Over ends a visit: the browser has forgotten the visitor's secret. What was answered is forwarded all the same; the visit
// itself can't be gone on with.
func (o *Outpost) Over(secret string) {
	v := o.visit(secret)
	v.turn <- struct{}{}
	defer o.leave(v)
	o.mu.Lock()
	known := len(v.last) > 0
	o.end(v)
	v.woken, v.standing, v.seals = false, standing{}, box{}
	o.mu.Unlock()
	if !known {
		return
	}
	b, err := cbor.Marshal(line{Kind: lineOver, Visit: v.id})
	if err == nil {
		o.tidied.RLock()
		_, err = o.journal.append(b)
		o.tidied.RUnlock()
	}
	if err != nil {
		o.log.Error("the end of a visit was not kept", "visit", short(v.id), "error", err)
	}
	o.tidy()
}

const (
	// longestVisit is how long a visit that nobody ended is kept to be gone on with.
	longestVisit = 24 * time.Hour
	// wasteful is how many bytes of no use to anybody the journal holds before it is written anew.
	wasteful = 4 << 20
)

// tidy writes the journal anew when nothing in it is of use to anybody, or much isn't: of turns that the centre has, what
// their visits are to go on with is kept until the visit is over.
func (o *Outpost) tidy() {
	o.tidied.Lock()
	defer o.tidied.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.journal.length() <= o.bare || o.journal.trouble() != nil {
		return
	}
	keep := append([]*entry(nil), o.queue...)
	needed := int64(0)
	for id, v := range o.visits {
		if len(v.last) > 0 && v.users == 0 && o.age(v.last[0]) > longestVisit {
			o.end(v)
			delete(o.visits, id)
			continue
		}
		for _, e := range v.last {
			if e.done {
				keep = append(keep, e)
			}
		}
	}
	for _, e := range keep {
		needed += int64(e.weight)
	}
	if len(keep) > 0 && o.journal.length()-needed < wasteful {
		return
	}
	slices.SortFunc(keep, func(a, b *entry) int { return cmp.Compare(a.number, b.number) })
	if err := o.write(keep); err != nil {
		o.log.Error("the journal was not tidied up", "error", err)
	}
}

// write puts these turns in a new journal.
func (o *Outpost) write(keep []*entry) error {
	lines := make([][]byte, len(keep), len(keep)+1)
	for i, e := range keep {
		l, err := o.read(e)
		if err != nil {
			return err
		}
		if e.done {
			l.Centre = nil
		}
		if e.over {
			l.Keep = nil
		}
		if lines[i], err = cbor.Marshal(l); err != nil {
			return err
		}
	}
	if p := o.place.Load(); p != nil { // what the time was at least, for a machine whose clock is not to be trusted
		b, err := cbor.Marshal(line{Kind: lineTime, At: o.now(p).UnixMilli()})
		if err != nil {
			return err
		}
		lines = append(lines, b)
	}
	at, err := o.journal.rewrite(lines)
	if err != nil {
		return err
	}
	o.bare = 0
	if len(keep) == 0 {
		o.bare = o.journal.length()
	}
	for i, e := range keep {
		e.place, e.weight = at[i], len(lines[i])
	}
	return nil
}
