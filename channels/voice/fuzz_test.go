package voice

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/townline/townline/channels"
)

// FuzzVoiceWebhook gives a line requests with Twilio's signature and any content: every answer is a document that Twilio can
// read or a refusal, and every event is one that the town can take.
func FuzzVoiceWebhook(f *testing.F) {
	f.Add("", "", "CallSid="+callSID+"&From=%2B15550100123&To=%2B15005550006")
	f.Add("/turn", "n=2&l=es", "CallSid="+callSID+"&From=%2B15550100123&Digits=12")
	f.Add("/turn", "n=2&l=en&r=1", "CallSid="+callSID+"&RecordingSid="+"RE00000000000000000000000000000001"+"&RecordingDuration=5&Digits=hangup")
	f.Add("/turn", "n=3&b=1", "CallSid="+callSID+"&DialCallStatus=busy&Direction=outbound-api")
	f.Add("/turn", "n=2&h=AAAA&s=BBBB", "CallSid="+callSID+"&SpeechResult=%00%ff<x>")
	f.Add("/out", "k=1&t=2&p=zzzz", "CallSid="+callSID+"&Digits=1&AnsweredBy=machine_start")
	f.Add("/status", "key=k", "CallSid="+callSID+"&CallStatus=completed&CallDuration=-5&Direction=outbound-api")
	f.Add("/turn", "n=99999999999999999999", "{\"CallSid\":\""+callSID+"\"}")
	page := asks("Buses & <trees>?\x00", oneKey)
	page.Pages[0].Pace = 85
	f.Fuzz(func(t *testing.T, path, query, form string) {
		if path != "" && path != "/turn" && path != "/out" && path != "/status" && path != "/fallback" {
			return
		}
		in := &paper{replies: []channels.Reply{page, passes("works"), asks("Tell us.", voice), ends("Goodbye.")}}
		line := newLine(t, func(c *Config) { c.Sound, c.Speech, c.HTTP = nil, true, &http.Client{Transport: nowhere{}} })
		target := "/voice/twilio" + path
		if u, err := url.ParseRequestURI(target + "?" + query); err != nil || strings.ContainsAny(query, " \r\n#") || u.Path != target {
			return
		}
		r := httptest.NewRequest("POST", target, strings.NewReader(form))
		r.URL.RawQuery = query
		r.RequestURI = target + "?" + query
		sign(r, form)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if strings.HasPrefix(form, "{") {
			r.Header.Set("Content-Type", "application/json")
		}
		w := give(line, in, r)
		switch w.Code {
		case http.StatusOK:
			if _, err := looser(w.Body.String()); err != nil {
				t.Errorf("%v\n%s", err, w.Body)
			}
		case http.StatusNoContent, http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		case http.StatusForbidden:
			if !strings.Contains(query, "bodySHA256") && !strings.Contains(query, "%") {
				t.Errorf("a right signature was refused: %s", r.RequestURI)
			}
		default:
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
		for _, e := range in.all() {
			if e.Channel != Name || e.ID == "" && e.Kind != channels.Looked || e.From.Kind != "tel" || e.From.ID == "" || !utf8.ValidString(e.Words) {
				t.Errorf("%+v", e)
			}
			if n, ok := channels.Number(e.From.ID, ""); e.Withheld != strings.HasPrefix(e.From.ID, "withheld:") || !e.Withheld && (!ok || n != e.From.ID) {
				t.Errorf("from %+v", e.From)
			}
			if strings.Trim(e.Words, "0123456789*#") != "" {
				t.Errorf("words that nobody pressed: %q", e.Words)
			}
		}
		line.Wait()
	})
}

// nowhere is a network on which nothing is found.
type nowhere struct{}

func (nowhere) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
}

// What was sealed for one use isn't opened for another, and nothing else is opened at all.
func FuzzSeal(f *testing.F) {
	s := newSealer([]string{token})
	f.Add("turn", "page", []byte("47113"))
	f.Fuzz(func(t *testing.T, use, other string, b []byte) {
		sealed := s.close(use, b)
		if got, ok := s.open(use, sealed); !ok || string(got) != string(b) {
			t.Errorf("%q came back as %q, %v", b, got, ok)
		}
		if _, ok := s.open(other, sealed); ok && other != use {
			t.Errorf("sealed for %q, opened for %q", use, other)
		}
		if _, ok := s.open(use, string(b)); ok && len(b) < 28 {
			t.Errorf("%q was opened", b)
		}
		var p pages
		p.open(&s, s.close("page", b), "")
	})
}
