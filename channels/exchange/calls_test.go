package exchange

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// phone is a telephone line that notes whom it rang, and when.
type phone struct {
	*post
	clock *hands
	mu    sync.Mutex
	rung  []ringing
}

type ringing struct {
	number string
	at     time.Time
	page   render.Page
}

func (p *phone) Deliver(ctx context.Context, to channels.Address, page render.Page, key string) (string, error) {
	receipt, err := p.post.Deliver(ctx, to, page, key)
	if err == nil || !errors.Is(err, channels.ErrNotRung) {
		p.mu.Lock()
		p.rung = append(p.rung, ringing{to.ID, p.clock.Now(), page})
		p.mu.Unlock()
	}
	return receipt, err
}

func (p *phone) rang() []ringing {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.rung)
}

// landline is a town with a telephone line that calls back.
func landline(t testing.TB, change ...setting) (*town, *phone) {
	p := &phone{post: &post{name: "voice", traits: render.Voice}}
	w := settle(t, append(change, func(w *town, s *Settings) {
		p.clock = w.clock
		s.Callbacks.On = true
		s.Channels = []channels.Channel{p, w.sms, &post{name: "ussd", traits: render.USSD}, &post{name: "telegram", traits: render.Telegram}, &post{name: "kiosk", traits: render.Kiosk}}
		nights := Nights{From: 21 * 60, To: 8 * 60}
		s.Quiet = func(_ string, now time.Time) time.Time { return nights.Day("", now) } // numbers of tests are in no zone of UTC's
	})...)
	return w, p
}

// missed is a call that was rung off.
func (w *town) missed(number string) channels.Event {
	w.ids++
	return channels.Event{Channel: "voice", ID: fmt.Sprint("call", w.ids), From: channels.Address{Kind: "tel", ID: number}, To: "+15550000", Kind: channels.Missed, At: w.clock.Now()}
}

func (w *town) call(number string, kind channels.EventKind, words string) channels.Event {
	e := w.missed(number)
	if kind == channels.Dialed {
		w.inCall[number] = e.ID
	}
	e.Kind, e.Words, e.Out, e.Call = kind, words, w.rung, w.inCall[number]
	return e
}

// passes lets time pass in steps of some seconds, and the workers work.
func (w *town) passes(d time.Duration) {
	for ; d > 0; d -= 5 * time.Second {
		w.clock.pass(min(d, 5*time.Second))
		w.x.Tick(w.t.Context())
	}
}

func (p *phone) expect(t testing.TB, numbers ...string) {
	t.Helper()
	var got []string
	for _, r := range p.rang() {
		got = append(got, r.number)
	}
	if !slices.Equal(got, numbers) {
		t.Fatalf("rung %v, want %v", got, numbers)
	}
}

// residents expects so many rows, and no other.
func (w *town) residents(want int) {
	w.t.Helper()
	s, err := w.store.Stats(w.t.Context())
	if err != nil || s.Conversations != int64(want) {
		w.t.Fatalf("%d rows, want %d; %v", s.Conversations, want, err)
	}
}

func TestAMissedCallIsReturned(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, p := landline(t, on)
		e := w.missed(ann)
		back := func(e channels.Event, want bool) {
			t.Helper()
			if r, err := w.x.Receive(t.Context(), e); err != nil || r.Back != want {
				t.Fatalf("it is promised: %v, want %v; %v", r.Back, want, err)
			}
		}
		back(e, true)
		back(e, true)
		back(w.missed(ann), true) // rung again at once: one call is enough
		defer func() { back(w.missed(ben), true); w.x.callbacks.On = false; back(w.missed(ann), false) }()
		w.x.Tick(t.Context())
		p.expect(t)
		w.passes(time.Minute)
		p.expect(t, ann)
		if r := p.rang()[0]; r.at.Sub(e.At) > time.Minute || len(r.page.Spoken) > 0 {
			t.Fatalf("rung %v later, with %v", r.at.Sub(e.At), r.page.Spoken)
		}
		w.hear(e)
		w.hear(w.missed(ann))
		w.passes(8 * time.Minute)
		p.expect(t, ann)
		w.passes(2 * time.Minute)
		w.hear(e) // late
		w.passes(time.Minute)
		p.expect(t, ann)
		w.hear(w.missed(ann))
		w.passes(time.Minute)
		p.expect(t, ann, ann)
		if _, known, _ := w.store.Find(t.Context(), w.x.keys.Address("tel", ann)); known {
			t.Fatal("who rang and never spoke became a resident")
		}
		w.residents(2) // the number's and the town's
		w.clock.pass(2 * time.Hour)
		w.x.Tick(t.Context())
		w.residents(1)
		if s, _ := w.store.Stats(t.Context()); s.Timers != 0 || s.Queued != 0 {
			t.Fatalf("%+v is left", s)
		}
	})
}

