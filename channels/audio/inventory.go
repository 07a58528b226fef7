package audio

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// State of a text's sound.
type State uint8

const (
	Missing  State = iota // it can be made, and isn't yet
	Made                  // a voice made it
	Recorded              // a person recorded it
	Silent                // there is no voice for the language, and nobody recorded it
	OnDemand              // there is no folder: it is made when it is asked for
	Piece                 // a part of sentences that nobody recorded: one voice says them whole
)

// Item is one line of the script, and its sound.
type Item struct {
	Line
	ClipKey string
	State   State
	Record  string            // the file to record it under, without .wav, .mp3 or .ogg
	Number  int               // its place in the list of its language
	person  bool              // somebody recorded it, in today's words
	files   map[Format]string // the name of its clip in each format that it needs
	Stale   string            // a recording of other words than those of today, which is not used; "" when there is none
}

// Inventory is what a script needs and what is there.
type Inventory struct {
	Items   []Item
	New     []string // recordings that are not listed yet: Make lists them
	Strange []string // recordings that are named after no text of the script
	Unused  []string // made clips that nothing says any more
	entries []entry  // the list of recordings as it should be
	dir     string
}

// ErrNoFolder is the error of Make when there is no folder.
var ErrNoFolder = errors.New("there is no folder for sound: set audio.dir")

// Inventory compares the folder with the script. It reads every recording that changed since it was listed, and writes
// nothing; where there is no folder, it says what can be made when it is asked for. accepted are recordings (their files' names within the folder) that still say what stands there, though the words
// have changed since.
func (s *Shelf) Inventory(accepted ...string) (*Inventory, error) {
	lines := s.book.lines
	if s.folder == nil {
		return s.onDemand(lines), nil
	}
	v := &Inventory{dir: s.folder.dir}
	if err := v.listRecordings(lines, accepted); err != nil {
		return nil, err
	}
	said := map[string]*entry{}
	stale := map[place]string{}
	for i := range v.entries {
		e := &v.entries[i]
		for _, h := range e.Said {
			if said[h] == nil {
				said[h] = e
			}
		}
		if p, ok := placeOf(e.File); ok {
			stale[p] = recordingsDir + "/" + e.File
		}
	}
	used := map[string]bool{}
	seen := map[string]Use{} // hash of words → where they are heard already
	for _, l := range lines {
		item := s.item(l)
		if item.ClipKey == "" {
			continue
		}
		p := placeOfLine(l)
		e := said[saidHash(l.Lang, l.Words)]
		for _, name := range item.files {
			used[name] = true
		}
		switch {
		case e != nil:
			used[e.madeName()] = true
			item.State, item.person = Missing, true
			if s.folder.has(e.madeName(), l.Use.formats()...) {
				item.State = Recorded
			}
		case l.Use == InPieces:
			item.State = Piece
		case len(s.lacks(&item)) == 0:
			item.State = Made
		case !s.voice.Speaks(l.Lang):
			item.State = Silent
		}
		if e == nil {
			item.Stale = stale[p]
		}
		if e == nil && item.Stale == "" && !another(seen, &item.Line) { // the same words at another place: one clip
			continue
		}
		v.Items = append(v.Items, item)
	}
	v.number()
	return v, v.listUnused(used)
}

// item is a line with the names of its clips.
func (s *Shelf) item(l Line) Item {
	out := Item{Line: l, Record: placeOfLine(l).file(), files: map[Format]string{}}
	for _, f := range l.Use.formats() {
		out.files[f] = s.fileKey(l.Lang, l.Words, f)
		if out.ClipKey == "" {
			out.ClipKey = out.files[f]
		}
	}
	return out
}

// lacks are the formats in which the clip of an item is not there.
func (s *Shelf) lacks(i *Item) []Format {
	var out []Format
	for _, f := range i.Use.formats() {
		if !s.folder.has(i.files[f], f) {
			out = append(out, f)
		}
	}
	return out
}

// onDemand is the inventory where nothing is kept.
func (s *Shelf) onDemand(lines []Line) *Inventory {
	v := &Inventory{}
	seen := map[string]Use{}
	for _, l := range lines {
		item := s.item(l)
		if item.ClipKey == "" || !another(seen, &l) {
			continue
		}
		item.State = OnDemand
		if l.Use == InPieces {
			item.State = Piece
		} else if !s.voice.Speaks(l.Lang) {
			item.State = Silent
		}
		v.Items = append(v.Items, item)
	}
	v.number()
	return v
}

// another says whether a line's words are heard where they were not until now, and notes it.
func another(seen map[string]Use, l *Line) bool {
	words, use := saidHash(l.Lang, l.Words), max(l.Use, OnPages)
	if use == InPieces && seen[words]&OnCalls != 0 { // recorded for both at once
		return false
	}
	new := seen[words]&use != use
	seen[words] |= use
	return new
}

// number numbers the items of each language.
func (v *Inventory) number() {
	last := map[string]int{}
	for i := range v.Items {
		item := &v.Items[i]
		last[item.Lang]++
		item.Number = last[item.Lang]
	}
}

