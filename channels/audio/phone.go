package audio

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/townline/townline/channels/resample"
)

// Utterance is one thing that a telephone line has to say.
type Utterance struct {
	Lang   string // BCP 47
	Dialog string // the dialog's id; "" for the town's own phrases and for words that no author wrote
	Key    string // of the text in the dialog, or of the phrase ("@speech.keys"); "" when composed
	Words  string // as they are to be understood: insertions filled in
	Pace   int    // in percent of the usual, 70 to 130; 0: as usual. The pitch stays
	Gain   int    // decibels louder than usual, up to 12. Peaks are held down and nothing is cut, so that 6 become 5 in all, and 12 become 8
}

const (
	slowest, fastest = 70, 130
	loudest          = 12
)

// usual brings pace and gain within their bounds.
func (u Utterance) usual() Utterance {
	if u.Pace == 0 {
		u.Pace = 100
	}
	u.Pace = min(max(u.Pace, slowest), fastest)
	u.Gain = min(max(u.Gain, 0), loudest)
	return u
}

func (u *Utterance) line() Line {
	return Line{Lang: u.Lang, Dialog: u.Dialog, Key: u.Key, Words: u.Words, Use: OnCalls}
}

// PCM is sound as a telephone line takes it: one channel, 16 bits, its peaks at -3 dBFS at most, at -1 where it was made
// louder. It may be shared: it must not be
// changed.
type PCM struct {
	Wide     []int16 // 16,000 samples a second, for G.722
	Narrow   []int16 // 8,000 samples a second, without what they can't carry, for G.711
	Recorded bool    // by a person
}

// Length is how long it lasts.
func (p *PCM) Length() time.Duration {
	return time.Duration(len(p.Narrow)) * time.Second / narrowRate
}

// WAV is the sound as a file of G.711 µ-law at 8 kHz, what Twilio's <Play> takes as it is.
func (p *PCM) WAV() []byte { return ulawWAV(p.Narrow) }

// halve is used often enough to be made once.
var halve = sync.OnceValue(func() *resample.Resampler { return resample.New(wideRate, narrowRate) })

func newPCM(wide []int16, ceiling float64) *PCM {
	narrow := halve().Run(resample.Floats(wide))
	louder(narrow, 0, ceiling, narrowRate) // a filter may add a little
	return &PCM{Wide: wide, Narrow: resample.Whole(narrow)}
}

// at is p at another pace and loudness.
func (p *PCM) at(pace, gain int) *PCM {
	if pace == 100 && gain == 0 {
		return p
	}
	ceiling := phonePeak
	if gain > 0 {
		ceiling = loudPeak
	}
	samples := resample.Floats(stretch(p.Wide, pace))
	louder(samples, float64(gain), ceiling, wideRate)
	out := newPCM(resample.Whole(samples), ceiling)
	out.Recorded = p.Recorded
	return out
}

// Speak returns the sound of an utterance: what a person recorded of it, else what the machine's voice says. Words of the
// script are kept on disk, others in memory alone, for Stock.Keep after they were last said. All calls share one copy. A
// sound that isn't there yet takes some 50 ms; then Speak blocks until it is made, or until ctx ends. Where there is none,
// the error is a *Gap: play SpeakSorry instead. It is safe for any number of goroutines: a line that has several things to
// say may ask for all of them at once and play the first meanwhile.
func (s *Shelf) Speak(ctx context.Context, u Utterance) (*PCM, error) {
	u = u.usual()
	now := time.Now()
	s.calls.look(s.folder, now)
	if p := s.calls.get(u, now); p != nil {
		return p, nil
	}
	return s.speak(ctx, u)
}

// Says says whether an utterance can be heard: there is a voice for its language, or people recorded it or all of its pieces,
// or its clip was brought along.
func (s *Shelf) Says(u Utterance) bool {
	l := u.line()
	return s.voice.Speaks(u.Lang) || s.calls.get(u.usual(), time.Now()) != nil ||
		len(s.joints(l)) > 0 || s.folder != nil && s.folder.has(s.fileKey(l.Lang, l.Words, Wide), Wide)
}

