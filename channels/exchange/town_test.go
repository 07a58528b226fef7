package exchange

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

// hands is a clock that tests move.
type hands struct {
	mu      sync.Mutex
	now     time.Time
	waiting []waiter
	slept   chan time.Duration // tells each sleep that begins; nil: nobody listens
}

type waiter struct {
	at   time.Time
	wake chan time.Time
}

func (h *hands) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) After(d time.Duration) <-chan time.Time {
	h.mu.Lock()
	w := waiter{h.now.Add(d), make(chan time.Time, 1)}
	h.waiting = append(h.waiting, w)
	slept := h.slept
	h.mu.Unlock()
	if slept != nil {
		slept <- d
	}
	return w.wake
}

func (h *hands) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
	kept := h.waiting[:0]
	for _, w := range h.waiting {
		if w.at.After(h.now) {
			kept = append(kept, w)
			continue
		}
		w.wake <- h.now
	}
	h.waiting = kept
}

// post is a channel that keeps what it delivers, and fails the way a test wants.
type post struct {
	name   string
	traits render.Traits
	fail   func(key string, try int) error // nil: takes everything
	mu     sync.Mutex
	sent   []letter
	tries  map[string]int
	active int
	most   int
	gate   chan struct{} // when not nil, each delivery waits for one value
	began  chan struct{} // when not nil, tells each delivery that begins
}

type letter struct {
	to   channels.Address
	text string
	key  string
}

func (p *post) Name() string          { return p.name }
func (p *post) Traits() render.Traits { return p.traits }

func (p *post) Deliver(ctx context.Context, to channels.Address, page render.Page, key string) (string, error) {
	p.mu.Lock()
	if p.tries == nil {
		p.tries = map[string]int{}
	}
	p.tries[key]++
	try := p.tries[key]
	p.active++
	p.most = max(p.most, p.active)
	p.mu.Unlock()
	defer func() { p.mu.Lock(); p.active--; p.mu.Unlock() }()
	if p.began != nil {
		p.began <- struct{}{}
	}
	if p.gate != nil {
		select {
		case <-p.gate:
		case <-ctx.Done():
			return "", channels.Doubt(ctx.Err())
		}
	}
	if p.fail != nil {
		if err := p.fail(key, try); err != nil {
			return "", err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, letter{to, page.Text, key})
	return "R-" + key, nil
}

func (p *post) letters() []letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]letter(nil), p.sent...)
}

// asked is a post whose provider can be asked what became of a message.
type asked struct {
	*post
	look func(key string) (bool, error)
}

func (a asked) Look(_ context.Context, key, _ string) (bool, error) { return a.look(key) }

// seals are keyed hashes under a key that everybody knows.
type seals struct{}

func (seals) Address(kind, address string) store.AddressKey {
	return seals{}.Today(store.AddressKey(hashed("address", kind, address)))
}

func (seals) Lasting(a store.AddressKey) store.AddressKey {
	for i := range a {
		a[i] ^= 0x5a
	}
	return a
}

func (seals) Today(a store.AddressKey) store.AddressKey { return seals{}.Lasting(a) }

func (seals) Voter(poll, id string) [16]byte { return hashed("voter", poll, id) }

func hashed(parts ...string) [16]byte {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return [16]byte(sum[:16])
}

// chance is randomness from a seed.
func chance(seed uint64) io.Reader {
	var b [32]byte
	b[0], b[1] = byte(seed), byte(seed>>8)
	return rand.NewChaCha8(b)
}

// noon is a Monday in the sample town.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// town is a small town on a clock that stands still.
type town struct {
	t       testing.TB
	x       *Exchange
	store   store.Store
	clock   *hands
	sms     *post
	dialogs *Catalogue
	ids     int
	rung    bool              // calls are the town's own
	inCall  map[string]string // the call that each number is in
}

// setting alters a town before it opens.
type setting func(*town, *Settings)

// onEachStore runs a test with a store in memory, with one in a file and some with one in PostgreSQL; where the flag says so, with that
// alone.
func onEachStore(t *testing.T, test func(*testing.T, setting)) {
	if *onPostgres {
		t.Run("postgres", func(t *testing.T) { test(t, func(*town, *Settings) {}) })
		return
	}
	t.Run("memory", func(t *testing.T) { test(t, func(*town, *Settings) {}) })
	if !alsoOnDisk {
		return
	}
	t.Run("sqlite", func(t *testing.T) { test(t, func(w *town, _ *Settings) { w.store = onDisk(t) }) })
	if slices.Contains(always, t.Name()) {
		startServers(t)
		t.Run("postgres", func(t *testing.T) {
			test(t, func(w *town, s *Settings) { w.store, s.Leases = inPostgres(t), theNodes[0] })
		})
	}
}

// inside is the store of a test that looks into it. There is nothing to look into where the flag says that it is in PostgreSQL: what the
// test did until then was done there.
func (w *town) inside() *memory {
	w.t.Helper()
	m, ok := w.store.(*memory)
	if !ok {
		w.t.Skip("the rest of it looks into a store in memory")
	}
	return m
}

