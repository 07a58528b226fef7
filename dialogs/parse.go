package dialogs

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ConditionError says what is wrong with a condition. Column counts from 1, in characters of the condition.
type ConditionError struct {
	Column  int
	Code    string
	Message string // without the column
	Hint    string
}

func (e *ConditionError) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Message) }

// ParseCondition reads a condition of the step at index before; it may compare earlier steps of steps only. prefix
// ("place.") is put before the names in conditions of steps that came by `use`.
func ParseCondition(source string, steps []Step, before int, prefix string) (*Condition, *ConditionError) {
	if n := utf8.RuneCountInString(source); n > maxCondition {
		return nil, &ConditionError{maxCondition, "condition-too-long", fmt.Sprintf("the condition has more than %d characters", maxCondition), "split the step in two"}
	}
	return parseCondition(source, steps, before, prefix, maxTerms)
}

// maxJoined is the most comparisons of a condition that was joined with those of the `use` steps around it.
const maxJoined = maxTerms * (maxUse + 1)

func parseCondition(source string, steps []Step, before int, prefix string, most int) (*Condition, *ConditionError) {
	p := parser{source: source, steps: steps, before: before, prefix: prefix, most: most}
	p.next()
	c := &Condition{}
	p.c = c
	root, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.word != "" {
		return nil, p.unexpected()
	}
	c.root = root
	c.Source = c.spell(steps)
	return c, nil
}

// parser reads a condition word by word.
type parser struct {
	source string
	at     int    // byte offset behind word
	begin  int    // byte offset of word
	word   string // "" at the end
	quoted bool

	steps  []Step
	before int
	prefix string
	most   int // comparisons
	count  int // so far
	c      *Condition
}

func (p *parser) next() {
	p.quoted = false
	for p.at < len(p.source) && (p.source[p.at] == ' ' || p.source[p.at] == '\n' || p.source[p.at] == '\t') {
		p.at++
	}
	p.begin = p.at
	if p.at == len(p.source) {
		p.word = ""
		return
	}
	rest := p.source[p.at:]
	switch c := rest[0]; {
	case wordByte(c):
		for p.at < len(p.source) && wordByte(p.source[p.at]) {
			p.at++
		}
	case c == '"' || c == '\'':
		if end := strings.IndexByte(rest[1:], c); end > 0 {
			p.at += end + 2
			p.word, p.quoted = rest[1:end+1], true
			return
		}
		p.at++
	default:
		n := 0
		for _, two := range []string{"<=", ">=", "==", "!=", "&&", "||", "<>"} {
			if strings.HasPrefix(rest, two) {
				n = 2
			}
		}
		if n == 0 {
			_, n = utf8.DecodeRuneInString(rest)
		}
		p.at += n
	}
	p.word = p.source[p.begin:p.at]
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-'
}

func (p *parser) fail(at int, code, hint, format string, args ...any) *ConditionError {
	return &ConditionError{1 + utf8.RuneCountInString(p.source[:at]), code, fmt.Sprintf(format, args...), hint}
}

func (p *parser) is(word string) bool { return !p.quoted && p.word == word }

// unexpected words what stands where it can't.
func (p *parser) unexpected() *ConditionError {
	at := p.begin
	if p.word == "" {
		return p.fail(at, "condition", "a condition reads like `what is wire` or `age >= 18`", "the condition ends too early")
	}
	switch strings.ToLower(p.word) {
	case "=", "==":
		return p.fail(at, "condition", "for example `what is wire`", `write "is" instead of %q`, p.word)
	case "!=", "<>", "isnt", "!":
		return p.fail(at, "condition", "for example `what is not wire`", `write "is not" instead of %q`, p.word)
	case "&&", "&", "+":
		return p.fail(at, "condition", "for example `what is wire and danger is yes`", `write "and" instead of %q`, p.word)
	case "||", "|":
		return p.fail(at, "condition", "for example `what is wire or danger is yes`", `write "or" instead of %q`, p.word)
	case "contains", "includes":
		return p.fail(at, "condition", "for example `wishes has seats`", `write "has" instead of %q`, p.word)
	case "not":
		return p.fail(at, "condition", "for example `what is not wire`", `"not" stands only behind "is"`)
	case "are", "was", "equals":
		return p.fail(at, "condition", "for example `what is wire`", `write "is" instead of %q`, p.word)
	case ")":
		return p.fail(at, "condition", "open it, or leave it out", "this bracket was never opened")
	case ",":
		return p.fail(at, "condition", "for example `what in (water, wire)`", `a list stands in brackets behind "in"`)
	}
	if lower := strings.ToLower(p.word); lower != p.word && (lower == "and" || lower == "or" || lower == "is" || lower == "in" || lower == "has") {
		return p.fail(at, "condition", "the words of a condition are small", "write %q instead of %q", lower, p.word)
	}
	return p.fail(at, "condition", "comparisons are: is, is not, in (a, b), has, is answered, < <= > >=; join them with and, or", "%q does not belong here", clip(p.word))
}

