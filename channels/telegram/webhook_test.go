package telegram

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
)

// calls is Telegram calling.
type caller struct {
	t    testing.TB
	bot  *Telegram
	mux  *http.ServeMux
	path string
}

func calling(t testing.TB, b *Telegram, in channels.Inbox) *caller {
	c := &caller{t: t, bot: b, mux: http.NewServeMux(), path: b.Path()}
	b.Mount(c.mux, in)
	return c
}

func (c *caller) posts(secret string, body []byte) int {
	c.t.Helper()
	r := httptest.NewRequest(http.MethodPost, c.path, bytes.NewReader(body))
	if secret != "" {
		r.Header.Set(secretHeader, secret)
	}
	w := httptest.NewRecorder()
	c.mux.ServeHTTP(w, r)
	return w.Code
}

// Nothing gets in without the secret, and with it only an update does.
func TestWebhook(t *testing.T) {
	f := newFake(t)
	in := &inbox{}
	var log bytes.Buffer
	c := calling(t, newTelegram(t, f, byWebhook, logging(&log)), in)
	update := encoded(t, f.update("message", text(77, "my secret answer")))
	for name, test := range map[string]struct {
		secret string
		body   []byte
		want   int
	}{
		"no secret":         {"", update, 403},
		"another":           {"s3cret_of-32-letters-and-digits", update, 403},
		"another case":      {strings.ToUpper(secret), update, 403},
		"the token":         {token, update, 403},
		"rubbish":           {secret, []byte("update_id=5"), 400},
		"nothing":           {secret, nil, 400},
		"no number":         {secret, []byte(`{"message":{}}`), 400},
		"a number alone":    {secret, []byte(`{"update_id":1}`), 200},
		"half a message":    {secret, []byte(`{"update_id":2,"message":{"chat":5}}`), 200}, // trying again can't help
		"too large":         {secret, []byte(`{"update_id":3,"message":"` + strings.Repeat("x", mostUpdate) + `"}`), 413},
		"rubbish, unsigned": {"", []byte("x"), 403},
	} {
		if got := c.posts(test.secret, test.body); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	if len(in.all()) != 0 {
		t.Fatalf("%+v", in.all())
	}
	if got := c.posts(secret, update); got != 200 || len(in.all()) != 1 {
		t.Fatalf("%d, %+v", got, in.all())
	}
	r := httptest.NewRequest(http.MethodGet, c.path, nil)
	r.Header.Set(secretHeader, secret)
	w := httptest.NewRecorder()
	c.mux.ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
	if n := strings.Count(log.String(), "without Telegram's secret"); n != 1 {
		t.Errorf("%d warnings within a minute", n)
	}
	if s := log.String(); strings.Contains(s, "answer") || strings.Contains(s, secret) || tellsWho(s) || strings.Contains(s, "AAbb") {
		t.Errorf("the log tells too much:\n%s", s)
	}
	if strings.Contains(c.path, "123456") || len(c.path) < len("/telegram/")+16 {
		t.Errorf("path %s", c.path)
	}
}

// Where Telegram doesn't call, nobody can.
func TestNoWebhookWhilePolling(t *testing.T) {
	in := &inbox{}
	f := newFake(t)
	c := calling(t, newTelegram(t, f), in)
	for _, s := range []string{"", secret} {
		if got := c.posts(s, encoded(t, f.update("message", text(77, "x")))); got != 404 {
			t.Errorf("%d", got)
		}
	}
}

func TestConfig(t *testing.T) {
	phrases, err := allPhrases()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"good":                     {byWebhook, ""},
		"no token":                 {func(c *Config) { c.Token = "" }, "token"},
		"a webhook without secret": {func(c *Config) { byWebhook(c); c.Secret = "" }, "needs a secret"},
		"a short secret":           {func(c *Config) { byWebhook(c); c.Secret = "secret" }, "needs a secret"},
		"blanks in the secret":     {func(c *Config) { byWebhook(c); c.Secret = strings.Repeat("a b", 9) }, "needs a secret"},
		"http":                     {func(c *Config) { byWebhook(c); c.PublicURL = "http://talk.example.org" }, "https"},
		"no public address":        {func(c *Config) { byWebhook(c); c.PublicURL = "" }, "https"},
		"no languages":             {func(c *Config) { c.Languages = nil }, "languages"},
		"another API":              {func(c *Config) { c.BaseURL = "localhost" }, "Bot API"},
	} {
		c := Config{Token: token, Languages: []string{"en"}, Phrases: phrases}
		test.change(&c)
		_, err := New(c)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "AAbb") {
			t.Errorf("%s tells the token: %v", name, err)
		}
	}
}

