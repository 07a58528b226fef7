package channeltest

import (
	"strings"
	"sync"
)

// notes are what was logged.
type notes struct {
	mu sync.Mutex
	b  strings.Builder
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(p)
}

// lacks says that a word was never logged.
func (n *notes) lacks(b *bench, word string) {
	b.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for line := range strings.Lines(n.b.String()) {
		if strings.Contains(strings.ToLower(line), word) {
			b.Errorf("the log has %q: %s", word, line)
			return
		}
	}
}
