package dialogs

import (
	"encoding/json"
	"sort"
	"strconv"
	"strings"
)

// Problem is one thing that an author should mend. Line and Column count from 1, in characters; both are 1 where the
// whole file is meant. Codes are stable words, listed in README.md.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`    // how to mend it
	Excerpt string `json:"excerpt,omitempty"` // the line, and below it a caret under the place
	Warning bool   `json:"warning"`           // advice: it does not stop publishing
}

// String is the problem as the command line prints it, without a line break at the end.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	b.WriteByte(':')
	b.WriteString(strconv.Itoa(p.Line))
	b.WriteByte(':')
	b.WriteString(strconv.Itoa(p.Column))
	if p.Warning {
		b.WriteString(": advice: ")
	} else {
		b.WriteString(": problem: ")
	}
	b.WriteString(p.Message)
	b.WriteString(" [")
	b.WriteString(p.Code)
	b.WriteByte(']')
	if p.Excerpt != "" {
		for line := range strings.SplitSeq(p.Excerpt, "\n") {
			b.WriteString("\n    | ")
			b.WriteString(line)
		}
	}
	if p.Hint != "" {
		b.WriteString("\n    = ")
		b.WriteString(p.Hint)
	}
	return b.String()
}

// Problems are the problems of any number of files, in the order of files and lines.
type Problems []Problem

// Errors says whether any of them stops publishing.
func (ps Problems) Errors() bool {
	for i := range ps {
		if !ps[i].Warning {
			return true
		}
	}
	return false
}

// String is all problems as the command line prints them, an empty line between two; "" when there are none.
func (ps Problems) String() string {
	var b strings.Builder
	for i, p := range ps {
		if i > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(p.String())
	}
	if len(ps) > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

// JSON is the problems as an array, indented, for editors and scripts; "[]" when there are none.
func (ps Problems) JSON() []byte {
	if ps == nil {
		ps = Problems{}
	}
	b, err := json.MarshalIndent(ps, "", "  ")
	if err != nil {
		panic(err) // strings, numbers and booleans always encode
	}
	return append(b, '\n')
}

// Sort puts problems in the order of files, lines and columns, and leaves out what is said twice.
func (ps *Problems) Sort() {
	s := *ps
	sort.SliceStable(s, func(i, j int) bool {
		a, b := &s[i], &s[j]
		switch {
		case a.File != b.File:
			return a.File < b.File
		case a.Line != b.Line:
			return a.Line < b.Line
		case a.Column != b.Column:
			return a.Column < b.Column
		case a.Code != b.Code:
			return a.Code < b.Code
		}
		return a.Message < b.Message
	})
	out := s[:0]
	for i := range s {
		if i == 0 || s[i] != s[i-1] {
			out = append(out, s[i])
		}
	}
	*ps = out
}
