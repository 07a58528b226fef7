package preview

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/call"
)

// Order is one thing that the page's telephone is to do.
type Order struct {
	Number  int     `json:"number"` // counts up from 1
	Do      string  `json:"do"`     // "ring", "say", "listen", "record", "pass" or "over"
	Parts   []Heard `json:"parts,omitempty"`
	Wait    float64 `json:"wait,omitempty"`    // listen: seconds
	Most    float64 `json:"most,omitempty"`    // record: seconds
	Silence float64 `json:"silence,omitempty"` // record: seconds of it that end the recording
	Desk    string  `json:"desk,omitempty"`    // pass: where to
}

// Heard is one part of what is said.
type Heard struct {
	Silence float64 `json:"silence,omitempty"` // seconds; the rest is empty then
	Tone    bool    `json:"tone,omitempty"`    // before a recording
	Words   string  `json:"words,omitempty"`
	Lang    string  `json:"lang,omitempty"`
	Clip    string  `json:"clip,omitempty"` // its sound: preview/clip/…
	Own     bool    `json:"own,omitempty"`  // what was recorded last is played
}

// Recorded is what became of an order to record.
type Recorded struct {
	wav []byte
	key byte
}

// line is one call on the page: a call.Line whose other end is a browser that asks for orders and tells what was done.
type line struct {
	t      *Telephone
	id     string
	number string

	mu       sync.Mutex
	orders   []Order
	presses  []call.Press
	told     []string // ids of what the page told lately
	done     int      // the last order that was carried out to its end
	recorded map[int]Recorded
	passed   map[int]bool
	typed    string // instead of the last recording
	answered bool
	gone     bool // the caller rang off
	over     bool
	seen     time.Time     // when the page last asked
	changed  chan struct{} // closed, and made anew, by everything that happens
}

var _ call.Line = (*line)(nil)

// Play has the page say parts.
func (l *line) Play(ctx context.Context, parts []call.Part) (bool, error) {
	l.mu.Lock()
	waiting := len(l.presses) > 0
	l.mu.Unlock()
	if waiting {
		return false, l.gonePast()
	}
	o := Order{Do: "say"}
	for i := range parts {
		o.Parts = append(o.Parts, l.heard(&parts[i]))
	}
	n := l.order(o)
	err := l.await(ctx, 0, func() bool { return l.done >= n || len(l.presses) > 0 })
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done >= n && len(l.presses) == 0, err
}

func (l *line) heard(p *call.Part) Heard {
	h := Heard{Silence: p.Silence.Seconds(), Tone: p.Tone, Words: p.Words, Lang: p.Lang, Own: p.Media != ""}
	words := p.Words
	if h.Own { // the page has what was recorded; what was typed is said again
		l.mu.Lock()
		words = l.typed
		l.mu.Unlock()
	}
	if l.t.sound != nil && words != "" {
		h.Clip = l.t.sound.Address(audio.Utterance{Lang: p.Lang, Key: p.Key, Words: words, Pace: p.Pace, Gain: p.Gain})
	}
	return h
}

// Key waits for a key, or a typed line.
func (l *line) Key(ctx context.Context, wait time.Duration) (call.Press, bool, error) {
	l.mu.Lock()
	there := len(l.presses) > 0
	l.mu.Unlock()
	if !there && wait > 0 {
		l.order(Order{Do: "listen", Wait: wait.Seconds()})
		if err := l.await(ctx, wait, func() bool { return len(l.presses) > 0 }); err != nil {
			return call.Press{}, false, err
		}
	}
	if err := l.gonePast(); err != nil {
		return call.Press{}, false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.presses) == 0 {
		return call.Press{}, false, nil
	}
	p := l.presses[0]
	l.presses = slices.Delete(l.presses, 0, 1)
	return p, true, nil
}

// slack is how much longer than it may take a recording is waited for: it has to come over the net.
const slack = 20 * time.Second

// Record has the page record.
func (l *line) Record(ctx context.Context, most, silence time.Duration) ([]byte, byte, error) {
	n := l.order(Order{Do: "record", Most: most.Seconds(), Silence: silence.Seconds()})
	err := l.await(ctx, most+slack, func() bool { _, ok := l.recorded[n]; return ok })
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.recorded[n]
	delete(l.recorded, n)
	return r.wav, r.key, err
}

// deskTime is how long the desk's telephone rings.
const deskTime = 40 * time.Second

// Pass asks whoever looks at the page to be the desk.
func (l *line) Pass(ctx context.Context, desk string) (bool, error) {
	n := l.order(Order{Do: "pass", Desk: desk})
	err := l.await(ctx, deskTime, func() bool { _, ok := l.passed[n]; return ok })
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.passed[n], err
}

// order gives the page something to do.
func (l *line) order(o Order) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	o.Number = len(l.orders) + 1
	l.orders = append(l.orders, o)
	l.happened()
	return o.Number
}

// happened tells whoever waits. The caller holds the lock.
func (l *line) happened() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// await blocks until something holds, the caller is gone, or the time is over; most 0 is no limit.
func (l *line) await(ctx context.Context, most time.Duration, holds func() bool) error {
	var over <-chan time.Time
	if most > 0 {
		timer := time.NewTimer(most)
		defer timer.Stop()
		over = timer.C
	}
	look := time.NewTicker(lineIdle / 4)
	defer look.Stop()
	for {
		l.mu.Lock()
		changed, gone, held := l.changed, l.gone || time.Since(l.seen) > lineIdle, holds()
		l.mu.Unlock()
		switch {
		case gone:
			return call.ErrGone
		case held:
			return nil
		}
		select {
		case <-changed:
		case <-look.C:
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *line) gonePast() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return call.ErrGone
	}
	return nil
}

func (l *line) isAnswered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered
}

// end ends the call on the town's side: the page is told once it has said everything.
func (l *line) end() {
	l.mu.Lock()
	over := l.over
	l.over = true
	l.mu.Unlock()
	if !over {
		l.order(Order{Do: "over"})
	}
}

// ended says whether the handset is free for another call.
func (l *line) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over || l.gone
}
