package sip

import (
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

// noon is when the consultation is open.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// still is a clock that stands still, and wakes nobody.
type still struct{}

func (still) Now() time.Time                       { return noon }
func (still) After(time.Duration) <-chan time.Time { return nil }

func chance(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) }

var benches = sync.OnceValues(func() (*dialogs.Set, dialogs.Problems) {
	return dialogs.Load(os.DirFS("testdata/town"), dialogs.Options{Locales: phrases})
})

// house is a whole town with a consultation about a bench, on a database of its own.
type house struct {
	*exchange.Exchange
	store store.Store
}

func newHouse(t testing.TB, line channels.Channel) *house {
	t.Helper()
	dir := t.TempDir()
	keys, err := store.LoadKeys(filepath.Join(dir, "town.keys"), "")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := sqlite.Open(filepath.Join(dir, "town.db"), keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	set, problems := benches()
	if problems.Errors() {
		t.Fatal(problems)
	}
	catalogue := exchange.NewCatalogue(kept, still{})
	if problems, err := catalogue.Publish(t.Context(), set); err != nil || problems.Errors() {
		t.Fatal(err, problems)
	}
	town := &talk.Town{Name: "Elmwood", Languages: []string{"en"}, Zone: time.UTC, Emergency: "911", Country: "1", Locales: phrases, Dialogs: catalogue}
	x, err := exchange.New(exchange.Settings{Store: kept, Keys: keys, Town: town, Clock: still{}, Entropy: chance(1), Channels: []channels.Channel{line}})
	if err != nil {
		t.Fatal(err)
	}
	return &house{x, kept}
}

// records are what the town keeps of the consultation.
func (h *house) records(t testing.TB) (out []string) {
	t.Helper()
	keep := func(b []byte) {
		var r engine.Record
		if err := engine.Decode(b, &r); err != nil {
			t.Fatal(err)
		}
		var s []string
		for _, a := range r.Answers {
			s = append(s, a.Step+"="+strings.Join(a.Values, ","))
		}
		out = append(out, strings.Join(s, " "))
	}
	if err := h.store.Responses(t.Context(), "bench", func(r store.Response) error { keep(r.Record); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := h.store.Ballots(t.Context(), "bench", func(b store.Ballot) error { keep(b.Record); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// script are the keys, one entry an answer, by which somebody asks for a bench for twelve at the gate, and what the town then keeps. It is found by
// having the conversation without a telephone, so that it stays right when the wording changes.
func script(t testing.TB) (keys, kept []string) {
	t.Helper()
	line, err := New(Config{Voice: beep, Phrases: phrases})
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, line)
	e := channels.Event{Channel: Name, From: channels.Address{Kind: "tel", ID: "+12025550123"}, Kind: channels.Dialed, At: noon}
	for turn := range 20 {
		e.ID = "script/" + strconv.Itoa(turn)
		r, err := h.Receive(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if r.Over {
			kept = h.records(t)
			if len(kept) != 1 || !strings.Contains(kept[0], "spot=gate people=12") {
				t.Fatal(keys, kept)
			}
			return keys, kept
		}
		key := answerTo(&r.Pages[len(r.Pages)-1])
		keys = append(keys, key)
		e.Kind, e.Words = channels.Message, strings.TrimSuffix(key, "#")
	}
	t.Fatal("the consultation has no end: ", keys)
	return nil, nil
}

// answerTo is what is keyed in for that.
func answerTo(p *render.Page) string {
	for _, o := range p.Options {
		if o.ID == "gate" || strings.Contains(o.Label, "bench") {
			return o.Digit
		}
	}
	if p.Listen != nil && p.Listen.Keys > 1 {
		return "12#"
	}
	return "1"
}
