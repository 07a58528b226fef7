package render

// screen lays out one question a page, with its options as cards. A further group of options has a page of its own.
func (w *Words) screen(s *sheet, t Traits) []Page {
	groups := spread(s.options, t)
	pages := make([]Page, len(groups))
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
			for _, l := range []line{s.how, s.skip} {
				if l.words != "" {
					p.Blocks = append(p.Blocks, block(l)...)
				}
			}
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
	out := []Block{{Kind: l.kind, Key: l.key, Words: l.words}}
	if l.ref != "" {
		out = append(out, Block{Kind: refKind, Words: l.ref})
	}
	return out
}