// onDisk is a store in a file; where the flag says so, in PostgreSQL.
func onDisk(t testing.TB) store.Store {
	t.Helper()
	if *onPostgres {
		return inPostgres(t)
	}
	dir := t.TempDir()
	keys, err := store.LoadKeys(dir+"/town.keys", "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(dir+"/town.db", keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// settle makes a town.
func settle(t testing.TB, change ...setting) *town {
	t.Helper()
	w := &town{inCall: map[string]string{}, t: t, store: newMemory(), clock: &hands{now: noon}, sms: &post{name: "sms", traits: render.SMS}}
	s := Settings{
		Keys: seals{}, Clock: w.clock, Entropy: chance(1),
		Channels: []channels.Channel{
			&post{name: "voice", traits: render.Voice}, &post{name: "ussd", traits: render.USSD},
			&post{name: "telegram", traits: render.Telegram}, &post{name: "kiosk", traits: render.Kiosk},
		},
	}
	if *onPostgres && !slices.ContainsFunc(simulated, func(name string) bool { return strings.HasPrefix(t.Name(), name) }) {
		w.store, s.Leases = inPostgres(t), theNodes[0]
	}
	for _, c := range change {
		c(w, &s)
	}
	w.open(s)
	return w
}

// open puts the town's exchange together; after a restart it is called again, on the same store.
func (w *town) open(s Settings) {
	w.t.Helper()
	words, err := phrases()
	if err != nil {
		w.t.Fatal(err)
	}
	w.dialogs = NewCatalogue(w.store, w.clock)
	if problems, err := w.dialogs.Publish(w.t.Context(), testDialogs(w.t)); err != nil || problems.Errors() {
		w.t.Fatal(err, problems)
	}
	s.Store = w.store
	s.Town = &talk.Town{Name: "Elmwood", Languages: []string{"en"}, Zone: time.UTC, Emergency: "911", Country: "1", Locales: words, Dialogs: w.dialogs, Texts: true}
	if len(s.Channels) < 5 {
		s.Channels = append(s.Channels, w.sms)
	}
	if w.x, err = New(s); err != nil {
		w.t.Fatal(err)
	}
}

// phrases and published are read once for all tests; neither ever changes.
var (
	phrases   = sync.OnceValues(locales.Load)
	published = sync.OnceValues(func() (*dialogs.Set, dialogs.Problems) { return load(os.DirFS("testdata")) })
)

func load(fsys fs.FS) (*dialogs.Set, dialogs.Problems) {
	words, err := phrases()
	if err != nil {
		return nil, dialogs.Problems{{Message: err.Error()}}
	}
	return dialogs.Load(fsys, dialogs.Options{Locales: words})
}

func testDialogs(t testing.TB) *dialogs.Set {
	t.Helper()
	set, problems := published()
	if problems.Errors() {
		t.Fatal(problems)
	}
	return set
}

// text is an event as a text message brings it.
func (w *town) text(from, words string) channels.Event {
	w.ids++
	return channels.Event{Channel: "sms", ID: fmt.Sprint("m", w.ids), From: channels.Address{Kind: "tel", ID: from}, Words: words, At: w.clock.Now()}
}

// hear gives an event to the exchange and returns the reply's words.
func (w *town) hear(e channels.Event) string {
	w.t.Helper()
	r, err := w.x.Receive(w.t.Context(), e)
	if err != nil {
		w.t.Fatalf("%+v: %v", e, err)
	}
	return textOf(r)
}

// says holds a conversation by text messages and returns the last reply.
func (w *town) says(from string, words ...string) string {
	w.t.Helper()
	last := ""
	for _, s := range words {
		last = w.hear(w.text(from, s))
	}
	return last
}

func textOf(r channels.Reply) string {
	var b strings.Builder
	for _, p := range r.Pages {
		switch {
		case p.Text != "":
			b.WriteString(p.Text)
		case len(p.Spoken) > 0:
			for _, s := range p.Spoken {
				b.WriteString(s.Words + " ")
			}
		default:
			for _, s := range p.Blocks {
				b.WriteString(s.Words + "\n")
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (w *town) expect(got string, wants ...string) {
	w.t.Helper()
	for _, want := range wants {
		if !strings.Contains(got, want) {
			w.t.Fatalf("want %q in:\n%s", want, got)
		}
	}
}

// polled returns the records of a poll, as text.
func (w *town) polled(poll string) (out []string) {
	w.t.Helper()
	keep := func(b []byte) {
		var r engine.Record
		if err := engine.Decode(b, &r); err != nil {
			w.t.Fatal(err)
		}
		var s []string
		for _, a := range r.Answers {
			s = append(s, a.Step+"="+strings.Join(a.Values, ","))
		}
		out = append(out, strings.Join(s, " "))
	}
	if err := w.store.Responses(w.t.Context(), poll, func(r store.Response) error { keep(r.Record); return nil }); err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Ballots(w.t.Context(), poll, func(b store.Ballot) error { keep(b.Record); return nil }); err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(out)
	return out
}
