package kiosk_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// What clauses ask for that no judge sees in one page: these tests look at all the pages as they are sent.

// album is what everySight made already: the pages are the same for every test.
type album struct {
	mu    sync.Mutex
	pages map[string][]sight
}

var seenPages = &album{pages: map[string][]sight{}}

// everySight are all pages in some languages, as they are sent at the machine and on the web.
func everySight(t *testing.T, languages ...string) []sight {
	t.Helper()
	seenPages.mu.Lock()
	defer seenPages.mu.Unlock()
	var h *house
	var all []sight
	for _, base := range bothPlaces {
		for _, lang := range languages {
			if seenPages.pages[base+lang] == nil {
				if h == nil {
					h = newHouse(t)
				}
				seenPages.pages[base+lang] = sights(t, h, base, lang)
			}
			all = append(all, seenPages.pages[base+lang]...)
		}
	}
	return all
}

func (p sight) called() string { return p.base[1:] + "/" + p.lang + "/" + p.name }

func (p sight) sheet(t *testing.T) *sheet {
	t.Helper()
	s, err := read(p.base, http.StatusOK, strings.NewReader(p.html))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFieldsSayWhoseTheyAre: on the web the browser knows that a field is for one's own telephone number; at the machine no
// field offers what the person before wrote.
func TestFieldsSayWhoseTheyAre(t *testing.T) {
	phones := 0
	for _, p := range everySight(t, "en") {
		tel := strings.Count(p.html, `inputmode="tel"`)
		phones += tel
		if own := strings.Count(p.html, `autocomplete="tel"`); p.base == "/web" && own != tel || p.base == "/kiosk" && own != 0 {
			t.Errorf("%s: %d fields for a telephone number, %d that say so", p.called(), tel, own)
		}
	}
	if phones == 0 {
		t.Error("no page asks for a number: nothing was tested")
	}
}

// TestNothingAppearsUnderThePointer: no page shows anything because a pointer rests on it, or shows it only then.
func TestNothingAppearsUnderThePointer(t *testing.T) {
	hover := regexp.MustCompile(`(?i):hover|<[^>]+\stitle=|mouse(over|enter)|pointerover`)
	for _, p := range everySight(t, "en") {
		if found := hover.FindString(p.html); found != "" {
			t.Errorf("%s has %q", p.called(), found)
		}
	}
	if !hover.MatchString(`<b title="x">`) || !hover.MatchString("a:hover{}") {
		t.Error("nobody would see it")
	}
}

// TestWebKeepsADay: on the web a visit is kept for a day, which is more than the twenty hours of WCAG 2.2.6; at the machine it
// goes with the browser.
func TestWebKeepsADay(t *testing.T) {
	h := newHouse(t)
	for base, want := range map[string]int{"/web": 24 * 60 * 60, "/kiosk": 0} {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1"+base, strings.NewReader("do=begin"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.server().ServeHTTP(w, r)
		at := slices.IndexFunc(w.Result().Cookies(), func(c *http.Cookie) bool { return c.Name == "visit-"+base[1:] })
		if at < 0 {
			t.Fatalf("%s: no visit began: %d", base, w.Code)
		}
		if got := w.Result().Cookies()[at].MaxAge; got != want {
			t.Errorf("%s keeps a visit for %d s, not %d", base, got, want)
		}
	}
}

// TestButtonsKeepTheirOrder: Continue, Back, Help and the others stand in the same order on every page and are called the same
// on all of them; and every page of a conversation has Help.
func TestButtonsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	order := []string{"next", "back", "skip", "done", "carry", "help", "settings", "over"}
	for _, lang := range everyLanguage {
		names := map[string]map[string]string{} // words of a button, by where
		var first []string                      // pairs that were seen, each in its order
		for _, p := range everySight(t, lang) {
			s := p.sheet(t)
			var on []string
			for _, b := range s.buttons {
				if b.value == "carry" && p.name == "take along" { // there it is "Text me the code", beside a field for the number
					continue
				}
				if slices.Contains(order, b.value) && !slices.Contains(on, b.value) && strings.TrimSpace(b.words) != "" {
					on = append(on, b.value)
					if names[b.value] == nil {
						names[b.value] = map[string]string{}
					}
					names[b.value][b.words] = p.called()
				}
			}
			for i := range on {
				for k := i + 1; k < len(on); k++ {
					if slices.Contains(first, on[k]+" "+on[i]) {
						t.Errorf("%s: %s stands before %s, elsewhere behind it", p.called(), on[i], on[k])
					}
					first = append(first, on[i]+" "+on[k])
				}
			}
			question := len(s.cards)+len(s.fields) > 0 && s.hidden.Get("at") == ""
			if question && p.name != "help" && !strings.HasPrefix(p.name, "code") && !s.has("help") {
				t.Errorf("%s has no help", p.called())
			}
		}
		for do, called := range names {
			// Continue has other words where it means something else: "Begin", "I am finished"
			if len(called) > 1 && do != "next" {
				t.Errorf("%s, the button %s is called %v", lang, do, called)
			}
		}
		if len(names["help"]) == 0 || len(names["back"]) == 0 {
			t.Fatal("no page has help and back: nothing was tested")
		}
	}
}

