// Package tally counts the records of a consultation. It is pure: records in, counts out, in any order the same.
package tally

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
)

// Vote is one record, and what is known of how it came.
type Vote struct {
	Record   engine.Record
	Channel  string
	Lang     string // "" where it is not kept
	Unlinked bool   // by nobody in particular where one answer a person is asked for: counted apart
}

// Tally is what was counted.
type Tally struct {
	Dialog    string     `json:"dialog"`
	Version   int        `json:"version"` // whose wording is used
	Title     string     `json:"title"`
	Total     int        `json:"total"`    // records counted
	Unlinked  int        `json:"unlinked"` // of these, given without a number or code where one is asked for
	Unread    int        `json:"unread"`   // records that belong to another dialog, or can't be read: not in Total
	Channels  []Count    `json:"channels"`
	Languages []Count    `json:"languages"`
	Versions  []Count    `json:"versions"`
	Questions []Question `json:"questions"`
}

// Count is how often one thing was said.
type Count struct {
	ID    string  `json:"id"`
	Label string  `json:"label"`
	N     int     `json:"count"`
	First int     `json:"first,omitempty"` // rank: how often it came first
	Sum   float64 `json:"sum,omitempty"`   // rank: points, the last place 0, each place above one more (Borda); budget: all that it was given
	Mean  float64 `json:"mean,omitempty"`  // budget: Sum over those who answered
	Other bool    `json:"other,omitempty"` // this version of the dialog does not know it: it was said to another one
}

// Question is the count of one step.
type Question struct {
	Step     string       `json:"step"`
	Type     dialogs.Type `json:"type"` // "" when this version of the dialog has no such step
	Words    string       `json:"words"`
	Asked    int          `json:"asked"` // records of people whom it was put to, by the conditions of their version
	Answered int          `json:"answered"`
	Skipped  int          `json:"skipped"` // Asked less Answered: skipped, or not to be asked on their channel
	Counts   []Count      `json:"counts,omitempty"`
	Mean     float64      `json:"mean,omitempty"`   // number, scale
	Median   float64      `json:"median,omitempty"` // number, scale; between the two middle ones when they differ
	Least    float64      `json:"least,omitempty"`
	Most     float64      `json:"most,omitempty"`
	Said     []string     `json:"said,omitempty"` // text, place: own words, sorted, so that their order tells nothing
	Media    int          `json:"media,omitempty"`
	Recorded []string     `json:"recorded,omitempty"` // names of the recordings and pictures, sorted
}

// Counter adds votes up.
type Counter struct {
	dialog    *dialogs.Dialog
	published map[int]*dialogs.Dialog // by version, dialog among them
	lang      string
	tally     Tally
	channels  map[string]int
	languages map[string]int
	versions  map[string]int
	steps     map[string]*step
	strange   []string // steps that this version does not have, as they come
}

// step is what is known of one question so far.
type step struct {
	asked, answered, media int
	counts                 map[string]*Count
	order                  []string // of counts, as in the dialog, then as they come
	numbers                map[float64]int
	said                   []string
	recorded               []string
}

// New returns a Counter for d, with labels in lang. others are further versions that records may have been made with:
// without them, what such a record says by place alone (the amounts of a budget) is listed apart, never guessed at.
func New(d *dialogs.Dialog, lang string, others ...*dialogs.Dialog) *Counter {
	title, _ := d.Text(lang, "title")
	c := &Counter{
		dialog: d, lang: lang, published: map[int]*dialogs.Dialog{},
		tally:    Tally{Dialog: d.ID, Version: d.Version, Title: title.Text},
		channels: map[string]int{}, languages: map[string]int{}, versions: map[string]int{},
		steps: map[string]*step{},
	}
	for _, o := range others {
		c.published[o.Version] = o
	}
	c.published[d.Version] = d
	for i := range d.Steps {
		if st := &d.Steps[i]; counted(st.Type) {
			s := c.step(st.ID)
			for _, id := range optionIDs(st) {
				s.count(id, c.label(st, id))
			}
		}
	}
	return c
}

