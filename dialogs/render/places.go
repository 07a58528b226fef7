package render

import (
	"slices"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// landmark is what is kept of a place of the town's list: its wording in the dialog's own language, as somebody could have
// typed it, whatever it was called or pressed.
func landmark(o *dialogs.Option) string { return plain(o.Text.Text) }

// landmarkOf is the place of a step's list that an answer is; nil where it is in own words.
func landmarkOf(st *dialogs.Step, answer string) *dialogs.Option {
	if st == nil || st.Type != dialogs.Place || answer == "" {
		return nil
	}
	for i := range st.Options {
		if landmark(&st.Options[i]) == answer {
			return &st.Options[i]
		}
	}
	return nil
}

// was is the landmark that was answered before, where q asks for a place again; nil for none.
func (w *Words) was(q *engine.Prompt) *dialogs.Option {
	if q.Asks != dialogs.Place || q.Old == nil || len(q.Old.Values) == 0 {
		return nil
	}
	return landmarkOf(w.step(q.Step), q.Old.Values[0])
}

// card reads the digit of a landmark's card.
func (r *reader) card() engine.Input {
	if len(r.raw) == 1 {
		if i := r.byDigit(int(r.raw[0] - '0')); i >= 0 {
			return r.placed(r.q.Options[i].ID)
		}
	}
	return unclear()
}

// placed is the input for a landmark by its id.
func (r *reader) placed(id string) engine.Input {
	if st := r.w.step(r.q.Step); st != nil {
		for i := range st.Options {
			if st.Options[i].ID == id {
				return said(landmark(&st.Options[i]))
			}
		}
	}
	return unclear()
}

// landmark finds the place of the town's list that was named: by one of its wordings or synonyms, in any language of the
// dialog, and by nothing else. Where one name is two places, the nearer language counts; else the words stay as they are.
func (r *reader) landmark() (words string, ok bool) {
	st := r.w.step(r.q.Step)
	if st == nil || len(st.Options) == 0 || r.said == "" {
		return "", false
	}
	tongues := append([]string{r.w.tag(), r.w.Dialog.Language}, r.w.Dialog.Languages...)
	for i, tag := range tongues {
		if slices.Contains(tongues[:i], tag) {
			continue
		}
		found := -1
		for j := range st.Options {
			if !r.called(tag, &st.Options[j], st) {
				continue
			}
			if found >= 0 {
				return "", false
			}
			found = j
		}
		if found >= 0 {
			return landmark(&st.Options[found]), true
		}
	}
	return "", false
}

// called says whether a place is called just that in a language.
func (r *reader) called(tag string, o *dialogs.Option, st *dialogs.Step) bool {
	t, _ := r.w.Dialog.Text(tag, optionKey(st, o))
	is := func(words string) bool { return words != "" && unfold(locales.Fold(words)) == r.said }
	if is(t.Text) || is(t.Short) || is(t.Speech) {
		return true
	}
	for _, words := range t.Also {
		if is(words) {
			return true
		}
	}
	return false
}
