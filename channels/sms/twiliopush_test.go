package sms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/peers"
	"github.com/townline/townline/channels/twilio/twiliotest"
	"github.com/townline/townline/dialogs/render"
)

var resident = channels.Address{Kind: "tel", ID: "+15550100123"}

func TestTwilioPush(t *testing.T) {
	callback := public + "/sms/twilio/status?key=k%2F1"
	template := "HX" + account[2:]
	question := render.Page{Text: "Buses?\n1 Yes\n2 No", Options: []render.Shown{{ID: "yes", Digit: "1", Label: "Yes"}, {ID: "no", Digit: "2", Label: "No"}}}
	long := question
	long.Options = []render.Shown{{Digit: "1", Label: "Everyone in the house"}, {Digit: "8", Label: "More"}}
	longer := question
	longer.Options = []render.Shown{{Digit: "1", Label: "Everyone who lives in the house"}, {Digit: "8", Label: "More"}}
	content := func(c *TwilioConfig) {
		c.WhatsApp = "whatsapp:+15005550007"
		c.Content = Content{Buttons: map[int]string{2: template}, Lists: map[int]string{2: strings.ToLower(template[2:])}}
		c.Content.Lists[2] = "HX" + strings.Repeat("b", 32)
	}
	sms := func(t *Twilio) channels.Channel { return t }
	whatsApp := func(t *Twilio) channels.Channel { return t.WhatsApp() }
	for _, c := range []struct {
		name   string
		change func(*TwilioConfig)
		by     func(*Twilio) channels.Channel
		to     channels.Address
		page   render.Page
		want   url.Values // nil: not sent
		word   string
	}{
		{"text", nil, sms, resident, render.Page{Text: "Hello\x01"}, url.Values{"To": {"+15550100123"}, "From": {"+15005550006"}, "Body": {"Hello"}}, ""},
		{"by a messaging service", func(c *TwilioConfig) { c.From = "MG" + account[2:] }, sms, resident, render.Page{Text: "Hello"},
			url.Values{"To": {"+15550100123"}, "MessagingServiceSid": {"MG" + account[2:]}, "Body": {"Hello"}}, ""},
		{"WhatsApp", nil, whatsApp, resident, question, url.Values{"To": {"whatsapp:+15550100123"}, "From": {"whatsapp:+15005550006"}, "Body": {question.Text}}, ""},
		{"WhatsApp by a messaging service", func(c *TwilioConfig) { c.From = "MG" + account[2:] }, whatsApp, resident, question,
			url.Values{"To": {"whatsapp:+15550100123"}, "MessagingServiceSid": {"MG" + account[2:]}, "Body": {question.Text}}, ""},
		{"WhatsApp, to a name", content, whatsApp, channels.Address{Kind: "whatsapp", ID: "US.1349"}, render.Page{Text: "Hello"},
			url.Values{"To": {"whatsapp:US.1349"}, "From": {"whatsapp:+15005550007"}, "Body": {"Hello"}}, ""},
		{"WhatsApp with buttons", content, whatsApp, resident, question, url.Values{"To": {"whatsapp:+15550100123"}, "From": {"whatsapp:+15005550007"},
			"ContentSid": {template}, "ContentVariables": {`{"1":"Buses?\n1 Yes\n2 No","2":"Yes","3":"1","4":"No","5":"2"}`}}, ""},
		{"WhatsApp with a list, as a label is over 20 characters", content, whatsApp, resident, long, url.Values{"To": {"whatsapp:+15550100123"}, "From": {"whatsapp:+15005550007"},
			"ContentSid": {"HX" + strings.Repeat("b", 32)}, "ContentVariables": {`{"1":"Buses?\n1 Yes\n2 No","2":"Everyone in the house","3":"1","4":"More","5":"8"}`}}, ""},
		{"WhatsApp as text, as a label is over 24", content, whatsApp, resident, longer,
			url.Values{"To": {"whatsapp:+15550100123"}, "From": {"whatsapp:+15005550007"}, "Body": {question.Text}}, ""},
		{"nothing to say", nil, sms, resident, render.Page{Text: "\x01 "}, nil, "gone empty"},
		{"a chat", nil, sms, channels.Address{Kind: "telegram", ID: "7"}, render.Page{Text: "x"}, nil, "gone address"},
		{"WhatsApp to a chat", nil, whatsApp, channels.Address{Kind: "telegram", ID: "7"}, render.Page{Text: "x"}, nil, "gone address"},
		{"no number for texts", func(c *TwilioConfig) { c.From, c.WhatsApp = "", "+15005550007" }, sms, resident, render.Page{Text: "x"}, nil, "gone from"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake := newFakeTwilio(t)
			twilio := newTwilio(t, func(to *TwilioConfig) {
				to.BaseURL = fake.URL
				if c.change != nil {
					c.change(to)
				}
			})
			receipt, err := c.by(twilio).Deliver(t.Context(), c.to, c.page, "k/1")
			if c.want == nil {
				if got := word(receipt, err); got != c.word || fake.Count() != 0 {
					t.Errorf("%s after %d calls, want %s", got, fake.Count(), c.word)
				}
				return
			}
			if got := word(receipt, err); got != "sent SM00000000000000000000000000000001" {
				t.Fatal(got)
			}
			c.want.Set("StatusCallback", callback)
			if !reflect.DeepEqual(fake.Asked()[0], c.want) {
				t.Errorf("asked %v\nwant  %v", fake.Asked()[0], c.want)
			}
		})
	}
}

