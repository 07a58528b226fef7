package exchange

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/townline/townline/store"
)

// memory is a store that forgets everything when the process ends: the contract, in maps under one lock. It shows what
// the exchange itself costs, and lets tests look inside.
type memory struct {
	mu        sync.Mutex
	rows      map[store.Resident]*kept
	addresses map[store.AddressKey]owned
	out       map[store.AddressKey]bool
	responses []store.Response
	ballots   []store.Ballot
	roll      map[voterKey]*mark
	requests  []*store.Request
	outbox    []*queued
	timers    map[timerKey]time.Time
	consents  []store.Consent
	published []store.Published
	media     map[[16]byte]store.Media
	cases     map[store.Resident]store.Case
	letters   []store.Letter
	duties    store.Duties
	parted    map[store.Inbound][]byte
	commits   int
}

type kept struct {
	version  uint64
	state    []byte
	answered []store.Inbound
	replies  map[store.Inbound][]byte
}

type owned struct {
	resident store.Resident
	address  store.Address
}

type voterKey struct {
	poll  string
	voter [16]byte
}

type mark struct {
	used   bool
	ballot [16]byte
}

type timerKey struct {
	resident store.Resident
	name     string
}

type queued struct {
	store.Message
	state store.MessageState
	node  [16]byte
	at    time.Time // when it may next be taken; zero: never
	went  time.Time
}

var _ store.Store = (*memory)(nil)

func newMemory() *memory {
	return &memory{
		rows: map[store.Resident]*kept{}, addresses: map[store.AddressKey]owned{}, out: map[store.AddressKey]bool{},
		roll: map[voterKey]*mark{}, timers: map[timerKey]time.Time{}, media: map[[16]byte]store.Media{},
		cases: map[store.Resident]store.Case{}, parted: map[store.Inbound][]byte{},
	}
}

func (m *memory) Find(_ context.Context, a store.AddressKey) (store.Resident, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.addresses[a]
	return o.resident, ok, nil
}

func (m *memory) Meet(_ context.Context, a store.AddressKey) (store.Conversation, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.addresses[a]
	if !ok {
		return store.Conversation{}, false, nil
	}
	return m.row(o.resident), true, nil
}

func (m *memory) Load(_ context.Context, r store.Resident) (store.Conversation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.row(r), nil
}

// row is a copy; the caller holds mu.
func (m *memory) row(r store.Resident) store.Conversation {
	c := store.Conversation{Resident: r}
	if w, ok := m.rows[r]; ok {
		c.Version, c.State, c.Answered = w.version, slices.Clone(w.state), slices.Clone(w.answered)
	}
	return c
}

func (m *memory) Reply(_ context.Context, r store.Resident, in store.Inbound) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w, ok := m.rows[r]; ok {
		b, ok := w.replies[in]
		return slices.Clone(b), ok, nil
	}
	return nil, false, nil
}

func (m *memory) Commit(_ context.Context, c *store.Change) (store.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.rows[c.Resident]
	if w != nil && c.Inbound != (store.Inbound{}) {
		if b, ok := w.replies[c.Inbound]; ok {
			return store.Outcome{Kind: store.Duplicate, Reply: slices.Clone(b)}, nil
		}
	}
	merged := store.Resident{}
	if g := c.Merged; g != nil {
		merged = g.Resident
		other := m.rows[merged]
		if other == nil || merged == c.Resident {
			return store.Outcome{Kind: store.Conflict}, nil
		}
		if b, ok := other.replies[c.Inbound]; ok && c.Inbound != (store.Inbound{}) {
			return store.Outcome{Kind: store.Duplicate, Reply: slices.Clone(b)}, nil
		}
		if other.version != g.Read {
			return store.Outcome{Kind: store.Conflict}, nil
		}
	}
	theirs := func(k store.AddressKey) bool {
		o, ok := m.addresses[k]
		return ok && (o.resident == c.Resident || c.Merged != nil && o.resident == merged)
	}
	version := uint64(0)
	if w != nil {
		version = w.version
	}
	if version != c.Read {
		return store.Outcome{Kind: store.Conflict}, nil
	}
	for _, a := range c.Link {
		if _, ok := m.addresses[a.Key]; ok && !theirs(a.Key) {
			return store.Outcome{Kind: store.Conflict}, nil
		}
	}
	for _, k := range c.Unlink {
		if !theirs(k) {
			return store.Outcome{Kind: store.Conflict}, nil
		}
	}
	if n := c.Newcomer; n != nil {
		for _, a := range n.Link {
			if _, ok := m.addresses[a.Key]; ok && (!theirs(a.Key) || !slices.Contains(c.Unlink, a.Key)) {
				return store.Outcome{Kind: store.Conflict}, nil
			}
		}
	}
	for _, e := range c.Requests {
		if e.Kind == store.Opened && m.request(e.Reference) != nil {
			return store.Outcome{Kind: store.Conflict}, nil
		}
	}
	for _, b := range c.Ballots {
		if k, ok := m.roll[voterKey{b.Poll, b.Voter}]; ok && k.used {
			return store.Outcome{Kind: store.Voted}, nil
		}
		if slices.ContainsFunc(m.ballots, func(in store.Ballot) bool { return in.Poll == b.Poll && in.ID == b.ID }) {
			return store.Outcome{Kind: store.Voted}, nil
		}
	}
	m.apply(c, w)
	return store.Outcome{Kind: store.Applied}, nil
}

