package sms

import (
	"net/http"
	"time"
)

// verdict is what to do after Twilio refused a message.
type verdict uint8

const (
	hopeless verdict = iota // trying again can't help
	again                   // it was not taken; trying again can help
	unsure                  // it is not known whether it was taken
)

// What Twilio's error codes mean for a push (twilio.com/docs/api/errors; which of them pass is courier's experience).
const (
	codeTooMany      = 20429 // too many requests: not processed
	codeAuth         = 20003 // the account or the token: staff can mend it while the message waits
	codeNotActive    = 20005
	codeNoAccount    = 20404
	codeReplyRate    = 14107
	codeOptedOut     = 21610
	codeQueueFull    = 21611
	codeOverflow     = 30001 // Twilio's own queue
	codeUnreachable  = 30003 // the handset is off or out of reach
	codeUnknownError = 30008
	codeSecondCap    = 30022 // 10DLC: a second's share is used up
	codeDayCap       = 30023 // 10DLC: a day's
	codeCap          = 30027 // 10DLC: a carrier's day
	codeProviderTime = 30410 // the carrier did not answer in time
	codeChannelRate  = 63018 // WhatsApp's share is used up
)

// judge says what to do after a refusal, and how long to wait where Twilio doesn't say.
func judge(status, code int) (verdict, time.Duration) {
	switch code {
	case codeTooMany, codeReplyRate, codeSecondCap, codeChannelRate:
		return again, 5 * time.Second
	case codeQueueFull:
		return again, time.Minute
	case codeOverflow, codeUnreachable, codeUnknownError:
		return again, 15 * time.Minute // pays once or twice: the exchange counts the attempts
	case codeDayCap, codeCap:
		return again, 2 * time.Hour
	case codeProviderTime:
		return unsure, 0
	case codeAuth, codeNotActive, codeNoAccount:
		return again, 5 * time.Minute
	}
	switch {
	case status == http.StatusGatewayTimeout:
		return unsure, 0 // RFC 9110 §15.6.5: somebody behind the gateway may have taken it
	case status >= 500:
		return again, 0
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return again, 5 * time.Second
	case status == http.StatusUnauthorized, code == 0 && (status == http.StatusForbidden || status == http.StatusNotFound):
		return again, 5 * time.Minute // a token or an address that staff can mend
	case status >= 300 && status < 400:
		return again, 5 * time.Minute // somebody between us and Twilio wants us elsewhere
	}
	return hopeless, 0
}
