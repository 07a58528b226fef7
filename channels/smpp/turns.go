package smpp

import "sync"

// mostTurns is how many messages may wait to be held. Beyond that the phone company keeps them.
const mostTurns = 1024

// turns holds what came in, of each sender one after the other in the order it came.
type turns struct {
	mu      sync.Mutex
	waiting map[string][]func() // by sender; there is an entry while one of theirs is being held
	n       int
}

// add has do called once all from the same sender before it are done; false: there are too many.
func (t *turns) add(sender string, do func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n >= mostTurns {
		return false
	}
	if t.waiting == nil {
		t.waiting = map[string][]func(){}
	}
	t.n++
	if queue, busy := t.waiting[sender]; busy {
		t.waiting[sender] = append(queue, do)
		return true
	}
	t.waiting[sender] = nil
	go t.run(sender, do)
	return true
}

func (t *turns) run(sender string, do func()) {
	for do != nil {
		do()
		t.mu.Lock()
		t.n--
		queue := t.waiting[sender]
		if len(queue) > 0 {
			do, t.waiting[sender] = queue[0], queue[1:]
		} else {
			do = nil
			delete(t.waiting, sender)
		}
		t.mu.Unlock()
	}
}

// idle says whether none waits and none is being held.
func (t *turns) idle() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n == 0
}
