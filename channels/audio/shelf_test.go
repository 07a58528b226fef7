package audio

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/locales"
)

var (
	question = Line{Lang: "en", Dialog: "main-street", Key: "first", Words: "What should the town repair first?"}
	typed    = Line{Lang: "en", Words: "My neighbour is Zanzibar Higgins."}
	somali   = Line{Lang: "so", Dialog: "square", Key: "hello", Words: "Waad mahadsan tahay."}
)

// gapOf returns the gap in an error.
func gapOf(t *testing.T, err error) *Gap {
	t.Helper()
	var g *Gap
	if !errors.As(err, &g) {
		t.Fatalf("%v is not a gap", err)
	}
	return g
}

func TestWhatIsOnShowCanBeHeard(t *testing.T) {
	s := shelf(t, Stock{Voice: voice(t)})
	for _, l := range []Line{question, typed} {
		key := s.Offer("visitor", l)
		if !isKey(key) || key == s.Key(l.Lang, l.Words) {
			t.Errorf("offered under %s: whoever guesses the words knows it", key)
		}
		for _, f := range Formats() {
			c, err := s.Open(t.Context(), key, f)
			if err != nil {
				t.Fatal(err)
			}
			if c.Key != key || c.Format != f || c.Recorded {
				t.Errorf("%s: got a clip of %s, %s", key, c.Key, c.Format)
			}
			mustBeSpeech(t, l.Words, f, c.Bytes, len(strings.Fields(l.Words)))
		}
	}
	if len(s.Gaps()) > 0 {
		t.Errorf("gaps: %v", s.Gaps())
	}
	if s.Offer("visitor", Line{Lang: "en"}) != "" {
		t.Error("no words have a key")
	}
}

// What a visitor typed is theirs alone: who types the same has another clip, and doesn't learn that it was there.
func TestOwnWordsAreSharedWithNobody(t *testing.T) {
	s := shelf(t, Stock{Voice: voice(t), Script: []Line{question}})
	own := func(visitor string, l Line) string {
		l.Own = true
		return s.Offer(visitor, l)
	}
	mine := own("one", typed)
	if mine == own("two", typed) || mine == s.Offer("one", typed) || mine != own("one", typed) {
		t.Error("own words have a key that others get")
	}
	if own("one", question) == s.Offer("one", question) {
		t.Error("who types what is in the script gets the script's key")
	}
	if _, err := s.Open(t.Context(), mine, MP3); err != nil {
		t.Error(err)
	}
	other := shelf(t, Stock{Voice: voice(t)})
	if own("one", typed) != mine || other.Offer("one", typed) == s.Offer("one", typed) {
		t.Error("another process has another secret")
	}
}

// What authors wrote can be asked for when the server was started anew and no page was shown since.
func TestTheScriptIsKnown(t *testing.T) {
	s := shelf(t, Stock{Voice: voice(t), Script: []Line{question}})
	if _, err := s.Open(t.Context(), s.Key("en", question.Words), MP3); err != nil {
		t.Error(err)
	}
	if _, err := s.Open(t.Context(), s.Key("en", "Another question?"), MP3); gapOf(t, err).Lang != "" {
		t.Error("what was never shown is known")
	}
}

