package telegram

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-telegram/bot/models"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
)

// wanted are the kinds of updates that we ask for: channels' posts and the rest aren't even sent.
func wanted() []string {
	return []string{models.AllowedUpdateMessage, models.AllowedUpdateEditedMessage, models.AllowedUpdateCallbackQuery, models.AllowedUpdateMyChatMember}
}

// update is one of Telegram's, as much of it as is used: a kind of sticker, reply or member that is new with Telegram then stops no
// message that could be read.
type update struct {
	ID       int64    `json:"update_id"`
	Message  *message `json:"message"`
	Edited   *message `json:"edited_message"`
	Press    *press   `json:"callback_query"`
	MyMember *member  `json:"my_chat_member"`
}

type message struct {
	ID       int                 `json:"message_id"`
	From     *models.User        `json:"from"`
	Chat     models.Chat         `json:"chat"`
	Text     string              `json:"text"`
	Caption  string              `json:"caption"`
	Voice    *models.Voice       `json:"voice"`
	Audio    *models.Audio       `json:"audio"`
	Photo    []models.PhotoSize  `json:"photo"`
	Document *models.Document    `json:"document"`
	Location *models.Location    `json:"location"`
	Contact  *models.Contact     `json:"contact"`
	Others   map[string]struct{} `json:"-"` // what else it holds, by its names
}

// carried are what messages may hold that we can't take. What isn't named here is the chat's own (a message was pinned, a theme
// chosen), and nobody waits for an answer to it.
var carried = [...]string{"animation", "sticker", "video", "video_note", "live_photo", "story", "dice", "poll", "game", "checklist", "paid_media", "invoice"}

func (m *message) UnmarshalJSON(b []byte) error {
	type plain message
	if err := json.Unmarshal(b, (*plain)(m)); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	for _, name := range carried {
		if v, ok := all[name]; ok && string(v) != "null" {
			if m.Others == nil {
				m.Others = map[string]struct{}{}
			}
			m.Others[name] = struct{}{}
		}
	}
	return nil
}

// press is a button that was pressed.
type press struct {
	ID      string       `json:"id"`
	From    *models.User `json:"from"`
	Message *struct {
		ID   int         `json:"message_id"`
		Chat models.Chat `json:"chat"`
	} `json:"message"`
	Data string `json:"data"`
}

// member says what became of the bot in a chat.
type member struct {
	Chat models.Chat  `json:"chat"`
	From *models.User `json:"from"`
	New  struct {
		Status string `json:"status"`
	} `json:"new_chat_member"`
}

// Statuses of the bot in a chat.
const (
	statusKicked = "kicked" // the resident blocked the bot
	statusMember = "member"
	statusAdmin  = "administrator"
)

var errUpdate = errors.New("telegram: an update can't be read")

func readUpdate(b []byte) (*update, error) {
	u := &update{}
	if err := json.Unmarshal(b, u); err != nil || u.ID <= 0 {
		return nil, errUpdate
	}
	return u, nil
}

// updateID is the number of an update that can't be read otherwise; 0: it has none.
func updateID(b []byte) int64 {
	var u struct {
		ID int64 `json:"update_id"`
	}
	if json.Unmarshal(b, &u) != nil {
		return 0
	}
	return u.ID
}

// came is what an update comes to.
type came struct {
	chat    int64           // whose turn it is; 0: nobody's
	event   *channels.Event // nil: nothing is to be heard
	press   string          // the id of a press, to be confirmed
	message int             // the one whose button was pressed; 0: none was
	data    string          // of that button
	blocked bool            // nothing can be said to them
	group   int64           // a group that the bot was brought into; 0: none
	lang    string          // of whoever did that
}

// reads says what an update comes to.
func (t *Telegram) reads(u *update) came {
	switch {
	case u.Press != nil:
		return t.pressed(u)
	case u.Message != nil:
		m := u.Message
		if g := group(&m.Chat); g != 0 {
			return came{group: g, lang: langOf(m.From)}
		}
		e := t.event(u.ID, m)
		if e == nil {
			return came{}
		}
		return came{chat: m.Chat.ID, event: e}
	case u.Edited != nil:
		return t.edited(u)
	case u.MyMember != nil:
		m := u.MyMember
		if g := group(&m.Chat); g != 0 {
			if m.New.Status == statusMember || m.New.Status == statusAdmin {
				return came{group: g, lang: langOf(m.From)}
			}
			return came{}
		}
		if m.New.Status != statusKicked || !private(&m.Chat, m.From) {
			return came{} // who lets the bot in again says so by its start button
		}
		e := t.of(u.ID, m.From)
		e.Words = "STOP"
		return came{chat: m.Chat.ID, event: e, blocked: true}
	}
	return came{}
}

