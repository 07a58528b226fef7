package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

// counter notes when what is pushed leaves, and to whom.
type counter struct {
	mu sync.Mutex
	at []time.Time
	to map[string][]time.Time
}

func (c *counter) Name() string          { return "sms" }
func (c *counter) Traits() render.Traits { return render.SMS }

func (c *counter) Deliver(_ context.Context, to channels.Address, _ render.Page, key string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.at, c.to[to.ID] = append(c.at, now), append(c.to[to.ID], now)
	return key, nil
}

// three are servers of one town, whose limits are these.
func three(t *testing.T, kept store.Store, keys *store.Keys, c *counter, limits exchange.Limits) (all []*exchange.Exchange, shared []*Nodes) {
	t.Helper()
	s := start(t)
	words, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := dialogs.Load(os.DirFS("../../channels/exchange/testdata"), dialogs.Options{Locales: words})
	if problems.Errors() {
		t.Fatal(problems)
	}
	inService := exchange.NewCatalogue(kept, exchange.SystemClock{})
	if problems, err := inService.Publish(t.Context(), set); err != nil || problems.Errors() {
		t.Fatal(problems, err)
	}
	for range 3 {
		n := s.join()
		shared = append(shared, n)
		x, err := exchange.New(exchange.Settings{
			Store: kept, Keys: keys, Entropy: rand.Reader, Channels: []channels.Channel{c}, Limits: limits, Leases: n,
			Nodes: exchange.Nodes{
				Poll: 50 * time.Millisecond, Bell: n, Each: n.Each, Count: n.Count,
				Pace: func(name string, perSecond float64) exchange.Pace { return n.Pace(name, perSecond) },
			},
			Town: &talk.Town{Name: "Elmwood", Languages: []string{"en"}, Zone: time.UTC, Emergency: "911", Country: "1", Locales: words, Dialogs: inService, Texts: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all, shared
}

func number(i int) string { return fmt.Sprintf("+1555%07d", i) }

// fill puts so many messages of a class for each of some residents into the outbox.
func fill(t *testing.T, s store.Store, keys *store.Keys, residents, each int, class uint8) {
	t.Helper()
	body, err := engine.Encode(&render.Page{Text: "The library is open on Monday."})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range residents {
		all.Go(func() {
			r := store.Resident([]byte(rand.Text())[:16])
			c := store.Change{Resident: r, At: time.Now(), State: nil, Link: []store.Address{{Key: keys.Address("tel", number(i)), Kind: "tel", Address: number(i)}}}
			for i := range each {
				c.Outbox = append(c.Outbox, store.Message{
					ID: [16]byte([]byte(rand.Text())[:16]), Resident: r, Body: body, Channel: "sms", Kind: "tel", Due: time.Now().Add(-time.Duration(i+1) * time.Second), Class: class, Weight: 1,
				})
			}
			if out, err := s.Commit(t.Context(), &c); err != nil || out.Kind != store.Applied {
				t.Error(out, err)
			}
		})
	}
	all.Wait()
}

func townFile(t *testing.T) (store.Store, *store.Keys) {
	t.Helper()
	keys := townKeys(t)
	s, err := sqlite.Open(t.TempDir()+"/town.db", keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, keys
}

// runs lets servers send until something is so.
func runs(t *testing.T, all []*exchange.Exchange, most time.Duration, done func() bool) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var ran sync.WaitGroup
	for _, x := range all {
		ran.Go(func() { x.Run(ctx) })
	}
	for end := time.Now().Add(most); !done() && time.Now().Before(end); {
		<-time.After(5 * time.Millisecond)
	}
	stop()
	ran.Wait()
}

// Three servers keep to one rate together: no more than 2 % above it. Below it they fall where the machine is busy; how far where it
// isn't, channels/exchange shows in a time of its own.
func TestRateOfThreeServers(t *testing.T) {
	const rate, long = 200, 4 * time.Second
	kept, keys := townFile(t)
	c := &counter{to: map[string][]time.Time{}}
	all, shared := three(t, kept, keys, c, exchange.Limits{Rates: []exchange.Rate{{Channels: []string{"sms"}, PerSecond: rate}}})
	for _, n := range shared {
		counted(t, n, 3)
	}
	fill(t, kept, keys, 400, 3, 0)
	begun := time.Now()
	runs(t, all, long+500*time.Millisecond, func() bool { return time.Since(begun) > long+400*time.Millisecond })
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.SortFunc(c.at, time.Time.Compare)
	from := begun.Add(300 * time.Millisecond) // what a fresh bucket has room for
	end := from.Add(long)
	n, stood, last := 0, time.Duration(0), from
	for _, at := range c.at {
		if at.Before(from) || at.After(end) {
			continue
		}
		n++
		stood += max(0, at.Sub(last)-lateness)
		last = at
	}
	whole, awake := float64(n)/long.Seconds(), float64(n)/(long-stood).Seconds()
	t.Logf("%.1f a second, %.1f of the time in which anything moved; want %d", whole, awake, rate)
	if whole > 1.02*rate || awake < .7*rate {
		t.Error("the rate isn't kept")
	}
}

// Nobody gets more from three servers than from one: not faster, not more in a week, and not for more than the budget.
func TestLimitsOfThreeServers(t *testing.T) {
	for name, c := range map[string]struct {
		limits      exchange.Limits
		class       uint8
		each, total int           // of what leaves at most
		whole       time.Duration // that one resident's take at least
	}{
		"each":    {exchange.Limits{Rates: []exchange.Rate{{Channels: []string{"sms"}, PerSecond: 4, Each: true}}}, 0, 4, 80, 400 * time.Millisecond},
		"contact": {exchange.Limits{Contact: exchange.Contact{Most: 2, Within: 7 * 24 * time.Hour}}, 1, 2, 40, 0},
		"budget":  {exchange.Limits{Budgets: []exchange.Budget{{Name: "sms", Channels: []string{"sms"}, Most: 37 * 1_000_000, Unit: exchange.Segments}}}, 0, 4, 37, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept, keys := townFile(t)
			got := &counter{to: map[string][]time.Time{}}
			all, _ := three(t, kept, keys, got, c.limits)
			fill(t, kept, keys, 20, 4, c.class)
			runs(t, all, 20*time.Second, func() bool {
				got.mu.Lock()
				defer got.mu.Unlock()
				return len(got.at) >= c.total
			})
			if name != "each" { // and no more, however long
				runs(t, all, 300*time.Millisecond, func() bool { return false })
			}
			got.mu.Lock()
			defer got.mu.Unlock()
			if len(got.at) != c.total {
				t.Errorf("%d left, want %d", len(got.at), c.total)
			}
			for who, at := range got.to {
				if len(at) > c.each {
					t.Errorf("%s got %d", who, len(at))
				}
				// A delivery may come late on a busy machine: the whole of them tells. Three who know nothing of each other need 250 ms.
				if took := at[len(at)-1].Sub(at[0]); took < c.whole {
					t.Errorf("%s got all within %v", who, took)
				}
			}
		})
	}
}
