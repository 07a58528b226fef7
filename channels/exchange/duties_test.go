package exchange

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// cut is a store that a node is cut off from, in a way that shows at once or not at all.
type cut struct {
	store.Store
	refuses, hangs atomic.Bool
}

func (c *cut) Hold(ctx context.Context, duty string, node [16]byte, term time.Duration) (bool, error) {
	if c.hangs.Load() {
		<-ctx.Done()
		return false, ctx.Err()
	}
	if c.refuses.Load() {
		return false, errors.New("connection refused")
	}
	return c.Store.Hold(ctx, duty, node, term)
}

// watch tells what a node does for a duty.
type watch struct {
	does   atomic.Bool
	begins atomic.Int32
}

func (w *watch) do(ctx context.Context) {
	w.does.Store(true)
	w.begins.Add(1)
	<-ctx.Done()
	w.does.Store(false)
}

// two nodes on one store in memory, which each has its own way to.
func two(t *testing.T) (nodes [2]*town, ways [2]*cut) {
	shared := newMemory()
	for i := range nodes {
		ways[i] = &cut{Store: shared}
		nodes[i] = settle(t, func(w *town, s *Settings) { w.store, s.Clock, s.Nodes.Poll = ways[i], SystemClock{}, 2*time.Second })
	}
	return nodes, ways
}

// A duty is one node's at a time, and another's within its term when that one dies, hangs, or is cut off: never of two at once.
func TestOneNodeHasADuty(t *testing.T) {
	for name, trouble := range map[string]func(*town, *cut, func()){
		"ends":    func(_ *town, _ *cut, end func()) { end() },
		"leaves":  func(w *town, _ *cut, _ func()) { w.x.Leave() },
		"refused": func(_ *town, c *cut, _ func()) { c.refuses.Store(true) },
		"hangs":   func(_ *town, c *cut, _ func()) { c.hangs.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes, ways := two(t)
				var does [2]watch
				ctx, stop := context.WithCancel(t.Context())
				ends := [2]func(){}
				for i, w := range nodes {
					mine, end := context.WithCancel(ctx)
					ends[i] = end
					go w.x.While(mine, "line", timersTerm, does[i].do)
				}
				time.Sleep(3 * time.Second)
				first := 0
				if does[1].does.Load() {
					first = 1
				}
				if does[0].does.Load() == does[1].does.Load() {
					t.Fatal("both have it, or none")
				}
				if other := 1 - first; !nodes[first].x.nodes.duties.has("line") || nodes[other].x.nodes.duties.has("line") {
					t.Error("who has it isn't known")
				}
				trouble(nodes[first], ways[first], ends[first])
				began := time.Now()
				for !does[1-first].does.Load() {
					time.Sleep(10 * time.Millisecond)
					if does[0].does.Load() && does[1].does.Load() {
						t.Fatal("two have it at once")
					}
					if time.Since(began) > timersTerm+2*dutyBeat {
						t.Fatal("nobody takes it over")
					}
				}
				took := time.Since(began)
				if given := name == "ends" || name == "leaves"; given && took > dutyBeat+dutyBeat/2 {
					t.Errorf("given back, and taken over after %v", took)
				}
				t.Logf("taken over after %v", took)
				ways[first].refuses.Store(false)
				ways[first].hangs.Store(false)
				time.Sleep(10 * time.Second)
				if does[first].does.Load() || does[1-first].begins.Load() != 1 {
					t.Error("it doesn't stay where it is")
				}
				stop()
				synctest.Wait()
			})
		})
	}
}

// Who was frozen doesn't believe that it has what another took over.
func TestFrozenNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDuties()
		d.note("line", time.Now().Add(timersTerm-dutySlack))
		if !d.has("line") {
			t.Error("it isn't had")
		}
		time.Sleep(timersTerm)
		if d.has("line") {
			t.Error("it is still had")
		}
	})
}

