package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/config"
)

// textPrice is what one segment of a text message costs the town, in millionths of unit; no unit: nobody knows.
type textPrice struct {
	millionths int64
	unit       string
}

// textChannels are the channels by which the town sends text messages; Twilio's where it has none yet.
func textChannels(c *config.Config) []string {
	var out []string
	if c.SMS.Twilio.On() {
		out = append(out, "sms.twilio")
	}
	if c.SMS.Gateway.On() {
		out = append(out, "sms.gateway")
	}
	if c.SMS.Kannel.On() {
		out = append(out, "sms.kannel")
	}
	for _, o := range c.SMPP.Operators {
		if o.Texts {
			out = append(out, "smpp."+o.Name)
		}
	}
	if out == nil {
		out = []string{"sms.twilio"}
	}
	return out
}

// textPriceOf is the price of the town's own text messages to numbers of its own country.
func textPriceOf(c *config.Config) textPrice {
	number := "+" + channels.CallingCode(c.Town.Country)
	for _, channel := range textChannels(c) {
		if millionths, unit, ok := c.Limits.Price(channel, number); ok {
			return textPrice{millionths, unit}
		}
	}
	return textPrice{}
}

// of is what so many segments cost: "0.06 USD"; "" where that isn't known.
func (p textPrice) of(segments int) string {
	if p.unit == "" {
		return ""
	}
	return fmt.Sprintf("%.2f", float64(p.millionths)*float64(segments)/1e6)
}

// about is what from one number of segments to another cost, in words.
func (p textPrice) about(from, to int) string {
	if p.unit == "" {
		return ""
	}
	least, most := float64(p.millionths)*float64(from)/1e6, float64(p.millionths)*float64(to)/1e6
	if most < 1 && hasCents(p.unit) {
		low, high := max(1, int(math.Round(100*least))), max(1, int(math.Round(100*most)))
		if high == 1 {
			return ", about 1 cent"
		}
		return ", about " + fromTo(low, high) + " cents"
	}
	if low, high := fmt.Sprintf("%.2f", least), fmt.Sprintf("%.2f", most); low != high {
		return ", about " + low + " to " + high + " " + p.unit
	}
	return fmt.Sprintf(", about %.2f %s", most, p.unit)
}

// hasCents says whether the hundredth of a currency is called a cent.
func hasCents(unit string) bool {
	return strings.Contains(" USD EUR CAD AUD NZD ZAR KES SGD ", " "+unit+" ")
}

func fromTo(from, to int) string {
	if from == to {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d to %d", from, to)
}
