package outpost

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/store"
)

var journeys = flag.Int("journeys", journeysAtFirst, "how many journeys TestJourneys makes")

// flaky is a store on a bad day: it fails before it commits, or commits and then says that it failed.
type flaky struct {
	store.Store
	mu     sync.Mutex // timers ring several turns at once
	chance *rand.Rand
}

var errFlaky = errors.New("the disk is slow today")

func (f *flaky) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	f.mu.Lock()
	luck := f.chance.IntN(40)
	f.mu.Unlock()
	switch luck {
	case 0:
		return store.Outcome{}, errFlaky
	case 1:
		return store.Outcome{Kind: store.Conflict}, nil
	case 2:
		if _, err := f.Store.Commit(ctx, c); err != nil {
			return store.Outcome{}, err
		}
		return store.Outcome{}, errFlaky
	}
	return f.Store.Commit(ctx, c)
}

// journey is one visit: what is said, and what must be at the centre in the end.
type journey struct {
	who   string
	booth *booth
	say   []string
	at    int
	began time.Time
	over  bool // the visit is ended properly
	// told is called with the page that tells of a record.
	told func(page string)
}

// walk is a town on a bad day, and all that its visitors were told.
type walk struct {
	*world
	luck    *rand.Rand
	booths  []*booth
	words   []string          // records of "words"
	places  map[string]string // reference by place
	hidden  map[string]int    // ballots by option
	rolls   map[string][]string
	strange int // codes that nobody was given, taken on trust
	count   int
}

const validCodes = 12

func codeOf(n int) string { return fmt.Sprintf("ABC%03d", n) }

func newWalk(t testing.TB, seed uint64) *walk {
	w := &walk{
		world: newWorld(t, seed), luck: rand.New(rand.NewPCG(seed, 7)), places: map[string]string{}, hidden: map[string]int{}, rolls: map[string][]string{},
	}
	var codes [][16]byte
	for n := range validCodes {
		codes = append(codes, exchange.CodeVoter(w.keys, "roll-vote", codeOf(n)))
	}
	if err := w.disk.Reserve(t.Context(), "roll-vote", codes); err != nil {
		t.Fatal(err)
	}
	w.booths = []*booth{w.booth("library", 0), w.booth("hall", time.Duration(seed%5)*time.Hour-2*time.Hour)}
	for _, b := range w.booths {
		b.sync()
	}
	w.store = &flaky{Store: w.disk, chance: rand.New(rand.NewPCG(seed, 8))}
	w.open()
	w.line.chance = rand.New(rand.NewPCG(seed, 9))
	return w
}

// begin makes up a journey.
func (w *walk) begin() *journey {
	w.count++
	j := &journey{began: w.clock.Now(), who: fmt.Sprintf("visitor-%d", w.count), booth: w.booths[w.luck.IntN(2)], over: w.luck.IntN(3) > 0}
	n := w.count
	switch w.luck.IntN(6) {
	case 0, 1:
		record := fmt.Sprintf("a%d b%d c%d", n, n, n)
		j.say = append(strings.Fields("WORDS "+record), "yes")
		if w.luck.IntN(4) == 0 {
			j.say = append(j.say, "erase", "yes")
			if w.luck.IntN(2) == 0 {
				j.say = append(j.say, "WORDS", "again")
			}
		}
		j.told = func(string) {
			if erased := len(j.say) >= 7; !erased {
				w.words = append(w.words, record+" yes")
			}
		}
	case 2, 3:
		place := fmt.Sprintf("%d Street", n)
		j.say = []string{"MEND", []string{"light", "hole"}[w.luck.IntN(2)], place, "skip"}
		j.told = func(page string) { w.places[place] = reference.FindString(page) }
	case 4:
		option := []string{"sunday", "monday"}[w.luck.IntN(2)]
		j.say = []string{"HIDE", option, "yes"}
		j.told = func(string) { w.hidden[option]++ }
	default:
		code := codeOf(w.luck.IntN(validCodes + 4))
		option := []string{"sunday", "monday"}[w.luck.IntN(2)]
		j.say = []string{"ROLLV", code, option, "yes"}
		j.told = func(page string) {
			if code >= codeOf(validCodes) {
				w.strange++
			} else {
				w.rolls[code] = append(w.rolls[code], option)
			}
		}
	}
	if w.luck.IntN(5) == 0 {
		j.say = j.say[:1+w.luck.IntN(len(j.say))] // walks away
	}
	return j
}

