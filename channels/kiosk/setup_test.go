package kiosk_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/townline/townline/channels/kiosk"
)

// TestSizesOfLetters: the set-up page reckons with the sizes that the style has, and what comes out is what the clauses ask for.
func TestSizesOfLetters(t *testing.T) {
	p := kiosk.Panel{Diagonal: 15.6, Wide: 1080, High: 1920, Distance: 500}
	letters := p.Letters()
	var got []string
	for _, l := range letters {
		got = append(got, fmt.Sprintf("%d %.0f", l.Size, l.Pixels))
		if !l.Guidelines {
			t.Errorf("size %d: capitals of %.2f mm, not of %v to %v (VVSG 2.0, 7.1-G)", l.Size, l.H, l.Least, l.Most)
		}
		if l.S508 != (l.Size > 1) {
			t.Errorf("size %d: 402.4 is met: %t", l.Size, l.S508)
		}
		between := letterHeights[fmt.Sprint(l.Size)] // as TestLetters measures them
		if l.H < between[0]-0.05 || l.H > between[1]+0.05 {
			t.Errorf("size %d is %.2f mm here, and %v there", l.Size, l.H, between)
		}
	}
	if want := styleSizes(t); !slices.Equal(got, want) {
		t.Errorf("the set-up page reckons with %v, the style has %v", got, want)
	}
	// EN 301 549, 5.1.4: from how far away a size is enough.
	for _, c := range []struct {
		size     int
		distance float64
		en3, en4 bool
	}{{1, 300, true, true}, {1, 500, false, true}, {2, 460, true, true}, {2, 470, false, true}, {2, 710, false, true}, {2, 720, false, false}, {3, 555, true, true}, {3, 560, false, true}, {4, 725, true, true}, {4, 730, false, true}} {
		l := kiosk.Panel{Diagonal: 15.6, Wide: 1080, High: 1920, Distance: c.distance}.Letters()[c.size-1]
		if l.EN3 != c.en3 || l.EN4 != c.en4 {
			t.Errorf("size %d from %v mm: V3.2.1 %t, V4.1.0 %t", c.size, c.distance, l.EN3, l.EN4)
		}
	}
}

func TestPanel(t *testing.T) {
	for _, c := range []struct {
		p          kiosk.Panel
		ppi, scale float64
		wide, high int
		mmW, mmH   float64
	}{
		{kiosk.Panel{Diagonal: 15.6, Wide: 1080, High: 1920}, 141.2, 1.471, 734, 1305, 194, 345},
		{kiosk.Panel{Diagonal: 21.5, Wide: 1080, High: 1920}, 102.5, 1.067, 1012, 1799, 268, 476},
		{kiosk.Panel{Diagonal: 23, Wide: 1920, High: 1080}, 95.8, 0.998, 1923, 1082, 509, 286},
	} {
		wide, high := c.p.Page()
		mmW, mmH := c.p.Millimetres()
		got := fmt.Sprintf("%.1f %.3f %d %d %.0f %.0f", c.p.PPI(), c.p.Scale(), wide, high, mmW, mmH)
		if want := fmt.Sprintf("%.1f %.3f %d %d %.0f %.0f", c.ppi, c.scale, c.wide, c.high, c.mmW, c.mmH); got != want {
			t.Errorf("%+v: %s, not %s", c.p, got, want)
		}
	}
	if got := kiosk.Mended(1.476, 93.5); got != 1.579 {
		t.Errorf("a bar of 93.5 mm asks for %v", got)
	}
}

// machine serves a kiosk without a town behind it: the set-up page needs none.
func machine(t *testing.T, change func(*kiosk.Settings)) http.Handler {
	t.Helper()
	words, err := phrases()
	if err != nil {
		t.Fatal(err)
	}
	s := kiosk.Settings{Town: "Elmwood", Languages: everyLanguage, Phrases: words, Sound: newVoice(), Clock: still{}.Now}
	if change != nil {
		change(&s)
	}
	mux := http.NewServeMux()
	kiosk.New(s).Mount(mux, nil)
	kiosk.NewWeb(s).Mount(mux, nil)
	return mux
}

