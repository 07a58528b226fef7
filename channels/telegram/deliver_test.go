package telegram

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// word is an outcome in one line.
func word(receipt string, err error) string {
	if err == nil {
		return "sent " + receipt
	}
	out := ""
	for name, is := range map[string]error{"opted out": channels.ErrOptedOut, "bad": channels.ErrBadNumber, "throttled": channels.ErrThrottled} {
		if errors.Is(err, is) {
			out = " " + name
		}
	}
	if after, ok := channels.Retrying(err); ok {
		return fmt.Sprint("retry ", after, out)
	}
	if code, ok := channels.IsGone(err); ok {
		return "gone " + code + out
	}
	if channels.InDoubt(err) {
		return "doubt" + out
	}
	return "unmarked: " + err.Error()
}

func TestDeliver(t *testing.T) {
	page := render.Page{Text: "Hello <b> & _all_ 😀\nhttps://elmwood.example"}
	long := render.Page{Text: strings.Repeat("x", 4097)}
	for name, test := range map[string]struct {
		to     channels.Address
		page   render.Page
		refuse refusal
		want   string
	}{
		"sent":              {resident, page, refusal{}, "sent 11"},
		"a number":          {channels.Address{Kind: "tel", ID: "+15550100"}, page, refusal{}, "gone address"},
		"a group":           {channels.Address{Kind: Kind, ID: "-100"}, page, refusal{}, "gone address"},
		"no chat":           {channels.Address{Kind: Kind, ID: "Ann"}, page, refusal{}, "gone address"},
		"empty":             {resident, render.Page{Text: " \x00 "}, refusal{}, "gone empty"},
		"too long":          {resident, long, refusal{}, "gone long"},
		"as long as may be": {resident, render.Page{Text: strings.Repeat("😀", 2048)}, refusal{}, "sent 11"},
		"blocked":           {resident, page, refusal{code: 403, description: "Forbidden: bot was blocked by the user"}, "gone blocked opted out"},
		"deactivated":       {resident, page, refusal{code: 403, description: "Forbidden: user is deactivated"}, "gone 403 bad"},
		"never wrote":       {resident, page, refusal{code: 403, description: "Forbidden: bot can't initiate conversation with a user"}, "gone 403 bad"},
		"no such chat":      {resident, page, refusal{code: 400, description: "Bad Request: chat not found"}, "gone chat bad"},
		"a bad button":      {resident, page, refusal{code: 400, description: "Bad Request: BUTTON_DATA_INVALID"}, "gone button_data_invalid"},
		"bad otherwise":     {resident, page, refusal{code: 400, description: "Bad Request: nope"}, "gone 400"},
		"too fast":          {resident, page, refusal{code: 429, description: "Too Many Requests: retry after 17", after: 17}, "retry 17s throttled"},
		"too fast for now":  {resident, page, refusal{code: 429, description: "Too Many Requests"}, "retry 0s throttled"},
		"token withdrawn":   {resident, page, refusal{code: 401, description: "Unauthorized"}, "retry 5m0s"},
		"token unknown":     {resident, page, refusal{code: 404, description: "Not Found"}, "retry 5m0s"},
		"broken":            {resident, page, refusal{code: 500, description: "Internal Server Error"}, "doubt"},
		"a gateway":         {resident, page, refusal{code: 502, raw: "<html>Bad Gateway</html>"}, "doubt"},
		"a proxy forbids":   {resident, page, refusal{code: 403, raw: "<html>Forbidden</html>"}, "retry 5m0s"},
		"a proxy is lost":   {resident, page, refusal{code: 400, raw: "<html>Bad Request</html>"}, "retry 5m0s"},
		"a proxy sends on":  {resident, page, refusal{code: 302, raw: "<html>Log in</html>"}, "retry 5m0s"},
		"a proxy is full":   {resident, page, refusal{code: 429, raw: "<html>Slow down</html>"}, "retry 0s throttled"},
		"unreadable":        {resident, page, refusal{code: 200, raw: "yes"}, "doubt"},
		"endless":           {resident, page, refusal{code: 200, raw: `{"ok":true,"result":{"message_id":"` + strings.Repeat("9", 100) + `"}}`}, "doubt"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			var log bytes.Buffer
			b := newTelegram(t, f, logging(&log))
			if test.refuse.code != 0 {
				test.refuse.method, test.refuse.times = "sendMessage", 1
				f.refuses(test.refuse)
			}
			receipt, err := b.Deliver(t.Context(), test.to, test.page, "k")
			if got := word(receipt, err); got != test.want {
				t.Errorf("got %q, want %q (%v)", got, test.want, err)
			}
			if all := fmt.Sprint(err, log.String()); strings.Contains(all, "123456") || strings.Contains(all, "Hello") || tellsWho(all) {
				t.Errorf("it tells too much: %s", all)
			}
			if sent := f.of("sendMessage"); test.want == "sent 11" && (sent[0]["text"] != test.page.Text || sent[0]["parse_mode"] != nil) {
				t.Errorf("%+v", sent[0])
			}
		})
	}
}

