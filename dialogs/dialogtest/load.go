package dialogtest

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

var (
	fileKeys  = []string{"dialog", "tests"}
	testKeys  = []string{"name", "channel", "channels", "lang", "at", "answers", "talk", "ends", "passes", "keeps", "roll", "used", "voted", "desk", "found"}
	lineKinds = []string{string(You), string(Press), string(Bot), string(Not), string(Wait), string(Switch), string(Comes), string(Leaves), string(Quiet), string(Photo), string(Recording), string(Pin)}
	foundKeys = []string{"reference", "what", "state", "due", "mine"}
)

// Load reads one *.test.yaml. Tests with problems are left out, all of them where the file is not sound YAML; names of steps and options are looked at by Run, which
// knows the dialog.
func Load(fsys fs.FS, file string) ([]Test, dialogs.Problems) {
	content, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, dialogs.Problems{{File: file, Line: 1, Column: 1, Code: "unreadable", Message: "the file can't be read: " + err.Error()}}
	}
	r := reading{Source: dialogs.NewSource(file, content)}
	top := r.Parse()
	sound := !r.Problems().Errors()
	tests := r.file(top)
	if !sound { // what was set aside to read on is missing in them
		tests = nil
	}
	return tests, r.Problems()
}

// Find lists the test files in a folder and its sub-folders, in order.
func Find(fsys fs.FS) ([]string, error) {
	var files []string
	err := fs.WalkDir(fsys, ".", func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(path.Base(p), ".test.yaml") {
			files = append(files, p)
		}
		return err
	})
	return files, err
}

// reading is one file under way.
type reading struct {
	*dialogs.Source
}

func (r *reading) wrong(n *yaml.Node, code, message, hint string) {
	r.Add(n.Line, n.Column, code, message, hint)
}

func (r *reading) pos(n *yaml.Node) dialogs.Position {
	return dialogs.Position{File: r.File, Line: n.Line, Column: n.Column}
}

// block calls each for every key of a block; keys that are not among known are problems.
func (r *reading) block(n *yaml.Node, what string, known []string, each func(key string, k, v *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.wrong(n, "not-a-block", what+" is a block of `key: value` lines", "write one of: "+strings.Join(known, ", "))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		found := false
		for _, name := range known {
			found = found || name == k.Value
		}
		if !found {
			hint := "use one of: " + strings.Join(known, ", ")
			if near := dialogs.Nearest(k.Value, known); near != "" {
				hint = "did you mean `" + near + "`?"
			}
			r.wrong(k, "unknown-key", fmt.Sprintf("`%s` is not a key of %s", k.Value, what), hint)
			continue
		}
		each(k.Value, k, v)
	}
}

// text is a plain value as it was written.
func (r *reading) text(n *yaml.Node, what string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.wrong(n, "not-text", what+" is one line of text", "write it behind the colon; put it in quotes when it has a colon, # or brackets in it")
		return "", false
	}
	if c := n.LineComment; c != "" && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 && len(c) > 1 && c[1] != ' ' {
		r.wrong(n, "cut-text", "the text is cut off at the `#`", `put the sentence in quotes`)
		return "", false
	}
	return n.Value, true
}

// texts is one value or a list of them.
func (r *reading) texts(n *yaml.Node, what string) (values []string, list bool) {
	if n.Kind != yaml.SequenceNode {
		if v, ok := r.text(n, what); ok {
			values = []string{v}
		}
		return values, false
	}
	for _, c := range n.Content {
		if v, ok := r.text(c, what); ok {
			values = append(values, v)
		}
	}
	return values, true
}

// flag is yes or no.
func (r *reading) flag(n *yaml.Node, what string) bool {
	switch n.Value {
	case "yes", "true":
		return true
	case "no", "false":
		return false
	}
	r.wrong(n, "not-yes-no", what+" is yes or no", "write yes or no")
	return false
}

func (r *reading) file(top *yaml.Node) []Test {
	if top == nil {
		return nil
	}
	var dialog string
	var list *yaml.Node
	r.block(top, "a test file", fileKeys, func(key string, k, v *yaml.Node) {
		switch key {
		case "dialog":
			dialog, _ = r.text(v, "the dialog's name")
		case "tests":
			list = v
		}
	})
	if dialog == "" {
		r.wrong(top, "no-dialog", "the file does not say which dialog it tests", "begin with `dialog:` and the dialog's name")
	}
	if list == nil || list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		at := top
		if list != nil {
			at = list
		}
		r.wrong(at, "no-tests", "there are no tests in this file", "write `tests:` and below it a list; each begins with `- name:`")
		return nil
	}
	var tests []Test
	names := map[string]int{}
	for _, n := range list.Content {
		before := len(r.Problems())
		t := r.test(n)
		t.Dialog = dialog
		if first := names[t.Name]; first > 0 && t.Name != "" {
			r.wrong(n, "same-name", fmt.Sprintf("the test in line %d has the same name", first), "give each test a name of its own")
		}
		names[t.Name] = t.Pos.Line
		if len(r.Problems()) == before && dialog != "" {
			tests = append(tests, t)
		}
	}
	return tests
}

