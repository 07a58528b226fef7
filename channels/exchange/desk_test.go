package exchange

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

const anna, bert = "Anna", "Bert" // clerks

const cat = "+12025550144" // who never wrote

// waiting expects one case, and opens it.
func (w *town) waiting() channels.CaseWhole {
	w.t.Helper()
	all, err := w.x.Cases(w.t.Context(), "")
	if err != nil || len(all) != 1 {
		w.t.Fatal(all, err)
	}
	c, err := w.x.Case(w.t.Context(), all[0].ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// nobodyWaits expects an empty list.
func (w *town) nobodyWaits() {
	w.t.Helper()
	if all, err := w.x.Cases(w.t.Context(), ""); err != nil || len(all) > 0 {
		w.t.Fatal(all, err)
	}
}

// does lets a clerk act on the only case.
func (w *town) does(clerk string, kind channels.CaseActKind, words string) error {
	w.t.Helper()
	w.ids++
	return w.x.Act(w.t.Context(), channels.CaseAct{Case: w.waiting().ID, Kind: kind, Clerk: clerk, Words: words, Token: strings.Repeat("t", w.ids)})
}

// done is does, and must work.
func (w *town) done(clerk string, kind channels.CaseActKind, words string) {
	w.t.Helper()
	if err := w.does(clerk, kind, words); err != nil {
		w.t.Fatal(err)
	}
}

// pushed sends what is in the outbox and returns the last text.
func (w *town) pushed() string {
	w.t.Helper()
	w.x.Tick(w.t.Context())
	all := w.texts()
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

func (w *town) said(want ...string) {
	w.t.Helper()
	var got []string
	for _, l := range w.waiting().Letters {
		got = append(got, strings.TrimSpace(l.By+": "+l.Words))
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		w.t.Fatalf("said %q, want %q", got, want)
	}
}

func TestATalkWithThePersonAtTheDesk(t *testing.T) { onEachStore(t, testATalkWithThePersonAtTheDesk) }

func testATalkWithThePersonAtTheDesk(t *testing.T, on setting) {
	w := settle(t, on)
	w.expect(w.says(ann, "MEND", "person"), "A person will answer you here soon", "What is the problem?")

	// Until somebody answers, the dialog goes on, and what it doesn't understand goes to the desk.
	w.expect(w.says(ann, "there is a big one before my door"), "I passed that on to a person", "What is the problem?")
	w.not(w.says(ann, "xqz"), "passed") // a word that is mistyped was meant for us
	w.expect(w.says(ann, "2"), "Where is it?")
	w.clock.pass(time.Minute)
	c := w.waiting()
	if c.Title != "Report a street problem" || c.Channel != "sms" || c.Unread != 1 || c.Clerk != "" || c.Reach != channels.Written || !c.Since.Equal(noon) {
		t.Fatalf("%+v", c)
	}
	w.expect(c.Shown, "Where is it?")
	if len(c.Answers) != 1 || c.Answers[0] != (channels.CaseAnswer{Question: "What is the problem?", Answer: "Hole in the road"}) {
		t.Fatalf("%+v", c.Answers)
	}
	if len(c.Requests) != 1 || !c.Requests[0].This || c.Requests[0].Reference != w.requests()[0].Reference {
		t.Fatalf("%+v", c.Requests)
	}
	if r := resident(w); strings.Contains(c.ID, string(r[:])) || len(c.ID) != 32 {
		t.Fatal(c.ID)
	}

	// A clerk takes it, and says something: from then on it is them who are written with.
	w.done(anna, channels.CaseTake, "")
	if got := w.waiting(); got.Clerk != anna || len(w.texts()) != 0 {
		t.Fatalf("%+v", got)
	}
	w.done(anna, channels.CaseSay, "Hello, how deep is the hole?")
	w.expect(w.pushed(), "Anna: Hello, how deep is the hole?", "goes to Anna", "MENU")
	if got := w.says(ann, "2"); got != "" {
		t.Fatalf("the machine answers what is for the clerk: %q", got)
	}
	if got := w.says(ann, "about two feet"); got != "" {
		t.Fatal(got)
	}
	w.said(": there is a big one before my door", "Anna: Hello, how deep is the hole?", ": 2", ": about two feet")
	if got := w.waiting(); got.Unread != 2 {
		t.Fatal(got.Unread)
	}
	w.done(anna, channels.CaseSay, "Thank you.")
	if got := w.pushed(); strings.TrimSpace(got) != "Anna: Thank you." {
		t.Fatal(got)
	}

	// And back to the question that stood open.
	w.done(anna, channels.CaseHandBack, "Please tell us where it is.")
	w.pushed()
	all := w.texts()
	w.expect(strings.Join(all[len(all)-2:], "\n"), "Anna: Please tell us where it is.", "Where is it?")
	w.nobodyWaits()
	w.expect(w.says(ann, "Main and Elm"), "We reply by")
	r := w.requests()
	for _, one := range r {
		if one.Service != servicePerson {
			continue
		}
		var did []string
		for _, e := range one.History {
			did = append(did, e.By+" "+e.Text)
		}
		if got := strings.Join(did, "|"); got != "resident |resident |Anna taken|Anna answered|Anna answered|Anna handed back" || one.Status != statusClosed {
			t.Fatal(got, one.Status)
		}
	}
}

// resident is the only one.
func resident(w *town) (r store.Resident) {
	all, err := w.store.Cases(w.t.Context(), "", 9)
	if err != nil || len(all) != 1 {
		w.t.Fatal(all, err)
	}
	return all[0].Resident
}

// talking is a town in which Anna writes with ann, who is at the second question of a report.
func talking(t *testing.T, change ...setting) *town {
	t.Helper()
	w := settle(t, change...)
	w.says(ann, "MEND", "2", "person")
	w.done(anna, channels.CaseSay, "Hello")
	w.pushed()
	return w
}

func TestWordsThatAlwaysWorkWithAClerk(t *testing.T) {
	t.Run("menu, and person again", func(t *testing.T) {
		w := talking(t)
		for _, word := range []string{"MENU", "robot"} {
			w.expect(w.says(ann, word), "We go on without a person", "PERSON", "Where is it?")
			w.expect(w.says(ann, "person"), "You are writing with Anna again")
		}
		w.says(ann, "robot")
		w.done(anna, channels.CaseSay, "Are you there?")
		w.expect(w.pushed(), "Are you there?", "What you write now goes to Anna")
		if got := w.says(ann, "yes"); got != "" {
			t.Fatal(got)
		}
	})
	t.Run("help", func(t *testing.T) {
		w := talking(t)
		w.expect(w.says(ann, "help"), "Anna", "MENU", "STOP")
		w.said("Anna: Hello", ": help")
	})
	t.Run("language", func(t *testing.T) {
		w := talking(t)
		if got := w.says(ann, "language"); got != "" { // a town of one language has none to choose: it is for the clerk
			t.Fatal(got)
		}
	})
	t.Run("stop", func(t *testing.T) {
		w := talking(t)
		w.expect(w.says(ann, "STOP"), "no more messages", "")
		if got := w.says(ann, "and another thing"); got != "" || len(w.waiting().Letters) != 1 {
			t.Fatal(got)
		}
		if err := w.does(anna, channels.CaseSay, "Wait!"); !errors.Is(err, channels.ErrUnwanted) {
			t.Fatal(err)
		}
		if w.waiting().Reach != channels.Unwanted {
			t.Fatal(w.waiting().Reach)
		}
		w.done(anna, channels.CaseClose, "")
		w.nobodyWaits()
		if n := len(w.texts()); n != 1 {
			t.Fatal(w.texts())
		}
	})
	t.Run("erase", func(t *testing.T) {
		w := talking(t)
		w.expect(w.says(ann, "erase"), "1")
		w.expect(w.says(ann, "2"), "goes to Anna") // nothing was erased
		w.says(ann, "erase")
		id := w.waiting().ID
		w.expect(w.says(ann, "1"), "We keep nothing about you")
		w.nobodyWaits()
		if err := w.x.Act(t.Context(), channels.CaseAct{Case: id, Kind: channels.CaseSay, Clerk: anna, Words: "Hm"}); !errors.Is(err, channels.ErrNoCase) {
			t.Fatal(err)
		}
		if l, err := w.store.Letters(t.Context(), store.Resident{}, 9); err != nil || len(l) > 0 {
			t.Fatal(l, err)
		}
	})
}

// Six digits are what the clerk asked for, not a code; LINK and PART are for the town, and so is the answer to what they ask.
func TestPuttingTogetherWhileWithAClerk(t *testing.T) { onEachStore(t, testLinkWithAClerk) }

func testLinkWithAClerk(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "menu", "person")
	w.done(anna, channels.CaseSay, "Which number is on your meter?")
	w.pushed()
	before := len(w.waiting().Letters)
	w.not(w.says(ann, "482173"), "code")
	if c := w.waiting(); len(c.Letters) != before+1 || c.Letters[before].Words != "482173" {
		t.Fatalf("the clerk has %+v", c.Letters)
	}
	w.expect(w.says(ann, "LINK "+w.linkCode(ben)), "Put this together")
	w.expect(w.says(ann, "yes"), "We know you on both now", anna)
	w.expect(w.says(ann, "LINK"), "Your code: ", anna)
	w.expect(w.says(ben, "PART"), "Shall this phone or chat leave")
	w.expect(w.says(ben, "no"), "Nothing was changed", anna)
	w.says(ben, "PART")
	w.expect(w.says(ben, "yes"), "You begin anew here")
	if got := len(w.waiting().Letters); got != before+1 {
		t.Fatalf("the clerk got what was for the town: %+v", w.waiting().Letters[before+1:])
	}
	w.not(w.says(ben, "hello there you"), anna)
	w.says(ann, "hello again")
	if got := len(w.waiting().Letters); got != before+2 {
		t.Fatalf("the clerk has %d", got)
	}
}

func TestTwoClerksAtOnce(t *testing.T) { onEachStore(t, testTwoClerksAtOnce) }

func testTwoClerksAtOnce(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "person")
	id := w.waiting().ID
	got := make(chan error, 2)
	for _, clerk := range []string{anna, bert} {
		go func() {
			got <- w.x.Act(context.Background(), channels.CaseAct{Case: id, Kind: channels.CaseTake, Clerk: clerk})
		}()
	}
	first, second := <-got, <-got
	if (first == nil) == (second == nil) || !errors.Is(errors.Join(first, second), channels.ErrCaseTaken) {
		t.Fatal(first, second)
	}
	has, other := w.waiting().Clerk, anna
	if has == anna {
		other = bert
	}
	for _, kind := range []channels.CaseActKind{channels.CaseSay, channels.CaseClose, channels.CaseHandBack, channels.CaseHandOver} {
		if err := w.does(other, kind, "mine"); !errors.Is(err, channels.ErrCaseTaken) {
			t.Fatal(kind, err)
		}
	}
	// Whoever has it may be ill: it is taken over from them, on purpose.
	if err := w.x.Act(t.Context(), channels.CaseAct{Case: id, Kind: channels.CaseTake, Clerk: other, From: has}); err != nil || w.waiting().Clerk != other {
		t.Fatal(err)
	}
	if err := w.x.Act(t.Context(), channels.CaseAct{Case: id, Kind: channels.CaseHandOver, Clerk: other, To: has}); err != nil || w.waiting().Clerk != has {
		t.Fatal(err)
	}
}

func TestTheSameWordsOfAClerkTwice(t *testing.T) { onEachStore(t, testTheSameWordsOfAClerkTwice) }

func testTheSameWordsOfAClerkTwice(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "person")
	act := channels.CaseAct{Case: w.waiting().ID, Kind: channels.CaseSay, Clerk: anna, Words: "Hello", Token: "a1"}
	for range 3 {
		if err := w.x.Act(t.Context(), act); err != nil {
			t.Fatal(err)
		}
		w.says(ann, "yes?") // a turn of theirs in between
	}
	w.pushed()
	if n := len(w.texts()); n != 1 {
		t.Fatal(w.texts())
	}
	act.Token = "a2"
	if err := w.x.Act(t.Context(), act); err != nil {
		t.Fatal(err)
	}
	if w.pushed(); len(w.texts()) != 2 {
		t.Fatal(w.texts())
	}
}

