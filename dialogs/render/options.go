package render

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// name is one folded wording of an option: a label, a short label, a synonym, its id.
type name struct {
	words  string
	option int // index into the prompt's options
	rank   int // 0 the conversation's language, 1 the dialog's own, 2 another, 3 the id
}

// named lists what the options are called, in every language of the dialog.
func (r *reader) named() []name {
	if r.names != nil {
		return r.names
	}
	r.names = make([]name, 0, 6*len(r.q.Options)+1)
	for i := range r.q.Options {
		o := &r.q.Options[i]
		switch {
		case o.Words != "":
			r.call(i, 0, o.Words)
		case o.Tongue:
			r.call(i, 0, r.w.tongue(o.ID))
			for _, l := range r.tongues() {
				if called, ok := l.Called(o.ID); ok {
					r.call(i, 2, called)
				}
			}
		case strings.HasPrefix(o.Key, "@"):
			for n, l := range r.tongues() {
				last := ""
				for _, f := range [...]locales.Form{locales.Full, locales.Short, locales.Spoken} {
					if words := l.Phrase(o.Key, f); words != last {
						r.call(i, min(n, 1), words)
						last = words
					}
				}
			}
		case o.Key == "" && len(o.Args) > 0:
			for _, f := range [...]locales.Form{locales.Full, locales.Short, locales.Spoken} {
				r.call(i, 0, r.w.value(&o.Args[0], f))
			}
		case o.Key != "" && r.w.Dialog != nil:
			r.callIn(i, 0, r.w.tag(), o)
			r.callIn(i, 1, r.w.Dialog.Language, o)
			for _, tag := range r.w.Dialog.Languages {
				r.callIn(i, 2, tag, o)
			}
		}
		if !numeric(o.ID) { // a number for an id is never shown, so nobody means it
			r.call(i, 3, o.ID)
		}
	}
	return r.names
}

func (r *reader) callIn(option, rank int, tag string, o *engine.Option) {
	if rank > 0 && tag == r.w.tag() {
		return
	}
	t, _ := r.w.Dialog.Text(tag, o.Key)
	for _, words := range [...]string{t.Text, t.Short, t.Speech} {
		words, _ = r.w.fill(words, o.Args, locales.Full)
		r.call(option, rank, words)
	}
	for _, words := range t.Also {
		r.call(option, rank, words)
	}
}

func (r *reader) call(option, rank int, words string) {
	folded := unfold(locales.Fold(words))
	if folded == "" {
		return
	}
	for i := len(r.names) - 1; i >= 0 && r.names[i].option == option; i-- {
		if r.names[i].words == folded {
			return
		}
	}
	r.names = append(r.names, name{folded, option, rank})
}

