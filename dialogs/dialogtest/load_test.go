package dialogtest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
)

func load(content string) ([]dialogtest.Test, dialogs.Problems) {
	return dialogtest.Load(fstest.MapFS{"bench.test.yaml": {Data: []byte(content)}}, "bench.test.yaml")
}

// everyKey is a test file with every key there is.
const everyKey = `
dialog: bench
tests:
  - name: Answers
    channels: [sms, voice]
    lang: es
    at: 2027-03-01 18:30
    answers: {place: 12 Oak Street, why: [old, broken], coins: {seat: 5}, agree: yes}
    ends: bye
    passes: town-desk
    keeps: {place: 12 Oak Street}
    roll: [482715]
    used: 007
    voted: no
    desk: closed
    found:
      - reference: 311-204-7
        what: A bench
        state: closed
        due: 2027-03-15
        mine: yes
  - name: Talk
    channel: kiosk
    talk:
      - you: "1"
      - press: "2"
      - bot: [Thank you, by Friday]
      - not: sorry
      - wait: 2 weeks
      - switch: voice
      - comes: ussd
      - leaves: yes
      - quiet: 2
      - photo: bench.jpg
      - recording: bench.ogg
      - pin: 52.1,4.3
`

func TestEveryKeyIsRead(t *testing.T) {
	tests, problems := load(everyKey)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	a := tests[0]
	got := fmt.Sprint(a.Dialog, a.Name, a.Channels, a.Lang, a.At.Format(time.DateTime), a.Ends, a.Passes, a.Roll, a.Used, a.Voted, a.Shut, a.Keeps.Only)
	want := "benchAnswers[sms voice]es2027-03-01 18:30:00byetown-desk[482715] [007] false true true"
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	var given []string
	for _, g := range a.Answers {
		given = append(given, g.Step+":"+strings.Join(g.Values, "/"))
	}
	if got, want := strings.Join(given, " "), "place:12 Oak Street why:old/broken coins:seat=5 agree:yes"; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if f := a.Found[0]; f.Ref != "311-204-7" || f.What != "A bench" || f.State != "closed" || f.Due != "2027-03-15" || !f.Mine {
		t.Errorf("found %+v", f)
	}
	var lines []string
	for _, l := range tests[1].Talk {
		lines = append(lines, fmt.Sprintf("%s=%s", l.Kind, l.Text))
	}
	if got, want := strings.Join(lines, " "), "you=1 press=2 bot=Thank you bot=by Friday not=sorry wait=2 weeks switch=voice comes=ussd leaves=yes quiet=yes quiet=yes photo=bench.jpg recording=bench.ogg pin=52.1,4.3"; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if w := tests[1].Talk[5].For; w != 14*24*time.Hour {
		t.Errorf("waits %s", w)
	}
}

