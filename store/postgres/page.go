package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// page is all that a batch writes. What most turns write is gathered, so that one statement does it for all; the rest follows one
// after the other. It is sent in one go, with the COMMIT at its end.
type page struct {
	pgx.Batch
	slot int32

	updated struct {
		resident        [][16]byte
		version         []int64
		answered, state [][]byte
	}
	begun struct {
		resident                 [][16]byte
		key, version             []int64
		wrapped, answered, state [][]byte
	}
	said struct {
		resident      [][16]byte
		inbound, body [][]byte
	}
	gone struct {
		resident [][16]byte
		inbound  [][]byte
	}
	posted struct {
		id, resident         [][16]byte
		channel, kind        []string
		class, weight, tries []int32
		due, until           []int64
		body                 [][]byte
	}
	answers struct {
		poll, channel, lang []string
		id, resident        [][16]byte
		version             []int32
		at                  []int64
		record, shown       [][]byte
	}
	timers struct {
		resident [][16]byte
		name     []string
		at       []int64
	}
	conversations, ballots, requests int64 // how many there are more
}

func newPage(slot int32) *page { return &page{slot: slot} }

const count = " INSERT INTO counter(name, slot, n) SELECT %s, %s::integer, count(*) FROM made HAVING count(*) > 0 ON CONFLICT(name, slot) DO UPDATE SET n = counter.n + excluded.n"

const (
	updateRows = `UPDATE conversation c SET version = u.version, answered = u.answered, state = u.state
		FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bytea[]) AS u(resident, version, answered, state) WHERE c.resident = u.resident`
	dropReplies = "DELETE FROM reply WHERE (resident, inbound) IN (SELECT * FROM unnest($1::uuid[], $2::bytea[]))"
)

// commit queues what was gathered and sends all.
func (w *page) commit(ctx context.Context, conn *pgxpool.Conn) error {
	if u := &w.updated; u.resident != nil {
		w.Queue(updateRows, u.resident, u.version, u.answered, u.state)
	}
	if b := &w.begun; b.resident != nil {
		w.Queue("INSERT INTO resident_key(resident, id, wrapped) SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[])", b.resident, b.key, b.wrapped)
		w.Queue("INSERT INTO conversation(resident, version, answered, state) SELECT u.resident, 1, u.answered, u.state FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS u(resident, answered, state)",
			b.resident, b.answered, b.state)
		w.conversations += int64(len(b.resident))
	}
	if g := &w.gone; g.resident != nil {
		w.Queue(dropReplies, g.resident, g.inbound)
	}
	if r := &w.said; r.resident != nil {
		w.Queue("INSERT INTO reply(resident, inbound, body) SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[])", r.resident, r.inbound, r.body)
	}
	if a := &w.answers; a.poll != nil {
		w.Queue(`WITH made AS (INSERT INTO response(poll, id, resident, version, channel, lang, at, record, shown)
			SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::text[], $7::bigint[], $8::bytea[], $9::bytea[])
			ON CONFLICT DO NOTHING RETURNING 1)`+fmt.Sprintf(count, "'responses'", "$10"),
			a.poll, a.id, a.resident, a.version, a.channel, a.lang, a.at, a.record, a.shown, w.slot)
	}
	if m := &w.posted; m.id != nil {
		w.Queue(`INSERT INTO outbox(id, resident, channel, kind, class, due, at, state, attempts, receipt, code, body, weight, until)
			SELECT u.id, u.resident, u.channel, u.kind, u.class, u.due, u.due, 1, u.tries, '', '', u.body, u.weight, u.until
			FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::integer[], $8::bytea[], $9::integer[], $10::bigint[])
				WITH ORDINALITY AS u(id, resident, channel, kind, class, due, tries, body, weight, until, n) ORDER BY u.n
			ON CONFLICT DO NOTHING`, m.id, m.resident, m.channel, m.kind, m.class, m.due, m.tries, m.body, m.weight, m.until)
	}
	if t := &w.timers; t.resident != nil {
		w.Queue(`INSERT INTO timer(resident, name, at) SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[])
			ON CONFLICT(resident, name) DO UPDATE SET at = excluded.at WHERE timer.at <> excluded.at`, t.resident, t.name, t.at)
	}
	for name, n := range map[string]int64{"conversations": w.conversations, "ballots": w.ballots, "requests": w.requests} {
		if n != 0 {
			w.Queue(addUp, name, w.slot, n)
		}
	}
	w.Queue("COMMIT")
	return send(ctx, conn, &w.Batch)
}

