package exchange

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// provider is one that takes its time, and doesn't always take what it is given.
type provider struct {
	*post
	clock Clock
	mu    sync.Mutex
	dice  *rand.Rand
	tries []try
	got   map[string]int // by key
	shut  time.Time      // it takes nothing before
	shuts int
}

type try struct {
	at       time.Time
	number   string
	key      string
	weight   int
	reminder bool
	code     int
	done     time.Time
}

func (p *provider) Deliver(ctx context.Context, to channels.Address, page render.Page, key string) (string, error) {
	p.mu.Lock()
	begun := p.clock.Now()
	took := 200*time.Millisecond + time.Duration(p.dice.Int64N(int64(time.Second)))
	code, after := 200, time.Duration(0)
	switch dice := p.dice.IntN(1000); {
	case begun.Before(p.shut):
		code, after = 429, p.shut.Sub(begun)
	case dice < 2:
		p.shuts++
		code, after = 429, time.Duration(2+p.dice.IntN(4))*time.Second
		p.shut = begun.Add(took + after)
	case dice < 4: // it doesn't say for how long
		p.shuts++
		code = 430
		p.shut = begun.Add(took + 500*time.Millisecond)
	case dice < 14:
		code = 500
	case dice < 17:
		code, took = 504, time.Second
	}
	i := len(p.tries)
	p.tries = append(p.tries, try{at: begun, number: to.ID, key: key, weight: render.Count(page.Text).Segments, reminder: page.Text != aReply, code: code})
	if code == 200 || code == 504 && p.dice.IntN(2) == 0 {
		p.got[key]++
	}
	p.mu.Unlock()
	select {
	case <-p.clock.After(took):
	case <-ctx.Done():
		return "", channels.Doubt(ctx.Err())
	}
	p.mu.Lock()
	p.tries[i].done = p.clock.Now()
	p.mu.Unlock()
	err := fmt.Errorf("status %d", code)
	switch code {
	case 429:
		return "", channels.Retry(fmt.Errorf("%w: %w", channels.ErrThrottled, err), after)
	case 430:
		return "", channels.Retry(fmt.Errorf("%w: %w", channels.ErrThrottled, err), 0)
	case 500:
		return "", channels.Retry(err, 0)
	case 504:
		return "", channels.Doubt(err)
	}
	return "R-" + key, nil
}

// Look: the provider knows what it got.
func (p *provider) Look(_ context.Context, key, _ string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got[key] > 0, nil
}

// away from the real time by some years.
type shifted struct{ by time.Duration }

func (s shifted) Now() time.Time                         { return time.Now().Add(s.by) }
func (s shifted) After(d time.Duration) <-chan time.Time { return time.After(d) }

const aReply = "A reply to what you asked."

// Beginnings of numbers, and the clocks that they go by.
var far = []struct{ prefix, zone string }{
	{"+4479111", "Europe/London"}, {"+1212555", "America/New_York"}, {"+1213555", "America/Los_Angeles"}, {"+2547123", "Africa/Nairobi"},
}

