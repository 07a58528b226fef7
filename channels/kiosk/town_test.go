package kiosk_test

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/channels/kiosk"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

// noon is when everything happens: the sample consultation is open.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// still is a clock that stands still, and wakes nobody.
type still struct{}

func (still) Now() time.Time                       { return noon }
func (still) After(time.Duration) <-chan time.Time { return nil }

// everyLanguage are the languages that the pages are looked at in: all that we have.
var everyLanguage = []string{"en", "es", "fr", "zh", "ar", "so"}

var phrases = sync.OnceValues(locales.Load)

// townDialogs are the sample consultation and the fair, read once.
var townDialogs = sync.OnceValues(func() (*dialogs.Set, error) {
	words, err := phrases()
	if err != nil {
		return nil, err
	}
	files := fstest.MapFS{}
	for _, from := range []struct {
		fsys fs.FS
		glob string
	}{{library.FS(), "main-street*.yaml"}, {library.FS(), "request-status*.yaml"}, {os.DirFS("testdata/town"), "*.yaml"}} {
		names, err := fs.Glob(from.fsys, from.glob)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".test.yaml") {
				continue
			}
			b, err := fs.ReadFile(from.fsys, name)
			if err != nil {
				return nil, err
			}
			files[name] = &fstest.MapFile{Data: b}
		}
	}
	set, problems := dialogs.Load(files, dialogs.Options{Locales: words})
	if problems.Errors() {
		return nil, errors.New(problems.String())
	}
	return set, nil
})

// house is a town with its kiosk and its web pages, on a database of its own. It can be closed and opened again.
type house struct {
	t       testing.TB
	dir     string
	store   store.Store
	handler atomic.Pointer[http.Handler]
	url     string // where a browser finds it; "" until served
	log     notes
	voice   *voice
	seed    uint64
	posts   atomic.Int64 // taken from browsers
	overs   atomic.Int64 // visits that ended
	lose    atomic.Int64 // how many answers to forms from browsers will be lost on their way

	idle, warn, scan time.Duration // of the machine; 0: as usual
}

// notes are what was logged.
type notes struct {
	mu sync.Mutex
	b  strings.Builder
}

func (n *notes) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(b)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.String()
}

// newHouse opens a town.
func newHouse(t testing.TB, change ...func(*house)) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), voice: newVoice(), seed: 1}
	for _, c := range change {
		c(h)
	}
	h.open()
	t.Cleanup(func() {
		if h.store != nil {
			_ = h.store.Close()
		}
	})
	return h
}

// open puts the town together, as after a restart.
func (h *house) open() {
	h.t.Helper()
	keys, err := store.LoadKeys(filepath.Join(h.dir, "town.keys"), "")
	if err != nil {
		h.t.Fatal(err)
	}
	if h.store, err = sqlite.Open(filepath.Join(h.dir, "town.db"), keys); err != nil {
		h.t.Fatal(err)
	}
	words, err := phrases()
	if err != nil {
		h.t.Fatal(err)
	}
	set, err := townDialogs()
	if err != nil {
		h.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	settings := kiosk.Settings{
		Town: "Elmwood", Languages: everyLanguage, Phrases: words, Sound: h.voice, Number: "+15550100", Texts: true,
		Clock: still{}.Now, Log: log, Idle: h.idle, Warn: h.warn, Scan: h.scan,
		Over: func(visit string) { h.overs.Add(1) },
	}
	machine, web := kiosk.New(settings), kiosk.NewWeb(settings)
	catalogue := exchange.NewCatalogue(h.store, still{})
	if problems, err := catalogue.Publish(h.t.Context(), set); err != nil || problems.Errors() {
		h.t.Fatal(err, problems)
	}
	town := &talk.Town{Name: "Elmwood", Languages: everyLanguage, Zone: time.UTC, Emergency: "911", Country: "1", Locales: words, Dialogs: catalogue}
	x, err := exchange.New(exchange.Settings{
		Store: h.store, Keys: keys, Town: town, Clock: still{}, Entropy: chance(h.seed), Log: log, Channels: []channels.Channel{machine, web},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.seed++
	mux := http.NewServeMux()
	machine.Mount(mux, x)
	web.Mount(mux, x)
	var served http.Handler = mux
	h.handler.Store(&served)
}

// close ends the town as a power cut would: nothing is said to anybody.
func (h *house) close() {
	h.t.Helper()
	h.handler.Store(nil)
	if err := h.store.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.store = nil
}

func (h *house) server() http.Handler { return *h.handler.Load() }

// watch lets one browser in, and tells each page that it is given.
func (h *house) watch() (url string, pages <-chan *sheet) {
	h.t.Helper()
	given := make(chan *sheet, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding")
		kept := httptest.NewRecorder()
		h.server().ServeHTTP(kept, r)
		maps.Copy(w.Header(), kept.Header())
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.Body.Bytes())
		if strings.HasPrefix(kept.Header().Get("Content-Type"), "text/html") && kept.Code == http.StatusOK {
			p, err := read(r.URL.Path, kept.Code, kept.Body)
			if err == nil {
				given <- p
			}
		}
	}))
	h.t.Cleanup(s.Close)
	return s.URL, given
}

// serve lets browsers in, and returns the address. While the town is closed a connection is cut.
func (h *house) serve() string {
	h.t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			h.posts.Add(1)
		}
		if to := h.handler.Load(); to != nil {
			if r.Method == http.MethodPost && h.lose.Add(-1) >= 0 {
				(*to).ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}
			(*to).ServeHTTP(w, r)
			return
		}
		panic(http.ErrAbortHandler)
	}))
	h.t.Cleanup(s.Close)
	h.url = s.URL
	return s.URL
}

// chance is randomness from a seed, for any number of callers.
func chance(seed uint64) io.Reader {
	var b [32]byte
	b[0], b[1], b[2] = byte(seed), byte(seed>>8), byte(seed>>16)
	return &lots{source: rand.NewChaCha8(b)}
}

type lots struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func (l *lots) Read(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.source.Read(b)
}

// records of a consultation, as they are on disk.
func (h *house) records(poll string) []string {
	h.t.Helper()
	var out []string
	if err := h.store.Responses(h.t.Context(), poll, func(r store.Response) error { out = append(out, string(r.Record)); return nil }); err != nil {
		h.t.Fatal(err)
	}
	if err := h.store.Ballots(h.t.Context(), poll, func(b store.Ballot) error { out = append(out, string(b.Record)); return nil }); err != nil {
		h.t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// recorded are the same in words: "tie=live", a unit separator, and so on.
func (h *house) recorded(poll string) []string {
	h.t.Helper()
	var out []string
	for _, b := range h.records(poll) {
		var r engine.Record
		if err := engine.Decode([]byte(b), &r); err != nil {
			h.t.Fatal(err)
		}
		var s []string
		for _, a := range r.Answers {
			s = append(s, a.Step+"="+strings.Join(a.Values, ","))
		}
		out = append(out, strings.Join(s, "\x1f"))
	}
	return out
}
