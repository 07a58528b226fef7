package channeltest

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

//go:embed town
var files embed.FS

// phrases and benches are read once; neither ever changes.
var (
	phrases = sync.OnceValues(locales.Load)
	benches = sync.OnceValues(func() (*dialogs.Set, error) {
		words, err := phrases()
		if err != nil {
			return nil, err
		}
		town, err := fs.Sub(files, "town")
		if err != nil {
			return nil, err
		}
		set, problems := dialogs.Load(town, dialogs.Options{Locales: words})
		if problems.Errors() {
			return nil, errors.New(problems.String())
		}
		return set, nil
	})
)

// house is a town with a real exchange on a real store, which asks about a bench, or with several. What comes in and what is
// replied is noted in front of it.
type house struct {
	b     *bench
	nodes []*node
	store store.Store // the first node's
	keys  *store.Keys

	mu    sync.Mutex
	came  int
	seen  map[channels.Address][]noted
	delay time.Duration // of replies, once the turn is on disk
}

// node is one exchange of a town.
type node struct {
	*exchange.Exchange
	store store.Store
	stop  func()
}

// noted is an event, and what was replied.
type noted struct {
	channels.Event
	channels.Reply
	err   error
	again bool // it was taken before
}

func newHouse(b *bench, languages []string) *house {
	b.Helper()
	if len(languages) == 0 {
		languages = []string{"en"}
	}
	dir := folder(b)
	keys, err := store.LoadKeys(dir+"/town.keys", "")
	if err != nil {
		b.Fatal(err)
	}
	h := &house{b: b, keys: keys, seen: map[channels.Address][]noted{}}
	if b.on == nil {
		kept, err := sqlite.Open(dir+"/town.db", keys)
		if err != nil {
			b.Fatal(err)
		}
		h.nodes = append(h.nodes, newNode(b, languages, exchange.Settings{Store: kept, Keys: keys}))
	} else {
		address := b.on.rows.Empty(b)
		for i := range b.on.leases {
			h.nodes = append(h.nodes, newNode(b, languages, exchange.Settings{
				Store: b.on.open(b, address, keys), Keys: keys, Leases: b.on.leases[i],
				Nodes: exchange.Nodes{Poll: nodesPoll, Count: func() int { return nodesInTown }},
			}))
		}
	}
	h.store = h.nodes[0].store
	return h
}

// newNode opens one on a store.
func newNode(b *bench, languages []string, s exchange.Settings) *node {
	b.Helper()
	words, err := phrases()
	if err != nil {
		b.Fatal(err)
	}
	set, err := benches()
	if err != nil {
		b.Fatal(err)
	}
	catalogue := exchange.NewCatalogue(s.Store, exchange.SystemClock{})
	if problems, err := catalogue.Publish(context.Background(), set); err != nil || problems.Errors() {
		b.Fatal(err, problems)
	}
	s.Town = &talk.Town{Name: "Elmwood", Languages: languages, Zone: time.UTC, Emergency: "911", Country: "1", Locales: words, Dialogs: catalogue,
		Texts: slices.ContainsFunc(b.all, func(c channels.Channel) bool { return c.Traits().Texts })}
	s.Entropy, s.Channels = rand.Reader, b.all
	x, err := exchange.New(s)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() { x.Run(ctx); close(ran) }()
	return &node{x, s.Store, func() { cancel(); <-ran }}
}

// folder is a new one, in memory where the machine has such folders: nobody here pulls the plug, and waiting for a disk is most
// of the time that these tests take.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "channeltest-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// close ends the town.
func (h *house) close() {
	h.b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if err := h.Drain(ctx); err != nil {
		h.b.Errorf("the town doesn't close: %v", err)
	}
	for _, n := range h.nodes {
		n.stop()
		if err := n.store.Close(); err != nil {
			h.b.Error(err)
		}
	}
}

// Drain closes the town: all of its nodes at once.
func (h *house) Drain(ctx context.Context) error {
	var all sync.WaitGroup
	left := make([]error, len(h.nodes))
	for i, n := range h.nodes {
		all.Go(func() { left[i] = n.Drain(ctx) })
	}
	all.Wait()
	return errors.Join(left...)
}

// next is the node that what comes now goes to.
func (h *house) next() *node {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.came++
	return h.nodes[h.came%len(h.nodes)]
}

func (h *house) Report(ctx context.Context, channel, receipt string, d channels.Delivery) error {
	return h.next().Report(ctx, channel, receipt, d)
}

// Full is asked by those who hold a call.
func (h *house) Full(channel string) bool { return h.nodes[0].Full(channel) }

func (h *house) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	h.b.patient(ctx, e)
	r, err := h.next().Receive(ctx, e)
	h.mu.Lock()
	again := slices.ContainsFunc(h.seen[e.From], func(n noted) bool { return n.err == nil && same(n.Event, e) })
	h.seen[e.From] = append(h.seen[e.From], noted{e, r, err, again})
	delay := h.delay
	h.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return channels.Reply{}, channels.Retry(ctx.Err(), 0)
		}
	}
	return r, err
}

// told says whether an event can be told from one that says the same later.
func told(e channels.Event) bool {
	return e.ID != "" || e.Session != nil && (e.Session.Whole || e.Session.Number > 0)
}

// same says whether it is an event that came before.
func same(a, b channels.Event) bool {
	switch {
	case a.Kind != b.Kind || a.Channel != b.Channel || a.ID != b.ID:
		return false
	case !told(b):
		return a.Words == b.Words && b.At.Sub(a.At) < reading/2
	case b.Session == nil:
		return true
	}
	return *a.Session == *b.Session && a.Words == b.Words
}

// all of what somebody sent, and was replied to, so far.
func (h *house) all(a channels.Address) []noted {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.seen[a])
}

// lastOf somebody.
func (h *house) lastOf(a channels.Address) channels.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.seen[a]) == 0 {
		return channels.Event{}
	}
	return h.seen[a][len(h.seen[a])-1].Event
}

// slower has all replies come later, once the turn is on disk.
func (h *house) slower(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.delay = d
}

// pages that are on show for somebody: of the last reply that has any.
func (h *house) pages(a channels.Address) []render.Page {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range slices.Backward(h.seen[a]) {
		if len(n.Reply.Pages) > 0 && !n.again {
			return n.Reply.Pages
		}
	}
	return nil
}

// records are what the town keeps of the consultation, sorted.
func (h *house) records() (out []string) {
	h.b.Helper()
	err := h.store.Responses(context.Background(), "bench", func(r store.Response) error {
		var kept engine.Record
		if err := engine.Decode(r.Record, &kept); err != nil {
			return err
		}
		var s []string
		for _, a := range kept.Answers {
			s = append(s, a.Step+"="+strings.Join(a.Values, ","))
		}
		out = append(out, strings.Join(s, " "))
		return nil
	})
	if err != nil {
		h.b.Fatal(err)
	}
	slices.Sort(out)
	return out
}
