package outpost

import (
	"crypto/hpke"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/townline/townline/channels"
)

// Aside is a file at the centre of turns that could not be entered, or not whole, and that a person has to look at. They stay
// sealed: whose they are and what was said only the town's keys tell.
type Aside struct {
	lock    io.Closer
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
}

// Open unseals the turn; seed is CentreSettings.Seed.
func (p *Put) Open(seed []byte) (t channels.Turn, err error) {
	key, err := privateKey(seed)
	if err != nil {
		return t, err
	}
	return p.open(key)
}

func (p *Put) open(key hpke.PrivateKey) (t channels.Turn, err error) {
	plain, err := openTurn(key, p.Outpost, p.Sealed)
	if err != nil {
		return t, err
	}
	if err := wire.Unmarshal(plain, &t); err != nil {
		return t, fmt.Errorf("outpost: a turn can't be read: %w", err)
	}
	return t, nil
}

// ReadAside lists what is in the file, the oldest first, while a centre may be at work with it.
func ReadAside(name string) ([]Put, error) {
	b, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("outpost: the turns that were put aside: %w", err)
	}
	a := &Aside{}
	_, _, err = frames(b, a.recall)
	return a.all, err
}

// OpenAside opens the file, or makes it. While it is open, nobody else can.
func OpenAside(name string) (*Aside, error) {
	lock, err := lockFile(name + ".lock")
	if err != nil {
		return nil, errors.New("outpost: townline serve works with the turns that were put aside: end it first")
	}
	a := &Aside{lock: lock}
	if a.journal, _, err = openJournal(name, a.recall); err != nil {
		return nil, errors.Join(fmt.Errorf("outpost: the turns that were put aside: %w", err), lock.Close())
	}
	return a, nil
}

func (a *Aside) recall(content []byte, _ int64) error {
	var p Put
	if err := wire.Unmarshal(content, &p); err != nil {
		return fmt.Errorf("outpost: a turn that was put aside can't be read: %w", err)
	}
	a.all = append(a.all, p)
	return nil
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
	a.all = append(a.all, p)
	return true, nil
}

// All lists what is aside, the oldest first.
func (a *Aside) All() []Put {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.all)
}

// Settle takes a turn from the list, and destroys it: somebody has seen to it.
func (a *Aside) Settle(id [16]byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(a.all), func(p Put) bool { return p.ID == id })
	lines := make([][]byte, len(rest))
	for i := range rest {
		var err error
		if lines[i], err = cbor.Marshal(&rest[i]); err != nil {
			return err
		}
	}
	if _, err := a.journal.rewrite(lines); err != nil {
		return fmt.Errorf("outpost: the turns that were put aside: %w", err)
	}
	a.all = rest
	return nil
}

// Len is how many turns are aside.
func (a *Aside) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.all)
}

// Close lets go of the file.
func (a *Aside) Close() error { return errors.Join(a.journal.close(), a.lock.Close()) }
