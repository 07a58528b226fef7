package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// two are a resident and who turns out to be them.
type two struct {
	town
	r, was      store.Resident
	other       store.Resident // who joined their requests
	phone, chat store.Address  // of was
	short, long store.Media    // of was
	queued      [16]byte       // messages of was
	taken       [16]byte
	doubtful    [16]byte
	ballot      [16]byte // linked, of was
}

// beginTwo has both say and do all that one can.
func beginTwo(t town) *two {
	w := &two{town: t, r: resident(), was: resident(), other: resident(), phone: tel("+15550100"), chat: store.Address{Key: addressKey("chat"), Kind: "telegram", Address: "4711"},
		short: recording(sound(1, 700)), long: recording(sound(2, 300_000)), queued: id(), taken: id(), doubtful: id(), ballot: id()}
	opened := func(reference string, r store.Resident) store.RequestEvent {
		return store.RequestEvent{Reference: reference, Kind: store.Opened, At: noon, By: "resident", Resident: r, Status: "open", Record: []byte("what"), Personal: []byte("who opened " + reference)}
	}
	joined := func(reference string, r store.Resident) store.RequestEvent {
		return store.RequestEvent{Reference: reference, Kind: store.Joined, At: noon, By: "resident", Resident: r, Personal: []byte("who joined " + reference)}
	}
	message := func(id [16]byte, words string) store.Message {
		return store.Message{ID: id, Channel: "sms", Kind: "tel", Due: noon, Body: []byte(words)}
	}
	for n := range 12 {
		for _, who := range []store.Resident{w.was, w.r} {
			t.turn(who, func(c *store.Change) {
				c.Inbound, c.Reply, c.State = w.message(who, n), w.reply(who, n), []byte{byte(n)}
				if n > 0 {
					return
				}
				c.Responses = []store.Response{{ID: id(), Poll: "park", At: noon, Record: []byte("r")}}
				c.Consents = []store.Consent{{ID: id(), Words: "May we?", Yes: true, At: noon}}
				c.Timers = []store.Timer{{Name: "remind", At: noon.Add(time.Hour)}}
				if who == w.r {
					c.Link = []store.Address{tel("+15550199")}
					c.Requests = []store.RequestEvent{opened("OF-R", w.r), opened("BOTH", w.r)}
					return
				}
				c.Link = []store.Address{w.phone, w.chat}
				c.Ballots = []store.Ballot{{Poll: "school", Voter: numbered(1), ID: w.ballot, Linked: true}}
				c.Requests = []store.RequestEvent{opened("OF-WAS", w.was)}
				c.Outbox = []store.Message{message(w.doubtful, "in doubt")}
				c.Timers = []store.Timer{{Name: "remind", At: noon.Add(time.Minute)}, {Name: "expire", At: noon.Add(2 * time.Minute)}}
				c.Media = []store.Media{w.short, w.long}
				c.Letters = []store.Letter{{ID: id(), At: noon.Add(-time.Hour), Channel: "sms", Words: "where is it?", Media: []string{"media:1"}}}
				c.Case = &store.Case{State: store.Waiting, Desk: "roads", Since: noon.Add(-time.Hour), Last: noon, Unread: 1, Channel: "sms", Lang: "es"}
			})
		}
	}
	t.turn(w.other, func(c *store.Change) {
		c.Requests = []store.RequestEvent{opened("OTHERS", w.other), joined("OF-WAS", w.other)}
	})
	t.turn(w.was, func(c *store.Change) {
		c.Requests = []store.RequestEvent{joined("OF-R", w.was), joined("OTHERS", w.was), joined("BOTH", w.was)}
	})
	t.turn(w.r, func(c *store.Change) { c.Requests = []store.RequestEvent{joined("OTHERS", w.r)} })
	t.must(t.Append(t.Context(), store.RequestEvent{Reference: "OF-WAS", Kind: "note", At: noon, By: "ana", Personal: []byte("a note on them")}))
	// One message of theirs is in doubt, one is taken, one is queued.
	if m := t.claim(noon, 1, "sms"); len(m) != 1 || m[0].ID != w.doubtful {
		t.Fatalf("claimed %+v", m)
	}
	t.settle(noon, store.Settled{ID: w.doubtful, State: store.Unsure})
	t.turn(w.was, func(c *store.Change) { c.Outbox = []store.Message{message(w.taken, "on its way")} })
	if m := t.claim(noon, 1, "sms"); len(m) != 1 || m[0].ID != w.taken {
		t.Fatalf("claimed %+v", m)
	}
	t.turn(w.was, func(c *store.Change) { c.Outbox = []store.Message{message(w.queued, "waiting")} })
	return w
}

