package menu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// town is an inbox that takes its time.
type town struct {
	mu     sync.Mutex
	told   []string
	answer func(ctx context.Context, e channels.Event) (channels.Reply, error)
}

func (in *town) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	kind := map[channels.EventKind]string{channels.Message: "says", channels.Dialed: "dials", channels.HungUp: "gone", channels.Overdue: "overdue"}[e.Kind]
	in.mu.Lock()
	in.told = append(in.told, fmt.Sprintf("%s %s %s", e.Session.ID, kind, e.Words))
	in.mu.Unlock()
	if in.answer == nil {
		return page("Your town"), nil
	}
	return in.answer(ctx, e)
}

func (in *town) Report(context.Context, string, string, channels.Delivery) error { return nil }

func (in *town) heard() string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return strings.Join(in.told, ", ")
}

func page(texts ...string) (r channels.Reply) {
	for _, text := range texts {
		r.Pages = append(r.Pages, render.Page{Text: text, Lang: "es"})
	}
	return r
}

// loaded are the phrases, read once.
var loaded = sync.OnceValues(locales.Load)

func newMenu(t *testing.T, change func(*Config)) (*Menu, *bytes.Buffer) {
	t.Helper()
	all, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	c := Config{Channel: "ussd.plain", Traits: render.USSD, Phrases: all, Lang: "en", Texts: true, Log: slog.New(slog.NewTextHandler(&b, nil))}
	if change != nil {
		change(&c)
	}
	return New(c), &b
}

func event(kind channels.EventKind, words string) channels.Event {
	return channels.Event{Channel: "ussd.plain", From: channels.Address{Kind: "tel", ID: "+15550100123"}, Kind: kind, Words: words, Session: &channels.Session{ID: "s1"}}
}

var errAway = errors.New("the store is away")

// slow answers after d, or not at all when ctx ends.
func slow(d time.Duration) func(context.Context, channels.Event) (channels.Reply, error) {
	return func(ctx context.Context, e channels.Event) (channels.Reply, error) {
		if e.Kind == channels.Overdue {
			return channels.Reply{Texts: true}, nil
		}
		select {
		case <-time.After(d):
			return page("late words"), nil
		case <-ctx.Done():
			return channels.Reply{}, ctx.Err()
		}
	}
}

func TestAScreenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := newMenu(t, nil)
		in := &town{answer: slow(Patience - time.Millisecond)}
		s, err := m.Turn(t.Context(), in, event(channels.Message, "1"))
		if err != nil || s.Text != "late words" || s.Over || s.Lang != "es" {
			t.Errorf("%+v %v", s, err)
		}
		if err := m.Close(); err != nil || in.heard() != "s1 says 1" || m.Counts().Late() != 0 {
			t.Errorf("%v, the town heard %s", err, in.heard())
		}
	})
}

// A turn that takes too long ends the menu with a promise, goes on, and is then texted; the phone that is gone meanwhile
// changes nothing.
func TestASlowTurnGoesOnAndIsTexted(t *testing.T) {
	for _, texts := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			m, lines := newMenu(t, func(c *Config) { c.Texts = texts })
			in := &town{answer: slow(20 * time.Second)}
			begun := time.Now()
			ctx, hangUp := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, hangUp)
			s, err := m.Turn(ctx, in, event(channels.Message, "1"))
			if took := time.Since(begun); err != nil || took != Patience {
				t.Errorf("after %v: %v", took, err)
			}
			want := "This takes a moment. We will send you a text message."
			if !texts {
				want = "This takes a moment. Please dial again in a few minutes. Nothing is lost."
			}
			if s.Text != want || !s.Over {
				t.Errorf("%+v", s)
			}
			time.Sleep(16 * time.Second)
			synctest.Wait()
			if in.heard() != "s1 says 1" {
				t.Errorf("told before the turn was done: %s", in.heard())
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if in.heard() != "s1 says 1, s1 overdue 1" || m.Counts().Late() != 1 {
				t.Errorf("the town heard %s", in.heard())
			}
			if err := m.Close(); err != nil || strings.Contains(lines.String(), "555") {
				t.Errorf("%v, %s", err, lines)
			}
		})
	}
}

