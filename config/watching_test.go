package config

import (
	"strings"
	"testing"
	"time"
)

func TestWatching(t *testing.T) {
	t.Setenv("TOWNLINE_WATCH_TRACES", "https://collector.example.org/")
	t.Setenv("TOWNLINE_WATCH_HEADERS", "authorization=very-secret")
	t.Setenv("TOWNLINE_WATCH_SHARE", "25%")
	t.Setenv("TOWNLINE_WATCH_BACKUPS", "copies")
	c, err := Load(Source{})
	if err != nil {
		t.Fatal(err)
	}
	w := c.Watch
	if w.Traces != "https://collector.example.org" || w.Share != .25 || w.Backups != "copies" || w.Every != 26*time.Hour || len(w.Headers) != 1 || w.Headers[0].Reveal() != "authorization=very-secret" {
		t.Errorf("read %+v", w)
	}
	for name, wrong := range map[string]string{"TRACES": "collector:4318", "SHARE": "0.1", "HEADERS": "just-a-token", "BACKUPS_EVERY": "daily"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TOWNLINE_WATCH_"+name, wrong)
			if _, err := Load(Source{}); err == nil || !strings.Contains(err.Error(), "watch."+strings.ToLower(name)) || strings.Contains(err.Error(), "just-a-token") {
				t.Errorf("%q is said to be %v", wrong, err)
			}
		})
	}
}
