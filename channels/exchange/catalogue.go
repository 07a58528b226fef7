package exchange

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// Shelf is where published dialogs are kept. A store.Store is one.
type Shelf interface {
	Publish(ctx context.Context, p store.Published) error
	Dialog(ctx context.Context, id string, version int, hash string) (store.Published, error)
	Dialogs(ctx context.Context) ([]store.Published, error)
}

// Catalogue holds the town's dialogs: those in service, and older ones that conversations began with, as long as they
// are in use.
type Catalogue struct {
	shelf   Shelf
	clock   Clock
	current atomic.Pointer[[]*dialogs.Dialog]
	loading singleflight.Group

	serving sync.Mutex     // held while what is in service changes
	left    map[string]int // newest versions of dialogs that were out of service when ours were published

	mu     sync.Mutex
	pinned map[dialogs.Pin]*list.Element // of *dialogs.Dialog
	recent list.List                     // last used first
}

// mostPinned is how many dialogs are kept compiled beside those in service. A compiled dialog is some 50 KB.
const mostPinned = 128

// NewCatalogue returns a catalogue with nothing in service until Publish.
func NewCatalogue(s Shelf, c Clock) *Catalogue {
	k := &Catalogue{shelf: s, clock: c, pinned: make(map[dialogs.Pin]*list.Element)}
	k.current.Store(new([]*dialogs.Dialog))
	return k
}

var _ talk.Catalogue = (*Catalogue)(nil)
var _ fetcher = (*Catalogue)(nil)
var _ retirer = (*Catalogue)(nil)
var _ refresher = (*Catalogue)(nil)

// Current returns the dialogs in service, in menu order. The caller must not change it.
func (k *Catalogue) Current() []*dialogs.Dialog { return *k.current.Load() }

// Publish puts the dialogs of a set in service, and keeps their content in the store before. A dialog whose content
// changed although its version did not is refused with a problem; the published one stays in service. Dialogs that are not
// in the set go out of service: conversations that began with them are finished, and nobody can begin one.
func (k *Catalogue) Publish(ctx context.Context, set *dialogs.Set) (dialogs.Problems, error) {
	k.serving.Lock()
	defer k.serving.Unlock()
	known, err := k.shelf.Dialogs(ctx)
	if err != nil {
		return nil, fmt.Errorf("exchange: list the published dialogs: %w", err)
	}
	var problems dialogs.Problems
	serve := make([]*dialogs.Dialog, 0, len(set.All()))
	for _, d := range set.All() {
		newest, same := newestOf(known, d.Pin)
		if newest.Version > d.Version || newest.Version == d.Version && newest.Hash != d.Hash {
			problems = append(problems, raise(d, newest.Version))
			if d, err = k.load(ctx, dialogs.Pin{ID: newest.ID, Version: newest.Version, Hash: newest.Hash}); err != nil {
				return problems, err
			}
			serve = append(serve, d)
			continue
		}
		if !same {
			err := k.shelf.Publish(ctx, store.Published{ID: d.ID, Version: d.Version, Hash: d.Hash, At: k.clock.Now(), Source: dialogs.Bundle(d)})
			if errors.Is(err, store.ErrPublished) { // by another node, a moment ago
				problems = append(problems, raise(d, d.Version))
				continue
			}
			if err != nil {
				return problems, fmt.Errorf("exchange: publish %s version %d: %w", d.ID, d.Version, err)
			}
		}
		serve = append(serve, d)
	}
	k.current.Store(&serve)
	k.left = map[string]int{}
	for _, p := range known {
		k.left[p.ID] = max(k.left[p.ID], p.Version)
	}
	for _, d := range serve {
		delete(k.left, d.ID)
	}
	return problems, nil
}

// Refresh takes over what other nodes have published since: the newest version of each dialog is in service everywhere, and so is one
// that nobody had when ours were published. One that can't be read here, as it was written for a newer townline, stays as it is, and
// the error says so. taken is how many there were.
func (k *Catalogue) Refresh(ctx context.Context) (taken int, err error) {
	k.serving.Lock()
	defer k.serving.Unlock()
	known, err := k.shelf.Dialogs(ctx)
	if err != nil {
		return 0, fmt.Errorf("exchange: list the published dialogs: %w", err)
	}
	serve := slices.Clone(k.Current())
	var errs []error
	for _, p := range known {
		newest, _ := newestOf(known, dialogs.Pin{ID: p.ID})
		at := slices.IndexFunc(serve, func(d *dialogs.Dialog) bool { return d.ID == p.ID })
		if p.Version != newest.Version || at >= 0 && serve[at].Version >= p.Version || at < 0 && k.left[p.ID] >= p.Version {
			continue
		}
		d, err := k.load(ctx, dialogs.Pin{ID: p.ID, Version: p.Version, Hash: p.Hash})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		taken++
		if at < 0 {
			serve = append(serve, d)
			delete(k.left, d.ID)
		} else {
			k.keep(serve[at]) // for conversations that began with it
			serve[at] = d
		}
	}
	if taken > 0 {
		k.current.Store(&serve)
	}
	return taken, errors.Join(errs...)
}

