package exchange

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// Requests of a menu (USSD) have no ids, and gateways ask again when an answer is slow, in any order. What is new is told by
// the resident's row: which session is open, and how far it has come. It is looked at under the resident's lock and changed in
// the turn's own commit, so that a request is done once, whichever server gets it and whenever one of them dies.
//
// A request is read as an answer to nothing but what its own session showed. One that comes after something was heard
// elsewhere, or after another session began, gets what is on show instead.

const (
	menuRetry = 2 * time.Second   // nobody reads a screen and answers it in less: the same again is the gateway's
	menuPause = 180 * time.Second // where sessions have no ids: after that long, another one has begun
	menuLife  = 10 * time.Minute  // where they have: after that long, the id is another session's
	mostPast  = 8                 // sessions before the open one whose late requests are known
)

// menu is how far a session of a gateway has come. Of what was keyed only the length is kept: a ballot's choices would be
// among it.
type menu struct {
	Channel string `cbor:"1,keyasint,omitempty"`
	Session []byte `cbor:"2,keyasint,omitempty"` // keyed hash of the gateway's id; none: it has no ids
	Said    int    `cbor:"3,keyasint,omitempty"` // Session.Whole: how many bytes of it were heard
	Number  int    `cbor:"4,keyasint,omitempty"` // the last request's, where the gateway counts
	At      int64  `cbor:"5,keyasint,omitempty"` // when that one was done, in Unix milliseconds
	Began   int64  `cbor:"6,keyasint,omitempty"` // when the first one came
	Count   int    `cbor:"7,keyasint,omitempty"` // requests after the first
	Last    []byte `cbor:"8,keyasint,omitempty"` // keyed hash of the last words, where nothing else tells a repeat
	Moved   bool   `cbor:"9,keyasint,omitempty"` // what this session showed is no longer what is on show
	Over    bool   `cbor:"10,keyasint,omitempty"`
	Past    []menu `cbor:"11,keyasint,omitempty"` // sessions that this one followed, the last one first
}

// placing says what a request turns out to be.
type placing uint8

const (
	fresh   placing = iota // new: its words are read
	opens                  // it begins a session
	shows                  // new, but what it answers isn't on show any more: what is, is shown
	again                  // it came before, or comes too late: nothing changes
	nothing                // nothing changes, and nothing is replied
)

// placed is a request in its place.
type placed struct {
	placing
	inbound store.Inbound // names it: whether it was done is asked of the store
	words   string        // what is new of its words
	menu    *menu         // the session once it is done
}

// place says what the event is, as far as the resident's row knows; m is nil where there is no session.
func (t *turn) place(m *menu) placed {
	e, s := t.came, t.came.Session
	if e.Kind == channels.Looked {
		return placed{placing: again}
	}
	now := t.x.clock.Now()
	at := e.At
	if at.IsZero() || at.After(now) {
		at = now
	}
	session := t.x.menuSession(e)
	if m != nil && m.is(e, session, at, now) {
		return t.follow(m, at, now)
	}
	if e.Kind == channels.HungUp || e.Kind == channels.Overdue { // of an earlier one
		return placed{placing: nothing}
	}
	next := menu{Channel: e.Channel, Session: session, At: now.UnixMilli(), Began: at.UnixMilli()}
	if m != nil {
		for i := range m.Past {
			if m.Past[i].is(e, session, at, now) {
				return t.past(m, i, at, now)
			}
		}
		if at.Before(m.since(at, now)) { // it was on its way when the open one began
			return placed{placing: again}
		}
		next.Past = m.before(at)
	}
	words := e.Words
	if s.ID == "" && e.Kind != channels.Dialed { // an answer to nobody knows what
		words = ""
	}
	next.goes(t.x, e)
	return placed{placing: opens, inbound: t.menuInbound(&next, e), words: words, menu: &next}
}