// While nothing can be kept Telegram is told to come again; it gets 200 once the turn is on disk, and not before.
func TestWebhookWaitsForTheDisk(t *testing.T) {
	f := newFake(t)
	in := &inbox{gate: make(chan struct{}), fails: func(_ channels.Event, try int) error {
		if try == 1 {
			return channels.Retry(errors.New("the disk is full"), 0)
		}
		return nil
	}}
	c := calling(t, newTelegram(t, f, byWebhook), in)
	update := encoded(t, f.update("message", text(77, "2")))
	got := make(chan int)
	go func() { got <- c.posts(secret, update) }()
	select {
	case code := <-got:
		t.Fatalf("%d before the turn", code)
	case in.gate <- struct{}{}:
	}
	if code := <-got; code != 503 {
		t.Fatal(code)
	}
	go func() { got <- c.posts(secret, update) }()
	in.gate <- struct{}{}
	if code := <-got; code != 200 || len(in.all()) != 1 {
		t.Fatal(code, in.all())
	}
}

// An update that breaks its turn each time is given up once others go through; while none does, none is.
func TestPoisonIsGivenUp(t *testing.T) {
	for _, how := range []string{"fails", "panics"} {
		t.Run(how, func(t *testing.T) {
			now := noon
			f := newFake(t)
			var log bytes.Buffer
			in := &inbox{fails: func(e channels.Event, _ int) error {
				if e.Words != "poison" {
					return nil
				}
				if how == "panics" {
					panic("poison")
				}
				return errors.New("it doesn't fit")
			}}
			c := calling(t, newTelegram(t, f, byWebhook, logging(&log), func(c *Config) { c.Now = func() time.Time { return now } }), in)
			poison := encoded(t, f.update("message", text(77, "poison")))
			for range 20 {
				now = now.Add(10 * time.Second)
				if got := c.posts(secret, poison); got != 503 {
					t.Fatalf("%d while nothing goes through", got)
				}
			}
			if got := c.posts(secret, encoded(t, f.update("message", text(78, "2")))); got != 200 {
				t.Fatal(got)
			}
			if got := c.posts(secret, poison); got != 200 {
				t.Fatalf("%d when others go through", got)
			}
			if !strings.Contains(log.String(), "given up") || tellsWho(log.String()) {
				t.Fatal(log.String())
			}
		})
	}
}

// Updates of one chat are taken one at a time, those of others beside them.
func TestOneUpdateOfAChatAtATime(t *testing.T) {
	f := newFake(t)
	in := &inbox{gate: make(chan struct{}), took: make(chan channels.Event, 10)}
	c := calling(t, newTelegram(t, f, byWebhook), in)
	var all sync.WaitGroup
	for _, chat := range []int64{77, 77, 77, 78} {
		all.Go(func() { c.posts(secret, encoded(t, f.update("message", text(chat, "x")))) })
	}
	// Each chat has one update in its turn: two turns wait at the gate, however long.
	seen := map[string]int{}
	for range 4 {
		in.gate <- struct{}{}
		seen[(<-in.took).From.ID]++
	}
	all.Wait()
	if seen["77"] != 3 || seen["78"] != 1 {
		t.Fatal(seen)
	}
}