func TestAGapIsListedWithoutWords(t *testing.T) {
	var log bytes.Buffer
	s := shelf(t, Stock{Voice: voice(t), Script: []Line{somali}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	key := s.Offer("visitor", somali)
	for range 3 {
		_, err := s.Open(t.Context(), key, MP3)
		g := gapOf(t, err)
		if g.Lang != "so" || g.Key != "hello" || g.Dialog != "square" || !errors.Is(err, ErrNoVoice) {
			t.Errorf("gap %+v", g)
		}
		if strings.Contains(err.Error(), "mahadsan") {
			t.Errorf("words in %q", err)
		}
	}
	mine := s.Offer("visitor", Line{Lang: "so", Words: "Zanzibar"})
	if _, err := s.Open(t.Context(), mine, MP3); err == nil {
		t.Error("a clip of a language without a voice")
	}
	got := s.Gaps()
	if len(got) != 2 || got[0].Times != 3 || got[0].Key != "hello" || got[1].Times != 1 || got[1].Lang != "so" || got[1].Key != "" {
		t.Errorf("gaps: %+v", got)
	}
	if got[1].ClipKey != "" {
		t.Error("a key in the list can be reckoned back to a resident's words")
	}
	if told := log.String(); strings.Count(told, "\n") != 2 || !strings.Contains(told, "text=hello") || strings.Contains(told, "Zanzibar") || strings.Contains(told, mine) {
		t.Errorf("the log says\n%s", told)
	}
	if s.Speaks("so") || !s.Speaks("en") {
		t.Error("Speaks: Somali has no voice, English has")
	}
}

func TestKeysFromOutside(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "town.key.mp3"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := shelf(t, Stock{Voice: voice(t), Dir: dir})
	for _, key := range []string{"", "../town.key", "..%2ftown.key", strings.Repeat("0", 32), strings.Repeat("A", 32), strings.Repeat("0", 31) + "/"} {
		c, err := s.Open(t.Context(), key, MP3)
		if c != nil || gapOf(t, err).Lang != "" {
			t.Errorf("%q: %v", key, err)
		}
	}
	if _, err := s.Open(t.Context(), s.Offer("visitor", question), "wma"); err == nil {
		t.Error("a format that there isn't")
	}
	if n := len(s.Gaps()); n > 0 {
		t.Errorf("%d gaps of nobody's", n)
	}
}

func TestNeverSilent(t *testing.T) {
	speaking, mute := shelf(t, Stock{Voice: voice(t)}), shelf(t, Stock{})
	for _, f := range Formats() {
		spanish, english := speaking.Sorry(t.Context(), "es", f), speaking.Sorry(t.Context(), "so", f)
		mustBeSpeech(t, "es", f, spanish.Bytes, 13)
		mustBeSpeech(t, "so", f, english.Bytes, 9)
		if want := speaking.Sorry(t.Context(), "en", f); !bytes.Equal(english.Bytes, want.Bytes) || bytes.Equal(spanish.Bytes, want.Bytes) {
			t.Errorf("%s: Somali is told in English, Spanish in its own words", f)
		}
		tones := mute.Sorry(t.Context(), "en", f)
		s := heard(t, f, tones.Bytes)
		if level, share := s.loudness(); level < -40 || share < 0.5 || s.length() > 2*time.Second || tones.Format != f {
			t.Errorf("%s: the tones are %.1f dB, %v", f, level, s.length())
		}
	}
	if c := mute.Sorry(t.Context(), "en", "wma"); c.Format != MP3 || len(c.Bytes) == 0 {
		t.Errorf("an unknown format: %v", c)
	}
	if len(speaking.Gaps()) > 0 {
		t.Error("to say sorry is a gap")
	}
}

// files lists the folder; it fails on any that holds one of the words.
func files(t *testing.T, dir string, words ...string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		for _, w := range words {
			if strings.Contains(string(content), w) || strings.Contains(name, w) {
				t.Errorf("%s holds %q", name, w)
			}
		}
		all = append(all, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A resident's words are nowhere but in memory, and there no longer than they are on show.
func TestResidentsWordsAreNotKept(t *testing.T) {
	dir := t.TempDir()
	s := shelf(t, Stock{Voice: voice(t), Dir: dir, Script: []Line{question}})
	mine := s.Offer("visitor", typed)
	if _, err := s.Open(t.Context(), mine, Opus); err != nil {
		t.Fatal(err)
	}
	if left := files(t, dir, "Zanzibar"); len(left) > 0 {
		t.Errorf("on disk: %v", left)
	}
	towns := s.Offer("visitor", question)
	if _, err := s.Open(t.Context(), towns, Opus); err != nil {
		t.Fatal(err)
	}
	if left := files(t, dir, "Zanzibar"); len(left) != 1 || filepath.Base(left[0]) != towns+".opus" {
		t.Errorf("on disk: %v; want the question alone", left)
	}
	s.Forget("visitor")
	if _, err := s.Open(t.Context(), mine, Opus); gapOf(t, err).Lang != "" {
		t.Error("it is still known after it was forgotten")
	}
	if n := len(s.memory.offers) + len(s.memory.sounds) + len(s.memory.visits) + s.memory.words + s.memory.sounded; n != 0 {
		t.Errorf("something is left in memory: %+v", s.memory)
	}
	if _, err := s.Open(t.Context(), towns, Opus); err != nil {
		t.Error("the town's own words are gone too: ", err)
	}
}

// Two visitors see the same words; one leaves.
func TestWordsStayForWhoIsStillThere(t *testing.T) {
	s := shelf(t, Stock{Voice: voice(t)})
	key := s.Offer("first", Line{Lang: "en", Words: "Question 2 of 5"})
	s.Offer("second", Line{Lang: "en", Words: "Question 2 of 5"})
	s.Offer("second", Line{Lang: "en", Words: "Question 2 of 5"})
	s.Forget("first")
	s.Forget("nobody")
	if _, err := s.Open(t.Context(), key, MP3); err != nil {
		t.Error(err)
	}
	s.Forget("second")
	if _, err := s.Open(t.Context(), key, MP3); err == nil {
		t.Error("nobody is there, and it is known")
	}
}

// Who leaves while a clip is being made leaves nothing behind.
func TestForgottenWhileItIsMade(t *testing.T) {
	v, dir := machine(t, `read line <$DIR/gate; exec $REAL "$@"`, Speech{})
	gate := filepath.Join(dir, "gate")
	mkfifo(t, gate)
	s := shelf(t, Stock{Voice: v})
	key := s.Offer("visitor", typed)
	ctx, leave := context.WithCancel(t.Context())
	opened := make(chan error)
	go func() {
		_, err := s.Open(ctx, key, MP3)
		opened <- err
	}()
	open, err := os.OpenFile(gate, os.O_WRONLY, 0) // waits until the voice has begun
	if err != nil {
		t.Fatal(err)
	}
	leave()
	if err := <-opened; !errors.Is(err, context.Canceled) {
		t.Errorf("who left waits: %v", err)
	}
	s.Forget("visitor")
	made := s.making.DoChan(key+".mp3", func() (any, error) { return nil, errors.New("it had ended already") })
	if _, err := open.WriteString("go\n"); err != nil {
		t.Fatal(err)
	}
	if r := <-made; r.Err != nil {
		t.Fatal(r.Err)
	}
	if len(s.memory.sounds) > 0 || len(s.Gaps()) > 0 {
		t.Errorf("left behind: %d sounds, gaps %v", len(s.memory.sounds), s.Gaps())
	}
}

func TestWordsAreForgottenAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := shelf(t, Stock{Keep: 10 * time.Minute})
		old, used := s.Offer("visitor", typed), s.Offer("visitor", question)
		for range 3 {
			<-time.After(9 * time.Minute)
			if _, err := s.Open(t.Context(), used, MP3); gapOf(t, err).Lang != "en" { // there is no voice, but the words are known
				t.Error("what is asked for is forgotten")
			}
		}
		synctest.Wait()
		s.mu.Lock()
		if len(s.memory.offers) != 1 || s.memory.offers[old] != nil {
			t.Errorf("%d are remembered, want the one that is asked for", len(s.memory.offers))
		}
		s.mu.Unlock()
		<-time.After(11 * time.Minute)
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.memory.offers)+len(s.memory.visits)+s.memory.words != 0 || s.expiry != nil {
			t.Error("something is remembered of who left long ago")
		}
	})
}

