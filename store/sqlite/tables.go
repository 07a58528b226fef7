package sqlite

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// tables is one connection with its prepared statements and what they need between steps. One goroutine at a time.
type tables struct {
	connection
	made   map[string]statement
	counts counts // what the transaction under way adds
	moved  bool   // the transaction under way erased or merged somebody: what was sealed under their key before is computed anew
	buf    []byte // for answered
}

// counts are kept in the counter table, since counting millions of rows takes longer than a metrics page may.
type counts struct{ conversations, responses, ballots, requests, media, mediaBytes int64 }

func newTables(c connection) *tables {
	return &tables{connection: c, made: map[string]statement{}}
}

// prepare returns the statement of a query, which must be a constant: statements are kept for good.
func (t *tables) prepare(query string) (statement, error) {
	if s := t.made[query]; s != nil {
		return s, nil
	}
	s, err := t.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	t.made[query] = s
	return s, nil
}

// run steps a bound statement that returns no row that matters.
func run(s statement) error {
	_, err := s.Step()
	if e := s.Reset(); err == nil {
		err = e
	}
	return err
}

// query binds; the caller steps and resets.
func (t *tables) query(query string, args ...any) (statement, error) {
	s, err := t.prepare(query)
	if err != nil {
		return nil, err
	}
	for i, a := range args {
		switch v := a.(type) {
		case int:
			s.BindInt64(i+1, int64(v))
		case int64:
			s.BindInt64(i+1, v)
		case uint64:
			s.BindInt64(i+1, int64(v))
		case bool:
			s.BindInt64(i+1, truth(v))
		case string:
			s.BindText(i+1, v)
		case []byte:
			s.BindBytes(i+1, v)
		case time.Time:
			s.BindInt64(i+1, sealing.Stamp(v))
		case store.Resident:
			s.BindBytes(i+1, v[:])
		case store.AddressKey:
			s.BindBytes(i+1, v[:])
		case [16]byte:
			s.BindBytes(i+1, v[:])
		case nil:
			s.BindNull(i + 1)
		default:
			return nil, fmt.Errorf("sqlite: parameter %d has no column type: %T", i+1, a)
		}
	}
	return s, nil
}

func (t *tables) exec(query string, args ...any) error {
	s, err := t.query(query, args...)
	if err != nil {
		return err
	}
	return run(s)
}

// once runs a statement that isn't kept.
func (t *tables) once(query string) error {
	s, err := t.Prepare(query)
	if err != nil {
		return err
	}
	for {
		row, err := s.Step()
		if err != nil || !row {
			if e := s.Reset(); err == nil {
				err = e
			}
			return err
		}
	}
}

// each calls f for every row.
func (t *tables) each(f func(s statement) error, query string, args ...any) error {
	s, err := t.query(query, args...)
	if err != nil {
		return err
	}
	for {
		row, err := s.Step()
		if err == nil && row {
			if err = f(s); err == nil {
				continue
			}
		}
		if e := s.Reset(); err == nil {
			err = e
		}
		return err
	}
}

// one calls f for the first row, if there is one, and says whether there was.
func (t *tables) one(f func(s statement) error, query string, args ...any) (bool, error) {
	s, err := t.query(query, args...)
	if err != nil {
		return false, err
	}
	row, err := s.Step()
	if err == nil && row && f != nil {
		err = f(s)
	}
	if e := s.Reset(); err == nil {
		err = e
	}
	return row && err == nil, err
}

// number returns the first column of the first row, or 0.
func (t *tables) number(query string, args ...any) (int64, error) {
	var n int64
	_, err := t.one(func(s statement) error { n = s.ColumnInt64(0); return nil }, query, args...)
	return n, err
}

func column(s statement, col int) []byte {
	b := make([]byte, s.ColumnLen(col))
	s.ColumnBytes(col, b)
	return b
}

// optional is column, and nil for NULL.
func optional(s statement, col int) []byte {
	if s.ColumnIsNull(col) {
		return nil
	}
	return column(s, col)
}

func column16(s statement, col int) (b [16]byte) {
	s.ColumnBytes(col, b[:])
	return b
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// rowOf is the integer under which a resident's large rows are found.
func rowOf(r store.Resident) int64 { return int64(binary.BigEndian.Uint64(r[:8])) }
