package exchange

import (
	"log/slog"
	"sync"
	"time"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/store"
)

// Codes are short enough to be typed, and anybody can open as many pages as they like: what a page may try, and what it may
// make the town send, has an end. Who writes or calls pays for each try, and is not counted.

const (
	guessSpan = 10 * time.Minute
	// mostGuesses is how many codes of conversations may be wrong in a guessSpan: one in a hundred million is right, and the
	// check digit keeps slips of the finger out of this.
	mostGuesses = 20
	// mostVoters is how many codes from letters may be wrong in a guessSpan: one guess in ten million hits any.
	mostVoters = 200

	textSpan  = 24 * time.Hour
	mostSent  = 500 // texts with a code in a textSpan, all in all
	mostAlike = 3   // and to one number
)

// tries counts what happened in a span of time.
type tries struct {
	mu    sync.Mutex
	begun time.Time
	n     int
	to    map[store.AddressKey]int
}

// count counts one more, to whomever; the whole is returned.
func (c *tries) count(now time.Time, span time.Duration, to store.AddressKey) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now, span)
	c.n++
	c.to[to]++
	return c.n
}

// had is how many there were, and how many to that one.
func (c *tries) had(now time.Time, span time.Duration, to store.AddressKey) (all, alike int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now, span)
	return c.n, c.to[to]
}

func (c *tries) turn(now time.Time, span time.Duration) {
	if c.to == nil || now.Sub(c.begun).Abs() >= span {
		c.begun, c.n, c.to = now, 0, map[store.AddressKey]int{}
	}
}

// guesses says whether no more codes are looked at on pages for now.
func (t *turn) guesses(c *tries, most int) bool {
	if !t.onPage() {
		return false
	}
	n, _ := c.had(t.now, guessSpan, store.AddressKey{})
	return n >= most
}

// guessed counts a code that was wrong.
func (t *turn) guessed(c *tries, most int) {
	if t.onPage() && c.count(t.now, guessSpan, store.AddressKey{}) == most {
		t.x.log.Warn("many wrong codes: none is looked at on pages for a while", slog.Duration("span", guessSpan))
	}
}

func (t *turn) onPage() bool { return t.line != nil && t.line.traits.Form == engine.Screen }
