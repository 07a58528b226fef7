package sms

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/peers"
	"github.com/townline/townline/channels/signature"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

const gatewaySecret = "gateway secret, long enough"

func newGateway(t testing.TB, change func(*GatewayConfig)) *Gateway {
	t.Helper()
	c := GatewayConfig{Secret: gatewaySecret, Now: atNoon}
	if change != nil {
		change(&c)
	}
	g, err := NewGateway(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// sealed is a request as the gateway makes it.
func sealed(method, target, body string, at time.Time) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	signature.Put([]byte(gatewaySecret), r.URL.Path, r.Header, []byte(body), at)
	return r
}

func TestGatewayMessages(t *testing.T) {
	tel := channels.Address{Kind: "tel", ID: "+15550100123"}
	for _, c := range []struct {
		name, body string
		want       channels.Event
	}{
		{"text", `{"id":"17","from":"+1 555 010 0123","to":"+15005550006","text":"Main \"Street\"","at":"2027-03-15T11:59:00Z"}`,
			channels.Event{Channel: GatewayName, ID: "17", From: tel, To: "+15005550006", Words: `Main "Street"`, At: noon.Add(-time.Minute)}},
		{"seconds", `{"id":"17","from":"+15550100123","text":"2","at":1800000000}`,
			channels.Event{Channel: GatewayName, ID: "17", From: tel, Words: "2", At: time.Unix(1_800_000_000, 0)}},
		{"a clock that is ahead, a field that is new", `{"id":"17","from":"+15550100123","text":"2","at":"2031-01-01T00:00:00Z","sim":2}`,
			channels.Event{Channel: GatewayName, ID: "17", From: tel, Words: "2", At: noon}},
		{"a picture", `{"id":"17","from":"+15550100123","at":null,"media":[{"type":"image/jpeg","url":"https://phone.example.org/1.jpg"},{"type":"x","url":"javascript:1"}]}`,
			channels.Event{Channel: GatewayName, ID: "17", From: tel, At: noon, Media: []engine.Media{{Type: "image/jpeg", Ref: "https://phone.example.org/1.jpg"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, in := newGateway(t, nil), &inbox{}
			for range 2 {
				w := answerOf(g, in, sealed("POST", "/sms/gateway", c.body, noon))
				if w.Code != 200 || w.Body.String() != `{"replies":[{"text":"Reply 1"}]}` {
					t.Fatalf("answered %d %s", w.Code, w.Body)
				}
				if err := signature.Check([]byte(gatewaySecret), "reply", w.Header(), w.Body.Bytes(), noon); err != nil {
					t.Errorf("the answer: %v", err)
				}
			}
			if got := in.all(); len(got) != 1 || !got[0].At.Equal(c.want.At) {
				t.Fatalf("got %+v", got)
			} else if got[0].At = c.want.At; !reflect.DeepEqual(got[0], c.want) {
				t.Errorf("got  %+v\nwant %+v", got[0], c.want)
			}
		})
	}
}

func TestGatewayReplies(t *testing.T) {
	const body = `{"id":"1","from":"+15550100123","text":"x"}`
	for _, c := range []struct {
		pages       []string
		json, plain string
	}{
		{[]string{"one\nline", "two"}, `{"replies":[{"text":"one\nline"},{"text":"two"}]}`, "one\nline\n\ntwo"},
		{[]string{" "}, `{"replies":[]}`, ""},
		{nil, `{"replies":[]}`, ""},
	} {
		in := &inbox{answer: func(channels.Event) channels.Reply { return say(c.pages...) }}
		if w := answerOf(newGateway(t, nil), in, sealed("POST", "/sms/gateway", body, noon)); w.Body.String() != c.json || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%q: %s", c.pages, w.Body)
		}
		r := sealed("POST", "/sms/gateway", body, noon)
		r.Header.Set("Accept", "text/plain")
		if w := answerOf(newGateway(t, nil), in, r); w.Body.String() != c.plain || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%q as text: %s", c.pages, w.Body)
		}
	}
}

func TestGatewayRefusals(t *testing.T) {
	const good = `{"id":"1","from":"+15550100123","text":"x"}`
	changed := func(change func(http.Header)) *http.Request {
		r := sealed("POST", "/sms/gateway", good, noon)
		change(r.Header)
		return r
	}
	for _, c := range []struct {
		name   string
		r      *http.Request
		broken error
		status int
	}{
		{"right", sealed("POST", "/sms/gateway", good, noon), nil, 200},
		{"in capitals", changed(func(h http.Header) { h.Set(signature.Header, strings.ToUpper(h.Get(signature.Header))) }), nil, 200},
		{"just in time", sealed("POST", "/sms/gateway", good, noon.Add(-signature.Window)), nil, 200},
		{"replayed too late", sealed("POST", "/sms/gateway", good, noon.Add(-signature.Window-time.Second)), nil, 403},
		{"from the future", sealed("POST", "/sms/gateway", good, noon.Add(signature.Window+time.Second)), nil, 403},
		{"signed for something else", changed(func(h http.Header) {
			signature.Put([]byte(gatewaySecret), "/sms/gateway/outbox", h, []byte(good), noon)
		}), nil, 403},
		{"our own push, given back", changed(func(h http.Header) { signature.Put([]byte(gatewaySecret), "push", h, []byte(good), noon) }), nil, 403},
		{"our own answer, given back", changed(func(h http.Header) { signature.Put([]byte(gatewaySecret), "reply", h, []byte(good), noon) }), nil, 403},
		{"with a fresh timestamp", changed(func(h http.Header) { h.Set(signature.TimeHeader, "1805112001") }), nil, 403},
		{"not signed", changed(func(h http.Header) { h.Del(signature.Header) }), nil, 403},
		{"without a timestamp", changed(func(h http.Header) { h.Del(signature.TimeHeader) }), nil, 403},
		{"a timestamp that is none", func() *http.Request {
			r := sealed("POST", "/sms/gateway", good, noon)
			r.Header.Set(signature.TimeHeader, "noon")
			r.Header.Set(signature.Header, signature.Sign([]byte(gatewaySecret), "/sms/gateway", "noon", []byte(good)))
			return r
		}(), nil, 403},
		{"with other words", func() *http.Request {
			r := sealed("POST", "/sms/gateway", good, noon)
			r.Body = io.NopCloser(strings.NewReader(strings.Replace(good, "x", "y", 1)))
			return r
		}(), nil, 403},
		{"not JSON", sealed("POST", "/sms/gateway", "id=1", noon), nil, 400},
		{"without an id", sealed("POST", "/sms/gateway", `{"from":"+15550100123","text":"x"}`, noon), nil, 400},
		{"without a sender", sealed("POST", "/sms/gateway", `{"id":"1","text":"x"}`, noon), nil, 400},
		{"a report sent here", sealed("POST", "/sms/gateway", `{"id":"1","state":"sent"}`, noon), nil, 400},
		{"GET", sealed("GET", "/sms/gateway", "", noon), nil, 405},
		{"too large", sealed("POST", "/sms/gateway", strings.Repeat("x", bodyLimit+1), noon), nil, 413},
		{"exchange out of order", sealed("POST", "/sms/gateway", good, noon), errors.New("disk full"), 503},
		{"outbox", sealed("GET", "/sms/gateway/outbox", "", noon), nil, 200},
		{"outbox not signed", httptest.NewRequest("GET", "/sms/gateway/outbox", nil), nil, 403},
		{"report", sealed("POST", "/sms/gateway/report", `{"id":"1","state":"sent"}`, noon), nil, 200},
		{"report not signed", httptest.NewRequest("POST", "/sms/gateway/report", strings.NewReader(`{"id":"1","state":"sent"}`)), nil, 403},
		{"report of a state that is none", sealed("POST", "/sms/gateway/report", `{"id":"1","state":"eaten"}`, noon), nil, 400},
		{"report on nothing", sealed("POST", "/sms/gateway/report", `{"state":"sent"}`, noon), nil, 400},
		{"a message sent as a report", sealed("POST", "/sms/gateway/report", good, noon), nil, 400},
		{"report, exchange out of order", sealed("POST", "/sms/gateway/report", `{"id":"1","state":"sent"}`, noon), errors.New("disk full"), 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := &inbox{broken: c.broken}
			w := answerOf(newGateway(t, nil), in, c.r)
			if w.Code != c.status {
				t.Errorf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if w.Code >= 400 && len(in.events)+len(in.reports) > 0 {
				t.Error("something came through")
			}
		})
	}
}

func TestGatewayReports(t *testing.T) {
	for body, want := range map[string]channels.Delivery{
		`{"id":"k1","state":"sent"}`:                                       {State: channels.OnItsWay, At: noon},
		`{"id":"k1","state":"delivered","at":"2027-03-15T11:00:00Z"}`:      {State: channels.Arrived, At: noon.Add(-time.Hour)},
		`{"id":"k1","state":"failed","code":"no credit","at":1900000000 }`: {State: channels.Failed, Code: "no credit", At: noon},
	} {
		in := &inbox{}
		w := answerOf(newGateway(t, nil), in, sealed("POST", "/sms/gateway/report", body, noon))
		if w.Code != 200 || len(in.reports) != 1 || !reflect.DeepEqual(in.reports[0], reported{GatewayName, "k1", want}) {
			t.Errorf("%s: %d, %+v", body, w.Code, in.reports)
		}
	}
}

func TestGatewayPush(t *testing.T) {
	tel := channels.Address{Kind: "tel", ID: "+15550100123"}
	for _, c := range []struct {
		status int
		want   string
	}{
		{200, "sent k1"}, {204, "sent k1"}, {403, "retry 5m0s"}, {404, "retry 5m0s"}, {301, "retry 5m0s"}, {429, "throttled 30s"}, {503, "retry 30s"},
		{410, "gone 410"}, {422, "gone 422"}, {0, "retry 0s"},
	} {
		phone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if err := signature.Check([]byte(gatewaySecret), "push", r.Header, body, noon); err != nil {
				t.Error(err)
			}
			if want := `{"id":"k1","from":"+15005550006","to":"+15550100123","text":"Hello \u003cyou\u003e"}`; string(body) != want || r.Method != "POST" || r.URL.Path != "/send" {
				t.Errorf("%s %s %s", r.Method, r.URL, body)
			}
			if c.status == 0 {
				conn, _, _ := http.NewResponseController(w).Hijack()
				conn.Close()
				return
			}
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(c.status)
		}))
		g := newGateway(t, func(g *GatewayConfig) { g.URL, g.From = phone.URL+"/send", "+15005550006" })
		receipt, err := g.Deliver(t.Context(), tel, render.Page{Text: "Hello\x01 <you>"}, "k1")
		if got := word(receipt, err); got != c.want {
			t.Errorf("%d: %s, want %s (%v)", c.status, got, c.want, err)
		}
		noSecrets(t, err, "5550100123", "Hello", gatewaySecret)
		phone.Close()
	}
	g := newGateway(t, func(g *GatewayConfig) { g.URL = "http://" + peers.Closed(t) })
	for _, c := range []struct {
		to         channels.Address
		text, want string
	}{
		{tel, "x", "retry 0s"}, {tel, " ", "gone empty"}, {channels.Address{Kind: "telegram", ID: "7"}, "x", "gone address"},
	} {
		receipt, err := g.Deliver(t.Context(), c.to, render.Page{Text: c.text}, "k1")
		if got := word(receipt, err); got != c.want {
			t.Errorf("%+v: %s (%v)", c, got, err)
		}
	}
}

