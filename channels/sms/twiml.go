package sms

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/townline/townline/dialogs/render"
)

const (
	twimlOpen  = `<?xml version="1.0" encoding="UTF-8"?><Response>`
	twimlClose = `</Response>`
)

// twiml is the answer to a message: one <Message> a page, nothing but an empty <Response> when there is nothing to say.
// The same pages give the same bytes.
func twiml(pages []render.Page) []byte {
	size := len(twimlOpen) + len(twimlClose)
	for i := range pages {
		size += len(pages[i].Text) + 32
	}
	b := append(make([]byte, 0, size), twimlOpen...)
	for i := range pages {
		text := plain(pages[i].Text)
		if strings.TrimSpace(text) == "" {
			continue
		}
		b = append(b, "<Message>"...)
		for j := 0; j < len(text); j++ {
			switch c := text[j]; c {
			case '&':
				b = append(b, "&amp;"...)
			case '<':
				b = append(b, "&lt;"...)
			case '>':
				b = append(b, "&gt;"...)
			default:
				b = append(b, c)
			}
		}
		b = append(b, "</Message>"...)
	}
	return append(b, twimlClose...)
}

func writeTwiML(w http.ResponseWriter, pages []render.Page) {
	b := twiml(pages)
	h := w.Header()
	h.Set("Content-Type", "text/xml; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("Cache-Control", "no-store")
	w.Write(b)
}
