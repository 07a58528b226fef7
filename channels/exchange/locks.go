package exchange

import (
	"context"
	"errors"
	"sync"
)

// queueLimit is how many events of one resident may wait for their turn. More means that somebody is flooding, or that
// the store stands still: the provider is asked to come again.
const queueLimit = 64

var errCrowded = errors.New("exchange: too many events of one resident at once")

// locks gives one turn at a time per key. It remembers only the keys that are in use.
type locks[K comparable] struct {
	mu   sync.Mutex
	held map[K]*lock
	// beside, where there is one, waits for the turn of k outside of this process too, and returns what gives it back, and whether nobody
	// there had it.
	beside func(ctx context.Context, k K) (give func(), free bool)
}

type lock struct {
	turn  chan struct{} // holds one token while somebody has the turn
	users int           // who has it or waits for it
	give  func()        // what beside returned to who has the turn
}

// take waits for the turn of k, in the order of arrival, until ctx ends. Who gets nil must call give.
func (l *locks[K]) take(ctx context.Context, k K) error {
	_, err := l.takeFree(ctx, k)
	return err
}

// takeFree is take, and says whether nobody had the turn when it was asked for.
func (l *locks[K]) takeFree(ctx context.Context, k K) (free bool, err error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = make(map[K]*lock)
	}
	h, ok := l.held[k]
	if !ok {
		h = &lock{turn: make(chan struct{}, 1)}
		l.held[k] = h
	}
	if h.users >= queueLimit {
		l.mu.Unlock()
		return false, errCrowded
	}
	h.users++
	l.mu.Unlock()
	select {
	case h.turn <- struct{}{}:
	default:
		select {
		case h.turn <- struct{}{}:
		case <-ctx.Done():
			l.leave(k, h)
			return false, ctx.Err()
		}
	}
	if free = !ok; l.beside == nil {
		return free, nil
	}
	give, alone := l.beside(ctx, k)
	h.give = give
	return free && alone, nil
}

// give hands the turn of k on.
func (l *locks[K]) give(k K) {
	l.mu.Lock()
	h := l.held[k]
	l.mu.Unlock()
	if h.give != nil {
		h.give()
		h.give = nil
	}
	<-h.turn
	l.leave(k, h)
}

func (l *locks[K]) leave(k K, h *lock) {
	l.mu.Lock()
	if h.users--; h.users == 0 {
		delete(l.held, k)
	}
	l.mu.Unlock()
}