// is says whether e is of the session m.
func (m *menu) is(e *channels.Event, session []byte, at, now time.Time) bool {
	if m.Channel != e.Channel || !bytes.Equal(m.Session, session) {
		return false
	}
	began, last := m.since(at, now), time.UnixMilli(m.At)
	switch {
	case len(session) > 0:
		return at.Sub(last) <= menuLife
	case at.Before(began):
		return false
	case e.Kind == channels.Dialed: // the gateway's again, or another session
		return at.Sub(began) < menuRetry || m.Count == 0 && at.Sub(last) < menuRetry
	}
	return at.Sub(last) <= menuPause
}

// since is when the session began, for a request that came at a time. Where a server began it whose clock is ahead of this one's,
// or this one's clock is behind, nothing tells which was first: then the request came after it.
func (m *menu) since(at, now time.Time) time.Time {
	if began := time.UnixMilli(m.Began); !began.After(now) {
		return began
	}
	return at
}

// follow places a request of the open session.
func (t *turn) follow(m *menu, at, now time.Time) placed {
	e := t.came
	switch e.Kind {
	case channels.HungUp:
		if m.Over {
			return placed{placing: nothing}
		}
		next := *m
		next.Over = true
		return placed{placing: fresh, menu: &next}
	case channels.Overdue:
		return t.overdue(m)
	}
	if m.repeats(t.x, e, at) {
		return placed{placing: again, inbound: t.menuInbound(m, e)}
	}
	next := *m
	p := placed{words: m.fresh(e), menu: &next}
	if next.Moved {
		p.placing, next.Moved = shows, false
	}
	next.At, next.Over = now.UnixMilli(), false
	next.Count++
	next.goes(t.x, e)
	p.inbound = t.menuInbound(&next, e)
	return p
}

// past places a request of a session that another one followed. Where it is no repeat, that one may be the phone's own after
// all: it is shown what is on show, and goes on from there.
func (t *turn) past(m *menu, i int, at, now time.Time) placed {
	e, p := t.came, &m.Past[i]
	switch {
	case p.repeats(t.x, e, at):
		return placed{placing: again, inbound: t.menuInbound(p, e)}
	case at.Before(m.since(at, now)):
		return placed{placing: again}
	}
	next := *p
	next.At, next.Over, next.Moved = now.UnixMilli(), false, false
	next.Count++
	next.goes(t.x, e)
	for _, b := range m.before(at) {
		if !bytes.Equal(b.Session, p.Session) || b.Channel != p.Channel || b.Began != p.Began {
			next.Past = append(next.Past, b)
		}
	}
	return placed{placing: shows, inbound: t.menuInbound(&next, e), menu: &next}
}

// before are the sessions that one which begins now follows.
func (m *menu) before(at time.Time) []menu {
	last := *m
	last.Past = nil
	var out []menu
	for _, b := range append([]menu{last}, m.Past...) {
		if len(b.Session) > 0 && at.Sub(time.UnixMilli(b.At)) <= menuLife && len(out) < mostPast {
			out = append(out, b)
		}
	}
	return out
}

// repeats says whether the session has come as far as e, or further.
func (m *menu) repeats(x *Exchange, e *channels.Event, at time.Time) bool {
	switch s := e.Session; {
	case s.Whole:
		return len(e.Words) <= m.Said
	case s.Number > 0:
		return s.Number <= m.Number
	case e.Kind == channels.Dialed, e.Words == "":
		return true
	}
	return at.Sub(time.UnixMilli(m.At)) < menuRetry && (len(m.Last) == 0 || bytes.Equal(m.Last, x.menuWords(m, e.Words)))
}

// fresh is what is new of the words of a request that goes on with the session. A star that the gateway put between is no key.
func (m *menu) fresh(e *channels.Event) string {
	if !e.Session.Whole {
		return e.Words
	}
	words := e.Words[m.Said:]
	if m.Said > 0 {
		words = strings.TrimPrefix(words, "*")
	}
	return words
}

// goes notes how far the session has come with e.
func (m *menu) goes(x *Exchange, e *channels.Event) {
	m.Last = nil
	switch s := e.Session; {
	case s.Whole:
		m.Said = len(e.Words)
	case s.Number > 0:
		m.Number = s.Number
	default:
		m.Last = x.menuWords(m, e.Words)
	}
}