// runOfReminders: many reminders fall due at once, a minute before the night begins in the town, through a provider that
// throttles, fails and leaves in doubt, while residents text STOP and others get replies.
func runOfReminders(t *testing.T, n int) {
	rate := float64(n) / 100
	clock := shifted{time.Until(time.Date(2026, 11, 23, 20, 59, 20, 0, time.UTC))}
	p := &provider{post: &post{name: "sms", traits: render.SMS}, clock: clock, dice: rand.New(rand.NewPCG(1, 2)), got: map[string]int{}}
	w := settle(t, func(w *town, s *Settings) {
		w.store = onDisk(t)
		s.Clock = clock
		s.Channels = []channels.Channel{p, &post{name: "voice", traits: render.Voice}, &post{name: "ussd", traits: render.USSD}, &post{name: "telegram", traits: render.Telegram}, &post{name: "kiosk", traits: render.Kiosk}}
		s.Quiet = (&Nights{From: 21 * 60, To: 8 * 60}).Day
		s.Limits = Limits{
			Rates:   []Rate{{Channels: []string{"sms"}, PerSecond: rate}},
			Contact: Contact{Most: 3, Within: 7 * 24 * time.Hour},
			Budgets: []Budget{{Name: "sms", Channels: []string{"sms"}, Most: 100_000 * million, Unit: Segments}},
			Reserve: 0.2,
		}
	})
	number := func(i int) string { return fmt.Sprintf("%s%05d", far[i%len(far)].prefix, i) }
	say := func(from, words string) {
		e := channels.Event{Channel: "sms", ID: from + words, From: channels.Address{Kind: "tel", ID: from}, Words: words}
		if _, err := w.x.Receive(t.Context(), e); err != nil {
			t.Error(err)
		}
	}
	var asked sync.WaitGroup
	for part := range 32 {
		asked.Go(func() {
			for i := part; i < n; i += 32 {
				say(number(i), "PARK")
				if i%40 == 0 {
					say(number(i), "STOP")
				}
			}
		})
	}
	asked.Wait()

	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { w.x.Run(ctx); close(ran) }()
	time.Sleep(24*time.Hour + time.Second)
	begun := clock.Now()
	stopped := map[string]time.Time{}
	type asking struct {
		id [16]byte
		at time.Time
	}
	var replies []asking
	for i := range 90 {
		time.Sleep(time.Second - time.Duration(i)*7*time.Millisecond%time.Second/3)
		r := number(n - 1 - i*(n/100))
		say(r, "STOP")
		stopped[r] = clock.Now()
		id := hashed("reply", fmt.Sprint(i))
		w.push(store.Message{ID: id, Body: must(engine.Encode(&render.Page{Text: aReply})), Channel: "sms", Kind: "tel", Due: clock.Now()}, fmt.Sprintf("+1212444%04d", i))
		replies = append(replies, asking{id, clock.Now()})
		w.x.outbox.ring()
	}
	for range 24 * 60 {
		time.Sleep(time.Minute)
		if s, err := w.store.Stats(t.Context()); err != nil || s.Queued+s.Unsure == 0 {
			break
		}
	}
	stop()
	<-ran
	if err := w.x.Drain(t.Context()); err != nil {
		t.Error(err)
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	// What is left, and who got what.
	s, err := w.store.Stats(t.Context())
	if err != nil || s.Queued+s.Unsure+s.Timers > int64(n) || s.Queued+s.Unsure != 0 {
		t.Errorf("%+v is left, %v", s, err)
	}
	byNumber := map[string]int{}
	for _, y := range p.tries {
		if y.reminder && p.got[y.key] > 0 {
			byNumber[y.number] = p.got[y.key]
		}
	}
	lost := 0
	for i := range n {
		r := number(i)
		_, late := stopped[r]
		switch got := byNumber[r]; {
		case got > 1:
			t.Errorf("resident %d got %d", i, got)
		case got == 0 && i%40 != 0 && !late:
			lost++
		case got > 0 && i%40 == 0:
			t.Errorf("resident %d had opted out", i)
		}
	}
	if lost > 0 {
		t.Errorf("%d got none", lost)
	}
	for _, y := range p.tries {
		if at, ok := stopped[y.number]; ok && y.at.After(at) {
			t.Errorf("tried %v after STOP", y.at.Sub(at))
		}
		zone := must(time.LoadLocation(zoneOf(y.number)))
		if h := y.at.In(zone).Hour(); y.reminder && (h >= 21 || h < 8) {
			t.Errorf("a reminder at %v", y.at.In(zone))
		}
	}
	waited := repliesWaited(t, p.tries, func(yield func(key string, at time.Time)) {
		for _, r := range replies {
			yield(fmt.Sprintf("%x", r.id), r.at)
		}
	})
	kept, busy, gaps := paceOf(t, p.tries, rate)
	t.Logf("%d reminders, %d tries, %d times throttled, in %v of which %v busy: %.2f segments/s of %.0f (%+.2f %%), %d pauses; a reply waited %v at most",
		n, len(p.tries), p.shuts, p.tries[len(p.tries)-1].at.Sub(begun).Round(time.Second), busy.Round(time.Second), kept, rate, (kept/rate-1)*100, gaps, waited)
	if kept < 0.98*rate || kept > 1.02*rate {
		t.Errorf("%.2f a second, want %.0f", kept, rate)
	}
	if spent, err := w.x.Spent(t.Context(), w.x.limits.purses[0].Budget); err != nil || spent <= 0 {
		t.Errorf("spent %d, %v", spent, err)
	}
}

func zoneOf(number string) string {
	for _, f := range far {
		if len(number) > len(f.prefix) && number[:len(f.prefix)] == f.prefix {
			return f.zone
		}
	}
	return "America/New_York"
}

// repliesWaited checks that no reply waited for more than one reminder, and returns how long the slowest took.
func repliesWaited(t *testing.T, tries []try, each func(func(key string, at time.Time))) (most time.Duration) {
	each(func(key string, at time.Time) {
		i := slices.IndexFunc(tries, func(y try) bool { return y.key == key })
		if i < 0 {
			t.Error("a reply was never sent")
			return
		}
		before := 0
		for _, y := range tries[:i] {
			if y.reminder && y.at.After(at) && y.at.Before(tries[i].at) {
				before++
			}
		}
		if before > 1 {
			t.Errorf("a reply waited for %d reminders", before)
		}
		most = max(most, tries[i].at.Sub(at))
	})
	return most
}

// paceOf is how much left in a second while something could, and for how long that was. Nothing leaves for longer than a moment
// but where the provider said so, or nothing waits.
func paceOf(t *testing.T, tries []try, rate float64) (perSecond float64, busy time.Duration, gaps int) {
	const moment = 450 * time.Millisecond
	heaviest := 0
	for _, y := range tries {
		heaviest = max(heaviest, y.weight)
	}
	total, end := 0, 0
	sum := 0
	for i, y := range tries {
		for ; end < len(tries) && tries[end].at.Sub(y.at) < time.Second; end++ {
			sum += tries[end].weight
		}
		if most := rate*(1+lateness.Seconds()) + float64(heaviest); float64(sum) > most {
			t.Errorf("%d within a second of %v, want %.1f at most", sum, y.at, most)
		}
		sum -= y.weight
		if i+1 == len(tries) {
			break
		}
		gap := tries[i+1].at.Sub(y.at)
		if gap <= moment+time.Duration(float64(y.weight)/rate*float64(time.Second)) {
			busy += gap
			total += y.weight
			continue
		}
		gaps++
		if gap < time.Minute && !slices.ContainsFunc(tries[:i+1], func(b try) bool {
			return b.code/10 == 43 || b.code == 429
		}) {
			t.Errorf("nothing for %v at %v, and nobody said so", gap, y.at)
		}
	}
	return float64(total) / busy.Seconds(), busy, gaps
}

// push puts a message in the outbox for somebody with a number.
func (w *town) push(m store.Message, number string) {
	w.t.Helper()
	r := store.Resident(hashed("resident", number))
	m.Resident = r
	for {
		kept, err := w.store.Load(w.t.Context(), r)
		if err != nil {
			w.t.Fatal(err)
		}
		c := store.Change{Resident: r, Read: kept.Version, At: m.Due, State: kept.State, Outbox: []store.Message{m}}
		if kept.Version == 0 {
			c.State, c.Link = row{}.encode(), []store.Address{{Key: seals{}.Address("tel", number), Kind: "tel", Address: number}}
		}
		out, err := w.store.Commit(w.t.Context(), &c)
		if err != nil {
			w.t.Fatal(err)
		}
		if out.Kind == store.Applied {
			return
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
