package render

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// These words are for understanding, never shown: folded as locales.Fold folds them. They are few on purpose. What is
// not understood is asked again; what is misunderstood is recorded wrong.

// negations turn a statement into its opposite. An option that holds one is never chosen by words that lack it.
var negations = setOf(
	"no not never none nothing neither nor without dont cannot cant wont isnt doesnt didnt nobody stop against",
	"nunca nada ninguno ninguna ningun sin ni tampoco nadie contra",
	"ne pas non jamais rien aucun aucune sans personne contre",
	"不 没 没有 不是 不要 别 无 非 未",
	"لا ليس ليست لم لن غير بدون ما ضد",
	"ma maya aan laan la'aan ha ka",
)

// turns take back or limit what was said before them.
var turns = setOf(
	"but except unless only if however although maybe perhaps instead",
	"pero excepto salvo menos solo si aunque quiza quizas",
	"mais sauf excepte seulement si peut",
	"但 但是 除了 如果 也许",
	"لكن الا اذا ربما",
	"laakiin marka haddii",
)

// fillers may stand around an option in a sentence that chooses it.
var fillers = setOf(
	"i id im we you would like want wants wish to have the a an my our for me us is it its be should that this please pls thanks thank choose pick take go with choice answer option number think prefer vote vot would first of on get give and",
	"yo quiero queremos quisiera me gustaria el la los las un una mi para es por favor gracias elijo prefiero opcion numero voto creo que de en",
	"je veux voudrais nous prefere choisis prends le la les un une l mon pour c est cest s il vous plait svp merci option numero pense que de des du sur",
	"我 想 要 我要 我想 我想要 选 我选 选择 我选择 请 谢谢 是 的 我们",
	"اريد انا نريد اختار افضل من فضلك شكرا هو هي رقم خيار على",
	"waxaan rabaa doonayaa doortay fadlan mahadsanid waa ku",
)

// joints stand between several options: "1 and 3". eithers stand between two of which one is meant.
var (
	joints  = setOf("and plus also then", "y e tambien luego", "et puis aussi", "和 与 及 然后", "و ثم", "iyo kadib")
	eithers = setOf("or", "o u", "ou", "或 或者 还是", "او ام", "ama mise")
)

// every says that all the options are meant.
var every = setOf(
	"all everything all of them both every one",
	"todo todos todas ambos ambas",
	"tout tous toutes les deux",
	"全部 所有 都 全都",
	"الكل كل جميع كلها جميعها",
	"dhammaan kulli giddi",
)

// closings end an answer that is given part by part.
var closings = setOf(
	"no none nothing done finished enough that is all thats it more",
	"no nada nadie ninguno ninguna listo ya basta es todo mas",
	"non rien aucun aucune fini termine cest c est tout assez",
	"没有 没 不 没了 完了 就这些 够了",
	"لا لا شيء انتهيت كفى هذا كل",
	"maya waxba dhammaad waa intaas",
)

// unfold writes out what English runs together, so that "don't know" is "do not know".
func unfold(words string) string {
	if !strings.Contains(words, "nt") && !strings.Contains(words, "cannot") {
		return words
	}
	return strings.TrimSpace(contractions.Replace(" " + words + " "))
}

var contractions = strings.NewReplacer(
	" dont ", " do not ", " doesnt ", " does not ", " didnt ", " did not ", " isnt ", " is not ", " arent ", " are not ",
	" wasnt ", " was not ", " cant ", " can not ", " cannot ", " can not ", " wont ", " will not ", " wouldnt ", " would not ",
	" shouldnt ", " should not ", " couldnt ", " could not ", " havent ", " have not ", " hasnt ", " has not ",
)

func setOf(lists ...string) map[string]bool {
	set := make(map[string]bool)
	for _, l := range lists {
		for _, w := range strings.Fields(l) {
			set[w] = true
		}
	}
	return set
}

func negates(word string) bool {
	return negations[word] || strings.HasPrefix(word, "不") || strings.HasPrefix(word, "没")
}

func turning(word string) bool {
	return turns[word] || strings.HasPrefix(word, "但") || strings.HasPrefix(word, "除")
}

func allOf(words string, set map[string]bool) bool {
	some := false
	for w := range strings.FieldsSeq(words) {
		if !set[w] {
			return false
		}
		some = true
	}
	return some
}

