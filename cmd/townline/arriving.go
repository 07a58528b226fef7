package main

import (
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// arriving is the body of a request that proves nothing yet.
type arriving struct {
	io.ReadCloser
	left atomic.Int64 // bytes; 0: it is there whole
	came atomic.Int64 // bytes
	hung atomic.Bool  // nothing more of it is read
	line *http.ResponseController

	// Those of sources.mu:
	of    *source
	since time.Time
	cut   bool // its place went to another
	place [2]int
}

// newArriving makes one of what is still to come of r; nil: nothing is.
func newArriving(w http.ResponseWriter, r *http.Request) *arriving {
	if r.ContentLength == 0 {
		return nil
	}
	b := &arriving{ReadCloser: r.Body, line: http.NewResponseController(w)}
	b.left.Store(r.ContentLength) // less than nothing: nobody knows how much
	return b
}

func (b *arriving) Read(p []byte) (int, error) {
	if b.hung.Load() { // whoever is patient with uploads may have moved the line's deadline since
		return 0, os.ErrDeadlineExceeded
	}
	n, err := b.ReadCloser.Read(p)
	b.came.Add(int64(n))
	switch left := b.left.Load(); {
	case err != nil || left > 0 && left <= int64(n):
		b.left.Store(0)
	case left > 0:
		b.left.Store(left - int64(n))
	}
	return n, err
}

// hangUp has nothing more of it read. Where there is no line, as in tests, nothing is waited for either.
func (b *arriving) hangUp() {
	b.hung.Store(true)
	_ = b.line.SetReadDeadline(time.Unix(1, 0))
}

// pace is how many bytes of it came in a second. Of those of which nothing came, the oldest are slowest.
func (b *arriving) pace(now time.Time) float64 {
	return float64(b.came.Load()+1) / now.Sub(b.since).Seconds()
}

// coming are bodies on their way, in no order. Each is in two lists: its source's and that of all.
type coming struct{ all []*arriving }

// slot is which of the two places of a body is for c.
func (c *coming) slot(b *arriving) *int {
	if c == &b.of.coming {
		return &b.place[0]
	}
	return &b.place[1]
}

func (c *coming) add(b *arriving) {
	*c.slot(b) = len(c.all)
	c.all = append(c.all, b)
}

func (c *coming) drop(b *arriving) {
	at, last := *c.slot(b), len(c.all)-1
	c.all[at] = c.all[last]
	*c.slot(c.all[at]) = at
	c.all[last] = nil
	c.all = c.all[:last]
}

// slowest is the one of which least comes in a second, among those that have been on their way for slowAfter; nil: there is none. What
// comes as fast as an upload has to isn't slow: a picture may take minutes by a weak line.
func (c *coming) slowest(now time.Time) (slow *arriving) {
	least := float64(slowLine)
	for _, b := range c.all {
		if b.left.Load() == 0 || now.Sub(b.since) < slowAfter {
			continue
		}
		if pace := b.pace(now); pace < least {
			slow, least = b, pace
		}
	}
	return slow
}
