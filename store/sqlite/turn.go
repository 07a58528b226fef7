package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// sealedTurn is a Change whose private parts are sealed already, so that the writer doesn't have to.
type sealedTurn struct {
	change    *store.Change
	state     []byte
	reply     []byte
	wrapped   []byte   // the resident's new key, on a first turn
	addresses [][]byte // of change.Link
	bodies    [][]byte // of change.Outbox
	personal  [][]byte // of change.Requests; nil where there is none
	media     []int64  // of change.Media: where their parts were laid down
	newcomer  *sealedNewcomer
	merge     *merging
	letters   [][]byte // of change.Letters
	epoch     uint64   // of the keyring, when the keys were taken
	others    bool     // something is sealed under another resident's key
	before    []byte   // answered, as it was when the row was read; if
	known     bool     // that is known
	answered  []byte   // as written
	outcome   store.Outcome
}

// errSharedRow: of a million residents, a pair has ids whose first halves agree once in 20 million towns.
var errSharedRow = errors.New("store: another resident has this row: make a new id")

// Commit: see store.Store.
func (s *Store) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	j := s.takeJob()
	defer s.giveJobBack(j)
	key, err := s.sealTurn(ctx, &j.turn, c)
	if err != nil || j.turn.outcome.Kind != 0 {
		return j.turn.outcome, err
	}
	if c.Merged != nil {
		defer func() {
			if j.turn.outcome.Kind != store.Applied && len(j.turn.merge.media) > 0 {
				s.pickUp(ctx, j.turn.merge.places())
			}
		}()
		if err := s.startMerge(ctx, j, key); err != nil {
			return store.Outcome{}, err
		}
	}
	if len(c.Media) > 0 {
		defer func() {
			if j.turn.outcome.Kind != store.Applied {
				s.pickUp(ctx, j.turn.media)
			}
		}()
		err := j.turn.layDown(key, func(do func(*tables) error) error { return s.write(ctx, do) })
		if errors.Is(err, errPickedUp) {
			return store.Outcome{Kind: store.Conflict}, nil
		}
		if err != nil {
			return store.Outcome{}, err
		}
	}
	_, _, whose := s.whose.get(store.AddressKey{})
	if err := s.submit(ctx, j); err != nil {
		return store.Outcome{}, err
	}
	o := j.turn.outcome
	if o.Kind == store.Applied {
		if err := s.noteStops(c.OptOuts); err != nil {
			return store.Outcome{}, err
		}
	}
	if o.Kind == store.Applied && c.Merged != nil {
		s.merged(ctx)
	} else if o.Kind == store.Applied && len(c.Unmedia) > 0 {
		s.dropLoose(context.WithoutCancel(ctx), 1) // what fails here is done by a sweep
	}
	switch {
	case o.Kind == store.Applied && j.turn.wrapped != nil:
		s.keys.put(c.Resident, key, j.turn.epoch)
		s.whose.linked(c, whose)
	case o.Kind == store.Conflict:
		s.recent.drop(c.Resident) // another process may have written the row
		s.whose.forget()
	case o.Kind == store.Duplicate:
		if g := j.turn.merge; g != nil && g.reply {
			key = g.theirs
		} else if c.Read == 0 { // a new key was made for a resident who has one
			if key, err = s.key(ctx, c.Resident); err != nil {
				return store.Outcome{}, err
			}
		}
		if key == nil {
			return store.Outcome{Kind: store.Conflict}, nil
		}
		if o.Reply, err = key.Open(o.Reply, sealing.UseReply); err != nil {
			return store.Outcome{}, fmt.Errorf("store: open a reply: %w", err)
		}
	}
	return o, nil
}

