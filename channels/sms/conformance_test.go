package sms

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/channeltest"
	"github.com/townline/townline/channels/signature"
)

// The suite is always held on the servers of a town with several nodes for one adapter: its twin is tried on a file.
func TestTwilioConforms(t *testing.T) {
	s := conformTwilio("")
	s.OnServers = true
	channeltest.Run(t, s)
}

func TestWhatsAppConforms(t *testing.T) { channeltest.Run(t, conformTwilio(whatsAppPrefix)) }

// conformTwilio is Twilio's SMS, or with a prefix its WhatsApp.
func conformTwilio(prefix string) channeltest.Subject {
	return channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			line := newTwilio(t, func(c *TwilioConfig) { c.Log, c.Now, c.BaseURL, c.HTTP = s.Log, s.Now, s.Provider, s.Client })
			if prefix != "" {
				return []channels.Channel{line.WhatsApp(), line}
			}
			return []channels.Channel{line, line.WhatsApp()}
		},
		HTTP: &channeltest.HTTP{
			Request: func(m channeltest.Message) *http.Request {
				form := url.Values{"MessageSid": {"SM" + m.ID}, "From": {prefix + m.From}, "To": {prefix + "+15005550006"}, "Body": {m.Words}, "NumMedia": {"0"}}
				if m.Photo != "" {
					form.Set("NumMedia", "1")
					form.Set("MediaUrl0", m.Photo)
					form.Set("MediaContentType0", "image/jpeg")
				}
				r := httptest.NewRequest("POST", "/sms/twilio", strings.NewReader(form.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				return r
			},
			Sign: sign, Shown: shownTwiML, Most: bodyLimit,
		},
		Push: &channeltest.Push{
			Takes: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusCreated)
				fmt.Fprintf(w, `{"sid":%q,"status":"queued"}`, sid)
			},
			Got: func(r *http.Request) string { return r.FormValue("Body") },
		},
		Longest: 1600,
	}
}

// shownTwiML are the messages of a document of Twilio's.
func shownTwiML(a channeltest.Answer) []string {
	var d struct{ Message []string }
	if xml.Unmarshal(a.Body, &d) != nil {
		return nil
	}
	return d.Message
}

func TestKannelConforms(t *testing.T) {
	channeltest.Run(t, channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			return []channels.Channel{newKannel(t, func(c *KannelConfig) {
				c.Log, c.Now, c.SendURL, c.HTTP, c.Username, c.Password, c.Country = s.Log, s.Now, s.Provider+"/sendsms", s.Client, "town", "word", "US"
			})}
		},
		HTTP: &channeltest.HTTP{
			Request: func(m channeltest.Message) *http.Request {
				q := url.Values{"key": {kannelSecret}, "from": {m.From}, "to": {"15001"}, "text": {m.Words}, "charset": {"UTF-8"}, "coding": {"0"}, "id": {m.ID}, "ts": {fmt.Sprint(m.At.Unix())}}
				return fromKannel("/sms/kannel?" + q.Encode())
			},
			Shown:  func(a channeltest.Answer) []string { return []string{string(a.Body)} },
			Secret: kannelSecret, Also: "POST",
		},
		Push: &channeltest.Push{
			Takes: func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusAccepted)
				fmt.Fprint(w, "0: Accepted for delivery")
			},
			Got: func(r *http.Request) string { return r.FormValue("text") },
		},
		Longest: 1600,
		Not:     map[channeltest.Check]string{channeltest.Pictures: "Kannel carries words only"},
	})
}

func TestGatewayConforms(t *testing.T) {
	channeltest.Run(t, channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			return []channels.Channel{newGateway(t, func(c *GatewayConfig) {
				c.Log, c.Now, c.URL, c.HTTP, c.Pictures = s.Log, s.Now, s.Provider+"/send", s.Client, true
			})}
		},
		HTTP: &channeltest.HTTP{
			Request: func(m channeltest.Message) *http.Request {
				text := map[string]any{"id": m.ID, "from": m.From, "text": m.Words, "at": m.At.Format(time.RFC3339)}
				if m.Photo != "" {
					text["media"] = []map[string]string{{"type": "image/jpeg", "url": m.Photo}}
				}
				body, _ := json.Marshal(text)
				return httptest.NewRequest("POST", "/sms/gateway", strings.NewReader(string(body)))
			},
			Sign: func(r *http.Request, body []byte) {
				signature.Put([]byte(gatewaySecret), r.URL.Path, r.Header, body, time.Now())
			},
			Shown: shownReplies, Fresh: true, AnyType: true, Most: bodyLimit,
		},
		Push: &channeltest.Push{
			Takes: func(http.ResponseWriter, *http.Request) {},
			Got: func(r *http.Request) string {
				var m outgoing
				_ = json.NewDecoder(r.Body).Decode(&m)
				return m.Text
			},
			Once: true,
		},
		Longest: 1600,
	})
}

// shownReplies are the texts that the gateway sends back.
func shownReplies(a channeltest.Answer) (out []string) {
	var m struct{ Replies []spoken }
	_ = json.Unmarshal(a.Body, &m)
	for _, r := range m.Replies {
		out = append(out, r.Text)
	}
	return out
}
