package postgres

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
)

var amongSeed = flag.Uint64("seed", 0, "what TestAmongNodes begins with; 0: the time")

// TestMixedMeanwhile: whoever unlinks ballots while their poll is being mixed leaves no link in what is written anew.
func TestMixedMeanwhile(t *testing.T) {
	for name, unlinks := range map[string]func(s *Store) error{
		"closing": func(s *Store) error { _, err := s.CloseRoll(t.Context(), "p"); return err },
		"erasing": func(s *Store) error { return s.Erase(t.Context(), somebody(1), noon) },
		"recalling": func(s *Store) error {
			_, err := s.Commit(t.Context(), &store.Change{Resident: somebody(1), Read: 1, At: noon, Marks: []store.Mark{{Poll: "p", Voter: [16]byte{1}, Recall: true}}})
			return err
		},
		"merging": func(s *Store) error {
			_, err := s.Commit(t.Context(), &store.Change{Resident: somebody(2), At: noon, Merged: &store.Merged{Resident: somebody(1), Read: 1}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, address(t))
			if o, err := s.Commit(t.Context(), &store.Change{Resident: somebody(1), At: noon,
				Ballots: []store.Ballot{{Poll: "p", Voter: [16]byte{1}, ID: [16]byte{9}, Linked: true, Day: "2027-03-15"}}}); err != nil || o.Kind != store.Applied {
				t.Fatal(o, err)
			}
			tx, err := s.pool.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback(t.Context())
			if _, err := tx.Exec(t.Context(), lockMixing, int32(locksMix), "p"); err != nil {
				t.Fatal(err)
			}
			for _, query := range mixes {
				if _, err := tx.Exec(t.Context(), query, "p"); err != nil {
					t.Fatal(err)
				}
			}
			done := make(chan error, 1)
			go func() { done <- unlinks(s) }()
			for waits := false; !waits; {
				if waits, err = there(t.Context(), s.pool, "SELECT 1 FROM pg_locks WHERE NOT granted"); err != nil {
					t.Fatal(err)
				}
			}
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if left, err := there(t.Context(), s.pool, "SELECT 1 FROM roll WHERE resident = $1", [16]byte(somebody(1))); err != nil || left {
				t.Error("the link is there still", err)
			}
			if n, err := number(t.Context(), s.pool, "SELECT count(*) FROM ballot"); err != nil || (n == 0) != (name == "recalling") {
				t.Error(n, "ballots", err)
			}
		})
	}
}

// person is what a resident's state says of them: what the turns that were applied did.
type person struct {
	Addresses []store.AddressKey
	Posts     int // messages to them, by whomever
}

// among is several nodes, residents who have the same few addresses, voters and references in mind, and what was applied.
type among struct {
	t     *testing.T
	nodes []*Store

	mu       sync.Mutex
	voted    map[byte][][16]byte // ballots of each voter that were taken
	recalled map[byte]bool
	opened   map[string]int
	applied  int
}

const amongPeople, amongThings = 5, 4

