package sip

import "sync"

// tasks are goroutines that the line waits for when it closes. Unlike those of a sync.WaitGroup they may begin at any time.
type tasks struct {
	mu   sync.Mutex
	n    int
	idle sync.Cond // n is 0
}

// Go begins one.
func (t *tasks) Go(f func()) {
	t.mu.Lock()
	t.n++
	t.mu.Unlock()
	go func() {
		defer func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.n--; t.n == 0 && t.idle.L != nil {
				t.idle.Broadcast()
			}
		}()
		f()
	}()
}

// Wait returns once there is none.
func (t *tasks) Wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle.L = &t.mu
	for t.n > 0 {
		t.idle.Wait()
	}
}