// recall takes the ballot out of the box that is linked to a voter's mark.
const recall = `WITH gone AS (DELETE FROM ballot USING roll WHERE roll.poll = $1 AND roll.voter = $2 AND ballot.poll = roll.poll AND ballot.id = roll.ballot RETURNING 1)
	INSERT INTO counter(name, slot, n) SELECT 'ballots', $3, -count(*) FROM gone HAVING count(*) > 0 ON CONFLICT(name, slot) DO UPDATE SET n = counter.n + excluded.n`

const addUp = "INSERT INTO counter(name, slot, n) VALUES($1, $2, $3) ON CONFLICT(name, slot) DO UPDATE SET n = counter.n + excluded.n"

// repeat reads what was replied before.
func (t *turn) repeat(w *page) {
	w.Queue("SELECT body FROM reply WHERE resident = $1 AND inbound = $2", [16]byte(t.reply.of), t.change.Inbound[:]).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := rows.Scan(&t.reply.body); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// write queues all that a change says.
func (t *turn) write(w *page, v *view) {
	c := t.change
	r := [16]byte(c.Resident)
	answered := v.rows[c.Resident].answered
	if t.merge != nil {
		answered = t.merge.write(w, c)
	}
	if c.Inbound != (store.Inbound{}) {
		if c.Forget {
			w.Queue("UPDATE reply SET body = $2 WHERE resident = $1", r, t.said)
		}
		var gone []byte
		answered, gone = remember(answered, c.Inbound)
		for in := range slices.Chunk(gone, answeredSize) {
			w.gone.resident, w.gone.inbound = append(w.gone.resident, r), append(w.gone.inbound, in)
		}
		w.said.resident, w.said.inbound, w.said.body = append(w.said.resident, r), append(w.said.inbound, c.Inbound[:]), append(w.said.body, t.said)
	}
	if answered == nil {
		answered = []byte{}
	}
	if c.Read > 0 {
		u := &w.updated
		u.resident, u.version = append(u.resident, r), append(u.version, int64(c.Read+1))
		u.answered, u.state = append(u.answered, answered), append(u.state, t.state)
	} else {
		w.begin(r, t.key.id, t.wrapped, answered, t.state)
	}
	t.effects(w, v)
}

// begin gathers somebody's first row.
func (w *page) begin(r [16]byte, key int64, wrapped, answered, state []byte) {
	b := &w.begun
	b.resident, b.key, b.wrapped = append(b.resident, r), append(b.key, key), append(b.wrapped, wrapped)
	b.answered, b.state = append(b.answered, answered), append(b.state, state)
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
		w.begin(n.Resident, t.newcomer.key.id, t.newcomer.wrapped, []byte{}, t.newcomer.state)
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
		a.poll, a.id, a.resident, a.version = append(a.poll, words(p.Poll)), append(a.id, p.ID), append(a.resident, r), append(a.version, int32(p.Version))
		a.channel, a.lang, a.at = append(a.channel, words(p.Channel)), append(a.lang, words(p.Lang)), append(a.at, sealing.Stamp(p.At))
		a.record, a.shown = append(a.record, some(p.Record)), append(a.shown, some(p.Order))
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
	p.id, p.resident = append(p.id, m.ID), append(p.resident, whose(c, m.Resident))
	p.channel, p.kind = append(p.channel, words(m.Channel)), append(p.kind, words(m.Kind))
	p.class, p.weight, p.tries = append(p.class, int32(m.Class)), append(p.weight, int32(max(m.Weight, 1))), append(p.tries, int32(m.Attempts))
	p.due, p.until, p.body = append(p.due, sealing.Stamp(due)), append(p.until, sealing.Stamp(m.Until)), append(p.body, body)
}
