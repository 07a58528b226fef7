package ussd

import (
	"errors"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/menu"
)

// Plain is the name of our own dialect, which README.md describes: for a gateway that can be taught one, and for tests.
const Plain = "plain"

// readPlain reads {"session": "…", "number": 1, "type": "dial", "from": "+1555…", "to": "*384*123#", "text": ""}.
func readPlain(r *request) (a asked, err error) {
	var m struct{ Session, Number, Type, From, To, Text word }
	if err := object(r.body, &m); err != nil {
		return a, err
	}
	if a.session.ID, err = session(string(m.Session), true); err != nil {
		return a, err
	}
	// By it alone an answer that is given twice is told from one that was given again: "1", and "1" to the next question.
	if a.session.Number = place(string(m.Number)); a.session.Number == 0 {
		return a, errors.New("number is missing: the place of the request in its session, from 1 on")
	}
	a.number, a.to, a.words = string(m.From), string(m.To), string(m.Text)
	switch m.Type {
	case "dial":
		a.kind = channels.Dialed
		if words, ok := dialled(a.words, first(r.code, a.to)); ok {
			a.words = words
		}
	case "answer":
	case "gone":
		a.kind, a.words = channels.HungUp, ""
	default:
		return a, errors.New("type is not dial, answer or gone")
	}
	return a, nil
}

// writePlain answers {"text": "…", "more": true}, or CON and END before the bare words where they are asked for.
func writePlain(w *answer, a *asked, s menu.Screen) {
	if w.plain {
		writeConEnd(w, a, s)
		return
	}
	w.object(struct {
		Text string `json:"text"`
		More bool   `json:"more"` // an answer is awaited
	}{s.Text, !s.Over && a.kind != channels.HungUp})
}
