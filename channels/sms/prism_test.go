package sms

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/peers"
	"github.com/townline/townline/dialogs/render"
)

// Every REST call that we make, and every answer of the fake that the other tests rely on, is one that Twilio's own
// document allows.
func TestPrism(t *testing.T) {
	fake := newFakeTwilio(t)
	base := peers.Prism(t, fake.URL)
	twilio := newTwilio(t, func(c *TwilioConfig) {
		c.BaseURL = base
		c.WhatsApp = "+15005550007"
		c.Content.Buttons = map[int]string{1: "HX" + account[2:]}
	})
	service := newTwilio(t, func(c *TwilioConfig) { c.BaseURL, c.From = base, "MG"+account[2:] })

	page := render.Page{Text: "Hello <é> 😀\nline"}
	send := func(c channels.Channel, p render.Page) string {
		t.Helper()
		receipt, err := c.Deliver(t.Context(), resident, p, "k-"+p.Text[:1])
		if err != nil {
			t.Fatal(err)
		}
		return receipt
	}
	receipt := send(twilio, page)
	send(service, page)
	send(twilio.WhatsApp(), page)
	send(twilio.WhatsApp(), render.Page{Text: "Buses?", Options: []render.Shown{{Digit: "1", Label: "Yes"}}})
	if len(fake.Asked()) != 4 || fake.Asked()[0].Get("Body") != page.Text || fake.Asked()[3].Get("ContentSid") == "" {
		t.Errorf("Twilio was asked %v", fake.Asked())
	}
	if sent, err := twilio.Look(t.Context(), "", receipt); !sent || err != nil {
		t.Errorf("by receipt: %v, %v", sent, err)
	}
	for range 60 {
		fake.Note("Messages", resident.ID, "Something else", "outbound-api", noon)
	}
	heir := newTwilio(t, func(c *TwilioConfig) { c.BaseURL = base })
	calls := fake.Count()
	if found, sent, err := heir.Find(t.Context(), resident, page, "k", noon); found == "" || !sent || err != nil {
		t.Errorf("in the list: %q, %v, %v", found, sent, err)
	}
	if fake.Count() != calls+2 {
		t.Errorf("%d pages of the list were read, want 2", fake.Count()-calls)
	}

	// Prism does refuse: an answer with a SID that is none, and a call with one.
	fake.Set(func(w http.ResponseWriter) bool {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		w.Write([]byte(`{"sid":"SM1"}`))
		return true
	}, false)
	if got := word(twilio.Deliver(t.Context(), resident, page, "k2")); got != "retry 0s" {
		t.Errorf("Prism let a wrong answer pass: %s", got)
	}
	fake.Set(nil, false)
	calls = fake.Count()
	r, err := http.NewRequest("POST", base+"/2010-04-01/Accounts/"+account+"/Messages.json", strings.NewReader(url.Values{"To": {"+15550100123"}, "MessagingServiceSid": {"XX1"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(account, token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusUnprocessableEntity || fake.Count() != calls {
		t.Errorf("Prism let a wrong call pass: %d", answer.StatusCode)
	}
}
