package kiosk

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
)

const (
	// mostLoad is how many bytes of pictures and recordings may be in memory, of all visitors together.
	mostLoad = 64 << 20
	// loadStep is how many are taken at a time: who sends slowly takes no more than has come.
	loadStep = 256 << 10
)

// errLoad tells that others are sending too much just now.
var errLoad = errors.New("kiosk: too many pictures and recordings at a time")

// load is what visitors' pictures and recordings take of the memory.
type load struct{ bytes atomic.Int64 }

func (l *load) take(n int64) bool {
	if l.bytes.Add(n) <= mostLoad {
		return true
	}
	l.bytes.Add(-n)
	return false
}

// give lets go of what a form took.
func (l *load) give(n int64) { l.bytes.Add(-n) }

// read reads a file of at most mostFile bytes, and how much it took; errLoad where there is no room for it.
func (l *load) read(r io.Reader) (file []byte, took int64, err error) {
	var b bytes.Buffer
	for {
		if !l.take(loadStep) {
			return nil, took, errLoad
		}
		took += loadStep
		_, err := io.CopyN(&b, r, loadStep)
		switch {
		case b.Len() > mostFile:
			return nil, took, errLarge
		case err == io.EOF:
			return b.Bytes(), took, nil
		case err != nil:
			return nil, took, bodyError(err)
		}
	}
}
