package exchange

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

var (
	nodeSims     = flag.Int("nodesims", 4, "how many random histories of several nodes are tried")
	firstNodeSim = flag.Uint64("first-nodesim", 0, "the seed of the first")
)

// country is several nodes of a town on one store, in one process and in a time of its own. Everything that leaves a node, and every
// answer to it, waits at a pause until the world lets one through: which one, when, and what gets lost is drawn from a seed.
type country struct {
	t      *testing.T
	rng    *rand.Rand
	mem    *memory
	broken string // a control: what is done wrong on purpose
	words  []*dialogs.Dialog

	mu      sync.Mutex
	waiting []*pause
	wake    chan struct{} // holds a token when something has begun to wait
	nodes   []*simNode
	people  []*simPerson
	busy    int // people who aren't done
	trace   []string
	sent    map[[16]byte]*simMessage
	turns   map[store.Resident]bool // leased
	lives   int
	count   map[string]int

	told  sync.Mutex
	wrong []string
}

// says notes that something is wrong.
func (w *country) says(format string, args ...any) {
	w.told.Lock()
	defer w.told.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// pause is where something waits to be let through.
type pause struct {
	node *simNode // nil: on its way to one
	name string
	open chan error
}

// simMessage is what the store and the phones know of a pushed message.
type simMessage struct {
	claimed, settled bool
	unsure           bool // it was claimed again after its claim was over, or a try was in doubt
	by               *simNode
	risked           bool // its node died or stood still with it, or was cut off from what it claimed or settled: nobody can know whether it left
}

// simNode is one life of a node.
type simNode struct {
	store.Store
	w      *country
	place  int
	x      *Exchange
	end    context.CancelFunc
	dead   bool
	frozen time.Time    // until then
	off    atomic.Int64 // nanoseconds that its clock is wrong
}

var errGone = errors.New("connection reset")

// at waits at a pause.
func (w *country) at(n *simNode, name string) error {
	g := &pause{node: n, name: name, open: make(chan error, 1)}
	w.mu.Lock()
	if n != nil && n.dead {
		w.mu.Unlock()
		return errGone
	}
	w.waiting = append(w.waiting, g)
	select {
	case w.wake <- struct{}{}:
	default:
	}
	w.mu.Unlock()
	return <-g.open
}

// carries has the store do something: the way there and the way back are gates.
func carries[T any](n *simNode, name string, do func() (T, error)) (T, error) {
	var none T
	name = fmt.Sprintf("node %d %s", n.place, name)
	if err := n.w.at(n, name); err != nil {
		return none, err
	}
	out, err := do()
	if err == nil {
		err = n.w.at(n, name+" came back")
	}
	if err != nil {
		return none, err
	}
	return out, nil
}

func (n *simNode) Now() time.Time                         { return time.Now().Add(time.Duration(n.off.Load())) }
func (n *simNode) After(d time.Duration) <-chan time.Time { return time.After(d) }

func (n *simNode) Find(ctx context.Context, a store.AddressKey) (store.Resident, bool, error) {
	known := false
	r, err := carries(n, fmt.Sprintf("find %x", a[:2]), func() (r store.Resident, err error) {
		r, known, err = n.Store.Find(ctx, a)
		return r, err
	})
	return r, known, err
}

func (n *simNode) Meet(ctx context.Context, a store.AddressKey) (store.Conversation, bool, error) {
	known := false
	c, err := carries(n, fmt.Sprintf("meet %x", a[:2]), func() (c store.Conversation, err error) {
		c, known, err = n.Store.Meet(ctx, a)
		return c, err
	})
	return c, known, err
}

func (n *simNode) Load(ctx context.Context, r store.Resident) (store.Conversation, error) {
	return carries(n, fmt.Sprintf("load %x", r[:2]), func() (store.Conversation, error) { return n.Store.Load(ctx, r) })
}

func (n *simNode) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	if n.w.broken == "acknowledged before the commit" { // what is lost then is lost after it was acknowledged
		kept := *c
		go func() {
			_, _ = carries(n, "commit", func() (store.Outcome, error) { return n.Store.Commit(ctx, &kept) })
		}()
		return store.Outcome{Kind: store.Applied}, nil
	}
	if n.w.broken == "repeats aren't known" {
		again := *c
		again.Inbound = store.Inbound{}
		c = &again
	}
	return carries(n, fmt.Sprintf("commit %x", c.Resident[:2]), func() (store.Outcome, error) { return n.Store.Commit(ctx, c) })
}

