package kiosk

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// TestWhatAPressMeans: each button, with what is filled in, is one event, or the page again with what to put right.
func TestWhatAPressMeans(t *testing.T) {
	for _, c := range []struct {
		name, page, do string
		fill           []string
		choice, words  string
		wrong          string // what is said to be wrong
	}{
		{"a card", "choice", "next", []string{"o", "2"}, "2", "", ""},
		{"no card", "choice", "next", nil, "", "", "Please choose one answer."},
		{"a card that is not there", "choice", "next", []string{"o", "7"}, "", "", "Please choose one answer."},
		{"several cards", "choices", "next", []string{"o", "1", "o", "3"}, "1 3", "", ""},
		{"too many cards", "choices", "next", []string{"o", "1", "o", "2", "o", "3"}, "", "", "2 at most"},
		{"none of several, and it may be left out", "choices", "next", nil, "skip", "", ""},
		{"none on this page, and there are more", "choices-more", "next", nil, "8", "", ""},
		{"the next page", "choices-more", "more", nil, "8", "", ""},
		{"the next page, with cards chosen on this one", "choices-more", "more", []string{"o", "1", "o", "2"}, "1 2", "", ""},
		{"that is all", "choices-more", "done", nil, "done", "", ""},
		{"a place of a rank", "rank", "next", []string{"o", "2"}, "2", "", ""},
		{"yes", "yesno", "next", []string{"o", "1"}, "1", "", ""},
		{"shares", "budget", "next", []string{"v", "5", "v", "3", "v", "2"}, "", "5 3 2", ""},
		{"shares in Arabic digits", "budget", "next", []string{"v", "٥", "v", "٣", "v", "٢"}, "", "5 3 2", ""},
		{"something left", "budget", "next", []string{"v", "5", "v", "0", "v", "2"}, "", "", "3 are still left to share."},
		{"too much", "budget", "next", []string{"v", "9", "v", "9", "v", "2"}, "", "", "That is 10 too many."},
		{"no number", "budget", "next", []string{"v", "all", "v", "0", "v", "0"}, "", "", "Please give a number."},
		{"less than nothing", "budget", "next", []string{"v", "-5", "v", "9", "v", "6"}, "", "", "Please give a number."},
		{"nothing shared", "budget", "next", nil, "", "", "Please share out all of it."},
		{"a number", "number", "next", []string{"t", "12"}, "", "12", ""},
		{"a number in words", "number", "next", []string{"t", "twelve"}, "", "12", ""},
		{"out of bounds", "number", "next", []string{"t", "21"}, "", "", "from 1 to 20"},
		{"half a person", "number", "next", []string{"t", "2.5"}, "", "", "a whole number"},
		{"not a number", "number", "next", []string{"t", "many"}, "", "", "Please give a number."},
		{"a day", "date", "next", []string{"day", "15", "month", "3", "year", "2027"}, "", "2027-03-15", ""},
		{"a day, a short year", "date", "next", []string{"day", "05", "month", "04", "year", "27"}, "", "2027-04-05", ""},
		{"no such day", "date", "next", []string{"day", "31", "month", "4", "year", "2027"}, "", "", "in the calendar"},
		{"half a day", "date", "next", []string{"day", "3"}, "", "", "in the calendar"},
		{"a day too late", "date", "next", []string{"day", "1", "month", "5", "year", "2027"}, "", "", "Tuesday 2 March 2027"},
		{"own words", "text", "next", []string{"t", " More trees, please\r\n"}, "", "More trees, please", ""},
		{"no words, and they may be left out", "text", "next", nil, "skip", "", ""},
		{"left out", "text", "skip", []string{"t", "half a sent"}, "skip", "", ""},
		{"a street", "place", "next", []string{"t", "Main Street 5"}, "", "Main Street 5", ""},
		{"a landmark", "place", "next", []string{"o", "2"}, "2", "", ""},
		{"a landmark, and a street", "place", "next", []string{"o", "2", "t", "Main Street 5"}, "", "Main Street 5", ""},
		{"no place", "place", "next", nil, "", "", "Please write your answer."},
		{"no picture", "photo", "next", nil, "skip", "", ""},
		{"a phone number", "contact", "next", []string{"t", "+1 202 555 0100"}, "", "+1 202 555 0100", ""},
		{"a code", "code", "next", []string{"t", "AB12"}, "", "AB12", ""},
		{"no code", "code", "next", nil, "", "", "Please write your answer."},
		{"all correct", "review", "next", nil, "1", "", ""},
		{"to be changed", "review", "change.come", nil, "change come", "", ""},
		{"back", "choice", "back", nil, "*", "", ""},
		{"help", "choice", "help", nil, "0", "", ""},
		{"a person", "choice", "person", nil, "person", "", ""},
		{"the menu", "end", "menu", nil, "menu", "", ""},
		{"another language", "choice", "language.es", nil, "language es", "", ""},
		{"taken along", "choice", "carry", nil, "carry", "", ""},
		{"texted, but not where to", "carry", "carry", nil, "", "", "Please give a number."},
		{"texted", "carry", "carry", []string{"phone", "202-555-0100"}, "carry", "202-555-0100", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, in := at(t, WebName, c.page, func(s *Settings) { s.Texts = true })
			before := len(in.heard)
			b.press(c.do, c.fill...)
			if c.wrong != "" {
				if len(in.heard) != before {
					t.Fatalf("a turn was taken: %+v", in.last())
				}
				b.shows(`id="wrong"`, `<title>Please check – `, `href="#`, c.wrong)
				return
			}
			e := in.last()
			if len(in.heard) != before+1 || e.Choice != c.choice || e.Words != c.words {
				t.Fatalf("heard %q %q, want %q %q", e.Choice, e.Words, c.choice, c.words)
			}
			if e.Channel != WebName || e.From.Kind != WebName || len(e.From.ID) != 22 || !isToken(e.ID) || !e.At.Equal(noon) {
				t.Errorf("the event is %+v", e)
			}
		})
	}
}

