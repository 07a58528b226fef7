package dialogs

import "strings"

// Nearest returns the candidate that word was probably meant to be, or "" when none is near enough: up to a third of
// its letters may be wrong, and two neighbours swapped count as one. Nearest serves "did you mean".
func Nearest(word string, candidates []string) string {
	best, least := "", 1+len(word)/3
	if least > 4 {
		least = 4
	}
	lower := strings.ToLower(word)
	for _, c := range candidates {
		if strings.ToLower(c) == lower {
			return c
		}
		if n := len(c) - len(word); n > 3 || n < -3 || len(c) > 64 {
			continue
		}
		if d := typos(lower, strings.ToLower(c)); d < least || d == least && best == "" && d <= len(word)/3+1 && len(word) > 2 {
			best, least = c, d
		}
	}
	if best == "" && len(word) >= 4 {
		for _, c := range candidates {
			if strings.HasPrefix(strings.ToLower(c), lower) {
				return c
			}
		}
	}
	return best
}

// typos is the Damerau–Levenshtein distance (neighbours swapped once), in characters.
func typos(a, b string) int {
	x, y := []rune(a), []rune(b)
	prev2, prev, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(y)]
}

// either words a list for a message: `a`, `a or b`, `a, b or c`; a long list is cut.
func either(words []string) string { return join(words, " or ") }

// all words a list of everything meant: `a, b and c`.
func all(words []string) string { return join(words, " and ") }

func join(words []string, last string) string {
	const most = 12
	cut := len(words) > most
	if cut {
		words = words[:most]
	}
	switch {
	case len(words) == 0:
		return ""
	case cut:
		return strings.Join(words, ", ") + ", …"
	case len(words) == 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + last + words[len(words)-1]
}
