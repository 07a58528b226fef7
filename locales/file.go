package locales

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// file is the shape of a language's YAML. Keys that are not listed here are refused.
type file struct {
	Language   string
	Name       string
	RTL        bool `yaml:"rtl"`
	Machine    bool
	Unspaced   bool
	Languages  map[string][]string
	Phrases    map[string]phrase
	Commands   map[Command][]string
	StartWords []string `yaml:"start_words"`
	Yes        []string
	No         []string
	Approve    []string
	Polite     []string
	Wrap       struct{ Before, After []string }
	Numbers    numberWords
	Dates      dateWords
	List       struct {
		Comma      string
		And        string
		AndBeforeI string `yaml:"and_before_i"`
	}
}

type numberWords struct {
	Decimal      []string
	Group        []string
	Words        map[string]int
	Hundred      []string
	Thousand     []string
	Million      []string
	A            []string
	And          []string
	Point        []string
	Minus        []string
	Vigesimal    []int
	UnitsFirst   bool             `yaml:"units_first"`
	AndPrefix    string           `yaml:"and_prefix"`
	Characters   map[string]int64 // a language that writes numbers by characters of place: 十 百 千 万
	Counters     []string
	Ordinals     map[string]int
	OrdinalFirst []string `yaml:"ordinal_before"`
	OrdinalAfter []string `yaml:"ordinal_after"`
	OrdinalDrop  []string `yaml:"ordinal_drop"`
}

type dateWords struct {
	Order      []string
	Full       string
	Short      string
	Spoken     string
	First      string // how the first of a month is written: "1er"
	Months     [][]string
	Weekdays   [][]string
	Relative   map[string]int
	Years      map[string]int
	Units      unitNames
	UnitsTwice unitNames `yaml:"units_twice"`
	In         []string
	Later      []string
	Next       []string
	This       []string
	The        []string
	Drop       []string
	YearMark   []string `yaml:"year_mark"`
	DayMark    []string `yaml:"day_mark"`
	NextWeek   bool     `yaml:"next_is_next_week"`
}

type unitNames struct{ Day, Week, Month, Year []string }

// parse reads one language strictly: every key known, every wording whole.
func parse(content []byte) (*Language, error) {
	var f file
	if err := yaml.Load(content, &f, yaml.WithKnownFields(), yaml.WithUniqueKeys()); err != nil {
		return nil, err
	}
	tag, err := language.Parse(f.Language)
	if err != nil {
		return nil, fmt.Errorf("language %q: %w", f.Language, err)
	}
	l := &Language{
		Tag: f.Language, Name: f.Name, RTL: f.RTL, Machine: f.Machine,
		unspaced: f.Unspaced, called: f.Languages, plurals: tag, phrases: f.Phrases,
	}
	l.comma, l.and, l.andBeforeI = f.List.Comma, f.List.And, f.List.AndBeforeI
	if err := l.learnWords(&f); err != nil {
		return nil, err
	}
	if err := l.numbers.learn(&f); err != nil {
		return nil, err
	}
	if err := l.dates.learn(&f, l); err != nil {
		return nil, err
	}
	return l, nil
}

// UnmarshalYAML reads a phrase: one line, or a block of full, short, spoken and screen.
func (p *phrase) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return p.full.read(n)
	}
	if n.Kind != yaml.MappingNode {
		return wrong(n, "a phrase is one line, or a block of full, short, spoken and screen")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		var err error
		switch key, value := n.Content[i], n.Content[i+1]; key.Value {
		case "full":
			err = p.full.read(value)
		case "short":
			err = p.short.read(value)
		case "spoken":
			err = p.spoken.read(value)
		case "screen":
			err = p.screen.read(value)
		default:
			err = wrong(key, "%q is not a form; use full, short, spoken or screen", key.Value)
		}
		if err != nil {
			return err
		}
	}
	if p.full.empty() {
		return wrong(n, "a phrase needs full")
	}
	return nil
}

func (w *wording) read(n *yaml.Node) error {
	if n.LineComment != "" {
		return wrong(n, "the text is cut at %q; put it in quotes", n.LineComment)
	}
	if n.Kind == yaml.ScalarNode {
		return w.set(plural.Other, n)
	}
	if n.Kind != yaml.MappingNode {
		return wrong(n, "a wording is one line, or a block of plural forms")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		form, ok := pluralForm(n.Content[i].Value)
		if !ok {
			return wrong(n.Content[i], "%q is not a plural form; use zero, one, two, few, many or other", n.Content[i].Value)
		}
		if err := w.set(form, n.Content[i+1]); err != nil {
			return err
		}
	}
	if w.forms[plural.Other].words == "" {
		return wrong(n, "plural forms need other")
	}
	return nil
}

func (w *wording) set(form plural.Form, n *yaml.Node) error {
	words := strings.TrimSpace(n.Value)
	if n.Kind != yaml.ScalarNode || words == "" {
		return wrong(n, "words are missing")
	}
	if n.LineComment != "" {
		return wrong(n, "the text is cut at %q; put it in quotes", n.LineComment)
	}
	t, err := parseTemplate(words)
	if err != nil {
		return wrong(n, "%s", err)
	}
	w.forms[form] = t
	return nil
}

func wrong(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("line %d, column %d: %s", n.Line, n.Column, fmt.Sprintf(format, args...))
}
