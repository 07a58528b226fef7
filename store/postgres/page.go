package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// page is all that a batch writes. What most turns write is gathered, so that one statement does it for all; the rest follows one
// after the other. It is sent in one go, with the COMMIT at its end. A writer uses its page again.
type page struct {
	pgx.Batch // what follows one after the other
	slot      int32
	places    places

	taken   struct{ resident, read, key, entry, state column } // by turns that depend on nothing but the version
	found   struct{ at, read, key, entry, state column }       // likewise, and it is known where they lie
	updated struct{ resident, version, known, state column }
	begun   struct{ resident, key, wrapped, known, state column }
	said    [replyTables]struct{ place, body column }
	posted  struct{ id, resident, channel, kind, class, due, tries, body, weight, until column }
	answers struct{ poll, id, resident, version, channel, lang, at, record, shown column }
	timers  struct {
		resident [][16]byte
		name     []string
		at       []int64
	}
	conversations, ballots, requests int64 // how many there are more
}

func newPage(slot int32) *page {
	w := &page{slot: slot, places: places{writer: rand.Int64N(1 << writerBits)}}
	for oid, all := range map[uint32][]*column{
		pgtype.UUIDArrayOID: {&w.taken.resident, &w.updated.resident, &w.begun.resident, &w.posted.id, &w.posted.resident, &w.answers.id, &w.answers.resident},
		pgtype.Int8ArrayOID: {&w.taken.read, &w.taken.key, &w.found.read, &w.found.key, &w.updated.version, &w.begun.key, &w.posted.due, &w.posted.until, &w.answers.at},
		pgtype.Int4ArrayOID: {&w.posted.class, &w.posted.tries, &w.posted.weight, &w.answers.version},
		pgtype.TextArrayOID: {&w.posted.channel, &w.posted.kind, &w.answers.poll, &w.answers.channel, &w.answers.lang},
		pgtype.TIDArrayOID:  {&w.found.at},
		pgtype.ByteaArrayOID: {&w.taken.entry, &w.taken.state, &w.found.entry, &w.found.state, &w.updated.known, &w.updated.state, &w.begun.wrapped, &w.begun.known, &w.begun.state,
			&w.posted.body, &w.answers.record, &w.answers.shown},
	} {
		for _, c := range all {
			c.of = elements[oid]
		}
	}
	for i := range w.said {
		w.said[i].place.of, w.said[i].body.of = pgtype.Int8OID, pgtype.ByteaOID
	}
	return w
}

// empty makes it blank for the next batch.
func (w *page) empty() {
	w.Batch = pgx.Batch{}
	t, f, u, b, p, a := &w.taken, &w.found, &w.updated, &w.begun, &w.posted, &w.answers
	for _, c := range [...]*column{&t.resident, &t.read, &t.key, &t.entry, &t.state, &f.at, &f.read, &f.key, &f.entry, &f.state,
		&u.resident, &u.version, &u.known, &u.state,
		&b.resident, &b.key, &b.wrapped, &b.known, &b.state, &p.id, &p.resident, &p.channel, &p.kind, &p.class, &p.due, &p.tries, &p.body, &p.weight, &p.until,
		&a.poll, &a.id, &a.resident, &a.version, &a.channel, &a.lang, &a.at, &a.record, &a.shown} {
		c.empty()
	}
	for i := range w.said {
		w.said[i].place.empty()
		w.said[i].body.empty()
	}
	w.timers.resident, w.timers.name, w.timers.at = w.timers.resident[:0], w.timers.name[:0], w.timers.at[:0]
	w.conversations, w.ballots, w.requests = 0, 0, 0
}

const count = " INSERT INTO counter(name, slot, n) SELECT %s, %s::integer, count(*) FROM made HAVING count(*) > 0 ON CONFLICT(name, slot) DO UPDATE SET n = counter.n + excluded.n"

