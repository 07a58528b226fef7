package cost

import "github.com/townline/townline/dialogs/render"

// Texts is a conversation by text message, from the word that begins it. Phone companies count a long message as several:
// those are the segments.
type Texts struct {
	Walk
	Messages int // that the town sends
	Segments int // as which they are paid for
	Dearest  int // most segments of one message
	Sent     int // messages that the resident sends
	Paid     int // segments of those: what the resident pays for, unless the number is free to text
	Pictures int // of those, pictures
}

func byText() manner[Texts] {
	return manner[Texts]{traits: render.SMS, words: []string{fewWords, manyWords}, add: addTexts, weight: func(t *Texts) int64 {
		return int64(t.Segments)<<40 + int64(t.Paid)<<24 + int64(t.Pictures)<<16 + int64(t.Messages)
	}}
}

func addTexts(t told) Texts {
	w := Texts{Walk: Walk{Turns: t.turns(t.begun), Asked: t.asked}}
	for i := range t.log {
		switch l := &t.log[i]; {
		case l.Page != nil:
			n := render.Count(l.Page.Text).Segments
			w.Messages, w.Segments, w.Dearest = w.Messages+1, w.Segments+n, max(w.Dearest, n)
		case l.Who == "send":
			w.Sent, w.Paid, w.Pictures = w.Sent+1, w.Paid+1, w.Pictures+1
		default:
			w.Sent, w.Paid = w.Sent+1, w.Paid+render.Count(l.Words).Segments
		}
	}
	return w
}

// Chat is a conversation by chat, from the word that begins it.
type Chat struct {
	Walk
	Messages int // that the town sends
	Sent     int // that the resident sends
}

func byWhatsApp() manner[Chat] { return byChat(render.WhatsApp) }
func byTelegram() manner[Chat] { return byChat(render.Telegram) }

func byChat(traits render.Traits) manner[Chat] {
	return manner[Chat]{traits: traits, words: []string{fewWords, manyWords}, add: addChat, weight: func(c *Chat) int64 {
		return int64(c.Messages)<<16 + int64(c.Sent)
	}}
}

func addChat(t told) Chat {
	w := Chat{Walk: Walk{Turns: t.turns(t.begun), Asked: t.asked}}
	for i := range t.log {
		if t.log[i].Page != nil {
			w.Messages++
		} else {
			w.Sent++
		}
	}
	return w
}
