package sms

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/peers"
	"github.com/townline/townline/dialogs/render"
)

const kannelSecret = "kannel-secret-0123456789"

func newKannel(t testing.TB, change func(*KannelConfig)) *Kannel {
	t.Helper()
	c := KannelConfig{Secret: kannelSecret, Now: atNoon, Country: "TZ"}
	if change != nil {
		change(&c)
	}
	k, err := NewKannel(c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// fromKannel is a request from this machine.
func fromKannel(target string) *http.Request {
	r := httptest.NewRequest("GET", target, nil)
	r.RemoteAddr = "127.0.0.1:40000"
	return r
}

func TestKannelMessages(t *testing.T) {
	tel := channels.Address{Kind: "tel", ID: "+255712345678"}
	at := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		name, query string
		want        channels.Event
	}{
		{"as get-url brings it", "from=255712345678&to=15001&text=HABARI+yako&bin=HABARI++yako&charset=UTF-8&coding=0&id=0f3c&smsc=FAKE1&ts=1800000000&udh=",
			channels.Event{Channel: KannelName, ID: "0f3c", From: tel, To: "15001", Words: "HABARI  yako", At: at}},
		{"UCS-2", "from=%2B255712345678&bin=%04%16%00%20%D8%3D%DE%00&charset=UTF-16BE&coding=2&id=1",
			channels.Event{Channel: KannelName, ID: "1", From: tel, Words: "Ж 😀", At: noon}},
		{"UCS-2 with a mark, charset not said", "from=%2B255712345678&text=%FE%FF%00a%04%16&coding=2&id=1",
			channels.Event{Channel: KannelName, ID: "1", From: tel, Words: "aЖ", At: noon}},
		{"coding 2, recoded to UTF-8", "from=%2B255712345678&text=%D0%96&charset=UTF-8&coding=2&id=1",
			channels.Event{Channel: KannelName, ID: "1", From: tel, Words: "Ж", At: noon}},
		{"coding 2, UTF-8 and charset not said", "from=%2B255712345678&text=%D0%96&coding=2&id=1",
			channels.Event{Channel: KannelName, ID: "1", From: tel, Words: "Ж", At: noon}},
		{"Latin 1", "from=%2B255712345678&text=caf%E9&charset=ISO-8859-1&id=1",
			channels.Event{Channel: KannelName, ID: "1", From: tel, Words: "café", At: noon}},
		{"said to be UTF-8, and is Latin 1", "from=%2B255712345678&text=caf%E9&charset=UTF-8&id=1",
			channels.Event{Channel: KannelName, ID: "1", From: tel, Words: "café", At: noon}},
		{"a national number", "from=0712345678&text=2;3&id=1",
			channels.Event{Channel: KannelName, ID: "1", From: tel, Words: "2;3", At: noon}},
		{"a time to come", "from=0712345678&text=2&id=1&ts=2900000000",
			channels.Event{Channel: KannelName, ID: "1", From: tel, Words: "2", At: noon}},
	} {
		t.Run(c.name, func(t *testing.T) {
			get := fromKannel("/sms/kannel?key=" + kannelSecret + "&" + c.query)
			post := httptest.NewRequest("POST", "/sms/kannel?key="+kannelSecret, strings.NewReader(c.query))
			post.RemoteAddr = "[::1]:40000"
			for _, r := range []*http.Request{get, post} {
				in := &inbox{}
				w := answerOf(newKannel(t, nil), in, r)
				if w.Code != 200 || w.Body.String() != "Reply 1" || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
					t.Errorf("%s was answered %d %q", r.Method, w.Code, w.Body)
				}
				if got := in.all(); len(got) != 1 || !reflect.DeepEqual(got[0], c.want) {
					t.Errorf("%s: got  %+v\nwant %+v", r.Method, got, c.want)
				}
			}
		})
	}
}

// Kannel without ids: the same call again is the same message, another text or time is another.
func TestKannelWithoutIDs(t *testing.T) {
	k, in := newKannel(t, nil), &inbox{}
	for _, query := range []string{"from=255712345678&to=1&text=2&ts=1800000000", "from=0712345678&to=1&text=2&ts=1800000000",
		"from=255712345678&to=1&text=2&ts=1800000001", "from=255712345678&to=1&text=3&ts=1800000001", "from=255712345679&to=1&text=3&ts=1800000001"} {
		answerOf(k, in, fromKannel("/sms/kannel?key="+kannelSecret+"&"+query))
	}
	if got := len(in.all()); got != 4 {
		t.Errorf("%d messages, want 4", got)
	}
}