func TestMistakesInTestFiles(t *testing.T) {
	const head = "dialog: bench\ntests:\n"
	const one = head + "  - name: One\n    channel: sms\n"
	for _, c := range []struct{ name, content, want string }{
		{"nothing", "", "1:1 empty"},
		{"no dialog", "tests:\n  - {name: One, channel: sms, answers: {a: b}, ends: c}\n", "1:1 no-dialog"},
		{"no tests", "dialog: bench\n", "1:1 no-tests"},
		{"empty tests", "dialog: bench\ntests: []\n", "2:8 no-tests"},
		{"unknown key", one + "    answer: {a: b}\n    ends: c\n", "3:5 nothing-said 5:5 unknown-key did you mean `answers`?"},
		{"unknown top key", "dialog: bench\ntest:\n  - name: One\n", "1:1 no-tests 2:1 unknown-key did you mean `tests`?"},
		{"no name", head + "  - channel: sms\n    answers: {a: b}\n    ends: c\n", "3:5 no-name"},
		{"no channel", head + "  - name: One\n    answers: {a: b}\n    ends: c\n", "3:5 no-channel"},
		{"unknown channel", head + "  - name: One\n    channels: [sms, vioce]\n    answers: {a: b}\n    ends: c\n", "4:21 unknown-channel did you mean `voice`?"},
		{"channel twice", one + "    channels: [voice]\n    answers: {a: b}\n    ends: c\n", "5:5 two-channels"},
		{"nothing said", one + "    ends: c\n", "3:5 nothing-said"},
		{"answers and talk", one + "    answers: {a: b}\n    talk:\n      - you: hi\n      - bot: hi\n", "7:7 answers-and-talk"},
		{"answers for nothing", one + "    answers: {a: b}\n", "3:5 nothing-expected"},
		{"talk for nothing", one + "    talk:\n      - you: hi\n", "6:7 nothing-expected"},
		{"talk is a block", one + "    talk:\n      you: hi\n", "6:7 not-a-list 6:7 nothing-expected"},
		{"two in a line", one + "    talk:\n      - you: hi\n        bot: hi\n", "6:7 nothing-expected 7:9 two-in-a-line"},
		{"unknown line", one + "    talk:\n      - me: hi\n      - bot: hi\n", "6:9 unknown-key"},
		{"empty bot", one + "    talk:\n      - bot: ''\n      - bot: hi\n", "6:14 nothing-expected"},
		{"bad wait", one + "    talk:\n      - wait: a while\n      - bot: hi\n", "6:15 not-a-duration"},
		{"wait for ever", one + "    talk:\n      - wait: 1000000 weeks\n      - bot: hi\n", "6:15 not-a-duration"},
		{"bad switch", one + "    talk:\n      - switch: fax\n      - bot: hi\n", "6:17 unknown-channel"},
		{"bad quiet", one + "    talk:\n      - quiet: always\n      - bot: hi\n", "6:16 not-yes-no"},
		{"cut by a hash", one + "    talk:\n      - you: press #1 now\n      - bot: hi\n", "6:14 cut-text"},
		{"bad time", one + "    at: Christmas\n    answers: {a: b}\n    ends: c\n", "5:9 not-a-time"},
		{"bad desk", one + "    desk: shut\n    answers: {a: b}\n    ends: c\n", "5:11 not-open-closed"},
		{"bad flag", one + "    voted: perhaps\n    answers: {a: b}\n    ends: c\n", "5:12 not-yes-no"},
		{"bad keeps", one + "    answers: {a: b}\n    keeps: all\n", "6:12 unknown-keeps"},
		{"answers as a list", one + "    answers: [a, b]\n    ends: c\n", "5:14 not-a-block"},
		{"found as a block", one + "    answers: {a: b}\n    ends: c\n    found: {a: b}\n", "7:12 not-a-list"},
		{"found nothing", one + "    answers: {a: b}\n    ends: c\n    found:\n      - what: A bench\n", "8:9 no-reference"},
		{"found on no day", one + "    answers: {a: b}\n    ends: c\n    found:\n      - reference: A-1\n        due: soon\n", "9:14 not-a-time"},
		{"same name", one + "    answers: {a: b}\n    ends: c\n  - name: One\n    channel: sms\n    answers: {a: b}\n    ends: c\n", "7:5 same-name"},
		{"a list for a name", head + "  - name: [One]\n    channel: sms\n    answers: {a: b}\n    ends: c\n", "3:5 no-name 3:11 not-text"},
		{"twice the same key", one + "    ends: c\n    ends: d\n    answers: {a: b}\n", "6:5 duplicate-key"},
		{"an alias", one + "    ends: *c\n    answers: {a: b}\n", "5:11 alias"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tests, problems := load(c.content)
			problems.Sort()
			var got []string
			for _, p := range problems {
				s := fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Code)
				if strings.HasPrefix(p.Hint, "did you mean") {
					s += " " + p.Hint
				}
				got = append(got, s)
				if p.Message == "" || p.Hint == "" || p.File != "bench.test.yaml" {
					t.Errorf("a problem that does not help: %+v", p)
				}
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("\n got %s\nwant %s\n%s", s, c.want, problems)
			}
			for _, x := range tests {
				if x.Pos.Line >= 3 && c.name != "same name" && c.name != "unknown top key" {
					t.Errorf("a test with problems was not left out: %q", x.Name)
				}
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("dialog: bench\ntests:\n  - name: One\n    channel: sms\n    answers: {a: [b, c], d: {e: 1}}\n    ends: c\n    keeps: {a: b}\n")
	f.Add("dialog: bench\ntests:\n  - name: One\n    channels: [sms]\n    talk:\n      - you: hi\n      - wait: 1 day\n      - bot: [a, b]\n      - quiet: 3\n")
	f.Add("dialog: bench\ntests:\n  - found: [{reference: 1, mine: yes}]\n    roll: 1\n    at: 2027-01-01\n")
	f.Fuzz(func(t *testing.T, content string) {
		tests, problems := load(content)
		if len(tests) == 0 && !problems.Errors() {
			t.Errorf("no tests and no problem")
		}
		lines := strings.Count(content, "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Column < 1 {
				t.Errorf("a problem outside the file: %d:%d of %d lines", p.Line, p.Column, lines)
			}
		}
		for _, x := range tests {
			if x.Name == "" || len(x.Channels) == 0 || x.Dialog == "" {
				t.Errorf("half a test: %+v", x)
			}
		}
	})
}
