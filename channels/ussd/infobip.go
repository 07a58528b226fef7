package ussd

import (
	"errors"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/menu"
)

// readInfobip reads "INFOBIP USSD Gateway to Third-party Application HTTP/REST/JSON": POST …/session/ID/start, response or
// end with msisdn, text and shortCode, which may be missing, and GET …/session/ID/status, which asks whether we are there
// (github.com/praekeltfoundation/vumi, vumi/transports/infobip/infobip.py).
func readInfobip(r *request) (a asked, err error) {
	if a.session.ID, err = session(r.session, true); err != nil {
		return a, err
	}
	a.echo = map[string]string{"act": r.act}
	if r.act == "" { // a GET: its address ends in status
		a.checks = true
		return a, nil
	}
	var m struct{ MSISDN, Text, ShortCode word }
	if err := object(r.body, &m); err != nil {
		return a, err
	}
	a.number, a.to, a.words = string(m.MSISDN), string(m.ShortCode), string(m.Text)
	switch r.act {
	case "start":
		a.kind = channels.Dialed
		a.words, _ = dialled(a.words, first(r.code, a.to))
	case "response":
	case "end":
		a.kind, a.words = channels.HungUp, ""
	default:
		return a, errors.New("the address does not end in start, response, end or status")
	}
	return a, nil
}

// writeInfobip never closes with the first screen: Infobip shows that as a menu in any case, and whoever answers it has
// begun anew.
func writeInfobip(w *answer, a *asked, s menu.Screen) {
	type result struct {
		Code  int    `json:"responseExitCode"`
		Words string `json:"responseMessage"`
	}
	ok := result{Code: 200}
	switch {
	case a.checks:
		// Sessions are kept by nobody here: each request is told from others by what is on disk.
		w.object(struct {
			Active bool `json:"sessionActive"`
			result
		}{true, ok})
	case a.kind == channels.HungUp:
		w.object(ok)
	default:
		w.object(struct {
			Words  string `json:"ussdMenu"`
			Closes bool   `json:"shouldClose"`
			result
		}{s.Text, s.Over && a.echo["act"] != "start", ok})
	}
}
