package exchange

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// chat is a channel with buttons, and a resident who can press any of those that they ever got.
type chat struct {
	*town
	id    string
	pages []render.Page
	count int
}

func (c *chat) Name() string { return "chat" }

func (c *chat) Traits() render.Traits {
	t := render.Telegram
	t.Pushed = true
	return t
}

func (c *chat) Deliver(_ context.Context, _ channels.Address, p render.Page, key string) (string, error) {
	c.pages = append(c.pages, p)
	return key, nil
}

func chatting(t *testing.T, on setting) *chat {
	c := &chat{id: "77"}
	c.town = settle(t, on, func(_ *town, s *Settings) {
		s.Channels = []channels.Channel{c, &post{name: "kiosk", traits: render.Kiosk}}
	})
	return c
}

func (c *chat) event(e channels.Event) *chat {
	c.t.Helper()
	c.count++
	e.Channel, e.From = "chat", channels.Address{Kind: "telegram", ID: c.id}
	if e.ID == "" {
		e.ID = fmt.Sprint("u", c.count)
	}
	c.pages = append(c.pages, c.replied(e).Pages...) // to somebody whom the outbox is closed to
	c.x.Tick(c.t.Context())
	return c
}

func (c *chat) replied(e channels.Event) channels.Reply {
	c.t.Helper()
	r, err := c.x.Receive(c.t.Context(), e)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *chat) says(words string) *chat {
	c.t.Helper()
	return c.event(channels.Event{Words: words})
}

// presses a button of a page that was shown before; 0 is the first one ever.
func (c *chat) presses(page int, choice string) *chat {
	c.t.Helper()
	return c.event(channels.Event{Choice: choice, Pressed: c.pages[page].Mark})
}

func (c *chat) last() *render.Page { return &c.pages[len(c.pages)-1] }

func (c *chat) sees(parts ...string) *chat {
	c.t.Helper()
	c.expect(c.last().Text, parts...)
	return c
}

const lateWords = "That was an earlier question."

// Two presses on one question answer it once. The second one is told why, and sees what is on show, as open as it was.
func TestLatePress(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		c := chatting(t, on).says("PARK").sees("What should come first?")
		c.presses(0, "1").sees("How many days")
		c.presses(0, "2").sees(lateWords, "How many days")
		c.says("5").sees("More trees", "5")
		review := len(c.pages) - 1
		c.presses(0, "2").sees(lateWords, "More trees", "5")
		if c.last().Mark != c.pages[review].Mark || c.last().Mark == c.pages[0].Mark {
			t.Fatalf("marks %q, %q and %q", c.pages[0].Mark, c.pages[review].Mark, c.last().Mark)
		}
		c.presses(review, "1").sees("May the town keep these answers?")
		c.presses(review, "1").sees(lateWords, "May the town keep these answers?")
		c.presses(len(c.pages)-1, "1").sees("Thank you.")
		c.presses(len(c.pages)-2, "1").sees(lateWords, "What can we do for you?")
		if got := c.polled("survey"); len(got) != 1 || !strings.Contains(got[0], "first=trees often=5") {
			t.Fatal(got)
		}
	})
}

// The same update again is no press, whatever was on show meanwhile.
func TestPressAgain(t *testing.T) {
	c := chatting(t, func(*town, *Settings) {}).says("PARK")
	press := channels.Event{ID: "same", Choice: "1", Pressed: c.pages[0].Mark}
	shown := len(c.event(press).pages)
	c.event(press)
	if len(c.pages) != shown {
		t.Fatalf("shown again: %q", c.last().Text)
	}
}

// A press counts for nobody but whoever the page was shown to, wherever they are in the same dialog; and never without a page.
func TestPressOfAnother(t *testing.T) {
	c := chatting(t, func(*town, *Settings) {}).says("PARK")
	mark := c.last().Mark
	c.id = "78"
	c.says("PARK").sees("What should come first?")
	if c.last().Mark == mark {
		t.Fatal("two residents' pages have one mark")
	}
	for _, forged := range []string{mark, "aaaaaaaa", "-"} {
		c.event(channels.Event{Choice: "1", Pressed: forged}).sees(lateWords, "What should come first?")
	}
	c.presses(len(c.pages)-1, "1")
	if strings.Contains(c.last().Text, "What should come first?") {
		t.Fatal("their own press didn't count")
	}
}

// A question that stands again, after going back or by a reminder, takes presses on any of its pages.
func TestPressOnTheSameQuestion(t *testing.T) {
	c := chatting(t, func(*town, *Settings) {}).says("PARK").presses(0, "1")
	c.event(channels.Event{Choice: "*"}).sees("What should come first?")
	if c.last().Mark != c.pages[0].Mark {
		t.Fatal("the same question has another mark")
	}
	c.presses(0, "2")
	if strings.Contains(c.last().Text, lateWords) {
		t.Fatal("late")
	}
}

