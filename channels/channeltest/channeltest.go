// Package channeltest is the one conformance suite that every adapter passes. An adapter's test says how its provider puts a
// message on the wire, and how to read what the resident is shown; the suite does the rest, with an inbox of paper and with a
// real exchange on a real store.
package channeltest

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// Subject is an adapter that is tried.
type Subject struct {
	// New sets the adapter up as a town does. The first channel is the one that is tried; others come along where a provider
	// has several. It is called anew for each check, within a bubble of testing/synctest.
	New func(t testing.TB, s Setting) []channels.Channel

	HTTP    *HTTP                                                              // how its provider calls; nil: Connect
	Connect func(t testing.TB, all []channels.Channel, in channels.Inbox) Wire // of one that isn't called over HTTP, or whose caller says more than one request
	Push    *Push                                                              // what it pushes to; nil: it can't, and Deliver says so

	// Patience is how long the provider waits for an answer.
	Patience time.Duration
	// Sorry says whether an answer tells the resident that it wasn't taken, or takes a moment, by a provider who doesn't try
	// again. nil: the provider has to be told to.
	Sorry func(a Answer) bool
	// Visits: the resident comes before they say something, as on a call, a menu or a page.
	Visits bool
	// Keys: nothing but digits can be said.
	Keys bool
	// Address of the resident with a number; nil: the number is the address.
	Address func(number string) channels.Address
	// Longest is how many characters of one message the provider carries.
	Longest int
	// OnServers: it is tried with a town of two nodes on a PostgreSQL and a Redis server whatever the flag says, and not on a file.
	OnServers bool
	// Not says of checks that aren't this adapter's matter why they aren't.
	Not map[Check]string
}

// Setting is what an adapter is set up with.
type Setting struct {
	Log      *slog.Logger
	Now      func() time.Time
	Provider string       // the address of the provider's own interface, for pushes
	Client   *http.Client // reaches it
}

// Message is one thing that a resident does, as the provider tells it.
type Message struct {
	ID     string             // 32 hex digits; the provider's id of it, where it has one
	From   string             // a number in E.164, of those that no real person has
	Kind   channels.EventKind // Message, Dialed or HungUp
	Words  string
	Photo  string // the provider's address of a picture that came along; "": none
	At     time.Time
	Visit  string    // names the call, the menu, the visit
	Before []Message // what the resident did before, in this visit
	Seen   []Answer  // and what came of it, redirections too
	Page   *render.Page
}

// Keyed are the words of this message and of those before it in the visit.
func (m *Message) Keyed() (all []string) {
	for _, b := range m.Before {
		if b.Kind == channels.Message {
			all = append(all, b.Words)
		}
	}
	if m.Kind == channels.Message {
		all = append(all, m.Words)
	}
	return all
}

// Last is the last answer; empty at the beginning.
func (m *Message) Last() Answer {
	if len(m.Seen) == 0 {
		return Answer{}
	}
	return m.Seen[len(m.Seen)-1]
}

// Verdict is what the provider makes of an answer.
type Verdict uint8

const (
	Taken   Verdict = iota + 1
	Later           // it will try again
	Refused         // it won't
	Lost            // there was none
)

func (v Verdict) String() string {
	return [...]string{"nothing", "taken", "later", "refused", "lost"}[v]
}

// Answer is what the provider was told, and what the resident is shown.
type Answer struct {
	Verdict Verdict
	Said    string   // as the wire has it: "503", "ESME_RSYSERR"
	Shown   []string // by the device, in order

	Status int // of HTTP; the rest too
	Header http.Header
	Body   []byte
}

// Wire is the provider's end of the wire. It is safe for concurrent use. One that is an io.Closer is closed once the line is.
type Wire interface {
	// Send hands m over and waits for the answer. The same ID again is the same message, to the last byte.
	Send(m Message) Answer
}

// Spoiler is a Wire on which anything can be sent.
type Spoiler interface {
	// Spoil sends bytes in the place of what a message is made of. Where signed is true, the provider signs them.
	Spoil(body []byte, signed bool) Answer
	// Good is what a message is made of: what spoiled ones are made from.
	Good() []byte
}

// Forger is a Wire on which somebody else can pretend to be the provider.
type Forger interface {
	// Forge sends m in ways that must be refused, and returns the answers by what was wrong.
	Forge(m Message) map[string]Answer
}

// Check is one thing that an adapter has to do right.
type Check string

// All that is checked. The words are the names of the subtests.
const (
	Walk      Check = "a conversation from beginning to end"
	Twice     Check = "each message twice"
	Forged    Check = "forged"
	Replayed  Check = "replayed"
	Rubbish   Check = "rubbish"
	TooLong   Check = "too long"
	Empty     Check = "empty"
	Emoji     Check = "emoji"
	RTL       Check = "right to left"
	StopStart Check = "stop and start"
	Pictures  Check = "pictures"
	Down      Check = "provider down"
	Slow      Check = "slow store"
	Closing   Check = "shut down in the middle"
	AtOnce    Check = "two at once"
	Jumps     Check = "clock jumps"
	TooLarge  Check = "larger than anything"
	Dribble   Check = "byte by byte"
	Methods   Check = "methods and types"
)

// check is how one of them is done.
type check struct {
	name Check
	do   func(b *bench)
	http bool // it is a matter of HTTP
}

