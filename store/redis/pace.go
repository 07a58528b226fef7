package redis

import (
	"context"
	"encoding/hex"
	"math"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	block    = 50 * time.Millisecond // what a node takes at once is what leaves in so long
	lateness = 50 * time.Millisecond // that a pace makes up for, of a node that wakes late
)

// grant is a bucket by the time at which it has room again, on the server's clock in microseconds: whatever the nodes' clocks say.
// ARGV: microseconds that one takes, how many are asked for, how many left without being asked for, lateness.
// It returns how many are granted, and in how many microseconds there will be one more.
var grant = goredis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local each, want, owed, late = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local free = tonumber(redis.call('GET', KEYS[1]) or now)
if free > now + 86400000000 then free = now end
if free < now - late then free = now - late end
free = free + owed * each
local n = 0
if free <= now then
  n = math.min(want, 1 + math.floor((now - free) / each))
  free = free + n * each
end
redis.call('SET', KEYS[1], string.format('%.3f', free), 'PX', math.ceil(math.max(free - now, 0) / 1000) + 60000)
return {n, math.ceil(math.max(free - now, 0))}`)

// Pace is a rate that all nodes keep together. Without the server each keeps its part of it.
type Pace struct {
	nodes     *Nodes
	name      string
	perSecond float64

	mu      sync.Mutex
	granted float64 // negative: left without having been granted
	free    time.Time
	alone   bool // free is this node's own
}

// Pace is the rate of that name. All nodes must give it the same perSecond.
func (n *Nodes) Pace(name string, perSecond float64) *Pace {
	return &Pace{nodes: n, name: name, perSecond: perSecond}
}

// Room is how much may leave now, or in how long to ask again. Ask only when something waits: what is granted and isn't
// taken is lost to the others.
func (p *Pace) Room(ctx context.Context) (n int, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.granted >= 1 {
		return int(p.granted), 0
	}
	owed := max(-p.granted, 0)
	want := max(math.Ceil(p.perSecond*block.Seconds()), 1)
	v, err := p.nodes.run(ctx, grant, "pace", p.name, 1e6/p.perSecond, want, owed, lateness.Microseconds())
	two, ok := v.([]any)
	if err != nil || !ok || len(two) != 2 {
		return p.roomAlone(time.Now())
	}
	p.alone = false
	got, _ := two[0].(int64)
	in, _ := two[1].(int64)
	p.granted = float64(got)
	if got > 0 {
		return int(got), 0
	}
	wait = time.Duration(in) * time.Microsecond
	if block.Seconds()/2*p.perSecond >= 1 { // worth a moment, to let some come together
		wait += block / 2
	}
	return 0, max(wait, time.Millisecond)
}

// roomAlone is the same while the server is away: as if it were divided among the nodes that were known last.
func (p *Pace) roomAlone(now time.Time) (int, time.Duration) {
	part := p.perSecond / float64(p.nodes.Count())
	if !p.alone { // what the server granted last may have left this moment
		p.alone, p.free = true, now.Add(time.Duration(float64(time.Second)/part))
	}
	if p.granted < 0 {
		p.free = p.free.Add(time.Duration(-p.granted / part * float64(time.Second)))
		p.granted = 0
	}
	if oldest := now.Add(-lateness); p.free.Before(oldest) {
		p.free = oldest
	}
	behind := now.Sub(p.free)
	if behind < 0 {
		return 0, -behind
	}
	p.granted = 1 + math.Floor(behind.Seconds()*part)
	p.free = p.free.Add(time.Duration(p.granted / part * float64(time.Second)))
	return int(p.granted), 0
}

// spend is grant for what leaves at once, or not at all: it returns 0, or in how many microseconds to ask again.
var spend = goredis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local cost, late = tonumber(ARGV[1]), tonumber(ARGV[2])
local free = tonumber(redis.call('GET', KEYS[1]) or now)
if free > now + 86400000000 then free = now end
if free < now - late then free = now - late end
if free > now then return math.ceil(free - now) end
free = free + cost
redis.call('SET', KEYS[1], string.format('%.3f', free), 'PX', math.ceil(math.max(free - now, 0) / 1000) + 1000)
return 0`)

// Each takes so much out of one resident's part of a rate that all nodes keep together, or says in how long there is room. known is
// false without the server: nothing is counted then.
func (n *Nodes) Each(ctx context.Context, name string, resident [16]byte, perSecond float64, weight int) (wait time.Duration, known bool) {
	v, err := n.run(ctx, spend, "each", name+":"+hex.EncodeToString(resident[:]), 1e6/perSecond*float64(weight), lateness.Microseconds())
	in, ok := v.(int64)
	return time.Duration(in) * time.Microsecond, ok && err == nil
}

// Take counts what leaves. It may be more than there is room for, as a long message is: it is paid for before the next.
func (p *Pace) Take(weight int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.granted -= float64(weight)
}
