package sip

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/townline/townline/channels/call"
)

// A clerk is rung, presses 1, and has the line for something else than a conversation; then it hangs up.
func TestLend(t *testing.T) {
	x := newProvider(t)
	o := open(t, calls(x))
	done := make(chan error, 1)
	lent := make(chan bool, 1)
	var key byte
	go func() {
		done <- o.Lend(t.Context(), "202 555 0123", func(ctx context.Context, line call.Line) error {
			lent <- true
			p, _, err := line.Key(ctx, time.Minute)
			key = p.Key
			return err
		})
	}()
	c := x.rung()
	if c.invite.Recipient.User != ann.ID {
		t.Error(c.invite)
	}
	c.takes()
	c.hears(t)
	c.press("1")
	<-lent
	c.press("7")
	c.says(c.asked("BYE"), 200, "")
	if err := <-done; err != nil || key != '7' {
		t.Errorf("%v, key %q", err, key)
	}
	o.town.none(t)
	if err := o.Lend(t.Context(), "call me", nil); err == nil {
		t.Error("words were rung")
	}
	shut, err := New(o.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := shut.Lend(t.Context(), ann.ID, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	if err := o.Lend(gone, ann.ID, nil); err == nil || errors.Is(err, ErrNotTaken) {
		t.Errorf("%v", err)
	}
}
