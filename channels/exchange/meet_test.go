package exchange

import (
	"context"
	"slices"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

// meanwhile is a store in which something happens once, right after a resident was met, or before their row is loaded.
type meanwhile struct {
	store.Store
	met, load func()
	loads     int
}

func once(f *func()) {
	if do := *f; do != nil {
		*f = nil
		do()
	}
}

func (m *meanwhile) Meet(ctx context.Context, a store.AddressKey) (store.Conversation, bool, error) {
	c, known, err := m.Store.Meet(ctx, a)
	once(&m.met)
	return c, known, err
}

func (m *meanwhile) Load(ctx context.Context, r store.Resident) (store.Conversation, error) {
	once(&m.load)
	m.loads++
	return m.Store.Load(ctx, r)
}

// TestWhatHappensOnceARowWasRead: between the row that comes with an address and the turn, on another server, the resident says something
// else, says the same, is erased, or is found to be another. The turn is as if it had come later, and nothing is left of whoever is gone.
func TestWhatHappensOnceARowWasRead(t *testing.T) {
	for _, loaded := range []bool{false, true} { // by their address, or by their id, as who had to wait does
		begin := func(t *testing.T) (w *town, elsewhere *town, happens func(func())) {
			w = settle(t)
			elsewhere = settle(t, func(e *town, _ *Settings) { e.store, e.clock, e.ids = w.store, w.clock, 1000 })
			m := &meanwhile{Store: w.store}
			w.x.store = m
			return w, elsewhere, func(do func()) {
				m.met, m.load = do, nil
				if loaded {
					w.x.residents.beside = func(context.Context, store.Resident) (func(), bool) { return func() {}, false }
					m.met, m.load = nil, do
				}
			}
		}
		name := map[bool]string{false: "met/", true: "loaded/"}[loaded]
		t.Run(name+"says something else", func(t *testing.T) {
			w, elsewhere, happens := begin(t)
			w.says(ann, "PARK")
			happens(func() { elsewhere.says(ann, "1") })
			w.expect(w.says(ann, "back"), "You said: ")
		})
		t.Run(name+"says the same", func(t *testing.T) {
			w, elsewhere, happens := begin(t)
			w.says(ann, "PARK")
			e := w.text(ann, "1")
			first := ""
			happens(func() { first = elsewhere.hear(e) })
			if got := w.hear(e); got != first {
				t.Errorf("%s\nnot\n%s", got, first)
			}
		})
		t.Run(name+"is erased", func(t *testing.T) {
			w, elsewhere, happens := begin(t)
			w.says(ann, "PARK", "1")
			happens(func() { elsewhere.says(ann, "erase", "1") })
			w.says(ann, "repeat")
			w.addressed()
			if w.who("tel", ann) == (store.Resident{}) {
				t.Error("who wrote last is not known")
			}
		})
		t.Run(name+"is erased and says what they said before", func(t *testing.T) {
			w, elsewhere, happens := begin(t)
			e := w.text(ann, "PARK")
			w.hear(e)
			happens(func() { elsewhere.says(ann, "erase", "1") })
			w.hear(e)
			w.addressed()
		})
		t.Run(name+"is found to be another", func(t *testing.T) {
			w, elsewhere, happens := begin(t)
			w.says(ann, "help")
			code := elsewhere.linkCode(ann)
			elsewhere.chats("77", "LINK "+code)
			happens(func() { elsewhere.expect(elsewhere.chats("77", "yes"), "We know you on both now") })
			w.says(ann, "repeat")
			w.addressed()
			if !w.same() {
				t.Error("two residents")
			}
		})
	}
}

// addressed looks that nobody is kept whom no address finds.
func (w *town) addressed() {
	w.t.Helper()
	m := w.inside()
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[store.Resident]bool{}
	for _, o := range m.addresses {
		found[o.resident] = true
	}
	for r := range m.rows {
		if !found[r] {
			w.t.Errorf("%x is kept, and nobody's", r[:2])
		}
	}
}

// TestATurnReadsOnce: a plain message asks the store once for whoever it is from and what they said before; no more, where nobody waits.
func TestATurnReadsOnce(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK")
	r := &reading{Store: w.store}
	w.x.store = r
	var counts []int
	for _, words := range []string{"1", "2", "repeat", "help", "zzz"} {
		before := r.n
		w.says(ann, words)
		counts = append(counts, r.n-before)
	}
	if slices.Max(counts) != 1 {
		t.Errorf("%v reads", counts)
	}
	e := channels.Event{Channel: "ussd", From: channels.Address{Kind: "tel", ID: ann}, Kind: channels.Looked, At: w.clock.Now()}
	before := r.n
	w.hear(e)
	if r.n-before != 1 {
		t.Errorf("%d reads for a look", r.n-before)
	}
}
