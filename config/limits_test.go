package config

import (
	"reflect"
	"strings"
	"testing"
)

func limitsOf(t *testing.T, text string) (Limits, error) {
	t.Helper()
	c, err := Load(Source{File: write(t, text)})
	if err != nil {
		return Limits{}, err
	}
	return c.Limits, nil
}

func TestLimits(t *testing.T) {
	got, err := limitsOf(t, `limits:
  rate: [sms.twilio=1, telegram=30 each=1, sip each=0.01]
  quiet: 22:30 - 7:00
  contact: 5 in 3 days
  budget: [sms.twilio=20.5 USD/day, sms.kannel=5000 segments/month]
  reserve: 10 %
  price: [sms.twilio=0.05 USD/segment, sms.twilio+1=0.0079 USD]
`)
	want := Limits{
		Rates:   []Rate{{"sms.twilio", 1, 0}, {"telegram", 30, 1}, {"sip", 0, 0.01}},
		Quiet:   Hours{22*60 + 30, 7 * 60},
		Contact: Contact{5, 3},
		Budgets: []Budget{{"sms.twilio", 20_500_000, "USD", 1}, {"sms.kannel", 5_000_000_000, Segments, 30}},
		Reserve: 10,
		Prices:  []Price{{"sms.twilio", "", 50_000, "USD"}, {"sms.twilio", "+1", 7_900, "USD"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v\n%v", got, want, err)
	}
}

func TestUsualLimits(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load(Source{})
	if err != nil {
		t.Fatal(err)
	}
	l := c.Limits
	if l.Quiet != (Hours{21 * 60, 8 * 60}) || l.Contact != (Contact{3, 7}) || l.Reserve != 20 || len(l.Budgets)+len(l.Rates) != 0 {
		t.Fatalf("%+v", l)
	}
}

func TestLimitsThatAreOff(t *testing.T) {
	l, err := limitsOf(t, "limits: {quiet: off, contact: off, price: \"\"}\n")
	if err != nil || l.Quiet != (Hours{}) || l.Contact != (Contact{}) || l.Prices != nil {
		t.Fatalf("%+v, %v", l, err)
	}
}

func TestWrongLimits(t *testing.T) {
	for text, want := range map[string]string{
		"rate: sms.twilio":              "how much of it may leave",
		"rate: sms.twilio=fast":         "how much of it may leave",
		"rate: sms.twilio=0":            "how much of it may leave",
		"rate: sms.twilio=NaN":          "how much of it may leave",
		"rate: telegram=30 all=1":       "how much of it may leave",
		"rate: =1":                      "how much of it may leave",
		"quiet: 21:00":                  "no quiet hours",
		"quiet: 25:00-8:00":             "no quiet hours",
		"quiet: 8:00-8:00":              "no quiet hours",
		"contact: 3":                    "how often",
		"contact: 0 in 7 days":          "how often",
		"contact: 3 in 8 days":          "how often",
		"budget: sms=20":                "is no budget",
		"budget: sms=20 USD":            "is no budget",
		"budget: sms=-20 USD/day":       "is no budget",
		"budget: sms=20 usd/day":        "is no budget",
		"budget: sms=20 USD/week":       "is no budget",
		"reserve: all":                  "part of a budget",
		"reserve: 95":                   "part of a budget",
		"price: sms.twilio=0.05":        "is no price",
		"price: sms.twilio+=0.05 USD":   "is no price",
		"price: sms=1 segments":         "is no price",
		"budget: sms.twilio=20 USD/day": "not every number has a price",
		"budget: sms.twilio=20 EUR/day\n  price: sms.twilio=0.05 USD": "one currency",
		"budget: twilio=20 USD/day\n  price: [sms.kannel=0.01 USD]":   "not every number has a price",
		"budget: sms=20 USD/day\n  price: [sms.twilio+1=0.01 USD]":    "not every number has a price",
	} {
		if _, err := limitsOf(t, "limits:\n  "+text+"\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{
		"budget: sms=20 USD/day\n  price: [sms.twilio=0.01 USD]",
		"budget: sms.twilio=20 USD/month\n  price: [all=0.01 USD, sms.twilio+1=0.0079 USD]",
		"budget: sms.twilio=500 segments/day",
	} {
		if _, err := limitsOf(t, "limits:\n  "+text+"\n"); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPriceOfANumber(t *testing.T) {
	l := Limits{Prices: []Price{{"sms", "", 90_000, "USD"}, {"sms.twilio", "", 50_000, "USD"}, {"sms.twilio", "+1", 7_900, "USD"}, {"sms.twilio", "+1787", 20_000, "USD"}, {"sms", "+44", 40_000, "USD"}}}
	for _, c := range []struct {
		channel, number string
		want            int64
	}{
		{"sms.twilio", "+12025550142", 7_900}, {"sms.twilio", "+17875550142", 20_000}, {"sms.twilio", "+4479", 50_000},
		{"sms.kannel", "+4479", 40_000}, {"sms.kannel", "+34600", 90_000}, {"sms.twilio", "", 50_000},
	} {
		if got, unit, ok := l.Price(c.channel, c.number); got != c.want || unit != "USD" || !ok {
			t.Errorf("%s to %s: %d %s %v, want %d", c.channel, c.number, got, unit, ok, c.want)
		}
	}
	if _, _, ok := l.Price("telegram", "77"); ok {
		t.Error("a price where none is known")
	}
}

// A limit for texts holds all texts, whichever way they go.
func TestCovers(t *testing.T) {
	for _, c := range []struct {
		name, channel string
		want          bool
	}{
		{"sms", "sms.twilio", true}, {"sms", "smpp.mtn", true}, {"smpp", "smpp.mtn", true}, {"mtn", "smpp.mtn", true}, {"all", "smpp.mtn", true},
		{"smpp", "sms.twilio", false}, {"sms.twilio", "smpp.mtn", false}, {"sms", "ussd.smpp.mtn", false}, {"sms", "whatsapp.twilio", false},
	} {
		if Covers(c.name, c.channel) != c.want {
			t.Errorf("%q covers %q: %v", c.name, c.channel, !c.want)
		}
	}
}
