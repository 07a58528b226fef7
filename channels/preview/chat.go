package preview

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// ChatName is the name of the channel that the chat on the page has, and ChatKind the kind of its addresses: those of a chat app,
// which tells no number.
const (
	ChatName = Name + ".chat"
	ChatKind = "telegram"
)

// ChatPath is where what is said in the chat comes in, with voices and pictures: MostChat bytes.
const (
	ChatPath = "/preview/chat/send"
	MostChat = channels.MostBytes*4/3 + mostBody
)

// Chat is the page's chat: buttons under messages, voice notes, pictures and places, as an app like Telegram has them. Who is on it
// has no number: the town knows them as the owner of the phone only once a code was carried over.
type Chat struct {
	p       *Preview
	sound   Sound // that says typed words in place of a voice; nil: they are hummed
	phrases *locales.Catalogue
	lang    string
	drawing chan struct{} // holds a token while a picture is drawn anew
}

var (
	_ channels.Channel = (*Chat)(nil)
	_ channels.Mounter = (*Chat)(nil)
)

// NewChat puts a chat beside the texts of p, before either is mounted. lang is the town's first language.
func NewChat(p *Preview, sound Sound, phrases *locales.Catalogue, lang string) *Chat {
	p.chats = true
	return &Chat{p: p, sound: sound, phrases: phrases, lang: lang, drawing: make(chan struct{}, 1)}
}

// Name is "preview.chat".
func (c *Chat) Name() string { return ChatName }

// Traits are those of Telegram.
func (c *Chat) Traits() render.Traits {
	t := render.Telegram
	t.Name = ChatName
	return t
}

// ChatOf is the address in the chat of whoever has a number. No app gives one like it.
func ChatOf(number string) channels.Address {
	return channels.Address{Kind: ChatKind, ID: "preview" + strings.TrimPrefix(number, "+")}
}

// Deliver shows a page in the chat. The same key again shows nothing new.
func (c *Chat) Deliver(ctx context.Context, to channels.Address, page render.Page, key string) (string, error) {
	switch {
	case ctx.Err() != nil:
		return "", channels.Retry(ctx.Err(), 0)
	case strings.TrimSpace(page.Text) == "":
		return "", channels.Gone(errors.New("preview: there is nothing to show"), "empty")
	}
	number := "+" + strings.TrimPrefix(to.ID, "preview")
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	t, ok := c.p.talks[number]
	if !ok || ChatOf(number) != to {
		return "", channels.Gone(errors.New("preview: no such chat"), "unknown")
	}
	if !t.has(key) {
		t.add(c.shown(page), key)
	}
	return key, nil
}

// shown is a page with its buttons.
func (c *Chat) shown(page render.Page) Text {
	m := fromTown(page, c.p.town.Now())
	m.Segments, m.Keys = 0, nil
	m.Share = !page.Over && len(page.Options) == 0 && page.Asks == dialogs.Place
	if page.Mark == "" || page.Over {
		return m
	}
	m.Mark = page.Mark
	for _, o := range page.Options {
		if o.Digit != "" { // the others are answered by an amount
			m.Keys = append(m.Keys, Press{Digit: o.Digit, Label: o.Label, Choice: o.Digit, Chosen: o.Chosen})
		}
	}
	alone := func(phrase, choice string) {
		m.Keys = append(m.Keys, Press{Label: c.phrases.Language(page.Lang).Phrase(phrase, locales.Full), Choice: choice})
	}
	switch {
	case page.Given && page.Skip:
		alone("screen.done", render.PressDone)
	case page.Skip:
		alone("screen.skip", render.PressSkip)
	}
	return m
}

// chatted is one message of the resident's: {"from": "+1…", "id": "…", "words": "MAIN"}. The same id again is answered again.
type chatted struct {
	From   string `json:"from"`
	ID     string `json:"id"`
	Talk   int    `json:"talk"`   // the last message that the page has
	Words  string `json:"words"`  // written, or said with no microphone, or a place
	Choice string `json:"choice"` // a button that was pressed …
	Mark   string `json:"mark"`   // … the page that it stands on
	Label  string `json:"label"`  // … and what it says
	As     string `json:"as"`     // "voice", "picture" or "place"; else words
	Bytes  string `json:"bytes"`  // of the recording or the picture, in base64
}

