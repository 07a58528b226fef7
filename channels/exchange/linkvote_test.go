package exchange

import (
	"slices"
	"testing"
)

func TestOnePersonOneVote(t *testing.T) { onEachStore(t, testOnePersonOneVote) }

// Whatever is put together or left, and in whichever order, nobody votes twice.
func testOnePersonOneVote(t *testing.T, on setting) {
	cases := map[string]func(*testing.T, *town){
		"voted by phone, then together": func(t *testing.T, w *town) {
			w.says(ann, "NUMB", "2", "yes")
			w.link(ann, "77")
			w.expect(w.chats("77", "NUMB"), "already")
		},
		"voted in the chat, then together": func(t *testing.T, w *town) {
			w.chats("77", "NUMB", "2", "yes")
			w.link(ann, "77")
			w.expect(w.says(ann, "NUMB"), "already")
		},
		"together, voted in the chat": func(t *testing.T, w *town) {
			w.link(ann, "77")
			w.chats("77", "NUMB", "2", "yes")
			w.expect(w.says(ann, "NUMB"), "already")
		},
		"together, voted, left": func(t *testing.T, w *town) {
			w.link(ann, "77")
			w.says(ann, "NUMB", "2", "yes")
			w.chats("77", "PART", "yes")
			w.expect(w.chats("77", "NUMB"), "already")
		},
		"voted, together, left": func(t *testing.T, w *town) {
			w.says(ann, "NUMB", "2", "yes")
			w.link(ann, "77")
			w.chats("77", "PART", "yes")
			w.expect(w.chats("77", "NUMB"), "already")
		},
		"begun on both, then together": func(t *testing.T, w *town) {
			w.says(ann, "NUMB", "2")
			w.chats("77", "NUMB", "1", "yes")
			w.link(ann, "77")
			w.expect(w.says(ann, "yes", "yes"), "already")
		},
		"voted, erased, in the chat again": func(t *testing.T, w *town) {
			w.chats("77", "NUMB", "2", "yes")
			w.chats("77", "erase", "yes")
			w.expect(w.chats("77", "NUMB"), "already")
		},
	}
	for name, act := range cases {
		t.Run(name, func(t *testing.T) {
			w := settle(t, on)
			w.t = t
			act(t, w)
			if got := w.polled("number-vote"); len(got) != 1 {
				t.Fatal(got)
			}
		})
	}
}

// Two numbers that both voted turn out to be one person's: the answer of the one that sent the code stays, as long as the town can
// tell whose it is.
func TestBothVotedBefore(t *testing.T) { onEachStore(t, testBothVotedBefore) }

func testBothVotedBefore(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "NUMB", "1", "yes")
	w.says(ben, "NUMB", "2", "yes")
	w.says(ben, "LINK "+w.linkCode(ann))
	w.expect(w.says(ben, "yes"), "We know you on both now")
	if got := w.polled("number-vote"); !slices.Equal(got, []string{"plan=monday agree=yes"}) {
		t.Fatal(got)
	}
	w.expect(w.says(ann, "NUMB"), "already")
	w.says(ann, "PART", "yes")
	w.expect(w.says(ann, "NUMB"), "already")
	w.expect(w.says(ben, "NUMB"), "already")
}

// One answer that was given while two numbers were together is counted once they are together again, whichever sends the code.
func TestVotedLeftAndTogetherAgain(t *testing.T) { onEachStore(t, testTogetherAgain) }

func testTogetherAgain(t *testing.T, on setting) {
	for _, voter := range []string{ann, ben} {
		w := settle(t, on)
		link := func() {
			w.says(ben, "LINK "+w.linkCode(ann))
			w.expect(w.says(ben, "yes"), "We know you on both now")
		}
		link()
		w.says(voter, "NUMB", "1", "yes")
		w.expect(w.says(ann, "PART", "yes"), "You begin anew here")
		link()
		if got := w.polled("number-vote"); len(got) != 1 {
			t.Fatalf("%s voted: %v", voter, got)
		}
		w.expect(w.says(ann, "NUMB"), "already")
	}
}
