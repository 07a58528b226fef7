package audio

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/townline/townline/locales"
)

// spoken is words as a machine's voice should read them: references and telephone numbers sign by sign, sums with their
// money after them, times, ranges and shares in words. Marks that mean something to espeak-ng alone ("[[") are taken out.
func spoken(l *locales.Language, words string) string {
	words = tidy(words)
	if name := signName(words); name != "" {
		return l.Phrase(name, locales.Spoken)
	}
	words = plainMarks.Replace(words)
	if !strings.ContainsAny(words, "0123456789") {
		return words
	}
	written := dotted
	if strings.Contains(l.FormatNumber(1.5, locales.Full), ",") {
		written = commaed
	}
	return written.token.ReplaceAllStringFunc(words, func(token string) string { return written.say(l, token) })
}

// spelled finds what is said figure by figure, in groups: "4 8 2, 1 7 3, 5".
var spelled = regexp.MustCompile(`\b\d(?: \d\b)*(?:, \d\b(?: \d\b)*)+|\b\d(?: \d\b)+`)

// toWriteDown is words in which each figure of a number stands by itself, and each group of them more so: on the telephone
// people write them down.
func toWriteDown(words string) string {
	return spelled.ReplaceAllStringFunc(words, func(number string) string {
		groups := strings.Split(number, ", ")
		for i := range groups {
			groups[i] = strings.ReplaceAll(groups[i], " ", ", ")
		}
		return strings.Join(groups, ". ")
	})
}

// signName is the phrase that names a sign on a key: a voice says nothing of a comma that stands alone.
func signName(words string) string {
	switch words {
	case ".", "。":
		return "sign.dot"
	case ",", "،", "，":
		return "sign.comma"
	case "?", "؟", "？":
		return "sign.question"
	case "!", "！":
		return "sign.exclamation"
	case "-":
		return "sign.hyphen"
	case "'", "’":
		return "sign.apostrophe"
	case "@":
		return "sign.at"
	case ":", "：":
		return "sign.colon"
	case "/":
		return "sign.slash"
	case "(", "（":
		return "sign.open"
	case ")", "）":
		return "sign.close"
	}
	return ""
}

// plainMarks makes figures of every script into those that all of espeak-ng's voices read, and takes out its own marks.
var plainMarks = func() *strings.Replacer {
	pairs := []string{"[", "(", "]", ")"}
	for _, zero := range []rune{'٠', '۰', '०', '０'} {
		for i := range 10 {
			pairs = append(pairs, string(zero+rune(i)), strconv.Itoa(i))
		}
	}
	return strings.NewReplacer(pairs...)
}()

// phoneMarks are written in telephone numbers and not said.
var phoneMarks = strings.NewReplacer("+", "", "(", "", ")", " ")

// figures is how a language writes numbers, and finds what is made of them.
type figures struct {
	token, signs, money, clock, years *regexp.Regexp
	group                             string // what parts thousands
	decimal                           string
}

// The two ways of writing: 1,250.5 and 1.250,5. Where a comma is the decimal mark, one before exactly three figures still
// parts thousands: Spanish is written both ways in North America, and no town counts in thousandths.
var (
	dotted  = newFigures(",", ".")
	commaed = newFigures(".,  ", ",")
)

func newFigures(group, decimal string) *figures {
	const (
		signs = `\b[A-Z]{1,4}(?:-\d+)+\b` + // SR-4821-7
			`|\b\d+(?:-\d+){2,}\b` + // 482-173-5
			`|\+\d(?:[ -]?\d){6,14}\b` + // +1 555 0100
			`|\(\d{3}\) ?\d{3}[ -]\d{4}\b` + // (202) 555-0100
			`|\b\d{3}[ -]\d{4}\b` + // 555-0100
			`|\b\d{4}-\d{4}\b` // 4821-7350
		single = `\b0\d+\b` + // 0100
			`|\b(?:[2-9]11|112|999)\b` // 911: numbers to call
		clock = `\b\d{1,2}:\d{2}\b`
	)
	number := `\d{1,3}(?:[` + group + `]\d{3})+\b(?:[` + decimal + `]\d+)?|\d+(?:[.,]\d+)?`
	money := `[$€£] ?(?:` + number + `)`
	one := `(?:` + clock + `|\b(?:` + number + `))`
	return &figures{
		token: regexp.MustCompile(`\b(?:19|20)\d\d[-–](?:19|20)\d\d\b|` + signs + `|` + money + `|` + one + ` ?[-–] ?` + one +
			`|` + clock + `|` + single + `|#\d+|\b(?:` + number + `) ?%|\b(?:` + number + `)`),
		signs: regexp.MustCompile(`^(?:` + signs + `|` + single + `)$`),
		years: regexp.MustCompile(`^(?:19|20)\d\d[-–](?:19|20)\d\d$`),
		money: regexp.MustCompile(`^` + money + `$`),
		clock: regexp.MustCompile(`^` + clock + `$`),
		group: group, decimal: decimal,
	}
}

// say is one token in words.
func (w *figures) say(l *locales.Language, token string) string {
	phrase := func(key string, args ...string) string {
		filled := make([]locales.Arg, 0, len(args)/2)
		for i := 0; i < len(args); i += 2 {
			filled = append(filled, locales.Arg{Name: args[i], Value: args[i+1]})
		}
		return l.Phrase(key, locales.Spoken, filled...)
	}
	switch {
	case w.years.MatchString(token):
		return phrase("say.range", "from", token[:4], "to", token[len(token)-4:])
	case w.signs.MatchString(token):
		return l.Spell(strings.Trim(phoneMarks.Replace(token), " "))
	case w.money.MatchString(token):
		key, sum := "say.dollars", strings.TrimPrefix(token, "$")
		for sign, k := range map[string]string{"€": "say.euros", "£": "say.pounds"} {
			if rest, ok := strings.CutPrefix(token, sign); ok {
				key, sum = k, rest
			}
		}
		sum = w.plain(strings.TrimSpace(sum))
		count, err := strconv.Atoi(sum)
		if err != nil {
			count = 2 // a part of one
		}
		return l.Phrase(key, locales.Spoken, locales.Arg{Name: "amount", Value: sum, Count: count, Plural: true})
	case w.clock.MatchString(token):
		hour, minute, _ := strings.Cut(token, ":")
		if hour = strings.TrimPrefix(hour, "0"); hour == "" {
			hour = "0"
		}
		if minute == "00" {
			return phrase("say.clock", "hour", hour)
		}
		return phrase("say.time", "hour", hour, "minute", minute)
	case token[0] == '#':
		return phrase("say.number", "number", token[1:])
	case strings.HasSuffix(token, "%"):
		return phrase("say.percent", "number", w.plain(strings.TrimSpace(strings.TrimSuffix(token, "%"))))
	}
	if from, to, ok := strings.Cut(strings.ReplaceAll(token, "–", "-"), "-"); ok {
		return phrase("say.range", "from", w.say(l, strings.TrimSpace(from)), "to", w.say(l, strings.TrimSpace(to)))
	}
	return w.plain(token)
}

// plain is a number without what parts its thousands.
func (w *figures) plain(number string) string {
	var b strings.Builder
	for i, r := range number {
		if strings.ContainsRune(w.group, r) && groupAt(number[i:]) {
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// groupAt says whether a mark and exactly three figures stand at the beginning of s.
func groupAt(s string) bool {
	figures := strings.TrimLeft(s, "., ")
	n := len(figures) - len(strings.TrimLeft(figures, "0123456789"))
	return n == 3
}
