package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// peer answers like a town, in the response or by a call of its own, and notes what was wrong.
type peer struct {
	*httptest.Server
	mu     sync.Mutex
	ids    map[string]bool
	wrong  []string
	calls  string // where answers go; "" : into the response
	answer func(body string) string
}

func newPeer(t *testing.T, answer func(string) string) *peer {
	p := &peer{ids: map[string]bool{}, answer: answer}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *peer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body := req.PostFormValue("Body")
	id := req.PostFormValue("MessageSid")
	p.mu.Lock()
	if p.ids[id] {
		p.wrong = append(p.wrong, id+" came twice")
	}
	p.ids[id] = true
	if req.Header.Get("X-Twilio-Signature") != sign("https://talk.example.org/in", "secret", req.PostForm) {
		p.wrong = append(p.wrong, "not signed")
	}
	p.mu.Unlock()
	if p.calls == "" {
		io.WriteString(w, "<Message>"+p.answer(body)+"</Message>")
		return
	}
	go func() {
		resp, err := http.PostForm(p.calls, url.Values{"To": {req.PostFormValue("From")}, "Body": {p.answer(body)}})
		if err == nil {
			resp.Body.Close()
		}
	}()
}

func newRider(p *peer, steps ...step) *rider {
	return &rider{url: p.URL, signed: "https://talk.example.org/in", token: "secret", steps: steps, callers: 4, people: 20,
		rounds: 2, watched: []watched{{"peer", os.Getpid()}}}
}

func TestRide(t *testing.T) {
	p := newPeer(t, func(body string) string { return "You said " + body })
	r, err := newRider(p, step{"A", "said A"}, step{"B", "said B"}).ride()
	if err != nil || len(p.wrong) > 0 {
		t.Fatal(err, p.wrong)
	}
	if r.Turns != 2*20*2 || r.Turns != len(p.ids) || r.Rate <= 0 || r.P50 <= 0 || r.P99 < r.P50 || r.Most < r.P99 || r.CPU["peer"] < 0 || r.Memory["peer"] < 1 || r.Driver <= 0 {
		t.Errorf("%+v of %d", r, len(p.ids))
	}
	if s := r.String(); !strings.Contains(s, "turns/s") || !strings.Contains(s, "\npeer: ") {
		t.Error(s)
	}
}

// A peer that answers later, by Twilio's REST API.
func TestRideWithCalls(t *testing.T) {
	p := newPeer(t, func(body string) string { return "You said " + body })
	r := newRider(p, step{"A", "said A"})
	r.answers = "127.0.0.1:0"
	free := httptest.NewServer(http.NotFoundHandler())
	r.answers = free.Listener.Addr().String()
	free.Close()
	p.calls = "http://" + r.answers + "/2010-04-01/Accounts/AC/Messages.json"
	if got, err := r.ride(); err != nil || got.Turns != 40 {
		t.Error(got, err)
	}
}

func TestRideEndsAtAWrongAnswer(t *testing.T) {
	p := newPeer(t, func(body string) string { return "You said " + body })
	if r, err := newRider(p, step{"A", "said A"}, step{"B", "said C"}).ride(); err == nil || !strings.Contains(err.Error(), "said C") {
		t.Error(r, err)
	}
	p = newPeer(t, nil)
	p.Config.Handler = http.NotFoundHandler()
	if r, err := newRider(p, step{"A", ""}).ride(); err == nil || !strings.Contains(err.Error(), "404") {
		t.Error(r, err)
	}
}

func TestHello(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(hello))
	defer s.Close()
	r := &rider{url: s.URL, steps: []step{{"A", "hello"}}, callers: 2, people: 4, rounds: 3}
	if got, err := r.ride(); err != nil || got.Turns != 12 {
		t.Error(got, err)
	}
}

func TestSteps(t *testing.T) {
	got, err := readSteps("# a race\nPARK => What?\n\n 1=>How many?\n2 =>\n")
	if want := []step{{"PARK", "What?"}, {"1", "How many?"}, {"2", ""}}; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Error(got, err)
	}
	for _, bad := range []string{"", "# nothing", "PARK", "=> what"} {
		if got, err := readSteps(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestCommandLine(t *testing.T) {
	p := newPeer(t, func(body string) string { return "You said " + body })
	file := filepath.Join(t.TempDir(), "steps.txt")
	if err := os.WriteFile(file, []byte("A => said A\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-url", p.URL, "-signed-url", "https://talk.example.org/in", "-token", "secret", "-steps", file, "-warm", "0", "-rounds", "1", "-people", "64"}
	if err := run(append(args, "-json", "-pids", fmt.Sprint("peer=", os.Getpid()))); err != nil {
		t.Error(err)
	}
	if err := run(append(args, "-pids", "peer")); err == nil || !strings.Contains(err.Error(), "name=1234") {
		t.Error(err)
	}
	if err := run(append(args, "-people", "1")); err == nil {
		t.Error("one person talked with 64 at once")
	}
}