// deaf commits, and says that it failed: the process died, or the line to the store did, before it could be told.
type deaf struct {
	store.Store
	dies bool
}

func (s *deaf) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	out, err := s.Store.Commit(ctx, c)
	if s.dies && err == nil {
		return store.Outcome{}, errors.New("nobody heard that it is on disk")
	}
	return out, err
}

func TestAKillBetweenAClerksWordsAndTheirReply(t *testing.T) {
	s := &deaf{}
	w := settle(t, func(w *town, _ *Settings) { s.Store, w.store = w.store, s })
	w.says(ann, "person")
	act := channels.CaseAct{Case: w.waiting().ID, Kind: channels.CaseSay, Clerk: anna, Words: "Hello", Token: "a1"}
	s.dies = true
	if err := w.x.Act(t.Context(), act); err == nil {
		t.Fatal("the clerk is told that it was sent")
	}
	s.dies = false
	if err := w.x.Act(t.Context(), act); err != nil {
		t.Fatal(err)
	}
	if w.pushed(); len(w.texts()) != 1 {
		t.Fatal(w.texts())
	}
	w.said("Anna: Hello")
}

func TestAClerksTurnAndAResidentsAtOnce(t *testing.T) {
	to := &twice{}
	w := settle(t, onTwice(to))
	w.says(ann, "person")
	act := channels.CaseAct{Case: w.waiting().ID, Kind: channels.CaseSay, Clerk: anna, Words: "Hello", Token: "a1"}
	to.conflicts = 3
	if err := w.x.Act(t.Context(), act); err != nil {
		t.Fatal(err)
	}
	if w.pushed(); len(w.texts()) != 1 {
		t.Fatal(w.texts())
	}
}