// group is the number of a chat of several; 0: it is none. Channels are left alone: nobody speaks to the bot there.
func group(c *models.Chat) int64 {
	if c.Type == models.ChatTypeGroup || c.Type == models.ChatTypeSupergroup {
		return c.ID
	}
	return 0
}

// private says whether a chat is the one of a person, and of nobody but them.
func private(c *models.Chat, from *models.User) bool {
	return c.Type == models.ChatTypePrivate && from != nil && !from.IsBot && from.ID > 0 && c.ID == from.ID
}

func langOf(from *models.User) string {
	if from == nil {
		return ""
	}
	return from.LanguageCode
}

// of is an event of a person.
func (t *Telegram) of(id int64, from *models.User) *channels.Event {
	return &channels.Event{
		Channel: Name, ID: strconv.FormatInt(id, 10), From: channels.Address{Kind: Kind, ID: strconv.FormatInt(from.ID, 10)},
		Lang: from.LanguageCode, At: t.now(),
	}
}

// pressed reads a press. Telegram hands over whatever a phone claims was on the button: only a choice with a mark is one of ours.
func (t *Telegram) pressed(u *update) came {
	p := u.Press
	c := came{press: p.ID}
	if p.Message == nil || !private(&p.Message.Chat, p.From) {
		return c
	}
	choice, mark := channels.ReadButton(p.Data)
	if choice == "" || mark == "" || len(p.Data) > 64 || !utf8.ValidString(p.Data) {
		return c
	}
	e := t.of(u.ID, p.From)
	e.Choice, e.Pressed = choice, mark
	c.chat, c.event, c.message, c.data = p.From.ID, e, p.Message.ID, p.Data
	return c
}

// edited explains that a message which is changed isn't read again: its answer may have been acted on. A place that moves with
// its sender comes as one too, and is left alone.
func (t *Telegram) edited(u *update) came {
	m := u.Edited
	if !private(&m.Chat, m.From) || m.Text == "" && m.Caption == "" {
		return came{}
	}
	e := t.of(u.ID, m.From)
	e.Refused = "@chat.changed"
	return came{chat: m.Chat.ID, event: e}
}

// mostFetched is the largest file that Telegram hands to a bot.
const mostFetched = 20 << 20

// event is a message as an event; nil: there is nothing to answer in it.
func (t *Telegram) event(id int64, m *message) *channels.Event {
	if !private(&m.Chat, m.From) {
		return nil
	}
	e := t.of(id, m.From)
	e.Words = m.Text
	if e.Words == "" {
		e.Words = m.Caption
	}
	switch {
	case m.Text != "":
		command(e)
	case m.Location != nil: // a venue has its place beside it
		e.Words = geo(m.Location)
	case m.Contact != nil:
		number, ok := channels.Number("+"+strings.TrimLeft(m.Contact.PhoneNumber, "+"), "")
		if m.Contact.UserID != m.From.ID || !ok { // whose it is, Telegram knows
			e.Refused = "@chat.card"
			break
		}
		e.Words = number
	case m.Voice != nil:
		take(e, "audio/ogg", m.Voice.FileID, m.Voice.FileSize)
	case m.Audio != nil:
		take(e, m.Audio.MimeType, m.Audio.FileID, m.Audio.FileSize)
	case len(m.Photo) > 0:
		p := largest(m.Photo)
		take(e, "image/jpeg", p.FileID, int64(p.FileSize))
	case m.Document != nil && len(m.Others) == 0: // a film without sound is one too
		take(e, m.Document.MimeType, m.Document.FileID, m.Document.FileSize)
	case m.Document != nil, len(m.Others) > 0:
		e.Refused = channels.RefusedKind
	default:
		return nil
	}
	return e
}

// take names a recording or a picture; what it turns out to be, its bytes say.
func take(e *channels.Event, kind, ref string, size int64) {
	switch {
	case !fileID.MatchString(ref) || kind == "" || !strings.HasPrefix(kind, "audio/") && !strings.HasPrefix(kind, "image/"):
		e.Refused = channels.RefusedKind
	case size > mostFetched || size > channels.MostBytes:
		e.Refused = channels.RefusedLong
	default:
		e.Media = append(e.Media, engine.Media{Type: kind, Ref: ref})
	}
}

func largest(all []models.PhotoSize) models.PhotoSize {
	best := all[0]
	for _, p := range all[1:] {
		if p.Width*p.Height > best.Width*best.Height && p.FileSize <= channels.MostBytes {
			best = p
		}
	}
	return best
}

// geo is a shared place as words: "geo:44.97,-93.26" (RFC 5870).
func geo(l *models.Location) string {
	return "geo:" + strconv.FormatFloat(l.Latitude, 'f', 6, 64) + "," + strconv.FormatFloat(l.Longitude, 'f', 6, 64)
}