// A Telegram that is away took nothing; one that breaks off may have.
func TestTelegramIsAway(t *testing.T) {
	f := newFake(t)
	b := newTelegram(t, f)
	f.Close()
	receipt, err := b.Deliver(t.Context(), resident, render.Page{Text: "x"}, "k")
	if got := word(receipt, err); got != "retry 0s" || strings.Contains(err.Error(), "AAbb") {
		t.Fatalf("%q: %v", got, err)
	}
	if _, _, err := b.api.updates(t.Context(), 0, 0); word("", err) != "retry 0s" || strings.Contains(err.Error(), "AAbb") {
		t.Fatal(err)
	}
	if _, err := b.api.file(t.Context(), &models.File{FilePath: "voice/x.oga"}, 10); word("", err) != "retry 0s" || strings.Contains(err.Error(), "AAbb") {
		t.Fatal(err)
	}
	cut := newFake(t)
	cut.Config.Handler = cutting{}
	b = newTelegram(t, cut)
	receipt, err = b.Deliver(t.Context(), resident, render.Page{Text: "x"}, "k")
	if got := word(receipt, err); got != "doubt" || strings.Contains(err.Error(), "AAbb") {
		t.Fatalf("%q: %v", got, err)
	}
}

// A library that breaks takes nobody along.
func TestTheLibraryBreaks(t *testing.T) {
	b := newTelegram(t, newFake(t))
	w, err := b.api.call(t.Context(), func(context.Context, *bot.Bot) error { panic("a secret") })
	if err == nil || strings.Contains(w.failed("send", err).Error(), "secret") {
		t.Fatal(err)
	}
}

func marked(mark string, asks string, options ...render.Shown) render.Page {
	return render.Page{Text: "Which?", Lang: "en", Mark: mark, Asks: dialogs.Type(asks), Options: options}
}

func option(digit, label string) render.Shown {
	return render.Shown{ID: "o" + digit, Digit: digit, Label: label}
}

func layout(m models.InlineKeyboardMarkup) string {
	var out []string
	for _, row := range m.InlineKeyboard {
		var texts []string
		for _, b := range row {
			texts = append(texts, b.Text+" → "+b.CallbackData)
		}
		out = append(out, strings.Join(texts, " | "))
	}
	return strings.Join(out, "\n")
}

func TestButtons(t *testing.T) {
	b := newTelegram(t, newFake(t))
	yes, no := option("1", "Yes"), option("2", "No")
	chosen := option("2", "Trees")
	chosen.Chosen = true
	skips := marked("m", "text")
	skips.Skip = true
	given := marked("m", "choices", option("1", "Buses"), chosen)
	given.Given, given.Skip = true, true
	over := marked("m", "", yes)
	over.Over = true
	for name, test := range map[string]struct {
		page render.Page
		want string
	}{
		"yes and no":      {marked("m", "yesno", yes, no), "1 Yes → 1.m | 2 No → 2.m"},
		"long":            {marked("m", "choice", option("1", "A bench under the old tree"), no), "1 A bench under the old tree → 1.m\n2 No → 2.m"},
		"none by itself":  {marked("m", "scale", option("1", "1"), option("2", "2"), option("3", "3"), option("4", "4"), option("5", "5")), "1 1 → 1.m | 2 2 → 2.m | 3 3 → 3.m\n4 4 → 4.m | 5 5 → 5.m"},
		"Chinese is wide": {marked("m", "choice", option("1", "更多的树木和长椅"), no), "1 更多的树木和长椅 → 1.m\n2 No → 2.m"},
		"left out":        {skips, "Leave this out → skip.m"},
		"some given":      {given, "1 Buses → 1.m | ✓ 2 Trees → 2.m\nThat is all → done.m"},
		"amounts":         {marked("m", "budget", render.Shown{ID: "a", Label: "Trees"}), ""},
		"without a mark":  {marked("", "yesno", yes, no), ""},
		"last words":      {over, ""},
	} {
		if got := layout(b.buttons(&test.page)); got != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, test.want)
		}
	}
}