func (n *simNode) Timers(ctx context.Context, now time.Time, most int) ([]store.Timer, error) {
	return carries(n, "timers", func() ([]store.Timer, error) { return n.Store.Timers(ctx, now, most) })
}

func (n *simNode) Hold(ctx context.Context, duty string, node [16]byte, term time.Duration) (bool, error) {
	return carries(n, "hold "+strings.Fields(duty)[0], func() (bool, error) {
		return n.Store.Hold(ctx, duty, node, term)
	})
}

func (n *simNode) Claim(ctx context.Context, want store.Want, now time.Time, lease time.Duration) (got []store.Message, err error) {
	var all []store.Message
	defer func() {
		if err != nil {
			n.risks(func(m *simMessage) bool {
				return slices.ContainsFunc(all, func(c store.Message) bool { return n.w.sent[c.ID] == m })
			})
		}
	}()
	return carries(n, "claim "+want.Channels[0], func() ([]store.Message, error) {
		all, err = n.Store.Claim(ctx, want, now, lease)
		n.w.mu.Lock()
		defer n.w.mu.Unlock()
		for i := range all {
			m := n.w.message(all[i].ID)
			if m.settled || m.claimed && !all[i].Unsure {
				n.w.says("a message is claimed that is on its way, or has come (settled: %v)", m.settled)
			}
			m.claimed, m.by, m.unsure = true, n, m.unsure || all[i].Unsure
			if n.w.broken == "claims don't hold" {
				_ = n.Store.Settle(ctx, now, []store.Settled{{ID: all[i].ID, State: store.Queued, Retry: now}})
			}
		}
		return all, err
	})
}

func (n *simNode) Settle(ctx context.Context, now time.Time, all []store.Settled) error {
	_, err := carries(n, "settle", func() (struct{}, error) {
		err := n.Store.Settle(ctx, now, all)
		n.w.mu.Lock()
		defer n.w.mu.Unlock()
		for _, s := range all {
			m := n.w.message(s.ID)
			m.claimed, m.settled = false, s.State == store.Sent || s.State == store.Delivered
		}
		return struct{}{}, err
	})
	if err != nil {
		n.risks(func(m *simMessage) bool {
			return slices.ContainsFunc(all, func(s store.Settled) bool { return n.w.sent[s.ID] == m })
		})
	}
	return err
}

// risks notes of messages that the node has claimed that nobody may ever know whether they left.
func (n *simNode) risks(is func(*simMessage) bool) {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	for _, m := range n.w.sent {
		m.risked = m.risked || m.claimed && m.by == n && is(m)
	}
}

func anyMessage(*simMessage) bool { return true }

// message is what is known of one; the caller holds mu.
func (w *country) message(id [16]byte) *simMessage {
	if w.sent[id] == nil {
		w.sent[id] = &simMessage{}
	}
	return w.sent[id]
}

// Lease gives a resident's turn to one node as Redis does: for a while, not to be relied on, and now and then not at all.
func (n *simNode) Lease(_ context.Context, r [16]byte) (give func(), free bool) {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	if n.w.turns[r] { // it is waited for in vain
		return func() {}, false
	}
	n.w.turns[r] = true
	return func() {
		n.w.mu.Lock()
		defer n.w.mu.Unlock()
		delete(n.w.turns, r)
	}, true
}

// simLine is a channel of a node: a push waits at two gates like all that leaves.
type simLine struct {
	n      *simNode
	name   string
	traits render.Traits
}

func (l *simLine) Name() string          { return l.name }
func (l *simLine) Traits() render.Traits { return l.traits }

func (l *simLine) Deliver(_ context.Context, to channels.Address, p render.Page, key string) (string, error) {
	w := l.n.w
	name := fmt.Sprintf("node %d push %s", l.n.place, to.ID)
	if err := w.at(l.n, name); err != nil {
		return "", channels.Retry(err, 0) // it never left
	}
	w.mu.Lock()
	who := w.person(to.ID)
	who.got = append(who.got, pushedPage{key, p.Text})
	w.mu.Unlock()
	if err := w.at(l.n, name+" taken"); err != nil {
		w.mu.Lock()
		who.doubts++
		w.mu.Unlock()
		return "", channels.Doubt(err)
	}
	return key, nil
}

type pushedPage struct{ key, text string }

// simPerson is a resident: what they say, what must be asked next, and what they got.
type simPerson struct {
	w       *country
	channel string
	at      channels.Address
	rng     *rand.Rand
	script  [][2]string
	reminds bool // leaves off in the middle, and is reminded
	got     []pushedPage
	doubts  int
}

