package engine

// ways are the ways on where nothing more is understood.
func (w *walk) ways() []Option {
	switch {
	case !w.calls():
		return menu("@stuck.", "person", "again", "later")
	case w.s.Note == PhraseAbsent && !w.rings():
		return menu("@stuck.", "again", "later")
	case w.s.Note == PhraseAbsent:
		return menu("@stuck.", "again", "ring", "later")
	case !w.rings():
		return menu("@stuck.", "person", "again", "later")
	}
	return menu("@stuck.", "person", "again", "ring", "later")
}

func (w *walk) help() []Prompt {
	s := &w.s
	st := &w.d.Steps[s.Step]
	var out []Prompt
	if st.Why.Text != "" {
		out = append(out, phrase(PhraseWhy, Arg{Name: "why", Kind: ArgKey, Value: st.ID + ".why"}))
	}
	ids := []string{"on", "person"}
	if w.calls() || w.dials() { // elsewhere it is a word
		if q := w.question(); q.Skip && s.Held == nil {
			id := "skip"
			if q.Old != nil {
				id = "keep"
			}
			ids = append(ids, id)
		}
	}
	ids = append(ids, "back")
	if w.calls() {
		ids = append(ids, "ear")
	}
	ids = append(ids, "menu")
	if len(w.d.Languages) > 0 {
		ids = append(ids, "language")
	}
	ids = append(ids, "later", "erase")
	if w.rings() && w.d.RemindAfter > 0 {
		ids = append(ids, "reach")
	}
	return append(out, Prompt{Key: PhraseHelp, Asks: Pick, Step: -1, Options: menu("@help.", ids...)})
}

func (w *walk) tongues() Prompt {
	p := Prompt{Key: PhraseTongue, Asks: Pick, Step: -1, Options: make([]Option, 0, 1+len(w.d.Languages))}
	p.Options = append(p.Options, Option{ID: w.d.Language, Tongue: true})
	for i, l := range w.d.Languages {
		p.Options = append(p.Options, Option{ID: l, Tongue: true, Place: i + 1})
	}
	return p
}
