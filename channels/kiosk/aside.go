package kiosk

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/townline/townline/dialogs/render"
)

// What was filled in and not sent is not lost when somebody asks for help, a person or another language, or takes the
// conversation along: those are turns, and the page comes back later. Until then the draft is in a cookie of the visit. A
// recording or a picture doesn't fit into one: when the page comes back, it says that it has to be made again.

// mostAside is how many bytes of a draft a cookie holds: browsers keep 4,096 of a whole one (RFC 6265, 6.1). A longer draft is not
// kept.
const mostAside = 3600

// keeps are the buttons that lead away from a question and back to it.
func keeps(do string) bool {
	what, _, _ := strings.Cut(do, ".")
	return what == "help" || what == "person" || what == "carry" || what == "language"
}

// questionOf names what a page asks, in every language alike; "" where a draft is of no use.
func questionOf(p *render.Page) string {
	for _, b := range p.Blocks {
		if b.Kind == "heading" && b.Key != "" && !strings.HasPrefix(b.Key, "@") {
			sum := sha256.Sum256([]byte(string(p.Asks) + "\x00" + b.Key))
			return base64.RawURLEncoding.EncodeToString(sum[:6])
		}
	}
	return ""
}

// layAside keeps a draft of the question on p, or drops the one that was kept of it.
func (k *Kiosk) layAside(w http.ResponseWriter, r *http.Request, p *render.Page, f *form) {
	q := questionOf(p)
	if q == "" {
		return
	}
	if keeps(f.do) && (f.given() || f.lost) {
		v := url.Values{"o": f.options, "v": f.shares}
		if f.lost || f.files() {
			v.Set("lost", "1")
		}
		for name, value := range map[string]string{"t": f.text, "day": f.day, "month": f.month, "year": f.year} {
			if value != "" {
				v.Set(name, value)
			}
		}
		if value := q + "." + base64.RawURLEncoding.EncodeToString([]byte(v.Encode())); len(value) <= mostAside {
			k.setCookie(w, r, "draft-", value, 0)
			return
		}
	}
	if kept, _ := k.aside(r); kept == q {
		k.setCookie(w, r, "draft-", "", -1)
	}
}

// aside is the draft that was kept, and of which question.
func (k *Kiosk) aside(r *http.Request) (question, draft string) {
	c, err := r.Cookie("draft-" + k.name)
	if err != nil || len(c.Value) > mostAside {
		return "", ""
	}
	question, draft, _ = strings.Cut(c.Value, ".")
	return question, draft
}

// draftOf is what was filled in on p before it was left; nil: nothing, or p is another page.
func (k *Kiosk) draftOf(r *http.Request, p *render.Page) *form {
	question, draft := k.aside(r)
	if question == "" || question != questionOf(p) {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(draft)
	if err != nil {
		return nil
	}
	f, err := parseForm(string(b))
	if err != nil {
		return nil
	}
	f.token, f.do, f.at, f.pad, f.phone = "", "", "", "", ""
	return f
}
