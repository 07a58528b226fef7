package dialogs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
	"time"

	"github.com/townline/townline/locales"
)

// Options are what the town knows and a dialog's file does not say. The zero value checks less, and reads times as UTC.
type Options struct {
	Zone    *time.Location     // of `opens` and `closes`; nil: UTC
	Locales *locales.Catalogue // for command words and folding; nil: the embedded one
	Desks   []string           // that a handoff can name; nil: not checked
	Now     time.Time          // to notice dialogs that are over; zero: not checked
}

// Set is the dialogs of a town, without the parts that others use. It is immutable.
type Set struct {
	all    []*Dialog
	byID   map[string]*Dialog
	drafts map[string]*Dialog
}

// All returns the dialogs in menu order, which is the order of their titles. The caller must not change it.
func (s *Set) All() []*Dialog { return s.all }

// Get returns the dialog called id, or nil.
func (s *Set) Get(id string) *Dialog { return s.byID[id] }

// Draft returns the dialog called id even if it has errors, as far as it could be read; nil when there is nothing of it.
// It serves Extract (a missing translation is an error) and previews for its author, and is never to be published.
func (s *Set) Draft(id string) *Dialog { return s.drafts[id] }

// Load reads, checks and compiles dialogs. A path is a folder, read with all below it (names that begin with a dot are
// left out), or one dialog's file, read with its translations, what it uses and its lists of landmarks
// (landmarks.places.yaml, in the dialog's folder or below it); no path is the whole of fsys. All
// problems of all files are returned, in the order of files and lines; the set holds the dialogs that have no errors.
// Files called *.test.yaml hold tests and are left out.
func Load(fsys fs.FS, o Options, paths ...string) (*Set, Problems) {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	l := &loader{fsys: fsys, options: o, seen: map[string]bool{}, drafts: map[string]*draft{}, translations: map[string]map[string]*entries{}, lists: map[string]*places{}, looked: map[string]map[string]string{}}
	if o.Locales == nil {
		var err error
		if l.options.Locales, err = locales.Load(); err != nil {
			l.loose = append(l.loose, Problem{File: "locales", Line: 1, Column: 1, Code: "unreadable", Message: "the town's own phrases can't be read: " + err.Error()})
		}
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for _, p := range paths {
		l.collect(path.Clean(p))
	}
	return l.finish()
}

// loader is one Load under way.
type loader struct {
	fsys    fs.FS
	options Options

	seen         map[string]bool // files read
	sources      []*Source
	order        []*draft                       // as read
	drafts       map[string]*draft              // by id
	translations map[string]map[string]*entries // by dialog, or key of a list; then by language
	lists        map[string]*places             // by key
	looked       map[string]map[string]string   // folder → files of lists there and below, by name
	loose        Problems                       // of files that could not be opened
}

func (l *loader) unreadable(file string, err error) {
	reason := err.Error()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		reason = "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		reason = "it is not allowed to be read"
	}
	l.loose = append(l.loose, Problem{File: file, Line: 1, Column: 1, Code: "unreadable", Message: "this can't be read: " + reason, Hint: "check the name and the rights of the file"})
}

func (l *loader) collect(root string) {
	info, err := fs.Stat(l.fsys, root)
	if err != nil {
		l.unreadable(root, err)
		return
	}
	if !info.IsDir() {
		l.read(root)
		l.beside(root)
		return
	}
	err = fs.WalkDir(l.fsys, root, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			l.unreadable(p, err)
			if e != nil && e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		name := path.Base(p)
		if strings.HasPrefix(name, ".") && p != root {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() {
			return nil
		}
		switch {
		case strings.HasSuffix(name, ".yml"):
			l.loose = append(l.loose, Problem{File: p, Line: 1, Column: 1, Code: "file-name", Message: "files that end in .yml are not read", Hint: "call it " + strings.TrimSuffix(name, ".yml") + ".yaml", Warning: true})
		case strings.HasSuffix(name, ".yaml") && name != "townline.yaml":
			l.read(p)
		}
		return nil
	})
	if err != nil {
		l.unreadable(root, err)
	}
}

