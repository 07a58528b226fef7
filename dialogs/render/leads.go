package render

import "github.com/townline/townline/dialogs/engine"

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