// TestGivenBefore: an answer that was given before stands in its place, and can be taken away.
func TestGivenBefore(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*render.Page)
		page   string
		shown  string
		clear  []string
	}{
		{"a card", func(p *render.Page) { p.Options[1].Chosen = true }, "choices", `value="2" checked`, []string{"x", ""}},
		{"words", func(p *render.Page) { p.Skip, p.Entry.Values = false, []string{"More <trees>"} }, "text", "More &lt;trees&gt;</textarea>", []string{"t", ""}},
		{"shares", func(p *render.Page) { p.Entry.Values = []string{"5", "3", "2"} }, "budget", `name="v" value="3"`, nil},
		{"a day", func(p *render.Page) { p.Entry.Values = []string{"2027-03-15"} }, "date", `name="month" value="3"`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := pages()[c.page]
			c.change(&p)
			p.Skip = false
			in := &town{next: []render.Page{p}}
			b, _, _ := opened(t, Name, in)
			b.get("/kiosk").press("begin").shows(c.shown)
			if c.clear == nil {
				return
			}
			v := b.form()
			v.Del("o")
			v.Set(c.clear[0], c.clear[1])
			v.Set("do", "next")
			b.send(v)
			if e := in.last(); e.Choice != render.PressClear {
				t.Errorf("heard %+v", e)
			}
		})
	}
}

// TestTheSameFormTwice: what a shaking hand or a bad line sends again is one turn.
func TestTheSameFormTwice(t *testing.T) {
	b, in := at(t, Name, "choice")
	v := b.form()
	v.Set("do", "next")
	v.Set("o", "1")
	b.send(v)
	first, n := in.last(), len(in.heard)
	b.send(v)
	b.send(v)
	if len(in.heard) != n || b.status != http.StatusOK {
		t.Errorf("heard %d turns, want %d", len(in.heard), n)
	}
	// The answer to the first was lost, and the browser has the cookie of before.
	again, in2 := at(t, Name, "choice")
	jar := map[string]string{}
	for k, v := range again.jar {
		jar[k] = v
	}
	v = again.form()
	v.Set("do", "next")
	v.Set("o", "1")
	again.send(v)
	again.jar = jar
	again.send(v)
	if len(in2.heard) != 2 || in2.last().ID != first.ID {
		t.Errorf("heard %+v", in2.heard)
	}
}