func TestWhoIsNotCalledBack(t *testing.T) {
	calm := func(w *town, s *Settings) {
		s.Callbacks.Reachable = func(n string) bool { return n != "+882999" }
	}
	w, p := landline(t, calm)
	w.says(ben, "PARK", "STOP")
	e := w.missed("+15550142")
	e.Withheld = true
	own := w.missed("+15550000")
	sms := w.missed(ann)
	sms.Channel = "sms"
	for _, e := range []channels.Event{w.missed(ben), e, own, w.missed("+882999"), sms} {
		w.hear(e)
	}
	w.passes(20 * time.Minute)
	p.expect(t)

	off, quiet := landline(t, func(*town, *Settings) {}, func(_ *town, s *Settings) {})
	off.x.callbacks.On = false
	off.hear(off.missed(ann))
	off.passes(20 * time.Minute)
	quiet.expect(t)
	off.residents(0)
}

func TestStopCountsUntilItRings(t *testing.T) {
	w, p := landline(t)
	w.hear(w.missed(ann))
	w.says(ann, "STOP")
	w.passes(20 * time.Minute)
	p.expect(t)
}

func TestWhoRingsAtNightIsCalledInTheMorning(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, p := landline(t, on)
		w.clock.pass(11 * time.Hour) // 23:00
		w.hear(w.missed(ann))
		w.hear(w.missed(ben))
		w.hear(w.missed("+15550166"))
		w.says("+15550166", "PARK", "erase", "yes") // and wants nothing more of the town
		w.passes(time.Minute)
		w.hear(w.missed(ann))
		w.clock.pass(2 * time.Hour)
		w.x.Tick(t.Context())
		w.hear(w.missed(ann))
		p.expect(t)
		w.clock.pass(7*time.Hour - 2*time.Minute) // 7:59
		w.hear(w.call(ben, channels.Dialed, ""))  // rings again, and somebody answers
		w.hear(w.call(ben, channels.HungUp, ""))
		w.hear(w.missed(ann))
		w.passes(40 * time.Minute)
		p.expect(t, ann)
		if at := p.rang()[0].at; at.Hour() != 8 || at.Minute() > 30 {
			t.Fatalf("rung at %v", at)
		}
	})
}

func TestADaysCallsHaveAnEnd(t *testing.T) {
	number := func(i int) string { return fmt.Sprintf("+1555%07d", i) }
	w, p := landline(t, func(_ *town, s *Settings) { s.Callbacks.PerDay = 3 })
	for i := range 10 {
		w.hear(w.missed(number(i)))
	}
	w.passes(time.Minute)
	if got := p.rang(); len(got) != 3 || slices.ContainsFunc(got, func(r ringing) bool { return r.number > number(2) }) {
		t.Fatal(got)
	}
	w.clock.pass(24 * time.Hour)
	w.hear(w.missed(number(7)))
	w.passes(time.Minute)
	if got := p.rang(); len(got) != 4 || got[3].number != number(7) {
		t.Fatal(got)
	}

	// By time: each call is taken to last three minutes until the provider says.
	w, p = landline(t, func(_ *town, s *Settings) { s.Callbacks.PerDayFor = 10 * time.Minute })
	for i := range 5 {
		w.hear(w.missed(number(i)))
		w.passes(time.Minute)
	}
	p.expect(t, number(0), number(1), number(2))
	report := func(i int, took time.Duration) {
		t.Helper()
		if err := w.x.Report(t.Context(), "voice", "R-"+p.letters()[i].key, channels.Delivery{State: channels.Arrived, Took: took}); err != nil {
			t.Fatal(err)
		}
	}
	report(0, 20*time.Second)
	report(0, 20*time.Second) // again: the same
	report(1, 40*time.Second)
	for i := range 5 {
		w.hear(w.missed(number(10 + i)))
		w.passes(time.Minute)
	}
	if n := len(p.rang()); n != 5 { // 20 + 40 + 3 × 180 s: 600
		t.Fatalf("%d calls", n)
	}
}

