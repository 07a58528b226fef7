package sip

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Pass passes the call on to a desk: the trunk does it where it takes REFER, else we ring the desk and join both calls. The
// caller hears it ring.
func (p *phone) Pass(ctx context.Context, desk string) (answered bool, err error) {
	s, l := p.leg.line, p.leg
	number, ok := s.cfg.Desks[desk]
	if !ok {
		number = s.cfg.Desks[""]
	}
	if number == "" {
		return false, p.ended(ctx)
	}
	by := l.trunk
	if by.Host == "" {
		for _, t := range s.trunks {
			if t.Host != "" {
				by = t
				break
			}
		}
	}
	host := sip.Uri{Host: cmp.Or(by.host.name, l.target.Host), Port: by.host.port}
	to, err := s.desk(number, host)
	if err != nil {
		return false, p.ended(ctx)
	}
	ringing, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-l.over:
			cancel()
		case <-ringing.Done():
		}
	}()
	heard := make(chan struct{})
	go func() { p.ringing(ringing); close(heard) }()
	stop := func() { cancel(); <-heard }

	if !l.trunk.Bridge {
		did, refused := l.passOn(ringing, to)
		if !refused || l.gone() {
			stop()
			return did || l.gone(), nil
		}
	}
	if by.Host == "" {
		stop()
		return false, p.ended(ctx)
	}
	other, err := s.ring(ringing, by, to)
	stop()
	switch {
	case err != nil && l.gone():
		return true, nil
	case err != nil:
		s.log.LogAttrs(ctx, slog.LevelWarn, "the desk was not reached", slog.String("call", l.name), slog.Any("error", err))
		return false, ctx.Err()
	}
	defer other.bye()
	if err := l.media.Bridge(other.media); err != nil {
		return l.gone(), p.ended(ctx)
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "passed on to a desk", slog.String("call", l.name), slog.String("to", other.name))
	long := time.NewTimer(s.cfg.Longest)
	defer long.Stop()
	select {
	case <-l.over:
	case <-other.over:
	case <-long.C:
	}
	l.media.Part()
	return true, nil
}

// ringing plays that it rings, until ctx ends. Keys pressed meanwhile mean nothing.
func (p *phone) ringing(ctx context.Context) {
	for ctx.Err() == nil {
		if played, err := p.leg.media.Play(ctx, rings); err != nil {
			return
		} else if played < rings.Length() {
			if _, ok, err := p.leg.media.Key(ctx, 0); err != nil || !ok {
				return
			}
		}
	}
}

// passOn asks the trunk to connect the caller with somebody else (REFER, RFC 3515). did is true once that was answered, and
// refused when the trunk doesn't do such a thing.
func (l *leg) passOn(ctx context.Context, to sip.Uri) (did, refused bool) {
	told := make(chan int, 8)
	l.mu.Lock()
	l.refer = told
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.refer = nil
		l.mu.Unlock()
	}()
	us := l.contact().Address
	asking, cancel := context.WithTimeout(ctx, 64*l.line.t1)
	defer cancel()
	res, err := l.do(asking, l.request(sip.REFER, nil, "", sip.NewHeader("Refer-To", "<"+to.String()+">"), sip.NewHeader("Referred-By", "<"+us.String()+">")))
	if err != nil {
		return false, !errors.Is(err, context.Canceled)
	}
	if !res.IsSuccess() {
		l.log("REFER refused: " + strconv.Itoa(res.StatusCode))
		return false, true
	}
	late := time.NewTimer(l.line.cfg.Ringing + 20*time.Second)
	defer late.Stop()
	for {
		select {
		case code := <-told:
			switch {
			case code >= 200 && code < 300:
				l.log("passed on by the trunk")
				return true, false
			case code >= 300:
				return false, slices.Contains(wontPass, code)
			}
		case <-l.over: // they took the caller away, or the caller rang off
			return true, false
		case <-ctx.Done():
			return false, false
		case <-late.C:
			return false, false
		}
	}
}

// wontPass are what a trunk says, once it has agreed to pass a call on, when it can't do such a thing or mayn't: not that nobody
// answers.
var wontPass = []int{sip.StatusForbidden, sip.StatusMethodNotAllowed, sip.StatusProxyAuthRequired, sip.StatusNotImplemented, sip.StatusServiceUnavailable}

// notified is what becomes of a call passed on.
func (s *SIP) notified(req *sip.Request, tx sip.ServerTransaction) {
	l := s.within(req, tx)
	if l == nil {
		return
	}
	l.mu.Lock()
	told := l.refer
	l.mu.Unlock()
	event, _, _ := strings.Cut(first(req, "Event", "o"), ";")
	if told == nil || !strings.EqualFold(strings.TrimSpace(event), "refer") {
		s.answer(req, tx, 489, "Bad Event", sip.NewHeader("Allow-Events", "refer"))
		return
	}
	s.answer(req, tx, sip.StatusOK, "OK")
	code := fragment(req.Body())
	if code < 200 && strings.HasPrefix(strings.ToLower(first(req, "Subscription-State")), "terminated") {
		code = sip.StatusRequestTimeout // we aren't told any more: as good as nobody
	}
	select {
	case told <- code:
	default:
	}
}

// fragment is the status in a piece of a SIP message (RFC 3420); 0: none.
func fragment(body []byte) int {
	line, _, _ := bytes.Cut(body, []byte("\n"))
	rest, ok := bytes.CutPrefix(line, []byte("SIP/2.0 "))
	if !ok || len(rest) < 3 {
		return 0
	}
	code, err := strconv.Atoi(string(rest[:3]))
	if err != nil || code < 100 || code > 699 {
		return 0
	}
	return code
}