// TestWhatIsMissingIsSaid: where something has to be put right the title says so first, a sentence says what, its link leads to
// the field, it can be heard, it has the focus, and nothing that was given is gone.
func TestWhatIsMissingIsSaid(t *testing.T) {
	kept := map[string]string{"number, too many": `value="99"`, "date, wrong": `value="31"`, "budget, too much": `value="9"`}
	link := regexp.MustCompile(`<div id="wrong" role="alert" tabindex="-1" autofocus><p data-a="[^"]+"><b>([^<]+)</b></p><p><a href="#(\w+)" data-a="[^"]+">([^<]+)</a>`)
	seen := 0
	for _, p := range everySight(t, everyLanguage...) {
		wrong := p.name == "choice, nothing chosen" || kept[p.name] != ""
		if !strings.Contains(p.html, `id="wrong"`) {
			if wrong {
				t.Errorf("%s doesn't say what is missing", p.called())
			}
			continue
		}
		seen++
		m := link.FindStringSubmatch(p.html)
		switch {
		case m == nil:
			t.Errorf("%s: what is missing is not said as it should be: %.300s", p.called(), p.html[strings.Index(p.html, `id="wrong"`):])
		case !strings.Contains(p.html, "<title>"+m[1]):
			t.Errorf("%s: the title doesn't begin with %q", p.called(), m[1])
		case !strings.Contains(p.html, `id="`+m[2]+`"`):
			t.Errorf("%s: the link leads to #%s, which is not there", p.called(), m[2])
		case p.lang == "en" && p.name == "number, too many" && !regexp.MustCompile(`\d`).MatchString(m[3]):
			t.Errorf("%s doesn't say how many there may be: %q", p.called(), m[3])
		case !strings.Contains(p.html, kept[p.name]):
			t.Errorf("%s: what was given is gone", p.called())
		}
	}
	if seen < 4*2*len(everyLanguage) {
		t.Errorf("%d pages say that something is missing: too few", seen)
	}
}