func (m *memory) apply(c *store.Change, w *kept) {
	m.commits++
	if w == nil {
		w = &kept{replies: map[store.Inbound][]byte{}}
		m.rows[c.Resident] = w
	}
	if c.Merged != nil {
		m.merge(c, w)
	}
	w.version++
	w.state = slices.Clone(c.State)
	if c.Forget {
		for in := range w.replies {
			w.replies[in] = slices.Clone(c.Reply)
		}
	}
	if c.Inbound != (store.Inbound{}) {
		w.answered = append([]store.Inbound{c.Inbound}, w.answered...)
		w.replies[c.Inbound] = slices.Clone(c.Reply)
		if len(w.answered) > 16 {
			delete(w.replies, w.answered[16])
			w.answered = w.answered[:16]
		}
	}
	for _, k := range c.Unlink {
		delete(m.addresses, k)
	}
	if n := c.Newcomer; n != nil {
		m.rows[n.Resident] = &kept{version: 1, state: slices.Clone(n.State), replies: map[store.Inbound][]byte{}}
		for _, a := range n.Link {
			m.addresses[a.Key] = owned{n.Resident, a}
		}
	}
	for _, a := range c.Link {
		m.addresses[a.Key] = owned{c.Resident, a}
	}
	m.responses = append(m.responses, c.Responses...)
	for _, b := range c.Ballots {
		m.ballots = append(m.ballots, b)
		if b.Voter != ([16]byte{}) {
			k := &mark{used: true}
			if b.Linked {
				k.ballot = b.ID
			}
			m.roll[voterKey{b.Poll, b.Voter}] = k
		}
	}
	m.marks(c.Marks)
	m.talked(c)
	for _, e := range c.Requests {
		m.event(e)
	}
	for _, o := range c.Outbox {
		o.Weight = max(o.Weight, 1)
		m.outbox = append(m.outbox, &queued{Message: o, state: store.Queued, at: o.Due})
	}
	if c.Heard {
		for _, q := range m.outbox {
			if q.Resident == c.Resident && q.state == store.Queued && !q.Until.IsZero() {
				q.state, q.Code = store.Dead, store.CodeOvertaken
			}
		}
	}
	for _, n := range c.Untimers {
		delete(m.timers, timerKey{c.Resident, n})
	}
	for _, t := range c.Timers {
		m.timers[timerKey{t.Resident, t.Name}] = t.At
	}
	for _, o := range c.OptOuts {
		m.out[o.Address] = o.Out
	}
	m.consents = append(m.consents, c.Consents...)
	for _, x := range c.Media {
		x.Resident, x.Bytes = c.Resident, slices.Clone(x.Bytes)
		m.media[x.ID] = x
	}
	for _, id := range c.Unmedia {
		if m.media[id].Resident == c.Resident {
			delete(m.media, id)
		}
	}
}

func (m *memory) request(ref string) *store.Request {
	for _, r := range m.requests {
		if r.Reference == ref {
			return r
		}
	}
	return nil
}