func (w *country) person(id string) *simPerson {
	return w.people[slices.IndexFunc(w.people, func(p *simPerson) bool { return p.at.ID == id })]
}

var simScript = [][2]string{
	{"NUMB", "Which day should it close?"}, {"1", "May the town count this vote?"}, {"yes", "Your receipt is"},
	{"PARK", "What should come first?"}, {"1", "How many days a month"}, {"12", "12"}, {"1", "May the town keep these answers?"}, {"yes", "Your receipt is"},
}

// lives says everything, each message as often as it takes, and now and then an old one again, which nobody waits for.
func (p *simPerson) lives() {
	w := p.w
	defer func() { w.mu.Lock(); w.busy--; w.mu.Unlock() }()
	var late sync.WaitGroup
	defer late.Wait()
	replies := map[int]string{}
	for i, l := range p.script {
		e := channels.Event{Channel: p.channel, ID: fmt.Sprint(p.at.ID, "/", i), From: p.at, Words: l[0]}
		replies[i] = p.says(p.rng, e, l[1])
		if i == 2 { // a ballot that was cast takes the replies before it away
			clear(replies)
		} else if p.rng.IntN(4) == 0 && i > 2 {
			old := 3 + p.rng.IntN(i-2)
			was, again := replies[old], channels.Event{Channel: p.channel, ID: fmt.Sprint(p.at.ID, "/", old), From: p.at, Words: p.script[old][0]}
			luck := rand.New(rand.NewPCG(p.rng.Uint64(), 1))
			late.Go(func() {
				if got := p.says(luck, again, ""); got != was && !strings.Contains(got, "Your receipt is") { // as above
					w.says("%q was answered %q, and when it came again %q", again.Words, was, got)
				}
			})
		}
	}
}

// says hands an event to one node after the other until one answers.
func (p *simPerson) says(luck *rand.Rand, e channels.Event, next string) string {
	for try := 0; ; try++ {
		if err := p.w.at(nil, fmt.Sprintf("to the town %s", e.ID)); err != nil {
			continue
		}
		p.w.mu.Lock()
		n := p.w.nodes[luck.IntN(len(p.w.nodes))]
		p.w.mu.Unlock()
		ctx, done := context.WithTimeout(p.w.t.Context(), 15*time.Second)
		r, err := n.x.Receive(ctx, e)
		done()
		if err != nil || n.dead {
			time.Sleep(time.Second)
			continue
		}
		if err := p.w.at(nil, fmt.Sprintf("from the town %s", e.ID)); err != nil { // the answer gets lost
			continue
		}
		text := textOf(r)
		if p.channel == "sms" && !strings.Contains(text, next) {
			p.w.says("%s, %q: %q has no %q", e.ID, e.Words, text, next)
		}
		return text
	}
}

// open begins a life of a node.
func (w *country) open(place int) *simNode {
	n := &simNode{Store: w.mem, w: w, place: place}
	n.off.Store(int64(time.Duration(w.rng.IntN(60)-30) * time.Second))
	w.lives++
	ctx, end := context.WithCancel(w.t.Context())
	n.end = end
	pushed := render.Telegram
	pushed.Pushed = true
	town := settle(w.t, func(t *town, s *Settings) {
		t.store = w.mem
		s.Clock, s.Entropy, s.Leases = n, chance(uint64(w.rng.IntN(1<<16))), n
		s.Nodes = Nodes{Poll: 5 * time.Second}
		s.Channels = []channels.Channel{
			&simLine{n, "sms", render.SMS}, &simLine{n, "telegram", pushed}, &post{name: "voice", traits: render.Voice},
			&post{name: "ussd", traits: render.USSD}, &post{name: "kiosk", traits: render.Kiosk},
		}
		s.Resend = []string{"telegram"}
	})
	n.x = town.x
	town.dialogs.current.Store(new(w.words))
	for _, d := range w.words {
		town.dialogs.keep(d)
	}
	n.x.store = n
	go n.x.Run(ctx)
	return n
}

// kills ends a node's life: nothing that it waits for comes back.
func (w *country) kills(place int) {
	w.mu.Lock()
	n := w.nodes[place]
	n.dead = true
	left := w.waiting[:0]
	for _, g := range w.waiting {
		if g.node == n {
			g.open <- errGone
			continue
		}
		left = append(left, g)
	}
	w.waiting = left
	w.count["killed"]++
	w.mu.Unlock()
	n.risks(anyMessage)
	n.end()
	synctest.Wait()
	next := w.open(place)
	w.mu.Lock()
	w.nodes[place] = next
	w.mu.Unlock()
}

