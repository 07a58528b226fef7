package ussd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/signature"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// noon is when these tests take place.
var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

const testSecret = "0123456789abcdef"

// inbox notes what it is given and answers with one screen.
type inbox struct {
	mu     sync.Mutex
	events []channels.Event
	answer func(channels.Event) (channels.Reply, error)
}

func (in *inbox) Receive(_ context.Context, e channels.Event) (channels.Reply, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.events = append(in.events, e)
	if in.answer != nil {
		return in.answer(e)
	}
	return screen("Your town\n1 Main Street"), nil
}

func (in *inbox) Report(context.Context, string, string, channels.Delivery) error { return nil }

func (in *inbox) all() []channels.Event {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]channels.Event(nil), in.events...)
}

func screen(text string) channels.Reply {
	return channels.Reply{Pages: []render.Page{{Text: text, Lang: "en"}}}
}

func last(text string) channels.Reply {
	r := screen(text)
	r.Over = true
	return r
}

// loaded are the phrases, read once.
var loaded = sync.OnceValues(locales.Load)

func phrases(t testing.TB) *locales.Catalogue {
	t.Helper()
	all, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// configured is a gateway as most of these tests have it: with a secret in its address, in Ghana.
func configured(t testing.TB, dialect string) Config {
	return Config{Dialect: dialect, Code: "*384*123#", Secret: testSecret, Country: "GH", Phrases: phrases(t), Lang: "en", Texts: true, Now: func() time.Time { return noon }}
}

func newUSSD(t testing.TB, dialect string, change func(*Config)) *USSD {
	t.Helper()
	c := configured(t, dialect)
	if change != nil {
		change(&c)
	}
	u, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func muxOf(u *USSD, in channels.Inbox) *http.ServeMux {
	mux := http.NewServeMux()
	u.Mount(mux, in)
	return mux
}

// call makes a request: "POST /ussd/nalo?key=…" and a body, whose type is told by its first character.
func call(line, body string) *http.Request {
	method, target, _ := strings.Cut(line, " ")
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, in)
	switch {
	case strings.HasPrefix(body, "{"):
		r.Header.Set("Content-Type", "application/json")
	case body != "":
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if strings.HasPrefix(r.URL.Path, "/ussd/plain") {
		signed(r, testSecret, body, noon)
	}
	return r
}

// signed signs a request of the plain dialect.
func signed(r *http.Request, secret, body string, at time.Time) {
	signature.Put([]byte(secret), r.Method+"\n"+r.URL.Path, r.Header, []byte(body), at)
}

// asks makes a request and returns status and body.
func asks(h http.Handler, r *http.Request) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// heard is what an event says, in short.
func heard(e channels.Event) string {
	kind := map[channels.EventKind]string{channels.Message: "says", channels.Dialed: "dials", channels.HungUp: "gone", channels.Overdue: "overdue"}[e.Kind]
	s := fmt.Sprintf("%s %s %q by %s to %q in %q", e.From.ID, kind, e.Words, e.Channel, e.To, e.Session.ID)
	if e.Session.Whole {
		s += " whole"
	}
	if e.Session.Number > 0 {
		s += fmt.Sprintf(" number %d", e.Session.Number)
	}
	if e.ID != "" || e.From.Kind != "tel" || e.At.IsZero() {
		s += fmt.Sprintf(" ODD %+v", e)
	}
	return s
}

func prefixes(all ...string) (out []netip.Prefix) {
	for _, s := range all {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// logged is a log that a test can read.
func logged() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})), &b
}