// listRecordings finds the recordings in the folder and says of each which words it was recorded for: those of today where
// it is new or was recorded anew.
func (v *Inventory) listRecordings(lines []Line, accepted []string) error {
	listed, err := readIndex(v.dir)
	if err != nil {
		return err
	}
	today := map[place][]string{}
	for _, l := range lines {
		p := placeOfLine(l)
		today[p] = append(today[p], saidHash(l.Lang, l.Words))
	}
	root := filepath.Join(v.dir, recordingsDir)
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == root {
			return fs.SkipAll
		}
		if err != nil || d.IsDir() {
			return err
		}
		file, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		file = filepath.ToSlash(file)
		if file == indexFile || strings.HasPrefix(filepath.Base(name), ".") {
			return nil
		}
		p, ok := placeOf(file)
		if !ok || today[p] == nil {
			v.Strange = append(v.Strange, recordingsDir+"/"+file)
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		e := entry{File: file, Sum: digest(string(content))}
		old := slices.IndexFunc(listed, func(l entry) bool { return l.File == file && l.Sum == e.Sum })
		if old >= 0 && !slices.Contains(accepted, recordingsDir+"/"+file) {
			e.Said = listed[old].Said
		} else {
			e.Said = today[p]
			v.New = append(v.New, recordingsDir+"/"+file)
		}
		v.entries = append(v.entries, e)
		return nil
	})
}

func (v *Inventory) listUnused(used map[string]bool) error {
	files, err := os.ReadDir(filepath.Join(v.dir, madeDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, f := range files {
		key, _, _ := strings.Cut(f.Name(), ".")
		info, err := f.Info()
		if err != nil || used[key] || strings.HasPrefix(f.Name(), unfinished) && time.Since(info.ModTime()) < time.Hour {
			continue
		}
		v.Unused = append(v.Unused, madeDir+"/"+f.Name())
	}
	return nil
}

// Only leaves the items of some languages and dialogs in v; none named are all of them. "town" stands for the town's own
// phrases. What else there is to tell stays.
func (v *Inventory) Only(languages, dialogs []string) {
	v.Items = slices.DeleteFunc(v.Items, func(i Item) bool {
		return len(languages) > 0 && !slices.Contains(languages, i.Lang) || len(dialogs) > 0 && !slices.Contains(dialogs, placeOfLine(i.Line).dialog)
	})
}

// Wanting are the items that can't be heard as they should: missing, silent, or recorded for other words.
func (v *Inventory) Wanting() []Item {
	var out []Item
	for _, i := range v.Items {
		if i.State == Missing || i.State == Silent || i.Stale != "" {
			out = append(out, i)
		}
	}
	return out
}

// Prune removes what nothing says any more, and returns how many files it was.
func (v *Inventory) Prune() (int, error) {
	for n, file := range v.Unused {
		if err := os.Remove(filepath.Join(v.dir, filepath.FromSlash(file))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return n, err
		}
	}
	return len(v.Unused), nil
}

// Trouble is a text whose sound could not be made.
type Trouble struct {
	Item
	Err error
}

// Make lists the recordings and makes all clips that are missing, on all cores. done is called after each, from one
// goroutine at a time. What could not be made comes back; the others are kept, also when ctx ends before all are made. The
// items' states are brought up to date.
func (s *Shelf) Make(ctx context.Context, v *Inventory, done func(made, of int)) ([]Trouble, error) {
	if s.folder == nil {
		return nil, ErrNoFolder
	}
	if _, err := os.Stat(filepath.Join(v.dir, recordingsDir)); err == nil {
		if err := writeIndex(v.dir, v.entries); err != nil {
			return nil, err
		}
	}
	var todo []int
	for i := range v.Items {
		if v.Items[i].State == Missing {
			todo = append(todo, i)
		}
	}
	byWords := map[string]*entry{}
	for i := range v.entries {
		for _, h := range v.entries[i].Said {
			if byWords[h] == nil {
				byWords[h] = &v.entries[i]
			}
		}
	}
	var mu sync.Mutex
	var troubles []Trouble
	made := 0
	next := make(chan int)
	var workers sync.WaitGroup
	for range max(s.voice.wanted().Jobs, 1) {
		workers.Go(func() {
			for i := range next {
				item := &v.Items[i]
				state, err := Made, error(nil)
				if e := byWords[saidHash(item.Lang, item.Words)]; e != nil {
					state, err = Recorded, s.convert(ctx, e, item.Use.formats())
				} else {
					err = s.makeAll(ctx, *item)
				}
				mu.Lock()
				if made++; err == nil {
					item.State = state
				} else {
					troubles = append(troubles, Trouble{*item, err})
				}
				done(made, len(todo))
				mu.Unlock()
			}
		})
	}
	for _, i := range todo {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	slices.SortStableFunc(troubles, func(a, b Trouble) int { return cmp.Compare(a.Record, b.Record) })
	return troubles, ctx.Err()
}

// makeAll makes the clip of an item in every format that it needs.
func (s *Shelf) makeAll(ctx context.Context, i Item) error {
	sounds, err := s.voice.Say(ctx, i.Lang, spoken(s.phrases.Language(i.Lang), i.Words), s.lacks(&i)...)
	if err != nil {
		return err
	}
	return s.putAll(func(f Format) string { return i.files[f] }, sounds)
}

// convert makes the clip of a recording in every one of the formats that is not there.
func (s *Shelf) convert(ctx context.Context, e *entry, formats []Format) error {
	formats = slices.DeleteFunc(slices.Clone(formats), func(f Format) bool { return s.folder.has(e.madeName(), f) })
	if len(formats) == 0 {
		return nil
	}
	content, err := os.ReadFile(filepath.Join(s.folder.dir, recordingsDir, filepath.FromSlash(e.File)))
	if err != nil {
		return err
	}
	sounds, err := s.voice.Convert(ctx, content, formats...)
	if err != nil {
		return err
	}
	return s.putAll(func(Format) string { return e.madeName() }, sounds)
}

func (s *Shelf) putAll(name func(Format) string, sounds map[Format][]byte) error {
	for f, clip := range sounds {
		if err := s.folder.put(name(f), f, clip); err != nil {
			return err
		}
	}
	return nil
}
