package exchange

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

var (
	menus    = flag.Int("menus", menusAtFirst, "simulated conversations on menus that break off, with gateways that repeat, reorder and time out")
	menuSeed = flag.Uint64("menuseed", 0, "one batch of them to repeat")
	menuFrom = flag.Uint64("menufrom", 1, "the first batch")
)

const (
	menuBatch = 20              // of them share a town, two at a time
	latest    = 2 * time.Minute // that a request takes
)

// tally counts what the simulation came to.
type tally struct {
	conversations, shared, requests, repeats, late, cut, lost, slow, texts atomic.Int64
}

func (c *tally) String() string {
	return fmt.Sprintf("%d conversations, %d behind a PIN on another's phone: %d requests, %d repeated, %d late, %d that never arrived, %d too slow; %d sessions cut off, %d text messages",
		c.conversations.Load(), c.shared.Load(), c.requests.Load(), c.repeats.Load(), c.late.Load(), c.lost.Load(), c.slow.Load(), c.cut.Load(), c.texts.Load())
}

// menuTown is a town of which all options stand in one order.
func menuTown(t *testing.T, seed uint64, change ...setting) *town {
	w := settle(t, append(change, func(_ *town, s *Settings) { s.Entropy = chance(seed) })...)
	set := menuDialogs(t)
	w.dialogs.current.Store(new(set.All()))
	for _, d := range set.All() {
		w.dialogs.keep(d)
	}
	return w
}

func menuDialogs(t *testing.T) *dialogs.Set {
	return edited(t, "report.yaml", swap("  - id: same\n    type: similar\n    compare: [what, where]\n    within: 100 m\n    days: 30\n    say: Is it one of these?\n",
		"  - id: more\n    type: text\n    say: What else?\n"))
}

func TestMenuSimulation(t *testing.T) {
	batches := make(chan uint64)
	var count tally
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for seed := range batches {
				if !t.Failed() {
					t.Run(fmt.Sprint(seed), func(t *testing.T) { simulateMenus(t, seed, &count) })
				}
			}
		})
	}
	if *menuSeed > 0 {
		batches <- *menuSeed
	} else {
		for seed := range uint64((*menus + menuBatch - 1) / menuBatch) {
			batches <- seed + *menuFrom
		}
	}
	close(batches)
	all.Wait()
	t.Log(&count)
}

func simulateMenus(t *testing.T, seed uint64, count *tally) {
	rng := rand.New(rand.NewPCG(seed, 7))
	wild := menuTown(t, seed, func(w *town, _ *Settings) { w.store = onDisk(t) })
	calm := menuTown(t, seed+1)
	other, err := New(Settings{
		Store: wild.store, Keys: seals{}, Clock: wild.clock, Entropy: chance(seed + 2), Town: wild.x.town,
		Channels: []channels.Channel{&post{name: "ussd", traits: render.USSD}, wild.sms},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, s := range gateways {
		if s.ID != "" || !s.Whole {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var everybody []*dialer
	for n := 0; n < menuBatch; n += 2 {
		var pair [2]*dialer
		for i := range pair {
			name := names[rng.IntN(len(names))]
			d := &dialer{
				mind: newMind(rng, int(seed)*1000+n+i), t: t, w: wild, servers: []*Exchange{wild.x, other}, rng: rng,
				number: fmt.Sprintf("+1555%03d%04d", seed%1000, n+i), gateway: gateways[name], name: name, tally: count,
			}
			pair[i] = d
			everybody = append(everybody, d)
			count.conversations.Add(1)
			shared := i == 1 && rng.IntN(3) == 0
			if shared {
				d.dialog = []string{"survey", "open-vote"}[rng.IntN(2)] // others ask for a number of one's own
			}
			calm.toTheEnd(d)
			if shared {
				d.shares(pair[0], []string{"4821", "7305", "926184"}[rng.IntN(3)])
			}
		}
		for turns := 0; !pair[0].done || !pair[1].done; turns++ {
			if d := pair[rng.IntN(2)]; !d.done && !d.busy() {
				d.step()
			}
			if t.Failed() || turns > 2000 {
				for _, d := range pair {
					if !d.done {
						d.fail("%d turns", turns)
					}
				}
				return
			}
		}
	}
	got, want := wild.gathered(), calm.gathered()
	for _, r := range got {
		if i := slices.Index(want, r); i >= 0 {
			want = slices.Delete(want, i, i+1)
		} else {
			t.Errorf("only on menus: %s", r)
		}
	}
	for _, r := range want {
		t.Errorf("only by text: %s", r)
		dialog, _, _ := strings.Cut(r, ":")
		for _, d := range everybody {
			if d.dialog == dialog || dialog == "request" && d.dialog == "report" {
				d.fail("perhaps this one")
			}
		}
	}
}

// toTheEnd holds d's conversation by text messages, undisturbed.
func (w *town) toTheEnd(d *dialer) {
	w.t.Helper()
	words := "hello"
	for range 40 {
		r, err := w.x.Receive(w.t.Context(), w.text(d.number, words))
		if err != nil {
			w.t.Fatal(err)
		}
		if theEnd(textOf(r)) {
			return
		}
		if len(r.Pages) == 0 {
			break
		}
		words = d.answers(&r.Pages[len(r.Pages)-1], true)
	}
	w.t.Fatal(d.mind, "comes to no end by text")
}

// gathered is all that residents left.
func (w *town) gathered() (out []string) {
	w.t.Helper()
	for _, poll := range []string{"survey", "open-vote", "number-vote", "hidden-vote", "secret-vote"} {
		for _, r := range w.polled(poll) {
			out = append(out, poll+": "+r)
		}
	}
	for _, r := range w.requests() {
		var rec engine.Record
		for _, e := range r.History {
			if len(e.Record) > 0 {
				if err := engine.Decode(e.Record, &rec); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		out = append(out, fmt.Sprint("request: ", r.Label, " ", r.Place, " ", len(r.History), " ", rec.Answers))
	}
	slices.Sort(out)
	return out
}
