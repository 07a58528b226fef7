package exchange

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

var merges = flag.Int("merges", mergesAtFirst, "how many random histories of putting together and leaving are tried")

// person is somebody as the simulation knows them: who they are to the town, and what they told it.
type person struct {
	into    *person // whom they turned out to be; nil: themselves
	told    map[string]bool
	stopped bool
	heard   []heardOf // newest last
}

type heardOf struct {
	event channels.Event
	reply string
}

func (p *person) self() *person {
	for p.into != nil {
		p = p.into
	}
	return p
}

// phones are two numbers and a chat of people who put them together and leave them again, on two servers with a store on a bad day.
type phones struct {
	*town
	rng     *rand.Rand
	servers []*town
	mem     *memory
	at      []channels.Address
	who     []*person
	marked  map[channels.Address]bool
	codes   map[string]*person // who got a code
	given   map[*person]string // the code that somebody sent last
	secret  int
	joined  int
	parted  int
	told    int // answers that were shown again
	ballots int
	twice   int // two votes were found to be one person's
	ids     int
	pushed  []int
}

var (
	secretForm = regexp.MustCompile(`\b[1-9]\d\d\b`)
	otherForm  = regexp.MustCompile(`\d{3}[ -]\d{3}([ -]\d+)?`) // codes, references
)

// people builds them.
func people(t *testing.T, seed uint64) *phones {
	words := edited(t, "survey.yaml", swap("max: 31", "max: 999"))
	p := &phones{
		rng: rand.New(rand.NewPCG(seed, 8)), mem: newMemory(), marked: map[channels.Address]bool{}, codes: map[string]*person{}, given: map[*person]string{}, secret: 100,
		at: []channels.Address{{Kind: "tel", ID: ann}, {Kind: "tel", ID: ben}, {Kind: "telegram", ID: "77"}},
	}
	bad := &flaky{Store: p.mem, chance: rand.New(rand.NewPCG(seed, 9))}
	clock := &hands{now: noon}
	for n := range 2 {
		w := settle(t, func(w *town, s *Settings) {
			w.store, w.clock, s.Clock, s.Entropy = p.mem, clock, clock, chance(seed*2+uint64(n))
		})
		w.dialogs.current.Store(new(words.All()))
		for _, d := range words.All() {
			w.dialogs.keep(d)
		}
		w.x.store = bad
		p.servers = append(p.servers, w)
	}
	p.town, p.pushed = p.servers[0], make([]int, 2)
	for range p.at {
		p.who = append(p.who, &person{told: map[string]bool{}})
	}
	return p
}

// gives an event to a server, or to both at once, until it is taken; the reply is the same wherever.
func (p *phones) gives(e channels.Event) string {
	p.t.Helper()
	once := func(w *town) string {
		var err error
		for range 100 {
			var r channels.Reply
			if r, err = w.x.Receive(p.t.Context(), e); err == nil {
				return textOf(r)
			}
		}
		p.t.Errorf("%q is never taken: %v", e.Words, err)
		return ""
	}
	if p.rng.IntN(5) > 0 {
		return once(p.servers[p.rng.IntN(2)])
	}
	var got [2]string
	var both sync.WaitGroup
	for i, w := range p.servers {
		both.Go(func() { got[i] = once(w) })
	}
	both.Wait()
	if got[0] != got[1] {
		p.t.Fatalf("%q, on two servers at once:\n%s\n---\n%s", e.Words, got[0], got[1])
	}
	return got[0]
}

