package sip

import (
	"strings"

	"github.com/emiago/sipgo/sip"
	"github.com/townline/townline/channels"
)

// caller is who rings, as far as a trunk says: what the network itself sets (P-Asserted-Identity, RFC 3325) before what the
// caller's telephone does. ok is false for who wants to stay unknown, and for what can't be called back: an extension, a
// name. It is never proof of who somebody is.
func caller(req *sip.Request, country string) (number string, ok bool) {
	for _, h := range req.GetHeaders("Privacy") {
		for _, p := range strings.FieldsFunc(strings.ToLower(h.Value()), func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
			if p == "id" || p == "user" || p == "header" || p == "full" {
				return "", false
			}
		}
	}
	from := &req.From().Address
	user := userOf(from)
	switch strings.ToLower(user) {
	case "anonymous", "restricted", "private", "unknown", "unavailable", "":
		return "", false
	}
	if strings.EqualFold(from.Host, "anonymous.invalid") {
		return "", false
	}
	for _, h := range req.GetHeaders("P-Asserted-Identity") {
		for _, one := range splitList(h.Value()) {
			var uri sip.Uri
			var params sip.HeaderParams
			if _, err := sip.ParseAddressValue(one, &uri, &params); err == nil {
				if number, ok = telephone(userOf(&uri), country); ok {
					return number, true
				}
			}
		}
	}
	return telephone(user, country)
}

// telephone is a whole number, one that can be rung from anywhere.
func telephone(user, country string) (string, bool) {
	if user == "+266696687" { // ANONYMOUS on a telephone's keys, as some networks write it
		return "", false
	}
	number, ok := channels.Number(user, country)
	if !ok || number[0] != '+' {
		return "", false
	}
	return number, true
}

// userOf is the number in an address: before the @ of a sip:, and the whole of a tel:, without parameters.
func userOf(u *sip.Uri) string {
	user := u.User
	if user == "" {
		if user = u.Raw(); user == "" && strings.EqualFold(u.Scheme, "tel") {
			user = u.Host
		}
	}
	user, _, _ = strings.Cut(user, ";")
	return strings.ReplaceAll(strings.ReplaceAll(user, "%2B", "+"), "%2b", "+")
}

// withheld is the address of a call that doesn't say who it is from: made up, and gone with the call.
func withheld() channels.Address { return channels.Address{Kind: "tel", ID: "withheld:" + token()} }
