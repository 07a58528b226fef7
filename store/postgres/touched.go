package postgres

import (
	"sync"

	"github.com/townline/townline/store"
)

// underWay is whom the writers of this node are at. No two are at one resident: each would wait for rows that the other holds until
// PostgreSQL ends one of them, and that takes a second.
type underWay struct {
	mu sync.Mutex
	by map[store.Resident]*touched
}

// touched is what the turns of a batch are about: no two of them have anything in common.
type touched struct {
	at        *underWay
	residents []store.Resident
	others    map[any]bool
	alone     bool
	left      []*job // by another writer, since this one is at their residents; under at.mu
}

func newTouched(at *underWay) *touched { return &touched{at: at, others: map[any]bool{}} }

// done ends a batch, and adds what was left to it meanwhile.
func (t *touched) done(waiting []*job) []*job {
	clear(t.others)
	t.alone = false
	t.at.mu.Lock()
	defer t.at.mu.Unlock()
	for _, r := range t.residents {
		delete(t.at.by, r)
	}
	t.residents = t.residents[:0]
	waiting = append(waiting, t.left...)
	t.left = t.left[:0]
	return waiting
}

type (
	touchedVoter   struct{ poll, voter string }
	touchedBallot  struct{ poll, id string }
	touchedRequest string
)

// taking is what becomes of a turn: it is of the batch, of this writer's next one, or left to the writer that is at its resident.
type taking uint8

const (
	here taking = iota
	later
	elsewhere
)

// take adds a turn, unless it touches what another does. To a batch of none it is never for later.
func (t *touched) take(j *job) taking {
	turn, c := &j.turn, j.turn.change
	if t.alone {
		return later
	}
	if c.Merged != nil { // it reads on before it writes
		if len(t.residents) > 0 {
			return later
		}
		took := t.claim(j, c.Resident, c.Merged.Resident)
		t.alone = took == here
		return took
	}
	if turn.plain && len(c.Timers) == 0 {
		return t.claim(j, c.Resident)
	}
	var all []any
	people := []store.Resident{c.Resident}
	for i := range c.Link {
		all = append(all, c.Link[i].Key)
	}
	for _, k := range c.Unlink {
		all = append(all, k)
	}
	if n := c.Newcomer; n != nil {
		people = append(people, n.Resident)
		for i := range n.Link {
			all = append(all, n.Link[i].Key)
		}
	}
	for i := range c.Ballots {
		b := &c.Ballots[i]
		all = append(all, touchedVoter{b.Poll, string(b.Voter[:])}, touchedBallot{b.Poll, string(b.ID[:])})
	}
	for i := range c.Marks {
		all = append(all, touchedVoter{c.Marks[i].Poll, string(c.Marks[i].Voter[:])})
	}
	for i := range c.Requests {
		all = append(all, touchedRequest(c.Requests[i].Reference))
	}
	for i := range c.Timers {
		if r := c.Timers[i].Resident; r != c.Resident && r != (store.Resident{}) {
			people = append(people, r)
		}
	}
	for _, k := range all {
		if t.others[k] {
			return later
		}
	}
	took := t.claim(j, people...)
	if took == here {
		for _, k := range all {
			t.others[k] = true
		}
	}
	return took
}

// claim takes residents for this writer. A turn about one whom the other is at is left to that one.
func (t *touched) claim(j *job, people ...store.Resident) taking {
	t.at.mu.Lock()
	defer t.at.mu.Unlock()
	for _, r := range people {
		switch by := t.at.by[r]; by {
		case nil:
		case t:
			return later
		default:
			by.left = append(by.left, j)
			return elsewhere
		}
	}
	if t.at.by == nil {
		t.at.by = map[store.Resident]*touched{}
	}
	for _, r := range people {
		if t.at.by[r] == nil { // named twice
			t.at.by[r] = t
			t.residents = append(t.residents, r)
		}
	}
	return here
}
