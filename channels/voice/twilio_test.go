package voice

import (
	"net/http/httptest"
)

func statusOf(p *phone, state string, more ...string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.mux.ServeHTTP(w, signed("/voice/twilio/status", standard(append([]string{"CallStatus", state}, more...)...)))
	return w
}
