package main

import (
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/channels/sms"
	"github.com/townline/townline/channels/telegram"
	"github.com/townline/townline/channels/voice"
	"github.com/townline/townline/config"
)

// limitsOf are the town's limits for the lines that it is on: what is set, and what is usual where nothing is.
func limitsOf(c *config.Config, lines []channels.Channel) exchange.Limits {
	l := exchange.Limits{
		Account: map[string]string{},
		Contact: exchange.Contact{Most: c.Limits.Contact.Most, Within: time.Duration(c.Limits.Contact.Days) * 24 * time.Hour},
		Reserve: float64(c.Limits.Reserve) / 100,
		Price:   c.Limits.Price,
	}
	all := names(lines)
	covered := func(name string) (of []string) {
		for _, channel := range all {
			if config.Covers(name, channel) {
				of = append(of, channel)
			}
		}
		return of
	}
	for _, channel := range all {
		// What a provider says to one channel of an account, it says to all of it: sms.twilio and whatsapp.twilio.
		if kind, _, ok := strings.Cut(channel, "."); ok && kind != "preview" {
			l.Account[channel] = channel[strings.LastIndexByte(channel, '.')+1:]
		}
		set := func(of func(config.Rate) float64) bool {
			return slices.ContainsFunc(c.Limits.Rates, func(r config.Rate) bool { return of(r) > 0 && config.Covers(r.Name, channel) })
		}
		usual := usualRate(c, channel)
		if usual.All > 0 && !set(func(r config.Rate) float64 { return r.All }) {
			l.Rates = append(l.Rates, exchange.Rate{Channels: []string{channel}, PerSecond: usual.All})
		}
		if usual.Each > 0 && !set(func(r config.Rate) float64 { return r.Each }) {
			l.Rates = append(l.Rates, exchange.Rate{Channels: []string{channel}, PerSecond: usual.Each, Each: true})
		}
	}
	for _, r := range c.Limits.Rates {
		of := covered(r.Name)
		l.Rates = append(l.Rates, exchange.Rate{Channels: of, PerSecond: r.All}, exchange.Rate{Channels: of, PerSecond: r.Each, Each: true})
	}
	for _, b := range c.Limits.Budgets {
		l.Budgets = append(l.Budgets, exchange.Budget{Name: b.Name, Channels: covered(b.Name), Most: b.Most, Unit: b.Unit, Monthly: b.Days > 1})
	}
	return l
}

// strayLimits are the names in limits that cover none of the lines: mistyped, or of a line that isn't set up.
func strayLimits(c *config.Config, lines []channels.Channel) (stray []string) {
	check := func(name string) {
		if !slices.ContainsFunc(names(lines), func(channel string) bool { return config.Covers(name, channel) }) && !slices.Contains(stray, name) {
			stray = append(stray, name)
		}
	}
	for _, r := range c.Limits.Rates {
		check(r.Name)
	}
	for _, b := range c.Limits.Budgets {
		check(b.Name)
	}
	return stray
}

// usualRate is what a provider takes in a second where the town's contract says nothing else: more is queued there, where
// nobody can hold a reminder back for a reply any more.
func usualRate(c *config.Config, channel string) config.Rate {
	switch channel {
	case sms.TwilioName:
		return config.Rate{All: twilioRate(c.SMS.Twilio.From)}
	case sms.WhatsAppName:
		return config.Rate{All: 80}
	case sms.KannelName:
		return config.Rate{All: 10}
	case sms.GatewayName: // mostly a telephone
		return config.Rate{All: 1}
	case voice.Name: // calls, of an account
		return config.Rate{All: 1}
	case telegram.Name:
		return config.Rate{All: 30, Each: 1}
	}
	for i := range c.SMPP.Operators { // by contract
		if o := &c.SMPP.Operators[i]; config.Covers(o.Name, channel) && o.PerSecond > 0 {
			return config.Rate{All: float64(o.PerSecond)}
		}
	}
	return config.Rate{}
}

// tollFree are the area codes of North America that are free to call (NANPA).
var tollFree = [...]string{"+1800", "+1833", "+1844", "+1855", "+1866", "+1877", "+1888"}

// twilioRate is how many segments Twilio takes from a number in a second: 1 from an ordinary one, 3 from a toll-free one, 100 from
// a short code. A messaging service is taken for one ordinary number.
func twilioRate(from string) float64 {
	switch {
	case slices.ContainsFunc(tollFree[:], func(p string) bool { return strings.HasPrefix(from, p) }):
		return 3
	case len(from) <= 8 && from != "" && strings.Trim(from, "0123456789") == "":
		return 100
	}
	return 1
}

// nightsOf are the hours in which nobody is disturbed.
func nightsOf(c *config.Config) *exchange.Nights {
	return &exchange.Nights{From: c.Limits.Quiet.From, To: c.Limits.Quiet.To, Zone: c.Town.Zone}
}