func TestTwilioStatusCallbackKeepsTheFragment(t *testing.T) {
	twilio := newTwilio(t, func(c *TwilioConfig) { c.PublicURL = public + "/#rc=3&rp=all" })
	if got, want := twilio.statusCallback("k"), public+"/sms/twilio/status?key=k#rc=3&rp=all"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What each refusal of Twilio's means (reference: twilio.com/docs/api/errors).
func TestTwilioPushRefused(t *testing.T) {
	code := twiliotest.Refuses
	page := func(status int) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool {
			w.WriteHeader(status)
			w.Write([]byte("<html>" + strings.Repeat("x", 200_000)))
			return true
		}
	}
	after := func(seconds string, f func(http.ResponseWriter) bool) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool { w.Header().Set("Retry-After", seconds); return f(w) }
	}
	for _, c := range []struct {
		name   string
		refuse func(http.ResponseWriter) bool
		want   string
	}{
		{"20429 too many requests", code(429, 20429), "throttled 5s"},
		{"20429 with Retry-After", after("3", code(429, 20429)), "throttled 3s"},
		{"429 with a date", after("Mon, 15 Mar 2027 12:01:30 GMT", page(429)), "throttled 1m30s"},
		{"429 with nonsense", after("soon", page(429)), "throttled 5s"},
		{"429 with a year", after("31536000", page(429)), "throttled 24h0m0s"},
		{"63018 WhatsApp's rate", code(429, 63018), "throttled 5s"},
		{"14107 reply rate", code(400, 14107), "retry 5s"},
		{"21611 queue full", code(400, 21611), "throttled 1m0s"},
		{"30001 overflow", code(400, 30001), "throttled 15m0s"},
		{"30003 unreachable", code(400, 30003), "retry 15m0s"},
		{"30008 unknown", code(400, 30008), "retry 15m0s"},
		{"30022 10DLC rate", code(400, 30022), "throttled 5s"},
		{"30023 10DLC day", code(400, 30023), "throttled 2h0m0s"},
		{"30027 10DLC carrier's day", code(400, 30027), "throttled 2h0m0s"},
		{"30410 carrier's timeout", code(400, 30410), "doubt"},
		{"20003 token", code(401, 20003), "retry 5m0s"},
		{"20404 account", code(404, 20404), "retry 5m0s"},
		{"21211 no number", code(400, 21211), "bad number 21211"},
		{"21214 no number", code(400, 21214), "bad number 21214"},
		{"21217 no number", code(400, 21217), "bad number 21217"},
		{"21408 region", code(400, 21408), "gone 21408"},
		{"21610 opted out", code(400, 21610), "gone 21610"},
		{"21612 unreachable", code(400, 21612), "gone 21612"},
		{"21614 landline", code(400, 21614), "bad number 21614"},
		{"21617 too long", code(400, 21617), "gone 21617"},
		{"30004 blocked", code(400, 30004), "gone 30004"},
		{"30005 unknown handset", code(400, 30005), "bad number 30005"},
		{"30006 landline", code(400, 30006), "bad number 30006"},
		{"30007 filtered", code(400, 30007), "gone 30007"},
		{"30032 toll-free not verified", code(400, 30032), "gone 30032"},
		{"63016 a day after the resident wrote", code(400, 63016), "gone 63016"},
		{"a code that is new", code(400, 99999), "gone 99999"},
		{"500", code(500, 20500), "retry 0s"},
		{"502 of a proxy", page(502), "retry 0s"},
		{"503 with Retry-After", after("7", page(503)), "retry 7s"},
		{"504: somebody may have taken it", page(504), "doubt"},
		{"400 of a proxy", page(400), "gone 400"},
		{"403 of a proxy", page(403), "retry 5m0s"},
		{"302 of a hotel", func(w http.ResponseWriter) bool {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			return page(302)(w)
		}, "retry 5m0s"},
		{"201 that is no JSON", page(201), "doubt"},
		{"201 without a SID", func(w http.ResponseWriter) bool { w.WriteHeader(201); w.Write([]byte("{}")); return true }, "doubt"},
		{"201 that breaks off", func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(201)
			w.Write([]byte("{"))
			return true
		}, "doubt"},
		{"hangs up", func(w http.ResponseWriter) bool {
			conn, _, _ := http.NewResponseController(w).Hijack()
			conn.Close()
			return true
		}, "doubt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake := newFakeTwilio(t)
			fake.Set(c.refuse, false)
			receipt, err := newTwilio(t, func(to *TwilioConfig) { to.BaseURL = fake.URL }).Deliver(t.Context(), resident, render.Page{Text: "Hello"}, "k1")
			if got := word(receipt, err); got != c.want {
				t.Errorf("%s, want %s (%v)", got, c.want, err)
			}
			if fake.Count() != 1 {
				t.Errorf("%d calls: only the outbox may try again", fake.Count())
			}
			if errors.Is(err, channels.ErrOptedOut) != strings.Contains(c.name, "opted out") {
				t.Errorf("opted out? %v", err)
			}
			noSecrets(t, err, "5550100123", token, "Hello")
		})
	}
}

