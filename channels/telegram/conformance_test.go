package telegram

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/channeltest"
	"github.com/townline/townline/locales"
)

func TestConforms(t *testing.T) {
	words, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	const token, secret = "123456:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQrr", "s3cret_of-32-letters-and-digits_"
	chat := func(number string) int64 {
		n, _ := strconv.ParseInt(number[1:], 10, 64)
		return n
	}
	var bot *Telegram
	says := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	channeltest.Run(t, channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			var err error
			bot, err = New(Config{Token: token, Webhook: true, Secret: secret, PublicURL: "https://talk.example.org", Languages: []string{"en"}, Phrases: words,
				BaseURL: s.Provider, HTTP: s.Client, Log: s.Log, Now: s.Now})
			if err != nil {
				t.Fatal(err)
			}
			return []channels.Channel{bot}
		},
		HTTP: &channeltest.HTTP{
			Request: func(m channeltest.Message) *http.Request {
				id, _ := strconv.ParseInt(m.ID[16:], 16, 64)
				from := map[string]any{"id": chat(m.From), "is_bot": false, "first_name": "Ann", "language_code": "en"}
				message := map[string]any{"message_id": id, "date": m.At.Unix(), "chat": map[string]any{"id": chat(m.From), "type": "private"}, "from": from}
				if m.Photo == "" {
					message["text"] = m.Words
				} else {
					message["caption"] = m.Words
					message["photo"] = []map[string]any{{"file_id": "AgACAgIAAxkBAAIBZ2Z-photo-0001", "file_unique_id": "u1", "width": 90, "height": 90, "file_size": 1000}}
				}
				body, _ := json.Marshal(map[string]any{"update_id": id, "message": message})
				r := httptest.NewRequest("POST", bot.Path(), strings.NewReader(string(body)))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set(secretHeader, secret)
				return r
			},
			Secret: secret, Most: mostUpdate, AnyType: true,
		},
		Push: &channeltest.Push{
			Takes: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if path.Base(r.URL.Path) != "sendMessage" {
					fmt.Fprint(w, `{"ok":true,"result":true}`)
					return
				}
				fmt.Fprintf(w, `{"ok":true,"result":{"message_id":%d,"date":1,"chat":{"id":1,"type":"private"}}}`, time.Now().UnixNano()%1_000_000_000)
			},
			Says: map[channeltest.Outage]http.HandlerFunc{
				channeltest.Busy:     says(429, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}`),
				channeltest.Declines: says(403, `{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}`),
			},
			Unsure: map[channeltest.Outage]string{channeltest.Broken: "there is no key by which a message goes out once, and behind a status of 5xx it may have gone"},
			Got: func(r *http.Request) string {
				if path.Base(r.URL.Path) != "sendMessage" {
					return ""
				}
				return r.FormValue("text")
			},
		},
		Address:  func(number string) channels.Address { return channels.Address{Kind: Kind, ID: number[1:]} },
		Patience: 60 * time.Second, Longest: 4096,
	})
}
