package exchange

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
)

// Told is what it comes to when all who answered a consultation are told something.
type Told struct {
	Lines   []ToldLine
	Before  int            // were told the same before
	Stopped int            // want no messages
	Nowhere int            // can't be written to: they answered at a kiosk, or nothing gets through to their number
	Other   map[string]int // languages in which there are no words: those residents get the dialog's own
}

// ToldLine is a part of it that leaves by one channel.
type ToldLine struct {
	Channel  string
	Messages int
	Weight   int            // segments, calls
	Price    map[string]int // millionths by unit
	Unpriced int            // messages whose price isn't known
}

// ErrLinked refuses to look up who answered a consultation that promises not to.
var ErrLinked = errors.New("who answered it is not looked up: the town promised its residents not to")

// MostTold is how many segments a message to many may have.
const MostTold = 4

// mostKept is how many things that a resident was told are remembered, so that nobody is told the same twice.
const mostKept = 16

// Tell puts a message in the outbox for each resident who answered a public consultation and takes messages; words are by
// language, and must be there in the dialog's own. Whoever was told the same words of the same consultation before is passed over. Where send is false, nothing is
// put anywhere: what is returned is what it would come to.
func (x *Exchange) Tell(ctx context.Context, d *dialogs.Dialog, words map[string]string, send bool) (Told, error) {
	told := Told{Other: map[string]int{}}
	if d.Purpose != dialogs.Consultation || d.Secrecy == dialogs.Confidential || d.Secrecy == dialogs.Secret {
		return told, ErrLinked
	}
	if strings.TrimSpace(words[d.Language]) == "" {
		return told, fmt.Errorf("there are no words in the dialog's own language, %q", d.Language)
	}
	mark := markOf(d.ID, words)
	lines := map[string]*ToldLine{}
	err := x.store.Answered(ctx, d.ID, func(r store.Resident) error {
		return x.tellOne(ctx, r, d, words, mark, send, &told, lines)
	})
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		told.Lines = append(told.Lines, *lines[name])
	}
	return told, err
}

// markOf names what is told, whatever the order of languages.
func markOf(poll string, words map[string]string) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "told\x00%s\x00", poll)
	for _, lang := range slices.Sorted(maps.Keys(words)) {
		fmt.Fprintf(h, "%s\x00%s\x00", lang, words[lang])
	}
	return h.Sum(nil)[:8]
}

func (p *pushed) wasTold(mark []byte) bool {
	for b := p.Told; len(b) >= len(mark); b = b[len(mark):] {
		if bytes.Equal(b[:len(mark)], mark) {
			return true
		}
	}
	return false
}

func (x *Exchange) tellOne(ctx context.Context, r store.Resident, d *dialogs.Dialog, words map[string]string, mark []byte, send bool, told *Told, lines map[string]*ToldLine) error {
	for range attempts {
		kept, err := x.store.Load(ctx, r)
		if err != nil {
			return err
		}
		if kept.Version == 0 { // erased
			return nil
		}
		before, err := decodeRow(kept.State)
		if err != nil {
			return err
		}
		memory, err := talk.Decode(before.memory)
		if err != nil {
			return err
		}
		p := before.more.Pushed.changed()
		switch {
		case before.gone:
			return nil
		case memory.Stopped:
			told.Stopped++
			return nil
		case p.wasTold(mark):
			told.Before++
			return nil
		}
		addresses, err := x.store.Addresses(ctx, r)
		if err != nil {
			return err
		}
		w, to := x.wayTo(before, &memory, addresses)
		l := x.channels[w.channel]
		if l == nil || to == "" || w.kind == pinKind || !l.rings() && p.bad(w.kind) {
			told.Nowhere++
			return nil
		}
		page, other := x.toldPage(l, d, words, memory.Lang)
		weight := l.weight(&page)
		if weight > MostTold {
			return fmt.Errorf("it is %d text messages long in %q; %d are the most", weight, page.Lang, MostTold)
		}
		if send {
			c, err := x.toldChange(kept, before, p, mark, w, &page, l)
			if err != nil {
				return err
			}
			done, err := x.store.Commit(ctx, c)
			if err != nil {
				return fmt.Errorf("commit: %w", err)
			}
			if done.Kind != store.Applied {
				continue // they are just talking with the town
			}
		}
		if other {
			told.Other[memory.Lang]++
		}
		t := lines[w.channel]
		if t == nil {
			t = &ToldLine{Channel: w.channel, Price: map[string]int{}}
			lines[w.channel] = t
		}
		t.Messages, t.Weight = t.Messages+1, t.Weight+weight
		x.price(t, l, number(channels.Address{Kind: w.kind, ID: to}), weight)
		return nil
	}
	return errContested
}

func (x *Exchange) price(t *ToldLine, l *line, to string, weight int) {
	if x.limits.price != nil {
		if each, unit, ok := x.limits.price(l.Name(), to); ok {
			t.Price[unit] += weight * int(each)
			return
		}
	}
	t.Unpriced++
}

// wayTo is how a resident is told something, and their address there.
func (x *Exchange) wayTo(r row, m *talk.Memory, addresses []store.Address) (way, string) {
	of := func(kind string) string {
		for _, a := range addresses {
			if a.Kind == kind {
				return a.Address
			}
		}
		return ""
	}
	if m.Reach == talk.ByCall {
		if to := of("tel"); to != "" && x.callbacks.Reachable(to) {
			if name := x.ringLine(r.way.channel); name != "" {
				return way{name, "tel"}, to
			}
		}
	}
	return r.way, of(r.way.kind)
}

// toldPage is a message to many on a line, in a resident's language or else in the dialog's own.
func (x *Exchange) toldPage(l *line, d *dialogs.Dialog, words map[string]string, lang string) (page render.Page, other bool) {
	said, ok := words[lang]
	if base, _, regional := strings.Cut(lang, "-"); !ok && regional {
		if said, ok = words[base]; ok {
			lang = base
		}
	}
	if !ok {
		other = lang != ""
		lang, said = d.Language, words[d.Language]
	}
	if l.rings() {
		return render.Page{Lang: lang, Spoken: []render.Spoken{{Words: said}}}, other
	}
	if p := x.town.Locales; p != nil {
		said = x.town.Name + ": " + said + "\n" + p.Language(lang).Phrase("begin.hint", locales.Short)
	}
	return render.Page{Lang: lang, Text: said}, other
}

func (x *Exchange) toldChange(kept store.Conversation, r row, p *pushed, mark []byte, w way, page *render.Page, l *line) (*store.Change, error) {
	body, err := engine.Encode(page)
	if err != nil {
		return nil, fmt.Errorf("encode a page: %w", err)
	}
	p.Told = slices.Concat(p.Told, mark)
	p.Told = p.Told[max(0, len(p.Told)-mostKept*len(mark)):]
	r.more.Pushed = p
	now := x.clock.Now()
	return &store.Change{
		Resident: kept.Resident, Read: kept.Version, At: now, State: r.encode(),
		Outbox: []store.Message{{
			ID: derived("told "+string(mark), kept.Resident, 0, 0), Resident: kept.Resident, Channel: w.channel, Kind: w.kind,
			Due: now.Truncate(time.Millisecond), Body: body, Class: classBroadcast, Weight: l.weight(page),
		}},
	}, nil
}
