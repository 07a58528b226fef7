package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A recording takes its time on a slow line. What may not be large, or stops coming, is cut off as ever.
func TestARecordingOnASlowLine(t *testing.T) {
	s := newServer(slog.New(slog.DiscardHandler), prometheus.NewRegistry(), func(context.Context) error { return nil })
	s.reads = 300 * time.Millisecond
	read := func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "cut off", http.StatusRequestTimeout)
			return
		}
		fmt.Fprint(w, len(b))
	}
	s.mux.HandleFunc("POST /small", read)
	s.mux.HandleFunc("POST /large", read)
	s.takes("/large", 1<<30)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	const piece = 2 << 10
	send := func(path string, pieces int, between time.Duration) string {
		body, in := io.Pipe()
		go func() {
			for range pieces {
				if _, err := in.Write(make([]byte, piece)); err != nil {
					return
				}
				tick := time.NewTimer(between)
				<-tick.C
			}
			in.Close()
		}()
		resp, err := http.Post("http://"+l.Addr().String()+path, "application/octet-stream", body)
		if err != nil {
			return "cut off"
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			return "cut off"
		}
		return string(b)
	}
	for _, c := range []struct {
		what, path string
		pieces     int
		between    time.Duration
		want       string
	}{
		{"slow, but it comes", "/large", 6, 150 * time.Millisecond, fmt.Sprint(6 * piece)},
		{"slow, where nothing is large", "/small", 6, 150 * time.Millisecond, "cut off"},
		{"it stops coming", "/large", 2, 2 * time.Second, "cut off"},
	} {
		if got := send(c.path, c.pieces, c.between); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}