func TestTwilioPushUnasked(t *testing.T) {
	// Never reached: it can be tried again at once.
	off := newTwilio(t, func(c *TwilioConfig) { c.BaseURL = "http://" + peers.Closed(t) })
	if got := word(off.Deliver(t.Context(), resident, render.Page{Text: "Hello"}, "k1")); got != "retry 0s" {
		t.Error(got)
	}
	// The caller's time is over while Twilio thinks.
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-gone
	}))
	defer slow.Close()
	defer close(gone)
	twilio := newTwilio(t, func(c *TwilioConfig) { c.BaseURL = slow.URL })
	_, err := twilio.Deliver(ctx, resident, render.Page{Text: "Hello"}, "k1")
	if !channels.InDoubt(err) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	// And where it was over before, nothing left.
	if got := word(twilio.Deliver(ctx, resident, render.Page{Text: "Hello"}, "k2")); got != "retry 0s" {
		t.Error(got)
	}
	// A region set for another program must not lead our messages elsewhere.
	t.Setenv("TWILIO_REGION", "ie1")
	var host string
	home := newTwilio(t, func(c *TwilioConfig) {
		c.HTTP = &http.Client{Transport: travel(func(r *http.Request) (*http.Response, error) {
			host = r.URL.Scheme + "://" + r.URL.Host
			return nil, errors.New("no way")
		})}
	})
	if home.Deliver(t.Context(), resident, render.Page{Text: "Hello"}, "k1"); host != "https://api.twilio.com" {
		t.Errorf("called %s", host)
	}
}

