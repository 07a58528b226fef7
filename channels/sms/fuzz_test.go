package sms

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/signature"
)

// sane checks what must hold of every event, whatever came in.
func sane(t *testing.T, e channels.Event) {
	t.Helper()
	if e.ID == "" || e.From.ID == "" || e.Channel == "" || e.At.IsZero() || e.At.After(noon) {
		t.Errorf("%+v", e)
	}
	if e.From.Kind == "tel" {
		if n, ok := channels.Number(e.From.ID, ""); !ok || n != e.From.ID {
			t.Errorf("%q is not a number as we write it", e.From.ID)
		}
	}
	if !utf8.ValidString(e.Words) {
		t.Errorf("%q is not text", e.Words)
	}
	if len(e.Media) > mostMedia {
		t.Errorf("%d pictures", len(e.Media))
	}
}

func FuzzTwilioForm(f *testing.F) {
	f.Add("MessageSid=SM1&From=%2B15550100123&Body=hi+%F0%9F%98%80&NumMedia=1&MediaUrl0=https%3A%2F%2Fx%2Fy&MediaContentType0=image%2Fpng")
	f.Add("MessageSid=SM1&From=whatsapp%3AUS.1&Latitude=44.9&Longitude=-93.2&ButtonPayload=2&OptOutType=STOP")
	f.Add("A=1&Body=a;b&Body=a%zz%&&=&=x&From=&MessageSid")
	f.Add("SmsSid=SM1&From=255712345678&Body=%00%ff%fe&NumMedia=-9999999999999999999")
	f.Add(`{"MessageSid":"SM1","From":"+15550100123","Body":"x","NumMedia":1,"A":null,"B":[1]}`)
	twilio := newTwilio(f, func(c *TwilioConfig) { c.Country = "US" })
	f.Fuzz(func(t *testing.T, body string) {
		all := parseForm(body)
		// Where the standard library reads a form at all, it reads the same.
		if want, err := url.ParseQuery(body); err == nil {
			n := 0
			for name, values := range want {
				n += len(values)
				if got := all.Value(name); got != values[0] {
					t.Errorf("%q is %q, net/url says %q", name, got, values[0])
				}
			}
			if n != len(all) {
				t.Errorf("%d parameters, net/url says %d", len(all), n)
			}
		}
		forms := []form{all}
		if flat, err := twilioJSON([]byte(body)); err == nil {
			forms = append(forms, flat)
		}
		for _, one := range forms {
			e, err := twilio.event(one)
			if err != nil {
				continue
			}
			sane(t, e)
			// What a resident wrote comes back as XML that can be read.
			var answer struct{ Message []string }
			if err := xml.Unmarshal(twiml(say(e.Words, e.To).Pages), &answer); err != nil {
				t.Errorf("%q: %v", e.Words, err)
			}
			for _, m := range answer.Message {
				if strings.ContainsFunc(m, func(r rune) bool { return r < ' ' && r != '\n' || r == utf8.RuneError }) {
					t.Errorf("%q would be sent", m)
				}
			}
		}
	})
}

func FuzzKannel(f *testing.F) {
	f.Add("from=255712345678&to=15001&text=HABARI&bin=HABARI&charset=UTF-8&coding=0&id=0f3c&smsc=F&ts=1800000000&udh=")
	f.Add("from=0712&bin=%04%16%00&charset=UTF-16BE&coding=2")
	f.Add("from=0712345678&text=%D8%3D&coding=2&ts=99999999999999999999")
	f.Add("from=0712345678&text=%ff%fe&charset=latin1&coding=1&udh=%05%00")
	k := newKannel(f, nil)
	mux := http.NewServeMux()
	k.Mount(mux, &inbox{})
	f.Fuzz(func(t *testing.T, query string) {
		one := parseForm(query)
		if e, err := k.event(one); err == nil {
			sane(t, e)
			if again, err := k.event(one); err != nil || again.ID != e.ID {
				t.Errorf("the same call is %q, then %q", e.ID, again.ID)
			}
		}
		for _, target := range []string{"/sms/kannel", "/sms/kannel/dlr"} {
			r := httptest.NewRequest("POST", target, strings.NewReader(query))
			r.RemoteAddr = "127.0.0.1:1"
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if one.Value("key") != kannelSecret && w.Code != http.StatusForbidden && w.Code != http.StatusRequestEntityTooLarge {
				t.Errorf("%s without the key: %d", target, w.Code)
			}
		}
	})
}

func FuzzGateway(f *testing.F) {
	f.Add(`{"id":"17","from":"+15550100123","to":"+1","text":"x","at":"2027-03-15T11:59:00Z","media":[{"type":"a","url":"https://x/y"}]}`, "1805112000", "")
	f.Add(`{"id":"1","state":"failed","code":"x","at":1800000000}`, "1805112000", "00")
	f.Add(`{"at":{}}`, "", "zz")
	f.Add("{", "99999999999999999999", "")
	g := newGateway(f, nil)
	f.Fuzz(func(t *testing.T, body, timestamp, signed string) {
		if e, err := g.event([]byte(body)); err == nil {
			sane(t, e)
		}
		if id, d, err := g.delivery([]byte(body)); err == nil && (id == "" || d.State == 0 || d.At.After(noon)) {
			t.Errorf("%q, %+v", id, d)
		}
		in := &inbox{}
		r := httptest.NewRequest("POST", "/sms/gateway", strings.NewReader(body))
		r.Header[signature.TimeHeader] = []string{timestamp}
		r.Header[signature.Header] = []string{signed}
		if w := answerOf(g, in, r); w.Code != http.StatusForbidden && w.Code != http.StatusRequestEntityTooLarge || len(in.events) > 0 {
			t.Errorf("a signature made without the secret: %d", w.Code)
		}
		w := answerOf(g, in, sealed("POST", "/sms/gateway", body, noon))
		if err := signature.Check([]byte(gatewaySecret), "reply", w.Header(), w.Body.Bytes(), noon); w.Code == http.StatusOK && (err != nil || !json.Valid(w.Body.Bytes())) {
			t.Errorf("answered %s (%v)", w.Body, err)
		}
	})
}
