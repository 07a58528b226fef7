package kiosk

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

var anew = flag.Bool("golden", false, "write the golden pages anew")

var words = sync.OnceValue(func() *locales.Catalogue {
	c, err := locales.Load()
	if err != nil {
		panic(err)
	}
	return c
})

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// town is an inbox that shows one page after the other, and the same again for the same id.
type town struct {
	mu    sync.Mutex
	next  []render.Page // what turns are answered with, in order; the last one stays
	shown *render.Page
	given map[string]render.Page
	heard []channels.Event // turns only
	looks int
	down  bool
}

func (t *town) Receive(_ context.Context, e channels.Event) (channels.Reply, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down {
		return channels.Reply{}, errors.New("down")
	}
	if p, ok := t.given[e.From.ID+e.ID]; ok && e.ID != "" {
		return channels.Reply{Pages: []render.Page{p}}, nil
	}
	if e.Kind == channels.Looked {
		t.looks++
		if t.shown == nil {
			return channels.Reply{}, nil
		}
		return channels.Reply{Pages: []render.Page{*t.shown}}, nil
	}
	t.heard = append(t.heard, e)
	if e.Kind == channels.HungUp {
		return channels.Reply{}, nil
	}
	p := t.next[0]
	if len(t.next) > 1 {
		t.next = t.next[1:]
	}
	t.shown = &p
	if t.given == nil {
		t.given = map[string]render.Page{}
	}
	t.given[e.From.ID+e.ID] = p
	return channels.Reply{Pages: []render.Page{p}}, nil
}

func (t *town) Report(context.Context, string, string, channels.Delivery) error { return nil }

// last is the last turn.
func (t *town) last() channels.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.heard) == 0 {
		return channels.Event{}
	}
	return t.heard[len(t.heard)-1]
}

// shelf says every word by its own letters.
type shelf struct {
	mu    sync.Mutex
	lines map[string]audio.Line
	whose map[string]string
}

func (s *shelf) Speaks(lang string) bool { return lang != "so" }
func (s *shelf) Key(lang, words string) string {
	return strings.Trim(hashOf(lang + words)[7:39], "+/=")
}
func (s *shelf) Offer(visitor string, l audio.Line) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines == nil {
		s.lines, s.whose = map[string]audio.Line{}, map[string]string{}
	}
	key := regexp.MustCompile(`[^0-9A-Za-z]`).ReplaceAllString(s.Key(l.Lang, l.Words), "0")
	s.lines[key], s.whose[key] = l, visitor
	return key
}
func (s *shelf) Forget(visitor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, who := range s.whose {
		if who == visitor {
			delete(s.lines, key)
			delete(s.whose, key)
		}
	}
}
func (s *shelf) Open(_ context.Context, key string, f audio.Format) (*audio.Clip, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.lines[key]
	if !ok {
		return nil, &audio.Gap{ClipKey: key}
	}
	return &audio.Clip{Key: key, Format: f, Bytes: []byte("<" + l.Lang + ":" + l.Words + ">")}, nil
}
func (s *shelf) Sorry(_ context.Context, lang string, f audio.Format) *audio.Clip {
	return &audio.Clip{Format: f, Bytes: []byte("<sorry " + lang + ">")}
}

// caller is a browser that knows nothing but forms.
type caller struct {
	t       testing.TB
	handler http.Handler
	base    string
	jar     map[string]string
	heads   http.Header
	status  int
	page    string // the last page
	size    int    // of it, compressed, with its headers
}

// opened is a kiosk, or web pages, in front of a town, and a caller.
func opened(t testing.TB, name string, in *town, change ...func(*Settings)) (*caller, *shelf, *strings.Builder) {
	t.Helper()
	voice, log := &shelf{}, &strings.Builder{}
	s := Settings{
		Town: "Elmwood", Phrases: words(), Sound: voice, Clock: func() time.Time { return noon }, Entropy: counting(7),
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&s)
	}
	c, _ := served(t, newChannel(name, s), in)
	return c, voice, log
}

// served is a caller of a channel that is at hand.
func served(t testing.TB, k *Kiosk, in channels.Inbox) (*caller, *Kiosk) {
	mux := http.NewServeMux()
	k.Mount(mux, in)
	return &caller{t: t, handler: mux, base: k.base, jar: map[string]string{}}, k
}

// counting is bytes that count up.
type counting byte

func (r counting) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r) + byte(i)
	}
	return len(b), nil
}

