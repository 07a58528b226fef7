package voice

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
)

var update = flag.Bool("update", false, "write the golden transcripts anew")

// TestTranscripts writes down a call through each dialog of the sample town in each of its languages, as Twilio has it:
// what is heard, and what is done. go test ./channels/voice -run Transcripts -update writes them anew, where the wording was
// changed on purpose.
func TestTranscripts(t *testing.T) {
	town, set := sampleTown(t)
	want := map[string]bool{}
	for _, d := range set.All() {
		for _, lang := range d.AllLanguages() {
			name := d.ID + "." + lang + ".txt"
			want[name] = true
			t.Run(name, func(t *testing.T) {
				var acts []string
				for seed := 0; ; seed++ { // the first walk that comes to an end
					house := newHouse(town, lang)
					w := &walker{house: house, dialog: d.ID, seed: seed, others: ids(set)}
					line := &spoken{walker: w, now: noon}
					c := call.Call{Channel: "sip", ID: "c1", From: channels.Address{Kind: "tel", ID: theirs}, Lang: "en", Town: "Elmwood", Phrases: phrases(t), Now: func() time.Time { return line.now }}
					if err := call.Hold(t.Context(), line, house, c); err != nil {
						t.Fatal(err)
					}
					if acts = w.acts; house.r.End != "" && (len(house.r.Kept()) > 0 || seed >= 150) || seed == 200 {
						break
					}
				}
				house := newHouse(town, lang)
				phone := newPhone(t, newLine(t, nil), house, acts...)
				phone.notes = true
				phone.rings("/voice/twilio")
				got := fmt.Sprintf("%s on the telephone, in %s\n\n", d.ID, lang) + strings.Join(played(t, phone.heard), "\n") + "\n\nended by: " + phone.ended + "\n"
				golden(t, filepath.Join("testdata", "golden", name), got)
			})
		}
	}
	files, err := os.ReadDir(filepath.Join("testdata", "golden"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !want[f.Name()] {
			t.Errorf("testdata/golden/%s belongs to no dialog any more", f.Name())
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	was, now := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range max(len(was), len(now)) {
		a, b := "(the end)", "(the end)"
		if i < len(was) {
			a = was[i]
		}
		if i < len(now) {
			b = now[i]
		}
		if a != b {
			t.Errorf("%s:%d:\n was: %s\n now: %s\nrun with -update when this is meant", file, i+1, a, b)
			return
		}
	}
}
