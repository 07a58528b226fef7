package dialogtest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// held is a conversation that was held to its end.
type held struct {
	where  string // "sms", "voice in es"
	traits render.Traits
	record *engine.Record // nil: none was kept
	end    string
	log    []Remark
}

func (u *run) held() *held {
	h := &held{where: u.name, traits: u.r.Traits, end: u.r.End, log: u.r.Log}
	if kept := u.r.Kept(); len(kept) > 0 {
		h.record = kept[0]
	}
	return h
}

// elsewhere holds the conversation on the channels that the test doesn't name, and in the languages, where they can say all that it
// says, and compares what is left with what first left.
func (u *run) elsewhere(first *held) {
	lang, named := u.t.Lang, u.t.Channels
	languages := []string{lang}
	if lang == "" {
		languages = u.d.AllLanguages()
	}
	for _, l := range languages {
		for _, t := range render.Channels() {
			if slices.Contains(named, t.Name) && l == lang {
				continue
			}
			u.t.Lang = l
			u.meet(t.Name)
			u.name, u.lenient = t.Name+" in "+l, !slices.Contains(named, t.Name)
			before := len(u.result.Failures)
			u.converse(map[string]bool{})
			if u.r == nil { // the test has no answer to something that is asked here alone
				continue
			}
			u.result.Turns += u.r.Turns
			if len(u.result.Failures) == before {
				u.same(first)
			}
		}
	}
	u.t.Lang, u.lenient = lang, false
}

// same compares the conversation that was just held with the first one.
func (u *run) same(first *held) {
	h := u.held()
	if first.end != h.end {
		u.differs(first, "it ends otherwise than on "+first.where, first.end, h.end)
		return
	}
	a, b := u.shared(first, h.traits), u.shared(h, first.traits)
	if a == nil && b == nil {
		return
	}
	if a == nil || b == nil {
		u.differs(first, "a record is kept here or on "+first.where+", not on both", recordWords(a), recordWords(b))
		return
	}
	x, err := engine.Encode(a)
	if err == nil {
		var y []byte
		if y, err = engine.Encode(b); err == nil && !bytes.Equal(x, y) {
			at := 0
			for at < len(x) && at < len(y) && x[at] == y[at] {
				at++
			}
			u.differs(first, fmt.Sprintf("the record is not the one that %s left: %s (from byte %d of %d on)", first.where, difference(a, b, first.where), at, len(y)), worded(a), worded(b))
		}
	}
	if err != nil {
		u.fail(u.t.Pos, "the record can't be encoded: "+err.Error(), "", "")
	}
}

func (u *run) differs(first *held, message, want, got string) {
	u.fail(u.t.Pos, message, want, got)
	f := &u.result.Failures[len(u.result.Failures)-1]
	f.First, f.FirstTalk = first.where, first.log
}

// shared is a record without what another channel can't carry: pictures, and own words where a call can't record them.
func (u *run) shared(h *held, other render.Traits) *engine.Record {
	if h.record == nil {
		return nil
	}
	r := *h.record
	r.Answers = slices.DeleteFunc(slices.Clone(r.Answers), func(a engine.Recorded) bool {
		i := u.d.Index(a.Step)
		return i >= 0 && (!carries(u.d, &u.d.Steps[i], h.traits) || !carries(u.d, &u.d.Steps[i], other))
	})
	return &r
}

// difference says in words what is first otherwise in b than in a.
func difference(a, b *engine.Record, where string) string {
	switch {
	case a.Dialog != b.Dialog || a.Version != b.Version:
		return fmt.Sprintf("it is of %s, version %d", b.Dialog, b.Version)
	case a.Joins != b.Joins:
		return fmt.Sprintf("it joins %q, there %q", b.Joins, a.Joins)
	}
	for _, x := range a.Answers {
		y, there := b.Answer(x.Step)
		switch {
		case !there:
			return fmt.Sprintf("it has no answer to %q", x.Step)
		case !slices.Equal(x.Values, y.Values):
			return fmt.Sprintf("the answer to %q is %q, on %s %q", x.Step, strings.Join(y.Values, " "), where, strings.Join(x.Values, " "))
		case !slices.Equal(x.Media, y.Media):
			return fmt.Sprintf("the answer to %q has other recordings or pictures", x.Step)
		}
	}
	for _, y := range b.Answers {
		if _, there := a.Answer(y.Step); !there {
			return fmt.Sprintf("it has an answer to %q", y.Step)
		}
	}
	return "its answers stand in another order"
}

func recordWords(r *engine.Record) string {
	if r == nil {
		return "no record"
	}
	return worded(r)
}
