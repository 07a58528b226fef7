package dialogtest

import (
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// What is otherwise in a record than on the first channel is said in words, with both conversations.
func TestRecordsThatDiffer(t *testing.T) {
	record := func(change func(*engine.Record)) *engine.Record {
		r := &engine.Record{Dialog: "bench", Version: 1, Answers: []engine.Recorded{
			{Step: "want", Values: []string{"bench"}}, {Step: "coins", Values: []string{"7", "3"}}, {Step: "story", Media: []engine.Media{{Type: "audio/ogg", Ref: "a"}}},
		}}
		change(r)
		return r
	}
	d := &dialogs.Dialog{Pin: dialogs.Pin{ID: "bench", Version: 1}, Steps: []dialogs.Step{{ID: "want", Type: dialogs.Choice}}}
	for _, c := range []struct {
		name, want string
		change     func(*engine.Record)
	}{
		{"the same", "", func(*engine.Record) {}},
		{"a value", `the answer to "want" is "tree", on sms "bench"`, func(r *engine.Record) { r.Answers[0].Values = []string{"tree"} }},
		{"an order", `the answer to "coins" is "3 7", on sms "7 3"`, func(r *engine.Record) { r.Answers[1].Values = []string{"3", "7"} }},
		{"a recording", `the answer to "story" has other recordings`, func(r *engine.Record) { r.Answers[2].Media = nil }},
		{"one answer less", `it has no answer to "coins"`, func(r *engine.Record) { r.Answers = append(r.Answers[:1], r.Answers[2]) }},
		{"one answer more", `it has an answer to "year"`, func(r *engine.Record) {
			r.Answers = append(r.Answers, engine.Recorded{Step: "year", Values: []string{"1999"}})
		}},
		{"answers the other way round", "its answers stand in another order", func(r *engine.Record) { r.Answers[0], r.Answers[1] = r.Answers[1], r.Answers[0] }},
		{"what is joined", `it joins "311-204-7", there ""`, func(r *engine.Record) { r.Joins = "311-204-7" }},
		{"another version", "it is of bench, version 2", func(r *engine.Record) { r.Version = 2 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewResident(NewTown(nil, nil), render.Voice, time.Time{})
			r.note("press", "2")
			r.desk.kept = []*engine.Record{record(c.change)}
			u := run{d: d, name: "voice in es", r: r}
			u.same(&held{where: "sms", traits: render.SMS, record: record(func(*engine.Record) {}), log: []Remark{{Who: "you", Words: "A bench"}}})
			if c.want == "" {
				if !u.result.OK() {
					t.Error(u.result.Failures[0])
				}
				return
			}
			if len(u.result.Failures) != 1 {
				t.Fatalf("%d failures", len(u.result.Failures))
			}
			got := u.result.Failures[0].String()
			for _, want := range []string{"on voice in es", "the record is not the one that sms left: " + c.want, "from byte ", "the conversation on sms:\n      you    A bench", "the conversation on voice in es:\n      press  2"} {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in:\n%s", want, got)
				}
			}
		})
	}
}

// A record that one channel alone leaves, and another end, are told as well.
func TestEndsThatDiffer(t *testing.T) {
	r := NewResident(NewTown(nil, nil), render.Voice, time.Time{})
	u := run{d: &dialogs.Dialog{}, name: "voice", r: r}
	u.same(&held{where: "sms", record: &engine.Record{Dialog: "bench"}})
	u.same(&held{where: "sms", end: "bye"})
	if n := len(u.result.Failures); n != 2 || !strings.Contains(u.result.Failures[0].Message, "not on both") || !strings.Contains(u.result.Failures[1].Message, "ends otherwise") {
		t.Errorf("%d: %v", n, u.result.Failures)
	}
}
