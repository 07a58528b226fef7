package dialogtest_test

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

// bench is a dialog with a question of each kind that a test can answer in more than one way.
const bench = `dialog: bench
version: 1
title: A bench for your street
purpose: consultation
language: en
start: BENCH
who: number
secrecy: confidential
decides: The town decides in May and is not bound by this.
remind_after: 1 day
expire_after: 3 days
steps:
  - id: want
    type: choice
    say: Should there be a bench or a tree?
    options:
      bench: A bench
      tree: A tree
      unsure: I do not know
  - id: desk
    type: handoff
    when: want is unsure
    to: park-desk
    say: A person can help.
    closed: Nobody is there now.
  - id: when_
    type: choices
    say: When do you sit outside?
    options:
      am: Mornings
      pm: Afternoons
      eve: Evenings
      never: Never
      other: At another time
  - id: sort
    type: rank
    optional: true
    say: Put these in order.
    options:
      shade: Shade
      view: A view
      shop: A shop close by
  - id: coins
    type: budget
    total: 10
    say: Share ten coins.
    options:
      seat: Seat
      back: Back rest
      bin: Bin
  - id: score
    type: scale
    labels: [Bad, Neither, Good]
    optional: true
    say: How is your street?
  - id: year
    type: number
    min: 1900
    max: 2100
    say: Since when do you live here?
  - id: day
    type: date
    optional: true
    say: Which day can we come?
  - id: picture
    type: photo
    optional: true
    say: Send a picture of the place.
  - id: answers
    type: review
  - id: agree
    type: consent
    say: May we count this?
    refuse: Nothing was kept.
  - id: saved
    type: submit
  - id: bye
    type: end
    say: Thank you. Your receipt is ${reference}.
`

func town(t testing.TB) (*talk.Town, *dialogs.Dialog, fs.FS) {
	t.Helper()
	words, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{"bench.yaml": {Data: []byte(bench)}}
	set, problems := dialogs.Load(fsys, dialogs.Options{Locales: words})
	if problems.Errors() {
		t.Fatal(problems)
	}
	return dialogtest.NewTown(words, set.All()), set.Get("bench"), fsys
}

// all answers everything.
const all = "{want: bench, when_: [eve, am], sort: [view, shade, shop], coins: {back: 7, bin: 3}, score: 3, year: 1999, day: 2027-03-20, picture: bench.jpg, answers: ok, agree: yes}"

// TestTestsThatHold and TestTestsThatFail are the same list but for what is expected: each test that holds fails when one
// thing is otherwise.
func TestTestsThatHold(t *testing.T) {
	town, d, _ := town(t)
	for _, c := range []string{
		"channels: [sms, whatsapp, voice, ussd, telegram, kiosk]\n    answers: " + all + "\n    ends: bye\n    keeps: record",
		"channels: [sms, telegram]\n    answers: " + all + "\n    keeps: " + strings.Replace(all, ", answers: ok", "", 1),
		"channels: [voice, ussd, kiosk]\n    answers: " + all + "\n    keeps: " + strings.Replace(strings.Replace(all, ", answers: ok", "", 1), "picture: bench.jpg", "picture: skip", 1),
		"channel: kiosk\n    answers: {want: tree, when_: [never], sort: skip, coins: [0, 10, 0], score: skip, year: 2000, day: skip, answers: ok, agree: no}\n    ends: refused\n    keeps: nothing",
		"channels: [sms, voice]\n    answers: {want: unsure}\n    ends: desk\n    passes: park-desk\n    keeps: nothing",
		"channels: [sms, voice]\n    answers: {want: unsure}\n    ends: handoff",
		"channel: sms\n    desk: closed\n    talk: [{you: BENCH}, {you: I do not know}, {bot: Nobody is there now.}]\n    ends: desk",
		"channel: sms\n    voted: yes\n    talk: [{you: BENCH}, {not: a bench or a tree}]\n    ends: voted",
		"channel: sms\n    talk: [{you: BENCH}, {bot: 'a bench  or\n      a tree'}, {wait: 23 hours}, {not: to finish}, {wait: 1 hour}, {bot: to finish}, {wait: 3 days}]\n    ends: expired",
		"channel: voice\n    talk: [{comes: voice}, {press: '1'}, {bot: 'For A bench, press 1'}, {leaves: yes}, {wait: 1 day}, {bot: to finish}, {switch: kiosk}, {bot: A tree}, {quiet: 2}, {bot: A tree}]",
		"channel: kiosk\n    talk: [{comes: kiosk}, {bot: A bench for your street}, {press: '1'}, {press: '1'}, {you: 1 3}, {bot: Put these in order}]",
		"channel: ussd\n    talk: [{you: BENCH}, {bot: The town decides in May}, {bot: 3 I do not know}]",
	} {
		r := hold(t, town, d, c)
		for _, f := range r.Failures {
			t.Errorf("%s\n%s", c, f)
		}
		if r.Turns == 0 {
			t.Errorf("nobody said anything: %s", c)
		}
	}
}

