package call

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// paper is a town of paper: it gives its replies one after the other, whatever is said; the same event again gets the same.
type paper struct {
	replies []channels.Reply
	away    int           // so many tries are refused
	lost    int           // so many are taken, and the answer gets lost
	slow    time.Duration // each try takes this long
	events  []channels.Event
	tries   []string
	given   map[string]channels.Reply
}

func (p *paper) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	p.tries = append(p.tries, e.ID)
	if p.slow > 0 {
		t := time.NewTimer(p.slow)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return channels.Reply{}, ctx.Err()
		case <-t.C:
		}
	}
	if p.away > 0 {
		p.away--
		return channels.Reply{}, channels.Retry(errors.New("the store is away"), 0)
	}
	r, again := p.given[e.ID]
	if !again {
		p.events = append(p.events, e)
		r.Back = e.Kind == channels.Missed
		if e.Kind != channels.HungUp && e.Kind != channels.Missed && len(p.replies) > 0 {
			r = p.replies[0]
			p.replies = p.replies[1:]
		}
		if p.given == nil {
			p.given = map[string]channels.Reply{}
		}
		p.given[e.ID] = r
	}
	if p.lost > 0 {
		p.lost--
		return channels.Reply{}, channels.Retry(errors.New("the answer got lost"), 0)
	}
	return r, nil
}

func (p *paper) Report(context.Context, string, string, channels.Delivery) error { return nil }

// said is what came in, one word an event.
func (p *paper) said() string {
	var all []string
	for _, e := range p.events {
		w := map[channels.EventKind]string{channels.Dialed: "dialed", channels.HungUp: "gone", channels.Quiet: "quiet", channels.Missed: "missed", channels.Returned: "returned"}[e.Kind]
		if w == "" {
			w = e.Words
		}
		for _, a := range e.Attached {
			w += fmt.Sprintf("(%s, %d bytes)", a.Type, len(a.Bytes))
		}
		all = append(all, w)
	}
	return strings.Join(all, " ")
}

func asks(words string, l render.Listen) channels.Reply {
	return channels.Reply{Pages: []render.Page{{Lang: "en", Asks: "choice", Listen: &l, Spoken: []render.Spoken{{Words: words, Pause: 700}, {Words: "For help, press 0."}}}}}
}

func ends(words string) channels.Reply {
	return channels.Reply{Over: true, Pages: []render.Page{{Lang: "en", Over: true, Spoken: []render.Spoken{{Words: words}}}}}
}

var (
	oneKey = render.Listen{Keys: 1, Wait: 10}
	entry  = render.Listen{Keys: 4, Wait: 10}
	voice  = render.Listen{Keys: 1, Wait: 10, Record: 120, Pause: 4}
)

var loaded = sync.OnceValues(locales.Load)

func newCall(t testing.TB) Call {
	t.Helper()
	phrases, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return Call{Channel: "sip", ID: "c1", From: channels.Address{Kind: "tel", ID: "+15550100123"}, Lang: "en", Town: "Elmwood", Phrases: phrases}
}

