package sqlite

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// Find: see store.Store.
func (s *Store) Find(ctx context.Context, a store.AddressKey) (store.Resident, bool, error) {
	w := &wanted{address: &a}
	if err := s.fetch(ctx, w); err != nil {
		return store.Resident{}, false, fmt.Errorf("store: find: %w", err)
	}
	return w.resident, w.found, nil
}

// Addresses: see store.Store.
func (s *Store) Addresses(ctx context.Context, r store.Resident) (all []store.Address, err error) {
	key, err := s.key(ctx, r)
	if err != nil || key == nil {
		return nil, err
	}
	err = s.read(ctx, func(t *tables) error {
		return t.each(func(q statement) error {
			b, err := key.Open(column(q, 2), sealing.UseAddress)
			if err != nil {
				return fmt.Errorf("store: open an address: %w", err)
			}
			all = append(all, store.Address{Key: column16(q, 0), Kind: q.ColumnText(1), Address: string(b)})
			return nil
		}, "SELECT key, kind, sealed FROM address WHERE resident = ? ORDER BY at DESC, key", r)
	})
	return all, err
}

// OptedOut: see store.Store.
func (s *Store) OptedOut(ctx context.Context, a store.AddressKey) (bool, error) {
	var n int64
	err := s.read(ctx, func(t *tables) (err error) {
		n, err = t.number("SELECT out FROM optout WHERE address = ? ORDER BY seq DESC LIMIT 1", a)
		return err
	})
	return n != 0, err
}

// Consents: see store.Store.
func (s *Store) Consents(ctx context.Context, r store.Resident) (all []store.Consent, err error) {
	err = s.read(ctx, func(t *tables) error {
		return t.each(func(q statement) error {
			all = append(all, store.Consent{Resident: r, ID: column16(q, 0), Poll: q.ColumnText(1), Version: int(q.ColumnInt64(2)),
				Step: q.ColumnText(3), Words: q.ColumnText(4), Lang: q.ColumnText(5), Yes: q.ColumnInt64(6) != 0, Channel: q.ColumnText(7),
				At: sealing.Moment(q.ColumnInt64(8))})
			return nil
		}, "SELECT id, poll, version, step, words, lang, yes, channel, at FROM consent WHERE resident = ? ORDER BY seq", r)
	})
	return all, err
}

// Erase: see store.Store. The tombstone also goes to a file beside the database, so that a copy from before can be put back
// without the resident even when the database is lost.
func (s *Store) Erase(ctx context.Context, r store.Resident, now time.Time, last ...store.Parting) error {
	if err := s.writeThen(ctx, func(t *tables) error {
		if err := t.erase(r, now); err != nil {
			return err
		}
		return t.part(now, last)
	}, func() {
		s.keys.drop(r)
		s.recent.drop(r)
	}); err != nil {
		return err
	}
	dropped := s.dropLoose(ctx, 1)
	s.forget(ctx)
	return errors.Join(s.writeTombstone(tombstone{r, sealing.Stamp(now)}), dropped)
}

func (t *tables) erase(r store.Resident, now time.Time) error {
	t.moved = true
	k := rowOf(r)
	var answered []byte
	if _, err := t.one(func(q statement) error {
		if column16(q, 0) == r {
			answered = column(q, 2)
		}
		return nil
	}, selectRow, k); err != nil {
		return err
	}
	for ; len(answered) >= answeredSize; answered = answered[answeredSize:] {
		if err := t.exec("DELETE FROM reply WHERE seq = ?", seqOf(answered)); err != nil {
			return err
		}
	}
	if err := t.exec("DELETE FROM conversation WHERE k = ? AND resident = ?", k, r); err != nil {
		return err
	}
	t.counts.conversations -= int64(t.Changes())
	if err := t.exec("DELETE FROM response WHERE resident = ?", r); err != nil {
		return err
	}
	t.counts.responses -= int64(t.Changes())
	if err := t.exec("DELETE FROM resident_key WHERE k = ? AND resident = ?", k, r); err != nil {
		return err
	}
	if err := t.loosen(allOf, r); err != nil {
		return err
	}
	for _, query := range []string{
		"UPDATE media_loose SET at = 0 WHERE resident = ?", // of a turn that is under way
		"DELETE FROM address WHERE resident = ?",
		"DELETE FROM consent WHERE resident = ?",
		"DELETE FROM outbox WHERE resident = ?",
		"DELETE FROM timer WHERE resident = ?",
		"DELETE FROM letter WHERE resident = ?",
		"DELETE FROM desk_case WHERE resident = ?",
		"DELETE FROM joiner WHERE resident = ?",
		// Staff's own notes about the person hang on the request that the person opened.
		"UPDATE request_event SET personal = NULL WHERE request IN (SELECT seq FROM request WHERE resident = ?) AND resident IS NULL",
		"UPDATE request SET resident = NULL, personal = NULL WHERE resident = ?",
		"UPDATE request_event SET resident = NULL, personal = NULL WHERE resident = ?",
		"UPDATE ballot SET linked = 0 WHERE (poll, id) IN (SELECT poll, ballot FROM roll WHERE resident = ?)",
		"UPDATE roll SET ballot = NULL, resident = NULL WHERE resident = ?",
	} {
		if err := t.exec(query, r); err != nil {
			return err
		}
	}
	return t.exec("INSERT INTO erased(resident, at) VALUES(?, ?) ON CONFLICT DO UPDATE SET at = excluded.at", r, now)
}

// tombstone is a line of the file beside the database: a resident and the time in milliseconds.
type tombstone struct {
	resident store.Resident
	at       int64
}

func tombstonesOf(file string) string { return file + ".erased" }

func (s *Store) writeTombstone(all ...tombstone) error {
	s.tombstones.Lock()
	defer s.tombstones.Unlock()
	f, err := os.OpenFile(tombstonesOf(s.file), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("store: note an erasure: %w", err)
	}
	var b []byte
	if end, err := f.Seek(0, io.SeekEnd); err == nil && end > 0 {
		last := []byte{'\n'}
		if _, err := f.ReadAt(last, end-1); err != nil || last[0] != '\n' {
			b = append(b, '\n') // a crash cut the last line short
		}
	}
	for _, t := range all {
		b = fmt.Appendf(b, "%x %d\n", t.resident[:], t.at)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("store: note an erasure: %w", err)
	}
	return nil
}

// writeTombstones adds what a crash kept out of the file.
func (s *Store) writeTombstones() error {
	noted, err := readTombstones(tombstonesOf(s.file))
	if err != nil {
		return err
	}
	known := map[tombstone]bool{}
	for _, t := range noted {
		known[t] = true
	}
	var missing []tombstone
	if err := s.writer.each(func(q statement) error {
		if t := (tombstone{column16(q, 0), q.ColumnInt64(1)}); !known[t] {
			missing = append(missing, t)
		}
		return nil
	}, "SELECT resident, at FROM erased"); err != nil || missing == nil {
		return err
	}
	return s.writeTombstone(missing...)
}

// readTombstones passes over a last line that a crash cut short: writeTombstones adds it again.
func readTombstones(file string) ([]tombstone, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []tombstone
	for line := range strings.Lines(string(b)) {
		line, whole := strings.CutSuffix(line, "\n")
		if !whole {
			break
		}
		id, at, _ := strings.Cut(line, " ")
		var t tombstone
		n, err := hex.Decode(t.resident[:], []byte(id)[:min(len(id), 32)])
		if err != nil || n != 16 || len(id) != 32 {
			continue
		}
		if t.at, err = strconv.ParseInt(at, 10, 64); err != nil {
			continue
		}
		all = append(all, t)
	}
	return all, nil
}
