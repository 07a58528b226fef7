package audio

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Names within the folder of sound.
const (
	madeDir       = "made"       // clips, by their key
	recordingsDir = "recordings" // <language>/<dialog>/<key>.wav, .mp3 or .ogg
	indexFile     = "index.json" // in recordings: what each of them says
)

// folder is where clips lie: made ones, and the list of recordings. It is read again when it changes, so that a recording
// counts as soon as it is listed.
type folder struct {
	dir string

	mu      sync.Mutex
	stamp   time.Time
	size    int64
	entries []entry
	said    map[string][]int // hash of words → entries that say them
	spoken  map[string]bool  // languages that somebody recorded something in
}

// entry is one recording in the list.
type entry struct {
	File string   `json:"file"` // below recordings, with slashes: en/main-street/first.wav
	Sum  string   `json:"sum"`  // of its bytes
	Said []string `json:"said"` // hashes of the wordings that it was recorded for
}

type index struct {
	About      string  `json:"about"`
	Recordings []entry `json:"recordings"`
}

const aboutIndex = "Made by \"townline audio\". It knows a recording by its bytes and what it says by the words of the day it was first seen."

// madeName is the name under which the clip of a recording is kept.
func (e *entry) madeName() string { return digest("recording", e.Sum) }

// saidHash stands for words in the list of recordings: whatever voice and rate are set.
func saidHash(lang, words string) string { return digest("said", lang, tidy(words)) }

func readIndex(dir string) ([]entry, error) {
	content, err := os.ReadFile(filepath.Join(dir, recordingsDir, indexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return parseIndex(content)
}

func parseIndex(content []byte) ([]entry, error) {
	var x index
	if err := json.Unmarshal(content, &x); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(recordingsDir, indexFile), err)
	}
	for _, e := range x.Recordings {
		if !isKey(e.Sum) || !filepath.IsLocal(filepath.FromSlash(e.File)) {
			return nil, fmt.Errorf("%s: %q is not a recording", filepath.Join(recordingsDir, indexFile), e.File)
		}
	}
	return x.Recordings, nil
}

func writeIndex(dir string, entries []entry) error {
	content, err := json.MarshalIndent(index{aboutIndex, entries}, "", "  ")
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(dir, recordingsDir, indexFile), append(content, '\n'))
}

// refresh reads the list again if it changed. Its caller holds mu.
func (f *folder) refresh() error {
	info, err := os.Stat(filepath.Join(f.dir, recordingsDir, indexFile))
	if errors.Is(err, fs.ErrNotExist) {
		f.stamp, f.size, f.entries, f.said, f.spoken = time.Time{}, 0, nil, nil, nil
		return nil
	} else if err != nil {
		return err
	}
	if info.ModTime().Equal(f.stamp) && info.Size() == f.size {
		return nil
	}
	entries, err := readIndex(f.dir)
	if err != nil {
		return err
	}
	f.stamp, f.size, f.entries, f.said, f.spoken = info.ModTime(), info.Size(), entries, map[string][]int{}, map[string]bool{}
	for i := range entries {
		if p, ok := placeOf(entries[i].File); ok {
			f.spoken[p.lang] = true
		}
		for _, h := range entries[i].Said {
			f.said[h] = append(f.said[h], i)
		}
	}
	return nil
}

// changed is when the list of recordings was last written; zero where there is none.
func (f *folder) changed() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.refresh() // told by NewShelf and by townline audio
	return f.stamp
}

// recorded says whether somebody recorded anything in a language.
func (f *folder) recorded(lang string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refresh() == nil && f.spoken[lang]
}

// recording finds what a person recorded of a line: the recording of this very text before that of another with the same
// words.
func (f *folder) recording(l Line) (entry, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refresh() != nil { // told by NewShelf and by townline audio
		return entry{}, false
	}
	which := f.said[saidHash(l.Lang, l.Words)]
	if len(which) == 0 {
		return entry{}, false
	}
	for _, i := range which {
		if p, ok := placeOf(f.entries[i].File); ok && p == placeOfLine(l) {
			return f.entries[i], true
		}
	}
	return f.entries[which[0]], true
}

func (f *folder) madePath(name string, format Format) string {
	return filepath.Join(f.dir, madeDir, name+"."+string(format))
}

// made reads a clip; nil where there is none.
func (f *folder) made(name string, format Format) ([]byte, error) {
	b, err := os.ReadFile(f.madePath(name, format))
	if errors.Is(err, fs.ErrNotExist) || len(b) == 0 {
		return nil, nil
	}
	return b, err
}

// put keeps a clip.
func (f *folder) put(name string, format Format, clip []byte) error {
	return writeWhole(f.madePath(name, format), clip)
}

// has says whether a clip is there in every one of the formats.
func (f *folder) has(name string, formats ...Format) bool {
	for _, format := range formats {
		if info, err := os.Stat(f.madePath(name, format)); err != nil || info.Size() == 0 {
			return false
		}
	}
	return true
}

// unfinished begins the name of a file that is being written.
const unfinished = ".unfinished-"

// writeWhole writes a file so that it is there whole, after a power cut too, or not at all.
func writeWhole(name string, content []byte) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, unfinished+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
