package audio

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels/resample"
)

// said are the words of an Ask, and what else it asks for.
func said(a Ask) string {
	var parts []string
	for _, u := range a.Say {
		parts = append(parts, u.Lang+": "+u.Words)
	}
	if a.Play != nil {
		parts = append(parts, "(plays)")
	}
	for _, u := range a.Then {
		parts = append(parts, u.Lang+": "+u.Words)
	}
	switch {
	case a.Record > 0:
		parts = append(parts, "(records)")
	case a.Key:
		parts = append(parts, "(key)")
	case a.Over:
		parts = append(parts, "(over)")
	}
	if a.Keep != nil {
		parts = append([]string{"(keeps " + a.Keep.Record + ")"}, parts...)
	}
	return strings.Join(parts, " ")
}

// must checks what is asked, by parts of it in their order.
func must(t *testing.T, a Ask, parts ...string) Ask {
	t.Helper()
	rest := said(a)
	for _, p := range parts {
		_, after, ok := strings.Cut(rest, p)
		if !ok {
			t.Fatalf("no %q in %q", p, said(a))
		}
		rest = after
	}
	return a
}

// spokenFor is noise that sounds like somebody saying words for a while, with silence around it.
func spokenFor(d time.Duration, level float64) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	s := &sound{rate: 8000, samples: make([]int16, samplesOf(d+2*time.Second, 8000))}
	for i := range s.samples {
		x := 0.0005 * rng.NormFloat64()
		if at := i - 8000; at > 0 && at < samplesOf(d, 8000) && at%2000 < 1500 {
			x += amplitude(level) * math.Sqrt2 * math.Sin(2*math.Pi*180*float64(at)/8000)
		}
		s.samples[i] = resample.Clamp(x)
	}
	return s.wav()
}

// A clerk records two of three texts: one at once, one after two tries; leaves one out.
func TestReading(t *testing.T) {
	items := []Item{
		{Line: Line{Lang: "en", Dialog: "hours", Key: "hello", Words: "The library is open every day from nine to five."}, Record: "recordings/en/hours/hello", Number: 2},
		{Line: Line{Lang: "so", Key: "@audio.gap", Words: "Qaybtan lama akhriyi karo."}, Record: "recordings/so/town/audio.gap", Number: 7, State: Silent},
		{Line: Line{Lang: "en", Dialog: "hours", Key: "bye", Words: "Come and see us."}, Record: "recordings/en/hours/bye", Number: 3},
	}
	good := spokenFor(3*time.Second, -25)
	r := NewReading(items)
	must(t, r.Begin(), "There are 3 texts", "Text number 2.", "en: The library is open", "(records)")
	must(t, r.Next(Told{WAV: good, Key: '#'}), "You said:", "(plays)", "To keep it, press 1", "(key)")
	must(t, r.Next(Told{Key: '9'}), "(plays)", "(key)")
	must(t, r.Next(Told{Key: '5'}), "To keep it, press 1", "(key)")
	next := must(t, r.Next(Told{Key: '1'}), "(keeps recordings/en/hours/hello)", "It is kept.", "Text number 7 on your list.", "(records)")
	if strings.Contains(said(next), "Qaybtan") {
		t.Error("what no voice can say is said")
	}
	must(t, r.Next(Told{}), "I heard nothing. Please say it again.", "Text number 7", "(records)")
	must(t, r.Next(Told{WAV: good}), "(plays)", "(key)")
	must(t, r.Next(Told{Key: '2'}), "Text number 7", "(records)")
	must(t, r.Next(Told{Key: '3'}), "It is left out.", "Text number 3.", "(records)")
	must(t, r.Next(Told{WAV: good}), "(plays)", "(key)")
	must(t, r.Next(Told{Key: '1'}), "(keeps recordings/en/hours/bye)", "That was the last text. 2 recordings are kept.", "(over)")
	must(t, r.Next(Told{Key: '1'}), "(over)")
	if r.Kept != 2 {
		t.Errorf("%d kept", r.Kept)
	}
	must(t, NewReading(nil).Begin(), "Everything is recorded", "(over)")
}

// Whoever can't get it right, or went away, is not asked for ever.
func TestReadingEnds(t *testing.T) {
	items := []Item{{Line: Line{Lang: "en", Words: "Come and see us."}, Record: "recordings/en/hours/bye", Number: 1}}
	r := NewReading(items)
	r.Begin()
	must(t, r.Next(Told{}), "I heard nothing", "(records)")
	must(t, r.Next(Told{WAV: []byte("RIFF")}), "I could not take that down", "(records)")
	must(t, r.Next(Told{}), "I heard nothing", "To try again, press 2", "(key)")
	must(t, r.Next(Told{Key: '1'}), "To try again", "(key)") // there is nothing to keep
	must(t, r.Next(Told{}), "(key)")
	must(t, r.Next(Told{}), "(key)")
	must(t, r.Next(Told{}), "we stop here. 0 recordings are kept", "(over)")
	for _, told := range []Told{{}, {Key: '#'}, {WAV: spokenFor(time.Second, -25)}, {Key: '2'}} { // whatever happens, it ends or waits for a key that ends it
		r := NewReading(items)
		a := r.Begin()
		for range 1000 {
			if a.Over {
				break
			}
			a = r.Next(told)
		}
		if !a.Over {
			must(t, r.Next(Told{Key: '0'}), "(over)")
		}
	}
	r = NewReading(items)
	r.Begin()
	must(t, r.Next(Told{WAV: spokenFor(time.Second, -25), Key: '0'}), "0 recordings are kept", "(over)")
}

