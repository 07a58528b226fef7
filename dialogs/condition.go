package dialogs

import (
	"strconv"
	"strings"
)

const (
	maxCondition = 500 // characters of a condition
	maxTerms     = 50  // comparisons in one
	maxBrackets  = 8   // one inside another
)

// Condition is a parsed `when`, bound to the steps of its dialog.
type Condition struct {
	Source string // in one canonical spelling, with the whole ids of steps ("place.where is answered")

	terms []term
	root  int
}

// term is a comparison, or two terms joined.
type term struct {
	op          operator
	step        int
	values      []string // is, is not, in, has; < and the like: one, as written
	number      float64  // < and the like, is and is not of numbers
	numeric     bool
	left, right int
}

type operator uint8

const (
	opIs operator = iota
	opIsNot
	opIn
	opHas
	opAnswered
	opNotAnswered
	opLess
	opLessSame
	opMore
	opMoreSame
	opAnd
	opOr
)

// Holds evaluates the condition. values gives the canonical values of the answer to a step, and whether it was
// answered; a comparison with an unanswered question is false. Holds does not allocate. No condition at all holds.
func (c *Condition) Holds(values func(step int) ([]string, bool)) bool {
	if c == nil || len(c.terms) == 0 {
		return true
	}
	return c.holds(c.root, values)
}

func (c *Condition) holds(i int, values func(step int) ([]string, bool)) bool {
	t := &c.terms[i]
	switch t.op {
	case opAnd:
		return c.holds(t.left, values) && c.holds(t.right, values)
	case opOr:
		return c.holds(t.left, values) || c.holds(t.right, values)
	}
	got, answered := values(t.step)
	switch t.op {
	case opAnswered:
		return answered
	case opNotAnswered:
		return !answered
	}
	if !answered || len(got) == 0 {
		return false
	}
	switch t.op {
	case opIs:
		return t.same(got[0])
	case opIsNot:
		return !t.same(got[0])
	case opIn:
		for _, v := range t.values {
			if v == got[0] {
				return true
			}
		}
		return false
	case opHas:
		for _, g := range got {
			if g == t.values[0] {
				return true
			}
		}
		return false
	}
	order := strings.Compare(got[0], t.values[0]) // days: 2027-03-15
	if t.numeric {
		v, err := strconv.ParseFloat(got[0], 64)
		if err != nil {
			return false
		}
		switch {
		case v < t.number:
			order = -1
		case v > t.number:
			order = 1
		default:
			order = 0
		}
	}
	switch t.op {
	case opLess:
		return order < 0
	case opLessSame:
		return order <= 0
	case opMore:
		return order > 0
	}
	return order >= 0
}

func (t *term) same(got string) bool {
	if t.numeric {
		v, err := strconv.ParseFloat(got, 64)
		return err == nil && v == t.number
	}
	return got == t.values[0]
}

// Uses calls yield for each step that the condition compares, in the order written.
func (c *Condition) Uses(yield func(step int)) {
	if c == nil {
		return
	}
	for i := range c.terms {
		if c.terms[i].op < opAnd {
			yield(c.terms[i].step)
		}
	}
}

// both joins two conditions of the same dialog: both must hold. Either may be nil.
func both(a, b *Condition, steps []Step) *Condition {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	c := &Condition{terms: append([]term(nil), a.terms...)}
	shift := len(a.terms)
	for _, t := range b.terms {
		if t.op >= opAnd {
			t.left, t.right = t.left+shift, t.right+shift
		}
		c.terms = append(c.terms, t)
	}
	c.terms = append(c.terms, term{op: opAnd, left: a.root, right: b.root + shift})
	c.root = len(c.terms) - 1
	c.Source = c.spell(steps)
	return c
}

// spell is the condition in its canonical spelling.
func (c *Condition) spell(steps []Step) string {
	var b strings.Builder
	c.write(&b, c.root, steps, opAnswered)
	return b.String()
}

func (c *Condition) write(b *strings.Builder, i int, steps []Step, within operator) {
	t := &c.terms[i]
	if t.op >= opAnd {
		brackets := within >= opAnd && within != t.op
		if brackets {
			b.WriteByte('(')
		}
		c.write(b, t.left, steps, t.op)
		if t.op == opAnd {
			b.WriteString(" and ")
		} else {
			b.WriteString(" or ")
		}
		// A right side of the same kind was in brackets as written: without them the spelling reads from the left, and means the same.
		c.write(b, t.right, steps, t.op)
		if brackets {
			b.WriteByte(')')
		}
		return
	}
	b.WriteString(steps[t.step].ID)
	switch t.op {
	case opIs:
		b.WriteString(" is " + t.values[0])
	case opIsNot:
		b.WriteString(" is not " + t.values[0])
	case opIn:
		b.WriteString(" in (" + strings.Join(t.values, ", ") + ")")
	case opHas:
		b.WriteString(" has " + t.values[0])
	case opAnswered:
		b.WriteString(" is answered")
	case opNotAnswered:
		b.WriteString(" is not answered")
	case opLess:
		b.WriteString(" < " + t.values[0])
	case opLessSame:
		b.WriteString(" <= " + t.values[0])
	case opMore:
		b.WriteString(" > " + t.values[0])
	case opMoreSame:
		b.WriteString(" >= " + t.values[0])
	}
}