// A phone that can't be called fetches what waits for it, and Deliver ends with what it reports.
func TestGatewayFetch(t *testing.T) {
	tel := channels.Address{Kind: "tel", ID: "+15550100123"}
	g, in := newGateway(t, nil), &inbox{}
	mux := http.NewServeMux()
	g.Mount(mux, in)
	ask := func(method, target, body string) string {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, sealed(method, target, body, noon))
		if w.Code != 200 {
			t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
		}
		return w.Body.String()
	}
	if got := ask("GET", "/sms/gateway/outbox", ""); got != `{"messages":[]}` {
		t.Fatalf("an empty outbox is %s", got)
	}

	limit, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	outcomes := make(map[string]chan string)
	for _, key := range []string{"sent", "delivered", "failed"} {
		outcome := make(chan string, 1)
		outcomes[key] = outcome
		go func() {
			receipt, err := g.Deliver(limit, tel, render.Page{Text: "x " + key}, key)
			outcome <- word(receipt, err)
		}()
	}
	var fetched struct{ Messages []outgoing }
	for len(fetched.Messages) < 3 { // until all three lie there; again gives the same
		if err := json.Unmarshal([]byte(ask("GET", "/sms/gateway/outbox", "")), &fetched); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range fetched.Messages {
		if m.To != tel.ID || m.Text != "x "+m.ID {
			t.Errorf("fetched %+v", m)
		}
		ask("POST", "/sms/gateway/report", `{"id":"`+m.ID+`","state":"`+m.ID+`","code":"no credit"}`)
	}
	for key, want := range map[string]string{"sent": "sent sent", "delivered": "sent delivered", "failed": "gone no credit"} {
		if got := <-outcomes[key]; got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	if got := in.allReports(); len(got) != 1 || got[0].State != channels.Arrived {
		t.Errorf("reports passed on: %+v", got)
	}
	if got := ask("GET", "/sms/gateway/outbox", ""); got != `{"messages":[]}` {
		t.Errorf("taken, and still there: %s", got)
	}

	cancel()
	receipt, err := g.Deliver(limit, tel, render.Page{Text: "x"}, "late")
	if got := word(receipt, err); got != "retry 0s" {
		t.Errorf("nobody fetched it: %s", got)
	}
	if got := ask("GET", "/sms/gateway/outbox", ""); got != `{"messages":[]}` {
		t.Errorf("given up, and still there: %s", got)
	}
}

func TestNewGateway(t *testing.T) {
	for _, c := range []GatewayConfig{{Secret: "short"}, {Secret: gatewaySecret, URL: "phone"}, {Secret: gatewaySecret, URL: "ftp://phone"}} {
		if _, err := NewGateway(c); err == nil {
			t.Errorf("%+v: taken", c)
		}
	}
}

// A gateway's script may put the whole error of a modem where its code belongs: that can hold the number, and codes are
// logged.
func TestGatewayCodesAreCodes(t *testing.T) {
	g := newGateway(t, nil)
	for code, want := range map[string]string{
		"": "", "30003": "30003", "-21": "-21", "no-credit": "no-credit", "CMS.ERROR_38": "CMS.ERROR_38",
		"+15550100123 is barred": "other", "15550100123": "other", "tel15550100123": "other", strings.Repeat("x", 33): "other", "a\nb": "other",
	} {
		body, _ := json.Marshal(map[string]string{"id": "a1", "state": "failed", "code": code})
		if _, d, err := g.delivery(body); err != nil || d.Code != want {
			t.Errorf("code %q came through as %q (%v), want %q", code, d.Code, err, want)
		}
	}
}
