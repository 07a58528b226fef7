package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// turn is a Change whose private parts are sealed already, so that the writers don't have to.
type turn struct {
	change    *store.Change
	plain     bool // it depends on nothing but the resident's row
	key       *held
	wrapped   []byte                    // the key, on a first turn
	others    map[store.Resident]*int64 // whose keys sealed something of it beside the resident's; nil where there was none
	state     []byte
	said      []byte // the reply
	entry     [entrySize]byte
	addresses [][]byte // of change.Link
	bodies    [][]byte // of change.Outbox; nil where it goes nowhere
	personal  [][]byte // of change.Requests; nil where there is none
	letters   [][]byte // of change.Letters
	media     []int64  // of change.Media: where their parts were laid down
	newcomer  *newcomer
	merge     *merging
	reply     repeated // a Duplicate's
	outcome   store.Outcome
}

// repeated is what was replied before, sealed, where it is, and to whom.
type repeated struct {
	of   store.Resident
	at   place
	body []byte
}

// plain says whether a change depends on nothing but the version of the resident's row: most do.
func plain(c *store.Change) bool {
	return c.Read > 0 && c.Newcomer == nil && c.Merged == nil && !c.Forget && c.Link == nil && c.Unlink == nil && c.Ballots == nil &&
		c.Marks == nil && c.Requests == nil && c.Media == nil
}

// newcomer is a Change's Newcomer, sealed under a key of their own.
type newcomer struct {
	key       *held
	wrapped   []byte
	state     []byte
	addresses [][]byte
}

// words is a text as PostgreSQL takes it: valid, and without the zero byte.
func words(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\x00") {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}

// Commit: see store.Store.
func (s *Store) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return store.Outcome{}, err
	}
	if s.closed.Load() {
		return store.Outcome{}, errClosed
	}
	j := s.takeJob()
	defer s.giveJobBack(j)
	t := &j.turn
	t.change, t.state, t.said = c, j.state, j.said
	if err := s.seal(ctx, t); err != nil {
		return store.Outcome{}, err
	}
	if t.key == nil { // erased since it was read
		return store.Outcome{Kind: conflict}, nil
	}
	if len(c.Media) > 0 || c.Merged != nil {
		defer func() {
			if t.outcome.Kind != applied {
				s.pickUp(ctx, t.places())
			}
		}()
		if err := s.layDown(ctx, t); err != nil {
			if errors.Is(err, errPickedUp) {
				return store.Outcome{Kind: conflict}, nil
			}
			return store.Outcome{}, err
		}
	}
	if err := s.submit(ctx, j); err != nil {
		return store.Outcome{}, err
	}
	switch t.outcome.Kind {
	case applied:
		if t.wrapped != nil {
			s.keys.put(c.Resident, t.key)
		}
		if c.Merged != nil {
			s.keys.drop(c.Merged.Resident)
		}
	case conflict: // another node may have erased somebody, and begun anew
		s.keys.drop(c.Resident)
		for r := range t.others {
			s.keys.drop(r)
		}
		if c.Merged != nil {
			s.keys.drop(c.Merged.Resident)
		}
	case duplicate:
		if t.reply.body == nil { // it is so old that its reply is gone
			return t.outcome, nil
		}
		b, there, err := s.openReply(ctx, t.reply.of, t.reply.body)
		if err != nil {
			return store.Outcome{}, err
		}
		if !there {
			return store.Outcome{Kind: conflict}, nil
		}
		t.outcome.Reply = b
	}
	return t.outcome, nil
}

// openReply opens what was replied to a resident; they may have been erased since.
func (s *Store) openReply(ctx context.Context, r store.Resident, sealed []byte) ([]byte, bool, error) {
	key, err := s.keyNow(ctx, s.pool, r)
	if err != nil || key == nil {
		return nil, false, err
	}
	b, err := key.Open(sealed, sealing.UseReply)
	if err != nil {
		return nil, false, fmt.Errorf("store: open a reply: %w", err)
	}
	return b, true, nil
}

func (s *Store) seal(ctx context.Context, t *turn) (err error) {
	c := t.change
	if t.media, err = cut(c); err != nil {
		return err
	}
	t.plain = plain(c)
	if c.Read == 0 {
		t.key, t.wrapped, err = s.newKey(c.Resident)
	} else {
		t.key, err = s.key(ctx, c.Resident)
	}
	if err != nil || t.key == nil {
		return err
	}
	t.state = t.key.Seal(t.state[:0], c.State, sealing.UseState)
	t.said = t.key.Seal(t.said[:0], c.Reply, sealing.UseReply)
	of := func(r store.Resident) (*held, error) {
		if r == c.Resident || r == (store.Resident{}) {
			return t.key, nil
		}
		key, err := s.key(ctx, r)
		if err != nil {
			return nil, err
		}
		t.plain = false
		if t.others == nil {
			t.others = map[store.Resident]*int64{}
		}
		if t.others[r] = nil; key != nil {
			t.others[r] = &key.id
		}
		return key, nil
	}
	for i := range c.Link {
		t.addresses = append(t.addresses, t.key.Seal(nil, []byte(c.Link[i].Address), sealing.UseAddress))
	}
	for i := range c.Letters {
		t.letters = append(t.letters, t.key.Seal(nil, sealing.AppendLetter(nil, &c.Letters[i]), sealing.UseLetter))
	}
	for i := range c.Outbox {
		k, err := of(c.Outbox[i].Resident)
		if err != nil {
			return err
		}
		var b []byte
		if k != nil { // else that resident was erased, and so is the message
			b = k.Seal(nil, c.Outbox[i].Body, sealing.UseBody)
		}
		t.bodies = append(t.bodies, b)
	}
	for i := range c.Requests {
		var b []byte
		k, err := of(c.Requests[i].Resident)
		if err != nil {
			return err
		}
		if p := c.Requests[i].Personal; len(p) > 0 && k != nil {
			b = k.Seal(nil, p, sealing.UsePersonal)
		}
		t.personal = append(t.personal, b)
	}
	// What is written to others unsealed goes with them as well, where they are erased or merged meanwhile.
	for i := range c.Timers {
		if _, err := of(c.Timers[i].Resident); err != nil {
			return err
		}
	}
	for i := range c.Consents {
		if _, err := of(c.Consents[i].Resident); err != nil {
			return err
		}
	}
	if n := c.Newcomer; n != nil {
		w := &newcomer{}
		if w.key, w.wrapped, err = s.newKey(n.Resident); err != nil {
			return err
		}
		w.state = w.key.Seal(nil, n.State, sealing.UseState)
		for i := range n.Link {
			w.addresses = append(w.addresses, w.key.Seal(nil, []byte(n.Link[i].Address), sealing.UseAddress))
		}
		t.newcomer = w
	}
	if g := c.Merged; g != nil {
		t.merge = &merging{key: t.key}
		// Where they aren't here, the writer says what that means: the change may have been applied before.
		if t.merge.theirs, err = s.keyNow(ctx, s.pool, g.Resident); err != nil {
			return err
		}
	}
	return nil
}
