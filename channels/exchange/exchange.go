// Package exchange joins the rest: it takes an event from a channel, holds the resident's turn with talk, commits what
// came of it to the store, and sends what is to be pushed. It decides nothing about wording, channels or storage.
package exchange

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// Keys make the keyed hashes under which addresses and voters are known. store.Keys does.
type Keys interface {
	Address(kind, address string) store.AddressKey
	// Lasting is an address's key as rows remember it, whatever becomes of the town's keys; Today is what it is found by.
	Lasting(a store.AddressKey) store.AddressKey
	Today(lasting store.AddressKey) store.AddressKey
	Voter(poll, id string) [16]byte
}

// Settings are what an Exchange is made of.
type Settings struct {
	Store    store.Store
	Keys     Keys
	Town     *talk.Town // its Dialogs are usually a *Catalogue
	Calendar Calendar   // without a Zone it takes the town's
	Channels []channels.Channel
	Resend   []string // channels whose doubtful messages are sent again; those of all others are held for a person
	// Quiet says when somebody may be reminded, or rung, for whom that falls due now; number is theirs, "" where it isn't known.
	// nil: at once.
	Quiet     func(number string, now time.Time) time.Time
	Limits    Limits // of all that is pushed
	Callbacks Callbacks
	// AnswerWithin is how long the desk may be open before somebody who waits for an answer there is overdue; 0: the usual.
	AnswerWithin time.Duration
	Leases       Leases                // of residents' turns, where there are other nodes; nil: none
	Nodes        Nodes                 // what the nodes share beside; zero: there are no others
	Clock        Clock                 // nil: the machine's
	Entropy      io.Reader             // ids, references, the order of options; crypto/rand.Reader
	Log          *slog.Logger          // nil: none. It is never told an address or a word that was said
	Metrics      prometheus.Registerer // nil: none
	Tracing      Tracing               // nil: none
}

// Exchange is a town's switchboard. It is made by New, works from the first Receive, and sends while Run runs.
type Exchange struct {
	store    store.Store
	keys     Keys
	town     *talk.Town
	calendar Calendar
	channels map[string]*line
	order    []string // names of the channels
	quiet    func(string, time.Time) time.Time
	limits   *limits
	clock    Clock
	log      *slog.Logger
	metrics  *metrics
	tracing  Tracing

	chance  sync.Mutex
	entropy *bufio.Reader

	addresses locks[store.AddressKey]
	residents locks[store.Resident]
	erased    erasures
	polls     closedPolls
	failing   failures
	swept     sweeps
	guessed   tries // wrong codes of conversations
	voters    tries // wrong codes from letters
	texted    tries // codes texted from pages

	answerWithin time.Duration // at the desk

	callbacks Callbacks
	spending  chan struct{} // holds a token while the town's budget of calls is looked at
	spentUp   lull          // it is used up

	errands  chan struct{}  // holds a token for each resident whose errands are being run
	fetching sync.WaitGroup // those
	drawing  chan struct{}  // holds a token while a picture is drawn anew

	admission *admission
	urgent    chan struct{} // holds a token for each turn that is held though there is no room

	nodes  nodes
	life   life
	work   work
	outbox alarm
	timers alarm
	owing  alarm // of what replies have cost
}

// line is a channel that the town is on.
type line struct {
	channels.Channel
	traits render.Traits
	resend bool
	duty   string        // that a node has which sends here; "": any does
	flight chan struct{} // holds a token for each message that is being sent
	limited

	short   atomic.Bool  // a delivery that ends rings the bell
	rests   time.Time    // nothing leaves before: the store was away
	stopped [2]time.Time // a budget is used up until then, for replies and for what can wait
	vain    bool         // the last claim found nothing
	sift    int          // how many messages are looked through at once, where those in front may not leave; 0: none
}

// ErrDraining is returned by Receive while the town is shutting down: the provider should try again.
var ErrDraining = errors.New("exchange: shutting down")

