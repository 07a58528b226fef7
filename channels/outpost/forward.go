package outpost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
)

const (
	heartbeat    = 30 * time.Second        // between two contacts when there is nothing to forward
	shortestWait = time.Second             // after a contact that failed; it doubles
	longestWait  = 40 * time.Second        // half as much again comes on top by chance
	askTime      = 1500 * time.Millisecond // a person is waiting
	slowLine     = 4 << 10                 // bytes a second that a line carries at least
	tryEvery     = time.Minute             // tries of a turn that count lie so far apart: ten in a second are a centre that is unwell, and no fault of the turn's
)

// callTime is how long a call of so many bytes may take: a recording is minutes on its way where the line is slow.
func callTime(size int) time.Duration {
	return 20*time.Second + time.Duration(size)*time.Second/slowLine
}

// Run forwards turns and fetches dialogs until ctx ends.
func (o *Outpost) Run(ctx context.Context) {
	wait := shortestWait
	for ctx.Err() == nil {
		more, err := o.contact(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := heartbeat
		bell := o.bell
		switch {
		case err != nil:
			// Machines that lost the same line don't all come back in the same second.
			pause = time.Duration(float64(wait) * (0.5 + rand.Float64()))
			wait = min(2*wait, longestWait)
			bell = nil // a new turn makes the line no better
		case more:
			wait = shortestWait
			continue
		default:
			wait = shortestWait
		}
		select {
		case <-bell:
		case <-o.clock.After(pause):
		case <-ctx.Done():
		}
	}
}

// contact tells the centre how the outpost fares and gives it what waits, as much as goes into one call; more: there is more.
func (o *Outpost) contact(ctx context.Context) (more bool, err error) {
	batch, r, err := o.gather()
	if err != nil {
		return false, err
	}
	var a answer
	if err := o.call(ctx, callSync, r, &a, func() (int64, bool) { return a.Now, a.Astray }); err != nil {
		o.reached(err)
		return false, err
	}
	if err := o.taken(batch, a.Verdicts); err != nil {
		return false, err
	}
	if err := o.replace(&a); err != nil {
		o.reached(err)
		return false, err
	}
	o.reached(nil)
	o.tidy()
	o.mu.Lock()
	defer o.mu.Unlock()
	// What the centre could not enter waits for the next contact; it alone is no reason to call again at once.
	fresh, stuck := o.sorted()
	entered := slices.ContainsFunc(a.Verdicts, func(v channels.Verdict) bool { return v != 0 })
	return len(fresh) > 0 || entered && len(stuck) > 0, nil
}

// reached notes whether the centre can be reached, once for each time that it changes.
func (o *Outpost) reached(err error) {
	was, first := o.up.Swap(err == nil), !o.tried.Swap(true)
	switch {
	case err == nil && (!was || first):
		o.log.Info("the centre is reached")
	case err != nil && (was || first):
		n, _ := o.Waiting()
		o.log.Warn("the centre is out of reach: turns are kept here", "waiting", n, "error", err)
	}
}

// gather takes turns from the head of the queue: first of visits that the centre had no trouble with, then of the others, so
// that nobody waits for what can't be entered. Some of those always go along: the centre puts aside what fails while others
// succeed.
func (o *Outpost) gather() ([]*entry, *report, error) {
	o.tidied.RLock()
	defer o.tidied.RUnlock()
	o.mu.Lock()
	r := &report{Now: o.clock.Now().UnixMilli(), Waiting: len(o.queue)}
	if len(o.queue) > 0 {
		r.Oldest = o.age(o.queue[0]).Milliseconds()
	}
	fresh, stuck := o.sorted()
	batch, weight := load(nil, 0, fresh, mostParcels-min(len(stuck), 1))
	if weight <= mostWeight {
		if len(batch) > 0 && len(stuck) > 0 {
			batch, weight = append(batch, stuck[0]), weight+stuck[0].weight
			stuck = stuck[1:]
		}
		batch, _ = load(batch, weight, stuck, mostParcels)
	}
	o.mu.Unlock()
	whole := batch[:0]
	for _, e := range batch {
		l, err := o.read(e)
		if err != nil {
			o.log.Error("a turn can't be read, and is not forwarded", "visit", short(e.visit), "error", err)
			o.mu.Lock()
			e.failed(o.clock.Now())
			o.mu.Unlock()
			continue
		}
		p := parcel{Sealed: l.Centre, Ago: -1, At: e.told, Tries: e.tries}
		if !e.at.IsZero() {
			p.Ago = o.age(e).Milliseconds()
		}
		whole = append(whole, e)
		r.Turns = append(r.Turns, p)
	}
	if p := o.place.Load(); p != nil {
		r.Town = p.hash
		for _, pin := range p.pins {
			r.Hashes = append(r.Hashes, pin.Hash)
		}
	}
	return whole, r, nil
}

// sorted parts the queue into turns of visits that the centre had no trouble with, and of the others; its caller holds mu.
func (o *Outpost) sorted() (fresh, stuck []*entry) {
	trouble := map[[16]byte]bool{}
	for _, e := range o.queue {
		if e.tries > 0 {
			trouble[e.visit] = true
		}
	}
	for _, e := range o.queue {
		if trouble[e.visit] {
			stuck = append(stuck, e)
		} else {
			fresh = append(fresh, e)
		}
	}
	return fresh, stuck
}

// load adds turns to a report, as many as go into it, but one at least.
func load(batch []*entry, weight int, more []*entry, most int) ([]*entry, int) {
	for _, e := range more {
		if len(batch) >= most || len(batch) > 0 && weight+e.weight > mostWeight {
			break
		}
		batch = append(batch, e)
		weight += e.weight
	}
	return batch, weight
}

// failed counts that the centre could not enter it, once in tryEvery.
func (e *entry) failed(now time.Time) {
	if since := now.Sub(e.tried); e.tries == 0 || since >= tryEvery || since < 0 {
		e.tries, e.tried = e.tries+1, now
	}
}

// taken takes what the centre has from the queue.
func (o *Outpost) taken(batch []*entry, verdicts []channels.Verdict) error {
	if len(verdicts) != len(batch) {
		return fmt.Errorf("outpost: %d verdicts on %d turns", len(verdicts), len(batch))
	}
	var done []uint64
	o.mu.Lock()
	for i, v := range verdicts {
		if v == 0 {
			batch[i].failed(o.clock.Now())
			continue
		}
		done = append(done, batch[i].number)
		o.metrics.forwarded(v)
	}
	o.entered(done)
	o.mu.Unlock()
	if len(done) == 0 {
		return nil
	}
	b, err := cbor.Marshal(line{Kind: lineEntered, Done: done})
	if err != nil {
		return err
	}
	o.tidied.RLock()
	defer o.tidied.RUnlock()
	_, err = o.journal.append(b)
	return err
}

// replace puts another town in place, where the centre gave one, and keeps it.
func (o *Outpost) replace(a *answer) error {
	o.replaced.Lock()
	defer o.replaced.Unlock()
	known := o.place.Load()
	offset := time.UnixMilli(a.Now).Sub(time.UnixMilli(o.clock.Now().UnixMilli()))
	town := a.Town
	if town == nil {
		if known == nil || (offset-known.offset).Abs() < time.Minute {
			return nil
		}
		town = &known.facts // only the clock was set
	}
	k := known.with(*town, a.Dialogs, offset)
	p, err := newPlace(k, o.s.Locales, known)
	if err != nil {
		return err
	}
	if err := writeTown(o.s.Dir, o.shut, k); err != nil {
		return err
	}
	if known == nil || !known.same(p.hash) {
		o.settle(p)
	} else {
		o.place.Store(p)
	}
	if known == nil || !known.same(p.hash) {
		o.log.Info("the centre gave its dialogs", "dialogs", len(p.facts.Dialogs))
	}
	return nil
}

// centre asks the centre while the visitor waits; false when it can't be reached within a moment.
func (h *holding) centre(e talk.Effect) (engine.Input, bool) {
	o := h.o
	if !o.up.Load() {
		return engine.Input{}, false
	}
	ctx, cancel := context.WithTimeout(h.ctx, askTime)
	defer cancel()
	q := question{Visit: h.from, Kind: h.kind, Channel: o.s.Channel, Pin: pinOf(e.Dialog), Effect: e.Effect}
	var r reply
	if err := o.call(ctx, callAsk, &q, &r, func() (int64, bool) { return r.Now, r.Astray }); err != nil {
		o.log.Info("a question was not answered by the centre in time", "kind", string(e.Kind), "error", err)
		o.up.Store(false) // until the next contact: the next page shall not wait as well
		return engine.Input{}, false
	}
	return r.Input, r.Known
}

// call makes one call, and once again when the centre says that the clock here is astray.
func (o *Outpost) call(ctx context.Context, name string, v, into any, told func() (now int64, astray bool)) error {
	offset := time.Duration(0)
	if p := o.place.Load(); p != nil {
		offset = p.offset
	}
	for range 2 {
		if err := o.callAt(ctx, name, v, into, o.clock.Now().Add(offset)); err != nil {
			return err
		}
		now, astray := told()
		if !astray {
			return nil
		}
		offset = time.UnixMilli(now).Sub(time.UnixMilli(o.clock.Now().UnixMilli()))
	}
	return errors.New("outpost: the centre finds our clock astray, whatever we set it to")
}

func (o *Outpost) callAt(ctx context.Context, name string, v, into any, now time.Time) error {
	path, at := o.path+name, strconv.FormatInt(now.UnixMilli(), 10)
	plain, err := pack(v)
	if err != nil {
		return err
	}
	body := o.wires.out.seal(plain, aboutRequest(path, at))
	ctx, cancel := context.WithTimeout(ctx, callTime(len(body)))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.base+name, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("outpost: %w", err)
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	r.Header.Set(TimeHeader, at)
	r.Header.Set(ProofHeader, o.wires.prove(path, at, len(body)))
	got, err := o.client.Do(r)
	if err != nil {
		return fmt.Errorf("outpost: %w", err)
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		return fmt.Errorf("outpost: the centre answered %s", got.Status)
	}
	sealed, err := io.ReadAll(io.LimitReader(got.Body, mostAnswer+1))
	if err != nil {
		return fmt.Errorf("outpost: %w", err)
	}
	if len(sealed) > mostAnswer {
		return errLarge
	}
	if plain, err = o.wires.back.open(sealed, aboutReply(path, body)); err != nil {
		return err
	}
	return unpack(plain, mostAnswer, into)
}
