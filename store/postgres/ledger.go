package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// Option alters how a store is opened.
type Option func(*Store)

// Noting has a node note in file.erased and file.stops who was erased and who said STOP or START, as SQLite's store does beside its own
// file: for when the database is lost, and a copy from before is put in its place. What the database knows and the files don't is
// noted when the store is opened and at each Sweep, so that one node's files have what all nodes did; what the files know and the
// database doesn't is done to the database when the store is opened.
func Noting(file string) Option { return func(s *Store) { s.ledger.file = file } }

// ledger is those files; without a name nothing is noted.
type ledger struct {
	file string
	mu   sync.Mutex
	owed []byte // lines about STOPs that couldn't be written, though they count
}

func (l *ledger) erasedFile() string { return l.file + ".erased" }
func (l *ledger) stopsFile() string  { return l.file + ".stops" }

// add puts lines at the end of a file; they are on disk when it returns.
func add(file string, lines []byte) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(lines)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// erase notes an erasure, before it is done: one that is noted and wasn't done is done when the store is opened again.
func (l *ledger) erase(r store.Resident, at time.Time) error {
	if l.file == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return add(l.erasedFile(), sealing.NoteErased(nil, sealing.Erased{Resident: r, At: at}))
}

// stop notes the STOPs and STARTs of a batch, once they count and before anybody is told so. What can't be written now is owed.
func (l *ledger) stop(batch []*job) {
	if l.file == "" {
		return
	}
	var lines []byte
	for _, j := range batch {
		if j.err == nil && j.turn.outcome.Kind == applied {
			for i := range j.turn.change.OptOuts {
				lines = sealing.NoteStop(lines, &j.turn.change.OptOuts[i])
			}
		}
	}
	if lines != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.owed = append(l.owed, lines...)
		l.pay()
	}
}

// pay writes what is owed.
func (l *ledger) pay() error {
	if len(l.owed) == 0 {
		return nil
	}
	if err := add(l.stopsFile(), l.owed); err != nil {
		return fmt.Errorf("store: note an opt-out: %w", err)
	}
	l.owed = nil
	return nil
}

// whole fails while something can't be noted.
func (l *ledger) whole() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pay()
}

// read calls f with a file; one that isn't there is empty.
func read(file string, f func(io.Reader) error) error {
	r, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	return f(r)
}

// stopped is an entry of the opt-out ledger, as far as it tells one from another.
type stopped struct {
	of  store.AddressKey
	at  int64
	out bool
}

// agree notes what the database knows and the files don't. With learn, the database learns what only the files know.
func (s *Store) agree(ctx context.Context, learn bool) error {
	l := &s.ledger
	if l.file == "" {
		return nil
	}
	for _, file := range []string{l.erasedFile(), l.stopsFile()} { // rather now than when somebody wants to be erased
		if err := add(file, nil); err != nil {
			return fmt.Errorf("store: erasures and STOPs have to be noted in a file, for the case that the database is lost: %w", err)
		}
	}
	if err := s.agreeOnErased(ctx, learn); err != nil {
		return fmt.Errorf("store: %s: %w", l.erasedFile(), err)
	}
	if err := s.agreeOnStops(ctx, learn); err != nil {
		return fmt.Errorf("store: %s: %w", l.stopsFile(), err)
	}
	return nil
}

func (s *Store) agreeOnErased(ctx context.Context, learn bool) error {
	noted := map[store.Resident]int64{} // the last time of each
	if err := read(s.ledger.erasedFile(), func(r io.Reader) error {
		return sealing.ReadErased(r, func(e sealing.Erased) { noted[e.Resident] = max(noted[e.Resident], sealing.Stamp(e.At)) })
	}); err != nil {
		return err
	}
	var lines []byte
	if err := each(ctx, s.pool, func(r pgx.Rows) error {
		var who [16]byte
		var at int64
		err := r.Scan(&who, &at)
		was, known := noted[who]
		if !known || was < at {
			lines = sealing.NoteErased(lines, sealing.Erased{Resident: who, At: sealing.Moment(at)})
		}
		if was <= at {
			delete(noted, who)
		}
		return err
	}, "SELECT resident, at FROM erased"); err != nil {
		return err
	}
	if lines != nil {
		s.ledger.mu.Lock()
		defer s.ledger.mu.Unlock()
		if err := add(s.ledger.erasedFile(), lines); err != nil {
			return err
		}
	}
	if !learn {
		return nil
	}
	for who, at := range noted {
		if err := s.eraseNow(ctx, who, sealing.Moment(at)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) agreeOnStops(ctx context.Context, learn bool) error {
	noted := map[stopped]bool{}
	var order []store.OptOut
	if err := read(s.ledger.stopsFile(), func(r io.Reader) error {
		return sealing.ReadStops(r, func(o store.OptOut) {
			if k := (stopped{o.Address, sealing.Stamp(o.At), o.Out}); !noted[k] {
				noted[k] = true
				order = append(order, o)
			}
		})
	}); err != nil {
		return err
	}
	var lines []byte
	if err := each(ctx, s.pool, func(r pgx.Rows) error {
		var of [16]byte
		var o store.OptOut
		var at int64
		err := r.Scan(&of, &o.Out, &at, &o.Channel, &o.Word)
		k := stopped{of, at, o.Out}
		if !noted[k] {
			o.Address, o.At = of, sealing.Moment(at)
			lines = sealing.NoteStop(lines, &o)
		}
		delete(noted, k)
		return err
	}, "SELECT address, stopped, at, channel, word FROM optout ORDER BY seq"); err != nil {
		return err
	}
	if lines != nil {
		s.ledger.mu.Lock()
		defer s.ledger.mu.Unlock()
		if err := add(s.ledger.stopsFile(), lines); err != nil {
			return err
		}
	}
	if !learn || len(noted) == 0 {
		return nil
	}
	missing := map[store.AddressKey][]store.OptOut{}
	for _, o := range order {
		if noted[stopped{o.Address, sealing.Stamp(o.At), o.Out}] {
			missing[o.Address] = append(missing[o.Address], o)
		}
	}
	for of, all := range missing {
		if err := s.learnStops(ctx, of, all); err != nil {
			return err
		}
	}
	return nil
}

// learnStops puts entries of an address where their time says: the last of them all counts.
func (s *Store) learnStops(ctx context.Context, of store.AddressKey, all []store.OptOut) error {
	var outs []bool
	var ats []int64
	var channels, said []string
	for _, o := range all {
		outs, ats = append(outs, o.Out), append(ats, sealing.Stamp(o.At))
		channels, said = append(channels, words(o.Channel)), append(said, words(o.Word))
	}
	return s.write(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `WITH gone AS (DELETE FROM optout WHERE address = $1 RETURNING stopped, at, channel, word, seq)
			INSERT INTO optout(address, stopped, at, channel, word) SELECT $1, stopped, at, channel, word FROM (SELECT * FROM gone
				UNION ALL SELECT u.*, NULL FROM unnest($2::boolean[], $3::bigint[], $4::text[], $5::text[]) AS u) AS every ORDER BY at, seq NULLS LAST`,
			[16]byte(of), outs, ats, channels, said)
		return err
	})
}
