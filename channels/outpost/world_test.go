package outpost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
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

// hands is a clock that tests move. Each machine may show another time.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hands) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) After(time.Duration) <-chan time.Time { return nil }

func (h *hands) pass(d time.Duration) {
	h.mu.Lock()
	h.now = h.now.Add(d)
	h.mu.Unlock()
}

// wrong is the same clock, but wrong.
type wrong struct {
	*hands
	by time.Duration
}

func (w wrong) Now() time.Time { return w.hands.Now().Add(w.by) }

var phrases = sync.OnceValues(locales.Load)

var published = sync.OnceValues(func() (*dialogs.Set, error) {
	words, err := phrases()
	if err != nil {
		return nil, err
	}
	all := fstest.MapFS{}
	for _, f := range []string{"testdata/words.yaml", "../exchange/testdata/hidden-vote.yaml", "../exchange/testdata/roll-vote.yaml", "../exchange/testdata/report.yaml", "../exchange/testdata/state.yaml"} {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		all[filepath.Base(f)] = &fstest.MapFile{Data: b}
	}
	set, problems := dialogs.Load(all, dialogs.Options{Locales: words})
	if problems.Errors() {
		return nil, errors.New(problems.String())
	}
	return set, nil
})

// screen is the kiosk's channel at the centre; nothing is pushed to it.
type screen struct{}

func (screen) Name() string          { return "kiosk" }
func (screen) Traits() render.Traits { return render.Kiosk }
func (screen) Deliver(context.Context, channels.Address, render.Page, string) (string, error) {
	return "", errors.New("nobody can be pushed to")
}

// world is a town with a centre, and machines that a line leads to.
type world struct {
	t      testing.TB
	clock  *hands
	keys   *store.Keys
	disk   store.Store // as it is
	store  store.Store // as the exchange sees it
	dir    string
	seed   uint64
	x      *exchange.Exchange
	shelf  *exchange.Catalogue
	centre *Centre
	mux    *http.ServeMux
	line   *wires
}

// wires is the line between the machines and the centre, with all that can happen on it.
type wires struct {
	mu     sync.Mutex
	w      *world
	down   bool
	chance *rand.Rand // nil: nothing goes wrong
	calls  int
	heard  [][]byte // what somebody who listens has heard
}

var errLine = errors.New("the line is cut")

func (l *wires) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.calls++
	luck := 99
	if l.chance != nil {
		luck = l.chance.IntN(20)
	}
	down := l.down
	if len(l.heard) < 2000 {
		l.heard = append(l.heard, body)
	}
	l.mu.Unlock()
	if down || luck == 0 {
		return nil, errLine
	}
	give := func() *http.Response {
		again := httptest.NewRequest(r.Method, r.URL.Path, strings.NewReader(string(body)))
		again.Header = r.Header.Clone()
		rec := httptest.NewRecorder()
		l.w.mux.ServeHTTP(rec, again.WithContext(r.Context()))
		return rec.Result()
	}
	got := give()
	switch luck {
	case 1:
		return nil, errLine // the centre has it; nobody hears that it has
	case 2:
		got = give() // it came twice
	case 3:
		give()
		return nil, errLine
	}
	return got, nil
}

const lineSecret = "the-secret-of-both-sides-32-long"

func newWorld(t testing.TB, seed uint64) *world {
	t.Helper()
	w := &world{t: t, clock: &hands{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}, seed: seed}
	w.dir = fast(t)
	var err error
	if w.keys, err = store.LoadKeys(w.dir+"/town.keys", ""); err != nil {
		t.Fatal(err)
	}
	if w.disk, err = sqlite.Open(w.dir+"/town.db", w.keys); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(w.centre.Close(), w.disk.Close()); err != nil {
			t.Error(err)
		}
	})
	w.store = w.disk
	w.line = &wires{w: w}
	w.open()
	return w
}

