package audio

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var asked = Utterance{Lang: "en", Dialog: "main-street", Key: "first", Words: "What should the town repair first?"}

// onCalls is a line of the script that calls say.
func onCalls(u Utterance) Line { return u.line() }

// mustBeSpoken checks that sound is as loud as all speech here, nowhere too loud, not mostly silent, and lasts as long as so
// many words do.
func mustBeSpoken(t *testing.T, name string, p *PCM, words int) {
	t.Helper()
	for rate, samples := range map[int][]int16{wideRate: p.Wide, narrowRate: p.Narrow} {
		s := &sound{rate: rate, samples: samples}
		level, share := s.loudness()
		if !near(level, speechLevel, 2) || share < 0.5 {
			t.Errorf("%s at %d: %.1f dB, %.0f %% of it speech", name, rate, level, 100*share)
		}
		if top := peak(samples); top > phonePeak+0.01 {
			t.Errorf("%s at %d: its peak is %.2f dB", name, rate, top)
		}
		if least, most := 0.15*float64(words), 1.0+0.7*float64(words); s.length().Seconds() < least || s.length().Seconds() > most {
			t.Errorf("%s at %d: %d words take %v", name, rate, words, s.length())
		}
	}
}

func peak(samples []int16) float64 {
	top := 0.0
	for _, x := range samples {
		top = max(top, math.Abs(float64(x))/32768)
	}
	return 20 * math.Log10(top)
}

func TestTheTelephoneSpeaks(t *testing.T) {
	s := shelf(t, Stock{Voice: voice(t)})
	for lang, words := range map[string]string{
		"en": "What should the town repair first on Main Street?",
		"es": "¿Qué debe reparar primero la ciudad en la calle mayor?",
		"fr": "Que doit réparer la ville en premier dans la grande rue ?",
		"zh": "您希望市政府先修哪里？",
		"ar": "ماذا يجب أن تصلح المدينة أولا في الشارع الرئيسي؟",
	} {
		p, err := s.Speak(t.Context(), Utterance{Lang: lang, Words: words})
		if err != nil {
			t.Fatal(err)
		}
		mustBeSpoken(t, lang, p, 9)
		if p.Recorded {
			t.Errorf("%s: nobody recorded it", lang)
		}
	}
}

// 300 calls that say the same thing at the same moment have it made once, and share it.
func TestCallsShareOneCopy(t *testing.T) {
	s := shelf(t, Stock{Voice: voice(t)})
	var mu sync.Mutex
	copies := map[*PCM]int{}
	var all sync.WaitGroup
	for range 300 {
		all.Go(func() {
			p, err := s.Speak(t.Context(), asked)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			copies[p]++
		})
	}
	all.Wait()
	if len(copies) != 1 {
		t.Errorf("%d copies", len(copies))
	}
}