func (c *caller) get(path string) *caller { return c.ask(http.MethodGet, path, "", "") }

func (c *caller) ask(method, path, kind, body string, header ...string) *caller {
	c.t.Helper()
	for range 4 {
		r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		r.Header.Set("Accept-Encoding", "gzip")
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		for name, value := range c.jar {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		res := w.Result()
		for _, k := range res.Cookies() {
			if k.MaxAge < 0 {
				delete(c.jar, k.Name)
			} else {
				c.jar[k.Name] = k.Value
			}
		}
		c.status, c.heads = res.StatusCode, res.Header
		if to := res.Header.Get("Location"); to != "" {
			method, path, kind, body = http.MethodGet, to, "", ""
			continue
		}
		c.size = w.Body.Len() + len("HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Length: 12345\r\n\r\n")
		for name, l := range res.Header {
			for _, v := range l {
				c.size += len(name) + len(v) + 4
			}
		}
		text := w.Body.Bytes()
		if res.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader(text))
			if err != nil {
				c.t.Fatal(err)
			}
			if text, err = io.ReadAll(z); err != nil {
				c.t.Fatal(err)
			}
		}
		c.page = string(text)
		return c
	}
	c.t.Fatal("the pages lead in a circle")
	return c
}

var (
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)
	inputField  = regexp.MustCompile(`<input id="[a-z0-9]+" name="([a-z]+)" value="([^"]*)"`)
	checkedCard = regexp.MustCompile(`<input type="(?:radio|checkbox)" name="(o)" value="([1-7])"(?: id="o1")? checked>`)
	areaField   = regexp.MustCompile(`(?s)<textarea id="t" name="(t)"[^>]*>\n(.*?)</textarea>`)
)

// form is what the page's form sends as it stands.
func (c *caller) form() url.Values {
	v, page := url.Values{}, c.page
	page, _, _ = strings.Cut(page, "<dialog")
	for _, find := range []*regexp.Regexp{hiddenField, inputField, checkedCard, areaField} {
		for _, m := range find.FindAllStringSubmatch(page, -1) {
			v.Add(m[1], unescape.Replace(m[2]))
		}
	}
	return v
}

var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#34;", `"`, "&#39;", "'", "&amp;", "&")

// press sends the page's form with a button, and what else is filled in.
func (c *caller) press(do string, fill ...string) *caller {
	c.t.Helper()
	v := c.form()
	for i := 0; i+1 < len(fill); i += 2 {
		v.Del(fill[i])
	}
	for i := 0; i+1 < len(fill); i += 2 {
		v.Add(fill[i], fill[i+1])
	}
	v.Set("do", do)
	return c.send(v)
}

func (c *caller) send(v url.Values) *caller {
	c.t.Helper()
	return c.ask(http.MethodPost, c.base, "application/x-www-form-urlencoded", v.Encode())
}

func (c *caller) shows(words ...string) *caller {
	c.t.Helper()
	for _, w := range words {
		if !strings.Contains(c.page, w) {
			c.t.Fatalf("the page does not show %q:\n%s", w, body(c.page))
		}
	}
	return c
}

// body is a page without its style and script, to be read in a test's words.
func body(page string) string {
	page = regexp.MustCompile(`(?s)<style>.*?</style>`).ReplaceAllString(page, "<style>…</style>")
	return regexp.MustCompile(`(?s)<script>.*?</script>`).ReplaceAllString(page, "<script>…</script>")
}

