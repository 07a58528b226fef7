package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

// townWithMessages is a place whose outbox has something of everything in it.
func townWithMessages(t *testing.T) *place {
	t.Helper()
	p := newPlace(t)
	p.env = append(p.env, "TOWNLINE_SMS_GATEWAY_SECRET=0123456789abcdef0123", "TOWNLINE_SMS_GATEWAY_FROM=+12025550100", "TOWNLINE_TOWN_TIMEZONE=UTC",
		"TOWNLINE_LIMITS_PRICE=sms.gateway=0.05 USD, sms.gateway+44=0.40 USD", "TOWNLINE_LIMITS_BUDGET=sms.gateway=20 USD/day", "TOWNLINE_LIMITS_QUIET=off")
	if a := p.run("", "serve", "--help"); a.status != 0 {
		t.Fatal(a)
	}
	keys, err := store.LoadKeys(filepath.Join(p.dir, "townline.key"), "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(filepath.Join(p.dir, "townline.db"), keys)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	now := time.Now()
	memory, err := talk.Encode(&talk.Memory{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		number := fmt.Sprintf("+1202555%04d", i)
		if i == 0 {
			number = "+447911123456"
		}
		body, err := engine.Encode(&render.Page{Text: "hello"})
		if err != nil {
			t.Fatal(err)
		}
		c := store.Change{Resident: store.Resident{byte(i + 1)}, At: now, State: append([]byte{1, 0, 0, 0}, memory...),
			Link:   []store.Address{{Key: keys.Address("tel", number), Kind: "tel", Address: number}},
			Outbox: []store.Message{{ID: [16]byte{byte(i + 1)}, Channel: "sms.gateway", Kind: "tel", Due: now.Add(-time.Minute), Body: body, Class: uint8(i % 3), Weight: 1 + i%2}},
			Timers: []store.Timer{{Name: "remind:main-street", At: now.Add(time.Hour)}}}
		if out, err := s.Commit(t.Context(), &c); err != nil || out.Kind != store.Applied {
			t.Fatal(out, err)
		}
	}
	settled := []store.Settled{{ID: [16]byte{10}, State: store.Dead, Code: "30032"}, {ID: [16]byte{11}, State: store.Unsure, Code: "not-known"}, {ID: [16]byte{12}, State: store.Dead, Code: "opted-out"}}
	if err := s.Settle(t.Context(), now, settled); err != nil {
		t.Fatal(err)
	}
	return p
}

func (a answer) has(t *testing.T, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(strings.Join(strings.Fields(a.out), " "), want) {
			t.Errorf("want %q in:\n%s%s", want, a.out, a.err)
		}
	}
}

func TestOutbox(t *testing.T) {
	p := townWithMessages(t)
	a := p.run("", "outbox")
	a.has(t, "sms.gateway, replies 3 4 0.55 USD within a minute", "sms.gateway, reminders 3 5 0.25 USD", "sms.gateway, told to many 3 4 0.20 USD",
		"Up to 12 reminders fall due in the next 24 hours", "Budget sms.gateway: 0.00 USD of 20.00 USD used up today.",
		"sms.gateway, replies: 1 message not sent (30032)", "sms.gateway, reminders: 1 message that may have been sent, or not (not-known)")
	if strings.Contains(a.out, "opted-out") || strings.Contains(a.out, "2025550") || strings.Contains(a.out, "447911") {
		t.Errorf("it tells too much:\n%s", a.out)
	}
	p.run("", "outbox", "list").has(t, "0a000000", "replies not sent (30032)", "0b000000", "may have been sent, or not (not-known)")
	if a := p.run("", "outbox", "retry"); a.status != 2 {
		t.Errorf("all of them, though none was named: %+v", a)
	}
	p.run("", "outbox", "retry", "--all").has(t, "2 messages, 3 segments, would be sent again, for 0.15 USD", "Nothing was done")
	p.run("", "outbox", "retry", "0a", "--yes").has(t, "1 message, 2 segments, sent again, for 0.10 USD")
	p.run("", "outbox", "drop", "--code", "not-known", "--yes").has(t, "1 message, 1 segment, given up.")
	p.run("", "outbox", "drop", "--waiting", "--class", "2", "--yes").has(t, "3 messages, 4 segments, given up.")
	a = p.run("", "outbox")
	a.has(t, "sms.gateway, replies 4 6 0.65 USD", "sms.gateway, reminders 3 5")
	if strings.Contains(a.out, "told to many") || strings.Contains(a.out, "For a person") {
		t.Errorf("what was given up is still there:\n%s", a.out)
	}
}

func TestTellIsRefused(t *testing.T) {
	p := newPlace(t)
	p.serve()
	if a := p.run("", "tell", "main-street", "The trees come."); a.status != 1 || !strings.Contains(a.err, "confidential") {
		t.Errorf("%+v", a)
	}
	if a := p.run("", "tell", "main-strete", "The trees come."); a.status != 1 || !strings.Contains(a.err, "did you mean") {
		t.Errorf("%+v", a)
	}
}

// TestTell: what came of a public consultation is told to those who answered, once. (A town that is open meanwhile sees
// it within a minute.)
func TestTell(t *testing.T) {
	texts := make(chan string, 10)
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct{ To, Text string }
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		first, _, _ := strings.Cut(m.Text, "\n")
		texts <- m.To + ": " + first
	}))
	defer gateway.Close()
	p := newPlace(t)
	p.write("dialogs/crash.yaml", crashDialog)
	p.write("townline.yaml", "dialogs: dialogs\ntown: {name: Elmwood, timezone: UTC}\nstore: {url: 'sqlite:town.db', key_file: town.key}\n"+
		"sms: {gateway: {secret: "+crashSecret+", url: '"+gateway.URL+"'}}\nlimits: {price: sms.gateway=0.05 USD, quiet: off}\n")
	r := p.serve()
	town := &traffic{url: r.url, client: http.DefaultClient}
	for n, who := range []string{"+12025550101", "+12025550102", "+12025550103"} {
		for i, words := range []string{"WORDS", "a", "b", "c", "yes"} {
			if n == 2 && words == "yes" { // who gave no answer isn't told
				continue
			}
			body, _ := json.Marshal(map[string]string{"id": fmt.Sprint(who, i), "from": who, "to": "+12025550000", "text": words})
			if _, err := town.post(body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	const words = "The trees come in May."
	p.run("", "tell", "crash", words).must(t, 0, "sms.gateway: 2 messages, 2 segments, 0.10 USD", "Nothing was sent")
	if len(texts) > 0 {
		t.Fatalf("without --yes: %s", <-texts)
	}
	p.run("", "tell", "crash", words, "--yes").must(t, 0, "2 messages are in the outbox")
	r = p.serve()
	got := map[string]bool{}
	for range 2 {
		select {
		case text := <-texts:
			got[text] = true
		case <-time.After(30 * time.Second):
			t.Fatalf("only %v were told: %s", got, r.errs)
		}
	}
	for _, who := range []string{"+12025550101", "+12025550102"} {
		if !got[who+": Elmwood: "+words] {
			t.Errorf("%s was not told: %v", who, got)
		}
	}
	p.run("", "tell", "crash", words, "--yes").must(t, 0, "Left out: 2, told before.", "There is nobody to be told.")
}

func TestUsualRates(t *testing.T) {
	for from, want := range map[string]float64{"+12025550100": 1, "+18885550100": 3, "+4420794601": 1, "72345": 100, "MG00000000000000000000000000000001": 1, "": 1} {
		if got := twilioRate(from); got != want {
			t.Errorf("%q: %v a second, want %v", from, got, want)
		}
	}
	c := &config.Config{}
	c.Limits.Rates = []config.Rate{{Name: "telegram", Each: 2}, {Name: "twilio", All: 50}}
	var lines []channels.Channel
	for _, name := range []farLine{"sms.twilio", "whatsapp.twilio", "telegram", "preview"} {
		lines = append(lines, farTexts{name})
	}
	l := limitsOf(c, lines)
	for channel, want := range map[string]float64{"sms.twilio": 50, "whatsapp.twilio": 50, "telegram": 30, "preview": 0} {
		if got := perSecond(&l, channel); got != want {
			t.Errorf("%s: %v a second, want %v", channel, got, want)
		}
	}
	c.Limits.Budgets = []config.Budget{{Name: "sms"}, {Name: "twillio"}}
	if stray := strayLimits(c, lines); len(stray) != 1 || stray[0] != "twillio" {
		t.Errorf("names that cover nothing: %q", stray)
	}
	if l.Account["sms.twilio"] != l.Account["whatsapp.twilio"] {
		t.Error("two accounts with Twilio")
	}
}
