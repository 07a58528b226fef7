package telegram

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// walker answers as somebody who presses whatever button there is, and else writes or shares something.
type walker struct {
	*house
	dice *rand.Rand
	acts []string
}

func (w *walker) gives(u map[string]any, act string) {
	w.t.Helper()
	w.acts = append(w.acts, act)
	before := len(w.fake.of("sendMessage")) + len(w.fake.of("editMessageText"))
	w.house.gives(u, act)
	if after := len(w.fake.of("sendMessage")) + len(w.fake.of("editMessageText")); after == before {
		w.t.Fatalf("no answer to %q\n%s", act, w.log.String())
	}
}

// answers the page on show; false: nothing is asked any more.
func (w *walker) answers(n int) bool {
	w.t.Helper()
	message, shown, data := w.last()
	if strings.Contains(shown, lateWords) {
		w.t.Fatalf("a fresh press was late\n%s", w.log.String())
	}
	if len(data) > 0 && (n%3 != 0 || len(data) > 1) {
		choices := make([]string, 0, len(data))
		for c := range data {
			choices = append(choices, c)
		}
		slices.Sort(choices)
		c := choices[w.dice.IntN(len(choices))]
		w.gives(w.fake.update("callback_query", pressing(w.chat, message, data[c])), "["+c+"]")
		return true
	}
	calls := w.fake.of("sendMessage")
	keys := keysOf(calls[len(calls)-1]["reply_markup"])
	switch {
	case strings.Contains(keys, "Share where I am ↗"):
		if w.dice.IntN(2) == 0 {
			w.gives(w.fake.update("message", text(w.chat, "Mill Lane 4")), "Mill Lane 4")
			return true
		}
		w.gives(w.fake.update("message", said(w.chat, map[string]any{"location": map[string]any{"latitude": 44.97, "longitude": -93.26}})), "(a place)")
	case strings.Contains(keys, "Share my number ↗"):
		w.gives(w.fake.update("message", said(w.chat, map[string]any{"contact": map[string]any{"phone_number": "12025550123", "first_name": "Ann", "user_id": w.chat}})), "(their number)")
	case len(w.acts) > 0 && strings.Contains(shown, "Thank you") && len(data) == 0, strings.Contains(shown, "passing you to a person"), strings.Contains(shown, "Nobody is at the desk"):
		return false
	default:
		words := []string{"3", "tomorrow", "2", "words of my own", "482715", "10", "15 March", "1"}
		w.gives(w.fake.update("message", text(w.chat, words[(n+w.dice.IntN(2))%len(words)])), words[(n)%len(words)])
	}
	return true
}

// seeds is how many walks are made through each dialog.
var seeds = flag.Uint64("walks", 1, "walks through each dialog")

const lateWords = "That was an earlier question."

// Whatever is pressed, written and shared in any of the sample town's dialogs: each of it is answered, by requests that are as
// described, no press on what is on show is late, and most walks come to an end.
func TestWalksByButtons(t *testing.T) {
	set, err := sample()
	if err != nil {
		t.Fatal(err)
	}
	walks, ended, pressed := 0, 0, 0
	for _, d := range set.All() {
		if d.Start == "" {
			continue
		}
		for seed := range *seeds {
			w := &walker{house: newHouse(t), dice: rand.New(rand.NewPCG(seed, 7))}
			w.chat = english
			walks++
			w.gives(w.fake.update("message", text(w.chat, "/start "+strings.ReplaceAll(d.Start, " ", "_"))), "/start "+d.Start)
			n := 0
			for ; n < 60 && w.answers(n); n++ {
			}
			for _, a := range w.acts {
				if strings.HasPrefix(a, "[") {
					pressed++
				}
			}
			if n < 60 {
				ended++
			}
		}
	}
	if walks < 8 || ended < walks/3 || pressed < 5*walks {
		t.Errorf("of %d walks %d ended, %d presses", walks, ended, pressed)
	}
	t.Log(fmt.Sprint(walks, " walks, ", ended, " ended, ", pressed, " presses"))
}
