package tally_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/golden"
	"github.com/townline/townline/dialogs/tally"
)

const survey = `dialog: survey
version: 2
title: Parks
purpose: consultation
language: en
start: PARK
who: anyone
secrecy: confidential
decides: The council decides on 1 May and is not bound by this. Its answer comes by 1 June.
steps:
  - id: go
    type: yesno
    say: Do you go to a park?
  - id: park
    type: choice
    when: go is yes
    rotate: true
    say: Which park?
    options:
      oak: Oak Park
      elm: Elm Park
      other: Another one
      unsure: I do not know
  - id: wants
    type: choices
    optional: true
    say: What does a park need?
    options:
      seats: Seats
      water: Water
      shade: Shade
      unsure: I do not know
  - id: order
    type: rank
    optional: true
    say: Put these in order.
    options:
      play: Play
      rest: Rest
      sport: Sport
  - id: coins
    type: budget
    total: 10
    say: Share 10 coins.
    options:
      oak: Oak Park
      elm: Elm Park
  - id: visits
    type: number
    min: 0
    max: 60
    optional: true
    say: How often a month?
  - id: mood
    type: scale
    labels: [Bad, So so, Good]
    optional: true
    say: How are the parks?
  - id: ideas
    type: text
    optional: true
    say: Anything else?
    limit: 100
  - id: agree
    type: consent
    say: May the town keep these answers?
    refuse: Nothing was kept.
  - id: saved
    type: submit
  - id: receipt
    type: end
    say: Thank you.
`

// load compiles the survey, with replacements made in its text.
func load(t *testing.T, text string) *dialogs.Dialog {
	t.Helper()
	set, problems := dialogs.Load(fstest.MapFS{"survey.yaml": {Data: []byte(text)}}, dialogs.Options{})
	if d := set.Get("survey"); d != nil {
		return d
	}
	t.Fatal(problems.String())
	return nil
}

// vote is a record with pairs of a step and its values.
func vote(version int, channel string, answers ...[]string) tally.Vote {
	r := engine.Record{Dialog: "survey", Version: version}
	for _, a := range answers {
		r.Answers = append(r.Answers, engine.Recorded{Step: a[0], Values: a[1:]})
	}
	return tally.Vote{Record: r, Channel: channel, Lang: "en"}
}

func votes() []tally.Vote {
	anonymous := vote(2, "kiosk", []string{"go", "no"}, []string{"coins", "0", "10"}, []string{"agree", "yes"})
	anonymous.Unlinked = true
	return []tally.Vote{
		vote(2, "sms", []string{"go", "yes"}, []string{"park", "oak"}, []string{"wants", "seats", "shade"}, []string{"order", "rest", "play", "sport"},
			[]string{"coins", "7", "3"}, []string{"visits", "4"}, []string{"mood", "3"}, []string{"ideas", "More trees"}, []string{"agree", "yes"}),
		vote(2, "sms", []string{"go", "yes"}, []string{"park", "elm"}, []string{"order", "rest", "sport", "play"}, []string{"coins", "5", "5"}, []string{"visits", "7"}, []string{"agree", "yes"}),
		vote(2, "voice", []string{"go", "yes"}, []string{"park", "oak"}, []string{"order", "play", "sport", "rest"}, []string{"coins", "10", "0"}, []string{"visits", "12.5"}, []string{"mood", "1"}, []string{"ideas", "A tap"}, []string{"agree", "yes"}),
		anonymous,
		// Version 1 had its budget the other way round, a park that is no more, and a question that is no more.
		vote(1, "ussd", []string{"go", "yes"}, []string{"park", "mill"}, []string{"coins", "1", "9"}, []string{"dogs", "yes"}, []string{"agree", "yes"}),
		{Record: engine.Record{Dialog: "another", Version: 1}, Channel: "sms"},
	}
}

func count(d *dialogs.Dialog, others []*dialogs.Dialog, votes []tally.Vote) tally.Tally {
	c := tally.New(d, "en", others...)
	for _, v := range votes {
		c.Add(v)
	}
	c.Unread()
	return c.Tally()
}

