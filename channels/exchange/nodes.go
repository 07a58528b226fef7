package exchange

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/store"
)

// Nodes are what a town's nodes share beside the store. All of it may be lost at any moment: store/redis has it.
type Nodes struct {
	// Poll is how long a node lets pass at most until it sees what others have written for it to do; 0: there are no others.
	Poll time.Duration
	// Single are the channels that one node at a time has, by the duty that it holds then (While): it alone sends on them.
	Single map[string]string
	Bell   Bell // nil: none
	// Pace makes a rate that all nodes keep together, nil: each keeps it by itself. They give the same name the same perSecond.
	Pace func(name string, perSecond float64) Pace
	Each EachPace // nil: each node keeps what one resident gets by itself
	// Count is how many nodes there are, as known last; nil: 1.
	Count func() int
}

// Leases give a resident's turn to one node at a time, as far as they can: store/redis does. They save a turn that would be stepped
// twice and promise nothing; what holds is the version in the store.
type Leases interface {
	// Lease waits for the turn, not for long, and returns what gives it back. It may not fail: without it, the turn goes on.
	//
	// It is free where no other node is known to have had the turn when it was asked for: what was read before then holds. Else it is
	// read again.
	Lease(ctx context.Context, resident [16]byte) (give func(), free bool)
}

// Bell wakes the workers of all nodes. What it tells may be lost: they look by themselves now and then.
type Bell interface {
	Ring(ctx context.Context, what string)
	// Hear calls heard, which doesn't block, for each Ring of any node until ctx ends; with "" when some may have been missed.
	Hear(ctx context.Context, heard func(what string))
}

// What is rung for.
const (
	bellOutbox  = "outbox"  // there is something to send on a line that another node has
	bellTimers  = "timers"  // a timer is due soon
	bellDialogs = "dialogs" // something was published
	bellDuty    = "duty"    // a duty was given back
)

// nodes are the others, as one of them sees them.
type nodes struct {
	id     [16]byte
	poll   time.Duration
	bell   Bell
	count  func() int
	duties duties
	news   alarm // of dialogs

	mu     sync.Mutex
	toTell map[string]bool
	wanted chan struct{} // holds one token while there is something to tell
}

// dialogsPoll is how long a node holds dialogs at most without looking whether newer ones were published.
const dialogsPoll = 10 * time.Second

// share joins the other nodes, where there are any.
func (x *Exchange) share(s *Settings) error {
	n := &x.nodes
	if _, err := rand.Read(n.id[:]); err != nil {
		return fmt.Errorf("exchange: randomness: %w", err)
	}
	n.poll, n.bell, n.count, n.duties = s.Nodes.Poll, s.Nodes.Bell, s.Nodes.Count, newDuties()
	n.toTell, n.wanted, n.news = make(map[string]bool), make(chan struct{}, 1), newAlarm(shortestSleep)
	n.news.most = dialogsPoll
	if s.Leases != nil {
		x.residents.beside = func(ctx context.Context, r store.Resident) (func(), bool) { return s.Leases.Lease(ctx, r) }
	}
	for name, duty := range s.Nodes.Single {
		l := x.channels[name]
		if l == nil || duty == "" {
			return fmt.Errorf("exchange: there is no channel %q that one node has", name)
		}
		l.duty = duty
	}
	if n.poll > 0 {
		x.outbox.most, x.timers.most = n.poll, n.poll
		x.timers.beyond = func() {
			if !n.duties.has(timersDuty) {
				n.tell(bellTimers)
			}
		}
	}
	if s.Metrics == nil {
		return nil
	}
	return s.Metrics.Register(&dutyGauge{duties: &n.duties, shown: prometheus.NewDesc("townline_duty", "1 for each thing that one server does at a time and that this one does.", []string{"duty"}, nil)})
}

// elsewhere says whether another node alone sends on a line.
func (x *Exchange) elsewhere(l *line) bool { return l.duty != "" && !x.nodes.duties.has(l.duty) }

// posted wakes whoever sends what was committed.
func (x *Exchange) posted(all []store.Message) {
	if len(all) == 0 {
		return
	}
	x.outbox.ring()
	for i := range all {
		if l := x.channels[all[i].Channel]; l != nil && x.elsewhere(l) {
			x.nodes.tell(bellOutbox)
			return
		}
	}
}

// tell has the bell rung, soon and for all that is told meanwhile.
func (n *nodes) tell(what string) {
	if n.bell == nil {
		return
	}
	n.mu.Lock()
	n.toTell[what] = true
	n.mu.Unlock()
	select {
	case n.wanted <- struct{}{}:
	default:
	}
}

// rings rings the bell for what this node tells.
func (n *nodes) rings(ctx context.Context, stop <-chan struct{}) {
	for {
		select {
		case <-n.wanted:
		case <-ctx.Done():
			return
		case <-stop:
			return
		}
		n.mu.Lock()
		var all []string
		for what := range n.toTell {
			all = append(all, what)
		}
		clear(n.toTell)
		n.mu.Unlock()
		for _, what := range all {
			n.bell.Ring(ctx, what)
		}
	}
}

// heard wakes those whom a ring is for.
func (x *Exchange) heard(what string) {
	all := what == ""
	if all || what == bellOutbox {
		x.outbox.ring()
	}
	if all || what == bellTimers {
		x.timers.ring()
	}
	if all || what == bellDialogs {
		x.nodes.news.ring()
	}
	if all || what == bellDuty {
		x.nodes.duties.try.ring()
	}
}

// refresher is a catalogue that learns what other nodes have published.
type refresher interface {
	Refresh(ctx context.Context) (taken int, err error)
}

// joins does what a node does for the others and by them, until ctx ends or the town closes.
func (x *Exchange) joins(ctx context.Context) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	n := &x.nodes
	var all sync.WaitGroup
	defer all.Wait()
	if n.bell != nil {
		all.Go(func() { n.rings(ctx, x.work.stop) })
		all.Go(func() { n.bell.Hear(ctx, x.heard) })
		n.tell(bellDialogs)
	}
	catalogue, ok := x.town.Dialogs.(refresher)
	told := "" // it is said once
	for n.news.sleep(ctx, x.clock, time.Time{}, x.work.stop) {
		if !ok {
			continue
		}
		taken, err := catalogue.Refresh(ctx)
		if taken > 0 {
			x.log.LogAttrs(ctx, slog.LevelInfo, "dialogs that another server published are in service", slog.Int("dialogs", taken))
		}
		if err == nil {
			told = ""
		} else if ctx.Err() == nil && err.Error() != told {
			told = err.Error()
			x.log.LogAttrs(ctx, slog.LevelError, "what was published can't be taken over yet", slog.Any("error", err))
		}
	}
	end()
}

// Leave gives back what this node does alone, so that another does it at once. Turns are held and messages sent as before, until
// Drain. What it was doing may still take a moment.
func (x *Exchange) Leave() { x.nodes.duties.leave() }

// dutyGauge shows the duties of this node.
type dutyGauge struct {
	duties *duties
	shown  *prometheus.Desc
}

func (g *dutyGauge) Describe(to chan<- *prometheus.Desc) { to <- g.shown }

func (g *dutyGauge) Collect(to chan<- prometheus.Metric) {
	g.duties.mu.Lock()
	defer g.duties.mu.Unlock()
	for duty, until := range g.duties.until {
		if time.Now().Before(until) && !strings.HasPrefix(duty, lifePrefix) { // a line for each life of each server would be too many
			to <- prometheus.MustNewConstMetric(g.shown, prometheus.GaugeValue, 1, duty)
		}
	}
}
