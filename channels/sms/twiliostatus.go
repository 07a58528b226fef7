package sms

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/twilio"
)

// status passes on what Twilio says became of a push.
func (t *Twilio) status(w http.ResponseWriter, r *http.Request, in channels.Inbox, f twilio.Form) {
	receipt := f.Value("MessageSid")
	if receipt == "" {
		receipt = f.Value("SmsSid")
	}
	word := f.Value("MessageStatus")
	if word == "" {
		word = f.Value("SmsStatus")
	}
	if receipt == "" || word == "" {
		http.Error(w, "MessageSid or MessageStatus is missing", http.StatusBadRequest)
		return
	}
	if key := r.URL.Query().Get("key"); key != "" {
		t.recent.Settled(key, receipt)
	}
	state, ok := deliveryState(word)
	if !ok { // a word that Twilio added since, or of a message that came in
		w.WriteHeader(http.StatusNoContent)
		return
	}
	channel := TwilioName
	if strings.HasPrefix(f.Value("To"), whatsAppPrefix) {
		channel = WhatsAppName
	}
	d := channels.Delivery{State: state, At: t.now()}
	if code := f.Value("ErrorCode"); code != "" && code != "0" {
		d.Code = code
		n, _ := strconv.Atoi(code)
		d.OptedOut, d.Bad = n == twilio.CodeOptedOut, state == channels.Failed && twilio.BadNumber(n)
	}
	if report(w, r, in, t.log, channel, receipt, d) {
		w.WriteHeader(http.StatusNoContent)
	}
}

// deliveryState of a word of Twilio's for what became of a message that went out.
func deliveryState(word string) (channels.DeliveryState, bool) {
	switch word {
	case "accepted", "scheduled", "queued", "sending", "sent":
		return channels.OnItsWay, true
	case "delivered", "read":
		return channels.Arrived, true
	case "undelivered", "failed", "canceled", "partially_delivered":
		return channels.Failed, true
	}
	return 0, false
}