// nearly are the options that words come close to: the only one that has all of the words, the only one within a typing
// slip, the only one named in a sentence. More than one where several come as close.
func (r *reader) nearly(words, bare string) []int {
	if fit, stop := r.within(bare); len(fit) > 0 || stop {
		return fit
	}
	if fit := r.slip(bare); len(fit) > 0 {
		return fit
	}
	found, either, ok := r.scan(words)
	found = distinct(found)
	if !ok || len(found) > 2 && !either { // two named side by side can be asked about; more are no answer
		return nil
	}
	return found
}

func distinct(found []int) []int {
	var out []int
	for _, i := range found {
		out = with(out, i)
	}
	return out
}

// within are the options whose wording has all of these words; the last may be cut short. stop says that only options fit
// which say the opposite.
func (r *reader) within(words string) (fit []int, stop bool) {
	fields := strings.Fields(words)
	content, negative := false, false
	for _, f := range fields {
		content = content || weight(f) && !fillers[f]
		negative = negative || negates(f)
	}
	if !content || len(fields) > 12 {
		return nil, false
	}
	against := false
	for _, n := range r.named() {
		if n.rank == 3 || !covers(n.words, fields) {
			continue
		}
		if !negative && negated(n.words) {
			against = true
			continue
		}
		fit = with(fit, n.option)
	}
	return fit, against && len(fit) == 0
}

// weight says whether a word is long enough to tell options apart: four letters, or two Chinese characters.
func weight(word string) bool {
	n := utf8.RuneCountInString(word)
	if r, _ := utf8.DecodeRuneInString(word); unspaced(r) {
		return n >= 2
	}
	return n >= 4
}

// unspaced says whether a character is of a script that is written without spaces between words.
func unspaced(r rune) bool {
	return r > 0x2e80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

func negated(words string) bool {
	for w := range strings.FieldsSeq(words) {
		if negates(w) {
			return true
		}
		for _, r := range w {
			if r == '不' || r == '没' {
				return true
			}
		}
	}
	return false
}

func covers(wording string, fields []string) bool {
	for i, f := range fields {
		if !hasWord(wording, f, i == len(fields)-1 || len(fields) == 1) {
			return false
		}
	}
	return true
}

// hasWord looks for a word among others; cut says that it may be the beginning of one.
func hasWord(wording, word string, cut bool) bool {
	if r, _ := utf8.DecodeRuneInString(word); unspaced(r) {
		return strings.Contains(wording, word)
	}
	for w := range strings.FieldsSeq(wording) {
		if w == word || cut && weight(word) && strings.HasPrefix(w, word) {
			return true
		}
	}
	return false
}

// slip is the option that is one typing slip away: a letter wrong, missing, too many, or two swapped; in a word of at
// least four letters, while no other option is within two.
func (r *reader) slip(words string) []int {
	if utf8.RuneCountInString(words) < 4 || len(words) > 80 || numberish(words) {
		return nil
	}
	said := []rune(words)
	single := !strings.Contains(words, " ")
	nearest, at := 3, -1
	crowded := false
	consider := func(option int, wording string) {
		if utf8.RuneCountInString(wording) < 4 || numberish(wording) {
			return
		}
		d := slips(said, []rune(wording))
		switch {
		case d > 2:
		case option == at:
			nearest = min(nearest, d)
		case at >= 0:
			crowded = true
		default:
			nearest, at = d, option
		}
	}
	for _, n := range r.named() {
		if n.rank == 3 && negates(words) {
			continue
		}
		consider(n.option, n.words)
		if single && n.rank < 3 && strings.Contains(n.words, " ") && !negated(n.words) {
			for w := range strings.FieldsSeq(n.words) {
				if !fillers[w] {
					consider(n.option, w)
				}
			}
		}
	}
	if at < 0 || crowded || nearest > 1 {
		return nil
	}
	return []int{at}
}

// numberish says whether words hold a digit: a slip in a number is another number.
func numberish(words string) bool { return strings.ContainsAny(words, "0123456789") }

// slips is the Damerau-Levenshtein distance (swapped neighbours count one) of two words, or 3 where it is more than 2.
func slips(a, b []rune) int {
	if d := len(a) - len(b); d > 2 || d < -2 || len(b) > 120 {
		return 3
	}
	var rows [3][124]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range b {
		last[j+1] = j + 1
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], 3)
}

