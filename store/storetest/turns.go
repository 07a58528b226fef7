package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/townline/townline/store"
)

func turns(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	r := resident()
	if row := t.load(r); row.Version != 0 || row.State != nil || len(row.Answered) != 0 {
		t.Fatalf("nobody's row: %+v", row)
	}
	// States of every size, also such as don't fit a page of anything.
	for i, size := range []int{0, 1, 512, 900, 5000, 70_000, 3} {
		state := bytes.Repeat([]byte{byte(i)}, size)
		t.commit(store.Applied, &store.Change{Resident: r, Read: uint64(i), State: state, Inbound: inbound(fmt.Sprint(i)), Reply: []byte("ok")})
		row := t.load(r)
		if row.Version != uint64(i+1) || !bytes.Equal(row.State, state) || row.Resident != r {
			t.Fatalf("after turn %d: version %d, %d bytes", i, row.Version, len(row.State))
		}
	}
	// What was returned is the caller's.
	row := t.load(r)
	clear(row.State)
	if bytes.Equal(row.State, t.load(r).State) {
		t.Fatal("two loads share their state")
	}
	if other := t.load(resident()); other.Version != 0 {
		t.Fatal("somebody else has the row")
	}
}

func replies(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	r, neighbour := resident(), resident()
	const n = 40
	name := func(i int) store.Inbound { return inbound(fmt.Sprint("message ", i)) }
	for i := range n {
		for _, who := range []store.Resident{r, neighbour} {
			t.commit(store.Applied, &store.Change{Resident: who, Read: uint64(i), State: []byte{byte(i)}, Inbound: name(i),
				Reply: fmt.Appendf(nil, "reply %d to %x", i, who[:2])})
		}
	}
	row := t.load(r)
	for i := n - 16; i < n; i++ {
		want := fmt.Sprintf("reply %d to %x", i, r[:2])
		if !slices.Contains(row.Answered, name(i)) {
			t.Fatalf("message %d isn't among the %d answered", i, len(row.Answered))
		}
		b, ok, err := t.Reply(t.Context(), r, name(i))
		t.must(err)
		if !ok || string(b) != want {
			t.Fatalf("reply to message %d: %q, %v", i, b, ok)
		}
		// Whatever the change was computed from, and whatever it would write: the same reply, and nothing else.
		for _, read := range []uint64{0, 3, uint64(n)} {
			o := t.commit(store.Duplicate, &store.Change{Resident: r, Read: read, State: []byte("again"), Inbound: name(i),
				Reply: []byte("another"), Responses: []store.Response{{ID: id(), Poll: "p"}}})
			if string(o.Reply) != want {
				t.Fatalf("message %d again: %q", i, o.Reply)
			}
		}
	}
	if row.Answered[0] != name(n-1) || row.Answered[1] != name(n-2) {
		t.Fatal("the newest isn't first")
	}
	if after := t.load(r); after.Version != n || !bytes.Equal(after.State, row.State) {
		t.Fatal("a duplicate changed the row")
	}
	if _, ok, err := t.Reply(t.Context(), r, inbound("never sent")); ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, ok, err := t.Reply(t.Context(), resident(), name(n-1)); ok || err != nil {
		t.Fatal(ok, err)
	}
	// A timer's turn has no inbound message, and two of them aren't duplicates.
	t.turn(r, nil)
	t.turn(r, nil)
	if after := t.load(r); after.Version != n+2 || after.Answered[0] != name(n-1) {
		t.Fatal("a timer's turn is remembered as a message")
	}
	// An empty reply is given again as well.
	t.turn(r, func(c *store.Change) { c.Inbound = inbound("silent") })
	if o := t.commit(store.Duplicate, &store.Change{Resident: r, Inbound: inbound("silent"), Reply: []byte("x")}); len(o.Reply) != 0 {
		t.Fatalf("%q", o.Reply)
	}
	// A turn that forgets leaves its own reply and no other, for its own resident only.
	at := t.load(r).Version
	t.commit(store.Applied, &store.Change{Resident: r, Read: at, State: []byte("cast"), Inbound: inbound("cast"), Reply: []byte("thank you"), Forget: true})
	for i := n - 14; i < n; i++ {
		b, ok, err := t.Reply(t.Context(), r, name(i))
		t.must(err)
		if !ok || string(b) != "thank you" {
			t.Fatalf("reply to message %d after forgetting: %q, %v", i, b, ok)
		}
		if o := t.commit(store.Duplicate, &store.Change{Resident: r, Read: at + 1, Inbound: name(i)}); string(o.Reply) != "thank you" {
			t.Fatalf("message %d again after forgetting: %q", i, o.Reply)
		}
		if b, ok, err = t.Reply(t.Context(), neighbour, name(i)); !ok || err != nil || string(b) != fmt.Sprintf("reply %d to %x", i, neighbour[:2]) {
			t.Fatalf("the neighbour's reply %d: %q, %v, %v", i, b, ok, err)
		}
	}
	t.commit(store.Applied, &store.Change{Resident: r, Read: at + 1, State: []byte("on"), Inbound: inbound("on"), Reply: []byte("on")})
	if b, ok, err := t.Reply(t.Context(), r, inbound("on")); !ok || err != nil || string(b) != "on" {
		t.Fatalf("the reply after forgetting: %q, %v, %v", b, ok, err)
	}
}