func (r *reading) test(n *yaml.Node) Test {
	t := Test{Pos: r.pos(n)}
	var answers, talk *yaml.Node
	r.block(n, "a test", testKeys, func(key string, k, v *yaml.Node) {
		switch key {
		case "name":
			t.Name, _ = r.text(v, "the name of a test")
		case "channel", "channels":
			if len(t.Channels) > 0 {
				r.wrong(k, "two-channels", "the channels are named twice", "keep `channel` or `channels`")
			}
			t.Channels = r.channels(v)
		case "lang":
			t.Lang, _ = r.text(v, "the language")
		case "at":
			t.At = r.moment(v)
		case "answers":
			answers = v
			t.Answers = r.answers(v)
		case "talk":
			talk = v
			t.Talk = r.talk(v)
		case "ends":
			t.Ends, _ = r.text(v, "how it ends")
			t.EndsPos = r.pos(v)
		case "passes":
			t.Passes, _ = r.text(v, "the desk")
		case "keeps":
			t.Keeps = r.keeps(v)
		case "roll":
			t.Roll, _ = r.texts(v, "a code")
		case "used":
			t.Used, _ = r.texts(v, "a code")
		case "voted":
			t.Voted = r.flag(v, "`voted`")
		case "desk":
			switch v.Value {
			case "open":
			case "closed":
				t.Shut = true
			default:
				r.wrong(v, "not-open-closed", "the desk is open or closed", "write `desk: closed`")
			}
		case "found":
			t.Found = r.found(v)
		}
	})
	if n.Kind != yaml.MappingNode {
		return t
	}
	if t.Name == "" {
		r.wrong(n, "no-name", "this test has no name", "begin it with `- name:` and say what must hold")
	}
	if len(t.Channels) == 0 {
		r.wrong(n, "no-channel", "the test does not say on which channel it runs", "write `channel: sms`, or a list behind `channels:`")
	}
	switch {
	case answers == nil && talk == nil:
		r.wrong(n, "nothing-said", "nobody says anything in this test", "write `answers:` or `talk:`")
	case answers != nil && talk != nil:
		r.wrong(talk, "answers-and-talk", "a test has `answers` or a `talk`, not both", "make two tests of it")
	case answers != nil && t.Ends == "" && !t.Keeps.Look && t.Passes == "":
		r.wrong(n, "nothing-expected", "the test does not say what must come of the answers", "write `ends:` and the step it ends with, or `keeps:`")
	case talk != nil && t.Ends == "" && !t.Keeps.Look && t.Passes == "":
		looks := false
		for _, l := range t.Talk {
			looks = looks || l.Kind == Bot || l.Kind == Not
		}
		if !looks {
			r.wrong(talk, "nothing-expected", "the test does not say what the town must answer", "write a line `- bot:` and a few of its words")
		}
	}
	return t
}

func (r *reading) channels(n *yaml.Node) []string {
	names, _ := r.texts(n, "a channel")
	for i, name := range names {
		if _, ok := Traits(name); !ok {
			at := n
			if n.Kind == yaml.SequenceNode {
				at = n.Content[i]
			}
			r.unknownChannel(at, name)
		}
	}
	return names
}

func (r *reading) unknownChannel(n *yaml.Node, name string) {
	var known []string
	for _, t := range render.Channels() {
		known = append(known, t.Name)
	}
	hint := "use one of: " + strings.Join(known, ", ")
	if near := dialogs.Nearest(name, known); near != "" {
		hint = "did you mean `" + near + "`?"
	}
	r.wrong(n, "unknown-channel", fmt.Sprintf("there is no channel called `%s`", name), hint)
}

// Traits are those of the channel that a test names.
func Traits(name string) (render.Traits, bool) {
	for _, t := range render.Channels() {
		if t.Name == name {
			return t, true
		}
	}
	return render.Traits{}, false
}

func (r *reading) moment(n *yaml.Node) time.Time {
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.Parse(layout, n.Value); err == nil {
			return at
		}
	}
	r.wrong(n, "not-a-time", "this is not a day and a time", "write it like `at: 2026-12-24 18:00`")
	return time.Time{}
}

func (r *reading) answers(n *yaml.Node) []Given {
	if n.Kind != yaml.MappingNode {
		r.wrong(n, "not-a-block", "answers are a block: the id of each step, a colon, the answer", "write for example `answers: {tie: live, agree: yes}`")
		return nil
	}
	var out []Given
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		g := Given{Step: k.Value, Pos: r.pos(k)}
		if v.Kind == yaml.MappingNode {
			g.List = true
			for j := 0; j+1 < len(v.Content); j += 2 {
				if amount, ok := r.text(v.Content[j+1], "an amount"); ok {
					g.Values = append(g.Values, v.Content[j].Value+"="+amount)
				}
			}
		} else {
			g.Values, g.List = r.texts(v, "an answer")
		}
		out = append(out, g)
	}
	return out
}

