package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

func addresses(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	r, other := resident(), resident()
	phone, chat := tel("+15550100"), store.Address{Key: addressKey("chat"), Kind: "telegram", Address: "4711"}
	t.turn(r, func(c *store.Change) { c.Link = []store.Address{phone} })
	t.turn(r, func(c *store.Change) { c.Link = []store.Address{chat, phone}; c.At = noon.Add(time.Hour) }) // once more is no harm
	for _, a := range []store.Address{phone, chat} {
		got, ok, err := t.Find(ctx, a.Key)
		t.must(err)
		if !ok || got != r {
			t.Fatalf("%s leads to %x, %v", a.Kind, got, ok)
		}
	}
	all, err := t.Addresses(ctx, r)
	t.must(err)
	if len(all) != 2 || !slices.Contains(all, phone) || !slices.Contains(all, chat) {
		t.Fatalf("addresses %+v", all)
	}
	t.commit(store.Conflict, &store.Change{Resident: other, Link: []store.Address{chat}})
	if _, ok, err := t.Find(ctx, addressKey("+15550199")); ok || err != nil {
		t.Fatal(ok, err)
	}
	if all, err := t.Addresses(ctx, resident()); len(all) != 0 || err != nil {
		t.Fatal(all, err)
	}
}

func optOuts(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	r, a, b := resident(), addressKey("a"), addressKey("b")
	expect := func(want bool) {
		t.Helper()
		got, err := t.OptedOut(t.Context(), a)
		t.must(err)
		t.equal("opted out", got, want)
		if got, err = t.OptedOut(t.Context(), b); got || err != nil {
			t.Fatal("another address is opted out", err)
		}
	}
	expect(false)
	for i, out := range []bool{true, true, false, true} {
		t.turn(r, func(c *store.Change) {
			// The last line counts, not the latest time: clocks may go back.
			c.OptOuts = []store.OptOut{{Address: a, Out: out, At: noon.Add(-time.Duration(i) * time.Hour), Channel: "sms", Word: "STOP"}}
		})
		expect(out)
	}
	t.turn(r, func(c *store.Change) {
		c.OptOuts = []store.OptOut{{Address: a, Out: true, At: noon}, {Address: a, Out: false, At: noon}}
	})
	expect(false)
}

func consents(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	r := resident()
	one := store.Consent{ID: id(), Resident: r, Poll: "visit", Version: 2, Step: "share", Words: "May we …?", Lang: "es", Yes: true, Channel: "sms", At: noon}
	two := one
	two.ID, two.Yes, two.At = id(), false, noon.Add(time.Minute)
	t.turn(r, func(c *store.Change) { c.Consents = []store.Consent{one} })
	t.turn(r, func(c *store.Change) { c.Consents = []store.Consent{two, one} }) // an id counts once
	got, err := t.Consents(t.Context(), r)
	t.must(err)
	t.equal("consents", got, []store.Consent{one, two})
}

func responses(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	want := map[[16]byte]store.Response{}
	for i := range 1200 { // more than any page
		p := store.Response{ID: id(), Poll: "main-street", Version: 3, Channel: "sms", Lang: "es", At: noon.Add(time.Duration(i) * time.Millisecond),
			Record: fmt.Appendf(nil, "record %d", i), Order: []byte{1, 2}}
		t.turn(resident(), func(c *store.Change) { c.Responses = []store.Response{p, {ID: id(), Poll: "other", At: noon}} })
		want[p.ID] = p
	}
	once := want[func() [16]byte {
		for k := range want {
			return k
		}
		return id()
	}()]
	t.turn(resident(), func(c *store.Change) { c.Responses = []store.Response{once} }) // a replay doesn't double it
	n := 0
	t.must(t.Responses(ctx, "main-street", func(r store.Response) error {
		n++
		t.equal("response", r, want[r.ID])
		return nil
	}))
	t.equal("responses", n, len(want))
	stop := errors.New("enough")
	if err := t.Responses(ctx, "main-street", func(store.Response) error { return stop }); err != stop {
		t.Fatalf("yield's error came back as %v", err)
	}
	t.must(t.Responses(ctx, "nobody-asked", func(store.Response) error { return stop }))
	// Within yield the store may be asked other things.
	t.must(t.Responses(ctx, "main-street", func(r store.Response) error { _, _, err := t.Find(ctx, addressKey("x")); return err }))
}

