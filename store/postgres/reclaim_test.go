package postgres

import (
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// A node of before migration 5 claims without saying who it is: nothing that stands there of an earlier claim makes that a dead node's.
func TestAnOlderNodesClaimIsNotTakenBack(t *testing.T) {
	s := open(t, address(t))
	ctx := t.Context()
	dead := [16]byte{'n'}
	want := store.Want{Channels: []string{"sms"}, Class: 2, N: 9, Node: dead}
	// What an older node does with a message, by its own words.
	const older = "UPDATE outbox SET state = 2, at = $1, attempts = attempts + 1 WHERE state = 1"
	queued := func(id [16]byte) error {
		_, err := s.pool.Exec(ctx, "UPDATE outbox SET state = 1, at = due WHERE id = $1", id)
		return err
	}
	for name, before := range map[string]func(now time.Time, id [16]byte) error{
		"it was put back": func(now time.Time, id [16]byte) error {
			return s.Settle(ctx, now, []store.Settled{{ID: id, State: store.Queued, Retry: now}})
		},
		"it was taken back": func(now time.Time, id [16]byte) error {
			if n, err := s.Reclaim(ctx, want.Channels, now); n != 1 || err != nil {
				t.Errorf("%d were taken back (%v)", n, err)
			}
			return queued(id)
		},
		"its claim was over": func(now time.Time, id [16]byte) error {
			if _, err := s.pool.Exec(ctx, "UPDATE outbox SET at = 1 WHERE id = $1", id); err != nil {
				return err
			}
			again, err := s.Claim(ctx, want, now.Add(2*time.Minute), time.Minute)
			if len(again) != 1 || !again[0].Unsure || err != nil {
				t.Errorf("claimed: %v (%v)", again, err)
			}
			return queued(id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			id := [16]byte{'m'}
			copy(id[1:], name)
			if _, err := s.Commit(ctx, &store.Change{Resident: somebody(int(name[7])), At: noon, Link: []store.Address{{Key: store.AddressKey(id), Kind: "tel", Address: "+15550001"}}, Outbox: []store.Message{{ID: id, Channel: "sms", Kind: "tel", Due: noon, Body: []byte("b")}}}); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Claim(ctx, want, noon, time.Minute); len(got) != 1 || err != nil {
				t.Fatalf("claimed: %v (%v)", got, err)
			}
			if err := before(noon, id); err != nil {
				t.Fatal(err)
			}
			if tag, err := s.pool.Exec(ctx, older, noon.Add(time.Hour).UnixMicro()); err != nil || tag.RowsAffected() != 1 {
				t.Fatal(tag, err)
			}
			if n, err := s.Reclaim(ctx, want.Channels, noon); n != 0 || err != nil {
				t.Errorf("%d of the older node's are taken back (%v)", n, err)
			}
			if err := s.Settle(ctx, noon, []store.Settled{{ID: id, State: store.Sent}}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What a node has claimed is its own as long as it said by the database's clock, whatever the nodes' own say.
func TestClaimsOfNodesWhoseClocksAreOff(t *testing.T) {
	s := open(t, address(t))
	ctx := t.Context()
	one, other := [16]byte{'1'}, [16]byte{'2'}
	const lease = time.Minute
	for i, off := range []struct {
		name     string
		one, two time.Duration
	}{
		{"alike", 0, 0}, {"the first behind", -2 * lease, 0}, {"the second ahead", 0, 2 * lease}, {"both wrong", -10 * lease, 10 * lease}, {"the first ahead", 2 * lease, 0},
	} {
		t.Run(off.name, func(t *testing.T) {
			id, now := [16]byte{'m', byte(i)}, time.Now()
			want := store.Want{Channels: []string{off.name}, Class: 2, N: 9, Node: one}
			if _, err := s.Commit(ctx, &store.Change{Resident: somebody(200 + i), At: now, Link: []store.Address{{Key: store.AddressKey(id), Kind: "tel", Address: "+15550001"}}, Outbox: []store.Message{{ID: id, Channel: off.name, Kind: "tel", Due: now.Add(-time.Hour), Body: []byte("b")}}}); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Claim(ctx, want, now.Add(off.one), lease); len(got) != 1 || got[0].Unsure || err != nil {
				t.Fatalf("claimed: %v (%v)", got, err)
			}
			want.Node = other
			claims := func(n int) {
				t.Helper()
				if got, err := s.Claim(ctx, want, time.Now().Add(off.two), lease); len(got) != n || err != nil {
					t.Fatalf("claimed by the other: %v (%v), want %d", got, err, n)
				}
			}
			claims(0)
			if _, err := s.pool.Exec(ctx, "UPDATE outbox SET at = at - $2 WHERE id = $1", id, (lease + max(off.one, 0)).Milliseconds()); err != nil {
				t.Fatal(err)
			}
			claims(1) // and is left to nobody for ever
			claims(0) // what is looked up is one node's, too
		})
	}
}

// The database here has the same clock as the test.
func TestClock(t *testing.T) {
	s := open(t, address(t))
	before := time.Now()
	at, err := s.Clock(t.Context())
	if err != nil || at.Before(before.Add(-time.Millisecond)) || at.After(time.Now().Add(time.Millisecond)) {
		t.Fatal(at, before, err)
	}
}

// Each start of a server has a duty of its own; of those that died the row goes by and by, and of those that live none.
func TestDutiesOfTheDeadGo(t *testing.T) {
	s := open(t, address(t))
	ctx := t.Context()
	for _, duty := range []string{"node dead", "node lives", "timers"} {
		if held, err := s.Hold(ctx, duty, [16]byte{'n'}, 30*time.Second); !held || err != nil {
			t.Fatal(held, err)
		}
	}
	if _, err := s.pool.Exec(ctx, "UPDATE duty SET until = clock_timestamp() - interval '25 hours' WHERE name = 'node dead'"); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(ctx, noon); err != nil {
		t.Fatal(err)
	}
	if n, err := number(ctx, s.pool, "SELECT count(*) FROM duty"); n != 2 || err != nil {
		t.Errorf("%d duties are left (%v)", n, err)
	}
}
