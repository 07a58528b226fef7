package redis

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"time"

	goredis "github.com/redis/go-redis/v9"

	crand "crypto/rand"
)

const (
	leaseLasts = 10 * time.Second // longer than a turn takes
	leaseWait  = 2 * time.Second  // then a turn goes on without
	firstLook  = 2 * time.Millisecond
	lastLook   = 50 * time.Millisecond
)

// giveBack deletes a lease only where it is still one's own.
var giveBack = goredis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`)

// Lease waits until no other node holds this resident's turn, and returns what gives it back. It saves a retry and promises
// nothing: after a while, or without the server, the turn goes on all the same, and the version in the store refuses one of two.
func (n *Nodes) Lease(ctx context.Context, resident [16]byte) (give func()) {
	key, token := "turn:"+hex.EncodeToString(resident[:]), crand.Text()
	began, look := time.Now(), firstLook
	for {
		took := false
		err := n.ask(ctx, func(ctx context.Context) error {
			var err error
			took, err = n.client.SetNX(ctx, n.prefix+key, token, leaseLasts).Result()
			return err
		})
		switch {
		case err != nil:
			return func() {}
		case took:
			return func() {
				// The turn is over even where who asked for it has gone.
				_, _ = n.run(context.WithoutCancel(ctx), giveBack, key, token)
			}
		case time.Since(began) > leaseWait:
			return func() {}
		}
		t := time.NewTimer(look/2 + rand.N(look/2+1))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return func() {}
		}
		look = min(2*look, lastLook)
	}
}
