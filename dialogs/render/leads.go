package render

import (
	"slices"
	"strings"

	"github.com/townline/townline/dialogs/engine"
)

// Leading lays out prompts that ask nothing as pages of text each of which leads on, the last one too: something else comes
// after them.
func Leading(w *Words, prompts []engine.Prompt, t Traits) []Page {
	more := w.moreShown(t)
	line := "\n" + more.Digit + " " + more.Label
	narrow, room := t, measure(line)
	if t.Limit > 0 {
		narrow.Limit, narrow.Limit16 = t.Limit-room.septets, t.Limit16-room.units
	}
	pages := Render(w, prompts, narrow)
	if n := len(pages); n > 0 {
		p := &pages[n-1]
		if p.Options = append(p.Options, more); measure(p.Text + line).fits(t) { // else words of two scripts: any key leads on as well
			p.Text += line
		}
	}
	for i := range pages {
		pages[i].Over = false
	}
	return pages
}

// Alone is a page of text without the line that leads on to the next, for where all of them are shown at once.
func Alone(p Page) Page {
	for i, o := range p.Options {
		if o.ID == "" && o.Digit == digits[moreDigit] {
			p.Text = strings.TrimSuffix(p.Text, "\n"+o.Digit+" "+o.Label)
			p.Options = slices.Delete(slices.Clone(p.Options), i, i+1)
			break
		}
	}
	p.Number, p.Of = 1, 1
	return p
}

// Joined is pages of text that follow one another as one.
func Joined(pages []Page) Page {
	var out Page
	for i := range pages {
		p := Alone(pages[i])
		if i > 0 {
			p.Text = out.Text + "\n" + p.Text
		}
		out = p
	}
	return out
}
