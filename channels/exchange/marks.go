package exchange

import (
	"encoding/base32"
	"encoding/binary"
	"strings"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// A page with buttons stays in a chat for ever, and any of its buttons can be pressed when other things are on show. So each
// button carries the mark of its page, and a press on another page than the one on show answers nothing.

// latePress (locales) tells of a press on a page that isn't on show any more.
const latePress = "@chat.late"

// mark names what is on show to a resident; "" where nothing is. It is made of what is asked, not of when: the same question shown
// again has the same mark, as do choices while one after the other is given. Nothing of it is kept: what is on show can be told
// from the memory. It is a keyed hash, as a review's tells of answers.
func (x *Exchange) mark(r store.Resident, m *talk.Memory) string {
	b := append(make([]byte, 0, 256), r[:]...)
	number := func(n int) { b = binary.BigEndian.AppendUint32(b, uint32(n)) }
	text := func(all ...string) {
		number(len(all))
		for _, s := range all {
			number(len(s))
			b = append(b, s...)
		}
	}
	switch h, s := m.Hall, m.Now; {
	case h != nil && h.Kind != talk.ExpiredHall:
		b = append(b, 'h', byte(h.Kind))
		number(h.Page)
		text(h.IDs...)
		text(h.Anew, h.Code)
	case s != nil:
		b = append(b, 'q', byte(s.Mode))
		text(s.Pin.ID, s.Pin.Hash)
		b = binary.BigEndian.AppendUint64(b, uint64(s.Began))
		number(s.Step)
		number(s.Page)
		text(s.Among...)
		for i := range s.Found {
			text(s.Found[i].Ref)
		}
		x.marksAnswers(s, number, text)
	default:
		return ""
	}
	k := x.keys.Address("page", string(b))
	return strings.ToLower(base32.StdEncoding.EncodeToString(k[:5]))
}

// marksAnswers adds what makes the same step another question: which place of an order is asked for, what a review reads back.
func (x *Exchange) marksAnswers(s *engine.State, number func(int), text func(...string)) {
	d := x.town.Dialogs.Pinned(s.Pin)
	if d == nil || s.Step < 0 || s.Step >= len(d.Steps) {
		return
	}
	switch d.Steps[s.Step].Type {
	case dialogs.Rank, dialogs.Budget:
		number(len(s.Part))
	case dialogs.Review:
		for i := range s.Answers {
			a := &s.Answers[i]
			number(a.Step)
			number(int(a.Skip))
			text(a.Values...)
			for _, m := range a.Media {
				text(m.Ref)
			}
		}
	}
}

// marked puts the mark on pages with buttons.
func (t *turn) marked(said *talk.Said) {
	if t.line == nil || t.line.traits.Buttons == 0 {
		return
	}
	mark := ""
	for i := range said.Pages {
		if p := &said.Pages[i]; len(p.Options) > 0 || p.Skip {
			if mark == "" {
				mark = t.x.mark(t.resident, &said.Memory)
			}
			p.Mark = mark
		}
	}
}

// latePress says whether a button was pressed of a page that is not on show. Whoever talks with a clerk is told about buttons there.
func (t *turn) latePress() bool {
	return t.event.Pressed != "" && !t.memory.WithClerk() && t.event.Pressed != t.x.mark(t.resident, &t.memory)
}
