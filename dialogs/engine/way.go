package engine

import "github.com/townline/townline/dialogs"

// way is how far the conversation is; nil where nobody sees it. Questions behind that rest on an answer still to come may or
// may not be asked.
func (w *walk) way() *Way {
	if w.in.Can.Form != Screen {
		return nil
	}
	s := &w.s
	y := Way{At: 1}
	for i := range s.Answers {
		if a := &s.Answers[i]; a.Step < s.Step && a.Skip != NotAsked && w.d.Steps[a.Step].Type.Asks() {
			y.At++
		}
	}
	y.Least, y.Most = y.At, y.At
	sure := true // nothing before may have ended it
	for i := s.Step + 1; i < len(w.d.Steps); i++ {
		st := &w.d.Steps[i]
		open := false
		st.When.Uses(func(step int) {
			_, answered := s.Answer(step)
			open = open || step >= s.Step && !answered
		})
		switch {
		case !open && !w.applies(i):
		case st.Type.Asks() && w.carries(i):
			if y.Most++; sure && !open && st.Type != dialogs.Similar {
				y.Least++
			}
		case st.Type == dialogs.End || st.Type == dialogs.Handoff:
			if !open {
				return &y
			}
			sure = false
		}
	}
	return &y
}