// counted says whether answers to a step of this type are in records and can be added up.
func counted(t dialogs.Type) bool {
	switch t {
	case dialogs.Review, dialogs.Contact, dialogs.Code, dialogs.Status, dialogs.Similar:
		return false
	}
	return t.Asks()
}

func optionIDs(st *dialogs.Step) []string {
	if st.Type == dialogs.YesNo || st.Type == dialogs.Consent {
		return []string{"yes", "no"}
	}
	ids := make([]string, len(st.Options))
	for i, o := range st.Options {
		ids[i] = o.ID
	}
	return ids
}

func (c *Counter) label(st *dialogs.Step, id string) string {
	t, _ := c.dialog.Text(c.lang, st.ID+"."+id)
	return cmp.Or(t.Text, id)
}

func (c *Counter) step(id string) *step {
	s := c.steps[id]
	if s == nil {
		s = &step{counts: map[string]*Count{}, numbers: map[float64]int{}}
		c.steps[id] = s
	}
	return s
}

// count returns the line of one option, making it when it is new.
func (s *step) count(id, label string) *Count {
	n := s.counts[id]
	if n == nil {
		n = &Count{ID: id, Label: label}
		s.counts[id] = n
		s.order = append(s.order, id)
	}
	return n
}

// known is count, marking what the dialog does not list.
func (s *step) known(id string) *Count {
	if n := s.counts[id]; n != nil {
		return n
	}
	n := s.count(id, id)
	n.Other = true
	return n
}

// Add counts one vote. Its slices are not kept.
func (c *Counter) Add(v Vote) {
	if v.Record.Dialog != c.dialog.ID {
		c.tally.Unread++
		return
	}
	c.tally.Total++
	if v.Unlinked {
		c.tally.Unlinked++
	}
	c.channels[v.Channel]++
	if v.Lang != "" {
		c.languages[v.Lang]++
	}
	c.versions[strconv.Itoa(v.Record.Version)]++

	d := cmp.Or(c.published[v.Record.Version], c.dialog)
	values := func(i int) ([]string, bool) {
		a, ok := v.Record.Answer(d.Steps[i].ID)
		return a.Values, ok
	}
	for i := range d.Steps {
		st := &d.Steps[i]
		_, answered := v.Record.Answer(st.ID)
		if c.dialog.Index(st.ID) >= 0 && counted(st.Type) && (answered || st.When == nil || st.When.Holds(values)) {
			c.step(st.ID).asked++
		}
	}
	for _, a := range v.Record.Answers {
		i := c.dialog.Index(a.Step)
		if i >= 0 && !counted(c.dialog.Steps[i].Type) {
			continue
		}
		if i < 0 {
			if c.steps[a.Step] == nil {
				c.strange = append(c.strange, a.Step)
			}
			s := c.step(a.Step)
			s.asked++
			s.answered++
			for _, one := range a.Values {
				s.known(one).N++
			}
			continue
		}
		c.answer(&c.dialog.Steps[i], a, v.Record.Version)
	}
}

func (c *Counter) answer(st *dialogs.Step, a engine.Recorded, version int) {
	s := c.step(st.ID)
	s.answered++
	s.media += len(a.Media)
	for _, m := range a.Media {
		s.recorded = append(s.recorded, m.Ref)
	}
	switch st.Type {
	case dialogs.Words, dialogs.Place, dialogs.Photo:
		for _, w := range a.Values {
			if w != "" {
				s.said = append(s.said, w)
			}
		}
	case dialogs.Number:
		s.number(a.Values)
	case dialogs.Scale:
		s.number(a.Values)
		for _, v := range a.Values {
			s.known(v).N++
		}
	case dialogs.Rank:
		for place, v := range a.Values {
			n := s.known(v)
			n.N++
			n.Sum += float64(len(a.Values) - 1 - place)
			if place == 0 {
				n.First++
			}
		}
	case dialogs.Budget:
		for i, v := range a.Values {
			amount, err := strconv.ParseFloat(v, 64)
			if err != nil || math.IsNaN(amount) || math.IsInf(amount, 0) {
				continue
			}
			n := s.known(c.optionAt(st.ID, i, version))
			n.N++
			n.Sum += amount
		}
	default: // choice, choices, yesno, consent, date
		for _, v := range a.Values {
			if st.Type == dialogs.Date {
				s.count(v, v).N++
			} else {
				s.known(v).N++
			}
		}
	}
}