// says has words come from an address, and looks at everything that comes of them.
func (p *phones) says(n int, words string) string {
	p.t.Helper()
	p.ids++
	a := p.at[n]
	e := channels.Event{Channel: map[string]string{"tel": "sms", "telegram": "telegram"}[a.Kind], ID: fmt.Sprint("x", p.ids), From: a, Words: words, At: p.clock.Now()}
	before, votes, cast := p.open(n), p.votes(), p.cast()
	if secretForm.MatchString(words) && len(words) == 3 {
		p.who[n].self().told[words] = true
	}
	got := p.gives(e)
	me := p.who[n].self()
	if c := linkForm.FindString(got); c != "" && strings.Contains(got, "Your code") {
		p.codes[c] = me
	}
	if strings.Contains(got, "Put this together with the phone") {
		p.given[me] = strings.TrimPrefix(words, "LINK ")
	}
	if now := p.votes(); now > votes {
		for i := range p.at {
			if p.who[i].self() == me && p.marked[p.at[i]] {
				p.t.Fatalf("a second vote from %v", p.at[n])
			}
		}
		p.marks(me)
		p.ballots++
	}
	joined := strings.Contains(got, "on both now") || strings.Contains(got, "nothing to both")
	if joined {
		other := p.codes[p.given[me]]
		if other == nil || other.self() == me {
			p.t.Fatalf("put together with nobody by %q", words)
		}
		p.joins(n, me, other.self(), before)
		p.counts(me, cast)
	} else if p.votes() < votes {
		p.t.Fatalf("a vote is lost by %q", words)
	}
	p.shows(me, a, got)
	switch {
	case strings.Contains(got, "You begin anew here"):
		p.leaves(n, me)
	case words == "STOP" && strings.Contains(got, "START"):
		me.stopped = true
	case (words == "START" || words == "yes" && !joined) && me.stopped && strings.TrimSpace(got) != "":
		me.stopped = false
	}
	p.remembers(me, e, got, p.votes() > votes || p.forgets(n))
	p.letters()
	return got
}

// forgets says whether the last turn of an address was one that destroyed earlier replies.
func (p *phones) forgets(n int) bool {
	p.mem.mu.Lock()
	defer p.mem.mu.Unlock()
	k := seals{}.Address(p.at[n].Kind, p.at[n].ID)
	w := p.mem.rows[p.mem.addresses[k].resident]
	if w == nil || len(w.answered) < 2 {
		return false
	}
	for _, in := range w.answered[1:] {
		if string(w.replies[in]) != string(w.replies[w.answered[0]]) {
			return false
		}
	}
	return true
}

func (p *phones) remembers(who *person, e channels.Event, reply string, forget bool) {
	if forget {
		for i := range who.heard {
			who.heard[i].reply = reply
		}
	}
	who.heard = append(who.heard, heardOf{e, reply})
	who.heard = who.heard[max(0, len(who.heard)-7):]
}

// again sends something once more that was sent before.
func (p *phones) again(n int) {
	p.t.Helper()
	me := p.who[n].self()
	if len(me.heard) == 0 {
		return
	}
	h := me.heard[p.rng.IntN(len(me.heard))]
	if got := p.gives(h.event); got != h.reply {
		p.t.Fatalf("%q from %v again:\n%s\n--- but first:\n%s", h.event.Words, h.event.From, got, h.reply)
	}
}

// shows looks that what somebody is told was told by them.
func (p *phones) shows(me *person, to channels.Address, words string) {
	p.t.Helper()
	for _, s := range secretForm.FindAllString(otherForm.ReplaceAllString(words, ""), -1) {
		p.told++
		if !me.told[s] && s != "911" && s != "999" {
			p.t.Fatalf("%v is shown %s, which is not theirs:\n%s", to, s, words)
		}
	}
}

func (p *phones) marks(who *person) {
	for i := range p.at {
		if p.who[i].self() == who {
			p.marked[p.at[i]] = true
		}
	}
}

func (p *phones) joins(n int, me, other *person, before []string) {
	p.t.Helper()
	p.joined++
	voted := false
	for i := range p.at {
		if s := p.who[i].self(); s == me || s == other {
			voted = voted || p.marked[p.at[i]]
		}
	}
	// What an address sent that has left since is known by whom it left, as long as that is somebody of their own.
	other.heard = slices.DeleteFunc(other.heard, func(h heardOf) bool { return p.who[slices.Index(p.at, h.event.From)].self() != other })
	other.into = me
	for s := range other.told {
		me.told[s] = true
	}
	me.stopped = me.stopped || other.stopped
	me.heard = slices.Concat(other.heard[max(0, len(other.heard)-3):], me.heard[max(0, len(me.heard)-3):]) // the store has eight of each, calls among them
	if voted {
		p.marks(me)
	}
	after := p.open(n)
	for _, id := range before {
		if !slices.Contains(after, id) {
			p.t.Fatalf("%s is lost, of %v there is %v", id, before, after)
		}
	}
}

