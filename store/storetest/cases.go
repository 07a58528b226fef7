package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// marks: a voter without a ballot is refused one from then on.
func marks(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	vote := func(v [16]byte) []store.Ballot {
		return []store.Ballot{{Poll: "bridge", Voter: v, ID: id(), Linked: true, Day: "2027-03-15"}}
	}
	voted := func(v [16]byte, want bool) {
		t.Helper()
		got, err := t.Voted(ctx, "bridge", v)
		t.must(err)
		t.equal("voted", got, want)
	}
	voter := resident()
	t.turn(voter, func(c *store.Change) { c.Ballots = vote(numbered(1)) })
	t.turn(resident(), func(c *store.Change) {
		c.Marks = []store.Mark{{Poll: "bridge", Voter: numbered(1)}, {Poll: "bridge", Voter: numbered(2)}, {Poll: "bridge", Voter: numbered(2)}, {Poll: "bridge"}}
	})
	voted(numbered(1), true)
	voted(numbered(2), true)
	t.commit(store.Voted, &store.Change{Resident: resident(), State: []byte("s"), Ballots: vote(numbered(2))})
	if other, err := t.Voted(ctx, "park", numbered(2)); other || err != nil {
		t.Fatal("marked on another roll as well", err)
	}
	// Who has no voter is counted apart, whatever was marked.
	t.turn(resident(), func(c *store.Change) { c.Ballots = vote([16]byte{}) })
	// Of the ballot that was there nothing has changed: it is linked, and loses that with its resident.
	linked := func() (n, all int) {
		t.must(t.Ballots(ctx, "bridge", func(b store.Ballot) error {
			all++
			if b.Linked {
				n++
			}
			return nil
		}))
		return n, all
	}
	n, all := linked()
	t.equal("linked, all", []int{n, all}, []int{1, 2})
	t.must(t.Erase(ctx, voter, noon))
	n, all = linked()
	t.equal("linked, all once the voter was erased", []int{n, all}, []int{0, 2})
	// A code from a letter can be marked as well, and is on the roll still; and a mark stays where the change of a ballot makes it.
	t.must(t.Reserve(ctx, "bridge", [][16]byte{numbered(7), numbered(8)}))
	t.turn(resident(), func(c *store.Change) {
		c.Marks = []store.Mark{{Poll: "bridge", Voter: numbered(7)}, {Poll: "bridge", Voter: numbered(8)}}
		c.Ballots = vote(numbered(8))
	})
	t.commit(store.Voted, &store.Change{Resident: resident(), State: []byte("s"), Ballots: vote(numbered(7))})
	if on, err := t.OnRoll(ctx, "bridge", numbered(7)); !on || err != nil {
		t.Fatal("a marked code left the roll", err)
	}
	n, err := t.CloseRoll(ctx, "bridge")
	t.must(err)
	t.equal("links destroyed", n, 1)
	voted(numbered(7), true)
	voted(numbered(8), true)
	// A mark may take back the ballot that it is linked to, and nothing else.
	for n := range byte(3) {
		t.turn(resident(), func(c *store.Change) {
			b := vote(numbered(int(21 + n)))[0]
			b.Poll, b.Linked = "lane", n < 2
			c.Ballots = []store.Ballot{b}
		})
	}
	inBox := func() (n int) {
		t.must(t.Ballots(ctx, "lane", func(store.Ballot) error { n++; return nil }))
		st, err := t.Stats(ctx)
		t.must(err)
		t.equal("ballots in Stats", st.Ballots, int64(all+1+n))
		return n
	}
	t.equal("ballots", inBox(), 3)
	tied := func(want ...bool) {
		t.Helper()
		for n, is := range want {
			got, err := t.Linked(ctx, "lane", numbered(21+n))
			t.must(err)
			t.equal(fmt.Sprint("linked ", n), got, is)
		}
	}
	tied(true, true, false, false)
	for range 2 {
		t.turn(resident(), func(c *store.Change) {
			for _, n := range []int{21, 23, 24} { // linked, not linked, no ballot
				c.Marks = append(c.Marks, store.Mark{Poll: "lane", Voter: numbered(n), Recall: true})
			}
		})
		t.equal("ballots after one was taken back", inBox(), 2)
		tied(false, true, false, false)
	}
	for _, n := range []int{21, 22, 23, 24} {
		marked, err := t.Voted(ctx, "lane", numbered(n))
		t.must(err)
		t.equal("marked", marked, true)
	}
	// A mark goes with its change, or not at all.
	t.commit(store.Conflict, &store.Change{Resident: resident(), Read: 3, Marks: []store.Mark{{Poll: "bridge", Voter: numbered(9)}}})
	voted(numbered(9), false)
}