// optionAt names the option in place i of a budget, as the version of the record has it.
func (c *Counter) optionAt(step string, i, version int) string {
	if d := c.published[version]; d != nil {
		if at := d.Index(step); at >= 0 && i < len(d.Steps[at].Options) {
			return d.Steps[at].Options[i].ID
		}
	}
	return fmt.Sprintf("option %d of version %d", i+1, version)
}

func (s *step) number(values []string) {
	for _, v := range values {
		if n, err := strconv.ParseFloat(v, 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
			s.numbers[n]++
		}
	}
}

// Unread notes a record that could not be read at all.
func (c *Counter) Unread() { c.tally.Unread++ }

// Tally returns what was counted so far.
func (c *Counter) Tally() Tally {
	t := c.tally
	t.Channels, t.Languages, t.Versions = sorted(c.channels), sorted(c.languages), sorted(c.versions)
	t.Questions = nil
	for i := range c.dialog.Steps {
		if st := &c.dialog.Steps[i]; counted(st.Type) {
			words, _ := c.dialog.Text(c.lang, st.ID)
			t.Questions = append(t.Questions, c.steps[st.ID].question(st.ID, st.Type, words.Text))
		}
	}
	slices.Sort(c.strange)
	for _, id := range c.strange {
		t.Questions = append(t.Questions, c.steps[id].question(id, "", id))
	}
	return t
}

func (s *step) question(id string, t dialogs.Type, words string) Question {
	q := Question{Step: id, Type: t, Words: words, Asked: s.asked, Answered: s.answered, Skipped: s.asked - s.answered, Media: s.media}
	for _, o := range s.order {
		n := *s.counts[o]
		if t == dialogs.Budget && s.answered > 0 {
			n.Mean = n.Sum / float64(s.answered)
		}
		q.Counts = append(q.Counts, n)
	}
	if t == dialogs.Date || t == "" {
		slices.SortFunc(q.Counts, func(a, b Count) int { return cmp.Compare(a.ID, b.ID) })
	}
	q.Said = slices.Sorted(slices.Values(s.said))
	q.Recorded = slices.Sorted(slices.Values(s.recorded))
	q.Mean, q.Median, q.Least, q.Most = spread(s.numbers)
	return q
}

// spread returns mean, median and bounds of numbers with how often each was said.
func spread(numbers map[float64]int) (mean, median, least, most float64) {
	if len(numbers) == 0 {
		return
	}
	values := make([]float64, 0, len(numbers))
	total, sum := 0, 0.0
	for v := range numbers {
		values = append(values, v)
	}
	sort.Float64s(values)
	for _, v := range values {
		total += numbers[v]
		sum += v * float64(numbers[v])
	}
	at := func(i int) float64 {
		for _, v := range values {
			if i -= numbers[v]; i < 0 {
				return v
			}
		}
		return values[len(values)-1]
	}
	return sum / float64(total), (at((total-1)/2) + at(total/2)) / 2, values[0], values[len(values)-1]
}

// sorted lists counts, the largest first, then by name.
func sorted(m map[string]int) []Count {
	out := make([]Count, 0, len(m))
	for id, n := range m {
		out = append(out, Count{ID: id, Label: id, N: n})
	}
	slices.SortFunc(out, func(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.ID, b.ID)) })
	return out
}
