package exchange

import (
	"context"
	"fmt"
	"strings"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

// Who dialled and was told that a text message will come, since the town's answer took too long, gets what is on show by then,
// and goes on by text.

func (t *turn) isOverdue() bool { return t.event != nil && t.event.Kind == channels.Overdue }

// textLine is the first channel that can text any number; "" where there is none.
func (x *Exchange) textLine() string {
	for _, name := range x.order {
		if x.channels[name].traits.Texts {
			return name
		}
	}
	return ""
}

// canText says whether the resident may get a text at the number that they dialled from.
func (t *turn) canText() bool {
	return t.x.textLine() != "" && t.event.From.Kind == "tel" && !t.memory.Stopped
}

// lastWords sees to it that what is texted has the last words of a conversation that ended in the turn that was slow: the
// number of a request may be among them, and they are not on show any more, or stand before what is.
func (t *turn) lastWords(ctx context.Context, said *talk.Said) error {
	if r := t.memory.Rest; r != nil && len(r.Pages) > 0 {
		said.Pages = whole(r.Pages)
		return nil
	}
	h := said.Memory.Hall
	if len(said.Pages) > 0 && (h == nil || h.Kind != talk.OfferHall) || len(t.answered) == 0 {
		return nil
	}
	b, _, err := t.x.store.Reply(ctx, t.resident, t.answered[0])
	if err != nil {
		return fmt.Errorf("load the last words: %w", err)
	}
	r, err := decodeReply(b)
	if err != nil {
		return err
	}
	if len(r.Pages) > 0 {
		said.Pages = whole(r.Pages)
	}
	return nil
}

// whole puts screens that followed one another into one message.
func whole(screens []render.Page) []render.Page {
	if len(screens) == 0 {
		return nil
	}
	var b strings.Builder
	for i := range screens {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(render.Alone(screens[i]).Text)
	}
	return []render.Page{{Lang: screens[0].Lang, Text: b.String(), Number: 1, Of: 1}}
}
