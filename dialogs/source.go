package dialogs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

const (
	// MaxFile is the most bytes that a file may have. The longest dialog of a real town is a hundredth of it.
	MaxFile = 1 << 20
	// maxDepth is how deep lists and blocks may be nested; a dialog needs six.
	maxDepth = 24
	// maxProblems of one file are shown: after that many, mending some first is the better way.
	maxProblems = 100
	// maxMends is how often a line that is no YAML is set aside to find the problems below it.
	maxMends = 20
)

// Source is one YAML file as an author wrote it. It makes problems that show the place.
type Source struct {
	File  string
	lines []string

	problems Problems
	full     bool
}

// NewSource takes a file's content; it is not parsed yet. A byte order mark and Windows line ends are accepted.
func NewSource(file string, content []byte) *Source {
	s := &Source{File: file}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	if len(content) > MaxFile {
		s.lines = []string{""}
		s.Add(1, 1, "too-big", fmt.Sprintf("the file is larger than %d KiB", MaxFile>>10), "split it: one dialog a file, and shared steps in a dialog of their own with `use`")
		return s
	}
	s.lines = splitLines(strings.ToValidUTF8(string(content), "\uFFFD"))
	if !utf8.Valid(content) {
		good := 0
		for good < len(content) {
			r, n := utf8.DecodeRune(content[good:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			good += n
		}
		line, column := s.place(content[:good])
		s.Add(line, column, "not-utf8", "this is not UTF-8 text", "save the file with the encoding UTF-8")
		return s
	}
	for n, l := range s.lines {
		column := 0
		for _, r := range l {
			column++
			if forbidden(r) {
				s.Add(n+1, column, "control-character", fmt.Sprintf("there is an invisible character here (U+%04X)", r), "delete it and type the text again")
				break
			}
		}
	}
	return s
}

// forbidden are characters that can't be seen, or that turn the text around: none belongs in wording.
func forbidden(r rune) bool {
	switch {
	case r == '\t':
		return false
	case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0, r == 0x2028, r == 0x2029, r == 0x202d, r == 0x202e, r == 0xfeff, r == 0xfffe, r == 0xffff:
		return true
	}
	return false
}

func splitLines(text string) []string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSuffix(l, "\r")
	}
	return lines
}

// place is the position right after before, which is the file's beginning.
func (s *Source) place(before []byte) (line, column int) {
	line = 1 + bytes.Count(before, []byte("\n"))
	last := before[bytes.LastIndexByte(before, '\n')+1:]
	return line, 1 + utf8.RuneCount(last)
}

// Add notes a problem that stops publishing.
func (s *Source) Add(line, column int, code, message, hint string) {
	s.note(line, column, code, message, hint, false)
}

// Advise notes advice.
func (s *Source) Advise(line, column int, code, message, hint string) {
	s.note(line, column, code, message, hint, true)
}

func (s *Source) note(line, column int, code, message, hint string, warning bool) {
	if len(s.problems) >= maxProblems {
		if !s.full {
			s.full = true
			s.problems = append(s.problems, Problem{File: s.File, Line: line, Column: column, Code: "too-many",
				Message: fmt.Sprintf("there are more than %d problems in this file", maxProblems), Hint: "mend those above, then check again"})
		}
		return
	}
	if line < 1 {
		line, column = 1, 1
	}
	if line > len(s.lines) {
		line = len(s.lines)
		column = 1 + utf8.RuneCountInString(s.lines[line-1])
	}
	if most := 1 + utf8.RuneCountInString(s.lines[line-1]); column > most {
		column = most
	}
	if column < 1 {
		column = 1
	}
	s.problems = append(s.problems, Problem{File: s.File, Line: line, Column: column, Code: code, Message: message, Hint: hint, Excerpt: excerpt(s.lines[line-1], column), Warning: warning})
}

// Problems are those noted so far.
func (s *Source) Problems() Problems { return s.problems }