func (w *two) message(who store.Resident, n int) store.Inbound {
	return inbound(fmt.Sprintf("message %d of %x", n, who))
}

func (w *two) reply(who store.Resident, n int) []byte {
	return fmt.Appendf(nil, "reply %d to %x", n, who)
}

// change is a merge from how both stand.
func (w *two) change() *store.Change {
	return &store.Change{Resident: w.r, Read: w.load(w.r).Version, State: []byte("one"), At: noon, Inbound: inbound("it is me"), Reply: []byte("so it is"),
		Merged: &store.Merged{Resident: w.was, Read: w.load(w.was).Version}}
}

// apart checks that nothing has moved.
func (w *two) apart(what string) {
	w.Helper()
	t, ctx := w.town, w.Context()
	for _, a := range []store.Address{w.phone, w.chat} {
		if got, _, err := t.Find(ctx, a.Key); err != nil || got != w.was {
			t.Fatalf("%s: %s leads to %x (%v)", what, a.Kind, got, err)
		}
	}
	if all, err := t.Addresses(ctx, w.was); err != nil || len(all) != 2 || all[0].Address == "" {
		t.Fatalf("%s: addresses %+v, %v", what, all, err)
	}
	w.knows(what, w.was, 11)
	w.knows(what, w.r, 11)
	w.heard(w.was, w.long)
	for reference, who := range map[string]store.Resident{"OF-WAS": w.was, "OF-R": w.r} {
		if q, err := t.Request(ctx, reference); err != nil || q.Resident != who || string(q.Personal) != "who opened "+reference || q.Joined != 1 {
			t.Fatalf("%s: %+v, %v", what, q, err)
		}
	}
	if all, err := t.Letters(ctx, w.was, 9); err != nil || len(all) != 1 || all[0].Words != "where is it?" {
		t.Fatalf("%s: letters %+v, %v", what, all, err)
	}
	if c, ok, err := t.CaseOf(ctx, w.was); err != nil || !ok || c.Resident != w.was {
		t.Fatalf("%s: case %+v, %v", what, c, err)
	}
	due, err := t.Timers(ctx, noon.Add(time.Hour), 9)
	t.must(err)
	t.equal(what+": timers", len(due), 3)
	for who, want := range map[store.Resident]int{w.was: 1, w.r: 1} {
		all, err := t.Consents(ctx, who)
		t.must(err)
		t.equal(what+": consents", len(all), want)
	}
}

// knows expects the n-th message's reply.
func (w *two) knows(what string, who store.Resident, n int) {
	w.Helper()
	if b, ok, err := w.Reply(w.Context(), who, w.message(who, n)); err != nil || !ok || string(b) != string(w.reply(who, n)) {
		w.Fatalf("%s: the reply to message %d is %q, %v, %v", what, n, b, ok, err)
	}
}

