package talk

import (
	"time"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// restTime is how long somebody is thought to be still reading last words: a menu that broke off is dialled again by then.
const restTime = 10 * time.Minute

// Rest is what is left to be read where one page is shown at a time (a menu on a phone's screen): the last words of a
// conversation may be longer than one.
type Rest struct {
	Pages []render.Page `cbor:"1,keyasint,omitempty"` // the first is on show
	Over  bool          `cbor:"2,keyasint,omitempty"` // nothing is awaited after the last
	Until int64         `cbor:"3,keyasint,omitempty"` // Unix seconds; after that nobody is reading any more
}

// paged says whether one page is shown at a time.
func (x *hearing) paged() bool {
	t := &x.h.Traits
	return t.Live && t.Form == engine.Text && t.Limit > 0
}

// reads shows the next page of what is still to be read, where a key was pressed, or the same one to whoever comes back.
// It says whether that was all there was to do. Words, another channel and a long time leave the rest unread.
func (x *hearing) reads() bool {
	r := x.m.Rest
	if r == nil || x.h.Kind == Rang || x.h.Kind == Left {
		return false
	}
	if x.h.Kind == Shown && !x.paged() && x.h.Traits.Form == engine.Text { // the rest is texted, in one go
		x.m.Rest, x.said.Over, x.said.Pages = nil, r.Over, []render.Page{render.Joined(r.Pages)}
		return true
	}
	if !x.paged() || x.h.At.Unix() > r.Until || len(r.Pages) == 0 {
		if x.h.Kind != Looked {
			x.m.Rest = nil
		}
		return false
	}
	left := r.Pages
	switch x.h.Kind {
	case Words:
		if !keysOnly(x.h.Words) || x.h.Choice != "" || len(x.h.Media) > 0 {
			x.m.Rest = nil
			return false
		}
		if w := x.h.Words; w != "9" && w != "*" && w != "00" { // those read it again
			left = left[1:]
		}
	case Opened: // their PIN comes before anything else
		x.m.Rest = nil
		return false
	case Came:
		if x.h.Words != "" {
			x.m.Rest = nil
			return false
		}
	}
	if len(left) > 0 {
		x.said.Pages = left[:1:1]
	}
	x.said.Over = r.Over && len(left) <= 1
	switch {
	case x.h.Kind == Looked:
	case len(left) <= 1:
		x.m.Rest = nil
	default:
		x.m.Rest = &Rest{Pages: left, Over: r.Over, Until: x.h.At.Add(restTime).Unix()}
	}
	return true
}

// keepsRest shows the first page of what was said and keeps the others, where one is shown at a time.
func (x *hearing) keepsRest() {
	if len(x.said.Pages) < 2 || !x.paged() || x.h.Kind == Rang || x.h.Kind == Left || x.h.Kind == Looked {
		return
	}
	x.m.Rest = &Rest{Pages: x.said.Pages, Over: x.said.Over, Until: x.h.At.Add(restTime).Unix()}
	x.said.Pages, x.said.Over = x.said.Pages[:1:1], false
	x.said.Pages[0].Over = false
}

// keysOnly says whether words are nothing but keys of a telephone, or nothing.
func keysOnly(words string) bool {
	for _, r := range words {
		if (r < '0' || r > '9') && r != '*' && r != '#' && r != ' ' {
			return false
		}
	}
	return true
}
