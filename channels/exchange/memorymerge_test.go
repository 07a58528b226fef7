package exchange

import (
	"cmp"
	"context"
	"slices"

	"github.com/townline/townline/store"
)

// merge makes all that is the merged one's the resident's, whose row w is.
func (m *memory) merge(c *store.Change, w *kept) {
	r, was := c.Resident, c.Merged.Resident
	other := m.rows[was]
	delete(m.rows, was)
	mine := 8
	if c.Inbound != (store.Inbound{}) {
		mine = 7
	}
	w.answered = append(newest(w.answered, mine), newest(other.answered, 8)...) // their age isn't known here
	for _, in := range other.answered {
		w.replies[in] = other.replies[in]
	}
	for in := range w.replies {
		if !slices.Contains(w.answered, in) {
			delete(w.replies, in)
		}
	}
	for k, o := range m.addresses {
		if o.resident == was {
			m.addresses[k] = owned{r, o.address}
		}
	}
	for k, at := range m.timers {
		if k.resident != was {
			continue
		}
		delete(m.timers, k)
		if _, has := m.timers[timerKey{r, k.name}]; !has {
			m.timers[timerKey{r, k.name}] = at
		}
	}
	for _, q := range m.outbox {
		if q.Resident == was {
			q.Resident = r
		}
	}
	for i := range m.consents {
		if m.consents[i].Resident == was {
			m.consents[i].Resident = r
		}
	}
	for id, x := range m.media {
		if x.Resident == was {
			x.Resident = r
			m.media[id] = x
		}
	}
	for _, q := range m.requests {
		mergeIn(q, r, was)
	}
	for i := range m.letters {
		if m.letters[i].Resident == was {
			m.letters[i].Resident = r
		}
	}
	if theirs, has := m.cases[was]; has {
		delete(m.cases, was)
		if mine, has := m.cases[r]; has {
			mine.Unread += theirs.Unread
			theirs = mine
		}
		theirs.Resident = r
		m.cases[r] = theirs
	}
}

// mergeIn makes one of two who opened or joined a request; both count as one.
func mergeIn(q *store.Request, r, was store.Resident) {
	in := func(who store.Resident) bool {
		return slices.ContainsFunc(q.History, func(e store.RequestEvent) bool {
			return e.Resident == who && (e.Kind == store.Opened || e.Kind == store.Joined)
		})
	}
	if in(r) && in(was) {
		q.Joined--
	}
	if q.Resident == was {
		q.Resident = r
	}
	q.History = slices.Clone(q.History) // a Request that was returned is the caller's
	for i := range q.History {
		if q.History[i].Resident == was {
			q.History[i].Resident = r
		}
	}
}

func newest(all []store.Inbound, n int) []store.Inbound { return slices.Clone(all[:min(len(all), n)]) }

// marks puts voters without a ballot on the roll.
func (m *memory) marks(all []store.Mark) {
	for _, k := range all {
		if k.Voter == ([16]byte{}) {
			continue
		}
		if v := m.roll[voterKey{k.Poll, k.Voter}]; v != nil {
			v.used = true
		} else {
			m.roll[voterKey{k.Poll, k.Voter}] = &mark{used: true}
		}
		if v := m.roll[voterKey{k.Poll, k.Voter}]; k.Recall && v.ballot != ([16]byte{}) {
			m.ballots = slices.DeleteFunc(m.ballots, func(b store.Ballot) bool { return b.Poll == k.Poll && b.ID == v.ballot })
			v.ballot = [16]byte{}
		}
	}
}

// talked keeps what a change says of a talk with the desk.
func (m *memory) talked(c *store.Change) {
	if c.Case != nil {
		if c.Case.State == store.Closed {
			delete(m.cases, c.Resident)
		} else {
			k := *c.Case
			k.Resident = c.Resident
			m.cases[c.Resident] = k
		}
	}
	for _, l := range c.Letters {
		if !slices.ContainsFunc(m.letters, func(o store.Letter) bool { return o.ID == l.ID }) {
			l.Resident, l.Media = c.Resident, slices.Clone(l.Media)
			m.letters = append(m.letters, l)
		}
	}
}

func (m *memory) Cases(_ context.Context, desk string, n int) ([]store.Case, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []store.Case
	for _, c := range m.cases {
		if desk == "" || c.Desk == desk {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b store.Case) int {
		return cmp.Or(a.Since.Compare(b.Since), slices.Compare(a.Resident[:], b.Resident[:]))
	})
	return all[:min(len(all), n)], nil
}

func (m *memory) CaseOf(_ context.Context, r store.Resident) (store.Case, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.cases[r]
	return c, ok, nil
}

func (m *memory) Letters(_ context.Context, r store.Resident, n int) ([]store.Letter, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []store.Letter
	for _, l := range m.letters {
		if l.Resident == r {
			all = append(all, l)
		}
	}
	slices.SortStableFunc(all, func(a, b store.Letter) int { return a.At.Compare(b.At) })
	return all[max(len(all)-n, 0):], nil
}