// A second press within two seconds is a hand that shakes; a press is confirmed to the phone in any case.
func TestDoublePress(t *testing.T) {
	now := noon
	f := newFake(t)
	in := &inbox{}
	b := newTelegram(t, f, func(c *Config) { c.Now = func() time.Time { return now } })
	press := func(data string) {
		t.Helper()
		if err := b.take(t.Context(), in, encoded(t, f.update("callback_query", pressing(77, 12, data)))); err != nil {
			t.Fatal(err)
		}
	}
	press("1.abc")
	press("1.abc")
	press("3.abc")
	now = now.Add(3 * time.Second)
	press("3.abc")
	press("rubbish")
	b.Wait()
	if got := len(in.all()); got != 3 {
		t.Errorf("%d presses", got)
	}
	if got := len(f.of("answerCallbackQuery")); got != 5 {
		t.Errorf("%d confirmed", got)
	}
}

// The reply may be sent before its turn is known to be over: it takes the place of the page whose button was pressed all the same.
func TestReplyIsFasterThanItsTurn(t *testing.T) {
	f := newFake(t)
	b := newTelegram(t, f)
	page := marked("abc", "choices", option("1", "Buses"))
	in := &inbox{fails: func(channels.Event, int) error {
		receipt, err := b.Deliver(t.Context(), resident, page, "k")
		if receipt != "12" {
			t.Errorf("message %s, %v", receipt, err)
		}
		return nil
	}}
	if err := b.take(t.Context(), in, encoded(t, f.update("callback_query", pressing(77, 12, "1.abc")))); err != nil {
		t.Fatal(err)
	}
	b.Wait()
	if len(f.of("sendMessage")) != 0 || len(f.of("editMessageText")) != 1 {
		t.Error("sent as a new message")
	}
}

// A press that wasn't kept may come again at once.
func TestPressThatFailedComesAgain(t *testing.T) {
	f := newFake(t)
	in := &inbox{fails: func(_ channels.Event, try int) error {
		if try == 1 {
			return errors.New("not now")
		}
		return nil
	}}
	b := newTelegram(t, f)
	u := encoded(t, f.update("callback_query", pressing(77, 12, "1.abc")))
	if b.take(t.Context(), in, u) == nil || b.take(t.Context(), in, u) != nil || len(in.all()) != 1 {
		t.Fatal(in.all())
	}
	b.Wait()
}

// Who floods is not taken any more for a while; all others are.
func TestFlood(t *testing.T) {
	now := noon
	f := newFake(t)
	var log bytes.Buffer
	in := &inbox{}
	b := newTelegram(t, f, logging(&log), func(c *Config) { c.Now = func() time.Time { return now } })
	take := func(chat int64) {
		t.Helper()
		if err := b.take(t.Context(), in, encoded(t, f.update("message", text(chat, "x")))); err != nil {
			t.Fatal(err)
		}
	}
	count := func(chat string) (n int) {
		for _, e := range in.all() {
			if e.From.ID == chat {
				n++
			}
		}
		return n
	}
	for range 500 {
		take(77)
	}
	take(78)
	if count("77") != burst || count("78") != 1 {
		t.Fatalf("%d and %d", count("77"), count("78"))
	}
	now = now.Add(10 * time.Second)
	for range 500 {
		take(77)
	}
	if count("77") != burst+10 {
		t.Fatal(count("77"))
	}
	if n := strings.Count(log.String(), "faster than anybody"); n != 1 || tellsWho(log.String()) {
		t.Fatalf("%d warnings:\n%s", n, log.String())
	}
}

// Chats are forgotten, the oldest first.
func TestManyChats(t *testing.T) {
	var c chats
	for i := range int64(mostChats + 500) {
		c.takes(i+1, noon)
	}
	if c.last.Len() != mostChats || len(c.known) != mostChats || c.known[1] != nil || c.known[mostChats+500] == nil {
		t.Fatalf("%d, %d", c.last.Len(), len(c.known))
	}
}