// TestTwoWindowsOfOnePage: of two answers to one page the first counts, and the other window is told.
func TestTwoWindowsOfOnePage(t *testing.T) {
	a, in := at(t, Name, "choice")
	in.next = []render.Page{pages()["yesno"], pages()["number"]}
	window := a.form()
	a.press("next", "o", "1").shows("Did you come?")
	a.press("next", "o", "1").shows("How many people?")
	n := len(in.heard)
	window.Set("do", "next")
	window.Set("o", "3")
	a.send(window)
	a.shows("How many people?", words().Language("en").Phrase("screen.stale", 3))
	if len(in.heard) != n {
		t.Errorf("an old page was answered: %+v", in.last())
	}
}

// TestTheTownIsAway: what was filled in stays on the page, and is sent when the town is back.
func TestTheTownIsAway(t *testing.T) {
	b, in := at(t, WebName, "text")
	n := len(in.heard)
	in.down = true
	b.press("next", "t", `Trees & "shade"`)
	if b.status != http.StatusServiceUnavailable || b.heads.Get("Retry-After") == "" {
		t.Fatalf("status %d", b.status)
	}
	b.shows(`<input type="hidden" name="t" value="Trees &amp; &#34;shade&#34;">`, `value="next"`)
	in.down = false
	v := b.form()
	v.Set("do", "next")
	b.send(v)
	if len(in.heard) != n+1 || in.last().Words != `Trees & "shade"` {
		t.Errorf("heard %+v", in.last())
	}
	in.down = true
	if b.get("/web"); b.status != http.StatusServiceUnavailable {
		t.Errorf("status %d", b.status)
	}
	b.shows("Try again", `method="get"`)
}

// TestNoTurnWithoutScript: letters, colours, keys and steppers show the page again with what was filled in.
func TestNoTurnWithoutScript(t *testing.T) {
	for _, c := range []struct {
		name, page string
		presses    []string
		shown      []string
	}{
		{"larger letters", "choice", []string{"settings", "size.4", "on"}, []string{`data-size="4"`, "How do you come?"}},
		{"black and white", "choice", []string{"settings", "theme.high", "on"}, []string{`data-theme="high"`}},
		{"a faster voice", "choice", []string{"settings", "rate.6", "sound.on", "on"}, []string{`data-rate="6"`, `data-sound="on"`}},
		{"a word", "text", []string{"key.T", "key.r", "key.e", "key.e", "key.space", "key.5", "key.del", "key.é"}, []string{"Tree é</textarea>"}},
		{"signs and back", "text", []string{"key.layout.signs"}, []string{`value="key.?"`, `value="key.layout.en"`}},
		{"capital letters", "text", []string{"key.a"}, []string{`value="key.b"`, `value="key.layout.en-caps"`}},
		{"other letters", "text", []string{"key.layout.ar"}, []string{`value="key.ب"`, `dir="rtl"`}},
		{"digits", "number", []string{"key.1", "key.2"}, []string{`name="t" value="12"`}},
		{"one more", "number", []string{"more.t", "more.t", "more.t", "less.t"}, []string{`name="t" value="2"`}},
		{"not below the least", "number", []string{"more.t", "less.t", "less.t"}, []string{`name="t" value="1"`}},
		{"a day by steps", "date", []string{"more.day", "more.day", "more.month"}, []string{`name="day" value="3"`, `name="month" value="3"`, ">March</b>", `name="year" value="2027"`}},
		{"a day by keys", "date", []string{"key.1", "key.5", "key.4"}, []string{`name="day" value="15"`, `name="month" value="4"`, ">April</b>"}},
		{"shares", "budget", []string{"more.v0", "more.v0", "more.v2", "less.v0"}, []string{`id="v0" name="v" value="1"`, `id="v2" name="v" value="1"`, `data-total="10" data-a=`, ">8</b>"}},
		{"start over, or not", "choice", []string{"over", "on"}, []string{"How do you come?"}},
		{"a code, then the question", "carry", []string{"on"}, []string{"How do you come?"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, in := at(t, Name, c.page)
			n := len(in.heard)
			for _, p := range c.presses {
				b.press(p)
			}
			b.shows(c.shown...)
			if len(in.heard) != n {
				t.Errorf("a turn was taken: %+v", in.last())
			}
		})
	}
}

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