// merged: all that is one's becomes the other's.
func merged(tt *testing.T, open func(t *testing.T) store.Store) {
	w := beginTwo(begin(tt, open))
	t, ctx := w.town, tt.Context()
	before, err := t.Stats(ctx)
	t.must(err)
	t.commit(store.Applied, w.change())
	after, err := t.Stats(ctx)
	t.must(err)
	before.Conversations--
	before.Timers--
	before.WAL, after.WAL = 0, 0
	t.equal("counts", after, before)

	// Of them nothing is left.
	if row := t.load(w.was); row.Version != 0 || row.State != nil || len(row.Answered) != 0 {
		t.Fatalf("their row: %+v", row)
	}
	if all, err := t.Addresses(ctx, w.was); len(all) != 0 || err != nil {
		t.Fatal("their addresses", all, err)
	}
	if _, ok, err := t.Reply(ctx, w.was, w.message(w.was, 11)); ok || err != nil {
		t.Fatal("their replies", err)
	}
	if all, err := t.Letters(ctx, w.was, 9); len(all) != 0 || err != nil {
		t.Fatal("their letters", all, err)
	}
	if _, ok, err := t.CaseOf(ctx, w.was); ok || err != nil {
		t.Fatal("their case", err)
	}
	t.commit(store.Conflict, &store.Change{Resident: w.was, Read: 16, State: []byte("late")})

	// It is the resident's.
	for _, a := range []store.Address{w.phone, w.chat, tel("+15550199")} {
		if got, _, err := t.Find(ctx, a.Key); err != nil || got != w.r {
			t.Fatalf("%s leads to %x (%v)", a.Address, got, err)
		}
		if all, err := t.Addresses(ctx, w.r); err != nil || len(all) != 3 || !slices.Contains(all, a) {
			t.Fatalf("addresses %+v, %v", all, err)
		}
	}
	if row := t.load(w.r); string(row.State) != "one" || row.Version != 14 {
		t.Fatalf("the row: %+v", row)
	}
	t.heard(w.r, w.short)
	t.heard(w.r, w.long)
	answered := 0
	t.must(t.Answered(ctx, "park", func(r store.Resident) error { t.equal("who answered", r, w.r); answered++; return nil }))
	t.equal("residents who answered", answered, 1)
	t.must(t.Answered(ctx, "school", func(r store.Resident) error { t.equal("whose ballot is linked", r, w.r); return nil }))
	responses := 0
	t.must(t.Responses(ctx, "park", func(store.Response) error { responses++; return nil }))
	t.equal("responses", responses, 2)
	if all, err := t.Consents(ctx, w.r); err != nil || len(all) != 2 || all[1].Resident != w.r {
		t.Fatalf("consents %+v, %v", all, err)
	}
	due, err := t.Timers(ctx, noon.Add(time.Hour), 9)
	t.must(err)
	t.equal("timers", due, []store.Timer{{Resident: w.r, Name: "expire", At: noon.Add(2 * time.Minute)}, {Resident: w.r, Name: "remind", At: noon.Add(time.Hour)}})
	letters, err := t.Letters(ctx, w.r, 9)
	t.must(err)
	if len(letters) != 1 || letters[0].Words != "where is it?" || letters[0].Resident != w.r || len(letters[0].Media) != 1 {
		t.Fatalf("letters %+v", letters)
	}
	if c, ok, err := t.CaseOf(ctx, w.r); err != nil || !ok || c.Resident != w.r || c.Unread != 1 || c.Desk != "roads" || c.Lang != "es" {
		t.Fatalf("case %+v, %v, %v", c, ok, err)
	}

	// Requests: each counts the one who is two once.
	for reference, want := range map[string]struct {
		by     store.Resident
		joined int
	}{"OF-WAS": {w.r, 1}, "OF-R": {w.r, 0}, "BOTH": {w.r, 0}, "OTHERS": {w.other, 1}} {
		q, err := t.Request(ctx, reference)
		t.must(err)
		if q.Resident != want.by || q.Joined != want.joined || string(q.Personal) != "who opened "+reference {
			t.Fatalf("%+v", q)
		}
		for _, e := range q.History {
			personal := map[string]string{store.Opened: "who opened ", store.Joined: "who joined "}[e.Kind] + reference
			if e.Kind == "note" {
				personal = "a note on them"
			}
			if e.Resident == w.was || string(e.Personal) != personal {
				t.Fatalf("%s: %+v", reference, e)
			}
		}
	}
	t.turn(w.r, func(c *store.Change) {
		c.Requests = []store.RequestEvent{{Reference: "OTHERS", Kind: store.Joined, At: noon, Resident: w.r}}
	})
	if q, err := t.Request(ctx, "OTHERS"); err != nil || q.Joined != 1 {
		t.Fatalf("joined once more: %+v, %v", q, err)
	}
	list, err := t.Requests(ctx, store.RequestQuery{Resident: w.r})
	t.must(err)
	t.equal("their requests", len(list), 4)

	// Messages go where the two were to be reached.
	t.settle(noon, store.Settled{ID: w.taken, State: store.Sent})
	m := t.claim(noon, 9)
	if len(m) != 1 || m[0].ID != w.queued || m[0].Resident != w.r || string(m[0].Body) != "waiting" || m[0].Address == "" {
		t.Fatalf("claimed %+v", m)
	}
	if doubt, err := t.Messages(ctx, store.Unsure, 9); err != nil || len(doubt) != 1 || doubt[0].Resident != w.r || string(doubt[0].Body) != "in doubt" {
		t.Fatalf("in doubt: %+v, %v", doubt, err)
	}

	// And it goes with the resident.
	t.must(t.Erase(ctx, w.r, noon))
	t.unheard(w.short, w.long)
	if q, err := t.Request(ctx, "OF-WAS"); err != nil || q.Resident != (store.Resident{}) || q.Personal != nil {
		t.Fatalf("%+v, %v", q, err)
	}
	t.must(t.Ballots(ctx, "school", func(b store.Ballot) error { t.equal("a ballot is linked still", b.Linked, false); return nil }))
	if voted, err := t.Voted(ctx, "school", numbered(1)); !voted || err != nil {
		t.Fatal("the mark on the roll is gone", err)
	}
}

