package render

import (
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
)

// screen lays out one question a page, with its options as cards. A further group of options has a page of its own.
func (w *Words) screen(s *sheet, q *engine.Prompt, t Traits) []Page {
	groups := spread(s.options, t)
	pages := make([]Page, len(groups))
	title := ""
	if w.Dialog != nil {
		title = w.text("title").Text
	}
	for i, g := range groups {
		p := &pages[i]
		if i == 0 {
			for _, l := range s.lead {
				p.Blocks = append(p.Blocks, block(l)...)
			}
		}
		if s.question.words != "" {
			p.Blocks = append(p.Blocks, block(s.question)...)
		}
		if i == 0 {
			for _, l := range s.items {
				p.Blocks = append(p.Blocks, block(l)...)
			}
			if s.how.words != "" {
				p.Blocks = append(p.Blocks, block(s.how)...)
			}
		}
		p.Title = title
		if q != nil {
			p.Way, p.Entry, p.Given = q.Way, w.entry(q), len(q.Given) > 0 && !ownWords(q.Asks)
		}
		p.Options = shownOf(g)
		if len(groups) > 1 { // the last group leads back to the first
			p.Options = append(p.Options, w.moreShown(t))
		}
	}
	return pages
}

// block makes a block of a line; a reference number in it is shown once more on its own, to be copied down.
func block(l line) []Block {
	out := []Block{{Kind: l.kind, Key: l.key, Words: l.words, Answer: l.value, Change: l.can}}
	if l.ref != "" {
		kind := refKind
		if l.code {
			kind = codeKind
		}
		out = append(out, Block{Kind: kind, Words: l.ref})
	}
	return out
}

// entry says what can be typed in answer to q; nil: nothing.
func (w *Words) entry(q *engine.Prompt) *Entry {
	var e Entry
	st := w.step(q.Step)
	if st == nil {
		st = &dialogs.Step{}
	}
	switch q.Asks {
	case dialogs.Number:
		e.HasMin, e.HasMax, e.Min, e.Max, e.Whole = st.HasMin, st.HasMax, st.Min, st.Max, st.Whole
	case dialogs.Budget:
		e.Total = st.Total
	case dialogs.Date:
		day := func(b dialogs.Day) string {
			if !b.Set {
				return ""
			}
			return b.On(w.Today).Format(time.DateOnly)
		}
		e.From, e.To = day(st.Earliest), day(st.Latest)
	case dialogs.Words:
		e.Limit, e.Records = st.Limit, st.Voice && w.Dialog.Recordable()
	case dialogs.Place:
		e.Limit = 200
	case dialogs.Contact, dialogs.Code:
	case dialogs.Choices:
		if st.Limit == 0 {
			return nil
		}
		return &Entry{Limit: st.Limit}
	case dialogs.Status:
		if len(q.Options) > 0 {
			return nil
		}
	default:
		return nil
	}
	if q.Old != nil && q.Old.Skip == engine.Answered && w.was(q) == nil { // a landmark's card is chosen already
		e.Values = q.Old.Values
	}
	if ownWords(q.Asks) && len(q.Given) > 0 { // begun on a channel that takes words piece by piece
		e.Values = []string{strings.Join(q.Given, " ")}
	}
	if q.Asks == dialogs.Budget && len(q.Given) > 0 { // begun on a channel that asks part by part
		e.Values = make([]string, len(st.Options))
		for i := range e.Values {
			if i < len(q.Given) {
				e.Values[i] = q.Given[i]
			}
		}
	}
	return &e
}
