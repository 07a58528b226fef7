package exchange

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// A conversation is taken along by a code: whoever has it goes on with the conversation, and with nothing else of the
// resident's. The code finds the resident as an address does; whether it still holds stands in the memory (talk.Code).

// Kinds of addresses that nobody has proved. They never find a resident who writes or calls, and the opt-out ledger has no
// line for them.
const (
	carryKind = "carry" // a code
	textKind  = "text:" // and more: a number that a code is texted to; each has a kind of its own, so that a message finds it
)

// mostTexts is how many numbers a resident may have codes texted to: more is no use to anybody but a nuisance to strangers.
const mostTexts = 2

func proved(kind string) bool {
	return kind != contactKind && kind != carryKind && kind != callKind && kind != gateKind && kind != callGateKind && kind != linkKind && kind != linkFrom && kind != linkAll &&
		!isAlias(kind) && !strings.HasPrefix(kind, textKind)
}

// carry makes a code, which holds once this turn is committed.
func (t *turn) carry() (map[string]string, error) {
	code, err := channels.NewCode(t.x.random)
	if err != nil {
		return nil, err
	}
	t.linkCode(code)
	return map[string]string{"code": code, "until": t.now.AddDate(0, 0, channels.CodeDays).Format(time.DateOnly)}, nil
}

func (t *turn) linkCode(code string) {
	digits, ok := talk.ParseCode(code)
	if !ok {
		return
	}
	t.change.Link = append(t.change.Link, store.Address{Key: t.x.keys.Address(carryKind, digits), Kind: carryKind, Address: digits})
}

// redeem takes a conversation over for this turn's resident. That it is theirs is on disk before their own turn is, so that
// nobody else can have it as well; if this turn fails, the same resident gets it again.
func (t *turn) redeem(ctx context.Context, values []string) (engine.Input, error) {
	unknown := engine.Input{Result: map[string]string{"code": "unknown"}}
	if len(values) != 1 {
		return unknown, nil
	}
	if t.guesses(&t.x.guessed, mostGuesses) {
		return engine.Input{Result: map[string]string{"away": "yes"}}, nil
	}
	for range attempts {
		source, known, err := t.x.store.Find(ctx, t.x.keys.Address(carryKind, values[0]))
		if err != nil {
			return engine.Input{}, err
		}
		if !known {
			t.guessed(&t.x.guessed, mostGuesses)
			return unknown, nil
		}
		if source == t.resident {
			return engine.Input{Result: map[string]string{"code": "own"}}, nil
		}
		kept, row, memory, err := t.x.remembered(ctx, source)
		if err != nil {
			return engine.Input{}, err
		}
		s := memory.Take(values[0], t.now, t.taker())
		if s == nil || row.gone {
			return unknown, nil
		}
		if f, ok := t.x.town.Dialogs.(fetcher); ok {
			if err := f.Fetch(ctx, s.Pin); err != nil {
				return engine.Input{}, err
			}
		}
		under, err := decodeErrands(row.errands)
		if err != nil {
			return engine.Input{}, err
		}
		// What a provider keeps must be there yet when this turn's own errands are run.
		if row.errands, err = encodeErrands(putOff(under, t.now.Add(handover))); err != nil {
			return engine.Input{}, err
		}
		done, err := t.x.rewrite(ctx, kept, row, memory, store.Change{At: t.now})
		if err != nil {
			return engine.Input{}, err
		}
		if done {
			t.source = source
			if err := t.takeOver(ctx, s, under); err != nil {
				return engine.Input{}, err
			}
			return engine.Input{Result: map[string]string{"code": "good"}, State: s}, nil
		}
	}
	return engine.Input{}, errContested
}

// handover is how long the taker's own commit may be under way once the conversation was marked as theirs.
const handover = 30 * time.Second

var errHandover = errors.New("the conversation is just being taken along")

// handedOver looks after a conversation that somebody took along although it was not let go of yet: the process died in
// between, or they took it to an outpost that is cut off. Whoever has it on disk keeps it, or has sent it by now; else it
// stays here. What an outpost sends of it later is entered only if it is not over here by then (broughtAlong).
func (t *turn) handedOver(ctx context.Context) error {
	to, since, ok := t.memory.Leaves()
	if !ok || len(to) != len(store.AddressKey{}) {
		return nil
	}
	taker, known, err := t.x.store.Find(ctx, t.x.keys.Today(store.AddressKey(to)))
	if err != nil {
		return fmt.Errorf("find who took a conversation along: %w", err)
	}
	if known {
		_, _, memory, err := t.x.remembered(ctx, taker)
		if err != nil {
			return err
		}
		if memory.Took(t.memory.Code.Digits) {
			return nil // Hear lets go of it
		}
	}
	if t.now.Sub(since) < handover {
		return errHandover
	}
	t.memory.GiveBack()
	return nil
}