// mergedReplies: messages of both that come again are answered as they were.
func mergedReplies(tt *testing.T, open func(t *testing.T) store.Store) {
	w := beginTwo(begin(tt, open))
	t, ctx := w.town, tt.Context()
	// One of theirs comes again with the change that would merge them: it was answered before.
	c := w.change()
	c.Inbound = w.message(w.was, 3)
	if o := t.commit(store.Duplicate, c); string(o.Reply) != string(w.reply(w.was, 3)) {
		t.Fatalf("%q", o.Reply)
	}
	c = w.change()
	c.Inbound, c.Merged.Read = w.message(w.r, 3), 1
	if o := t.commit(store.Duplicate, c); string(o.Reply) != string(w.reply(w.r, 3)) {
		t.Fatalf("%q", o.Reply)
	}
	w.apart("a repeated message")

	c = w.change()
	t.commit(store.Applied, c)
	if o := t.commit(store.Duplicate, c); string(o.Reply) != "so it is" {
		t.Fatalf("%q", o.Reply)
	}
	row := t.load(w.r)
	if len(row.Answered) != 16 || row.Answered[0] != inbound("it is me") {
		t.Fatalf("%d messages are known", len(row.Answered))
	}
	want := []store.Inbound{inbound("it is me")}
	for n := 11; n >= 4; n-- { // of each pair of turns the second was the resident's
		if n > 4 {
			want = append(want, w.message(w.r, n))
		}
		want = append(want, w.message(w.was, n))
	}
	t.equal("known messages", row.Answered, want)
	again := func(who store.Resident, n int) {
		t.Helper()
		b, ok, err := t.Reply(ctx, w.r, w.message(who, n))
		t.must(err)
		o := t.commit(store.Duplicate, &store.Change{Resident: w.r, Inbound: w.message(who, n), State: []byte("again")})
		if !ok || string(b) != string(w.reply(who, n)) || string(o.Reply) != string(b) {
			t.Fatalf("message %d: %q, %v, %q", n, b, ok, o.Reply)
		}
	}
	for n := 5; n < 12; n++ {
		again(w.was, n)
		again(w.r, n)
	}
	again(w.was, 4)
	for _, in := range []store.Inbound{w.message(w.was, 3), w.message(w.r, 4)} {
		if _, ok, err := t.Reply(ctx, w.r, in); ok || err != nil {
			t.Fatal("a message is known that is too old", err)
		}
	}
	// The next messages push out the oldest, whosever they were.
	for n := range 4 {
		t.turn(w.r, func(c *store.Change) { c.Inbound, c.Reply = inbound(fmt.Sprint("on ", n)), []byte("on") })
	}
	t.equal("known messages then", t.load(w.r).Answered[4:], want[:12])
	again(w.was, 7)

	// Forget reaches what both were told.
	w = beginTwo(begin(tt, open))
	c = w.change()
	c.Forget = true
	w.commit(store.Applied, c)
	for _, who := range []store.Resident{w.was, w.r} {
		if b, ok, err := w.Reply(ctx, w.r, w.message(who, 11)); err != nil || !ok || string(b) != "so it is" {
			t.Fatalf("%q, %v, %v", b, ok, err)
		}
	}
	if doubt, err := w.Messages(ctx, store.Unsure, 9); err != nil || len(doubt) != 0 {
		t.Fatal("what was in doubt", doubt, err)
	}
}

