package library_test

import (
	"bytes"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
)

var crossings = flag.Int("crossings", everyWalk/20, "random walks through each dialog that change the channel, beside one that stays")

// TestCrossings sends two residents through every dialog who mean the same. One stays on a channel; the other goes to another at
// random turns, and rings off in the middle. They speak any of the dialog's languages. What they leave must be the same, byte
// for byte, and no answer that was given may go.
func TestCrossings(t *testing.T) {
	town, set := load(t, inSpanish(t))
	for _, d := range set.All() {
		t.Run(d.ID, func(t *testing.T) {
			t.Parallel()
			changes, records := 0, 0
			for n := range *crossings {
				c, err := crossing(town, d, uint64(n))
				if changes += c.changes; c.kept {
					records++
				}
				if err != nil {
					t.Fatalf("walk %d: %v", n, err)
				}
			}
			t.Logf("%d pairs, %d changes of channel, %d records compared", *crossings, changes, records)
			if submits := slices.ContainsFunc(d.Steps, func(s dialogs.Step) bool { return s.Type == dialogs.Submit }); submits && records < *crossings/20 {
				t.Errorf("only %d of %d left a record", records, *crossings)
			}
		})
	}
}

// Every type of step is in one of the dialogs that are crossed.
func TestCrossingsMeetEveryType(t *testing.T) {
	_, set := load(t, inSpanish(t))
	met := map[dialogs.Type]bool{dialogs.Use: true} // copied in
	for _, d := range set.All() {
		for i := range d.Steps {
			met[d.Steps[i].Type] = true
		}
	}
	for _, x := range []dialogs.Type{
		dialogs.Say, dialogs.Choice, dialogs.Choices, dialogs.Rank, dialogs.Budget, dialogs.YesNo, dialogs.Number, dialogs.Scale, dialogs.Date, dialogs.Words,
		dialogs.Place, dialogs.Photo, dialogs.Contact, dialogs.Similar, dialogs.Review, dialogs.Consent, dialogs.Submit, dialogs.Status, dialogs.Handoff, dialogs.End, dialogs.Code,
	} {
		if !met[x] {
			t.Errorf("no dialog has a step of type %s", x)
		}
	}
}

func FuzzCrossings(f *testing.F) {
	town, set := load(f, inSpanish(f))
	all := set.All()
	for i := range all {
		f.Add(uint8(i), uint64(i))
	}
	f.Fuzz(func(t *testing.T, which uint8, seed uint64) {
		d := all[int(which)%len(all)]
		if _, err := crossing(town, d, seed); err != nil {
			t.Fatalf("%s: %v", d.ID, err)
		}
	})
}

type crossed struct {
	changes int
	kept    bool
}

// crossing is a pair of walks.
func crossing(town *talk.Town, d *dialogs.Dialog, seed uint64) (c crossed, err error) {
	number := int(seed%1_000_000) * together // another mind each
	walks := [2]*walk{newWalk(town, d, number), newWalk(town, d, number)}
	var records [2][]byte
	for i, w := range walks {
		h := fnv.New64a()
		h.Write([]byte(d.ID))
		rng := rand.New(rand.NewPCG(seed, h.Sum64()+uint64(i)))
		w.wild, w.r.Mute = 0, false
		langs := d.AllLanguages()
		w.r.Speaks(langs[rng.IntN(len(langs))])
		changes, err := w.crosses(rng, i == 1)
		c.changes += changes
		if err != nil {
			return c, fmt.Errorf("%w\n%s", err, w.said())
		}
		if w.record != nil {
			if records[i], err = engine.Encode(w.record); err != nil {
				return c, err
			}
			c.kept = true
		}
	}
	stayed, went := walks[0], walks[1]
	if stayed.veiled != went.veiled { // what is near isn't told on a call where the answers it was found by aren't
		for i, w := range walks {
			if w.veiled = true; w.record == nil {
				continue
			}
			w.record = nil
			if err := w.keep(); err != nil {
				return c, err
			}
			if records[i], err = engine.Encode(w.record); err != nil {
				return c, err
			}
		}
	}
	if !bytes.Equal(records[0], records[1]) {
		return c, fmt.Errorf("who stayed left %v, who crossed %v\nstayed:\n%s\ncrossed:\n%s", stayed.record, went.record, stayed.said(), went.said())
	}
	return c, nil
}

// crosses walks to the end, and changes the channel on the way where that is asked for.
func (w *walk) crosses(rng *rand.Rand, change bool) (changes int, err error) {
	if err := w.r.Opens(w.d); err != nil {
		return 0, err
	}
	had := map[int]string{}
	for range most {
		if w.over() {
			return changes, w.keep()
		}
		speaks := true
		switch {
		case change && rng.IntN(3) == 0:
			if w.r.Traits.Live && rng.IntN(2) == 0 {
				w.r.Leaves()
			}
			w.r.Switches(w.channel())
			changes++
			speaks = w.r.Traits.Live
		default:
			if err := w.comply(); err != nil {
				return changes, fmt.Errorf("%w; the town says: %s", err, w.r.Said())
			}
		}
		if err := w.sound(speaks); err != nil {
			return changes, err
		}
		if err := w.stays(had); err != nil {
			return changes, err
		}
	}
	return changes, fmt.Errorf("the conversation never ends; the town says: %s", w.r.Said())
}

// stays looks whether answers that are behind the open question are still there, and what they were.
func (w *walk) stays(had map[int]string) error {
	s := w.r.Memory().Now
	if s == nil || s.Pin.ID != w.d.ID {
		return nil
	}
	now := map[int]string{}
	for i := range s.Answers {
		if a := &s.Answers[i]; a.Skip == engine.Answered && len(a.Values) > 0 && w.stands(&w.d.Steps[a.Step], a) {
			now[a.Step] = strings.Join(a.Values, " ")
		}
	}
	for step, values := range had {
		if got, ok := now[step]; !ok || got != values {
			return fmt.Errorf("the answer %q to %q is %q now", values, w.d.Steps[step].ID, got)
		}
	}
	clear(had)
	for step, values := range now {
		had[step] = values
	}
	return nil
}

// said is the whole conversation.
func (w *walk) said() string {
	var b strings.Builder
	for _, l := range w.r.Log {
		fmt.Fprintf(&b, "%-8s %-6s %s\n", l.On.Name, l.Who, strings.Join(strings.Fields(l.Words), " "))
	}
	return b.String()
}
