package voice

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/dialogs/golden"
)

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
				golden.Compare(t, filepath.Join("testdata", "golden", name), got)
			})
		}
	}
	golden.Only(t, filepath.Join("testdata", "golden"), want)
}