func (m *memory) event(e store.RequestEvent) {
	r := m.request(e.Reference)
	if e.Kind == store.Opened {
		r = &store.Request{
			Reference: e.Reference, Dialog: e.Dialog, Service: e.Service, Department: e.Department, Due: e.Due, Label: e.Label,
			Place: e.Place, Opened: e.At, Channel: e.Channel, Record: e.Record, Personal: e.Personal, Resident: e.Resident,
		}
		m.requests = append(m.requests, r)
	}
	if r == nil {
		return
	}
	if e.Kind == "joined" && e.Resident != r.Resident {
		r.Joined++
	}
	if e.Status != "" {
		r.Status = e.Status
	}
	r.Updated = e.At
	r.History = append(r.History, e)
}

func (m *memory) stopped(r store.Resident) bool {
	for k, o := range m.addresses {
		if o.resident == r && m.out[k] {
			return true
		}
	}
	return false
}

func (m *memory) Claim(_ context.Context, w store.Want, now time.Time, lease time.Duration) ([]store.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []store.Message
	busy := map[store.Resident]bool{}
	weighs := 0
	for class := uint8(0); class <= w.Class; class++ {
		for _, q := range m.outbox {
			if q.Class != class || !slices.Contains(w.Channels, q.Channel) || len(out) == w.N || busy[q.Resident] {
				continue
			}
			if w.Weight > 0 && weighs > 0 && weighs+q.Weight > w.Weight {
				return out, nil
			}
			switch {
			case q.at.IsZero() || q.at.After(now):
				if q.state == store.Queued || q.state == store.Claimed {
					busy[q.Resident] = true
				}
				continue
			case q.state == store.Claimed:
				q.state = store.Unsure
			case q.state != store.Queued && q.state != store.Unsure:
				continue
			}
			if m.stopped(q.Resident) {
				q.state, q.Code = store.Dead, store.CodeOptedOut
				continue
			}
			if !q.Until.IsZero() && !q.Until.After(now) {
				q.state, q.Code = store.Dead, store.CodeLate
				continue
			}
			q.Unsure, q.at = q.state == store.Unsure, now.Add(lease)
			if q.node = [16]byte{}; !q.Unsure { // else it is looked up, not tried
				q.state, q.node = store.Claimed, w.Node
				q.Attempts++
				busy[q.Resident] = true
			}
			q.Address = ""
			for _, o := range m.addresses {
				if o.resident == q.Resident && o.address.Kind == q.Kind {
					q.Address = o.address.Address
				}
			}
			weighs += q.Weight
			out = append(out, q.Message)
		}
	}
	return out, nil
}

func (m *memory) Reclaim(_ context.Context, channels []string, from time.Time) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range m.outbox {
		if q.state == store.Claimed && q.node != [16]byte{} && slices.Contains(channels, q.Channel) && !m.duties.Holds(q.node) {
			q.state, q.at = store.Unsure, from
			n++
		}
	}
	return n, nil
}

func (m *memory) Settle(_ context.Context, now time.Time, all []store.Settled) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range all {
		for _, q := range m.outbox {
			if q.ID == s.ID && (s.From == 0 || s.From == q.state) && (q.state < store.Sent || s.State >= store.Sent || q.state == store.Dead) {
				q.state, q.at, q.Code = s.State, s.Retry, s.Code
				q.Attempts = max(q.Attempts-s.Forgive, 0)
				switch {
				case s.State == store.Sent:
					q.went = now
				case s.State == store.Unsure && s.Retry.IsZero():
					q.went = q.Due
				default:
					q.went = time.Time{}
				}
				if s.Receipt != "" {
					q.Receipt = s.Receipt
				}
			}
		}
	}
	return nil
}

func (m *memory) ByReceipt(_ context.Context, channel, receipt string) (store.Message, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range m.outbox {
		if q.Channel == channel && q.Receipt == receipt {
			return q.Message, true, nil
		}
	}
	return store.Message{}, false, nil
}

func (m *memory) Messages(_ context.Context, state store.MessageState, n int) ([]store.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []store.Message
	for _, q := range m.outbox {
		if q.state == state && len(out) < n {
			out = append(out, q.Message)
		}
	}
	return out, nil
}

func (m *memory) NextDue(context.Context) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var next time.Time
	earlier := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	ahead := map[store.Resident]bool{} // who has an earlier message that is not settled
	for _, q := range m.outbox {
		if q.state <= store.Unsure && !ahead[q.Resident] {
			earlier(q.at)
		}
		if q.state == store.Queued || q.state == store.Claimed {
			ahead[q.Resident] = true
		}
	}
	for _, at := range m.timers {
		earlier(at)
	}
	return next, nil
}