func TestALineThatCantRing(t *testing.T) {
	fail := map[string]error{
		"down":    channels.Retry(fmt.Errorf("503: %w", channels.ErrNotRung), 0),
		"busy":    channels.Retry(errors.New("486"), 0),
		"unknown": channels.Gone(errors.New("404"), "404"),
	}
	for name, err := range fail {
		t.Run(name, func(t *testing.T) {
			w, p := landline(t)
			p.post.fail = func(_ string, try int) error {
				if try == 1 {
					return err
				}
				return nil
			}
			w.hear(w.missed(ann))
			w.passes(30 * time.Second)
			want := map[string]int{"down": 1, "busy": 1, "unknown": 1}
			if n := len(p.rang()); n != want[name] {
				t.Fatalf("rung %d times", n)
			}
			w.passes(20 * time.Minute)
			want["busy"]++
			if n := len(p.rang()); n != want[name] {
				t.Fatalf("rung %d times at last", n)
			}
			if name == "busy" {
				if gap := p.rang()[1].at.Sub(p.rang()[0].at); gap < 10*time.Minute {
					t.Fatalf("rung again after %v", gap)
				}
			}
		})
	}
	t.Run("too late", func(t *testing.T) {
		w, p := landline(t)
		p.post.fail = func(string, int) error { return fail["down"] }
		w.hear(w.missed(ann))
		w.passes(14 * time.Minute)
		p.post.fail = nil
		w.passes(time.Hour)
		if n := len(p.rang()); n > 1 || n == 1 && p.rang()[0].at.Sub(noon) > callLate {
			t.Fatalf("rung %v", p.rang())
		}
	})
}

