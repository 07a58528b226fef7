package sms

import (
	"errors"
	"math"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/dialogs/engine"
)

// whatsAppPrefix stands before an address of WhatsApp's at Twilio: "whatsapp:+15550100", or "whatsapp:US.1349…" where the
// resident goes by a name and WhatsApp keeps the number from the town.
const whatsAppPrefix = "whatsapp:"

// mostMedia is the most pictures of one message (Twilio's limit).
const mostMedia = 10

var errNobody = errors.New("the sender can't be answered")

// event is a message of Twilio's. Parameters that are not known are left alone: Twilio adds new ones without notice.
func (t *Twilio) event(f twilio.Form) (channels.Event, error) {
	e := channels.Event{Channel: TwilioName, At: t.now()}
	for _, name := range [...]string{"MessageSid", "SmsMessageSid", "SmsSid"} {
		if e.ID = f.Value(name); e.ID != "" {
			break
		}
	}
	if e.ID == "" {
		return e, errors.New("the parameter MessageSid is missing")
	}
	from := f.Value("From")
	if from == "" {
		return e, errors.New("the parameter From is missing")
	}
	if strings.HasPrefix(from, whatsAppPrefix) {
		e.Channel = WhatsAppName
	}
	var ok bool
	if e.From, ok = t.address(from); !ok {
		return e, errNobody
	}
	e.To = strings.TrimPrefix(f.Value("To"), whatsAppPrefix)
	e.Words = strings.ToValidUTF8(f.Value("Body"), "\uFFFD")
	switch word := strings.ToUpper(f.Value("OptOutType")); word {
	case "STOP", "START", "HELP":
		e.Words = word // Body may be a word of the account's own
		return e, nil
	}
	for _, name := range [...]string{"ButtonPayload", "ListId"} {
		if e.Choice, e.Pressed = channels.ReadButton(f.Value(name)); e.Choice != "" {
			break
		}
	}
	if e.Words == "" {
		e.Words = f.Value("ButtonText")
	}
	if at, ok := place(f.Value("Latitude"), f.Value("Longitude")); ok {
		e.Words = at
	}
	n, _ := strconv.Atoi(f.Value("NumMedia"))
	for i := range min(max(n, 0), mostMedia) {
		k := strconv.Itoa(i)
		if ref, ok := pictureAddress(f.Value("MediaUrl" + k)); ok {
			e.Media = append(e.Media, engine.Media{Type: f.Value("MediaContentType" + k), Ref: ref})
		}
	}
	return e, nil
}

// address of a resident. A number is a number, by text or by WhatsApp: it is the same resident.
func (t *Twilio) address(from string) (channels.Address, bool) {
	name, chat := strings.CutPrefix(from, whatsAppPrefix)
	if n, ok := channels.Number(name, t.cfg.Country); ok {
		return channels.Address{Kind: "tel", ID: n}, true
	}
	if chat && name != "" && len(name) <= 128 && utf8.ValidString(name) {
		return channels.Address{Kind: "whatsapp", ID: name}, true
	}
	return channels.Address{}, false
}

// place is a shared pin as words: "geo:44.97,-93.26" (RFC 5870).
func place(latitude, longitude string) (string, bool) {
	if !degrees(latitude, 90) || !degrees(longitude, 180) {
		return "", false
	}
	return "geo:" + latitude + "," + longitude, true
}

// degrees says whether s is a decimal number between -most and most, written without an exponent.
func degrees(s string, most float64) bool {
	if s == "" || len(s) > 24 || strings.Trim(s, "-.0123456789") != "" {
		return false
	}
	v, err := strconv.ParseFloat(s, 64)
	return err == nil && math.Abs(v) <= most
}

func pictureAddress(s string) (string, bool) {
	if s == "" || len(s) > 2048 {
		return "", false
	}
	u, err := url.Parse(s)
	return s, err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