// excerpt is a line, cut to what fits a terminal, and a caret under the column.
func excerpt(line string, column int) string {
	const before, after = 60, 40
	runes := []rune(line)
	from, to := 0, len(runes)
	var b strings.Builder
	if column-1-from > before {
		from = column - 1 - before
		b.WriteString("…")
	}
	if to-column > after {
		to = column + after
	}
	for _, r := range runes[from:to] {
		if r < ' ' || forbidden(r) {
			r = ' '
		}
		b.WriteRune(r)
	}
	if to < len(runes) {
		b.WriteString("…")
	}
	b.WriteByte('\n')
	if from > 0 {
		b.WriteByte(' ')
	}
	for i := from; i < column-1 && i < len(runes); i++ {
		b.WriteString(strings.Repeat(" ", cells(runes[i])))
	}
	b.WriteByte('^')
	return b.String()
}

// cells is how many columns of a terminal a character takes, near enough for a caret.
func cells(r rune) int {
	switch {
	case r >= 0x0300 && r <= 0x036f, r >= 0x064b && r <= 0x065f, r == 0x200d, r == 0x200e, r == 0x200f:
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff:
		return 2
	}
	return 1
}

// Parse returns the one block that the file holds, or nil when it holds none; what is wrong is noted. A line that is no
// YAML is set aside, so that the problems below it are found too.
func (s *Source) Parse() *yaml.Node {
	if len(s.problems) > 0 {
		return nil // too big, or no text
	}
	lines := append([]string(nil), s.lines...)
	mended := map[int]bool{}
	mends := maxMends
	if len(lines) > 5000 {
		mends = 2 // each takes a while
	}
	for range mends {
		var doc yaml.Node
		err := yaml.Load([]byte(strings.Join(lines, "\n")+"\n"), &doc, yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthFunc(func(depth int, _ *yaml.DepthContext) error {
			if depth > maxDepth {
				return errDeep
			}
			return nil
		}))))
		if err == nil {
			if len(doc.Content) != 1 {
				break
			}
			top := doc.Content[0]
			if !s.plain(top, 0) {
				return nil
			}
			return top
		}
		line := s.syntax(err, lines)
		if line == 0 || mended[line] || mended[-line] || !setAside(lines, line) {
			return nil
		}
		mended[line] = true
	}
	if len(s.problems) == 0 {
		s.Add(1, 1, "empty", "there is nothing in this file", "begin with `dialog:` and the dialog's name")
	}
	return nil
}

var errDeep = errors.New("nested too deep")