// act is one thing that somebody does, by any node, computed from what the node reads.
func (a *among) act(r *rand.Rand) error {
	s := a.nodes[r.IntN(len(a.nodes))]
	ctx := a.t.Context()
	me, other := somebody(r.IntN(amongPeople)), somebody(r.IntN(amongPeople))
	row, err := s.Load(ctx, me)
	if err != nil {
		return err
	}
	var p person
	if row.Version > 0 {
		if err := json.Unmarshal(row.State, &p); err != nil {
			return err
		}
	}
	c := &store.Change{Resident: me, Read: row.Version, At: noon}
	key := store.AddressKey{byte(1 + r.IntN(amongThings))}
	voter := byte(1 + r.IntN(amongThings))
	var id [16]byte
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	did := r.IntN(10)
	switch {
	case did == 0 && row.Version > 0: // all begins anew
		return s.Erase(ctx, me, noon)
	case did == 1 && len(p.Addresses) > 0:
		c.Unlink = []store.AddressKey{p.Addresses[0]}
		p.Addresses = p.Addresses[1:]
	case did == 2 && me != other: // two who are one
		theirs, err := s.Load(ctx, other)
		if err != nil || theirs.Version == 0 {
			return err
		}
		var q person
		if err := json.Unmarshal(theirs.State, &q); err != nil {
			return err
		}
		c.Merged = &store.Merged{Resident: other, Read: theirs.Version}
		p.Addresses, p.Posts = append(p.Addresses, q.Addresses...), p.Posts+q.Posts
	case did == 3:
		c.Ballots = []store.Ballot{{Poll: "p", Voter: [16]byte{voter}, ID: id, Linked: true, Day: "2027-03-15"}}
	case did == 4 && r.IntN(8) == 0:
		c.Marks = []store.Mark{{Poll: "p", Voter: [16]byte{voter}, Recall: true}}
	case did == 5:
		c.Requests = []store.RequestEvent{{Reference: fmt.Sprint("R-", r.IntN(200)), Kind: store.Opened, At: noon, Resident: me}}
	case did == 6:
		c.Outbox = []store.Message{{ID: id, Resident: other, Channel: "sms", Kind: "tel", Due: noon, Body: []byte("b")}}
		c.Timers = []store.Timer{{Resident: other, Name: "t", At: noon}}
	default:
		if !slices.Contains(p.Addresses, key) {
			p.Addresses = append(p.Addresses, key)
		}
		c.Link = []store.Address{{Key: key, Kind: "tel", Address: "+1"}}
	}
	if c.State, err = json.Marshal(p); err != nil {
		return err
	}
	o, err := s.Commit(ctx, c)
	if err != nil || o.Kind != store.Applied {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.applied++
	for _, b := range c.Ballots {
		a.voted[voter] = append(a.voted[voter], b.ID)
	}
	for range c.Marks {
		a.recalled[voter] = true
	}
	for _, e := range c.Requests {
		a.opened[e.Reference]++
	}
	return nil
}

// TestAmongNodes: whatever several nodes do at once with the same people, numbers, voters and references, nobody decides against another:
// each row says of itself what the tables say.
func TestAmongNodes(t *testing.T) {
	at := address(t)
	a := &among{t: t, nodes: []*Store{open(t, at), open(t, at)}, voted: map[byte][][16]byte{}, recalled: map[byte]bool{}, opened: map[string]int{}}
	seed := *amongSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", seed)
	const workers, acts = 6, 150
	var all, mixer sync.WaitGroup
	for w := range uint64(workers) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, w))
			for range acts {
				if err := a.act(r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	stop := make(chan struct{})
	mixer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := a.nodes[0].mix(t.Context(), "p"); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	all.Wait()
	close(stop)
	mixer.Wait()
	if a.applied < workers*acts/8 {
		t.Errorf("only %d of %d changes were applied", a.applied, workers*acts)
	}
	a.check()
}

func (a *among) check() {
	t, s := a.t, a.nodes[1]
	owners := map[store.AddressKey]store.Resident{}
	here := map[store.Resident]bool{}
	for n := range amongPeople {
		row, err := s.Load(t.Context(), somebody(n))
		if err != nil {
			t.Fatal(err)
		}
		if row.Version == 0 {
			continue
		}
		here[somebody(n)] = true
		var p person
		if err := json.Unmarshal(row.State, &p); err != nil {
			t.Fatal(err)
		}
		for _, k := range p.Addresses {
			if who, taken := owners[k]; taken && who != somebody(n) {
				t.Errorf("address %d is both %x's and %x's", k[0], who[:2], n)
			}
			owners[k] = somebody(n)
		}
	}
	for i := range byte(amongThings) {
		k := store.AddressKey{i + 1}
		who, known, err := s.Find(t.Context(), k)
		if want, should := owners[k]; err != nil || known != should || who != want {
			t.Errorf("address %d is %x's (%v), %v; by the rows it is %x's (%v)", i+1, who[:2], known, err, want[:2], should)
		}
	}
	box := map[[16]byte]bool{}
	if err := s.Ballots(t.Context(), "p", func(b store.Ballot) error { box[b.ID] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	n := 0
	for voter, ids := range a.voted {
		if len(ids) > 1 {
			t.Errorf("voter %d voted %d times", voter, len(ids))
		}
		if box[ids[0]] == a.recalled[voter] && a.linked(ids[0]) {
			t.Errorf("the ballot of voter %d: in the box %v, recalled %v", voter, box[ids[0]], a.recalled[voter])
		}
		if box[ids[0]] {
			n++
		}
	}
	if n != len(box) {
		t.Errorf("%d ballots in the box, %d of them cast", len(box), n)
	}
	for reference, times := range a.opened {
		if _, err := s.Request(t.Context(), reference); times != 1 || err != nil {
			t.Errorf("%s was opened %d times, %v", reference, times, err)
		}
	}
	// Whatever is of somebody is of somebody who is there.
	for _, table := range []string{"address", "outbox", "resident_key", "roll", "request", "letter", "consent"} {
		if err := each(t.Context(), s.pool, func(r pgx.Rows) error {
			var who [16]byte
			err := r.Scan(&who)
			if err == nil && !here[who] {
				err = fmt.Errorf("%s has rows of %x, who isn't there", table, who[:2])
			}
			return err
		}, "SELECT DISTINCT resident FROM "+table+" WHERE resident IS NOT NULL"); err != nil {
			t.Error(err)
		}
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Conversations != int64(len(here)) || st.Ballots != int64(len(box)) {
		t.Errorf("%+v, %v; want %d conversations, %d ballots", st, err, len(here), len(box))
	}
}

// linked says whether a ballot's link to its voter was there for a recall to follow: an erasure takes it away.
func (a *among) linked(id [16]byte) bool {
	found, err := there(a.t.Context(), a.nodes[0].pool, "SELECT 1 FROM ballot WHERE poll = 'p' AND id = $1 AND NOT linked", id)
	return err == nil && !found
}
