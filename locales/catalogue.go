package locales

import (
	"embed"
	"fmt"
	"io/fs"
	"sort"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Source is the language that the others are measured against and that fills their gaps.
const Source = "en"

// Catalogue is all languages, parsed once. It never changes after Load and may be shared by any number of goroutines.
type Catalogue struct {
	languages map[string]*Language
	tags      []string
	named     map[string]string // folded name of a language, in any language → tag
}

// Load parses the embedded files. It takes some milliseconds: do it once, at the start.
func Load() (*Catalogue, error) { return loadFrom(files) }

func loadFrom(dir fs.FS) (*Catalogue, error) {
	names, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, err
	}
	parsed := make([]*Language, len(names))
	failed := make([]error, len(names))
	done := make(chan struct{})
	for i, name := range names {
		go func() {
			defer func() { done <- struct{}{} }()
			content, err := fs.ReadFile(dir, name)
			if err == nil {
				parsed[i], err = parse(content)
			}
			if err == nil && parsed[i].Tag+".yaml" != name {
				err = fmt.Errorf("says `language: %s`", parsed[i].Tag)
			}
			if err != nil {
				failed[i] = fmt.Errorf("locales/%s: %w", name, err)
			}
		}()
	}
	for range names {
		<-done
	}
	c := &Catalogue{languages: make(map[string]*Language, len(names)), named: make(map[string]string)}
	for i, l := range parsed {
		if failed[i] != nil {
			return nil, failed[i]
		}
		c.languages[l.Tag] = l
		c.tags = append(c.tags, l.Tag)
	}
	source := c.languages[Source]
	if source == nil {
		return nil, fmt.Errorf("locales/%s.yaml is missing", Source)
	}
	sort.Slice(c.tags, func(i, j int) bool {
		if (c.tags[i] == Source) != (c.tags[j] == Source) {
			return c.tags[i] == Source
		}
		return c.tags[i] < c.tags[j]
	})
	for _, tag := range c.tags {
		l := c.languages[tag]
		l.source = source
		if err := c.nameLanguages(l); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Catalogue) nameLanguages(l *Language) error {
	claim := func(name, tag string) error {
		folded := Fold(name)
		if had, ok := c.named[folded]; ok && had != tag {
			return fmt.Errorf("locales/%s.yaml: %q names two languages, %s and %s", l.Tag, name, had, tag)
		}
		c.named[folded] = tag
		return nil
	}
	if err := claim(l.Name, l.Tag); err != nil {
		return err
	}
	for tag, names := range l.called {
		for _, name := range names {
			if err := claim(name, tag); err != nil {
				return err
			}
		}
	}
	return nil
}

// Language returns the language of tag, or the nearest that there is: es-MX → es → en. It is never nil.
func (c *Catalogue) Language(tag string) *Language {
	if l, ok := c.languages[tag]; ok {
		return l
	}
	if l := c.nearest(tag); l != nil {
		return l
	}
	return c.languages[Source]
}

// Has says whether tag, or a wider tag (es for es-MX), has a file.
func (c *Catalogue) Has(tag string) bool { return c.nearest(tag) != nil }

func (c *Catalogue) nearest(tag string) *Language {
	tag = strings.ToLower(strings.ReplaceAll(tag, "_", "-"))
	for tag != "" {
		if l, ok := c.languages[tag]; ok {
			return l
		}
		cut := strings.LastIndexByte(tag, '-')
		if cut < 0 {
			return nil
		}
		tag = tag[:cut]
	}
	return nil
}

// Tags are the languages that there are, English first, the others in the order of their tags.
func (c *Catalogue) Tags() []string { return append([]string(nil), c.tags...) }

// Named reads the name of a language, said in any language: "Español", "spanish", "espagnol", "中文".
func (c *Catalogue) Named(words string) (tag string, ok bool) {
	folded := Fold(words)
	if tag, ok = c.named[folded]; ok {
		return tag, true
	}
	for _, t := range c.tags {
		l := c.languages[t]
		if tag, ok = c.named[l.bare(folded)]; ok {
			return tag, true
		}
	}
	return "", false
}

// Command reads a command word in any language. A word never means two commands, whatever the language, so that STOP is
// heard from a resident whose language is not known yet. tag is a language that has the word, prefer if it has.
func (c *Catalogue) Command(words, prefer string) (command Command, tag string, ok bool) {
	l := c.Language(prefer)
	folded := Fold(words)
	if command, ok = l.command(folded); ok {
		return command, l.Tag, true
	}
	for _, tag := range c.tags {
		if command, ok = c.languages[tag].command(folded); ok {
			return command, tag, true
		}
	}
	return "", "", false
}