// syntax notes what is wrong with a file that is no YAML, and returns the line to set aside, or 0.
func (s *Source) syntax(err error, lines []string) int {
	if errors.Is(err, errDeep) || strings.Contains(err.Error(), errDeep.Error()) {
		line, column := 1, 1
		if le, ok := errors.AsType[*yaml.LoadError](err); ok && le.Mark.Line > 0 {
			line, column = le.Mark.Line, le.Mark.Column
		}
		s.Add(line, column, "too-deep", "too many lists and blocks inside one another", "a dialog is a flat list of steps")
		return 0
	}
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		s.Add(1, 1, "not-yaml", "this is not YAML: "+err.Error(), "compare it with an example dialog")
		return 0
	}
	if strings.Contains(le.Message, "expected single document") {
		for n, l := range lines {
			if n > 0 && (l == "---" || strings.HasPrefix(l, "--- ")) && strings.TrimSpace(strings.Join(lines[:n], "")) != "" {
				s.Add(n+1, 1, "many-documents", "a second dialog begins here; only one fits in a file", "put it in a file of its own, or delete the line `---`")
				for i := n; i < len(lines); i++ {
					lines[i] = ""
				}
				return -(n + 1)
			}
		}
		s.Add(1, 1, "many-documents", "the file holds more than one dialog", "put each in a file of its own")
		return 0
	}
	if strings.Contains(le.Message, "no documents") || strings.Contains(le.Message, "expected document") {
		s.Add(1, 1, "empty", "there is nothing in this file", "begin with `dialog:` and the dialog's name")
		return 0
	}
	line, column := le.Mark.Line, le.Mark.Column
	if line < 1 || line > len(lines) {
		line = len(lines)
		for line > 1 && strings.TrimSpace(lines[line-1]) == "" {
			line--
		}
		column = 1 + utf8.RuneCountInString(lines[line-1])
	}
	if le.ContextMark.Line > 0 && strings.Contains(le.Message, "end of stream") {
		line, column = le.ContextMark.Line, le.ContextMark.Column
	}
	text := lines[line-1]
	value, at := valueOf(text)
	first := ""
	if value != "" {
		first = value[:1]
	}
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	switch {
	case strings.Contains(indent, "\t"):
		s.Add(line, 1+utf8.RuneCountInString(indent[:strings.IndexByte(indent, '\t')]), "tab", "this line is indented with a tab", "use spaces, two for each level")
		for i, l := range lines {
			if in := l[:len(l)-len(strings.TrimLeft(l, " \t"))]; strings.Contains(in, "\t") {
				indentLike(lines, i+1)
			}
		}
		return -line
	case first == "*":
		s.Add(line, at, "alias", "text that begins with `*` means a reference in YAML", `put the text in quotes: "`+clip(value)+`"`)
	case first == "&":
		s.Add(line, at, "alias", "text that begins with `&` means an anchor in YAML", `put the text in quotes: "`+clip(value)+`"`)
	case first == "{" || first == "[":
		s.Add(line, at, "braces", "text that begins with `"+first+"` means a list or block in YAML", "put the text in quotes; to insert an answer write ${name}")
	case first == "@" || first == "`" || first == "%" || first == "|" || first == ">" || first == "," || first == "]" || first == "}":
		s.Add(line, at, "quotes-needed", fmt.Sprintf("text can't begin with %q", first), "put the text in quotes")
	case first == `"` || first == "'":
		s.Add(line, at, "open-quote", "the quotes are not closed, or something follows them", "begin and end the text with the same quotes; write "+`\" for quotes within "…", and '' within '…'`)
	case strings.Contains(le.Message, "mapping values are not allowed") && strings.Contains(value, ": "):
		s.Add(line, column, "colon", "a colon and a space within text begin a new key in YAML", `put the text in quotes: "`+clip(value)+`"`)
	case strings.Contains(le.Message, "sequence entries are not allowed"):
		s.Add(line, column, "indent", "a list can't begin on the line of its key", "put each `- ` on a line of its own, two spaces further in")
		return 0
	case strings.Contains(le.Message, "mapping values are not allowed"), strings.Contains(le.Message, "did not find expected"), strings.Contains(le.Message, "could not find expected"):
		s.Add(line, column, "indent", "this line does not fit the ones above: it is indented too far or too little, or a colon is missing", "keys of one step begin in the same column; write `key: value`")
		indentLike(lines, line)
		return -line
	default:
		s.Add(line, column, "not-yaml", "this is not YAML: "+le.Message, "compare it with an example dialog")
	}
	return line
}

// indentLike moves a line to the column of the keys above it, or one level in where a block or list begins above it;
// an entry of a list goes below the entry above it.
func indentLike(lines []string, line int) {
	const farthest = 20 // lines looked at, and columns
	self := strings.TrimLeft(lines[line-1], " \t")
	entry := strings.HasPrefix(self, "- ")
	for above := line - 2; above >= max(0, line-2-farthest); above-- {
		l := lines[above]
		rest := strings.TrimLeft(l, " \t")
		if rest == "" || rest[0] == '#' {
			continue
		}
		column := len(l) - len(rest)
		opens := strings.HasSuffix(strings.TrimRight(rest, " "), ":")
		switch {
		case entry && strings.HasPrefix(rest, "- "):
		case entry && !opens:
			continue
		default:
			for strings.HasPrefix(rest, "- ") {
				column, rest = column+2, rest[2:]
			}
			if opens {
				column += 2
			}
		}
		lines[line-1] = strings.Repeat(" ", min(column, farthest)) + self
		return
	}
}

