package exchange

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

// TestLinks holds the table of turn.answer: what is kept of an answer, and what leads back to who gave it.
func TestLinks(t *testing.T) {
	code := "K7MP42"
	for _, c := range []struct {
		poll, word string
		who        []string
		response   bool
		voter      bool
		linked     bool
	}{
		{"open-vote", "OPENV", []string{"2", "yes"}, true, false, false},
		{"survey", "PARK", []string{"1", "12", "1", "yes"}, false, true, true},
		{"hidden-vote", "HIDE", []string{"2", "yes"}, false, false, false},
		{"number-vote", "NUMB", []string{"2", "yes"}, false, true, true},
		{"secret-vote", "SECR", []string{"2", "yes"}, false, true, false},
		{"roll-vote", "ROLLV", []string{code, "2", "yes"}, false, true, false},
	} {
		t.Run(c.poll, func(t *testing.T) {
			w := settle(t)
			if err := w.store.Reserve(t.Context(), "roll-vote", [][16]byte{CodeVoter(seals{}, "roll-vote", code)}); err != nil {
				t.Fatal(err)
			}
			w.expect(w.says(ann, append([]string{c.word}, c.who...)...), "Your receipt is")
			m := w.inside()
			if c.response {
				if len(m.responses) != 1 || len(m.ballots) != 0 {
					t.Fatal(m.responses, m.ballots)
				}
				return
			}
			if len(m.responses) != 0 || len(m.ballots) != 1 {
				t.Fatal(m.responses, m.ballots)
			}
			b := m.ballots[0]
			if got := b.Voter != [16]byte{}; got != c.voter || b.Linked != c.linked {
				t.Fatalf("voter %v, linked %v", got, b.Linked)
			}
			if b.Day != "2026-11-23" || b.Channel != "sms" || b.ID == [16]byte{} {
				t.Fatalf("%+v", b)
			}
		})
	}
}

func TestOneAnswerANumber(t *testing.T) { onEachStore(t, testOneAnswerANumber) }

func testOneAnswerANumber(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "NUMB", "2", "yes")
	w.expect(w.says(ann, "NUMB"), "already")
	w.says(ben, "NUMB", "1", "yes")
	if got := w.polled("number-vote"); !slices.Equal(got, []string{"plan=monday agree=yes", "plan=sunday agree=yes"}) {
		t.Fatal(got)
	}
}

// Two nodes, or a long break: the mark is there only when the ballot is cast.
func TestVotedMeanwhile(t *testing.T) {
	w := settle(t)
	w.says(ann, "NUMB", "2")
	m := w.inside()
	m.roll[voterKey{"number-vote", numberVoter(seals{}, "number-vote", ann)}] = &mark{used: true}
	w.expect(w.says(ann, "yes"), "already")
	if len(m.ballots) != 0 || len(m.consents) != 0 {
		t.Fatal(m.ballots, m.consents)
	}
}

func TestNumberVoteWithoutANumberIsCountedApart(t *testing.T) {
	onEachStore(t, testNumberVoteWithoutANumberIsCountedApart)
}

func testNumberVoteWithoutANumberIsCountedApart(t *testing.T, on setting) {
	w := settle(t, on)
	for i, s := range []string{"NUMB", "2", "1"} {
		w.hear(channels.Event{Channel: "telegram", ID: string(rune('a' + i)), From: channels.Address{Kind: "telegram", ID: "77"}, Words: s})
	}
	apart := 0
	if err := w.store.Ballots(t.Context(), "number-vote", func(b store.Ballot) error {
		if b.Apart {
			apart++
		}
		return nil
	}); err != nil || apart != 1 {
		t.Fatal(apart, err)
	}
}

func TestRoll(t *testing.T) { onEachStore(t, testRoll) }

