package exchange

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// Recordings and pictures that come with a turn are kept with it if an answer names them then, and go when no answer and no
// record names them any more: nobody's voice stays because they thought better of it, or went away.

// piece is a recording or a picture that this turn may keep.
type piece struct {
	channels.Taken
	at      time.Time
	channel string // whose provider has it still; "": its bytes are here
	from    string // the provider's name of it
}

// mention is what an answer that names a media says of it.
type mention struct {
	keep   time.Duration // 0: as long as the resident
	ballot bool          // the answer is to be tied to nobody
}

// mentions are by the media's ids.
type mentions map[[16]byte]mention

// add takes the media of an answer to a step of d, or of a dialog that is not to be had.
func (m *mentions) add(d *dialogs.Dialog, step int, media []engine.Media) {
	for i := range media {
		id, ok := channels.MediaID(media[i].Ref)
		if !ok {
			continue
		}
		var one mention
		if d != nil && step >= 0 && step < len(d.Steps) {
			one = mention{d.Steps[step].Keep, !d.Recordable()}
		}
		if *m == nil {
			*m = mentions{}
		}
		(*m)[id] = one
	}
}

func (m *mentions) addRecord(d *dialogs.Dialog, r *engine.Record) {
	for i := range r.Answers {
		if a := &r.Answers[i]; len(a.Media) > 0 {
			step := -1
			if d != nil {
				step = d.Index(a.Step)
			}
			m.add(d, step, a.Media)
		}
	}
}

// mentioned collects what a memory names. What belongs to a record already is left out where unsent is true.
func (x *Exchange) mentioned(memory *talk.Memory, unsent bool) (m mentions) {
	state := func(s *engine.State) {
		if unsent && s.Kept {
			return
		}
		for i := range s.Answers {
			if a := &s.Answers[i]; len(a.Media) > 0 {
				m.add(x.town.Dialogs.Pinned(s.Pin), a.Step, a.Media)
			}
		}
		if s.Held != nil && len(s.Held.Media) > 0 { // played back on a call, and not confirmed yet
			m.add(x.town.Dialogs.Pinned(s.Pin), s.Held.Step, s.Held.Media)
		}
	}
	if memory.Now != nil {
		state(memory.Now)
	}
	for i := range memory.Aside {
		state(&memory.Aside[i])
	}
	return m
}

// brought is what came with the event, as far as it can be kept, and the phrase that tells of the rest. What nobody may
// keep where this conversation is, isn't even looked at.
func (t *turn) brought() (media []engine.Media, refused string) {
	e := t.event
	media = e.Media
	if slices.ContainsFunc(media, ours) { // only what we keep ourselves is called so
		media = slices.DeleteFunc(slices.Clone(media), ours)
	}
	if _, fetched := t.line.Channel.(channels.Fetcher); fetched {
		media, refused = t.toFetch(media)
	}
	if len(e.Attached) == 0 {
		return media, refused
	}
	taken, not := channels.Take(e.Attached, func(n int) [16]byte { return derived("media", t.resident, t.version, n) })
	refused = cmp.Or(not, refused)
	if len(taken) > 0 && (t.mute || t.onBallot()) {
		return media, channels.RefusedBallot
	}
	media = slices.Clip(media)
	for _, one := range taken {
		t.pieces = append(t.pieces, piece{Taken: one, at: t.now})
		media = append(media, one.Media)
	}
	return media, refused
}

func ours(m engine.Media) bool { return strings.HasPrefix(m.Ref, "media:") }

// onBallot says whether the open conversation is one in which a voice would tell whose answers they are.
func (t *turn) onBallot() bool {
	if t.memory.Now == nil || t.memory.Hall != nil || t.memory.WithClerk() && !t.line.traits.Live {
		return false
	}
	d := t.x.town.Dialogs.Pinned(t.memory.Now.Pin)
	return d != nil && !d.Recordable()
}