func ask(h http.Handler, method, target string, change func(*http.Request)) (status int, body string) {
	r := httptest.NewRequest(method, "http://127.0.0.1"+target, nil)
	r.RemoteAddr = "127.0.0.1:40000"
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// TestSetUp: what the set-up page says of a screen, a bar, a printer and the way to the town.
func TestSetUp(t *testing.T) {
	q := func(pairs ...string) string {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return "/kiosk/setup?" + v.Encode()
	}
	line := kiosk.Line{Centre: "https://talk.example.org", Up: true, Waiting: 3, Oldest: 4 * time.Minute}
	for _, c := range []struct {
		name   string
		target string
		change func(*kiosk.Settings)
		status int
		has    []string
		not    []string
	}{
		{"as it opens", "/kiosk/setup", nil, 200, []string{"141.2 dots to an inch", "kiosk: {scale: 1.471}", "--kiosk-scale 1.471", "5.67 mm", "4.8 to 5.6 mm: yes", "There is none: set", "nothing waits"}, []string{"less than the 12 inches"}},
		{"another screen", q("diagonal", "10,1", "wide", "800", "high", "1280", "distance", "700"), nil, 200, []string{"149.4 dots", "scale: 1.557", "less than the 12 inches", "must be 8.55 mm high", "It is narrow"}, nil},
		{"a bar that is too short", q("bar", "93.5", "now", "1.476"), nil, 200, []string{"The scale must be <b>1.579</b>"}, nil},
		{"a bar that is none", q("bar", "long", "now", "1"), nil, 400, []string{"The scale is a figure such as 1.476"}, []string{"The scale must be"}},
		{"a screen that is none", q("diagonal", "-1"), nil, 400, []string{"is not a figure between 3 and 120 for diagonal", "141.2 dots"}, nil},
		{"what is no number", q("wide", "NaN", "high", "<b>"), nil, 400, []string{"&lt;b&gt;"}, []string{`"<b>"`}},
		{"no sound", "/kiosk/setup", func(s *kiosk.Settings) { s.Sound = nil }, 200, []string{"There is no sound on this machine"}, []string{"is there</td>"}},
		{"a language without a voice", "/kiosk/setup", nil, 200, []string{`lang="so">Soomaali</th><td><span class="no">is missing`, `lang="ar">العربية</th><td>is there`}, nil},
		{"a machine on its own", "/kiosk/setup", func(s *kiosk.Settings) { s.Line = func(context.Context) kiosk.Line { return line } }, 200, []string{"https://talk.example.org, is there. ", "forwarded: 3; the first has waited for 4m0s"}, []string{"server itself"}},
		{"a machine that is cut off", "/kiosk/setup", func(s *kiosk.Settings) { s.Line = func(context.Context) kiosk.Line { return kiosk.Line{} } }, 200, []string{"can't be reached now", "nothing waits"}, nil},
		{"switches and a microphone", "/kiosk/setup", func(s *kiosk.Settings) { s.Move, s.Choose, s.Microphone, s.Phones = "F7", "F8", true, true }, 200, []string{`data-key="F7"`, `data-key="F8"`, "Voices may be recorded here", "only while headphones"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := ask(machine(t, c.change), "GET", c.target, nil)
			if status != c.status {
				t.Errorf("status %d", status)
			}
			for _, words := range c.has {
				if !strings.Contains(body, words) {
					t.Errorf("it doesn't say %q", words)
				}
			}
			for _, words := range c.not {
				if strings.Contains(body, words) {
					t.Errorf("it says %q", words)
				}
			}
		})
	}
}

func TestPrinterIsTried(t *testing.T) {
	var printed []kiosk.Receipt
	fail := false
	h := machine(t, func(s *kiosk.Settings) {
		s.Print = func(_ context.Context, r kiosk.Receipt) error {
			printed = append(printed, r)
			if fail {
				return errors.New("no paper")
			}
			return nil
		}
	})
	if _, body := ask(h, "POST", "/kiosk/setup", nil); !strings.Contains(body, "It was sent to the printer") {
		t.Error("it doesn't say that it prints")
	}
	fail = true
	if _, body := ask(h, "POST", "/kiosk/setup", nil); !strings.Contains(body, "It did not print: no paper") {
		t.Error("it doesn't say what is the matter")
	}
	if len(printed) != 2 || printed[0].Reference == "" || len(printed[0].Lines) == 0 {
		t.Errorf("printed %+v", printed)
	}
	if _, body := ask(machine(t, nil), "POST", "/kiosk/setup", nil); !strings.Contains(body, "There is no printer") {
		t.Error("it doesn't say that there is none")
	}
	other := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	if status, _ := ask(h, "POST", "/kiosk/setup", other); status != http.StatusForbidden || len(printed) != 2 {
		t.Errorf("another site can print: %d", status)
	}
}

// TestSetUpIsForTheMachine: nobody from outside sees the set-up page, and there is none on the web.
func TestSetUpIsForTheMachine(t *testing.T) {
	h := machine(t, nil)
	for _, c := range []struct {
		name   string
		target string
		change func(*http.Request)
		want   int
	}{
		{"the machine", "/kiosk/setup", nil, 200},
		{"the same network", "/kiosk/setup", func(r *http.Request) { r.RemoteAddr = "192.168.1.20:5000" }, 200},
		{"from outside", "/kiosk/setup", func(r *http.Request) { r.RemoteAddr = "203.0.113.9:5000" }, 404},
		{"through a proxy", "/kiosk/setup", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "203.0.113.9") }, 404},
		{"through another kind of proxy", "/kiosk/setup", func(r *http.Request) { r.Header.Set("Forwarded", "for=203.0.113.9") }, 404},
		{"on the web", "/web/setup", nil, 404},
	} {
		for _, method := range []string{"GET", "POST"} {
			if got, _ := ask(h, method, c.target, c.change); got != c.want {
				t.Errorf("%s %s: %d, not %d", method, c.name, got, c.want)
			}
		}
	}
}