func TestKannelReplies(t *testing.T) {
	for _, c := range []struct {
		pages  []string
		want   string
		coding string
	}{
		{[]string{"Karibu! 1 Ndio é"}, "Karibu! 1 Ndio é", "0"},
		{[]string{"Добро"}, "Добро", "2"},
		{[]string{"one\x1b", " ", "two"}, "one\n\ntwo", "0"},
		{nil, "", ""},
	} {
		in := &inbox{answer: func(channels.Event) channels.Reply { return say(c.pages...) }}
		w := answerOf(newKannel(t, nil), in, fromKannel("/sms/kannel?key="+kannelSecret+"&from=255712345678&text=x&id=1"))
		if w.Code != 200 || w.Body.String() != c.want || w.Header().Get("X-Kannel-Coding") != c.coding {
			t.Errorf("%q was answered %d %q, coding %q", c.pages, w.Code, w.Body, w.Header().Get("X-Kannel-Coding"))
		}
	}
}

func TestKannelRefusals(t *testing.T) {
	const good = "/sms/kannel?key=" + kannelSecret + "&from=255712345678&text=x&id=1"
	from := func(remote string) *http.Request { r := fromKannel(good); r.RemoteAddr = remote; return r }
	by := func(proxy, first string) *http.Request {
		r := from(proxy + ":4000")
		r.Header.Set("X-Forwarded-For", first)
		return r
	}
	own := channels.Proxies{netip.MustParsePrefix("10.9.0.1/32")}
	for _, c := range []struct {
		name   string
		allow  []string
		r      *http.Request
		broken error
		status int
	}{
		{"right", nil, fromKannel(good), nil, 200},
		{"closed unless opened", nil, from("10.0.0.5:4000"), nil, 403},
		{"opened", []string{"10.0.0.0/24", "2001:db8::7"}, from("10.0.0.5:4000"), nil, 200},
		{"opened for one", []string{"10.0.0.0/24", "2001:db8::7"}, from("[2001:db8::7]:4000"), nil, 200},
		{"an old address in a new one", []string{"10.0.0.5"}, from("[::ffff:10.0.0.5]:4000"), nil, 200},
		{"opened for another", []string{"10.0.0.0/24"}, from("10.0.1.5:4000"), nil, 403},
		{"opened for others than this machine", []string{"10.0.0.0/24"}, fromKannel(good), nil, 403},
		{"no address", nil, from("@"), nil, 403},
		{"by the town's proxy", []string{"10.0.0.5"}, by("10.9.0.1", "10.0.0.5"), nil, 200},
		{"by the town's proxy, from elsewhere", []string{"10.0.0.5"}, by("10.9.0.1", "198.51.100.7"), nil, 403},
		{"by the town's proxy, which may call itself", []string{"10.9.0.1"}, by("10.9.0.1", "198.51.100.7"), nil, 403},
		{"by a proxy on this machine that nobody named", nil, by("127.0.0.1", "198.51.100.7"), nil, 403},
		{"who writes the header themself", []string{"10.0.0.5"}, by("198.51.100.7", "10.0.0.5"), nil, 403},
		{"wrong key", nil, fromKannel(strings.Replace(good, "secret", "sekret", 1)), nil, 403},
		{"no key", nil, fromKannel("/sms/kannel?from=255712345678&text=x"), nil, 403},
		{"no sender", nil, fromKannel("/sms/kannel?key=" + kannelSecret + "&text=x"), nil, 400},
		{"DELETE", nil, httptest.NewRequest("DELETE", good, nil), nil, 405},
		{"too large", nil, fromKannel(good + strings.Repeat("x", bodyLimit)), nil, 413},
		{"exchange out of order", nil, fromKannel(good), errors.New("disk full"), 503},
		{"report", nil, fromKannel("/sms/kannel/dlr?key=" + kannelSecret + "&id=k&type=1"), nil, 200},
		{"report with a wrong key", nil, fromKannel("/sms/kannel/dlr?key=x&id=k&type=1"), nil, 403},
		{"report on nothing", nil, fromKannel("/sms/kannel/dlr?key=" + kannelSecret + "&type=1"), nil, 400},
		{"report without bits", nil, fromKannel("/sms/kannel/dlr?key=" + kannelSecret + "&id=k"), nil, 400},
		{"report, exchange out of order", nil, fromKannel("/sms/kannel/dlr?key=" + kannelSecret + "&id=k&type=1"), errors.New("disk full"), 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := &inbox{broken: c.broken}
			w := answerOf(newKannel(t, func(k *KannelConfig) { k.Allow, k.Proxies = c.allow, own }), in, c.r)
			if w.Code != c.status {
				t.Errorf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if w.Code >= 400 && len(in.events)+len(in.reports) > 0 {
				t.Error("something came through")
			}
		})
	}
}

