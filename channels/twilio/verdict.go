package twilio

import (
	"net/http"
	"time"
)

// Verdict is what to do after Twilio refused a message.
type Verdict uint8

const (
	Hopeless Verdict = iota // trying again can't help
	Again                   // it was not taken; trying again can help
	Unsure                  // it is not known whether it was taken
)

// What Twilio's error codes mean for what was asked of it (twilio.com/docs/api/errors; which of them pass is courier's experience).
const (
	codeTooMany      = 20429 // too many requests: not processed
	codeAuth         = 20003 // the account or the token: staff can mend it while the message waits
	codeNotActive    = 20005
	codeNoAccount    = 20404
	codeReplyRate    = 14107
	CodeOptedOut     = 21610
	codeQueueFull    = 21611
	codeOverflow     = 30001 // Twilio's own queue
	codeUnreachable  = 30003 // the handset is off or out of reach
	codeUnknownError = 30008
	codeSecondCap    = 30022 // 10DLC: a second's share is used up
	codeDayCap       = 30023 // 10DLC: a day's
	codeCap          = 30027 // 10DLC: a carrier's day
	codeProviderTime = 30410 // the carrier did not answer in time
	codeChannelRate  = 63018 // WhatsApp's share is used up

	codeNotValid       = 21211
	codeNotMobile      = 21214 // not a number that can be reached
	codeNoRoute        = 21217
	codeNotTextable    = 21614
	codeUnknownHandset = 30005
	codeLandline       = 30006
)

// Throttles says whether a refusal is of everything that the account, or its number, sends just now.
func Throttles(status, code int) bool {
	switch code {
	case codeTooMany, codeQueueFull, codeOverflow, codeSecondCap, codeDayCap, codeCap, codeChannelRate:
		return true
	case codeReplyRate: // to one number
		return false
	}
	return status == http.StatusTooManyRequests
}

// BadNumber says whether nothing can ever be delivered to a number that was refused.
func BadNumber(code int) bool {
	switch code {
	case codeNotValid, codeNotMobile, codeNoRoute, codeNotTextable, codeUnknownHandset, codeLandline:
		return true
	}
	return false
}

// Judge says what to do after a refusal, and how long to wait where Twilio doesn't say.
func Judge(status, code int) (Verdict, time.Duration) {
	switch code {
	case codeTooMany, codeReplyRate, codeSecondCap, codeChannelRate:
		return Again, 5 * time.Second
	case codeQueueFull:
		return Again, time.Minute
	case codeOverflow, codeUnreachable, codeUnknownError:
		return Again, 15 * time.Minute // pays once or twice: the exchange counts the attempts
	case codeDayCap, codeCap:
		return Again, 2 * time.Hour
	case codeProviderTime:
		return Unsure, 0
	case codeAuth, codeNotActive, codeNoAccount:
		return Again, 5 * time.Minute
	}
	switch {
	case status == http.StatusGatewayTimeout:
		return Unsure, 0 // RFC 9110 §15.6.5: somebody behind the gateway may have taken it
	case status >= 500:
		return Again, 0
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return Again, 5 * time.Second
	case status == http.StatusUnauthorized, code == 0 && (status == http.StatusForbidden || status == http.StatusNotFound):
		return Again, 5 * time.Minute // a token or an address that staff can mend
	case status >= 300 && status < 400:
		return Again, 5 * time.Minute // somebody between us and Twilio wants us elsewhere
	}
	return Hopeless, 0
}
