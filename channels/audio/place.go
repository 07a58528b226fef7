package audio

import (
	"path"
	"strings"
)

// place is where a text stands: what a recording's file is named after.
type place struct{ lang, dialog, key string }

// TownPlace stands for the dialog in the names of recordings of the town's own phrases.
const TownPlace = "town"

// kinds are the endings of recordings.
func kinds() []string { return []string{".wav", ".mp3", ".ogg", ".opus"} }

func placeOfLine(l Line) place {
	if l.Dialog == "" {
		return place{l.Lang, TownPlace, strings.TrimPrefix(l.Key, "@")}
	}
	return place{l.Lang, l.Dialog, l.Key}
}

// placeOf reads the name of a recording below the folder recordings: en/main-street/first.wav.
func placeOf(file string) (place, bool) {
	parts := strings.Split(file, "/")
	if len(parts) != 3 {
		return place{}, false
	}
	ending := strings.ToLower(path.Ext(parts[2]))
	for _, k := range kinds() {
		if key := parts[2][:len(parts[2])-len(ending)]; k == ending && key != "" {
			return place{parts[0], parts[1], key}, true
		}
	}
	return place{}, false
}

// file is the name to record under, without its ending.
func (p place) file() string { return path.Join(recordingsDir, p.lang, p.dialog, p.key) }
