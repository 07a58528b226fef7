package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs/cost"
)

// someCards are of two dialogs: one in two languages, one that calls can't finish and whose ways could not all be tried.
func someCards() []cost.Card {
	short := cost.Call{Menu: 21 * time.Second, Speech: 61 * time.Second, Waits: 59500 * time.Millisecond, Keys: 7, Walk: cost.Walk{Turns: 5}}
	long := cost.Call{Menu: 21 * time.Second, Speech: 10 * time.Minute, Waits: time.Minute, Keys: 31, Records: 2, Walk: cost.Walk{Turns: 25}}
	few, more := cost.Texts{Messages: 5, Segments: 5, Sent: 5, Paid: 5}, cost.Texts{Messages: 7, Segments: 12, Sent: 7, Paid: 8}
	quick, slow := cost.Screens{Menu: 1, Shown: 7, Keys: 14, Time: 90 * time.Second, Slowest: 12 * time.Second}, cost.Screens{Menu: 1, Shown: 19, Keys: 60, Time: 400 * time.Second, Slowest: 31 * time.Second}
	park := cost.Card{Dialog: "oak-park", Lang: "en", Text: &cost.Span[cost.Texts]{Shortest: few, Longest: more}, Menu: &cost.Span[cost.Screens]{Shortest: quick, Longest: slow},
		Call: &cost.Span[cost.Call]{Shortest: short, Longest: long}, Kiosk: &cost.Span[cost.Pages]{Shortest: cost.Pages{Shown: 6}, Longest: cost.Pages{Shown: 9}},
		WhatsApp: &cost.Span[cost.Chat]{Shortest: cost.Chat{Messages: 6}, Longest: cost.Chat{Messages: 9}}, Telegram: &cost.Span[cost.Chat]{Shortest: cost.Chat{Messages: 7}, Longest: cost.Chat{Messages: 10}}}
	spanish := park
	spanish.Lang = "es"
	spanish.Text = &cost.Span[cost.Texts]{Shortest: few, Longest: cost.Texts{Messages: 7, Segments: 14, Sent: 7, Paid: 8}}
	bus := cost.Card{Dialog: "bus", Lang: "zh", Text: &cost.Span[cost.Texts]{Shortest: few, Longest: few, Cut: true}}
	return []cost.Card{park, spanish, bus}
}

func TestTheCostCardIsPrinted(t *testing.T) {
	var b strings.Builder
	if err := tellCost(&b, someCards(), textPrice{7900, "USD"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`
                  shortest                 longest
dialog    lang    paid  sent  own   USD    paid  sent  own   USD
oak-park  en         5     5    5  0.04      12     7    8  0.09
oak-park  es         5     5    5  0.04      14     7    8  0.11
bus       zh*        5     5    5  0.04       5     5    5  0.04

`, `
                        shortest                            longest
dialog    lang  menu    screens  keys  time  slow  dials    screens  keys  time  slow  dials
oak-park  en       1          7    14  1:30    12      1         19    60  6:40    31      3
oak-park  es       1          7    14  1:30    12      1         19    60  6:40    31      3

`, `
                        shortest                           longest
dialog    lang  menu    speech  whole  turns  keys  own    speech  whole  turns  keys  own
oak-park  en    0:21      1:01   2:01      5     7    0     10:00  11:00     25    31    2
oak-park  es    0:21      1:01   2:01      5     7    0     10:00  11:00     25    31    2

`, `
                  shortest                     longest
dialog    lang    kiosk  WhatsApp  Telegram    kiosk  WhatsApp  Telegram
oak-park  en          6         6         7        9         9        10
oak-park  es          6         6         7        9         9        10
bus       zh          -         -         -        -         -         -

`, "\n* has more ways through it than could be tried", "1 s to press a key, 0.5 s of silence after it, 10 s for each answer", "A message costs 0.0079 USD here (limits.price)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got\n%s\nwant in it\n%s", b.String(), want)
		}
	}
}

func TestALineSaysWhatMatters(t *testing.T) {
	for _, c := range []struct {
		price textPrice
		want  []string
	}{
		{textPrice{}, []string{"oak-park: by text 5 to 14 messages; by USSD 8 to 20 screens; 2:22 to 11:21 on the phone", "bus: by text 5 messages; there are more ways than could be tried"}},
		{textPrice{7900, "USD"}, []string{"oak-park: by text 5 to 14 messages, about 4 to 11 cents; by USSD 8 to 20 screens; 2:22 to 11:21 on the phone", "bus: by text 5 messages, about 4 cents; there are more ways than could be tried"}},
		{textPrice{1200000, "KES"}, []string{"oak-park: by text 5 to 14 messages, about 6.00 to 16.80 KES; by USSD 8 to 20 screens; 2:22 to 11:21 on the phone", "bus: by text 5 messages, about 6.00 KES; there are more ways than could be tried"}},
		{textPrice{100, "EUR"}, []string{"oak-park: by text 5 to 14 messages, about 1 cent; by USSD 8 to 20 screens; 2:22 to 11:21 on the phone", "bus: by text 5 messages, about 1 cent; there are more ways than could be tried"}},
	} {
		if got := costLines(someCards(), c.price); !slices.Equal(got, c.want) {
			t.Errorf("got %q\nwant %q", got, c.want)
		}
	}
}

