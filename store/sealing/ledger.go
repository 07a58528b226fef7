package sealing

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/store"
)

// What was erased and who said STOP is noted in files beside a store as well, a line each: random ids and keyed hashes, no address. Lines
// are only ever added, so files of several nodes can be put together in any order. One that a crash cut short is passed over.

// Erased is a line of the one.
type Erased struct {
	Resident store.Resident
	At       time.Time
}

// NoteErased appends a line. It begins a line of its own, whatever was cut short before.
func NoteErased(b []byte, e Erased) []byte {
	return fmt.Appendf(b, "\n%x %d\n", e.Resident[:], Stamp(e.At))
}

// NoteStop appends a line of the other.
func NoteStop(b []byte, o *store.OptOut) []byte {
	return fmt.Appendf(b, "\n%x %t %d %q %q\n", o.Address[:], o.Out, Stamp(o.At), o.Channel, o.Word)
}

// ReadErased calls yield for each line.
func ReadErased(r io.Reader, yield func(Erased)) error {
	return readLines(r, func(line string) {
		id, at, _ := strings.Cut(line, " ")
		ms, err := strconv.ParseInt(at, 10, 64)
		if e := (Erased{At: Moment(ms)}); err == nil && parse16(e.Resident[:], id) {
			yield(e)
		}
	})
}

// ReadStops calls yield for each line.
func ReadStops(r io.Reader, yield func(store.OptOut)) error {
	return readLines(r, func(line string) {
		var o store.OptOut
		var key string
		var at int64
		if n, err := fmt.Sscanf(line, "%s %t %d %q %q", &key, &o.Out, &at, &o.Channel, &o.Word); err == nil && n == 5 && parse16(o.Address[:], key) {
			o.At = Moment(at)
			yield(o)
		}
	})
}

// mostLine is far longer than any.
const mostLine = 4096

func readLines(r io.Reader, f func(line string)) error {
	b := bufio.NewReaderSize(r, mostLine)
	long := false
	for {
		line, err := b.ReadSlice('\n')
		if err == nil && !long {
			if text := strings.TrimSuffix(string(line), "\n"); text != "" {
				f(text)
			}
		}
		long = err == bufio.ErrBufferFull // what is longer is none of ours
		switch {
		case err == io.EOF: // what has no end was cut short
			return nil
		case err != nil && !long:
			return err
		}
	}
}

func parse16(to []byte, text string) bool {
	if len(text) != 32 {
		return false
	}
	_, err := hex.Decode(to, []byte(text))
	return err == nil
}
