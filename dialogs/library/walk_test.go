package library_test

import (
	"bytes"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

var (
	walks = flag.Int("walks", everyWalk, "random walks through each dialog")
	only  = flag.String("walk", "", "one walk to repeat, with all that is said: dialog:number")
)

// together is how many walks, on different channels and with different mischief, mean to give the same answers.
const together = 5

// TestWalks sends residents through every dialog of the sample town who answer in every way there is, and in between say
// rubbish, use commands of any language, stay silent, go back, change the language, the channel and the dialog, hang up and
// come back. In the end each corrects what came out otherwise than meant, and finishes. Nothing may panic, every page must
// fit its channel, there must always be something to answer, the state must survive encoding (a Resident encodes and
// decodes between every two turns), everyone must get to an end, and those who meant the same must leave the same record.
func TestWalks(t *testing.T) {
	town, set := load(t, inSpanish(t))
	if *only != "" {
		id, number, _ := strings.Cut(*only, ":")
		n, err := strconv.Atoi(number)
		if err != nil || set.Get(id) == nil {
			t.Fatalf("there is no walk %q", *only)
		}
		w := newWalk(town, set.Get(id), n)
		w.r.Mute = false
		err = w.run()
		for _, l := range w.r.Log {
			t.Logf("%-8s %-6s %s", l.On.Name, l.Who, strings.Join(strings.Fields(l.Words), " "))
		}
		t.Logf("ended %q, kept %d", w.r.End, len(w.r.Kept()))
		if err != nil {
			t.Error(err)
		}
		return
	}
	for _, d := range set.All() {
		t.Run(d.ID, func(t *testing.T) {
			t.Parallel()
			walkAll(t, town, d)
		})
	}
}

func walkAll(t *testing.T, town *talk.Town, d *dialogs.Dialog) {
	var mu sync.Mutex
	var group sync.WaitGroup
	finished, compared, turns, bad := 0, 0, 0, 0
	const half = 2
	for part := range half {
		group.Go(func() {
			for first := part * together; first < *walks; first += half * together {
				var record []byte
				var words string
				for n := first; n < first+together && n < *walks; n++ {
					w := newWalk(town, d, n)
					err := w.run()
					if err == nil && w.record != nil {
						b, encodeErr := engine.Encode(w.record)
						switch {
						case encodeErr != nil:
							err = encodeErr
						case record == nil:
							record, words = b, fmt.Sprint(w.record.Answers)
						case !bytes.Equal(record, b):
							err = fmt.Errorf("the record is not the one that others left who meant the same:\n  %v\n  %s", w.record.Answers, words)
						}
					}
					mu.Lock()
					turns += w.r.Turns
					if w.record != nil {
						finished++
						if record != nil && n > first {
							compared++
						}
					}
					if err != nil {
						if bad++; bad <= 3 {
							t.Errorf("walk %d: %v\n  see it with: go test ./dialogs/library -run Walks -walk %s:%d -v", n, err, d.ID, n)
						}
					}
					stop := bad > 3
					mu.Unlock()
					if stop {
						return
					}
				}
			}
		})
	}
	group.Wait()
	t.Logf("%d walks, %d turns; %d left a record, %d were compared", *walks, turns, finished, compared)
	if submits := slices.ContainsFunc(d.Steps, func(s dialogs.Step) bool { return s.Type == dialogs.Submit }); submits && bad == 0 && compared < *walks/10 {
		t.Errorf("only %d of %d walks left a record to compare", compared, *walks)
	}
}

// walk is one resident on their way through a dialog.
type walk struct {
	d      *dialogs.Dialog
	r      *dialogtest.Resident
	rng    *rand.Rand
	mind   uint64 // what is meant by the answers: the same for walks that go together
	wild   int    // how many more turns are mischief
	waited time.Duration
	veiled bool           // some answers weren't told on a call
	record *engine.Record // what is kept, without what not every channel carries
	began  time.Time
}

func newWalk(town *talk.Town, d *dialogs.Dialog, number int) *walk {
	h := fnv.New64a()
	h.Write([]byte(d.ID))
	w := &walk{
		d:    d,
		rng:  rand.New(rand.NewPCG(h.Sum64(), uint64(number))),
		mind: h.Sum64() ^ uint64(number/together)*0x9e3779b97f4a7c15,
	}
	w.began = time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)
	w.r = dialogtest.NewResident(town, w.channel(), w.began)
	w.r.Mute = true
	w.r.Seed = w.rng.Uint64()
	test := dialogtest.Test{Roll: []string{"482715"}, Shut: w.rng.IntN(2) == 0, Found: []dialogtest.Known{
		{Found: engine.Found{Ref: "311-204-7", What: "Street light out, 3 Oak Street", State: "open", Due: "2027-03-15"}, Mine: w.rng.IntN(3) == 0},
	}}
	w.r.Meets(test)
	if w.rng.IntN(2) == 0 {
		w.r.Speaks(town.Languages[w.rng.IntN(len(town.Languages))])
	}
	if w.rng.IntN(8) > 0 {
		w.wild = w.rng.IntN(24)
	}
	return w
}