// However many come, memory is bounded, and the newest are still known.
func TestMemoryIsBounded(t *testing.T) {
	m := newMemory()
	long := strings.Repeat("x", 4000)
	now := time.Now()
	var last string
	for i := range 10000 {
		last = digest(string(rune(i)))
		m.offer(digest("visitor", last), last, Line{Lang: "en", Words: long}, now)
		m.keep(soundKey{last, MP3}, &Clip{Bytes: make([]byte, 10000)}, true)
	}
	if m.words > mostWords || m.sounded > mostSounds || len(m.offers) > mostWords/4000 || len(m.visits) > len(m.offers) || len(m.sounds) > len(m.offers) {
		t.Errorf("%d offers of %d bytes, %d sounds of %d, %d visits", len(m.offers), m.words, len(m.sounds), m.sounded, len(m.visits))
	}
	if _, ok := m.line(last, now); !ok || len(m.offers) < 1000 {
		t.Error("the last one is forgotten")
	}
	if _, ok := m.sound(soundKey{last, MP3}); !ok {
		t.Error("its sound is forgotten")
	}
}

func TestManyAskForTheSame(t *testing.T) {
	v, dir := machine(t, `echo made >>$DIR/made; exec $REAL "$@"`, Speech{})
	s := shelf(t, Stock{Voice: v, Dir: filepath.Join(dir, "sound"), Script: []Line{question}})
	var all sync.WaitGroup
	clips := make([]*Clip, 32)
	for i := range clips {
		all.Go(func() {
			key := s.Offer("visitor "+string(rune('a'+i)), question)
			c, err := s.Open(t.Context(), key, MP3)
			if err != nil {
				t.Error(err)
			}
			clips[i] = c
			s.Offer("visitor", typed)
			s.Forget("visitor")
		})
	}
	all.Wait()
	for _, c := range clips {
		if c == nil || !bytes.Equal(c.Bytes, clips[0].Bytes) {
			t.Fatal("not all heard the same")
		}
	}
	made, err := os.ReadFile(filepath.Join(dir, "made"))
	if n := strings.Count(string(made), "\n"); err != nil || n != 1 {
		t.Errorf("made %d times, %v", n, err)
	}
}