// What failed after it was promised is tried until it is on disk: first the turn, then the text.
func TestWhatWasPromisedIsTriedUntilItIsOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := newMenu(t, nil)
		back := time.Now().Add(2 * time.Minute)
		in := &town{answer: func(ctx context.Context, e channels.Event) (channels.Reply, error) {
			if time.Now().Before(back) {
				time.Sleep(4 * time.Second)
				return channels.Reply{}, errAway
			}
			return page("x"), nil
		}}
		if s, _ := m.Turn(t.Context(), in, event(channels.Dialed, "")); !s.Over || !strings.Contains(s.Text, "text message") {
			t.Errorf("%+v", s)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		told := strings.Split(in.heard(), ", ")
		if n := len(told); n < 5 || n > 20 || told[n-1] != "s1 overdue " || told[n-2] != "s1 dials " || strings.Count(in.heard(), "overdue") != 1 {
			t.Errorf("the town heard %s", in.heard())
		}
		if err := m.Close(); err != nil || m.Counts().Lost() != 0 {
			t.Errorf("%v, %d lost", err, m.Counts().Lost())
		}
	})
}

// A turn that is refused at once was not taken: whoever dialled is asked to dial again, in their own language where this
// server spoke with them before.
func TestWhatIsNotTakenIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, lines := newMenu(t, nil)
		in := &town{answer: func(context.Context, channels.Event) (channels.Reply, error) { return channels.Reply{}, errAway }}
		s, err := m.Turn(t.Context(), in, event(channels.Dialed, ""))
		if err != nil || !s.Over || s.Text != "We can't go on just now. Please dial again in a minute." || s.Lang != "en" {
			t.Errorf("%+v %v", s, err)
		}
		good := &town{}
		if _, err := m.Turn(t.Context(), good, event(channels.Dialed, "")); err != nil {
			t.Error(err)
		}
		if s, _ := m.Turn(t.Context(), in, event(channels.Message, "1")); s.Text != "Ahora no podemos seguir. Vuelva a marcar en un minuto." || s.Lang != "es" {
			t.Errorf("%+v", s)
		}
		// Nobody looks at the answer to the end of a session: the gateway may tell it again.
		if _, err := m.Turn(t.Context(), in, event(channels.HungUp, "")); !errors.Is(err, errAway) {
			t.Errorf("%v", err)
		}
		if m.Counts().Failed() != 3 || !strings.Contains(lines.String(), "the store is away") {
			t.Errorf("%d failed; %s", m.Counts().Failed(), lines)
		}
		synctest.Wait()
		if in.heard() != "s1 dials , s1 says 1, s1 gone " {
			t.Errorf("tried again by ourselves: %s", in.heard())
		}
	})
}

// While the store hangs there is an end to how many turns wait for it, and who comes after is promised nothing.
func TestThereIsAnEndToWhatGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := newMenu(t, nil)
		gate := make(chan struct{})
		in := &town{answer: func(ctx context.Context, e channels.Event) (channels.Reply, error) {
			select {
			case <-gate:
				return page("x"), nil
			case <-ctx.Done():
				return channels.Reply{}, ctx.Err()
			}
		}}
		var all sync.WaitGroup
		var mu sync.Mutex
		said := map[string]int{}
		for range mostLate + 20 {
			all.Go(func() {
				s, _ := m.Turn(t.Context(), in, event(channels.Message, "1"))
				mu.Lock()
				said[s.Text]++
				mu.Unlock()
			})
		}
		all.Wait()
		if said["This takes a moment. We will send you a text message."] != mostLate || said["We can't go on just now. Please dial again in a minute."] != 20 {
			t.Errorf("%v", said)
		}
		close(gate)
		synctest.Wait()
		if n := strings.Count(in.heard(), "overdue"); n != mostLate {
			t.Errorf("%d are texted", n)
		}
		if len(m.late) != 0 {
			t.Errorf("%d still go on", len(m.late))
		}
		if s, _ := m.Turn(t.Context(), &town{}, event(channels.Message, "1")); s.Text != "Your town" {
			t.Errorf("%+v", s)
		}
	})
}

