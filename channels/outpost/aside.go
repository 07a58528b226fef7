package outpost

import (
	"fmt"
	"slices"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// Aside is a file at the centre of turns that could not be entered, or not whole, and that a person has to look at. They stay
// sealed: whose they are and what was said only the town's keys tell.
type Aside struct {
	mu      sync.Mutex
	journal *journal
	all     []Put
}

// Put is a turn that was put aside.
type Put struct {
	ID      [16]byte `cbor:"1,keyasint"`
	Outpost string   `cbor:"2,keyasint,omitempty"`
	At      int64    `cbor:"3,keyasint,omitempty"` // unix milliseconds, when it was held
	Why     string   `cbor:"4,keyasint,omitempty"`
	Sealed  []byte   `cbor:"5,keyasint,omitempty"`
	Settled bool     `cbor:"6,keyasint,omitempty"` // somebody has seen to it
}

// OpenAside opens the file, or makes it.
func OpenAside(name string) (*Aside, error) {
	a := &Aside{}
	j, _, err := openJournal(name, func(content []byte, _ int64) error {
		var p Put
		if err := wire.Unmarshal(content, &p); err != nil {
			return fmt.Errorf("outpost: a turn that was put aside can't be read: %w", err)
		}
		a.take(p)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("outpost: the turns that were put aside: %w", err)
	}
	a.journal = j
	return a, nil
}

func (a *Aside) take(p Put) {
	a.all = slices.DeleteFunc(a.all, func(q Put) bool { return q.ID == p.ID })
	if !p.Settled {
		a.all = append(a.all, p)
	}
}

// put keeps a turn, once.
func (a *Aside) put(p Put) (added bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if slices.ContainsFunc(a.all, func(q Put) bool { return q.ID == p.ID }) {
		return false, nil
	}
	b, err := cbor.Marshal(p)
	if err != nil {
		return false, err
	}
	if _, err := a.journal.append(b); err != nil {
		return false, err
	}
	a.take(p)
	return true, nil
}

// All lists what is aside, the oldest first.
func (a *Aside) All() []Put {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.all)
}

// Settle takes a turn from the list: somebody has seen to it.
func (a *Aside) Settle(id [16]byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := Put{ID: id, Settled: true}
	b, err := cbor.Marshal(p)
	if err != nil {
		return err
	}
	if _, err := a.journal.append(b); err != nil {
		return err
	}
	a.take(p)
	if len(a.all) == 0 {
		_, err = a.journal.rewrite(nil)
	}
	return err
}

// Len is how many turns are aside.
func (a *Aside) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.all)
}

// Close lets go of the file.
func (a *Aside) Close() error { return a.journal.close() }
