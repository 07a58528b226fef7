package telegram

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/townline/townline/channels"
)

// brief is an event in one line.
func brief(c came) string {
	if c.group != 0 {
		return fmt.Sprintf("group %d %s", c.group, c.lang)
	}
	if c.event == nil {
		return strings.TrimSpace("nothing " + c.press)
	}
	e := c.event
	out := e.From.Kind + ":" + e.From.ID
	if e.Kind == channels.Dialed {
		out += " opens"
	}
	if e.Words != "" {
		out += fmt.Sprintf(" %q", e.Words)
	}
	if e.Choice != "" {
		out += " presses " + e.Choice
	}
	if e.Pressed != "" {
		out += " of " + e.Pressed
	}
	for _, m := range e.Media {
		out += " " + m.Type + "=" + m.Ref
	}
	if e.Refused != "" {
		out += " refused " + e.Refused
	}
	if c.blocked {
		out += " blocked"
	}
	return out
}

const (
	photoID = "AgACAgIAAxkBAAIB"
	voiceID = "AwACAgIAAxkBAAIC"
)

func TestUpdates(t *testing.T) {
	f := newFake(t)
	b := newTelegram(t, f)
	group := map[string]any{"id": -1001234567890, "type": "supergroup", "title": "Neighbours"}
	in := func(chat map[string]any) map[string]any {
		m := text(77, "hello")
		m["chat"] = chat
		return m
	}
	photo := func(sizes ...int) []any {
		var all []any
		for i, n := range sizes {
			all = append(all, map[string]any{"file_id": fmt.Sprint(photoID, i), "file_unique_id": "u", "width": 100 * (i + 1), "height": 100, "file_size": n})
		}
		return all
	}
	doc := func(kind string, size int) map[string]any {
		return map[string]any{"file_id": photoID, "file_unique_id": "u", "mime_type": kind, "file_size": size}
	}
	contact := func(user int64, number string) map[string]any {
		return said(77, map[string]any{"contact": map[string]any{"phone_number": number, "first_name": "Ann", "user_id": user}})
	}
	location := map[string]any{"latitude": 44.97, "longitude": -93.26}
	from := func(m map[string]any, who map[string]any) map[string]any { m["from"] = who; return m }
	bot := map[string]any{"id": 77, "is_bot": true, "first_name": "Other"}
	member := func(chat map[string]any, was, is string) map[string]any {
		one := func(status string) map[string]any {
			m := map[string]any{"status": status, "user": map[string]any{"id": 123456, "is_bot": true, "first_name": "Elmwood"}}
			if status == "kicked" {
				m["until_date"] = 0
			}
			return m
		}
		return map[string]any{"chat": chat, "from": person(77), "date": noon.Unix(), "old_chat_member": one(was), "new_chat_member": one(is)}
	}
	inline := pressing(77, 12, "1.abc")
	delete(inline, "message")
	inline["inline_message_id"] = "xyz"
	elsewhere := pressing(77, 12, "1.abc")
	elsewhere["message"].(map[string]any)["chat"] = privately(78)
	crowd := pressing(77, 12, "1.abc")
	crowd["message"].(map[string]any)["chat"] = group

	for name, test := range map[string]struct {
		kind string
		what map[string]any
		want string
	}{
		"words":                {"message", text(77, "more trees"), `telegram:77 "more trees"`},
		"a digit":              {"message", text(77, "2"), `telegram:77 "2"`},
		"start":                {"message", text(77, "/start"), `telegram:77 opens`},
		"start with a word":    {"message", text(77, "/start main_street"), `telegram:77 opens "main street"`},
		"start with a code":    {"message", text(77, "/start 482173629"), `telegram:77 opens "482173629"`},
		"help":                 {"message", text(77, "/help"), `telegram:77 "help" presses 0`},
		"help, named":          {"message", text(77, "/Help@ElmwoodBot"), `telegram:77 "help" presses 0`},
		"back":                 {"message", text(77, "/back"), `telegram:77 "back" presses *`},
		"stop":                 {"message", text(77, "/stop"), `telegram:77 "stop"`},
		"a word as a command":  {"message", text(77, "/bus now"), `telegram:77 "bus now"`},
		"only a stroke":        {"message", text(77, "/"), `telegram:77`},
		"press":                {"callback_query", pressing(77, 12, "2.k3f9x2ab"), `telegram:77 presses 2 of k3f9x2ab`},
		"press of a word":      {"callback_query", pressing(77, 12, "done.k3f9x2ab"), `telegram:77 presses done of k3f9x2ab`},
		"press without a mark": {"callback_query", pressing(77, 12, "2"), `nothing q12`},
		"press of rubbish":     {"callback_query", pressing(77, 12, "."), `nothing q12`},
		"press inline":         {"callback_query", inline, `nothing q12`},
		"press elsewhere":      {"callback_query", elsewhere, `nothing q12`},
		"press in a group":     {"callback_query", crowd, `nothing q12`},
		"voice":                {"message", said(77, map[string]any{"voice": map[string]any{"file_id": voiceID, "file_unique_id": "u", "duration": 3, "mime_type": "audio/ogg", "file_size": 900}}), `telegram:77 audio/ogg=` + voiceID},
		"audio":                {"message", said(77, map[string]any{"audio": map[string]any{"file_id": voiceID, "file_unique_id": "u", "duration": 3, "mime_type": "audio/mpeg"}}), `telegram:77 audio/mpeg=` + voiceID},
		"photo, the largest":   {"message", said(77, map[string]any{"photo": photo(100, 5000, 90), "caption": "the hole"}), `telegram:77 "the hole" image/jpeg=` + photoID + `2`},
		"photo, not too large": {"message", said(77, map[string]any{"photo": photo(100, 9<<20)}), `telegram:77 image/jpeg=` + photoID + `0`},
		"picture as a file":    {"message", said(77, map[string]any{"document": doc("image/png", 4000)}), `telegram:77 image/png=` + photoID},
		"too large":            {"message", said(77, map[string]any{"document": doc("image/png", 21<<20)}), `telegram:77 refused ` + channels.RefusedLong},
		"a document":           {"message", said(77, map[string]any{"document": doc("application/pdf", 4000), "caption": "my letter"}), `telegram:77 "my letter" refused ` + channels.RefusedKind},
		"a sticker": {"message", said(77, map[string]any{"sticker": map[string]any{
			"file_id": photoID, "file_unique_id": "u", "type": "regular", "width": 1, "height": 1, "is_animated": false, "is_video": false}}), `telegram:77 refused ` + channels.RefusedKind},
		"a film": {"message", said(77, map[string]any{"video": map[string]any{
			"file_id": photoID, "file_unique_id": "u", "width": 1, "height": 1, "duration": 1}}), `telegram:77 refused ` + channels.RefusedKind},
		"a place": {"message", said(77, map[string]any{"location": location}), `telegram:77 "geo:44.970000,-93.260000"`},
		"a venue": {"message", said(77, map[string]any{"location": location, "venue": map[string]any{
			"location": location, "title": "Library", "address": "Elm Street 4"}}), `telegram:77 "geo:44.970000,-93.260000"`},
		"own number":         {"message", contact(77, "12025550100"), `telegram:77 "+12025550100"`},
		"own number, plus":   {"message", contact(77, "+1 202 555 0100"), `telegram:77 "+12025550100"`},
		"another's number":   {"message", contact(78, "12025550100"), `telegram:77 refused @chat.card`},
		"nobody's number":    {"message", contact(77, "BANK"), `telegram:77 refused @chat.card`},
		"pinned":             {"message", said(77, map[string]any{"pinned_message": said(77, map[string]any{"text": "x"})}), `nothing`},
		"from a bot":         {"message", from(text(77, "hi"), bot), `nothing`},
		"for another":        {"message", from(text(77, "hi"), person(78)), `nothing`},
		"group":              {"message", in(group), `group -1001234567890 es`},
		"channel":            {"message", in(map[string]any{"id": -100, "type": "channel", "title": "News"}), `nothing`},
		"channel post":       {"channel_post", in(map[string]any{"id": -100, "type": "channel", "title": "News"}), `nothing`},
		"changed":            {"edited_message", text(77, "no, trees"), `telegram:77 refused @chat.changed`},
		"moved":              {"edited_message", said(77, map[string]any{"location": location}), `nothing`},
		"changed in a group": {"edited_message", in(group), `nothing`},
		"blocked":            {"my_chat_member", member(privately(77), "member", "kicked"), `telegram:77 "STOP" blocked`},
		"let in again":       {"my_chat_member", member(privately(77), "kicked", "member"), `nothing`},
		"brought in":         {"my_chat_member", member(group, "left", "member"), `group -1001234567890 es`},
		"put out":            {"my_chat_member", member(group, "member", "left"), `nothing`},
		"something new":      {"message", text(77, "x"), `nothing`},
	} {
		t.Run(name, func(t *testing.T) {
			raw := encoded(t, f.update(test.kind, test.what))
			if name == "something new" { // what the description doesn't know yet
				raw = []byte(`{"update_id": 5, "telepathy": {"thought": "2"}}`)
			}
			u, err := readUpdate(raw)
			if err != nil {
				t.Fatal(err)
			}
			if got := brief(b.reads(u)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// What is new with Telegram in a part that we don't read stops no message.
func TestUnknownPartsAreLeftAlone(t *testing.T) {
	b := newTelegram(t, newFake(t))
	u, err := readUpdate([]byte(`{"update_id": 7, "message": {"message_id": 1, "date": 1, "text": "2", "chat": {"id": 77, "type": "private"},
		"from": {"id": 77, "is_bot": false, "first_name": "A"}, "reply_to_message": {"chat": "?"}, "forward_origin": {"type": "dream"}, "poll": 5, "sticker": null}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := brief(b.reads(u)); got != `telegram:77 "2"` {
		t.Fatal(got)
	}
}

func TestEventsSayWho(t *testing.T) {
	f := newFake(t)
	b := newTelegram(t, f)
	u, err := readUpdate(encoded(t, f.update("message", text(77, "hola"))))
	if err != nil {
		t.Fatal(err)
	}
	e := b.reads(u).event
	if e.ID != "101" || e.Channel != "telegram" || e.Lang != "es" || !e.At.Equal(noon) || e.From != resident {
		t.Fatalf("%+v", e)
	}
}

func FuzzUpdate(f *testing.F) {
	api := newFake(f)
	for _, u := range []map[string]any{
		api.update("message", text(77, "/start 482173629")), api.update("callback_query", pressing(77, 12, "2.k3f9x2ab")), api.update("edited_message", text(77, "x")),
		api.update("message", said(77, map[string]any{"location": map[string]any{"latitude": 1, "longitude": 2}})),
	} {
		f.Add(encoded(f, u))
	}
	f.Add([]byte(`{"update_id":1,"message":{"chat":{"id":-5,"type":"group"}}}`))
	f.Add([]byte(`{"update_id":9223372036854775808}`))
	b := newTelegram(f, api)
	f.Fuzz(func(t *testing.T, raw []byte) {
		u, err := readUpdate(raw)
		if err != nil {
			return
		}
		c := b.reads(u)
		chatOf(raw)
		if c.event == nil {
			if c.chat != 0 {
				t.Fatal("a chat without an event")
			}
			return
		}
		e := c.event
		if c.chat <= 0 || e.From.Kind != Kind || e.From.ID != fmt.Sprint(c.chat) || e.ID != fmt.Sprint(updateID(raw)) {
			t.Fatalf("%+v of %d", e, c.chat)
		}
		if e.Choice != "" && e.Pressed == "" && !slices.ContainsFunc(menuCommands[:], func(c menuCommand) bool { return c.choice == e.Choice }) {
			t.Fatalf("a press without a page: %+v", e)
		}
		for _, m := range e.Media {
			if !fileID.MatchString(m.Ref) {
				t.Fatalf("%q", m.Ref)
			}
		}
	})
}
