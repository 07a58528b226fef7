package dialogs

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The rules of neutral questions that a machine can see, for consultations. They look at words, not at meaning: a
// second person must still read every question. Numbers are those of the town's list (README.md, "Neutral questions").

// leading are the beginnings that push a resident towards an answer (N1).
func leading(lang string) []string {
	switch l, _, _ := strings.Cut(lang, "-"); l {
	case "en":
		return []string{"don't you", "do you not", "doesn't it", "isn't it", "isn't the", "aren't", "wouldn't you", "wouldn't it", "shouldn't", "surely", "as you know", "as everyone knows", "everyone knows", "of course", "obviously", "clearly", "wouldn't you agree", "don't you agree", "most people", "experts agree", "would you not"}
	case "es":
		return []string{"¿no cree", "¿no le parece", "¿no piensa", "¿no es verdad", "como usted sabe", "como todos saben", "seguramente", "por supuesto", "evidentemente", "¿verdad?", "la mayoría de la gente"}
	case "fr":
		return []string{"ne pensez-vous pas", "n'êtes-vous pas", "ne trouvez-vous pas", "n'est-ce pas", "comme vous le savez", "bien sûr", "évidemment", "tout le monde sait", "la plupart des gens"}
	}
	return nil
}

// loaded are words that judge (N4).
func loaded(lang string) []string {
	switch l, _, _ := strings.Cut(lang, "-"); l {
	case "en":
		return []string{"disastrous", "radical", "common-sense", "common sense", "wasteful", "outrageous", "greedy", "shameful", "wonderful", "terrible", "excellent plan", "much-needed", "long overdue", "vital", "reckless", "ugly", "hard-working", "hard-earned", "taxpayers' money", "so-called", "bureaucrats", "unfair", "visionary"}
	case "es":
		return []string{"desastroso", "vergonzoso", "maravilloso", "terrible", "absurdo", "derroche", "imprescindible", "sentido común"}
	case "fr":
		return []string{"désastreux", "honteux", "merveilleux", "terrible", "absurde", "gaspillage", "indispensable", "bon sens"}
	}
	return nil
}

// neutral checks a consultation's own questions and their translations.
func (c *checker) neutral() {
	for _, key := range c.d.keys {
		if c.d.foreign[key] == "" {
			c.stem(c.f, c.f.spots[key].text, c.d.Language, c.d.texts[key].Text)
		}
	}
	for _, lang := range sorted(c.d.files) {
		f := c.d.files[lang]
		for i := range f.list {
			e := &f.list[i]
			if _, ok := c.d.texts[e.key]; ok {
				c.stem(f.draft, f.spots[e.key].text, lang, e.text.Text)
			}
		}
	}
	english := strings.HasPrefix(c.d.Language, "en")
	questions := 0
	for i := range c.f.steps {
		s := &c.f.steps[i]
		switch s.Type {
		case Choice, Choices, Rank, Budget, YesNo, Number, Scale, Date, Words, Place:
			questions++
		default:
			continue
		}
		if english {
			c.double(s)
			c.personal(s, questions)
		}
		switch s.Type {
		case Choice, Choices, YesNo, Scale:
			c.wayOut(s)
		}
		if s.Type == Scale {
			c.mirrored(s)
		}
		if s.Type == Choice || s.Type == Scale {
			c.agreeing(s)
		}
		if s.Type == Choice || s.Type == Choices {
			c.ranges(s)
		}
		c.order(s)
	}
}

// stem checks one text of a consultation for words that push (N1, N3, N4).
func (c *checker) stem(f *draft, at Position, lang, text string) {
	if text == "" {
		return
	}
	lower := " " + strings.ReplaceAll(strings.ToLower(text), "’", "'") + " "
	for _, w := range leading(lang) {
		if hasWord(lower, w) {
			f.Add(at.Line, at.Column, "leading", fmt.Sprintf("%q pushes towards an answer", w), "ask without it: \"What should …?\", or put two plans side by side")
			break
		}
	}
	for _, w := range []string{"do you agree that", "do you agree with", "do you support", "are you in favour of", "are you in favor of"} {
		if !strings.HasPrefix(lang, "en") || !hasWord(lower, w) {
			continue
		}
		if !hasWord(lower, "or disagree") && !hasWord(lower, "or oppose") && !hasWord(lower, "or against") && !hasWord(lower, "or not") {
			f.Add(at.Line, at.Column, "leading", fmt.Sprintf("%q names one side only, and a yes is easier to say than a no", w), "name both sides (\"agree or disagree\"), or offer the two plans as options")
			break
		}
	}
	for _, w := range loaded(lang) {
		if hasWord(lower, w) {
			f.Advise(at.Line, at.Column, "loaded", fmt.Sprintf("%q judges instead of describing", w), "say what is planned, what it costs and what changes")
			break
		}
	}
	if strings.HasPrefix(lang, "en") {
		for _, s := range sentences(text) {
			if strings.HasSuffix(s, "?") && negatives(s) > 1 {
				f.Add(at.Line, at.Column, "double-negative", fmt.Sprintf("two negatives in one question: %q", clip(s)), "ask what should happen, not what should not")
			}
		}
	}
}

