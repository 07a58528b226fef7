package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Limits are how much may leave the town, when, and at what price.
type Limits struct {
	Rates   []Rate
	Quiet   Hours   // in which nothing but replies leaves; the same twice: none
	Contact Contact // how often a resident hears from the town unasked
	Budgets []Budget
	Reserve int // percent of each budget that only replies may use
	Prices  []Price
}

// A name in Limits covers a channel ("sms.twilio"), all of a kind ("sms"), all of a provider ("twilio"), or "all". Texts straight
// with a phone company ("smpp.mtn") are of the kind "sms" too: a budget for texts must hold them.

// Covers says whether what a limit is named after covers a channel.
func Covers(name, channel string) bool {
	if name == "sms" && (channel == "smpp" || strings.HasPrefix(channel, "smpp.")) {
		return true
	}
	return name == "all" || name == channel || strings.HasPrefix(channel, name+".") || strings.HasSuffix(channel, "."+name)
}

// Rate is how much may leave in a second: segments of text messages, messages or calls elsewhere.
type Rate struct {
	Name string
	All  float64 // by all that Name covers together; 0: not limited
	Each float64 // to one resident; 0: not limited
}

// Hours are from one time of day to another, which may be the next day's, in minutes since midnight.
type Hours struct{ From, To int }

// Contact is how many messages a resident may get unasked in so many days.
type Contact struct {
	Most int // 0: not limited
	Days int
}

// Budget is the most that may be spent on what a name covers.
type Budget struct {
	Name string
	Most int64  // millionths of Unit
	Unit string // "USD", or "segments"
	Days int    // 1: a day; 30: a month of the calendar
}

// Segments is a budget's unit where it has no currency.
const Segments = "segments"

// Price is what one segment costs.
type Price struct {
	Name   string
	Prefix string // of the numbers it is for, "+44"; "": of all others
	Most   int64  // millionths of Unit
	Unit   string // "USD"
}

// Price is what one segment to a number costs on a channel, in millionths of unit, by the longest prefix that fits; ok is
// false where nothing is known.
func (l *Limits) Price(channel, number string) (millionths int64, unit string, ok bool) {
	best := -1
	for i := range l.Prices {
		p := &l.Prices[i]
		// A channel's own price goes before one of its kind, whatever the prefixes.
		fits := len(p.Prefix)
		if p.Name == channel {
			fits += 32
		}
		if fits > best && Covers(p.Name, channel) && strings.HasPrefix(number, p.Prefix) {
			best, millionths, unit = fits, p.Most, p.Unit
		}
	}
	return millionths, unit, best >= 0
}

func (r *reading) setLimits(l *Limits, s Setting, text string) {
	for _, entry := range entries(text) {
		switch s.Key {
		case "limits.rate":
			if rate, ok := readRate(entry); ok {
				l.Rates = append(l.Rates, rate)
				continue
			}
			r.wrong(s.Key, fmt.Sprintf("%q says of nothing how much of it may leave", entry), "write sms.twilio=1, or telegram=30 each=1: segments, messages or calls a second, to all and to one resident")
		case "limits.quiet":
			if hours, ok := readHours(entry); ok {
				l.Quiet = hours
				continue
			}
			r.wrong(s.Key, fmt.Sprintf("%q are no quiet hours", entry), "write them like 21:00-8:00, or off")
		case "limits.contact":
			if c, ok := readContact(entry); ok {
				l.Contact = c
				continue
			}
			r.wrong(s.Key, fmt.Sprintf("%q doesn't say how often", entry), "write it like 3 in 7 days, up to 7 days, or off")
		case "limits.budget":
			if b, ok := readBudget(entry); ok {
				l.Budgets = append(l.Budgets, b)
				continue
			}
			r.wrong(s.Key, fmt.Sprintf("%q is no budget", entry), "write sms.twilio=20 USD/day, sms=300 USD/month or sms.kannel=5000 segments/day")
		case "limits.reserve":
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(entry, "%")))
			if err != nil || n < 0 || n > 90 {
				r.wrong(s.Key, fmt.Sprintf("%q is no part of a budget that will do", entry), "write percent, from 0% to 90%")
			}
			l.Reserve = n
		case "limits.price":
			if p, ok := readPrice(entry); ok {
				l.Prices = append(l.Prices, p)
				continue
			}
			r.wrong(s.Key, fmt.Sprintf("%q is no price", entry), "write sms.twilio=0.0079 USD for all numbers, and sms.twilio+44=0.04 USD for those that begin so")
		}
	}
}

// entries cuts a list at its commas.
func entries(text string) (all []string) {
	for e := range strings.SplitSeq(text, ",") {
		if e = strings.Join(strings.Fields(e), " "); e != "" {
			all = append(all, e)
		}
	}
	return all
}

