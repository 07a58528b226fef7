package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// config fills in what is in force, and finds everything that can't be right.
func (r *reading) config() *Config {
	c := &Config{File: r.name, Notes: r.notes}
	for _, s := range Settings() {
		text := r.text(s)
		r.set(c, s, text)
		if check := r.source.Checks[s.Key]; check != nil {
			if err := check(text); err != nil {
				r.wrong(s.Key, err.Error(), "")
			}
		}
		shown := text
		if s.Secret {
			shown = NewSecret(text).String()
		} else if s.Key == "store.url" {
			shown = hidePassword(text)
		}
		c.Values = append(c.Values, Value{s.Key, shown, r.from(s)})
		if in := r.overruled(s); in != "" {
			c.Overruled = append(c.Overruled, Overruled{s.Key, in, r.from(s)})
		}
	}
	r.together(c)
	return c
}

// wrong notes a mistake in the value of key that is in force.
func (r *reading) wrong(key, message, mend string) {
	s, _, _ := find(key)
	where := r.from(s)
	if where == "default" {
		where = ""
	} else if r.inFile(s) {
		where = fmt.Sprintf("%s:%d", r.name, r.file[key].line)
	}
	r.mistakes = append(r.mistakes, Mistake{Where: where, Key: key, Message: message, Mend: mend})
}

// set puts one text in its place.
func (r *reading) set(c *Config, s Setting, text string) {
	switch s.Key {
	case "listen":
		c.Listen = text
		r.checkListen(s.Key, text)
	case "public_url":
		c.PublicURL = strings.TrimSuffix(text, "/")
		r.checkPublicURL(text)
	case "proxies":
		c.Proxies = r.networks(s.Key, text, ownProxies)
	case "dialogs":
		c.Dialogs = text
		if text == "" {
			return
		}
		if f, err := os.Stat(text); err != nil || !f.IsDir() {
			r.wrong(s.Key, fmt.Sprintf("there is no folder %q", text), "make it, or run \"townline init DIR\" for a town to begin with")
		}
	case "town.name":
		c.Town.Name = text
	case "town.timezone":
		zone, err := time.LoadLocation(text)
		if err != nil || text == "" || text == "Local" {
			r.wrong(s.Key, fmt.Sprintf("%q is not a time zone", text), "write it like America/New_York or Europe/Madrid")
			zone = time.UTC
		}
		c.Town.Zone = zone
	case "town.languages":
		c.Town.Languages = r.languages(text)
	case "town.emergency":
		c.Town.Emergency = text
		if strings.Trim(text, "0123456789 -") != "" {
			r.wrong(s.Key, fmt.Sprintf("%q is not a number to dial", text), "write digits only, such as 911 or 112")
		}
	case "town.desk_hours":
		c.Town.DeskHours = text
	case "town.country":
		c.Town.Country = strings.ToUpper(text)
		if region, err := language.ParseRegion(text); err != nil || len(text) != 2 || !region.IsCountry() {
			r.wrong(s.Key, fmt.Sprintf("%q is not a country", text), "write two letters, such as US or ES")
		}
	case "store.url":
		r.store(c, s, text)
	case "redis.url":
		r.redis(c, s, text)
	case "store.key_file":
		c.Store.KeyFile = text
	case "store.keys":
		c.Store.Keys = NewSecret(text)
	case "audio.dir":
		c.Audio.Dir = text
	case "audio.rate":
		c.Audio.Rate = r.rate(s.Key, text)
	case "audio.voices":
		c.Audio.Voices = r.voices(s.Key, text)
	case "preview":
		c.Preview = r.onOff(s.Key, text)
	case "pages.kiosk":
		c.Pages.Kiosk = r.onOff(s.Key, text) != Off
	case "pages.web":
		c.Pages.Web = r.onOff(s.Key, text) != Off
	case "pages.microphone":
		c.Pages.Microphone = r.onOff(s.Key, text) == On
	case "log.level":
		c.Log.Level = r.oneOf(s.Key, text, "debug", "info", "warn", "error")
	case "log.format":
		c.Log.Format = r.oneOf(s.Key, text, "text", "json")
	default:
		r.setPart(c, s, text)
	}
}

// setPart sets what a file of its own reads.
func (r *reading) setPart(c *Config, s Setting, text string) {
	switch part, _, _ := strings.Cut(s.Key, "."); part {
	case "kiosk":
		r.setKiosk(&c.Kiosk, s, text)
	case "voice":
		r.setVoice(c, s, text)
	case "sip":
		r.setSIP(&c.SIP, s, text)
	case "telegram":
		r.setTelegram(&c.Telegram, s, text)
	case "nodes":
		r.setNodes(&c.Nodes, s, text)
	case "desk":
		r.setDesk(&c.Desk, s, text)
	case "smpp":
		r.setSMPP(&c.SMPP, s, text)
	case "ussd":
		r.setUSSD(&c.USSD, s, text)
	case "watch":
		r.setWatch(&c.Watch, s, text)
	case "limits":
		r.setLimits(&c.Limits, s, text)
	default:
		r.setSMS(&c.SMS, s, text)
	}
}