func TestThePriceIsThatOfTheTownsOwnMessages(t *testing.T) {
	prices := []config.Price{{Name: "sms.twilio", Prefix: "+1", Most: 7900, Unit: "USD"}, {Name: "smpp.mtn", Most: 20000, Unit: "KES"}}
	for _, c := range []struct {
		name string
		town config.Config
		want textPrice
	}{
		{"nothing is set up", config.Config{Town: config.Town{Country: "US"}}, textPrice{7900, "USD"}},
		{"numbers of another country", config.Config{Town: config.Town{Country: "ES"}}, textPrice{}},
		{"a phone company", config.Config{Town: config.Town{Country: "KE"}, SMPP: config.SMPP{Operators: []config.Operator{{Name: "mtn", Texts: true}}}}, textPrice{20000, "KES"}},
		{"menus only", config.Config{Town: config.Town{Country: "KE"}, SMPP: config.SMPP{Operators: []config.Operator{{Name: "mtn"}}}}, textPrice{}},
		{"a gateway without a price", config.Config{Town: config.Town{Country: "US"}, SMS: config.SMS{Gateway: config.Gateway{From: "555"}}}, textPrice{}},
	} {
		c.town.Limits.Prices = prices
		if got := textPriceOf(&c.town); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestMenusAreReckonedWithTheTownsOwnScreens(t *testing.T) {
	c := config.Config{Town: config.Town{Country: "KE", Languages: []string{"en"}}}
	if got := menuScreens(&c); got.Limit != 160 || got.Limit16 != 70 {
		t.Errorf("without gateways: %+v", got)
	}
	c.USSD.Gateways = []config.Menus{{Dialect: "arkesel", Septets: 182, UCS2: 80}}
	if got := menuScreens(&c); got.Limit != 182 || got.Limit16 != 80 {
		t.Errorf("with a larger screen: %+v", got)
	}
	c.USSD.Gateways = append(c.USSD.Gateways, config.Menus{Dialect: "nalo"})
	if got := menuScreens(&c); got.Limit != 120 || got.Limit16 != 70 {
		t.Errorf("with two sizes: %+v", got)
	}
}

func TestCheckTellsTheCost(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", "town").must(t, 0)
	p.run("", "check", "town/dialogs/oak-park.yaml").must(t, 0, "oak-park: by text ", "; by USSD ", " on the phone", "nothing to mend")
	p.run("", "check", "--cost", "town/dialogs/oak-park.yaml").must(t, 0, "at 150 a minute", "oak-park", "nothing to mend")
	a := p.run("", "check", "--cost", "--json")
	a.must(t, 0)
	var cards []costJSON
	if err := json.Unmarshal([]byte(a.out), &cards); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range cards {
		seen[c.Dialog+" "+c.Lang] = true
		if c.Text == nil || c.Menu == nil || c.Call == nil || c.Kiosk == nil || c.WhatsApp == nil || c.Telegram == nil {
			t.Errorf("%s %s lacks a channel", c.Dialog, c.Lang)
			continue
		}
		short, long := c.Call.Shortest, c.Call.Longest
		if short.Speech <= 0 || short.Whole <= short.Speech || long.Whole < short.Whole || short.Keys < 1 || len(short.Asked) == 0 {
			t.Errorf("%s %s: %+v", c.Dialog, c.Lang, c.Call)
		}
		if s := c.Text.Shortest; s.Messages < 1 || s.Segments < s.Messages || s.Sent < 1 || s.Segments > c.Text.Longest.Segments || len(s.Asked) == 0 {
			t.Errorf("%s %s: %+v", c.Dialog, c.Lang, c.Text)
		}
		if s := c.Menu.Shortest; s.Screens < 1 || s.Keys < 1 || s.Seconds <= s.Slowest || s.Dials < 1 || s.Screens > c.Menu.Longest.Screens {
			t.Errorf("%s %s: %+v", c.Dialog, c.Lang, c.Menu)
		}
		if c.Kiosk.Shortest.Pages < 1 || c.WhatsApp.Shortest.Messages < 1 || c.Telegram.Shortest.Messages < 1 {
			t.Errorf("%s %s: %+v %+v %+v", c.Dialog, c.Lang, c.Kiosk, c.WhatsApp, c.Telegram)
		}
	}
	for _, want := range []string{"main-street en", "main-street es", "request-status zh", "request-status ar"} {
		if !seen[want] {
			t.Errorf("there is no card of %s", want)
		}
	}
}
