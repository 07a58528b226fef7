package main

import (
	"net/http"
	"testing"
)

// A proxy beside the town calls from loopback whoever asks it: what the page does by itself, it does for this machine alone.
func TestPreviewIsNotForWhoComesThroughAProxy(t *testing.T) {
	p := newPlace(t)
	ask := func(r *running, host string, header ...string) int {
		t.Helper()
		req, err := http.NewRequest("GET", r.url+"/preview", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for _, c := range []struct {
		name, header string
		args         []string
		host         string
		want         int
	}{
		{name: "here", want: 200},
		{name: "by the public name", args: []string{"--public-url", "https://talk.example.org"}, host: "talk.example.org", want: 404},
		{name: "a proxy that gives its own name for the town", args: []string{"--public-url", "https://talk.example.org"}, want: 404},
		{name: "a proxy that says so", header: "X-Forwarded-For", want: 403},
		{name: "another that says so", header: "Forwarded", want: 403},
		{name: "switched on", args: []string{"--public-url", "https://talk.example.org", "--preview", "on"}, host: "talk.example.org", header: "X-Forwarded-For", want: 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := p.serve(c.args...)
			if c.header != "" {
				if got := ask(r, c.host, c.header, "203.0.113.5"); got != c.want {
					t.Errorf("%d, want %d", got, c.want)
				}
			} else if got := ask(r, c.host); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}