func (s *Store) sealTurn(ctx context.Context, t *sealedTurn, c *store.Change) (*store.Key, error) {
	t.change = c
	if err := t.cut(); err != nil {
		return nil, err
	}
	if c.Read != 0 {
		t.before, t.known = s.recent.answered(c.Resident, c.Read)
	}
	t.epoch = s.keys.now()
	var key *store.Key
	var err error
	if c.Read == 0 {
		key, t.wrapped, err = s.secrets.NewKey(c.Resident)
	} else {
		key, err = s.key(ctx, c.Resident)
	}
	if err != nil {
		return nil, err
	}
	if key == nil { // erased since it was read
		t.outcome.Kind = store.Conflict
		return nil, nil
	}
	t.state = key.Seal(t.state[:0], c.State, sealing.UseState)
	if c.Inbound != (store.Inbound{}) {
		t.reply = key.Seal(t.reply[:0], c.Reply, sealing.UseReply)
	}
	of := func(r store.Resident) (*store.Key, error) {
		if r == c.Resident || r == (store.Resident{}) {
			return key, nil
		}
		t.others = true
		return s.key(ctx, r)
	}
	for i := range c.Link {
		t.addresses = append(t.addresses, key.Seal(nil, []byte(c.Link[i].Address), sealing.UseAddress))
	}
	if c.Newcomer != nil {
		if t.newcomer, err = s.sealNewcomer(c.Newcomer); err != nil {
			return nil, err
		}
	}
	for i := range c.Letters {
		t.letters = append(t.letters, key.Seal(nil, sealing.AppendLetter(nil, &c.Letters[i]), sealing.UseLetter))
	}
	for i := range c.Outbox {
		k, err := of(c.Outbox[i].Resident)
		if err != nil {
			return nil, err
		}
		var b []byte
		if k != nil { // else that resident was erased, and so is the message
			b = k.Seal(nil, c.Outbox[i].Body, sealing.UseBody)
		}
		t.bodies = append(t.bodies, b)
	}
	for i := range c.Requests {
		var b []byte
		if p := c.Requests[i].Personal; len(p) > 0 {
			k, err := of(c.Requests[i].Resident)
			if err != nil {
				return nil, err
			}
			if k != nil {
				b = k.Seal(nil, p, sealing.UsePersonal)
			}
		}
		t.personal = append(t.personal, b)
	}
	return key, nil
}

const (
	selectRow = "SELECT resident, version, answered FROM conversation WHERE k = ?"
	insertRow = "INSERT INTO conversation(k, resident, version, answered, state) VALUES(?, ?, ?, ?, ?)"
	updateRow = "UPDATE conversation SET version = ?2, answered = ?3, state = ?4 WHERE k = ?1"
	writeRow  = updateRow + " AND version = ?2 - 1 AND resident = ?5"
	insertKey = "INSERT INTO resident_key(k, resident, wrapped) VALUES(?, ?, ?)"
	addReply  = "INSERT INTO reply(k, body) VALUES(?, ?)"
	dropReply = "DELETE FROM reply WHERE seq = ?"
)

// Entries of answered: 8 bytes of inbound id, 6 of the reply's seq.
const (
	answeredSize = 14
	answeredMax  = sealing.Known
)

func replyOf(answered []byte, in store.Inbound) (seq int64, ok bool) {
	for ; len(answered) >= answeredSize; answered = answered[answeredSize:] {
		if store.Inbound(answered[:8]) == in {
			return seqOf(answered), true
		}
	}
	return 0, false
}

func seqOf(entry []byte) int64 {
	return int64(binary.BigEndian.Uint64(entry[6:14]) & (1<<48 - 1))
}