func conflicts(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	r := resident()
	t.commit(store.Conflict, &store.Change{Resident: r, Read: 1, Inbound: inbound("a")}) // there is no row
	t.commit(store.Applied, &store.Change{Resident: r, Read: 0, Inbound: inbound("a"), State: []byte("1")})
	t.commit(store.Conflict, &store.Change{Resident: r, Read: 0, Inbound: inbound("b")})
	t.commit(store.Conflict, &store.Change{Resident: r, Read: 2, Inbound: inbound("b")})
	t.commit(store.Applied, &store.Change{Resident: r, Read: 1, Inbound: inbound("b"), State: []byte("2")})
	t.commit(store.Conflict, &store.Change{Resident: r, Read: 1, Inbound: inbound("c")})
	if row := t.load(r); row.Version != 2 || string(row.State) != "2" || len(row.Answered) != 2 {
		t.Fatalf("%+v", row)
	}
}

// wholeness: a change that can't be applied leaves nothing of itself, whatever it met and wherever in it that is.
func wholeness(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	other := resident()
	t.turn(other, func(c *store.Change) {
		c.Link = []store.Address{tel("+15550100")}
		c.Requests = []store.RequestEvent{{Reference: "TAKEN", Kind: store.Opened, At: noon, Status: "open"}}
		c.Ballots = []store.Ballot{{Poll: "p", Voter: numbered(1), ID: id(), Day: "2027-03-15"}}
	})
	voter := numbered(7)
	full := func(r store.Resident) *store.Change {
		return &store.Change{Resident: r, State: []byte("s"), At: noon, Inbound: inbound("in"), Reply: []byte("r"),
			Link:      []store.Address{tel("+15550111")},
			Responses: []store.Response{{ID: id(), Poll: "p", At: noon}},
			Ballots:   []store.Ballot{{Poll: "p", Voter: voter, ID: id(), Day: "2027-03-15"}},
			Requests:  []store.RequestEvent{{Reference: "NEW", Kind: store.Opened, At: noon, Status: "open"}},
			Outbox:    []store.Message{{ID: id(), Channel: "sms", Kind: "tel", Due: noon, Body: []byte("b")}},
			Timers:    []store.Timer{{Name: "remind", At: noon}},
			OptOuts:   []store.OptOut{{Address: addressKey("+15550111"), Out: true, At: noon}},
			Consents:  []store.Consent{{ID: id(), Yes: true, At: noon}},
		}
	}
	nothing := func(r store.Resident, what string) {
		t.Helper()
		if row := t.load(r); row.Version != 0 {
			t.Fatalf("%s: a row was written", what)
		}
		if _, ok, err := t.Find(ctx, addressKey("+15550111")); ok || err != nil {
			t.Fatalf("%s: an address was linked (%v)", what, err)
		}
		if v, err := t.Voted(ctx, "p", voter); v || err != nil {
			t.Fatalf("%s: the roll was marked (%v)", what, err)
		}
		t.must(t.Responses(ctx, "p", func(store.Response) error { t.Fatalf("%s: a response was written", what); return nil }))
		ballots := 0
		t.must(t.Ballots(ctx, "p", func(store.Ballot) error { ballots++; return nil }))
		t.equal(what+": ballots", ballots, 1)
		if _, err := t.Request(ctx, "NEW"); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("%s: a request was written (%v)", what, err)
		}
		due, err := t.NextDue(ctx)
		t.must(err)
		if !due.IsZero() {
			t.Fatalf("%s: a message or timer was written", what)
		}
		if out, err := t.OptedOut(ctx, addressKey("+15550111")); out || err != nil {
			t.Fatalf("%s: the ledger was written (%v)", what, err)
		}
		if c, err := t.Consents(ctx, r); len(c) != 0 || err != nil {
			t.Fatalf("%s: a consent was written (%v)", what, err)
		}
	}
	for _, c := range []struct {
		name  string
		want  store.OutcomeKind
		spoil func(c *store.Change)
	}{
		{"old version", store.Conflict, func(c *store.Change) { c.Read = 3 }},
		{"taken address", store.Conflict, func(c *store.Change) { c.Link = append(c.Link, tel("+15550100")) }},
		{"taken reference", store.Conflict, func(c *store.Change) {
			c.Requests = append(c.Requests, store.RequestEvent{Reference: "TAKEN", Kind: store.Opened, At: noon})
		}},
		{"one reference twice", store.Conflict, func(c *store.Change) { c.Requests = append(c.Requests, c.Requests[0]) }},
		{"marked voter", store.Voted, func(c *store.Change) {
			c.Ballots = append(c.Ballots, store.Ballot{Poll: "p", Voter: numbered(1), ID: id()})
		}},
		{"one voter twice", store.Voted, func(c *store.Change) {
			c.Ballots = append(c.Ballots, store.Ballot{Poll: "p", Voter: voter, ID: id()})
		}},
	} {
		r := resident()
		change := full(r)
		c.spoil(change)
		t.commit(c.want, change)
		nothing(r, c.name)
	}
	// An error concerns one change alone, also when others are being written with it.
	var wg sync.WaitGroup
	var applied atomic.Int64
	for i := range 60 {
		wg.Go(func() {
			r := resident()
			if i%6 == 0 {
				c := full(r)
				c.Ballots = append(c.Ballots, store.Ballot{Poll: "p", ID: c.Ballots[0].ID}) // one id twice: an error, no outcome
				if o, err := t.Commit(ctx, c); err == nil {
					t.Errorf("a ballot's id was taken twice: %v", o)
				}
				nothing(r, "one ballot twice")
				return
			}
			if i%6 == 1 {
				c := full(r)
				c.Requests = append(c.Requests, store.RequestEvent{Reference: "NOWHERE", Kind: store.Joined, At: noon})
				if o, err := t.Commit(ctx, c); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("joined a request that isn't there: %v, %v", o, err)
				}
				return
			}
			o, err := t.Commit(ctx, &store.Change{Resident: r, State: []byte("s"), At: noon})
			if err != nil || o.Kind != store.Applied {
				t.Errorf("a neighbour of a broken change: %v, %v", o, err)
			}
			if row, err := t.Load(ctx, r); err == nil && row.Version == 1 {
				applied.Add(1)
			}
		})
	}
	wg.Wait()
	t.equal("neighbours applied", applied.Load(), 40)
	t.commit(store.Applied, full(resident())) // and unspoilt it goes in
}

