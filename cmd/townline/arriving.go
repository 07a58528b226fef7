package main

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// arriving is the body of a request that proves nothing yet.
type arriving struct {
	io.ReadCloser
	left atomic.Int64 // bytes; 0: it is there whole
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
	n, err := b.ReadCloser.Read(p)
	switch left := b.left.Load(); {
	case err != nil || left > 0 && left <= int64(n):
		b.left.Store(0)
	case left > 0:
		b.left.Store(left - int64(n))
	}
	return n, err
}

// hangUp has nothing more of it read. Where there is no line, as in tests, nothing is waited for either.
func (b *arriving) hangUp() { _ = b.line.SetReadDeadline(time.Unix(1, 0)) }

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

// slowest is the one that has been on its way longest; nil: all are there.
func (c *coming) slowest() (slow *arriving) {
	for _, b := range c.all {
		if b.left.Load() != 0 && (slow == nil || b.since.Before(slow.since)) {
			slow = b
		}
	}
	return slow
}
