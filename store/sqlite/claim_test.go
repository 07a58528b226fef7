package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/storetest"
)

// BenchmarkClaim: what may leave is claimed and settled, one message at a time, out of a hundred thousand that wait; and a
// reply on another channel beside them.
func BenchmarkClaim(b *testing.B) {
	const many = 100_000
	keys, err := store.LoadKeys(b.TempDir()+"/town.keys", "")
	if err != nil {
		b.Fatal(err)
	}
	s, err := Open(b.TempDir()+"/town.db", keys)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for r := range 1000 {
		c := store.Change{Resident: storetest.Stored(uint64(r)), At: noon, State: []byte("state"), Link: []store.Address{{Key: keys.Address("tel", fmt.Sprint(r)), Kind: "tel", Address: fmt.Sprint("+1202555", r)}}}
		for i := range many / 1000 {
			c.Outbox = append(c.Outbox, store.Message{ID: [16]byte{byte(r), byte(r >> 8), byte(i)}, Channel: "sms", Kind: "tel", Due: noon.Add(time.Duration(i) * time.Second), Body: make([]byte, 200), Class: 1, Weight: 1 + i%3})
		}
		if out, err := s.Commit(b.Context(), &c); err != nil || out.Kind != store.Applied {
			b.Fatal(out, err)
		}
	}
	at := noon.Add(time.Hour)
	for _, channel := range []string{"sms", "elsewhere"} {
		b.Run(channel, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m, err := s.Claim(b.Context(), store.Want{Channels: []string{channel}, Class: 2, N: 8, Weight: 1}, at, time.Minute)
				if err != nil || len(m) > 1 {
					b.Fatal(m, err)
				}
				for i := range m {
					if err := s.Settle(b.Context(), at, []store.Settled{{ID: m[i].ID, State: store.Queued, Retry: m[i].Due, Forgive: 1}}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
	b.Run("next", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if next, err := s.NextMessage(b.Context(), "sms", 2); err != nil || next.IsZero() {
				b.Fatal(next, err)
			}
		}
	})
}