// cast says from which addresses there is an answer in the box that the town can tell whose it is.
func (p *phones) cast() (all []bool) {
	p.t.Helper()
	for _, a := range p.at {
		linked, err := p.mem.Linked(p.t.Context(), "number-vote", addressVoter(seals{}, "number-vote", a.Kind, a.ID))
		if err != nil {
			p.t.Fatal(err)
		}
		all = append(all, linked)
	}
	return all
}

// counts looks that one answer counts of two who are one now, if there was any.
func (p *phones) counts(who *person, before []bool) {
	p.t.Helper()
	had, has := 0, 0
	for i, now := range p.cast() {
		if p.who[i].self() != who {
			continue
		}
		if before[i] {
			had++
		}
		if now {
			has++
		}
	}
	if has != min(had, 1) {
		p.t.Fatalf("of %d votes of two who are one, %d count", had, has)
	}
	if had > 1 {
		p.twice++
	}
}

func (p *phones) leaves(n int, me *person) {
	p.parted++
	p.who[n] = &person{told: map[string]bool{}, stopped: me.stopped}
}

func (p *phones) votes() int {
	p.mem.mu.Lock()
	defer p.mem.mu.Unlock()
	votes := 0
	for _, b := range p.mem.ballots {
		if b.Poll == "number-vote" {
			votes++
		}
	}
	return votes
}

// open are the conversations that whoever has an address has begun.
func (p *phones) open(n int) (out []string) {
	p.mem.mu.Lock()
	defer p.mem.mu.Unlock()
	w := p.mem.rows[p.mem.addresses[seals{}.Address(p.at[n].Kind, p.at[n].ID)].resident]
	if w == nil {
		return nil
	}
	r, err := decodeRow(w.state)
	if err != nil {
		p.t.Fatal(err)
	}
	m, err := talk.Decode(r.memory)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, s := range open(&m) {
		out = append(out, s.Pin.ID)
	}
	return out
}

// letters looks at what was pushed: to whom it is, and whether they want anything.
func (p *phones) letters() {
	p.t.Helper()
	for i, w := range p.servers {
		w.x.Tick(p.t.Context())
		all := w.sms.letters()
		for _, l := range all[p.pushed[i]:] {
			for n := range p.at {
				if p.at[n] != l.to {
					continue
				}
				me := p.who[n].self()
				p.shows(me, l.to, l.text)
				if me.stopped {
					p.t.Fatalf("pushed to %v, who said STOP: %s", l.to, l.text)
				}
			}
		}
		p.pushed[i] = len(all)
	}
}

// calls has somebody forge a call from a number: it is told nothing that was said before.
func (p *phones) calls(n int) {
	if p.at[n].Kind != "tel" {
		return
	}
	for i := range 2 + p.rng.IntN(4) {
		p.ids++
		e := channels.Event{Channel: "voice", ID: fmt.Sprint("x", p.ids), From: p.at[n], Kind: channels.Dialed}
		if i > 0 {
			e.Kind, e.Words = channels.Message, []string{"1", "9", "0", "*", "2", "8"}[p.rng.IntN(6)]
		}
		got := p.gives(e)
		p.shows(&person{}, channels.Address{Kind: "a call from", ID: p.at[n].ID}, strings.ReplaceAll(got, "999", ""))
		if strings.Contains(got, "Your code") || strings.Contains(got, "both now") {
			p.t.Fatalf("on a call: %s", got)
		}
		p.remembers(p.who[n].self(), e, got, false)
	}
	p.ids++
	p.gives(channels.Event{Channel: "voice", ID: fmt.Sprint("x", p.ids), From: p.at[n], Kind: channels.HungUp})
	p.who[n].self().heard = nil
}

