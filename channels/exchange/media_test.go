package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

const tellingDialog = `dialog: %[1]s
version: 1
title: Tell %[1]s
%[2]s
language: en
start: %[3]s
expire_after: 3 days
steps:
  - id: look
    type: photo
    optional: true
    say: Can you show it?
  - id: words
    type: text
    voice: true
    keep: 14 days
    say: Tell us about it.
  - id: more
    type: text
    optional: true
    voice: true
    say: Anything else?
  - id: answers
    type: review
  - id: agree
    type: consent
    say: May the town keep this?
    refuse: Nothing was kept.
  - id: saved
    type: submit
%[4]s  - id: receipt
    type: end
    say: Thank you. Your receipt is ${reference}.
`

// asksOn goes on after the record is made.
const asksOn = `  - id: better
    type: text
    optional: true
    say: How can we do better?
`

// telling is a town that is told things by voice and by picture.
func telling(t testing.TB, change ...setting) *town {
	t.Helper()
	w := settle(t, append(change, func(w *town, s *Settings) {
		s.Channels = append(s.Channels, &post{name: "web", traits: render.Web}, w.sms)
	})...)
	poll := func(secrecy string) string {
		return "purpose: consultation\nopens: 2026-11-01\ncloses: 2027-03-31 20:00\nwho: anyone\nsecrecy: " + secrecy +
			"\ndecides: The council decides in April. Its answer comes by 1 June."
	}
	fsys := fstest.MapFS{}
	for id, d := range map[string][3]string{
		"notice":  {"purpose: request\nservice:\n  code: notice\n  department: works\n  days: 5", "NOTE", asksOn},
		"open":    {poll("public"), "OPENLY", ""},
		"private": {poll("confidential"), "PRIVATE", ""},
		"secret":  {poll("secret"), "SECRET", ""},
	} {
		fsys[id+".yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, tellingDialog, id, d[0], d[1], d[2])}
	}
	set, problems := load(fsys)
	if problems.Errors() {
		t.Fatal(problems)
	}
	if problems, err := w.dialogs.Publish(t.Context(), set); err != nil || problems.Errors() {
		t.Fatal(err, problems)
	}
	return w
}

// sound and sight are a recording and a picture, different for each n.
func sound(n int) []byte {
	return append([]byte("OggS\x00\x02"+strings.Repeat("\x00", 22)+"OpusHead\x01\x01"), bytes.Repeat([]byte{byte(n), byte(n >> 8)}, 500)...)
}

func sight(n int) []byte {
	return append([]byte("\xff\xd8\xff\xe0"), bytes.Repeat([]byte{byte(n)}, 700)...)
}

// buttons are what is pressed on a screen, where typed words are an answer.
var buttons = map[string]string{"back": "*", "skip": "skip", "menu": "menu", "person": "person", "erase": "erase"}

// online is an event of a visitor on the web, with what comes along.
func (w *town) online(visitor, words string, along ...[]byte) channels.Event {
	e := w.text(visitor, words)
	e.Channel, e.From.Kind = "web", "web"
	if press, ok := buttons[words]; ok {
		e.Words, e.Choice = "", press
	}
	for _, b := range along {
		e.Attached = append(e.Attached, channels.Attachment{Type: "application/octet-stream", Bytes: b})
	}
	return e
}

// tells holds a conversation on the web: words, or what is recorded or photographed.
func (w *town) tells(visitor string, all ...any) (last string) {
	w.t.Helper()
	for _, one := range all {
		switch one := one.(type) {
		case string:
			last = w.hear(w.online(visitor, one))
		case []byte:
			last = w.hear(w.online(visitor, "", one))
		}
	}
	return last
}

// kept expects so many media in the store.
func (w *town) kept(want int) {
	w.t.Helper()
	s, err := w.store.Stats(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if s.Media != int64(want) {
		w.t.Fatalf("%d recordings and pictures are kept, want %d", s.Media, want)
	}
}

// named are the media that a record names, by its steps.
func named(t testing.TB, record []byte) map[string][]engine.Media {
	t.Helper()
	var r engine.Record
	if err := engine.Decode(record, &r); err != nil {
		t.Fatal(err)
	}
	all := map[string][]engine.Media{}
	for _, a := range r.Answers {
		if len(a.Media) > 0 {
			all[a.Step] = a.Media
		}
	}
	return all
}

// have expects the store to have what a media names.
func (w *town) have(m engine.Media, want []byte) store.Media {
	w.t.Helper()
	id, ok := channels.MediaID(m.Ref)
	if !ok {
		w.t.Fatalf("%q is no name of ours", m.Ref)
	}
	got, err := w.store.Media(w.t.Context(), id)
	if err != nil || !bytes.Equal(got.Bytes, want) || got.Type != m.Type || got.Type != channels.KindOf(want) {
		w.t.Fatalf("%s: %d bytes of %s, %v; want %d of %s", m.Ref, len(got.Bytes), got.Type, err, len(want), m.Type)
	}
	return got
}

func TestMediaIsKeptWithItsTurn(t *testing.T) { onEachStore(t, testMediaIsKeptWithItsTurn) }

func testMediaIsKeptWithItsTurn(t *testing.T, on setting) {
	w := telling(t, on)
	w.expect(w.tells("ana", "NOTE"), "Can you show it?")
	e := w.online("ana", "", sight(1))
	first := w.hear(e)
	w.expect(first, "Tell us about it.")
	w.kept(1)
	if again := w.hear(e); again != first {
		t.Fatalf("again: %q, first %q", again, first)
	}
	w.kept(1)
	w.expect(w.tells("ana", sound(2), sound(3)), "Please check your answers.")
	w.expect(w.tells("ana", "1", "yes"), "do better?")
	w.expect(w.tells("ana", "skip"), "Thank you.")
	w.kept(3)
	all := w.requests()
	if len(all) != 1 {
		t.Fatalf("%d requests", len(all))
	}
	media := named(t, all[0].Record)
	if len(media["look"]) != 1 || len(media["words"]) != 1 || len(media["more"]) != 1 {
		t.Fatalf("the record names %v", media)
	}
	for step, want := range map[string]struct {
		bytes []byte
		until time.Time
	}{"look": {sight(1), time.Time{}}, "words": {sound(2), noon.Add(14 * 24 * time.Hour)}, "more": {sound(3), time.Time{}}} {
		got := w.have(media[step][0], want.bytes)
		if !got.At.Equal(noon) || !got.Until.Equal(want.until) || got.Resident != all[0].Resident {
			t.Errorf("%s: from %v until %v, by %x", step, got.At, got.Until, got.Resident)
		}
	}
	// Its time over, it goes; what has none stays, whatever the resident does later.
	w.clock.pass(14*24*time.Hour - time.Minute)
	w.x.Tick(t.Context())
	w.kept(3)
	w.clock.pass(time.Hour)
	w.x.Tick(t.Context())
	w.kept(2)
	if id, _ := channels.MediaID(media["words"][0].Ref); true {
		if _, err := w.store.Media(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
	}
	w.tells("ana", "menu", "NOTE", "skip", "in words", "skip", "1", "yes", "skip")
	w.have(media["look"][0], sight(1))
	w.kept(2)
	w.tells("ana", "erase", "1")
	w.kept(0)
}

// TestMediaGoesWithItsAnswer: what nobody's answer names any more is not kept.
func TestMediaGoesWithItsAnswer(t *testing.T) { onEachStore(t, testMediaGoesWithItsAnswer) }

func testMediaGoesWithItsAnswer(t *testing.T, on setting) {
	for name, c := range map[string]struct {
		says []any
		kept int
	}{
		"nothing is asked":          {[]any{sound(1)}, 0},
		"in the menu":               {[]any{"menu", sound(1)}, 0},
		"another kind is asked":     {[]any{"NOTE", sound(1)}, 0},
		"a picture where words are": {[]any{"NOTE", "skip", sight(1)}, 0},
		"answered":                  {[]any{"NOTE", sight(1), sound(2)}, 2},
		"recorded again":            {[]any{"NOTE", "skip", sound(1), "back", sound(2)}, 1},
		"written instead":           {[]any{"NOTE", "skip", sound(1), "back", "in words"}, 0},
		"not written after all":     {[]any{"NOTE", "skip", sound(1), "back", "skip"}, 1},
		"set aside":                 {[]any{"NOTE", sight(1), "menu"}, 1},
		"set aside, and another":    {[]any{"NOTE", sight(1), "menu", "OPENLY", sight(2)}, 2},
		"refused":                   {[]any{"NOTE", sight(1), sound(2), "skip", "1", "no"}, 0},
		"sent":                      {[]any{"NOTE", sight(1), sound(2), "skip", "1", "yes"}, 2},
		"sent, and ended":           {[]any{"NOTE", sight(1), sound(2), "skip", "1", "yes", "skip"}, 2},
		"sent in the open":          {[]any{"OPENLY", sight(1), sound(2), "skip", "1", "yes"}, 2},
		"erased":                    {[]any{"NOTE", sight(1), "erase", "1"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := telling(t, on)
			w.tells("ana", c.says...)
			w.kept(c.kept)
		})
	}
	t.Run("forgotten", func(t *testing.T) {
		w := telling(t, on)
		w.tells("ana", "NOTE", sight(1))
		w.kept(1)
		w.clock.pass(4 * 24 * time.Hour)
		w.x.Tick(t.Context())
		w.kept(0)
	})
	t.Run("forgotten, but a person was asked to look", func(t *testing.T) {
		w := telling(t, on)
		w.tells("ana", "NOTE", sight(1), "person")
		w.kept(1)
		w.clock.pass(4 * 24 * time.Hour)
		w.x.Tick(t.Context())
		w.kept(1)
		w.have(named(t, w.requests()[0].Record)["look"][0], sight(1))
	})
}

// TestNoVoiceWithABallot: where nobody is to be tied to an answer, no voice and no picture is kept, and it is said so.
func TestNoVoiceWithABallot(t *testing.T) { onEachStore(t, testNoVoiceWithABallot) }

func testNoVoiceWithABallot(t *testing.T, on setting) {
	const sorry = "no recordings"
	for start, poll := range map[string]string{"PRIVATE": "private", "SECRET": "secret"} {
		t.Run(poll, func(t *testing.T) {
			w := telling(t, on)
			w.expect(w.hear(w.online("ana", start, sight(1))), "Can you show it?") // with the very word that begins it
			w.expect(w.tells("ana", sight(2)), sorry, "Can you show it?")
			w.expect(w.tells("ana", "skip", sound(3)), sorry, "Tell us about it.")
			got := w.hear(w.online("ana", "in words", sound(4)))
			w.expect(got, sorry, "Anything else?")
			w.expect(w.hear(w.online("ben", start+" please", sight(1))), sorry, "Can you show it?")
			w.tells("ana", "menu")
			w.tells("ana", "NOTE", sight(5))
			w.kept(1)
			w.tells("ana", "erase", "2", "menu")
			w.expect(w.tells("ana", start, "skip", sound(6)), sorry, "Please check your answers.") // nor where none is asked for
			w.expect(w.tells("ana", "1", "yes"), "Thank you.")
			w.kept(1)
			for _, record := range w.polled(poll) {
				if strings.Contains(record, "media") || !strings.Contains(record, "words=in words") {
					t.Error(record)
				}
			}
		})
	}
	t.Run("public", func(t *testing.T) {
		w := telling(t, on)
		w.expect(w.tells("ana", "OPENLY", sight(1), sound(2), "skip", "1", "yes"), "Thank you.")
		w.kept(2)
	})
}

// TestMediaThatCantBeKept: the resident is told, and nothing else is lost by it.
func TestMediaThatCantBeKept(t *testing.T) { onEachStore(t, testMediaThatCantBeKept) }

func testMediaThatCantBeKept(t *testing.T, on setting) {
	long := append(sound(1), make([]byte, channels.MostBytes)...)
	for name, c := range map[string]struct {
		event func(w *town) channels.Event
		wants []string
		kept  int
	}{
		"no recording": {func(w *town) channels.Event { return w.online("ana", "", []byte("%PDF-1.7")) }, []string{"open that.", "Tell us about it."}, 0},
		"too long":     {func(w *town) channels.Event { return w.online("ana", "", long) }, []string{"too much for us to keep.", "Tell us about it."}, 0},
		"with words":   {func(w *town) channels.Event { return w.online("ana", "in words", long) }, []string{"too much for us to keep.", "Anything else?"}, 0},
		"one of two":   {func(w *town) channels.Event { return w.online("ana", "", sound(2), []byte("<html>")) }, []string{"open that.", "Anything else?"}, 1},
		"an empty one": {func(w *town) channels.Event { return w.online("ana", "in words", nil) }, []string{"Anything else?"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := telling(t, on)
			w.tells("ana", "NOTE", "skip")
			e := c.event(w)
			got := w.hear(e)
			w.expect(got, c.wants...)
			if again := w.hear(e); again != got {
				t.Errorf("again: %q", again)
			}
			w.kept(c.kept)
		})
	}
	w := telling(t, on)
	w.expect(w.tells("new", []byte("%PDF-1.7")), "open that.", "What can we do for you?")
	forged := w.online("eve", "")
	w.tells("ana", "NOTE", sight(1))
	w.tells("eve", "NOTE")
	forged.Media = []engine.Media{{Type: "image/jpeg", Ref: channels.MediaRef([16]byte{1})}}
	w.expect(w.hear(forged), "picture") // not taken for one that we have
}

// TestLimitsFitTheStore: what a channel may bring, the store can keep.
func TestLimitsFitTheStore(t *testing.T) {
	if channels.MostBytes > store.MostMedia {
		t.Errorf("channels take %d bytes, the store %d", channels.MostBytes, store.MostMedia)
	}
}

// TestMediaIsTakenAlong: who takes a conversation along has what was recorded in it, whatever becomes of whoever had it.
func TestMediaIsTakenAlong(t *testing.T) { onEachStore(t, testMediaIsTakenAlong) }

func testMediaIsTakenAlong(t *testing.T, on setting) {
	w := telling(t, on)
	w.tells("visitor", "NOTE", sight(1), sound(2))
	press := w.online("visitor", "")
	press.Choice = "carry"
	code := codeForm.FindString(w.hear(press))
	if code == "" {
		t.Fatal("no code")
	}
	w.clock.pass(time.Hour)
	w.expect(w.tells("ana", code), "Anything else?")
	w.kept(2)
	w.tells("visitor", "erase", "1")
	w.kept(2)
	w.expect(w.tells("ana", "skip", "1", "yes", "skip"), "Thank you.")
	media := named(t, w.requests()[0].Record)
	w.have(media["look"][0], sight(1))
	got := w.have(media["words"][0], sound(2))
	if !got.At.Equal(noon) || !got.Until.Equal(noon.Add(14*24*time.Hour)) || got.Resident != w.requests()[0].Resident {
		t.Errorf("from %v until %v", got.At, got.Until)
	}
	w.tells("ana", "erase", "1")
	w.kept(0)
}

// TestMediaFromAnOutpost: what a machine that was cut off kept is kept here under the same name, once.
func TestMediaFromAnOutpost(t *testing.T) { onEachStore(t, testMediaFromAnOutpost) }

func testMediaFromAnOutpost(t *testing.T, on setting) {
	w := telling(t, on)
	from := channels.Address{Kind: "kiosk", ID: "visit"}
	var memory []byte
	turn := func(number uint64, words string, along ...[]byte) channels.Turn {
		var attached []channels.Attachment
		for _, b := range along {
			attached = append(attached, channels.Attachment{Bytes: b})
		}
		m, err := talk.Decode(memory)
		if err != nil {
			t.Fatal(err)
		}
		taken, _ := channels.Take(attached, func(n int) [16]byte { return channels.VisitMedia(from, number, n) })
		h := talk.Heard{At: noon, Traits: render.Web, Words: words}
		if press, ok := buttons[words]; ok {
			h.Words, h.Choice = "", press
		}
		for _, one := range taken {
			h.Media = append(h.Media, one.Media)
		}
		said, err := w.x.town.Hear(m, h, func(talk.Effect) (engine.Input, error) { return engine.Input{}, nil })
		if err != nil {
			t.Fatal(err)
		}
		out := channels.Turn{Channel: "kiosk", From: from, Number: number, At: noon, Attached: attached}
		if memory != nil {
			out.Base = channels.Stamp(memory)
		}
		if out.Memory, err = talk.Encode(&said.Memory); err != nil {
			t.Fatal(err)
		}
		memory = out.Memory
		return out
	}
	adopt := func(a channels.Turn, want channels.Verdict) {
		t.Helper()
		got, err := w.x.Adopt(t.Context(), a, func(why string) error { t.Errorf("put aside: %s", why); return nil })
		if err != nil || got != want {
			t.Fatalf("verdict %v, %v; want %v", got, err, want)
		}
	}
	adopt(turn(1, "NOTE"), channels.Entered)
	second := turn(2, "", nil, sight(1), []byte("no picture"))
	adopt(second, channels.Entered)
	adopt(second, channels.Twice)
	w.kept(1)
	w.have(engine.Media{Type: "image/jpeg", Ref: channels.MediaRef(channels.VisitMedia(from, 2, 1))}, sight(1))
	adopt(turn(3, "", sound(2)), channels.Entered)
	w.kept(2)
	again := turn(4, "back")
	adopt(again, channels.Entered)
	w.kept(2)
	adopt(turn(5, "in words"), channels.Entered)
	w.kept(1)
}

// TestMediaOnceInRaces: residents record in a town on a bad day, with repeats at once and late; in the end there is exactly
// what records and open conversations name, as it was recorded.
func TestMediaOnceInRaces(t *testing.T) {
	run := func(t *testing.T, seed uint64, on setting) {
		w := telling(t, on, func(_ *town, s *Settings) { s.Entropy = chance(seed) })
		calm := w.store
		w.x.store = &flaky{Store: calm, chance: rand.New(rand.NewPCG(seed, 3))}
		var all sync.WaitGroup
		for who := range 3 {
			luck := rand.New(rand.NewPCG(seed, uint64(10+who)))
			visitor := fmt.Sprint("visitor", who)
			var walk []channels.Event
			for i := range 40 {
				e := channels.Event{Channel: "web", ID: fmt.Sprint(who, "-", i), From: channels.Address{Kind: "web", ID: visitor}}
				switch n := luck.IntN(14); n {
				case 0, 1, 2:
					e.Attached = []channels.Attachment{{Bytes: sound(1000*who + i)}}
				case 3, 4:
					e.Attached = []channels.Attachment{{Bytes: sight(i)}, {Bytes: sound(1000*who + i)}}
				default:
					e.Words = []string{"NOTE", "OPENLY", "PRIVATE", "back", "skip", "skip", "1", "yes", "words of mine"}[n-5]
					if press, ok := buttons[e.Words]; ok {
						e.Words, e.Choice = "", press
					}
				}
				walk = append(walk, e)
			}
			all.Go(func() { w.walkWildly(walk, luck) })
		}
		all.Wait()
		w.x.store = calm
		w.x.Tick(t.Context())
		want := map[string]bool{}
		for _, r := range w.requests() {
			for _, e := range r.History {
				if len(e.Record) > 0 {
					for _, media := range named(t, e.Record) {
						for _, m := range media {
							want[m.Ref] = true
						}
					}
				}
			}
		}
		if err := calm.Responses(t.Context(), "open", func(r store.Response) error {
			for _, media := range named(t, r.Record) {
				for _, m := range media {
					want[m.Ref] = true
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := calm.Ballots(t.Context(), "private", func(b store.Ballot) error {
			if len(named(t, b.Record)) > 0 {
				t.Error("a ballot names a recording")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for who := range 3 {
			r, ok, err := calm.Find(t.Context(), w.x.keys.Address("web", fmt.Sprint("visitor", who)))
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			_, _, memory, err := w.x.remembered(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			for id := range w.x.mentioned(&memory, false) {
				want[channels.MediaRef(id)] = true
			}
		}
		heard := map[string]bool{}
		for ref := range want {
			id, _ := channels.MediaID(ref)
			m, err := calm.Media(t.Context(), id)
			if err != nil || channels.KindOf(m.Bytes) != m.Type || heard[string(m.Bytes)+fmt.Sprint(m.Resident)] {
				t.Errorf("%s is missing, spoilt or there twice: %v", ref, err)
			}
			heard[string(m.Bytes)+fmt.Sprint(m.Resident)] = true
		}
		w.kept(len(want))
	}
	for seed := range uint64(25) {
		t.Run(fmt.Sprint("memory ", seed), func(t *testing.T) { run(t, seed, func(*town, *Settings) {}) })
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("sqlite ", seed), func(t *testing.T) {
			run(t, 100+seed, func(w *town, _ *Settings) { w.store = onDisk(t) })
		})
	}
}

// BenchmarkRecording: a turn that brings a minute of speech (120 KB), through the exchange to disk.
func BenchmarkRecording(b *testing.B) {
	w := telling(b, func(w *town, _ *Settings) { w.store = onDisk(b) })
	along := append(sound(1), make([]byte, 120_000)...)
	w.tells("ana", "NOTE", "skip")
	b.ReportAllocs()
	b.SetBytes(int64(len(along)))
	for b.Loop() {
		w.hear(w.online("ana", "", along))
		b.StopTimer()
		w.tells("ana", "back")
		b.StartTimer()
	}
	if s, err := w.store.Stats(b.Context()); err != nil || s.Media != 1 {
		b.Fatal(s.Media, err)
	}
}