// mergedBeside: what else is in the change is said of both.
func mergedBeside(tt *testing.T, open func(t *testing.T) store.Store) {
	w := beginTwo(begin(tt, open))
	t, ctx := w.town, tt.Context()
	n := resident()
	mine := recording(sound(9, 1000))
	letter := store.Letter{ID: id(), At: noon, By: "ana", Words: "you are one"}
	c := w.change()
	c.Inbound, c.Reply = store.Inbound{}, nil // a timer's
	c.Link, c.Unlink = []store.Address{w.phone}, []store.AddressKey{w.chat.Key}
	c.Newcomer = &store.Newcomer{Resident: n, State: []byte("new"), Link: []store.Address{w.chat}}
	c.Untimers, c.Timers = []string{"expire"}, []store.Timer{{Name: "remind", At: noon.Add(5 * time.Minute)}}
	c.Media, c.Unmedia = []store.Media{mine}, [][16]byte{w.short.ID}
	c.Case, c.Letters = &store.Case{State: store.Taken, Clerk: "ana", Since: noon, Last: noon, Unread: 0}, []store.Letter{letter}
	c.Marks = []store.Mark{{Poll: "park", Voter: numbered(4)}}
	t.commit(store.Applied, c)
	t.equal("known messages", len(t.load(w.r).Answered), 16)
	if r, _, err := t.Find(ctx, w.chat.Key); err != nil || r != n {
		t.Fatalf("the chat is %x's (%v)", r, err)
	}
	if r, _, err := t.Find(ctx, w.phone.Key); err != nil || r != w.r {
		t.Fatalf("the phone is %x's (%v)", r, err)
	}
	due, err := t.Timers(ctx, noon.Add(time.Hour), 9)
	t.must(err)
	t.equal("timers", due, []store.Timer{{Resident: w.r, Name: "remind", At: noon.Add(5 * time.Minute)}})
	t.unheard(w.short)
	t.heard(w.r, w.long)
	t.heard(w.r, mine)
	if c, ok, err := t.CaseOf(ctx, w.r); err != nil || !ok || c.State != store.Taken || c.Unread != 0 || c.Desk != "" {
		t.Fatalf("case %+v, %v, %v", c, ok, err)
	}
	letters, err := t.Letters(ctx, w.r, 9)
	t.must(err)
	if len(letters) != 2 || letters[0].Words != "where is it?" || letters[1].Words != letter.Words {
		t.Fatalf("letters %+v", letters)
	}
	if voted, err := t.Voted(ctx, "park", numbered(4)); !voted || err != nil {
		t.Fatal("the mark", err)
	}

	// Who was never here before may turn out to be somebody; and of two cases the resident's stays, with what is unread of both.
	first := resident()
	t.commit(store.Applied, &store.Change{Resident: first, State: []byte("1"), Inbound: inbound("first"), Reply: []byte("hello"),
		Case: &store.Case{State: store.Waiting, Since: noon, Last: noon, Unread: 1}, Merged: &store.Merged{Resident: w.r, Read: t.load(w.r).Version}})
	t.heard(first, w.long)
	t.equal("known messages", len(t.load(first).Answered), 9)
	t.turn(n, func(c *store.Change) {
		c.Case = &store.Case{State: store.Waiting, Desk: "parks", Since: noon, Last: noon, Unread: 2}
	})
	t.turn(first, func(c *store.Change) { c.Merged = &store.Merged{Resident: n, Read: t.load(n).Version} })
	if c, ok, err := t.CaseOf(ctx, first); err != nil || !ok || c.Desk != "" || c.Unread != 3 {
		t.Fatalf("case %+v, %v, %v", c, ok, err)
	}
	if st, err := t.Stats(ctx); err != nil || st.Cases != 1 || st.Conversations != 2 {
		t.Fatalf("%+v, %v", st, err)
	}
}

