package sip

import (
	"context"
	"errors"
	"fmt"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
)

// ErrNotTaken is the error of Lend when somebody answered, or a machine, and nobody pressed 1.
var ErrNotTaken = errors.New("sip: it was answered, but nobody pressed 1")

// ErrClosed is the error of Lend when the line is not open, or not yet.
var ErrClosed = errors.New("sip: the line is not open")

// Lend rings a number and, once somebody has answered and pressed 1, lends the line to hold: for calls that are no
// conversation with a resident, such as that of a clerk who records texts. It hangs up when hold returns. The line must be
// open (Listen).
func (s *SIP) Lend(ctx context.Context, number string, hold func(context.Context, call.Line) error) error {
	to, ok := channels.Number(number, s.cfg.Country)
	if !ok || to[0] != '+' {
		return errors.New("sip: not a number that can be rung")
	}
	s.mu.Lock()
	open := s.life != nil && !s.closing
	s.mu.Unlock()
	if !open {
		return ErrClosed
	}
	l, err := s.ringOut(ctx, to)
	if err != nil {
		return fmt.Errorf("sip: nobody answered: %w", err)
	}
	defer l.bye()
	c, phone := s.call(l), newPhone(l)
	ok, err = call.Answered(ctx, phone, c)
	switch {
	case err != nil:
		return err
	case !ok:
		return ErrNotTaken
	}
	return hold(ctx, phone)
}
