package dialogs

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const (
	// maxPlaces is the most landmarks of one list: nobody leafs through more than thirty pages of cards.
	maxPlaces = 200
	// maxPlaceName is the most characters of a landmark's name. It is kept as the answer, which holds 200.
	maxPlaceName = 80
	// maxLooked is how many files are looked at for a list when one dialog was named, not its folder.
	maxLooked = 10_000
)

// placesSuffix ends the name of a list's file, before .yaml; with the list's name it is the key of its translations.
const placesSuffix = ".places"

// places is one list of landmarks, as its file <name>.places.yaml has it. Its draft's dialog holds the wordings by the id
// of the place, in the file's order, so that translations are read and checked as those of a dialog are.
type places struct {
	*draft
	name string
}

// key is what the list's translations are kept under; no dialog can be called that.
func (p *places) key() string { return p.name + placesSuffix }

// readPlaces reads a list; nil when there is nothing to read on with.
func readPlaces(s *Source) *places {
	top := s.Parse()
	if top == nil {
		return nil
	}
	d := &Dialog{File: s.File, texts: map[string]Text{}}
	p := &places{draft: &draft{Source: s, d: d, spots: map[string]spots{}, at: map[string]Position{}}}
	if top.Kind != yaml.MappingNode {
		p.bad(top, "no-dialog", "this is no list of places", "begin with `list:` and the list's name, then `language:` and `places:`")
		return nil
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, n := top.Content[i], top.Content[i+1]
		p.at[key.Value] = fieldAt(key, n)
		switch key.Value {
		case "list":
			if w, ok := p.word(n, "a list's name"); ok {
				p.name = w
				if !name(w) {
					p.bad(n, "bad-id", fmt.Sprintf("%q can't be the name of a list", clip(w)), "use small letters a–z, digits and hyphens, for example landmarks")
				}
			}
		case "language":
			d.Language = p.language(n)
		case "places":
			p.read(n)
		default:
			p.unknown(key, []string{"list", "language", "places"}, "a list of places")
		}
	}
	for _, key := range []string{"list", "language", "places"} {
		if _, ok := p.at[key]; !ok {
			p.bad(top, "missing", fmt.Sprintf("this list of places has no `%s`", key), "a list has `list:`, `language:` and `places:`")
		}
	}
	d.ID = p.key()
	return p
}

// read reads the places themselves.
func (p *places) read(n *yaml.Node) {
	if n.Kind != yaml.MappingNode || n.Style&yaml.FlowStyle != 0 {
		p.bad(n, "wrong-kind", "`places` is a block: each place has a short name and a wording", "write each on a line of its own, for example `library: The library`")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if len(p.d.keys) == maxPlaces {
			p.bad(k, "too-many", fmt.Sprintf("there are more than %d places", maxPlaces), "keep those that people name; every other place can be typed or said")
			return
		}
		id := strings.TrimSpace(k.Value)
		if !name(id) {
			p.bad(k, "bad-id", fmt.Sprintf("%q can't be the name of a place", clip(id)), "use small letters a–z, digits and _, beginning with a letter; residents never see it")
			continue
		}
		if optionReserved(id) {
			p.bad(k, "reserved-id", fmt.Sprintf("%q has a meaning of its own in dialogs", id), "give the place another name")
			continue
		}
		t, _ := p.wording(v, id, []string{"text", "short", "speech", "icon", "also"})
		spot := p.spots[id].text
		if utf8.RuneCountInString(t.Text) > maxPlaceName {
			p.Add(spot.Line, spot.Column, "too-long", fmt.Sprintf("the name of a place is longer than %d characters", maxPlaceName), "shorten it: it is what people call the place")
		}
		if strings.Contains(t.Text+t.Short+t.Speech, "${") {
			p.Add(spot.Line, spot.Column, "insertion", "the name of a place is the same in every conversation: nothing can be inserted", "take `${…}` out")
			continue
		}
		if t.Text == "" {
			continue // noted
		}
		p.d.keys = append(p.d.keys, id)
		p.d.texts[id] = t
	}
}

// check notes what is wrong with the wordings of the list and of its translations.
func (l *loader) checkPlaces(p *places) {
	p.d.files = l.translations[p.key()]
	c := checker{l: l, f: p.draft, d: p.d}
	if all := l.options.Locales; all != nil && p.d.Language != "" && !all.Has(p.d.Language) {
		c.at("language", "no-phrases", fmt.Sprintf("the town's own phrases are not to be had in %s", p.d.Language), "add the file locales/"+p.d.Language+".yaml", true)
	}
	for _, id := range p.d.keys {
		t := p.d.texts[id]
		c.reads(p.draft, p.spots[id], p.d.Language, id, &t)
		c.answerable(p.draft, id, t)
		c.label(p.spots[id].text, t.Text)
	}
	alike(p.name, p.d.keys, p.draft, false, func(i int) (Text, Position) {
		return p.d.texts[p.d.keys[i]], p.spots[p.d.keys[i]].text
	})
	for _, lang := range sorted(p.d.files) {
		f := p.d.files[lang]
		if lang == p.d.Language {
			f.Add(1, 1, "bad-language", "the list itself is written in "+lang, "a translation is in another language")
			continue
		}
		f.check(p.d, false)
		for i := range f.list {
			if e := &f.list[i]; !e.text.IsZero() {
				c.reads(f.draft, f.spots[e.key], lang, e.key, &e.text)
				c.answerable(f.draft, e.key, e.text)
			}
		}
		alike(p.name, p.d.keys, f.draft, false, func(i int) (Text, Position) {
			if j, ok := f.at[p.d.keys[i]]; ok {
				return f.list[j].text, f.list[j].pos
			}
			return Text{}, Position{}
		})
	}
}