func (m *memory) NextMessage(_ context.Context, channel string, class uint8) (next time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ahead := map[store.Resident]bool{} // who has an earlier message that is not settled
	for _, q := range m.outbox {
		if q.Channel != channel || q.Class > class {
			continue
		}
		if q.state <= store.Unsure && !ahead[q.Resident] && !q.at.IsZero() {
			next = earlier(next, q.at)
		}
		if q.state == store.Queued || q.state == store.Claimed {
			ahead[q.Resident] = true
		}
	}
	return next, nil
}

func (m *memory) NextTimer(context.Context) (next time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, at := range m.timers {
		next = earlier(next, at)
	}
	return next, nil
}

func (m *memory) Contacts(_ context.Context, r store.Resident, since time.Time) (all []store.Contact, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range m.outbox {
		if q.Resident != r || q.Class == 0 || q.state == store.Queued || q.state == store.Dead || !q.went.IsZero() && q.went.Before(since) {
			continue
		}
		if i := slices.IndexFunc(all, func(c store.Contact) bool { return c.Due.Equal(q.Due) }); i < 0 {
			all = append(all, store.Contact{Due: q.Due, At: q.went})
		}
	}
	slices.SortFunc(all, func(a, b store.Contact) int { return a.At.Compare(b.At) })
	return all, nil
}

func (m *memory) Piles(context.Context) ([]store.Pile, error) { return nil, nil }

func (m *memory) Answered(context.Context, string, func(store.Resident) error) error { return nil }

func (m *memory) Timers(_ context.Context, now time.Time, n int) ([]store.Timer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []store.Timer
	for k, at := range m.timers {
		if !at.After(now) && len(out) < n {
			out = append(out, store.Timer{Resident: k.resident, Name: k.name, At: at})
		}
	}
	return out, nil
}

func (m *memory) OptedOut(_ context.Context, a store.AddressKey) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.out[a], nil
}

func (m *memory) Linked(_ context.Context, poll string, voter [16]byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.roll[voterKey{poll, voter}]
	return ok && k.ballot != ([16]byte{}), nil
}

func (m *memory) Voted(_ context.Context, poll string, voter [16]byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.roll[voterKey{poll, voter}]
	return ok && k.used, nil
}

func (m *memory) Consents(_ context.Context, r store.Resident) ([]store.Consent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []store.Consent
	for _, c := range m.consents {
		if c.Resident == r {
			out = append(out, c)
		}
	}
	return out, nil
}

func (m *memory) Addresses(_ context.Context, r store.Resident) ([]store.Address, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []store.Address
	for _, o := range m.addresses {
		if o.resident == r {
			out = append(out, o.address)
		}
	}
	return out, nil
}

func (m *memory) Reserve(_ context.Context, poll string, voters [][16]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range voters {
		m.roll[voterKey{poll, v}] = &mark{}
	}
	return nil
}

func (m *memory) OnRoll(_ context.Context, poll string, voter [16]byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.roll[voterKey{poll, voter}]
	return ok, nil
}

func (m *memory) CloseRoll(_ context.Context, poll string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for k, v := range m.roll {
		if k.poll == poll && v.ballot != ([16]byte{}) {
			v.ballot = [16]byte{}
			n++
		}
	}
	return n, nil
}

