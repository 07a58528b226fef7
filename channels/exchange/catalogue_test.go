package exchange

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/store"
)

// edited is the testdata with one file changed.
func edited(t testing.TB, file string, change func(string) string) *dialogs.Set {
	t.Helper()
	fsys := fstest.MapFS{}
	all, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.IsDir() {
			continue
		}
		b, err := os.ReadFile("testdata/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if f.Name() == file {
			b = []byte(change(string(b)))
		}
		fsys[f.Name()] = &fstest.MapFile{Data: b}
	}
	set, problems := load(fsys)
	if problems.Errors() {
		t.Fatal(problems)
	}
	return set
}

func swap(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

func TestPublishRefusesAChangedVersion(t *testing.T) {
	onEachStore(t, testPublishRefusesAChangedVersion)
}

func testPublishRefusesAChangedVersion(t *testing.T, on setting) {
	w := settle(t, on)
	changed := edited(t, "survey.yaml", swap("What should come first?", "What comes first?"))
	problems, err := w.dialogs.Publish(t.Context(), changed)
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) != 1 || !problems.Errors() || problems[0].File != "survey.yaml" || !strings.Contains(problems[0].Hint, "raise `version` to 2") {
		t.Fatal(problems)
	}
	w.expect(w.says(ann, "PARK"), "What should come first?")
}

func TestPublishRefusesAnOlderVersion(t *testing.T) { onEachStore(t, testPublishRefusesAnOlderVersion) }

func testPublishRefusesAnOlderVersion(t *testing.T, on setting) {
	w := settle(t, on)
	newer := edited(t, "survey.yaml", swap("version: 1", "version: 2", "What should come first?", "What comes first?"))
	if problems, err := w.dialogs.Publish(t.Context(), newer); err != nil || len(problems) != 0 {
		t.Fatal(problems, err)
	}
	problems, err := w.dialogs.Publish(t.Context(), testDialogs(t))
	if err != nil || len(problems) != 1 || !strings.Contains(problems[0].Hint, "raise `version` to 3") {
		t.Fatal(problems, err)
	}
	w.expect(w.says(ann, "PARK"), "What comes first?")
}

func TestPublishingAgainChangesNothing(t *testing.T) {
	onEachStore(t, testPublishingAgainChangesNothing)
}

func testPublishingAgainChangesNothing(t *testing.T, on setting) {
	w := settle(t, on)
	before, _ := w.store.Dialogs(t.Context())
	if problems, err := w.dialogs.Publish(t.Context(), testDialogs(t)); err != nil || len(problems) != 0 {
		t.Fatal(problems, err)
	}
	if after, _ := w.store.Dialogs(t.Context()); len(after) != len(before) {
		t.Fatal(after)
	}
}

// A conversation finishes on the version it began with, also after a restart.
func TestConversationStaysOnItsVersion(t *testing.T) {
	onEachStore(t, testConversationStaysOnItsVersion)
}

func testConversationStaysOnItsVersion(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "PARK", "1")
	newer := edited(t, "survey.yaml", swap("version: 1", "version: 2", "How many days a month are you there?", "How often do you go?"))
	fresh := NewCatalogue(w.store, w.clock)
	if problems, err := fresh.Publish(t.Context(), newer); err != nil || len(problems) != 0 {
		t.Fatal(problems, err)
	}
	w.x.town.Dialogs = fresh
	w.expect(w.says(ann, "repeat"), "How many days a month are you there?")
	w.expect(w.says(ben, "PARK", "1"), "How often do you go?")
}

// shelves is a Shelf that counts, and fails.
type shelves struct {
	Shelf
	mu    sync.Mutex
	reads int
	fail  error
	gate  chan struct{}
}

func (s *shelves) Dialog(ctx context.Context, id string, version int, hash string) (store.Published, error) {
	s.mu.Lock()
	s.reads++
	fail := s.fail
	s.mu.Unlock()
	if s.gate != nil {
		<-s.gate
	}
	if fail != nil {
		return store.Published{}, fail
	}
	return s.Shelf.Dialog(ctx, id, version, hash)
}

func TestDialogIsLoadedOnceForAll(t *testing.T) {
	w := settle(t)
	pin := w.dialogs.Current()[0].Pin
	s := &shelves{Shelf: w.store, gate: make(chan struct{})}
	k := NewCatalogue(s, w.clock)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if err := k.Fetch(t.Context(), pin); err != nil {
				t.Error(err)
			}
		})
	}
	close(s.gate)
	all.Wait()
	reads := s.reads
	if d := k.Pinned(pin); d == nil || d.Pin != pin {
		t.Fatal(d)
	}
	if s.reads != reads || reads != 1 {
		t.Fatalf("%d reads, then %d", reads, s.reads)
	}
}

func TestDialogThatIsGone(t *testing.T) {
	k := NewCatalogue(newMemory(), &hands{})
	pin := dialogs.Pin{ID: "gone", Version: 1, Hash: "0011"}
	if err := k.Fetch(t.Context(), pin); err != nil {
		t.Fatal(err)
	}
	if d := k.Pinned(pin); d != nil {
		t.Fatal(d)
	}
}

// A store that is away for a moment must not be taken for a dialog that is gone: the resident would be told so.
func TestStoreIsAwayWhenADialogIsNeeded(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK", "1")
	s := &shelves{Shelf: w.store, fail: errors.New("connection refused")}
	w.x.town.Dialogs = NewCatalogue(s, w.clock)
	e := w.text(ann, "12")
	if _, err := w.x.Receive(t.Context(), e); err == nil {
		t.Fatal("the turn was held without its dialog")
	}
	s.fail = nil
	w.expect(w.hear(e), "check your answers")
}

func TestFewDialogsAreKeptInMemory(t *testing.T) {
	m := newMemory()
	k := NewCatalogue(m, &hands{})
	source := string(dialogs.Bundle(testDialogs(t).All()[0]))
	for i := range mostPinned + 20 {
		b := []byte(strings.Replace(source, `"version": 1`, fmt.Sprintf(`"version": %d`, i+1), 1))
		d, err := dialogs.Compile(b)
		if err != nil {
			t.Fatal(err)
		}
		m.published = append(m.published, store.Published{ID: d.ID, Version: d.Version, Hash: d.Hash, Source: b})
		if err := k.Fetch(t.Context(), d.Pin); err != nil {
			t.Fatal(err)
		}
		if got := k.Pinned(d.Pin); got == nil || got.Version != i+1 {
			t.Fatal(got)
		}
	}
	if len(k.pinned) != mostPinned || k.recent.Len() != mostPinned {
		t.Fatal(len(k.pinned), k.recent.Len())
	}
}

func TestContentThatWasChangedInTheStore(t *testing.T) {
	w := settle(t)
	var pin dialogs.Pin
	for _, d := range w.dialogs.Current() {
		if d.ID == "open-vote" {
			pin = d.Pin
		}
	}
	m := w.inside()
	for i := range m.published {
		m.published[i].Source = []byte(strings.Replace(string(m.published[i].Source), "Sunday", "Monday", 1))
	}
	if err := NewCatalogue(m, w.clock).Fetch(t.Context(), pin); err == nil {
		t.Fatal("other words than were published went into service")
	}
}
