package telegram

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

var rewrite = flag.Bool("update", false, "write testdata/golden anew")

// winter is a day on which every dialog of the sample town is open.
var winter = time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)

// hands is a clock that tests move.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hands) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) After(time.Duration) <-chan time.Time { return nil }

func (h *hands) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// texts is the same town by text message, to compare with.
type texts struct{}

func (texts) Name() string          { return "sms" }
func (texts) Traits() render.Traits { return render.SMS }
func (texts) Deliver(context.Context, channels.Address, render.Page, string) (string, error) {
	return "", channels.Gone(errors.New("nothing is sent"), "test")
}

var sample = sync.OnceValues(func() (*dialogs.Set, error) {
	words, err := allPhrases()
	if err != nil {
		return nil, err
	}
	set, problems := dialogs.Load(library.FS(), dialogs.Options{Locales: words})
	if problems.Errors() {
		return nil, errors.New(problems.String())
	}
	return set, nil
})

// house is the sample town with a store on disk, a bot, and the chat that a resident sees.
type house struct {
	t        *testing.T
	fake     *fake
	bot      *Telegram
	clock    *hands
	store    *sqlite.Store
	exchange *exchange.Exchange
	keys     *store.Keys
	chat     int64
	log      strings.Builder
	seen     int // calls of the API that are in the log
}

// seeded is randomness that is the same each time.
type seeded struct{ n byte }

func (s *seeded) Read(b []byte) (int, error) {
	for i := range b {
		s.n = s.n*5 + 113
		b[i] = s.n
	}
	return len(b), nil
}

func newHouse(t *testing.T) *house {
	t.Helper()
	set, err := sample()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, fake: newFake(t), clock: &hands{now: winter}, chat: 77}
	h.bot = newTelegram(t, h.fake, func(c *Config) { c.Now = h.clock.Now })
	dir := t.TempDir()
	if h.keys, err = store.LoadKeys(dir+"/town.keys", ""); err != nil {
		t.Fatal(err)
	}
	if h.store, err = sqlite.Open(dir+"/town.db", h.keys); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.bot.Wait(); h.store.Close() })
	phrases, err := allPhrases()
	if err != nil {
		t.Fatal(err)
	}
	town := dialogtest.NewTown(phrases, set.All())
	catalogue := exchange.NewCatalogue(h.store, h.clock)
	if problems, err := catalogue.Publish(t.Context(), set); err != nil || problems.Errors() {
		t.Fatal(err, problems)
	}
	town.Dialogs = catalogue
	if h.exchange, err = exchange.New(exchange.Settings{
		Store: h.store, Keys: h.keys, Town: town, Entropy: &seeded{}, Clock: h.clock, Channels: []channels.Channel{h.bot, texts{}}, Resend: []string{Name},
	}); err != nil {
		t.Fatal(err)
	}
	return h
}

// gives hands an update to the bot as Telegram does, and has the outbox sent.
func (h *house) gives(u map[string]any, line string) {
	h.t.Helper()
	fmt.Fprintf(&h.log, "> %s\n", line)
	if err := h.bot.take(h.t.Context(), h.exchange, encoded(h.t, u)); err != nil {
		h.t.Fatal(err)
	}
	h.clock.pass(3 * time.Second)
	h.exchange.Tick(h.t.Context())
	h.bot.Wait()
	h.watches()
}

// watches writes down what the chat shows of what was called since.
func (h *house) watches() {
	h.fake.mu.Lock()
	defer h.fake.mu.Unlock()
	calls := slices.Clone(h.fake.calls[h.seen:])
	h.seen = len(h.fake.calls)
	slices.SortStableFunc(calls, func(a, b call) int { return strings.Compare(turnOf(a), turnOf(b)) }) // beside a turn, in any order
	for _, c := range calls {
		switch c.method {
		case "sendMessage":
			if silent(c) {
				h.log.WriteString("(the key that shares goes)\n")
				break
			}
			fmt.Fprintf(&h.log, "%s\n%s", c.given["text"], keysOf(c.given["reply_markup"]))
		case "editMessageText":
			fmt.Fprintf(&h.log, "(in its place) %s\n%s", c.given["text"], keysOf(c.given["reply_markup"]))
		case "editMessageReplyMarkup":
			h.log.WriteString("(the old buttons go)\n")
		}
	}
	h.log.WriteString("\n")
}

// silent says whether a message was sent for what it takes away, and goes again.
func silent(c call) bool { return c.given["disable_notification"] == true }

func turnOf(c call) string {
	if c.method == "editMessageReplyMarkup" || silent(c) {
		return "2"
	}
	return "1"
}

