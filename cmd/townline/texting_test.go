package main

import (
	"testing"

	"github.com/townline/townline/config"
)

func TestTextingNumber(t *testing.T) {
	for _, test := range []struct {
		set  func(*config.Config)
		want string
	}{
		{func(*config.Config) {}, ""},
		{func(c *config.Config) { c.SMS.Twilio.From = "+15550100" }, "+15550100"},
		{func(c *config.Config) { c.SMS.Twilio.From, c.SMS.Gateway.From = "MG0123456789", "+15550102" }, "+15550102"},
		{func(c *config.Config) { c.SMS.Kannel.From = "15001" }, "15001"},
		{func(c *config.Config) {
			c.SMPP.Operators = []config.Operator{{From: "15002"}, {Texts: true, From: "ELMWOOD"}}
		}, ""},
		{func(c *config.Config) { c.SMPP.Operators = []config.Operator{{Texts: true, From: "15002"}} }, "15002"},
	} {
		var c config.Config
		test.set(&c)
		if got := textingNumber(&c); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
