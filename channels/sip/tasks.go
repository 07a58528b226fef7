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
	done := t.Begin()
	go func() {
		defer done()
		f()
	}()
}

// Begin counts the goroutine that calls it as one of them, until done.
func (t *tasks) Begin() (done func()) {
	t.mu.Lock()
	t.n++
	t.mu.Unlock()
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.n--; t.n == 0 && t.idle.L != nil {
			t.idle.Broadcast()
		}
	}
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