const (
	// takeRows moves rows on that are at the version, and under the key, that their turns were computed from, and don't know
	// the message yet. Unless that is so of all the transaction fails, with a division by zero.
	takeRows = `WITH u AS (UPDATE conversation c SET version = c.version + 1, known = substr(u.entry || c.known, 1, 256), state = u.state
		FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[]) AS u(resident, read, key, entry, state)
		WHERE c.resident = u.resident AND c.version = u.read AND c.key = u.key AND (u.entry = '' OR position(substr(u.entry, 1, 8) IN c.known) = 0) RETURNING 1)
		SELECT 1 / (count(*) = $6::bigint)::integer FROM u`
	codeBehind = "22012"

	// takeFound is takeRows for those of which it is known where they lie: the key's number says whose row that is. Who is in two batches
	// at once may be taken in either order then; PostgreSQL ends what waits for each other, and that is tried again.
	takeFound = `WITH u AS (UPDATE conversation c SET version = c.version + 1, known = substr(u.entry || c.known, 1, 256), state = u.state
		FROM unnest($1::tid[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[]) AS u(at, read, key, entry, state)
		WHERE c.ctid = u.at AND c.version = u.read AND c.key = u.key AND (u.entry = '' OR position(substr(u.entry, 1, 8) IN c.known) = 0) RETURNING 1)
		SELECT 1 / (count(*) = $6::bigint)::integer FROM u`

	updateRows = `UPDATE conversation c SET version = u.version, known = u.known, state = u.state
		FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bytea[]) AS u(resident, version, known, state) WHERE c.resident = u.resident`
)

// statementHead is more than a statement takes beside its columns.
const statementHead = 256

// commit sends all. Rows of residents come first, as they do where they are looked at first.
// What is plain can't have been written before but by a mistake, so that is looked at only then: asking the indices first costs a sixth.
func (w *page) commit(ctx context.Context, conn *pgxpool.Conn, plain bool) error {
	var all pgx.Batch
	again := orLeave
	if plain {
		all.Queue("BEGIN")
		again = orFail
	}
	if t := &w.taken; t.resident.n > 0 {
		all.Queue(takeRows, &t.resident, &t.read, &t.key, &t.entry, &t.state, int64(t.resident.n))
	}
	if t := &w.found; t.at.n > 0 {
		all.Queue(takeFound, &t.at, &t.read, &t.key, &t.entry, &t.state, int64(t.at.n))
	}
	if u := &w.updated; u.resident.n > 0 {
		all.Queue(updateRows, &u.resident, &u.version, &u.known, &u.state)
	}
	if b := &w.begun; b.resident.n > 0 {
		all.Queue("INSERT INTO resident_key(resident, id, wrapped) SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[])", &b.resident, &b.key, &b.wrapped)
		all.Queue(`INSERT INTO conversation(resident, version, key, known, state) SELECT u.resident, 1, u.key, u.known, u.state
			FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bytea[]) AS u(resident, key, known, state)`, &b.resident, &b.key, &b.known, &b.state)
		w.conversations += int64(b.resident.n)
	}
	all.QueuedQueries = append(all.QueuedQueries, w.QueuedQueries...)
	for table := range w.said {
		if r := &w.said[table]; r.place.n > 0 {
			all.Queue(sayAt[table], &r.place, &r.body)
		}
	}
	if a := &w.answers; a.poll.n > 0 {
		all.Queue(addResponses[again], &a.poll, &a.id, &a.resident, &a.version, &a.channel, &a.lang, &a.at, &a.record, &a.shown, w.slot)
	}
	if m := &w.posted; m.id.n > 0 {
		all.Queue(addMessages[again], &m.id, &m.resident, &m.channel, &m.kind, &m.class, &m.due, &m.tries, &m.body, &m.weight, &m.until)
	}
	if t := &w.timers; len(t.resident) > 0 {
		all.Queue(`INSERT INTO timer(resident, name, at) SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[])
			ON CONFLICT(resident, name) DO UPDATE SET at = excluded.at WHERE timer.at <> excluded.at`, t.resident, t.name, t.at)
	}
	for name, n := range map[string]int64{"conversations": w.conversations, "ballots": w.ballots, "requests": w.requests} {
		if n != 0 {
			all.Queue(addUp, name, w.slot, n)
		}
	}
	all.Queue("COMMIT")
	room := 0
	for _, q := range all.QueuedQueries {
		room += statementHead
		for _, of := range q.Arguments {
			if c, ours := of.(*column); ours {
				room += columnHead + len(c.bytes)
			}
		}
	}
	conn.Conn().PgConn().Frontend().Send(wide(room))
	return send(ctx, conn, &all)
}

