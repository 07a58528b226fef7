package kiosk

import (
	"strings"
	"testing"

	"github.com/townline/townline/dialogs/render"
)

// TestFilledInIsKept: a look at the settings, or a wish to start over that is taken back, loses nothing.
func TestFilledInIsKept(t *testing.T) {
	b, in := at(t, Name, "choices")
	b.press("settings", "o", "2", "o", "4").press("size.3").press("over").press("on").shows(`value="2" checked`, `value="4" checked`)
	b.press("next")
	if in.last().Choice != "2 4" {
		t.Errorf("heard %+v", in.last())
	}
	b, in = at(t, Name, "budget")
	b.press("settings", "v", "5", "v", "0", "v", "5").press("on").press("next")
	if in.last().Words != "5 0 5" {
		t.Errorf("heard %+v", in.last())
	}
}

// TestHelpKeepsWhatWasFilledIn: help, a person, a language and a code are turns, and what was filled in and not sent is there
// when the question is; once it was sent, or the visit is over, it is nowhere.
func TestHelpKeepsWhatWasFilledIn(t *testing.T) {
	help := pages()["menu"]
	for _, c := range []struct {
		page, do string
		fill     []string
		shown    string
	}{
		{"text", "help", []string{"t", "The <b>bench</b> & the “tree”: ñ ش"}, "The &lt;b&gt;bench&lt;/b&gt; &amp; the “tree”: ñ ش</textarea>"},
		{"choices", "person", []string{"o", "2", "o", "4"}, `value="4" checked`},
		{"budget", "language.es", []string{"v", "5", "v", "0", "v", "5"}, `name="v" value="5"`},
		{"date", "carry", []string{"day", "3", "month", "4", "year", "2027"}, `name="month" value="4"`},
	} {
		t.Run(c.page, func(t *testing.T) {
			b, in := at(t, Name, c.page)
			asked := pages()[c.page]
			in.next = []render.Page{help, asked, asked, pages()["end"]}
			b.press(c.do, c.fill...).shows("What can we do for you?")
			b.press("next", "o", "1").shows(c.shown).press("settings").press("on").shows(c.shown)
			b.press("next")
			if b.jar["draft-kiosk"] != "" {
				t.Error("the draft outlives its answer")
			}
			if e := in.last(); e.Words+e.Choice == "" {
				t.Errorf("heard %+v", e)
			}
		})
	}
	b, in := at(t, Name, "text")
	in.next = []render.Page{help}
	b.press("help", "t", "secret").press("over").press("over.yes")
	if len(b.jar) != 0 {
		t.Errorf("left in the browser: %v", b.jar)
	}
	b, in = at(t, Name, "text")
	in.next = []render.Page{help, pages()["place"], pages()["text"]}
	b.press("help", "t", "The bench").press("next", "o", "1")
	if strings.Contains(b.page, "The bench") {
		t.Error("the draft is shown in another question")
	}
	b, in = at(t, Name, "text")
	in.next = []render.Page{help, pages()["text"]}
	b.press("help", "t", strings.Repeat("x", 5000)).press("next", "o", "1").shows("</textarea>") // too long for a cookie
}

// TestALostRecordingIsTold: a recording or a picture that wasn't sent doesn't outlive the page: who comes back to the question is
// told to make it again, and no answer is made without it.
func TestALostRecordingIsTold(t *testing.T) {
	lost := words().Language("en").Phrase("screen.lost", 3)
	voice := []byte("\x1aE\xdf\xa3voice")
	for _, do := range []string{"help", "settings", "over", "language.es"} {
		t.Run(do, func(t *testing.T) {
			b, in := at(t, WebName, "text")
			asked := pages()["text"]
			in.next = []render.Page{pages()["menu"], asked, pages()["end"]}
			b.uploads(do, "sound", "sound.webm", voice)
			if do == "settings" || do == "over" {
				b.press("on")
			} else {
				b.press("next", "o", "1")
			}
			b.shows(lost, "Tell us in your own words.")
			if b.uploads("next", "sound", "sound.webm", voice); len(in.last().Attached) != 1 {
				t.Errorf("heard %+v", in.last())
			}
		})
	}
	b, in := at(t, WebName, "text")
	in.down = true
	b.uploads("next", "sound", "sound.webm", voice, "t", "The bench")
	b.shows(lost, "try again")
	n := len(in.heard)
	in.down = false
	b.press("on").shows(lost, ">\nThe bench</textarea>")
	if len(in.heard) != n {
		t.Errorf("answered without the recording: %+v", in.last())
	}
	in.next = []render.Page{pages()["menu"], pages()["text"]}
	if b.press("help").press("next", "o", "1"); strings.Contains(b.page, lost) {
		t.Error("a recording is missed that there wasn't")
	}
}
