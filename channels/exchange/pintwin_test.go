package exchange

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

// reading counts what is read of a store.
type reading struct {
	store.Store
	n int
}

func (r *reading) Find(ctx context.Context, a store.AddressKey) (store.Resident, bool, error) {
	r.n++
	return r.Store.Find(ctx, a)
}

func (r *reading) Meet(ctx context.Context, a store.AddressKey) (store.Conversation, bool, error) {
	r.n++
	return r.Store.Meet(ctx, a)
}

func (r *reading) Load(ctx context.Context, who store.Resident) (store.Conversation, error) {
	r.n++
	return r.Store.Load(ctx, who)
}

func (r *reading) Reply(ctx context.Context, who store.Resident, in store.Inbound) ([]byte, bool, error) {
	r.n++
	return r.Store.Reply(ctx, who, in)
}

func (r *reading) OptedOut(ctx context.Context, a store.AddressKey) (bool, error) {
	r.n++
	return r.Store.OptedOut(ctx, a)
}

func (r *reading) Addresses(ctx context.Context, who store.Resident) ([]store.Address, error) {
	r.n++
	return r.Store.Addresses(ctx, who)
}

// plainly is what whoever has no PIN may do on a phone, wrong PINs and one of their own among it.
func plainly(r *rand.Rand) []channels.Event {
	common := []string{
		"PARK", "1", "2", "3", "12", "yes", "no", "MEND", "OPENV", "NUMB", "HIDE", "SECR", "back", "help", "skip", "0", "menu", "repeat", "person", "zzz", "START", "START", "erase",
		"PIN", "PIN", "PIN 9307", "pin 12", "LOCK PIN", "PIN 6042", "PIN 6042 1", "6042", "9307", "STOP",
	}
	from := channels.Address{Kind: "tel", ID: ann}
	var out []channels.Event
	chosen := 0
	for i := range 40 + r.IntN(30) {
		out = append(out, channels.Event{Channel: "sms", ID: fmt.Sprint("plain-", i), From: from, Words: common[r.IntN(len(common))]})
		if r.IntN(12) == 0 && chosen < 2 {
			chosen++
			for n, words := range []string{"PIN", "2", "6042", "6042", "2", "2"} {
				out = append(out, channels.Event{Channel: "sms", ID: fmt.Sprint("plain-", i, "-", n), From: from, Words: words})
			}
		}
		if r.IntN(10) == 0 {
			e := channels.Event{Channel: "voice", ID: fmt.Sprint("call-", i), From: from, Kind: channels.Dialed}
			out = append(out, e)
			for n := range r.IntN(4) {
				e.ID, e.Kind, e.Words = fmt.Sprint("call-", i, "-", n), channels.Message, fmt.Sprint(r.IntN(10))
				if r.IntN(4) == 0 {
					e.Words = "PIN 9307"
				}
				out = append(out, e)
			}
			e.ID, e.Kind, e.Words = fmt.Sprint("call-", i, "-over"), channels.HungUp, ""
			out = append(out, e)
		}
	}
	return out
}

