package engine

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/locales"
)

// The dialog that most tests here hold: every kind of question once.
const town = `dialog: town
version: 1
title: The town
purpose: request
service: {code: town, department: works, days: 5}
language: en
remind_after: 1 day
expire_after: 7 days
steps:
  - id: hello
    type: say
    say: Hello.
  - id: what
    type: choice
    why: to send the right person
    say: What is it?
    options:
      light: A lamp
      hole: A hole
      wire: A wire
  - id: danger
    type: yesno
    when: what is wire
    say: Is anyone hurt?
  - id: desk
    type: handoff
    when: danger is yes
    to: emergency
    say: A person comes on.
    closed: Call the emergency number.
  - id: order
    type: rank
    optional: true
    say: Put these in order.
    options:
      a: Apples
      b: Bread
      c: Cheese
  - id: coins
    type: budget
    say: Share ten.
    total: 10
    options:
      x: Xylophones
      y: Yachts
      z: Zebras
  - id: many
    type: choices
    limit: 2
    say: Which of these?
    options:
      red: Red
      green: Green
      blue: Blue
  - id: age
    type: number
    min: 1
    max: 120
    say: How old is it?
  - id: day
    type: date
    from: tomorrow
    say: Which day?
  - id: words
    type: text
    voice: true
    limit: 20
    say: Tell us more.
    retry: [Please say more., Just a few words.]
  - id: photo
    type: photo
    optional: true
    say: A picture?
  - id: same
    type: similar
    compare: [what, words]
    within: 100 m
    days: 30
    say: Is it one of these?
  - id: answers
    type: review
  - id: reach
    type: contact
    optional: true
    say: What is your number?
  - id: agree
    type: consent
    say: May we keep this?
    refuse: Nothing was kept.
  - id: saved
    type: submit
  - id: bye
    type: end
    say: Thank you. Your number is ${reference}. It was ${what}.
`

