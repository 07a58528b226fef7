package twilio

import (
	"net/http"
	"strconv"
)

// What every document of TwiML begins and ends with.
const (
	Opening = `<?xml version="1.0" encoding="UTF-8"?><Response>`
	Closing = `</Response>`
)

// AppendText appends words as they stand between tags.
func AppendText(b []byte, words string) []byte {
	for i := 0; i < len(words); i++ {
		switch c := words[i]; c {
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
	return b
}

// AppendAttribute appends a space, a name and a value as they stand in a tag.
func AppendAttribute(b []byte, name, value string) []byte {
	b = append(append(append(b, ' '), name...), '=', '"')
	for i := 0; i < len(value); i++ {
		switch c := value[i]; c {
		case '&':
			b = append(b, "&amp;"...)
		case '<':
			b = append(b, "&lt;"...)
		case '"':
			b = append(b, "&quot;"...)
		case '\n', '\r', '\t':
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// Header values that are the same each time; nothing writes to them.
var xmlType, notKept = []string{"text/xml; charset=utf-8"}, []string{"no-store"}

// Answer answers Twilio with a document.
func Answer(w http.ResponseWriter, document []byte) {
	h := w.Header()
	h["Content-Type"] = xmlType
	h.Set("Content-Length", strconv.Itoa(len(document)))
	h["Cache-Control"] = notKept
	w.Write(document)
}