// readRate reads "telegram=30 each=1" and "telegram each=1".
func readRate(text string) (rate Rate, ok bool) {
	first, rest, more := strings.Cut(text, " ")
	name, all, limited := strings.Cut(first, "=")
	rate.Name = name
	ok = named(name) && (limited || more)
	if limited {
		rate.All, ok = perSecond(all, ok)
	}
	if more {
		each, isEach := strings.CutPrefix(rest, "each=")
		rate.Each, ok = perSecond(each, ok && isEach)
	}
	return rate, ok
}

func perSecond(text string, ok bool) (float64, bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n, ok && err == nil && n >= 0.001 && n <= 100_000
}

// named says whether a name could be a channel's.
func named(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}

func readHours(text string) (h Hours, ok bool) {
	if off(text) {
		return h, true
	}
	from, to, ok := strings.Cut(strings.ReplaceAll(text, "–", "-"), "-")
	var okFrom, okTo bool
	h.From, okFrom = timeOfDay(from)
	h.To, okTo = timeOfDay(to)
	return h, ok && okFrom && okTo && h.From != h.To
}

func off(text string) bool { return text == "off" || text == "no" || text == "false" }

func timeOfDay(text string) (minutes int, ok bool) {
	t, err := time.Parse("15:04", strings.TrimSpace(text))
	return t.Hour()*60 + t.Minute(), err == nil
}

func readContact(text string) (c Contact, ok bool) {
	if off(text) {
		return c, true
	}
	f := strings.Fields(text)
	if len(f) != 4 || f[1] != "in" || f[3] != "days" && f[3] != "day" {
		return c, false
	}
	most, errMost := strconv.Atoi(f[0])
	days, errDays := strconv.Atoi(f[2])
	return Contact{most, days}, errMost == nil && errDays == nil && most >= 1 && most <= 1000 && days >= 1 && days <= 7
}

// readBudget reads "sms.twilio=20 USD/day".
func readBudget(text string) (b Budget, ok bool) {
	first, rest, _ := strings.Cut(text, " ")
	name, amount, _ := strings.Cut(first, "=")
	unit, period, _ := strings.Cut(rest, "/")
	b.Name = name
	b.Most, ok = millionths(amount)
	b.Unit, ok = unitOf(unit, ok)
	switch period {
	case "day":
		b.Days = 1
	case "month":
		b.Days = 30
	}
	return b, ok && named(name) && b.Days > 0 && b.Most > 0
}

// readPrice reads "sms.twilio+44=0.04 USD" and "sms.twilio=0.0079 USD/segment".
func readPrice(text string) (p Price, ok bool) {
	first, unit, _ := strings.Cut(text, " ")
	where, amount, _ := strings.Cut(first, "=")
	p.Name = where
	if at := strings.IndexByte(where, '+'); at >= 0 {
		p.Name, p.Prefix = where[:at], where[at:]
		if len(p.Prefix) < 2 || strings.Trim(p.Prefix[1:], "0123456789") != "" {
			return p, false
		}
	}
	p.Most, ok = millionths(amount)
	p.Unit, ok = unitOf(strings.TrimSuffix(unit, "/segment"), ok)
	return p, ok && named(p.Name) && p.Unit != Segments
}

func unitOf(text string, ok bool) (string, bool) {
	if text == "segment" || text == Segments {
		return Segments, ok
	}
	return text, ok && len(text) == 3 && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// millionths reads an amount of up to six decimals.
func millionths(text string) (int64, bool) {
	n, err := strconv.ParseFloat(text, 64)
	return int64(math.Round(n * 1e6)), err == nil && n >= 0 && n <= 1e9
}

// limits finds what can't go together, once all was read: an amount of money says nothing without the price of every number.
func (r *reading) limits(c *Config) {
	for _, b := range c.Limits.Budgets {
		if b.Unit == Segments {
			continue
		}
		whole := false
		for _, p := range c.Limits.Prices {
			whole = whole || p.Prefix == "" && p.Unit == b.Unit && (Covers(b.Name, p.Name) || Covers(p.Name, b.Name))
			if p.Unit != b.Unit && (Covers(b.Name, p.Name) || Covers(p.Name, b.Name)) {
				r.wrong("limits.budget", fmt.Sprintf("%q is in %s, and its prices are in %s", b.Name, b.Unit, p.Unit), "write both in one currency")
			}
		}
		if !whole {
			r.wrong("limits.budget", fmt.Sprintf("%q is an amount of money, and not every number has a price", b.Name), fmt.Sprintf("add a price for all other numbers to limits.price, such as %s=0.01 %s", b.Name, b.Unit))
		}
	}
}
