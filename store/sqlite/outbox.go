package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

const addMessage = `INSERT INTO outbox(id, resident, channel, kind, class, due, at, state, attempts, receipt, code, body, weight, until)
	VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?6, 1, ?7, '', '', ?8, ?9, ?10) ON CONFLICT DO NOTHING`

// post queues a message; body is sealed.
func (t *tables) post(c *store.Change, m *store.Message, body []byte) error {
	r, due := m.Resident, m.Due
	if r == (store.Resident{}) {
		r = c.Resident
	}
	if due.IsZero() {
		due = c.At
	}
	s, err := t.prepare(addMessage)
	if err != nil {
		return err
	}
	s.BindBytes(1, m.ID[:])
	s.BindBytes(2, r[:])
	s.BindText(3, m.Channel)
	s.BindText(4, m.Kind)
	s.BindInt64(5, int64(m.Class))
	s.BindInt64(6, sealing.Stamp(due))
	s.BindInt64(7, int64(m.Attempts))
	s.BindBytes(8, body)
	s.BindInt64(9, int64(max(m.Weight, 1)))
	s.BindInt64(10, sealing.Stamp(m.Until))
	return run(s)
}

// overtaken gives up what waits for a resident who spoke, and is of no use to whoever spoke.
const overtaken = `UPDATE outbox SET state = 6, at = ?2, code = ?3, body = x'' WHERE resident = ?1 AND state = 1 AND until <> 0`

// forgetMessages destroys the words of what was pushed to a resident, but for what is still on its way: that loses them once
// it went. What was in doubt could only be sent again with its words, so it is given up.
const forgetMessages = `UPDATE outbox SET body = x'', at = CASE WHEN state = 3 THEN ?2 ELSE at END,
	code = CASE WHEN state = 3 THEN ?3 ELSE code END, state = CASE WHEN state = 3 THEN 6 ELSE state END
	WHERE resident = ?1 AND state >= 3`

const (
	messageColumns = "SELECT seq, id, resident, channel, kind, class, due, attempts, receipt, code, body, state, weight, until FROM outbox o"

	// A message waits while another of the resident's is on its way on the same channel, and for those ahead of it that are
	// no less urgent.
	notWaiting = ` AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.resident = o.resident AND p.channel = o.channel
		AND p.state IN (1, 2) AND (p.state = 2 OR p.class <= o.class AND (p.due, p.seq) < (o.due, o.seq)))`

	selectQueued = messageColumns + ` WHERE state = 1 AND channel = ?1 AND class = ?2 AND at <= ?3` +
		notWaiting + " ORDER BY at, seq LIMIT ?4"
	selectTaken = messageColumns + ` WHERE state IN (2, 3) AND at <= ?1 AND channel = ?2 ORDER BY at LIMIT ?3`
)

// claimed is a message with what has still to be opened.
type claimed struct {
	store.Message
	seq     int64
	state   store.MessageState
	body    []byte
	address []byte
}

func scanMessage(q statement) claimed {
	return claimed{seq: q.ColumnInt64(0), body: column(q, 10), state: store.MessageState(q.ColumnInt64(11)),
		Message: store.Message{ID: column16(q, 1), Resident: column16(q, 2), Channel: q.ColumnText(3), Kind: q.ColumnText(4),
			Class: uint8(q.ColumnInt64(5)), Due: sealing.Moment(q.ColumnInt64(6)), Attempts: int(q.ColumnInt64(7)), Receipt: q.ColumnText(8),
			Code: q.ColumnText(9), Weight: int(q.ColumnInt64(12)), Until: sealing.Moment(q.ColumnInt64(13))}}
}