func TestABallotIsNotShownToAClerk(t *testing.T) {
	for word, secrecy := range map[string]string{"HIDE": "secret", "PARK": "confidential"} {
		w := settle(t)
		w.says(ann, word, "1", "person")
		c := w.waiting()
		if c.Hidden != secrecy || len(c.Answers) > 0 || c.Shown != "" {
			t.Fatalf("%+v", c)
		}
		// Neither is what may be an answer: while they wait, and after the clerk's words went out and weren't read yet.
		w.not(w.says(ann, "this is not any of those at all"), "passed that on")
		w.done(anna, channels.CaseSay, "Hello")
		answer := map[string]string{"HIDE": "yes", "PARK": "12"}[word]
		w.expect(w.says(ann, answer), "I did not pass that on")
		w.says(ann, "I can not decide, what do others say?")
		w.said("Anna: Hello", ": I can not decide, what do others say?")
	}
}

func TestBehindAPINNothingIsPushed(t *testing.T) {
	w := settle(t)
	w.chooses(ann, "4821", "")
	w.expect(w.says(ann, "person"), "come back later with your PIN")
	c := w.waiting()
	if c.Reach != channels.BehindPIN || c.Call != "" {
		t.Fatalf("%+v", c)
	}
	w.pushed()
	w.says(ann, "LOCK PIN")
	w.pushed()
	before := len(w.texts())
	w.done(anna, channels.CaseSay, "Your application is through")
	if w.pushed(); len(w.texts()) != before {
		t.Fatal(w.texts())
	}
	w.not(w.says(ann, "hello"), "application", "Anna")
	w.expect(w.says(ann, "PIN 4821"), "Anna: Your application is through")
	w.not(w.says(ann, "thank you"), "application")
	w.said("Anna: Your application is through", ": thank you")
}