// pages are one of each kind, as render makes them.
func pages() map[string]render.Page {
	way := &engine.Way{At: 3, Least: 7, Most: 9}
	ask := func(asks dialogs.Type, heading string, more func(*render.Page)) render.Page {
		p := render.Page{Lang: "en", Title: "The town fair", Asks: asks, Number: 1, Of: 1, Way: way, Blocks: []render.Block{{Kind: "heading", Key: "q", Words: heading}}}
		if more != nil {
			more(&p)
		}
		return p
	}
	options := func(labels ...string) (out []render.Shown) {
		for i, l := range labels {
			out = append(out, render.Shown{ID: "id" + l, Digit: string(rune('1' + i)), Label: l})
		}
		return out
	}
	return map[string]render.Page{
		"menu": {Lang: "en", Asks: engine.Pick, Number: 1, Of: 2, Blocks: []render.Block{{Kind: "note", Key: "@welcome", Words: "Hello, this is Elmwood."}, {Kind: "heading", Key: "@menu.title", Words: "What can we do for you?"}},
			Options: append(options("A day for the library", "A visit at home", "Main Street plan", "Opening hours", "Report a street problem", "Tell us what we got wrong", "The buses in our town"), render.Shown{Digit: "8", Label: "more"})},
		"choice": ask(dialogs.Choice, "How do you come?", func(p *render.Page) {
			p.Options = options("On foot", "By bicycle", "By bus")
			p.Options[1].Icon, p.Options[2].Icon = "bicycle", "bus"
		}),
		"choices": ask(dialogs.Choices, "What do you like?", func(p *render.Page) {
			p.Options, p.Skip, p.Entry = options("Music", "Food", "Rides", "Market"), true, &render.Entry{Limit: 2}
		}),
		"choices-more": ask(dialogs.Choices, "What do you like?", func(p *render.Page) {
			p.Options, p.Given, p.Number, p.Of = append(options("Talks", "Rest"), render.Shown{Digit: "8", Label: "more"}), true, 1, 2
		}),
		"rank": ask(dialogs.Rank, "Which comes next?", func(p *render.Page) {
			p.Blocks = append([]render.Block{{Kind: "text", Words: "Put these in order."}, {Kind: "given", Words: "1. More shade"}}, p.Blocks...)
			p.Options, p.Given = options("More toilets", "Free water"), true
		}),
		"budget": ask(dialogs.Budget, "You have 10 coins.", func(p *render.Page) {
			p.Options, p.Entry = options("A stage", "Lights", "Safety"), &render.Entry{Total: 10}
			for i := range p.Options {
				p.Options[i].Digit = ""
			}
		}),
		"yesno": ask(dialogs.YesNo, "Did you come?", func(p *render.Page) { p.Options = options("Yes", "No") }),
		"number": ask(dialogs.Number, "How many people?", func(p *render.Page) {
			p.Entry = &render.Entry{HasMin: true, HasMax: true, Min: 1, Max: 20, Whole: true}
		}),
		"date": ask(dialogs.Date, "Which day?", func(p *render.Page) { p.Entry = &render.Entry{From: "2027-03-02", To: "2027-04-26"} }),
		"text": ask(dialogs.Words, "Tell us in your own words.", func(p *render.Page) {
			p.Skip, p.Entry = true, &render.Entry{Limit: 300, Records: true}
		}),
		"place": ask(dialogs.Place, "Where is it?", func(p *render.Page) {
			p.Entry, p.Options = &render.Entry{Limit: 200}, options("The library", "The park")
		}),
		"photo":   ask(dialogs.Photo, "You can send a photo.", func(p *render.Page) { p.Skip = true }),
		"contact": ask(dialogs.Contact, "What number may we text?", func(p *render.Page) { p.Skip, p.Entry = true, &render.Entry{} }),
		"code":    ask(dialogs.Code, "What is the code in your letter?", func(p *render.Page) { p.Entry = &render.Entry{} }),
		"review": ask(dialogs.Review, "Please check your answers.", func(p *render.Page) {
			p.Blocks = append(p.Blocks, render.Block{Kind: "item", Key: "come", Words: "How do you come?", Answer: "On foot", Change: true}, render.Block{Kind: "item", Key: "like", Words: "What do you like?", Answer: "Music, Food", Change: true})
			p.Options = options("All correct", "Change an answer")
		}),
		"carry": ask(dialogs.Choice, "How do you come?", func(p *render.Page) {
			p.Blocks = append([]render.Block{{Kind: "note", Words: "Your code is below."}, {Kind: "code", Words: "482 173 629"}}, p.Blocks...)
			p.Options = options("On foot", "By bicycle")
		}),
		"end": {Lang: "en", Title: "The town fair", Number: 1, Of: 1, Over: true, Blocks: []render.Block{{Kind: "text", Words: "Thank you. Your number is 482-173-5."}, {Kind: "reference", Words: "482-173-5"}}},
	}
}

// at is a caller who has one of the pages on show.
func at(t testing.TB, channel, page string, change ...func(*Settings)) (*caller, *town) {
	t.Helper()
	p, ok := pages()[page]
	if !ok {
		t.Fatalf("there is no page %q", page)
	}
	in := &town{next: []render.Page{p}}
	c, _, _ := opened(t, channel, in, change...)
	c.get(c.base).press("begin")
	if c.status != http.StatusOK || in.last().Kind != channels.Dialed {
		t.Fatalf("a visit does not begin: %d %+v", c.status, in.heard)
	}
	return c, in
}