func roll(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	voted := func(poll string, v [16]byte, want bool) {
		t.Helper()
		got, err := t.Voted(ctx, poll, v)
		t.must(err)
		t.equal("voted", got, want)
	}
	ballot := func(poll string, v [16]byte) store.Ballot {
		return store.Ballot{Poll: poll, Voter: v, ID: id(), Version: 1, Channel: "phone", Day: "2027-03-15", Record: []byte("yes")}
	}
	// One answer a number: whoever comes is marked.
	voted("bridge", numbered(1), false)
	first := ballot("bridge", numbered(1))
	t.turn(resident(), func(c *store.Change) { c.Ballots = []store.Ballot{first} })
	voted("bridge", numbered(1), true)
	voted("park", numbered(1), false)
	r := resident()
	t.commit(store.Voted, &store.Change{Resident: r, Inbound: inbound("v"), State: []byte("s"), Ballots: []store.Ballot{ballot("bridge", numbered(1))}})
	t.equal("version after being turned away", t.load(r).Version, 0)
	// With no voter: as often as it comes, and counted apart; the same ballot only once.
	unsworn := ballot("bridge", [16]byte{})
	t.turn(resident(), func(c *store.Change) {
		c.Ballots = []store.Ballot{unsworn, ballot("bridge", [16]byte{})}
	})
	t.commit(store.Voted, &store.Change{Resident: r, State: []byte("s"), Ballots: []store.Ballot{unsworn}})
	apart, sworn := 0, 0
	t.must(t.Ballots(ctx, "bridge", func(b store.Ballot) error {
		if b.Voter != ([16]byte{}) {
			t.Error("a ballot tells its voter")
		}
		if b.Apart {
			apart++
			return nil
		}
		sworn++
		want := first
		want.Voter = [16]byte{}
		t.equal("ballot", b, want)
		return nil
	}))
	t.equal("apart, sworn", []int{apart, sworn}, []int{2, 1})

	// A roll: only codes that were sent out.
	t.must(t.Reserve(ctx, "budget", [][16]byte{numbered(10), numbered(11)}))
	t.must(t.Reserve(ctx, "budget", [][16]byte{numbered(11), numbered(12)}))
	for n, want := range map[int]bool{10: true, 11: true, 12: true, 13: false} {
		got, err := t.OnRoll(ctx, "budget", numbered(n))
		t.must(err)
		t.equal(fmt.Sprint("on the roll: ", n), got, want)
	}
	if on, err := t.OnRoll(ctx, "bridge", numbered(1)); on || err != nil {
		t.Fatal("a number that voted was taken for a reserved code", err)
	}
	voted("budget", numbered(10), false)
	t.turn(resident(), func(c *store.Change) { c.Ballots = []store.Ballot{ballot("budget", numbered(10))} })
	voted("budget", numbered(10), true)
	t.must(t.Reserve(ctx, "budget", [][16]byte{numbered(10)})) // sending a letter twice frees no code
	t.commit(store.Voted, &store.Change{Resident: resident(), Ballots: []store.Ballot{ballot("budget", numbered(10))}})
	t.commit(store.Voted, &store.Change{Resident: resident(), Ballots: []store.Ballot{ballot("budget", numbered(13))}})
	if on, err := t.OnRoll(ctx, "budget", numbered(10)); !on || err != nil {
		t.Fatal("a used code left the roll", err)
	}

	// Confidential: linked until the roll is closed.
	linked := ballot("school", numbered(20))
	linked.Linked = true
	t.turn(resident(), func(c *store.Change) { c.Ballots = []store.Ballot{linked, ballot("school", numbered(21))} })
	count := func() (n int) {
		t.must(t.Ballots(ctx, "school", func(b store.Ballot) error {
			if b.Linked {
				n++
			}
			return nil
		}))
		return n
	}
	t.equal("linked", count(), 1)
	n, err := t.CloseRoll(ctx, "school")
	t.must(err)
	t.equal("links destroyed", n, 1)
	t.equal("linked after closing", count(), 0)
	voted("school", numbered(20), true)
	if n, err = t.CloseRoll(ctx, "school"); n != 0 || err != nil {
		t.Fatal(n, err)
	}
}

