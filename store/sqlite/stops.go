package sqlite

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// stopsOf is the file beside the database that the opt-out ledger is noted in as well, a line an entry, so that a copy from
// before can be put back without forgetting who said STOP since. It holds keyed hashes, no address.
func stopsOf(file string) string { return file + ".stops" }

// noteStops adds entries to the file; they are on disk when it returns.
func (s *Store) noteStops(all []store.OptOut) error {
	if len(all) == 0 {
		return nil
	}
	s.tombstones.Lock()
	defer s.tombstones.Unlock()
	f, err := os.OpenFile(stopsOf(s.file), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("store: note an opt-out: %w", err)
	}
	var b []byte
	for _, o := range all {
		b = fmt.Appendf(b, "\n%x %t %d %q %q\n", o.Address[:], o.Out, sealing.Stamp(o.At), o.Channel, o.Word)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("store: note an opt-out: %w", err)
	}
	return nil
}

// readStops reads the file; empty lines, and one that a crash cut short, are passed over.
func readStops(file string) ([]store.OptOut, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []store.OptOut
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var o store.OptOut
		var key string
		var at int64
		if n, err := fmt.Sscanf(strings.TrimSpace(lines.Text()), "%s %t %d %q %q", &key, &o.Out, &at, &o.Channel, &o.Word); err != nil || n != 5 {
			continue
		}
		if n, err := hex.Decode(o.Address[:], []byte(key)[:min(len(key), 32)]); err != nil || n != 16 || len(key) != 32 {
			continue
		}
		o.At = time.UnixMilli(at)
		all = append(all, o)
	}
	return all, lines.Err()
}

// addStops adds to the ledger of a copy what was said since.
func (t *tables) addStops(all []store.OptOut) error {
	for _, o := range all {
		there, err := t.one(nil, "SELECT 1 FROM optout WHERE address = ? AND at = ? AND out = ?", o.Address, sealing.Stamp(o.At), o.Out)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		if err := t.exec("INSERT INTO optout(address, out, at, channel, word) VALUES(?, ?, ?, ?, ?)", o.Address, o.Out, sealing.Stamp(o.At), o.Channel, o.Word); err != nil {
			return err
		}
	}
	return nil
}
