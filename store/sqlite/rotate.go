package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
	"zombiezen.com/go/sqlite"
)

// Rotate writes all that a database has stored under keys anew, under the keys that come next: whole or not at all. Done once more it
// finishes what was cut short. Nobody else may have the database open.
func Rotate(file string, keys, next *store.Keys) error {
	if !exists(file) {
		return fmt.Errorf("store: change the keys of %s: there is no store", filepath.Base(file))
	}
	e := &End{file: file, keys: keys}
	err := e.rotate(next)
	if err = errors.Join(err, e.Close()); err != nil {
		return fmt.Errorf("store: change the keys of %s: %w", filepath.Base(file), err)
	}
	return nil
}

func (e *End) rotate(next *store.Keys) error {
	if err := next.Follows(e.keys); err != nil {
		return err
	}
	if err := e.alone(); err != nil {
		return err
	}
	if err := e.t.migrate(); err != nil {
		return err
	}
	if err := e.t.here(); err != nil {
		return err
	}
	if err := e.t.fits(next); errors.Is(err, store.ErrKeys) {
		if err := e.t.fits(e.keys); err != nil {
			return err
		}
		if err := e.t.exec("PRAGMA synchronous=FULL"); err != nil {
			return err
		}
		if err := e.t.exec("BEGIN IMMEDIATE"); err != nil {
			return err
		}
		if err = e.t.rekey(e.keys, next); err == nil {
			err = e.t.exec("COMMIT")
		}
		if err != nil {
			e.t.exec("ROLLBACK")
			return err
		}
	} else if err != nil {
		return err
	}
	if err := e.t.once("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil { // what was stored before lies in it
		return err
	}
	return e.t.writeStops(stopsOf(e.file))
}

// rekey writes anew what is stored under keys. What it replaces is overwritten in the database's own file.
func (t *tables) rekey(keys, next *store.Keys) error {
	c, ok := t.connection.(shipped)
	if !ok {
		return errors.New("not by this driver")
	}
	one := func(v sqlite.Value) (b [16]byte, err error) {
		if copy(b[:], v.Blob()) != 16 {
			err = errors.New("a stored hash is too short")
		}
		return b, err
	}
	for name, f := range map[string]func(args []sqlite.Value) ([]byte, error){
		"anew": func(args []sqlite.Value) ([]byte, error) {
			b, err := one(args[0])
			b = keys.Anew(next, b)
			return b[:], err
		},
		"rewrapped": func(args []sqlite.Value) ([]byte, error) {
			r, err := one(args[0])
			if err != nil {
				return nil, err
			}
			return keys.Rewrap(next, r, args[1].Blob())
		},
	} {
		if err := c.CreateFunction(name, &sqlite.FunctionImpl{NArgs: -1, Scalar: func(_ sqlite.Context, args []sqlite.Value) (sqlite.Value, error) {
			b, err := f(args)
			return sqlite.BlobValue(b), err
		}}); err != nil {
			return err
		}
	}
	return t.steps(
		step{"UPDATE resident_key SET wrapped = rewrapped(resident, wrapped)", nil},
		step{"UPDATE address SET key = anew(key)", nil},
		step{"UPDATE optout SET address = anew(address)", nil},
		step{"UPDATE roll SET voter = anew(voter)", nil},
		step{"UPDATE meta SET value = ? WHERE name = 'keys'", []any{next.Check()}},
	)
}

// writeStops writes the file of those who said STOP from the ledger, in place of what was in it.
func (t *tables) writeStops(file string) error {
	var b []byte
	if err := t.each(func(q statement) error {
		b = sealing.NoteStop(b, &store.OptOut{Address: column16(q, 0), Out: q.ColumnInt64(1) != 0, At: sealing.Moment(q.ColumnInt64(2)), Channel: q.ColumnText(3), Word: q.ColumnText(4)})
		return nil
	}, "SELECT address, out, at, channel, word FROM optout ORDER BY seq"); err != nil {
		return err
	}
	part := file + ".part"
	if err := os.WriteFile(part, b, 0o600); err != nil {
		return err
	}
	if err := syncFile(part); err != nil {
		return err
	}
	if err := os.Rename(part, file); err != nil {
		return err
	}
	return syncFile(filepath.Dir(file))
}

// writtenWith is whichever of these a database was written with.
func (t *tables) writtenWith(keys *store.Keys, earlier []*store.Keys) (*store.Keys, error) {
	err := t.fits(keys)
	for _, k := range earlier {
		if errors.Is(err, store.ErrKeys) && t.fits(k) == nil && keys.Follows(k) == nil {
			return k, nil
		}
	}
	return keys, err
}