// ballotOrder: what is read back depends on which ballots there are, not on which came first.
func ballotOrder(tt *testing.T, open func(t *testing.T) store.Store) {
	ballots := make([]store.Ballot, 700)
	for i := range ballots {
		ballots[i] = store.Ballot{Poll: "secret", Voter: id(), ID: id(), Version: 1, Channel: "phone", Day: "2027-03-15", Record: []byte{byte(i % 3)}}
	}
	var orders [][]store.Ballot
	for seed := range uint64(2) {
		t := begin(tt, open)
		cast := slices.Clone(ballots)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(cast), func(i, j int) { cast[i], cast[j] = cast[j], cast[i] })
		for i := range cast {
			t.turn(resident(), func(c *store.Change) { c.Ballots = cast[i : i+1] })
		}
		var read []store.Ballot
		t.must(t.Ballots(t.Context(), "secret", func(b store.Ballot) error { read = append(read, b); return nil }))
		t.equal("ballots", len(read), len(cast))
		orders = append(orders, read)
	}
	for i := range orders[0] {
		if orders[0][i].ID != orders[1][i].ID {
			tt.Fatalf("ballot %d depends on the order of voting", i)
		}
	}
}

func timers(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	a, b := resident(), resident()
	names := func(at time.Time, n int) (got []string) {
		due, err := t.Timers(ctx, at, n)
		t.must(err)
		for _, d := range due {
			who := "a"
			if d.Resident == b {
				who = "b"
			}
			got = append(got, who+" "+d.Name+" "+d.At.Format("15:04"))
		}
		return got
	}
	next := func(want time.Time) {
		t.Helper()
		got, err := t.NextDue(ctx)
		t.must(err)
		if !got.Equal(want) {
			t.Fatalf("next due %v, want %v", got, want)
		}
	}
	next(time.Time{})
	t.turn(a, func(c *store.Change) {
		c.Timers = []store.Timer{{Resident: a, Name: "remind", At: noon.Add(time.Hour)}, {Resident: a, Name: "expire", At: noon.Add(3 * time.Hour)}}
	})
	t.turn(b, func(c *store.Change) {
		c.Timers = []store.Timer{{Resident: b, Name: "remind", At: noon.Add(2 * time.Hour)}}
	})
	next(noon.Add(time.Hour))
	t.equal("early", names(noon.Add(59*time.Minute), 10), []string{})
	t.equal("due", names(noon.Add(2*time.Hour), 10), []string{"a remind 13:00", "b remind 14:00"})
	t.equal("still due", names(noon.Add(2*time.Hour), 10), []string{"a remind 13:00", "b remind 14:00"})
	t.equal("one", names(noon.Add(2*time.Hour), 1), []string{"a remind 13:00"})
	t.turn(a, func(c *store.Change) {
		c.Timers = []store.Timer{{Resident: a, Name: "remind", At: noon.Add(4 * time.Hour)}}
	})
	t.equal("replaced", names(noon.Add(9*time.Hour), 10), []string{"b remind 14:00", "a expire 15:00", "a remind 16:00"})
	t.turn(a, func(c *store.Change) { c.Untimers = []string{"expire", "unknown"} })
	t.equal("removed", names(noon.Add(9*time.Hour), 10), []string{"b remind 14:00", "a remind 16:00"})
	// A timer may be removed and set in one change.
	t.turn(b, func(c *store.Change) {
		c.Untimers, c.Timers = []string{"remind"}, []store.Timer{{Resident: b, Name: "remind", At: noon.Add(5 * time.Hour)}}
	})
	next(noon.Add(4 * time.Hour))
}

func published(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	one := store.Published{ID: "light", Version: 1, Hash: "aa", At: noon, Source: []byte("say: hello")}
	t.must(t.Publish(ctx, one))
	t.must(t.Publish(ctx, one)) // the same again is no change
	changed := one
	changed.Hash = "bb"
	if err := t.Publish(ctx, changed); !errors.Is(err, store.ErrPublished) {
		t.Fatalf("a published version was changed: %v", err)
	}
	changed.Version = 2
	t.must(t.Publish(ctx, changed))
	t.must(t.Publish(ctx, store.Published{ID: "bus", Version: 9, Hash: "cc", At: noon}))
	got, err := t.Dialog(ctx, "light", 1, "aa")
	t.must(err)
	t.equal("content", got, one)
	for _, miss := range []store.Published{{ID: "light", Version: 1, Hash: "bb"}, {ID: "light", Version: 3, Hash: "aa"}, {ID: "dark", Version: 1, Hash: "aa"}} {
		if _, err := t.Dialog(ctx, miss.ID, miss.Version, miss.Hash); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("%v was found: %v", miss, err)
		}
	}
	all, err := t.Dialogs(ctx)
	t.must(err)
	var names []string
	for _, p := range all {
		names = append(names, fmt.Sprintf("%s@%d#%s %d", p.ID, p.Version, p.Hash, len(p.Source)))
	}
	t.equal("list", names, []string{"bus@9#cc 0", "light@1#aa 0", "light@2#bb 0"})
}

