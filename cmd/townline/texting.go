package main

import (
	"strings"

	"github.com/townline/townline/config"
)

// textingNumber is the number that residents may text to, as it is set for the first line of text messages; "" where they only
// come from a name, or from whatever number the provider chooses.
func textingNumber(c *config.Config) string {
	all := []string{c.SMS.Twilio.From, c.SMS.Kannel.From, c.SMS.Gateway.From}
	for _, o := range c.SMPP.Operators {
		if o.Texts {
			all = append(all, o.From)
		}
	}
	for _, from := range all {
		if digits := strings.TrimPrefix(from, "+"); len(digits) >= 3 && strings.Trim(digits, "0123456789") == "" {
			return from
		}
	}
	return ""
}
