package exchange

import (
	"testing"
	"time"
	"unsafe"
)

// slept is a moment as a machine sees it that was asleep for so long since: the clock that people set went on, the other stood still.
func slept(t time.Time, long time.Duration) time.Time {
	if long%time.Second != 0 || t.Round(0) == t {
		panic("whole seconds, of a time with both clocks")
	}
	*(*uint64)(unsafe.Pointer(&t)) -= uint64(long/time.Second) << 30 // where package time keeps the seconds of such a time
	return t
}

// A machine that was asleep for longer than others wait isn't known to have lived meanwhile: what it had claimed they have taken back, and
// that nobody else can have its life doesn't give it back. In a bubble there is one clock only.
func TestWhoSleptHasLostItsLife(t *testing.T) {
	t.Parallel()
	nodes, _ := two(t)
	x, until := nodes[0].x, time.Now().Add(lifeTerm)
	asleep := slept(until, lifeTerm+time.Second)
	if !time.Now().Before(asleep) || leftUntil(asleep) > 0 {
		t.Fatalf("not asleep: %v, %v", asleep, until)
	}
	duty := lifeDuty(x.nodes.id)
	c := claim{until: time.Now().Add(sendLease), life: t.Context(), lives: func() bool { return x.nodes.duties.has(duty) }}
	x.nodes.duties.note(duty, slept(until, 10*time.Second))
	if c.over() {
		t.Error("asleep for a moment, it stops sending")
	}
	x.nodes.duties.note(duty, asleep)
	if !c.over() {
		t.Error("it sends what others have taken back")
	}
	ended, timers := make(chan struct{}), make(chan bool)
	go func() { timers <- x.keep(t.Context(), timersDuty, lifeTerm, asleep, ended) }()
	never := make(chan struct{})
	time.AfterFunc(5*dutyBeat, func() { close(never) })
	if !x.keep(t.Context(), duty, lifeTerm, asleep, never) {
		t.Error("it takes up its life again as if nothing had been")
	}
	close(ended)
	if <-timers {
		t.Error("what others could have taken, and have not, is lost because of somebody who sets a clock")
	}
}