// turn applies one Change: first every check, then every write.
func (t *tables) turn(o *sealedTurn, keys *keyring) error {
	c := o.change
	if done, err := t.unlooked(o, keys); done || err != nil {
		return err
	}
	k := rowOf(c.Resident)
	s, err := t.prepare(selectRow)
	if err != nil {
		return err
	}
	s.BindInt64(1, k)
	found, err := s.Step()
	if err != nil {
		return err
	}
	var version uint64
	const room = answeredSize * answeredMax
	if cap(t.buf) < room+answeredSize {
		t.buf = make([]byte, room+answeredSize)
	}
	answered := t.buf[answeredSize : answeredSize+room] // room for one more before it
	answered = answered[:0]
	other := false
	if found {
		var r [16]byte
		s.ColumnBytes(0, t.buf[:16])
		copy(r[:], t.buf)
		other = r != c.Resident
		version = uint64(s.ColumnInt64(1))
		answered = answered[:min(s.ColumnLen(2), room)]
		s.ColumnBytes(2, answered)
	}
	if err := s.Reset(); err != nil {
		return err
	}
	if other {
		return errSharedRow
	}
	if c.Inbound != (store.Inbound{}) {
		if seq, ok := replyOf(answered, c.Inbound); ok {
			o.outcome.Kind = store.Duplicate
			o.outcome.Reply, err = t.reply(seq)
			return err
		}
	}
	if o.merge != nil {
		if o.outcome, err = t.findMerged(o); err != nil || o.outcome.Kind != store.Applied {
			return err
		}
	}
	o.outcome = store.Outcome{Kind: store.Conflict}
	if version != c.Read || found == (c.Read == 0) || (found || o.others) && (t.moved || o.epoch != keys.now()) {
		return nil
	}
	if kind, err := t.allowed(o); err != nil || kind != store.Applied {
		o.outcome.Kind = kind
		return err
	}

	if o.merge != nil {
		room := answeredMax / 2
		if c.Inbound != (store.Inbound{}) {
			room--
		}
		if answered, err = t.mergeReplies(o, answered, room); err != nil {
			return err
		}
		if err := t.merge(o); err != nil {
			return err
		}
	}
	if c.Inbound != (store.Inbound{}) {
		if s, err = t.prepare(addReply); err != nil {
			return err
		}
		s.BindInt64(1, k)
		s.BindBytes(2, o.reply)
		if err := run(s); err != nil {
			return err
		}
		if c.Forget {
			if err := t.forgetReplies(answered, t.LastInsertRowID()); err != nil {
				return err
			}
		}
		answered = t.buf[:min(answeredSize+len(answered), room)]
		binary.BigEndian.PutUint64(answered[6:], uint64(t.LastInsertRowID()))
		copy(answered, c.Inbound[:])
	}
	if found {
		if s, err = t.prepare(updateRow); err != nil {
			return err
		}
		s.BindInt64(1, k)
		s.BindInt64(2, int64(c.Read+1))
		s.BindBytes(3, answered)
		s.BindBytes(4, o.state)
		err = run(s)
	} else {
		if err := t.exec(insertKey, k, c.Resident, o.wrapped); err != nil {
			return err
		}
		t.counts.conversations++
		err = t.exec(insertRow, k, c.Resident, int64(1), answered, o.state)
	}
	if err != nil {
		return err
	}
	if err := t.effects(o); err != nil {
		return err
	}
	o.answered = append(o.answered[:0], answered...)
	o.outcome.Kind = store.Applied
	return nil
}

// forgetReplies destroys the replies that answered names, and points their messages at another.
func (t *tables) forgetReplies(answered []byte, instead int64) error {
	for ; len(answered) >= answeredSize; answered = answered[answeredSize:] {
		if err := t.exec(dropReply, seqOf(answered)); err != nil {
			return err
		}
		inbound := binary.BigEndian.Uint64(answered)
		binary.BigEndian.PutUint64(answered[6:], uint64(instead))
		binary.BigEndian.PutUint64(answered, inbound)
	}
	return nil
}

func (t *tables) reply(seq int64) ([]byte, error) {
	var b []byte
	ok, err := t.one(func(s statement) error { b = column(s, 0); return nil }, "SELECT body FROM reply WHERE seq = ?", seq)
	if err == nil && !ok {
		err = errors.New("store: a reply is missing")
	}
	return b, err
}

// allowed checks all that can stand in a change's way.
func (t *tables) allowed(o *sealedTurn) (store.OutcomeKind, error) {
	c := o.change
	for i := range c.Link {
		other := false
		if _, err := t.one(func(s statement) error {
			other = !isTheirs(c, column16(s, 0))
			return nil
		}, "SELECT resident FROM address WHERE key = ?", c.Link[i].Key); err != nil || other {
			return store.Conflict, err
		}
	}
	if kind, err := t.mayMove(o); err != nil || kind != store.Applied {
		return kind, err
	}
	for _, first := range o.media { // picked up where the resident was erased meanwhile
		if there, err := t.loose(first); err != nil || !there {
			return store.Conflict, err
		}
	}
	for i := range c.Ballots {
		if may, err := t.mayVote(c.Ballots[:i], &c.Ballots[i]); err != nil || !may {
			return store.Voted, err
		}
	}
	for i := range c.Requests {
		e := &c.Requests[i]
		seq, err := t.number("SELECT seq FROM request WHERE reference = ?", e.Reference)
		if err != nil {
			return 0, err
		}
		if e.Kind == store.Opened && (seq != 0 || opens(c.Requests[:i], e.Reference)) {
			return store.Conflict, nil
		}
		if e.Kind != store.Opened && seq == 0 && !opens(c.Requests[:i], e.Reference) {
			return 0, fmt.Errorf("%w: request %s", store.ErrNotFound, e.Reference)
		}
	}
	return store.Applied, nil
}