func (r *reading) setSMS(c *SMS, s Setting, text string) {
	switch s.Key {
	case "sms.twilio.account_sid":
		c.Twilio.AccountSID = text
		r.checkAccount(s.Key, text)
	case "sms.twilio.auth_token":
		for _, t := range Split(text) {
			c.Twilio.AuthToken = append(c.Twilio.AuthToken, NewSecret(t))
		}
	case "sms.twilio.from":
		c.Twilio.From = text
		if text != "" && !isNumber(text) && !strings.HasPrefix(text, "MG") && !isShortCode(text) {
			r.wrong(s.Key, fmt.Sprintf("%q is not a number to send from", text), "write it with + and the country, such as +15550100, a short code, or a messaging service (MG…)")
		}
	case "sms.twilio.whatsapp":
		c.Twilio.WhatsApp = text
		if text != "" && !isNumber(text) {
			r.wrong(s.Key, fmt.Sprintf("%q is not a number to send from", text), "write it with + and the country, such as +15550100")
		}
	case "sms.twilio.whatsapp_buttons":
		c.Twilio.Buttons = r.templates(s.Key, text)
	case "sms.twilio.whatsapp_lists":
		c.Twilio.Lists = r.templates(s.Key, text)
	case "sms.gateway.secret":
		c.Gateway.Secret = NewSecret(text)
		if text != "" && len(text) < 16 {
			r.wrong(s.Key, "is too short to keep anyone out", "make one of 32 characters: openssl rand -hex 16")
		}
	case "sms.gateway.from":
		c.Gateway.From = text
	case "sms.gateway.url":
		c.Gateway.URL = text
		r.checkURL(s.Key, text)
	case "sms.gateway.pictures":
		c.Gateway.Pictures = r.onOff(s.Key, text) == On
	case "sms.kannel.secret":
		c.Kannel.Secret = NewSecret(text)
		if text != "" && (len(text) < 16 || strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(plain, r) })) {
			r.wrong(s.Key, "is too short, or holds more than letters and digits", "make one of 32 characters: openssl rand -hex 16")
		}
	case "sms.kannel.allow":
		c.Kannel.Allow = Split(text)
		for _, a := range c.Kannel.Allow {
			_, err := netip.ParseAddr(a)
			if _, errNet := netip.ParsePrefix(a); err != nil && errNet != nil {
				r.wrong(s.Key, fmt.Sprintf("%q is not an address or a network", a), "write it like 127.0.0.1 or 10.1.0.0/16")
			}
		}
	case "sms.kannel.send_url":
		c.Kannel.SendURL = text
		r.checkURL(s.Key, text)
	case "sms.kannel.username":
		c.Kannel.Username = text
	case "sms.kannel.password":
		c.Kannel.Password = NewSecret(text)
	case "sms.kannel.from":
		c.Kannel.From = text
	case "sms.kannel.smsc":
		c.Kannel.SMSC = text
	}
}

// together finds what is missing beside something else.
func (r *reading) together(c *Config) {
	missing := func(key, message string, there bool) {
		if !there {
			mend := "set " + key + " in " + FileName
			if s, _, _ := find(key); s.Secret {
				mend = "put it into the environment as " + EnvName(key) + ", or set " + key + " in " + FileName
			}
			r.mistakes = append(r.mistakes, Mistake{Key: key, Message: "is missing: " + message, Mend: mend})
		}
	}
	isSet := func(key string) bool {
		s, _, _ := find(key)
		return r.from(s) != "default"
	}
	if c.Dialogs != "" {
		missing("town.name", "residents are told who is writing to them", isSet("town.name") && c.Town.Name != "")
		missing("town.timezone", "it says when consultations open and close", isSet("town.timezone"))
	}
	if t := c.SMS.Twilio; t.On() {
		missing("sms.twilio.account_sid", "Twilio needs it to send", t.AccountSID != "")
		missing("sms.twilio.auth_token", "without it nobody can tell Twilio's messages from forged ones", len(t.AuthToken) > 0)
		missing("sms.twilio.from", "texts must come from some number", t.From != "")
		missing("public_url", "Twilio signs the address that it calls, so that we must know it", c.PublicURL != "")
	}
	if g := c.SMS.Gateway; g.On() {
		missing("sms.gateway.secret", "both sides sign with it", g.Secret.IsSet())
	}
	if k := c.SMS.Kannel; k.On() {
		missing("sms.kannel.secret", "without it nobody can tell Kannel's messages from forged ones", k.Secret.IsSet())
		if k.SendURL != "" {
			missing("sms.kannel.username", "sendsms asks for it", k.Username != "")
			missing("sms.kannel.password", "sendsms asks for it", k.Password.IsSet())
		}
	}
	r.calls(c, missing)
	r.ussd(c, missing)
	r.smpp(c, missing)
	r.telegram(c, missing)
	r.limits(c)
}