// hasWord says whether padded (lower case, a space at each end) holds words at word borders.
func hasWord(padded, words string) bool {
	for from := 0; ; {
		i := strings.Index(padded[from:], words)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(words)
		before, _ := utf8.DecodeLastRuneInString(padded[:i])
		after, _ := utf8.DecodeRuneInString(padded[end:])
		if !unicode.IsLetter(before) && !unicode.IsLetter(after) {
			return true
		}
		from = end
	}
}

// negatives counts the negative words of an English question (N3): "not", "no" and the like, and verbs that undo.
func negatives(sentence string) int {
	plain, undo := 0, 0
	words := strings.FieldsFunc(strings.ToLower(strings.ReplaceAll(sentence, "’", "'")), func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' })
	for i, w := range words {
		switch {
		case w == "not" && i > 0 && words[i-1] == "or": // "or not" names the other side
		case w == "not" || w == "never" || w == "no" || w == "nobody" || w == "nothing" || w == "without" || strings.HasSuffix(w, "n't"):
			plain++
		case w == "against" || w == "oppose" || w == "opposed" || w == "ban" || w == "banned" || w == "abolish" || w == "abolished" || w == "forbid" || w == "forbidden" || w == "prohibit" || w == "prohibited" || w == "repeal" || w == "scrap" || w == "scrapped":
			undo++
		}
	}
	if plain == 0 {
		return min(undo, 1)
	}
	return plain + undo
}

// double advises where two questions are asked in one (N2).
func (c *checker) double(s *draftStep) {
	at := c.f.spots[s.ID].text
	asked := strings.Count(s.Say.Text, "?")
	judged := s.Type == YesNo || s.Type == Scale
	for _, sentence := range sentences(s.Say.Text) {
		if asked > 1 || judged && strings.HasSuffix(sentence, "?") && strings.Contains(sentence, " and ") {
			c.f.Advise(at.Line, at.Column, "double-question", "this seems to ask two things at once", "ask one thing a step")
			return
		}
	}
	for i := range s.Options {
		if words := strings.Fields(s.Options[i].Text.Text); len(words) > 5 && contains(words, "and") && s.Type != Scale {
			at := c.f.spots[s.ID+"."+s.Options[i].ID].text
			c.f.Advise(at.Line, at.Column, "double-question", fmt.Sprintf("the option %q joins two things with \"and\"", s.Options[i].ID), "make two options of it, if somebody could want one without the other")
		}
	}
}

// personal advises where a resident is first asked who they are (N11).
func (c *checker) personal(s *draftStep, number int) {
	if s.Optional || number > 1 {
		return
	}
	lower := " " + strings.ToLower(s.Say.Text) + " "
	for _, w := range []string{"how old", "your age", "age group", "your gender", "your income", "your religion", "your nationality", "year were you born"} {
		if hasWord(lower, w) {
			at := c.f.spots[s.ID].text
			c.f.Advise(at.Line, at.Column, "personal-first", "the first question is about the resident, and must be answered", "ask it last, and add `optional: true`")
			return
		}
	}
}

// wayOut wants an answer for whoever does not know (N6): required in a vote, advised in a survey.
func (c *checker) wayOut(s *draftStep) {
	if s.Optional || s.broken {
		return
	}
	for i := range s.Options {
		if s.Options[i].Last {
			return
		}
	}
	hint := "add an option `unsure: I do not know`, or `optional: true`"
	if s.Type == YesNo || s.Type == Scale {
		hint = "add `optional: true`"
	}
	if c.d.Who == Roll {
		c.f.Add(s.Pos.Line, s.Pos.Column, "no-way-out", fmt.Sprintf("nobody can cast a blank vote on %q", s.ID), strings.ReplaceAll(hint, "unsure: I do not know", "no_opinion: A blank vote"))
		return
	}
	c.f.Advise(s.Pos.Line, s.Pos.Column, "no-way-out", fmt.Sprintf("whoever has no opinion on %q must make one up", s.ID), hint)
}

// polarity is +1 for a label that approves, -1 for one that disapproves, 0 for the middle; ok says whether the words
// are known (N5).
func polarity(label string) (sign int, ok bool) {
	lower := " " + strings.ToLower(label) + " "
	if hasWord(lower, "neither") || hasWord(lower, "not sure") || hasWord(lower, "don't know") || hasWord(lower, "ni") || hasWord(lower, "neutral") {
		return 0, true
	}
	for _, w := range []string{"bad", "poor", "worse", "worst", "terrible", "disagree", "dissatisfied", "unsatisfied", "unhappy", "unsafe", "unlikely", "difficult", "hard", "against", "oppose", "unfair", "unimportant", "dislike", "mal", "malo", "mala", "desacuerdo", "insatisfecho", "mauvais", "insatisfait"} {
		if hasWord(lower, w) {
			return -1, true
		}
	}
	for _, w := range []string{"good", "excellent", "great", "better", "best", "agree", "satisfied", "happy", "safe", "likely", "easy", "support", "in favour", "in favor", "fair", "like", "bien", "bueno", "buena", "acuerdo", "satisfecho", "bon", "satisfait"} {
		if hasWord(lower, w) {
			if hasWord(lower, "not") {
				return -1, true
			}
			return 1, true
		}
	}
	return 0, false
}

// mirrored refuses a scale with more good labels than bad ones, or the other way about (N5).
func (c *checker) mirrored(s *draftStep) {
	good, bad := 0, 0
	for i := range s.Options {
		switch sign, _ := polarity(s.Options[i].Text.Text); sign {
		case 1:
			good++
		case -1:
			bad++
		}
	}
	if good+bad > 1 && good != bad {
		c.field(s, "labels", "not-mirrored", fmt.Sprintf("the scale leans: %s, %s", count(good, "good label", "good labels"), count(bad, "bad one", "bad ones")), "give each side as many, for example: Very bad, Bad, Neither, Good, Very good", false)
	}
}

// agreeing advises against agree/disagree answers, which draw a yes from people who are unsure (N9).
func (c *checker) agreeing(s *draftStep) {
	for i := range s.Options {
		if hasWord(" "+strings.ToLower(s.Options[i].Text.Text)+" ", "disagree") {
			c.f.Advise(s.Pos.Line, s.Pos.Column, "agree-disagree", "people tend to agree, whatever is said", "ask about the thing itself: \"How safe is the crossing?\", from Very unsafe to Very safe")
			return
		}
	}
}

// ranges refuses number ranges that overlap or leave a gap (N7).
func (c *checker) ranges(s *draftStep) {
	last, first := 0, true
	for i := range s.Options {
		from, to, ok := span(s.Options[i].Text.Text)
		if !ok {
			continue
		}
		at := c.f.spots[s.ID+"."+s.Options[i].ID].text
		switch {
		case first:
		case from == last || from < last:
			c.f.Add(at.Line, at.Column, "ranges", fmt.Sprintf("%d fits two options", from), fmt.Sprintf("begin this one at %d", last+1))
		case from > last+1:
			c.f.Add(at.Line, at.Column, "ranges", fmt.Sprintf("%d fits no option", last+1), fmt.Sprintf("begin this one at %d", last+1))
		}
		last, first = to, false
	}
}

// span reads a range of whole numbers at the beginning of a label: "18-25", "18 to 25 years".
func span(label string) (from, to int, ok bool) {
	rest := strings.TrimSpace(label)
	number := func() (int, bool) {
		n := 0
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if n == 0 || n > 7 {
			return 0, false
		}
		v, _ := strconv.Atoi(rest[:n])
		rest = rest[n:]
		return v, true
	}
	if from, ok = number(); !ok {
		return 0, 0, false
	}
	rest = strings.TrimLeft(rest, " ")
	for _, sep := range []string{"-", "–", "to ", "a ", "à "} {
		if r, found := strings.CutPrefix(rest, sep); found {
			rest = strings.TrimLeft(r, " ")
			to, ok = number()
			return from, to, ok && from <= to
		}
	}
	return 0, 0, false
}

// fewOptions is how many options the order of which does not matter to the result (Eveland & Sekely: no concern up to
// four).
const fewOptions = 4

// order wants nominal options to rotate, and ordered ones not to (N8).
func (c *checker) order(s *draftStep) {
	if s.Type != Choice && s.Type != Choices && s.Type != Rank && s.Type != Budget {
		return
	}
	ordered, moving := 0, 0
	for i := range s.Options {
		if s.Options[i].Last {
			continue
		}
		moving++
		if inOrder(s.Options[i].Text.Text) {
			ordered++
		}
	}
	inRow := ordered > 1 && ordered*2 >= moving
	switch {
	case s.Rotate && inRow:
		c.field(s, "rotate", "rotate-ordered", "these options have an order of their own: mixed up they are hard to find", "take `rotate` out", false)
	case !s.Rotate && !inRow && moving > fewOptions && s.Type != Budget: // amounts are given in the order of the dialog, so a budget is never mixed
		c.f.Advise(s.Pos.Line, s.Pos.Column, "rotate", fmt.Sprintf("the first of %d options is chosen more often when read, the last when heard", moving), "add `rotate: true`; leave it out where a printed poster gives the digits")
	}
}

// inOrder says whether a label is one of a row: it has a number, or says how often or how much.
func inOrder(label string) bool {
	if strings.ContainsAny(label, "0123456789") {
		return true
	}
	lower := " " + strings.ToLower(label) + " "
	for _, w := range []string{"never", "rarely", "sometimes", "often", "always", "daily", "weekly", "monthly", "every day", "nunca", "siempre", "jamais", "toujours"} {
		if hasWord(lower, w) {
			return true
		}
	}
	sign, known := polarity(label)
	return known && sign != 0 && len(strings.Fields(label)) <= 2
}
