package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"
)

// Ring wakes all nodes that Hear. It may be lost: whoever hears looks now and then anyway.
func (n *Nodes) Ring(ctx context.Context, what string) {
	_ = n.tell(ctx, "bell", func(ctx context.Context) error {
		if n.shards {
			return n.client.SPublish(ctx, n.prefix+"bell", what).Err()
		}
		return n.client.Publish(ctx, n.prefix+"bell", what).Err()
	})
}

// Hear calls heard for each Ring of any node, this one too, until ctx ends. heard may not block. It joins again by itself when the
// server comes back, and calls heard with "" then: something may have been missed.
func (n *Nodes) Hear(ctx context.Context, heard func(what string)) {
	var sub *goredis.PubSub
	if n.shards {
		sub = n.client.SSubscribe(ctx, n.prefix+"bell")
	} else {
		sub = n.client.Subscribe(ctx, n.prefix+"bell")
	}
	defer sub.Close()
	all := sub.ChannelWithSubscriptions()
	for {
		select {
		case m, ok := <-all:
			if !ok {
				return
			}
			switch m := m.(type) {
			case *goredis.Message:
				heard(m.Payload)
			case *goredis.Subscription:
				heard("")
			}
		case <-ctx.Done():
			return
		}
	}
}