// New puts an exchange together.
func New(s Settings) (*Exchange, error) {
	switch {
	case s.Store == nil || s.Keys == nil || s.Town == nil || s.Town.Dialogs == nil:
		return nil, errors.New("exchange: store, keys and town with dialogs are needed")
	case s.Entropy == nil:
		return nil, errors.New("exchange: a source of randomness is needed")
	}
	x := &Exchange{
		store: s.Store, keys: s.Keys, town: s.Town, calendar: s.Calendar, quiet: s.Quiet, clock: s.Clock, log: s.Log,
		channels: make(map[string]*line), entropy: bufio.NewReaderSize(s.Entropy, 512),
		outbox: newAlarm(shortestPace), timers: newAlarm(shortestSleep), owing: newAlarm(shortestSleep), work: newWork(), errands: make(chan struct{}, errandsAtOnce), drawing: make(chan struct{}, 1),
		answerWithin: s.AnswerWithin, callbacks: s.Callbacks.whole(), spending: make(chan struct{}, 1),
	}
	x.tracing = s.Tracing
	if x.clock == nil {
		x.clock = SystemClock{}
	}
	if x.log == nil {
		x.log = slog.New(slog.DiscardHandler)
	}
	if x.calendar.Zone == nil {
		x.calendar.Zone = s.Town.Zone
	}
	for _, c := range s.Channels {
		name := c.Name()
		if _, twice := x.channels[name]; twice || name == "" || len(name) > 255 {
			return nil, fmt.Errorf("exchange: channel %q: names are short and each counts once", name)
		}
		x.channels[name] = &line{Channel: c, traits: c.Traits()}
		x.order = append(x.order, name)
	}
	x.admission, x.urgent = newAdmission(x.clock, x.order), make(chan struct{}, mostUrgent)
	if err := x.share(&s); err != nil {
		return nil, err
	}
	x.limits = newLimits(s.Limits, &s.Nodes, x.channels)
	for _, l := range x.channels {
		l.flight = make(chan struct{}, l.flights())
	}
	for _, name := range s.Resend {
		l, ok := x.channels[name]
		if !ok {
			return nil, fmt.Errorf("exchange: there is no channel %q to send again on", name)
		}
		l.resend = true
	}
	var err error
	if x.metrics, err = newMetrics(s.Metrics, s.Store, x.order); err != nil {
		return nil, err
	}
	if err := watchAdmission(s.Metrics, x.admission); err != nil {
		return nil, err
	}
	if err := watchFullness(s.Metrics, x); err != nil {
		return nil, err
	}
	if err := watchDesk(s.Metrics, x); err != nil {
		return nil, err
	}
	if err := x.metrics.watchBudgets(s.Metrics, x.limits.purses); err != nil {
		return nil, err
	}
	return x, nil
}

var _ channels.Inbox = (*Exchange)(nil)

// random fills b.
func (x *Exchange) random(b []byte) error {
	x.chance.Lock()
	defer x.chance.Unlock()
	if _, err := io.ReadFull(x.entropy, b); err != nil {
		return fmt.Errorf("exchange: randomness: %w", err)
	}
	return nil
}

// Receive holds the turn of one event. It returns once the turn is on disk; the same event again gets the same reply.
// One turn at a time is held with a resident; others wait until ctx ends.
func (x *Exchange) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	l, ok := x.channels[e.Channel]
	if !ok {
		return channels.Reply{}, fmt.Errorf("exchange: the town is not on a channel %q", e.Channel)
	}
	if e.From.Kind == "" || e.From.ID == "" || len(e.From.Kind) > 255 {
		return channels.Reply{}, fmt.Errorf("exchange: %s: an event without an address", e.Channel)
	}
	if !x.work.enter() {
		return channels.Reply{}, channels.Retry(ErrDraining, 0)
	}
	defer x.work.leave()
	began := x.clock.Now()
	way := x.follow(ctx, "turn", e.Channel)
	r, outcome, err := x.receive(ctx, l, e, way)
	defer way.end(outcome)
	if errors.Is(err, channels.ErrBusy) {
		x.turnedAway(ctx, e.Channel)
		return channels.Reply{}, err
	}
	way.stage(stageReply)
	if outcome == outcomeApplied {
		x.replied(l, number(e.From), r.Pages)
	}
	x.metrics.turn(e.Channel, outcome, x.clock.Now().Sub(began))
	if err != nil {
		x.log.LogAttrs(ctx, slog.LevelError, "turn not held", slog.String("channel", e.Channel), slog.Any("error", err))
		return channels.Reply{}, channels.Retry(fmt.Errorf("exchange: %s: %w", e.Channel, err), 0)
	}
	return r, nil
}

