package voice

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/channels/twilio/twiliotest"
	"github.com/townline/townline/locales"
)

const (
	account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	token   = "12345678901234567890123456789012"
	public  = "https://talk.example.org"
	callSID = "CA00000000000000000000000000000001"
	ours    = twiliotest.Ours
	theirs  = twiliotest.Theirs
)

// noon is the time in all tests.
var noon = time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)

func phrases(t testing.TB) *locales.Catalogue {
	t.Helper()
	c, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var loaded = sync.OnceValues(locales.Load)

// said is one utterance as tests write it down.
func said(p call.Part) string {
	if p.Media != "" {
		return "(" + p.Media + ")"
	}
	s := p.Lang + " "
	if p.Pace != 0 || p.Gain != 0 {
		s += fmt.Sprintf("%d%% +%ddB ", p.Pace, p.Gain)
	}
	return s + p.Words
}

// sound is a voice that has every language: what it says can be read in its address.
func sound(p call.Part) (string, bool) {
	return "/clip/" + base64.RawURLEncoding.EncodeToString([]byte(said(p))), true
}

func newLine(t testing.TB, change func(*Config)) *Twilio {
	t.Helper()
	c := Config{AccountSID: account, AuthTokens: []string{token}, From: ours, PublicURL: public, Town: "Elmwood", Lang: "en", Phrases: phrases(t),
		Desks: map[string]string{"": "+15550100999", "works": "+15550100998"}, Sound: sound, Now: func() time.Time { return noon }}
	if change != nil {
		change(&c)
	}
	line, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// signed is a request as Twilio makes it.
func signed(target string, form url.Values) *http.Request {
	body := form.Encode()
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sign(r, body)
	return r
}

// sign signs a request as Twilio does.
func sign(r *http.Request, body string) {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write(twilio.ParseForm([]byte(body)).Signed([]byte(public + r.RequestURI)))
	r.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// standard are the parameters of every request of Twilio's.
func standard(more ...string) url.Values {
	f := url.Values{"CallSid": {callSID}, "AccountSid": {account}, "From": {theirs}, "To": {ours}, "CallStatus": {"in-progress"}, "ApiVersion": {"2010-04-01"}, "Direction": {"inbound"}}
	for i := 0; i+1 < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}

// phone is Twilio with a caller at it: it asks for documents, holds them to the tables, plays them, and does what the script
// says, a line of it each time that something is awaited.
type phone struct {
	t      *testing.T
	mux    *http.ServeMux
	script []string // "2", "12#", "…", "voice", "voice *", "rings off"
	heard  []string
	ended  string // how: "hangup", "reject", "rings off", "dial"
	dialed []string
	dial   string // what became of a dial
	again  bool   // every request is made twice
	notes  bool   // what the caller does is written down among what is heard
	voices int
	turns  int
	form   []string // more parameters
}

// rings makes the call.
func (p *phone) rings(target string) {
	p.follow(target, standard("CallStatus", "ringing"))
}

func (p *phone) ask(target string, f url.Values) string {
	p.t.Helper()
	for i := 0; i+1 < len(p.form); i += 2 {
		f.Set(p.form[i], p.form[i+1])
	}
	w := httptest.NewRecorder()
	p.mux.ServeHTTP(w, signed(target, f))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/xml; charset=utf-8" {
		p.t.Fatalf("%s: %d %s", target, w.Code, w.Body)
	}
	if p.again {
		second := httptest.NewRecorder()
		p.mux.ServeHTTP(second, signed(target, f))
		if second.Body.String() != w.Body.String() {
			p.t.Errorf("%s: the same request got\n%s\nthen\n%s", target, w.Body, second.Body)
		}
	}
	return w.Body.String()
}

// act is what the caller does next.
func (p *phone) act() string {
	if len(p.script) == 0 {
		return "rings off"
	}
	a := p.script[0]
	p.script = p.script[1:]
	if p.notes {
		p.heard = append(p.heard, "", "> "+a, "")
	}
	return a
}

func (p *phone) follow(target string, f url.Values) {
	for target != "" {
		if p.turns++; p.turns > 500 {
			p.t.Fatal("the call doesn't end")
		}
		document := p.ask(target, f)
		root, err := parse(document)
		if err != nil {
			p.t.Fatalf("%s: %v\n%s", target, err, document)
		}
		target, f = p.run(root)
	}
}

// run plays a document; it returns what is asked for next.
func (p *phone) run(root tag) (string, url.Values) {
	doing := ""
	for _, t := range root.tags {
		switch t.name {
		case "Say", "Play", "Pause":
			p.play(t)
		case "Gather":
			for _, in := range t.tags {
				p.play(in)
			}
			doing = p.act()
			most, _ := strconv.Atoi(t.attr["numDigits"])
			digits, _, _ := strings.Cut(doing, "#")
			switch {
			case doing == "rings off":
				p.ended = doing
				return "", nil
			case strings.Trim(digits, "0123456789*") == "" && digits != "":
				return t.attr["action"], standard("Digits", digits[:min(most, len(digits))])
			case t.attr["actionOnEmptyResult"] == "true":
				return t.attr["action"], standard("Digits", "")
			}
		case "Record":
			p.heard = append(p.heard, "(tone)")
			what, key, _ := strings.Cut(doing, " ")
			if what != "voice" {
				continue // Twilio asks for nothing after an empty recording
			}
			p.voices++
			return t.attr["action"], standard("RecordingSid", fmt.Sprintf("RE%032x", p.voices), "RecordingUrl", "https://api.twilio.com/x", "RecordingDuration", "5", "Digits", key)
		case "Redirect":
			return t.words, standard()
		case "Hangup", "Reject":
			p.ended = strings.ToLower(t.name)
			return "", nil
		case "Dial":
			p.dialed = append(p.dialed, t.tags[0].words)
			return t.attr["action"], standard("DialCallStatus", p.dial)
		}
	}
	p.ended = "fell off the end"
	return "", nil
}

func (p *phone) play(t tag) {
	switch {
	case t.name == "Say":
		words := t.words
		for _, in := range t.tags {
			words += in.words
		}
		p.heard = append(p.heard, t.attr["voice"]+": "+words)
	case t.name == "Pause", strings.HasPrefix(t.words, silencePath):
	case strings.HasPrefix(t.words, "/clip/"):
		b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(t.words, "/clip/"))
		if err != nil {
			p.t.Error(err)
		}
		p.heard = append(p.heard, string(b))
	case strings.HasPrefix(t.words, "/voice/twilio/said/"):
		p.heard = append(p.heard, t.words)
	default:
		p.t.Errorf("<Play>%s", t.words)
	}
}

func newPhone(t *testing.T, line *Twilio, in channels.Inbox, script ...string) *phone {
	p := &phone{t: t, mux: http.NewServeMux(), script: script}
	line.Mount(p.mux, in)
	return p
}
