package preview

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/channeltest"
	"github.com/townline/townline/channels/menu"
	"github.com/townline/townline/locales"
)

// page is a preview's, as the suite sets it up.
func page(s channeltest.Setting) *Preview {
	return New(Town{Name: "Elmwood", Hosts: []string{"localhost"}, Here: true, Words: func() []StartWord { return nil }, Now: s.Now})
}

// posted is what the page's script posts.
func posted(path string, v any) *http.Request {
	body, _ := json.Marshal(v)
	r := httptest.NewRequest("POST", "http://localhost/preview/"+path, strings.NewReader(string(body)))
	r.Header.Set("Content-Type", asJSON)
	return r
}

// strangers are requests that other sites, other names and other machines make.
func strangers(path string, v any) map[string]*http.Request {
	with := func(name, value string) *http.Request {
		r := posted(path, v)
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
		return r
	}
	return map[string]*http.Request{
		"another site's page": with("Sec-Fetch-Site", "cross-site"), "another site's script": with("Origin", "https://evil.example.org"),
		"by way of a proxy": with("X-Forwarded-For", "203.0.113.7"), "through another proxy": with("Forwarded", "for=203.0.113.7"),
	}
}

func TestTextsConform(t *testing.T) {
	text := func(m channeltest.Message) map[string]any {
		return map[string]any{"from": m.From, "words": m.Words, "id": m.ID, "after": 0}
	}
	channeltest.Run(t, channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel { return []channels.Channel{page(s)} },
		HTTP: &channeltest.HTTP{
			Request: func(m channeltest.Message) *http.Request { return posted("send", text(m)) },
			Forged:  func(m channeltest.Message) map[string]*http.Request { return strangers("send", text(m)) },
			Shown: func(a channeltest.Answer) []string {
				var s state
				_ = json.Unmarshal(a.Body, &s)
				return newest(s.Texts)
			},
			Most: mostBody,
		},
		Push:    &channeltest.Push{Provider: shownBy},
		Longest: mostWords,
		Not:     map[channeltest.Check]string{channeltest.Pictures: "the page has no camera"},
	})
}

func TestChatsConform(t *testing.T) {
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	wrote := func(m channeltest.Message) chatted {
		c := chatted{From: m.From, ID: m.ID, Words: m.Words}
		if m.Photo != "" {
			c.As, c.Bytes = "picture", base64.StdEncoding.EncodeToString(picture.Bytes())
		}
		return c
	}
	send := strings.TrimPrefix(ChatPath, "/preview/")
	channeltest.Run(t, channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			p := page(s)
			return []channels.Channel{NewChat(p, nil, phrases, "en"), p}
		},
		HTTP: &channeltest.HTTP{
			Request: func(m channeltest.Message) *http.Request { return posted(send, wrote(m)) },
			Forged:  func(m channeltest.Message) map[string]*http.Request { return strangers(send, wrote(m)) },
			Shown: func(a channeltest.Answer) []string {
				var s state
				_ = json.Unmarshal(a.Body, &s)
				return newest(s.Talk)
			},
			Most: MostChat,
		},
		Push:    &channeltest.Push{Provider: func(_ testing.TB, all []channels.Channel) channeltest.Provider { return talks{all[0].(*Chat)} }},
		Address: ChatOf,
		Longest: mostWords,
	})
}

// newest is what the town said since the resident did.
func newest(all []Text) (out []string) {
	for _, x := range slices.Backward(all) {
		if x.By == "resident" {
			break
		}
		out = append([]string{x.Words}, out...)
	}
	return out
}

// talks are a provider that doesn't fail: what is pushed is shown.
type talks struct{ c *Chat }

func (c talks) Break(how channeltest.Outage) bool { return how == channeltest.Well }

func (c talks) Got() (out []string) {
	c.c.p.mu.Lock()
	defer c.c.p.mu.Unlock()
	for _, x := range c.c.p.talks[first].texts {
		out = append(out, x.Words)
	}
	return out
}

// handsets are a provider that doesn't fail: what is pushed is shown.
type handsets struct{ p *Preview }

func shownBy(_ testing.TB, all []channels.Channel) channeltest.Provider {
	return handsets{all[0].(*Preview)}
}

func (h handsets) Break(how channeltest.Outage) bool { return how == channeltest.Well }

func (h handsets) Got() (out []string) {
	h.p.mu.Lock()
	defer h.p.mu.Unlock()
	for _, x := range h.p.threads[first].texts {
		out = append(out, x.Words)
	}
	return out
}

func TestMenusConform(t *testing.T) {
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	asked := func(m channeltest.Message) (string, keyed) {
		k := keyed{From: m.From, Session: m.Visit, Number: len(m.Before) + 1, Words: m.Words}
		switch m.Kind {
		case channels.Dialed:
			k.Code = usualCode
			return "ussd/dial", k
		case channels.HungUp:
			return "ussd/end", k
		}
		return "ussd/send", k
	}
	channeltest.Run(t, channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			p := page(s)
			return []channels.Channel{NewUSSD(p, "", phrases, "en", s.Log), p}
		},
		HTTP: &channeltest.HTTP{
			Request: func(m channeltest.Message) *http.Request { return posted(asked(m)) },
			Forged:  func(m channeltest.Message) map[string]*http.Request { return strangers(asked(m)) },
			Shown: func(a channeltest.Answer) []string {
				var s Screen
				_ = json.Unmarshal(a.Body, &s)
				return []string{s.Words}
			},
			Most: mostBody,
		},
		Sorry: func(a channeltest.Answer) bool {
			return slices.ContainsFunc([]string{menu.PhraseLate, menu.PhraseWait, menu.PhraseAgain}, func(key string) bool {
				return strings.Join(a.Shown, "") == phrases.Language("en").Phrase(key, locales.Short)
			})
		},
		Visits: true, Patience: 5 * time.Second, Longest: mostKeyed,
		Not: map[channeltest.Check]string{channeltest.Pictures: "a menu carries words only"},
	})
}