func testRoll(t *testing.T, on setting) {
	w := settle(t, on)
	if err := w.store.Reserve(t.Context(), "roll-vote", [][16]byte{CodeVoter(seals{}, "roll-vote", "K7MP42")}); err != nil {
		t.Fatal(err)
	}
	unknown := w.says(ann, "ROLLV", "AAAA11")
	if strings.Contains(unknown, "Which day") {
		t.Fatalf("a code that is not on the roll was taken:\n%s", unknown)
	}
	w.expect(w.says(ann, "k7mp-42"), "Which day")
	w.expect(w.says(ann, "1", "yes"), "receipt")
	if got := w.says(ben, "ROLLV", "K7MP42"); strings.Contains(got, "Which day") {
		t.Fatalf("a code was taken twice:\n%s", got)
	}
	if got := w.polled("roll-vote"); !slices.Equal(got, []string{"plan=sunday agree=yes"}) {
		t.Fatal(got)
	}
}

// Nothing that a secret ballot was made of may stay in the conversation's row.
func TestSecretBallotLeavesNoTraceInTheConversation(t *testing.T) {
	onEachStore(t, testSecretBallotLeavesNoTraceInTheConversation)
}

func testSecretBallotLeavesNoTraceInTheConversation(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "HIDE", "2", "yes")
	r, _, _ := w.store.Find(t.Context(), seals{}.Address("tel", ann))
	row, err := w.store.Load(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(row.State), "monday") {
		t.Fatalf("%q", row.State)
	}
	// Nor in the replies kept for messages that come again.
	replies := map[string]bool{}
	for _, in := range row.Answered {
		b, _, err := w.store.Reply(t.Context(), r, in)
		if err != nil {
			t.Fatal(err)
		}
		replies[string(b)] = true
	}
	if len(row.Answered) < 3 || len(replies) != 1 {
		t.Fatalf("%d messages, %d replies are kept", len(row.Answered), len(replies))
	}
}

func TestConsentIsKeptWithItsWords(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK", "1", "12", "1", "yes")
	m := w.inside()
	if len(m.consents) != 1 || m.consents[0].Words != "May the town keep these answers?" || !m.consents[0].Yes || m.consents[0].Poll != "survey" {
		t.Fatalf("%+v", m.consents)
	}
}

func TestLinksAreDestroyedWhenAConsultationCloses(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK", "1", "12", "1", "yes")
	m := w.inside()
	links := func() (n int) {
		for _, k := range m.roll {
			if k.ballot != [16]byte{} {
				n++
			}
		}
		return n
	}
	w.x.Tick(t.Context())
	if links() != 1 {
		t.Fatal("the link went early")
	}
	closes := time.Date(2027, 3, 31, 20, 0, 0, 0, time.UTC)
	if next := w.x.closeRolls(t.Context()); !next.Equal(closes) {
		t.Fatal(next)
	}
	w.clock.pass(closes.Sub(noon))
	w.x.Tick(t.Context())
	if links() != 0 {
		t.Fatal("the link is still there")
	}
	if !w.x.polls.closed("survey") { // who finishes on an older version, with a later end, leaves no new one
		t.Fatal("a ballot that is cast now would be linked")
	}
}

// A dialog that was taken away before its end still closes: the promise was made to those who answered.
func TestLinksOfADialogThatIsOutOfServiceAreDestroyed(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK", "1", "12", "1", "yes")
	fsys := fstest.MapFS{}
	b, err := os.ReadFile("testdata/report.yaml")
	if err != nil {
		t.Fatal(err)
	}
	fsys["report.yaml"] = &fstest.MapFile{Data: b}
	set, problems := load(fsys)
	if problems.Errors() {
		t.Fatal(problems)
	}
	if _, err := w.dialogs.Publish(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	links := func() (n int) {
		for _, k := range w.inside().roll {
			if k.ballot != [16]byte{} {
				n++
			}
		}
		return n
	}
	closes := time.Date(2027, 3, 31, 20, 0, 0, 0, time.UTC)
	if next := w.x.closeRolls(t.Context()); !next.Equal(closes) || links() != 1 {
		t.Fatalf("%v, %d links", next, links())
	}
	w.clock.pass(closes.Sub(noon))
	w.x.Tick(t.Context())
	if links() != 0 {
		t.Fatal("the link is still there")
	}
}
