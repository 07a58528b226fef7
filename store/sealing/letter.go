// Package sealing is what every store that is on a disk does alike: what it seals, and how that is written.
package sealing

import (
	"encoding/binary"
	"errors"

	"github.com/townline/townline/store"
)

// AppendLetter appends what is sealed of a letter: all but its id, its resident and its time. Each text is its length and its bytes.
func AppendLetter(b []byte, l *store.Letter) []byte {
	b = appendText(b, l.By)
	b = appendText(b, l.Channel)
	b = appendText(b, l.Words)
	b = binary.AppendUvarint(b, uint64(len(l.Media)))
	for _, m := range l.Media {
		b = appendText(b, m)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errLetter = errors.New("a letter is cut short")

// ReadLetter fills in what AppendLetter wrote.
func ReadLetter(b []byte, l *store.Letter) error {
	text := func() (s string, ok bool) {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return "", false
		}
		s, b = string(b[size:size+int(n)]), b[size+int(n):]
		return s, true
	}
	for _, to := range []*string{&l.By, &l.Channel, &l.Words} {
		s, ok := text()
		if !ok {
			return errLetter
		}
		*to = s
	}
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return errLetter
	}
	b = b[size:]
	for range n {
		s, ok := text()
		if !ok {
			return errLetter
		}
		l.Media = append(l.Media, s)
	}
	if len(b) > 0 {
		return errors.New("a letter goes on behind its end")
	}
	return nil
}