// called is what the place id is called in lang or, where that lacks it, in a wider one (es for es-MX); ok is false where
// it is not translated, or only from an older wording.
func (p *places) called(lang, id string, files map[string]*entries) (t Text, ok bool) {
	source := p.d.texts[id]
	for ; lang != ""; lang = parent(lang) {
		if lang == p.d.Language {
			return source, true
		}
		f := files[lang]
		if f == nil {
			continue
		}
		if i, found := f.at[id]; found && f.list[i].text.Text != "" && f.list[i].from() == source.Text {
			t = f.list[i].text
			t.Icon = source.Icon
			return t, true
		}
	}
	return source, false
}

// fillPlace makes the places of a list the options of a place step: worded in the dialog's language where the list is.
func (l *loader) fillPlace(d *Dialog, i int, p *places) {
	files := l.translations[p.key()]
	s := &d.Steps[i]
	s.Options = make([]Option, len(p.d.keys))
	for j, id := range p.d.keys {
		t, _ := p.called(d.Language, id, files)
		s.Options[j] = Option{ID: id, Text: t}
	}
}

// translatePlace attaches what the places of a step are called in the dialog's other languages. A place that is not
// translated keeps the name that it has: most are names, and a town's list may be long.
func (l *loader) translatePlace(d *Dialog, f *draft, i int, by laid, p *places) {
	files := l.translations[p.key()]
	lost := func(lang string, names []string, from *draft, at Position) {
		if len(names) > 0 {
			from.Advise(at.Line, at.Column, "translation-missing", fmt.Sprintf("these places of the list %s are not translated into %s: %s", p.name, lang, all(names)), "translate them in "+p.key()+"."+lang+".yaml; a name that is the same there is written again")
		}
	}
	var names []string
	for _, id := range p.d.keys {
		if _, ok := p.called(d.Language, id, files); !ok {
			names = append(names, id)
		}
	}
	lost(d.Language, names, by.from, by.step.fields["from"])
	for _, lang := range d.Languages {
		into := d.Translations[lang]
		if into == nil {
			into = map[string]Text{}
		}
		names = nil
		for j, id := range p.d.keys {
			key := d.Steps[i].Options[j].Key
			if _, own := into[key]; own {
				continue // the dialog's own file goes before
			}
			if t, ok := p.called(lang, id, files); ok {
				into[key] = t
			} else {
				names = append(names, id)
			}
		}
		if len(into) > 0 {
			d.Translations[lang] = into
		}
		if lang != d.Language {
			lost(lang, names, f, f.at["languages."+lang])
		}
	}
}

// list finds the list of landmarks called name for a step of user, and reads its file when only the dialog was named.
func (l *loader) list(user *draft, name string) *places {
	if p := l.lists[name+placesSuffix]; p != nil {
		return p
	}
	file, ok := l.listFiles(user)[name]
	if !ok || l.seen[file] {
		return nil
	}
	l.read(file)
	l.beside(file)
	return l.lists[name+placesSuffix]
}

// listFiles are the files of lists by name, in the folder of user's dialogs and below it.
func (l *loader) listFiles(user *draft) map[string]string {
	root := path.Dir(user.File)
	if r, ok := strings.CutSuffix(user.File, user.d.ID+".yaml"); ok {
		root = path.Clean(r + ".")
	}
	if found, ok := l.looked[root]; ok {
		return found
	}
	found := map[string]string{}
	l.looked[root] = found
	files := 0
	_ = fs.WalkDir(l.fsys, root, func(p string, e fs.DirEntry, err error) error {
		files++
		switch {
		case files > maxLooked:
			return fs.SkipAll
		case err != nil && e != nil && e.IsDir(), p != root && strings.HasPrefix(path.Base(p), ".") && e.IsDir():
			return fs.SkipDir
		case err != nil || e.IsDir() || strings.HasPrefix(path.Base(p), "."):
			return nil
		}
		if name, ok := strings.CutSuffix(path.Base(p), placesSuffix+".yaml"); ok && found[name] == "" {
			found[name] = p
		}
		return nil
	})
	return found
}

// listNames are the names of the lists that user can name.
func (l *loader) listNames(user *draft) []string {
	all := map[string]bool{}
	for key := range l.lists {
		all[strings.TrimSuffix(key, placesSuffix)] = true
	}
	for name := range l.listFiles(user) {
		all[name] = true
	}
	return sorted(all)
}

// listed checks the name of a place step's list. A town may have no lists: then nobody is asked by one, and places are
// given in the resident's own words.
func (c *checker) listed(s *draftStep) {
	if s.From == "" || c.l.list(c.f, s.From) != nil {
		return
	}
	known := c.l.listNames(c.f)
	if len(known) == 0 || contains(known, s.From) { // what is wrong with that file is noted there
		return
	}
	message := fmt.Sprintf("the town has no list of places called %q", clip(s.From))
	near := Nearest(s.From, known)
	if near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	c.field(s, "from", "unknown-list", message, "the lists are: "+either(known)+"; a new one goes into "+clip(s.From)+placesSuffix+".yaml", near == "")
}
