package voice

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
)

// walker decides what a caller does, from what the town has just said: only keys and their own voice.
type walker struct {
	house  *house
	dialog string
	others []string // dialogs
	seed   int
	seen   map[string]int
	acts   []string // what was done
}

const longestWalk = 80

func (w *walker) act() string {
	a := w.decide()
	w.acts = append(w.acts, a)
	return a
}

func (w *walker) decide() string {
	if len(w.acts) >= longestWalk || len(w.house.last.Pages) == 0 {
		return "rings off"
	}
	p := &w.house.last.Pages[len(w.house.last.Pages)-1]
	listen, _ := call.Listening(w.house.last.Pages)
	key := string(p.Asks) // not the words: a walk stays the same when they are bettered
	for _, o := range p.Options {
		key += " " + o.ID
	}
	if w.seen == nil {
		w.seen = map[string]int{}
	}
	w.seen[key]++
	n := w.seen[key]
	h := fnv.New32a()
	fmt.Fprint(h, key, n, w.seed)
	dice := int(h.Sum32() >> 8)
	menu := false
	for _, o := range p.Options {
		if o.ID == w.dialog {
			return o.Digit
		}
		menu = menu || slices.Contains(w.others, o.ID)
	}
	if menu && p.Of > 1 {
		return "8"
	}
	switch {
	case dice%23 == 0:
		return []string{"…", "9", "*", "0"}[dice/23%4]
	case listen.Record > 0 && n%5 > 0:
		return "voice"
	case listen.Keys > 1:
		entries := map[engine.Asks][]string{dialogs.Date: {"1210#", "1012#", "12102026#", "10122026#"}, dialogs.Code: {"482715#"}, dialogs.Status: {"3112047#"}, dialogs.Contact: {"2025550123#"}}[p.Asks]
		if entries == nil {
			entries = []string{"2#", "79#", "0#", "10#"}
		}
		if n%9 == 8 {
			return "*"
		}
		return entries[(n-1)%len(entries)]
	case len(p.Options) > 0:
		return p.Options[max(dice%(len(p.Options)+2)-2, 0)].Digit // a little oftener the first: it goes on
	}
	return []string{"1", "…", "8", "0"}[n%4]
}

// spoken is a line without a telephone company: a caller who listens to every word, and then does what the walker says.
type spoken struct {
	walker *walker
	now    time.Time
	heard  []string
	queue  []call.Press
	voice  bool
	left   bool // nothing is done any more before the next page
}

func (s *spoken) Play(_ context.Context, parts []call.Part) (bool, error) {
	if len(s.queue) > 0 {
		return false, nil
	}
	for _, p := range parts {
		s.now = s.now.Add(max(p.Silence, 100*time.Millisecond))
		switch {
		case p.Tone:
			s.heard = append(s.heard, "(tone)")
		case p.Silence == 0:
			s.heard = append(s.heard, said(p))
			s.left = false
		}
	}
	return true, nil
}

func (s *spoken) Key(_ context.Context, wait time.Duration) (call.Press, bool, error) {
	if len(s.queue) == 0 && wait > 0 && !s.left {
		s.left = true
		switch a := s.walker.act(); a {
		case "rings off":
			return call.Press{}, false, call.ErrGone
		case "…":
		case "voice":
			s.voice = true
		default:
			for i := range a {
				s.queue = append(s.queue, call.Press{Key: a[i], At: s.now.Add(time.Duration(i+1) * time.Second)})
			}
		}
	}
	if len(s.queue) == 0 {
		s.now = s.now.Add(wait)
		return call.Press{}, false, nil
	}
	p := s.queue[0]
	s.queue = s.queue[1:]
	if p.At.After(s.now) {
		s.now = p.At
	}
	return p, true, nil
}

func (s *spoken) Record(context.Context, time.Duration, time.Duration) ([]byte, byte, error) {
	s.now = s.now.Add(5 * time.Second)
	if !s.voice {
		return nil, 0, nil
	}
	s.voice = false
	return singing(5), 0, nil
}

func (s *spoken) Pass(context.Context, string) (bool, error) { return false, nil }