func (w *walk) channel() render.Traits {
	all := render.Channels()
	return all[w.rng.IntN(len(all))]
}

// most is how many turns a walk may take before it is said to go round in circles.
const most = 400

func (w *walk) run() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if err := w.r.Opens(w.d); err != nil {
		return err
	}
	if err := w.sound(true); err != nil {
		return err
	}
	for range most {
		if w.over() {
			return w.keep()
		}
		speaks := true
		if w.wild > 0 && w.rng.IntN(5) < 2 {
			w.wild--
			speaks = w.mischief()
		} else if err := w.comply(); err != nil {
			return fmt.Errorf("%w; the town says: %s", err, w.r.Said())
		}
		if err := w.sound(speaks); err != nil {
			return err
		}
	}
	return fmt.Errorf("the conversation never ends; the town says: %s", w.r.Said())
}

// over says whether the walk's dialog is over: neither going on nor set aside.
func (w *walk) over() bool {
	m := w.r.Memory()
	if m.Now != nil && m.Now.Pin.ID == w.d.ID {
		return false
	}
	return !slices.ContainsFunc(m.Aside, func(s engine.State) bool { return s.Pin.ID == w.d.ID })
}

// keep looks at what is on record: one record at the most for a visit to the dialog that was finished.
func (w *walk) keep() error {
	for _, rec := range w.r.Kept() {
		if rec.Dialog != w.d.ID {
			continue
		}
		if w.record != nil {
			return fmt.Errorf("two records are kept")
		}
		c := *rec
		c.Answers = slices.DeleteFunc(slices.Clone(rec.Answers), func(a engine.Recorded) bool {
			st := &w.d.Steps[w.d.Index(a.Step)]
			return st.Type == dialogs.Photo || unsaid(w.d, st)
		})
		for i := range w.d.Steps { // what is near isn't told on a call where the answers it was found by aren't
			if st := &w.d.Steps[i]; st.Type == dialogs.Similar && w.veiled {
				if c.Joins = w.means(st)[0]; c.Joins == "none" {
					c.Joins = ""
				}
			}
		}
		w.record = &c
	}
	return nil
}

// unsaid says whether a call leaves a question for own words out: there is no typing, and a voice may not be kept.
func unsaid(d *dialogs.Dialog, st *dialogs.Step) bool {
	return (st.Type == dialogs.Words || st.Type == dialogs.Place) && !d.Recordable()
}

// sound checks what must hold after every turn. speaks is false where the town may have nothing to say.
func (w *walk) sound(speaks bool) error {
	r := w.r
	if err := r.Err(); err != nil {
		return err
	}
	for i := range r.Pages {
		if fault := dialogtest.Fault(&r.Pages[i], r.Shown); fault != "" {
			return fmt.Errorf("a page of %s can't be shown: %s: %s", r.Shown.Name, fault, r.Said())
		}
	}
	m := r.Memory()
	w.veiled = w.veiled || m.Now != nil && m.Now.Hidden()
	if !speaks || m.Stopped || r.Over || r.Pass {
		return nil
	}
	if m.Hall != nil && m.Hall.Tries >= 4 { // what means nothing, again and again, is not answered for ever
		return nil
	}
	if len(r.Pages) == 0 {
		return fmt.Errorf("the town says nothing")
	}
	p := &r.Pages[len(r.Pages)-1]
	if more := m.Rest != nil && len(m.Rest.Pages) > 1; p.Asks == "" && p.Number == p.Of && !more {
		return fmt.Errorf("there is nothing to answer: %q", r.Said())
	}
	if m.Now != nil && m.Now.Mode == engine.Waiting {
		return fmt.Errorf("the conversation waits for the town across turns")
	}
	return nil
}