// Who reads while a clip is written anew gets the old one or the new one, never a part.
func TestClipsAreWrittenWhole(t *testing.T) {
	name := filepath.Join(t.TempDir(), "made", "clip.mp3")
	clips := [][]byte{bytes.Repeat([]byte("a"), 300000), bytes.Repeat([]byte("b"), 100000)}
	if err := writeWhole(name, clips[0]); err != nil {
		t.Fatal(err)
	}
	written := make(chan error)
	go func() {
		var err error
		for i := 0; i < 100 && err == nil; i++ {
			err = writeWhole(name, clips[i%2])
		}
		written <- err
	}()
	for reads := 0; ; reads++ {
		got, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(got, clips[0]) && !bytes.Equal(got, clips[1]) {
			t.Errorf("read %d: %d bytes, %v", reads, len(got), err)
		}
		select {
		case err := <-written:
			if err != nil {
				t.Error(err)
			}
			return
		default:
		}
	}
}

// A folder that can't be written to, or half a clip in it, is no reason for silence.
func TestTroubleWithTheFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, madeDir), nil, 0o600); err != nil { // a file where the folder would be
		t.Fatal(err)
	}
	s := shelf(t, Stock{Voice: voice(t), Dir: dir, Script: []Line{question}})
	if _, err := s.Open(t.Context(), s.Key("en", question.Words), MP3); err != nil {
		t.Error(err)
	}
	whole := t.TempDir()
	s = shelf(t, Stock{Voice: voice(t), Dir: whole, Script: []Line{question}})
	key := s.Key("en", question.Words)
	if err := writeWhole(s.folder.madePath(key, MP3), nil); err != nil {
		t.Fatal(err)
	}
	c, err := s.Open(t.Context(), key, MP3)
	if err != nil || len(c.Bytes) == 0 {
		t.Errorf("an empty file is played: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(whole, recordingsDir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(whole, recordingsDir, indexFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewShelf(Stock{Dir: whole}); err == nil {
		t.Error("a broken list of recordings is passed over")
	}
}

// Clips brought along from another machine are heard where no voice is installed.
func TestClipsFromAnotherMachine(t *testing.T) {
	dir := t.TempDir()
	c := phrases(t)
	script := []Line{question, {Lang: "en", Key: gapPhrase, Words: c.Language("en").Phrase(gapPhrase, locales.Screen)}}
	maker := shelf(t, Stock{Voice: voice(t), Dir: dir, Script: script})
	v, err := maker.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	if troubles, err := maker.Make(t.Context(), v, func(int, int) {}); err != nil || len(troubles) > 0 {
		t.Fatal(troubles, err)
	}
	s := shelf(t, Stock{Dir: dir})
	if _, err := s.Open(t.Context(), s.Offer("visitor", question), Opus); err != nil || !s.Speaks("en") || s.Speaks("es") {
		t.Errorf("%v; English %v, Spanish %v", err, s.Speaks("en"), s.Speaks("es"))
	}
	if _, err := s.Open(t.Context(), s.Offer("visitor", typed), Opus); gapOf(t, err).Lang != "en" {
		t.Error("what was never made is heard")
	}
	mustBeSpeech(t, "sorry", MP3, s.Sorry(t.Context(), "en", MP3).Bytes, 9)
}

func BenchmarkOffer(b *testing.B) {
	s := shelf(b, Stock{Phrases: phrases(b)})
	b.ReportAllocs()
	for b.Loop() {
		if s.Offer("visitor", question) == "" {
			b.Fatal("no key")
		}
	}
}

// BenchmarkOpen is a clip that is there already.
func BenchmarkOpen(b *testing.B) {
	for name, dir := range map[string]string{"disk": b.TempDir(), "memory": ""} {
		b.Run(name, func(b *testing.B) {
			s := shelf(b, Stock{Voice: voice(b), Dir: dir, Script: []Line{question}})
			key := s.Offer("visitor", question)
			if _, err := s.Open(b.Context(), key, MP3); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Open(b.Context(), key, MP3); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
