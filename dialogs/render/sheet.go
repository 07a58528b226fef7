package render

import (
	"slices"
	"strconv"
	"strings"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// groupSize is how many options share a group: digits 1 to 7, with 8 for the next group.
const groupSize = 7

// sheet is what is on show, in words, before it is laid out for a channel.
type sheet struct {
	lead     []line // statements and notes, then the question's own words
	question line
	items    []line // review
	how      line   // how to answer
	spare    bool   // how is left out where it takes another page
	skip     line   // that it may be left out
	options  []choice
	asks     engine.Asks
	may      bool // the question may be skipped
	ends     bool // the key for more says that is all, after the last option
}

// line is one paragraph.
type line struct {
	kind  string // of the Block
	key   string // "" when composed
	words string
	again string // a reference number to be said once more
	ref   string // a reference number, or a code, to be shown large
	code  bool   // ref is a code to take the conversation along
	value string // of a line of the review: the answer
	can   bool   // of a line of the review: it can be changed

	media   string // of a call: a recording that is played after the words
	tongues string // of a call: languages that are named after the words, each in its own voice
}

// choice is one option in words.
type choice struct {
	shown    Shown
	group    int
	sentence string // of a call: the option and its key in one sentence; "" for the usual one
	tongue   bool   // shown.ID is a language
	lang     string // of the label, where it isn't the page's
	ours     bool   // of the town's own phrases, worded to be said after "for"
}

// digit is an option's key, the same on every channel.
func digit(o *engine.Option) int { return o.Place%groupSize + 1 }

var digits = [...]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}

const (
	moreDigit = 8
	textKind  = "text"
	noteKind  = "note"
	headKind  = "heading"
	itemKind  = "item"
	refKind   = "reference"
	codeKind  = "code"
	givenKind = "given"
)

// doneKey is what to say when no more choices are wanted.
const doneKey = "@part.done"

// open is the question that waits for an answer, or nil.
func open(prompts []engine.Prompt) *engine.Prompt {
	for i := len(prompts) - 1; i >= 0; i-- {
		if prompts[i].Asks != "" {
			return &prompts[i]
		}
	}
	return nil
}

// compose finds the words of what is on show.
func compose(w *Words, prompts []engine.Prompt, t Traits) sheet {
	f := form(t)
	q := open(prompts)
	var s sheet
	echoes := 0
	for i := range prompts {
		p := &prompts[i]
		if p == q {
			continue
		}
		if p.Key == engine.PhraseEcho || p.Key == engine.PhraseShare {
			echoes++
		}
		l := w.line(p, f)
		l.kind = textKind
		if strings.HasPrefix(p.Key, "@") || strings.Contains(p.Key, ".retry.") {
			l.kind = noteKind
		}
		if l.words != "" {
			s.lead = append(s.lead, l)
		}
	}
	if q == nil {
		return s
	}
	s.asks, s.may = q.Asks, q.Skip
	screen := t.Form == engine.Screen
	if q.Old != nil && (!screen || len(q.Old.Media) > 0) { // a screen shows it in its place
		old := ""
		if f == locales.Spoken && q.Old.Veiled {
			old = w.phrase(engine.PhraseKept, f)
		} else {
			old = w.phrase(engine.PhraseOld, f, locales.Arg{Name: "answer", Value: w.answer(q.Old.Step, q.Old, f)})
		}
		s.lead = append(s.lead, line{kind: noteKind, words: old})
	}
	s.question = w.line(q, f)
	s.question.kind = headKind
	s.how = w.how(q, t, f)
	if t.Cut > 0 && ownWords(q.Asks) && w.Texting != "" && s.how.words == "" {
		s.how, s.spare = line{kind: textKind, words: w.phrase(bytextKey, f, locales.Arg{Name: "line", Value: w.Texting})}, true
	}
	w.piecewise(q, &s, f, echoes)
	for i := range q.Items {
		s.items = append(s.items, w.item(&q.Items[i], f))
	}
	if screen {
		s.may = q.Skip && q.Old == nil
	}
	if q.Skip && q.Old == nil && q.Asks != dialogs.Photo && !screen && f != locales.Spoken {
		s.skip = line{kind: textKind, words: w.phrase(engine.PhraseSkipWord, f)}
	}
	if q.Asks == dialogs.Choices && len(q.Given) > 0 && !screen {
		s.may = true
		s.skip = line{kind: textKind, words: "“" + w.phrase(doneKey, f) + "”"}
		if t.dialled() {
			s.skip.words, s.ends = digits[moreDigit]+" "+w.phrase(doneKey, f), true
		}
	}
	if q.Asks == dialogs.Budget && q.Part > 0 {
		return s
	}
	if underWay(q, t) {
		w.goOn(q, &s, f)
		return s
	}
	s.options = make([]choice, len(q.Options))
	was := w.was(q)
	for i := range q.Options {
		o := &q.Options[i]
		words, icon := w.option(o, f)
		s.options[i] = choice{shown: Shown{ID: o.ID, Digit: digits[digit(o)], Label: words, Icon: icon}, group: o.Place / groupSize}
		s.options[i].ours, s.options[i].lang = strings.HasPrefix(o.Key, "@"), o.Lang
		if s.options[i].tongue = o.Tongue; f == locales.Spoken && strings.HasPrefix(o.Key, sentenceKeys) {
			s.options[i].sentence = w.phrase(o.Key, f, locales.Arg{Name: "digit", Value: digits[digit(o)]})
			s.options[i].shown.Label = w.phrase(o.Key, locales.Full)
		}
		s.options[i].shown.Chosen = screen && (given(q, o.ID) || was != nil && was.ID == o.ID) ||
			t.presses() && q.Asks == dialogs.Choices && slices.Contains(q.Given, o.ID)
		if q.Asks == dialogs.Budget { // answered by amounts, not by keys
			s.options[i].shown.Digit = ""
		}
	}
	return s
}

