package sms

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/twilio/twiliotest"
)

func TestPicturesOfMessages(t *testing.T) {
	const path = "/2010-04-01/Accounts/" + account + "/Messages/MM00000000000000000000000000000001/Media/ME00000000000000000000000000000002"
	const ref = "https://api.twilio.com" + path
	status, size, there := 0, 0, true
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != account || password != token {
			t.Errorf("%s without the password", r.Method)
		}
		switch {
		case status != 0:
			w.WriteHeader(status)
		case !strings.HasPrefix(r.URL.Path, path) || !there:
			twiliotest.Refuse(w, 404, 20404)
		case r.Method == http.MethodDelete:
			there = false
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Write(make([]byte, size))
		}
	}))
	defer api.Close()
	line := func() *Twilio {
		t, err := NewTwilio(TwilioConfig{AccountSID: account, AuthTokens: []string{token}, From: "+15550100", PublicURL: "https://talk.example.org", BaseURL: api.URL})
		if err != nil {
			panic(err)
		}
		return t
	}()

	for _, foreign := range []string{"https://evil.example/a", "http://api.twilio.com" + path, "https://api.twilio.com" + path + "/../x", "https://api.twilio.com@evil.example" + path,
		strings.Replace(ref, account, "AC00000000000000000000000000000009", 1), ref + "?x=1", ""} {
		if _, err := line.Fetch(t.Context(), foreign); err == nil {
			t.Errorf("%q was fetched", foreign)
		} else if _, gone := channels.IsGone(err); !gone {
			t.Errorf("%q: %v", foreign, err)
		}
		if err := line.Drop(t.Context(), foreign); err == nil {
			t.Errorf("%q was deleted", foreign)
		}
	}
	status = 503
	if _, err := line.Fetch(t.Context(), ref); err == nil {
		t.Error("a bad day is passed over")
	} else if _, again := channels.Retrying(err); !again {
		t.Error(err)
	}
	status, size = 0, 100
	if a, err := line.WhatsApp().Fetch(t.Context(), ref); err != nil || len(a.Bytes) != 100 {
		t.Error(len(a.Bytes), err)
	}
	size = channels.MostBytes + 1
	if _, err := line.Fetch(t.Context(), ref); err == nil {
		t.Error("it is too large")
	} else if _, gone := channels.IsGone(err); !gone {
		t.Error(err)
	}
	for range 2 { // that it is gone already is no error
		if err := line.WhatsApp().Drop(t.Context(), ref); err != nil {
			t.Error(err)
		}
	}
	if _, err := line.Fetch(t.Context(), ref); err == nil {
		t.Error("it is gone")
	} else if _, gone := channels.IsGone(err); !gone {
		t.Error(err)
	}
}
