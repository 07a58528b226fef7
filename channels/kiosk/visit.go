package kiosk

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"
)

// visit is one person at the screen. All that the server needs of it is in the browser's cookie: a random id, which nobody
// else has, and the token of the form that was sent last. Each page's token follows from those two, so that two windows
// never have different forms for one page, and the same form sent twice is one turn.
type visit struct {
	id   string // of the visitor's address
	last string // token that the last turn was taken with; "" before the first
}

// idBytes is 128 bits: nobody can guess a visit.
const idBytes = 16

func newVisit(entropy io.Reader) (visit, error) {
	var b [idBytes]byte
	if _, err := io.ReadFull(entropy, b[:]); err != nil {
		return visit{}, fmt.Errorf("kiosk: randomness for a visit: %w", err)
	}
	return visit{id: base64.RawURLEncoding.EncodeToString(b[:])}, nil
}

// derive makes a name that only who knows the visit can make.
func (v visit) derive(what string) string {
	m := hmac.New(sha256.New, []byte(v.id))
	_, _ = io.WriteString(m, what)
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:12])
}

// token of the page that follows the last turn.
func (v visit) token() string { return v.derive("page " + v.last) }

// end is the token that ends the visit, from whichever of its pages.
func (v visit) end() string { return v.derive("end") }

// voice is the name that the visit's words are offered to the shelf under.
func (v visit) voice() string { return v.derive("voice") }

func (v visit) cookie() string { return v.id + "." + v.last }

// isToken says whether s is of the size and signs of what derive makes.
func isToken(s string) bool { return isBase64(s, 12) }

func isBase64(s string, n int) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && len(b) == n
}

func (k *Kiosk) visitOf(r *http.Request) (visit, bool) {
	c, err := r.Cookie("visit-" + k.name)
	if err != nil {
		return visit{}, false
	}
	id, last, _ := strings.Cut(c.Value, ".")
	if !isBase64(id, idBytes) || last != "" && !isToken(last) {
		return visit{}, false
	}
	return visit{id, last}, true
}

// look is how somebody wants the pages: kept beside the visit, and at the machine forgotten with it.
type look struct {
	Size  int    // of the letters, 1 to 4
	Theme string // one of themes
	Rate  int    // of the voice, 1 to 7
	Loud  int    // of the voice, 1 to 5: fifths of what the machine is set to
	Sound bool   // every page is read aloud as it appears
	Lang  string // before a visit; within one the conversation's counts
}

var themes = []string{"light", "dark", "high", "soft"}

const (
	sizes = 4
	rates = 7
	louds = 5
)

func usualLook() look { return look{Size: 2, Theme: themes[0], Rate: 4, Loud: louds} }

func (l look) cookie() string {
	sound := "0"
	if l.Sound {
		sound = "1"
	}
	return strings.Join([]string{strconv.Itoa(l.Size), l.Theme, strconv.Itoa(l.Rate), sound, l.Lang, strconv.Itoa(l.Loud)}, ".")
}

func (k *Kiosk) lookOf(r *http.Request) look {
	l := usualLook()
	c, err := r.Cookie("look-" + k.name)
	if err != nil {
		return l
	}
	f := strings.Split(c.Value, ".")
	if len(f) != 6 {
		return l
	}
	l = l.with("size." + f[0]).with("theme." + f[1]).with("rate." + f[2]).with("loud." + f[5])
	l.Sound = f[3] == "1"
	if slices.Contains(k.s.Languages, f[4]) {
		l.Lang = f[4]
	}
	return l
}

// with is the look after a button of the settings was pressed; any other button changes nothing.
func (l look) with(do string) look {
	what, to, _ := strings.Cut(do, ".")
	n, err := strconv.Atoi(to)
	switch {
	case what == "size" && err == nil && n >= 1 && n <= sizes:
		l.Size = n
	case what == "rate" && err == nil && n >= 1 && n <= rates:
		l.Rate = n
	case what == "loud" && err == nil && n >= 1 && n <= louds:
		l.Loud = n
	case what == "theme" && slices.Contains(themes, to):
		l.Theme = to
	case what == "sound" && (to == "on" || to == "off"):
		l.Sound = to == "on"
	}
	return l
}

// day is how long a resident's own browser keeps a visit, and so a draft: WCAG 2.2.6 wants more than twenty hours.
const day = 24 * 60 * 60

// remember sets cookies for a visit and a look; at the machine they go with the browser.
func (k *Kiosk) remember(w http.ResponseWriter, r *http.Request, v *visit, l look) {
	if v != nil {
		k.setCookie(w, r, "visit-", v.cookie(), 0)
	}
	if c, err := r.Cookie("look-" + k.name); l.cookie() != usualLook().cookie() && (err != nil || c.Value != l.cookie()) || err == nil && c.Value != l.cookie() {
		k.setCookie(w, r, "look-", l.cookie(), 0)
	}
}

func (k *Kiosk) setCookie(w http.ResponseWriter, r *http.Request, name, value string, age int) {
	if age == 0 && !k.atMachine() {
		age = day
	}
	http.SetCookie(w, &http.Cookie{
		Name: name + k.name, Value: value, Path: k.base, MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
}

// forget takes all of a visit out of the browser.
func (k *Kiosk) forget(w http.ResponseWriter, r *http.Request) {
	k.setCookie(w, r, "visit-", "", -1)
	if _, err := r.Cookie("draft-" + k.name); err == nil {
		k.setCookie(w, r, "draft-", "", -1)
	}
	if k.atMachine() {
		k.setCookie(w, r, "look-", "", -1)
		w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	}
}

// asked is the language that the browser asks for among the town's.
func (k *Kiosk) asked(r *http.Request, l look) string {
	if l.Lang != "" {
		return l.Lang
	}
	wanted, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err == nil {
		for _, tag := range wanted {
			for t := tag; t != language.Und; t = t.Parent() {
				if s := t.String(); slices.Contains(k.s.Languages, s) {
					return s
				}
			}
		}
	}
	return k.s.Languages[0]
}