func TestTestsThatFail(t *testing.T) {
	town, d, _ := town(t)
	rest := "when_: [am], sort: skip, coins: [5, 3, 2], score: skip, year: 1999, day: skip, picture: skip, answers: ok, agree: yes}"
	for _, c := range []struct{ test, want string }{
		{"channels: [sms, kiosk]\n    answers: {want: bench, " + rest + "\n    ends: refused", "6:11 it ends otherwise | refused | bye\n6:11 it ends otherwise | refused | bye"},
		{"channel: sms\n    answers: {want: bench, " + rest + "\n    ends: bey", `6:11 the dialog has no end called "bey"; did you mean "bye"?`},
		{"channel: sms\n    answers: {wnat: bench, " + rest + "\n    ends: bye", `5:15 the dialog asks nothing called "wnat"; did you mean "want"?`},
		{"channel: sms\n    answers: {want: bnech, " + rest + "\n    ends: bye", `5:15 "bnech" is not an answer to "want"; did you mean "bench"?`},
		{"channel: sms\n    lang: fr\n    answers: {want: bench, " + rest + "\n    ends: bye", `3:5 the dialog is not to be had in "fr"; it knows en`},
		{"channel: sms\n    answers: {want: bench}\n    ends: bye", `3:5 the dialog asks "when_", and the test has no answer to it`},
		{"channel: sms\n    answers: {want: unsure, agree: yes}\n    ends: desk", `5:29 "agree" is never asked in this test`},
		{"channel: sms\n    answers: {want: skip, " + rest + "\n    ends: bye", `5:15 "want" can't be skipped`},
		{"channel: sms\n    answers: {want: bench, when_: [am], sort: [view], coins: [5, 3, 2]}\n    ends: bye", `5:41 "sort" orders 3 options; the test names 1`},
		{"channel: sms\n    answers: {want: bench, when_: [am], coins: [5, 3, 1]}\n    ends: bye", `5:41 "coins" shares 10; the test shares 9`},
		{"channel: sms\n    answers: {want: bench, when_: [am], coins: {seet: 10}}\n    ends: bye", `5:41 "seet" is not an answer to "coins"; did you mean "seat"?`},
		{"channel: sms\n    answers: {want: bench, when_: [am, am]}\n    ends: bye", `5:28 "am" is named twice`},
		{"channel: sms\n    answers: {want: bench, year: old}\n    ends: bye", `5:28 "year" is answered with a number`},
		{"channel: sms\n    answers: {want: bench, day: tomorrow}\n    ends: bye", `5:28 "day" is answered with a day, like 2027-03-15`},
		{"channel: sms\n    answers: {want: bench, agree: maybe}\n    ends: bye", `5:28 "agree" is answered yes or no`},
		{"channel: sms\n    answers: {want: bench, " + strings.Replace(rest, "1999", "3000", 1) + "\n    ends: bye", `5:84 the answer to "year" was not understood | 3000`},
		{"channel: sms\n    answers: {want: bench, " + rest + "\n    keeps: nothing", "6:12 something is kept | nothing | want: bench"},
		{"channel: sms\n    answers: {want: unsure}\n    keeps: record", "6:12 nothing is kept | a record"},
		{"channel: sms\n    answers: {want: unsure}\n    passes: other-desk", "3:5 it is not passed to the desk | other-desk | park-desk"},
		{"channel: sms\n    answers: {want: bench, " + rest + "\n    keeps: {want: tree, when_: [am], coins: [5, 3, 2], year: 1999, agree: yes}", `6:13 another answer to "want" is on record | tree | bench`},
		{"channel: sms\n    answers: {want: bench, " + rest + "\n    keeps: {want: bench, when_: [am], coins: [5, 3, 2], agree: yes}", `6:12 the answer to "year" is on record, and the test does not list it`},
		{"channel: sms\n    answers: {want: bench, " + rest + "\n    keeps: {want: bench, when_: [am], coins: [5, 3, 2], year: 1999, score: 1, agree: yes}", `6:69 the answer to "score" is not on record | 1`},
		{"channel: sms\n    talk: [{you: BENCH}, {bot: a fountain}]", "5:32 the town does not say this | a fountain"},
		{"channel: sms\n    talk: [{you: BENCH}, {not: a tree}]", "5:32 the town says what it must not say | a tree"},
		{"channel: sms\n    talk: [{you: BENCH}, {bot: a tree}]\n    ends: bye", "6:11 the conversation is not over | bye"},
		{"channel: sms\n    talk: [{you: BENCH}, {wait: 1 hour}, {bot: to finish}]", "5:48 the town does not say this | to finish | (nothing)"},
		{"channel: voice\n    talk: [{comes: voice}, {press: '1'}, {bot: A bench}, {leaves: yes}, {comes: voice}, {bot: A bench or a tree}]", "5:95 the town does not say this"},
	} {
		r := hold(t, town, d, c.test)
		var got []string
		for _, f := range r.Failures {
			s := fmt.Sprintf("%d:%d %s", f.Pos.Line, f.Pos.Column, f.Message)
			if f.Want != "" {
				s += " | " + f.Want
			}
			if f.Got != "" {
				s += " | " + f.Got
			}
			got = append(got, s)
		}
		wants := strings.Split(c.want, "\n")
		if len(got) != len(wants) {
			t.Errorf("%s\n got %s\nwant %s", c.test, strings.Join(got, "\n     "), c.want)
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i], wants[i]) {
				t.Errorf("%s\n got %s\nwant %s", c.test, got[i], wants[i])
			}
		}
	}
}