func (r *reading) keeps(n *yaml.Node) Keeps {
	k := Keeps{Look: true, Pos: r.pos(n)}
	switch {
	case n.Kind == yaml.MappingNode:
		k.Only, k.Answers = true, r.answers(n)
	case n.Value == "nothing":
		k.Nothing = true
	case n.Value != "record":
		r.wrong(n, "unknown-keeps", "`keeps` is `nothing`, `record`, or the answers that must be on record", "write for example `keeps: nothing`")
	}
	return k
}

func (r *reading) found(n *yaml.Node) []Known {
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, "not-a-list", "`found` is a list of requests", "begin each with `- reference:`")
		return nil
	}
	var out []Known
	for _, c := range n.Content {
		f := Known{Found: engine.Found{State: "open"}}
		r.block(c, "a request", foundKeys, func(key string, k, v *yaml.Node) {
			s, _ := r.text(v, "`"+key+"`")
			switch key {
			case "reference":
				f.Ref = s
			case "what":
				f.What = s
			case "state":
				f.State = s
			case "due":
				if _, err := time.Parse(time.DateOnly, s); err != nil {
					r.wrong(v, "not-a-time", "this is not a day", "write it like `due: 2027-03-15`")
				}
				f.Due = s
			case "mine":
				f.Mine = r.flag(v, "`mine`")
			}
		})
		if f.Ref == "" && c.Kind == yaml.MappingNode {
			r.wrong(c, "no-reference", "this request has no number", "begin it with `- reference:`")
		}
		out = append(out, f)
	}
	return out
}

func (r *reading) talk(n *yaml.Node) []Line {
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, "not-a-list", "a talk is a list of lines", "begin each line with `- you:` or `- bot:`")
		return nil
	}
	var out []Line
	for _, c := range n.Content {
		if c.Kind == yaml.MappingNode && len(c.Content) > 2 {
			r.wrong(c.Content[2], "two-in-a-line", "a line of a talk says one thing", "begin the next one with `- `")
			continue
		}
		r.block(c, "a talk", lineKinds, func(key string, k, v *yaml.Node) {
			values, _ := r.texts(v, "`"+key+"`")
			for i, text := range values {
				at := v
				if v.Kind == yaml.SequenceNode {
					at = v.Content[i]
				}
				if l, ok := r.line(Kind(key), text, at); ok {
					out = append(out, l...)
				}
			}
		})
	}
	return out
}

// longest is how long a test may wait in one line.
const longest = 10 * 365 * 24 * time.Hour

func (r *reading) line(kind Kind, text string, n *yaml.Node) ([]Line, bool) {
	l := Line{Kind: kind, Text: text, Pos: r.pos(n)}
	switch kind {
	case Bot, Not:
		if strings.TrimSpace(text) == "" {
			r.wrong(n, "nothing-expected", "there are no words to look for", "write a few words that the town says")
			return nil, false
		}
	case Wait:
		d, ok := duration(text)
		if !ok {
			r.wrong(n, "not-a-duration", "this is not a length of time", "write it like `1 day`, `36 hours`, `2 weeks` or `90 seconds`")
			return nil, false
		}
		l.For = d
	case Switch, Comes:
		if _, ok := Traits(text); !ok {
			r.unknownChannel(n, text)
			return nil, false
		}
	case Quiet, Leaves:
		times := 1
		if kind == Quiet {
			if i, err := strconv.Atoi(text); err == nil && i > 0 && i <= 20 {
				times = i
				text, l.Text = "yes", "yes"
			}
		}
		if text != "yes" && text != "true" {
			r.wrong(n, "not-yes-no", "`"+string(kind)+"` takes nothing but yes", "write `- "+string(kind)+": yes`")
			return nil, false
		}
		out := make([]Line, times)
		for i := range out {
			out[i] = l
		}
		return out, true
	}
	return []Line{l}, true
}

func duration(text string) (time.Duration, bool) {
	number, unit, ok := strings.Cut(strings.TrimSpace(text), " ")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n <= 0 || n > 1_000_000 {
		return 0, false
	}
	var each time.Duration
	switch strings.TrimSuffix(strings.TrimSpace(unit), "s") {
	case "second":
		each = time.Second
	case "minute":
		each = time.Minute
	case "hour":
		each = time.Hour
	case "day":
		each = 24 * time.Hour
	case "week":
		each = 7 * 24 * time.Hour
	default:
		return 0, false
	}
	d := time.Duration(n) * each
	return d, d/each == time.Duration(n) && d <= longest
}