// release lets go of a conversation whose taker has it on disk now. If it fails, the next turn of whoever had it does it.
func (x *Exchange) release(ctx context.Context, source store.Resident) {
	err := func() error {
		for range attempts {
			kept, row, memory, err := x.remembered(ctx, source)
			if err != nil {
				return err
			}
			s := memory.Carried()
			if kept.Version == 0 || s == nil {
				return nil
			}
			id, media := s.Pin.ID, x.mentioned(&talk.Memory{Now: s}, true)
			if !memory.Release() {
				return nil
			}
			gone, err := x.unrecorded(ctx, source, media) // the taker has their own
			if err != nil {
				return err
			}
			if row.errands, err = without(row.errands, gone); err != nil {
				return err
			}
			done, err := x.rewrite(ctx, kept, row, memory, store.Change{
				At: x.calendar.local(x.clock.Now()), Untimers: []string{RemindTimer + id, "expire:" + id}, Unmedia: gone,
			})
			if err != nil || done {
				return err
			}
		}
		return errContested
	}()
	if err != nil {
		x.log.LogAttrs(ctx, slog.LevelError, "letting go of a conversation that was taken along is put off", slog.Any("error", err))
	}
}

// remembered loads what is kept of a resident.
func (x *Exchange) remembered(ctx context.Context, r store.Resident) (store.Conversation, row, talk.Memory, error) {
	kept, err := x.store.Load(ctx, r)
	if err != nil {
		return kept, row{}, talk.Memory{}, fmt.Errorf("load a conversation: %w", err)
	}
	before, err := decodeRow(kept.State)
	if err != nil {
		return kept, before, talk.Memory{}, err
	}
	memory, err := talk.Decode(before.memory)
	return kept, before, memory, err
}

// rewrite commits a memory that no event of its resident's brought about; false when something else was committed meanwhile.
func (x *Exchange) rewrite(ctx context.Context, kept store.Conversation, r row, memory talk.Memory, c store.Change) (bool, error) {
	var err error
	if r.memory, err = talk.Encode(&memory); err != nil {
		return false, err
	}
	c.Resident, c.Read, c.State = kept.Resident, kept.Version, r.encode()
	out, err := x.store.Commit(ctx, &c)
	if err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return out.Kind == store.Applied, nil
}

// texts puts messages to numbers that the resident gave in the outbox of the first channel for text messages. Who said STOP
// there is let alone, and nobody is told so; and pages send only so many.
func (t *turn) texts(ctx context.Context, all []talk.Text) error {
	if len(all) == 0 {
		return nil
	}
	at := slices.IndexFunc(t.x.order, func(name string) bool { return t.x.channels[name].traits.Texts })
	if at < 0 {
		return nil
	}
	known, err := t.x.store.Addresses(ctx, t.resident)
	if err != nil {
		return fmt.Errorf("find the resident's addresses: %w", err)
	}
	known = slices.DeleteFunc(known, func(a store.Address) bool { return !strings.HasPrefix(a.Kind, textKind) })
	for i := range all {
		if all[i].Number == "" {
			if w, ok := t.textWay(); ok {
				if err := t.push([]render.Page{all[i].Page}, w, classReply); err != nil {
					return err
				}
			}
			continue
		}
		sum := sha256.Sum256([]byte(all[i].Number))
		kind := textKind + hex.EncodeToString(sum[:4])
		own := t.x.keys.Address(kind, string(t.resident[:])+all[i].Number)
		is := func(a store.Address) bool { return bytes.Equal(a.Key[:], own[:]) }
		if !slices.ContainsFunc(known, is) && !slices.ContainsFunc(t.change.Link, is) {
			if len(known) >= mostTexts {
				continue
			}
			t.change.Link = append(t.change.Link, store.Address{Key: own, Kind: kind, Address: all[i].Number})
		}
		to := t.x.keys.Address("tel", all[i].Number)
		out, err := t.x.store.OptedOut(ctx, to)
		if err != nil {
			return fmt.Errorf("look into the opt-out ledger: %w", err)
		}
		sent, alike := t.x.texted.had(t.now, textSpan, to)
		if out || t.onPage() && (sent >= mostSent || alike >= mostAlike) {
			continue
		}
		if t.onPage() && !slices.Contains(t.texted, to) {
			t.texted = append(t.texted, to)
		}
		body, err := engine.Encode(&all[i].Page)
		if err != nil {
			return fmt.Errorf("encode a page: %w", err)
		}
		t.change.Outbox = append(t.change.Outbox, store.Message{
			ID: t.id("message"), Resident: t.resident, Channel: t.x.order[at], Kind: kind, Due: t.now, Body: body, Class: classReply,
			Weight: t.x.channels[t.x.order[at]].weight(&all[i].Page),
		})
	}
	return nil
}

// reached is the address that a message goes to.
func reached(m *store.Message) channels.Address {
	if m.Kind == callKind || m.Kind == pinKind || strings.HasPrefix(m.Kind, textKind) {
		return channels.Address{Kind: "tel", ID: m.Address}
	}
	return channels.Address{Kind: baseKind(m.Kind), ID: m.Address}
}