// overdue places the wish to have what is on show texted: only where nothing came after the request that was slow.
func (t *turn) overdue(m *menu) placed {
	e := t.came
	inbound := t.menuID(m, 'o', m.Count)
	if m.Moved {
		return placed{placing: nothing, inbound: inbound}
	}
	switch s := e.Session; {
	case s.Whole && len(e.Words) < m.Said, !s.Whole && s.Number > 0 && s.Number < m.Number,
		!s.Whole && s.Number == 0 && m.Count > 0 && len(m.Last) > 0 && !bytes.Equal(m.Last, t.x.menuWords(m, e.Words)):
		return placed{placing: nothing, inbound: inbound}
	}
	next := *m
	next.Moved, next.Over = true, true
	return placed{placing: fresh, inbound: inbound, menu: &next}
}

// menuSession is the keyed hash of the gateway's id of a session; nil where it has none.
func (x *Exchange) menuSession(e *channels.Event) []byte {
	if e.Session.ID == "" {
		return nil
	}
	k := x.keys.Address("session", e.Channel+"\x00"+e.Session.ID)
	return k[:8]
}

// menuWords is a keyed hash of what was keyed: a short one, that is overwritten by the next.
func (x *Exchange) menuWords(m *menu, words string) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(m.Began))
	k := x.keys.Address("keyed", string(b[:])+string(m.Session)+"\x00"+words)
	return k[:4]
}

// menuInbound names a request by its place in the session.
func (t *turn) menuInbound(m *menu, e *channels.Event) store.Inbound {
	switch s := e.Session; {
	case s.Whole:
		return t.menuID(m, 'w', len(e.Words))
	case s.Number > 0:
		return t.menuID(m, 'n', s.Number)
	case e.Kind == channels.Dialed && m.Count > 0: // the first one again
		return t.menuID(m, 'c', 0)
	}
	return t.menuID(m, 'c', m.Count)
}

func (t *turn) menuID(m *menu, kind byte, place int) store.Inbound {
	return menuID(t.key, m, kind, place)
}

func menuID(from store.AddressKey, m *menu, kind byte, place int) store.Inbound {
	b := make([]byte, 0, 96)
	b = append(b, from[:]...)
	b = append(b, m.Channel...)
	b = append(b, 0, kind)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Began))
	b = binary.BigEndian.AppendUint64(b, uint64(place))
	b = append(b, m.Session...)
	sum := sha256.Sum256(b)
	return store.Inbound(sum[:8])
}

// takes makes the event what it turned out to be; what it gives is kept of the session once that is done.
func (t *turn) takes(p placed) *menu {
	e := *t.came
	e.Words = p.words
	switch p.placing {
	case opens:
		e.Kind = channels.Dialed
	case again:
		e.Kind = channels.Looked
	case shows:
		t.shows = true
	}
	t.event = &e
	return p.menu
}

// moves notes that something was heard, or said, elsewhere while a session is open.
func (t *turn) moves(said *talk.Said) {
	m := t.more.Menu
	if m == nil {
		return
	}
	elsewhere := t.event == nil && len(said.Pages) > 0 || t.event != nil && t.came.Session == nil && t.event.Kind != channels.HungUp
	switch {
	case elsewhere && t.now.Sub(time.UnixMilli(m.At)) > menuLife:
		t.more.Menu = nil
		return
	case elsewhere:
		m.Moved = true
	}
	if t.change.Forget {
		m.Last = nil
	}
}

// Who was erased in a session has no row that would tell the places of its requests: the session is known as a whole.
func (t *turn) erasedSession() store.Inbound {
	m := menu{Channel: t.came.Channel, Session: t.x.menuSession(t.came)}
	if len(m.Session) > 0 {
		return menuID(store.AddressKey{}, &m, 'x', 0)
	}
	return t.menuID(&m, 'x', 0)
}
