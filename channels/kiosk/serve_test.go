package kiosk

import (
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

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }

func (r *recorder) WriteHeader(int) {}

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

// TestACodeIsBroughtToAnOpenVisit: a picture that is scanned while something is open leads to the code's page all the same; what
// was open is set aside by the town, which hears that somebody came, and then the code.
func TestACodeIsBroughtToAnOpenVisit(t *testing.T) {
	b, in := at(t, WebName, "number")
	visit := in.last().From
	in.next = []render.Page{pages()["menu"], pages()["choice"]}
	n := len(in.heard)
	b.get("/web?code").shows("What is your code?", `data-page="code"`)
	b.press("on").shows("How many people?") // back: nothing has happened
	b.get("/web?code").press("next", "t", "").shows(`id="wrong"`)
	b.press("key.4").press("key.8").press("key.del").shows(`name="t" value="4"`)
	if len(in.heard) != n {
		t.Fatalf("heard %+v", in.heard[n:])
	}
	b.press("next", "t", "482 173 629").shows("How do you come?")
	got := in.heard[n:]
	if len(got) != 2 || got[0].Kind != channels.Dialed || got[1].Words != "482 173 629" || got[0].From != visit || got[1].From != visit {
		t.Errorf("heard %+v", got)
	}
	if b.get("/web"); !strings.Contains(b.page, "How do you come?") {
		t.Error("the page is lost")
	}
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
	if k := New(Settings{Phrases: words(), Bot: "ElmwoodTownBot"}); k.phoneAddress("482 173 629") != "https://t.me/ElmwoodTownBot?start=482173629" {
		t.Error(k.phoneAddress("482 173 629"))
	}
	k = New(Settings{Phrases: words(), PublicURL: "https://talk.elmwood.example", Bot: "ElmwoodTownBot"})
	if got := k.phoneAddress("482 173 629"); got != "https://talk.elmwood.example/web?code#482173629" {
		t.Error(got)
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