func keysOf(markup any) string {
	m, _ := markup.(map[string]any)
	var b strings.Builder
	for _, name := range []string{"inline_keyboard", "keyboard"} {
		rows, _ := m[name].([]any)
		for _, row := range rows {
			for _, k := range row.([]any) {
				key := k.(map[string]any)
				label := key["text"].(string)
				if key["request_location"] == true || key["request_contact"] == true {
					label += " ↗"
				}
				fmt.Fprintf(&b, "[%s] ", label)
			}
			b.WriteString("\n")
		}
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

// last is the message that was shown last, and its buttons' data by their first word.
func (h *house) last() (message int, text string, data map[string]string) {
	h.fake.mu.Lock()
	defer h.fake.mu.Unlock()
	message = h.fake.message
	data = map[string]string{}
	for i := len(h.fake.calls) - 1; i >= 0; i-- {
		c := h.fake.calls[i]
		if c.method != "sendMessage" && c.method != "editMessageText" {
			continue
		}
		if silent(c) {
			message--
			continue
		}
		text = c.given["text"].(string)
		m, _ := c.given["reply_markup"].(map[string]any)
		rows, _ := m["inline_keyboard"].([]any)
		for _, row := range rows {
			for _, k := range row.([]any) {
				key := k.(map[string]any)
				d := key["callback_data"].(string)
				choice, _ := channels.ReadButton(d)
				data[choice] = d
			}
		}
		if id, ok := c.given["message_id"].(float64); ok {
			message = int(id)
		}
		break
	}
	return message, text, data
}

func (h *house) writes(words string) {
	h.t.Helper()
	h.gives(h.fake.update("message", text(h.chat, words)), words)
}

func (h *house) presses(choice string) {
	h.t.Helper()
	message, shown, data := h.last()
	d, ok := data[choice]
	if !ok {
		h.t.Fatalf("there is no button %q under\n%s", choice, shown)
	}
	h.gives(h.fake.update("callback_query", pressing(h.chat, message, d)), "["+choice+"]")
}

var reference = regexp.MustCompile(`\b\d{3}-\d{3}-\d\b`)

func (h *house) golden(name string) {
	h.t.Helper()
	got := reference.ReplaceAllString(h.log.String(), "000-000-0")
	file := filepath.Join("testdata", "golden", name+".txt")
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			h.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		h.t.Fatal(err)
	}
	if got != string(want) {
		h.t.Errorf("%s is not what is shown (-update writes it):\n%s", file, got)
	}
}

// labelled is the digit of the button with these words.
func (h *house) labelled(words string) string {
	h.t.Helper()
	_, shown, _ := h.last()
	for line := range strings.SplitSeq(shown, "\n") {
		if digit, label, _ := strings.Cut(line, " "); label == words {
			return digit
		}
	}
	h.t.Fatalf("nothing is called %q:\n%s", words, shown)
	return ""
}

// A whole consultation by buttons: several choices with one taken back, a scale, an order, what is left out, a place that is shared, a
// late press, a change of mind. It leaves the record that the same answers by text leave.
func TestBusSurveyByButtons(t *testing.T) {
	h := newHouse(t)
	h.chat = english
	h.writes("/start bus")
	h.writes("5")
	h.presses("1")
	h.presses("3")
	h.presses("1")
	times, _, button := h.last()
	h.presses("done")
	h.presses("4")
	for _, words := range []string{"Buses later at night", "A seat at the stop", "Buses more often"} {
		h.presses(h.labelled(words))
	}
	h.presses("skip")
	h.gives(h.fake.update("callback_query", pressing(h.chat, times, button["2"])), "[2, of the question before]")
	h.gives(h.fake.update("message", said(h.chat, map[string]any{"location": map[string]any{"latitude": 44.97, "longitude": -93.26}})), "(a place)")
	h.writes("/back")
	h.writes("Elm and Main")
	h.presses("skip")
	h.presses("1")
	h.presses("1")
	h.golden("bus-survey")

	for i, words := range []string{"BUS", "5", "From 12 to 6", "4", "late, seat, often, price", "skip", "Elm and Main", "skip", "1", "yes"} {
		if _, err := h.exchange.Receive(t.Context(), channels.Event{Channel: "sms", ID: fmt.Sprint(i), From: channels.Address{Kind: "tel", ID: "+12025550111"}, Words: words, Lang: "en"}); err != nil {
			t.Fatal(err)
		}
	}
	all := h.records("bus-survey")
	if len(all) != 2 || all[0] != all[1] || !strings.Contains(all[0], "times=afternoon") || !strings.Contains(all[0], "matters=late,seat,often,price") {
		t.Fatalf("%q", all)
	}
}

// A request in Spanish with a picture, a place and a number of one's own; what can't be taken is explained.
func TestReportInSpanish(t *testing.T) {
	h := newHouse(t)
	h.fake.files[photoID] = file{"photos/file_1.jpg", picture(t)}
	h.writes("/start")
	h.writes("/start fix")
	h.presses("2")
	h.gives(h.fake.update("message", said(77, map[string]any{"venue": map[string]any{"location": map[string]any{"latitude": 44.97, "longitude": -93.26}, "title": "Biblioteca", "address": "Elm 4"},
		"location": map[string]any{"latitude": 44.97, "longitude": -93.26}})), "(a place with a name)")
	h.gives(h.fake.update("message", said(77, map[string]any{"sticker": map[string]any{"file_id": photoID, "file_unique_id": "u", "type": "regular", "width": 1, "height": 1, "is_animated": false, "is_video": false}})), "(a sticker)")
	h.writes("Un hoyo profundo")
	h.gives(h.fake.update("edited_message", text(77, "Dos hoyos")), "(changed: Dos hoyos)")
	h.gives(h.fake.update("message", said(77, map[string]any{"photo": []any{map[string]any{"file_id": photoID, "file_unique_id": "u", "width": 8, "height": 8, "file_size": 200}}})), "(a picture)")
	h.presses("1")
	contact := func(user int64) map[string]any {
		return h.fake.update("message", said(77, map[string]any{"contact": map[string]any{"phone_number": "12025550123", "first_name": "Ana", "user_id": user}}))
	}
	h.gives(contact(99), "(somebody else's number)")
	h.gives(contact(77), "(their own number)")
	h.presses("1")
	h.golden("street-problem")

	all, err := h.store.Requests(t.Context(), store.RequestQuery{})
	if err != nil || len(all) != 1 || all[0].Channel != Name {
		t.Fatal(all, err)
	}
	var rec engine.Record
	if err := engine.Decode(all[0].Record, &rec); err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, a := range rec.Answers {
		for _, m := range a.Media {
			id, ok := channels.MediaID(m.Ref)
			if !ok {
				t.Fatalf("%+v", m)
			}
			got, err := h.store.Media(t.Context(), id)
			if err != nil || got.Type != "image/jpeg" || len(got.Bytes) == 0 {
				t.Fatal(got.Type, err)
			}
			kept++
		}
	}
	if kept != 1 {
		t.Fatalf("%d pictures", kept)
	}
}

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// STOP ends all, also by blocking the bot; the start button begins again.
func TestStopAndStart(t *testing.T) {
	h := newHouse(t)
	h.chat = english
	out := func() bool {
		stopped, err := h.store.OptedOut(t.Context(), h.keys.Address(Kind, "80"))
		if err != nil {
			t.Fatal(err)
		}
		return stopped
	}
	h.writes("/start bus")
	h.writes("/stop")
	if !out() {
		t.Fatal("/stop is no STOP")
	}
	h.writes("3")
	h.writes("/help")
	h.writes("/start")
	if out() {
		t.Fatal("the start button is no START")
	}
	h.presses("1")
	member := func(status string) map[string]any {
		m := map[string]any{"status": status, "user": map[string]any{"id": 123456, "is_bot": true, "first_name": "Elmwood"}}
		if status == "kicked" {
			m["until_date"] = 0
		}
		return m
	}
	h.gives(h.fake.update("my_chat_member", map[string]any{"chat": privately(80), "from": person(80), "date": noon.Unix(), "old_chat_member": member("member"), "new_chat_member": member("kicked")}), "(blocks the bot)")
	if !out() {
		t.Fatal("who blocked the bot didn't say STOP")
	}
	h.golden("stop-and-start")
}

// Who blocked the bot while a message was on its way is let alone as well.
func TestBlockedWhileSending(t *testing.T) {
	h := newHouse(t)
	h.fake.refuses(refusal{method: "sendMessage", code: 403, description: "Forbidden: bot was blocked by the user", times: 1})
	h.writes("/start bus")
	if stopped, err := h.store.OptedOut(t.Context(), h.keys.Address(Kind, "77")); err != nil || !stopped {
		t.Fatal("not in the ledger", err)
	}
}

// The same update again, as after a crash, is the same turn; a message that got no answer from Telegram is sent again.
func TestUpdateTwice(t *testing.T) {
	h := newHouse(t)
	u := h.fake.update("message", text(77, "bus"))
	h.gives(u, "bus")
	h.gives(u, "bus")
	if sent := h.fake.of("sendMessage"); len(sent) != 1 {
		t.Fatalf("%d messages", len(sent))
	}
	h.fake.refuses(refusal{method: "sendMessage", code: 502, raw: "<html>", times: 1})
	h.writes("5")
	h.clock.pass(time.Hour)
	h.exchange.Tick(t.Context())
	if sent := h.fake.of("sendMessage"); len(sent) != 3 || sent[1]["text"] != sent[2]["text"] {
		t.Fatalf("%d messages", len(sent))
	}
}

// records are the answers of what was kept.
func (h *house) records(poll string) (out []string) {
	h.t.Helper()
	keep := func(b []byte) error {
		var rec engine.Record
		if err := engine.Decode(b, &rec); err != nil {
			return err
		}
		var s []string
		for _, a := range rec.Answers {
			s = append(s, a.Step+"="+strings.Join(a.Values, ","))
		}
		out = append(out, strings.Join(s, " "))
		return nil
	}
	err := errors.Join(
		h.store.Responses(h.t.Context(), poll, func(r store.Response) error { return keep(r.Record) }),
		h.store.Ballots(h.t.Context(), poll, func(b store.Ballot) error { return keep(b.Record) }))
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}
