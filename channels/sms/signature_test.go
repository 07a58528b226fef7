package sms

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/townline/townline/channels/peers"
)

// TestTwilioSigner lets Twilio's own library sign what we get over HTTP: the right ones pass, each of them three times and
// once more later with the same answer and one event; each tampered one is refused.
func TestTwilioSigner(t *testing.T) {
	modules := peers.NPM(t, "twilio")
	in := &inbox{}
	var mu sync.Mutex
	towns := make(map[string]http.Handler)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		public, err := url.PathUnescape(r.Header.Get("X-Public-URL"))
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		town, ok := towns[public]
		if !ok {
			twilio, err := NewTwilio(TwilioConfig{AccountSID: account, AuthTokens: []string{"0ld" + token, token}, From: "+15005550006", PublicURL: public, Now: atNoon})
			if err != nil {
				t.Errorf("%s: %v", public, err)
			}
			mux := http.NewServeMux()
			twilio.Mount(mux, in)
			town, towns[public] = mux, mux
		}
		mu.Unlock()
		town.ServeHTTP(w, r)
	}))
	defer server.Close()

	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	out := run(t, fmt.Sprintf(`{"port": %s, "token": %q}`, port, token), nil, "node", "testdata/sign.js", modules)

	cases, accepted := 0, 0
	lines := bufio.NewScanner(strings.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c struct {
			Name string
			Want int
			Got  []struct {
				Status int
				Text   string
			}
			Tampered []int
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases++
		for _, got := range c.Got {
			if got.Status != c.Want {
				t.Errorf("%s: status %d, want %d", c.Name, got.Status, c.Want)
			}
			if got.Text != c.Got[0].Text {
				t.Errorf("%s: a repeated message was answered %q, then %q", c.Name, c.Got[0].Text, got.Text)
			}
		}
		for _, status := range c.Tampered {
			if status != http.StatusForbidden {
				t.Errorf("%s: tampered with, status %d", c.Name, status)
			}
		}
		if c.Want == http.StatusOK {
			accepted++
		}
	}
	if cases < 532 {
		t.Errorf("%d cases, want at least 532", cases)
	}
	// Three cases of JSON carry one and the same message.
	if got := len(in.all()); got != accepted-1 {
		t.Errorf("%d events from %d accepted messages", got, accepted)
	}
	t.Logf("%d cases, %d accepted", cases, accepted)
}
