package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/townline/townline/store"
)

const (
	applied   = store.Applied
	duplicate = store.Duplicate
	conflict  = store.Conflict
)

// view is all that a batch depends on, as it is in the database and locked there.
type view struct {
	rows     map[[16]byte]row
	keys     map[[16]byte]int64 // of residents to whom something is written beside their own turns
	owners   map[[16]byte]store.Resident
	roll     map[voter]bool // on the roll: used or not
	reserved map[string]bool
	cast     map[voter]bool // ballots that are in the box, by their ids
	requests map[string]int64
	loose    map[int64]bool       // parts of media that wait for their turn
	theirs   map[[16]byte]pending // media of who is merged
}

type row struct {
	version uint64
	known   []byte
	key     int64
}

type pending struct{ first int64 }

// voter is a mark on a roll, or a ballot in its box.
type voter struct {
	poll string
	id   [16]byte
}

// asking is a batch of queries and what to do with their rows.
type asking struct{ pgx.Batch }

func (a *asking) each(f func(pgx.Rows) error, query string, args ...any) {
	a.Queue(query, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := f(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

const selectRowsToWrite = "SELECT resident, version, known, key FROM conversation WHERE resident = ANY($1) ORDER BY resident FOR UPDATE"

// look begins the transaction and reads. Residents are locked in the order of their ids, and then keys, so that two batches wait for
// each other in one direction only.
func (v *view) look(ctx context.Context, conn *pgxpool.Conn, batch []*job) error {
	*v = view{rows: map[[16]byte]row{}, keys: map[[16]byte]int64{}, owners: map[[16]byte]store.Resident{}, roll: map[voter]bool{},
		reserved: map[string]bool{}, cast: map[voter]bool{}, requests: map[string]int64{}, loose: map[int64]bool{}, theirs: map[[16]byte]pending{}}
	var residents, others, addresses, voters, ids, merged [][16]byte
	var polls, boxes, references, recalls []string
	var firsts, begun []int64
	for _, j := range batch {
		t := &j.turn
		c := t.change
		residents = append(residents, c.Resident)
		if c.Read == 0 {
			begun = append(begun, beginning(c.Resident))
		}
		if c.Newcomer != nil {
			begun = append(begun, beginning(c.Newcomer.Resident))
			residents = append(residents, c.Newcomer.Resident)
			for i := range c.Newcomer.Link {
				addresses = append(addresses, c.Newcomer.Link[i].Key)
			}
		}
		if t.merge != nil {
			residents, merged = append(residents, c.Merged.Resident), append(merged, c.Merged.Resident)
			for _, m := range t.merge.media {
				firsts = append(firsts, m.first)
			}
		}
		for r := range t.others {
			others = append(others, r)
		}
		for i := range c.Link {
			addresses = append(addresses, c.Link[i].Key)
		}
		for _, k := range c.Unlink {
			addresses = append(addresses, k)
		}
		for i := range c.Ballots {
			b := &c.Ballots[i]
			polls, voters = append(polls, words(b.Poll)), append(voters, b.Voter)
			boxes, ids = append(boxes, words(b.Poll)), append(ids, b.ID)
		}
		for i := range c.Marks {
			if c.Marks[i].Recall {
				recalls = append(recalls, words(c.Marks[i].Poll))
			}
		}
		for i := range c.Requests {
			references = append(references, words(c.Requests[i].Reference))
		}
		firsts = append(firsts, t.media...)
	}
	var a asking
	a.Queue("BEGIN")
	if begun != nil {
		slices.Sort(begun)
		a.Queue("SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k", begun)
	}
	a.each(func(r pgx.Rows) error {
		var id [16]byte
		var w row
		if err := r.Scan(&id, &w.version, &w.known, &w.key); err != nil {
			return err
		}
		v.rows[id] = w
		return nil
	}, selectRowsToWrite, residents)
	if merged != nil {
		a.Queue("SELECT 1 FROM resident_key WHERE resident = ANY($1) FOR UPDATE", merged)
		a.each(func(r pgx.Rows) error {
			var id [16]byte
			var p pending
			if err := r.Scan(&id, &p.first); err != nil {
				return err
			}
			v.theirs[id] = p
			return nil
		}, "SELECT id, first FROM media WHERE resident = ANY($1) FOR UPDATE", merged)
	}
	if merged != nil || recalls != nil {
		a.Queue(lockUnlinked, int32(locksMix), recalls, merged)
	}
	if others != nil {
		a.each(func(r pgx.Rows) error {
			var id [16]byte
			var key int64
			if err := r.Scan(&id, &key); err != nil {
				return err
			}
			v.keys[id] = key
			return nil
		}, "SELECT resident, id FROM resident_key WHERE resident = ANY($1) ORDER BY resident FOR KEY SHARE", others)
	}
	if addresses != nil {
		a.each(func(r pgx.Rows) error {
			var key, who [16]byte
			if err := r.Scan(&key, &who); err != nil {
				return err
			}
			v.owners[key] = who
			return nil
		}, "SELECT key, resident FROM address WHERE key = ANY($1) ORDER BY key FOR UPDATE", addresses)
	}
	if polls != nil {
		a.each(func(r pgx.Rows) error {
			var k voter
			var used bool
			if err := r.Scan(&k.poll, &k.id, &used); err != nil {
				return err
			}
			v.roll[k] = used
			return nil
		}, `SELECT poll, voter, used FROM roll WHERE (poll, voter) IN (SELECT * FROM unnest($1::text[], $2::uuid[])) ORDER BY poll, voter FOR UPDATE`, polls, voters)
		a.each(func(r pgx.Rows) error {
			var poll string
			if err := r.Scan(&poll); err != nil {
				return err
			}
			v.reserved[poll] = true
			return nil
		}, "SELECT poll FROM reserved WHERE poll = ANY($1)", polls)
		a.each(func(r pgx.Rows) error {
			var k voter
			if err := r.Scan(&k.poll, &k.id); err != nil {
				return err
			}
			v.cast[k] = true
			return nil
		}, "SELECT poll, id FROM ballot WHERE (poll, id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))", boxes, ids)
	}
	if references != nil {
		a.each(func(r pgx.Rows) error {
			var reference string
			var seq int64
			if err := r.Scan(&reference, &seq); err != nil {
				return err
			}
			v.requests[reference] = seq
			return nil
		}, "SELECT reference, seq FROM request WHERE reference = ANY($1) ORDER BY seq FOR UPDATE", references)
	}
	if firsts != nil {
		a.each(func(r pgx.Rows) error {
			var first int64
			if err := r.Scan(&first); err != nil {
				return err
			}
			v.loose[first] = true
			return nil
		}, "SELECT first FROM media_loose WHERE first = ANY($1) ORDER BY first FOR UPDATE", firsts)
	}
	return send(ctx, conn, &a.Batch)
}

// beginning is the lock under which somebody's first row is written, or they are erased: there is no row yet that could be locked.
func beginning(r store.Resident) int64 { return int64(binary.BigEndian.Uint64(r[:8])) }

// decide checks all that can stand in a change's way.
func (v *view) decide(t *turn) (store.Outcome, error) {
	c := t.change
	no := store.Outcome{Kind: conflict}
	mine, found := v.rows[c.Resident]
	var zero store.Inbound
	t.reply.of = c.Resident
	if at, again := placeOf(mine.known, c.Inbound); c.Inbound != zero && again {
		t.reply.at = at
		return store.Outcome{Kind: duplicate}, nil
	}
	if c.Merged != nil {
		theirs, here := v.rows[c.Merged.Resident]
		if at, again := placeOf(theirs.known, c.Inbound); here && c.Merged.Resident != c.Resident && c.Inbound != zero && again {
			t.reply.of, t.reply.at = c.Merged.Resident, at
			return store.Outcome{Kind: duplicate}, nil
		}
		if !here || c.Merged.Resident == c.Resident || theirs.version != c.Merged.Read || t.merge.theirs == nil || theirs.key != t.merge.theirs.id {
			return no, nil
		}
		for id, p := range v.theirs {
			if !slices.ContainsFunc(t.merge.media, func(m moved) bool { return m.id == id && m.was == p.first && v.loose[m.first] }) {
				return no, nil
			}
		}
	}
	if mine.version != c.Read || found == (c.Read == 0) || found && mine.key != t.key.id {
		return no, nil
	}
	for r, id := range t.others {
		if key, known := v.keys[r]; known != (id != nil) || known && key != *id {
			return no, nil
		}
	}
	for i := range c.Link {
		if who, known := v.owners[c.Link[i].Key]; known && !isTheirs(c, who) {
			return no, nil
		}
	}
	for _, key := range c.Unlink {
		if who, known := v.owners[key]; !known || !isTheirs(c, who) {
			return no, nil
		}
	}
	if n := c.Newcomer; n != nil {
		if _, here := v.rows[n.Resident]; here || n.Resident == c.Resident {
			return no, nil
		}
		for i := range n.Link {
			key := n.Link[i].Key
			_, known := v.owners[key]
			if slices.ContainsFunc(c.Link, func(a store.Address) bool { return a.Key == key }) || known && !slices.Contains(c.Unlink, key) {
				return no, nil
			}
		}
	}
	for _, first := range t.media { // picked up where the resident was erased meanwhile
		if !v.loose[first] {
			return no, nil
		}
	}
	for i := range c.Ballots {
		if !v.mayVote(c.Ballots[:i], &c.Ballots[i]) {
			return store.Outcome{Kind: store.Voted}, nil
		}
	}
	for i := range c.Requests {
		e := &c.Requests[i]
		_, known := v.requests[words(e.Reference)]
		opened := opens(c.Requests[:i], e.Reference)
		if e.Kind == store.Opened && (known || opened) {
			return no, nil
		}
		if e.Kind != store.Opened && !known && !opened {
			return store.Outcome{}, fmt.Errorf("%w: request %s", store.ErrNotFound, e.Reference)
		}
	}
	return store.Outcome{Kind: applied}, nil
}

// isTheirs says whether r is who the change is about, as far as addresses go.
func isTheirs(c *store.Change, r store.Resident) bool {
	return r == c.Resident || c.Merged != nil && r == c.Merged.Resident
}

// mayVote looks into the box, at the roll, and at the ballots before b in the same change.
func (v *view) mayVote(before []store.Ballot, b *store.Ballot) bool {
	if v.cast[voter{words(b.Poll), b.ID}] {
		return false
	}
	if b.Voter == ([16]byte{}) {
		return true
	}
	if slices.ContainsFunc(before, func(o store.Ballot) bool { return o.Poll == b.Poll && o.Voter == b.Voter }) {
		return false
	}
	used, listed := v.roll[voter{words(b.Poll), b.Voter}]
	return listed && !used || !listed && !v.reserved[words(b.Poll)]
}

func opens(events []store.RequestEvent, reference string) bool {
	return slices.ContainsFunc(events, func(e store.RequestEvent) bool { return e.Kind == store.Opened && e.Reference == reference })
}
