package moving

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Value of a column: Number and Truth (1 or 0) are in Int, all else in Bytes, which may be another's memory.
type Value struct {
	None  bool
	Int   int64
	Bytes []byte
}

// mostRow is far longer than any row: recordings are in parts, and a change has bounds.
const mostRow = 64 << 20

var errRow = errors.New("a row is cut short, or isn't one of this table")

// Append appends a row as it is poured: for each column that may hold nothing a byte, 1 where it does not; a number as a varint, a truth as
// 0 or 1, an id as its 16 bytes, all else behind its length. Text that a database can't hold is mended, so that it is the same in both.
func (t *Table) Append(b []byte, row []Value) ([]byte, error) {
	for i := range t.Columns {
		c, v := &t.Columns[i], &row[i]
		if c.Maybe {
			if v.None {
				b = append(b, 1)
				continue
			}
			b = append(b, 0)
		} else if v.None {
			return nil, fmt.Errorf("%s.%s holds nothing", t.Name, c.Name)
		}
		switch c.Kind {
		case Number:
			b = binary.AppendVarint(b, v.Int)
		case Truth:
			if v.Int != 0 {
				b = append(b, 1)
			} else {
				b = append(b, 0)
			}
		case ID:
			if len(v.Bytes) != 16 {
				return nil, fmt.Errorf("%s.%s has %d bytes in place of 16", t.Name, c.Name, len(v.Bytes))
			}
			b = append(b, v.Bytes...)
		case Text:
			b = appendBytes(b, mended(v.Bytes))
		default:
			b = appendBytes(b, v.Bytes)
		}
	}
	return b, nil
}

func appendBytes(b, v []byte) []byte { return append(binary.AppendUvarint(b, uint64(len(v))), v...) }

func mended(text []byte) []byte {
	if plain(text) {
		return text
	}
	return []byte(strings.ReplaceAll(strings.ToValidUTF8(string(text), "\ufffd"), "\x00", "\ufffd"))
}

func plain(text []byte) bool {
	for _, c := range text {
		if c == 0 {
			return false
		}
	}
	return utf8.Valid(text)
}

// Read fills row, one value a column, from what Append wrote. The values lie in b.
func (t *Table) Read(b []byte, row []Value) error {
	if len(b) > mostRow {
		return errRow
	}
	for i := range t.Columns {
		c, v := &t.Columns[i], &row[i]
		*v = Value{}
		if c.Maybe {
			if len(b) == 0 || b[0] > 1 {
				return errRow
			}
			v.None, b = b[0] == 1, b[1:]
			if v.None {
				continue
			}
		}
		switch c.Kind {
		case Number:
			n, size := binary.Varint(b)
			if size <= 0 || size > 1 && b[size-1] == 0 { // cut short, or longer than it need be
				return errRow
			}
			v.Int, b = n, b[size:]
		case Truth:
			if len(b) == 0 || b[0] > 1 {
				return errRow
			}
			v.Int, b = int64(b[0]), b[1:]
		case ID:
			if len(b) < 16 {
				return errRow
			}
			v.Bytes, b = b[:16:16], b[16:]
		default:
			n, size := binary.Uvarint(b)
			if size <= 0 || size > 1 && b[size-1] == 0 || n > uint64(len(b)-size) {
				return errRow
			}
			end := size + int(n)
			if v.Bytes, b = b[size:end:end], b[end:]; c.Kind == Text && !plain(v.Bytes) {
				return errRow
			}
		}
	}
	if len(b) > 0 {
		return errRow
	}
	return nil
}

// Position is a row of which only the key counts: what Pour begins behind.
func (t *Table) Position(row []byte) ([]byte, error) {
	all := make([]Value, len(t.Columns))
	if err := t.Read(row, all); err != nil {
		return nil, err
	}
	key := make([]Value, len(t.Columns))
	for i := range t.Columns {
		switch c := &t.Columns[i]; {
		case c.Maybe:
			key[i].None = true
		case c.Kind == ID:
			key[i].Bytes = make([]byte, 16)
		}
	}
	for _, i := range t.Key {
		key[i] = all[i]
	}
	return t.Append(nil, key)
}

// Sum tells whether two stores have the same rows of a table, in whichever order they give them.
type Sum struct {
	Rows uint64
	Hash [4]uint64 // of the rows' SHA-256, added up a quarter each
}

// Add counts a poured row.
func (s *Sum) Add(t *Table, row []byte) error {
	if last := len(t.Columns) - 1; t.Columns[last].Own {
		var values [8]Value
		if err := t.Read(row, values[:last+1]); err != nil {
			return err
		}
		own := len(values[last].Bytes)
		row = row[:len(row)-own-len(binary.AppendUvarint(nil, uint64(own)))]
	}
	h := sha256.Sum256(row)
	s.Rows++
	for i := range s.Hash {
		s.Hash[i] += binary.LittleEndian.Uint64(h[8*i:])
	}
	return nil
}