// again is another node, or the same after its process died: it has the store, and nothing else.
func (w *town) again() *Exchange {
	old := w.x
	x, err := New(Settings{
		Store: w.store, Keys: seals{}, Town: old.town, Calendar: old.calendar, Quiet: old.quiet, Clock: w.clock, Entropy: chance(uint64(w.ids) + 99),
		Callbacks: old.callbacks, Channels: old.lines(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return x
}

func (x *Exchange) lines() (all []channels.Channel) {
	for _, n := range x.order {
		all = append(all, x.channels[n].Channel)
	}
	return all
}

// TestACallSurvivesTheProcess lets the process die, or the store fail, at every commit between a missed call and its return.
func TestACallSurvivesTheProcess(t *testing.T) {
	for at := range 10 {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			w, p := landline(t, func(w *town, _ *Settings) {
				if alsoOnDisk {
					w.store = onDisk(t)
				}
			})
			w.x.store = &breaks{Store: w.store, at: at / 2, after: at%2 == 1}
			e := w.missed(ann)
			_, err := w.x.Receive(t.Context(), e)
			if err == nil {
				w.clock.pass(5 * time.Second)
				w.x.Tick(t.Context())
			}
			w.x = w.again()
			w.hear(e) // the provider comes again
			w.passes(15 * time.Minute)
			switch n := len(p.rang()); {
			case n == 0 && at/2 < 3, n > 1: // budget, number, the leave to ring
				t.Fatalf("rung %d times", n)
			}
			w.hear(w.missed(ann))
			w.passes(15 * time.Minute)
			if n := len(p.rang()); n < 1 || n > 2 {
				t.Fatalf("rung %d times at last", n)
			}
		})
	}
}

// TestNobodyIsRungTwiceInTenMinutes gives missed calls, calls that drop, wishes to be called back, repeats and late repeats to
// two nodes on one store that has a bad day, with processes that die: whatever the order, calls to a number are ten minutes
// apart, and a day has no more than its share.
func TestNobodyIsRungTwiceInTenMinutes(t *testing.T) {
	run := func(t *testing.T, seed uint64, steps int, on setting) {
		const perDay = 60
		luck := rand.New(rand.NewPCG(seed, 7))
		w, p := landline(t, on, func(_ *town, s *Settings) {
			s.Callbacks.PerDay = perDay
			s.Entropy = chance(seed)
			s.Callbacks.PerDayFor = 100 * time.Hour
		})
		p.post.fail = func(string, int) error {
			switch luck := hashed(fmt.Sprint(w.clock.Now(), seed))[0]; {
			case luck < 20:
				return channels.Retry(errors.New("486"), 0)
			case luck < 40:
				return channels.Retry(channels.ErrNotRung, 0)
			case luck < 50:
				return channels.Doubt(errors.New("cut off"))
			}
			return nil
		}
		bad := &flaky{Store: w.store, chance: rand.New(rand.NewPCG(seed, 3))}
		w.x.store = bad
		nodes := []*Exchange{w.x, w.again()}
		nodes[1].store = bad
		var past []channels.Event
		give := func(e channels.Event) {
			for range 6 {
				if _, err := nodes[luck.IntN(2)].Receive(t.Context(), e); err == nil {
					return
				}
			}
		}
		for range steps {
			number := fmt.Sprint("+155501", 10+luck.IntN(4))
			var e channels.Event
			switch luck.IntN(9) {
			case 0, 1, 2:
				e = w.missed(number)
			case 3:
				e = w.call(number, channels.Dialed, "")
			case 4:
				e = w.call(number, channels.Message, []string{"1", "2", "0", "*", "12"}[luck.IntN(5)])
			case 5:
				e = w.call(number, channels.HungUp, "")
			case 6:
				e = w.text(number, []string{"PARK", "1", "STOP", "START", "erase", "yes"}[luck.IntN(6)])
			case 7:
				if len(past) > 0 {
					e = past[luck.IntN(len(past))]
				} else {
					e = w.missed(number)
				}
			case 8:
				n := luck.IntN(2)
				w.x = nodes[0]
				w.ids++
				nodes[n] = w.again()
				nodes[n].store = bad
				continue
			}
			past = append(past, e)
			var both sync.WaitGroup
			if luck.IntN(3) == 0 {
				for _, x := range nodes {
					both.Go(func() { _, _ = x.Receive(t.Context(), e) })
				}
				both.Wait()
			} else {
				give(e)
			}
			w.clock.pass(time.Duration(luck.IntN(240)) * time.Second)
			for _, x := range nodes {
				both.Go(func() { x.Tick(t.Context()) })
			}
			both.Wait()
		}
		last, days := map[string]time.Time{}, map[string]int{}
		for _, r := range p.rang() {
			if at, ok := last[r.number]; ok && r.at.Sub(at) < 10*time.Minute {
				t.Fatalf("seed %d: %s was rung at %v and %v", seed, r.number, at, r.at)
			}
			if r.at.Hour() < 8 || r.at.Hour() >= 21 {
				t.Fatalf("rung at %v", r.at)
			}
			last[r.number] = r.at
			days[r.at.Format(time.DateOnly)]++
		}
		for day, n := range days {
			if n > perDay {
				t.Fatalf("%d calls on %s", n, day)
			}
		}
		if len(p.rang()) < 5 {
			t.Fatalf("only %d calls were made: this shows nothing", len(p.rang()))
		}
	}
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("memory ", seed), func(t *testing.T) { run(t, seed, 400, func(*town, *Settings) {}) })
	}
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("sqlite ", seed), func(t *testing.T) {
			run(t, 100+seed, 150, func(w *town, _ *Settings) { w.store = onDisk(t) })
		})
	}
}

// TestAFloodOfNumbersCostsLittle gives a million missed calls, each from another number.
func TestAFloodOfNumbersCostsLittle(t *testing.T) {
	many := 1_000_000
	if testing.Short() {
		many = 50_000
	}
	w, p := landline(t, func(_ *town, s *Settings) { s.Callbacks.PerDay = 50 })
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range many {
		e := w.missed(fmt.Sprintf("+1%010d", i))
		e.ID = fmt.Sprint(i)
		w.hear(e)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d bytes are held", grown)
	}
	w.passes(time.Minute)
	if n := len(p.rang()); n != 50 {
		t.Fatalf("rung %d times", n)
	}
	w.residents(51)
	w.clock.pass(3 * time.Hour)
	w.x.Tick(t.Context())
	w.residents(1)
}

var _ store.Store = (*breaks)(nil)