// speak makes what is not in memory, once for all who ask for it at the same time.
func (s *Shelf) speak(ctx context.Context, u Utterance) (*PCM, error) {
	made := s.making.DoChan("call\x00"+u.Lang+"\x00"+u.Dialog+"\x00"+u.Key+"\x00"+u.Words+"\x00"+strconv.Itoa(u.Pace)+"\x00"+strconv.Itoa(u.Gain), func() (any, error) {
		if p := s.calls.get(u, time.Now()); p != nil { // made between our look and our turn
			return p, nil
		}
		ctx, done := context.WithTimeout(context.WithoutCancel(ctx), longestWait) // others may wait for it too
		defer done()
		if u.Pace != 100 || u.Gain != 0 {
			usual := u
			usual.Pace, usual.Gain = 100, 0
			p, err := s.Speak(ctx, usual)
			if err != nil {
				return nil, err
			}
			p = p.at(u.Pace, u.Gain)
			s.calls.put(u, p, time.Now())
			return p, nil
		}
		p, err := s.pcm(ctx, u.line())
		if err != nil {
			return nil, err
		}
		s.calls.put(u, p, time.Now())
		return p, nil
	})
	gap := &Gap{Lang: u.Lang, Dialog: u.Dialog, Key: u.Key}
	select {
	case r := <-made:
		if r.Err == nil {
			return r.Val.(*PCM), nil
		}
		if inner, ok := r.Err.(*Gap); ok { // of the usual pace: it is counted already
			return nil, inner
		}
		gap.Err = r.Err
	case <-ctx.Done():
		gap.Err = ctx.Err()
	}
	s.met(ctx, gap)
	return nil, gap
}

// pcm finds or makes the sound of a line at its usual pace.
func (s *Shelf) pcm(ctx context.Context, l Line) (*PCM, error) {
	words := spoken(s.phrases.Language(l.Lang), l.Words)
	if words == "" {
		return &PCM{}, nil
	}
	if s.folder != nil {
		if e, ok := s.folder.recording(l); ok {
			if p, err := s.recorded(ctx, &e); p != nil {
				return p, err
			}
		}
	}
	if p := s.compose(ctx, l); p != nil {
		return p, nil
	}
	key := s.fileKey(l.Lang, l.Words, Wide)
	if s.folder != nil {
		if b, err := s.folder.made(key, Wide); err != nil {
			return nil, err
		} else if b != nil {
			return readPCM(b)
		}
	}
	sounds, err := s.voice.Say(ctx, l.Lang, words, Wide)
	if err != nil {
		return nil, err
	}
	if s.folder != nil && s.book.says(l.Lang, l.Words) {
		_ = s.folder.put(key, Wide, sounds[Wide]) // a full disk doesn't keep it from being heard
	}
	return readPCM(sounds[Wide])
}

// recorded is the sound of a recording; nil where it can't be had.
func (s *Shelf) recorded(ctx context.Context, e *entry) (*PCM, error) {
	b, err := s.folder.made(e.madeName(), Wide)
	if b == nil {
		if err := s.convert(ctx, e, []Format{Wide}); err != nil {
			return nil, err
		}
		b, err = s.folder.made(e.madeName(), Wide)
	}
	if b == nil {
		return nil, err
	}
	p, err := readPCM(b)
	if err != nil {
		return nil, err
	}
	p.Recorded = true
	return p, nil
}

// readPCM reads a clip in the format Wide.
func readPCM(clip []byte) (*PCM, error) {
	w, err := readWAV(clip)
	if err != nil {
		return nil, err
	}
	if w.rate != wideRate {
		w = w.wide()
	}
	return newPCM(w.samples, phonePeak), nil
}

// SpeakSorry is what to play where an utterance can't be heard: that sentence in lang, or in English where lang can't be heard,
// or two soft tones where nothing can. It is never nil, and never silent.
func (s *Shelf) SpeakSorry(ctx context.Context, lang string, pace, gain int) *PCM {
	for _, l := range s.gapLines(lang) {
		u := Utterance{Lang: l.Lang, Key: l.Key, Words: l.Words, Pace: pace, Gain: gain}.usual()
		now := time.Now()
		if p := s.calls.get(u, now); p != nil {
			return p
		}
		if p, err := s.pcm(ctx, l); err == nil && len(p.Narrow) > 0 {
			p = p.at(u.Pace, u.Gain)
			s.calls.put(u, p, now)
			return p
		}
	}
	return sorryTones()
}

// Replay is a caller's own recording as a line plays it back: WAV, MP3, or Opus in Ogg, levelled, without the silence at its
// ends. It is kept nowhere.
func (s *Shelf) Replay(ctx context.Context, recording []byte, pace, gain int) (*PCM, error) {
	if strings.HasPrefix(string(recording[:min(4, len(recording))]), "RIFF") { // no program is needed
		w, err := readWAV(recording)
		if err != nil {
			return nil, err
		}
		if w = w.trimmed().eased(); len(w.samples) == 0 {
			return nil, ErrNothingHeard
		}
		u := Utterance{Pace: pace, Gain: gain}.usual()
		return newPCM(w.wide().samples, phonePeak).at(u.Pace, u.Gain), nil
	}
	sounds, err := s.voice.Convert(ctx, recording, Wide)
	if err != nil {
		return nil, err
	}
	p, err := readPCM(sounds[Wide])
	if err != nil {
		return nil, err
	}
	u := Utterance{Pace: pace, Gain: gain}.usual()
	return p.at(u.Pace, u.Gain), nil
}
