package kiosk

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/townline/townline/locales"
)

// A machine that is looked at in a frame allows the pages of its own server to hold that frame; the others allow nobody.
func TestWhoMayHoldTheFrame(t *testing.T) {
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := Settings{Town: "Elmwood", Languages: []string{"en"}, Phrases: phrases}
	for _, c := range []struct {
		k                *Kiosk
		path, name, want string
	}{
		{New(s), "/kiosk", "kiosk", "frame-ancestors 'none'"},
		{NewWeb(s), "/web", "web", "frame-ancestors 'none'"},
		{NewFramed("preview.kiosk", "/preview/kiosk/1", s), "/preview/kiosk/1", "preview.kiosk", "frame-ancestors 'self'"},
	} {
		mux, answer := http.NewServeMux(), httptest.NewRecorder()
		c.k.Mount(mux, nil)
		mux.ServeHTTP(answer, httptest.NewRequest("GET", c.path, nil))
		if got := answer.Header().Get("Content-Security-Policy"); answer.Code != http.StatusOK || !strings.Contains(got, c.want) || strings.Count(got, "frame-ancestors") != 1 {
			t.Errorf("%s: %d %s", c.path, answer.Code, got)
		}
		if traits := c.k.Traits(); c.k.Name() != c.name || traits.Name != c.name {
			t.Errorf("%s is called %s and %s", c.path, c.k.Name(), traits.Name)
		}
		if body := answer.Body.String(); !strings.Contains(body, `data-base="`+c.path+`"`) || strings.Contains(body, " data-kiosk") == (c.name == "web") {
			t.Errorf("%s: its page is another's", c.path)
		}
	}
}
