package ussd

import (
	"encoding/json"
	"errors"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/menu"
)

// readAfricasTalking reads a form: sessionId, phoneNumber, networkCode, serviceCode and text, which is all that was keyed
// since the session began, with stars between; "" when it was dialled. When a session is over its status comes to the same
// address (github.com/DanNduati/at-ussd, AT-USSD.md; help.africastalking.com 1284071).
func readAfricasTalking(r *request) (a asked, err error) {
	a.number, a.to, a.words = r.form.Get("phoneNumber"), r.form.Get("serviceCode"), r.form.Get("text")
	a.session.Whole = true
	if a.session.ID, err = session(r.form.Get("sessionId"), true); err != nil {
		return a, err
	}
	switch {
	case r.form.Get("status") != "" && !r.form.Has("text"):
		a.kind, a.words = channels.HungUp, ""
	case !r.form.Has("text"):
		return a, errors.New("text is missing")
	case a.words == "":
		a.kind = channels.Dialed
	}
	return a, nil
}

// writeConEnd answers in bare words: CON goes on, END is the end.
func writeConEnd(w *answer, a *asked, s menu.Screen) {
	switch {
	case a.kind == channels.HungUp:
		w.text("OK")
	case s.Over:
		w.text("END " + s.Text)
	default:
		w.text("CON " + s.Text)
	}
}

// readAirtel reads Comviva's Flares HTTP Pull API as Airtel has it: GET with SessionID, MSISDN, MSC and input, which is
// what was dialled, without its first star and its hash key, and then what was keyed last. A session that ended is told
// with SessionID, msisdn, clean and error (github.com/praekeltfoundation/vumi, vumi/transports/airtel/airtel.py).
func readAirtel(r *request) (a asked, err error) {
	if a.session.ID, err = session(r.form.Get("SessionID"), true); err != nil {
		return a, err
	}
	if r.form.Has("clean") {
		a.kind, a.number = channels.HungUp, first(r.form.Get("msisdn"), r.form.Get("MSISDN"))
		return a, nil
	}
	a.number, a.words = r.form.Get("MSISDN"), r.form.Get("input")
	if !r.form.Has("input") {
		return a, errors.New("input is missing")
	}
	if words, ok := dialled(a.words, r.code); ok {
		a.kind, a.to, a.words = channels.Dialed, r.code, words
	}
	return a, nil
}

// writeAirtel says in a header whether the session goes on (FC) or breaks (FB), and that nobody pays.
func writeAirtel(w *answer, a *asked, s menu.Screen) {
	w.text(s.Text)
	if a.kind == channels.HungUp {
		return
	}
	flow := "FC"
	if s.Over {
		flow = "FB"
	}
	w.header.Set("Freeflow", flow)
	w.header.Set("charge", "N")
	w.header.Set("amount", "0")
}

// readHollatags reads GET, or a form, with session_operation (begin, continue, end), session_type, session_id,
// session_msisdn, session_from, session_mno and session_msg (docs.hollatags.com/ussd/inbound and /ussd/ussd-code). What
// session_msg says of a session that begins isn't told there: it counts only where it is the code and more.
func readHollatags(r *request) (a asked, err error) {
	if a.session.ID, err = session(r.form.Get("session_id"), true); err != nil {
		return a, err
	}
	a.number, a.to, a.words = r.form.Get("session_msisdn"), r.form.Get("session_from"), r.form.Get("session_msg")
	a.echo = map[string]string{"session_id": a.session.ID}
	switch r.form.Get("session_operation") {
	case "begin":
		a.kind = channels.Dialed
		a.words, _ = dialled(a.words, first(r.code, a.to))
	case "continue":
	case "end":
		a.kind, a.words = channels.HungUp, ""
	default:
		return a, errors.New("session_operation is not begin, continue or end")
	}
	return a, nil
}

func writeHollatags(w *answer, a *asked, s menu.Screen) {
	// 1: an answer is awaited; 4: it is the last word.
	reply := struct {
		Operation string `json:"session_operation"`
		Type      int    `json:"session_type"`
		ID        string `json:"session_id"`
		Words     string `json:"session_msg"`
	}{"continue", 1, a.echo["session_id"], s.Text}
	if s.Over {
		reply.Operation, reply.Type = "end", 4
	}
	w.object(reply)
}

// object answers with JSON.
func (w *answer) object(v any) {
	w.header.Set("Content-Type", "application/json")
	w.body, _ = json.Marshal(v) // plain values: can't fail
}

// first of these that isn't empty.
func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}
