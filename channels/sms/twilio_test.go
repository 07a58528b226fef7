package sms

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/dialogs/engine"
)

const public = "https://talk.example.org"

func newTwilio(t testing.TB, change func(*TwilioConfig)) *Twilio {
	t.Helper()
	c := TwilioConfig{AccountSID: account, AuthTokens: []string{token}, From: "+15005550006", PublicURL: public, Now: atNoon}
	if change != nil {
		change(&c)
	}
	twilio, err := NewTwilio(c)
	if err != nil {
		t.Fatal(err)
	}
	return twilio
}

// signed is a request as Twilio makes it.
func signed(target, body string) *http.Request {
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sign(r, []byte(body))
	return r
}

// sign signs a request as Twilio does.
func sign(r *http.Request, body []byte) {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write(twilio.ParseForm(body).Signed([]byte(public + r.RequestURI)))
	r.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// answerOf mounts a channel and gives it one request.
func answerOf(c channels.Mounter, in channels.Inbox, r *http.Request) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	c.Mount(mux, in)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

const sid = "SM00000000000000000000000000000001"

func TestTwilioMessages(t *testing.T) {
	const nothing = `<?xml version="1.0" encoding="UTF-8"?><Response></Response>`
	const first = `<?xml version="1.0" encoding="UTF-8"?><Response><Message>Reply 1</Message></Response>`
	tel := channels.Address{Kind: "tel", ID: "+15550100123"}
	for _, c := range []struct {
		name  string
		body  string
		event channels.Event // "" ID: none
		want  string
	}{
		{"text", "MessageSid=" + sid + "&From=%2B15550100123&To=%2B15005550006&Body=Main+Street%21",
			channels.Event{Channel: TwilioName, ID: sid, From: tel, To: "+15005550006", Words: "Main Street!", At: noon}, first},
		{"the id under its old name", "SmsSid=" + sid + "&From=%2B15550100123&Body=2",
			channels.Event{Channel: TwilioName, ID: sid, From: tel, Words: "2", At: noon}, first},
		{"pictures", "MessageSid=" + sid + "&From=%2B15550100123&NumMedia=2&MediaUrl0=https%3A%2F%2Fapi.twilio.com%2Fa&MediaContentType0=image%2Fjpeg&MediaUrl1=https%3A%2F%2Fapi.twilio.com%2Fb&MediaContentType1=image%2Fpng&MediaUrl2=https%3A%2F%2Fx%2Fc",
			channels.Event{Channel: TwilioName, ID: sid, From: tel, At: noon, Media: []engine.Media{
				{Type: "image/jpeg", Ref: "https://api.twilio.com/a"}, {Type: "image/png", Ref: "https://api.twilio.com/b"}}}, first},
		{"a picture without an address", "MessageSid=" + sid + "&From=%2B15550100123&NumMedia=1&MediaUrl0=file%3A%2F%2F%2Fetc%2Fpasswd",
			channels.Event{Channel: TwilioName, ID: sid, From: tel, At: noon}, first},
		{"WhatsApp", "MessageSid=" + sid + "&From=whatsapp%3A%2B15550100123&To=whatsapp%3A%2B15005550006&Body=hi&WaId=15550100123&ProfileName=A",
			channels.Event{Channel: WhatsAppName, ID: sid, From: tel, To: "+15005550006", Words: "hi", At: noon}, first},
		{"WhatsApp without a number", "MessageSid=" + sid + "&From=whatsapp%3AUS.13491208655302741918&Body=hi",
			channels.Event{Channel: WhatsAppName, ID: sid, From: channels.Address{Kind: "whatsapp", ID: "US.13491208655302741918"}, Words: "hi", At: noon}, first},
		{"a button", "MessageSid=" + sid + "&From=whatsapp%3A%2B15550100123&Body=Buses&ButtonText=Buses&ButtonPayload=2",
			channels.Event{Channel: WhatsAppName, ID: sid, From: tel, Words: "Buses", Choice: "2", At: noon}, first},
		{"a button and its page", "MessageSid=" + sid + "&From=whatsapp%3A%2B15550100123&Body=Buses&ButtonText=Buses&ButtonPayload=2.k3f9x2ab",
			channels.Event{Channel: WhatsAppName, ID: sid, From: tel, Words: "Buses", Choice: "2", Pressed: "k3f9x2ab", At: noon}, first},
		{"a button without words", "MessageSid=" + sid + "&From=whatsapp%3A%2B15550100123&ButtonText=Buses",
			channels.Event{Channel: WhatsAppName, ID: sid, From: tel, Words: "Buses", At: noon}, first},
		{"a row", "MessageSid=" + sid + "&From=whatsapp%3A%2B15550100123&Body=Trees&ListId=5&ListTitle=Trees",
			channels.Event{Channel: WhatsAppName, ID: sid, From: tel, Words: "Trees", Choice: "5", At: noon}, first},
		{"a pin", "MessageSid=" + sid + "&From=whatsapp%3A%2B15550100123&Latitude=44.977753&Longitude=-93.265015&Address=x",
			channels.Event{Channel: WhatsAppName, ID: sid, From: tel, Words: "geo:44.977753,-93.265015", At: noon}, first},
		{"a pin that is nowhere", "MessageSid=" + sid + "&From=whatsapp%3A%2B15550100123&Latitude=91&Longitude=NaN&Body=here",
			channels.Event{Channel: WhatsAppName, ID: sid, From: tel, Words: "here", At: noon}, first},
		{"STOP, answered by Twilio", "MessageSid=" + sid + "&From=%2B15550100123&Body=Arret&OptOutType=STOP",
			channels.Event{Channel: TwilioName, ID: sid, From: tel, Words: "STOP", At: noon}, nothing},
		{"START, answered by Twilio", "MessageSid=" + sid + "&From=%2B15550100123&Body=unstop&OptOutType=START",
			channels.Event{Channel: TwilioName, ID: sid, From: tel, Words: "START", At: noon}, nothing},
		{"HELP, answered by Twilio", "MessageSid=" + sid + "&From=%2B15550100123&Body=info&OptOutType=HELP",
			channels.Event{Channel: TwilioName, ID: sid, From: tel, Words: "HELP", At: noon}, nothing},
		{"STOP, left to us", "MessageSid=" + sid + "&From=%2B15550100123&Body=STOP",
			channels.Event{Channel: TwilioName, ID: sid, From: tel, Words: "STOP", At: noon}, first},
		{"from a short code", "MessageSid=" + sid + "&From=72345&Body=hi",
			channels.Event{Channel: TwilioName, ID: sid, From: channels.Address{Kind: "tel", ID: "72345"}, Words: "hi", At: noon}, first},
		{"from a name", "MessageSid=" + sid + "&From=BANK&Body=win", channels.Event{}, nothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			twilio, in := newTwilio(t, nil), &inbox{}
			w := answerOf(twilio, in, signed("/sms/twilio", c.body))
			if w.Code != http.StatusOK || w.Body.String() != c.want {
				t.Fatalf("answered %d %s", w.Code, w.Body)
			}
			if kind := w.Header().Get("Content-Type"); kind != "text/xml; charset=utf-8" {
				t.Errorf("Content-Type %q", kind)
			}
			var want []channels.Event
			if c.event.ID != "" {
				want = []channels.Event{c.event}
			}
			if got := in.all(); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if again := answerOf(twilio, in, signed("/sms/twilio", c.body)); again.Body.String() != c.want {
				t.Errorf("the same again was answered %s", again.Body)
			}
		})
	}
}

