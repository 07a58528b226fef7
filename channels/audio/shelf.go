package audio

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/townline/townline/locales"
)

// Shelf finds a clip by its key: first what people recorded, then what a voice made before, then it has the voice make it.
// It is safe for any number of goroutines.
//
// A page hands over the words that it shows (Offer) and gets keys; the browser asks for the clips by key (Open); when the
// visitor is gone, so are the words that were theirs alone (Forget). Words that are only offered are never written to disk
// or to a log: they and their sound are in memory, for a while.
type Shelf struct {
	voice   *Voice
	phrases *locales.Catalogue
	folder  *folder // nil: nothing is kept on disk
	keep    time.Duration
	log     *slog.Logger
	book    *book
	frames  map[string][][]string // by language: what stands around insertions
	secret  []byte
	calls   *calls
	making  singleflight.Group

	mu     sync.Mutex
	memory *memory
	expiry *time.Timer
	gaps   gaps
}

// Stock is what a shelf is made of.
type Stock struct {
	Dir     string             // recordings and made clips; "": nothing is kept on disk
	Voice   *Voice             // as FindVoice returned it, mute or not
	Phrases *locales.Catalogue // for how numbers are said, and for the words where a part can't be read aloud
	Script  []Line             // what authors wrote: its clips may be kept in Dir
	Frames  []Line             // texts that have something put in, as Frames returns them
	Secret  []byte             // the town's: names clips of words that no author wrote; nil: one of this process, which other servers of the town don't know
	Keep    time.Duration      // how long offered words are remembered after they were last offered or asked for; 0: 30 min
	Log     *slog.Logger       // told each gap once, without words; nil: nobody is
}

// NewShelf reads the list of recordings in Dir.
func NewShelf(s Stock) (*Shelf, error) {
	shelf := &Shelf{voice: s.Voice, phrases: s.Phrases, keep: s.Keep, log: s.Log, book: &book{lines: s.Script}, memory: newMemory(), gaps: gaps{}}
	if shelf.keep <= 0 {
		shelf.keep = usualKeep
	}
	if shelf.secret = s.Secret; len(shelf.secret) == 0 {
		shelf.secret = make([]byte, 32)
		_, _ = rand.Read(shelf.secret) // it never fails
	}
	shelf.calls = newCalls(shelf.keep)
	shelf.frames = map[string][][]string{}
	for _, f := range s.Frames {
		shelf.frames[f.Lang] = append(shelf.frames[f.Lang], strings.Split(f.Words, gap))
	}
	if shelf.log == nil {
		shelf.log = slog.New(slog.DiscardHandler)
	}
	if s.Dir != "" {
		shelf.folder = &folder{dir: s.Dir}
		if err := shelf.folder.refresh(); err != nil {
			return nil, err
		}
	}
	return shelf, nil
}

// longestWait is how long a clip may take with waiting for its turn: when very many ask at once, some are told sorry rather
// than left to wait, and what nobody waits for any more doesn't pile up.
const longestWait = time.Minute

// gapPhrase is said where a part can't be read aloud.
const gapPhrase = "@audio.gap"

// gapLine is that phrase in a language, and whether the language has it.
func (s *Shelf) gapLine(lang string) (Line, bool) {
	l := s.phrases.Language(lang)
	return Line{Lang: lang, Key: gapPhrase, Words: l.Phrase(gapPhrase, locales.Screen)}, s.phrases.Has(lang)
}

// Speaks says whether a page in this language can be heard: there is a voice for it, or clips of it were brought along, or
// people recorded it; at the least the sentence @audio.gap, so that a missing part can be told in the language itself.
// Where it can't, say so on the page, with the phrase @audio.none.
func (s *Shelf) Speaks(lang string) bool {
	if s.voice.Speaks(lang) {
		return true
	}
	l, ok := s.gapLine(lang)
	if !ok || s.folder == nil {
		return false
	}
	if e, ok := s.folder.recording(l); ok && s.folder.has(e.madeName(), Formats()...) {
		return true
	}
	return s.folder.has(s.Key(l.Lang, l.Words), Formats()...)
}