func TestHold(t *testing.T) {
	for _, c := range []struct {
		name   string
		caller *caller
		town   paper
		said   string // what the town was told
		heard  string // what the caller was told, in part
		err    error
	}{
		{"a question and an answer", &caller{does: []string{"2"}}, paper{replies: []channels.Reply{asks("Buses or trees?", oneKey), ends("Goodbye.")}},
			"dialed 2", "Buses or trees?|For help, press 0.|Goodbye.", nil},
		{"a key silences what is said", &caller{does: []string{"2"}, barges: true}, paper{replies: []channels.Reply{asks("Buses or trees?", oneKey), ends("Goodbye.")}},
			"dialed 2", "Buses or trees?|For help, press 0.|Goodbye.", nil},
		{"a key that is left alone doesn't begin the page anew", &caller{does: []string{"2"}, strays: "#A#"}, paper{replies: []channels.Reply{asks("Buses or trees?", oneKey), ends("Goodbye.")}},
			"dialed 2", "Buses or trees?|For help, press 0.|For help, press 0.|For help, press 0.|For help, press 0.|Goodbye.", nil},
		{"a digit of a number silences the page", &caller{does: []string{"7#"}, strays: "1"}, paper{replies: []channels.Reply{asks("How many?", entry), ends("Goodbye.")}},
			"dialed 17", "How many?|For help, press 0.|Goodbye.", nil},
		{"lines typed ahead", &caller{types: []string{"one", "two", "three"}, does: []string{"4"}}, paper{replies: []channels.Reply{asks("One?", oneKey), asks("Two?", oneKey), asks("Three?", oneKey), asks("Four?", oneKey), ends("Goodbye.")}},
			"dialed one two three 4", "Four?|For help, press 0.|Goodbye.", nil},
		{"a number", &caller{does: []string{"12#"}}, paper{replies: []channels.Reply{asks("How many?", entry), ends("Goodbye.")}}, "dialed 12", "", nil},
		{"a number without its end", &caller{does: []string{"12", "…"}}, paper{replies: []channels.Reply{asks("How many?", entry), ends("Goodbye.")}}, "dialed 12", "", nil},
		{"silence", &caller{does: []string{"…", "1"}}, paper{replies: []channels.Reply{asks("Well?", oneKey), asks("Are you there?", oneKey), ends("Goodbye.")}},
			"dialed quiet 1", "Well?|For help, press 0.|Are you there?|For help, press 0.|Goodbye.", nil},
		{"the voice", &caller{does: []string{"voice 5s"}}, paper{replies: []channels.Reply{asks("Tell us.", voice), ends("Goodbye.")}},
			"dialed (audio/wav, 80044 bytes)", "Tell us.|For help, press 0.|(tone)|Goodbye.", nil},
		{"the voice, ended by a key", &caller{does: []string{"voice 5s #"}}, paper{replies: []channels.Reply{asks("Tell us.", voice), ends("Goodbye.")}},
			"dialed (audio/wav, 80044 bytes)", "", nil},
		{"the voice, taken back by the star", &caller{does: []string{"voice 5s *"}}, paper{replies: []channels.Reply{asks("Tell us.", voice), ends("Goodbye.")}}, "dialed *", "", nil},
		{"help instead of the voice", &caller{does: []string{"voice 1s 0"}}, paper{replies: []channels.Reply{asks("Tell us.", voice), ends("Goodbye.")}}, "dialed 0", "", nil},
		{"a key instead of the voice", &caller{does: []string{"8"}}, paper{replies: []channels.Reply{asks("Tell us.", voice), ends("Goodbye.")}}, "dialed 8", "", nil},
		{"a key in the tone", &caller{does: []string{"…"}, atTone: "8"}, paper{replies: []channels.Reply{asks("Tell us.", voice), ends("Goodbye.")}}, "dialed 8", "", nil},
		{"a key that means nothing in the tone", &caller{does: []string{"voice 5s"}, atTone: "#"}, paper{replies: []channels.Reply{asks("Tell us.", voice), ends("Goodbye.")}},
			"dialed (audio/wav, 80044 bytes)", "Tell us.|For help, press 0.|(tone)|(tone)|Goodbye.", nil},
		{"nothing is said after the tone", &caller{does: []string{"…"}}, paper{replies: []channels.Reply{asks("Tell us.", voice), ends("Goodbye.")}}, "dialed quiet", "", nil},
		{"rung off while speaking", &caller{does: []string{"voice 5s x"}}, paper{replies: []channels.Reply{asks("Tell us.", voice), ends("Goodbye.")}},
			"dialed (audio/wav, 80044 bytes) gone", "", nil},
		{"rung off", &caller{does: []string{"1", "rings off"}}, paper{replies: []channels.Reply{asks("Well?", oneKey), asks("And?", oneKey)}}, "dialed 1 gone", "", nil},
		{"the store is away for a moment", &caller{does: []string{"1"}}, paper{replies: []channels.Reply{asks("Well?", oneKey), ends("Goodbye.")}, away: 2},
			"dialed 1", "One moment, please.|One moment, please.|Well?|For help, press 0.|Goodbye.", nil},
		{"an answer of the town's gets lost", &caller{does: []string{"1"}}, paper{replies: []channels.Reply{asks("Well?", oneKey), ends("Goodbye.")}, lost: 2},
			"dialed 1", "One moment, please.|One moment, please.|Well?|For help, press 0.|Goodbye.", nil},
		{"the town takes long", &caller{does: []string{"1"}}, paper{replies: []channels.Reply{asks("Well?", oneKey), ends("Goodbye.")}, slow: 4 * time.Second},
			"dialed 1", "One moment, please.|Well?|For help, press 0.|One moment, please.|Goodbye.", nil},
		{"the store is away for longer, and back for a last word", &caller{does: []string{"1"}}, paper{away: 11}, "missed",
			strings.Repeat("One moment, please.|", 10) + "We can't go on just now. Your answers so far are kept. We will call you back soon. Goodbye.", ErrAway},
		{"the store is away", &caller{does: []string{"1"}}, paper{away: 1000}, "",
			strings.Repeat("One moment, please.|", 10) + "We can't go on just now. Your answers so far are kept. Please call again in a few minutes. Goodbye.", ErrAway},
		{"a reply without words", &caller{does: []string{"1"}}, paper{replies: []channels.Reply{asks("Well?", oneKey), {}, ends("Goodbye.")}}, "dialed 1 quiet", "Well?|For help, press 0.|Goodbye.", nil},
		{"nobody is there any more", &caller{does: []string{"…"}}, paper{replies: slices.Repeat([]channels.Reply{asks("Well?", oneKey)}, 30)},
			"dialed" + strings.Repeat(" quiet", 19) + " gone", "", nil},
		{"a page that doesn't say what it waits for", &caller{does: []string{"3"}}, paper{replies: []channels.Reply{{Pages: []render.Page{{Asks: "choice", Spoken: []render.Spoken{{Words: "Well?"}}}}}, ends("Goodbye.")}},
			"dialed 3", "Well?|Goodbye.", nil},
		{"a person answers", &caller{does: []string{"0"}, answers: true}, paper{replies: []channels.Reply{asks("Well?", oneKey), {Pages: ends("A person comes.").Pages, Pass: &channels.Pass{Desk: "works"}}}},
			"dialed 0", "Well?|For help, press 0.|A person comes.", nil},
		{"nobody answers there", &caller{does: []string{"0", "2"}}, paper{replies: []channels.Reply{asks("Well?", oneKey), {Pages: ends("A person comes.").Pages, Pass: &channels.Pass{}}, asks("Nobody is there.", oneKey), ends("Goodbye.")}},
			"dialed 0 returned 2", "Well?|For help, press 0.|A person comes.|Nobody is there.|For help, press 0.|Goodbye.", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := Hold(t.Context(), c.caller, &c.town, newCall(t))
				if !errors.Is(err, c.err) || err != nil && c.err == nil {
					t.Errorf("ended with %v, want %v", err, c.err)
				}
				if got := c.town.said(); got != c.said {
					t.Errorf("the town was told  %s\nwant               %s", got, c.said)
				}
				if got := strings.Join(c.caller.heard, "|"); c.heard != "" && got != c.heard {
					t.Errorf("the caller heard %s\nwant             %s", got, c.heard)
				}
				ids := map[string]bool{}
				for _, e := range c.town.events {
					if e.Channel != "sip" || e.From.ID != "+15550100123" || e.At.IsZero() || !strings.HasPrefix(e.ID, "c1/") || ids[e.ID] {
						t.Errorf("event %+v", e)
					}
					ids[e.ID] = true
				}
			})
		})
	}
}