// step says one thing, with all that may go wrong, until it is accepted.
func (w *walk) step(j *journey) (done bool) {
	b := j.booth
	e := b.event(j.who, j.say[j.at])
	j.at++
	if w.luck.IntN(12) == 0 { // the power goes while it is written
		size := b.journal.length()
		if _, err := b.Receive(w.t.Context(), e); err != nil {
			w.t.Fatal(err)
		}
		b.crash(func(now int64) int64 { return size + w.luck.Int64N(now-size+1) })
	}
	page := ""
	for i := range 1 + w.luck.IntN(6)/3 { // some press twice
		r, err := b.Receive(w.t.Context(), e)
		if err != nil {
			w.t.Fatal(err)
		}
		if got := textOf(r); i > 0 && got != page {
			w.t.Fatalf("%q again: first\n%s\nthen\n%s", e.Words, page, got)
		} else {
			page = got
		}
	}
	if j.told != nil && strings.Contains(page, "Thank you. Your") {
		j.told(page)
		j.told = nil
	}
	if j.at < len(j.say) {
		return false
	}
	if j.over {
		b.Over(j.who)
	}
	return true
}

// mishap is what happens beside.
func (w *walk) mishap(oldest time.Time) {
	w.clock.pass(time.Duration(w.luck.IntN(200)) * time.Second)
	b := w.booths[w.luck.IntN(2)]
	switch w.luck.IntN(14) {
	case 0:
		w.line.down = !w.line.down
	case 1, 2, 3, 4:
		b.contact(w.t.Context())
	case 5:
		b.crash(nil)
	case 6: // and what the disk had in its cache is garbage
		b.crash(nil)
		b.Outpost.Close()
		f, err := os.OpenFile(filepath.Join(b.dir, "turns"), os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := f.Write(make([]byte, w.luck.IntN(5000))); err != nil {
			w.t.Fatal(err)
		}
		f.Close()
		b.start()
	case 7:
		w.open() // the centre died
	case 8: // hours go by, but nobody stands at a machine for a day
		if d := time.Duration(w.luck.IntN(30)) * time.Hour; w.clock.Now().Add(d).Sub(oldest) < 20*time.Hour {
			w.clock.pass(d)
		}
		w.x.Tick(w.t.Context())
	}
}

// check holds the centre's books against what the visitors were told.
func (w *walk) check() {
	w.line.down, w.line.chance = false, nil
	w.store = w.disk
	w.open()
	for _, b := range w.booths {
		b.sync()
	}
	for range 4 {
		w.clock.pass(2 * time.Hour)
		w.x.Tick(w.t.Context())
	}
	t := w.t
	slices.Sort(w.words)
	if got := w.polled("words"); !slices.Equal(got, w.words) {
		t.Errorf("words: at the centre\n%s\ntold\n%s", strings.Join(got, "\n"), strings.Join(w.words, "\n"))
	}
	hidden := map[string]int{}
	for _, r := range w.polled("hidden-vote") {
		hidden[strings.Fields(r)[0]]++
	}
	if fmt.Sprint(hidden) != fmt.Sprint(w.hidden) {
		t.Errorf("hidden vote: at the centre %v, told %v", hidden, w.hidden)
	}
	if got := w.polled("roll-vote"); len(got) != len(w.rolls) {
		t.Errorf("roll vote: at the centre %d ballots, %d codes were used", len(got), len(w.rolls))
	}
	places := map[string]string{}
	for _, r := range w.requests() {
		if _, twice := places[r.Place]; twice {
			t.Errorf("%q was reported twice", r.Place)
		}
		places[r.Place] = r.Reference
	}
	if len(places) != len(w.places) {
		t.Errorf("%d requests, %d were told", len(places), len(w.places))
	}
	for place, ref := range w.places {
		if got := places[strings.ToLower(place)]; got != ref {
			t.Errorf("%q: told %s, at the centre %q", place, ref, got)
		}
	}
	codes := 0
	for _, p := range w.centre.aside.All() {
		if p.Why != whyCodeAside {
			t.Errorf("put aside: %s", p.Why)
		}
		codes++
	}
	if codes != w.strange {
		t.Errorf("%d ballots with strange codes put aside, %d were taken", codes, w.strange)
	}
}

const whyCodeAside = "code"

// TestJourneys sends visitors through two machines on days when all goes wrong that can: the line drops, calls come twice,
// acknowledgements are lost, machines lose their power while they write, the centre dies, its disk fails. Whatever a visitor
// was told is at the centre exactly once.
func TestJourneys(t *testing.T) {
	const each = 50
	for seed := range uint64(max(*journeys/each, 1)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWalk(t, 1000*seed+1)
			var under []*journey
			for w.count < each || len(under) > 0 {
				if len(under) < 6 && w.count < each {
					under = append(under, w.begin())
				}
				i := w.luck.IntN(len(under))
				if w.step(under[i]) {
					under = slices.Delete(under, i, i+1)
				}
				oldest := w.clock.Now()
				for _, j := range under {
					if j.began.Before(oldest) {
						oldest = j.began
					}
				}
				w.mishap(oldest)
			}
			w.check()
		})
	}
}

var _ http.RoundTripper = (*wires)(nil)
var _ channels.Inbox = (*Outpost)(nil)
