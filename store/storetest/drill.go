package storetest

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

var drillTurns = flag.Int("drill-turns", 200, "how many turns go before a drill's copy, and after it")

// talking are residents who talk all at once, each with what they were told last.
type talking struct {
	residents []store.Resident
	told      []atomic.Uint64 // versions that were acknowledged
	turns     atomic.Int64
}

// talk has a resident say something until it is enough.
func (d *talking) talk(ctx context.Context, s store.Store, n int) error {
	r := d.residents[n]
	for ctx.Err() == nil {
		row, err := s.Load(ctx, r)
		if err != nil {
			break
		}
		v := row.Version + 1
		c := &store.Change{Resident: r, Read: row.Version, At: noon, State: fmt.Append(nil, "state ", v), Inbound: inbound(fmt.Sprint(n, " ", v)), Reply: fmt.Append(nil, "reply ", v)}
		if v%4 == 0 {
			var id [16]byte
			copy(id[:], r[:8])
			id[15], id[14] = byte(v), byte(v>>8)
			c.Outbox = []store.Message{{ID: id, Resident: r, Channel: "sms", Kind: "tel", Due: noon, Body: []byte("b")}}
			c.Responses = []store.Response{{ID: id, Poll: "drill", At: noon, Record: []byte("r")}}
		}
		o, err := s.Commit(context.WithoutCancel(ctx), c)
		if err != nil {
			return err
		}
		if o.Kind != store.Applied {
			return fmt.Errorf("turn %d came to %v", v, o.Kind)
		}
		d.told[n].Store(v)
		d.turns.Add(1)
	}
	return nil
}

// Drill tries a backup as it is needed: a copy to file is made under traffic, the traffic goes on, everything is lost, restore puts the
// copy back, and all that was acknowledged before the copy was begun has to be there. s is empty; it is closed before restore.
func Drill(t *testing.T, s store.Store, file string, restore func(file string) store.Store) {
	t.Helper()
	d := &talking{residents: make([]store.Resident, 8), told: make([]atomic.Uint64, 8)}
	for n := range d.residents {
		d.residents[n] = resident()
	}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for n := range d.residents {
		all.Go(func() {
			if err := d.talk(ctx, s, n); err != nil {
				t.Error(err)
			}
		})
	}
	upTo := func(turns int64) {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for end := time.After(time.Minute); d.turns.Load() < turns && !t.Failed(); {
			select {
			case <-tick.C:
			case <-end:
				t.Error("nobody talks")
			}
		}
	}
	upTo(int64(*drillTurns))
	var before []uint64
	for n := range d.told {
		before = append(before, d.told[n].Load())
	}
	begun := time.Now()
	if err := s.Backup(ctx, file); err != nil {
		t.Error(err)
	}
	copied := time.Since(begun)
	upTo(d.turns.Load() + int64(*drillTurns))
	stop()
	all.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if t.Failed() {
		t.FailNow()
	}
	begun = time.Now()
	back := restore(file)
	t.Logf("%d turns, a copy in %v, put back in %v", d.turns.Load(), copied, time.Since(begun))
	messages := map[[16]byte]bool{}
	kept, err := back.Messages(t.Context(), store.Unsure, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range kept {
		messages[m.ID] = true
	}
	responses := map[[16]byte]bool{}
	if err := back.Responses(t.Context(), "drill", func(r store.Response) error { responses[r.ID] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	want := 0
	for n, r := range d.residents {
		row, err := back.Load(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		v := row.Version
		if v < before[n] || v > d.told[n].Load() || string(row.State) != fmt.Sprint("state ", v) {
			t.Errorf("resident %d is at %d with %q; %d was acknowledged before the copy, %d in the end", n, v, row.State, before[n], d.told[n].Load())
		}
		if b, ok, err := back.Reply(t.Context(), r, inbound(fmt.Sprint(n, " ", v))); err != nil || !ok || string(b) != fmt.Sprint("reply ", v) {
			t.Errorf("resident %d was replied %q, %v", n, b, err)
		}
		want += int(v) / 4
	}
	if len(messages) != want || len(responses) != want {
		t.Errorf("%d messages in doubt and %d answers, want %d of each", len(messages), len(responses), want)
	}
	if slices.Max(before) == 0 {
		t.Error("nothing was said before the copy")
	}
}