func (m *memory) Responses(_ context.Context, poll string, yield func(store.Response) error) error {
	m.mu.Lock()
	all := slices.Clone(m.responses)
	m.mu.Unlock()
	for _, r := range all {
		if r.Poll == poll {
			if err := yield(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *memory) Ballots(_ context.Context, poll string, yield func(store.Ballot) error) error {
	m.mu.Lock()
	all := slices.Clone(m.ballots)
	m.mu.Unlock()
	for _, b := range all {
		if b.Poll == poll {
			b.Apart, b.Voter = b.Voter == ([16]byte{}), [16]byte{}
			if err := yield(b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *memory) Request(_ context.Context, ref string) (store.Request, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.request(ref); r != nil {
		return *r, nil
	}
	return store.Request{}, store.ErrNotFound
}

func (m *memory) Requests(_ context.Context, q store.RequestQuery) ([]store.Request, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []store.Request
	for _, r := range slices.Backward(m.requests) {
		if q.Dialog != "" && r.Dialog != q.Dialog || q.Service != "" && r.Service != q.Service || q.Status != "" && r.Status != q.Status ||
			q.Department != "" && r.Department != q.Department || q.Place != "" && r.Place != q.Place || r.Opened.Before(q.Since) {
			continue
		}
		if q.Resident != (store.Resident{}) && !slices.ContainsFunc(r.History, func(e store.RequestEvent) bool { return e.Resident == q.Resident }) {
			continue
		}
		if out = append(out, *r); len(out) == q.Limit {
			break
		}
	}
	return out, nil
}

func (m *memory) Append(_ context.Context, e store.RequestEvent) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.request(e.Reference) == nil {
		return store.ErrNotFound
	}
	m.event(e)
	return nil
}

func (m *memory) Publish(_ context.Context, p store.Published) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.published {
		if o.ID == p.ID && o.Version == p.Version {
			if o.Hash != p.Hash {
				return store.ErrPublished
			}
			return nil
		}
	}
	m.published = append(m.published, p)
	return nil
}

func (m *memory) Dialog(_ context.Context, id string, version int, hash string) (store.Published, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.published {
		if p.ID == id && p.Version == version && p.Hash == hash {
			return p, nil
		}
	}
	return store.Published{}, store.ErrNotFound
}

func (m *memory) Dialogs(context.Context) ([]store.Published, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.published), nil
}

func (m *memory) Media(_ context.Context, id [16]byte) (store.Media, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if x, ok := m.media[id]; ok {
		return x, nil
	}
	return store.Media{}, store.ErrNotFound
}

func (m *memory) Sweep(_ context.Context, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.media, func(_ [16]byte, x store.Media) bool { return !x.Until.IsZero() && !x.Until.After(now) })
	return nil
}

func (m *memory) Hold(_ context.Context, duty string, node [16]byte, term time.Duration) (bool, error) {
	return m.duties.Hold(duty, node, term), nil
}

func (m *memory) Nodes(context.Context) (int, error) { return m.duties.Nodes(), nil }

func (m *memory) Parted(_ context.Context, in store.Inbound) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.parted[in]
	return b, ok, nil
}

func (m *memory) Erase(_ context.Context, r store.Resident, _ time.Time, last ...store.Parting) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range last {
		m.parted[p.Inbound] = slices.Clone(p.Reply)
	}
	delete(m.rows, r)
	for k, o := range m.addresses {
		if o.resident == r {
			delete(m.addresses, k)
		}
	}
	for k := range m.timers {
		if k.resident == r {
			delete(m.timers, k)
		}
	}
	m.consents = slices.DeleteFunc(m.consents, func(c store.Consent) bool { return c.Resident == r })
	m.outbox = slices.DeleteFunc(m.outbox, func(q *queued) bool { return q.Resident == r })
	maps.DeleteFunc(m.media, func(_ [16]byte, x store.Media) bool { return x.Resident == r })
	delete(m.cases, r)
	m.letters = slices.DeleteFunc(m.letters, func(l store.Letter) bool { return l.Resident == r })
	for _, q := range m.requests {
		if q.Resident == r {
			q.Resident, q.Personal = store.Resident{}, nil
		}
	}
	return nil
}

func (m *memory) Stats(context.Context) (store.Stats, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := store.Stats{
		Conversations: int64(len(m.rows)), Responses: int64(len(m.responses)), Ballots: int64(len(m.ballots)),
		Requests: int64(len(m.requests)), Timers: int64(len(m.timers)), Media: int64(len(m.media)),
		Cases: int64(len(m.cases)),
	}
	for _, x := range m.media {
		s.MediaBytes += int64(len(x.Bytes))
	}
	for _, q := range m.outbox {
		switch q.state {
		case store.Queued, store.Claimed:
			s.Queued++
		case store.Unsure:
			s.Unsure++
		case store.Dead:
			s.Dead++
		}
	}
	return s, nil
}

func (m *memory) Backup(context.Context, string) error { return errors.New("nothing is on disk") }
func (m *memory) Ping(context.Context) error           { return nil }
func (m *memory) Close() error                         { return nil }
