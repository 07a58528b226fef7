package voice

import (
	"container/list"
	"sync"
)

// mostCalls are remembered, some 2 MB of them; the longest untouched goes first.
const mostCalls = 8192

// calls remembers a little of the calls that are under way here. It is a help, not a record: what it forgot, or another
// server knows, the events' ids settle.
type calls struct {
	mu    sync.Mutex
	by    map[string]*list.Element // of *known
	order *list.List
}

// known is what is remembered of a call.
type known struct {
	sid      string
	answered int  // the last turn that a reply was given to
	ended    bool // by the town: the last word was said, or a person has the call
	taken    bool // a call that went out: somebody pressed the key
	untaken  bool // a call that went out, and was ended because nobody pressed it
}

// note changes what is known of a call and returns it.
func (c *calls) note(sid string, change func(*known)) known {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by, c.order = make(map[string]*list.Element), list.New()
	}
	e, ok := c.by[sid]
	if !ok {
		e = c.order.PushBack(&known{sid: sid})
		c.by[sid] = e
		if c.order.Len() > mostCalls {
			first := c.order.Remove(c.order.Front()).(*known)
			delete(c.by, first.sid)
		}
	}
	c.order.MoveToBack(e)
	k := e.Value.(*known)
	if change != nil {
		change(k)
	}
	return *k
}

// get returns what is known of a call; ok is false where that is nothing.
func (c *calls) get(sid string) (k known, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.by[sid]
	if !ok {
		return known{}, false
	}
	return *e.Value.(*known), true
}

// gone returns and forgets what is known of a call.
func (c *calls) gone(sid string) (k known, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.by[sid]
	if !ok {
		return known{}, false
	}
	delete(c.by, sid)
	return *c.order.Remove(e).(*known), true
}