// Mount serves the chat's part of the page. The page itself is Preview's.
func (c *Chat) Mount(mux *http.ServeMux, in channels.Inbox) {
	c.p.inbox = in
	mux.Handle("POST "+ChatPath, c.p.hosted(http.NewCrossOriginProtection().Handler(http.HandlerFunc(c.take))))
}

func (c *Chat) take(w http.ResponseWriter, r *http.Request) {
	var in chatted
	if !c.p.readUpTo(w, r, &in, MostChat) {
		return
	}
	person, ok := c.person(&in)
	if !ok {
		http.Error(w, "there is no such chat, or the message is too long", http.StatusBadRequest)
		return
	}
	ctx, done := context.WithTimeout(r.Context(), turnTime)
	defer done()
	e, mine, ok := c.event(ctx, &in, person)
	if !ok {
		http.Error(w, "this can't be opened", http.StatusUnsupportedMediaType)
		return
	}
	if c.p.town.Saw != nil {
		c.p.town.Saw(e.From, in.From)
	}
	reply, err := c.p.inbox.Receive(ctx, e)
	if err != nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the town can't take this now; please send it again", http.StatusServiceUnavailable)
		return
	}
	c.p.mu.Lock()
	t := c.p.talks[in.From]
	if !t.has(in.ID) {
		t.add(mine, in.ID)
		for _, page := range reply.Pages {
			t.add(c.shown(page), "")
		}
	}
	c.p.mu.Unlock()
	out := c.p.state(in.From, 1<<30)
	c.p.mu.Lock()
	out.Talk = t.after(in.Talk)
	c.p.mu.Unlock()
	answer(w, out)
}

// person is whoever wrote a message that can be read.
func (c *Chat) person(in *chatted) (Handset, bool) {
	if in.ID == "" || len(in.ID) > 64 || len(in.Choice) > 32 || len(in.Mark) > 32 || len(in.Label) > 300 ||
		!utf8.ValidString(in.Words+in.Choice+in.Mark+in.Label) || utf8.RuneCountInString(in.Words) > mostWords {
		return Handset{}, false
	}
	for _, h := range Handsets() {
		if h.Number == in.From {
			return h, true
		}
	}
	return Handset{}, false
}

// event is a message as the town hears it, and as the chat shows it.
func (c *Chat) event(ctx context.Context, in *chatted, person Handset) (e channels.Event, mine Text, ok bool) {
	now := c.p.town.Now()
	e = channels.Event{Channel: ChatName, ID: in.ID, From: ChatOf(person.Number), To: Name, Kind: channels.Message, Lang: person.Lang, At: now}
	mine = said("resident", in.Words, now)
	mine.Carried = in.As
	switch {
	case in.Choice != "":
		e.Choice, e.Pressed, mine.Words = in.Choice, in.Mark, in.Label
		return e, mine, in.Mark != ""
	case in.As == "":
		e.Words = in.Words
		return e, mine, true
	case in.As == "place":
		e.Words = in.Words
		return e, mine, strings.HasPrefix(in.Words, "geo:")
	}
	b, err := base64.StdEncoding.DecodeString(in.Bytes)
	if err != nil {
		return e, mine, false
	}
	kind := channels.KindOf(b)
	switch {
	case in.As == "voice" && len(b) == 0 && in.Words != "":
		e.Attached = []channels.Attachment{{Type: "audio/wav", Bytes: spoken(ctx, c.sound, c.lang, in.Words)}}
	case in.As == "voice" && strings.HasPrefix(kind, "audio/"):
		e.Attached = []channels.Attachment{{Type: kind, Bytes: b}}
	case in.As == "picture" && strings.HasPrefix(kind, "image/"):
		drawn, err := c.drawn(ctx, b)
		if err != nil {
			return e, mine, false
		}
		e.Attached = []channels.Attachment{drawn}
	default:
		return e, mine, false
	}
	return e, mine, true
}

// drawn is a picture drawn anew, one at a time.
func (c *Chat) drawn(ctx context.Context, b []byte) (channels.Attachment, error) {
	select {
	case c.drawing <- struct{}{}:
		defer func() { <-c.drawing }()
		return channels.Redraw(b)
	case <-ctx.Done():
		return channels.Attachment{}, ctx.Err()
	}
}