func TestKeysThatShare(t *testing.T) {
	f := newFake(t)
	b := newTelegram(t, f)
	where := marked("", "place")
	where.Lang = "es"
	reach := marked("m", "contact")
	reach.Skip = true
	for _, p := range []render.Page{where, reach, {Text: "Thank you.", Lang: "en", Over: true}} {
		if _, err := b.Deliver(t.Context(), resident, p, "k"); err != nil {
			t.Fatal(err)
		}
	}
	b.Wait()
	var got []string
	for _, c := range f.of("sendMessage") {
		got = append(got, string(encoded(t, c["reply_markup"])))
	}
	want := []string{
		`{"keyboard":[[{"request_location":true,"text":"Compartir dónde estoy"}]],"one_time_keyboard":true,"resize_keyboard":true}`,
		`{"keyboard":[[{"request_contact":true,"text":"Share my number"}],[{"text":"skip"}]],"one_time_keyboard":true,"resize_keyboard":true}`,
		`{"remove_keyboard":true}`,
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
}

// Whoever types where they live rather than share it has the key still on the screen: it goes when the next page has buttons.
func TestKeysThatShareGo(t *testing.T) {
	f := newFake(t)
	b := newTelegram(t, f)
	choice := marked("m", "yesno", option("1", "Yes"), option("2", "No"))
	for _, p := range []render.Page{marked("", "place"), choice, choice, marked("", "contact"), {Text: "Thank you.", Lang: "en", Over: true}, choice} {
		if _, err := b.Deliver(t.Context(), resident, p, "k"); err != nil {
			t.Fatal(err)
		}
		b.Wait()
	}
	var got []string
	for _, c := range f.of("sendMessage") {
		if c["disable_notification"] == true {
			got = append(got, string(encoded(t, c["reply_markup"])))
		}
	}
	for _, c := range f.of("deleteMessage") {
		got = append(got, fmt.Sprint(c["message_id"]))
	}
	if want := "[{\"remove_keyboard\":true} 13]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// In each language the key that leaves a question out says a word that is understood there.
func TestSkipWords(t *testing.T) {
	b := newTelegram(t, newFake(t))
	for _, tag := range b.cfg.Phrases.Tags() {
		l := b.cfg.Phrases.Language(tag)
		if c, ok := l.Command(skipWord(l)); !ok || c != locales.Skip {
			t.Errorf("%s: %q", tag, skipWord(l))
		}
	}
}

// Buttons that were answered are taken away when the next page is there; those of a question that is still open stay, whatever is
// sent beside it.
func TestOldButtonsGo(t *testing.T) {
	f := newFake(t)
	b := newTelegram(t, f)
	in := &inbox{}
	send := func(p render.Page) {
		t.Helper()
		if _, err := b.Deliver(t.Context(), resident, p, "k"); err != nil {
			t.Fatal(err)
		}
		b.Wait()
	}
	gone := func(want ...int) {
		t.Helper()
		var got []int
		for _, c := range f.of("editMessageReplyMarkup") {
			got = append(got, int(c["message_id"].(float64)))
			if c["reply_markup"] != nil {
				t.Errorf("%+v", c)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("taken away: %v, want %v", got, want)
		}
	}
	take := func(u map[string]any) {
		t.Helper()
		if err := b.take(t.Context(), in, encoded(t, u)); err != nil {
			t.Fatal(err)
		}
		b.Wait()
	}
	send(marked("aaa", "yesno", option("1", "Yes"), option("2", "No"))) // 11
	send(render.Page{Text: "A letter from the desk."})                  // 12
	gone()
	take(f.update("message", text(77, "yes")))
	gone()
	send(marked("bbb", "yesno", option("1", "Yes"), option("2", "No"))) // 13
	gone(11)
	take(f.update("callback_query", pressing(77, 13, "1.bbb")))
	send(render.Page{Text: "How many?", Asks: "number"}) // 14
	gone(11, 13)
	take(f.update("callback_query", pressing(77, 9, "1.old"))) // of before the server was started
	send(render.Page{Text: "How many?", Asks: "number"})
	gone(11, 13, 9)
}

// A page of several choices changes in its place while its buttons are pressed. Whoever wrote meanwhile, or comes back later, gets it
// below what was said.
func TestChoicesChangeInPlace(t *testing.T) {
	now := noon
	f := newFake(t)
	b := newTelegram(t, f, func(c *Config) { c.Now = func() time.Time { return now } })
	in := &inbox{}
	page := marked("aaa", "choices", option("1", "Buses"), option("2", "Trees"))
	send := func() string {
		t.Helper()
		now = now.Add(3 * time.Second)
		receipt, err := b.Deliver(t.Context(), resident, page, "k")
		return word(receipt, err)
	}
	press := func() {
		t.Helper()
		now = now.Add(3 * time.Second)
		if err := b.take(t.Context(), in, encoded(t, f.update("callback_query", pressing(77, 11, "1.aaa")))); err != nil {
			t.Fatal(err)
		}
	}
	steps := func(want ...string) {
		t.Helper()
		for _, w := range want {
			if got := send(); got != w {
				t.Fatalf("got %q, want %q", got, w)
			}
		}
	}
	steps("sent 11")
	press()
	page.Options[0].Chosen = true
	steps("sent 11")
	edits := f.of("editMessageText")
	if len(edits) != 1 || !strings.Contains(string(encoded(t, edits[0])), "✓ 1 Buses") {
		t.Fatalf("%+v", edits)
	}
	press()
	f.refuses(refusal{method: "editMessageText", code: 400, description: "Bad Request: message is not modified", times: 1})
	steps("sent 11")
	press()
	f.refuses(refusal{method: "editMessageText", code: 500, description: "Internal Server Error", times: 1}, refusal{method: "editMessageText", code: 429, description: "Too Many Requests", after: 2, times: 1})
	steps("retry 0s", "retry 2s throttled", "sent 11")
	now = now.Add(time.Hour) // a reminder
	steps("sent 12")
	press()
	f.refuses(refusal{method: "editMessageText", code: 400, description: "Bad Request: message can't be edited", times: 1})
	steps("sent 13")
	press()
	if err := b.take(t.Context(), in, encoded(t, f.update("message", text(77, "and trees")))); err != nil {
		t.Fatal(err)
	}
	steps("sent 14")
	b.Wait()
}

func TestFetch(t *testing.T) {
	f := newFake(t)
	b := newTelegram(t, f)
	f.files[photoID] = file{"photos/file_1.jpg", []byte("\xff\xd8\xff picture")}
	f.files[voiceID] = file{"voice/file_2.oga", bytes.Repeat([]byte("x"), channels.MostBytes+1)}
	f.files["AAAAAAAAAAAA"] = file{"../secrets", nil}
	f.files["BBBBBBBBBBBB"] = file{"", nil}
	if a, err := b.Fetch(t.Context(), photoID); err != nil || string(a.Bytes) != "\xff\xd8\xff picture" {
		t.Fatal(a, err)
	}
	for ref, want := range map[string]string{
		voiceID: "gone size", "AAAAAAAAAAAA": "gone path", "BBBBBBBBBBBB": "gone path", "https://example.org/x": "gone ref", "": "gone ref",
	} {
		if _, err := b.Fetch(t.Context(), ref); word("", err) != want {
			t.Errorf("%s: %v", ref, err)
		}
	}
	for _, test := range []struct {
		refuse refusal
		want   string
	}{
		{refusal{code: 400, description: "Bad Request: file is too big"}, "gone 400"},
		{refusal{code: 400, description: "Bad Request: wrong file_id or the file is temporarily unavailable"}, "retry 0s"},
		{refusal{code: 500, description: "Internal Server Error"}, "retry 0s"},
		{refusal{code: 429, description: "Too Many Requests", after: 3}, "retry 3s throttled"},
	} {
		test.refuse.method, test.refuse.times = "getFile", 1
		f.refuses(test.refuse)
		if _, err := b.Fetch(t.Context(), photoID); word("", err) != test.want {
			t.Errorf("%s: %v", test.refuse.description, err)
		}
	}
	f.files[photoID] = file{"gone/now", nil}
	f.mu.Lock()
	f.files = map[string]file{}
	f.mu.Unlock()
	if _, err := b.Fetch(t.Context(), photoID); word("", err) != "gone path" {
		t.Error(err)
	}
	if err := b.Drop(t.Context(), photoID); err != nil {
		t.Error(err)
	}
}
