package audio

import (
	"container/list"
	"sync"
	"time"
)

const (
	// mostCalls bounds what calls' sounds take in memory, in bytes: some twenty minutes of speech.
	mostCalls = 64 << 20
	// lookAgain is how often the list of recordings is looked at: a new one is heard so soon.
	lookAgain = 2 * time.Second
)

// calls is the sound of utterances in memory, one copy for all calls: bounded, the longest unused going first.
type calls struct {
	keep time.Duration

	mu     sync.Mutex
	sounds map[Utterance]*list.Element // of *uttered
	order  *list.List                  // the longest unused first
	size   int
	expiry *time.Timer
	looked time.Time
	stamp  time.Time // of the list of recordings
}

type uttered struct {
	said Utterance
	pcm  *PCM
	used time.Time
}

func newCalls(keep time.Duration) *calls {
	return &calls{keep: keep, sounds: map[Utterance]*list.Element{}, order: list.New()}
}

func (c *calls) get(u Utterance, now time.Time) *PCM {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.sounds[u]
	if !ok {
		return nil
	}
	h := e.Value.(*uttered)
	h.used = now
	c.order.MoveToBack(e)
	return h.pcm
}

func (c *calls) put(u Utterance, p *PCM, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.sounds[u]; ok {
		c.drop(e)
	}
	c.sounds[u] = c.order.PushBack(&uttered{u, p, now})
	c.size += p.bytes()
	for c.size > mostCalls && c.order.Len() > 1 {
		c.drop(c.order.Front())
	}
	if c.expiry == nil {
		c.expiry = time.AfterFunc(c.keep, c.expire)
	}
}

// expire drops what was not said for long, and comes again as long as there is something to drop.
func (c *calls) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expiry = nil
	now := time.Now()
	for e := c.order.Front(); e != nil; e = c.order.Front() {
		if due := e.Value.(*uttered).used.Add(c.keep); due.After(now) {
			c.expiry = time.AfterFunc(due.Sub(now), c.expire)
			return
		}
		c.drop(e)
	}
}

// look forgets all when the list of recordings has changed.
func (c *calls) look(f *folder, now time.Time) {
	if f == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.looked) < lookAgain {
		return
	}
	c.looked = now
	stamp := f.changed()
	if !stamp.Equal(c.stamp) {
		for e := c.order.Front(); e != nil; e = c.order.Front() {
			c.drop(e)
		}
	}
	c.stamp = stamp
}

func (c *calls) drop(e *list.Element) {
	h := c.order.Remove(e).(*uttered)
	delete(c.sounds, h.said)
	c.size -= h.pcm.bytes()
}

func (p *PCM) bytes() int { return 2*(len(p.Wide)+len(p.Narrow)) + 256 }
