package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collects is an OpenTelemetry collector, as far as OTLP/HTTP asks for.
type collects struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*tracepb.Span
	raw   strings.Builder
	wrong []string
}

func newCollects(t *testing.T) *collects {
	c := &collects{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		var all collectorpb.ExportTraceServiceRequest
		if r.Method != "POST" || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || r.Header.Get("Authorization") != "the-key" {
			c.wrong = append(c.wrong, r.Method+" "+r.URL.Path)
		}
		if err := proto.Unmarshal(body, &all); err != nil {
			c.wrong = append(c.wrong, err.Error())
		}
		c.raw.Write(body)
		for _, rs := range all.ResourceSpans {
			if len(rs.Resource.Attributes) == 0 {
				c.wrong = append(c.wrong, "nobody's spans")
			}
			for _, ss := range rs.ScopeSpans {
				c.spans = append(c.spans, ss.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collects) named(name string) (all []*tracepb.Span) {
	for _, s := range c.spans {
		if s.Name == name {
			all = append(all, s)
		}
	}
	return all
}

func said(s *tracepb.Span) string {
	var b strings.Builder
	for _, a := range s.Attributes {
		b.WriteString(a.Key + "=" + a.Value.GetStringValue() + " ")
	}
	return b.String()
}

// A turn by a page of the preview, from the request to the reply.
func TestTurnsAreTraced(t *testing.T) {
	c := newCollects(t)
	p := newPlace(t)
	p.env = append(p.env, "TOWNLINE_WATCH_TRACES="+c.URL, "TOWNLINE_WATCH_SHARE=100%", "TOWNLINE_WATCH_HEADERS=authorization=the-key")
	r := p.serve()
	r.text("+12025550101", "MEND")
	r.text("+12025550101", "2")
	r.text("+12025550101", "Secret Lane 7")
	r.get("/readyz")
	r.get("/metrics")
	if err := r.stop(); err != nil { // what is left is sent at the end
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.wrong {
		t.Error(w)
	}
	turns := c.named("turn")
	if len(turns) != 3 {
		t.Fatalf("%d turns of 3 were traced", len(turns))
	}
	last := turns[2]
	if got := said(last); !strings.Contains(got, "townline.channel=") || !strings.Contains(got, "townline.outcome=applied") {
		t.Errorf("a turn says %q", got)
	}
	var stages []string
	for _, s := range c.spans {
		if string(s.ParentSpanId) == string(last.SpanId) {
			if s.StartTimeUnixNano < last.StartTimeUnixNano || s.EndTimeUnixNano > last.EndTimeUnixNano+1e6 || string(s.TraceId) != string(last.TraceId) {
				t.Errorf("the stage %q is outside of its turn", s.Name)
			}
			stages = append(stages, s.Name)
		}
	}
	for _, want := range []string{"wait", "load", "read", "step", "render", "write", "commit", "reply"} {
		if !slices.Contains(stages, want) {
			t.Errorf("there is no %q among the stages %q", want, stages)
		}
	}
	requests := c.named("POST /preview/send")
	if len(requests) != 3 || !slices.ContainsFunc(requests, func(s *tracepb.Span) bool { return string(s.SpanId) == string(last.ParentSpanId) }) {
		t.Errorf("the turn is not a part of its request: %d of them", len(requests))
	}
	for _, s := range c.spans {
		if strings.Contains(s.Name, "readyz") || strings.Contains(s.Name, "metrics") {
			t.Errorf("%q is traced", s.Name)
		}
	}
	for _, never := range []string{"2025550101", "Secret", "MEND", "Lane"} {
		if strings.Contains(c.raw.String(), never) {
			t.Errorf("%q has left the town", never)
		}
	}
}

// A collector that isn't there costs nobody anything, and is told once.
func TestTracesThatNobodyTakes(t *testing.T) {
	p := newPlace(t)
	p.env = append(p.env, "TOWNLINE_WATCH_TRACES=http://"+free(t), "TOWNLINE_WATCH_SHARE=100%")
	r := p.serve()
	for range 3 {
		r.text("+12025550101", "MEND")
	}
	if err := r.stop(); err != nil {
		t.Errorf("%v\n%s", err, r.errs)
	}
	if n := strings.Count(r.errs.String(), "traces can't be sent"); n != 1 {
		t.Errorf("it is told %d times\n%s", n, r.errs)
	}
}

func TestAShareOfNothingIsNothing(t *testing.T) {
	c := newCollects(t)
	p := newPlace(t)
	p.env = append(p.env, "TOWNLINE_WATCH_TRACES="+c.URL, "TOWNLINE_WATCH_SHARE=0%", "TOWNLINE_WATCH_HEADERS=authorization=the-key")
	r := p.serve()
	r.text("+12025550101", "MEND")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.spans) > 0 {
		t.Errorf("%d spans", len(c.spans))
	}
}