// expression reads terms joined by and, or by or; mixing needs brackets.
func (p *parser) expression(depth int) (int, *ConditionError) {
	left, err := p.operand(depth)
	if err != nil {
		return 0, err
	}
	joined := ""
	for p.is("and") || p.is("or") {
		if joined != "" && joined != p.word {
			return 0, p.fail(p.begin, "condition-mixed", "for example `(a is x or b is y) and c is z`", `"and" and "or" are mixed: put brackets around what belongs together`)
		}
		joined = p.word
		p.next()
		right, err := p.operand(depth)
		if err != nil {
			return 0, err
		}
		op := opAnd
		if joined == "or" {
			op = opOr
		}
		p.c.terms = append(p.c.terms, term{op: op, left: left, right: right})
		left = len(p.c.terms) - 1
	}
	return left, nil
}

func (p *parser) operand(depth int) (int, *ConditionError) {
	if !p.is("(") {
		return p.comparison()
	}
	open := p.begin
	if depth >= maxBrackets+p.most/maxTerms-1 {
		return 0, p.fail(open, "condition-too-long", "split the step in two", "there are more than %d brackets inside one another", maxBrackets)
	}
	p.next()
	inner, err := p.expression(depth + 1)
	if err != nil {
		return 0, err
	}
	if !p.is(")") {
		if p.word == "" {
			return 0, p.fail(open, "condition", "write `)` where it ends", "this bracket is never closed")
		}
		return 0, p.unexpected()
	}
	p.next()
	return inner, nil
}

// comparison reads `what is wire` and the like.
func (p *parser) comparison() (int, *ConditionError) {
	if p.count++; p.count > p.most {
		return 0, p.fail(p.begin, "condition-too-long", "split the step in two", "there are more than %d comparisons", p.most)
	}
	if p.word == "" || !wordByte(p.word[0]) || p.quoted || reserved(p.word) && p.word != "title" {
		return 0, p.unexpected()
	}
	step, err := p.step()
	if err != nil {
		return 0, err
	}
	t := term{step: step}
	s := &p.steps[step]
	p.next()
	operator := p.begin
	switch {
	case p.is("is"):
		t.op = opIs
		p.next()
		if p.is("not") {
			t.op = opIsNot
			p.next()
		}
		if p.is("answered") {
			t.op += opAnswered - opIs // opIsNot becomes opNotAnswered
			p.next()
			break
		}
		if err := p.compares(s, operator, "is"); err != nil {
			return 0, err
		}
		if p.is("in") {
			return 0, p.fail(p.begin, "condition", fmt.Sprintf("for example `%s in (a, b)`", p.short(s)), `write "in" without "is"`)
		}
		if err := p.value(&t, s); err != nil {
			return 0, err
		}
	case p.is("in"):
		t.op = opIn
		if err := p.compares(s, operator, "in"); err != nil {
			return 0, err
		}
		p.next()
		if !p.is("(") {
			return 0, p.fail(p.begin, "condition", fmt.Sprintf("for example `%s in (a, b)`", p.short(s)), `after "in" comes a list in brackets`)
		}
		for {
			p.next()
			if err := p.value(&t, s); err != nil {
				return 0, err
			}
			if p.is(")") {
				break
			}
			if !p.is(",") {
				return 0, p.fail(p.begin, "condition", "for example `what in (water, wire)`", "put a comma between two values, and a bracket at the end")
			}
		}
		p.next()
	case p.is("has"):
		t.op = opHas
		if err := p.compares(s, operator, "has"); err != nil {
			return 0, err
		}
		p.next()
		if err := p.value(&t, s); err != nil {
			return 0, err
		}
	case p.is("<") || p.is("<=") || p.is(">") || p.is(">="):
		switch p.word {
		case "<":
			t.op = opLess
		case "<=":
			t.op = opLessSame
		case ">":
			t.op = opMore
		default:
			t.op = opMoreSame
		}
		if err := p.compares(s, operator, p.word); err != nil {
			return 0, err
		}
		p.next()
		if err := p.value(&t, s); err != nil {
			return 0, err
		}
	default:
		return 0, p.unexpected()
	}
	p.c.terms = append(p.c.terms, t)
	return len(p.c.terms) - 1, nil
}

// short is a step's id as the author of this dialog writes it.
func (p *parser) short(s *Step) string { return strings.TrimPrefix(s.ID, p.prefix) }

