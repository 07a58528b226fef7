package audio

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/library"
)

var (
	roads  = Line{Lang: "en", Dialog: "main-street", Key: "first.roads", Words: "Roads and pavements"}
	hello  = Line{Lang: "so", Dialog: "main-street", Key: "first", Words: "Maxaa la hagaajinayaa marka hore?"}
	thanks = Line{Lang: "en", Key: "@thanks", Words: "Thank you."}
)

// town is a folder of sound and what is said there.
type town struct {
	t      *testing.T
	dir    string
	voice  *Voice
	script []Line
}

func newTown(t *testing.T, script ...Line) *town {
	return &town{t: t, dir: t.TempDir(), voice: voice(t), script: script}
}

func (w *town) shelf() *Shelf {
	return shelf(w.t, Stock{Dir: w.dir, Voice: w.voice, Script: w.script})
}

func (w *town) take(accepted ...string) *Inventory {
	w.t.Helper()
	v, err := w.shelf().Inventory(accepted...)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// make brings the folder up to date and returns how many clips were made, and what could not be.
func (w *town) make(accepted ...string) (int, []Trouble) {
	w.t.Helper()
	n := 0
	troubles, err := w.shelf().Make(w.t.Context(), w.take(accepted...), func(made, of int) {
		if n++; made != n || made > of {
			w.t.Errorf("%d of %d after %d", made, of, n)
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n, troubles
}

// record puts a recording of some length into the folder.
func (w *town) record(name string, length time.Duration) {
	w.t.Helper()
	name = filepath.Join(w.dir, recordingsDir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(name, tone(44100, 300, -25, 0, length, 0).wav(), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// play returns how long what is heard of a line is, and whether a person recorded it.
func (w *town) play(l Line) (seconds float64, recorded bool) {
	w.t.Helper()
	s := w.shelf()
	c, err := s.Open(w.t.Context(), s.Offer("visitor", l), MP3)
	if err != nil {
		w.t.Fatal(err)
	}
	return heard(w.t, MP3, c.Bytes).length().Seconds(), c.Recorded
}

func states(v *Inventory) string {
	var all []string
	for _, i := range v.Items {
		all = append(all, i.Lang+" "+i.Key+" "+[]string{"missing", "made", "recorded", "silent", "on demand"}[i.State])
	}
	return strings.Join(all, ", ")
}

func TestASecondRunMakesNothing(t *testing.T) {
	w := newTown(t, question, roads, hello, thanks)
	if got := states(w.take()); got != "en first missing, en first.roads missing, so first silent, en @thanks missing" {
		t.Error(got)
	}
	if n, troubles := w.make(); n != 3 || len(troubles) > 0 {
		t.Errorf("%d made, %v", n, troubles)
	}
	if got := states(w.take()); got != "en first made, en first.roads made, so first silent, en @thanks made" {
		t.Error(got)
	}
	if got := len(files(t, w.dir)); got != 6 {
		t.Errorf("%d files, want 3 clips in 2 formats", got)
	}
	if n, _ := w.make(); n != 0 {
		t.Errorf("the second run made %d", n)
	}
	if got := w.take().Wanting(); len(got) != 1 || got[0].Lang != "so" || got[0].Record != "recordings/so/main-street/first" {
		t.Errorf("wanting: %+v", got)
	}
}

func TestARecordingComesFirst(t *testing.T) {
	w := newTown(t, question, roads, hello)
	w.make()
	w.record("en/main-street/first.wav", 5*time.Second)
	w.record("so/main-street/first.wav", 3*time.Second)
	v := w.take()
	if len(v.New) != 2 || len(v.Strange) > 0 {
		t.Errorf("new %v, strange %v", v.New, v.Strange)
	}
	if _, recorded := w.play(question); recorded {
		t.Error("a recording counts before it is listed")
	}
	if n, troubles := w.make(); n != 2 || len(troubles) > 0 {
		t.Errorf("%d made, %v", n, troubles)
	}
	if seconds, recorded := w.play(question); !recorded || !near(seconds, 5.2, 0.3) {
		t.Errorf("heard %.1f s, recorded %v", seconds, recorded)
	}
	if _, recorded := w.play(roads); recorded {
		t.Error("another text is taken for the recorded one")
	}
	if seconds, recorded := w.play(hello); !recorded || !near(seconds, 3.2, 0.3) {
		t.Errorf("a language without a voice: %.1f s, recorded %v", seconds, recorded)
	}
	v = w.take()
	if got := states(v); got != "en first recorded, en first.roads made, so first recorded" || len(v.New) > 0 {
		t.Errorf("%s, new %v", got, v.New)
	}
	if len(v.Unused) > 0 { // the machine's clip of the question is kept: it is heard again when the words change
		t.Errorf("unused: %v", v.Unused)
	}
	w.record("en/main-street/first.wav", 4*time.Second)
	w.make()
	if v = w.take(); len(v.Unused) != 2 {
		t.Errorf("unused: %v; want the recording before this one", v.Unused)
	}
}

// The same words on screen and in speech, or at two places: one recording does, and the nearest one is taken.
func TestOneRecordingForAllWordings(t *testing.T) {
	spoken := Line{Lang: "en", Dialog: "main-street", Key: "first", Words: "Now tell us: what should the town repair first?"}
	elsewhere := Line{Lang: "en", Dialog: "avenue", Key: "first", Words: question.Words}
	w := newTown(t, question, spoken, elsewhere)
	w.record("en/main-street/first.wav", 2*time.Second)
	w.make()
	for _, l := range []Line{question, spoken, elsewhere} {
		if _, recorded := w.play(l); !recorded {
			t.Errorf("%q is not the recording", l.Words)
		}
	}
	w.record("en/avenue/first.wav", 4*time.Second)
	w.make()
	if seconds, _ := w.play(elsewhere); !near(seconds, 4.2, 0.3) {
		t.Errorf("its own recording takes %.1f s", seconds)
	}
	if seconds, _ := w.play(question); !near(seconds, 2.2, 0.3) {
		t.Errorf("its own recording takes %.1f s", seconds)
	}
}

func TestARecordingOfOldWordsIsNotUsed(t *testing.T) {
	w := newTown(t, question)
	w.record("en/main-street/first.wav", 5*time.Second)
	w.make()
	changed := question
	changed.Words = "What should the town build first?"
	w.script = []Line{changed}

	v := w.take()
	if len(v.Wanting()) != 1 || v.Items[0].Stale != "recordings/en/main-street/first.wav" || len(v.New) > 0 {
		t.Fatalf("%+v", v)
	}
	w.make()
	if _, recorded := w.play(changed); recorded {
		t.Error("the old recording is heard under new words")
	}
	if v = w.take(); len(v.Wanting()) != 1 || v.Items[0].State != Made {
		t.Errorf("made by machine, it is still listed: %+v", v.Items)
	}

	w.make("recordings/en/main-street/first.wav") // somebody listened: it is still right
	if _, recorded := w.play(changed); !recorded || len(w.take().Wanting()) > 0 {
		t.Error("an accepted recording is not heard")
	}

	w.script = []Line{question}
	if len(w.take().Wanting()) != 1 {
		t.Error("the words are the old ones again, but it was accepted for others")
	}
	w.record("en/main-street/first.wav", 6*time.Second) // recorded anew
	w.make()
	if seconds, recorded := w.play(question); !recorded || !near(seconds, 6.2, 0.3) {
		t.Errorf("recorded anew: %.1f s, %v", seconds, recorded)
	}
	if v := w.take(); len(v.Wanting()) > 0 || len(v.New) > 0 {
		t.Errorf("%+v", v)
	}
}

func TestRecordingsThatAreNoneAreNamed(t *testing.T) {
	w := newTown(t, question, hello)
	w.record("en/main-street/frist.wav", time.Second)
	w.record("en/first.wav", time.Second)
	w.record("en/main-street/first.txt", time.Second)
	w.record("en/main-street/.first.wav.part", time.Second) // an editor's
	if v := w.take(); len(v.Strange) != 3 || !slices.Contains(v.Strange, "recordings/en/main-street/frist.wav") {
		t.Errorf("strange: %v", v.Strange)
	}
	w.record("so/main-street/first.mp3", 0)
	if err := os.WriteFile(filepath.Join(w.dir, recordingsDir, "so", "main-street", "first.mp3"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, troubles := w.make()
	if len(troubles) != 1 || troubles[0].Record != "recordings/so/main-street/first" || !strings.Contains(troubles[0].Err.Error(), "neither WAV") {
		t.Errorf("troubles: %v", troubles)
	}
	if got := states(w.take()); got != "en first made, so first missing" {
		t.Error(got)
	}
}

// A recording that can't be used is no reason to be silent where there is a voice.
func TestABrokenRecordingLeavesTheVoice(t *testing.T) {
	w := newTown(t, question)
	w.record("en/main-street/first.wav", 0)
	if _, troubles := w.make(); len(troubles) != 1 || !errors.Is(troubles[0].Err, ErrNothingHeard) {
		t.Errorf("troubles: %v", troubles)
	}
	if seconds, recorded := w.play(question); recorded || seconds < 1 {
		t.Errorf("heard %.1f s, recorded %v", seconds, recorded)
	}
}

// The same words at two places are one clip, counted once; a recording of one of them is named for each.
func TestTheSameWordsAreMadeOnce(t *testing.T) {
	again := roads
	again.Key = "second.roads"
	w := newTown(t, roads, again)
	if n, _ := w.make(); n != 1 || states(w.take()) != "en first.roads made" {
		t.Errorf("%d made: %s", n, states(w.take()))
	}
	w.record("en/main-street/second.roads.wav", time.Second)
	w.make()
	if got := states(w.take()); got != "en first.roads recorded, en second.roads recorded" {
		t.Error(got)
	}
}

// A recording counts as soon as it is listed, in a town that is open.
func TestARecordingCountsWithoutARestart(t *testing.T) {
	w := newTown(t, question)
	w.record("en/main-street/first.wav", 5*time.Second)
	w.make()
	open := w.shelf()
	recorded := func() bool {
		c, err := open.Open(t.Context(), open.Offer("visitor", question), MP3)
		if err != nil {
			t.Fatal(err)
		}
		return c.Recorded
	}
	if !recorded() {
		t.Error("a recording is not heard")
	}
	if err := os.Remove(filepath.Join(w.dir, recordingsDir, "en", "main-street", "first.wav")); err != nil {
		t.Fatal(err)
	}
	w.make()
	if recorded() {
		t.Error("a recording that was taken away is heard")
	}
	w.record("en/main-street/first.wav", 4*time.Second)
	w.make()
	if !recorded() {
		t.Error("a new recording is not heard before a restart")
	}
}

func TestPrune(t *testing.T) {
	w := newTown(t, question, roads)
	w.make()
	w.script = []Line{roads}
	left := filepath.Join(w.dir, madeDir, unfinished+"1")
	for name, age := range map[string]time.Duration{left: 2 * time.Hour, filepath.Join(w.dir, madeDir, unfinished+"2"): 0} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Now().Add(-age), time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	v := w.take()
	if n, err := v.Prune(); n != 3 || err != nil { // two formats of the question, and what a crash left
		t.Errorf("%d removed, %v: %v", n, err, v.Unused)
	}
	if n, _ := w.make(); n != 0 || len(w.take().Unused) > 0 {
		t.Errorf("%d had to be made again", n)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what a crash left is still there")
	}
}

func TestOnlySome(t *testing.T) {
	w := newTown(t, question, hello, thanks)
	for _, test := range []struct {
		languages, dialogs []string
		want               string
	}{
		{nil, nil, "en first missing, so first silent, en @thanks missing"},
		{[]string{"so"}, nil, "so first silent"},
		{nil, []string{"main-street"}, "en first missing, so first silent"},
		{[]string{"en"}, []string{"town"}, "en @thanks missing"},
		{[]string{"es"}, nil, ""},
	} {
		v := w.take()
		if v.Only(test.languages, test.dialogs); states(v) != test.want {
			t.Errorf("%v %v: %s", test.languages, test.dialogs, states(v))
		}
	}
}

func TestNoFolder(t *testing.T) {
	s := shelf(t, Stock{Voice: voice(t), Script: []Line{question, hello, question}})
	v, err := s.Inventory()
	if err != nil || states(v) != "en first on demand, so first silent" || len(v.Wanting()) != 1 {
		t.Errorf("%s, %v", states(v), err)
	}
	if _, err := s.Make(t.Context(), v, nil); !errors.Is(err, ErrNoFolder) {
		t.Error(err)
	}
}

// A run that is broken off leaves whole clips only, and the next one goes on from there.
func TestARunCanBeBrokenOff(t *testing.T) {
	w := newTown(t)
	for i := range 12 {
		w.script = append(w.script, Line{Lang: "en", Key: "@line", Words: "This is line " + strings.Repeat("and ", i) + "over."})
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	v := w.take()
	_, err := w.shelf().Make(ctx, v, func(made, _ int) {
		if made == 3 {
			stop()
		}
	})
	if err == nil {
		t.Fatal("it was not broken off")
	}
	before := len(files(t, w.dir))
	for _, name := range files(t, w.dir) {
		if strings.HasPrefix(filepath.Base(name), unfinished) {
			t.Errorf("%s is half a clip", name)
		}
	}
	n, _ := w.make()
	if n == 0 || n >= 12 || before == 0 {
		t.Errorf("%d files before, then %d made", before, n)
	}
	if left := w.take().Wanting(); len(left) > 0 {
		t.Errorf("wanting: %v", left)
	}
}

func TestPlacesOfRecordings(t *testing.T) {
	for file, want := range map[string]place{
		"en/main-street/first.wav":        {"en", "main-street", "first"},
		"es/town/audio.gap.MP3":           {"es", "town", "audio.gap"},
		"zh/main-street/what.retry.1.ogg": {"zh", "main-street", "what.retry.1"},
		"en/main-street/.wav":             {},
		"en/first.wav":                    {},
		"en/main-street/first.m4a":        {},
		"":                                {},
	} {
		if got, ok := placeOf(file); got != want || ok != (want != place{}) {
			t.Errorf("%q is %+v, %v", file, got, ok)
		}
	}
	if got := placeOfLine(thanks).file(); got != "recordings/en/town/thanks" {
		t.Error(got)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"about":"","recordings":[{"file":"en/a/b.wav","sum":"00000000000000000000000000000000","said":["x"]}]}`))
	f.Add([]byte(`{"recordings":[{"file":"../../x","sum":"00000000000000000000000000000000"}]}`))
	f.Add([]byte(`{"recordings":[{"file":"en/a/b.wav","sum":"../x"}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		entries, err := parseIndex(content)
		if err != nil {
			return
		}
		for _, e := range entries {
			if !filepath.IsLocal(e.File) || !isKey(e.Sum) {
				t.Errorf("%+v leads out of the folder", e)
			}
		}
	})
}

func BenchmarkInventory(b *testing.B) {
	c := phrases(b)
	set, _ := dialogs.Load(library.FS(), dialogs.Options{Locales: c})
	script := Script(c, c.Tags(), set.All())
	s := shelf(b, Stock{Phrases: c, Dir: b.TempDir(), Script: script})
	b.ReportAllocs()
	for b.Loop() {
		if v, err := s.Inventory(); err != nil || len(v.Items) < 1000 {
			b.Fatal(err)
		}
	}
}
