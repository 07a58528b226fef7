package render

import (
	"strings"

	"github.com/rivo/uniseg"
)

// Cut makes text fit one page of t, with typographic characters replaced where that makes it cheaper. It says whether
// words had to be left out: what Render lays out never needs that.
func Cut(text string, t Traits) (fits string, cut bool) {
	if t.GSM {
		text = Thrifty(text)
	}
	if measure(text).fits(t) {
		return text, false
	}
	const dots = "..."
	end, used, state := 0, measure(dots), -1
	for rest := text; rest != ""; {
		var seg string
		seg, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used = used.plus(measure(seg)); !used.fits(t) {
			break
		}
		end += len(seg)
	}
	return strings.TrimSpace(atWord(text, end)) + dots, true
}