func erase(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	r, other := resident(), resident()
	everything := func(r store.Resident, n int) func(c *store.Change) {
		return func(c *store.Change) {
			number := fmt.Sprintf("+1555010%d", n)
			c.Inbound, c.Reply = inbound(number), []byte("reply")
			c.Link = []store.Address{tel(number)}
			c.Responses = []store.Response{{ID: numbered(n), Poll: "p", At: noon}}
			c.Ballots = []store.Ballot{{Poll: "secret", Voter: numbered(n), ID: id()}, {Poll: "confidential", Voter: numbered(n), ID: id(), Linked: true}}
			c.Requests = []store.RequestEvent{{Reference: fmt.Sprint("R-", n), Kind: store.Opened, At: noon, Resident: r, Record: []byte("kept"), Personal: []byte("gone")}}
			c.Outbox = []store.Message{{ID: id(), Channel: "sms", Kind: "tel", Due: noon, Body: []byte("b")}}
			c.Timers = []store.Timer{{Resident: r, Name: "remind", At: noon}}
			c.OptOuts = []store.OptOut{{Address: addressKey(number), Out: true, At: noon}}
			c.Consents = []store.Consent{{ID: id(), Resident: r, Yes: true, At: noon}}
		}
	}
	t.turn(r, everything(r, 1))
	t.turn(other, everything(other, 2))
	t.turn(other, func(c *store.Change) {
		c.Requests = []store.RequestEvent{{Reference: "R-1", Kind: store.Joined, At: noon, Resident: other, Personal: []byte("theirs")}}
	})
	t.turn(r, func(c *store.Change) {
		c.Requests = []store.RequestEvent{{Reference: "R-2", Kind: store.Joined, At: noon, Resident: r, Personal: []byte("gone")}}
	})
	t.must(t.Append(ctx, store.RequestEvent{Reference: "R-1", Kind: "note", At: noon, By: "clerk", Personal: []byte("gone too"), Text: "kept"}))
	before, err := t.Stats(ctx)
	t.must(err)

	t.must(t.Erase(ctx, r, noon))
	t.must(t.Erase(ctx, r, noon)) // once more is no harm
	t.must(t.Erase(ctx, resident(), noon))

	if row := t.load(r); row.Version != 0 || row.State != nil || len(row.Answered) != 0 {
		t.Fatalf("the row is left: %+v", row)
	}
	if _, ok, err := t.Reply(ctx, r, inbound("+15550101")); ok || err != nil {
		t.Fatal("a reply is left", err)
	}
	if _, ok, err := t.Find(ctx, addressKey("+15550101")); ok || err != nil {
		t.Fatal("the address is left", err)
	}
	if all, err := t.Addresses(ctx, r); len(all) != 0 || err != nil {
		t.Fatal("the addresses are left", err)
	}
	if all, err := t.Consents(ctx, r); len(all) != 0 || err != nil {
		t.Fatal("the consents are left", err)
	}
	if out, err := t.OptedOut(ctx, addressKey("+15550101")); !out || err != nil {
		t.Fatal("the opt-out ledger forgot", err)
	}
	if voted, err := t.Voted(ctx, "secret", numbered(1)); !voted || err != nil {
		t.Fatal("the mark on the roll is gone: they could vote again", err)
	}
	linked := 0
	t.must(t.Ballots(ctx, "confidential", func(b store.Ballot) error {
		if b.Linked {
			linked++
		}
		return nil
	}))
	t.equal("linked ballots left", linked, 1)
	t.must(t.Responses(ctx, "p", func(p store.Response) error { t.equal("whose response is left", p.ID, numbered(2)); return nil }))
	after, err := t.Stats(ctx)
	t.must(err)
	before.Conversations--
	before.Responses--
	before.Queued--
	before.Timers--
	before.WAL, after.WAL = 0, 0
	t.equal("counts", after, before)

	own, err := t.Request(ctx, "R-1")
	t.must(err)
	if own.Resident != (store.Resident{}) || own.Personal != nil || string(own.Record) != "kept" || own.Joined != 1 {
		t.Fatalf("the request: %+v", own)
	}
	for _, e := range own.History {
		switch {
		case e.Resident == other:
			t.equal("a joiner's own", string(e.Personal), "theirs")
		case e.Resident != (store.Resident{}) || e.Personal != nil:
			t.Fatalf("the person is left in %+v", e)
		}
	}
	theirs, err := t.Request(ctx, "R-2")
	t.must(err)
	t.equal("the neighbour's request", string(theirs.Personal), "gone") // it is the neighbour's
	t.equal("joined by", theirs.Joined, 1)
	for _, e := range theirs.History {
		if e.Kind == store.Joined && (e.Resident != (store.Resident{}) || e.Personal != nil) {
			t.Fatalf("the person is left in %+v", e)
		}
	}
	if list, err := t.Requests(ctx, store.RequestQuery{Resident: r}); len(list) != 0 || err != nil {
		t.Fatal("requests lead to the person", err)
	}
	// A desk's late word about the person is dropped.
	t.must(t.Append(ctx, store.RequestEvent{Reference: "R-1", Kind: "note", At: noon, Personal: []byte("late")}))
	if own, err = t.Request(ctx, "R-1"); err != nil || own.History[len(own.History)-1].Personal != nil {
		t.Fatal("a late note names the person", err)
	}
	if row := t.load(other); row.Version == 0 {
		t.Fatal("the neighbour was erased")
	}
	// A turn that was under way when they were erased is a conflict, and begins nothing by itself.
	t.commit(store.Conflict, &store.Change{Resident: r, Read: 2, State: []byte("late")})
}

