package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/config"
	"github.com/townline/townline/locales"
)

const botToken = "123456:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQrr"

// chatFirm is Telegram, as much of it as serve needs; channels/telegram has one that is held to the published description.
type chatFirm struct {
	*httptest.Server
	mu      sync.Mutex
	updates []map[string]any
	sent    chan string
	webhook chan map[string]string
}

func newChatFirm(t *testing.T) *chatFirm {
	f := &chatFirm{sent: make(chan string, 100), webhook: make(chan map[string]string, 10)}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *chatFirm) serve(w http.ResponseWriter, r *http.Request) {
	method, ok := strings.CutPrefix(r.URL.Path, "/bot"+botToken+"/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	switch method {
	case "getUpdates":
		var ask struct{ Offset int64 }
		_ = json.NewDecoder(r.Body).Decode(&ask)
		for range 100 {
			f.mu.Lock()
			all := []map[string]any{}
			for _, u := range f.updates {
				if u["update_id"].(int64) >= ask.Offset {
					all = append(all, u)
				}
			}
			f.mu.Unlock()
			if len(all) > 0 {
				_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": all})
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
		io.WriteString(w, `{"ok":true,"result":[]}`)
	case "sendMessage":
		f.sent <- r.FormValue("text")
		io.WriteString(w, `{"ok":true,"result":{"message_id":5,"date":1,"chat":{"id":7712311,"type":"private"}}}`)
	case "setWebhook":
		f.webhook <- map[string]string{"url": r.FormValue("url"), "secret": r.FormValue("secret_token")}
		io.WriteString(w, `{"ok":true,"result":true}`)
	default:
		io.WriteString(w, `{"ok":true,"result":true}`)
	}
}

// written is a message in a chat of its own.
func written(id int64, words string) map[string]any {
	chat := 7712300 + id
	return map[string]any{"update_id": id, "message": map[string]any{
		"message_id": id, "date": 1, "text": words, "chat": map[string]any{"id": chat, "type": "private"},
		"from": map[string]any{"id": chat, "is_bot": false, "first_name": "Ann", "language_code": "en"},
	}}
}

func (f *chatFirm) hands(u map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.updates = append(f.updates, u)
}

func (f *chatFirm) answers(t *testing.T) string {
	t.Helper()
	select {
	case s := <-f.sent:
		return s
	case <-time.After(30 * time.Second):
		t.Fatal("no answer")
		return ""
	}
}

// The town as it is served, in a chat, without any address that Telegram could call; killed once it had answered, it answers what
// comes again no second time, and nothing else is lost.
func TestServedByTelegram(t *testing.T) {
	p, firm := newPlace(t), newChatFirm(t)
	p.write("townline.yaml", "listen: 127.0.0.1:0\ntelegram: {token: \""+botToken+"\", api: \""+firm.URL+"\"}\n")
	r := p.serve()
	firm.hands(written(11, "/start"))
	if got := firm.answers(t); !strings.Contains(got, "Elmwood") {
		t.Fatal(got)
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	firm.hands(written(12, "bus"))
	r = p.serve()
	if got := firm.answers(t); !strings.Contains(got, "bus office") {
		t.Fatalf("after the kill: %s", got)
	}
	if err := r.stop(); err != nil {
		t.Errorf("%v\n%s", err, r.errs)
	}
	if len(firm.sent) > 0 {
		t.Errorf("what came again was answered again: %s", <-firm.sent)
	}
	if log := r.errs.String(); strings.Contains(log, "77123") || strings.Contains(log, "AAbb") {
		t.Errorf("the log holds a chat or the token:\n%s", log)
	}
}

// Where Telegram calls, it is told where, and only what shows the secret is taken.
func TestServedByTelegramCalling(t *testing.T) {
	p, firm := newPlace(t), newChatFirm(t)
	const secret = "0123456789abcdef0123456789abcdef"
	p.write("townline.yaml", "listen: 127.0.0.1:0\npublic_url: https://talk.example.org\ntelegram: {token: \""+botToken+"\", webhook: on, secret: "+secret+", api: \""+firm.URL+"\"}\n")
	r := p.serve()
	var hook map[string]string
	select {
	case hook = <-firm.webhook:
	case <-time.After(30 * time.Second):
		t.Fatal("Telegram was not told where to call")
	}
	path, ok := strings.CutPrefix(hook["url"], "https://talk.example.org/telegram/")
	if !ok || hook["secret"] != secret {
		t.Fatalf("%v", hook)
	}
	post := func(secret string, u map[string]any) int {
		body, _ := json.Marshal(u)
		q, err := http.NewRequest(http.MethodPost, r.url+"/telegram/"+path, strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("X-Telegram-Bot-Api-Secret-Token", secret)
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		return a.StatusCode
	}
	if got := post("wrong", written(11, "bus")); got != 403 {
		t.Fatal(got)
	}
	if got := post(secret, written(11, "bus")); got != 200 {
		t.Fatal(got)
	}
	if got := firm.answers(t); !strings.Contains(got, "bus office") {
		t.Fatal(got)
	}
	if err := r.stop(); err != nil {
		t.Errorf("%v\n%s", err, r.errs)
	}
}

// The examples in channels/telegram/README.md can be set as they stand there.
func TestExamplesOfTelegram(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "channels", "telegram", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TOWNLINE_TELEGRAM_TOKEN", botToken)
	t.Setenv("TOWNLINE_TELEGRAM_SECRET", "0123456789abcdef0123456789abcdef")
	found := 0
	for _, block := range regexp.MustCompile(`(?m)^(    .*\n)+`).FindAllString(string(text), -1) {
		example := strings.ReplaceAll("\n"+block, "\n    ", "\n")
		if !strings.Contains(example, "telegram:") {
			continue
		}
		found++
		file := filepath.Join(t.TempDir(), "townline.yaml")
		if err := os.WriteFile(file, []byte(example), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(config.Source{File: file})
		if err != nil {
			t.Errorf("%s\n%v", example, err)
			continue
		}
		lines, err := chatLines(c, phrases, slog.New(slog.DiscardHandler))
		if err != nil || len(lines) != 1 || fmt.Sprint(names(lines), resent(lines)) != "[telegram] [telegram]" {
			t.Errorf("%s\n%v %v", example, lines, err)
		}
	}
	if found != 2 {
		t.Errorf("%d examples", found)
	}
}