// What authors wrote is kept on disk and found there by a shelf without any voice; what only one resident hears is not.
func TestOnlyTheScriptIsOnDisk(t *testing.T) {
	dir := t.TempDir()
	mine := Utterance{Lang: "en", Words: "You said: Zanzibar Higgins."}
	s := shelf(t, Stock{Voice: voice(t), Dir: dir, Script: []Line{onCalls(asked)}})
	for _, u := range []Utterance{asked, mine} {
		if _, err := s.Speak(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := filepath.Glob(filepath.Join(dir, "*", "*")); len(got) != 1 || !strings.HasSuffix(got[0], ".wav") {
		t.Errorf("on disk: %v", got)
	}
	copied := shelf(t, Stock{Dir: dir, Script: []Line{onCalls(asked)}})
	if !copied.Says(asked) || copied.Says(mine) {
		t.Error("Says: what was brought along, and nothing else")
	}
	p, err := copied.Speak(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	mustBeSpoken(t, "from disk", p, 6)
	_, err = copied.Speak(t.Context(), mine)
	if g := gapOf(t, err); !errors.Is(err, ErrNoVoice) || g.Lang != "en" || strings.Contains(err.Error(), "Higgins") {
		t.Errorf("%v", err)
	}
	if got := copied.Gaps(); len(got) != 1 || got[0].Key != "" {
		t.Errorf("gaps: %v", got)
	}
}

// A person's recording is heard in place of the machine's voice, a new one within seconds, without a restart.
func TestRecordingsAreHeardOnCalls(t *testing.T) {
	dir := t.TempDir()
	s := shelf(t, Stock{Voice: voice(t), Dir: dir, Script: []Line{onCalls(asked)}})
	if p, err := s.Speak(t.Context(), asked); err != nil || p.Recorded {
		t.Fatal(err, "nobody recorded it yet")
	}
	file := filepath.Join(dir, "recordings/en/main-street/first.wav")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	tone := play(note{0, 0, time.Second}, note{440, -35, 2 * time.Second}, note{0, 0, time.Second})
	if err := os.WriteFile(file, tone.WAV(), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := s.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	if troubles, err := s.Make(t.Context(), v, func(int, int) {}); err != nil || len(troubles) > 0 {
		t.Fatal(err, troubles)
	}
	s.calls.looked = time.Time{} // two seconds later
	p, err := s.Speak(t.Context(), asked)
	if err != nil || !p.Recorded {
		t.Fatal(err, p.Recorded)
	}
	if level, _ := (&sound{wideRate, p.Wide}).loudness(); !near(level, speechLevel, 1) || !near(p.Length().Seconds(), 2.2, 0.1) {
		t.Errorf("%.1f dB, %v: want it levelled, without the silence around it", level, p.Length())
	}
	if hertz := pitch(p.Narrow[800:16000], narrowRate); !near(hertz, 440, 2) {
		t.Errorf("%.0f Hz", hertz)
	}
	// what lost its clip is made from the recording again
	made, _ := filepath.Glob(filepath.Join(dir, "made", "*.wav"))
	for _, name := range made {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	again := shelf(t, Stock{Voice: voice(t), Dir: dir})
	if p, err := again.Speak(t.Context(), asked); err != nil || !p.Recorded {
		t.Error(err, p)
	}
}

func TestSlowerAndLouder(t *testing.T) {
	s := shelf(t, Stock{Voice: voice(t)})
	usual, err := s.Speak(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ pace, gain, becomes int }{{70, 0, 70}, {85, 0, 85}, {130, 0, 130}, {20, 0, 70}, {500, 0, 130}, {100, 0, 100}, {85, 12, 85}} {
		u := asked
		u.Pace, u.Gain = c.pace, c.gain
		p, err := s.Speak(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := p.Length().Seconds(), usual.Length().Seconds()*100/float64(c.becomes); !near(got, want, 0.01) {
			t.Errorf("pace %d: %.2f s, want %.2f", c.pace, got, want)
		}
		level, _ := (&sound{wideRate, p.Wide}).loudness()
		want, most := speechLevel, phonePeak
		if c.gain > 0 {
			want, most = speechLevel+8, loudPeak
		}
		if !near(level, want, 1) {
			t.Errorf("pace %d, gain %d: %.1f dB, want about %.1f", c.pace, c.gain, level, want)
		}
		if top := max(peak(p.Wide), peak(p.Narrow)); top > most+0.01 {
			t.Errorf("pace %d, gain %d: the peak is %.2f dB", c.pace, c.gain, top)
		}
	}
}

// Nobody hears silence: not where there is no voice for a language, nor where there is none at all.
func TestCallsAreNeverSilent(t *testing.T) {
	speaking, mute := shelf(t, Stock{Voice: voice(t)}), shelf(t, Stock{})
	spanish, english := speaking.SpeakSorry(t.Context(), "es", 0, 0), speaking.SpeakSorry(t.Context(), "so", 0, 0)
	mustBeSpoken(t, "es", spanish, 13)
	mustBeSpoken(t, "so", english, 9)
	if english != speaking.SpeakSorry(t.Context(), "en", 0, 0) || english == spanish {
		t.Error("Somali is told in English, Spanish in its own words")
	}
	if slow := speaking.SpeakSorry(t.Context(), "en", 70, 0); slow.Length() < english.Length()*5/4 {
		t.Error("the pace is kept")
	}
	tones := mute.SpeakSorry(t.Context(), "en", 0, 0)
	if level, share := (&sound{narrowRate, tones.Narrow}).loudness(); level < -40 || share < 0.5 || tones.Length() > 2*time.Second {
		t.Errorf("the tones are %.1f dB, %v", level, tones.Length())
	}
	if p, err := speaking.Speak(t.Context(), Utterance{Lang: "en", Words: " \u00a0\n "}); err != nil || p.Length() > time.Second {
		t.Errorf("no words: %v", err)
	}
}

func TestACallThatEndsWaitsForNothing(t *testing.T) {
	s := shelf(t, Stock{Voice: voice(t)})
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	if _, err := s.Speak(ctx, asked); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if len(s.Gaps()) > 0 {
		t.Error("to hang up is no gap")
	}
}

// What is in memory is bounded, and goes when nobody has said it for long.
func TestCallsForget(t *testing.T) {
	c := newCalls(time.Minute)
	defer c.expire()
	start := time.Now()
	big := &PCM{Wide: make([]int16, 4<<20)} // 8 MB
	for i := range 20 {
		c.put(Utterance{Words: strings.Repeat("x", i)}, big, start)
	}
	if c.size > mostCalls || c.order.Len() != 7 {
		t.Errorf("%d bytes, %d sounds", c.size, c.order.Len())
	}
	if c.get(Utterance{Words: strings.Repeat("x", 13)}, start) == nil || c.get(Utterance{}, start) != nil {
		t.Error("the longest unused goes first")
	}
	for e := c.order.Front(); e != nil; e = e.Next() {
		e.Value.(*uttered).used = start.Add(-2 * time.Minute)
	}
	if c.expire(); c.order.Len() != 0 || c.size != 0 {
		t.Error("something is left")
	}
}

func TestReplay(t *testing.T) {
	s := shelf(t, Stock{Voice: voice(t)})
	said := play(note{0, 0, 2 * time.Second}, note{500, -40, time.Second}, note{0, 0, 3 * time.Second})
	wide := &sound{wideRate, said.Wide}
	var opus map[Format][]byte
	var err error
	if opus, err = s.voice.Convert(t.Context(), wide.wav(), Opus); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"wav": wide.wav(), "of a telephone": said.WAV(), "opus": opus[Opus]} {
		p, err := s.Replay(t.Context(), b, 0, 0)
		if err != nil {
			t.Fatal(name, err)
		}
		if level, _ := (&sound{narrowRate, p.Narrow}).loudness(); !near(level, speechLevel, 1.5) || !near(p.Length().Seconds(), 1.2, 0.15) {
			t.Errorf("%s: %.1f dB, %v", name, level, p.Length())
		}
	}
	for _, bad := range [][]byte{nil, []byte("RI"), []byte("RIFF"), (&sound{8000, make([]int16, 8000)}).wav()} {
		if _, err := s.Replay(t.Context(), bad, 0, 0); err == nil {
			t.Errorf("%q can be played", bad[:min(4, len(bad))])
		}
	}
}

func TestAddresses(t *testing.T) {
	one := shelf(t, Stock{Secret: []byte("the town's secret")})
	other := shelf(t, Stock{Secret: []byte("the town's secret")})
	foreign := shelf(t, Stock{Secret: []byte("another town's")})
	u := Utterance{Lang: "es", Dialog: "d", Key: "k", Words: "Dijo: Zanzíbar\x00 Higgins", Pace: 85, Gain: 6}
	now := time.Unix(1_800_000_000, 0)
	a := one.addressAt(u, now)
	if a != one.addressAt(u, now) {
		t.Error("the same utterance has another address")
	}
	got, err := other.utteredAt(a, now.Add(addressAge))
	if err != nil || got != u {
		t.Errorf("another server of the town reads %+v, %v", got, err)
	}
	louder := u
	louder.Gain = 9
	if b := one.addressAt(louder, now); b == a {
		t.Error("another utterance has the same address")
	}
	for name, err := range map[string]error{
		"long ago":     second(other.utteredAt(a, now.Add(2*addressAge))),
		"other town":   second(foreign.utteredAt(a, now)),
		"changed":      second(one.utteredAt("A"+a[1:], now)),
		"no ending":    second(one.utteredAt(strings.TrimSuffix(a, ".wav"), now)),
		"nothing":      second(one.utteredAt(".wav", now)),
		"a file":       second(one.utteredAt("../../town.key", now)),
		"one's own":    second(shelf(t, Stock{}).utteredAt(a, now)),
		"nobody's key": second(shelf(t, Stock{}).utteredAt(shelf(t, Stock{}).addressAt(u, now), now)),
	} {
		if !errors.Is(err, ErrNoAddress) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func FuzzAddress(f *testing.F) {
	s, err := NewShelf(Stock{Secret: []byte("s")})
	if err != nil {
		f.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	f.Add(s.addressAt(asked, now))
	f.Add(".wav")
	f.Fuzz(func(t *testing.T, address string) {
		if u, err := s.utteredAt(address, now); err == nil && s.addressAt(u, now) != address && s.addressAt(asked, now) != address {
			t.Errorf("%q is an address that was never made", address)
		}
	})
}

// Twilio's <Play> takes G.711 µ-law in a WAV: one channel, 8 kHz, 8 bits.
func TestServedAsWAV(t *testing.T) {
	s := shelf(t, Stock{Voice: voice(t)})
	b, err := s.WAV(t.Context(), s.Address(asked))
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	if kind, channels, rate, bits := le.Uint16(b[20:]), le.Uint16(b[22:]), le.Uint32(b[24:]), le.Uint16(b[34:]); kind != 7 || channels != 1 || rate != 8000 || bits != 8 {
		t.Errorf("kind %d, %d channels, %d Hz, %d bits", kind, channels, rate, bits)
	}
	p, err := s.Speak(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	w, err := readWAV(b)
	if err != nil || len(w.samples) != len(p.Narrow) {
		t.Fatalf("%v: %d samples, want %d", err, len(w.samples), len(p.Narrow))
	}
	for i, x := range w.samples {
		if off := math.Abs(float64(x) - float64(p.Narrow[i])); off > 16+math.Abs(float64(x))/16 {
			t.Fatalf("sample %d is %d, want %d", i, x, p.Narrow[i])
		}
	}
	so := Utterance{Lang: "so", Words: "Waad mahadsan tahay."}
	if b, err := s.WAV(t.Context(), s.Address(so)); err != nil || len(b) < 8000 {
		t.Errorf("where there is no voice: %d bytes, %v", len(b), err)
	}
}

func BenchmarkSpeakFromMemory(b *testing.B) {
	s := shelf(b, Stock{Voice: voice(b), Dir: b.TempDir()})
	if _, err := s.Speak(b.Context(), asked); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Speak(b.Context(), asked); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSpeakMade(b *testing.B) {
	s := shelf(b, Stock{Voice: voice(b)})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.pcm(b.Context(), asked.line()); err != nil {
			b.Fatal(err)
		}
	}
}