// A caller who rings off while the town works has their answer kept all the same.
func TestRingsOffDuringTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		line := &caller{does: []string{"1"}}
		town := &paper{replies: []channels.Reply{asks("Well?", oneKey), asks("And?", oneKey)}, slow: 2 * time.Second}
		go func() {
			time.Sleep(5 * time.Second) // the first reply after 2 s, its words 2.7 s: the second turn is under way
			line.gone.Store(true)
			cancel()
		}()
		if err := Hold(ctx, line, town, newCall(t)); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if got := town.said(); got != "dialed 1 gone" {
			t.Errorf("the town was told %s", got)
		}
	})
}

// Rung off while the first turn takes long that then isn't taken: that they had come is not told any more, for by now they may have rung
// again. Any other turn is tried once more.
func TestRingsOffDuringALostTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, town := &caller{does: []string{"1"}}, &paper{replies: []channels.Reply{asks("Well?", oneKey)}, away: 1, slow: 5 * time.Second}
		time.AfterFunc(time.Second, func() { line.gone.Store(true) })
		if err := Hold(t.Context(), line, town, newCall(t)); err != nil {
			t.Error(err)
		}
		if got := town.said(); got != "gone" {
			t.Errorf("the town was told %s", got)
		}
		line, town = &caller{does: []string{"1"}}, &paper{replies: []channels.Reply{asks("Well?", oneKey)}}
		line.pressed = func() {
			town.away, town.slow = 1, 5*time.Second
			time.AfterFunc(time.Second, func() { line.gone.Store(true) })
		}
		if err := Hold(t.Context(), line, town, newCall(t)); err != nil {
			t.Error(err)
		}
		if got := town.said(); got != "dialed 1 gone" {
			t.Errorf("the town was told %s", got)
		}
		for _, e := range town.events {
			if e.Call != "c1" {
				t.Errorf("event %s is of the call %q", e.ID, e.Call)
			}
		}
	})
}

