// Package config reads what is in force: the file townline.yaml, the environment (TOWNLINE_…) and flags, in that order,
// the later winning; checks all of it at once; and is the only package that knows how settings are read.
package config

import (
	"net/netip"
	"time"
)

// Config is what is in force. It is plain data, checked whole by Load, and never changes while the program runs.
type Config struct {
	Listen    string
	PublicURL string         // as providers call us, without a slash at the end; "" when nobody does
	Proxies   []netip.Prefix // of the town's own: their word on where a request comes from is taken
	Dialogs   string         // folder; "" is the sample town that comes with townline
	Town      Town
	Store     Store
	Redis     Secret // where several servers share what they may lose
	Nodes     Nodes
	SMS       SMS
	Voice     Voice
	SMPP      SMPP
	Telegram  Telegram
	SIP       SIP
	USSD      USSD
	Desk      Desk
	Limits    Limits
	Audio     Audio
	Preview   Switch
	Pages     Pages
	Kiosk     Kiosk
	Watch     Watch
	Log       Log

	File   string  // the file that was read; "" when there was none
	Values []Value // every setting with where it came from, in the order of Settings, for showing
	Notes  []string

	Overruled []Overruled
}

// Town is what residents are told about the town.
type Town struct {
	Name      string
	Zone      *time.Location
	Languages []string // BCP 47, the first one first
	Emergency string   // the number to call in danger
	DeskHours string   // when a person is at the desk: "Mon-Fri 9:00-17:00"
	Country   string   // of phone numbers written without one, in two letters (ISO 3166-1)
}

// SMS holds the ways to send and take text messages; each is off while its settings are empty.
type SMS struct {
	Twilio  Twilio
	Gateway Gateway
	Kannel  Kannel
}

// Twilio sends and takes SMS and WhatsApp through a Twilio account.
type Twilio struct {
	AccountSID string
	AuthToken  []Secret // the first sends; all are good for signatures, so that a token can be changed without a gap
	From       string
	WhatsApp   string         // the number that WhatsApp messages come from; "" is the same as From
	Buttons    map[int]string // WhatsApp templates with quick replies, by how many options they hold
	Lists      map[int]string // and with a list picker
}

// On says whether any of it was set.
func (t Twilio) On() bool {
	return t.AccountSID != "" || len(t.AuthToken) > 0 || t.From != "" || t.WhatsApp != "" || len(t.Buttons) > 0 || len(t.Lists) > 0
}

// Gateway is a phone, Gammu or an aggregator that speaks the plain signed protocol of channels/sms.
type Gateway struct {
	Secret   Secret
	From     string
	URL      string // where messages are pushed; "" leaves them to be fetched
	Pictures bool   // it passes pictures on
}

// On says whether any of it was set.
func (g Gateway) On() bool { return g.Secret.IsSet() || g.From != "" || g.URL != "" || g.Pictures }

// Kannel is a Kannel bearerbox and smsbox.
type Kannel struct {
	Secret   Secret
	Allow    []string // addresses or networks that may call; none: only this machine
	SendURL  string
	Username string
	Password Secret
	From     string
	SMSC     string
}

// On says whether any of it was set.
func (k Kannel) On() bool {
	return k.Secret.IsSet() || len(k.Allow) > 0 || k.SendURL != "" || k.Username != "" || k.Password.IsSet() || k.From != "" || k.SMSC != ""
}

// Audio is how what residents read is read aloud.
type Audio struct {
	Dir    string            // recordings by people, and clips that were made; "": nothing is kept
	Rate   int               // words a minute
	Voices map[string]string // language → espeak-ng's voice, where not the usual one
}

// Pages are those that residents answer on.
type Pages struct {
	Kiosk      bool // /kiosk, for a machine in a public place
	Web        bool // /web, for residents' own screens
	Microphone bool // the machine in the public place has one
}

// Log says how much is logged, and how.
type Log struct {
	Level  string // debug, info, warn, error
	Format string // text, json
}

// Switch is on, off, or left to what is usual.
type Switch uint8

const (
	Usual Switch = iota
	On
	Off
)

// Text is a setting as it was written, or its default; a secret is not shown. Settings that only one channel reads need no more than their
// line in Settings.
func (c *Config) Text(key string) string {
	for i := range c.Values {
		if c.Values[i].Key == key {
			return c.Values[i].Text
		}
	}
	return ""
}

// Overruled is a setting that stands in one place, while another counts.
type Overruled struct{ Key, In, By string }

// Value is one setting as it is in force.
type Value struct {
	Key  string `json:"key"`
	Text string `json:"value"` // hidden for secrets
	From string `json:"from"`  // "default", "townline.yaml:4", "TOWNLINE_LISTEN", "--listen"
}