// A duty whose work ends by itself is given back, and begun again a little later.
func TestDutyWhoseWorkEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := settle(t, func(_ *town, s *Settings) { s.Clock = SystemClock{} })
		n := 0
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer stop()
		w.x.While(ctx, "line", timersTerm, func(context.Context) { n++ })
		if n != 11 {
			t.Errorf("%d times in ten seconds", n)
		}
	})
}

// chime is a bell that all nodes of a test hear.
type chime struct{ rung, hears chan string }

func (c *chime) Ring(_ context.Context, what string) { c.rung <- what }

func (c *chime) Hear(ctx context.Context, heard func(string)) {
	for {
		select {
		case what := <-c.hears:
			heard(what)
		case <-ctx.Done():
			return
		}
	}
}

// One of two nodes alone sends on a line, and rings timers; the other one's turns reach it by the bell at once, and without the bell
// soon.
func TestNodesWakeEachOther(t *testing.T) {
	for name, bell := range map[string]bool{"bell": true, "none": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shared := newMemory()
				sent := &post{name: "sms", traits: render.SMS}
				sent.traits.Pushed = true
				there, here := make(chan string, 100), make(chan string, 100)
				make2 := func(rung, hears chan string) *town {
					return settle(t, func(w *town, s *Settings) {
						w.store, w.sms, s.Clock = shared, sent, SystemClock{}
						s.Nodes.Poll, s.Nodes.Single = 20*time.Second, map[string]string{"sms": "line"}
						if bell {
							s.Nodes.Bell = &chime{rung, hears}
						}
					})
				}
				a, b := make2(there, here), make2(here, there)
				ctx, stop := context.WithCancel(t.Context())
				go a.x.Run(ctx)
				go a.x.While(ctx, "line", timersTerm, func(ctx context.Context) { <-ctx.Done() })
				time.Sleep(time.Second)
				go b.x.Run(ctx)
				go b.x.While(ctx, "line", timersTerm, func(ctx context.Context) { <-ctx.Done() })
				time.Sleep(5 * time.Second)
				if !a.x.nodes.duties.has("line") || b.x.nodes.duties.has("line") || b.x.nodes.duties.has(timersDuty) {
					t.Fatal("the first node has no duty")
				}
				within := func(most time.Duration, what string, done func() bool) {
					t.Helper()
					began := time.Now()
					for !done() {
						time.Sleep(100 * time.Millisecond)
						if time.Since(began) > most {
							t.Fatalf("%s: not within %v", what, most)
						}
					}
				}
				most := 2 * time.Second
				if !bell {
					most = 21 * time.Second
				}
				for i := range 3 {
					n := len(sent.letters())
					e := channels.Event{Channel: "sms", ID: strconv.Itoa(i), From: channels.Address{Kind: "tel", ID: ann}, Words: "PARK"}
					if _, err := b.x.Receive(ctx, e); err != nil {
						t.Fatal(err)
					}
					within(most, "a reply", func() bool { return len(sent.letters()) > n })
				}
				var r store.Resident
				shared.mu.Lock()
				for r = range shared.rows {
					break
				}
				shared.timers[timerKey{r, "unknown"}] = time.Now()
				shared.mu.Unlock()
				b.x.timers.by(time.Now(), time.Now())
				within(most, "a timer", func() bool {
					shared.mu.Lock()
					defer shared.mu.Unlock()
					_, waits := shared.timers[timerKey{r, "unknown"}]
					return !waits
				})
				// The node is gone, and the other one does what it did.
				a.x.Leave()
				within(timersTerm, "taking over", func() bool { return b.x.nodes.duties.has("line") && b.x.nodes.duties.has(timersDuty) })
				n := len(sent.letters())
				e := channels.Event{Channel: "sms", ID: "last", From: channels.Address{Kind: "tel", ID: ann}, Words: "help"}
				if _, err := b.x.Receive(ctx, e); err != nil {
					t.Fatal(err)
				}
				within(2*time.Second, "a reply", func() bool { return len(sent.letters()) > n })
				stop()
				synctest.Wait()
			})
		})
	}
}
