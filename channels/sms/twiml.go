package sms

import (
	"net/http"
	"strings"

	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/dialogs/render"
)

// twiml is the answer to a message: one <Message> a page, nothing but an empty <Response> when there is nothing to say.
// The same pages give the same bytes.
func twiml(pages []render.Page) []byte {
	size := len(twilio.Opening) + len(twilio.Closing)
	for i := range pages {
		size += len(pages[i].Text) + 32
	}
	b := append(make([]byte, 0, size), twilio.Opening...)
	for i := range pages {
		text := plain(pages[i].Text)
		if strings.TrimSpace(text) == "" {
			continue
		}
		b = append(b, "<Message>"...)
		b = twilio.AppendText(b, text)
		b = append(b, "</Message>"...)
	}
	return append(b, twilio.Closing...)
}

func writeTwiML(w http.ResponseWriter, pages []render.Page) { twilio.Answer(w, twiml(pages)) }
