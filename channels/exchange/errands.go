package exchange

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/store"
)

// A provider keeps recordings and pictures until they are fetched. A turn gives them names of ours and notes in the
// resident's row, in the same commit, what is to be fetched; a timer does it after the turn. Only once it is kept here is the
// provider's copy deleted. What no answer names any more, and what its resident was erased before, is only deleted there.

// errand is one thing to do at a provider.
type errand struct {
	_       struct{} `cbor:",toarray"`
	ID      [16]byte // of the media that it becomes here
	Channel string
	Ref     string // the provider's
	At      int64  // when it came, in Unix milliseconds
	Until   int64  // when it is destroyed here; 0: it stays as long as the resident
	Due     int64  // when it is tried next
	Tries   int
	Drop    bool // the provider is to delete it; nothing is fetched (any more)
}

const (
	errandTimer    = "errands"
	errandsAtOnce  = 8                // residents whose errands are run at the same time
	errandPatience = 90 * time.Second // for all errands of one resident
	errandLease    = 3 * time.Minute  // nobody else runs them meanwhile; longer than errandPatience and a commit
	mostErrands    = 100              // of one resident
	mostFetches    = 100              // tries: with the back-off of the outbox, four days. Then a person has to look
	mostDrops      = 30
)

func encodeErrands(all []errand) ([]byte, error) {
	if len(all) == 0 {
		return nil, nil
	}
	return cbor.Marshal(all)
}

func decodeErrands(b []byte) ([]errand, error) {
	if len(b) == 0 {
		return nil, nil
	}
	var all []errand
	if err := cbor.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("exchange: read what is to be fetched: %w", err)
	}
	return all, nil
}

// without are errands but for those that fetch one of gone: whoever took the conversation along fetches it.
func without(errands []byte, gone [][16]byte) ([]byte, error) {
	all, err := decodeErrands(errands)
	if err != nil || len(all) == 0 {
		return errands, err
	}
	return encodeErrands(slices.DeleteFunc(all, func(e errand) bool { return !e.Drop && slices.Contains(gone, e.ID) }))
}

// putOff are errands of which nothing is fetched before until; a fetch that is under way finds its errand changed.
func putOff(all []errand, until time.Time) []errand {
	all = slices.Clone(all)
	for i := range all {
		if !all[i].Drop {
			all[i].Due = max(all[i].Due, until.UnixMilli())
		}
	}
	return all
}

// kindNamed is how we call what a provider calls a recording or a picture; "" for what we don't keep.
func kindNamed(kind string) string {
	kind, _, _ = strings.Cut(strings.ToLower(kind), ";")
	switch kind = strings.TrimSpace(kind); kind {
	case "audio/x-wav", "audio/wave", "audio/vnd.wave":
		return "audio/wav"
	case "audio/mp3":
		return "audio/mpeg"
	case "audio/x-m4a", "audio/m4a":
		return "audio/mp4"
	case "audio/opus":
		return "audio/ogg"
	case "image/jpg", "image/pjpeg":
		return "image/jpeg"
	case "audio/wav", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/webm", "audio/flac", "audio/amr", "audio/aac",
		"image/jpeg", "image/png", "image/gif", "image/webp":
		return kind
	}
	return ""
}

// toFetch gives names of ours to what the provider keeps, as far as it may be kept; the rest is to be deleted there.
func (t *turn) toFetch(all []engine.Media) (media []engine.Media, refused string) {
	ballot := t.mute || t.onBallot()
	for i, m := range all {
		kind := kindNamed(m.Type)
		why := ""
		switch {
		case kind == "":
			why = channels.RefusedKind
		case ballot:
			why = channels.RefusedBallot
		case i >= mostAlong || len(t.errands) >= mostErrands:
			why = channels.RefusedLong
		}
		if why != "" {
			refused = why
			t.errand(errand{Channel: t.name, Ref: m.Ref, Drop: true})
			continue
		}
		p := piece{at: t.now, channel: t.name, from: m.Ref}
		p.ID = derived("media", t.resident, t.version, len(t.event.Attached)+i)
		p.Type, p.Ref = kind, channels.MediaRef(p.ID)
		t.pieces = append(t.pieces, p)
		media = append(media, p.Media)
	}
	return media, refused
}

// mostAlong is how much may come along with one event.
const mostAlong = 10

// errand notes one for after the turn.
func (t *turn) errand(e errand) {
	if len(t.errands) >= 2*mostErrands {
		return
	}
	e.Due = t.now.UnixMilli()
	t.errands = append(slices.Clip(t.errands), e)
	t.setTimer(errandTimer, t.now)
}

// unerrand has what was not fetched yet and is named no longer only deleted where it is.
func (t *turn) unerrand(gone [][16]byte) {
	for i := range t.errands {
		if e := t.errands[i]; !e.Drop && slices.Contains(gone, e.ID) {
			t.errands = slices.Clone(t.errands)
			e.Drop, e.Tries, e.Due = true, 0, t.now.UnixMilli()
			t.errands[i] = e
			t.setTimer(errandTimer, t.now)
		}
	}
}

