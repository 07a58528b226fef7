package exchange

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/store"
)

// folder is the testdata without some files, and with others.
func folder(t testing.TB, without []string, with map[string]string) *dialogs.Set {
	t.Helper()
	fsys := fstest.MapFS{}
	all, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.IsDir() || slices.ContainsFunc(without, func(name string) bool { return strings.HasPrefix(f.Name(), name) }) {
			continue
		}
		b, err := os.ReadFile("testdata/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		fsys[f.Name()] = &fstest.MapFile{Data: b}
	}
	for name, text := range with {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	set, problems := load(fsys)
	if problems.Errors() {
		t.Fatal(problems)
	}
	return set
}

func survey(t testing.TB, change ...string) string {
	b, err := os.ReadFile("testdata/survey.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return swap(change...)(string(b))
}

// While the servers of a town are renewed one after the other, some have a newer version of a dialog in their folders, and a dialog
// that is new: what was begun on one goes on on the others, and soon all of them begin the same.
func TestNodesServeTheNewest(t *testing.T) {
	onEachStore(t, testNodesServeTheNewest)
}

func testNodesServeTheNewest(t *testing.T, on setting) {
	old := settle(t, on)
	renewed := settle(t, func(w *town, _ *Settings) { w.store = old.store })
	old.says(ben, "PARK", "1")
	newer := folder(t, nil, map[string]string{
		"survey.yaml": survey(t, "version: 1", "version: 2", "How many days a month are you there?", "How often do you go?"),
		"pool.yaml":   survey(t, "dialog: survey", "dialog: pool", "PARK", "POOL", "What should come first?", "Inside or outside?"),
	})
	if problems, err := renewed.dialogs.Publish(t.Context(), newer); err != nil || len(problems) != 0 {
		t.Fatal(problems, err)
	}
	// Before anybody told the old one.
	renewed.says(ann, "PARK", "1")
	old.expect(old.says(ann, "repeat"), "How often do you go?")
	renewed.says(cat, "POOL")
	old.expect(old.says(cat, "repeat"), "Inside or outside?")

	if n, err := old.dialogs.Refresh(t.Context()); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	old.expect(old.says("+15550104", "PARK", "1"), "How often do you go?")
	old.expect(old.says("+15550105", "POOL"), "Inside or outside?")
	old.expect(old.says(ben, "repeat"), "How many days a month are you there?") // finishes what they began
	now := old.dialogs.Current()
	if n, err := old.dialogs.Refresh(t.Context()); err != nil || n != 0 || !slices.Equal(old.dialogs.Current(), now) {
		t.Error("nothing was published since", err)
	}
}

// A dialog that was taken out of service before a node began stays out there, until a newer version of it is published.
func TestRetiredStaysRetired(t *testing.T) {
	w := settle(t)
	fewer := NewCatalogue(w.store, w.clock)
	if problems, err := fewer.Publish(t.Context(), folder(t, []string{"survey"}, nil)); err != nil || len(problems) != 0 {
		t.Fatal(problems, err)
	}
	serves := func() int {
		if _, err := fewer.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, d := range fewer.Current() {
			if d.ID == "survey" {
				return d.Version
			}
		}
		return 0
	}
	if serves() != 0 {
		t.Error("it is back")
	}
	if problems, err := w.dialogs.Publish(t.Context(), folder(t, nil, map[string]string{"survey.yaml": survey(t, "version: 1", "version: 3")})); err != nil || len(problems) != 0 {
		t.Fatal(problems, err)
	}
	if serves() != 3 {
		t.Error("a newer version isn't in service")
	}
}

// What was written for a newer townline is left alone, and hinders nothing else.
func TestRefreshPassesOver(t *testing.T) {
	w := settle(t)
	if err := w.store.Publish(t.Context(), store.Published{ID: "survey", Version: 2, Hash: "x", At: noon, Source: []byte("a new kind of step")}); err != nil {
		t.Fatal(err)
	}
	other := NewCatalogue(w.store, w.clock)
	if _, err := other.Publish(t.Context(), folder(t, []string{"survey"}, map[string]string{"pool.yaml": survey(t, "dialog: survey", "dialog: pool", "PARK", "POOL", "What should come first?", "Inside or outside?")})); err != nil {
		t.Fatal(err)
	}
	if _, err := w.dialogs.Refresh(t.Context()); err == nil {
		t.Error("nobody is told")
	}
	w.expect(w.says(ann, "PARK"), "What should come first?")
	w.expect(w.says(ben, "POOL"), "Inside or outside?")
}

// Nodes look for what was published: at once when the bell is rung, and after a while without.
func TestNodesHearOfWhatIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rings := &chime{make(chan string, 100), make(chan string, 100)}
		old := settle(t, func(_ *town, s *Settings) {
			s.Clock, s.Nodes.Poll, s.Nodes.Bell = SystemClock{}, 2*time.Second, rings
		})
		version := func() int {
			for _, d := range old.dialogs.Current() {
				if d.ID == "survey" {
					return d.Version
				}
			}
			return 0
		}
		ran := make(chan struct{})
		go func() { old.x.Run(t.Context()); close(ran) }()
		if got := <-rings.rung; got != bellDialogs {
			t.Errorf("a node that begins rings for %q", got)
		}
		publish := func(version string) {
			other := NewCatalogue(old.store, old.clock)
			if problems, err := other.Publish(t.Context(), folder(t, nil, map[string]string{"survey.yaml": survey(t, "version: 1", "version: "+version)})); err != nil || len(problems) != 0 {
				t.Fatal(problems, err)
			}
		}
		time.Sleep(dialogsPoll / 2)
		publish("2")
		time.Sleep(dialogsPoll)
		if version() != 2 {
			t.Error("it doesn't look by itself")
		}
		publish("3")
		rings.hears <- bellDialogs
		time.Sleep(time.Second)
		if version() != 3 {
			t.Error("it doesn't listen to the bell")
		}
		if err := old.x.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		<-ran
	})
}