// eraseAndBeginAgain: what was computed before an erasure never lands on a row that was begun after it.
func eraseAndBeginAgain(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	r := resident()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 60 {
			if err := t.Erase(ctx, r, noon); err != nil {
				t.Error(err)
			}
			if _, err := t.Commit(ctx, &store.Change{Resident: r, State: []byte("new"), At: noon}); err != nil {
				t.Error(err)
			}
		}
	}()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				row, err := t.Load(ctx, r)
				if err != nil {
					t.Errorf("load: %v", err)
					return
				}
				if _, err := t.Commit(ctx, &store.Change{Resident: r, Read: row.Version, State: []byte("old"), At: noon}); err != nil {
					t.Errorf("commit: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	<-done
	t.load(r) // can be opened
	t.turn(r, nil)
}

func stats(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	for i := range 3 {
		t.turn(resident(), func(c *store.Change) {
			c.Link = []store.Address{tel(fmt.Sprint(i))}
			c.Responses = []store.Response{{ID: id(), Poll: "p"}}
			c.Ballots = []store.Ballot{{Poll: "p", Voter: id(), ID: id()}}
			c.Requests = []store.RequestEvent{{Reference: fmt.Sprint(i), Kind: store.Opened}}
			c.Outbox = []store.Message{{ID: numbered(i), Channel: "sms", Kind: "tel", Due: noon}}
			c.Timers = []store.Timer{{Name: "remind", At: noon}}
			c.Media = []store.Media{{ID: id(), Type: "audio/ogg", Bytes: make([]byte, 100), At: noon}}
		})
	}
	m, err := t.Claim(ctx, store.Want{Channels: []string{"sms"}, Class: 2, N: 2}, noon, time.Minute)
	t.must(err)
	t.equal("claimed", len(m), 2)
	t.must(t.Settle(ctx, noon, []store.Settled{{ID: m[0].ID, State: store.Dead, Code: "30005"}, {ID: m[1].ID, State: store.Unsure}}))
	got, err := t.Stats(ctx)
	t.must(err)
	got.WAL = 0
	t.equal("stats", got, store.Stats{Conversations: 3, Responses: 3, Ballots: 3, Requests: 3, Queued: 1, Unsure: 1, Dead: 1, Timers: 3, Media: 3, MediaBytes: 300})
	t.must(t.Ping(ctx))
}

func backup(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	t.turn(resident(), nil)
	file := filepath.Join(t.TempDir(), "copy")
	t.must(t.Backup(t.Context(), file))
	if err := t.Backup(t.Context(), file); err == nil {
		t.Fatal("a backup was written over another")
	}
}