// A group is told once, in the language of whoever brought the bot there, and left.
func TestGroups(t *testing.T) {
	f := newFake(t)
	in := &inbox{}
	b := newTelegram(t, f)
	group := map[string]any{"id": -1001, "type": "supergroup", "title": "Neighbours"}
	message := text(77, "/help")
	message["chat"] = group
	for range 5 {
		if err := b.take(t.Context(), in, encoded(t, f.update("message", message))); err != nil {
			t.Fatal(err)
		}
	}
	b.Wait()
	said, left := f.of("sendMessage"), f.of("leaveChat")
	if len(said) != 1 || len(left) != 1 || said[0]["chat_id"] != -1001.0 || left[0]["chat_id"] != -1001.0 || !strings.Contains(said[0]["text"].(string), "una persona a la vez") {
		t.Fatalf("%+v %+v", said, left)
	}
	if len(in.all()) != 0 {
		t.Fatal("the group was heard")
	}
}

// The last word to somebody whom the outbox is closed to is sent at once; to whoever blocked the bot nothing is.
func TestLastWord(t *testing.T) {
	f := newFake(t)
	in := &inbox{replies: func(channels.Event) channels.Reply { return say("You will get no more messages.") }}
	b := newTelegram(t, f)
	kicked := func(status string) map[string]any {
		m := map[string]any{"status": status, "user": map[string]any{"id": 123456, "is_bot": true, "first_name": "Elmwood"}}
		if status == "kicked" {
			m["until_date"] = 0
		}
		return m
	}
	for _, u := range []map[string]any{
		f.update("message", text(77, "STOP")),
		f.update("my_chat_member", map[string]any{"chat": privately(78), "from": person(78), "date": noon.Unix(), "old_chat_member": kicked("member"), "new_chat_member": kicked("kicked")}),
	} {
		if err := b.take(t.Context(), in, encoded(t, u)); err != nil {
			t.Fatal(err)
		}
	}
	b.Wait()
	if sent := f.of("sendMessage"); len(sent) != 1 || sent[0]["chat_id"] != 77.0 {
		t.Fatalf("%+v", sent)
	}
	if all := in.all(); len(all) != 2 || all[1].Words != "STOP" || all[1].From.ID != "78" {
		t.Fatalf("%+v", all)
	}
}

// One that finds no place any more is said to be lost.
func TestLastWordInACrowd(t *testing.T) {
	f := newFake(t)
	var log bytes.Buffer
	b := newTelegram(t, f, logging(&log))
	over := make(chan struct{})
	for b.side.do(func(context.Context) { <-over }) {
	}
	in := &inbox{replies: func(channels.Event) channels.Reply { return say("You will get no more messages.") }}
	if err := b.take(t.Context(), in, encoded(t, f.update("message", text(77, "STOP")))); err != nil {
		t.Fatal(err)
	}
	close(over)
	b.Wait()
	if n := strings.Count(log.String(), "a last word was not sent"); n != 1 || tellsWho(log.String()) {
		t.Fatal(log.String())
	}
}

// An update that comes again and again while the town takes nothing is one of a chat's.
func TestTriesAreNoFlood(t *testing.T) {
	f := newFake(t)
	in := &inbox{fails: func(_ channels.Event, try int) error {
		if try <= 2*burst {
			return channels.Retry(io.ErrUnexpectedEOF, 0)
		}
		return nil
	}}
	b := newTelegram(t, f, func(c *Config) { c.Now = func() time.Time { return noon } })
	u := encoded(t, f.update("message", text(77, "x")))
	for range 2*burst + 1 {
		_ = b.take(t.Context(), in, u)
	}
	if len(in.all()) != 1 {
		t.Fatal("it was lost")
	}
}

func TestCommandMenu(t *testing.T) {
	f := newFake(t)
	b := newTelegram(t, f)
	if err := b.introduce(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range f.of("setMyCommands") {
		commands := c["commands"].([]any)
		first := commands[0].(map[string]any)
		got = append(got, fmt.Sprint(c["language_code"], " ", len(commands), " ", first["command"], " ", first["description"]))
	}
	want := "[<nil> 9 menu See all topics en 9 menu See all topics es 9 menu Ver todos los temas zh 9 menu 看所有内容]"
	if fmt.Sprint(got) != want {
		t.Fatalf("got  %v\nwant %s", got, want)
	}
}
