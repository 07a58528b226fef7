package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheSameAgainIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		log := slog.New(newHush(slog.NewTextHandler(&b, nil)))
		for range 3 * hushAfter {
			log.With("channel", "sms").Warn("forged")
		}
		log.Warn("something else")
		if n := strings.Count(b.String(), "msg=forged"); n != hushAfter {
			t.Errorf("it was written %d times", n)
		}
		if !strings.Contains(b.String(), "something else") {
			t.Error("another message was left out")
		}
		time.Sleep(hushSpan)
		b.Reset()
		log.Warn("forged")
		log.Warn("forged")
		if n := strings.Count(b.String(), "left_out_before=200"); n != 1 {
			t.Errorf("how many were left out is said %d times:\n%s", n, b.String())
		}
	})
}