func (p *phones) step() {
	n := p.rng.IntN(len(p.at))
	switch p.rng.IntN(18) {
	case 0, 1:
		to := p.rng.IntN(len(p.at))
		if c := linkForm.FindString(p.says(n, "LINK")); c != "" && to != n {
			p.says(to, "LINK "+c)
			if p.rng.IntN(5) == 0 {
				p.says(p.rng.IntN(len(p.at)), []string{"PARK", "STOP"}[p.rng.IntN(2)])
			}
			p.says(to, []string{"yes", "yes", "yes", "no"}[p.rng.IntN(4)])
		}
	case 2:
		p.says(n, "PART")
		p.says(n, []string{"yes", "yes", "no"}[p.rng.IntN(3)])
	case 3:
		p.secret++
		p.says(n, fmt.Sprint(p.secret))
	case 4:
		p.calls(n)
	case 5:
		if p.rng.IntN(3) == 0 {
			p.says(n, "STOP")
		}
	case 6:
		p.says(n, "START")
	case 7, 8:
		p.again(n)
	case 9:
		p.says(n, "NUMB")
		p.says(p.rng.IntN(len(p.at)), "1")
		p.says(n, "yes")
	case 10:
		p.clock.pass(time.Duration(p.rng.IntN(40)) * time.Minute)
	default:
		p.says(n, []string{"PARK", "NUMB", "MEND", "1", "1", "2", "yes", "back", "menu", "PARK", "repeat"}[p.rng.IntN(11)])
	}
}

// Who says STOP before the other says yes has said it for both, and that yes is no START.
func TestSTOPBeforeTheYes(t *testing.T) {
	p := people(t, 1)
	code := linkForm.FindString(p.says(0, "LINK"))
	p.says(1, "LINK "+code)
	p.says(0, "STOP")
	if got := p.says(1, "yes"); !strings.Contains(got, "nothing to both") {
		t.Fatal(got)
	}
	p.ledger()
	if !p.who[0].self().stopped {
		t.Error("the simulation takes the yes for a START")
	}
	if p.says(1, "yes"); p.who[1].self().stopped {
		t.Error("and the next isn't one")
	}
	p.ledger()
}

// ledger looks that it says of everybody what they said last.
func (p *phones) ledger() {
	p.t.Helper()
	for i := range p.at {
		out, err := p.mem.OptedOut(p.t.Context(), seals{}.Address(p.at[i].Kind, p.at[i].ID))
		if me := p.who[i].self(); err != nil || out != me.stopped {
			p.t.Fatalf("%v: the ledger says %v, they said %v", p.at[i], out, me.stopped)
		}
	}
}

// TestMergeSimulation has people put phones together, leave them, vote, stop and forge calls in any order, on two servers whose
// store fails: nobody votes twice, nobody is shown what isn't theirs, STOP holds, no conversation is lost, and what comes again
// gets the reply that it got.
func TestMergeSimulation(t *testing.T) {
	var joined, parted, ballots, told, twice int
	for seed := range uint64(*merges) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			p := people(t, seed)
			for range 60 {
				p.step()
			}
			p.ledger()
			for i := range p.at {
				key := seals{}.Address(p.at[i].Kind, p.at[i].ID)
				for j := range p.at {
					one := p.mem.addresses[key].resident == p.mem.addresses[seals{}.Address(p.at[j].Kind, p.at[j].ID)].resident && p.mem.addresses[key].resident != (store.Resident{})
					if i != j && one != (p.who[i].self() == p.who[j].self()) {
						t.Fatalf("%v and %v are one: %v", p.at[i], p.at[j], one)
					}
				}
			}
			joined, parted, ballots, told, twice = joined+p.joined, parted+p.parted, ballots+p.ballots, told+p.told, twice+p.twice
		})
	}
	t.Logf("put together %d times, left %d times, %d ballots (%d times two of one person), %d answers shown again", joined, parted, ballots, twice, told)
	if *merges >= 100 && (joined < *merges || parted < *merges/4 || ballots < *merges/2 || told < *merges/2) {
		t.Error("the simulation tries too little")
	}
}
