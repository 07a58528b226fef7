package voice

import (
	"strings"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/twilio"
)

// caller is who a request of Twilio's is about.
type caller struct {
	sid      string
	from     channels.Address // the resident, whoever rang whom
	to       string           // the town's number
	withheld bool
	out      bool // the town called
}

// caller reads a request. ok is false where it names no call.
//
// Twilio says with StirVerstat how sure the telephone companies are of a number. It is noted and counts for nothing: no
// number opens anything by being called from, and a landline abroad has no such word at all.
func (t *Twilio) caller(f twilio.Form) (c caller, ok bool) {
	c.sid = f.Value("CallSid")
	if !isSID(c.sid, "CA") {
		return c, false
	}
	from, to := f.Value("From"), f.Value("To")
	if c.out = strings.HasPrefix(f.Value("Direction"), "outbound"); c.out {
		from, to = to, from
	}
	c.to = to
	number, known := channels.Number(from, t.cfg.Country)
	if !known || noNumber(from) {
		// Twilio's id is nobody else's, and stays the same through the call.
		c.from, c.withheld = channels.Address{Kind: "tel", ID: "withheld:" + c.sid}, true
		return c, true
	}
	c.from = channels.Address{Kind: "tel", ID: number}
	return c, true
}

// noNumber says whether a number is a word that Twilio wrote on the keys of a telephone, or none.
func noNumber(from string) bool {
	switch strings.TrimPrefix(from, "+") {
	case "266696687", // ANONYMOUS
		"7378742833",  // RESTRICTED
		"86282452253", // UNAVAILABLE
		"8656696",     // UNKNOWN
		"2562533",     // BLOCKED
		"464":         // what some carriers send
		return true
	}
	return !strings.ContainsAny(from, "0123456789") || strings.ContainsAny(from, "@:") || strings.ContainsFunc(from, func(r rune) bool { return r >= 'A' && r <= 'z' })
}

// isSID says whether s is a name of Twilio's: two letters and 32 hex digits.
func isSID(s, kind string) bool {
	return len(s) == 34 && s[:2] == kind && strings.Trim(s[2:], "0123456789abcdefABCDEF") == ""
}
