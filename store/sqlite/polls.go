package sqlite

import (
	"context"
	"slices"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

const (
	selectVoter = "SELECT used FROM roll WHERE poll = ? AND voter = ?"
	markVoter   = `INSERT INTO roll(poll, voter, used, ballot, resident) VALUES(?, ?, 1, ?, ?)
		ON CONFLICT DO UPDATE SET used = 1, ballot = excluded.ballot, resident = excluded.resident`
	castBallot = "INSERT INTO ballot(poll, id, version, channel, day, linked, apart, record) VALUES(?, ?, ?, ?, ?, ?, ?, ?)"
)

// mayVote looks into the box, at the roll, and at the ballots before b in the same change.
func (t *tables) mayVote(before []store.Ballot, b *store.Ballot) (bool, error) {
	if cast, err := t.one(nil, "SELECT 1 FROM ballot WHERE poll = ? AND id = ?", b.Poll, b.ID); err != nil || cast {
		return false, err
	}
	if b.Voter == ([16]byte{}) {
		return true, nil
	}
	for i := range before {
		if before[i].Poll == b.Poll && before[i].Voter == b.Voter {
			return false, nil
		}
	}
	used := false
	listed, err := t.one(func(s statement) error { used = s.ColumnInt64(0) != 0; return nil }, selectVoter, b.Poll, b.Voter)
	if err != nil || listed {
		return !used, err
	}
	reserved, err := t.one(nil, "SELECT 1 FROM reserved WHERE poll = ?", b.Poll)
	return !reserved, err
}

func (t *tables) vote(r store.Resident, b *store.Ballot) error {
	apart := b.Voter == [16]byte{}
	linked := b.Linked && !apart
	if !apart {
		var id, who any
		if linked {
			id, who = b.ID, r
		}
		if err := t.exec(markVoter, b.Poll, b.Voter, id, who); err != nil {
			return err
		}
	}
	t.counts.ballots++
	return t.exec(castBallot, b.Poll, b.ID, b.Version, b.Channel, b.Day, linked, apart, b.Record)
}

// mark puts voters without a ballot on the roll.
func (t *tables) mark(all []store.Mark) error {
	for i := range all {
		if all[i].Voter == ([16]byte{}) {
			continue // who has no voter is counted apart
		}
		if err := t.exec("INSERT INTO roll(poll, voter, used) VALUES(?, ?, 1) ON CONFLICT DO UPDATE SET used = 1", all[i].Poll, all[i].Voter); err != nil {
			return err
		}
		if all[i].Recall {
			if err := t.recall(&all[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// recall takes the ballot out of the box that is linked to a voter's mark.
func (t *tables) recall(m *store.Mark) error {
	err := t.exec("DELETE FROM ballot WHERE poll = ?1 AND id = (SELECT ballot FROM roll WHERE poll = ?1 AND voter = ?2 AND ballot IS NOT NULL)", m.Poll, m.Voter)
	if err != nil {
		return err
	}
	t.counts.ballots -= int64(t.Changes())
	return t.exec("UPDATE roll SET ballot = NULL, resident = NULL WHERE poll = ? AND voter = ?", m.Poll, m.Voter)
}

// Voted: see store.Store.
func (s *Store) Voted(ctx context.Context, poll string, voter [16]byte) (bool, error) {
	used := false
	err := s.read(ctx, func(t *tables) error {
		_, err := t.one(func(q statement) error { used = q.ColumnInt64(0) != 0; return nil }, selectVoter, poll, voter)
		return err
	})
	return used, err
}

// Linked: see store.Store.
func (s *Store) Linked(ctx context.Context, poll string, voter [16]byte) (linked bool, err error) {
	err = s.read(ctx, func(t *tables) (err error) {
		linked, err = t.one(nil, "SELECT 1 FROM roll WHERE poll = ? AND voter = ? AND ballot IS NOT NULL", poll, voter)
		return err
	})
	return linked, err
}

// Reserve: see store.Store.
func (s *Store) Reserve(ctx context.Context, poll string, voters [][16]byte) error {
	if err := s.write(ctx, func(t *tables) error {
		return t.exec("INSERT INTO reserved(poll) VALUES(?) ON CONFLICT DO NOTHING", poll)
	}); err != nil {
		return err
	}
	// In pieces, so that turns needn't wait for a whole town's letters.
	for some := range slices.Chunk(voters, pageRows) {
		if err := s.write(ctx, func(t *tables) error {
			for _, v := range some {
				if err := t.exec("INSERT INTO roll(poll, voter, used) VALUES(?, ?, 0) ON CONFLICT DO NOTHING", poll, v); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// OnRoll: see store.Store.
func (s *Store) OnRoll(ctx context.Context, poll string, voter [16]byte) (ok bool, err error) {
	err = s.read(ctx, func(t *tables) (err error) {
		ok, err = t.one(nil, "SELECT 1 FROM roll JOIN reserved USING(poll) WHERE poll = ? AND voter = ?", poll, voter)
		return err
	})
	return ok, err
}

// CloseRoll: see store.Store.
func (s *Store) CloseRoll(ctx context.Context, poll string) (n int, err error) {
	err = s.write(ctx, func(t *tables) error {
		if err := t.exec("UPDATE roll SET ballot = NULL, resident = NULL WHERE poll = ? AND ballot IS NOT NULL", poll); err != nil {
			return err
		}
		n = t.Changes()
		return t.exec("UPDATE ballot SET linked = 0 WHERE poll = ? AND linked", poll)
	})
	if err == nil && n > 0 {
		s.forget(ctx)
	}
	return n, err
}

// pageRows is how many records are read at once, so that a slow reader holds no snapshot open.
const pageRows = 512

// Responses: see store.Store.
func (s *Store) Responses(ctx context.Context, poll string, yield func(store.Response) error) error {
	return pages(ctx, s, yield, func(r store.Response) [16]byte { return r.ID }, func(q statement) store.Response {
		return store.Response{Poll: poll, ID: column16(q, 0), Version: int(q.ColumnInt64(1)), Channel: q.ColumnText(2),
			Lang: q.ColumnText(3), At: sealing.Moment(q.ColumnInt64(4)), Record: column(q, 5), Order: column(q, 6)}
	}, `SELECT id, version, channel, lang, at, record, shown FROM response WHERE poll = ? AND id > ? ORDER BY id LIMIT ?`, poll)
}

// Ballots: see store.Store.
func (s *Store) Ballots(ctx context.Context, poll string, yield func(store.Ballot) error) error {
	return pages(ctx, s, yield, func(b store.Ballot) [16]byte { return b.ID }, func(q statement) store.Ballot {
		return store.Ballot{Poll: poll, ID: column16(q, 0), Version: int(q.ColumnInt64(1)), Channel: q.ColumnText(2),
			Day: q.ColumnText(3), Linked: q.ColumnInt64(4) != 0, Apart: q.ColumnInt64(5) != 0, Record: column(q, 6)}
	}, `SELECT id, version, channel, day, linked, apart, record FROM ballot WHERE poll = ? AND id > ? ORDER BY id LIMIT ?`, poll)
}

func pages[T any](ctx context.Context, s *Store, yield func(T) error, id func(T) [16]byte, scan func(statement) T, query, poll string) error {
	last := []byte{} // before all
	for {
		var page []T
		if err := s.read(ctx, func(t *tables) error {
			return t.each(func(q statement) error { page = append(page, scan(q)); return nil }, query, poll, last, pageRows)
		}); err != nil {
			return err
		}
		for _, r := range page {
			if err := yield(r); err != nil {
				return err
			}
		}
		if len(page) < pageRows {
			return nil
		}
		b := id(page[len(page)-1])
		last = b[:]
	}
}