// singing is a recording of so many seconds of one note.
func singing(seconds int) []byte {
	n := seconds * rate
	le := binary.LittleEndian
	b := append([]byte("RIFF"), le.AppendUint32(nil, uint32(36+2*n))...)
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, 1), 1)
	b = le.AppendUint32(le.AppendUint32(b, rate), 2*rate)
	b = le.AppendUint16(le.AppendUint16(b, 2), 16)
	b = le.AppendUint32(append(b, "data"...), uint32(2*n))
	for i := range n {
		b = le.AppendUint16(b, uint16(int16(8000*math.Sin(float64(i)/4))))
	}
	return b
}

// The same keys, pressed on a line of the town's own and at Twilio, leave byte-equal records, and the same words are heard,
// in every dialog of the sample town and in each of its languages. Every document is held to Twilio's tables on the way, and
// every request is made twice.
func TestParity(t *testing.T) {
	town, set := sampleTown(t)
	kept, turns, longest := 0, 0, 0
	ended := map[string]bool{}
	for _, d := range set.All() {
		for _, lang := range d.AllLanguages() {
			for seed := range walks {
				t.Run(fmt.Sprintf("%s/%s/%d", d.ID, lang, seed), func(t *testing.T) {
					own := newHouse(town, lang)
					w := &walker{house: own, dialog: d.ID, seed: seed, others: ids(set)}
					line := &spoken{walker: w, now: noon}
					c := call.Call{Channel: "sip", ID: "c1", From: channels.Address{Kind: "tel", ID: theirs}, Lang: "en", Town: "Elmwood", Phrases: phrases(t), Now: func() time.Time { return line.now }}
					if err := call.Hold(t.Context(), line, own, c); err != nil {
						t.Fatal(err)
					}

					at := newHouse(town, lang)
					phone := newPhone(t, newLine(t, nil), at, w.acts...)
					phone.again = true
					phone.rings("/voice/twilio")
					if phone.ended == "rings off" {
						w := statusOf(phone, "completed")
						if w.Code != 204 {
							t.Errorf("status: %d", w.Code)
						}
					}

					heard := played(t, phone.heard)
					compare(t, "the town was told", own.told, at.told)
					compare(t, "the caller heard", line.heard, heard)
					if a, b := own.records(t), at.records(t); a != b {
						t.Errorf("the records differ:\n%x\n%x", a, b)
					}
					kept += len(own.r.Kept())
					if own.r.End != "" {
						ended[d.ID+" "+lang] = true
					}
					turns += phone.turns
					longest = max(longest, len(w.acts))
				})
			}
		}
	}
	t.Logf("%d turns, %d records kept; the longest call had %d", turns, kept, longest)
	if kept < 30 {
		t.Errorf("only %d records were left", kept)
	}
	for _, d := range set.All() {
		for _, lang := range d.AllLanguages() {
			if !ended[d.ID+" "+lang] {
				t.Errorf("no walk through %s in %s gets to an end", d.ID, lang)
			}
		}
	}
}

// played is what was heard, with recordings by their names.
func played(t *testing.T, heard []string) []string {
	line := newLine(t, nil)
	heard = slices.Clone(heard)
	for i, s := range heard {
		if name, ok := strings.CutPrefix(s, "/voice/twilio/said/"); ok {
			ref, _ := line.saidRef(name)
			heard[i] = "(" + ref + ")"
		}
	}
	return heard
}

func ids(set *dialogs.Set) (all []string) {
	for _, d := range set.All() {
		all = append(all, d.ID)
	}
	return all
}

// walks through each dialog in each language.
const walks = 4

func compare(t *testing.T, what string, own, at []string) {
	t.Helper()
	for i := range max(len(own), len(at)) {
		a, b := "nothing", "nothing"
		if i < len(own) {
			a = own[i]
		}
		if i < len(at) {
			b = at[i]
		}
		if a != b {
			t.Errorf("%s, %d:\n  on a line of our own %s\n  at Twilio            %s", what, i, a, b)
			return
		}
	}
}
