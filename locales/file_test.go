package locales

import (
	"strings"
	"testing"
	"testing/fstest"
)

// A file that is not quite right is refused, with the reason and the place.
func TestStrictLoading(t *testing.T) {
	whole, err := files.ReadFile("en.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, old, now, says string }{
		{"as it is", "", "", ""},
		{"an unknown key", "machine: false", "machin: false", "machin"},
		{"a key twice", "machine: false", "machine: false\nmachine: true", "machine"},
		{"an unknown form", "    spoken: going on\n", "    speech: going on\n", `"speech" is not a form`},
		{"a phrase without full", "  help.on:\n    full: Go on\n", "  help.on:\n", "needs full"},
		{"text cut by #", "full: Go on\n", "full: Go # on\n", `the text is cut at "# on"`},
		{"an unknown plural form", "      other: That is too many.", "      others: That is too many.", `"others" is not a plural form`},
		{"a gap without end", "This is ${town}.", "This is ${town.", "without"},
		{"a gap that is no name", "This is ${town}.", "This is ${Town 1}.", "is not a name"},
		{"a list for a phrase", "  or: or\n", "  or: [or]\n", "a phrase is one line"},
		{"an unknown command", "  erase: [erase", "  forget: [erase", `"forget" is not a command`},
		{"a word with two meanings", "  erase: [erase", "  erase: [stop, erase", "means both"},
		{"yes and no", `"no": ["no"`, `"no": ["yes"`, "both yes and no"},
		{"a month missing", "    - [May]\n", "", "12 months"},
		{"a name of two days", "- [Monday, mon]", "- [Monday, tue]", "means two things"},
		{"an order of its own", "order: [mdy, dmy]", "order: [myd]", `order "myd"`},
		{"no such language", "language: en\n", "language: e\n", "language"},
		{"another file's language", "language: en\n", "language: fr\n", "says `language: fr`"},
	} {
		t.Run(test.name, func(t *testing.T) {
			content := strings.Replace(string(whole), test.old, test.now, 1)
			if test.old != "" && content == string(whole) {
				t.Fatalf("%q is not in the file", test.old)
			}
			_, err := loadFrom(fstest.MapFS{"en.yaml": {Data: []byte(content)}})
			switch {
			case test.says == "" && err != nil:
				t.Error(err)
			case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "locales/en.yaml")):
				t.Errorf("says %v, want %q", err, test.says)
			}
		})
	}
	if _, err := loadFrom(fstest.MapFS{}); err == nil {
		t.Error("no English is no mistake")
	}
}

// Each language has the plural forms that it uses, and no others, wherever English has them.
func TestEveryPluralFormIsThere(t *testing.T) {
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	en := c.Language(Source)
	for _, tag := range c.Tags() {
		l := c.Language(tag)
		needed := map[int]bool{}
		for count := range 1000 {
			needed[int(pluralOf(l.plurals, count))] = true
		}
		if tag == "ar" && len(needed) != pluralForms {
			t.Errorf("ar uses %d forms, want all six", len(needed))
		}
		for key, p := range en.phrases {
			for form, has := range map[string]func(*phrase) *wording{
				"full": func(p *phrase) *wording { return &p.full }, "short": func(p *phrase) *wording { return &p.short }, "spoken": func(p *phrase) *wording { return &p.spoken },
			} {
				if !has(&p).plural() {
					continue
				}
				mine := l.phrases[key]
				w := has(&mine)
				if w.empty() {
					w = &mine.full
				}
				for i, t2 := range w.forms {
					if needed[i] != (t2.words != "") && !(i == 0 && t2.words != "") {
						t.Errorf("%s %s.%s: plural form %d: needed %v, there %v", tag, key, form, i, needed[i], t2.words != "")
					}
				}
			}
		}
	}
}

func (w *wording) plural() bool {
	for i, form := range w.forms {
		if i > 0 && form.words != "" {
			return true
		}
	}
	return false
}