// Rung off while the store is away: the turn is tried for a while, and counts.
func TestRingsOffWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, town := &caller{does: []string{"1"}}, &paper{replies: []channels.Reply{asks("Well?", oneKey)}}
		line.pressed = func() {
			town.away = 5
			time.AfterFunc(4*time.Second, func() { line.gone.Store(true) })
		}
		if err := Hold(t.Context(), line, town, newCall(t)); err != nil {
			t.Error(err)
		}
		if got := town.said(); got != "dialed 1 gone" {
			t.Errorf("the town was told %s", got)
		}
	})
}

// What was answered when the town went away is handed in once it is back, after the caller was told that it is kept.
func TestAnsweredWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, town := &caller{does: []string{"1"}}, &paper{replies: []channels.Reply{asks("Well?", oneKey)}}
		line.pressed = func() { town.away = 15 }
		if err := Hold(t.Context(), line, town, newCall(t)); !errors.Is(err, ErrAway) {
			t.Error(err)
		}
		if got := town.said(); got != "dialed 1" {
			t.Errorf("the town was told %s", got)
		}
	})
}

// Who is made up for a call goes with it, whichever way it ends.
func TestWithheld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.Withheld = true
		line, town := &caller{does: []string{"1"}}, &paper{replies: []channels.Reply{asks("Well?", oneKey), ends("Goodbye.")}}
		if err := Hold(t.Context(), line, town, c); err != nil {
			t.Error(err)
		}
		if got := town.said(); got != "dialed 1 gone" || !town.events[2].Withheld {
			t.Errorf("the town was told %s", got)
		}
	})
}

// Last words are heard to their end by somebody who presses keys meanwhile, and don't go on for ever for one who leans on them.
func TestLastWords(t *testing.T) {
	for leans, want := range map[int]int{0: 1, 2: 3, 100: 4} {
		synctest.Test(t, func(t *testing.T) {
			line, town := &caller{does: []string{"1"}, leans: leans}, &paper{replies: []channels.Reply{asks("Well?", oneKey), ends("Your number is 4 8 2.")}}
			if err := Hold(t.Context(), line, town, newCall(t)); err != nil {
				t.Error(err)
			}
			said := 0
			for _, h := range line.heard {
				if h == "Your number is 4 8 2." {
					said++
				}
			}
			if said != want {
				t.Errorf("with %d keys it was said %d times, want %d", leans, said, want)
			}
		})
	}
}