func TestKannelLeavesAlone(t *testing.T) {
	for _, query := range []string{"from=255712345678&bin=%00%01&coding=1&id=1", "from=MPESA&text=x&id=1"} {
		in := &inbox{}
		w := answerOf(newKannel(t, nil), in, fromKannel("/sms/kannel?key="+kannelSecret+"&"+query))
		if w.Code != 200 || w.Body.Len() > 0 || len(in.events) > 0 {
			t.Errorf("%s was answered %d %q, %d events", query, w.Code, w.Body, len(in.events))
		}
	}
}

func TestKannelReports(t *testing.T) {
	for bits, want := range map[string]*channels.Delivery{
		"1":  {State: channels.Arrived, At: noon},
		"2":  {State: channels.Failed, Code: "failed", At: noon},
		"4":  {State: channels.OnItsWay, At: noon},
		"8":  {State: channels.OnItsWay, At: noon},
		"16": {State: channels.Failed, Code: "rejected", At: noon},
		"0":  nil,
		"32": nil,
	} {
		in := &inbox{}
		if w := answerOf(newKannel(t, nil), in, fromKannel("/sms/kannel/dlr?key="+kannelSecret+"&id=k7&smsc=F&type="+bits)); w.Code != 200 {
			t.Errorf("%s: status %d, and Kannel calls again", bits, w.Code)
		}
		if want == nil {
			if len(in.reports) > 0 {
				t.Errorf("%s: %+v", bits, in.reports)
			}
		} else if len(in.reports) != 1 || in.reports[0] != (reported{KannelName, "k7", *want}) {
			t.Errorf("%s: %+v, want %+v", bits, in.reports, want)
		}
	}
}

func TestKannelPush(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"accepted", 202, "0: Accepted for delivery", "sent k1"},
		{"queued", 202, "3: Queued for later delivery", "sent k1"},
		{"another yes", 202, "Sent.", "doubt"},
		{"another program", 200, "<html>", "doubt"},
		{"refused", 403, "Authorization failed for sendsms", "retry 5m0s"},
		{"not there", 404, "", "retry 5m0s"},
		{"bad request", 400, "", "gone 400"},
		{"too many", 429, "", "throttled 30s"},
		{"temporal failure", 503, "Temporal failure, try again later.", "retry 30s"},
		{"broken", 500, "", "retry 30s"},
		{"somebody between gave up", 504, "", "doubt"},
		{"elsewhere", 302, "", "retry 30s"},
		{"hangs up", 0, "", "doubt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := make(chan url.Values, 9)
			box := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- r.URL.Query()
				if c.status == 0 {
					conn, _, _ := http.NewResponseController(w).Hijack()
					conn.Close()
					return
				}
				w.Header().Set("Retry-After", "30")
				w.WriteHeader(c.status)
				w.Write([]byte(c.body))
			}))
			defer box.Close()
			k := newKannel(t, func(k *KannelConfig) {
				k.SendURL, k.Username, k.Password, k.From, k.SMSC, k.PublicURL = box.URL+"/cgi-bin/sendsms", "townline", "pass&word", "15001", "FAKE1", public
			})
			receipt, err := k.Deliver(t.Context(), channels.Address{Kind: "tel", ID: "+255712345678"}, render.Page{Text: "Karibu é"}, "k1")
			if now := word(receipt, err); now != c.want {
				t.Errorf("%s, want %s (%v)", now, c.want, err)
			}
			noSecrets(t, err, "pass", "712345678", "Karibu", kannelSecret)
			want := url.Values{"username": {"townline"}, "password": {"pass&word"}, "from": {"15001"}, "to": {"+255712345678"}, "text": {"Karibu é"},
				"charset": {"UTF-8"}, "coding": {"0"}, "smsc": {"FAKE1"}, "dlr-mask": {"31"},
				"dlr-url": {public + "/sms/kannel/dlr?key=" + kannelSecret + "&id=k1&type=%d&smsc=%i"}}
			if got := <-asked; !reflect.DeepEqual(got, want) {
				t.Errorf("asked %v\nwant  %v", got, want)
			}
			if len(asked) > 0 {
				t.Errorf("asked %d times more", len(asked))
			}
		})
	}
}