// sayAt add replies to a table.
var sayAt = func() (all [replyTables]string) {
	for table := range all {
		all[table] = fmt.Sprintf("INSERT INTO reply_%d(place, body) SELECT * FROM unnest($1::bigint[], $2::bytea[])", table)
	}
	return all
}()

// elements are the types of arrays' values.
var elements = map[uint32]uint32{pgtype.UUIDArrayOID: pgtype.UUIDOID, pgtype.Int8ArrayOID: pgtype.Int8OID, pgtype.Int4ArrayOID: pgtype.Int4OID,
	pgtype.TextArrayOID: pgtype.TextOID, pgtype.ByteaArrayOID: pgtype.ByteaOID, pgtype.TIDArrayOID: pgtype.TIDOID}

// What is there already under its id is left as it is, or makes the transaction fail.
const (
	orLeave = iota
	orFail
)

var unlessThere = [...]string{orLeave: " ON CONFLICT DO NOTHING", orFail: ""}

var addResponses, addMessages = func() (responses, messages [len(unlessThere)]string) {
	for i, unless := range unlessThere {
		responses[i] = `WITH made AS (INSERT INTO response(poll, id, resident, version, channel, lang, at, record, shown)
			SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::text[], $7::bigint[], $8::bytea[], $9::bytea[])` +
			unless + " RETURNING 1)" + fmt.Sprintf(count, "'responses'", "$10")
		messages[i] = `INSERT INTO outbox(id, resident, channel, kind, class, due, at, state, attempts, receipt, code, body, weight, until)
			SELECT u.id, u.resident, u.channel, u.kind, u.class, u.due, u.due, 1, u.tries, '', '', u.body, u.weight, u.until
			FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::integer[], $8::bytea[], $9::integer[], $10::bigint[])
				WITH ORDINALITY AS u(id, resident, channel, kind, class, due, tries, body, weight, until, n) ORDER BY u.n` + unless
	}
	return responses, messages
}()

// recall takes the ballot out of the box that is linked to a voter's mark.
const recall = `WITH gone AS (DELETE FROM ballot USING roll WHERE roll.poll = $1 AND roll.voter = $2 AND ballot.poll = roll.poll AND ballot.id = roll.ballot RETURNING 1)
	INSERT INTO counter(name, slot, n) SELECT 'ballots', $3, -count(*) FROM gone HAVING count(*) > 0 ON CONFLICT(name, slot) DO UPDATE SET n = counter.n + excluded.n`

const addUp = "INSERT INTO counter(name, slot, n) VALUES($1, $2, $3) ON CONFLICT(name, slot) DO UPDATE SET n = counter.n + excluded.n"