// Pages that the town called with are said before anything is asked of it.
func TestHoldPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.Pages = asks("Do you want to go on?", oneKey).Pages
		line, town := &caller{does: []string{"1"}}, &paper{replies: []channels.Reply{ends("Goodbye.")}}
		if err := Hold(t.Context(), line, town, c); err != nil {
			t.Error(err)
		}
		if got := town.said(); got != "1" {
			t.Errorf("the town was told %s", got)
		}
	})
}

// Who has just pressed a key to take the call is given the time to put the handset back to the ear.
func TestTaken(t *testing.T) {
	for _, taken := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c := newCall(t)
			c.Taken = taken
			line := &caller{does: []string{"1"}}
			town := &paper{replies: []channels.Reply{asks("Well?", oneKey), ends("Goodbye.")}}
			if err := Hold(t.Context(), line, town, c); err != nil {
				t.Error(err)
			}
			for _, e := range town.events {
				if e.Out != taken { // what a caller asks for is another thing where the town rang them
					t.Errorf("taken by a key is %v: %+v", taken, e)
				}
			}
			if silent := line.begins[0].Silence > 0; silent != taken {
				t.Errorf("taken by a key is %v: it begins with %+v", taken, line.begins)
			}
		})
	}
}

func TestAnswered(t *testing.T) {
	for _, c := range []struct {
		does []string
		want bool
		said int
	}{{[]string{"1"}, true, 1}, {[]string{"…", "1"}, true, 2}, {[]string{"5", "…", "1"}, true, 3}, {[]string{"…"}, false, 3}, {[]string{"types 1"}, true, 1}, {[]string{"types no", "…"}, false, 3}} {
		synctest.Test(t, func(t *testing.T) {
			line := &caller{does: c.does}
			got, err := Answered(t.Context(), line, newCall(t))
			if got != c.want || err != nil || len(line.heard) != c.said || line.heard[0] != "Hello, this is Elmwood. To talk with us now, press 1." {
				t.Errorf("%v: %v, %v; heard %q", c.does, got, err, line.heard)
			}
		})
	}
}

func TestParts(t *testing.T) {
	p := render.Page{Lang: "en", Pace: 85, Gain: 6, Spoken: []render.Spoken{
		{Key: "a", Words: "One.", Pause: 400}, {Words: "Español", Lang: "es", Pause: 700}, {Media: "media:1", Pause: 300}, {Words: "End.", Pause: 900}}}
	want := []Part{{Silence: 500 * time.Millisecond}, {Lang: "en", Key: "a", Words: "One.", Pace: 85, Gain: 6}, {Silence: 400 * time.Millisecond},
		{Lang: "es", Words: "Español", Pace: 85, Gain: 6}, {Silence: 700 * time.Millisecond}, {Lang: "en", Media: "media:1", Pace: 85, Gain: 6},
		{Silence: 300 * time.Millisecond}, {Lang: "en", Words: "End.", Pace: 85, Gain: 6}}
	if got := Parts(&p, true); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := Parts(&p, false); !slices.Equal(got, want[1:]) {
		t.Errorf("without a key: %v", got)
	}
}

// Who speaks softly has spoken: the line that recorded it heard the same.
func TestASoftVoiceIsAVoice(t *testing.T) {
	for level, want := range map[float64]time.Duration{8000: time.Second, 200: time.Second, 40: 0} { // -12, -44 and -58 dBFS
		if got := voiced(sung(time.Second, level)); got != want {
			t.Errorf("a voice of %v is %v long", level, got)
		}
	}
}

func FuzzVoiced(f *testing.F) {
	f.Add(tone(time.Second))
	f.Add(tone(0))
	f.Fuzz(func(t *testing.T, wav []byte) {
		if d := voiced(wav); d < 0 || d > time.Hour*24 {
			t.Errorf("%v", d)
		}
	})
}