// TestTheEndOfAVisit: nothing of it stays in the browser, in the shelf, in the log; and an old page can't begin another.
func TestTheEndOfAVisit(t *testing.T) {
	in := &town{next: []render.Page{pages()["choice"]}}
	over := ""
	b, voice, log := opened(t, Name, in, func(s *Settings) { s.Over = func(v string) { over = v } })
	b.get("/kiosk").press("settings").press("size.4").press("on").press("begin")
	who, old := in.last().From.ID, b.form()
	if len(b.jar) != 2 || !strings.Contains(b.jar["visit-kiosk"], who) {
		t.Fatalf("the cookies are %v", b.jar)
	}
	b.press("over").shows("Start over?").press("over.yes")
	if len(b.jar) != 0 || in.last().Kind != channels.HungUp || over != who {
		t.Errorf("cookies %v, the last turn %+v, over %q", b.jar, in.last(), over)
	}
	b.shows(`data-page="welcome"`, `data-size="2"`)
	for key, l := range voice.lines {
		if voice.whose[key] != "" {
			t.Errorf("%q is still on the shelf", l.Words)
		}
	}
	n := len(in.heard)
	old.Set("do", "next")
	old.Set("o", "1")
	b.send(old).shows(words().Language("en").Phrase("screen.again", 3))
	if len(in.heard) != n {
		t.Error("an old page began a visit")
	}
	if strings.Contains(log.String(), who) {
		t.Errorf("the log names the visit: %s", log)
	}
}

// TestIdleEndsItsOwnVisit: the form of the idle question ends its visit from whichever page, and nobody else's.
func TestIdleEndsItsOwnVisit(t *testing.T) {
	b, in := at(t, Name, "choice")
	_, dialog, _ := strings.Cut(b.page, "<dialog")
	end := hiddenField.FindStringSubmatch(dialog)[2]
	b.press("next", "o", "1")
	other := map[string]string{"visit-kiosk": visit{id: "AAAAAAAAAAAAAAAAAAAAAA"}.cookie()}
	mine := b.jar
	b.jar = other
	b.send(url.Values{"token": {end}, "do": {"over.yes"}})
	if in.last().Kind == channels.HungUp {
		t.Fatal("somebody else's visit was ended")
	}
	b.jar = mine
	b.send(url.Values{"token": {end}, "do": {"over.yes"}})
	if in.last().Kind != channels.HungUp {
		t.Error("the visit goes on")
	}
}