// repeat reads what was replied before.
func (t *turn) repeat(w *page) {
	w.Queue(fmt.Sprintf("SELECT body FROM reply_%d WHERE place = $1", t.reply.at.table()), int64(t.reply.at)).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := rows.Scan(&t.reply.body); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// say puts a reply at a place, and makes the entry that remembers it; none for a timer's turn.
func (t *turn) say(w *page) (at place, e []byte) {
	if t.change.Inbound == (store.Inbound{}) {
		return 0, nil
	}
	at = w.places.take()
	said := &w.said[at.table()]
	said.place.int64(int64(at))
	said.body.blob(t.said)
	t.entry = entry(t.change.Inbound, at)
	return at, t.entry[:]
}

// take writes a turn that depends on nothing but the version of its row.
func (t *turn) take(w *page) {
	_, e := t.say(w)
	if at, known := t.key.place(t.change.Read); known {
		f := &w.found
		f.at.tid(at)
		f.read.int64(int64(t.change.Read))
		f.key.int64(t.key.id)
		f.entry.blob(e)
		f.state.blob(t.state)
	} else {
		u := &w.taken
		u.resident.uuid(t.change.Resident)
		u.read.int64(int64(t.change.Read))
		u.key.int64(t.key.id)
		u.entry.blob(e)
		u.state.blob(t.state)
	}
	t.outcome = store.Outcome{Kind: applied}
	t.effects(w, nil)
}

// write queues all that a change says.
func (t *turn) write(w *page, v *view) {
	c := t.change
	known := v.rows[c.Resident].known
	if t.merge != nil {
		known = t.merge.write(w, c)
	}
	if c.Forget && c.Inbound != (store.Inbound{}) {
		for table, at := range byTable(known) {
			if at != nil {
				w.Queue(fmt.Sprintf("UPDATE reply_%d SET body = $2 WHERE place = ANY($1)", table), at, t.said)
			}
		}
	}
	if at, e := t.say(w); e != nil {
		known = remember(known, c.Inbound, at)
	}
	if c.Read > 0 {
		u := &w.updated
		u.resident.uuid(c.Resident)
		u.version.int64(int64(c.Read + 1))
		u.known.blob(known)
		u.state.blob(t.state)
	} else {
		w.begin(c.Resident, t.key.id, t.wrapped, known, t.state)
	}
	t.effects(w, v)
}

// begin gathers somebody's first row.
func (w *page) begin(r [16]byte, key int64, wrapped, known, state []byte) {
	b := &w.begun
	b.resident.uuid(r)
	b.key.int64(key)
	b.wrapped.blob(wrapped)
	b.known.blob(known)
	b.state.blob(state)
}

const (
	link       = "INSERT INTO address(key, resident, kind, at, sealed) VALUES($1, $2, $3, $4, $5)"
	linkAgain  = "UPDATE address SET resident = $2, kind = $3, at = $4, sealed = $5 WHERE key = $1"
	addConsent = `INSERT INTO consent(id, resident, poll, version, step, words, lang, yes, channel, at) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT DO NOTHING`

	// forgetMessages destroys the words of what was pushed to a resident, but for what is still on its way: that loses them once
	// it went. What was in doubt could only be sent again with its words, so it is given up.
	forgetMessages = `UPDATE outbox SET body = '', at = CASE WHEN state = 3 THEN $2 ELSE at END,
		code = CASE WHEN state = 3 THEN $3 ELSE code END, state = CASE WHEN state = 3 THEN 6 ELSE state END WHERE resident = $1 AND state >= 3`
	// overtaken gives up what waits for a resident who spoke, and is of no use to whoever spoke.
	overtaken = "UPDATE outbox SET state = 6, at = $2, code = $3, body = '' WHERE resident = $1 AND state = 1 AND until <> 0"
)

func (t *turn) effects(w *page, v *view) {
	c := t.change
	r := [16]byte(c.Resident)
	at := sealing.Stamp(c.At)
	if c.Forget {
		w.Queue(forgetMessages, r, at, store.CodeForgotten)
	}
	for _, key := range c.Unlink {
		w.Queue("DELETE FROM address WHERE key = $1", [16]byte(key))
	}
	if n := c.Newcomer; n != nil {
		w.begin(n.Resident, t.newcomer.key.id, t.newcomer.wrapped, nil, t.newcomer.state)
		for i := range n.Link {
			w.Queue(link, [16]byte(n.Link[i].Key), [16]byte(n.Resident), words(n.Link[i].Kind), at, t.newcomer.addresses[i])
		}
	}
	for i := range c.Link {
		key, how := c.Link[i].Key, link // another node may have linked it meanwhile: then this fails, and is looked at again
		_, known := v.owners[key]
		if known && !slices.Contains(c.Unlink, key) || slices.ContainsFunc(c.Link[:i], func(a store.Address) bool { return a.Key == key }) {
			how = linkAgain
		}
		w.Queue(how, [16]byte(c.Link[i].Key), r, words(c.Link[i].Kind), at, t.addresses[i])
	}
	for i := range c.Responses {
		p, a := &c.Responses[i], &w.answers
		a.poll.text(p.Poll)
		a.id.uuid(p.ID)
		a.resident.uuid(r)
		a.version.int32(int32(p.Version))
		a.channel.text(p.Channel)
		a.lang.text(p.Lang)
		a.at.int64(sealing.Stamp(p.At))
		a.record.blob(p.Record)
		a.shown.blob(p.Order)
	}
	for i := range c.Ballots {
		w.vote(v, r, &c.Ballots[i])
	}
	for i := range c.Marks {
		if m := &c.Marks[i]; m.Voter != ([16]byte{}) { // who has no voter is counted apart
			w.Queue("INSERT INTO roll(poll, voter, used) VALUES($1, $2, true) ON CONFLICT(poll, voter) DO UPDATE SET used = true", words(m.Poll), m.Voter)
			if m.Recall {
				w.Queue(recall, words(m.Poll), m.Voter, w.slot)
				w.Queue("UPDATE roll SET ballot = NULL, resident = NULL WHERE poll = $1 AND voter = $2", words(m.Poll), m.Voter)
			}
		}
	}
	w.talked(c, t.letters)
	for i := range c.Requests {
		w.happened(&c.Requests[i], t.personal[i])
	}
	if c.Heard {
		w.Queue(overtaken, r, at, store.CodeOvertaken)
	}
	for i := range c.Outbox {
		if t.bodies[i] != nil {
			w.post(c, &c.Outbox[i], t.bodies[i])
		}
	}
	for _, name := range c.Untimers {
		w.Queue("DELETE FROM timer WHERE resident = $1 AND name = $2", r, words(name))
	}
	for i := range c.Timers {
		m := &c.Timers[i]
		w.wake(whose(c, m.Resident), words(m.Name), sealing.Stamp(m.At))
	}
	for i := range c.OptOuts {
		p := &c.OptOuts[i]
		w.Queue("INSERT INTO optout(address, stopped, at, channel, word) VALUES($1, $2, $3, $4, $5)", [16]byte(p.Address), p.Out, sealing.Stamp(p.At), words(p.Channel), words(p.Word))
	}
	for i := range c.Consents {
		p := &c.Consents[i]
		w.Queue(addConsent, p.ID, whose(c, p.Resident), words(p.Poll), p.Version, words(p.Step), words(p.Words), words(p.Lang), p.Yes, words(p.Channel), sealing.Stamp(p.At))
	}
	for i := range c.Media {
		w.keepMedia(c, &c.Media[i], t.media[i])
	}
	for _, id := range c.Unmedia {
		w.Queue(dropOne, w.slot, r, id)
	}
}

func whose(c *store.Change, r store.Resident) [16]byte {
	if r == (store.Resident{}) {
		r = c.Resident
	}
	return r
}

// some is b, and never NULL.
func some(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// wake gathers a timer; of two of one name in a change the later counts.
func (w *page) wake(r [16]byte, name string, at int64) {
	t := &w.timers
	for i := range t.resident {
		if t.resident[i] == r && t.name[i] == name {
			t.at[i] = at
			return
		}
	}
	t.resident, t.name, t.at = append(t.resident, r), append(t.name, name), append(t.at, at)
}

func (w *page) vote(v *view, r [16]byte, b *store.Ballot) {
	apart := b.Voter == [16]byte{}
	linked := b.Linked && !apart
	if !apart {
		var id, who *[16]byte
		if linked {
			id, who = &b.ID, &r
		}
		if _, listed := v.roll[voter{words(b.Poll), b.Voter}]; listed {
			w.Queue("UPDATE roll SET used = true, ballot = $3, resident = $4 WHERE poll = $1 AND voter = $2", words(b.Poll), b.Voter, id, who)
		} else { // another node may have marked the voter meanwhile: then this fails, and is looked at again
			w.Queue("INSERT INTO roll(poll, voter, used, ballot, resident) VALUES($1, $2, true, $3, $4)", words(b.Poll), b.Voter, id, who)
		}
	}
	w.ballots++
	w.Queue("INSERT INTO ballot(poll, id, version, channel, day, linked, apart, record) VALUES($1, $2, $3, $4, $5, $6, $7, $8)",
		words(b.Poll), b.ID, b.Version, words(b.Channel), words(b.Day), linked, apart, some(b.Record))
}

// post gathers a message; body is sealed.
func (w *page) post(c *store.Change, m *store.Message, body []byte) {
	due := m.Due
	if due.IsZero() {
		due = c.At
	}
	p := &w.posted
	p.id.uuid(m.ID)
	p.resident.uuid(whose(c, m.Resident))
	p.channel.text(m.Channel)
	p.kind.text(m.Kind)
	p.class.int32(int32(m.Class))
	p.due.int64(sealing.Stamp(due))
	p.tries.int32(int32(m.Attempts))
	p.body.blob(body)
	p.weight.int32(int32(max(m.Weight, 1)))
	p.until.int64(sealing.Stamp(m.Until))
}