const older = `dialog: survey
version: 1
title: Parks
purpose: consultation
language: en
start: PARK
who: anyone
secrecy: confidential
decides: The council decides on 1 May and is not bound by this. Its answer comes by 1 June.
steps:
  - id: go
    type: yesno
    say: Do you go to a park?
  - id: park
    type: choice
    when: go is yes
    rotate: true
    say: Which park?
    options:
      oak: Oak Park
      mill: Mill Park
      other: Another one
      unsure: I do not know
  - id: coins
    type: budget
    total: 10
    say: Share 10 coins.
    options:
      elm: Elm Park
      oak: Oak Park
  - id: dogs
    type: yesno
    say: May dogs come in?
  - id: agree
    type: consent
    say: May the town keep these answers?
    refuse: Nothing was kept.
  - id: saved
    type: submit
  - id: receipt
    type: end
    say: Thank you.
`

func TestCounts(t *testing.T) {
	now, before := load(t, survey), load(t, older)
	for name, others := range map[string][]*dialogs.Dialog{"with-older": {before}, "without-older": nil} {
		t.Run(name, func(t *testing.T) {
			got, err := json.MarshalIndent(count(now, others, votes()), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, filepath.Join("testdata", name+".json"), string(got)+"\n")
		})
	}
}

func TestOrderOfVotesDoesNotMatter(t *testing.T) {
	d, all := load(t, survey), votes()
	want, _ := json.Marshal(count(d, nil, all))
	for i := range all {
		turned := append(append([]tally.Vote{}, all[i:]...), all[:i]...)
		if got, _ := json.Marshal(count(d, nil, turned)); string(got) != string(want) {
			t.Errorf("begun at %d, the count is\n%s\ninstead of\n%s", i, got, want)
		}
	}
}

func TestFiguresByHand(t *testing.T) {
	now, before := load(t, survey), load(t, older)
	got := count(now, []*dialogs.Dialog{before}, votes())
	if got.Total != 5 || got.Unlinked != 1 || got.Unread != 2 {
		t.Errorf("total %d, unlinked %d, unread %d", got.Total, got.Unlinked, got.Unread)
	}
	by := map[string]tally.Question{}
	for _, q := range got.Questions {
		by[q.Step] = q
	}
	line := func(step, id string) tally.Count {
		for _, c := range by[step].Counts {
			if c.ID == id {
				return c
			}
		}
		t.Errorf("%s has no line for %s", step, id)
		return tally.Count{}
	}
	// rest is first twice (2+2 points) and last once; play 1+0+2; sport 0+1+1.
	if c := line("order", "rest"); c.First != 2 || c.Sum != 4 {
		t.Errorf("rest: %+v", c)
	}
	if c := line("order", "play"); c.First != 1 || c.Sum != 3 {
		t.Errorf("play: %+v", c)
	}
	// 7+5+10+0, and 9 by the option's place in version 1.
	if c := line("coins", "oak"); c.Sum != 31 || c.Mean != 31.0/5 {
		t.Errorf("oak: %+v", c)
	}
	if q := by["visits"]; q.Median != 7 || q.Mean != 23.5/3 || q.Least != 4 || q.Most != 12.5 || q.Asked != 4 || q.Skipped != 1 {
		t.Errorf("visits: %+v", q)
	}
	if q := by["mood"]; q.Median != 2 || q.Mean != 2 {
		t.Errorf("mood: %+v", q)
	}
	// Who does not go to a park is not asked which.
	if q := by["park"]; q.Asked != 4 || q.Skipped != 0 {
		t.Errorf("park: %+v", q)
	}
	if c := line("park", "mill"); c.N != 1 || !c.Other {
		t.Errorf("mill: %+v", c)
	}
	if q := by["dogs"]; q.Type != "" || q.Answered != 1 {
		t.Errorf("dogs: %+v", q)
	}
	if q := by["ideas"]; len(q.Said) != 2 || q.Said[0] != "A tap" {
		t.Errorf("ideas: %+v", q)
	}
}