// scan reads a sentence from left to right as options, named in full or by digit, among words that change nothing; one
// named twice is found twice. ok is false as soon as any other word stands in it: "anything but buses", "buses are awful". either says that an "or" did.
func (r *reader) scan(words string) (found []int, either, ok bool) {
	s := scanner{r: r, rest: words}
	for s.next() {
		switch {
		case s.option >= 0:
			found = append(found, s.option)
		case s.either:
			either = true
		}
	}
	return found, either, s.rest == "" && !s.torn
}

// scanner takes folded words apart: options by their full wording, numbers, joints, fillers.
type scanner struct {
	r      *reader
	rest   string
	option int  // of this token, or -1
	number int  // of this token, or -1
	either bool // this token is an "or"
	all    bool // this token means all options
	torn   bool // a wording names two options
	spent  bool // numbers are amounts, not digits of options
}

// next takes the next token off; false at the end, or where words stand that mean something unknown.
func (s *scanner) next() bool {
	s.rest = strings.TrimLeft(s.rest, " ,/:")
	s.option, s.number, s.either, s.all = -1, -1, false, false
	if s.rest == "" || s.torn {
		return false
	}
	best, rank := 0, 4
	for _, n := range s.r.named() {
		if len(n.words) < best || len(n.words) == best && n.rank > rank || !leads(s.rest, n.words) {
			continue
		}
		if len(n.words) == best && n.rank == rank && s.option >= 0 && s.option != n.option {
			s.torn = true
			return false
		}
		best, rank, s.option = len(n.words), n.rank, n.option
	}
	if s.option >= 0 {
		s.rest = s.rest[best:]
		return true
	}
	end := strings.IndexAny(s.rest, " ,/:")
	if end < 0 {
		end = len(s.rest)
	}
	word := s.rest[:end]
	if run := len(word) - len(strings.TrimLeft(word, "0123456789")); run > 0 && run < end {
		if r, _ := utf8.DecodeRuneInString(word[run:]); unspaced(r) {
			word, end = word[:run], run
		}
	}
	if n, ok := s.amount(word); ok {
		s.rest = s.rest[end:]
		s.number = n
		if !s.spent {
			if s.option = s.r.byDigit(n); s.option < 0 {
				s.torn = true
				return false
			}
		}
		return true
	}
	if r, _ := utf8.DecodeRuneInString(word); unspaced(r) {
		if end = unspacedWord(word); end == 0 {
			return false
		}
		word = word[:end]
	}
	switch {
	case eithers[word]:
		s.either = true
	case s.spent && every[word]:
		s.all = true
	case joints[word], fillers[word]:
	default:
		return false
	}
	s.rest = s.rest[end:]
	return true
}

// amount reads a token that is a whole number, in digits or as a word.
func (s *scanner) amount(word string) (int, bool) {
	if numeric(word) && len(word) <= 9 {
		n := 0
		for _, c := range word {
			n = n*10 + int(c-'0')
		}
		return n, true
	}
	if fillers[word] || joints[word] || eithers[word] || numberish(word) {
		return 0, false
	}
	for _, l := range s.r.tongues() {
		if f, ok := l.Number(word); ok && f == float64(int(f)) && f >= 0 && f < 1e9 {
			return int(f), true
		}
	}
	return 0, false
}

// leads says whether rest begins with whole words.
func leads(rest, words string) bool {
	if !strings.HasPrefix(rest, words) {
		return false
	}
	if len(rest) == len(words) {
		return true
	}
	next, _ := utf8.DecodeRuneInString(rest[len(words):])
	last, _ := utf8.DecodeLastRuneInString(words)
	return strings.ContainsRune(" ,/:.", next) || unspaced(next) || unspaced(last)
}

// unspacedWord is the length of the longest known word at the front, in a script without spaces.
func unspacedWord(word string) int {
	best := 0
	for _, set := range [...]map[string]bool{fillers, joints, eithers, every} {
		for w := range set {
			if len(w) > best && strings.HasPrefix(word, w) {
				best = len(w)
			}
		}
	}
	return best
}