// Claim: see store.Store.
func (s *Store) Claim(ctx context.Context, w store.Want, now time.Time, lease time.Duration) ([]store.Message, error) {
	if w.N <= 0 || len(w.Channels) == 0 {
		return nil, nil
	}
	// Most polls find nothing, and those needn't disturb the writer.
	due := false
	if err := s.read(ctx, func(t *tables) error {
		for _, channel := range w.Channels {
			at, err := t.nextMessage(channel, w.Class)
			if due = due || at != 0 && at <= sealing.Stamp(now); err != nil || due {
				return err
			}
		}
		return nil
	}); err != nil || !due {
		return nil, err
	}
	var taken []claimed
	if err := s.write(ctx, func(t *tables) error {
		c := claim{t: t, now: sealing.Stamp(now), until: sealing.Stamp(now.Add(lease)), n: w.N, weight: w.Weight}
		if w.Node != ([16]byte{}) {
			c.node = w.Node
		}
		err := c.take(w)
		taken = c.taken
		return err
	}); err != nil {
		return nil, err
	}
	messages := make([]store.Message, 0, len(taken))
	for i := range taken {
		m := &taken[i]
		ok, err := s.openMessage(ctx, m)
		if err != nil {
			return nil, err
		}
		if !ok { // somebody was erased, or merged: then it is under another key
			again, err := s.messages(ctx, messageColumns+" WHERE id = ?", m.ID)
			if err != nil {
				return nil, err
			}
			if ok = len(again) == 1; ok {
				again[0].Unsure, m.Message = m.Unsure, again[0]
			}
		}
		if ok {
			messages = append(messages, m.Message)
		}
	}
	return messages, nil
}

// claim is one Claim under way.
type claim struct {
	t          *tables
	now, until int64
	node       any // who claims; nil: nobody asks
	n          int // still to be taken
	weight     int // what was wanted; 0: any
	weighs     int // what was taken
	taken      []claimed
}

