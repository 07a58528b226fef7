package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// ErrReplica is for a Redis that follows another, and can't be written to.
var ErrReplica = errors.New("redis: it follows another, and can't be written to")

// Look asks the server at an address for its clock, within a second: whether it is there, and answers.
func Look(ctx context.Context, address string) (time.Time, error) {
	o, err := parse(address)
	if err != nil {
		return time.Time{}, err
	}
	o.DialTimeout, o.ReadTimeout, o.MaxRetries = time.Second, time.Second, -1
	hush()
	c := goredis.NewUniversalClient(o)
	defer c.Close()
	within, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	at, err := c.Time(within).Result()
	if err != nil {
		return at, fmt.Errorf("redis: %w", err)
	}
	if role, err := c.Do(within, "ROLE").Slice(); err == nil && len(role) > 0 && (role[0] == "slave" || role[0] == "replica") { // who may not ask is told nothing
		return at, ErrReplica
	}
	return at, nil
}
