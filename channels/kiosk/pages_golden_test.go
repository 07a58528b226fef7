package kiosk

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/dialogs/engine"
)

// TestPagesAsWritten compares each kind of page with what it was when a person last looked at it.
func TestPagesAsWritten(t *testing.T) {
	for name := range pages() {
		for _, channel := range []string{Name, WebName} {
			t.Run(channel+"/"+name, func(t *testing.T) {
				c, _ := at(t, channel, name)
				file := filepath.Join("testdata", "golden", channel+"."+name+".html")
				got := regexp.MustCompile(`data-a="[0-9A-Za-z]{20,}"`).ReplaceAllString(body(c.page), `data-a="…"`) + "\n"
				if *anew {
					if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatalf("%v: run go test -run PagesAsWritten -golden, and look at it", err)
				}
				if got != string(want) {
					t.Errorf("the page is another than %s:\n%s", file, got)
				}
			})
		}
	}
}

// mostPage is what a page may take, compressed, with its headers. A page that records a voice has the keys of the screen and
// the recorder's script as well.
const mostPage, mostRecording = 10_000, 10 << 10

// TestPagesAreSmall: every kind of page, in every language, is one answer of at most 10 KB that needs nothing else.
func TestPagesAreSmall(t *testing.T) {
	for _, setup := range []struct {
		name    string
		channel string
		most    int
		change  func(*Settings)
	}{
		{"kiosk", Name, mostPage, func(*Settings) {}},
		{"kiosk with microphone", Name, mostRecording, func(s *Settings) { s.Microphone = true }},
		{"kiosk with one switch", Name, mostPage, func(s *Settings) { s.Scan = 2 * time.Second }},
		{"web", WebName, mostPage, func(*Settings) {}},
	} {
		t.Run(setup.name, func(t *testing.T) {
			largest, which := 0, ""
			measure := func(c *caller, what string) {
				if c.size > setup.most {
					t.Errorf("%s takes %d bytes", what, c.size)
				}
				if c.size > largest {
					largest, which = c.size, what
				}
				if more := askMore.FindString(body(c.page) + styleFile); more != "" {
					t.Errorf("%s asks for more: %s", what, more)
				}
			}
			for _, lang := range words().Tags() {
				for name, p := range pages() {
					p.Lang = lang
					c, _, _ := opened(t, setup.channel, &town{shown: &p}, setup.change, func(s *Settings) { s.Texts, s.PublicURL = true, "https://talk.elmwood.example" })
					v, err := newVisit(counting(1))
					if err != nil {
						t.Fatal(err)
					}
					c.jar["visit-"+setup.channel] = v.cookie()
					measure(c.get(c.base), name+" "+lang)
					if name == "choice" {
						measure(c.press("next"), "choice with nothing chosen "+lang)
						measure(c.press("settings"), "settings "+lang)
						measure(c.press("over"), "over "+lang)
					}
				}
				c, _, _ := opened(t, setup.channel, &town{}, setup.change)
				c.jar["look-"+setup.channel] = "2.light.4.0." + lang
				measure(c.get(c.base), "welcome "+lang)
				measure(c.press("code"), "code "+lang)
			}
			t.Logf("the largest is %s with %d bytes", which, largest)
		})
	}
}

var askMore = regexp.MustCompile(`(?:src|srcset|poster)=|<link rel="(?:style|pre)|@import|url\(`)

// TestRightToLeft: Arabic pages say so, and digits in groups stay in their order.
func TestRightToLeft(t *testing.T) {
	p := pages()["carry"]
	p.Lang = "ar"
	in := &town{shown: &p}
	c, _, _ := opened(t, Name, in)
	v, err := newVisit(counting(1))
	if err != nil {
		t.Fatal(err)
	}
	c.jar["visit-kiosk"] = v.cookie()
	c.get("/kiosk").shows(`<html lang="ar" dir="rtl"`, `<bdi dir="ltr">482 173 629</bdi>`)
}

// TestProgressIsTrue: a number of questions is only told as certain when it is.
func TestProgressIsTrue(t *testing.T) {
	for _, c := range []struct {
		way  engine.Way
		want string
	}{
		{engine.Way{At: 3, Least: 9, Most: 9}, "Question 3 of 9<"},
		{engine.Way{At: 3, Least: 7, Most: 9}, "Question 3 of 9 or fewer<"},
	} {
		p := pages()["choice"]
		p.Way = &c.way
		in := &town{shown: &p}
		caller, _, _ := opened(t, Name, in)
		v, err := newVisit(counting(1))
		if err != nil {
			t.Fatal(err)
		}
		caller.jar["visit-kiosk"] = v.cookie()
		caller.get("/kiosk").shows(c.want)
	}
}

// TestNoVoice: a language without a voice says so, and offers no button that stays silent.
func TestNoVoice(t *testing.T) {
	c, _, _ := opened(t, Name, &town{})
	c.get("/kiosk").shows(`id="say"`)
	c.press("settings")
	c.press("language.so")
	c.get("/kiosk")
	if strings.Contains(c.page, `id="say"`) {
		t.Error("there is a button to listen in a language without a voice")
	}
	c.shows("data-mute", words().Language("so").Phrase("screen.mute", 3))
}