// reviewed is the fair as far as the page that reads the answers back.
func reviewed(t *testing.T, h *house, base string) (c *caller, asked []string) {
	t.Helper()
	c, err := newCaller(h.server, base)
	if err != nil {
		t.Fatal(err)
	}
	for range 40 {
		kind := kindOf(c.at)
		if kind == "review" {
			return c, asked
		}
		if kind != "welcome" && c.at.heading != "" {
			asked = append(asked, c.at.heading)
		}
		do, v := ordinary(c.at, "The town fair")
		if kind == "choices" && c.at.has("skip") { // left out
			do, v = "skip", nil
		}
		if err := c.send(do, v); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("no page reads the answers back")
	return nil, nil
}

// TestAnswersAreReadBackFirst: nothing counts before a page has read all answers back, those too that were left out; each can
// be changed there, and leads back to that page; then all of it counts once.
func TestAnswersAreReadBackFirst(t *testing.T) {
	for _, base := range bothPlaces {
		t.Run(base[1:], func(t *testing.T) {
			h := newHouse(t)
			c, _ := reviewed(t, h, base)
			if n := h.requests(t); n != 0 {
				t.Fatalf("%d counted before they were read back", n)
			}
			changes := 0
			for _, b := range c.at.buttons {
				if strings.HasPrefix(b.value, "change.") {
					changes++
				}
			}
			if changes < 5 {
				t.Errorf("%d answers can be changed", changes)
			}
			if !strings.Contains(c.at.words, "no answer") {
				t.Errorf("what was left out is not told: %s", c.at.words)
			}
			if err := c.send("change.come", nil); err != nil {
				t.Fatal(err)
			}
			if err := c.send("next", url.Values{"o": {c.at.digit("By bus")}}); err != nil {
				t.Fatal(err)
			}
			if kindOf(c.at) != "review" || !strings.Contains(c.at.words, "By bus") {
				t.Fatalf("a change doesn't lead back: %s", c.at.words)
			}
			for range 6 {
				if over(c.at) {
					break
				}
				do, v := ordinary(c.at, "")
				if err := c.send(do, v); err != nil {
					t.Fatal(err)
				}
			}
			if n := h.requests(t); n != 1 {
				t.Errorf("%d counted", n)
			}
		})
	}
}

// lookOf the page on show: "2 light 4", with the loudness in percent where it was changed, and "on" where it reads itself aloud.
func lookOf(html string) string {
	var out []string
	for _, name := range []string{"size", "theme", "rate", "volume", "sound"} {
		if m := regexp.MustCompile(`<html[^>]* data-` + name + `="([^"]*)"`).FindStringSubmatch(html); m != nil {
			out = append(out, m[1])
		}
	}
	return strings.Join(out, " ")
}

// TestSettingsFallBack: whoever comes next at the machine finds it as it was first: size, colors, speed, sound and language.
func TestSettingsFallBack(t *testing.T) {
	h := newHouse(t)
	c, err := newCaller(h.server, "/kiosk")
	if err != nil {
		t.Fatal(err)
	}
	first := lookOf(c.html)
	if first != "2 light 4" {
		t.Errorf("the first look is %q", first)
	}
	do := func(buttons ...string) {
		t.Helper()
		for _, b := range buttons {
			if err := c.send(b, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	do("language.es", "settings", "size.4", "theme.high", "rate.7", "loud.2", "sound.on")
	if got := lookOf(c.html); got != "4 high 7 40 on" {
		t.Fatalf("the settings don't take: %q", got)
	}
	do("on", "over", "over.yes")
	if got := lookOf(c.html); got != first || c.at.lang != "en" {
		t.Errorf("who comes next finds %q in %s", got, c.at.lang)
	}
	for name, value := range c.cookies {
		t.Errorf("the cookie %s=%s is still there", name, value)
	}
}

// TestLeftBeforeItBegan: who types half a code, or changes the settings, and goes away before a visit began, leaves nothing either.
func TestLeftBeforeItBegan(t *testing.T) {
	h := newHouse(t, func(h *house) { h.idle, h.warn = 4*time.Second, time.Second }) // long enough for three presses
	s := newScreen(t, look{})
	s.open(h.serve() + "/kiosk")
	press := func(do, page string) {
		t.Helper()
		s.until(`"ready" in document.documentElement.dataset`)
		s.run(`document.querySelector('[name=do][value="` + do + `"]').click()`)
		s.until(`document.documentElement.dataset.page==="` + page + `"`)
	}
	press("code", "code")
	s.run(`document.getElementById("t").value="482 1"`)
	s.until(`document.documentElement.dataset.page==="welcome"`)
	press("settings", "settings")
	press("size.4", "settings")
	s.until(`document.documentElement.dataset.size==="4"`)
	press("on", "welcome again")
	s.until(`document.documentElement.dataset.page==="welcome"`)
	if size := eval[string](s, `document.documentElement.dataset.size`); size != "2" {
		t.Errorf("who comes next finds size %s", size)
	}
}

// TestSettingsKeepAnswers: settings can be changed and set back in the middle of a question, and what was chosen stays.
func TestSettingsKeepAnswers(t *testing.T) {
	h := newHouse(t)
	for _, base := range bothPlaces {
		c, err := newCaller(h.server, base)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if kindOf(c.at) == "choice" && c.at.digit("On foot") != "" {
				break
			}
			do, v := ordinary(c.at, "The town fair")
			if err := c.send(do, v); err != nil {
				t.Fatal(err)
			}
		}
		digit := c.at.digit("By bicycle")
		if digit == "" {
			t.Fatalf("%s: this is %q", base, c.at.heading)
		}
		if err := c.send("settings", url.Values{"o": {digit}}); err != nil {
			t.Fatal(err)
		}
		for _, b := range []string{"size.4", "theme.dark", "size.2", "theme.light", "on"} {
			if err := c.send(b, nil); err != nil {
				t.Fatal(err)
			}
		}
		if at := slices.IndexFunc(c.at.cards, func(c card) bool { return c.digit == digit && c.chosen }); at < 0 {
			t.Errorf("%s: what was chosen is gone: %+v", base, c.at.cards)
		}
		if got := lookOf(c.html); got != "2 light 4" {
			t.Errorf("%s: the look is %q", base, got)
		}
	}
}

// TestIdleTimes: unless the town says otherwise the machine asks after three minutes, and waits 45 seconds more.
func TestIdleTimes(t *testing.T) {
	c, err := newCaller(newHouse(t).server, "/kiosk")
	if err == nil {
		err = c.send("begin", nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(c.html, ` data-idle="180" data-warn="45"`) || !strings.Contains(c.html, `<dialog id="idle"`) {
		t.Errorf("the times are others: %.400s", c.html)
	}
}

// TestLanguagesByTheirOwnNames: the first page and the settings name each language as its speakers do, in its own direction.
func TestLanguagesByTheirOwnNames(t *testing.T) {
	names := map[string]string{"en": "English", "es": "Español", "fr": "Français", "zh": "中文", "ar": "العربية", "so": "Soomaali"}
	for _, p := range everySight(t, "en", "ar") {
		if p.name != "welcome" && p.name != "settings" {
			continue
		}
		for tag, name := range names {
			if p.name == "welcome" && tag == p.lang {
				continue
			}
			dir := "ltr"
			if tag == "ar" {
				dir = "rtl"
			}
			button := regexp.MustCompile(`<button([^>]* value="language\.` + tag + `"[^>]*)>(.*?)</button>`).FindStringSubmatch(p.html)
			if button == nil || !strings.Contains(button[1]+" ", ` lang="`+tag+`" dir="`+dir+`"`) || !strings.Contains(button[2], name) {
				t.Errorf("%s doesn't name %s: %q", p.called(), name, button)
			}
		}
	}
}

// styleSizes are the sizes of letters at the machine as its pages have them: "2 30".
func styleSizes(t *testing.T) []string {
	t.Helper()
	c, err := newCaller(newHouse(t).server, "/kiosk")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile(`(?::root|\[data-size="?(\d)"?\])\{font-size:(\d+)px`).FindAllStringSubmatch(c.html, -1) {
		size := m[1]
		if size == "" {
			size = "2"
		}
		out = append(out, size+" "+m[2])
	}
	slices.Sort(out)
	return out
}

// requests counts what the fair made.
func (h *house) requests(t *testing.T) int {
	t.Helper()
	list, err := h.store.Requests(t.Context(), store.RequestQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