// TestClearSiteData is sent at the machine, where nothing else of the town's is kept in the browser.
func TestClearSiteData(t *testing.T) {
	for name, want := range map[string]string{Name: `"cache", "storage"`, WebName: ""} {
		in := &town{next: []render.Page{pages()["choice"]}}
		b, _, _ := opened(t, name, in)
		b.get(b.base).press("begin").press("over")
		v := b.form()
		v.Set("do", "over.yes")
		r, err := http.NewRequest(http.MethodPost, b.base, strings.NewReader(v.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: "visit-" + name, Value: b.jar["visit-"+name]})
		w := &recorder{header: http.Header{}}
		b.handler.ServeHTTP(w, r)
		if got := w.header.Get("Clear-Site-Data"); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

type recorder struct{ header http.Header }

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *recorder) WriteHeader(int)             {}

// TestCookies: the visit's is for this server, these pages and no script; on a resident's own screen it lasts a day.
func TestCookies(t *testing.T) {
	for name, want := range map[string]string{Name: "Path=/kiosk; HttpOnly; SameSite=Strict", WebName: "Path=/web; Max-Age=86400; HttpOnly; SameSite=Strict"} {
		in := &town{next: []render.Page{pages()["choice"]}}
		b, _, _ := opened(t, name, in)
		for proto, secure := range map[string]bool{"": false, "https": true} {
			r, err := http.NewRequest(http.MethodPost, b.base, strings.NewReader("do=begin&token="))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if proto != "" {
				r.Header.Set("X-Forwarded-Proto", proto)
			}
			w := &recorder{header: http.Header{}}
			b.handler.ServeHTTP(w, r)
			if got := w.header.Get("Set-Cookie"); !strings.Contains(got, strings.Split(want, "; HttpOnly")[0]) || !strings.Contains(got, "HttpOnly") || !strings.Contains(got, "SameSite=Strict") || strings.Contains(got, "Secure") != secure {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
}

// TestWithoutCookies: a browser that keeps none is told what is missing.
func TestWithoutCookies(t *testing.T) {
	b, _, _ := opened(t, WebName, &town{next: []render.Page{pages()["choice"]}})
	b.get("/web?begun").shows(words().Language("en").Phrase("screen.cookies", 3), "Try again")
}

// TestCookiesThatAreRubbish are no visit and no look.
func TestCookiesThatAreRubbish(t *testing.T) {
	b, in, _ := opened(t, Name, &town{})
	_ = in
	for _, c := range []string{"", ".", "x.y", strings.Repeat("A", 22) + ".short", strings.Repeat("A", 4000), "<script>.x"} {
		b.jar = map[string]string{"visit-kiosk": c, "look-kiosk": c}
		if b.get("/kiosk"); b.status != http.StatusOK || !strings.Contains(b.page, `data-page="welcome"`) || strings.Contains(b.page, "<script>.x") {
			t.Errorf("%q: %d", c, b.status)
		}
	}
	b.jar = map[string]string{"look-kiosk": "9.pink.99.7.tlh"}
	b.get("/kiosk").shows(`data-size="2" data-theme="light" data-rate="4"`)
}

// TestLanguages: the browser's is the first, a card chooses another, and the event tells.
func TestLanguages(t *testing.T) {
	in := &town{next: []render.Page{pages()["choice"]}}
	b, _, _ := opened(t, WebName, in)
	b.ask(http.MethodGet, "/web", "", "", "Accept-Language", "de, fr-CA;q=0.8, en;q=0.5").shows(`<html lang="fr"`, "Español", "العربية")
	b.press("language.es")
	if e := in.heard[0]; e.Kind != channels.Dialed || e.Lang != "es" {
		t.Errorf("heard %+v", e)
	}
	b.jar = map[string]string{}
	b.ask(http.MethodGet, "/web", "", "", "Accept-Language", "tlh").shows(`<html lang="en"`)
}

// TestACodeIsBrought: a visit begins with it; without one the page asks again.
func TestACodeIsBrought(t *testing.T) {
	in := &town{next: []render.Page{pages()["menu"], pages()["choice"]}}
	b, _, _ := opened(t, Name, in)
	b.get("/kiosk").press("code").shows("What is your code?")
	b.press("key.4").press("key.8").press("key.del").shows(`name="t" value="4"`)
	b.press("next", "t", "").shows(`id="wrong"`)
	b.press("next", "t", "482 173 629").shows("How do you come?")
	if len(in.heard) != 2 || in.heard[0].Kind != channels.Dialed || in.heard[1].Words != "482 173 629" || in.heard[0].ID == in.heard[1].ID {
		t.Errorf("heard %+v", in.heard)
	}
	web, _, _ := opened(t, WebName, &town{})
	web.get("/web?code").shows("What is your code?")
}

// TestTakenAlong: the code is large, a camera finds the way, and a number is only asked for where texts can be sent.
func TestTakenAlong(t *testing.T) {
	b, _ := at(t, Name, "carry", func(s *Settings) { s.Number = "+15550100" })
	b.shows(`<bdi dir="ltr">482 173 629</bdi>`, `<svg class="qr"`, "Go on here", "Finish here")
	if strings.Contains(b.page, `name="phone"`) {
		t.Error("a number is asked for where no text can be sent")
	}
	b, _ = at(t, Name, "carry")
	if strings.Contains(b.page, `class="qr"`) {
		t.Error("a picture leads nowhere")
	}
	k := New(Settings{Phrases: words(), Number: "+15550100", PublicURL: "https://talk.elmwood.example"})
	if got := k.phoneAddress("482 173 629"); got != "sms:+15550100?body=482173629" {
		t.Error(got)
	}
	k = New(Settings{Phrases: words(), PublicURL: "https://talk.elmwood.example"})
	if got := k.phoneAddress("482 173 629"); got != "https://talk.elmwood.example/web?code#482173629" {
		t.Error(got)
	}
}

// TestRefused: what no page of ours sends.
func TestRefused(t *testing.T) {
	b, in := at(t, WebName, "text")
	n := len(in.heard)
	form := "application/x-www-form-urlencoded"
	good := b.form().Encode() + "&do=next&t=x"
	for _, c := range []struct {
		name, kind, body string
		header           []string
		want             int
	}{
		{"another site", form, good, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another site, older browser", form, good, []string{"Origin", "https://evil.example"}, 403},
		{"JSON", "application/json", "{}", nil, 400},
		{"no type", "", good, nil, 400},
		{"bad escapes", form, "t=%zz", nil, 400},
		{"many fields", form, strings.Repeat("v=1&", 100), nil, 413},
		{"a long field", form, "t=" + strings.Repeat("x", mostText+1), nil, 413},
		{"a huge form", form, "t=" + strings.Repeat("x", mostForm), nil, 413},
		{"half a multipart", "multipart/form-data; boundary=x", "--x\r\nContent-Disp", nil, 400},
		{"no boundary", "multipart/form-data", "--x", nil, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			if b.ask(http.MethodPost, "/web", c.kind, c.body, c.header...); b.status != c.want {
				t.Errorf("status %d, want %d", b.status, c.want)
			}
		})
	}
	if len(in.heard) != n {
		t.Errorf("the town heard %+v", in.heard[n:])
	}
	for path, want := range map[string]int{"/web/audio/x.wav": 404, "/web/audio/x": 404, "/web/nothing": 404} {
		if b.get(path); b.status != want {
			t.Errorf("%s: %d", path, b.status)
		}
	}
	b.ask(http.MethodDelete, "/web", "", "")
	if b.status != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", b.status)
	}
}

// TestHosts: a name that is not the town's leads nowhere, where names are given.
func TestHosts(t *testing.T) {
	k := New(Settings{Phrases: words(), Hosts: []string{"localhost"}})
	for host, want := range map[string]bool{"localhost:8080": true, "127.0.0.1": true, "[::1]:80": true, "evil.example": false} {
		if k.knowsHost(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
}

// TestHeaders of every page.
func TestHeaders(t *testing.T) {
	b, _ := at(t, Name, "choice")
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Encoding": "gzip", "Permissions-Policy": "microphone=()",
	} {
		if got := b.heads.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	policy := b.heads.Get("Content-Security-Policy")
	_, style, _ := strings.Cut(b.page, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	_, script, _ := strings.Cut(b.page, "<script>")
	script, _, _ = strings.Cut(script, "</script>")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", hashOf(style), hashOf(script)} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
}

// TestClips: words of pages have clips that any server finds; the visitor's own go when they go.
func TestClips(t *testing.T) {
	b, _ := at(t, Name, "choice")
	for path, want := range map[string]string{
		"p.en.next.mp3": "<en:Continue>", "p.es.next.opus": "<es:Continuar>", "k.en.61.mp3": "<en:a>", "k.ar.2b.mp3": "<ar:+>", "k.en.4e00.mp3": "<sorry en>", "k.en.1f600.mp3": "<sorry en>", "gap.mp3": "<sorry en>",
		"p.en.nothing.mp3": "<sorry en>", "p.tlh.next.mp3": "<sorry en>", "0123.mp3": "<sorry en>",
	} {
		if b.get("/kiosk/audio/" + path); b.page != want {
			t.Errorf("%s is %q, want %q", path, b.page, want)
		}
	}
	if b.get("/kiosk/say.mp3"); b.page != "<en:Question 3 of 9 or fewer><en:How do you come?><en:On foot><en:By bicycle><en:By bus><en:Continue><en:Back>" {
		t.Errorf("the page says %s", b.page)
	}
	b.ask(http.MethodPost, "/kiosk/say", "text/plain", "Rosa")
	if key := b.page; b.get("/kiosk/audio/"+key+".mp3").page != "<en:Rosa>" {
		t.Errorf("%q says %q", key, b.page)
	}
	b.jar = nil
	b.ask(http.MethodPost, "/kiosk/say", "text/plain", "Rosa")
	if b.status != http.StatusBadRequest {
		t.Errorf("somebody without a visit had something said: %d", b.status)
	}
}

// TestPrinted: the receipt has the number and what happens next.
func TestPrinted(t *testing.T) {
	var got Receipt
	b, in := at(t, Name, "end", func(s *Settings) { s.Print = func(_ context.Context, r Receipt) error { got = r; return nil } })
	n := len(in.heard)
	b.shows(`<bdi dir="ltr">482-173-5</bdi>`).press("print").shows(words().Language("en").Phrase("screen.print.yes", 3))
	if got.Reference != "482-173-5" || len(got.Lines) != 1 || got.Town != "Elmwood" || !got.At.Equal(noon) || len(in.heard) != n {
		t.Errorf("printed %+v", got)
	}
	b, _ = at(t, Name, "end")
	if strings.Contains(b.page, `value="print"`) {
		t.Error("there is a button for a printer that isn't there")
	}
}

// TestAPicture: it is drawn anew, upright, no larger than needed, and what the camera wrote into it is gone.
func TestAPicture(t *testing.T) {
	b, in := at(t, WebName, "photo")
	img := image.NewRGBA(image.Rect(0, 0, 3200, 800))
	for x := range 1600 {
		for y := range 800 {
			img.SetRGBA(x, y, color.RGBA{255, 0, 0, 255})
		}
	}
	var raw bytes.Buffer
	if err := jpeg.Encode(&raw, img, nil); err != nil {
		t.Fatal(err)
	}
	b.upload("photo", "a.jpg", withTurn(raw.Bytes(), 6))
	e := in.last()
	if len(e.Attached) != 1 || e.Attached[0].Type != "image/jpeg" {
		t.Fatalf("heard %+v", e)
	}
	got, err := jpeg.Decode(bytes.NewReader(e.Attached[0].Bytes))
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Bounds().Size(); s != image.Pt(400, 1600) {
		t.Errorf("it is %v large", s)
	}
	if r, g, _, _ := got.At(200, 100).RGBA(); r < 0xf000 || g > 0x1000 {
		t.Error("what was on the left is not at the top")
	}
	if bytes.Contains(e.Attached[0].Bytes, []byte("Exif")) || bytes.Contains(e.Attached[0].Bytes, []byte("SECRET PLACE")) {
		t.Error("what the camera wrote is still there")
	}

	n := len(in.heard)
	b.get("/web")
	b.upload("photo", "a.jpg", []byte("this is no picture"))
	b.shows(`id="wrong"`, "use this picture")
	if len(in.heard) != n {
		t.Error("what is no picture was taken")
	}
}

// TestAPictureThatIsLargerThanItLooks: a few bytes can stand for more memory than a server has.
func TestAPictureThatIsLargerThanItLooks(t *testing.T) {
	jpg := func(sof byte, before ...byte) []byte { // 7000 by 7000
		b := append([]byte{0xff, 0xd8}, before...)
		return append(b, 0xff, sof, 0, 17, 8, 0x1b, 0x58, 0x1b, 0x58, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0)
	}
	for _, c := range []struct {
		name string
		b    []byte
		m    color.Model
		kind string
		room int
	}{
		{"from the top down", jpg(0xc0), color.YCbCrModel, "jpeg", 3},
		{"in scans", jpg(0xc2), color.YCbCrModel, "jpeg", 15},
		{"in scans, behind a mark without a length", jpg(0xc2, 0xff, 0xd0), color.YCbCrModel, "jpeg", 15},
		{"for print, in scans", jpg(0xc2), color.CMYKModel, "jpeg", 20},
		{"eight bits", nil, color.NRGBAModel, "png", 4},
		{"sixteen bits", nil, color.NRGBA64Model, "png", 8},
	} {
		if got := room(c.m, c.kind, c.b); got != c.room {
			t.Errorf("%s: %d bytes a pixel, want %d", c.name, got, c.room)
		}
	}
	read := 0
	image.RegisterFormat("counted", "counted", func(io.Reader) (image.Image, error) { read++; return nil, errors.New("read") },
		func(io.Reader) (image.Config, error) {
			return image.Config{ColorModel: color.RGBA64Model, Width: 7000, Height: 7000}, nil
		})
	if _, wrong := photographed(&file{bytes: []byte("counted")}); wrong == nil || read > 0 {
		t.Errorf("a picture that needs 392 MB was read %d times", read)
	}
}

// TestPicturesOneAtATime: who comes second waits, and nothing is lost when it takes too long.
func TestPicturesOneAtATime(t *testing.T) {
	k := NewWeb(Settings{Phrases: words()})
	p := pages()["photo"]
	k.pictures <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := &form{picture: &file{bytes: []byte("this is no picture")}}
	if _, _, err := k.understood(ctx, f, &p, words().Language("en")); !errors.Is(err, errPictures) {
		t.Errorf("two at once: %v", err)
	}
	<-k.pictures
	if _, wrong, err := k.understood(t.Context(), f, &p, words().Language("en")); wrong == nil || err != nil {
		t.Errorf("the next: %v %v", wrong, err)
	}
	if len(k.pictures) > 0 {
		t.Error("nobody else may")
	}
}

// TestARecording comes with the form, where the voice may be recorded.
func TestARecording(t *testing.T) {
	b, in := at(t, WebName, "text")
	b.upload("sound", "sound.webm", []byte("\x1aE\xdf\xa3voice"))
	if e := in.last(); len(e.Attached) != 1 || e.Attached[0].Type != "audio/webm" || e.Choice != "" {
		t.Errorf("heard %+v", e)
	}
	kiosk, in := at(t, Name, "text")
	kiosk.upload("sound", "sound.webm", []byte("\x1aE\xdf\xa3voice"))
	if e := in.last(); len(e.Attached) != 0 || e.Choice != "skip" {
		t.Errorf("a machine without a microphone took a recording: %+v", e)
	}
}

// upload sends the page's form with a file.
func (c *caller) upload(name, file string, content []byte) {
	c.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for field, values := range c.form() {
		for _, v := range values {
			if err := m.WriteField(field, v); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	if err := m.WriteField("do", "next"); err != nil {
		c.t.Fatal(err)
	}
	w, err := m.CreatePart(map[string][]string{"Content-Disposition": {`form-data; name="` + name + `"; filename="` + file + `"`}, "Content-Type": {"audio/webm"}})
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		c.t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		c.t.Fatal(err)
	}
	c.ask(http.MethodPost, c.base, m.FormDataContentType(), b.String())
}

// withTurn puts an EXIF part into a JPEG that says how the camera was held, and where.
func withTurn(b []byte, how uint16) []byte {
	tiff := []byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00")
	tiff = binary.LittleEndian.AppendUint16(tiff, how)
	tiff = append(tiff, "\x00\x00\x00\x00\x00\x00SECRET PLACE"...)
	part := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{}, b[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(part)+2))
	return append(append(out, part...), b[2:]...)
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{"token=x&do=next&o=1&o=3", "t=%F0%9F%98%80&do=key.a", "v=5&v=3&do=more.v1", "day=31&month=2&year=27&do=less.day", "do=key.layout.ar&pad=zh-caps&at=code", "phone=+1&at=carry&do=key.del"} {
		f.Add(s)
	}
	l := words().Language("en")
	k := New(Settings{Phrases: words(), Texts: true})
	v, err := newVisit(counting(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := parseForm(body)
		if err != nil {
			return
		}
		for name, p := range pages() {
			form := *got
			form.options = append([]string(nil), got.options...)
			form.shares = append([]string(nil), got.shares...)
			if !form.edit(&p, "en", noon) {
				e, wrong := answer(&form, &p, l)
				if wrong == nil && e.Choice == "" && e.Words == "" && len(e.Attached) == 0 {
					t.Fatalf("%s: %q is an answer that says nothing", name, body)
				}
			}
			s := k.draw(&p, v, usualLook(), &form)
			s.finish()
			var b bytes.Buffer
			if err := k.paper.page.Execute(&b, s); err != nil {
				t.Fatalf("%s: %q: %v", name, body, err)
			}
		}
	})
}

func FuzzPicture(f *testing.F) {
	var raw bytes.Buffer
	if err := jpeg.Encode(&raw, image.NewRGBA(image.Rect(0, 0, 4, 3)), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(withTurn(raw.Bytes(), 6))
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x10Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if how := orientation(b); how < 0 || how > 0xffff {
			t.Fatal(how)
		}
		if len(b) < 4096 {
			_, _ = photographed(&file{bytes: b})
		}
	})
}

func BenchmarkPage(b *testing.B) {
	p := pages()["choice"]
	c, _, _ := opened(b, Name, &town{shown: &p})
	v, err := newVisit(counting(1))
	if err != nil {
		b.Fatal(err)
	}
	c.jar["visit-kiosk"] = v.cookie()
	r, err := http.NewRequest(http.MethodGet, "/kiosk", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "visit-kiosk", Value: v.cookie()})
	r.Header.Set("Accept-Encoding", "gzip")
	b.ReportAllocs()
	for b.Loop() {
		c.handler.ServeHTTP(&recorder{header: http.Header{}}, r)
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
