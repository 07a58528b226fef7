package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
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
	"github.com/townline/townline/store/postgres"
	"github.com/townline/townline/store/postgres/pgtest"
	"github.com/townline/townline/store/sqlite"
)

// noon stands still, on a day when the survey of the tests is open.
type noon struct{}

func (noon) Now() time.Time                         { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }
func (noon) After(d time.Duration) <-chan time.Time { return time.After(d) }

// phones get what is pushed.
type phones struct {
	mu  sync.Mutex
	got map[string]int
}

func (p *phones) Name() string          { return "sms" }
func (p *phones) Traits() render.Traits { return render.SMS }
func (p *phones) Deliver(_ context.Context, _ channels.Address, page render.Page, key string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got[page.Text]++
	return key, nil
}

// townNode is one server of a town.
func townNode(t *testing.T, s store.Store, keys *store.Keys, sms *phones, leases exchange.Leases) *exchange.Exchange {
	t.Helper()
	words, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := dialogs.Load(os.DirFS("../../channels/exchange/testdata"), dialogs.Options{Locales: words})
	if problems.Errors() {
		t.Fatal(problems)
	}
	inService := exchange.NewCatalogue(s, noon{})
	if problems, err := inService.Publish(t.Context(), set); err != nil || problems.Errors() {
		t.Fatal(problems, err)
	}
	x, err := exchange.New(exchange.Settings{
		Store: s, Keys: keys, Clock: noon{}, Entropy: rand.Reader, Channels: []channels.Channel{sms}, Leases: leases,
		Town: &talk.Town{Name: "Elmwood", Languages: []string{"en"}, Zone: time.UTC, Emergency: "911", Country: "1", Locales: words, Dialogs: inService, Texts: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Two servers of a town hold conversations, each message comes to both of them at once, and Redis hangs, dies and comes back
// empty meanwhile: everybody's answers are kept once, every repeat gets the same reply, every push leaves once.
func TestTownGoesOn(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		keys := townKeys(t)
		s, err := sqlite.Open(t.TempDir()+"/town.db", keys)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		testTownGoesOn(t, keys, s, s)
	})
	t.Run("postgres", func(t *testing.T) {
		server, err := pgtest.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Remove() })
		keys, address := townKeys(t), server.Empty(t)
		var each [2]store.Store
		for i := range each {
			s, err := postgres.Open(t.Context(), address, keys)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			each[i] = s
		}
		testTownGoesOn(t, keys, each[0], each[1])
	})
}

func townKeys(t *testing.T) *store.Keys {
	t.Helper()
	keys, err := store.LoadKeys(t.TempDir()+"/town.keys", "")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func testTownGoesOn(t *testing.T, keys *store.Keys, stores ...store.Store) {
	const residents, atOnce = 96, 8
	script := []string{"PARK", "1", "12", "1", "yes"}
	s := start(t)
	sms := &phones{got: map[string]int{}}
	var nodes []*exchange.Exchange
	var shared []*Nodes
	for _, kept := range stores {
		n := s.hasty()
		shared = append(shared, n)
		nodes = append(nodes, townNode(t, kept, keys, sms, n))
	}
	var held atomic.Int64
	var slowest atomic.Int64
	say := func(x *exchange.Exchange, from, words string, i int) (reply string) {
		began := time.Now()
		for {
			r, err := x.Receive(t.Context(), channels.Event{Channel: "sms", ID: fmt.Sprint(from, i), From: channels.Address{Kind: "tel", ID: from}, Words: words})
			if _, again := channels.Retrying(err); again {
				continue
			}
			if err != nil {
				t.Error(err)
			}
			for _, p := range r.Pages {
				reply += p.Text
			}
			slowest.Store(max(slowest.Load(), int64(time.Since(began))))
			return reply
		}
	}
	var all sync.WaitGroup
	for part := range atOnce {
		all.Go(func() {
			for r := part; r < residents; r += atOnce {
				from := fmt.Sprintf("+1555%07d", r)
				for i, words := range script {
					var replies [2]string
					var both sync.WaitGroup
					for n := range nodes {
						both.Go(func() { replies[n] = say(nodes[n], from, words, i) })
					}
					both.Wait()
					if replies[0] != replies[1] || replies[0] == "" {
						t.Errorf("%q: one node says %q, the other %q", words, replies[0], replies[1])
					}
					held.Add(1)
				}
				remind(t, stores[r%2], keys, from, fmt.Sprint("reminder ", r))
			}
		})
	}
	for at, trouble := range []func(){func() {}, s.pause, s.resume, s.kill, s.start} {
		for held.Load() < int64(at*residents*len(script)/6) && !t.Failed() {
			<-time.After(time.Millisecond)
		}
		trouble()
	}
	all.Wait()
	for _, n := range shared {
		back(t, n)
	}
	for _, x := range nodes {
		all.Go(func() { x.Tick(t.Context()) })
	}
	all.Wait()

	records := 0
	count := func() error { records++; return nil }
	if err := stores[0].Responses(t.Context(), "survey", func(store.Response) error { return count() }); err != nil {
		t.Fatal(err)
	}
	if err := stores[0].Ballots(t.Context(), "survey", func(store.Ballot) error { return count() }); err != nil {
		t.Fatal(err)
	}
	if records != residents {
		t.Errorf("%d records of %d residents", records, residents)
	}
	pushed := 0
	for text, n := range sms.got {
		if n > 1 {
			t.Errorf("%q left %d times", text, n)
		}
		if strings.HasPrefix(text, "reminder ") {
			pushed++
		}
	}
	if pushed != residents {
		t.Errorf("%d of %d pushed messages left", pushed, residents)
	}
	t.Logf("%d turns, each on both nodes; the slowest took %v", held.Load(), time.Duration(slowest.Load()).Round(time.Millisecond))
}

// remind puts a message to somebody who has talked with the town into the outbox.
func remind(t *testing.T, s store.Store, keys *store.Keys, number, text string) {
	r, ok, err := s.Find(t.Context(), keys.Address("tel", number))
	if err != nil || !ok {
		t.Errorf("nobody has the number: %v", err)
		return
	}
	body, err := engine.Encode(&render.Page{Text: text})
	if err != nil {
		t.Error(err)
		return
	}
	id := [16]byte([]byte(rand.Text())[:16])
	for {
		kept, err := s.Load(t.Context(), r)
		if err != nil {
			t.Error(err)
			return
		}
		out, err := s.Commit(t.Context(), &store.Change{
			Resident: r, Read: kept.Version, At: noon{}.Now(), State: kept.State,
			Outbox: []store.Message{{ID: id, Resident: r, Body: body, Channel: "sms", Kind: "tel", Due: noon{}.Now(), Class: 1}},
		})
		if err != nil {
			t.Error(err)
			return
		}
		if out.Kind == store.Applied {
			return
		}
	}
}
