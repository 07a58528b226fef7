package channeltest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/townline/townline/channels"
)

// HTTP is how a provider calls.
type HTTP struct {
	// Request is what the provider sends for m, not signed yet. RemoteAddr is 127.0.0.1 unless it is set.
	Request func(m Message) *http.Request
	// Sign signs a request as the provider does; nil: it doesn't. Whatever is changed afterwards must be refused.
	Sign func(r *http.Request, body []byte)
	// Fresh: a signature says when it was made, and is good for some minutes.
	Fresh bool
	// Secret stands in the address, or in a header; "": there is none.
	Secret string
	// Forged are requests that must be refused beside those that the suite makes itself, by what is wrong with them.
	Forged func(m Message) map[string]*http.Request
	// Denied is the status of what isn't the provider's; 0: 403.
	Denied int
	// Follow is what the provider, or the device, asks for next by itself: where it is sent to. nil: nothing.
	Follow func(m Message, a Answer) *http.Request
	// Shown are the words that an answer has the device show.
	Shown func(a Answer) []string
	// Most is how many bytes of a body are taken; what is longer must be refused with 413.
	Most int
	// Also is another method that is taken.
	Also string
	// Public: anybody may come, and whoever sends nothing that can be read is met as somebody new.
	Public bool
	// AnyType: anything is taken as a body's type.
	AnyType bool
}

// httpWire is the provider's end of HTTP.
type httpWire struct {
	b       *bench
	h       *HTTP
	mux     *http.ServeMux
	mu      sync.Mutex
	written map[string]*written // by the message's id
}

// written is a request as it went over the wire.
type written struct {
	r    *http.Request
	body []byte
}

func newHTTPWire(b *bench, in channels.Inbox) *httpWire {
	w := &httpWire{b: b, h: b.s.HTTP, mux: http.NewServeMux(), written: map[string]*written{}}
	mounted := false
	for _, c := range b.all {
		if m, ok := c.(channels.Mounter); ok {
			m.Mount(w.mux, in)
			mounted = true
		}
	}
	if !mounted {
		b.Fatal("nothing is mounted")
	}
	return w
}

// write takes a request down, and signs it.
func (w *httpWire) write(r *http.Request, signed bool) *written {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	if signed && w.h.Sign != nil {
		w.h.Sign(r, body)
	}
	return &written{r, body}
}

// request is what was written, to be sent.
func (x *written) request() *http.Request {
	r := x.r.Clone(context.Background())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(x.body)), int64(len(x.body))
	if len(x.body) == 0 {
		r.Body = http.NoBody
	}
	if r.RemoteAddr == "192.0.2.1:1234" { // httptest's own
		r.RemoteAddr = "127.0.0.1:40000"
	}
	return r
}

func (w *httpWire) Send(m Message) Answer {
	w.mu.Lock()
	x := w.written[m.ID]
	if x == nil {
		x = w.write(w.h.Request(m), true)
		w.written[m.ID] = x
	}
	w.mu.Unlock()
	a := w.ask(x.request())
	for range 5 {
		if w.h.Follow == nil || a.Verdict != Taken {
			break
		}
		next := w.h.Follow(m, a)
		if next == nil {
			break
		}
		was := a
		a = w.ask(w.write(next, true).request())
		a.Header = withCookies(a.Header, was.Header)
	}
	return a
}

// withCookies has an answer set the cookies of the one before, too.
func withCookies(h, before http.Header) http.Header {
	h = maps.Clone(h)
	h["Set-Cookie"] = append(append([]string(nil), before["Set-Cookie"]...), h["Set-Cookie"]...)
	return h
}

// ask sends a request and reads the answer.
func (w *httpWire) ask(r *http.Request) (a Answer) {
	defer func() {
		if p := recover(); p != nil {
			w.b.Errorf("a request broke it: %v", p)
			a = Answer{Verdict: Lost, Said: "panic"}
		}
	}()
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	a = Answer{Status: rec.Code, Said: fmt.Sprint(rec.Code), Header: rec.Header(), Body: rec.Body.Bytes()}
	switch {
	case rec.Code < 300, rec.Code < 400 && w.h.Follow != nil:
		a.Verdict = Taken
		if w.h.Shown != nil {
			a.Shown = w.h.Shown(a)
		}
	case rec.Code >= 500, rec.Code == http.StatusTooManyRequests, rec.Code == http.StatusTooEarly, rec.Code == http.StatusRequestTimeout:
		a.Verdict = Later
	default:
		a.Verdict = Refused
	}
	return a
}

