package audio

import (
	"cmp"
	"fmt"
	"slices"
)

// Gap is the error of a clip that is not there and can't be made.
type Gap struct {
	ClipKey string
	Lang    string // "" when nothing is known by that key: it was never offered, or was forgotten
	Dialog  string
	Key     string // of the text; "" when it was composed
	Err     error  // why: ErrNoVoice, ErrNothingHeard, ErrTooLong, or what the voice or the disk said; nil when nothing is known
}

func (g *Gap) Error() string {
	return fmt.Sprintf("audio: nothing to play for clip %s (language %q, dialog %q, text %q): %v", g.ClipKey, g.Lang, g.Dialog, g.Key, g.Err)
}

func (g *Gap) Unwrap() error { return g.Err }

// Missed is one gap, and how often somebody met it.
type Missed struct {
	Gap
	Times int
}

// mostGaps bounds the list of gaps: what an operator would read.
const mostGaps = 1000

// gaps counts what could not be played.
type gaps map[Gap]int

// add counts a gap and says whether it is the first of its text.
func (g gaps) add(gap Gap) (first bool) {
	gap.ClipKey, gap.Err = "", nil // one for each text: a key is made of a resident's words, an error may differ each time
	times, known := g[gap]
	if !known && len(g) >= mostGaps {
		return false
	}
	g[gap] = times + 1
	return !known
}

func (g gaps) list() []Missed {
	out := make([]Missed, 0, len(g))
	for gap, times := range g {
		out = append(out, Missed{gap, times})
	}
	slices.SortFunc(out, func(a, b Missed) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.Lang, b.Lang), cmp.Compare(a.Dialog, b.Dialog), cmp.Compare(a.Key, b.Key))
	})
	return out
}
