package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// Voice is what all telephone lines of the town share, and the line through Twilio.
type Voice struct {
	Number   string            // that residents call, as it is printed: the first line's where nothing is set
	Desks    map[string]string // where persons answer, by the desk's name: "" is the town's own
	Twilio   Calls
	Callback Callback
}

// Calls are a telephone line through a Twilio account.
type Calls struct {
	AccountSID string   // that of text messages where it has none of its own
	AuthToken  []Secret // as those of text messages
	From       string   // the number that is called, and that calls come from; "": there is no such line
	Speech     bool     // answers may be spoken, to be confirmed by a key
	TurnAway   bool     // calls are not answered but called back, so that they cost the caller nothing
}

// On says whether calls come through Twilio.
func (c Calls) On() bool { return c.From != "" }

// Callback is whom the town rings of its own accord.
type Callback struct {
	On            bool
	PerNumber     time.Duration
	PerDay        int
	SecondsPerDay int
	Countries     []string // in two letters
}

func (r *reading) setVoice(c *Config, s Setting, text string) {
	v := &c.Voice
	switch s.Key {
	case "voice.number":
		v.Number = text
		if text != "" && strings.Trim(text, "0123456789 +-().") != "" {
			r.wrong(s.Key, fmt.Sprintf("%q is not a number to call", text), "write it as residents dial it, such as 555-0100")
		}
	case "voice.desk":
		if text != "" && r.isDesk(s.Key, text) {
			r.desk(v, "", text)
		}
	case "voice.desks":
		for _, entry := range Split(text) {
			name, number, _ := strings.Cut(entry, "=")
			if name == "" || number == "" {
				r.wrong(s.Key, fmt.Sprintf("%q is not a desk and its number", entry), "write works=+15550142; names are those that dialogs pass to")
				continue
			}
			if r.isDesk(s.Key, number) {
				r.desk(v, name, number)
			}
		}
	case "voice.twilio.account_sid":
		v.Twilio.AccountSID = text
		r.checkAccount(s.Key, text)
	case "voice.twilio.auth_token":
		for _, t := range Split(text) {
			v.Twilio.AuthToken = append(v.Twilio.AuthToken, NewSecret(t))
		}
	case "voice.twilio.from":
		v.Twilio.From = text
		if text != "" && !isNumber(text) {
			r.wrong(s.Key, fmt.Sprintf("%q is not a number to call from", text), "write it with + and the country, such as +15550100")
		}
	case "voice.twilio.speech":
		v.Twilio.Speech = r.onOff(s.Key, text) == On
	case "voice.twilio.turn_away":
		v.Twilio.TurnAway = r.onOff(s.Key, text) == On
	case "voice.callback.on":
		v.Callback.On = r.onOff(s.Key, text) == On
	case "voice.callback.per_number":
		d, err := time.ParseDuration(text)
		if err != nil || d < time.Minute || d > 24*time.Hour {
			r.wrong(s.Key, fmt.Sprintf("%q is no pause between two calls that will do", text), "write it from 1m to 24h, such as 10m")
		}
		v.Callback.PerNumber = d
	case "voice.callback.per_day":
		v.Callback.PerDay = r.count(s.Key, text, 1, 5000, "of calls a day")
	case "voice.callback.seconds_per_day":
		v.Callback.SecondsPerDay = r.count(s.Key, text, 180, 1_000_000, "of seconds a day")
	case "voice.callback.countries":
		for _, one := range Split(text) {
			if region, err := language.ParseRegion(one); err != nil || len(one) != 2 || !region.IsCountry() {
				r.wrong(s.Key, fmt.Sprintf("%q is not a country", one), "write two letters, such as US or ES")
				continue
			}
			v.Callback.Countries = append(v.Callback.Countries, strings.ToUpper(one))
		}
	}
}

func (r *reading) desk(v *Voice, name, number string) {
	if v.Desks == nil {
		v.Desks = map[string]string{}
	}
	v.Desks[name] = number
}

func (r *reading) isDesk(key, text string) bool {
	extension := len(text) >= 2 && len(text) <= 6 && strings.Trim(text, "0123456789") == ""
	if isNumber(text) || extension || strings.HasPrefix(text, "sip:") || strings.HasPrefix(text, "sips:") {
		return true
	}
	r.wrong(key, fmt.Sprintf("%q is not a number to pass calls to", text), "write it with + and the country, such as +15550142, an extension, or sip:desk@192.0.2.10")
	return false
}

func (r *reading) checkAccount(key, text string) {
	if text != "" && (len(text) != 34 || !strings.HasPrefix(text, "AC")) {
		r.wrong(key, "this is not an account SID", "it begins with AC and is 34 characters long; Twilio's console shows it")
	}
}

// count reads a whole number.
func (r *reading) count(key, text string, least, most int, of string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		r.wrong(key, fmt.Sprintf("%q is no number %s that will do", text, of), fmt.Sprintf("write a number from %d to %d", least, most))
		return 0
	}
	return n
}

// calls completes what is set of telephone lines, once all was read.
func (r *reading) calls(c *Config, missing func(key, message string, there bool)) {
	v := &c.Voice
	if len(v.Callback.Countries) == 0 && c.Town.Country != "" {
		v.Callback.Countries = []string{c.Town.Country}
	}
	if t := &v.Twilio; t.On() {
		if t.AccountSID == "" {
			t.AccountSID = c.SMS.Twilio.AccountSID
		}
		if len(t.AuthToken) == 0 && t.AccountSID == c.SMS.Twilio.AccountSID {
			t.AuthToken = c.SMS.Twilio.AuthToken
		}
		missing("voice.twilio.account_sid", "Twilio needs it to call", t.AccountSID != "")
		missing("voice.twilio.auth_token", "without it nobody can tell Twilio's calls from forged ones", len(t.AuthToken) > 0)
		missing("public_url", "Twilio signs the address that it calls, so that we must know it", c.PublicURL != "" || c.SMS.Twilio.On())
		for name, number := range v.Desks {
			if !isNumber(number) && !c.SIP.On() {
				r.wrong(deskKey(name), fmt.Sprintf("%q can't be reached through Twilio", number), "write a number with + and the country, such as +15550142")
			}
		}
	} else if t.AccountSID != "" || len(t.AuthToken) > 0 || t.Speech || t.TurnAway {
		missing("voice.twilio.from", "it is the number that residents call", false)
	}
	if c.SIP.set {
		missing("sip.listen", "calls must come in somewhere", len(c.SIP.Listen) > 0)
		missing("sip.trunks", "calls must come from somewhere", len(c.SIP.Trunks) > 0)
	}
	if v.Number == "" {
		v.Number = v.Twilio.From
		for i := range c.SIP.Trunks {
			if v.Number == "" {
				v.Number = c.SIP.Trunks[i].From
			}
		}
	}
	r.sip(c, missing)
	turned := v.Twilio.TurnAway
	for i := range c.SIP.Trunks {
		turned = turned || c.SIP.Trunks[i].Callback
	}
	if turned && !v.Callback.On {
		missing("voice.callback.on", "a line turns callers away, and nobody calls them back", false)
	}
	if v.Callback.On && !v.Twilio.On() && !c.SIP.On() {
		r.wrong("voice.callback.on", "there is no telephone line to call back on", "set voice.twilio.from, or sip.listen and sip.trunks")
	}
}

func deskKey(name string) string {
	if name == "" {
		return "voice.desk"
	}
	return "voice.desks"
}