// cases: who waits for the desk, and who talks with it.
func cases(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	list := func(desk string, n int) (all []string) {
		t.Helper()
		found, err := t.Cases(ctx, desk, n)
		t.must(err)
		for _, c := range found {
			all = append(all, c.Dialog)
		}
		return all
	}
	t.equal("cases of nobody", list("", 9), []string(nil))
	var who []store.Resident
	for n, desk := range []string{"roads", "", "parks", "roads"} {
		r := resident()
		who = append(who, r)
		t.turn(r, func(c *store.Change) {
			c.Case = &store.Case{State: store.Waiting, Desk: desk, Since: noon.Add(-time.Duration(n) * time.Minute), Last: noon, Unread: n,
				Dialog: fmt.Sprint("d", n), Channel: "sms", Lang: "so"}
		})
	}
	t.equal("all", list("", 9), []string{"d3", "d2", "d1", "d0"})
	t.equal("the first two", list("", 2), []string{"d3", "d2"})
	t.equal("of a desk", list("roads", 9), []string{"d3", "d0"})
	t.equal("of one that there isn't", list("water", 9), []string(nil))
	c, ok, err := t.CaseOf(ctx, who[3])
	t.must(err)
	want := store.Case{Resident: who[3], State: store.Waiting, Desk: "roads", Since: noon.Add(-3 * time.Minute), Last: noon, Unread: 3, Dialog: "d3", Channel: "sms", Lang: "so"}
	t.equal("case", fmt.Sprintf("%v %+v", ok, c), fmt.Sprintf("true %+v", want))
	if _, ok, err := t.CaseOf(ctx, resident()); ok || err != nil {
		t.Fatal("somebody else's case", err)
	}
	// A turn that says nothing of it leaves it; a clerk takes it; it is handed to another desk; it is closed.
	t.turn(who[3], nil)
	want.State, want.Clerk, want.Desk, want.Unread, want.Last, want.Channel, want.Lang, want.Dialog = store.Taken, "ana", "parks", 0, noon.Add(time.Minute), "telegram", "en", ""
	t.turn(who[3], func(c *store.Change) { c.Case = &want })
	c, ok, err = t.CaseOf(ctx, who[3])
	t.must(err)
	t.equal("case that was taken", fmt.Sprintf("%v %+v", ok, c), fmt.Sprintf("true %+v", want))
	t.equal("of its new desk", list("parks", 9), []string{"", "d2"})
	stats := func(want int) {
		t.Helper()
		st, err := t.Stats(ctx)
		t.must(err)
		t.equal("open cases", st.Cases, want)
	}
	stats(4)
	t.turn(who[3], func(c *store.Change) { c.Case = &store.Case{State: store.Closed} })
	t.turn(who[3], func(c *store.Change) { c.Case = &store.Case{State: store.Closed} })
	if _, ok, err := t.CaseOf(ctx, who[3]); ok || err != nil {
		t.Fatal("a closed case is there", err)
	}
	stats(3)
	t.equal("what is open", list("", 9), []string{"d2", "d1", "d0"})
	// Not at all, with its change.
	t.commit(store.Conflict, &store.Change{Resident: who[0], Read: 7, Case: &store.Case{State: store.Closed}})
	stats(3)
	t.must(t.Erase(ctx, who[0], noon))
	t.equal("after an erasure", list("", 9), []string{"d2", "d1"})
}

// letters: what is said with the desk is kept, once, and as long as the resident.
func letters(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	r, other := resident(), resident()
	words := func(r store.Resident, n int) (all []string) {
		t.Helper()
		found, err := t.Letters(ctx, r, n)
		t.must(err)
		for _, l := range found {
			all = append(all, l.By+": "+l.Words)
		}
		return all
	}
	full := store.Letter{ID: id(), At: noon.Add(time.Second), By: "ana", Channel: "desk", Words: "Hello! 你好\n" + string(sound(1, 0)), Media: []string{"media:a", "media:b"}}
	t.turn(r, func(c *store.Change) {
		c.Letters = []store.Letter{{ID: id(), At: noon, Words: "is anybody there?", Channel: "sms"}, full}
	})
	t.turn(other, func(c *store.Change) { c.Letters = []store.Letter{{ID: id(), At: noon, Words: "theirs"}} })
	got, err := t.Letters(ctx, r, 1)
	t.must(err)
	want := full
	want.Resident = r
	t.equal("letter", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", []store.Letter{want}))
	// An id counts once; what was said earlier is earlier, whenever it is kept; of what was said at once the order is kept.
	again := full
	again.Words = "other words"
	t.turn(r, func(c *store.Change) {
		c.Letters = []store.Letter{again, {ID: id(), At: noon.Add(-time.Hour), Words: "before"}, {ID: id(), At: noon.Add(time.Minute), Words: "one"}, {ID: id(), At: noon.Add(time.Minute), Words: "two"}}
	})
	t.equal("letters", words(r, 99), []string{": before", ": is anybody there?", "ana: " + full.Words, ": one", ": two"})
	t.equal("the last two", words(r, 2), []string{": one", ": two"})
	t.equal("the last none", words(r, 0), []string(nil))
	t.equal("nobody's", words(resident(), 9), []string(nil))
	// They outlive the case, and go with the resident.
	t.turn(r, func(c *store.Change) { c.Case = &store.Case{State: store.Closed} })
	t.equal("letters of a closed case", len(words(r, 99)), 5)
	t.commit(store.Conflict, &store.Change{Resident: r, Read: 9, Letters: []store.Letter{{ID: id(), At: noon, Words: "never said"}}})
	t.equal("letters after a conflict", len(words(r, 99)), 5)
	t.must(t.Erase(ctx, r, noon))
	t.equal("letters after an erasure", words(r, 99), []string(nil))
	t.turn(r, nil)
	t.equal("letters of who begins again", words(r, 99), []string(nil))
	t.equal("the neighbour's letters", words(other, 9), []string{": theirs"})
}