// settleMedia decides what this turn keeps and what goes, by the memory that it leaves and the records that it made. It says
// whether something was left out that an answer names, since nobody may keep it there.
func (t *turn) settleMedia(ctx context.Context, after *talk.Memory) (left bool, err error) {
	named := t.x.mentioned(after, false)
	if named == nil {
		named = t.recorded
	} else {
		maps.Copy(named, t.recorded)
	}
	for _, p := range t.pieces {
		m, ok := named[p.ID]
		switch {
		case !ok:
			if p.from != "" {
				t.errand(errand{Channel: p.channel, Ref: p.from, Drop: true})
			}
			continue
		case m.ballot:
			left = true
			continue
		case p.from != "":
			e := errand{ID: p.ID, Channel: p.channel, Ref: p.from, At: p.at.UnixMilli()}
			if m.keep > 0 {
				e.Until = p.at.Add(m.keep).UnixMilli()
			}
			t.errand(e)
			continue
		}
		kept := store.Media{ID: p.ID, Type: p.Type, Bytes: p.Bytes, At: p.at}
		if m.keep > 0 {
			kept.Until = p.at.Add(m.keep)
		}
		t.change.Media = append(t.change.Media, kept)
	}
	gone := t.x.mentioned(&t.memory, true)
	maps.DeleteFunc(gone, func(id [16]byte, _ mention) bool { _, ok := named[id]; return ok })
	t.change.Unmedia, err = t.x.unrecorded(ctx, t.resident, gone)
	t.unerrand(t.change.Unmedia)
	return left, err
}

// unrecorded are those of a resident's media that no record names.
func (x *Exchange) unrecorded(ctx context.Context, r store.Resident, gone mentions) ([][16]byte, error) {
	if len(gone) == 0 {
		return nil, nil
	}
	all, err := x.store.Requests(ctx, store.RequestQuery{Resident: r})
	if err != nil {
		return nil, fmt.Errorf("find the resident's requests: %w", err)
	}
	for i := range all {
		whole, err := x.store.Request(ctx, all[i].Reference)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find a request: %w", err)
		}
		var named mentions
		for j := range whole.History {
			var record engine.Record
			if len(whole.History[j].Record) > 0 && engine.Decode(whole.History[j].Record, &record) == nil {
				named.addRecord(nil, &record)
			}
		}
		for id := range named {
			delete(gone, id)
		}
	}
	return slices.Collect(maps.Keys(gone)), nil
}

// takeOver makes the media of a conversation that was taken along this resident's own, so that they stay when the one who
// had it is erased. What can't be had any more is named no longer; what is still with a provider (under) is fetched for this one.
func (t *turn) takeOver(ctx context.Context, s *engine.State, under []errand) error {
	if !slices.ContainsFunc(s.Answers, func(a engine.Answer) bool { return slices.ContainsFunc(a.Media, ours) }) {
		return nil
	}
	s.Answers = slices.Clone(s.Answers)
	for i := range s.Answers {
		a := &s.Answers[i]
		var media []engine.Media
		for _, m := range a.Media {
			id, ok := channels.MediaID(m.Ref)
			if !ok {
				media = append(media, m)
				continue
			}
			if i := slices.IndexFunc(under, func(e errand) bool { return e.ID == id && !e.Drop }); i >= 0 {
				e := under[i]
				p := piece{at: time.UnixMilli(e.At), channel: e.Channel, from: e.Ref}
				p.ID = derived("taken", t.resident, t.version, len(t.pieces))
				p.Type, p.Ref = m.Type, channels.MediaRef(p.ID)
				t.pieces = append(t.pieces, p)
				media = append(media, p.Media)
				continue
			}
			had, err := t.x.store.Media(ctx, id)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return fmt.Errorf("take a recording or a picture over: %w", err)
			}
			p := piece{Taken: channels.Taken{ID: derived("taken", t.resident, t.version, len(t.pieces)), Bytes: had.Bytes}, at: had.At}
			p.Type, p.Ref = had.Type, channels.MediaRef(p.ID)
			t.pieces = append(t.pieces, p)
			media = append(media, p.Media)
		}
		a.Media = media
	}
	return nil
}

// sweepPause is how often what is past its time is destroyed: times are given in days.
const sweepPause = time.Hour

// sweeps remembers when the last one was.
type sweeps struct {
	mu   sync.Mutex
	last time.Time
}

// sweep destroys what is past its time, if the last sweep was a while ago.
func (x *Exchange) sweep(ctx context.Context) {
	now := x.clock.Now()
	x.swept.mu.Lock()
	due := now.Sub(x.swept.last).Abs() >= sweepPause
	if due {
		x.swept.last = now
	}
	x.swept.mu.Unlock()
	if !due {
		return
	}
	if err := x.store.Sweep(ctx, now); err != nil && ctx.Err() == nil {
		x.log.LogAttrs(ctx, slog.LevelError, "what is past its time was not destroyed yet", slog.Any("error", err))
	}
}