type travel func(*http.Request) (*http.Response, error)

func (f travel) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// twilio-go leaves the bodies of errors unread, which costs a connection each.
func TestTwilioPushKeepsConnections(t *testing.T) {
	fake := newFakeTwilio(t)
	fake.Set(func(w http.ResponseWriter) bool {
		w.WriteHeader(502)
		w.Write([]byte("<html>" + strings.Repeat("x", 20_000)))
		return true
	}, false)
	twilio := newTwilio(t, func(c *TwilioConfig) { c.BaseURL = fake.URL; c.HTTP = &http.Client{Transport: &http.Transport{}} })
	before := openFiles(t)
	for i := range 100 {
		twilio.Deliver(t.Context(), resident, render.Page{Text: "Hello"}, fmt.Sprint(i))
	}
	if after := openFiles(t); after > before+10 {
		t.Errorf("%d open files before 100 errors, %d after", before, after)
	}
}

func openFiles(t *testing.T) int {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestTwilioLook(t *testing.T) {
	page := render.Page{Text: "Your street light is mended."}
	hangUp := func(w http.ResponseWriter) bool {
		conn, _, _ := http.NewResponseController(w).Hijack()
		conn.Close()
		return true
	}
	// doubtful makes a push whose answer is lost; taken says whether Twilio took the message.
	doubtful := func(t *testing.T, taken bool) (*twiliotest.Fake, *Twilio) {
		fake := newFakeTwilio(t)
		fake.Set(hangUp, taken)
		twilio := newTwilio(t, func(c *TwilioConfig) { c.BaseURL = fake.URL })
		if _, err := twilio.Deliver(t.Context(), resident, page, "k1"); !channels.InDoubt(err) {
			t.Fatalf("not in doubt: %v", err)
		}
		fake.Set(nil, false)
		return fake, twilio
	}
	t.Run("it was taken", func(t *testing.T) {
		_, twilio := doubtful(t, true)
		if sent, err := twilio.Look(t.Context(), "k1", ""); !sent || err != nil {
			t.Error(sent, err)
		}
	})
	t.Run("it was not", func(t *testing.T) {
		_, twilio := doubtful(t, false)
		if sent, err := twilio.Look(t.Context(), "k1", ""); sent || err != nil {
			t.Error(sent, err)
		}
	})
	t.Run("a status tells", func(t *testing.T) {
		fake, twilio := doubtful(t, false)
		answerOf(twilio, &inbox{}, signed("/sms/twilio/status?key=k1", "MessageSid="+sid+"&MessageStatus=sent"))
		calls := fake.Count()
		if sent, err := twilio.Look(t.Context(), "k1", ""); !sent || err != nil || fake.Count() != calls {
			t.Error(sent, err, fake.Count()-calls)
		}
	})
	t.Run("by its receipt", func(t *testing.T) {
		fake, twilio := doubtful(t, true)
		if sent, err := twilio.Look(t.Context(), "other", fake.Latest("Messages")); !sent || err != nil {
			t.Error(sent, err)
		}
		if sent, err := twilio.Look(t.Context(), "other", "SM"+strings.Repeat("f", 32)); sent || err != nil {
			t.Error(sent, err)
		}
		fake.Set(twiliotest.Refuses(503, 20503), false)
		if _, err := twilio.Look(t.Context(), "other", sid); err == nil {
			t.Error("Twilio is away, and still it is told")
		}
	})
	t.Run("of another process", func(t *testing.T) {
		fake, _ := doubtful(t, true)
		heir := newTwilio(t, func(c *TwilioConfig) { c.BaseURL = fake.URL })
		if _, err := heir.Look(t.Context(), "k1", ""); err == nil {
			t.Error("it can't know")
		}
		receipt, sent, err := heir.Find(t.Context(), resident, page, "k1", noon)
		if receipt != fake.Latest("Messages") || !sent || err != nil {
			t.Error(receipt, sent, err)
		}
		// The next push with the same words is another one.
		if receipt, sent, err := heir.Find(t.Context(), resident, page, "k2", noon); sent || err != nil {
			t.Error("the message of k1 was taken for that of k2", receipt, err)
		}
	})
	t.Run("among others", func(t *testing.T) {
		fake, twilio := doubtful(t, true)
		want := fake.Latest("Messages")
		for range 120 {
			fake.Note("Messages", resident.ID, "Something else", "outbound-api", noon)
		}
		fake.Note("Messages", "+15550100999", page.Text, "outbound-api", noon)
		fake.Note("Messages", resident.ID, page.Text, "inbound", noon)
		if receipt, sent, err := twilio.Find(t.Context(), resident, page, "k1", noon); receipt != want || !sent || err != nil {
			t.Error(receipt, sent, err)
		}
	})
	t.Run("older ones don't count", func(t *testing.T) {
		fake, twilio := doubtful(t, false)
		for range 120 {
			fake.Note("Messages", resident.ID, page.Text, "outbound-api", noon.Add(-time.Hour))
		}
		calls := fake.Count()
		if _, sent, err := twilio.Find(t.Context(), resident, page, "k1", noon); sent || err != nil || fake.Count() != calls+1 {
			t.Error(sent, err, fake.Count()-calls)
		}
	})
	t.Run("too many to tell", func(t *testing.T) {
		fake, twilio := doubtful(t, false)
		for range 50*mostPages + 1 {
			fake.Note("Messages", resident.ID, "Something else", "outbound-api", noon)
		}
		if _, _, err := twilio.Find(t.Context(), resident, page, "k1", noon); err == nil {
			t.Error("it can't know")
		}
	})
	t.Run("Twilio is away", func(t *testing.T) {
		fake, twilio := doubtful(t, true)
		fake.Set(twiliotest.Refuses(503, 20503), false)
		if _, err := twilio.Look(t.Context(), "k1", ""); err == nil {
			t.Error("it can't know")
		}
	})
	t.Run("WhatsApp", func(t *testing.T) {
		fake := newFakeTwilio(t)
		fake.Set(hangUp, true)
		chat := newTwilio(t, func(c *TwilioConfig) { c.BaseURL = fake.URL }).WhatsApp()
		chat.Deliver(t.Context(), resident, page, "k1")
		fake.Set(nil, false)
		if sent, err := chat.Look(t.Context(), "k1", ""); !sent || err != nil {
			t.Error(sent, err)
		}
		if receipt, sent, err := chat.Find(t.Context(), resident, page, "k1", noon); receipt == "" || !sent || err != nil {
			t.Error(receipt, sent, err)
		}
	})
}

func TestTraits(t *testing.T) {
	twilio := newTwilio(t, nil)
	if got := twilio.WhatsApp().Traits(); got.Name != "whatsapp" || got.Buttons != 0 || got.Rows != 0 {
		t.Errorf("buttons are promised without a template: %+v", got)
	}
	with := newTwilio(t, func(c *TwilioConfig) {
		c.Content = Content{Buttons: map[int]string{1: "HX" + account[2:]}, Lists: map[int]string{10: "HX" + account[2:]}}
	})
	if got := with.WhatsApp().Traits(); got.Buttons != 3 || got.Rows != 10 {
		t.Errorf("templates, and no buttons: %+v", got)
	}
	if newKannel(t, nil).Traits().Photo || newGateway(t, nil).Traits().Photo || !newGateway(t, func(g *GatewayConfig) { g.Pictures = true }).Traits().Photo {
		t.Error("pictures where there are none, or the other way about")
	}
	names := make(map[string]bool)
	for _, c := range []channels.Channel{twilio, twilio.WhatsApp(), newKannel(t, nil), newGateway(t, nil)} {
		if class, _, ok := strings.Cut(c.Name(), "."); !ok || class != c.Traits().Name || names[c.Name()] {
			t.Errorf("%s has the traits of %s", c.Name(), c.Traits().Name)
		}
		names[c.Name()] = true
	}
}
