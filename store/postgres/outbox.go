package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

const (
	messageColumns = `SELECT o.seq, o.id, o.resident, o.channel, o.kind, o.class, o.due, o.attempts, o.receipt, o.code, o.body, o.state, o.weight, o.until,
		(SELECT d.id FROM resident_key d WHERE d.resident = o.resident), (SELECT d.wrapped FROM resident_key d WHERE d.resident = o.resident) FROM outbox o`

	// A message waits while another of the resident's is on its way on the same channel, and for those ahead of it that are
	// no less urgent.
	notWaiting = ` AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.resident = o.resident AND p.channel = o.channel
		AND p.state IN (1, 2) AND (p.state = 2 OR p.class <= o.class AND (p.due, p.seq) < (o.due, o.seq)))`

	selectQueued = messageColumns + ` WHERE o.state = 1 AND o.channel = $1 AND o.class = $2 AND o.at <= $3` + notWaiting +
		" ORDER BY o.at, o.seq LIMIT $4 FOR UPDATE OF o SKIP LOCKED"
	selectTaken = messageColumns + " WHERE o.state IN (2, 3) AND o.at <= $1 AND o.channel = $2 ORDER BY o.at, o.seq LIMIT $3 FOR UPDATE OF o SKIP LOCKED"

	// nextOf finds when something of some channels can be claimed, in a class or a more urgent one. Those that wait for another don't count.
	nextOf = `SELECT min(at) FROM (SELECT min(at) AS at FROM outbox WHERE state IN (2, 3) AND channel = ANY($1)
		UNION ALL SELECT q.at FROM unnest($1::text[]) AS h(channel) CROSS JOIN generate_series(0, $2::integer) AS l(class) CROSS JOIN LATERAL
			(SELECT o.at FROM outbox o WHERE o.state = 1 AND o.channel = h.channel AND o.class = l.class` + notWaiting + ` ORDER BY o.at, o.seq LIMIT 1) q) every`
)

// claimed is a message with what has still to be opened.
type claimed struct {
	store.Message
	seq     int64
	state   store.MessageState
	key     *held
	body    []byte
	address []byte
	code    string // with which it is given up
}

func (s *Store) scanMessage(r pgx.Rows) (m claimed, err error) {
	var who [16]byte
	var class, state int16
	var due, until int64
	var id *int64
	var wrapped []byte
	if err := r.Scan(&m.seq, &m.ID, &who, &m.Channel, &m.Kind, &class, &due, &m.Attempts, &m.Receipt, &m.Code, &m.body, &state, &m.Weight, &until, &id, &wrapped); err != nil {
		return m, err
	}
	m.Resident, m.Class, m.state, m.Due, m.Until = who, uint8(class), store.MessageState(state), sealing.Moment(due), sealing.Moment(until)
	m.key, err = s.open(m.Resident, id, wrapped)
	return m, err
}

func (s *Store) scanMessages(ctx context.Context, q querier, query string, args ...any) (all []claimed, err error) {
	if err := each(ctx, q, func(r pgx.Rows) error {
		m, err := s.scanMessage(r)
		all = append(all, m)
		return err
	}, query, args...); err != nil {
		return nil, err
	}
	return all, reach(ctx, q, all)
}

// reach finds the newest address of each message's kind, or the code with which it is given up.
func reach(ctx context.Context, q querier, all []claimed) error {
	if len(all) == 0 {
		return nil
	}
	var who [][16]byte
	for i := range all {
		all[i].code = store.CodeNoAddress
		who = append(who, all[i].Resident)
	}
	stopped := map[store.Resident]bool{}
	if err := each(ctx, q, func(r pgx.Rows) error {
		var of [16]byte
		var kind string
		var sealed []byte
		var out bool
		if err := r.Scan(&of, &kind, &sealed, &out); err != nil {
			return err
		}
		stopped[of] = stopped[of] || out
		for i := range all {
			if m := &all[i]; m.Resident == of && m.Kind == kind && m.address == nil {
				m.address, m.code = slices.Clone(sealed), ""
			}
		}
		return nil
	}, `SELECT a.resident, a.kind, a.sealed, coalesce((SELECT p.stopped FROM optout p WHERE p.address = a.key ORDER BY p.seq DESC LIMIT 1), false)
		FROM address a WHERE a.resident = ANY($1) ORDER BY a.at DESC, a.key`, who); err != nil {
		return err
	}
	for i := range all {
		if stopped[all[i].Resident] {
			all[i].code = store.CodeOptedOut
		}
	}
	return nil
}