// manyAtOnce: residents' turns race each other and their own repetitions.
func manyAtOnce(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	const residents, messages, racers = 20, 15, 3 // however far one falls behind, what it repeats is among the 16 that are known
	var wg sync.WaitGroup
	var applied, duplicates atomic.Int64
	all := make([]store.Resident, residents)
	for i := range all {
		all[i] = resident()
		for range racers {
			wg.Go(func() {
				r := all[i]
				for m := range messages {
					in := inbound(fmt.Sprint(i, " ", m))
					for {
						row, err := t.Load(ctx, r)
						if err != nil {
							t.Error(err)
							return
						}
						var next [16]byte
						copy(next[:], row.State)
						next[0]++
						o, err := t.Commit(ctx, &store.Change{Resident: r, Read: row.Version, State: next[:], At: noon, Inbound: in, Reply: next[:],
							Responses: []store.Response{{ID: id(), Poll: "race", At: noon}},
							Outbox:    []store.Message{{ID: id(), Channel: "sms", Kind: "tel", Due: noon, Body: next[:]}}})
						if err != nil {
							t.Error(err)
							return
						}
						if o.Kind == store.Conflict {
							continue
						}
						if o.Kind == store.Applied {
							applied.Add(1)
						} else if duplicates.Add(1); int(o.Reply[0]) != m+1 {
							t.Errorf("message %d was answered %d", m, o.Reply[0])
						}
						break
					}
				}
			})
		}
	}
	wg.Wait()
	t.equal("applied", applied.Load(), residents*messages)
	t.equal("duplicates", duplicates.Load(), residents*messages*(racers-1))
	for _, r := range all {
		if row := t.load(r); row.Version != messages || int(row.State[0]) != messages {
			t.Fatalf("version %d, %d turns in the state", row.Version, row.State[0])
		}
	}
	n := 0
	t.must(t.Responses(ctx, "race", func(store.Response) error { n++; return nil }))
	t.equal("responses", n, residents*messages)
	st, err := t.Stats(ctx)
	t.must(err)
	t.equal("queued", st.Queued, residents*messages)
}

func cancelled(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := resident()
	if _, err := t.Commit(ctx, &store.Change{Resident: r, At: noon}); !errors.Is(err, context.Canceled) {
		t.Fatalf("commit after the end: %v", err)
	}
	if row := t.load(r); row.Version != 0 {
		t.Fatal("and yet it was applied")
	}
}

func closed(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	// Close in traffic: what was acknowledged is there, the rest fails, nothing hangs or panics.
	var wg sync.WaitGroup
	started := make(chan struct{}, 16)
	for range 16 {
		wg.Go(func() {
			r := resident()
			for i := uint64(0); ; i++ {
				if _, err := t.Commit(context.Background(), &store.Change{Resident: r, Read: i, At: noon}); err != nil {
					return
				}
				if i == 0 {
					started <- struct{}{}
				}
			}
		})
	}
	for range 16 {
		<-started
	}
	t.must(t.Close())
	wg.Wait()
	if err := t.Ping(context.Background()); err == nil {
		t.Fatal("a closed store says that it can commit")
	}
	if _, err := t.Load(context.Background(), resident()); err == nil {
		t.Fatal("a closed store was read")
	}
	t.must(t.Close())
}