// given says whether an option was chosen before: in the answer that is asked again, or in the part given so far.
func given(q *engine.Prompt, id string) bool {
	return slices.Contains(q.Given, id) || q.Old != nil && q.Asks != dialogs.Budget && slices.Contains(q.Old.Values, id)
}

func (w *Words) line(p *engine.Prompt, f locales.Form) line {
	words, again := w.say(p.Key, p.Args, f)
	l := line{words: strings.TrimSpace(words), again: again}
	if p.Words != "" {
		l.words = p.Words
	}
	switch {
	case len(p.Args) == 0:
		l.key = p.Key
	case p.Key == engine.PhraseEcho && len(p.Args) == 1 && (p.Args[0].Kind == engine.ArgKey || p.Args[0].Kind == engine.ArgPhrase):
		l.key, l.words = p.Args[0].Value, w.value(&p.Args[0], f) // nothing but that text
	}
	for i := range p.Args {
		switch k := p.Args[i].Kind; k {
		case engine.ArgReference, engine.ArgCode:
			l.ref, l.code = plain(p.Args[i].Value), k == engine.ArgCode
		case engine.ArgMedia:
			l.media = p.Args[i].Value
		case engine.ArgLanguage:
			if f == locales.Spoken && p.Key == engine.PhraseTongues {
				l.tongues = p.Args[i].Value
			}
		}
	}
	return l
}

// option words one option, and names its pictogram.
func (w *Words) option(o *engine.Option, f locales.Form) (words, icon string) {
	switch {
	case o.Words != "":
		words = plain(o.Words)
	case o.Tongue:
		words = w.tongue(o.ID)
	case o.Key == "" && len(o.Args) > 0:
		words = w.value(&o.Args[0], f)
	case o.Key != "":
		if !strings.HasPrefix(o.Key, "@") {
			icon = w.text(o.Key).Icon
		}
		words, _ = w.say(o.Key, o.Args, f)
	}
	if words = strings.TrimSpace(words); words == "" {
		words = plain(o.ID)
	}
	return words, icon
}

func (w *Words) item(it *engine.Item, f locales.Form) line {
	question := strings.TrimSpace(variant(w.text(it.Key), f))
	if f == locales.Full || f == locales.Screen { // a review is read fast: the short question will do
		question = strings.TrimSpace(variant(w.text(it.Key), locales.Short))
	}
	question, _ = w.fill(question, nil, f)
	answer := w.answer(it.Step, it.Answer, f)
	if f == locales.Screen {
		return line{kind: itemKind, key: it.Key, words: question, value: answer, can: it.Change}
	}
	if question == "" {
		return line{kind: itemKind, words: answer}
	}
	if last := question[len(question)-1]; last == ':' || last == '.' {
		question = question[:len(question)-1]
	}
	colon := ": "
	if strings.HasSuffix(question, "?") || strings.HasSuffix(question, "？") || strings.HasSuffix(question, "؟") || strings.HasSuffix(question, "!") {
		colon = " "
	}
	return line{kind: itemKind, words: question + colon + answer}
}

