package locales

import (
	"fmt"
	"maps"
	"sort"
	"strings"

	"golang.org/x/text/language"
)

// Language is one language: its phrases, and how its words, numbers and days are read. It never changes.
type Language struct {
	Tag     string
	Name    string // its own name
	RTL     bool   // written from right to left
	Machine bool   // translated by a machine; a speaker has not checked it yet

	source     *Language
	unspaced   bool // words are not parted by spaces
	called     map[string][]string
	plurals    language.Tag
	phrases    map[string]phrase
	commands   map[string]Command
	starts     map[string]bool
	yesno      map[string]bool // word → yes
	approve    map[string]bool
	politely   affixes // in front
	thanks     affixes // behind: the same words
	before     affixes
	after      affixes
	numbers    numbers
	dates      dates
	comma      string
	and        string
	andBeforeI string
}

func (l *Language) learnWords(f *file) error {
	l.commands = make(map[string]Command)
	for command, words := range f.Commands {
		if !isCommand(command) {
			return fmt.Errorf("commands: %q is not a command", command)
		}
		for _, w := range words {
			folded := Fold(w)
			if had, ok := l.commands[folded]; ok && had != command {
				return fmt.Errorf("commands: %q means both %s and %s", w, had, command)
			}
			l.commands[folded] = command
		}
	}
	l.yesno = make(map[string]bool)
	for _, w := range f.Yes {
		l.yesno[Fold(w)] = true
	}
	for _, w := range f.No {
		folded := Fold(w)
		if l.yesno[folded] {
			return fmt.Errorf("%q means both yes and no", w)
		}
		l.yesno[folded] = false
	}
	l.approve = foldedSet(f.Approve)
	l.starts = foldedSet(f.StartWords)
	polite := foldedList(f.Polite)
	l.politely, l.thanks = leading(polite), trailing(polite)
	l.before, l.after = leading(foldedList(f.Wrap.Before)), trailing(foldedList(f.Wrap.After))
	return nil
}

func foldedSet(words []string) map[string]bool {
	set := make(map[string]bool, len(words))
	for _, w := range words {
		set[Fold(w)] = true
	}
	return set
}

func foldedList(words []string) []string {
	list := make([]string, 0, len(words))
	for _, w := range words {
		if folded := Fold(w); folded != "" && !contains(list, folded) {
			list = append(list, folded)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return len(list[i]) > len(list[j]) })
	return list
}

// affixes are words to take off an end, longest first, by the byte that stands outermost: most messages begin and end with none of these.
type affixes map[byte][]string

func leading(words []string) affixes {
	a := affixes{}
	for _, w := range words {
		a[w[0]] = append(a[w[0]], w)
	}
	return a
}

func trailing(words []string) affixes {
	a := affixes{}
	for _, w := range words {
		last := w[len(w)-1]
		a[last] = append(a[last], w)
	}
	return a
}

// cutBefore takes one of lead off the front of folded words, a whole word unless the language writes no spaces.
func (l *Language) cutBefore(words string, lead affixes) (string, bool) {
	if words == "" {
		return "", false
	}
	for _, w := range lead[words[0]] {
		if rest, ok := strings.CutPrefix(words, w); ok {
			if rest == "" || rest[0] == ' ' {
				return strings.TrimPrefix(rest, " "), true
			}
			if l.unspaced && (w[0] >= 0x80 || digit(rest[0])) {
				return rest, true
			}
		}
	}
	return words, false
}

func (l *Language) cutAfter(words string, trail affixes) (string, bool) {
	if words == "" {
		return "", false
	}
	for _, w := range trail[words[len(words)-1]] {
		if rest, ok := strings.CutSuffix(words, w); ok {
			if rest == "" || rest[len(rest)-1] == ' ' {
				return strings.TrimSuffix(rest, " "), true
			}
			if l.unspaced && w[0] >= 0x80 {
				return rest, true
			}
		}
	}
	return words, false
}

// bare takes words of politeness off both ends of folded words.
func (l *Language) bare(words string) string {
	for again := true; again && words != ""; {
		var front, back bool
		words, front = l.cutBefore(words, l.politely)
		words, back = l.cutAfter(words, l.thanks)
		again = front || back
	}
	return words
}

// Command reads a message that is a command word and nothing else; politeness and punctuation don't matter: "STOP!",
// "please stop", "Stop. Thank you". START is a command; for a bare yes after an opt-out see StartWord.
func (l *Language) Command(words string) (Command, bool) { return l.command(Fold(words)) }

func (l *Language) command(folded string) (Command, bool) {
	if c, ok := l.commands[folded]; ok {
		return c, true
	}
	c, ok := l.commands[l.bare(folded)]
	return c, ok
}

// CommandWords are all words of this language that are commands, folded. The checker warns of options that are worded
// like one.
func (l *Language) CommandWords() map[string]Command { return maps.Clone(l.commands) }

func isCommand(c Command) bool {
	for _, known := range Commands() {
		if c == known {
			return true
		}
	}
	return false
}

// StartWord says whether words ask for messages again after STOP: START, UNSTOP, and yes, as carriers read it. Ask only
// while the resident is opted out: a yes is an answer otherwise.
func (l *Language) StartWord(words string) bool {
	folded := Fold(words)
	return l.starts[folded] || l.starts[l.bare(folded)]
}

// YesNo reads yes or no.
func (l *Language) YesNo(words string) (yes, ok bool) {
	folded := Fold(words)
	if yes, ok = l.yesno[folded]; ok {
		return yes, true
	}
	yes, ok = l.yesno[l.bare(folded)]
	return yes, ok
}

// Approves says whether words agree to what was read back in a review: "all correct", "ok", "yes".
func (l *Language) Approves(words string) bool {
	folded := Fold(words)
	if l.approve[folded] || l.yesno[folded] {
		return true
	}
	folded = l.bare(folded)
	return l.approve[folded] || l.yesno[folded]
}

// Unwrap takes off what people put around an answer: "option 2", "press 2 please", "(2)", "#2" → "2". What is left is
// folded. Where nothing would be left, the words stay.
func (l *Language) Unwrap(words string) string {
	folded := Fold(words)
	rest := l.bare(folded)
	for rest != "" {
		cut, front := l.cutBefore(rest, l.before)
		cut, back := l.cutAfter(cut, l.after)
		if !front && !back || cut == "" {
			break
		}
		if bare := l.bare(cut); bare != "" {
			cut = bare
		}
		rest = cut
	}
	if rest == "" {
		return folded
	}
	return rest
}

// Called is the name of the language tag in this language: in French, "espagnol" for es. Without one, its own name must
// do: see Catalogue.Language.
func (l *Language) Called(tag string) (string, bool) {
	if names := l.called[tag]; len(names) > 0 {
		return names[0], true
	}
	return "", false
}