// When the town closes, what goes on is brought to its end; what can't be had then is given up, and told.
func TestClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := newMenu(t, nil)
		in := &town{answer: slow(7 * time.Second)}
		m.Turn(t.Context(), in, event(channels.Message, "1"))
		begun := time.Now()
		if err := m.Close(); err != nil || time.Since(begun) != 4*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if in.heard() != "s1 says 1, s1 overdue 1" {
			t.Errorf("the town heard %s", in.heard())
		}
	})
	synctest.Test(t, func(t *testing.T) { // the store is back by then, and nobody has noticed yet
		m, _ := newMenu(t, nil)
		back := time.Now().Add(40 * time.Second)
		in := &town{answer: func(context.Context, channels.Event) (channels.Reply, error) {
			if time.Now().Before(back) {
				time.Sleep(4 * time.Second)
				return channels.Reply{}, errAway
			}
			return page("x"), nil
		}}
		m.Turn(t.Context(), in, event(channels.Message, "1"))
		time.Sleep(time.Until(back.Add(time.Second)))
		begun := time.Now()
		if err := m.Close(); err != nil || time.Since(begun) > 5*time.Second || m.Counts().Lost() != 0 || !strings.HasSuffix(in.heard(), "s1 says 1, s1 overdue 1") {
			t.Errorf("after %v: %v, %d lost, the town heard %s", time.Since(begun), err, m.Counts().Lost(), in.heard())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		m, lines := newMenu(t, nil)
		in := &town{answer: func(context.Context, channels.Event) (channels.Reply, error) {
			time.Sleep(4 * time.Second)
			return channels.Reply{}, errAway
		}}
		m.Turn(t.Context(), in, event(channels.Message, "1"))
		time.Sleep(10 * time.Second)
		begun := time.Now()
		if err := m.Close(); err != nil || time.Since(begun) > 5*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if m.Counts().Lost() != 1 || !strings.Contains(lines.String(), "as the town closes") {
			t.Errorf("%d lost; %s", m.Counts().Lost(), lines)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		m, _ := newMenu(t, nil)
		in := &town{answer: slow(time.Minute)}
		m.Turn(t.Context(), in, event(channels.Message, "1"))
		begun := time.Now()
		if err := m.Close(); err == nil || time.Since(begun) != ending {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		time.Sleep(2 * time.Minute)
	})
}

func TestATurnThatBreaksTakesNothingWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, lines := newMenu(t, nil)
		in := &town{answer: func(_ context.Context, e channels.Event) (channels.Reply, error) { panic(e.Words) }}
		if s, err := m.Turn(t.Context(), in, event(channels.Message, "my answer")); err != nil || !s.Over {
			t.Errorf("%+v %v", s, err)
		}
		if strings.Contains(lines.String(), "my answer") {
			t.Errorf("%s", lines)
		}
	})
}

// One page comes at a time and fits. What doesn't is cut between words, and counted.
func TestNoScreenIsLongerThanItMayBe(t *testing.T) {
	long := strings.Repeat("Where does the water stand? ", 8)
	for _, c := range []struct {
		pages []string
		over  bool
		want  string
		cut   bool
	}{
		{[]string{"1 Main Street"}, false, "1 Main Street", false},
		{[]string{"Thank you.", "Your number is 123."}, true, "Thank you.\nYour number is 123.", false},
		{[]string{long}, false, long[:154] + "...", true},
		{[]string{strings.Repeat("你好", 40)}, false, strings.Repeat("你好", 33) + "你...", true},
		{[]string{"a\x00b\tc\u0085\r\nd"}, false, "ab c\nd", false},
		{[]string{"“Quoted” – it’s"}, false, "\"Quoted\" - it's", false},
		{nil, false, "We can't go on just now. Please dial again in a minute.", false},
	} {
		m, lines := newMenu(t, nil)
		in := &town{answer: func(context.Context, channels.Event) (channels.Reply, error) {
			r := page(c.pages...)
			r.Over = c.over
			return r, nil
		}}
		s, _ := m.Turn(t.Context(), in, event(channels.Message, "1"))
		if s.Text != c.want || s.Over != (c.over || c.pages == nil) || (m.Counts().Cut() == 1) != c.cut || strings.Contains(lines.String(), "was cut") != c.cut {
			t.Errorf("%q: %+v, want %q; %d cut; %s", c.pages, s, c.want, m.Counts().Cut(), lines)
		}
		if n := render.Count(s.Text); n.GSM && n.Units > 160 || !n.GSM && n.Units > 70 {
			t.Errorf("%q is %d units", s.Text, n.Units)
		}
	}
}

// The screens that a menu ends with by itself fit the smallest screen there is, in every language.
func TestLastScreensFitEverywhere(t *testing.T) {
	all, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	least := render.USSD
	least.Limit, least.Limit16 = 100, 60
	for _, tag := range all.Tags() {
		for _, phrase := range []string{PhraseLate, PhraseWait, PhraseAgain} {
			text := all.Language(tag).Phrase(phrase, locales.Short)
			if !all.Language(tag).Has(phrase) {
				t.Errorf("%s lacks %s", tag, phrase)
			}
			if _, cut := render.Cut(text, least); cut {
				t.Errorf("%s in %s is too long: %q", phrase, tag, text)
			}
		}
	}
}

func TestLanguagesAreForgottenInTheEnd(t *testing.T) {
	var l langs
	for i := range mostLangs + 50 {
		l.note(fmt.Sprint(i), "es")
	}
	if len(l.by) > mostLangs || l.of(fmt.Sprint(mostLangs+49)) != "es" {
		t.Errorf("%d are remembered", len(l.by))
	}
}
