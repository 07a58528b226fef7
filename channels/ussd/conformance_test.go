package ussd

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/channeltest"
	"github.com/townline/townline/channels/menu"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

func TestConforms(t *testing.T) {
	for _, dialect := range Dialects() {
		if raced && !slices.Contains([]string{"africastalking", "hubtel", "nalo", Plain}, dialect) { // one of each kind: it takes five times as long
			continue
		}
		t.Run(dialect, func(t *testing.T) { channeltest.Run(t, conform(t, dialect)) })
	}
}

func conform(t *testing.T, dialect string) channeltest.Subject {
	words := phrases(t)
	s := channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			return []channels.Channel{newUSSD(t, dialect, func(c *Config) { c.Log, c.Now, c.Country, c.Texts = s.Log, s.Now, "US", false })}
		},
		HTTP: &channeltest.HTTP{
			Request: func(m channeltest.Message) *http.Request {
				p := &phone{number: m.From, session: m.Visit, keyed: m.Keyed(), count: len(m.Before) + 1}
				return call(requestOf(dialect, p, m.Kind, m.Words))
			},
			Shown: func(a channeltest.Answer) []string {
				if len(a.Body) == 0 || a.Body[0] == '<' {
					return nil
				}
				w := httptest.NewRecorder()
				maps.Copy(w.Header(), a.Header)
				_, _ = w.Write(a.Body)
				text, _ := answerOf(t, dialect, w)
				return []string{text}
			},
			Secret: testSecret, Most: bodyLimit, AnyType: dialect != "africastalking",
		},
		// Who can't be answered in time, or at all, is told to dial again.
		Sorry: func(a channeltest.Answer) bool {
			return slices.ContainsFunc([]string{menu.PhraseWait, menu.PhraseAgain}, func(key string) bool {
				return strings.Join(a.Shown, "") == words.Language("en").Phrase(key, locales.Short)
			})
		},
		Visits: true, Patience: 5 * time.Second, Longest: render.USSD.Limit,
		Not: map[channeltest.Check]string{
			channeltest.Pictures: "a menu carries words only",
		},
	}
	if dialect == "hollatags" {
		s.HTTP.Also = "POST"
	}
	if dialect == Plain {
		s.HTTP.Secret, s.HTTP.Fresh = "", true
		s.HTTP.Sign = func(r *http.Request, body []byte) { signed(r, testSecret, string(body), time.Now()) }
	}
	return s
}