// open opens messages; those whose resident has no key any more are left out.
func opened(all []claimed) ([]store.Message, error) {
	messages := make([]store.Message, 0, len(all))
	for i := range all {
		m := &all[i]
		if m.key == nil {
			continue
		}
		var err error
		if len(m.body) > 0 { // else it was sent, or forgotten
			if m.Body, err = m.key.Open(m.body, sealing.UseBody); err != nil {
				return nil, fmt.Errorf("open a message: %w", err)
			}
		}
		if m.address != nil {
			b, err := m.key.Open(m.address, sealing.UseAddress)
			if err != nil {
				return nil, fmt.Errorf("open an address: %w", err)
			}
			m.Address = string(b)
		}
		messages = append(messages, m.Message)
	}
	return messages, nil
}

// Claim: see store.Store. One node claims of a channel at a time, since who is claimed for decides who has to wait.
func (s *Store) Claim(ctx context.Context, w store.Want, now time.Time, lease time.Duration) ([]store.Message, error) {
	if w.N <= 0 || len(w.Channels) == 0 {
		return nil, nil
	}
	// Most polls find nothing, and those needn't wait for anybody.
	if at, err := next(ctx, s.pool, nextOf, w.Channels, int(w.Class)); err != nil || at == 0 || at > sealing.Stamp(now) {
		return nil, wrapped("claim", err)
	}
	var messages []store.Message
	err := s.write(ctx, func(tx pgx.Tx) error {
		var here int64 // the server's clock once nobody else claims of these channels
		if err := each(ctx, tx, func(r pgx.Rows) error { return r.Scan(nil, &here) }, `SELECT pg_advisory_xact_lock($1, h), (extract(epoch FROM clock_timestamp()) * 1000)::bigint
			FROM (SELECT DISTINCT hashtext(c) AS h FROM unnest($2::text[]) AS c ORDER BY 1) AS all_of`, int32(locksClaim), w.Channels); err != nil {
			return err
		}
		c := claim{s: s, tx: tx, now: sealing.Stamp(now), n: w.N, weight: w.Weight}
		c.over, c.until = c.now, c.now
		if w.Node != ([16]byte{}) { // nodes' clocks differ: what another has is over once it is by the server's clock, too
			c.node, c.over, c.until = &w.Node, min(c.now, here), max(c.now, here)
		}
		c.until += lease.Milliseconds()
		err := c.take(ctx, w)
		if err == nil {
			messages, err = opened(c.taken)
		}
		return err
	})
	return messages, wrapped("claim", err)
}

func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("store: %s: %w", what, err)
}

// claim is one Claim under way.
type claim struct {
	s          *Store
	tx         pgx.Tx
	now, until int64
	over       int64     // what others had until then may have been sent
	node       *[16]byte // who claims; nil: nobody asks
	n          int       // still to be taken
	weight     int       // what was wanted; 0: any
	weighs     int       // what was taken
	taken      []claimed
}