// step lets something happen, drawn from the seed; calm: nothing breaks any more.
func (w *country) step(calm bool) {
	synctest.Wait()
	if !calm {
		switch w.rng.IntN(400) {
		case 0:
			w.kills(w.rng.IntN(len(w.nodes)))
			return
		case 1, 2: // for a moment, or for longer than any claim or duty holds
			n := w.nodes[w.rng.IntN(len(w.nodes))]
			n.frozen = time.Now().Add([]time.Duration{5 * time.Second, 3 * time.Minute}[w.rng.IntN(2)])
			n.risks(anyMessage)
			w.count["frozen"]++
		case 3:
			w.nodes[w.rng.IntN(len(w.nodes))].off.Store(int64(time.Duration(w.rng.IntN(60)-30) * time.Second))
			w.count["clock moved"]++
		case 4: // all leases are forgotten
			clear(w.turns)
			w.count["leases lost"]++
		}
	}
	w.mu.Lock()
	var able []*pause
	now := time.Now()
	for _, g := range w.waiting {
		if g.node == nil || !g.node.frozen.After(now) || calm {
			able = append(able, g)
		}
	}
	if len(able) == 0 || w.rng.IntN(20) == 0 {
		w.mu.Unlock()
		time.Sleep(time.Duration(w.rng.Int64N(int64(300 * time.Millisecond)))) // never the same moment as anything else's
		return
	}
	slices.SortStableFunc(able, func(a, b *pause) int { return strings.Compare(a.name, b.name) })
	g := able[w.rng.IntN(len(able))]
	w.waiting = slices.DeleteFunc(w.waiting, func(o *pause) bool { return o == g })
	var err error
	if !calm && w.rng.IntN(60) == 0 {
		err = errGone
		w.count["lost"]++
	}
	w.trace = append(w.trace, fmt.Sprint(g.name, err != nil))
	w.mu.Unlock()
	g.open <- err
}

// simulate runs one history, and returns what happened and what was wrong with it.
func simulate(t *testing.T, seed uint64, count map[string]int, broken string) (trace, wrong []string) {
	synctest.Test(t, func(t *testing.T) {
		w := &country{
			t: t, rng: rand.New(rand.NewPCG(seed, 5)), mem: newMemory(), broken: broken, wake: make(chan struct{}, 1), sent: map[[16]byte]*simMessage{}, turns: map[store.Resident]bool{}, count: count,
		}
		time.Sleep(time.Until(noon))
		w.words = edited(t, "survey.yaml", swap("remind_after: 1 day", "remind_after: 1 hour")).All()
		for i := range 6 {
			p := &simPerson{w: w, channel: "sms", at: channels.Address{Kind: "tel", ID: fmt.Sprintf("+1555010%d", 1000+i)}, rng: rand.New(rand.NewPCG(seed, uint64(100+i))), script: simScript}
			if i%3 == 1 {
				p.channel, p.at = "telegram", channels.Address{Kind: "telegram", ID: fmt.Sprint(7000 + i)}
				p.script = simScript[3:]
			}
			if p.reminds = i >= 4; p.reminds {
				p.script = p.script[:len(p.script)-3]
			}
			w.people = append(w.people, p)
		}
		for i := range 3 {
			w.nodes = append(w.nodes, w.open(i))
		}
		w.busy = len(w.people)
		for _, p := range w.people {
			go p.lives()
		}
		for range 200_000 {
			if w.step(false); w.done() {
				break
			}
		}
		if !w.done() {
			w.says("it never ends")
		}
		for end := time.Now().Add(100 * time.Minute); time.Now().Before(end); { // reminders, and what was in doubt
			w.step(time.Until(end) < 30*time.Minute)
			if w.idle() { // until something waits again
				select {
				case <-w.wake:
				case <-time.After(time.Duration(w.rng.Int64N(int64(20 * time.Minute)))):
				}
			}
		}
		w.judge()
		trace, wrong = w.trace, w.wrong
		for _, n := range w.nodes {
			n.end()
		}
		w.mu.Lock()
		for _, n := range w.nodes {
			n.dead = true
		}
		for _, g := range w.waiting {
			g.open <- errGone
		}
		w.waiting = nil
		w.mu.Unlock()
	})
	return trace, wrong
}

func (w *country) done() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.busy == 0
}

// idle says that nothing waits but what is frozen.
func (w *country) idle() bool {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.wake:
	default:
	}
	return len(w.waiting) == 0
}