// step finds the step that p.word names.
func (p *parser) step() (int, *ConditionError) {
	id := p.prefix + p.word
	for i := range p.steps {
		s := &p.steps[i]
		if s.ID == id {
			switch {
			case i >= p.before:
				return 0, p.fail(p.begin, "later-step", "a condition may look back only; move the step up", "%q is asked later", p.word)
			case !s.Type.Asks():
				return 0, p.fail(p.begin, "not-a-question", "name a step that asks something", "%q asks nothing, so there is no answer to compare", p.word)
			}
			return i, nil
		}
	}
	var known []string
	for i := range p.steps[:min(p.before, len(p.steps))] {
		if short, ours := strings.CutPrefix(p.steps[i].ID, p.prefix); ours && p.steps[i].Type.Asks() {
			known = append(known, short)
		}
	}
	hint := "the questions before this step are: " + either(known)
	if len(known) == 0 {
		hint = "no question comes before this step"
	}
	if near := Nearest(p.word, known); near != "" {
		return 0, p.fail(p.begin, "unknown-step", hint, "there is no step %q; did you mean %q?", clip(p.word), near)
	}
	return 0, p.fail(p.begin, "unknown-step", hint, "there is no step %q", clip(p.word))
}

// comparisons are those that an answer to a step of this type takes.
func comparisons(t Type) []string {
	switch t {
	case Choice, YesNo, Consent, Similar:
		return []string{"is", "is not", "in", "is answered"}
	case Choices:
		return []string{"has", "is answered"}
	case Number, Scale:
		return []string{"is", "is not", "<", "<=", ">", ">=", "is answered"}
	case Date:
		return []string{"is", "is not", "<", "<=", ">", ">=", "is answered"}
	}
	return []string{"is answered"}
}

func (p *parser) compares(s *Step, at int, op string) *ConditionError {
	able := comparisons(s.Type)
	for _, a := range able {
		if a == op {
			return nil
		}
	}
	if op == "is" && Nearest(p.word, []string{"answered"}) != "" {
		return p.fail(p.begin, "condition", "for example `"+p.short(s)+" is answered`", `%q does not belong here; did you mean "answered"?`, clip(p.word))
	}
	return p.fail(at, "not-comparable", "for a step of type "+string(s.Type)+" write: "+either(able), "the answer to %q can't be compared with %q", p.short(s), op)
}

// answers are the values that an answer to s can have; nil where any number or day will do.
func answers(s *Step) []string {
	switch s.Type {
	case YesNo, Consent:
		return []string{"yes", "no"}
	case Similar:
		return []string{"none"}
	case Choice, Choices:
		ids := make([]string, len(s.Options))
		for i := range s.Options {
			ids[i] = s.Options[i].ID
		}
		return ids
	}
	return nil
}

// value reads one value and checks that the question knows it.
func (p *parser) value(t *term, s *Step) *ConditionError {
	w := p.word
	if w == "" || !p.quoted && !wordByte(w[0]) || !p.quoted && (w == "and" || w == "or" || w == "not" || w == "is") {
		if w == "" || w == "and" || w == "or" || w == ")" || w == "," {
			return p.fail(p.begin, "condition", "write what the answer is compared with", "a value is missing here")
		}
		return p.unexpected()
	}
	switch s.Type {
	case Number, Scale:
		if !decimal(w) {
			return p.fail(p.begin, "not-a-number", "write it in digits, for example 18", "%q is not a number", clip(w))
		}
		t.number, _ = strconv.ParseFloat(w, 64)
		t.numeric = true
		if s.HasMin && t.number < s.Min || s.HasMax && t.number > s.Max {
			return p.fail(p.begin, "unknown-answer", bounds(s), "%s can never be the answer to %q", w, p.short(s))
		}
	case Date:
		if !isoDay(w) {
			return p.fail(p.begin, "not-a-day", "write it as 2027-03-15", "%q is not a day", clip(w))
		}
	default:
		known := answers(s)
		found := false
		for _, k := range known {
			found = found || k == w
		}
		if !found {
			hint := "the answers are: " + either(known)
			if near := Nearest(w, known); near != "" {
				return p.fail(p.begin, "unknown-answer", hint, "%q is not an answer to %q; did you mean %q?", clip(w), p.short(s), near)
			}
			if w == "true" || w == "false" {
				hint = "write yes or no"
			}
			return p.fail(p.begin, "unknown-answer", hint, "%q is not an answer to %q", clip(w), p.short(s))
		}
	}
	t.values = append(t.values, w)
	p.next()
	return nil
}

func bounds(s *Step) string {
	switch {
	case s.HasMin && s.HasMax:
		return fmt.Sprintf("the answers go from %s to %s", trimmed(s.Min), trimmed(s.Max))
	case s.HasMin:
		return "the answers begin at " + trimmed(s.Min)
	}
	return "the answers end at " + trimmed(s.Max)
}

func trimmed(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// isoDay says whether w is a day of the calendar, written 2027-03-15.
func isoDay(w string) bool {
	_, err := time.Parse(time.DateOnly, w)
	return err == nil
}