// mergedWhole: where something stands in the way, nothing has moved, and all can be read as before.
func mergedWhole(tt *testing.T, open func(t *testing.T) store.Store) {
	w := beginTwo(begin(tt, open))
	t, ctx := w.town, tt.Context()
	t.turn(w.other, func(c *store.Change) { c.Link = []store.Address{tel("+15550177")} })
	for _, c := range []struct {
		name  string
		want  store.OutcomeKind
		spoil func(c *store.Change)
	}{
		{"an old version", store.Conflict, func(c *store.Change) { c.Read-- }},
		{"a later version", store.Conflict, func(c *store.Change) { c.Read++ }},
		{"no row", store.Conflict, func(c *store.Change) { c.Read = 0 }},
		{"an old version of theirs", store.Conflict, func(c *store.Change) { c.Merged.Read-- }},
		{"a later version of theirs", store.Conflict, func(c *store.Change) { c.Merged.Read++ }},
		{"their first version", store.Conflict, func(c *store.Change) { c.Merged.Read = 0 }},
		{"oneself", store.Conflict, func(c *store.Change) { c.Merged.Resident, c.Merged.Read = c.Resident, c.Read }},
		{"nobody", store.Conflict, func(c *store.Change) { c.Merged.Resident = resident() }},
		{"nobody, at no version", store.Conflict, func(c *store.Change) { *c.Merged = store.Merged{Resident: resident()} }},
		{"another's address", store.Conflict, func(c *store.Change) { c.Link = []store.Address{tel("+15550177")} }},
		{"lets go of another's", store.Conflict, func(c *store.Change) { c.Unlink = []store.AddressKey{tel("+15550177").Key} }},
		{"is the newcomer", store.Conflict, func(c *store.Change) { c.Newcomer = &store.Newcomer{Resident: w.was} }},
		{"a taken reference", store.Conflict, func(c *store.Change) {
			c.Requests = []store.RequestEvent{{Reference: "OF-R", Kind: store.Opened, At: noon}}
		}},
		{"voted", store.Voted, func(c *store.Change) { c.Ballots = []store.Ballot{{Poll: "school", Voter: numbered(1), ID: id()}} }},
	} {
		change := w.change()
		c.spoil(change)
		t.commit(c.want, change)
		w.apart(c.name)
	}
	c := w.change()
	c.Requests = []store.RequestEvent{{Reference: "NOWHERE", Kind: store.Joined, At: noon}}
	if _, err := t.Commit(ctx, c); !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	w.apart("a broken change")
	c = w.change()
	c.Media = []store.Media{recording(nil)}
	if _, err := t.Commit(ctx, c); err == nil {
		t.Fatal("nothing was kept as a recording")
	}
	w.apart("a recording that is none")
	// What a failed merge laid down is gone.
	t.must(t.Sweep(ctx, noon.AddDate(1, 0, 0)))
	t.unheard(w.short, w.long)
	t.stored(0, 0)
	t.commit(store.Applied, w.change()) // and unspoilt it goes in, though the recordings are gone meanwhile
}

