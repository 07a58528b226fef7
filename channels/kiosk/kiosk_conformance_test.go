package kiosk

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/channeltest"
	"github.com/townline/townline/dialogs"
)

func TestMachineConforms(t *testing.T) { channeltest.Run(t, conform(Name)) }
func TestWebConforms(t *testing.T)     { channeltest.Run(t, conform(WebName)) }

// conform is a browser that knows nothing but forms.
func conform(name string) channeltest.Subject {
	var visits sync.Map // by number
	const nobody = "a page has no number, and nothing is sent to it: it stops when the visit does"
	// asked is a request with all cookies that were set in this visit.
	asked := func(m channeltest.Message, method, target, body string, more ...channeltest.Answer) *http.Request {
		r := httptest.NewRequest(method, "http://localhost"+target, strings.NewReader(body))
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for cookie, value := range jar(append(m.Seen, more...)) {
			r.AddCookie(&http.Cookie{Name: cookie, Value: value})
			if cookie == "visit-"+name {
				id, _, _ := strings.Cut(value, ".")
				visits.Store(m.From, id)
			}
		}
		return r
	}
	return channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			return []channels.Channel{newChannel(name, Settings{Town: "Elmwood", Phrases: words(), Sound: &shelf{}, Clock: s.Now, Log: s.Log, Languages: []string{"en"}})}
		},
		HTTP: &channeltest.HTTP{
			Request: func(m channeltest.Message) *http.Request {
				if m.Kind == channels.Dialed {
					return asked(m, "POST", "/"+name, "do=begin")
				}
				c := caller{page: string(m.Last().Body)}
				form := c.form()
				form.Set("do", "next")
				if m.Page != nil && m.Page.Asks == dialogs.Words {
					form.Set("t", m.Words)
				} else {
					form.Set("o", m.Words)
				}
				if do := regexp.MustCompile(`name="do" value="([a-z.]+[0-9]*)"[^>]*data-digit="` + regexp.QuoteMeta(m.Words) + `"`).FindStringSubmatch(c.page); do != nil && m.Words != "" {
					form.Set("do", do[1])
				}
				return asked(m, "POST", "/"+name, form.Encode())
			},
			Follow: func(m channeltest.Message, a channeltest.Answer) *http.Request {
				if to := a.Header.Get("Location"); to != "" {
					return asked(m, "GET", to, "", a)
				}
				return nil
			},
			Forged: func(m channeltest.Message) map[string]*http.Request {
				out := map[string]*http.Request{}
				for what, header := range map[string][2]string{"another site's page": {"Sec-Fetch-Site", "cross-site"}, "another site's script": {"Origin", "https://evil.example.org"}} {
					r := asked(m, "POST", "/"+name, url.Values{"do": {"next"}, "o": {m.Words}}.Encode())
					r.Header.Set(header[0], header[1])
					out[what] = r
				}
				return out
			},
			Shown: func(a channeltest.Answer) []string {
				text := regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>|<[^>]*>`).ReplaceAllString(string(a.Body), "")
				return []string{unescape.Replace(text)}
			},
			Most: mostForm, Also: "GET", Public: true,
		},
		Address: func(number string) channels.Address {
			id, _ := visits.Load(number)
			return channels.Address{Kind: name, ID: fmt.Sprint(id)}
		},
		Visits:   true,
		Patience: 20 * time.Second, Longest: 2000,
		Not: map[channeltest.Check]string{
			channeltest.StopStart: nobody,
			channeltest.Pictures:  "a picture comes as a file of a form that asks for one (picture_test.go, voice_test.go)",
		},
	}
}

// jar are the cookies that answers set, the last one counts.
func jar(all []channeltest.Answer) map[string]string {
	out := map[string]string{}
	for _, a := range all {
		for _, c := range (&http.Response{Header: a.Header}).Cookies() {
			if out[c.Name] = c.Value; c.MaxAge < 0 {
				delete(out, c.Name)
			}
		}
	}
	return out
}
