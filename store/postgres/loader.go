package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

const (
	// loaderCount is how many reads may be under way at once.
	loaderCount = 2
	// loadMost is how long one read is tried.
	loadMost = 10 * time.Second
)

const (
	selectRows = `SELECT c.resident, c.version, c.known, c.state, d.id, d.wrapped, c.ctid FROM conversation c LEFT JOIN resident_key d USING(resident)
		WHERE c.resident = ANY($1)`
	// selectMet has no row where an address has no conversation.
	selectMet = `SELECT a.key, c.version, c.known, c.state, d.id, d.wrapped, c.ctid, a.resident FROM address a LEFT JOIN conversation c USING(resident)
		LEFT JOIN resident_key d USING(resident) WHERE a.key = ANY($1)`
)

// wanted is a row that somebody waits for. It is as it was read once done says so.
type wanted struct {
	by           [16]byte // a resident's id, or the key of an address
	address      bool
	found        bool // whose address it is; a row is found by its version
	resident     store.Resident
	version      uint64
	lies         tid
	known, state []byte
	id           int64
	hasKey       bool
	key          []byte // wrapped
	err          error
	done         chan struct{}
	room         []byte // of known, state and key, used again
}

// takeWanted takes one that was used before, or a new one: see takeJob.
func (s *Store) takeWanted() *wanted {
	if w, ok := s.wants.Get().(*wanted); ok {
		return w
	}
	return &wanted{done: make(chan struct{}, 1)}
}

// Load: see store.Store. What is asked for while others are being read is read together.
func (s *Store) Load(ctx context.Context, r store.Resident) (store.Conversation, error) {
	c, _, err := s.load(ctx, r, false)
	return c, err
}

// Meet: see store.Store. It is one statement, so that an address and the row are of one moment.
func (s *Store) Meet(ctx context.Context, a store.AddressKey) (store.Conversation, bool, error) {
	return s.load(ctx, a, true)
}

func (s *Store) load(ctx context.Context, by [16]byte, address bool) (c store.Conversation, found bool, err error) {
	w := s.takeWanted()
	*w = wanted{by: by, address: address, done: w.done, room: w.room[:0]}
	if !address {
		w.resident = by
	}
	s.closing.RLock()
	if s.closed.Load() {
		s.closing.RUnlock()
		return c, false, errClosed
	}
	select {
	case s.wanted <- w: // asked alone, this takes a third of the time
		s.closing.RUnlock()
	default:
		select {
		case s.wanted <- w:
			s.closing.RUnlock()
		case <-ctx.Done():
			s.closing.RUnlock()
			return c, false, ctx.Err()
		}
	}
	select {
	case <-w.done:
	case <-ctx.Done(): // it is being read still, and isn't used again
		return c, false, ctx.Err()
	}
	err, found, c.Resident = w.err, w.found, w.resident
	if err == nil && w.version > 0 {
		err = s.fill(&c, w)
	}
	if cap(w.room) <= keptRoom {
		s.wants.Put(w)
	}
	if err != nil {
		return store.Conversation{}, false, fmt.Errorf("store: load: %w", err)
	}
	return c, found, nil
}

// take copies what was read of a row.
func (w *wanted) take(values [][]byte) {
	if w.address {
		if w.found, w.resident = true, store.Resident(values[7]); values[1] == nil {
			return
		}
	}
	w.version, w.lies = binary.BigEndian.Uint64(values[1]), tid(values[6])
	w.room = append(append(append(w.room[:0], values[2]...), values[3]...), values[5]...)
	n, m := len(values[2]), len(values[2])+len(values[3])
	w.known, w.state, w.key = w.room[:n:n], w.room[n:m:m], w.room[m:]
	if w.hasKey = values[4] != nil; w.hasKey {
		w.id = int64(binary.BigEndian.Uint64(values[4]))
	}
}

func (s *Store) fill(c *store.Conversation, w *wanted) error {
	var id *int64
	if w.hasKey {
		id = &w.id
	}
	key, err := s.open(w.resident, id, w.key)
	if err != nil {
		return err
	}
	if key == nil {
		return errors.New("a row has no key: were the keys of a copy put back with it?")
	}
	key.row.Store(lies(w.lies, w.version))
	if c.State, err = key.Open(w.state, sealing.UseState); err != nil {
		return err
	}
	c.State = bytes.Clone(c.State) // the room is used again
	c.Version = w.version
	c.Answered = make([]store.Inbound, 0, len(w.known)/entrySize)
	entries(w.known, func(in store.Inbound, _ place) bool {
		c.Answered = append(c.Answered, in)
		return true
	})
	return nil
}

// reading is what is read together: rows by their residents, and by addresses.
type reading [2]struct {
	wanted map[[16]byte][]*wanted
	ids    column
}

func newReading() *reading {
	var g reading
	for i := range g {
		g[i].wanted, g[i].ids.of = map[[16]byte][]*wanted{}, pgtype.UUIDOID
	}
	return &g
}

func (g *reading) empty() {
	for i := range g {
		clear(g[i].wanted)
		g[i].ids.empty()
	}
}

func (g *reading) add(w *wanted) {
	of := &g[0]
	if w.address {
		of = &g[1]
	}
	same := of.wanted[w.by]
	if same == nil {
		of.ids.uuid(w.by)
	}
	of.wanted[w.by] = append(same, w)
}

func (g *reading) len() int { return g[0].ids.n + g[1].ids.n }

// loads reads whatever was asked for during its last read.
func (s *Store) loads() {
	g := newReading()
	for w := range s.wanted {
		g.empty()
		g.add(w)
	fill:
		for g.len() < maxBatch {
			select {
			case w, ok := <-s.wanted:
				if !ok {
					break fill
				}
				g.add(w)
			default:
				break fill
			}
		}
		err := s.readRows(g)
		for i := range g {
			for _, same := range g[i].wanted {
				for _, w := range same {
					w.err = err
					w.done <- struct{}{}
				}
			}
		}
	}
}

// errText says that a proxy, or a setting in the address, has rows come as text.
var errText = errors.New("rows come as text: default_query_exec_mode in the address has to be cache_statement or cache_describe")

func (s *Store) readRows(g *reading) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), loadMost)
	defer cancel()
	for n := 1; ; n++ {
		err = s.readOnce(ctx, g)
		s.noticed(err)
		if err == nil || !lost(err) || pause(ctx, min(n, 9)) != nil {
			return err
		}
	}
}

var readings = [...]string{selectRows, selectMet}

// readOnce reads both kinds in one round trip.
func (s *Store) readOnce(ctx context.Context, g *reading) error {
	switch {
	case g[1].ids.n == 0:
		return each(ctx, s.pool, g.take(0), readings[0], &g[0].ids)
	case g[0].ids.n == 0:
		return each(ctx, s.pool, g.take(1), readings[1], &g[1].ids)
	}
	var both pgx.Batch
	for i := range g {
		take := g.take(i)
		both.Queue(readings[i], &g[i].ids).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				if err := take(rows); err != nil {
					return err
				}
			}
			return rows.Err()
		})
	}
	return s.pool.SendBatch(ctx, &both).Close()
}

// take hands a row to those who want it.
func (g *reading) take(i int) func(pgx.Rows) error {
	return func(r pgx.Rows) error {
		if r.FieldDescriptions()[0].Format != pgx.BinaryFormatCode {
			return errText
		}
		values := r.RawValues()
		for _, w := range g[i].wanted[[16]byte(values[0])] {
			w.take(values)
		}
		return nil
	}
}
