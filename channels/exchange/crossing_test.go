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
	"github.com/townline/townline/dialogs/render"
)

var (
	crossings = flag.Int("crossings", 600, "times that residents go on by another channel, with repeats, lost replies, two servers, strangers who forge and guess")
	crossSeed = flag.Uint64("crossseed", 0, "one batch of them to repeat")
)

// crossBatch residents share a town.
const crossBatch = 12

// crossed counts what the simulation came to.
type crossed struct {
	residents, all, byNumber, byCode, byLink, byText, parted, offline, turns, repeats, lost, cut, forged, guessed, again, late, nights atomic.Int64
}

func (c *crossed) String() string {
	return fmt.Sprintf("%d residents crossed %d times: %d by number, %d by code, %d by putting two together, of whom %d left one again, %d by a text that they asked for, %d to a machine that was cut off; %d turns, %d repeated, %d replies lost, %d calls and menus cut off; %d forged calls, %d guessed and used codes, %d second votes, %d late presses, %d nights",
		c.residents.Load(), c.all.Load(), c.byNumber.Load(), c.byCode.Load(), c.byLink.Load(), c.parted.Load(), c.byText.Load(), c.offline.Load(), c.turns.Load(), c.repeats.Load(), c.lost.Load(), c.cut.Load(), c.forged.Load(), c.guessed.Load(), c.again.Load(), c.late.Load(), c.nights.Load())
}

// TestCrossings sends residents through their conversations by one channel after the other. What they leave must be what those
// leave who say the same and stay; nothing that was answered is asked again; there is one screen more at the most before they go
// on; nothing of what they said is shown where they aren't known; who votes by number has one vote.
func TestCrossings(t *testing.T) {
	var count crossed
	if *crossSeed > 0 {
		cross(t, *crossSeed, &count)
		t.Log(&count)
		return
	}
	var next atomic.Uint64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for count.all.Load() < int64(*crossings) && !t.Failed() {
				seed := next.Add(1)
				t.Run(fmt.Sprint(seed), func(t *testing.T) { cross(t, seed, &count) })
			}
		})
	}
	all.Wait()
	t.Log(&count)
}

// crossTown is a town on all channels, with two servers.
func crossTown(t *testing.T, seed uint64, change setting) (*town, []*Exchange, []*post) {
	t.Helper()
	telegram, whatsapp := &post{name: "telegram", traits: render.Telegram}, &post{name: "whatsapp", traits: render.WhatsApp}
	wild := menuTown(t, seed, func(w *town, s *Settings) {
		change(w, s)
		s.Channels = []channels.Channel{
			&post{name: "voice", traits: render.Voice}, &post{name: "ussd", traits: render.USSD}, telegram,
			&post{name: "kiosk", traits: render.Kiosk}, whatsapp, w.sms,
		}
	})
	other, err := New(Settings{
		Store: wild.store, Keys: seals{}, Clock: wild.clock, Entropy: chance(seed + 9), Town: wild.x.town,
		Channels: []channels.Channel{
			&post{name: "voice", traits: render.Voice}, &post{name: "ussd", traits: render.USSD}, telegram,
			&post{name: "kiosk", traits: render.Kiosk}, whatsapp, wild.sms,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return wild, []*Exchange{wild.x, other}, []*post{telegram, whatsapp, wild.sms}
}

func cross(t *testing.T, seed uint64, count *crossed) {
	rng := rand.New(rand.NewPCG(seed, 11))
	onDiskToo, badDay := seed%8 == 0, seed%4 == 1
	wild, servers, posts := crossTown(t, seed, func(w *town, _ *Settings) {
		if onDiskToo {
			w.store = onDisk(t)
		}
	})
	if badDay {
		bad := &flaky{Store: wild.store, chance: rand.New(rand.NewPCG(seed, 12))}
		for _, x := range servers {
			x.store = bad
		}
	}
	calm := menuTown(t, seed+1)
	watch := &watcher{looked: map[string]int{}}
	var everybody []*crosser
	for n := range crossBatch {
		c := &crosser{
			mind: newMind(rng, int(seed)*100+n), t: t, w: wild, servers: servers, rng: rng, count: count, watch: watch, seed: seed, n: n,
			number: fmt.Sprintf("+1555%03d%04d", seed%1000, n), chat: fmt.Sprint(7_000_000 + n),
		}
		c.picks = append(c.picks, "right")
		if rng.IntN(8) == 0 {
			c.dialog, c.letter = "roll-vote", fmt.Sprintf("%03d%03d", 100+seed%900, 200+n)
			for _, w := range []*town{wild, calm} {
				if err := w.store.Reserve(t.Context(), "roll-vote", [][16]byte{CodeVoter(seals{}, "roll-vote", c.letter)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		watch.all = append(watch.all, c)
		everybody = append(everybody, c)
		count.residents.Add(1)
		c.stays(calm)
		c.sets()
	}
	slept := false
	for turns := 0; ; turns++ {
		open := slices.DeleteFunc(slices.Clone(everybody), func(c *crosser) bool { return c.done })
		if len(open) == 0 || t.Failed() {
			break
		}
		if !slept && rng.IntN(300) == 0 { // after two, what was begun is over
			slept = true
			night(everybody, posts)
		}
		c := open[rng.IntN(len(open))]
		if turns > 200*crossBatch {
			c.fail("%d turns, and no end", turns)
			break
		}
		c.step()
	}
	if t.Failed() {
		return
	}
	for _, c := range everybody {
		c.votesAgain()
	}
	wild.x.store = wild.store
	for range 3 {
		wild.x.Tick(t.Context())
	}
	watch.sent(t, posts)
	got, want := append(wild.gathered(), wild.polled("roll-vote")...), append(calm.gathered(), calm.polled("roll-vote")...)
	for _, r := range got {
		if i := slices.Index(want, r); i >= 0 {
			want = slices.Delete(want, i, i+1)
		} else {
			t.Errorf("seed %d: only with crossings: %s", seed, r)
		}
	}
	for _, r := range want {
		t.Errorf("seed %d: only by who stayed: %s", seed, r)
		dialog, _, _ := strings.Cut(r, ":")
		for _, c := range everybody {
			if c.dialog == dialog || dialog == "request" && c.dialog == "report" {
				c.fail("perhaps this one")
			}
		}
	}
}

// night is a day in which nobody does anything: reminders come.
func night(everybody []*crosser, posts []*post) {
	for _, c := range everybody {
		if !c.done {
			c.leaves()
			c.page, c.came = nil, false
			c.note("a day goes by")
		}
	}
	c := everybody[0]
	c.count.nights.Add(1)
	c.w.clock.pass(26 * time.Hour)
	for _, x := range c.servers {
		for range 3 {
			x.Tick(c.t.Context())
		}
	}
	c.watch.sent(c.t, posts)
}