func opens(events []store.RequestEvent, reference string) bool {
	for i := range events {
		if events[i].Kind == store.Opened && events[i].Reference == reference {
			return true
		}
	}
	return false
}

const (
	link = `INSERT INTO address(key, resident, kind, at, sealed) VALUES(?, ?, ?, ?, ?)
		ON CONFLICT(key) DO UPDATE SET kind = excluded.kind, at = excluded.at, sealed = excluded.sealed`
	addResponse = `INSERT INTO response(poll, id, resident, version, channel, lang, at, record, shown)
		VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	setTimer = `INSERT INTO timer(resident, name, at) VALUES(?, ?, ?)
		ON CONFLICT(resident, name) DO UPDATE SET at = excluded.at WHERE at <> excluded.at`
	addConsent = `INSERT INTO consent(id, resident, poll, version, step, words, lang, yes, channel, at)
		VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
)

func (t *tables) effects(o *sealedTurn) error {
	c := o.change
	if c.Forget {
		if err := t.exec(forgetMessages, c.Resident, c.At, store.CodeForgotten); err != nil {
			return err
		}
	}
	for _, key := range c.Unlink {
		if err := t.exec("DELETE FROM address WHERE key = ?", key); err != nil {
			return err
		}
	}
	if o.newcomer != nil {
		if err := t.welcome(c, o.newcomer); err != nil {
			return err
		}
	}
	for i := range c.Link {
		a := &c.Link[i]
		if err := t.exec(link, a.Key, c.Resident, a.Kind, c.At, o.addresses[i]); err != nil {
			return err
		}
	}
	for i := range c.Responses {
		r := &c.Responses[i]
		if err := t.exec(addResponse, r.Poll, r.ID, c.Resident, r.Version, r.Channel, r.Lang, r.At, r.Record, r.Order); err != nil {
			return err
		}
		t.counts.responses += int64(t.Changes())
	}
	for i := range c.Ballots {
		if err := t.vote(c.Resident, &c.Ballots[i]); err != nil {
			return err
		}
	}
	if err := t.mark(c.Marks); err != nil {
		return err
	}
	if err := t.talked(c, o.letters); err != nil {
		return err
	}
	for i := range c.Requests {
		if err := t.happened(&c.Requests[i], o.personal[i]); err != nil {
			return err
		}
	}
	if c.Heard {
		if err := t.exec(overtaken, c.Resident, c.At, store.CodeOvertaken); err != nil {
			return err
		}
	}
	for i := range c.Outbox {
		if o.bodies[i] == nil {
			continue
		}
		if err := t.post(c, &c.Outbox[i], o.bodies[i]); err != nil {
			return err
		}
	}
	for _, name := range c.Untimers {
		if err := t.exec("DELETE FROM timer WHERE resident = ? AND name = ?", c.Resident, name); err != nil {
			return err
		}
	}
	for i := range c.Timers {
		m := &c.Timers[i]
		r := m.Resident
		if r == (store.Resident{}) {
			r = c.Resident
		}
		if err := t.exec(setTimer, r, m.Name, m.At); err != nil {
			return err
		}
	}
	for i := range c.OptOuts {
		p := &c.OptOuts[i]
		if err := t.exec("INSERT INTO optout(address, out, at, channel, word) VALUES(?, ?, ?, ?, ?)",
			p.Address, p.Out, p.At, p.Channel, p.Word); err != nil {
			return err
		}
	}
	for i := range c.Consents {
		p := &c.Consents[i]
		r := p.Resident
		if r == (store.Resident{}) {
			r = c.Resident
		}
		if err := t.exec(addConsent, p.ID, r, p.Poll, p.Version, p.Step, p.Words, p.Lang, p.Yes, p.Channel, p.At); err != nil {
			return err
		}
	}
	for i := range c.Media {
		if err := t.keepMedia(c, &c.Media[i], o.media[i]); err != nil {
			return err
		}
	}
	for _, id := range c.Unmedia {
		if err := t.loosen(oneOf, c.Resident, id); err != nil {
			return err
		}
	}
	return nil
}
