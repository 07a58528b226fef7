package render

import (
	"strings"
	"time"
)

// wordsPerMinute is how fast a town speaks on the telephone: at 150 to 200 people of all ages are most comfortable.
const wordsPerMinute = 150

// Listening is how long a page of a call takes to be heard at 150 words a minute: its words, and the silences after them. A
// recording that is played back isn't in it.
func (p *Page) Listening() (words, silence time.Duration) {
	n := 0.0
	for i := range p.Spoken {
		n += spokenWords(p.Spoken[i].Words)
		silence += time.Duration(p.Spoken[i].Pause) * time.Millisecond
	}
	return time.Duration(n * float64(time.Minute) / wordsPerMinute), silence
}

// spokenWords counts words; of scripts without spaces, a word and a half makes two characters or so.
func spokenWords(s string) float64 {
	n := 0.0
	for w := range strings.FieldsSeq(s) {
		wide := 0
		for _, r := range w {
			if unspaced(r) {
				wide++
			}
		}
		n += max(1, float64(wide)/1.6)
	}
	return n
}