// checks are all, in the order in which they are done.
func checks() []check {
	return []check{
		{Walk, walk, false}, {Twice, twice, false}, {Forged, forged, false}, {Replayed, replayed, false}, {Rubbish, rubbish, false},
		{TooLong, tooLong, false}, {Empty, empty, false}, {Emoji, emoji, false}, {RTL, rightToLeft, false}, {StopStart, stopStart, false},
		{Pictures, pictures, false}, {Down, down, false}, {Slow, slow, false}, {Closing, closing, false}, {AtOnce, atOnce, false},
		{Jumps, jumps, false}, {TooLarge, tooLarge, true}, {Dribble, dribble, true}, {Methods, methods, true},
	}
}

// Run tries s: a subtest a check. What isn't its matter is listed with the reason. The town is on a file, or on servers where s
// or the flag says so.
func Run(t *testing.T, s Subject) {
	var on *servers
	if *onPostgres || s.OnServers {
		on = serve(t)
	}
	known := map[Check]bool{}
	for _, c := range checks() {
		known[c.name] = true
		s.try(t, c, on)
	}
	for name := range s.Not {
		if !known[name] {
			t.Errorf("there is no check %q", name)
		}
	}
}

// try does one check in a bubble of its own.
func (s *Subject) try(t *testing.T, c check, on *servers) {
	why, isNot := s.Not[c.name]
	if c.http && s.HTTP == nil {
		why, isNot = "it isn't called over HTTP", true
	}
	t.Run(string(c.name), func(t *testing.T) {
		if isNot {
			if len(why) < 10 {
				t.Error("no reason is given why this isn't checked")
			}
			t.Log("not its matter:", why)
			return
		}
		synctest.Test(t, func(t *testing.T) {
			b := &bench{T: t, s: s, on: on}
			b.begin()
			defer b.end()
			c.do(b)
		})
	})
}

// bench is where one check is done.
type bench struct {
	*testing.T
	s     *Subject
	on    *servers // what the town is on; nil: a file
	log   notes
	ahead atomic.Int64 // nanoseconds that the adapter's clock is ahead
	all   []channels.Channel
	wire  Wire
	door  *httpWire // nil: it isn't called over HTTP
	far   *provider
	paper *paper
	house *house
	stops []func()
	sent  int
}

// begin sets the adapter up; nobody listens to it yet.
func (b *bench) begin() {
	b.far = newProvider(b)
	b.all = b.s.New(b, Setting{
		Log: slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Now: b.now,
		Provider: "http://" + providerHost, Client: b.far.client,
	})
}

func (b *bench) now() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())).UTC() }

func (b *bench) channel() channels.Channel { return b.all[0] }

// onPaper has an inbox of paper listen.
func (b *bench) onPaper() *paper {
	b.Helper()
	b.paper = newPaper()
	b.connect(b.paper)
	return b.paper
}

// inTown has a real exchange listen, on a store of its own.
func (b *bench) inTown(languages ...string) *house {
	b.Helper()
	b.house = newHouse(b, languages)
	b.connect(b.house)
	return b.house
}

// connect puts the wire up.
func (b *bench) connect(in channels.Inbox) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b.stops = append(b.stops, cancel)
	for _, c := range b.all {
		l, ok := c.(channels.Listener)
		if !ok {
			continue
		}
		done := make(chan error, 1)
		go func() { done <- l.Listen(ctx, in) }()
		b.stops = append(b.stops, func() {
			select {
			case err := <-done:
				if err != nil {
					b.Errorf("Listen ended with %v", err)
				}
			case <-time.After(farewell):
				b.Fatalf("Listen goes on %v after its context ended", farewell)
			}
		})
	}
	if b.s.HTTP != nil {
		b.door = newHTTPWire(b, in)
		b.wire = b.door
	}
	if b.s.Connect != nil {
		b.wire = b.s.Connect(b, b.all, in)
	}
}

// farewell is how long an adapter may take to say goodbye.
const farewell = 30 * time.Second

// end closes everything. What goes on afterwards is found by synctest.
func (b *bench) end() {
	b.Helper()
	for _, stop := range b.stops {
		stop()
	}
	if w, ok := b.wire.(io.Closer); ok {
		if err := w.Close(); err != nil {
			b.Error(err)
		}
	}
	for _, c := range b.all {
		if w, ok := c.(interface{ Wait() }); ok {
			w.Wait()
		}
	}
	if b.house != nil {
		b.house.close()
	}
	b.far.close()
	time.Sleep(time.Minute) // of the bubble's clock: what only waits for a while is done, and what is left is left for good
	for _, word := range append([]string{marker}, digitsOf(numbers)...) {
		b.log.lacks(b, word)
	}
}

// address of whom a number belongs to.
func (b *bench) address(number string) channels.Address {
	if b.s.Address != nil {
		return b.s.Address(number)
	}
	return channels.Address{Kind: "tel", ID: number}
}

// patience of the provider.
func (b *bench) patience() time.Duration { return cmp.Or(b.s.Patience, 15*time.Second) }

// numbers that no real person has; the preview's page has these and no others.
var numbers = [...]string{"+12025550101", "+12025550102", "+12025550103", "+12025550104"}

// marker is in all words that are said, so that it can be looked for where no words should be.
const marker = "zanzibar"

func digitsOf(all [4]string) (out []string) {
	for _, n := range all {
		out = append(out, n[1:])
	}
	return out
}
