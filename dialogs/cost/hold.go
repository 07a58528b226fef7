package cost

import (
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// longestTalk is after how many answers a conversation is given up.
const longestTalk = 300

// hold holds one conversation by telephone, and adds it up. asked are the steps in the order in which they were asked. whole is
// false where it did not come to a proper end: what the dialog is for was not done.
func (s *search) hold(p plan) (asked []int, w Walk, whole bool) {
	s.walks++
	r := dialogtest.NewResident(s.town, render.Voice, s.now)
	r.Speaks(s.lang)
	t := dialogtest.Test{Roll: []string{rollCode}}
	if s.found || slices.ContainsFunc(s.d.Steps, func(st dialogs.Step) bool { return st.Type == dialogs.Status }) {
		t.Found = []dialogtest.Known{{Found: engine.Found{Ref: reference, What: "Hole in the road, 12 Oak Street", State: "open", Due: "2027-03-15"}}}
	}
	r.Meets(t)
	if r.Opens(s.d) != nil {
		return nil, w, false
	}
	begun := opening(r.Log)
	for range longestTalk {
		if r.Err() != nil || r.End != "" {
			break
		}
		st, turns := r.Asked(), r.Turns
		switch {
		case st == nil:
			if !forward(r) {
				return asked, w, false
			}
		default:
			i := s.d.Index(st.ID)
			if len(asked) == 0 || asked[len(asked)-1] != i {
				asked = append(asked, i)
				w.Asked = append(w.Asked, st.ID)
			}
			if s.give(r, st, s.answers[i][p[i]]) != nil {
				return asked, w, false
			}
		}
		if r.Turns == turns {
			return asked, w, false
		}
	}
	w.add(r.Log, begun)
	return asked, w, r.Err() == nil && s.done(r)
}

// done says whether the dialog came to what it is for.
func (s *search) done(r *dialogtest.Resident) bool {
	if r.End == "" {
		return false
	}
	if slices.ContainsFunc(s.d.Steps, func(st dialogs.Step) bool { return st.Type == dialogs.Submit }) {
		return len(r.Kept()) > 0
	}
	return true
}

// give answers the open question as a caller does.
func (s *search) give(r *dialogtest.Resident, st *dialogs.Step, a answer) error {
	if a == nil {
		r.Skips()
		return nil
	}
	if l := r.Pages[len(r.Pages)-1].Listen; l != nil && l.Record > 0 {
		r.Sends("audio/wav", "own words")
		return nil
	}
	return r.Gives(st, a, dialogtest.ByDigit)
}

// forward answers a question of the town's own, such as whether a number was heard right: what leads on comes first.
func forward(r *dialogtest.Resident) bool {
	if len(r.Pages) == 0 {
		return false
	}
	for _, o := range r.Pages[len(r.Pages)-1].Options {
		r.Presses(o.Digit)
		return true
	}
	return false
}

// opening is the place of the last pages in a log: of the dialog's first, when it has just begun.
func opening(log []dialogtest.Remark) int {
	last := len(log)
	for last > 0 && log[last-1].Page != nil {
		last--
	}
	return last
}

// add adds up what was heard and pressed. begun is where the dialog begins.
func (w *Walk) add(log []dialogtest.Remark, begun int) {
	var before *render.Page
	for i := range log {
		l := &log[i]
		if l.Page != nil {
			words, silence := l.Page.Listening()
			for _, s := range l.Page.Spoken {
				if s.Media != "" {
					silence += Recording
				}
			}
			if i < begun {
				w.Menu += words + silence
			} else {
				w.Speech, w.Waits = w.Speech+words, w.Waits+silence
			}
			before = l.Page
			continue
		}
		keys := pressed(l.Words, before)
		wait := AfterKey
		switch l.Who {
		case "comes":
			keys, wait = 0, 0
		case "send":
			keys, wait = 1, wait+Recording // the key that ends it
		}
		wait += KeyTime * time.Duration(keys)
		if i < begun {
			w.Menu += wait
			continue
		}
		w.Turns++
		w.Keys += keys
		w.Waits += wait
		if l.Who == "send" {
			w.Records++
		}
	}
}

// pressed is how many keys an answer takes, with the one that ends it where more could come.
func pressed(words string, page *render.Page) int {
	n := len(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '*' || r == '#' {
			return r
		}
		return -1
	}, words))
	if n == 0 { // a word stands for a key that does the same
		return 1
	}
	if page != nil && page.Listen != nil && page.Listen.Keys > 1 && n < page.Listen.Keys && !strings.HasSuffix(words, "#") && words != "*" {
		n++
	}
	return n
}
