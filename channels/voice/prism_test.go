package voice

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	rest "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/townline/townline/channels/peers"
	"github.com/townline/townline/dialogs/render"
)

// Every REST call that we make, and every answer of the fake that the other tests rely on, is one that Twilio's own
// document allows. The sound of a recording isn't in that document.
func TestPrism(t *testing.T) {
	fake := newFakeTwilio(t)
	base := peers.Prism(t, fake.URL)
	line := newLine(t, func(c *Config) { c.BaseURL = base })
	receipt, err := line.Deliver(t.Context(), resident, render.Page{}, "k")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := line.Deliver(t.Context(), resident, reminder("¿Quiere seguir?"), "k2"); err != nil {
		t.Error(err)
	}
	wordy := newLine(t, func(c *Config) { c.BaseURL, c.Town = base, strings.Repeat("Elmwood ", 500) })
	if _, err := wordy.Deliver(t.Context(), resident, render.Page{}, "k3"); err != nil {
		t.Error(err)
	}
	if asked := lastAsked(fake); asked.Get("Url") == "" || asked.Has("Twiml") {
		t.Errorf("a long greeting went as %v", asked)
	}
	if sent, err := line.Look(t.Context(), "", receipt); !sent || err != nil {
		t.Errorf("by receipt: %v, %v", sent, err)
	}
	for range 60 {
		fake.Note("Calls", theirs, "", "inbound", noon)
	}
	if found, sent, err := newLine(t, func(c *Config) { c.BaseURL = base }).Find(t.Context(), resident, render.Page{}, "k", noon); found == "" || !sent || err != nil {
		t.Errorf("in the list: %q, %v, %v", found, sent, err)
	}
	fake.Records(recordingSID, "absent")
	about := line.account.Call(t.Context())
	if _, err := about.REST().FetchRecording(recordingSID, &rest.FetchRecordingParams{}); err != nil {
		t.Errorf("about a recording: %v", err)
	}
	if err := line.Drop(t.Context(), line.recordingRef(recordingSID)); err != nil || len(fake.Deleted()) != 1 {
		t.Errorf("dropped: %v", err)
	}

	// Prism does refuse: an answer with a SID that is none, and a call to nobody.
	fake.Set(func(w http.ResponseWriter) bool {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"sid":"CA1"}`))
		return true
	}, false)
	if got := word(line.Deliver(t.Context(), resident, render.Page{}, "k4")); got != "retry 0s" {
		t.Errorf("Prism let a wrong answer pass: %s", got)
	}
	fake.Set(nil, false)
	r := must[*http.Request](t)(http.NewRequest("POST", base+folder+"/Calls.json", strings.NewReader(url.Values{"Twiml": {"<Response/>"}, "Timeout": {"soon"}}.Encode())))
	r.SetBasicAuth(account, token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := must[*http.Response](t)(http.DefaultClient.Do(r))
	answer.Body.Close()
	if answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("Prism let a wrong call pass: %d", answer.StatusCode)
	}
}
