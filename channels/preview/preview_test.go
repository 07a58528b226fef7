package preview

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// town is an Inbox that says everything back, and the same for the same id.
type town struct {
	mu    sync.Mutex
	heard []channels.Event
	down  bool
}

func (t *town) Receive(_ context.Context, e channels.Event) (channels.Reply, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down {
		return channels.Reply{}, errors.New("down")
	}
	t.heard = append(t.heard, e)
	return channels.Reply{Pages: []render.Page{{Text: "You said " + e.Words, Lang: "en", Options: []render.Shown{{Digit: "1", Label: "Yes"}}}}}, nil
}

func (t *town) Report(context.Context, string, string, channels.Delivery) error { return nil }

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) (*Preview, *town, *httptest.Server) {
	t.Helper()
	in, mux := &town{}, http.NewServeMux()
	now := noon
	p := New(Town{
		Name: "Elmwood", Hosts: []string{"localhost", "talk.example.org"},
		Words:   func() []StartWord { return []StartWord{{"MAIN", "Main Street plan", "Consultation"}} },
		Kept:    func(string) []Kept { return []Kept{{Title: "Main Street plan", Lines: []Line{{"Tie", "I live here"}}}} },
		Forward: func(d time.Duration) time.Time { now = now.Add(d); return now },
		Now:     func() time.Time { return now },
	})
	p.Mount(mux, in)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return p, in, s
}

// do sends a request and returns status and body.
func do(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

const (
	asJSON = "application/json"
	hello  = `{"from":"+12025550101","words":"MAIN","id":"one"}`
)

func TestAConversation(t *testing.T) {
	p, in, s := open(t)
	status, body := do(t, "POST", s.URL+"/preview/send", hello, "Content-Type", asJSON)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	var got state
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Texts) != 2 || got.Texts[0].By != "resident" || got.Texts[0].Words != "MAIN" || got.Texts[1].By != "town" || got.Texts[1].Words != "You said MAIN" || got.Texts[1].Segments != 1 || len(got.Texts[1].Keys) != 1 {
		t.Errorf("got %+v", got.Texts)
	}
	if len(got.Kept) != 1 {
		t.Errorf("kept %+v", got.Kept)
	}
	if e := in.heard[0]; e.From != (channels.Address{Kind: "tel", ID: "+12025550101"}) || e.ID != "one" || e.Channel != Name || !e.At.Equal(noon) {
		t.Errorf("heard %+v", e)
	}

	// The same again shows nothing new.
	do(t, "POST", s.URL+"/preview/send", hello, "Content-Type", asJSON)
	if got := p.state("+12025550101", 0); len(got.Texts) != 2 {
		t.Errorf("a repeated text is shown: %+v", got.Texts)
	}

	// What is pushed comes to the page that waits, once.
	done := make(chan string)
	go func() {
		_, body := do(t, "GET", s.URL+"/preview/thread?from=%2B12025550101&after=2&wait=1", "")
		done <- body
	}()
	for range 2 {
		if _, err := p.Deliver(t.Context(), channels.Address{Kind: "tel", ID: "+12025550101"}, render.Page{Text: "Still there?"}, "key"); err != nil {
			t.Fatal(err)
		}
	}
	if body := <-done; strings.Count(body, "Still there?") != 1 {
		t.Errorf("the page got %s", body)
	}
}

func TestAPushToNobodyIsGivenUp(t *testing.T) {
	p, _, _ := open(t)
	_, err := p.Deliver(t.Context(), channels.Address{Kind: "tel", ID: "+19995550100"}, render.Page{Text: "x"}, "key")
	if _, ok := channels.IsGone(err); !ok {
		t.Errorf("got %v", err)
	}
}

func TestTheClockMoves(t *testing.T) {
	_, _, s := open(t)
	if status, body := do(t, "POST", s.URL+"/preview/forward", `{"hours":24}`, "Content-Type", asJSON); status != 200 || !strings.Contains(body, "Tuesday 2 March 2027, 12:00") {
		t.Errorf("%d %s", status, body)
	}
}

func TestTheTownIsDown(t *testing.T) {
	_, in, s := open(t)
	in.down = true
	if status, body := do(t, "POST", s.URL+"/preview/send", hello, "Content-Type", asJSON); status != http.StatusServiceUnavailable || strings.Contains(body, "down") {
		t.Errorf("%d %s", status, body)
	}
}

func TestRefused(t *testing.T) {
	_, in, s := open(t)
	long := strings.Repeat("x", mostWords+1)
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		want                     int
	}{
		{"another site", "POST", "/preview/send", hello, []string{"Content-Type", asJSON, "Sec-Fetch-Site", "cross-site"}, 403},
		{"another site, older browser", "POST", "/preview/send", hello, []string{"Content-Type", asJSON, "Origin", "https://evil.example"}, 403},
		{"a form of another site", "POST", "/preview/send", hello, []string{"Content-Type", "text/plain"}, 415},
		{"a name that leads here", "GET", "/preview", "", []string{"Host", "evil.example"}, 421},
		{"a name that leads here, sending", "POST", "/preview/send", hello, []string{"Content-Type", asJSON, "Host", "evil.example:8080"}, 421},
		{"a real number", "POST", "/preview/send", `{"from":"+12025559999","words":"x"}`, []string{"Content-Type", asJSON}, 400},
		{"a long text", "POST", "/preview/send", `{"from":"+12025550101","words":"` + long + `"}`, []string{"Content-Type", asJSON}, 400},
		{"a huge body", "POST", "/preview/send", `{"words":"` + strings.Repeat("x", mostBody) + `"}`, []string{"Content-Type", asJSON}, 413},
		{"no JSON", "POST", "/preview/send", `{`, []string{"Content-Type", asJSON}, 400},
		{"a far future", "POST", "/preview/forward", `{"hours":100000}`, []string{"Content-Type", asJSON}, 403},
		{"nobody's thread", "GET", "/preview/thread?from=x", "", nil, 404},
		{"the wrong method", "GET", "/preview/send", "", nil, 405},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status, body := do(t, c.method, s.URL+c.path, c.body, c.header...); status != c.want {
				t.Errorf("got %d %s, want %d", status, body, c.want)
			}
		})
	}
	if len(in.heard) != 0 {
		t.Errorf("the town heard %+v", in.heard)
	}
}

func TestNamesOfItsOwn(t *testing.T) {
	_, _, s := open(t)
	for host, want := range map[string]int{
		"localhost:8080": 200, "LOCALHOST": 200, "talk.example.org": 200, "192.0.2.7:8080": 200, "[::1]:8080": 200, "[2001:db8::1]": 200,
		"talk.example.org.evil.example": 421, "192.0.2.7.evil.example:80": 421,
	} {
		if status, _ := do(t, "GET", s.URL+"/preview", "", "Host", host); status != want {
			t.Errorf("called %s, it answers %d", host, status)
		}
	}
}

func TestThePageIsWhole(t *testing.T) {
	_, _, s := open(t)
	for path, want := range map[string]string{
		"/preview": "<!doctype html>", "/preview/app.js": "use strict", "/preview/style.css": "prefers-color-scheme", "/preview/town": "Main Street plan",
	} {
		if status, body := do(t, "GET", s.URL+path, ""); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d", path, status)
		}
	}
}