// fast is a folder in memory where there is one: these tests are about order, not about disks.
func fast(t testing.TB) string {
	t.Helper()
	if _, err := os.Stat("/dev/shm"); err != nil {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "outpost-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// open starts the centre, or starts it anew on what is on its disk.
func (w *world) open() {
	w.t.Helper()
	if w.centre != nil {
		if err := w.centre.Close(); err != nil {
			w.t.Fatal(err)
		}
	}
	words, err := phrases()
	if err != nil {
		w.t.Fatal(err)
	}
	set, err := published()
	if err != nil {
		w.t.Fatal(err)
	}
	w.shelf = exchange.NewCatalogue(w.disk, w.clock)
	if _, err := w.shelf.Publish(w.t.Context(), set); err != nil {
		w.t.Fatal(err)
	}
	hours, err := exchange.ParseHours("Mon-Fri 9:00-17:00")
	if err != nil {
		w.t.Fatal(err)
	}
	w.seed++
	w.x, err = exchange.New(exchange.Settings{
		Store: w.store, Keys: w.keys, Clock: w.clock, Entropy: chance(w.seed), Channels: []channels.Channel{screen{}},
		Town:     &talk.Town{Name: "Elmwood", Languages: []string{"en"}, Zone: time.UTC, Emergency: "911", Country: "1", Locales: words, Dialogs: w.shelf},
		Calendar: exchange.Calendar{Zone: time.UTC, Hours: hours},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.centre, err = NewCentre(CentreSettings{
		Books: w.x, Outposts: map[string]string{"library": lineSecret, "hall": lineSecret + "-hall"}, Seed: []byte("0123456789abcdef0123456789abcdef"),
		Aside: w.dir + "/aside", Dialogs: w.shelf.Current, Clock: w.clock,
		Town: func() Town {
			return Town{Name: "Elmwood", Languages: []string{"en"}, Zone: "UTC", Emergency: "911", Country: "1", Hours: "Mon-Fri 9:00-17:00"}
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.mux = http.NewServeMux()
	w.centre.Mount(w.mux, nil)
}

func chance(seed uint64) io.Reader {
	var b [32]byte
	b[0], b[1], b[2] = byte(seed), byte(seed>>8), byte(seed>>16)
	return rand.NewChaCha8(b)
}

// machine at work: what Open gives, and what it takes to open it again.
type booth struct {
	w    *world
	name string
	dir  string
	off  time.Duration // how wrong its clock is
	*Outpost
	ids int
}

func (w *world) booth(name string, off time.Duration) *booth {
	w.t.Helper()
	b := &booth{w: w, name: name, dir: filepath.Join(fast(w.t), name), off: off}
	b.start()
	w.t.Cleanup(func() { b.Outpost.Close() })
	return b
}

func (b *booth) start() {
	b.w.t.Helper()
	secret := lineSecret
	if b.name == "hall" {
		secret += "-hall"
	}
	words, err := phrases()
	if err != nil {
		b.w.t.Fatal(err)
	}
	b.w.seed++
	b.Outpost, err = Open(Settings{
		Name: b.name, Secret: secret, Centre: "http://centre.example", Dir: b.dir, Channel: "kiosk", Traits: render.Kiosk, Locales: words,
		Client: &http.Client{Transport: b.w.line}, Clock: wrong{b.w.clock, b.off}, Entropy: chance(b.w.seed << 8),
		Due: func(now time.Time, days int) string { return now.AddDate(0, 0, days).Format(time.DateOnly) },
	})
	if err != nil {
		b.w.t.Fatal(err)
	}
}

// sync makes contacts until nothing waits any more.
func (b *booth) sync() {
	b.w.t.Helper()
	for range 1000 {
		_, err := b.contact(b.w.t.Context())
		if n, _ := b.Waiting(); n == 0 && err == nil {
			return
		}
	}
	n, _ := b.Waiting()
	b.w.t.Fatalf("%s: %d turns are never taken", b.name, n)
}

// event is one submit of a form.
func (b *booth) event(who, words string) channels.Event {
	b.ids++
	return channels.Event{Channel: "kiosk", ID: fmt.Sprint("token", b.ids), From: channels.Address{Kind: "kiosk", ID: who}, Words: words}
}

func (b *booth) says(who string, words ...string) string {
	b.w.t.Helper()
	last := ""
	for _, s := range words {
		r, err := b.Receive(b.w.t.Context(), b.event(who, s))
		if err != nil {
			b.w.t.Fatalf("%q: %v", s, err)
		}
		last = textOf(r)
	}
	return last
}

func textOf(r channels.Reply) string {
	var b strings.Builder
	for i := range r.Pages {
		b.WriteString(r.Pages[i].String() + "\n")
	}
	return b.String()
}

func (w *world) expect(got string, wants ...string) {
	w.t.Helper()
	for _, want := range wants {
		if !strings.Contains(got, want) {
			w.t.Fatalf("want %q in:\n%s", want, got)
		}
	}
}

// polled returns what is in a poll's records, in an order of its own.
func (w *world) polled(poll string) (out []string) {
	w.t.Helper()
	keep := func(b []byte) {
		var r engine.Record
		if err := engine.Decode(b, &r); err != nil {
			w.t.Fatal(err)
		}
		var s []string
		for _, a := range r.Answers {
			s = append(s, strings.Join(a.Values, ","))
		}
		out = append(out, strings.Join(s, " "))
	}
	if err := errors.Join(
		w.disk.Responses(w.t.Context(), poll, func(r store.Response) error { keep(r.Record); return nil }),
		w.disk.Ballots(w.t.Context(), poll, func(b store.Ballot) error { keep(b.Record); return nil }),
	); err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func (w *world) requests() []store.Request {
	w.t.Helper()
	all, err := w.disk.Requests(w.t.Context(), store.RequestQuery{Limit: 100000})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}
