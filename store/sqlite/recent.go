package sqlite

import (
	"sync"

	"github.com/townline/townline/store"
)

// recent holds the rows that were written lately, as they are on disk: a resident in the middle of a conversation comes back
// within minutes, and reading a row costs more than the rest of a Load. It is added to once a row is on
// disk (Store.sync), so within this process it is never older than what was acknowledged. Should another process have written, the
// version gives it away: the change is a Conflict, and the row is read anew.
type recent struct {
	mu           sync.Mutex
	newer, older map[store.Resident]*recentRow // two halves, as in keyring
	read         map[store.Resident]recentRow  // what was read of others, without their state, until it is written
}

// recentRow isn't changed once it is made.
type recentRow struct {
	version  uint64
	answered []byte
	state    []byte // sealed
}

// 2 × 1,024 rows of about 1 KB.
const recentHalf = 1024

// longest state that is kept: a few long ones would take the place of many.
const recentState = 4096

func (c *recent) get(r store.Resident) *recentRow {
	c.mu.Lock()
	defer c.mu.Unlock()
	if row := c.newer[r]; row != nil {
		return row
	}
	return c.older[r]
}

// put takes what the turns of a batch wrote, in their order.
func (c *recent) put(batch []*job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range batch {
		t := &j.turn
		if j.do != nil || j.err != nil || t.outcome.Kind != store.Applied {
			continue
		}
		r := t.change.Resident
		delete(c.read, r)
		if len(t.state) > recentState {
			delete(c.newer, r)
			delete(c.older, r)
			continue
		}
		b := make([]byte, len(t.answered)+len(t.state))
		n := copy(b, t.answered)
		copy(b[n:], t.state)
		if c.newer == nil || len(c.newer) >= recentHalf {
			c.older, c.newer = c.newer, make(map[store.Resident]*recentRow, recentHalf)
		}
		c.newer[r] = &recentRow{t.change.Read + 1, b[:n:n], b[n:]}
	}
}

// noteRead remembers what was answered by a row that was read, so that the writer needn't read it again.
func (c *recent) noteRead(r store.Resident, version uint64, answered []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read == nil || len(c.read) >= 2*recentHalf {
		c.read = make(map[store.Resident]recentRow, recentHalf)
	}
	c.read[r] = recentRow{version: version, answered: answered}
}

// answered returns what a version of a row has answered, if that is known.
func (c *recent) answered(r store.Resident, version uint64) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	read, known := c.read[r]
	delete(c.read, r)
	if known && read.version == version {
		return read.answered, true
	}
	row := c.newer[r]
	if row == nil {
		row = c.older[r]
	}
	if row == nil || row.version != version {
		return nil, false
	}
	return row.answered, true
}

func (c *recent) drop(r store.Resident) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.read, r)
	delete(c.newer, r)
	delete(c.older, r)
}
