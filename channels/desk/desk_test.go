package desk

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
)

// counter is a town's cases, made up.
type counter struct {
	mu    sync.Mutex
	all   []channels.CaseWhole
	did   []channels.CaseAct
	fail  error
	media map[string]channels.Attachment
}

func (c *counter) Cases(context.Context, string) (out []channels.Case, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.all {
		out = append(out, w.Case)
	}
	return out, c.fail
}

func (c *counter) Case(_ context.Context, id string) (channels.CaseWhole, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.all {
		if w.ID == id {
			return w, nil
		}
	}
	return channels.CaseWhole{}, channels.ErrNoCase
}

func (c *counter) Act(_ context.Context, a channels.CaseAct) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return c.fail
	}
	c.did = append(c.did, a)
	for i := range c.all {
		w := &c.all[i]
		if w.ID != a.Case {
			continue
		}
		if w.Clerk != "" && w.Clerk != a.Clerk && a.From != w.Clerk {
			return channels.ErrCaseTaken
		}
		w.Clerk = a.Clerk
		switch a.Kind {
		case channels.CaseSay:
			w.Letters, w.Unread = append(w.Letters, channels.CaseLetter{At: monday, By: a.Clerk, Words: a.Words}), 0
		case channels.CaseHandOver:
			w.Clerk = a.To
		case channels.CaseClose, channels.CaseHandBack:
			c.all = slices.Delete(c.all, i, i+1)
		}
		return nil
	}
	return channels.ErrNoCase
}

func (c *counter) CaseMedia(_ context.Context, _, ref string) (channels.Attachment, error) {
	m, ok := c.media[ref]
	if !ok {
		return m, channels.ErrNoCase
	}
	return m, nil
}

var monday = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const password = "four eight two one"

var hashOnce = sync.OnceValues(func() (string, error) { return Hash(password, rand.Reader) })

// town is a desk that is served.
type town struct {
	t      *testing.T
	cases  *counter
	desk   *Desk
	server *httptest.Server
	now    time.Time
}

func open(t *testing.T, change ...func(*Settings)) *town {
	t.Helper()
	hash, err := hashOnce()
	if err != nil {
		t.Fatal(err)
	}
	w := &town{t: t, cases: &counter{}, now: monday}
	w.cases.all = []channels.CaseWhole{{
		Case: channels.Case{
			ID: "c0ffee", Since: monday.Add(-130 * time.Minute), Last: monday, Unread: 1, Title: "Street problem", Channel: "sms", Lang: "ar", Reach: channels.Written, Overdue: true,
		},
		Shown: "أين هو؟", Answers: []channels.CaseAnswer{{Question: "ما المشكلة؟", Answer: "<b>حفرة</b>"}},
		Requests: []channels.CaseRequest{{Reference: "482-173-5", What: "Hole", Status: "open", Due: "2026-11-30", This: true}},
		Letters:  []channels.CaseLetter{{At: monday, Channel: "sms", Words: "مرحبا <script>alert(1)</script>", Media: []string{"media:01"}}},
	}}
	s := Settings{
		Town: "Elmwood", Cases: w.cases, Media: w.cases, Clerks: map[string]string{"Anna": hash, "Bert": hash}, Now: func() time.Time { return w.now },
		Tongue: func(tag string) string { return map[string]string{"ar": "العربية"}[tag] }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	for _, c := range change {
		c(&s)
	}
	if w.desk, err = New(s); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	w.desk.Mount(mux, nil)
	w.server = httptest.NewServer(mux)
	t.Cleanup(w.server.Close)
	return w
}

// browser is one clerk's.
type browser struct {
	*town
	client *http.Client
	header http.Header
	path   string // of the page that is shown
	status int
	page   string
	got    http.Header
}

func (w *town) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{town: w, client: &http.Client{Jar: jar}, header: http.Header{}}
}

