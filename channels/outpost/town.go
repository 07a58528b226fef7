package outpost

import (
	"bytes"
	"crypto/hpke"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

// Town is what an outpost must know of the town to hold conversations by itself. The centre gives it and the dialogs whenever
// they change.
type Town struct {
	Name      string        `cbor:"1,keyasint"`
	Languages []string      `cbor:"2,keyasint"`
	Zone      string        `cbor:"3,keyasint"` // "America/New_York"
	Emergency string        `cbor:"4,keyasint,omitempty"`
	Country   string        `cbor:"5,keyasint,omitempty"` // calling code: "1"
	Hours     string        `cbor:"6,keyasint,omitempty"` // of the desk, in words
	Texts     bool          `cbor:"7,keyasint,omitempty"`
	Number    string        `cbor:"10,keyasint,omitempty"` // that residents text
	PublicURL string        `cbor:"11,keyasint,omitempty"` // where residents' own screens reach the town
	Dialogs   []dialogs.Pin `cbor:"8,keyasint"`            // in service, in the order of the menu
	Key       []byte        `cbor:"9,keyasint"`            // the centre's public key, which turns are sealed for
}

func (t *Town) hash() []byte {
	b, err := cbor.Marshal(t)
	if err != nil {
		panic(err) // plain values
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

// kept is the town on disk, under a seal that only who has the secret can make.
type kept struct {
	Town    Town     `cbor:"1,keyasint"`
	Bundles [][]byte `cbor:"2,keyasint"` // of its dialogs, and of older ones, the oldest first
	Offset  int64    `cbor:"3,keyasint"` // how far the centre's clock is ahead of this machine's, in milliseconds
}

// mostOlder is how many dialogs that are out of service are kept, for visits that began with them.
const mostOlder = 32

// place is a town ready to hold conversations. It never changes.
type place struct {
	facts   Town
	hash    []byte
	talk    *talk.Town
	key     hpke.PublicKey
	bundles [][]byte
	pins    []dialogs.Pin // of the bundles
	offset  time.Duration
}

// shelf is a place's dialogs.
type shelf struct {
	current []*dialogs.Dialog
	all     map[dialogs.Pin]*dialogs.Dialog
}

func (s *shelf) Current() []*dialogs.Dialog             { return s.current }
func (s *shelf) Pinned(pin dialogs.Pin) *dialogs.Dialog { return s.all[pin] }

// newPlace compiles a town; known has what was compiled before.
func newPlace(k kept, words *locales.Catalogue, known *place) (*place, error) {
	p := &place{facts: k.Town, hash: k.Town.hash(), offset: time.Duration(k.Offset) * time.Millisecond}
	zone, err := time.LoadLocation(k.Town.Zone)
	if err != nil {
		return nil, fmt.Errorf("outpost: the town's time zone: %w", err)
	}
	if p.key, err = publicKey(k.Town.Key); err != nil {
		return nil, err
	}
	s := &shelf{all: map[dialogs.Pin]*dialogs.Dialog{}}
	var old map[string]*dialogs.Dialog
	if known != nil {
		old = make(map[string]*dialogs.Dialog, len(known.bundles))
		for i, b := range known.bundles {
			old[string(b)] = known.talk.Dialogs.Pinned(known.pins[i])
		}
	}
	for _, b := range k.Bundles {
		d := old[string(b)]
		if d == nil {
			if d, err = dialogs.Compile(b); err != nil {
				return nil, fmt.Errorf("outpost: %w", err)
			}
		}
		if s.all[d.Pin] == nil {
			s.all[d.Pin] = d
			p.bundles, p.pins = append(p.bundles, b), append(p.pins, d.Pin)
		}
	}
	for _, pin := range k.Town.Dialogs {
		d := s.all[pin]
		if d == nil {
			return nil, fmt.Errorf("outpost: dialog %s version %d is missing", pin.ID, pin.Version)
		}
		s.current = append(s.current, d)
	}
	p.talk = &talk.Town{
		Name: k.Town.Name, Languages: k.Town.Languages, Zone: zone, Emergency: k.Town.Emergency, Country: k.Town.Country,
		Texts: k.Town.Texts, Locales: words, Dialogs: s,
	}
	return p, nil
}

// with is a town's facts with new bundles beside those at hand; what has long been out of service is left behind.
func (p *place) with(t Town, bundles [][]byte, offset time.Duration) kept {
	k := kept{Town: t, Offset: offset.Milliseconds()}
	if p != nil {
		older := 0
		for i := len(p.bundles) - 1; i >= 0; i-- {
			if !contains(t.Dialogs, p.pins[i]) {
				if older++; older > mostOlder {
					continue
				}
			}
			k.Bundles = append([][]byte{p.bundles[i]}, k.Bundles...)
		}
	}
	k.Bundles = append(k.Bundles, bundles...)
	return k
}

func contains(pins []dialogs.Pin, pin dialogs.Pin) bool {
	for _, p := range pins {
		if p == pin {
			return true
		}
	}
	return false
}

func townFile(dir string) string { return filepath.Join(dir, "town") }

// readTown reads the town that was kept; nil when there is none, or it was sealed with another secret.
func readTown(dir string, keys box) (*kept, error) {
	b, err := os.ReadFile(townFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("outpost: %w", err)
	}
	if b, err = keys.open(b, "town"); err != nil {
		return nil, nil
	}
	var k kept
	if err := unpack(b, mostAnswer, &k); err != nil {
		return nil, nil // of a newer townline: the centre gives another
	}
	return &k, nil
}

func writeTown(dir string, keys box, k kept) error {
	b, err := pack(k)
	if err != nil {
		return err
	}
	if err := replaceFile(townFile(dir), keys.seal(b, "town")); err != nil {
		return fmt.Errorf("outpost: keep the town: %w", err)
	}
	return nil
}

// same says whether two towns are the same.
func (p *place) same(hash []byte) bool { return p != nil && bytes.Equal(p.hash, hash) }