// What was answered on another channel is answered: the chat's button is late.
func TestPressAfterAnotherChannel(t *testing.T) {
	c := chatting(t, func(*town, *Settings) {}).says("PARK")
	was := c.last().Mark
	r := c.replied(channels.Event{Channel: "kiosk", ID: "k1", From: channels.Address{Kind: "telegram", ID: "77"}, Kind: channels.Dialed})
	r = c.replied(channels.Event{Channel: "kiosk", ID: "k2", From: channels.Address{Kind: "telegram", ID: "77"}, Choice: "1"})
	r = c.replied(channels.Event{Channel: "kiosk", ID: "k3", From: channels.Address{Kind: "telegram", ID: "77"}, Choice: "1"})
	if len(r.Pages) == 0 || r.Pages[0].Mark != "" {
		t.Fatalf("on a screen: %+v", r.Pages)
	}
	c.event(channels.Event{Choice: "2", Pressed: was}).sees(lateWords)
}

// Who said STOP hears nothing, whatever they press; START opens it again, and what is pressed then is late.
func TestPressAfterStop(t *testing.T) {
	c := chatting(t, func(*town, *Settings) {}).says("PARK").says("STOP")
	shown := len(c.pages)
	c.presses(0, "1")
	if len(c.pages) != shown {
		t.Fatalf("after STOP: %q", c.last().Text)
	}
	c.event(channels.Event{Kind: channels.Dialed}).sees("You will get")
	c.presses(0, "1").sees(lateWords)
}

// A chat is opened by its start button, with what a link said; by who was never here, who is in the midst of something, who said STOP.
func TestStartButton(t *testing.T) {
	c := chatting(t, func(*town, *Settings) {})
	c.event(channels.Event{Kind: channels.Dialed}).sees("Hello, this is Elmwood", "What can we do for you?")
	c.event(channels.Event{Kind: channels.Dialed, Words: "PARK"}).sees("What should come first?")
	c.presses(len(c.pages)-1, "1")
	c.event(channels.Event{Kind: channels.Dialed}).sees("Go on")
	c.says("STOP")
	c.event(channels.Event{Kind: channels.Dialed, Words: "PARK"})
	if out, err := c.store.OptedOut(t.Context(), seals{}.Address("telegram", "77")); err != nil || out {
		t.Fatal("the start button left them stopped", err)
	}
}

// A message that was changed, or brought what can't be taken, is explained, and answers nothing.
func TestRefusedEvent(t *testing.T) {
	c := chatting(t, func(*town, *Settings) {}).says("PARK")
	mark := c.last().Mark
	c.event(channels.Event{Refused: "@chat.changed"}).sees("when you change a message", "What should come first?")
	if c.last().Mark != mark {
		t.Fatal("another question")
	}
	c.event(channels.Event{Refused: channels.RefusedKind, Words: "2"}).sees("We can not open that")
	if strings.Contains(c.last().Text, "What should come first?") {
		t.Fatal("the words beside it didn't count")
	}
}

// A review's mark is of what it reads back: who changed an answer can't send it off by an older review's button. A question's is not
// of how often it was misunderstood.
func TestMarkOfAReview(t *testing.T) {
	c := chatting(t, func(*town, *Settings) {}).says("PARK")
	if mark := c.last().Mark; c.says("hm hm hm").last().Mark != mark {
		t.Fatalf("another mark after a misunderstanding:\n%s", c.last().Text)
	}
	c.presses(0, "1").says("5").sees("More trees")
	review := len(c.pages) - 1
	c.says("change").says("How many").sees("How many days")
	c.says("6").sees("6")
	c.presses(review, "1").sees(lateWords, "6")
	c.presses(len(c.pages)-1, "1").sees("May the town keep these answers?")
}

// Late presses change nothing, however many.
func TestManyLatePresses(t *testing.T) {
	c := chatting(t, func(*town, *Settings) {}).says("PARK").presses(0, "1").says("5")
	mark, first := c.last().Mark, c.pages[0].Mark
	for i := range 50 {
		c.clock.pass(time.Second)
		c.event(channels.Event{Choice: fmt.Sprint(i%8 + 1), Pressed: first})
	}
	if c.last().Mark != mark {
		t.Fatal("something was answered")
	}
}

// Whether to be put together with one number is not asked of another: a button under the first question is late for the second.
func TestMarkOfALink(t *testing.T) {
	x := chatting(t, func(*town, *Settings) {}).x
	asked := func(code string) string {
		return x.mark(store.Resident{1}, &talk.Memory{Hall: &talk.Hall{Kind: talk.LinkSureHall, Code: code}})
	}
	first, again, other := asked("482173"), asked("482173"), asked("482174")
	if first == other || first != again {
		t.Fatalf("marks %q, %q and %q", first, again, other)
	}
}