// Key is the key of a page's clip in the script, and the name of its file: pure, the same on every machine with the same
// settings, whatever is installed there. Words of which nothing is left to say have none ("").
func (s *Shelf) Key(lang, words string) string { return s.fileKey(lang, words, MP3) }

func (s *Shelf) lineKey(l Line) string { return s.Key(l.Lang, l.Words) }

func (s *Shelf) fileKey(lang, words string, f Format) string {
	words = spoken(s.phrases.Language(lang), words)
	if words == "" {
		return ""
	}
	wanted := s.voice.wanted()
	name := wanted.voice(lang)
	if len(tongues(lang, words)) > 1 {
		name += "/" + wanted.voice(locales.Source)
	}
	key := keyOf(lang, name, pace(lang, wanted.rate(f)), words)
	if f == Wide {
		return digest("call", key)
	}
	return key
}

// hidden is the key of words that no author wrote: nobody can reckon it from words that they guess.
func (s *Shelf) hidden(visitor, key string) string {
	mac := hmac.New(sha256.New, s.secret)
	_, _ = mac.Write([]byte("townline clip\x00" + visitor + "\x00" + key))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Offer remembers words that are on show, for visitor (any name that Forget is later called with; it is kept in memory only),
// and returns the key to ask for their clip with. Hand over whatever the page says, words of the script too: a recording is
// found by them. Line.Dialog and Line.Key may be left out; with them, Gaps can name the text.
func (s *Shelf) Offer(visitor string, l Line) string {
	key := s.lineKey(l)
	if key == "" {
		return ""
	}
	if l.Own {
		key = s.hidden(visitor, key)
	} else if _, authored := s.book.find(key, s.lineKey); !authored {
		key = s.hidden("", key)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory.offer(visitor, key, l, time.Now())
	if s.expiry == nil {
		s.expiry = time.AfterFunc(s.keep, s.expire)
	}
	return key
}

// expire drops what was not used for long, and comes again as long as there is something to drop.
func (s *Shelf) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expiry = nil
	now := time.Now()
	if next := s.memory.expire(now.Add(-s.keep)); !next.IsZero() {
		s.expiry = time.AfterFunc(next.Add(s.keep).Sub(now), s.expire)
	}
}

// Forget drops what was offered for visitor and for nobody else, words and sound.
func (s *Shelf) Forget(visitor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory.forget(visitor)
}

// Open returns the clip of a key. It may have to be made, which takes some 100 ms; then it blocks until it is, or until ctx
// ends. Where there is none, the error is a *Gap: play Sorry instead.
func (s *Shelf) Open(ctx context.Context, key string, f Format) (*Clip, error) {
	if !isKey(key) || !f.known() {
		return nil, &Gap{ClipKey: key, Err: errors.New("there is no such clip")}
	}
	c, gap := s.open(ctx, key, f)
	if gap == nil {
		return c, nil
	}
	s.met(ctx, gap)
	return nil, gap
}

// met counts a gap that somebody met.
func (s *Shelf) met(ctx context.Context, gap *Gap) {
	if gap.Lang == "" || ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	first := s.gaps.add(*gap)
	s.mu.Unlock()
	if first {
		s.log.Warn("a text can't be read aloud", "language", gap.Lang, "dialog", gap.Dialog, "text", gap.Key, "why", gap.Err)
	}
}

func (s *Shelf) open(ctx context.Context, key string, f Format) (*Clip, *Gap) {
	line, known, authored := s.line(key)
	gap := &Gap{ClipKey: key, Lang: line.Lang, Dialog: line.Dialog, Key: line.Key}
	c, err := s.there(line, known, key, f)
	switch {
	case err != nil:
		gap.Err = err
		return nil, gap
	case c != nil:
		return c, nil
	case !known:
		return nil, gap
	case !s.voice.Speaks(line.Lang):
		gap.Err = ErrNoVoice
		return nil, gap
	}
	made := s.making.DoChan(key+"."+string(f), func() (any, error) {
		if c, err := s.there(line, known, key, f); c != nil || err != nil { // made between our look and our turn
			return c, err
		}
		ctx, done := context.WithTimeout(context.WithoutCancel(ctx), longestWait) // others may wait for it too
		defer done()
		return s.make(ctx, line, authored, key, f)
	})
	select {
	case r := <-made:
		if r.Err != nil {
			gap.Err = r.Err
			return nil, gap
		}
		return r.Val.(*Clip), nil
	case <-ctx.Done():
		gap.Err = ctx.Err()
		return nil, gap
	}
}

// there finds a clip that needn't be made: on disk or in memory. It is nil where there is none.
func (s *Shelf) there(l Line, known bool, key string, f Format) (*Clip, error) {
	if c, err := s.onDisk(l, known, key, f); c != nil || err != nil {
		return c, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, _ := s.memory.sound(soundKey{key, f})
	return c, nil
}

// line finds the words of a key: on show, or in the script. authored says that the very words are in the script.
func (s *Shelf) line(key string) (l Line, known, authored bool) {
	s.mu.Lock()
	l, known = s.memory.line(key, time.Now())
	s.mu.Unlock()
	if known {
		_, authored = s.book.find(s.lineKey(l), s.lineKey)
		return l, true, authored && !l.Own
	}
	l, authored = s.book.find(key, s.lineKey)
	return l, authored, authored
}

// onDisk finds a recording, or else a made clip.
func (s *Shelf) onDisk(l Line, known bool, key string, f Format) (*Clip, error) {
	if s.folder == nil {
		return nil, nil
	}
	if known {
		if e, ok := s.folder.recording(l); ok {
			if b, err := s.folder.made(e.madeName(), f); b != nil || err != nil {
				return &Clip{Key: key, Format: f, Bytes: b, Recorded: true}, err
			}
		}
	}
	name := key
	if known {
		name = s.fileKey(l.Lang, l.Words, f)
	}
	b, err := s.folder.made(name, f)
	if b == nil || err != nil {
		return nil, err
	}
	return &Clip{Key: key, Format: f, Bytes: b}, nil
}

// make has the voice say a line and keeps it: on disk only what authors wrote, in memory only as long as it is on show.
func (s *Shelf) make(ctx context.Context, l Line, authored bool, key string, f Format) (*Clip, error) {
	sounds, err := s.voice.Say(ctx, l.Lang, spoken(s.phrases.Language(l.Lang), l.Words), f)
	if err != nil {
		return nil, err
	}
	c := &Clip{Key: key, Format: f, Bytes: sounds[f]}
	if authored && s.folder != nil && s.folder.put(key, f, c.Bytes) == nil {
		return c, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, onShow := s.memory.line(key, time.Now()); onShow || authored {
		s.memory.keep(soundKey{key, f}, c, !authored)
	}
	return c, nil
}

//go:embed tones
var tones embed.FS

// gapLines are what to say where a part can't be heard: in lang, else in English.
func (s *Shelf) gapLines(lang string) []Line {
	var out []Line
	for _, tag := range []string{lang, locales.Source} {
		if l, ok := s.gapLine(tag); ok {
			out = append(out, l)
		}
	}
	return out
}

// Sorry is what to play where a part can't be read aloud: that sentence in lang, or in English where lang can't be heard,
// or two soft tones where nothing can. It is never nil, and never silent.
func (s *Shelf) Sorry(ctx context.Context, lang string, f Format) *Clip {
	for _, l := range s.gapLines(lang) {
		key := s.lineKey(l)
		if c, err := s.onDisk(l, true, key, f); c != nil && err == nil {
			return c
		}
		if !s.voice.Speaks(l.Lang) {
			continue
		}
		if c, gap := s.open(ctx, s.Offer("", l), f); gap == nil {
			return c
		}
	}
	b, err := tones.ReadFile("tones/gap." + string(f))
	if err != nil { // no such format: it is asked for by an address that nobody made
		b, _ = tones.ReadFile("tones/gap.mp3")
		f = MP3
	}
	return &Clip{Format: f, Bytes: b}
}

// Gaps lists what was asked for and could not be played, most often first. There are no residents' words in it.
func (s *Shelf) Gaps() []Missed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gaps.list()
}