func TestExamine(t *testing.T) {
	const words = "The library is open every day from nine to five." // 4 seconds
	noise := func(level float64) []byte {
		rng := rand.New(rand.NewPCG(5, 6))
		s := &sound{rate: 8000, samples: make([]int16, 5*8000)}
		for i := range s.samples {
			s.samples[i] = resample.Clamp(amplitude(level) * rng.NormFloat64())
		}
		return s.wav()
	}
	for name, c := range map[string]struct {
		wav   []byte
		wrong string
	}{
		"good":      {spokenFor(4*time.Second, -25), ""},
		"loud":      {spokenFor(4*time.Second, -6), ""},
		"none":      {nil, "I heard nothing."},
		"silence":   {(&sound{8000, make([]int16, 30000)}).wav(), "I heard nothing."},
		"no sound":  {[]byte("not a WAV file"), "I could not take that down."},
		"cut off":   {spokenFor(4*time.Second, 6), "too loud"},
		"far away":  {spokenFor(4*time.Second, -52), "very quiet"},
		"noise":     {noise(-30), "noise where you are"},
		"one word":  {spokenFor(400*time.Millisecond, -25), "shorter than the text"},
		"goes on":   {spokenFor(20*time.Second, -25), "longer than the text"},
		"of a line": {(&PCM{Narrow: mustRead(t, spokenFor(4*time.Second, -25)).samples}).WAV(), ""},
	} {
		wav, wrong := examine(c.wav, words)
		if c.wrong == "" {
			s, err := readWAV(wav)
			if wrong != "" || err != nil {
				t.Errorf("%s: %q, %v", name, wrong, err)
				continue
			}
			if level, _ := s.loudness(); !near(level, speechLevel, 1) || s.length() > 5*time.Second {
				t.Errorf("%s: %.1f dB, %v", name, level, s.length())
			}
		} else if !strings.Contains(wrong, c.wrong) || wav != nil {
			t.Errorf("%s: %q, want %q", name, wrong, c.wrong)
		}
	}
}

func mustRead(t *testing.T, wav []byte) *sound {
	t.Helper()
	s, err := readWAV(wav)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What a clerk kept is heard on the next call, and not asked for another day.
func TestWhatIsKeptIsHeard(t *testing.T) {
	dir := t.TempDir()
	script := []Line{onCalls(asked), {Lang: "en", Dialog: "d", Key: "page", Words: "Only on a page."}}
	s := shelf(t, Stock{Voice: voice(t), Dir: dir, Script: script})
	v, err := s.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	items := v.Unrecorded()
	if len(items) != 1 || items[0].Words != asked.Words {
		t.Fatalf("%+v", items)
	}
	if err := os.MkdirAll(filepath.Join(dir, "recordings/en/main-street"), 0o755); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(dir, "recordings/en/main-street/first.ogg")
	if err := os.WriteFile(old, []byte("OggS"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := s.Speak(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	r := NewReading(items)
	r.Begin()
	r.Next(Told{WAV: p.WAV()})
	ask := r.Next(Told{Key: '1'})
	if err := v.Keep(ask.Keep); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("the recording of another day is still there")
	}
	for _, bad := range []string{"", "recordings/../town.key", "recordings/en/x", "../recordings/en/d/k", "made/en/d/k", "/recordings/en/d/k", "recordings/en/../k"} {
		if v.Keep(&Take{Record: bad, WAV: []byte("RIFF")}) == nil {
			t.Errorf("kept as %q", bad)
		}
	}
	if v, err = s.Inventory(); err != nil || len(v.Unrecorded()) != 0 {
		t.Fatal(err, v.Unrecorded())
	}
	if troubles, err := s.Make(t.Context(), v, func(int, int) {}); err != nil || len(troubles) > 0 {
		t.Fatal(err, troubles)
	}
	if p, err := shelf(t, Stock{Dir: dir, Script: script}).Speak(t.Context(), asked); err != nil || !p.Recorded {
		t.Error(err)
	}
	if err := (&Inventory{}).Keep(ask.Keep); err == nil {
		t.Error("kept nowhere")
	}
}

// A text that is on a page and one that is said, with the same words, need one recording and the clips of both.
func TestTheSameWordsOnPagesAndCalls(t *testing.T) {
	dir := t.TempDir()
	words := "Thank you very much."
	s := shelf(t, Stock{Voice: voice(t), Dir: dir, Script: []Line{{Lang: "en", Dialog: "a", Key: "x", Words: words, Use: OnPages}, {Lang: "en", Dialog: "b", Key: "y", Words: words, Use: OnCalls}}})
	v, err := s.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Make(t.Context(), v, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	var endings []string
	made, _ := filepath.Glob(filepath.Join(dir, "made", "*"))
	for _, name := range made {
		endings = append(endings, filepath.Ext(name))
	}
	if len(endings) != 3 {
		t.Errorf("made: %v", endings)
	}
	if v, err = s.Inventory(); err != nil || len(v.Wanting()) > 0 || len(v.Unused) > 0 {
		t.Errorf("%v, wanting %v, unused %v", err, v.Wanting(), v.Unused)
	}
}