func (b *browser) do(r *http.Request) {
	b.t.Helper()
	for k, v := range b.header {
		r.Header[k] = v
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.path, b.status, b.page, b.got = resp.Request.URL.RequestURI(), resp.StatusCode, string(text), resp.Header
}

func (b *browser) get(path string) string {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.server.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(r)
	return b.page
}

// send posts a form, with what is hidden in the page that is shown.
func (b *browser) send(path string, fields ...string) string {
	b.t.Helper()
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(b.page, -1) {
		form.Set(m[1], m[2])
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	b.do(r)
	return b.page
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

func (b *browser) logIn(name string) *browser {
	b.t.Helper()
	b.get("/desk")
	if b.path != "/desk/login" {
		b.t.Fatal(b.path)
	}
	if b.send("/desk/login", "name", name, "password", password); b.path != "/desk" {
		b.t.Fatal(b.path, b.page)
	}
	return b
}

func (b *browser) expect(wants ...string) {
	b.t.Helper()
	for _, want := range wants {
		if !strings.Contains(b.page, want) {
			b.t.Fatalf("%s shows no %q:\n%s", b.path, want, b.page)
		}
	}
}

func TestAClerkAnswers(t *testing.T) {
	w := open(t)
	b := w.browser().logIn("Anna")
	b.expect("Who waits", "Street problem", "2 h 10 min", "overdue", "العربية", "1 new", "Nobody yet")
	b.get("/desk/case/c0ffee")
	b.expect(`dir="auto" lang="ar"`, "مرحبا &lt;script&gt;", "&lt;b&gt;حفرة", "أين هو؟", "482-173-5", "(this talk)", "/desk/case/c0ffee/media?ref=media%3a01")
	b.send("/desk/case/c0ffee", "do", "take")
	b.expect("You</dd>")
	b.send("/desk/case/c0ffee", "do", "say", "words", "Hello")
	b.expect("Hello", "Anna, 12:00")
	b.send("/desk/case/c0ffee", "do", "hand", "to", "Carl") // who is no colleague
	b.expect("Choose a colleague first")
	b.send("/desk/case/c0ffee", "do", "hand", "to", "Bert")
	b.expect("Take it over from Bert")
	b.send("/desk/case/c0ffee", "do", "take")
	b.send("/desk/case/c0ffee", "do", "back", "words", "Over to the machine")
	b.expect("It goes on without a person", "Nobody waits")
	var did []string
	for _, a := range w.cases.did {
		did = append(did, a.Clerk+string(rune('0'+a.Kind))+a.Words+a.To+a.From)
	}
	if got := strings.Join(did, "|"); got != "Anna1|Anna2Hello|Anna3Bert|Anna1Bert|Anna4Over to the machine" {
		t.Fatal(got)
	}
}

func TestEachFormHasATokenOfItsOwn(t *testing.T) {
	w := open(t)
	b := w.browser().logIn("Anna")
	for range 2 {
		b.get("/desk/case/c0ffee")
		page := b.page
		b.send("/desk/case/c0ffee", "do", "say", "words", "Hello")
		b.page = page // the same form again: a slow line, and a second press
		b.send("/desk/case/c0ffee", "do", "say", "words", "Hello")
	}
	d := w.cases.did
	if len(d) != 4 || d[0].Token != d[1].Token || d[2].Token != d[3].Token || d[0].Token == d[2].Token || len(d[0].Token) < 20 {
		t.Fatalf("%+v", d)
	}
}

func TestWordsThatWereNotSentAreKept(t *testing.T) {
	for _, c := range []struct {
		fail   error
		status int
		says   string
	}{
		{channels.ErrUnwanted, http.StatusConflict, "They sent STOP"}, {channels.ErrCaseTaken, http.StatusConflict, "A colleague has this"},
		{channels.ErrSaidLong, http.StatusUnprocessableEntity, "1000 characters"}, {io.ErrUnexpectedEOF, http.StatusServiceUnavailable, "nothing is sent twice"},
	} {
		w := open(t)
		b := w.browser().logIn("Anna")
		b.get("/desk/case/c0ffee")
		w.cases.fail = c.fail
		b.send("/desk/case/c0ffee", "do", "say", "words", "my long answer")
		if b.status != c.status {
			t.Fatal(b.status)
		}
		b.expect(c.says, "my long answer</textarea>", `role="alert"`)
	}
}

func TestWhoMayComeIn(t *testing.T) {
	t.Run("nobody without a password", func(t *testing.T) {
		w := open(t)
		b := w.browser()
		for _, path := range []string{"/desk", "/desk/case/c0ffee", "/desk/case/c0ffee/media?ref=media:01"} {
			if b.get(path); b.path != "/desk/login" || strings.Contains(b.page, "Street") {
				t.Fatal(path, b.path)
			}
		}
		if b.get("/desk?part=rows"); b.status != http.StatusUnauthorized {
			t.Fatal(b.status)
		}
		if b.send("/desk/case/c0ffee", "do", "close"); len(w.cases.did) > 0 {
			t.Fatal(w.cases.did)
		}
		for _, c := range [][2]string{{"Anna", "four eight two on"}, {"Anna", ""}, {"", password}, {"Carl", password}, {"anna", password}} {
			if b.send("/desk/login", "name", c[0], "password", c[1]); b.status != http.StatusForbidden {
				t.Fatal(c, b.status)
			}
		}
	})
	t.Run("wrong too often", func(t *testing.T) {
		w := open(t)
		b := w.browser()
		for range tryHere {
			b.send("/desk/login", "name", "Anna", "password", "something else")
		}
		if b.send("/desk/login", "name", "Anna", "password", password); b.status != http.StatusTooManyRequests {
			t.Fatal(b.status)
		}
		if w.browser().logIn("Bert"); len(w.desk.gate.open) != 1 {
			t.Fatal("one clerk's mistakes keep a colleague out")
		}
		w.now = w.now.Add(trySpan)
		b.logIn("Anna")
	})
	t.Run("somebody else behind the same proxy", func(t *testing.T) {
		w := open(t)
		w.desk.gate.from = func(r *http.Request) string { return r.Header.Get("X-Forwarded-For") }
		stranger := w.browser()
		stranger.header = http.Header{"X-Forwarded-For": {"198.51.100.7"}}
		for range tryHere + 1 {
			stranger.send("/desk/login", "name", "Anna", "password", "something else")
		}
		if stranger.status != http.StatusTooManyRequests {
			t.Fatal(stranger.status)
		}
		w.browser().logIn("Anna")
	})
	t.Run("not for ever", func(t *testing.T) {
		w := open(t)
		b := w.browser().logIn("Anna")
		for range 4 { // the page looks for news, nobody touches it
			w.now = w.now.Add(idleTime / 4)
			b.get("/desk?part=rows")
		}
		if b.get("/desk"); b.path != "/desk/login" {
			t.Fatal(b.path)
		}
		b.logIn("Anna")
		for range 9 {
			w.now = w.now.Add(time.Hour)
			if b.get("/desk"); b.path != "/desk" {
				t.Fatal(b.path)
			}
		}
		w.now = w.now.Add(time.Hour)
		if b.get("/desk"); b.path != "/desk/login" {
			t.Fatal(b.path)
		}
	})
	t.Run("and out", func(t *testing.T) {
		w := open(t)
		b := w.browser().logIn("Anna")
		cookie := b.client.Jar.Cookies(mustURL(t, w.server.URL))[0]
		b.send("/desk/logout")
		if b.path != "/desk/login" {
			t.Fatal(b.path)
		}
		b.client.Jar.SetCookies(mustURL(t, w.server.URL), []*http.Cookie{cookie}) // whoever copied it
		if b.get("/desk"); b.path != "/desk/login" {
			t.Fatal("the shift goes on after log out")
		}
	})
}

func mustURL(t *testing.T, s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestFormsOfOtherSites(t *testing.T) {
	w := open(t)
	b := w.browser().logIn("Anna")
	b.get("/desk/case/c0ffee")
	for name, change := range map[string]func() []string{
		"another site": func() []string { b.header = http.Header{"Sec-Fetch-Site": {"cross-site"}}; return nil },
		"old browser":  func() []string { b.header = http.Header{"Origin": {"https://evil.example"}}; return nil },
		"no token":     func() []string { return []string{"csrf", ""} },
		"wrong token":  func() []string { return []string{"csrf", "AAAA"} },
	} {
		b.get("/desk/case/c0ffee")
		b.header = http.Header{}
		fields := append([]string{"do", "close"}, change()...)
		if b.send("/desk/case/c0ffee", fields...); b.status != http.StatusForbidden || len(w.cases.did) > 0 {
			t.Fatal(name, b.status, w.cases.did)
		}
		b.header = http.Header{}
	}
	if b.get("/desk/case/c0ffee"); !strings.Contains(b.got.Get("Content-Security-Policy"), "default-src 'none'") || b.got.Get("Cache-Control") != "no-store" ||
		!strings.Contains(b.got.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Fatal(b.got)
	}
}

func TestTheCookie(t *testing.T) {
	for _, secure := range []bool{false, true} {
		w := open(t, func(s *Settings) { s.Secure = secure })
		b := w.browser()
		b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		b.get("/desk/login")
		b.send("/desk/login", "name", "Anna", "password", password)
		c := b.got.Get("Set-Cookie")
		if !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Strict") || strings.Contains(c, "Secure") != secure {
			t.Fatal(c)
		}
	}
}

func TestWithoutClerksItIsForThisMachineAlone(t *testing.T) {
	guest := func(s *Settings) { s.Clerks, s.Guest = nil, "Desk" }
	w := open(t, guest)
	b := w.browser()
	b.get("/desk")
	b.expect("Street problem")
	b.get("/desk/case/c0ffee")
	b.send("/desk/case/c0ffee", "do", "say", "words", "Hello")
	if len(w.cases.did) != 1 || w.cases.did[0].Clerk != "Desk" {
		t.Fatal(w.cases.did)
	}
	b.header = http.Header{"X-Forwarded-For": {"192.0.2.1"}}
	if b.get("/desk"); b.status != http.StatusForbidden {
		t.Fatal("through a proxy:", b.status)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://evil.example/desk", nil)
	r.RemoteAddr = "127.0.0.1:4242"
	if w.desk.here(r) {
		t.Fatal("another site's name leads here")
	}
	if r.Host, r.RemoteAddr = "127.0.0.1", "192.0.2.1:4242"; w.desk.here(r) {
		t.Fatal("another machine")
	}
	none := open(t, func(s *Settings) { s.Clerks = nil })
	if none.browser().get("/desk"); none.desk.Served() {
		t.Fatal("it is served to nobody")
	}
	if b := none.browser(); b.get("/desk") == "" || b.status != http.StatusNotFound {
		t.Fatal(b.status)
	}
}

func TestMediaThatABrowserCouldRun(t *testing.T) {
	w := open(t)
	w.cases.media = map[string]channels.Attachment{
		"media:01": {Type: "image/jpeg", Bytes: []byte("a picture")}, "media:02": {Type: "text/html", Bytes: []byte("<script>")},
		"media:03": {Type: "image/svg+xml", Bytes: []byte("<svg>")}, "media:04": {Type: "audio/ogg; codecs=opus", Bytes: []byte("a voice")},
	}
	b := w.browser().logIn("Anna")
	for ref, status := range map[string]int{"media:01": 200, "media:02": 404, "media:03": 404, "media:04": 200, "media:05": 404} {
		if b.get("/desk/case/c0ffee/media?ref=" + ref); b.status != status {
			t.Fatal(ref, b.status)
		}
	}
}

func TestNewsByThemselves(t *testing.T) {
	w := open(t)
	b := w.browser().logIn("Anna")
	if rows := b.get("/desk?part=rows"); strings.Contains(rows, "<html") || !strings.Contains(rows, "Street problem") {
		t.Fatal(rows)
	}
	if letters := b.get("/desk/case/c0ffee?part=letters"); strings.Contains(letters, "<form") || !strings.Contains(letters, "مرحبا") {
		t.Fatal(letters)
	}
	w.cases.all = nil
	if b.get("/desk/case/c0ffee?part=letters"); b.status != http.StatusGone {
		t.Fatal(b.status)
	}
	b.get("/desk/case/c0ffee")
	b.expect("no longer here", "Nobody waits")
}

func TestHowTheyAreReached(t *testing.T) {
	for reach, c := range map[channels.CaseReach]struct {
		shown  string
		writes bool
	}{
		channels.Written: {"as a message", true}, channels.BehindPIN: {"wait until they come back with their PIN", true},
		channels.Called: {`href="tel:&#43;12025550144"`, false}, channels.Unwanted: {"They sent STOP", false}, channels.Nowhere: {"be reached", false},
	} {
		w := open(t)
		w.cases.all[0].Reach, w.cases.all[0].Call, w.cases.all[0].Hidden = reach, "", "secret"
		if reach == channels.Called {
			w.cases.all[0].Call = "+12025550144"
		}
		b := w.browser().logIn("Anna")
		b.get("/desk/case/c0ffee")
		b.expect(c.shown, "a secret consultation")
		if strings.Contains(b.page, "<textarea") != c.writes {
			t.Fatal(reach, b.page)
		}
	}
}