// net/http sends a GET again when a kept connection breaks. A text must not go out twice by that.
func TestKannelPushOnABrokenConnection(t *testing.T) {
	var asked atomic.Int32
	box := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Transfer-Encoding") != "" || len(r.TransferEncoding) > 0 || r.ContentLength != 0 {
			t.Errorf("a GET with a body: %v", r.TransferEncoding)
		}
		if asked.Add(1) == 2 {
			conn, _, _ := http.NewResponseController(w).Hijack()
			conn.Close()
			return
		}
		w.WriteHeader(202)
		w.Write([]byte("0: Accepted for delivery"))
	}))
	defer box.Close()
	k := newKannel(t, func(k *KannelConfig) { k.SendURL, k.Username, k.Password = box.URL, "u", "p" })
	tel := channels.Address{Kind: "tel", ID: "+255712345678"}
	for i, want := range []string{"sent k0", "doubt", "sent k2"} {
		key := "k" + strconv.Itoa(i)
		if got := word(k.Deliver(t.Context(), tel, render.Page{Text: "x"}, key)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := asked.Load(); got != 3 {
		t.Errorf("asked %d times for three texts", got)
	}
}

func TestKannelPushUnasked(t *testing.T) {
	tel := channels.Address{Kind: "tel", ID: "+255712345678"}
	off := newKannel(t, func(k *KannelConfig) {
		k.SendURL, k.Username, k.Password = "http://"+peers.Closed(t)+"/cgi-bin/sendsms", "u", "pass&word"
	})
	for _, c := range []struct {
		name string
		k    *Kannel
		to   channels.Address
		text string
		want string
	}{
		{"nobody there", off, tel, "x", "retry 0s"},
		{"nothing to say", off, tel, "\x01 ", "gone empty"},
		{"not a number", off, channels.Address{Kind: "telegram", ID: "7"}, "x", "gone address"},
		{"no sendsms", newKannel(t, nil), tel, "x", "gone sendsms"},
	} {
		receipt, err := c.k.Deliver(t.Context(), c.to, render.Page{Text: c.text}, "k1")
		if now := word(receipt, err); now != c.want {
			t.Errorf("%s: %s, want %s (%v)", c.name, now, c.want, err)
		}
		noSecrets(t, err, "pass", "712345678")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := off.Deliver(ctx, tel, render.Page{Text: "x"}, "k1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a push outlives its context: %v", err)
	}
}

func TestNewKannel(t *testing.T) {
	for name, c := range map[string]KannelConfig{
		"short secret":  {Secret: "short"},
		"odd secret":    {Secret: kannelSecret + "%20"},
		"odd network":   {Secret: kannelSecret, Allow: []string{"office"}},
		"odd address":   {Secret: kannelSecret, SendURL: "localhost:13013", Username: "u", Password: "p"},
		"no password":   {Secret: kannelSecret, SendURL: "http://127.0.0.1:13013/cgi-bin/sendsms", Username: "u"},
		"odd public":    {Secret: kannelSecret, PublicURL: "talk.example.org"},
		"empty network": {Secret: kannelSecret, Allow: []string{""}},
	} {
		if _, err := NewKannel(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// word is the outcome of a push in a word.
func word(receipt string, err error) string {
	if err == nil {
		return "sent " + receipt
	}
	if receipt != "" {
		return "a receipt and an error"
	}
	if after, ok := channels.Retrying(err); ok {
		if errors.Is(err, channels.ErrThrottled) {
			return "throttled " + after.String()
		}
		return "retry " + after.String()
	}
	if code, ok := channels.IsGone(err); ok {
		if errors.Is(err, channels.ErrBadNumber) {
			return "bad number " + code
		}
		return "gone " + code
	}
	if channels.InDoubt(err) {
		return "doubt"
	}
	return "unmarked: " + err.Error()
}

func noSecrets(t testing.TB, err error, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if err != nil && strings.Contains(err.Error(), s) {
			t.Errorf("the error tells %q: %v", s, err)
		}
	}
}
