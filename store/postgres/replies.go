package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// Replies are only ever added, each at a place: the week, and a number that no other has. What is known of a resident's last messages
// lies in their row: each message's id, and the place of its reply. Six tables take turns week by week, and the one whose turn comes is
// emptied first: a reply is there for five weeks at least. After that its message is still known, and gets no reply.
const (
	replyTables = 6
	// A place is the week, the microsecond in it, and a number of the writer's, so that places tell which reply is older and no two
	// are one. Where two writers should have the same number after all, the second of the same microsecond is refused, and tries again.
	weekBits, writerBits = 50, 10
	weekLasts            = 7 * 24 * time.Hour
	// clockLives is how long a writer goes by what the server said the time was, so that no reply comes into a table whose turn is over.
	clockLives = time.Hour
)

// place is where a reply lies.
type place int64

func (p place) table() int { return int(int64(p) >> weekBits % replyTables) }

// places are those that a writer may fill.
type places struct {
	writer int64
	now    *serverTime
	last   int64
}

// serverTime is what the server said the time was; from then on the node goes by its own clock.
type serverTime struct {
	week, from int64 // the week, and microseconds of it
	since      time.Time
}

// before is the same moment in the week before, of which there are microseconds for nine days: what is beyond its end goes half as fast.
func (t serverTime) before() serverTime {
	t.week, t.from = t.week-1, weekLasts.Microseconds()+t.from/2
	return t
}

// take gives out a place.
func (p *places) take() place {
	p.last = max(p.last+1, p.now.from+time.Since(p.now.since).Microseconds())
	return place(p.now.week<<weekBits | p.last<<writerBits | p.writer)
}

// keepTime sees to it that a writer knows the server's time, as the node's other writers do, and that the week's table can be filled.
func (s *Store) keepTime(ctx context.Context, p *places) error {
	s.clock.Lock()
	defer s.clock.Unlock()
	if s.now == nil || time.Since(s.now.since) > clockLives {
		asked := time.Now()
		us, err := number(ctx, s.pool, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
		if err != nil {
			return fmt.Errorf("the time: %w", err)
		}
		now := serverTime{week: us / weekLasts.Microseconds(), from: us % weekLasts.Microseconds(), since: asked}
		switch err := s.turnTo(ctx, now.week); {
		case code(err) == "55P03": // somebody reads all tables just now, as a backup does: the week before has room
			now = now.before()
		case err != nil:
			return fmt.Errorf("the week's replies: %w", err)
		}
		s.now = &now
	}
	if p.now == nil || p.now.week != s.now.week {
		p.last = 0
	}
	p.now = s.now
	return nil
}

// turnTo empties a week's table, if it holds an earlier week's. One that says so, and has replies of this week, is of a server whose clock
// went back and is right again: it stays as it is.
func (s *Store) turnTo(ctx context.Context, week int64) error {
	slot := week % replyTables
	const at = "SELECT week FROM reply_week WHERE slot = $1"
	if of, err := number(ctx, s.pool, at, slot); err != nil || of == week {
		return err
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = 200"); err != nil {
			return err
		}
		of, err := number(ctx, tx, at+" FOR UPDATE", slot)
		if err != nil {
			return err
		}
		newest, err := number(ctx, tx, fmt.Sprintf("SELECT coalesce(max(place), 0) FROM reply_%d", slot))
		if err != nil {
			return err
		}
		if of < week && place(newest).week() < week { // else another node did it, or the server's clock went back
			if _, err := tx.Exec(ctx, fmt.Sprintf("TRUNCATE reply_%d", slot)); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, "UPDATE reply_week SET week = $2 WHERE slot = $1 AND week <> $2", slot, week)
		return err
	})
}

// Entries of what is known: the id of a message, and the place of what was replied to it.
const entrySize = len(store.Inbound{}) + 8

func entry(in store.Inbound, p place) (e [entrySize]byte) {
	copy(e[:], in[:])
	binary.BigEndian.PutUint64(e[len(in):], uint64(p))
	return e
}

// entries calls f for each, newest first, until it says no.
func entries(known []byte, f func(in store.Inbound, p place) bool) {
	for ; len(known) >= entrySize; known = known[entrySize:] {
		in := store.Inbound(known[:8])
		if !f(in, place(binary.BigEndian.Uint64(known[8:entrySize]))) {
			return
		}
	}
}

// placeOf finds the reply to a message among what is known.
func placeOf(known []byte, in store.Inbound) (at place, found bool) {
	entries(known, func(i store.Inbound, p place) bool {
		if found = i == in; found {
			at = p
		}
		return !found
	})
	return at, found
}

// remember puts a message before those that are known; the sixteenth goes for it.
func remember(known []byte, in store.Inbound, p place) []byte {
	e := entry(in, p)
	now := append(e[:], known...)
	return now[:min(len(now), sealing.Known*entrySize)]
}

// byTable parts the places of what is known by where they are.
func byTable(known []byte) (all [replyTables][]int64) {
	entries(known, func(_ store.Inbound, p place) bool {
		all[p.table()] = append(all[p.table()], int64(p))
		return true
	})
	return all
}

// dropReplies queues that the replies to what is known go.
func dropReplies(b *pgx.Batch, known []byte) {
	for table, at := range byTable(known) {
		if at != nil {
			b.Queue(fmt.Sprintf("DELETE FROM reply_%d WHERE place = ANY($1)", table), at)
		}
	}
}

// saidAt reads what was replied, sealed; nil where its table was emptied since.
func saidAt(ctx context.Context, q querier, p place) (body []byte, err error) {
	err = each(ctx, q, func(r pgx.Rows) error { return r.Scan(&body) }, fmt.Sprintf("SELECT body FROM reply_%d WHERE place = $1", p.table()), int64(p))
	return body, err
}

// Reply: see store.Store.
func (s *Store) Reply(ctx context.Context, r store.Resident, in store.Inbound) ([]byte, bool, error) {
	var known, sealedKey []byte
	var id *int64
	err := each(ctx, s.pool, func(row pgx.Rows) error { return row.Scan(&known, &id, &sealedKey) },
		"SELECT c.known, d.id, d.wrapped FROM conversation c JOIN resident_key d USING(resident) WHERE c.resident = $1", [16]byte(r))
	if err != nil {
		return nil, false, fmt.Errorf("store: load a reply: %w", err)
	}
	at, found := placeOf(known, in)
	if !found {
		return nil, false, nil
	}
	key, err := s.open(r, id, sealedKey)
	if err != nil {
		return nil, false, fmt.Errorf("store: load a reply: %w", err)
	}
	body, err := saidAt(ctx, s.pool, at)
	if err != nil || body == nil {
		return nil, false, wrapped("load a reply", err)
	}
	b, err := key.Open(body, sealing.UseReply)
	if err != nil {
		return nil, false, fmt.Errorf("store: load a reply: %w", err)
	}
	return b, true, nil
}