// take takes first what may have been sent already, then what is queued, the most urgent first.
func (c *claim) take(ctx context.Context, w store.Want) error {
	for _, channel := range w.Channels {
		if err := c.doubtful(ctx, channel); err != nil {
			return err
		}
	}
	for class := range int(w.Class) + 1 {
		for _, channel := range w.Channels {
			if err := c.queued(ctx, channel, class); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *claim) doubtful(ctx context.Context, channel string) error {
	found, err := c.s.scanMessages(ctx, c.tx, selectTaken, c.over, channel, c.n)
	if err != nil || len(found) == 0 {
		return err
	}
	var seqs []int64
	for i := range found {
		found[i].Unsure = true
		seqs = append(seqs, found[i].seq)
	}
	c.taken, c.n = append(c.taken, found...), c.n-len(found)
	_, err = c.tx.Exec(ctx, "UPDATE outbox SET state = 3, at = $2, node = NULL WHERE seq = ANY($1)", seqs, c.until)
	return err
}

func (c *claim) queued(ctx context.Context, channel string, class int) error {
	// Giving one up may free the one behind it, so ask until there is nothing more.
	for c.n > 0 && !c.laden(1) {
		most := c.n
		if c.weight > 0 { // each weighs something
			most = min(most, c.weight-c.weighs+1)
		}
		found, err := c.s.scanMessages(ctx, c.tx, selectQueued, channel, class, c.now, max(most, 1))
		if err != nil {
			return err
		}
		var took, gave []int64
		var codes []string
		full := false
		for i := range found {
			m := &found[i]
			code := m.code
			if code == "" && !m.Until.IsZero() && sealing.Stamp(m.Until) <= c.now {
				code = store.CodeLate
			}
			if code != "" {
				gave, codes = append(gave, m.seq), append(codes, code)
				continue
			}
			if full = c.n == 0 || c.laden(m.Weight); full {
				break
			}
			took = append(took, m.seq)
			m.Attempts++
			c.taken, c.n, c.weighs = append(c.taken, *m), c.n-1, c.weighs+m.Weight
		}
		if took != nil {
			if _, err := c.tx.Exec(ctx, "UPDATE outbox SET state = 2, at = $2, attempts = attempts + 1, node = $3 WHERE seq = ANY($1)", took, c.until, c.node); err != nil {
				return err
			}
		}
		if gave != nil {
			if _, err := c.tx.Exec(ctx, `UPDATE outbox o SET state = 6, at = $3, code = u.code FROM unnest($1::bigint[], $2::text[]) AS u(seq, code)
				WHERE o.seq = u.seq`, gave, codes, c.now); err != nil {
				return err
			}
		}
		if full || gave == nil {
			return nil
		}
	}
	return nil
}

// laden says whether so much more is too much.
func (c *claim) laden(weight int) bool {
	return c.weight > 0 && c.weighs > 0 && c.weighs+weight > c.weight
}

// Reclaim: see store.Store. Whose a message was is forgotten whenever it isn't claimed any more: an older node that claims it next leaves that
// as it is. By the server's clock, as duties are: by that of the statement, so that a duty that is kept meanwhile counts.
func (s *Store) Reclaim(ctx context.Context, channels []string, from time.Time) (n int, err error) {
	err = s.write(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE outbox SET state = 3, at = $2, node = NULL WHERE seq IN (SELECT seq FROM outbox o WHERE o.state = 2 AND o.channel = ANY($1)
			AND o.node IS NOT NULL AND NOT EXISTS (SELECT 1 FROM duty d WHERE d.node = o.node AND d.until > statement_timestamp()) ORDER BY seq FOR UPDATE OF o SKIP LOCKED)`,
			channels, sealing.Stamp(from))
		n = int(tag.RowsAffected())
		return err
	})
	return n, wrapped("reclaim", err)
}

// Settle: see store.Store.
func (s *Store) Settle(ctx context.Context, now time.Time, settled []store.Settled) error {
	for i := range settled {
		if st := settled[i].State; st != store.Queued && (st < store.Unsure || st > store.Dead) {
			return fmt.Errorf("store: nothing can be settled as state %d", st)
		}
	}
	// In the order of their ids, so that two who settle the same wait for each other in one direction only; of one the order is kept.
	settled = slices.Clone(settled)
	slices.SortStableFunc(settled, func(a, b store.Settled) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return wrapped("settle", s.write(ctx, func(tx pgx.Tx) error {
		var b pgx.Batch
		for i := range settled {
			put(&b, sealing.Stamp(now), &settled[i])
		}
		const old = "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE %s AND at < $1 LIMIT 64 FOR UPDATE SKIP LOCKED)"
		b.Queue(fmt.Sprintf(old, "state IN (4, 5)"), sealing.Stamp(now.Add(-sealing.KeepSettled)))
		b.Queue(fmt.Sprintf(old, "state = 6"), sealing.Stamp(now.Add(-sealing.KeepDead)))
		return tx.SendBatch(ctx, &b).Close()
	}))
}

func put(b *pgx.Batch, now int64, s *store.Settled) {
	at := &now
	switch {
	case s.State == store.Unsure && s.Retry.IsZero():
		at = nil
	case s.State <= store.Unsure && !s.Retry.IsZero():
		retry := sealing.Stamp(s.Retry)
		at = &retry
	}
	// What was delivered stays so, and what was sent, for who was frozen while sending it; a late "sent" says nothing new of what was given
	// up. What went needs no words any more.
	b.Queue(`UPDATE outbox SET
			body = CASE WHEN $2::smallint IN (4, 5) THEN '' ELSE body END,
			state = CASE WHEN state = 5 OR (state = 6 AND $2::smallint = 4) OR (state = 4 AND $2::smallint < 4) THEN state ELSE $2::smallint END,
			at = CASE WHEN state = 5 OR (state = 6 AND $2::smallint = 4) OR (state = 4 AND $2::smallint < 4) THEN at ELSE $3::bigint END,
			receipt = CASE WHEN $4 = '' THEN receipt ELSE $4 END,
			code = CASE WHEN state = 5 OR (state = 6 AND $2::smallint = 4) OR (state = 4 AND $2::smallint < 4) THEN code ELSE $5 END,
			attempts = greatest(attempts - $6::integer, 0),
			node = NULL
		WHERE id = $1 AND ($7::smallint = 0 OR state = $7::smallint)`, s.ID, int16(s.State), at, words(s.Receipt), words(s.Code), s.Forgive, int16(s.From))
}

// ByReceipt: see store.Store.
func (s *Store) ByReceipt(ctx context.Context, channel, receipt string) (store.Message, bool, error) {
	if receipt == "" {
		return store.Message{}, false, nil
	}
	m, err := s.messages(ctx, messageColumns+" WHERE o.receipt = $1 AND o.receipt <> '' AND o.channel = $2 LIMIT 1", words(receipt), words(channel))
	if err != nil || len(m) == 0 {
		return store.Message{}, false, err
	}
	return m[0], true, nil
}

// Messages: see store.Store.
func (s *Store) Messages(ctx context.Context, state store.MessageState, n int) ([]store.Message, error) {
	return s.messages(ctx, fmt.Sprintf("%s WHERE o.state = %d ORDER BY o.seq LIMIT $1", messageColumns, state), n)
}

func (s *Store) messages(ctx context.Context, query string, args ...any) (messages []store.Message, err error) {
	err = s.snapshot(ctx, func(tx pgx.Tx) error {
		found, err := s.scanMessages(ctx, tx, query, args...)
		if err != nil {
			return err
		}
		for i := range found {
			found[i].Unsure = found[i].state == store.Unsure
		}
		messages, err = opened(found)
		return err
	})
	return messages, wrapped("messages", err)
}

// next reads a time that may be none.
func next(ctx context.Context, q querier, query string, args ...any) (at int64, err error) {
	var found *int64
	if err := each(ctx, q, func(r pgx.Rows) error { return r.Scan(&found) }, query, args...); err != nil || found == nil {
		return 0, err
	}
	return *found, nil
}

// NextMessage: see store.Store.
func (s *Store) NextMessage(ctx context.Context, channel string, class uint8) (time.Time, error) {
	at, err := next(ctx, s.pool, nextOf, []string{channel}, int(class))
	return sealing.Moment(at), wrapped("next message", err)
}

// NextTimer: see store.Store.
func (s *Store) NextTimer(ctx context.Context) (time.Time, error) {
	at, err := next(ctx, s.pool, "SELECT at FROM timer ORDER BY at LIMIT 1")
	return sealing.Moment(at), wrapped("next timer", err)
}

// NextDue: see store.Store.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	var channels []string
	if err := each(ctx, s.pool, func(r pgx.Rows) error {
		var c string
		err := r.Scan(&c)
		channels = append(channels, c)
		return err
	}, "SELECT DISTINCT channel FROM outbox WHERE state = 1 UNION SELECT DISTINCT channel FROM outbox WHERE state IN (2, 3)"); err != nil {
		return time.Time{}, wrapped("next due", err)
	}
	var first int64
	for _, query := range []struct {
		text string
		args []any
	}{{nextOf, []any{channels, sealing.LeastUrgent}}, {"SELECT min(at) FROM timer", nil}} {
		at, err := next(ctx, s.pool, query.text, query.args...)
		if err != nil {
			return time.Time{}, wrapped("next due", err)
		}
		if at != 0 && (first == 0 || at < first) {
			first = at
		}
	}
	return sealing.Moment(first), nil
}

// Timers: see store.Store.
func (s *Store) Timers(ctx context.Context, now time.Time, n int) (due []store.Timer, err error) {
	err = each(ctx, s.pool, func(r pgx.Rows) error {
		var t store.Timer
		var who [16]byte
		var at int64
		err := r.Scan(&who, &t.Name, &at)
		t.Resident, t.At = who, sealing.Moment(at)
		due = append(due, t)
		return err
	}, "SELECT resident, name, at FROM timer WHERE at <= $1 ORDER BY at, resident, name LIMIT $2", sealing.Stamp(now), n)
	return due, wrapped("timers", err)
}

// Contacts: see store.Store.
func (s *Store) Contacts(ctx context.Context, r store.Resident, since time.Time) (all []store.Contact, err error) {
	err = each(ctx, s.pool, func(row pgx.Rows) error {
		var due, at int64
		err := row.Scan(&due, &at)
		all = append(all, store.Contact{Due: sealing.Moment(due), At: sealing.Moment(at)})
		return err
	}, `SELECT due, went FROM (SELECT due, min(CASE WHEN state IN (4, 5) THEN at WHEN state = 3 AND at IS NULL THEN due ELSE 0 END) AS went FROM outbox
		WHERE resident = $1 AND class > 0 AND state BETWEEN 2 AND 5 GROUP BY due) every WHERE went = 0 OR went >= $2`, [16]byte(r), sealing.Stamp(since))
	slices.SortFunc(all, func(a, b store.Contact) int { return cmp.Or(a.At.Compare(b.At), a.Due.Compare(b.Due)) })
	return all, wrapped("contacts", err)
}

// Piles: see store.Store.
func (s *Store) Piles(ctx context.Context) (all []store.Pile, err error) {
	err = each(ctx, s.pool, func(r pgx.Rows) error {
		var p store.Pile
		var class, state int16
		var first int64
		err := r.Scan(&p.Channel, &class, &state, &p.Code, &p.Messages, &p.Weight, &first)
		p.Class, p.State, p.First = uint8(class), store.MessageState(state), sealing.Moment(first)
		all = append(all, p)
		return err
	}, `SELECT channel, class, state, CASE WHEN state IN (3, 6) THEN code ELSE '' END AS why, count(*), sum(weight)::bigint,
			min(CASE WHEN state IN (1, 3) THEN coalesce(at, 0) ELSE 0 END)
		FROM outbox WHERE state IN (1, 2, 3, 6) GROUP BY channel, class, state, why ORDER BY channel, class, state, why`)
	return all, wrapped("piles", err)
}