// one is a request as good as any, to be spoiled.
func (w *httpWire) one(words string) *written {
	m := w.b.resident(3).next(channels.Message, words)
	if w.b.s.Visits {
		m.Kind = channels.Dialed
	}
	return w.write(w.h.Request(m), false)
}

func (w *httpWire) Good() []byte {
	x := w.one(marker)
	if len(x.body) == 0 {
		return []byte(x.r.URL.RawQuery)
	}
	return x.body
}

func (w *httpWire) Spoil(body []byte, signed bool) Answer {
	x := w.one(marker)
	if len(x.body) == 0 && x.r.Method == http.MethodGet { // everything is in the address
		query := strings.Map(func(r rune) rune {
			if r <= ' ' || r >= 0x7f {
				return -1 // net/http would not let it in
			}
			return r
		}, string(body))
		if w.h.Secret != "" && strings.Contains(x.r.URL.RawQuery, w.h.Secret) {
			query = "key=" + w.h.Secret + "&" + query
		}
		x.r.URL.RawQuery = query
		x.r.RequestURI = x.r.URL.RequestURI()
	} else {
		x.body = body
	}
	if signed && w.h.Sign != nil {
		w.h.Sign(x.r, x.body)
	}
	return w.ask(x.request())
}

// Forge changes a good request here and there, shows another secret, or none.
func (w *httpWire) Forge(m Message) map[string]Answer {
	out := map[string]Answer{}
	good := w.write(w.h.Request(m), true)
	try := func(name string, change func(x *written)) {
		x := &written{good.r.Clone(context.Background()), bytes.Clone(good.body)}
		change(x)
		out[name] = w.ask(x.request())
	}
	if w.h.Sign != nil {
		unsigned := w.write(w.h.Request(m), false)
		out["not signed"] = w.ask(unsigned.request())
		for name := range good.r.Header {
			if _, there := unsigned.r.Header[name]; there {
				continue
			}
			try("without "+name, func(x *written) { x.r.Header.Del(name) })
			try("an empty "+name, func(x *written) { x.r.Header.Set(name, "") })
			try("another "+name, func(x *written) { x.r.Header.Set(name, spoiled(x.r.Header.Get(name))) })
		}
		for i := 0; i < len(good.body); i += 1 + len(good.body)/40 {
			try(fmt.Sprintf("byte %d of the body", i), func(x *written) { x.body[i] = spoiled(string(x.body[i]))[0] })
		}
		try("a longer body", func(x *written) { x.body = append(x.body, '&', 'a', '=', 'b') })
		if signsAddress(w.h, m) {
			try("another address", func(x *written) {
				x.r.URL.RawQuery += "&x=1"
				x.r.RequestURI = x.r.URL.RequestURI()
			})
		}
	}
	if s := w.h.Secret; s != "" {
		for name, other := range map[string]string{"another secret": spoiled(s), "no secret": "", "half a secret": s[:len(s)/2], "a longer secret": s + "x", "in capitals": swapped(s)} {
			try(name, func(x *written) { x.swap(s, other) })
		}
	}
	if w.h.Forged != nil {
		for name, r := range w.h.Forged(m) {
			out[name] = w.ask(w.write(r, false).request())
		}
	}
	return out
}

// signsAddress says whether a signature covers what stands after the path.
func signsAddress(h *HTTP, m Message) bool {
	signature := func(query string) string {
		r := h.Request(m)
		r.URL.RawQuery += query
		r.RequestURI = r.URL.RequestURI()
		body, _ := io.ReadAll(r.Body)
		h.Sign(r, body)
		return fmt.Sprint(r.Header)
	}
	return signature("") != signature("&x=1")
}

// swap puts another secret wherever the right one stands.
func (x *written) swap(s, other string) {
	x.r.URL.Path = strings.ReplaceAll(x.r.URL.Path, s, other)
	x.r.URL.RawQuery = strings.ReplaceAll(x.r.URL.RawQuery, s, other)
	x.r.RequestURI = x.r.URL.RequestURI()
	for name, all := range x.r.Header {
		for i, v := range all {
			x.r.Header[name][i] = strings.ReplaceAll(v, s, other)
		}
	}
	x.body = bytes.ReplaceAll(x.body, []byte(s), []byte(other))
}

// spoiled is s with another first letter that is as good.
func spoiled(s string) string {
	if s == "" {
		return "x"
	}
	c := byte('q') // no hex digit: %3a is %3A
	if s[0] == c {
		c = 'r'
	}
	return string(c) + s[1:]
}

// swapped is s with small letters for capitals, and the other way round; of one without letters something else.
func swapped(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return spoiled(s)
}