func TestTheDeskIsCounted(t *testing.T) {
	reg := prometheus.NewRegistry()
	w := settle(t, func(_ *town, s *Settings) { s.Metrics = reg })
	counted := func(waiting, oldest float64) {
		t.Helper()
		all, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range all {
			if strings.HasPrefix(f.GetName(), "townline_desk_") {
				got[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
			}
		}
		if got["townline_desk_waiting"] != waiting || got["townline_desk_oldest_seconds"] != oldest || len(got) != 2 {
			t.Fatal(got)
		}
	}
	counted(0, 0)
	w.says(ann, "person")
	w.clock.pass(90 * time.Second)
	counted(1, 90)
	w.done(anna, channels.CaseSay, "Hello")
	counted(0, 0)
	w.says(ann, "hello Anna")
	w.clock.pass(time.Second)
	counted(1, 1)
	w.done(anna, channels.CaseClose, "")
	counted(0, 0)
	w.expect(w.pushed(), "Anna has ended this talk")
}

func TestAQuestionThatIsHandedBackHasButtonsThatWork(t *testing.T) {
	w := settle(t)
	chat := channels.Address{Kind: "telegram", ID: "77"}
	says := func(id, words, choice, mark string) string {
		return w.hear(channels.Event{Channel: "telegram", ID: id, From: chat, Words: words, Choice: choice, Pressed: mark})
	}
	says("1", "MEND", "", "")
	says("2", "person", "", "")
	w.done(anna, channels.CaseSay, "Hello")
	w.x.Tick(t.Context())
	w.done(anna, channels.CaseHandBack, "")
	all, err := w.store.Messages(t.Context(), store.Queued, 9)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	var page render.Page
	if err := engine.Decode(all[0].Body, &page); err != nil || len(page.Options) == 0 || page.Mark == "" {
		t.Fatal(page, err)
	}
	w.expect(says("3", "", "2", page.Mark), "Where is it?")
}