func numeric(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// exact are the options called just that, in the nearest language that has any.
func (r *reader) exact(words string) []int {
	if words == "" {
		return nil
	}
	best := 4
	var fit []int
	for _, n := range r.named() {
		if n.words != words || n.rank > best {
			continue
		}
		if n.rank < best {
			best, fit = n.rank, fit[:0]
		}
		fit = with(fit, n.option)
	}
	return fit
}

func with(fit []int, option int) []int {
	if slices.Contains(fit, option) {
		return fit
	}
	return append(fit, option)
}

// group is the group of options on the page on show: digits mean these.
func (r *reader) group() int {
	first, same := r.q.Options[0].Place/groupSize, true
	for i := range r.q.Options {
		same = same && r.q.Options[i].Place/groupSize == first
	}
	if same {
		return first
	}
	pages := r.pages()
	shown := pages[r.page%len(pages)].Options
	for i := range r.q.Options {
		if o := &r.q.Options[i]; len(shown) > 0 && o.ID == shown[0].ID {
			return o.Place / groupSize
		}
	}
	return first
}

// byDigit is the option with that digit on the page on show, or -1.
func (r *reader) byDigit(d int) int {
	if d < 1 || d > groupSize || len(r.q.Options) == 0 {
		return -1
	}
	group := r.group()
	for i := range r.q.Options {
		if o := &r.q.Options[i]; o.Place/groupSize == group && digit(o) == d {
			return i
		}
	}
	return -1
}

// byNumber adds the options whose wording is that very number: "One" when 1 was said. Where several begin with a number
// ("Two", "Three or more"), that number counts as well.
func (r *reader) byNumber(fit []int, n float64) []int {
	counting := 0
	var begin []int
	for i := range r.q.Options {
		o := &r.q.Options[i]
		if o.Key == "" || o.Key[0] == '@' {
			continue
		}
		t := r.w.text(o.Key)
		counts := false
		for _, words := range [...]string{t.Text, t.Short, t.Speech} {
			first, more, _ := strings.Cut(words, " ")
			if first == "" || len(first) > 24 || more != "" && fillers[locales.Fold(first)] { // "a" is no one
				continue
			}
			v, ok := r.w.Lang.Number(first)
			if !ok {
				continue
			}
			counts = true
			switch {
			case v != n:
			case more == "":
				fit = with(fit, i)
			default:
				begin = with(begin, i)
			}
		}
		if counts {
			counting++
		}
	}
	if counting > 1 {
		for _, i := range begin {
			fit = with(fit, i)
		}
	}
	return fit
}

// pointed are the options that words name by digit, number or place: "2", "option 2", "two", "the second".
func (r *reader) pointed(words, bare string) []int {
	if len(r.q.Options) == 0 {
		return nil
	}
	if len(bare) == 1 && bare[0] >= '0' && bare[0] <= '9' {
		n := int(bare[0] - '0')
		var fit []int
		if i := r.byDigit(n); i >= 0 {
			fit = append(fit, i)
		}
		return r.byNumber(fit, float64(n))
	}
	if numeric(bare) {
		n := 0.0
		for _, c := range bare {
			n = n*10 + float64(c-'0')
		}
		return r.byNumber(nil, n)
	}
	for foreign, l := range r.tongues() {
		if n, ok := l.Number(bare); ok {
			var fit []int
			if foreign > 0 { // "tres" is three, or a slip of "trees"
				fit = append(fit, r.slip(bare)...)
			}
			if n == float64(int(n)) {
				if i := r.byDigit(int(n)); i >= 0 {
					fit = with(fit, i)
				}
			}
			return r.byNumber(fit, n)
		}
		if n, ok := l.Ordinal(words); ok {
			if n == -1 {
				return r.last()
			}
			if i := r.byDigit(n); i >= 0 {
				return []int{i}
			}
			return nil
		}
	}
	return nil
}

// last are the options that "the last one" can mean: the last of the page's group, the last of all.
func (r *reader) last() []int {
	group, of, all := r.group(), -1, 0
	for i := range r.q.Options {
		o := &r.q.Options[i]
		if o.Place/groupSize == group && (of < 0 || o.Place > r.q.Options[of].Place) {
			of = i
		}
		if o.Place > r.q.Options[all].Place {
			all = i
		}
	}
	if of < 0 {
		return []int{all}
	}
	return with([]int{of}, all)
}

// sure are the options that words name beyond doubt: by digit, number, label, synonym or id.
func (r *reader) sure(words, bare string) []int {
	if len(bare) == 1 && bare[0] >= '1' && bare[0] <= '7' {
		return r.pointed(words, bare)
	}
	fit := r.exact(words)
	if len(fit) == 0 && bare != words {
		fit = r.exact(bare)
	}
	for _, i := range r.pointed(words, bare) {
		fit = with(fit, i)
	}
	return fit
}

// single reads an answer that is one of the options.
func (r *reader) single() engine.Input {
	if r.said == "" {
		return unclear()
	}
	r.bare = r.said
	if len(r.said) > 1 {
		r.bare = r.w.Lang.Unwrap(r.said)
	}
	if fit := r.sure(r.said, r.bare); len(fit) > 0 {
		return r.chosen(fit)
	}
	if in, ok := r.assent(); ok {
		return in
	}
	if in, ok := r.command(); ok {
		return in
	}
	if r.q.Asks == dialogs.Consent || r.q.Asks == dialogs.Status {
		if r.q.Asks == dialogs.Status {
			return r.plain()
		}
		return unclear()
	}
	if len(r.q.Options) == 0 {
		return unclear()
	}
	return r.chosen(r.nearly(r.said, r.bare))
}

// chosen is the input for the options that fit.
func (r *reader) chosen(fit []int) engine.Input {
	switch len(fit) {
	case 0:
		return unclear()
	case 1:
		return r.one(r.q.Options[fit[0]].ID)
	}
	slices.SortFunc(fit, func(a, b int) int { return r.q.Options[a].Place - r.q.Options[b].Place })
	in := engine.Input{Kind: engine.Unsure}
	for _, i := range fit {
		in.Values = append(in.Values, r.q.Options[i].ID)
	}
	return in
}

// one is the input for one option.
func (r *reader) one(id string) engine.Input {
	switch r.q.Asks {
	case dialogs.Choices, dialogs.Rank:
		return r.listed([]string{id})
	case dialogs.Place:
		return r.placed(id)
	}
	return said(id)
}

func (r *reader) has(id string) bool {
	return slices.ContainsFunc(r.q.Options, func(o engine.Option) bool { return o.ID == id })
}

// assent reads yes and no, where the options have such a meaning.
func (r *reader) assent() (engine.Input, bool) {
	if r.q.Asks == dialogs.Review && r.has("ok") {
		for _, l := range r.tongues() {
			if l.Approves(r.raw) {
				return said("ok"), true
			}
		}
		if id := r.itemNamed(); id != "" {
			return said(id), true
		}
	}
	yes, ok := r.yesNo(r.q.Asks == dialogs.YesNo)
	if !ok {
		return r.dayNamed()
	}
	answer := func(id string) (engine.Input, bool) {
		if !r.has(id) {
			return engine.Input{}, false
		}
		return said(id), true
	}
	switch {
	case r.has("yes") && r.has("no"):
		if yes {
			return answer("yes")
		}
		return answer("no")
	case r.q.Asks == dialogs.Review && !yes:
		return answer("change")
	case r.q.Asks == dialogs.Similar && !yes:
		return answer("none")
	case r.q.Asks == dialogs.Similar && len(r.q.Options) == 2 && r.has("none"):
		return answer(r.q.Options[0].ID)
	case r.q.Asks == engine.Pick && len(r.q.Options) == 2 && r.has("on") && r.has("other"):
		if yes {
			return answer("on")
		}
		return answer("other")
	}
	return r.leading(yes)
}

// leading takes yes or no for the options that begin with such a word, "Yes, build it" and "No, leave it", where there
// are both.
func (r *reader) leading(yes bool) (engine.Input, bool) {
	var fit, against []int
	for _, n := range r.named() {
		if n.rank > 0 {
			continue
		}
		first, _, _ := strings.Cut(n.words, " ")
		switch y, ok := r.w.Lang.YesNo(first); {
		case ok && y == yes:
			fit = with(fit, n.option)
		case ok:
			against = with(against, n.option)
		}
	}
	if len(fit) == 0 || len(against) == 0 {
		return engine.Input{}, false
	}
	return r.chosen(fit), true
}

// yesNo reads yes or no in the conversation's language, then in the town's others. Loosely, a sentence that begins with
// yes or no is read too: "Yes, my son is hurt", unless more of it might turn that round.
func (r *reader) yesNo(loosely bool) (yes, ok bool) {
	for _, l := range r.tongues() {
		if yes, ok = l.YesNo(r.raw); ok {
			return yes, true
		}
	}
	if !loosely {
		return false, false
	}
	first, rest, found := strings.Cut(r.said, " ")
	if !found {
		return false, false
	}
	l := r.w.Lang
	if yes, ok = l.YesNo(first); !ok {
		return false, false
	}
	end := strings.IndexFunc(r.raw, unicode.IsSpace)
	if mark, _ := utf8.DecodeLastRuneInString(r.raw[:max(end, 0)]); !strings.ContainsRune(",.!;:،。，", mark) && !yes {
		return false, false // "no problem" is no no
	}
	for _, word := range strings.Fields(rest) {
		if turning(word) || yes && negates(word) {
			return false, false
		}
		if again, ok := l.YesNo(word); ok && again != yes && !negates(word) {
			return false, false
		}
	}
	return yes, true
}

// dayNamed reads a day, where the options are days.
func (r *reader) dayNamed() (engine.Input, bool) {
	if r.q.Asks != engine.Pick || len(r.q.Options) == 0 || len(r.q.Options[0].Args) == 0 || r.q.Options[0].Args[0].Kind != engine.ArgDate {
		return engine.Input{}, false
	}
	var fit []int
	for _, day := range r.w.Lang.Date(r.raw, r.w.Today) {
		for i := range r.q.Options {
			if r.q.Options[i].ID == day.Format(time.DateOnly) {
				fit = with(fit, i)
			}
		}
	}
	if len(fit) == 0 {
		return engine.Input{}, false
	}
	return r.chosen(fit), true
}

// itemNamed is the answer in a review that was named to be changed: by its question or its id.
func (r *reader) itemNamed() string {
	found := ""
	for i := range r.q.Items {
		it := &r.q.Items[i]
		t := r.w.text(it.Key)
		if r.said == locales.Fold(t.Text) || t.Short != "" && r.said == locales.Fold(t.Short) || r.said == locales.Fold(it.Key) {
			if found != "" {
				return ""
			}
			found = it.Key
		}
	}
	return found
}