func (x *Exchange) receive(ctx context.Context, l *line, e channels.Event, way trail) (channels.Reply, string, error) {
	if e.Kind == channels.Missed {
		leave, err := x.admission.enter(ctx, e.Channel)
		if err != nil {
			return channels.Reply{}, outcomeFailed, err
		}
		defer leave()
		return x.missed(ctx, l, e)
	}
	if e.Withheld {
		e.From.Kind = withheldKind
	}
	key := x.keys.Address(e.From.Kind, e.From.ID)
	way.stage(stageWait)
	if err := x.addresses.take(ctx, key); err != nil {
		x.metrics.flow.turnFailed(e.Channel, err, stageWait)
		return channels.Reply{}, outcomeFailed, err
	}
	defer x.addresses.give(key)
	inbound := inboundOf(e, key)
	if b, ok := x.erased.reply(inbound); ok {
		r, err := decodeReply(b)
		return r, outcomeDuplicate, err
	}
	leave, err := x.comesIn(ctx, &e)
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	defer leave()
	t := turn{x: x, line: l, came: &e, event: &e, key: key, inbound: inbound, name: e.Channel, trail: way}
	r, outcome, err := t.run(ctx)
	if err != nil {
		x.metrics.flow.turnFailed(e.Channel, err, t.trail.at)
	}
	return r, outcome, err
}

// Report takes a provider's word on a message that was pushed.
func (x *Exchange) Report(ctx context.Context, channel, receipt string, d channels.Delivery) error {
	if !x.work.enter() {
		return channels.Retry(ErrDraining, 0)
	}
	defer x.work.leave()
	if _, ours := x.channels[channel]; ours {
		leave, err := x.reportComesIn(ctx, channel, &d)
		if err != nil {
			if errors.Is(err, channels.ErrBusy) {
				x.turnedAway(ctx, channel)
			}
			return err
		}
		defer leave()
	}
	m, ok, err := x.store.ByReceipt(ctx, channel, receipt)
	if err != nil {
		return channels.Retry(fmt.Errorf("exchange: %s: find what was reported on: %w", channel, err), 0)
	}
	if !ok {
		x.log.LogAttrs(ctx, slog.LevelDebug, "report on an unknown message", slog.String("channel", channel))
		return nil
	}
	settled := store.Settled{ID: m.ID, Receipt: receipt, Code: d.Code}
	switch d.State {
	case channels.Arrived:
		settled.State = store.Delivered
	case channels.Failed:
		settled.State = store.Dead
	default:
		settled.State = store.Sent
	}
	if err := x.store.Settle(ctx, x.clock.Now(), []store.Settled{settled}); err != nil {
		return channels.Retry(fmt.Errorf("exchange: %s: keep a report: %w", channel, err), 0)
	}
	x.metrics.settled(channel, settled.State)
	if d.Took > 0 || d.State == channels.Failed {
		if l := x.channels[channel]; l != nil && l.traits.Form == engine.Speech {
			if err := x.unspend(ctx, m.ID, max(d.Took, 0)); err != nil {
				return channels.Retry(fmt.Errorf("exchange: %s: keep what a call took: %w", channel, err), 0)
			}
		}
	}
	if d.Bad {
		if err := x.unreached(ctx, &m, d.Code, true); err != nil {
			return channels.Retry(fmt.Errorf("exchange: %s: keep that a number can't be reached: %w", channel, err), 0)
		}
	}
	if d.OptedOut {
		if err := x.optedOut(ctx, m.Resident, channel); err != nil {
			return channels.Retry(fmt.Errorf("exchange: %s: keep an opt-out: %w", channel, err), 0)
		}
	}
	return nil
}

// Dialogs that can be fetched before a turn are: Pinned then answers from memory, and a store that is away for a moment
// isn't taken for a dialog that is gone.
type fetcher interface {
	Fetch(ctx context.Context, pin dialogs.Pin) error
}
