package ussd

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/menu"
)

// word is a value that gateways write as text, as a number or as true and false, as they like.
type word string

func (w *word) UnmarshalJSON(b []byte) error {
	var text string
	switch {
	case len(b) > 0 && b[0] == '"':
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
	case len(b) > 0 && (b[0] == '{' || b[0] == '['):
		return errObject
	case !bytes.Equal(b, []byte("null")):
		text = string(b)
	}
	*w = word(text)
	return nil
}

func (w word) yes() bool { return strings.EqualFold(string(w), "true") || w == "1" }

var errObject = errors.New("the JSON can't be read")

func object(body []byte, v any) error {
	if json.Unmarshal(body, v) != nil {
		return errObject
	}
	return nil
}

// readHubtel reads Hubtel's Programmable Services: Type initiation, response, release, Timeout or AddToCart; Message is
// what was dialled and then what was keyed last; Sequence counts; ClientState is given back once
// (developers.hubtel.com/docs/api-reference-prog-services; hubtel.readme.io/reference/sample-general-services-interaction).
func readHubtel(r *request) (a asked, err error) {
	var m struct{ SessionId, Mobile, ServiceCode, Message, Type, Sequence, ClientState word }
	if err := object(r.body, &m); err != nil {
		return a, err
	}
	if a.session.ID, err = session(string(m.SessionId), true); err != nil {
		return a, err
	}
	a.session.Number = place(string(m.Sequence))
	a.number, a.to, a.words = string(m.Mobile), string(m.ServiceCode), string(m.Message)
	a.echo = map[string]string{"id": a.session.ID, "state": string(m.ClientState)}
	switch strings.ToLower(string(m.Type)) {
	case "initiation":
		a.kind = channels.Dialed
		a.words, _ = dialled(a.words, first(r.code, a.to))
	case "response":
	case "release", "timeout":
		a.kind, a.words = channels.HungUp, ""
	default: // AddToCart: nothing is sold here
		return a, errors.New("the field Type is not initiation, response, release or timeout")
	}
	return a, nil
}

// writeHubtel gives all the fields that Hubtel demands: without Label, DataType and FieldType it shows an error of its own.
func writeHubtel(w *answer, a *asked, s menu.Screen) {
	reply := struct {
		SessionId, Type, Message, Label, ClientState, DataType, FieldType string
	}{a.echo["id"], "response", s.Text, label(s.Text), a.echo["state"], "input", "text"}
	if s.Over {
		reply.Type, reply.DataType = "release", "display"
	}
	w.object(reply)
}

// label is what Hubtel's app heads a page with: the first line.
func label(text string) string {
	head, _, _ := strings.Cut(text, "\n")
	return head
}

// readNalo reads USERID, MSISDN, USERDATA, MSGTYPE (true: it was dialled) and NETWORK; SESSIONID is younger than the rest,
// and not always there (Nalo's "USSD API DOCUMENTATION" at documenter.gw.postman.com; npm ussd-builder 1.3.2).
func readNalo(r *request) (a asked, err error) {
	var m struct{ USERID, MSISDN, USERDATA, MSGTYPE, SESSIONID word }
	if err := object(r.body, &m); err != nil {
		return a, err
	}
	if m.MSGTYPE == "" {
		return a, errors.New("MSGTYPE is missing")
	}
	if a.session.ID, err = session(string(m.SESSIONID), false); err != nil {
		return a, err
	}
	a.number, a.words = string(m.MSISDN), string(m.USERDATA)
	a.echo = map[string]string{"user": string(m.USERID), "number": a.number}
	if m.MSGTYPE.yes() {
		a.kind = channels.Dialed
		a.to = r.code
		a.words, _ = dialled(a.words, r.code)
	}
	return a, nil
}

func writeNalo(w *answer, a *asked, s menu.Screen) {
	w.object(struct {
		USERID, MSISDN, MSG string
		MSGTYPE             bool // true: it goes on
	}{a.echo["user"], a.echo["number"], s.Text, !s.Over})
}

// readArkesel reads sessionID, userID, newSession, msisdn, userData and network (npm ussd-builder 1.3.2).
func readArkesel(r *request) (a asked, err error) {
	var m struct{ SessionID, UserID, NewSession, MSISDN, UserData word }
	if err := object(r.body, &m); err != nil {
		return a, err
	}
	if m.NewSession == "" {
		return a, errors.New("newSession is missing")
	}
	if a.session.ID, err = session(string(m.SessionID), true); err != nil {
		return a, err
	}
	a.number, a.words = string(m.MSISDN), string(m.UserData)
	a.echo = map[string]string{"id": a.session.ID, "user": string(m.UserID), "number": a.number}
	if m.NewSession.yes() {
		a.kind = channels.Dialed
		a.to = r.code
		a.words, _ = dialled(a.words, r.code)
	}
	return a, nil
}

func writeArkesel(w *answer, a *asked, s menu.Screen) {
	w.object(struct {
		ID     string `json:"sessionID"`
		User   string `json:"userID"`
		Number string `json:"msisdn"`
		Words  string `json:"message"`
		On     bool   `json:"continueSession"`
	}{a.echo["id"], a.echo["user"], a.echo["number"], s.Text, !s.Over})
}

// readBeem reads command (initiate, continue, terminate), msisdn, operator, session_id and payload, which holds request_id
// and response: 0 of a session that begins, else what was keyed last (npm ussd-builder 1.3.2).
func readBeem(r *request) (a asked, err error) {
	var m struct {
		Command, MSISDN, Operator word
		Session                   word `json:"session_id"`
		Payload                   struct {
			ID       json.RawMessage `json:"request_id"`
			Response word            `json:"response"`
		}
	}
	if err := object(r.body, &m); err != nil {
		return a, err
	}
	if a.session.ID, err = session(string(m.Session), true); err != nil {
		return a, err
	}
	a.number, a.words = string(m.MSISDN), string(m.Payload.Response)
	a.echo = map[string]string{"id": a.session.ID, "number": a.number, "operator": string(m.Operator), "request": string(m.Payload.ID)}
	switch strings.ToLower(string(m.Command)) {
	case "initiate":
		a.kind = channels.Dialed
		a.to = r.code
		a.words, _ = dialled(a.words, r.code)
	case "continue":
	case "terminate":
		a.kind, a.words = channels.HungUp, ""
	default:
		return a, errors.New("command is not initiate, continue or terminate")
	}
	return a, nil
}

func writeBeem(w *answer, a *asked, s menu.Screen) {
	type payload struct {
		ID    json.RawMessage `json:"request_id"`
		Words string          `json:"request"`
	}
	id := json.RawMessage(a.echo["request"]) // as it came: a number, or text
	if len(id) == 0 {
		id = json.RawMessage("null")
	}
	command := "continue"
	if s.Over {
		command = "terminate"
	}
	w.object(struct {
		Number   string  `json:"msisdn"`
		Operator string  `json:"operator"`
		ID       string  `json:"session_id"`
		Command  string  `json:"command"`
		Payload  payload `json:"payload"`
	}{a.echo["number"], a.echo["operator"], a.echo["id"], command, payload{id, s.Text}})
}