// take takes first what may have been sent already, then what is queued, the most urgent first.
func (c *claim) take(w store.Want) error {
	for _, channel := range w.Channels {
		if err := c.doubtful(channel); err != nil {
			return err
		}
	}
	for class := range int64(w.Class) + 1 {
		for _, channel := range w.Channels {
			if err := c.queued(channel, class); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *claim) doubtful(channel string) error {
	var found []claimed
	if err := c.t.each(func(q statement) error { found = append(found, scanMessage(q)); return nil }, selectTaken, c.now, channel, c.n); err != nil {
		return err
	}
	for i := range found {
		m := &found[i]
		m.Unsure = true
		if err := c.t.exec("UPDATE outbox SET state = 3, at = ?2 WHERE seq = ?1", m.seq, c.until); err != nil {
			return err
		}
		if _, err := c.t.reach(m); err != nil {
			return err
		}
	}
	c.taken, c.n = append(c.taken, found...), c.n-len(found)
	return nil
}

func (c *claim) queued(channel string, class int64) error {
	// Giving one up may free the one behind it, so ask until there is nothing more.
	for c.n > 0 && !c.laden(1) {
		var found []claimed
		most := c.n
		if c.weight > 0 { // each weighs something
			most = min(most, c.weight-c.weighs+1)
		}
		if err := c.t.each(func(q statement) error { found = append(found, scanMessage(q)); return nil }, selectQueued, channel, class, c.now, max(most, 1)); err != nil {
			return err
		}
		gaveUp := false
		for i := range found {
			m := &found[i]
			code, err := c.t.reach(m)
			if err != nil {
				return err
			}
			if code == "" && !m.Until.IsZero() && sealing.Stamp(m.Until) <= c.now {
				code = store.CodeLate
			}
			if code != "" {
				gaveUp = true
				if err := c.t.exec("UPDATE outbox SET state = 6, at = ?2, code = ?3 WHERE seq = ?1", m.seq, c.now, code); err != nil {
					return err
				}
				continue
			}
			if c.n == 0 || c.laden(m.Weight) {
				return nil
			}
			if err := c.t.exec("UPDATE outbox SET state = 2, at = ?2, attempts = attempts + 1, node = ?3 WHERE seq = ?1", m.seq, c.until, c.node); err != nil {
				return err
			}
			m.Attempts++
			c.taken, c.n, c.weighs = append(c.taken, *m), c.n-1, c.weighs+m.Weight
		}
		if !gaveUp {
			return nil
		}
	}
	return nil
}

// laden says whether so much more is too much.
func (c *claim) laden(weight int) bool {
	return c.weight > 0 && c.weighs > 0 && c.weighs+weight > c.weight
}

// reach finds the newest address of the message's kind, or the code with which it is given up.
func (t *tables) reach(m *claimed) (code string, err error) {
	code = store.CodeNoAddress
	err = t.each(func(q statement) error {
		if q.ColumnInt64(2) != 0 {
			code = store.CodeOptedOut
		}
		if m.address == nil && q.ColumnText(0) == m.Kind {
			m.address = column(q, 1)
			if code == store.CodeNoAddress {
				code = ""
			}
		}
		return nil
	}, `SELECT kind, sealed, (SELECT out FROM optout WHERE address = a.key ORDER BY seq DESC LIMIT 1)
		FROM address a WHERE resident = ? ORDER BY at DESC, key`, m.Resident)
	return code, err
}

// openMessage says whether the resident still has a key.
func (s *Store) openMessage(ctx context.Context, m *claimed) (bool, error) {
	key, err := s.key(ctx, m.Resident)
	if err != nil || key == nil {
		return false, err
	}
	if len(m.body) > 0 { // else it was sent, or forgotten
		if m.Body, err = key.Open(m.body, sealing.UseBody); err != nil {
			return false, fmt.Errorf("store: open a message: %w", err)
		}
	}
	if m.address != nil {
		b, err := key.Open(m.address, sealing.UseAddress)
		if err != nil {
			return false, fmt.Errorf("store: open an address: %w", err)
		}
		m.Address = string(b)
	}
	return true, nil
}

// Reclaim: see store.Store. Of a process that ended nobody holds a duty.
func (s *Store) Reclaim(ctx context.Context, channels []string, from time.Time) (n int, err error) {
	err = s.write(ctx, func(t *tables) error {
		n = 0
		for _, channel := range channels {
			var gone [][16]byte
			if err := t.each(func(q statement) error {
				if node := column16(q, 0); !s.duties.Holds(node) {
					gone = append(gone, node)
				}
				return nil
			}, "SELECT DISTINCT node FROM outbox WHERE state = 2 AND state IN (2, 3) AND channel = ? AND node IS NOT NULL", channel); err != nil {
				return err
			}
			for _, node := range gone {
				if err := t.exec("UPDATE outbox SET state = 3, at = ?3 WHERE state = 2 AND state IN (2, 3) AND channel = ?1 AND node = ?2", channel, node, from); err != nil {
					return err
				}
				n += t.Changes()
			}
		}
		return nil
	})
	return n, err
}

// Settle: see store.Store.
func (s *Store) Settle(ctx context.Context, now time.Time, settled []store.Settled) error {
	for i := range settled {
		if st := settled[i].State; st != store.Queued && (st < store.Unsure || st > store.Dead) {
			return fmt.Errorf("store: nothing can be settled as state %d", st)
		}
	}
	return s.write(ctx, func(t *tables) error {
		for i := range settled {
			if err := t.settle(sealing.Stamp(now), &settled[i]); err != nil {
				return err
			}
		}
		if err := t.exec("DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE state IN (4, 5) AND at < ? LIMIT 64)",
			now.Add(-sealing.KeepSettled)); err != nil {
			return err
		}
		return t.exec("DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE state = 6 AND at < ? LIMIT 64)", now.Add(-sealing.KeepDead))
	})
}

func (t *tables) settle(now int64, s *store.Settled) error {
	at := any(now)
	switch {
	case s.State == store.Unsure && s.Retry.IsZero():
		at = nil
	case s.State <= store.Unsure && !s.Retry.IsZero():
		at = sealing.Stamp(s.Retry)
	}
	// What was delivered stays so, and what was sent, for who was frozen while sending it; a late "sent" says nothing new of what was given
	// up. What went needs no words any more.
	return t.exec(`UPDATE outbox SET
			body = CASE WHEN ?2 IN (4, 5) THEN x'' ELSE body END,
			state = CASE WHEN state = 5 OR (state = 6 AND ?2 = 4) OR (state = 4 AND ?2 < 4) THEN state ELSE ?2 END,
			at = CASE WHEN state = 5 OR (state = 6 AND ?2 = 4) OR (state = 4 AND ?2 < 4) THEN at ELSE ?3 END,
			receipt = CASE WHEN ?4 = '' THEN receipt ELSE ?4 END,
			code = CASE WHEN state = 5 OR (state = 6 AND ?2 = 4) OR (state = 4 AND ?2 < 4) THEN code ELSE ?5 END,
			attempts = max(attempts - ?6, 0)
		WHERE id = ?1 AND (?7 = 0 OR state = ?7)`, s.ID, int64(s.State), at, s.Receipt, s.Code, s.Forgive, int64(s.From))
}

// ByReceipt: see store.Store.
func (s *Store) ByReceipt(ctx context.Context, channel, receipt string) (store.Message, bool, error) {
	if receipt == "" {
		return store.Message{}, false, nil
	}
	m, err := s.messages(ctx, messageColumns+" WHERE receipt = ?1 AND receipt <> '' AND channel = ?2 LIMIT 1", receipt, channel)
	if err != nil || len(m) == 0 {
		return store.Message{}, false, err
	}
	return m[0], true, nil
}

// Messages: see store.Store.
func (s *Store) Messages(ctx context.Context, state store.MessageState, n int) ([]store.Message, error) {
	return s.messages(ctx, messageColumns+" WHERE state = ? ORDER BY seq LIMIT ?", int64(state), n)
}

func (s *Store) messages(ctx context.Context, query string, args ...any) (all []store.Message, err error) {
	err = s.steady(func() error {
		all, err = s.messagesNow(ctx, query, args...)
		return err
	})
	return all, err
}

func (s *Store) messagesNow(ctx context.Context, query string, args ...any) ([]store.Message, error) {
	var found []claimed
	if err := s.read(ctx, func(t *tables) error {
		if err := t.each(func(q statement) error { found = append(found, scanMessage(q)); return nil }, query, args...); err != nil {
			return err
		}
		for i := range found {
			if _, err := t.reach(&found[i]); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	messages := make([]store.Message, 0, len(found))
	for i := range found {
		m := &found[i]
		m.Unsure = m.state == store.Unsure
		ok, err := s.openMessage(ctx, m)
		if err != nil {
			return nil, err
		}
		if ok {
			messages = append(messages, m.Message)
		}
	}
	return messages, nil
}

const nextQueued = "SELECT at FROM outbox o WHERE state = 1 AND channel = ?1 AND class = ?2" + notWaiting + " ORDER BY at, seq LIMIT 1"

// nextMessage returns when a message of a channel can next be claimed in a class or a more urgent one, 0 for never. Those that
// wait for another don't count.
func (t *tables) nextMessage(channel string, most uint8) (int64, error) {
	first := int64(0)
	earlier := func(q statement) error {
		if at := q.ColumnInt64(0); !q.ColumnIsNull(0) && (first == 0 || at < first) {
			first = at
		}
		return nil
	}
	if _, err := t.one(earlier, "SELECT min(at) FROM outbox WHERE state IN (2, 3) AND channel = ?", channel); err != nil {
		return 0, err
	}
	for class := range int64(most) + 1 {
		if _, err := t.one(earlier, nextQueued, channel, class); err != nil {
			return 0, err
		}
	}
	return first, nil
}

// NextMessage: see store.Store.
func (s *Store) NextMessage(ctx context.Context, channel string, class uint8) (time.Time, error) {
	var first int64
	err := s.read(ctx, func(t *tables) (err error) {
		first, err = t.nextMessage(channel, class)
		return err
	})
	return sealing.Moment(first), err
}

// NextTimer: see store.Store.
func (s *Store) NextTimer(ctx context.Context) (time.Time, error) {
	var first int64
	err := s.read(ctx, func(t *tables) (err error) {
		first, err = t.number("SELECT at FROM timer ORDER BY at LIMIT 1")
		return err
	})
	return sealing.Moment(first), err
}

// NextDue: see store.Store.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	var first int64
	err := s.read(ctx, func(t *tables) error {
		var channels []string
		if err := t.each(func(q statement) error { channels = append(channels, q.ColumnText(0)); return nil },
			"SELECT DISTINCT channel FROM outbox WHERE state = 1 UNION SELECT DISTINCT channel FROM outbox WHERE state IN (2, 3)"); err != nil {
			return err
		}
		for _, channel := range channels {
			at, err := t.nextMessage(channel, sealing.LeastUrgent)
			if err != nil {
				return err
			}
			if at != 0 && (first == 0 || at < first) {
				first = at
			}
		}
		_, err := t.one(func(q statement) error {
			if at := q.ColumnInt64(0); !q.ColumnIsNull(0) && (first == 0 || at < first) {
				first = at
			}
			return nil
		}, "SELECT min(at) FROM timer")
		return err
	})
	return sealing.Moment(first), err
}

// Timers: see store.Store.
func (s *Store) Timers(ctx context.Context, now time.Time, n int) (due []store.Timer, err error) {
	err = s.read(ctx, func(t *tables) error {
		return t.each(func(q statement) error {
			due = append(due, store.Timer{Resident: column16(q, 0), Name: q.ColumnText(1), At: sealing.Moment(q.ColumnInt64(2))})
			return nil
		}, "SELECT resident, name, at FROM timer WHERE at <= ? ORDER BY at, resident, name LIMIT ?", now, n)
	})
	return due, err
}