// judge holds the store and the phones against what people said and were told.
func (w *country) judge() {
	w.mu.Lock()
	defer w.mu.Unlock()
	ended, voted := 0, 0
	for _, p := range w.people {
		if !p.reminds {
			ended++
		}
		if p.channel == "sms" {
			voted++
		}
	}
	polls := map[string]int{}
	for _, b := range w.mem.ballots {
		polls[b.Poll]++
	}
	if polls["survey"] != ended || polls["number-vote"] != voted {
		w.says("%d answers of %d, %d votes of %d", polls["survey"], ended, polls["number-vote"], voted)
	}
	for _, p := range w.people {
		came, reminders := map[string]int{}, 0
		for _, g := range p.got {
			came[g.key]++
			if came[g.key] > 1 {
				w.count["came twice"]++
				if !w.anyUnsure() {
					w.says("%s got %q twice, and nothing was in doubt", p.at.ID, g.text)
				}
			}
		}
		if p.channel == "telegram" {
			reminders = len(came) - len(p.script)
		} else {
			reminders = len(came)
		}
		// Of a text where nobody can know whether it left a person is told, instead of sending it twice: that is no reminder less.
		held := w.heldFor(p)
		if want := map[bool]int{true: 1}[p.reminds]; reminders != want && (reminders > want || reminders+held < want) {
			w.says("%s (%s) got %d messages that were pushed, of which %d more than the answers, not %d: %q", p.at.ID, p.channel, len(came), reminders, want, p.got)
		}
		w.count["reminders"] += reminders
		w.count["held"] += held
		w.count["pushed"] += len(came)
	}
	for _, q := range w.mem.outbox {
		if q.state == store.Queued || q.state == store.Claimed {
			w.says("a message never left: %+v", q.state)
		}
	}
}

// heldFor counts the messages to somebody that wait for a person to decide.
func (w *country) heldFor(p *simPerson) (n int) {
	who := w.mem.addresses[seals{}.Address(p.at.Kind, p.at.ID)].resident
	for _, q := range w.mem.outbox {
		if q.Resident != who || q.state != store.Unsure || q.Code != codeUnknown {
			continue
		}
		if m := w.sent[q.ID]; m == nil || !m.risked && p.doubts == 0 || p.channel != "sms" {
			w.says("a message to %s is held for a person, though it could be known what became of it: %+v", p.at.ID, m)
		}
		n++
	}
	return n
}

func (w *country) anyUnsure() bool {
	for _, m := range w.sent {
		if m.unsure {
			return true
		}
	}
	for _, p := range w.people {
		if p.doubts > 0 {
			return true
		}
	}
	return false
}

// TestNodesSimulation has people talk with three nodes that are killed, frozen and cut off, whose clocks and leases go wrong, and
// whose requests and answers get lost or come in another order. What happens comes from the seed alone.
func TestNodesSimulation(t *testing.T) {
	if _, err := phrases(); err != nil {
		t.Fatal(err)
	}
	testDialogs(t)
	count, steps := map[string]int{}, 0
	for seed := *firstNodeSim; seed < *firstNodeSim+uint64(*nodeSims); seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			trace, wrong := simulate(t, seed, count, "")
			for _, text := range wrong {
				t.Error(text)
			}
			steps += len(trace)
		})
	}
	t.Logf("%d histories, %d steps: %v", *nodeSims, steps, count)
	if *nodeSims >= 4 && (count["killed"] < 5 || count["frozen"] < 10 || count["lost"] < 100 || count["reminders"] < 6) {
		t.Error("the simulation tries too little")
	}
}

// The same seed is the same history.
func TestNodesSimulationRepeats(t *testing.T) {
	for seed := range uint64(max(1, *nodeSims/20)) {
		first, _ := simulate(t, seed, map[string]int{}, "")
		second, _ := simulate(t, seed, map[string]int{}, "")
		if slices.Equal(first, second) {
			continue
		}
		at := 0
		for at < min(len(first), len(second)) && first[at] == second[at] {
			at++
		}
		t.Errorf("seed %d is another history from step %d of %d on:\n%q\n%q", seed, at, len(first), first[max(0, at-3):min(len(first), at+3)], second[max(0, at-3):min(len(second), at+3)])
	}
}

// What is done wrong on purpose is caught.
func TestNodesSimulationCatches(t *testing.T) {
	for _, broken := range []string{"acknowledged before the commit", "repeats aren't known", "claims don't hold"} {
		t.Run(broken, func(t *testing.T) {
			for seed := range uint64(10) {
				if _, wrong := simulate(t, seed, map[string]int{}, broken); len(wrong) > 0 {
					t.Logf("seed %d: %s", seed, wrong[0])
					return
				}
			}
			t.Error("it was not caught")
		})
	}
}
