package sms

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/townline/townline/channels"
)

// status passes on what Twilio says became of a push.
func (t *Twilio) status(w http.ResponseWriter, r *http.Request, in channels.Inbox, f form) {
	receipt := f.value("MessageSid")
	if receipt == "" {
		receipt = f.value("SmsSid")
	}
	word := f.value("MessageStatus")
	if word == "" {
		word = f.value("SmsStatus")
	}
	if receipt == "" || word == "" {
		http.Error(w, "MessageSid or MessageStatus is missing", http.StatusBadRequest)
		return
	}
	if key := r.URL.Query().Get("key"); key != "" {
		t.recent.settled(key, receipt)
	}
	state, ok := deliveryState(word)
	if !ok { // a word that Twilio added since, or of a message that came in
		w.WriteHeader(http.StatusNoContent)
		return
	}
	channel := TwilioName
	if strings.HasPrefix(f.value("To"), whatsAppPrefix) {
		channel = WhatsAppName
	}
	d := channels.Delivery{State: state, At: t.now()}
	if code := f.value("ErrorCode"); code != "" && code != "0" {
		d.Code = code
		d.OptedOut = code == strconv.Itoa(codeOptedOut)
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
