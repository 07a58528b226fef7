package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// merging is a Change's Merged with what is needed to seal theirs anew.
type merging struct {
	key, theirs *store.Key // theirs is nil when they aren't here any more
	media       []moved
	answered    []byte            // theirs, as the writer found it
	reply       bool              // the Duplicate's reply is one of theirs
	sealed      map[string][]byte // what was sealed anew, by what it was: a second attempt writes the same
}

// moved is a media of the merged one's, whose parts were laid down again under the resident's key.
type moved struct {
	id    [16]byte
	size  int
	was   int64 // where its parts are
	first int64 // where they will be
}

// prepare lays the merged one's media down again, part by part and each in a transaction of its own, so that the change itself is as
// short as any.
func (g *merging) prepare(c *store.Change, read, write func(func(*tables) error) error) error {
	var all []moved
	if err := read(func(t *tables) error {
		return t.each(func(q statement) error {
			all = append(all, moved{id: column16(q, 0), size: int(q.ColumnInt64(1)), was: q.ColumnInt64(2), first: somewhere()})
			return nil
		}, "SELECT id, size, first FROM media WHERE resident = ? ORDER BY id", c.Merged.Resident)
	}); err != nil {
		return err
	}
	for _, m := range all {
		g.media = append(g.media, m)
		parts := sealing.PartsOf(m.size)
		for n := range parts {
			var b []byte
			if err := read(func(t *tables) error {
				_, err := t.one(func(q statement) error { b = column(q, 0); return nil }, "SELECT body FROM media_part WHERE seq = ?", m.was+int64(n))
				return err
			}); err != nil {
				return err
			}
			if b == nil { // it was swept since, or they changed: the writer will see
				break
			}
			plain, err := g.theirs.Open(b, sealing.UsePart(m.id, n, parts))
			if err != nil {
				return fmt.Errorf("store: open a merged resident's recording or picture: %w", err)
			}
			sealed := g.key.Seal(nil, plain, sealing.UsePart(m.id, n, parts))
			if err := write(func(t *tables) error { return t.layPart(c, m.first, n, sealed) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// places are where the parts of the moved media were laid down.
func (g *merging) places() (all []int64) {
	for _, m := range g.media {
		all = append(all, m.first)
	}
	return all
}

// anew seals under the resident's key what was sealed under the merged one's.
func (g *merging) anew(sealed []byte, use string) ([]byte, error) {
	if b := g.sealed[string(sealed)]; b != nil {
		return b, nil
	}
	was := string(sealed)
	plain, err := g.theirs.Open(sealed, use)
	if err != nil {
		return nil, fmt.Errorf("store: open what was a merged resident's: %w", err)
	}
	if g.sealed == nil {
		g.sealed = map[string][]byte{}
	}
	g.sealed[was] = g.key.Seal(nil, plain, use)
	return g.sealed[was], nil
}

// isTheirs says whether r is who the change is about, as far as addresses go.
func isTheirs(c *store.Change, r store.Resident) bool {
	return r == c.Resident || c.Merged != nil && r == c.Merged.Resident
}

// findMerged reads the merged one's row and says what stands in the way.
func (t *tables) findMerged(o *sealedTurn) (store.Outcome, error) {
	c, g := o.change, o.merge
	conflict := store.Outcome{Kind: store.Conflict}
	if c.Merged.Resident == c.Resident {
		return conflict, nil
	}
	other := false
	var version uint64
	there, err := t.one(func(q statement) error {
		other = column16(q, 0) != c.Merged.Resident
		version, g.answered = uint64(q.ColumnInt64(1)), column(q, 2)
		return nil
	}, selectRow, rowOf(c.Merged.Resident))
	switch {
	case err != nil:
		return store.Outcome{}, err
	case !there || other || g.theirs == nil:
		return conflict, nil
	}
	if c.Inbound != (store.Inbound{}) {
		if seq, ok := replyOf(g.answered, c.Inbound); ok {
			g.reply = true
			b, err := t.reply(seq)
			return store.Outcome{Kind: store.Duplicate, Reply: b}, err
		}
	}
	if version != c.Merged.Read {
		return conflict, nil
	}
	kind := store.Applied
	if err := t.each(func(q statement) error {
		id, first := column16(q, 0), q.ColumnInt64(1)
		if !slices.ContainsFunc(g.media, func(m moved) bool { return m.id == id && m.was == first }) {
			kind = store.Conflict // another process has written
		}
		return nil
	}, "SELECT id, first FROM media WHERE resident = ?", c.Merged.Resident); err != nil {
		return store.Outcome{}, err
	}
	for _, m := range g.media {
		there, err := t.one(nil, "SELECT 1 FROM media WHERE id = ? AND resident = ?", m.id, c.Merged.Resident)
		if err != nil {
			return store.Outcome{}, err
		}
		if !there { // swept meanwhile
			continue
		}
		if whole, err := t.loose(m.first); err != nil || !whole { // picked up, since the resident was erased
			return conflict, err
		}
	}
	return store.Outcome{Kind: kind}, nil
}

// mergeReplies makes one of the two lists of answered messages, by age, and the merged one's replies the resident's. room is how
// many of the resident's own stay. What it returns is in t.buf, as answered is.
func (t *tables) mergeReplies(o *sealedTurn, answered []byte, room int) ([]byte, error) {
	g := o.merge
	type entry [answeredSize]byte
	var all []entry
	for e := range slices.Chunk(answered[:min(len(answered), room*answeredSize)], answeredSize) {
		all = append(all, entry(e))
	}
	kept := map[int64]bool{}
	for n, e := range slices.Collect(slices.Chunk(g.answered, answeredSize)) {
		seq := seqOf(e)
		if n < answeredMax/2 {
			all = append(all, entry(e))
			kept[seq] = true
		} else if !kept[seq] {
			if err := t.exec("DELETE FROM reply WHERE seq = ?", seq); err != nil {
				return nil, err
			}
		}
	}
	for seq := range kept {
		b, err := t.reply(seq)
		if err == nil {
			b, err = g.anew(b, sealing.UseReply)
		}
		if err == nil {
			err = t.exec("UPDATE reply SET k = ?2, body = ?3 WHERE seq = ?1", seq, rowOf(o.change.Resident), b)
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return cmp.Compare(seqOf(b[:]), seqOf(a[:])) })
	answered = t.buf[answeredSize:answeredSize]
	for _, e := range all {
		answered = append(answered, e[:]...)
	}
	return answered, nil
}

// Where the merged one's sealed columns are, how they are found and how they are put back.
var sealedColumns = []struct{ use, find, put string }{
	{sealing.UseAddress, "SELECT key, sealed FROM address WHERE resident = ?", "UPDATE address SET sealed = ?2 WHERE key = ?1"},
	{sealing.UseBody, "SELECT id, body FROM outbox WHERE resident = ? AND length(body) > 0", "UPDATE outbox SET body = ?2 WHERE id = ?1"},
	{sealing.UsePersonal, "SELECT seq, personal FROM request WHERE resident = ? AND personal IS NOT NULL", "UPDATE request SET personal = ?2 WHERE seq = ?1"},
	{sealing.UsePersonal, `SELECT seq, personal FROM request_event WHERE resident = ?1 AND personal IS NOT NULL
		UNION ALL SELECT seq, personal FROM request_event WHERE request IN (SELECT seq FROM request WHERE resident = ?1) AND resident IS NULL AND personal IS NOT NULL`,
		"UPDATE request_event SET personal = ?2 WHERE seq = ?1"},
	{sealing.UseLetter, "SELECT id, sealed FROM letter WHERE resident = ?", "UPDATE letter SET sealed = ?2 WHERE id = ?1"},
}

// What else makes the merged one's rows, ?2, the resident's, ?1; in this order.
var mergeRows = []string{
	"UPDATE address SET resident = ?1 WHERE resident = ?2",
	"UPDATE response SET resident = ?1 WHERE resident = ?2",
	"UPDATE consent SET resident = ?1 WHERE resident = ?2",
	"UPDATE outbox SET resident = ?1 WHERE resident = ?2",
	"UPDATE letter SET resident = ?1 WHERE resident = ?2",
	"UPDATE roll SET resident = ?1 WHERE resident = ?2",
	"UPDATE OR IGNORE timer SET resident = ?1 WHERE resident = ?2",
	"DELETE FROM timer WHERE resident = ?2",
	// Who had both opened or joined a request counts once from now on.
	`UPDATE request SET joined = joined - 1 WHERE joined > 0 AND seq IN (SELECT request FROM joiner WHERE resident = ?2)
		AND seq IN (SELECT request FROM joiner WHERE resident = ?1)`,
	"UPDATE OR IGNORE joiner SET resident = ?1 WHERE resident = ?2",
	"DELETE FROM joiner WHERE resident = ?2",
	"UPDATE request SET resident = ?1 WHERE resident = ?2",
	"UPDATE request_event SET resident = ?1 WHERE resident = ?2",
	`UPDATE desk_case SET unread = unread + (SELECT unread FROM desk_case WHERE resident = ?2)
		WHERE resident = ?1 AND EXISTS (SELECT 1 FROM desk_case WHERE resident = ?2)`,
	"UPDATE OR IGNORE desk_case SET resident = ?1 WHERE resident = ?2",
	"DELETE FROM desk_case WHERE resident = ?2",
}

// merge makes all that is the merged one's the resident's, and destroys their row and key.
func (t *tables) merge(o *sealedTurn) error {
	c, g := o.change, o.merge
	was := c.Merged.Resident
	type row struct {
		name any
		body []byte
	}
	for _, col := range sealedColumns {
		var rows []row
		if err := t.each(func(q statement) error {
			r := row{body: column(q, 1)}
			if q.ColumnLen(0) == 16 {
				r.name = column16(q, 0)
			} else {
				r.name = q.ColumnInt64(0)
			}
			rows = append(rows, r)
			return nil
		}, col.find, was); err != nil {
			return err
		}
		for _, r := range rows {
			b, err := g.anew(r.body, col.use)
			if err == nil {
				err = t.exec(col.put, r.name, b)
			}
			if err != nil {
				return err
			}
		}
	}
	for _, query := range mergeRows {
		if err := t.exec(query, c.Resident, was); err != nil {
			return err
		}
	}
	for _, m := range g.media {
		if err := t.moveMedia(c, m); err != nil {
			return err
		}
	}
	if err := t.exec("DELETE FROM conversation WHERE k = ? AND resident = ?", rowOf(was), was); err != nil {
		return err
	}
	t.counts.conversations--
	if err := t.exec("DELETE FROM resident_key WHERE k = ? AND resident = ?", rowOf(was), was); err != nil {
		return err
	}
	t.moved = true
	return nil
}

// moveMedia gives a media of the merged one's to the resident, with the parts that were laid down anew.
func (t *tables) moveMedia(c *store.Change, m moved) error {
	if err := t.exec("UPDATE media SET resident = ?3, first = ?4 WHERE id = ?1 AND resident = ?2", m.id, c.Merged.Resident, c.Resident, m.first); err != nil {
		return err
	}
	if t.Changes() == 0 { // swept meanwhile
		return t.exec("UPDATE media_loose SET at = 0 WHERE first = ?", m.first)
	}
	if err := t.exec("INSERT INTO media_loose(first, resident, at) VALUES(?, ?, 0)", m.was, c.Resident); err != nil {
		return err
	}
	return t.exec("DELETE FROM media_loose WHERE first = ?", m.first)
}

// startMerge finds the merged one's key and lays their media down again. Where they aren't here, the writer says what that means:
// the change may have been applied before.
func (s *Store) startMerge(ctx context.Context, j *job, key *store.Key) error {
	c := j.turn.change
	g := &merging{key: key}
	j.turn.merge = g
	var err error
	if g.theirs, err = s.key(ctx, c.Merged.Resident); err != nil || g.theirs == nil {
		return err
	}
	was := c.Merged.Resident
	j.then = func() {
		s.keys.drop(was)
		s.recent.drop(was)
	}
	err = g.prepare(c, func(do func(*tables) error) error { return s.read(ctx, do) }, func(do func(*tables) error) error { return s.write(ctx, do) })
	if errors.Is(err, errPickedUp) {
		return nil // the writer finds the parts gone
	}
	return err
}

// merged destroys what is left of somebody, once the change is applied: the old parts of their media, and the log with their key.
func (s *Store) merged(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	s.dropLoose(ctx, 1) // what fails here is done by a sweep
	s.forget(ctx)
}

// steady runs f again where somebody was erased or merged meanwhile: what f read under their name may be another's by now.
func (s *Store) steady(f func() error) error {
	for {
		epoch := s.keys.now()
		if err := f(); epoch == s.keys.now() {
			return err
		}
	}
}