func load(t testing.TB, source string) *dialogs.Dialog {
	t.Helper()
	name, _, _ := strings.Cut(strings.TrimPrefix(source, "dialog: "), "\n")
	set, problems := dialogs.Load(fstest.MapFS{name + ".yaml": {Data: []byte(source)}}, dialogs.Options{})
	if problems.Errors() {
		t.Fatal(problems.String())
	}
	return set.All()[0]
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// holding is a conversation in a test. The state goes through its encoding between every two turns.
type holding struct {
	t    testing.TB
	d    *dialogs.Dialog
	s    State
	at   time.Time
	can  Can
	last Turn
	kept *Record
	all  []Effect
	// what the town answers
	found  []Found
	result map[string]string
}

func hold(t testing.TB, d *dialogs.Dialog) *holding {
	h := &holding{t: t, d: d, at: noon, can: Can{Form: Text, Address: true, Photo: true, Carried: true}}
	h.do(Input{Kind: Begin, Lang: "en", Seed: 7})
	return h
}

func (h *holding) do(in Input) *holding {
	h.t.Helper()
	in.At, in.Can = h.at, h.can
	turn := Step(h.d, h.s, in)
	for waits := true; waits; {
		waits = false
		h.all = append(h.all, turn.Effects...)
		for _, e := range turn.Effects {
			if !e.Waits {
				continue
			}
			waits = true
			if len(turn.Prompts) > 0 {
				h.t.Fatalf("something is shown before the town answered %s", e.Kind)
			}
			out := Input{Kind: Outcome, At: h.at, Can: h.can, Result: map[string]string{}}
			switch e.Kind {
			case Keep:
				h.kept = e.Record
				out.Result["reference"], out.Result["due"] = "482-173-5", "2026-11-30"
			case FindSimilar, FindStatus:
				out.Found = h.found
			}
			for k, v := range h.result {
				out.Result[k] = v
			}
			turn = Step(h.d, turn.State, out)
			break
		}
	}
	b, err := Encode(&turn.State)
	if err != nil {
		h.t.Fatal(err)
	}
	h.s = State{}
	if err := Decode(b, &h.s); err != nil {
		h.t.Fatal(err)
	}
	h.last = turn
	return h
}

func (h *holding) say(values ...string) *holding {
	h.t.Helper()
	return h.do(Input{Kind: Said, Values: values})
}

func (h *holding) tell(c locales.Command) *holding {
	h.t.Helper()
	return h.do(Input{Kind: Told, Command: c})
}

// shown is what is on show, as keys.
func (h *holding) shown() string {
	var keys []string
	for _, p := range h.last.Prompts {
		keys = append(keys, p.Key)
	}
	return strings.Join(keys, " ")
}

func (h *holding) wants(keys string) *holding {
	h.t.Helper()
	if got := h.shown(); got != keys {
		h.t.Fatalf("on show is %q, want %q", got, keys)
	}
	return h
}

func (h *holding) effects(kind EffectKind) int {
	n := 0
	for _, e := range h.all {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// upto answers everything before the step called id.
func (h *holding) upto(id string) *holding {
	h.t.Helper()
	answers := map[string][]string{
		"what": {"hole"}, "order": {"b", "a", "c"}, "coins": {"5", "3", "2"}, "many": {"red"}, "age": {"4"}, "day": {"2026-12-01"},
		"words": {"deep hole"}, "same": {"none"}, "answers": {"ok"}, "agree": {"yes"},
	}
	for h.s.Mode == Asking && h.d.Steps[h.s.Step].ID != id {
		st := h.d.Steps[h.s.Step]
		if v, ok := answers[st.ID]; ok {
			h.say(v...)
		} else {
			h.tell(locales.Skip)
		}
	}
	return h
}

func TestFromHelloToReceipt(t *testing.T) {
	h := hold(t, load(t, town)).wants("hello what").say("hole").wants("order")
	h.say("b", "a", "c").wants("coins").say("5", "3", "2").wants("many").say("blue", "red").wants("age").say("4").wants("day")
	h.say("2026-12-01").wants("words").say("deep hole").wants("photo").tell(locales.Skip)
	h.wants("@skipped @review.title").say("ok").wants("agree").say("yes").wants("bye")
	want := &Record{Dialog: "town", Version: 1, Answers: []Recorded{
		{Step: "what", Values: []string{"hole"}}, {Step: "order", Values: []string{"b", "a", "c"}},
		{Step: "coins", Values: []string{"5", "3", "2"}}, {Step: "many", Values: []string{"red", "blue"}},
		{Step: "age", Values: []string{"4"}}, {Step: "day", Values: []string{"2026-12-01"}},
		{Step: "words", Values: []string{"deep hole"}}, {Step: "agree", Values: []string{"yes"}},
	}}
	if a, b := fmt.Sprint(*h.kept), fmt.Sprint(*want); a != b {
		t.Errorf("kept %s\nwant %s", a, b)
	}
	if h.effects(KeepConsent) != 1 || h.effects(Ended) != 1 || h.effects(StopTimer) != 2 {
		t.Errorf("effects: %v", h.all)
	}
	args := h.last.Prompts[0].Args
	if len(args) != 2 || args[0].Value != "482-173-5" || args[1].Answer == nil || args[1].Answer.Values[0] != "hole" {
		t.Errorf("the last words get %+v", args)
	}
	if h.s.Answers != nil || h.s.Seed != 0 {
		t.Error("answers are remembered after the record was kept")
	}
	h.say("hole").tell(locales.Back) // and nothing more happens
	if h.s.Mode != Over || h.effects(Keep) != 1 {
		t.Error("a conversation that is over goes on")
	}
}

func TestWhatIsAskedAndSaid(t *testing.T) {
	d := load(t, town)
	for _, c := range []struct {
		name string
		hold func(h *holding)
		want string // on show
		at   string // step
	}{
		{"a handoff ends it", func(h *holding) { h.result = map[string]string{"open": "yes"}; h.say("wire").say("yes") }, "desk", "desk"},
		{"a handoff to an empty desk says so", func(h *holding) { h.say("wire").say("yes") }, "desk.closed", "desk"},
		{"nobody can answer on a screen", func(h *holding) {
			h.can.Form, h.result = Screen, map[string]string{"open": "yes"}
			h.say("wire").say("yes")
		}, "desk @person.here", "desk"},
		{"at an empty desk the dialog says when", func(h *holding) { h.can.Form = Screen; h.say("wire").say("yes") }, "desk.closed", "desk"},
		{"rank part by part", func(h *holding) { h.upto("order").say("b") }, "order", "order"},
		{"the last place fills itself", func(h *holding) { h.upto("order").say("b").say("c") }, "coins", "coins"},
		{"the same twice is no order", func(h *holding) { h.upto("order").say("b").say("b") }, "@retry.rank.1 order", "order"},
		{"budget part by part", func(h *holding) { h.upto("coins").say("5") }, "coins", "coins"},
		{"the rest goes to the last", func(h *holding) { h.upto("coins").say("5").say("3") }, "many", "many"},
		{"all on the first", func(h *holding) { h.upto("coins").say("10") }, "many", "many"},
		{"too much", func(h *holding) { h.upto("coins").say("5", "5", "1") }, "@retry.sum coins", "coins"},
		{"too little", func(h *holding) { h.upto("coins").say("5", "3", "1") }, "@retry.sum coins", "coins"},
		{"back within a budget", func(h *holding) { h.upto("coins").say("5").tell(locales.Back).say("4", "4", "2") }, "many", "many"},
		{"too many", func(h *holding) { h.upto("many").say("red", "green", "blue") }, "@retry.many many", "many"},
		{"outside the bounds", func(h *holding) { h.upto("age").say("121") }, "@retry.range age", "age"},
		{"no whole number", func(h *holding) { h.upto("age").say("1.5") }, "@retry.whole age", "age"},
		{"a day too early", func(h *holding) { h.upto("day").say("2026-11-23") }, "@retry.dates.from day", "day"},
		{"two days fit", func(h *holding) { h.upto("day").do(Input{Kind: Unsure, Values: []string{"2026-12-01", "2027-01-12"}}) }, "@which", "day"},
		{"which day is settled", func(h *holding) {
			h.upto("day").do(Input{Kind: Unsure, Values: []string{"2026-12-01", "2027-01-12"}}).say("2027-01-12")
		}, "words", "words"},
		{"two options fit", func(h *holding) { h.do(Input{Kind: Unsure, Values: []string{"light", "hole"}}).say("hole") }, "order", "order"},
		{"longer than the limit", func(h *holding) { h.upto("words").say("a very long story about a hole") }, "@toolong photo", "photo"},
		{"the author's own retry", func(h *holding) { h.upto("words").do(Input{Kind: Unclear}) }, "words.retry.1 words", "words"},
		{"not understood three times", func(h *holding) { h.do(Input{Kind: Unclear}).do(Input{Kind: Unclear}).do(Input{Kind: Unclear}) }, "@stuck", "what"},
		{"stuck, then again", func(h *holding) {
			h.do(Input{Kind: Unclear}).do(Input{Kind: Unclear}).do(Input{Kind: Unclear}).say("again").say("hole")
		}, "order", "order"},
		{"stuck on what may be left out", func(h *holding) {
			h.upto("order").do(Input{Kind: Unclear}).do(Input{Kind: Unclear}).do(Input{Kind: Unclear})
		}, "@skipped coins", "coins"},
		{"silence", func(h *holding) { h.do(Input{Kind: Silence}).do(Input{Kind: Silence}) }, "@silent.2 what", "what"},
		{"silence for long", func(h *holding) {
			for range 4 {
				h.do(Input{Kind: Silence})
			}
		}, "@stuck", "what"},
		{"silence for good", func(h *holding) {
			for range 10 {
				h.do(Input{Kind: Silence})
			}
		}, "@later", "what"},
		{"what is needed can't be skipped", func(h *holding) { h.tell(locales.Skip) }, "@noskip what", "what"},
		{"back at the first question", func(h *holding) { h.tell(locales.Back) }, "@back.first what", "what"},
		{"back, and the same again", func(h *holding) { h.say("hole").tell(locales.Back).say("hole") }, "order", "order"},
		{"back, and keep it", func(h *holding) { h.say("hole").tell(locales.Back).tell(locales.Skip) }, "order", "order"},
		{"back twice, then on", func(h *holding) {
			h.upto("many").tell(locales.Back).tell(locales.Back).say("a", "b", "c")
		}, "many", "many"},
		{"help", func(h *holding) { h.tell(locales.Help) }, "@help.why @help.title", "what"},
		{"help, then on", func(h *holding) { h.tell(locales.Help).say("on").say("hole") }, "order", "order"},
		{"help, then back", func(h *holding) { h.say("hole").tell(locales.Help).say("back") }, "what", "what"},
		{"a person, and on", func(h *holding) { h.result = map[string]string{"open": "yes"}; h.tell(locales.Person) }, "@person.open what", "what"},
		{"nobody there", func(h *holding) { h.tell(locales.Person) }, "@person.closed what", "what"},
		{"only one language", func(h *holding) { h.tell(locales.Tongue) }, "@language.only what", "what"},
		{"stop", func(h *holding) { h.tell(locales.Stop) }, "@stop.done", "what"},
		{"start again", func(h *holding) { h.say("hole").tell(locales.Stop).tell(locales.Start) }, "@start.done order", "order"},
		{"put off, then back", func(h *holding) { h.say("hole").tell(locales.Help).say("later").do(Input{Kind: Resume}) }, "@resume order", "order"},
		{"erase?", func(h *holding) { h.tell(locales.Erase) }, "@erase.ask", "what"},
		{"erase, no", func(h *holding) { h.tell(locales.Erase).say("no") }, "@erase.not what", "what"},
		{"erase, yes", func(h *holding) { h.tell(locales.Erase).say("yes") }, "@erase.done", "what"},
		{"nothing near is passed over", func(h *holding) { h.upto("answers") }, "@skipped @review.title", "answers"},
		{"no pictures here", func(h *holding) { h.can.Photo = false; h.upto("words").say("deep") }, "@review.title", "answers"},
		{"a number is asked where there is none", func(h *holding) { h.can.Address = false; h.upto("reach") }, "reach", "reach"},
		{"refused", func(h *holding) { h.upto("agree").say("no") }, "agree.refuse", "agree"},
		{"a state that can't be", func(h *holding) { h.s.Step = 99; h.say("hole") }, "@withdrawn", ""},
		{"nothing is asked there", func(h *holding) { h.s.Step = 0; h.say("hole") }, "@withdrawn", ""},
		{"more parts than there are", func(h *holding) { h.upto("coins").s.Part = []string{"1", "1", "1", "1"}; h.say("1") }, "@withdrawn", ""},
		{"the town never answered", func(h *holding) { h.upto("words"); h.s.Mode, h.s.Await = Waiting, FindSimilar; h.say("hole") }, "words", "words"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := hold(t, d)
			h.t = t
			c.hold(h)
			h.wants(c.want)
			at := ""
			if h.s.Step >= 0 {
				at = d.Steps[h.s.Step].ID
			}
			if at != c.at {
				t.Errorf("at step %q, want %q", at, c.at)
			}
		})
	}
}

// Step is given the state by value: it must not write through what the state points to.
func TestStepLeavesTheStateAlone(t *testing.T) {
	h := hold(t, load(t, town)).upto("answers")
	before := h.s
	b, _ := Encode(&before)
	Step(h.d, h.s, Input{Kind: Said, Values: []string{"change"}, At: noon})
	changing := Step(h.d, h.s, Input{Kind: Said, Values: []string{"change"}, At: noon}).State
	reopened := Step(h.d, changing, Input{Kind: Said, Values: []string{"what"}, At: noon}).State
	Step(h.d, reopened, Input{Kind: Said, Values: []string{"wire"}, At: noon})
	after, _ := Encode(&h.s)
	if !reflect.DeepEqual(b, after) {
		t.Error("Step changed the state it was given")
	}
}

func TestChangingAnAnswerDropsWhatRestedOnIt(t *testing.T) {
	h := hold(t, load(t, town))
	h.found = []Found{{Ref: "111", What: "A wire, Main Street"}}
	h.say("wire").say("no").upto("answers").wants("@review.title")
	items := len(h.last.Prompts[0].Items)
	h.say("change").wants("@review.which").say("what").wants("what")
	if h.last.Prompts[0].Old == nil || h.last.Prompts[0].Old.Values[0] != "wire" {
		t.Error("the answer before isn't shown")
	}
	h.say("hole").wants("@review.changed same") // similar reports are looked for again
	h.say("111").wants("@review.title")
	if got := len(h.last.Prompts[0].Items); got != items-1 {
		t.Errorf("%d answers are read back, want %d: danger doesn't apply any more", got, items-1)
	}
	h.say("ok").say("yes")
	if _, ok := h.kept.Answer("danger"); ok {
		t.Error("an answer that no longer applies was kept")
	}
	if h.kept.Joins != "111" {
		t.Errorf("joins %q", h.kept.Joins)
	}
}

func TestPartByPartWhereTheChannelWantsIt(t *testing.T) {
	h := hold(t, load(t, town))
	h.can.Piecewise = true
	h.upto("order").tell(locales.Repeat)
	p := h.last.Prompts[0]
	if p.Part != 1 || len(p.Options) != 3 {
		t.Fatalf("first part: %+v", p)
	}
	p = h.say("b").last.Prompts[0]
	if p.Part != 2 || len(p.Options) != 2 || p.Options[1].Place != 2 {
		t.Errorf("digits moved: %+v", p.Options)
	}
	h.say("a")
	p = h.say("4").last.Prompts[0]
	if p.Part != 2 || p.Total != 6 {
		t.Errorf("budget: part %d, %d left", p.Part, p.Total)
	}
}

func TestReminderAndExpiry(t *testing.T) {
	h := hold(t, load(t, town)).say("hole")
	h.at = noon.Add(23 * time.Hour)
	h.do(Input{Kind: Reminder}).wants("")
	h.say("b", "a", "c")
	h.at = noon.Add(25 * time.Hour)
	n := h.effects(SetTimer)
	h.do(Input{Kind: Reminder}).wants("") // they were here two hours ago
	if last := h.all[len(h.all)-1]; h.effects(SetTimer) != n+1 || !last.At.Equal(noon.Add(47*time.Hour)) {
		t.Fatalf("the reminder isn't put off: %+v", last)
	}
	h.at = noon.Add(47 * time.Hour)
	h.do(Input{Kind: Reminder}).wants("@remind.request coins")
	h.do(Input{Kind: Reminder}).wants("") // once is enough
	h.at = noon.Add(23*time.Hour + 7*24*time.Hour)
	h.do(Input{Kind: Expiry}).wants("")
	if h.s.Mode != Over || h.s.End != "expired" || h.s.Answers != nil {
		t.Errorf("after a week: %+v", h.s)
	}
}

const poll = `dialog: poll
version: 1
title: The plan
purpose: consultation
language: en
who: %s
secrecy: %s
opens: 2026-11-01
closes: 2026-12-01
decides: The council decides.
steps:
  - id: first
    type: choice
    rotate: true
    say: Which?
    options:
      a: Apples
      b: Bread
      c: Cheese
      d: Dates
      other: Else
      unsure: I do not know
  - {id: agree, type: consent, say: May we count this?}
  - {id: saved, type: submit}
  - {id: bye, type: end, say: Thank you.}
`

func TestConsultations(t *testing.T) {
	open := load(t, fmt.Sprintf(poll, "anyone", "confidential"))
	hold(t, open).wants("decides @begin.confidential first").tell(locales.Back).wants("@back.first first")

	secret := load(t, fmt.Sprintf(poll, "number", "secret"))
	hold(t, secret).wants("decides @begin.carried first") // never called secret where a phone company carries it
	h := &holding{t: t, d: secret, at: noon, can: Can{Form: Screen}}
	h.do(Input{Kind: Begin, Lang: "en"}).wants("decides @begin.secret first")
	if h.effects(CheckVoted) != 0 {
		t.Error("who has no number can't be looked up")
	}

	h = &holding{t: t, d: secret, at: noon, can: Can{Form: Text, Address: true}, result: map[string]string{"voted": "yes"}}
	h.do(Input{Kind: Begin, Lang: "en"}).wants("@begin.voted")

	h = hold(t, secret)
	h.result = map[string]string{"counted": "before"}
	h.say("a").say("yes").wants("@begin.voted")

	h = hold(t, open)
	h.at = time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC) // closes on the first: its whole day counts
	h.say("a").wants("@begin.closed")
	if got := h.last.Prompts[0].Args[0].Value; got != "2026-12-01" {
		t.Errorf("closed on %s", got)
	}
	late := &holding{t: t, d: open, at: h.at, can: h.can}
	late.do(Input{Kind: Begin, Lang: "en"}).wants("@begin.closed")
	early := &holding{t: t, d: open, at: noon.AddDate(0, -1, 0), can: h.can}
	early.do(Input{Kind: Begin, Lang: "en"}).wants("@begin.notopen")
}

func TestTheCodeFromALetter(t *testing.T) {
	d := load(t, fmt.Sprintf(poll, "roll", "secret"))
	h := hold(t, d).wants("decides @begin.carried @code.ask")
	h.result = map[string]string{"code": "unknown"}
	h.say("XYZ").wants("@code.unknown @code.ask")
	h.result = map[string]string{"code": "good"}
	h.say("ABC").wants("first").tell(locales.Back).wants("@back.first first")
	h.say("a").say("yes").wants("bye")
	for _, e := range h.all {
		if e.Kind == Keep && (len(e.Values) != 1 || e.Values[0] != "ABC") {
			t.Errorf("the code goes along as %v", e.Values)
		}
	}
	if _, ok := h.kept.Answer("roll_code"); ok {
		t.Error("the code is in the record")
	}
	h = hold(t, d)
	h.result = map[string]string{"code": "used"}
	h.say("ABC").wants("@code.used") // perhaps somebody else used it: who says so to a person is heard
}

func TestRotatedOptionsAreFairAndKeepTheLastOnesLast(t *testing.T) {
	d := load(t, fmt.Sprintf(poll, "anyone", "public"))
	first := map[string]int{}
	const n = 4000
	for seed := range uint64(n) {
		s := State{Seed: seed * 0x2545f4914f6cdd1d}
		ids := Order(d, &s, 0)
		if ids[4] != "other" || ids[5] != "unsure" {
			t.Fatalf("order %v", ids)
		}
		first[ids[0]]++
	}
	for id, k := range first {
		if k < n/4*9/10 || k > n/4*11/10 {
			t.Errorf("%s is first %d times in %d", id, k, n)
		}
	}
}

func TestStatus(t *testing.T) {
	d := load(t, `dialog: where
version: 1
title: Where does it stand
purpose: information
language: en
steps:
  - {id: number, type: status}
  - {id: bye, type: end, say: Goodbye.}
`)
	found := []Found{{Ref: "482-173-5", What: "A hole, Main Street", State: "open", Due: "2026-12-01"}}
	h := &holding{t: t, d: d, at: noon, can: Can{Form: Text, Address: true}, found: found}
	h.do(Input{Kind: Begin, Lang: "en"}).wants("@status.one bye")
	h = hold(t, d).wants("@status.ask").say("111").wants("@status.none @status.ask")
	h.found = found
	h.say("482-173-5").wants("@status.one bye")
}

// One turn with decode and encode of the state, in the middle of a conversation.
func BenchmarkTurn(b *testing.B) {
	h := hold(b, load(b, town)).upto("age")
	state, err := Encode(&h.s)
	if err != nil {
		b.Fatal(err)
	}
	in := Input{Kind: Said, Values: []string{"4"}, At: noon, Can: h.can}
	b.ReportAllocs()
	b.ReportMetric(float64(len(state)), "state-B")
	for b.Loop() {
		var s State
		if err := Decode(state, &s); err != nil {
			b.Fatal(err)
		}
		turn := Step(h.d, s, in)
		if _, err := Encode(&turn.State); err != nil {
			b.Fatal(err)
		}
	}
}

// Whatever bytes the disk gives back, a conversation goes on or ends politely.
func FuzzState(f *testing.F) {
	d := load(f, town)
	h := hold(f, d)
	for _, id := range []string{"what", "order", "coins", "day", "answers", "agree"} {
		h.upto(id)
		b, err := Encode(&h.s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint8(Said), "hole", "light")
		f.Add(b, uint8(Said)+100, "hole", "light")
	}
	h.s.Mode, h.s.Held = Confirming, &Answer{Step: h.s.Step, Values: []string{"12"}}
	b, err := Encode(&h.s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, uint8(Said)+100, "right", "redo")
	f.Fuzz(func(t *testing.T, state []byte, kind uint8, v, w string) {
		var s State
		if Decode(state, &s) != nil {
			return
		}
		can := Can{}
		if kind >= 100 { // a call
			can, kind = Can{Form: Speech, Voice: true, Piecewise: true, Live: true, Address: kind%2 == 0}, kind-100
		}
		Show(d, &s, can, noon)
		for _, known := range []State{s, Settle(d, s), Veil(d, s), Unveil(Settle(d, Veil(d, s)))} {
			if Step(d, known, Input{Kind: Resume, At: noon, Can: can}).State.Step < -1 {
				t.Fatal("nowhere")
			}
		}
		for _, values := range [][]string{{v}, {v, w}, nil} {
			turn := Step(d, s, Input{Kind: Kind(kind), Values: values, Command: locales.Command(v), At: noon, Can: can, Media: []Media{{Ref: v}}[:len(w)%2], Result: map[string]string{"open": v, "code": w}})
			if turn.State.Mode != Over && turn.State.Mode != Waiting && turn.State.Mode != Paused && turn.State.Step < 0 {
				t.Fatalf("nothing is asked and it isn't over: %+v", turn.State)
			}
			if _, err := Encode(&turn.State); err != nil && d != nil {
				t.Fatal(err)
			}
		}
	})
}
