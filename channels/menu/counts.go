package menu

import "sync/atomic"

// Counts of one channel's menus since the start.
type Counts struct{ late, failed, lost, cut atomic.Uint64 }

// Late is how many turns took longer than a gateway waits; they went on by themselves.
func (c *Counts) Late() uint64 { return c.late.Load() }

// Failed is how many turns were not taken: those who dialled were asked to dial again.
func (c *Counts) Failed() uint64 { return c.failed.Load() }

// Lost is how many texts were promised and could not be sent, as the town closed.
func (c *Counts) Lost() uint64 { return c.lost.Load() }

// Cut is how many screens were longer than they may be: there should be none.
func (c *Counts) Cut() uint64 { return c.cut.Load() }