// TestNobodyIsToldThatThereIsAnother: two towns hear the same from a phone; in one of them others have their PINs there, and come and
// go in between. Whoever has none is told the same, byte for byte, what is left of them is the same, and as much is looked up
// for it but for one row.
func TestNobodyIsToldThatThereIsAnother(t *testing.T) {
	plain := edited(t, "survey.yaml", swap("    rotate: true\n", ""))
	begin := func(t *testing.T, seed uint64, change setting) *town {
		w := settle(t, change, func(_ *town, s *Settings) { s.Entropy = chance(seed) })
		w.dialogs.current.Store(new(plain.All()))
		for _, d := range plain.All() {
			w.dialogs.keep(d)
		}
		return w
	}
	run := func(t *testing.T, seed uint64, change setting) {
		r := rand.New(rand.NewPCG(seed, 5))
		alone, among := begin(t, seed, change), begin(t, seed+1000, change)
		readings := [2]*reading{{Store: alone.store}, {Store: among.store}}
		alone.x.store, among.x.store = readings[0], readings[1]
		n, entered := 0, 0
		hidden := func(words ...string) (last string) {
			for _, s := range words {
				n++
				last = among.hear(channels.Event{Channel: "sms", ID: fmt.Sprint("hidden-", n), From: channels.Address{Kind: "tel", ID: ann}, Words: s})
			}
			return last
		}
		for _, w := range []*town{alone, among} { // somebody looked what this is
			w.hear(channels.Event{Channel: "sms", ID: "first", From: channels.Address{Kind: "tel", ID: ann}, Words: "PIN"})
			w.hear(channels.Event{Channel: "sms", ID: "second", From: channels.Address{Kind: "tel", ID: ann}, Words: "3"})
		}
		hidden("PIN", "2", "4821", "4821", "LOCK PIN")
		hidden("PIN", "2", "7305", "7305", "LOCK PIN")
		busy := []string{"PARK", "1", "2", "3", "12", "yes", "no", "MEND", "OPENV", "NUMB", "HIDE", "SECR", "back", "help", "menu", "zzz", "repeat"}
		own := false // whoever chose a PIN without one before has it open
		for _, e := range plainly(r) {
			calling := e.Channel == "voice" && e.Kind != channels.Dialed // nobody else has the phone
			if r.IntN(3) == 0 && !own && !calling && !among.locked() {
				if last := hidden(fmt.Sprint("PIN ", []string{"4821", "7305"}[r.IntN(2)])); strings.Contains(last, "Your PIN is open") {
					entered++
					for range r.IntN(6) {
						hidden(busy[r.IntN(len(busy))])
					}
					hidden("LOCK PIN")
				}
			}
			_, known, _ := alone.store.Find(t.Context(), alone.x.keys.Address("tel", ann))
			before := [2]int{readings[0].n, readings[1].n}
			e.At = alone.clock.Now()
			want, got := masked(alone.hear(e)), masked(among.hear(e))
			if got != want {
				t.Fatalf("seed %d: %q is answered\n%s\nalone\n%s", seed, e.Words, got, want)
			}
			if a, b := readings[0].n-before[0], readings[1].n-before[1]; known && (b < a-1 || b > a+1) {
				t.Fatalf("seed %d: %q: %d reads, alone %d", seed, e.Words, b, a)
			}
			own = own || strings.Contains(e.Words, "6042")
			pause := time.Minute
			if r.IntN(8) == 0 {
				pause, own = 16*time.Minute, false
			}
			if strings.Contains(want, "Your PIN is closed") {
				own = false
			}
			alone.clock.pass(pause)
			among.clock.pass(pause)
		}
		left, all := alone.keptForGood(), among.keptForGood()
		for _, one := range left {
			i := slices.Index(all, one)
			if i < 0 {
				t.Fatalf("seed %d: %s is not left:\n%s", seed, one, strings.Join(all, "\n"))
			}
			all = slices.Delete(all, i, i+1)
		}
		if seed == 1 && entered == 0 {
			t.Fatal("nobody came")
		}
		t.Log(len(left), "records,", len(all), "more behind PINs,", entered, "times somebody came")
	}
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("memory ", seed), func(t *testing.T) { run(t, seed, func(*town, *Settings) {}) })
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("sqlite ", seed), func(t *testing.T) {
			run(t, 100+seed, func(w *town, _ *Settings) { w.store = onDisk(t) })
		})
	}
}

func (w *town) locked() bool {
	p, err := LookPINs(w.t.Context(), w.store, seals{}, ann, w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return p.Locked
}

// keptForGood is what was kept for good.
func (w *town) keptForGood() (out []string) {
	for _, line := range w.left() {
		if !strings.HasPrefix(line, "conversations") && !strings.HasPrefix(line, "stopped") {
			out = append(out, line)
		}
	}
	return out
}
