package cost

import (
	"slices"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/engine"
)

// longestTalk is after how many answers a conversation is given up.
const longestTalk = 300

// stand is a conversation that waits for an answer.
type stand struct {
	r     *dialogtest.Resident
	begun int   // place in its log where the dialog begins
	asked []int // steps in the order in which they were asked
}

// fork leaves the conversation as it stands, for another to go on from there.
func (s stand) fork() stand {
	return stand{s.r.Fork(), s.begun, slices.Clip(s.asked)}
}

// course is what came of going on with a conversation.
type course[W any] struct {
	open  *stand  // waits for a step that decides and isn't settled; nil: it is over
	free  []stand // how it stood at each step that decides nothing and leaves a choice, when that was first asked; once not all ways can be tried, at each that leaves one
	asked []int
	walk  W
	whole bool // it came to a proper end: what the dialog is for was done
}

// begin brings somebody to where the dialog begins.
func (s *search[W]) begin() (stand, bool) {
	r := dialogtest.NewResident(s.town, s.how.traits, s.now)
	r.Speaks(s.lang)
	t := dialogtest.Test{Roll: []string{rollCode}}
	if s.found || slices.ContainsFunc(s.d.Steps, func(st dialogs.Step) bool { return st.Type == dialogs.Status }) {
		t.Found = []dialogtest.Known{{Found: engine.Found{Ref: reference, What: "Hole in the road, 12 Oak Street", State: "open", Due: "2027-03-15"}}}
	}
	r.Meets(t)
	if r.Opens(s.d) != nil {
		return stand{}, false
	}
	return stand{r: r, begun: opening(r.Log)}, true
}

// goOn gives the answers of p from where a conversation stands. With part it goes no further than the first step that
// decides and isn't in p.
func (s *search[W]) goOn(at stand, p plan, part bool) (c course[W]) {
	s.walks++
	r := at.r
	c.asked = at.asked
	for range longestTalk {
		if r.Err() != nil || r.End != "" {
			break
		}
		st, turns := r.Asked(), r.Turns
		if st == nil {
			if !forward(r) {
				return c
			}
		} else {
			i := s.d.Index(st.ID)
			if n := len(c.asked); n == 0 || c.asked[n-1] != i {
				c.asked = append(c.asked, i)
				here := stand{r, at.begun, c.asked}
				if _, settled := p[i]; part && !settled && s.opens(i) {
					c.open = &here
					return c
				}
				if (!s.decides[i] || s.cut) && len(s.answers[i]) > 1 {
					c.free = append(c.free, here.fork())
				}
			}
			if s.give(r, st, s.answers[i][p[i]]) != nil {
				return c
			}
		}
		if r.Turns == turns {
			return c
		}
	}
	t := told{log: r.Log, begun: at.begun, asked: make([]string, len(c.asked))}
	for i, step := range c.asked {
		t.asked[i] = s.d.Steps[step].ID
	}
	c.walk, c.whole = s.how.add(t), r.Err() == nil && s.done(r)
	return c
}

// opens says whether the answer to a step decides which questions come.
func (s *search[W]) opens(step int) bool { return s.decides[step] && len(s.answers[step]) > 1 }

// done says whether the dialog came to what it is for.
func (s *search[W]) done(r *dialogtest.Resident) bool {
	if r.End == "" {
		return false
	}
	if slices.ContainsFunc(s.d.Steps, func(st dialogs.Step) bool { return st.Type == dialogs.Submit }) {
		return len(r.Kept()) > 0
	}
	return true
}

// give answers the open question as people do on this channel.
func (s *search[W]) give(r *dialogtest.Resident, st *dialogs.Step, a answer) error {
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
