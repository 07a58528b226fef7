package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// costTable is columns of figures, with a gap between what the shortest way takes and the longest.
type costTable struct {
	names []string // of the columns: those before the gap, and those that come twice
	once  int      // how many of them come once
	rows  [][]string
}

// row adds the figures of one dialog in one language.
func (t *costTable) row(once, shortest, longest []string) {
	t.rows = append(t.rows, append(append(append([]string(nil), once...), shortest...), longest...))
}

// WriteTo prints the table. Names stand to the left, figures to the right.
func (t *costTable) print(out io.Writer) {
	names := append(append([]string(nil), t.names...), t.names[t.once:]...)
	wide := make([]int, len(names))
	for i, name := range names {
		wide[i] = len(name)
		for _, r := range t.rows {
			wide[i] = max(wide[i], utf8.RuneCountInString(r[i]))
		}
	}
	line := func(cells []string) string {
		var b strings.Builder
		for i, c := range cells {
			switch {
			case i == t.once || i == len(t.names):
				b.WriteString("    ")
			case i > 0:
				b.WriteString("  ")
			}
			if pad := strings.Repeat(" ", wide[i]-utf8.RuneCountInString(c)); i < 2 {
				b.WriteString(c + pad)
			} else {
				b.WriteString(pad + c)
			}
		}
		return strings.TrimRight(b.String(), " ")
	}
	if len(names) > len(t.names) {
		first, second := 0, 0
		for i, w := range wide[:len(t.names)] {
			if i < t.once {
				first += w + 2
			} else {
				second += w + 2
			}
		}
		fmt.Fprintf(out, "%*s%-*s%s\n", first+2, "", second+2, "shortest", "longest")
	}
	fmt.Fprintln(out, line(names))
	for _, r := range t.rows {
		fmt.Fprintln(out, line(r))
	}
}
