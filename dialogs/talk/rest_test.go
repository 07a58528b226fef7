package talk

import (
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/dialogs/render"
)

// narrow is a menu whose screens hold little.
var narrow = func() render.Traits {
	t := render.USSD
	t.Limit = 80
	return t
}()

// done is somebody who finished main-street on narrow screens; waiting says whether another conversation was left for it.
func done(t *testing.T, waiting bool) *person {
	t.Helper()
	p := someone(t)
	if waiting {
		p.says("FIX").says("light")
	}
	p.says("MAIN").says("live").says("buses").says("skip").says("5 3 2").says("skip").says("1")
	p.traits = narrow
	return p.says("yes")
}

// Where one page is shown at a time, last words that take several are turned, and only the last of them is over.
func TestLastWordsAreTurnedPageByPage(t *testing.T) {
	p := done(t, false)
	p.hears("482-173-5", "8 more").not("by 1 June")
	if len(p.said.Pages) != 1 || p.said.Over || p.said.Memory.Rest == nil {
		t.Fatalf("%d pages at a time, over: %v", len(p.said.Pages), p.said.Over)
	}
	first := p.text()
	if p.says("9").text() != first || p.said.Over {
		t.Errorf("said again: %q", p.text())
	}
	if p.hear(Heard{Kind: Looked}).text() != first {
		t.Errorf("looked at again: %q", p.text())
	}
	pages := 1
	for ; p.said.Memory.Rest != nil; pages++ {
		if pages > 9 {
			t.Fatal("it never ends")
		}
		if p.says("8"); len(p.said.Pages) != 1 || p.said.Over != (p.said.Memory.Rest == nil) || p.said.Pages[0].Over != p.said.Over {
			t.Fatalf("page %d: %+v", pages, p.said)
		}
	}
	if p.hears("by 1 June").not("8 more"); pages < 2 {
		t.Error("they fit on one")
	}
}

// Any key turns the page: nobody chooses anything here. Words are taken for what they say.
func TestAnyKeyTurnsAPageOfLastWords(t *testing.T) {
	for _, key := range []string{"", "1", "8", "0", "123", "#"} {
		if p := done(t, false).says(key); p.said.Memory.Rest != nil && strings.Contains(p.text(), "482-173-5") {
			t.Errorf("%q leaves the page: %q", key, p.text())
		}
	}
	if p := done(t, false).says("FIX").hears("What is the problem?"); p.said.Memory.Rest != nil {
		t.Error("the rest is still to be read")
	}
}

// A menu that broke off before the last page goes on there, for as long as somebody may still be reading.
func TestLastWordsAreStillThereForWhoDialsAgain(t *testing.T) {
	p := done(t, false)
	first := p.text()
	p.hear(Heard{Kind: Left})
	p.at = p.at.Add(9 * time.Minute)
	if p.hear(Heard{Kind: Came}).text() != first {
		t.Errorf("they see %q", p.text())
	}
	for p.said.Memory.Rest != nil {
		p.says("8")
	}
	if p.hears("by 1 June"); !p.said.Over {
		t.Error("it goes on")
	}
	p.hear(Heard{Kind: Came}).hears("This is Elmwood").not("482-173-5")

	p = done(t, false)
	p.at = p.at.Add(11 * time.Minute)
	p.hear(Heard{Kind: Came}).hears("This is Elmwood").not("482-173-5")

	p = done(t, false)
	if p.hear(Heard{Kind: Opened, Once: true}).not("482-173-5"); p.said.Memory.Rest != nil || p.said.Memory.Hall == nil {
		t.Errorf("a PIN to be chosen waits for last words: %q", p.text())
	}

	p = done(t, false)
	p.traits = render.SMS
	if p.says("8").not("by 1 June"); p.said.Memory.Rest != nil {
		t.Error("the rest is turned by a text message")
	}
}

// What was set aside is offered behind the last words, and its keys are keys once it is on show.
func TestTheOfferStandsBehindTheLastWords(t *testing.T) {
	p := done(t, true)
	for range 9 {
		if p.said.Memory.Rest == nil {
			break
		}
		p.not("1 Go on").says("1")
	}
	p.hears("1 Go on")
	if p.said.Over {
		t.Error("it is over before the offer is answered")
	}
	p.says("1").hears("We go on", "Street and number")
}

// Whoever could not be shown them in time gets them in one go, by text message.
func TestTheRestOfLastWordsIsTexted(t *testing.T) {
	p := done(t, true)
	p.traits = render.SMS
	p.hear(Heard{Kind: Shown}).hears("482-173-5", "by 1 June", "1 Go on").not("8 ")
	if p.said.Memory.Rest != nil || p.said.Over {
		t.Errorf("%+v", p.said)
	}
	p.says("1").hears("Street and number")
}
