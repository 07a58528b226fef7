package audio

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Reading is a clerk's time on the telephone: one text after the other is read to them, or named by its number on their
// list, they say it after the tone, hear themselves, and keep it or try again. It knows no telephone: whoever holds the call
// does what Begin and Next ask, and tells what came of it. Texts that were kept are not asked for again another day.
type Reading struct {
	items []Item
	lang  string // of what is said to the clerk
	at    int
	take  []byte // what was read last, good enough to keep
	tries int    // at this text, that were no good
	quiet int    // times that nothing was pressed
	Kept  int    // how many texts were kept
}

// Ask is what the call has to do now, in this order.
type Ask struct {
	Keep   *Take         // write this down: the clerk kept it
	Say    []Utterance   // say this
	Play   []byte        // then play this, a WAV file: what the clerk read (Shelf.Replay)
	Then   []Utterance   // and say this
	Record time.Duration // then give the tone and take down what the clerk says, for so long at the most, until a key or some seconds of silence
	Key    bool          // or wait for one key, for some ten seconds
	Over   bool          // or end the call
}

// Take is a recording that was kept.
type Take struct {
	Record string // the file's name within the folder of sound, without an ending
	WAV    []byte
}

// Told is what came of an Ask: a recording and the key that ended it, or a key alone; neither is nothing.
type Told struct {
	WAV []byte
	Key byte
}

// NewReading is a reading of items (Inventory.Unrecorded). The clerk is spoken to in English.
func NewReading(items []Item) *Reading { return &Reading{items: items, lang: "en"} }

const (
	mostTries = 3
	mostQuiet = 3
)

func (r *Reading) say(format string, args ...any) []Utterance {
	return []Utterance{{Lang: r.lang, Words: fmt.Sprintf(format, args...)}}
}

// Begin greets the clerk and asks for the first text.
func (r *Reading) Begin() Ask {
	switch len(r.items) {
	case 0:
		return Ask{Say: r.say("Hello. Everything is recorded. There is nothing to do. Goodbye."), Over: true}
	case 1:
		return r.text(r.say("Hello. There is one text to record. Say it after the tone, and press the hash key when you are done."))
	}
	return r.text(r.say("Hello. There are %d texts to record. Say each of them after its tone, and press the hash key when you are done.", len(r.items)))
}

// text asks for the text that is next.
func (r *Reading) text(before []Utterance) Ask {
	r.take, r.tries, r.quiet = nil, 0, 0
	if r.at >= len(r.items) {
		return Ask{Say: append(before, r.say("That was the last text. %s. Thank you. Goodbye.", r.kept())...), Over: true}
	}
	return Ask{Say: append(before, r.read()...), Record: r.longest()}
}

func (r *Reading) kept() string {
	if r.Kept == 1 {
		return "One recording is kept"
	}
	return fmt.Sprintf("%d recordings are kept", r.Kept)
}

// read says which text it is, and the words where there is a voice for them.
func (r *Reading) read() []Utterance {
	i := &r.items[r.at]
	if i.State == Silent {
		return r.say("Text number %d on your list.", i.Number)
	}
	out := r.say("Text number %d.", i.Number)
	return append(out, Utterance{Lang: i.Lang, Dialog: i.Dialog, Key: i.Key, Words: i.Words})
}

// longest is how long a clerk may take for the text.
func (r *Reading) longest() time.Duration {
	return min(2*expected(r.items[r.at].Words)+10*time.Second, 3*time.Minute)
}

// Next goes on after what was asked.
func (r *Reading) Next(t Told) Ask {
	switch {
	case r.at >= len(r.items):
		return Ask{Over: true}
	case t.Key == '0':
		return Ask{Say: r.say("%s. You can go on with the others another time. Goodbye.", r.kept()), Over: true}
	case t.Key == '3':
		r.at++
		return r.text(r.say("It is left out."))
	case r.take == nil && r.tries < mostTries:
		return r.judge(t.WAV)
	}
	switch t.Key {
	case '1':
		if r.take != nil {
			keep := &Take{Record: r.items[r.at].Record, WAV: r.take}
			r.at++
			r.Kept++
			ask := r.text(r.say("It is kept."))
			ask.Keep = keep
			return ask
		}
	case '2':
		r.take, r.tries, r.quiet = nil, 0, 0
		return Ask{Say: r.read(), Record: r.longest()}
	case '9':
		r.quiet = 0
		return Ask{Play: r.take, Then: r.keys(), Key: true}
	}
	if t.Key == 0 {
		if r.quiet++; r.quiet >= mostQuiet {
			return Ask{Say: r.say("I hear nothing, so we stop here. %s. Goodbye.", r.kept()), Over: true}
		}
	}
	return Ask{Say: r.keys(), Key: true}
}

// judge plays back a recording that is good, and says what is wrong with another.
func (r *Reading) judge(wav []byte) Ask {
	i := &r.items[r.at]
	take, wrong := examine(wav, i.Words)
	if wrong == "" {
		r.take, r.quiet = take, 0
		return Ask{Say: r.say("You said:"), Play: take, Then: r.keys(), Key: true}
	}
	if r.tries++; r.tries >= mostTries {
		return Ask{Say: append(r.say("%s", wrong), r.keys()...), Key: true}
	}
	return Ask{Say: append(r.say("%s Please say it again.", wrong), r.read()...), Record: r.longest()}
}

func (r *Reading) keys() []Utterance {
	if r.take == nil {
		return r.say("To try again, press 2. To leave it out, press 3. To stop, press 0.")
	}
	return r.say("To keep it, press 1. To say it again, press 2. To leave it out, press 3. To hear it once more, press 9. To stop, press 0.")
}

// Unrecorded are the items that no person has recorded in today's words, and that calls say: what a clerk is asked for, whole
// texts before the pieces of others.
func (v *Inventory) Unrecorded() []Item {
	var out, pieces []Item
	for _, i := range v.Items {
		switch {
		case i.person:
		case i.Use&OnCalls != 0:
			out = append(out, i)
		case i.Use == InPieces:
			pieces = append(pieces, i)
		}
	}
	return append(out, pieces...)
}

// Keep writes down a recording under its name, in place of any that was there. Make lists it and makes its clips.
func (v *Inventory) Keep(t *Take) error {
	if v.dir == "" {
		return ErrNoFolder
	}
	name := filepath.FromSlash(t.Record)
	p, ok := placeOf(strings.TrimPrefix(t.Record, recordingsDir+"/") + ".wav")
	if !ok || p.file() != t.Record || !filepath.IsLocal(name) {
		return fmt.Errorf("audio: %q is not the name of a recording", t.Record)
	}
	if err := writeWhole(filepath.Join(v.dir, name+".wav"), t.WAV); err != nil {
		return err
	}
	for _, ending := range kinds()[1:] { // recorded before, by other means
		_ = os.Remove(filepath.Join(v.dir, name+ending))
	}
	return nil
}