// piecewise words the part of a budget, rank or choices that is asked for now. The whole question is said with the first
// part, and again when something leads up to it but what was given just now.
func (w *Words) piecewise(q *engine.Prompt, s *sheet, f locales.Form, echoes int) {
	part := ""
	switch {
	case q.Asks == dialogs.Budget && q.Part > 0 && q.Part <= len(q.Options):
		option, _ := w.option(&q.Options[q.Part-1], f)
		total := q.Total
		if st := w.step(q.Step); st != nil {
			total = st.Total
		}
		part = w.phrase(engine.PhraseBudgetPart, f, locales.Arg{Name: "option", Value: option}, w.amount("left", q.Total, f), w.amount("total", total, f))
	case q.Asks == dialogs.Rank && q.Part > 0:
		part = w.phrase(engine.PhraseRankPart, f, w.amount("place", q.Part, f))
	case q.Asks == dialogs.Choices && len(q.Given) > 0:
		labels := make([]string, len(q.Given))
		for i, id := range q.Given {
			labels[i] = id
			if st := w.step(q.Step); st != nil {
				labels[i] = w.label(st, id, f)
			}
		}
		part = w.phrase(engine.PhraseChoicesPart, f, locales.Arg{Name: "chosen", Value: w.Lang.List(labels)})
	}
	if part == "" {
		return
	}
	if q.Part == 1 || len(q.Given) == 0 || len(s.lead) > echoes || f == locales.Screen {
		s.lead = append(s.lead, line{kind: textKind, key: s.question.key, words: s.question.words})
	}
	if f == locales.Screen && q.Asks == dialogs.Rank {
		st := w.step(q.Step)
		for i, id := range q.Given {
			if st == nil {
				break
			}
			words := w.phrase("@rank.line", f, w.amount("place", i+1, f), locales.Arg{Name: "option", Value: w.label(st, id, f)})
			s.lead = append(s.lead, line{kind: givenKind, words: words})
		}
	}
	if s.how.words != "" { // how it all goes, before the first part
		s.lead = append(s.lead, s.how)
		s.how = line{}
	}
	s.question = line{kind: headKind, words: part}
}

func (w *Words) amount(name string, n int, f locales.Form) locales.Arg {
	return locales.Arg{Name: name, Value: w.Lang.FormatNumber(float64(n), f), Count: n, Plural: true}
}

// how says how to answer, where the question alone does not: by which numbers, in which order, when a call takes keys or a
// voice. A street or a picture is asked for by the author's own words.
func (w *Words) how(q *engine.Prompt, t Traits, f locales.Form) line {
	spoken := t.Form == engine.Speech
	switch q.Asks {
	case dialogs.Choices, dialogs.Rank, dialogs.Budget:
		if q.Part > 1 || len(q.Given) > 0 {
			return line{}
		}
		if q.Part == 1 && !spoken {
			return line{}
		}
		if q.Asks == dialogs.Rank && t.InTurn {
			return line{}
		}
	case dialogs.Date, dialogs.Number, dialogs.Contact:
	case dialogs.Words, dialogs.Place:
		if !w.recorded(q, t) {
			return line{}
		}
	case dialogs.Code, dialogs.Status:
		if !spoken {
			return line{}
		}
	case dialogs.Photo:
		if !q.Skip {
			return line{}
		}
	default:
		return line{}
	}
	if len(q.Options) > 0 && q.Asks == dialogs.Status {
		return line{}
	}
	var args []locales.Arg
	if st := w.step(q.Step); st != nil {
		args = append(args, w.amount("total", st.Total, f),
			locales.Arg{Name: "min", Value: w.number(strconv.FormatFloat(st.Min, 'f', -1, 64), f)},
			locales.Arg{Name: "max", Value: w.number(strconv.FormatFloat(st.Max, 'f', -1, 64), f)})
	}
	key := engine.PhraseHow + string(q.Asks)
	if q.Asks == dialogs.Date && t.dialled() {
		key = "@how.keyed"
	}
	if spoken {
		switch n := w.keys(q); {
		case q.Asks == dialogs.Number && w.pointed(q):
			key = "@speech.point"
		case q.Asks == dialogs.Number && n == 1:
			key = "@speech.digit"
		case q.Asks == dialogs.Date && n == wholeDate:
			key = "@speech.whole"
		}
	}
	return line{kind: textKind, words: strings.TrimSpace(w.phrase(key, f, args...))}
}