func (r *reading) checkListen(key, text string) {
	mend := "write an address and a port, such as 127.0.0.1:8080, or :8080 for every network card"
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		r.wrong(key, fmt.Sprintf("%q has no address and port", text), mend)
		return
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		r.wrong(key, fmt.Sprintf("%q is not a port", port), mend)
	}
}

func (r *reading) checkPublicURL(text string) {
	if text == "" || !r.checkURL("public_url", text) {
		return
	}
	u, err := url.Parse(text)
	if err != nil {
		return
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		r.wrong("public_url", "may hold a host and a path only", "leave out what follows ? or #, and names before @")
	}
	if u.Scheme == "http" && !IsLoopback(u.Host) {
		r.wrong("public_url", "messages would cross the network for all to read", "use https")
	}
}

func (r *reading) checkURL(key, text string) bool {
	if text == "" {
		return true
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		r.wrong(key, fmt.Sprintf("%q is not a web address", text), "write it whole, such as https://talk.example.org")
		return false
	}
	return true
}

func (r *reading) languages(text string) []string {
	var out []string
	for _, t := range Split(text) {
		tag, err := language.Parse(t)
		if err != nil {
			r.wrong("town.languages", fmt.Sprintf("%q is not a language", t), "write its code: en English, es Spanish, fr French, zh Chinese, ar Arabic, so Somali")
			continue
		}
		if !slices.Contains(out, tag.String()) {
			out = append(out, tag.String())
		}
	}
	if len(out) == 0 && text == "" {
		r.wrong("town.languages", "names no language", "write at least one, such as en")
	}
	return out
}

func (r *reading) oneOf(key, text string, words ...string) string {
	t := strings.ToLower(text)
	if !slices.Contains(words, t) {
		mend := "write one of: " + strings.Join(words, ", ")
		if near := Near(t, words); near != "" {
			mend = "did you mean " + near + "?"
		}
		r.wrong(key, fmt.Sprintf("%q is not known", text), mend)
	}
	return t
}

func (r *reading) onOff(key, text string) Switch {
	switch strings.ToLower(text) {
	case "", "usual":
		return Usual
	case "true", "yes", "on", "1":
		return On
	case "false", "no", "off", "0":
		return Off
	}
	r.wrong(key, fmt.Sprintf("%q is neither on nor off", text), "write true or false")
	return Usual
}

// plain are the characters that stand in an address as they are.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// Split cuts a list at commas and blanks.
func Split(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' })
}

func isNumber(text string) bool {
	return len(text) >= 8 && len(text) <= 16 && text[0] == '+' && strings.Trim(text[1:], "0123456789") == ""
}

func isShortCode(text string) bool {
	return len(text) >= 3 && len(text) <= 8 && strings.Trim(text, "0123456789") == ""
}

// IsLoopback says whether host, with or without a port, can only be reached from this machine.
func IsLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.IsLoopback()
}

// templates reads "2=HX…, 3=HX…": a template for each number of options.
func (r *reading) templates(key, text string) map[int]string {
	all := map[int]string{}
	for _, entry := range Split(text) {
		count, sid, _ := strings.Cut(entry, "=")
		n, err := strconv.Atoi(strings.TrimSpace(count))
		if sid = strings.TrimSpace(sid); err != nil || sid == "" {
			r.wrong(key, fmt.Sprintf("%q is not a number of options and its template", entry), "write 2=HX and 32 letters and digits; Twilio's Content Template Builder shows them")
			continue
		}
		all[n] = sid
	}
	return all
}

// The slowest and the fastest that a kiosk may read aloud: half and twice the 120 to 125 words a minute that it begins with
// (VVSG 2.0, 7.1-K). Who listens can change the pace on the page.
const (
	slowest = 60
	fastest = 250
)

func (r *reading) rate(key, text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < slowest || n > fastest {
		r.wrong(key, fmt.Sprintf("%q is no pace to read aloud in", text), fmt.Sprintf("write a number from %d to %d; 120 to 125 is what most people can follow", slowest, fastest))
		return 0
	}
	return n
}

func (r *reading) voices(key, text string) map[string]string {
	all := map[string]string{}
	for _, entry := range Split(text) {
		lang, voice, _ := strings.Cut(entry, "=")
		tag, err := language.Parse(strings.TrimSpace(lang))
		voice = strings.ToLower(strings.TrimSpace(voice))
		if err != nil || voice == "" || strings.Trim(voice, "abcdefghijklmnopqrstuvwxyz0123456789-+_") != "" || voice[0] == '-' {
			r.wrong(key, fmt.Sprintf("%q is not a language and its voice", entry), "write en=en-gb; \"espeak-ng --voices\" lists the voices")
			continue
		}
		all[strings.ToLower(tag.String())] = voice
	}
	return all
}
