package exchange

import (
	"context"
	"fmt"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// mostUnread is how much of one resident's waits at the desk.
const mostUnread = 100

// caseAt is a turn's part in a talk with the desk.
type caseAt struct {
	kept  store.Case
	known bool
	wish  *store.Case // a person was asked for in this turn
}

// answersBy says how a person can answer who asks for one now: "here", "text", "call", "pin"; "" where they can't.
func (t *turn) answersBy() string {
	switch {
	case t.event == nil || t.done != nil || t.line == nil || t.event.Withheld:
		return ""
	case t.isBehind():
		return "pin"
	case !t.line.traits.Live:
		return "here"
	case !t.memory.Stopped && t.way.channel != "" && !t.unreachable(t.way):
		return "text"
	case t.event.From.Kind != "tel":
		return ""
	case !t.memory.Stopped && t.line.traits.Form == engine.Text && t.x.textLine() != "": // a menu: on a mobile phone
		return "text"
	}
	return "call"
}

// wantsPerson notes that a person was asked for, with the request that it belongs to.
func (t *turn) wantsPerson(e *talk.Effect, by string) {
	if by == "" {
		return
	}
	w := store.Case{State: store.Waiting, Desk: e.To}
	if e.Dialog != nil {
		w.Dialog = e.Dialog.ID
	}
	t.desk.wish = &w
}

// hearsDesk tells talk how it stands with the desk.
func (t *turn) hearsDesk(ctx context.Context, h *talk.Heard) error {
	d := t.memory.Desk
	if d == nil {
		return nil
	}
	if err := t.looksUpCase(ctx); err != nil {
		return err
	}
	if !t.desk.known && len(d.Held) == 0 { // its resident was found to be one with another, who has none
		t.memory.Desk = nil
		return nil
	}
	if open, hours := t.x.calendar.Open(t.desk.kept.Desk, t.now); !open {
		h.Shut = hours
	}
	h.Full = t.desk.kept.Unread >= mostUnread
	return nil
}

func (t *turn) looksUpCase(ctx context.Context) (err error) {
	if t.version == 0 || t.desk.known {
		return nil
	}
	if t.desk.kept, t.desk.known, err = t.x.store.CaseOf(ctx, t.resident); err != nil {
		return fmt.Errorf("find the talk with the desk: %w", err)
	}
	return nil
}

// settlesDesk keeps what the turn said to the desk.
func (t *turn) settlesDesk(ctx context.Context, said *talk.Said) error {
	l, w := said.Letter, t.desk.wish
	if t.erase || t.event == nil || l == nil && w == nil {
		return nil
	}
	if err := t.looksUpCase(ctx); err != nil {
		return err
	}
	c := t.desk.kept
	switch {
	case !t.desk.known && w == nil:
		return nil // it was closed this moment
	case !t.desk.known:
		c = *w
		c.Since = t.now
	case w != nil && c.Dialog == "":
		c.Dialog = w.Dialog
	}
	c.Last, c.Channel, c.Lang = t.now, t.class(), said.Memory.Lang
	if c.Lang == "" && len(t.x.town.Languages) > 0 {
		c.Lang = t.x.town.Languages[0]
	}
	if l != nil {
		letter := store.Letter{ID: t.id("letter"), At: t.now, Channel: t.class(), Words: l.Words}
		for _, m := range l.Media {
			letter.Media = append(letter.Media, m.Ref)
		}
		t.recorded.add(nil, -1, l.Media)
		t.change.Letters = append(t.change.Letters, letter)
		c.Unread++
	}
	t.change.Case = &c
	return nil
}