// beside reads the translations of a dialog that was named by its file, or the dialog of a translation.
func (l *loader) beside(file string) {
	dir, stem := path.Dir(file), strings.TrimSuffix(path.Base(file), ".yaml")
	stem, suffix, _ := strings.Cut(stem, ".")
	if rest, ok := strings.CutPrefix("."+suffix, placesSuffix); ok && (rest == "" || rest[0] == '.') {
		stem, suffix = stem+placesSuffix, strings.TrimPrefix(rest, ".")
	}
	if suffix != "" && suffix != "test" {
		if main := path.Join(dir, stem+".yaml"); l.exists(main) {
			l.read(main)
		}
	}
	list, err := fs.ReadDir(l.fsys, dir)
	if err != nil {
		return
	}
	for _, e := range list {
		if rest, ok := strings.CutPrefix(e.Name(), stem+"."); ok && strings.HasSuffix(rest, ".yaml") && rest != "test.yaml" && !e.IsDir() {
			l.read(path.Join(dir, e.Name()))
		}
	}
}

func (l *loader) exists(file string) bool {
	_, err := fs.Stat(l.fsys, file)
	return err == nil
}

// read reads one file; a second time is no time.
func (l *loader) read(file string) {
	stem, suffix, dotted := strings.Cut(strings.TrimSuffix(path.Base(file), ".yaml"), ".")
	if l.seen[file] || suffix == "test" {
		return
	}
	l.seen[file] = true
	content, err := readCapped(l.fsys, file)
	if err != nil {
		l.unreadable(file, err)
		return
	}
	s := NewSource(file, content)
	l.sources = append(l.sources, s)
	switch of, lang, _ := strings.Cut(suffix, "."); {
	case of == "places" && lang == "":
		l.readPlaces(s, stem)
		return
	case of == "places":
		l.readTranslation(s, stem+placesSuffix, lang)
		return
	case dotted:
		l.readTranslation(s, stem, suffix)
		return
	}
	f := readDialog(s, l.options.Zone)
	if f == nil {
		return
	}
	id := f.d.ID
	if id == "" {
		l.order = append(l.order, f)
		return
	}
	if first := l.drafts[id]; first != nil {
		at := f.at["dialog"]
		f.Add(at.Line, at.Column, "duplicate-id", fmt.Sprintf("there are two dialogs called %q; the other is %s", id, first.File), "give one of them another name")
		return
	}
	if file != id+".yaml" && !strings.HasSuffix(file, "/"+id+".yaml") {
		at := f.at["dialog"]
		f.Add(at.Line, at.Column, "file-name", fmt.Sprintf("the dialog %q is in a file called %s", id, base(file)), "call the file "+id+".yaml")
	}
	l.order = append(l.order, f)
	l.drafts[id] = f
}

func (l *loader) readPlaces(s *Source, stem string) {
	p := readPlaces(s)
	if p == nil || p.name == "" {
		return
	}
	at := p.at["list"]
	if p.name != stem {
		p.Add(at.Line, at.Column, "file-name", fmt.Sprintf("the list %q is in a file called %s", clip(p.name), base(s.File)), "call the file "+p.name+placesSuffix+".yaml")
	}
	if first := l.lists[p.key()]; first != nil {
		p.Add(at.Line, at.Column, "duplicate-id", fmt.Sprintf("there are two lists called %q; the other is %s", clip(p.name), first.File), "give one of them another name")
		return
	}
	l.lists[p.key()] = p
}

// readTranslation reads the translation of the dialog or the list that stem names.
func (l *loader) readTranslation(s *Source, stem, suffix string) {
	of := "dialog"
	if strings.HasSuffix(stem, placesSuffix) {
		of = "list"
	}
	t := readTranslation(s, of)
	if t == nil {
		return
	}
	if of == "list" && t.dialog != "" {
		t.dialog += placesSuffix
	}
	if t.lang != "" && t.lang != suffix {
		t.Add(1, 1, "file-name", fmt.Sprintf("the file's name says %s, its `language` says %s", suffix, t.lang), "call the file "+stem+"."+t.lang+".yaml")
	}
	if t.dialog == "" || t.lang == "" {
		return
	}
	if base(t.dialog) != stem {
		t.Add(t.dialogAt.Line, t.dialogAt.Column, "file-name", fmt.Sprintf("this translates %q, but the file is called %s", clip(strings.TrimSuffix(t.dialog, placesSuffix)), base(s.File)), "call the file "+base(t.dialog)+"."+t.lang+".yaml")
	}
	if l.translations[t.dialog] == nil {
		l.translations[t.dialog] = map[string]*entries{}
	}
	if first := l.translations[t.dialog][t.lang]; first != nil {
		t.Add(t.dialogAt.Line, t.dialogAt.Column, "duplicate-id", fmt.Sprintf("%q is translated into %s twice; the other file is %s", clip(strings.TrimSuffix(t.dialog, placesSuffix)), t.lang, first.File), "keep one")
		return
	}
	l.translations[t.dialog][t.lang] = t
}