func hold(t *testing.T, town *talk.Town, d *dialogs.Dialog, test string) dialogtest.Result {
	t.Helper()
	tests, problems := load("dialog: bench\ntests:\n  - name: One\n    " + test + "\n")
	if problems.Errors() || len(tests) != 1 {
		t.Fatalf("%s\n%s", test, problems)
	}
	return dialogtest.Run(town, d, tests[0])
}

// A failure tells a clerk where to look: the line of the test, what was expected, and the conversation until there.
func TestFailureReadsWell(t *testing.T) {
	town, d, _ := town(t)
	r := hold(t, town, d, "channel: sms\n    talk: [{you: BENCH}, {you: A tree}, {bot: A bench it is}]")
	want := `bench.test.yaml:5:47: "One" on sms: the town does not say this
    expected: A bench it is
    instead:  When do you sit outside? `
	if got := r.Failures[0].String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "\n      you    A tree\n      bot    When do you sit outside?") {
		t.Errorf("\n got %s\nwant %s…", got, want)
	}
}

// The same test comes to the same result, however often it is run.
func TestRunIsPure(t *testing.T) {
	town, d, _ := town(t)
	test := "channels: [sms, voice, ussd, telegram, kiosk]\n    answers: " + all + "\n    ends: refused"
	a, b := hold(t, town, d, test), hold(t, town, d, test)
	if fmt.Sprint(a.Failures) != fmt.Sprint(b.Failures) || len(a.Failures) != 5 {
		t.Errorf("%d and %d failures", len(a.Failures), len(b.Failures))
	}
}

func TestAllNamesWhatIsMissing(t *testing.T) {
	_, _, fsys := town(t)
	set, _ := dialogs.Load(fsys, dialogs.Options{})
	_, problems := dialogtest.All(fsys, set)
	if len(problems) != 1 || problems[0].Code != "untested" || problems.Errors() {
		t.Errorf("a dialog without tests:\n%s", problems)
	}
	with := fstest.MapFS{"bench.yaml": {Data: []byte(bench)}, "more/tree.test.yaml": {Data: []byte("dialog: bnech\ntests:\n  - {name: One, channel: sms, answers: {a: b}, ends: c}\n")}}
	_, problems = dialogtest.All(with, set)
	if !problems.Errors() || !strings.Contains(problems.String(), `more/tree.test.yaml:1:1: problem: there is no dialog called "bnech"`) || !strings.Contains(problems.String(), `did you mean "bench"?`) {
		t.Errorf("a test of no dialog:\n%s", problems)
	}
	torn := fstest.MapFS{"bench.yaml": {Data: []byte(strings.Replace(bench, "type: choice", "type: chioce", 1))}, "bench.test.yaml": {Data: []byte("dialog: bench\ntests:\n  - {name: One, channel: sms, answers: {a: b}, ends: c}\n")}}
	set, _ = dialogs.Load(torn, dialogs.Options{})
	_, problems = dialogtest.All(torn, set)
	if !problems.Errors() || !strings.Contains(problems.String(), `while "bench" has problems of its own`) || !strings.Contains(problems.String(), "mend bench.yaml") {
		t.Errorf("a test of a dialog with a mistake:\n%s", problems)
	}
}

func TestCheck(t *testing.T) {
	dialogtest.Check(t, fstest.MapFS{
		"bench.yaml":      {Data: []byte(bench)},
		"bench.test.yaml": {Data: []byte("dialog: bench\ntests:\n  - name: One\n    channels: [sms, kiosk]\n    answers: " + all + "\n    ends: bye\n")},
	})
}

func BenchmarkRun(b *testing.B) {
	town, d, _ := town(b)
	tests, problems := load("dialog: bench\ntests:\n  - name: One\n    channels: [sms, voice, ussd, telegram, kiosk]\n    answers: " + all + "\n    ends: bye\n")
	if problems.Errors() {
		b.Fatal(problems)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r := dialogtest.Run(town, d, tests[0]); !r.OK() {
			b.Fatal(r.Failures)
		}
	}
}

// The README's examples are tests that hold.
func TestReadme(t *testing.T) {
	town, d, _ := town(t)
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "```yaml\n")[1:]
	for _, part := range parts {
		content, _, _ := strings.Cut(part, "```")
		tests, problems := load(content)
		if len(problems) > 0 || len(tests) == 0 {
			t.Fatalf("%s\n%s", content, problems)
		}
		for _, test := range tests {
			for _, f := range dialogtest.Run(town, d, test).Failures {
				t.Error(f)
			}
		}
	}
	if len(parts) != 2 {
		t.Errorf("%d examples", len(parts))
	}
}
