package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// newTestServer serves a mux that panics, with what holds for every request around it.
func newTestServer(t *testing.T, ready error) (*server, *httptest.Server, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	s := newServer(slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry(), func(context.Context) error { return ready })
	s.mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("what a resident said") })
	s.mux.HandleFunc("POST /read", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, "too long", http.StatusRequestEntityTooLarge)
		}
	})
	web := httptest.NewServer(s.handler())
	t.Cleanup(web.Close)
	return s, web, &log
}

func answerOf(t *testing.T, r *http.Response, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestAPanicTellsNothing(t *testing.T) {
	_, web, log := newTestServer(t, nil)
	r, err := http.Get(web.URL + "/panic")
	if status, body := answerOf(t, r, err); status != http.StatusInternalServerError || body != "" {
		t.Errorf("%d %q", status, body)
	}
	web.Close()
	if !strings.Contains(log.String(), "a request failed") || strings.Contains(log.String(), "what a resident said") {
		t.Errorf("the log says %s", log)
	}
	if !strings.Contains(log.String(), "GET /panic") || !strings.Contains(log.String(), "server_test.go") {
		t.Errorf("the log does not say where: %s", log)
	}
}

func TestBodiesAreLimited(t *testing.T) {
	_, web, _ := newTestServer(t, nil)
	for length, want := range map[int]int{mostBody: 200, mostBody + 1: 413} {
		r, err := http.Post(web.URL+"/read", "text/plain", strings.NewReader(strings.Repeat("x", length)))
		if status, _ := answerOf(t, r, err); status != want {
			t.Errorf("%d bytes got %d", length, status)
		}
	}
}

func TestReadyTellsTheTruth(t *testing.T) {
	_, web, _ := newTestServer(t, errors.New("the disk is full"))
	r, err := http.Get(web.URL + "/readyz")
	if status, body := answerOf(t, r, err); status != http.StatusServiceUnavailable || strings.Contains(body, "disk") {
		t.Errorf("with a broken store it says %d %q", status, body)
	}
	s, web, _ := newTestServer(t, nil)
	r, err = http.Get(web.URL + "/readyz")
	if status, _ := answerOf(t, r, err); status != http.StatusOK {
		t.Errorf("it says %d", status)
	}
	s.draining.Store(true)
	r, err = http.Get(web.URL + "/readyz")
	if status, _ := answerOf(t, r, err); status != http.StatusServiceUnavailable {
		t.Errorf("while shutting down it says %d", status)
	}
}
