package sip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/dialogs/render"
)

// Deliver rings a number. Who answers and presses 1 hears p, or is asked as if they had rung; Deliver returns then, and the
// call goes on. A machine presses nothing.
func (s *SIP) Deliver(ctx context.Context, to channels.Address, p render.Page, _ string) (string, error) {
	if number, ok := channels.Number(to.ID, ""); to.Kind != "tel" || !ok || number != to.ID || number[0] != '+' {
		return "", channels.Gone(errors.New("sip: not a number that can be rung"), "number")
	}
	defer s.busy.Begin()()
	l, err := s.ringOut(ctx, to.ID)
	if err != nil {
		return "", outcome(ctx, err)
	}
	c := s.call(l)
	c.From, c.To, c.Taken = to, l.trunk.From, true
	if len(p.Spoken) > 0 {
		c.Pages = []render.Page{p}
		if p.Lang != "" {
			c.Lang = p.Lang
		}
	}
	phone := newPhone(l)
	ok, err := call.Answered(ctx, phone, c)
	if !ok {
		s.busy.Go(l.bye)
		return "", channels.Retry(cmp.Or(ctx.Err(), err, ErrNotTaken), 0)
	}
	s.busy.Go(func() {
		began := s.cfg.Now()
		s.holdBy(phone, c)
		s.took(l.name, s.cfg.Now().Sub(began))
	})
	return l.name, nil
}

// took tells the town how long a call of its own lasted, for its budget.
func (s *SIP) took(receipt string, d time.Duration) {
	s.mu.Lock()
	in := s.inbox
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), reportTime)
	defer cancel()
	if err := in.Report(ctx, Name, receipt, channels.Delivery{State: channels.Arrived, At: s.cfg.Now(), Took: max(d, time.Second)}); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "how long a call lasted was not noted", slog.String("call", receipt), slog.Any("error", err))
	}
}

const reportTime = 5 * time.Second

// ringOut rings a number by the first trunk that works.
func (s *SIP) ringOut(ctx context.Context, number string) (l *leg, err error) {
	err = fmt.Errorf("%w: no trunk takes calls to the outside", errUnsent)
	for _, t := range s.trunks {
		if t.Host == "" {
			continue
		}
		l, err = s.ring(ctx, t, sip.Uri{Scheme: "sip", User: number, Host: t.host.name, Port: t.host.port, UriParams: sip.HeaderParams{{K: "user", V: "phone"}}})
		var no *refused
		switch {
		case err == nil, ctx.Err() != nil, errors.Is(err, errUnanswered), errors.Is(err, errFull):
			return l, err
		case errors.As(err, &no) && (no.code < 500 || no.code >= 600) && no.code != sip.StatusForbidden && no.code != sip.StatusUnauthorized && no.code != sip.StatusProxyAuthRequired:
			return l, err
		}
	}
	return nil, err
}

// outcome says what can be done about a call that didn't come about.
func outcome(ctx context.Context, err error) error {
	var no *refused
	if errors.Is(err, errFull) || errors.Is(err, errUnsent) || errors.Is(err, errSilence) { // no telephone has rung: it can be tried again at once
		return channels.Retry(fmt.Errorf("%w: %w", channels.ErrNotRung, err), 0)
	}
	if !errors.As(err, &no) || ctx.Err() != nil {
		return channels.Retry(err, 0)
	}
	switch no.code {
	case 404, 410, 416, 484, 485, 604, // there is no such number
		603, 607, 608, // they don't want calls
		488, 606: // nor can they take any
		return channels.Gone(err, strconv.Itoa(no.code))
	case 401, 403, 407: // the trunk doesn't want us: that has to be mended first
		return channels.Retry(fmt.Errorf("%w: %w", channels.ErrNotRung, err), 10*time.Minute)
	case 500, 502, 503:
		return channels.Retry(fmt.Errorf("%w: %w", channels.ErrNotRung, err), 0)
	}
	if no.code >= 300 && no.code < 400 { // nobody sends us elsewhere
		return channels.Gone(err, strconv.Itoa(no.code))
	}
	return channels.Retry(err, 0)
}

// desk is where a person of the town is rung: only what the town's own configuration says.
func (s *SIP) desk(number string, host sip.Uri) (sip.Uri, error) {
	if strings.HasPrefix(number, "sip:") || strings.HasPrefix(number, "sips:") {
		var uri sip.Uri
		if err := sip.ParseUri(number, &uri); err != nil || uri.Host == "" {
			return uri, errors.New("not an address that can be rung")
		}
		uri.Headers = nil
		return uri, nil
	}
	extension := strings.Trim(number, "0123456789") == "" && len(number) >= 2 && len(number) <= 6 // of a PBX
	if n, ok := channels.Number(number, s.cfg.Country); ok && !extension {
		number = n
	} else if !extension {
		return sip.Uri{}, errors.New("not a number that can be rung")
	}
	host.Scheme, host.User = "sip", number
	return host, nil
}