// mergedRaces: whatever is going on with the two, nothing is lost of it, and nothing is there twice.
func mergedRaces(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	const pairs = 12
	var mu sync.Mutex
	said, heard := 0, map[string]bool{}
	var all, claims sync.WaitGroup
	done := make(chan struct{})
	claim := func() {
		m, err := t.Claim(ctx, store.Want{Channels: []string{"sms"}, Class: 2, N: 4}, noon, time.Hour)
		if err != nil {
			t.Error(err)
			return
		}
		for _, m := range m {
			if words := m.Address + " " + string(m.Body); m.Unsure || heard[words] || m.Address == "" {
				t.Errorf("claimed %q, %v", words, m.Unsure)
			}
			heard[m.Address+" "+string(m.Body)] = true
			if err := t.Settle(ctx, noon, []store.Settled{{ID: m.ID, State: store.Sent}}); err != nil {
				t.Error(err)
			}
		}
	}
	var them []func()
	for n := range pairs {
		r, was := resident(), resident()
		t.turn(r, nil)
		phone := tel(fmt.Sprint("+1555020", n))
		t.turn(was, func(c *store.Change) { c.Link = []store.Address{phone} })
		reference := fmt.Sprint("R-", n)
		t.turn(was, func(c *store.Change) {
			c.Requests = []store.RequestEvent{{Reference: reference, Kind: store.Opened, At: noon, Resident: was, Personal: []byte("name")}}
		})
		them = append(them, func() { // they speak on, or aren't there any more
			for range 20 {
				row, err := t.Load(ctx, was)
				if err != nil {
					t.Error(err)
					return
				}
				if row.Version == 0 {
					return
				}
				v := row.Version
				c := &store.Change{Resident: was, Read: v, State: []byte("s"), At: noon, Responses: []store.Response{{ID: id(), Poll: "race", At: noon}},
					Outbox: []store.Message{{ID: id(), Channel: "sms", Kind: "tel", Due: noon, Body: fmt.Append(nil, v)}}}
				if v%3 == 0 {
					c.Media = []store.Media{recording(sound(byte(v), 3000))}
				}
				o, err := t.Commit(ctx, c)
				if err != nil {
					t.Error(err)
					return
				}
				if o.Kind == store.Applied {
					mu.Lock()
					said++
					mu.Unlock()
				}
			}
		})
		them = append(them, func() { // the desk writes about them
			for range 10 {
				if err := t.Append(ctx, store.RequestEvent{Reference: reference, Kind: "note", At: noon, By: "ana", Personal: []byte("note")}); err != nil {
					t.Error(err)
				}
				if q, err := t.Request(ctx, reference); err != nil || string(q.Personal) != "name" || string(q.History[len(q.History)-1].Personal) != "note" {
					t.Errorf("%+v, %v", q, err)
				}
			}
		})
		them = append(them, func() { // and they turn out to be another
			for {
				mine, err := t.Load(ctx, r)
				theirs, err2 := t.Load(ctx, was)
				if err != nil || err2 != nil {
					t.Error(err, err2)
					return
				}
				o, err := t.Commit(ctx, &store.Change{Resident: r, Read: mine.Version, State: []byte("one"), At: noon, Merged: &store.Merged{Resident: was, Read: theirs.Version}})
				if err != nil {
					t.Error(err)
					return
				}
				if o.Kind == store.Applied {
					return
				}
			}
		})
	}
	claims.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				claim()
			}
		}
	})
	for _, do := range them {
		all.Go(do)
	}
	all.Wait()
	close(done)
	claims.Wait()
	for last := -1; last != len(heard); {
		last = len(heard)
		claim()
	}
	t.equal("messages claimed", len(heard), said)
	responses, who := 0, 0
	t.must(t.Responses(ctx, "race", func(store.Response) error { responses++; return nil }))
	t.equal("responses", responses, said)
	t.must(t.Answered(ctx, "race", func(r store.Resident) error {
		who++
		if t.load(r).Version == 0 {
			t.Error("an answer is somebody's who isn't here any more")
		}
		return nil
	}))
	if st, err := t.Stats(ctx); err != nil || st.Conversations != pairs || who > pairs {
		t.Fatalf("%d conversations, %d who answered, %v", st.Conversations, who, err)
	}
}