func TestTwilioRefusals(t *testing.T) {
	const good = "MessageSid=" + sid + "&From=%2B15550100123&Body=hi"
	typed := func(r *http.Request, kind string) *http.Request { r.Header.Set("Content-Type", kind); return r }
	for _, c := range []struct {
		name   string
		r      *http.Request
		broken error
		status int
	}{
		{"right", signed("/sms/twilio", good), nil, 200},
		{"not signed", httptest.NewRequest("POST", "/sms/twilio", strings.NewReader(good)), nil, 403},
		{"signed for elsewhere", func() *http.Request {
			r := signed("/x", good)
			r.URL.Path, r.RequestURI = "/sms/twilio", "/sms/twilio"
			return r
		}(), nil, 403},
		{"GET", httptest.NewRequest("GET", "/sms/twilio?"+good, nil), nil, 405},
		{"PUT of a status", httptest.NewRequest("PUT", "/sms/twilio/status", nil), nil, 405},
		{"too large", signed("/sms/twilio", good+strings.Repeat("x", bodyLimit)), nil, 413},
		{"too large, without a length", func() *http.Request {
			r := signed("/sms/twilio", good+strings.Repeat("x", bodyLimit))
			r.ContentLength = -1
			return r
		}(), nil, 413},
		{"largest, without a length", func() *http.Request {
			r := signed("/sms/twilio", good+strings.Repeat("x", bodyLimit-len(good)))
			r.ContentLength = -1
			return r
		}(), nil, 200},
		{"broken off", func() *http.Request {
			r := signed("/sms/twilio", good)
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("MessageSid"), brokenReader{}))
			return r
		}(), nil, 400},
		{"without an id", signed("/sms/twilio", "From=%2B15550100123&Body=hi"), nil, 400},
		{"without a sender", signed("/sms/twilio", "MessageSid="+sid), nil, 400},
		{"neither form nor JSON", typed(signed("/sms/twilio", good), "text/plain"), nil, 400},
		{"no type", typed(signed("/sms/twilio", good), ""), nil, 400},
		{"exchange out of order", signed("/sms/twilio", good), errors.New("disk full"), 503},
		{"status right", signed("/sms/twilio/status?key=k", "MessageSid="+sid+"&MessageStatus=sent"), nil, 204},
		{"status not signed", httptest.NewRequest("POST", "/sms/twilio/status", strings.NewReader("MessageSid="+sid+"&MessageStatus=sent")), nil, 403},
		{"status without a word", signed("/sms/twilio/status", "MessageSid="+sid), nil, 400},
		{"status, exchange out of order", signed("/sms/twilio/status", "MessageSid="+sid+"&MessageStatus=sent"), errors.New("disk full"), 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := &inbox{broken: c.broken}
			w := answerOf(newTwilio(t, nil), in, c.r)
			if w.Code != c.status {
				t.Errorf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if (w.Code == 503) != (w.Header().Get("Retry-After") != "") {
				t.Errorf("Retry-After %q with %d", w.Header().Get("Retry-After"), w.Code)
			}
			if w.Code == 200 && (in.deadline <= 0 || in.deadline > patience) {
				t.Errorf("the turn may take %v, and Twilio waits 15 s", in.deadline)
			}
			if w.Code >= 400 && len(in.events)+len(in.reports) > 0 {
				t.Error("something came through")
			}
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestTwiML(t *testing.T) {
	const open, end = `<?xml version="1.0" encoding="UTF-8"?><Response>`, `</Response>`
	for _, c := range []struct{ name, want string }{
		{"Habari <b> & \"x\"\n1. Ndio", "<Message>Habari &lt;b&gt; &amp; \"x\"\n1. Ndio</Message>"},
		{"a\x00b\x01\x1b\x7fc\u0085\ufffed", "<Message>abcd</Message>"},
		{"a\tb\r\nc\rd", "<Message>a b\nc\nd</Message>"},
		{"é \xff ok \ufffd 😀", "<Message>é  ok  😀</Message>"},
		{"  \n ", ""},
		{"", ""},
	} {
		if got := string(twiml(say(c.name).Pages)); got != open+c.want+end {
			t.Errorf("%q became %s", c.name, got)
		}
	}
	if got := string(twiml(say("one", "two").Pages)); got != open+"<Message>one</Message><Message>two</Message>"+end {
		t.Errorf("two pages became %s", got)
	}
}

func TestTwilioStatus(t *testing.T) {
	for _, c := range []struct {
		body string
		want []reported
	}{
		{"MessageStatus=queued", []reported{{TwilioName, sid, channels.Delivery{State: channels.OnItsWay, At: noon}}}},
		{"MessageStatus=sent", []reported{{TwilioName, sid, channels.Delivery{State: channels.OnItsWay, At: noon}}}},
		{"MessageStatus=delivered&ErrorCode=0", []reported{{TwilioName, sid, channels.Delivery{State: channels.Arrived, At: noon}}}},
		{"MessageStatus=read&To=whatsapp%3A%2B15550100123", []reported{{WhatsAppName, sid, channels.Delivery{State: channels.Arrived, At: noon}}}},
		{"MessageStatus=undelivered&ErrorCode=30003", []reported{{TwilioName, sid, channels.Delivery{State: channels.Failed, Code: "30003", At: noon}}}},
		{"MessageStatus=undelivered&ErrorCode=30006", []reported{{TwilioName, sid, channels.Delivery{State: channels.Failed, Code: "30006", At: noon, Bad: true}}}},
		{"MessageStatus=failed&ErrorCode=21610", []reported{{TwilioName, sid, channels.Delivery{State: channels.Failed, Code: "21610", At: noon, OptedOut: true}}}},
		{"SmsStatus=canceled", []reported{{TwilioName, sid, channels.Delivery{State: channels.Failed, At: noon}}}},
		{"MessageStatus=received", nil},
		{"MessageStatus=beamed", nil},
	} {
		in := &inbox{}
		if w := answerOf(newTwilio(t, nil), in, signed("/sms/twilio/status?key=abc", "MessageSid="+sid+"&"+c.body)); w.Code != http.StatusNoContent {
			t.Errorf("%s: status %d", c.body, w.Code)
		}
		if !reflect.DeepEqual(in.reports, c.want) {
			t.Errorf("%s: %+v, want %+v", c.body, in.reports, c.want)
		}
	}
}

func TestNewTwilio(t *testing.T) {
	for name, change := range map[string]func(*TwilioConfig){
		"no account":       func(c *TwilioConfig) { c.AccountSID = "" },
		"API key":          func(c *TwilioConfig) { c.AccountSID = "SK" + account[2:] },
		"no token":         func(c *TwilioConfig) { c.AuthTokens = nil },
		"odd token":        func(c *TwilioConfig) { c.AuthTokens = []string{"p@ss"} },
		"no number":        func(c *TwilioConfig) { c.From = "" },
		"odd number":       func(c *TwilioConfig) { c.From = "TOWNHALL" },
		"odd WhatsApp":     func(c *TwilioConfig) { c.WhatsApp = "whatsapp:me" },
		"no address":       func(c *TwilioConfig) { c.PublicURL = "" },
		"odd REST address": func(c *TwilioConfig) { c.BaseURL = "localhost" },
		"odd template":     func(c *TwilioConfig) { c.Content.Buttons = map[int]string{2: "abc"} },
		"four buttons":     func(c *TwilioConfig) { c.Content.Buttons = map[int]string{4: "HX" + account[2:]} },
	} {
		c := TwilioConfig{AccountSID: account, AuthTokens: []string{token}, From: "+15005550006", PublicURL: public}
		change(&c)
		if _, err := NewTwilio(c); err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), "p@ss") {
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
	}
}

// Logs must hold nothing by which a resident could be known, whatever happens.
func TestLogsArePlain(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	twilio := newTwilio(t, func(c *TwilioConfig) { c.Log = log })
	kannel, err := NewKannel(KannelConfig{Secret: kannelSecret, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := NewGateway(GatewayConfig{Secret: gatewaySecret, Log: log, Now: atNoon})
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []error{nil, errors.New("disk full")} {
		in := &inbox{broken: broken}
		for _, from := range []string{"%2B15550100123", "BANK15550100123", ""} {
			body := "MessageSid=" + sid + "&From=" + from + "&Body=my+secret+words"
			answerOf(twilio, in, signed("/sms/twilio", body))
			answerOf(twilio, in, httptest.NewRequest("POST", "/sms/twilio", strings.NewReader(body)))
			answerOf(twilio, in, signed("/sms/twilio/status", body+"&MessageStatus=failed&To=%2B15550100123"))
			answerOf(kannel, in, fromKannel("/sms/kannel?key="+kannelSecret+"&from="+from+"&text=my+secret+words"))
			answerOf(kannel, in, fromKannel("/sms/kannel?key=wrong&from="+from+"&text=my+secret+words"))
			name, _ := url.QueryUnescape(from)
			answerOf(gateway, in, sealed("POST", "/sms/gateway", `{"id":"1","from":"`+name+`","text":"my secret words"}`, noon))
			answerOf(gateway, in, httptest.NewRequest("POST", "/sms/gateway", strings.NewReader(`{"from":"+15550100123"}`)))
		}
	}
	if out.Len() == 0 {
		t.Fatal("nothing was logged")
	}
	for _, word := range []string{"15550100123", "secret words", "secret+words", token, kannelSecret, gatewaySecret} {
		if strings.Contains(out.String(), word) {
			t.Errorf("the log holds %q:\n%s", word, out.String())
		}
	}
}

func BenchmarkTwilioWebhook(b *testing.B) {
	body := url.Values{
		"MessageSid": {sid}, "SmsSid": {sid}, "SmsMessageSid": {sid}, "AccountSid": {account}, "ApiVersion": {"2010-04-01"},
		"MessagingServiceSid": {"MG" + account[2:]}, "From": {"+15550100123"}, "To": {"+15005550006"}, "Body": {"The bus stop on Main Street has no light"},
		"NumMedia": {"0"}, "NumSegments": {"1"}, "SmsStatus": {"received"}, "FromCity": {"MINNEAPOLIS"}, "FromState": {"MN"}, "FromZip": {"55401"},
		"FromCountry": {"US"}, "ToCity": {""}, "ToState": {"MN"}, "ToZip": {""}, "ToCountry": {"US"},
	}.Encode()
	mux := http.NewServeMux()
	newTwilio(b, nil).Mount(mux, still{})
	r := signed("/sms/twilio", body)
	in := strings.NewReader(body)
	r.Body = io.NopCloser(in)
	w := &silent{header: make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		in.Reset(body)
		clear(w.header)
		mux.ServeHTTP(w, r)
	}
	if w.status != 0 || w.written == 0 {
		b.Fatal("refused, status " + strconv.Itoa(w.status))
	}
}

// still is an inbox that always says the same.
type still struct{}

var sentence = say("Thank you. What is the matter?\n1 No light\n2 Broken glass\n3 Rubbish\n4 Something else")

func (still) Receive(context.Context, channels.Event) (channels.Reply, error) { return sentence, nil }

func (still) Report(context.Context, string, string, channels.Delivery) error { return nil }

// silent is a response that nobody reads.
type silent struct {
	header          http.Header
	status, written int
}

func (w *silent) Header() http.Header         { return w.header }
func (w *silent) WriteHeader(status int)      { w.status = status }
func (w *silent) Write(b []byte) (int, error) { w.written += len(b); return len(b), nil }
