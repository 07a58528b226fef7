package telegram

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/channeltest"
	"github.com/townline/townline/locales"
)

const conformToken, conformSecret = "123456:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQrr", "s3cret_of-32-letters-and-digits_"

// written is what Telegram makes of m.
func written(m channeltest.Message) []byte {
	id, _ := strconv.ParseInt(m.ID[16:], 16, 64)
	chat, _ := strconv.ParseInt(m.From[1:], 10, 64)
	from := map[string]any{"id": chat, "is_bot": false, "first_name": "Ann", "language_code": "en"}
	message := map[string]any{"message_id": id, "date": m.At.Unix(), "chat": map[string]any{"id": chat, "type": "private"}, "from": from}
	if m.Photo == "" {
		message["text"] = m.Words
	} else {
		message["caption"] = m.Words
		message["photo"] = []map[string]any{{"file_id": "AgACAgIAAxkBAAIBZ2Z-photo-0001", "file_unique_id": "u1", "width": 90, "height": 90, "file_size": 1000}}
	}
	body, _ := json.Marshal(map[string]any{"update_id": id, "message": message})
	return body
}

// subject is a bot as the suite tries it, but for the way in.
func subject(bot **Telegram, change func(*Config)) channeltest.Subject {
	says := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	return channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			words, err := locales.Load()
			if err != nil {
				t.Fatal(err)
			}
			c := Config{Token: conformToken, Languages: []string{"en"}, Phrases: words, BaseURL: s.Provider, HTTP: s.Client, Log: s.Log, Now: s.Now}
			change(&c)
			if *bot, err = New(c); err != nil {
				t.Fatal(err)
			}
			return []channels.Channel{*bot}
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
	}
}

func TestConforms(t *testing.T) {
	var bot *Telegram
	s := subject(&bot, func(c *Config) { c.Webhook, c.Secret, c.PublicURL = true, conformSecret, "https://talk.example.org" })
	s.HTTP = &channeltest.HTTP{
		Request: func(m channeltest.Message) *http.Request {
			r := httptest.NewRequest("POST", bot.Path(), bytes.NewReader(written(m)))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set(secretHeader, conformSecret)
			return r
		},
		Secret: conformSecret, Most: mostUpdate, AnyType: true,
	}
	channeltest.Run(t, s)
}

func TestPollingConforms(t *testing.T) {
	var bot *Telegram
	var far *waiting
	s := subject(&bot, func(c *Config) {
		patient := *c.HTTP
		patient.Timeout = 0 // a long poll is one
		c.HTTP, far = &patient, &waiting{given: map[int64]bool{}, changed: make(chan struct{})}
	})
	s.Connect = func(testing.TB, []channels.Channel, channels.Inbox) channeltest.Wire { return far }
	takes := s.Push.Takes
	s.Push.Takes = func(w http.ResponseWriter, r *http.Request) {
		if path.Base(r.URL.Path) == "getUpdates" {
			far.answer(w, r)
			return
		}
		takes(w, r)
	}
	s.Not = map[channeltest.Check]string{channeltest.Forged: "we ask Telegram, by its address and over TLS: whoever answers there is it"}
	channeltest.Run(t, s)
}

// waiting are the updates that Telegram keeps until they are confirmed.
type waiting struct {
	mu      sync.Mutex
	all     []json.RawMessage
	given   map[int64]bool // handed over, by their number
	changed chan struct{}
}

// answer waits for updates, as getUpdates does. What was given and is older than what was asked for is forgotten.
func (q *waiting) answer(w http.ResponseWriter, r *http.Request) {
	var in struct{ Offset, Timeout int64 }
	_ = json.NewDecoder(r.Body).Decode(&in)
	q.mu.Lock()
	q.all = slices.DeleteFunc(q.all, func(raw json.RawMessage) bool { return updateID(raw) < in.Offset && q.given[updateID(raw)] })
	q.happened()
	for late := time.After(time.Duration(in.Timeout) * time.Second); len(q.all) == 0; {
		changed := q.changed
		q.mu.Unlock()
		select {
		case <-changed:
		case <-late:
			fmt.Fprint(w, `{"ok":true,"result":[]}`)
			return
		case <-r.Context().Done():
			return
		}
		q.mu.Lock()
	}
	all := slices.Clone(q.all)
	for _, raw := range all {
		q.given[updateID(raw)] = true
	}
	q.all = slices.DeleteFunc(q.all, func(raw json.RawMessage) bool { return updateID(raw) == 0 }) // rubbish comes once
	q.mu.Unlock()
	fmt.Fprintf(w, `{"ok":true,"result":[%s]}`, bytes.Join(raws(all), []byte(",")))
}

func raws(all []json.RawMessage) (out [][]byte) {
	for _, raw := range all {
		out = append(out, raw)
	}
	return out
}

// happened tells whoever waits; the caller holds the lock.
func (q *waiting) happened() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// hand puts an update there and waits until it was confirmed. One that was confirmed before comes again, as if that had been lost.
func (q *waiting) hand(raw []byte) channeltest.Answer {
	there := func() bool {
		return slices.ContainsFunc(q.all, func(other json.RawMessage) bool { return bytes.Equal(other, raw) })
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !there() {
		q.all = append(q.all, raw)
		delete(q.given, updateID(raw))
		q.happened()
	}
	for late := time.After(30 * time.Second); there(); {
		changed := q.changed
		q.mu.Unlock()
		select {
		case <-changed:
			q.mu.Lock()
		case <-late:
			q.mu.Lock()
			return channeltest.Answer{Verdict: channeltest.Later, Said: "it isn't confirmed"}
		}
	}
	return channeltest.Answer{Verdict: channeltest.Taken}
}

func (q *waiting) Send(m channeltest.Message) channeltest.Answer { return q.hand(written(m)) }

// Good and Spoil are for updates that Telegram never made.
func (q *waiting) Good() []byte {
	return written(channeltest.Message{ID: fmt.Sprintf("%032x", 7), From: "+12025550104", Words: "zanzibar", At: time.Now()})
}

func (q *waiting) Spoil(raw []byte, _ bool) channeltest.Answer {
	a := q.hand(raw)
	time.Sleep(2 * time.Minute) // as long as it rests after an answer that can't be read
	return a
}