// setAside makes the value on a line harmless, so that the rest of the file can be read; a negative line is mended
// already.
func setAside(lines []string, line int) bool {
	if line < 0 {
		return true
	}
	text := lines[line-1]
	value, _ := valueOf(text)
	if value == "" {
		if strings.TrimSpace(text) == "" {
			return false
		}
		lines[line-1] = ""
		return true
	}
	lines[line-1] = text[:len(text)-len(value)] + `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.TrimRight(value, " \t")) + `"`
	return true
}

// valueOf is what stands after the first `key: ` or `- ` of a line, and its column.
func valueOf(line string) (string, int) {
	rest := strings.TrimLeft(line, " \t")
	for strings.HasPrefix(rest, "- ") {
		rest = strings.TrimLeft(rest[2:], " ")
	}
	if i := strings.Index(rest, ": "); i > 0 && !strings.ContainsAny(rest[:i], `"'{[`) {
		rest = strings.TrimLeft(rest[i+2:], " ")
	} else if len(rest) == len(strings.TrimLeft(line, " \t")) {
		return "", 0
	}
	return rest, 1 + utf8.RuneCountInString(line[:len(line)-len(rest)])
}

// clip shortens what an author wrote for use in a message.
func clip(text string) string {
	const most = 40
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

// plain refuses what a dialog never needs of YAML: aliases, anchors, merge keys, tags, keys that are no words, and the
// same key twice. It returns false when the file can't be read on.
func (s *Source) plain(n *yaml.Node, depth int) bool {
	if depth > maxDepth {
		s.Add(n.Line, n.Column, "too-deep", "too many lists and blocks inside one another", "a dialog is a flat list of steps")
		return false
	}
	ok := true
	if n.Anchor != "" {
		s.Add(n.Line, n.Column, "alias", "text that begins with `&` means an anchor in YAML; dialogs have none", "put the text in quotes, or write the step out")
	}
	if n.Kind == yaml.AliasNode {
		s.Add(n.Line, n.Column, "alias", "text that begins with `*` means a reference in YAML; dialogs have none", "put the text in quotes, or write it out; shared steps come by `use`")
		*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "*" + n.Value, Style: yaml.DoubleQuotedStyle, Line: n.Line, Column: n.Column}
		return true
	}
	if n.Style&yaml.TaggedStyle != 0 || strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		s.Add(n.Line, n.Column, "tag", "text that begins with `!` means a tag in YAML; dialogs have none", "put the text in quotes")
	}
	if n.Kind == yaml.MappingNode {
		seen := make(map[string]*yaml.Node, len(n.Content)/2)
		kept := n.Content[:0]
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			switch {
			case key.Tag == "!!merge" || key.Kind == yaml.ScalarNode && key.Value == "<<" && key.Style == 0:
				s.Add(key.Line, key.Column, "alias", "`<<` merges a block in YAML; dialogs have no such thing", "write the keys out; shared steps come by `use`")
				continue
			case key.Kind != yaml.ScalarNode:
				s.Add(key.Line, key.Column, "key", "a key is one word", "write `key: value`")
				continue
			}
			if !s.plain(key, depth+1) || !s.plain(value, depth+1) {
				ok = false
			}
			if first := seen[key.Value]; first != nil {
				s.Add(key.Line, key.Column, "duplicate-key", fmt.Sprintf("`%s` is here twice; the first is in line %d", clip(key.Value), first.Line), "keep one of the two")
				continue
			}
			seen[key.Value] = key
			kept = append(kept, key, value)
		}
		n.Content = kept
		return ok
	}
	for _, c := range n.Content {
		if !s.plain(c, depth+1) {
			ok = false
		}
	}
	return ok
}