// beginErrands runs the errands of a timer beside everything else, for as long as a slow provider takes; false: too many are
// being run.
func (x *Exchange) beginErrands(timer store.Timer) bool {
	select {
	case x.errands <- struct{}{}:
	default:
		x.failing.note(timer, x.clock.Now().Add(shortestSleep))
		return false
	}
	// Until the lease is on disk the timer stands as it was.
	x.failing.note(timer, x.clock.Now().Add(errandLease))
	x.work.join()
	x.fetching.Go(func() {
		defer func() {
			<-x.errands
			x.work.leave()
			x.timers.ring()
		}()
		ctx, cancel := context.WithTimeout(x.work.cut, errandPatience)
		defer cancel()
		err := x.runErrands(ctx, timer.Resident)
		x.failing.forget(timer)
		if err != nil {
			x.failing.note(timer, x.clock.Now().Add(ringPause))
			x.log.LogAttrs(ctx, slog.LevelError, "what a provider keeps was not fetched yet", slog.Any("error", err))
		}
	})
	return true
}

// runErrands does what is due for one resident.
func (x *Exchange) runErrands(ctx context.Context, r store.Resident) error {
	var all []errand
	now := x.clock.Now()
	lease := now.Add(errandLease)
	if err := x.amend(ctx, r, lease, func(had []errand, _ *store.Change) []errand {
		all = had
		return had
	}); err != nil {
		return err
	}
	for _, e := range all {
		if ctx.Err() != nil {
			break
		}
		if e.Due > now.UnixMilli() {
			continue
		}
		if err := x.run(ctx, r, e); err != nil {
			return err
		}
	}
	return x.amend(context.WithoutCancel(ctx), r, time.Time{}, func(had []errand, _ *store.Change) []errand { return had })
}

// run does one errand: what was fetched is on disk before the provider's copy is deleted.
func (x *Exchange) run(ctx context.Context, r store.Resident, e errand) error {
	// What was done must not be lost with the worker.
	settle := context.WithoutCancel(ctx)
	lease := x.clock.Now().Add(errandLease)
	// change replaces the errand as it was by what is left of it. It says whether it was there: what a turn has made of it
	// meanwhile, or whoever took the conversation along, comes first, and the provider's copy is theirs.
	change := func(left *errand, media *store.Media) (there bool, err error) {
		err = x.amend(settle, r, lease, func(had []errand, c *store.Change) []errand {
			i := slices.Index(had, e)
			if there = i >= 0; !there {
				return had
			}
			had = slices.Clone(had)
			if left == nil {
				return slices.Delete(had, i, i+1)
			}
			if media != nil {
				c.Media = append(c.Media, *media)
			}
			had[i] = *left
			return had
		})
		return there, err
	}
	leave := func(left *errand) error {
		_, err := change(left, nil)
		return err
	}
	l := x.channels[e.Channel]
	var f channels.Fetcher
	if l != nil {
		f, _ = l.Channel.(channels.Fetcher)
	}
	if f == nil {
		return leave(x.later(e, 0)) // the line is not set up today; perhaps it is again tomorrow
	}
	if !e.Drop {
		got, err := f.Fetch(ctx, e.Ref)
		kind := channels.KindOf(got.Bytes)
		if _, gone := channels.IsGone(err); gone {
			x.metrics.fetch(e.Channel, fetchGone)
			x.log.LogAttrs(ctx, slog.LevelWarn, "a recording or a picture can't be had from the provider", slog.String("channel", e.Channel))
			drop := e // it may be too large: it is not to stay there
			drop.Drop, drop.Tries, drop.Due = true, 0, x.clock.Now().UnixMilli()
			return leave(&drop)
		}
		if err != nil {
			x.metrics.fetch(e.Channel, fetchRetried)
			after, _ := channels.Retrying(err)
			return leave(x.later(e, after))
		}
		drop := e
		drop.Drop, drop.Tries, drop.Due = true, 0, x.clock.Now().UnixMilli()
		if strings.HasPrefix(kind, "image/") && len(got.Bytes) <= channels.MostBytes {
			if got, err = x.redraw(ctx, got.Bytes); ctx.Err() != nil {
				return leave(x.later(e, 0))
			}
			if kind = got.Type; err != nil {
				kind = ""
			}
		}
		if kind == "" || len(got.Bytes) > channels.MostBytes {
			x.metrics.fetch(e.Channel, fetchRefused)
			x.log.LogAttrs(ctx, slog.LevelWarn, "what a provider kept is no recording or picture that can be kept", slog.String("channel", e.Channel), slog.Int("bytes", len(got.Bytes)))
			if there, err := change(&drop, nil); err != nil || !there {
				return err
			}
		} else {
			m := store.Media{ID: e.ID, Type: kind, Bytes: got.Bytes, At: time.UnixMilli(e.At)}
			if e.Until > 0 {
				m.Until = time.UnixMilli(e.Until)
			}
			if there, err := change(&drop, &m); err != nil || !there {
				return err
			}
			x.metrics.fetch(e.Channel, fetchKept)
		}
		e = drop
	}
	switch err := f.Drop(ctx, e.Ref); {
	case err == nil:
		x.metrics.fetch(e.Channel, fetchDropped)
	default:
		if _, gone := channels.IsGone(err); !gone {
			after, _ := channels.Retrying(err)
			return leave(x.later(e, after))
		}
	}
	return leave(nil)
}