// Retired returns the newest versions of the dialogs that were published once and are no longer in service, and of those
// that could not be read why.
func (k *Catalogue) Retired(ctx context.Context) ([]*dialogs.Dialog, error) {
	known, err := k.shelf.Dialogs(ctx)
	if err != nil {
		return nil, fmt.Errorf("exchange: list the published dialogs: %w", err)
	}
	newest := map[string]store.Published{}
	for _, p := range known {
		if p.Version > newest[p.ID].Version {
			newest[p.ID] = p
		}
	}
	for _, d := range k.Current() {
		delete(newest, d.ID)
	}
	var out []*dialogs.Dialog
	var errs []error
	for _, p := range newest {
		pin := dialogs.Pin{ID: p.ID, Version: p.Version, Hash: p.Hash}
		d := k.compiled(pin)
		if d == nil {
			if d, err = k.load(ctx, pin); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		out = append(out, d)
	}
	return out, errors.Join(errs...)
}

// newestOf finds the newest published version of a dialog, and says whether exactly this content is published.
func newestOf(known []store.Published, pin dialogs.Pin) (newest store.Published, same bool) {
	for _, p := range known {
		if p.ID != pin.ID {
			continue
		}
		if p.Version > newest.Version {
			newest = p
		}
		if p.Version == pin.Version && p.Hash == pin.Hash {
			same = true
		}
	}
	return newest, same
}

func raise(d *dialogs.Dialog, published int) dialogs.Problem {
	p := dialogs.Problem{
		File: d.File, Line: 1, Column: 1, Code: "published",
		Hint: "raise `version` to " + strconv.Itoa(published+1) + "; until then version " + strconv.Itoa(published) + " stays in service",
	}
	if d.Version < published {
		p.Message = fmt.Sprintf("version %d of %q is older than version %d, which is published", d.Version, d.ID, published)
	} else {
		p.Message = fmt.Sprintf("version %d of %q was published with other words", d.Version, d.ID)
	}
	return p
}

// Pinned returns the content that a conversation began with, nil when it is not to be had. It reads the store only when
// Fetch was not called before.
func (k *Catalogue) Pinned(pin dialogs.Pin) *dialogs.Dialog {
	if d := k.compiled(pin); d != nil {
		return d
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	d, err := k.load(ctx, pin)
	if err != nil {
		return nil
	}
	return d
}

// Fetch makes sure that Pinned answers at once. It returns nil for a dialog that is not in the store, and an error when
// the store can't be asked.
func (k *Catalogue) Fetch(ctx context.Context, pin dialogs.Pin) error {
	if k.compiled(pin) != nil {
		return nil
	}
	if _, err := k.load(ctx, pin); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// compiled returns a dialog that is in memory.
func (k *Catalogue) compiled(pin dialogs.Pin) *dialogs.Dialog {
	for _, d := range k.Current() {
		if d.Pin == pin {
			return d
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.pinned[pin]
	if !ok {
		return nil
	}
	k.recent.MoveToFront(e)
	return e.Value.(*dialogs.Dialog)
}

// load reads and compiles a published dialog, once for all who ask at the same time.
func (k *Catalogue) load(ctx context.Context, pin dialogs.Pin) (*dialogs.Dialog, error) {
	name := pin.ID + "@" + strconv.Itoa(pin.Version) + "#" + pin.Hash
	wait := k.loading.DoChan(name, func() (any, error) {
		if d := k.compiled(pin); d != nil { // loaded between the asker's look and now
			return d, nil
		}
		// Not the first asker's context: the others would be cut off with it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		p, err := k.shelf.Dialog(ctx, pin.ID, pin.Version, pin.Hash)
		if err != nil {
			return nil, fmt.Errorf("exchange: dialog %s: %w", name, err)
		}
		d, err := dialogs.Compile(p.Source)
		if err != nil {
			return nil, fmt.Errorf("exchange: dialog %s: %w", name, err)
		}
		if d.Pin != pin {
			return nil, fmt.Errorf("exchange: dialog %s: the content that was kept has the hash %s", name, d.Hash)
		}
		k.keep(d)
		return d, nil
	})
	select {
	case r := <-wait:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*dialogs.Dialog), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (k *Catalogue) keep(d *dialogs.Dialog) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.pinned[d.Pin]; ok {
		return
	}
	k.pinned[d.Pin] = k.recent.PushFront(d)
	if k.recent.Len() > mostPinned {
		last := k.recent.Back()
		delete(k.pinned, last.Value.(*dialogs.Dialog).Pin)
		k.recent.Remove(last)
	}
}
