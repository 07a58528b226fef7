package render

import (
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
)

// Render lays out what is on show for a channel: all of its pages, at least one when there are prompts. Each page fits the
// channel's limit. The same prompts give the same pages.
func Render(w *Words, prompts []engine.Prompt, t Traits) []Page {
	if len(prompts) == 0 {
		return nil
	}
	s := compose(w, prompts, t)
	var pages []Page
	switch t.Form {
	case engine.Speech:
		pages = w.speech(&s, open(prompts), t)
	case engine.Screen:
		pages = w.screen(&s, open(prompts), t)
	default:
		pages = w.pages(&s, t)
		if s.spare && len(pages) > 1 {
			s.how = line{}
			pages = w.pages(&s, t)
		}
	}
	for i := range pages {
		p := &pages[i]
		p.Lang, p.Asks, p.Skip, p.Over = w.tag(), s.asks, s.may, s.asks == ""
		p.Number, p.Of = i+1, len(pages)
		if t.presses() {
			q := open(prompts)
			p.Given = q != nil && q.Asks == dialogs.Choices && len(q.Given) > 0
		}
		labels(p, t)
	}
	return pages
}

// labels cuts the options' labels to what the channel's buttons, or its list, can hold.
func labels(p *Page, t Traits) {
	most := 0
	switch {
	case len(p.Options) <= t.Buttons:
		most = t.Label
	case len(p.Options) <= t.Rows:
		most = t.RowLabel
	}
	for i := range p.Options {
		p.Options[i].Label = cutLabel(p.Options[i].Label, most)
	}
}

// perPage is how many options stand on a page at most.
func perPage(t Traits) int {
	if t.Options > 0 && t.Options < groupSize {
		return t.Options
	}
	return groupSize
}

// spread parts options into pages: never two groups on one, never more than a channel takes at a time. The pages of a
// group are about as full as one another, so that nobody turns a page for a single option.
func spread(options []choice, t Traits) [][]choice {
	var out [][]choice
	for start := 0; start < len(options); {
		end := start
		for end < len(options) && options[end].group == options[start].group {
			end++
		}
		for left := end - start; left > 0; left = end - start {
			pages := (left + perPage(t) - 1) / perPage(t)
			n := (left + pages - 1) / pages
			out = append(out, options[start:start+n])
			start += n
		}
	}
	if out == nil {
		return [][]choice{nil}
	}
	return out
}

func (w *Words) moreShown(t Traits) Shown {
	return Shown{Digit: digits[moreDigit], Label: w.phrase("@more", form(t))}
}

func shownOf(options []choice) []Shown {
	if len(options) == 0 {
		return nil
	}
	out := make([]Shown, len(options), len(options)+1)
	for i := range options {
		out[i] = options[i].shown
	}
	return out
}