func readCapped(fsys fs.FS, file string) ([]byte, error) {
	f, err := fsys.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxFile+16))
}

// part finds a dialog by its id, and reads its file when only the using one was named.
func (l *loader) part(user *draft, id string) *draft {
	if f := l.drafts[id]; f != nil || !dialogID(id) {
		return f
	}
	root, ok := strings.CutSuffix(user.File, user.d.ID+".yaml")
	if !ok {
		root = path.Dir(user.File) + "/"
	}
	file := path.Join(root, id+".yaml")
	if l.seen[file] || !l.exists(file) {
		return nil
	}
	l.read(file)
	l.beside(file)
	return l.drafts[id]
}

func (l *loader) names() []string { return sorted(l.drafts) }

// finish compiles and checks what was read.
func (l *loader) finish() (*Set, Problems) {
	type made struct {
		f *draft
		d *Dialog
	}
	var all []made
	for i := 0; i < len(l.order); i++ { // compiling may read parts, which are added behind
		f := l.order[i]
		d := l.compile(f)
		l.check(f, d)
		all = append(all, made{f, d})
	}
	for _, key := range sorted(l.lists) {
		l.checkPlaces(l.lists[key])
	}
	for _, id := range sorted(l.translations) {
		name, list := strings.CutSuffix(id, placesSuffix)
		switch {
		case list && l.lists[id] == nil:
			for _, lang := range sorted(l.translations[id]) {
				t := l.translations[id][lang]
				t.Add(t.dialogAt.Line, t.dialogAt.Column, "unknown-list", fmt.Sprintf("there is no list %q to translate", clip(name)), "check the name")
			}
		case !list && l.drafts[id] == nil:
			for _, lang := range sorted(l.translations[id]) {
				t := l.translations[id][lang]
				t.Add(t.dialogAt.Line, t.dialogAt.Column, "unknown-dialog", fmt.Sprintf("there is no dialog %q to translate", clip(id)), "check the name")
			}
		}
	}
	var whole []*Dialog
	for _, m := range all {
		if !m.f.part {
			whole = append(whole, m.d)
		}
	}
	l.checkSet(whole)
	problems := append(Problems(nil), l.loose...)
	broken := map[string]bool{}
	for _, s := range l.sources {
		problems = append(problems, s.problems...)
		if s.problems.Errors() {
			broken[s.File] = true
		}
	}
	problems.Sort()
	set := &Set{byID: map[string]*Dialog{}, drafts: map[string]*Dialog{}}
	for _, m := range all {
		if m.d.ID != "" {
			set.drafts[m.d.ID] = m.d
		}
		if m.f.part || broken[m.f.File] || l.brokenBeside(m.d, broken) {
			continue
		}
		m.d.Hash = hash(Bundle(m.d))
		set.all = append(set.all, m.d)
		set.byID[m.d.ID] = m.d
	}
	sort.SliceStable(set.all, func(i, j int) bool {
		a, b := set.all[i], set.all[j]
		if a.Title.Text != b.Title.Text {
			return a.Title.Text < b.Title.Text
		}
		return a.ID < b.ID
	})
	return set, problems
}

// brokenBeside says whether a translation or a part of d has errors.
func (l *loader) brokenBeside(d *Dialog, broken map[string]bool) bool {
	for _, t := range d.files {
		if broken[t.File] {
			return true
		}
	}
	for i := range d.Steps {
		if broken[d.Steps[i].Pos.File] {
			return true
		}
	}
	for _, id := range d.foreign {
		if p := l.lists[id]; p != nil && broken[p.File] {
			return true
		}
		for _, t := range l.translations[id] {
			if broken[t.File] {
				return true
			}
		}
	}
	return false
}

func base(file string) string { return path.Base(file) }

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