// TestInstallationSheet: all that the table asks of the machine and its place stands on the sheet, once, with every clause that
// asks for it.
func TestInstallationSheet(t *testing.T) {
	_, body := ask(machine(t, nil), "GET", "/kiosk/setup", nil)
	body = html.UnescapeString(body[strings.Index(body, `id="sheet"`):])
	n := 0
	for _, c := range kiosk.Conformance() {
		if c.Verdict != kiosk.Hardware {
			continue
		}
		n++
		name := string(c.Standard) + ", " + c.Number()
		if !regexp.MustCompile(regexp.QuoteMeta(name) + `(;|<)`).MatchString(body) {
			t.Errorf("%s is not on the sheet", name)
		}
		if c.Note != "" && strings.Count(body, c.Note) != 1 {
			t.Errorf("%q stands there %d times", c.Note, strings.Count(body, c.Note))
		}
	}
	if n < 40 {
		t.Errorf("%d clauses: too few", n)
	}
	for _, words := range []string{"380 and 1,220 mm", "22.2 N", "3.5 mm", "Braille", "500 lux", "leaflet"} {
		if !strings.Contains(body, words) {
			t.Errorf("the sheet doesn't speak of %s", words)
		}
	}
}

// staffPages are the pages for staff, as a machine sends them.
func staffPages(t *testing.T) (serve string, pages map[string]string) {
	t.Helper()
	s := httptest.NewServer(machine(t, func(s *kiosk.Settings) {
		s.Print = func(context.Context, kiosk.Receipt) error { return nil }
		s.Microphone = true
	}))
	t.Cleanup(s.Close)
	pages = map[string]string{}
	for _, path := range []string{"/kiosk/setup", "/kiosk/setup?diagonal=0", "/kiosk/accessibility/clauses", "/web/accessibility/clauses"} {
		r, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		pages[path] = string(b)
	}
	return s.URL, pages
}

// TestStaffPages: the pages for staff are held to what residents' are: vnu, every rule of axe, nothing that sticks out.
func TestStaffPages(t *testing.T) {
	url, pages := staffPages(t)
	for path, l := range nu(t, pages) {
		for _, f := range l {
			t.Errorf("%s: vnu: %s", path, f)
		}
	}
	s := newScreen(t, look{})
	for path := range pages {
		s.open(url + path)
		narrow := int64(360)
		if strings.Contains(path, "setup") { // the ruler alone has 378 pixels; no machine is as narrow as a phone
			narrow = 600
		}
		for _, wide := range []int64{734, narrow} {
			s.do(chromedp.EmulateViewport(wide, 900))
			for _, f := range axe(s, view{}) {
				t.Errorf("%s, %d wide: axe: %s", path, wide, f)
			}
			if over := eval[int](s, `document.scrollingElement.scrollWidth-document.documentElement.clientWidth`); over > 0 {
				t.Errorf("%s sticks out by %d px in a window of %d", path, over, wide)
			}
			for _, f := range findings(s, `J.contrast(7,21)`) {
				t.Errorf("%s: %s", path, f)
			}
		}
	}
}

// TestSelfTest: under the page's own policy its script tells keys, touches and letters.
func TestSelfTest(t *testing.T) {
	url, _ := staffPages(t)
	s := newScreen(t, look{wide: 734, high: 1305, scale: 1.471, guarded: true})
	s.open(url + "/kiosk/setup")
	s.until(`document.getElementById("key").textContent.startsWith("No key")`)
	for _, k := range []string{"ArrowDown", "F2", "5"} {
		s.key(k)
	}
	if got := eval[[]string](s, `[...document.querySelectorAll("[data-key]")].filter(x=>x.textContent).map(x=>x.dataset.key)`); !slices.Equal(got, []string{"ArrowDown", "F2, 9, .", "1 to 7"}) {
		t.Errorf("it saw %q", got)
	}
	if got := eval[string](s, `document.getElementById("key").textContent`); !strings.HasPrefix(got, "5") {
		t.Errorf("the last key is %q", got)
	}
	s.run(`document.querySelectorAll("#spots button").forEach(b=>b.click())`)
	if got := eval[string](s, `document.getElementById("touch").textContent`); !strings.Contains(got, "All were touched") {
		t.Errorf("of the squares it says %q", got)
	}
	if got := eval[[]string](s, `[...document.querySelectorAll(".found")].map(x=>x.textContent)`); len(got) != len(everyLanguage) || slices.ContainsFunc(got, func(w string) bool { return !strings.Contains(w, "all letters are there") }) {
		t.Errorf("of the letters it says %q", got)
	}
	if got := eval[string](s, `document.getElementById("ratio").textContent`); !strings.Contains(got, "1.471") {
		t.Errorf("of the scale it says %q", got)
	}
	// the ruler: 100 mm and 20 mm in pixels of 1/96 inch
	for css, mm := range map[string]float64{".bar": 100, ".square": 20} {
		if got := eval[float64](s, `document.querySelector("`+css+`").getBoundingClientRect().width`) * 25.4 / 96; math.Abs(got-mm) > 0.1 {
			t.Errorf("%s is %.2f mm wide, not %v", css, got, mm)
		}
	}
}