// redraw draws a picture anew, one at a time: where and when it was taken, and by which phone, is not kept.
func (x *Exchange) redraw(ctx context.Context, b []byte) (channels.Attachment, error) {
	select {
	case x.drawing <- struct{}{}:
		defer func() { <-x.drawing }()
		return channels.Redraw(b)
	case <-ctx.Done():
		return channels.Attachment{}, ctx.Err()
	}
}

// later is the errand as it is tried again, nil after too many tries.
func (x *Exchange) later(e errand, after time.Duration) *errand {
	e.Tries++
	if !e.Drop && e.Tries >= mostFetches || e.Drop && e.Tries >= mostDrops {
		what := "fetched"
		if e.Drop {
			what = "deleted there"
		}
		x.metrics.fetch(e.Channel, fetchGaveUp)
		x.log.Error("what a provider keeps could not be "+what, slog.String("channel", e.Channel))
		return nil
	}
	e.Due = x.clock.Now().Add(max(after, x.backOff(e.Tries))).UnixMilli()
	return &e
}

// amend rewrites a resident's errands; the timer is set to when the next is due, or to lease. Who was erased has none.
func (x *Exchange) amend(ctx context.Context, r store.Resident, lease time.Time, do func([]errand, *store.Change) []errand) error {
	for range attempts {
		kept, err := x.store.Load(ctx, r)
		if err != nil {
			return fmt.Errorf("load the errands: %w", err)
		}
		before, err := decodeRow(kept.State)
		if err != nil || kept.Version == 0 || before.gone {
			return err
		}
		all, err := decodeErrands(before.errands)
		if err != nil {
			return err
		}
		c := store.Change{Resident: r, Read: kept.Version, At: x.calendar.local(x.clock.Now())}
		all = do(all, &c)
		if before.errands, err = encodeErrands(all); err != nil {
			return err
		}
		c.State = before.encode()
		if len(all) == 0 {
			c.Untimers = []string{errandTimer}
		} else {
			at := lease
			if at.IsZero() {
				at = time.UnixMilli(slices.MinFunc(all, func(a, b errand) int { return int(a.Due - b.Due) }).Due)
			}
			c.Timers = []store.Timer{{Resident: r, Name: errandTimer, At: at}}
		}
		out, err := x.store.Commit(ctx, &c)
		if err != nil {
			return fmt.Errorf("keep the errands: %w", err)
		}
		if out.Kind == store.Applied {
			x.metrics.records(&c)
			for i := range c.Timers {
				x.timers.by(c.At, c.Timers[i].At)
			}
			return nil
		}
	}
	return errContested
}

// leaveErrands notes apart from everybody what is to be deleted at providers, before the row that says so is erased.
func (x *Exchange) leaveErrands(ctx context.Context, all []errand) error {
	if len(all) == 0 {
		return nil
	}
	now := x.clock.Now()
	left := make([]errand, 0, len(all))
	for _, e := range all {
		left = append(left, errand{Channel: e.Channel, Ref: e.Ref, Due: now.UnixMilli(), Drop: true})
	}
	nobody := store.Resident(x.keys.Voter(ownRows, errandTimer))
	kept, err := x.store.Load(ctx, nobody)
	if err != nil {
		return fmt.Errorf("exchange: leave errands: %w", err)
	}
	if kept.Version == 0 {
		// Whoever else makes it first has made the same.
		c := store.Change{Resident: nobody, At: now, State: row{}.encode()}
		if _, err := x.store.Commit(ctx, &c); err != nil {
			return fmt.Errorf("exchange: leave errands: %w", err)
		}
	}
	if err := x.amend(ctx, nobody, time.Time{}, func(had []errand, _ *store.Change) []errand {
		for _, e := range left {
			if !slices.ContainsFunc(had, func(h errand) bool { return h.Channel == e.Channel && h.Ref == e.Ref }) {
				had = append(had, e)
			}
		}
		return had
	}); err != nil {
		return fmt.Errorf("exchange: leave errands: %w", err)
	}
	return nil
}

// ownRows names the rows that are nobody's: no dialog's id has a blank in it.
const ownRows = store.TownsOwn
