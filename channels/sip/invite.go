package sip

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/sip/media"
)

// extensions are those of SIP that a call to us may need.
var extensions = []string{"timer", "100rel"} // 100rel: nothing that it would have to confirm is sent

// invited is a call to us, or a change of one there is.
func (s *SIP) invited(req *sip.Request, tx sip.ServerTransaction) {
	if _, ok := req.To().Params.Get("tag"); ok {
		if l := s.within(req, tx); l != nil {
			l.reinvited(req, tx)
		}
		return
	}
	t := s.allowed(req, tx)
	if t == nil {
		return
	}
	for _, need := range listed(req, "Require") {
		if !slices.ContainsFunc(extensions, func(e string) bool { return strings.EqualFold(e, need) }) {
			s.answer(req, tx, 420, "Bad Extension", sip.NewHeader("Unsupported", need))
			return
		}
	}
	interval, refresh, ok := s.sessionAsked(req)
	if !ok {
		s.answer(req, tx, 422, "Session Interval Too Small", sip.NewHeader("Min-SE", seconds(s.least)))
		return
	}
	if s.merged(req) {
		s.answer(req, tx, sip.StatusLoopDetected, "Loop Detected")
		return
	}
	l, err := s.newLeg(req, t)
	if err != nil {
		s.answer(req, tx, sip.StatusBadRequest, "Bad Request")
		return
	}
	c := s.callOf(l, req)
	if t.Callback && !c.Withheld {
		s.answer(req, tx, sip.StatusGlobalDecline, "Decline")
		s.missed(c)
		return
	}
	if !l.enter() {
		s.respond(req, tx, l.tagged(req, sip.StatusServiceUnavailable, "Service Unavailable", nil, sip.NewHeader("Retry-After", "10")))
		return
	}
	l.interval, l.refresh = interval, refresh
	s.ringIn(l, c, req, tx)
}

// merged says that a call has come already, by another way (RFC 3261, §8.2.2.2).
func (s *SIP) merged(req *sip.Request) bool {
	tag, _ := req.From().Params.Get("tag")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.legs {
		if l.callID != req.CallID().Value() || l.ours {
			continue
		}
		l.mu.Lock()
		theirs, _ := l.remote.Params.Get("tag")
		l.mu.Unlock()
		if theirs == tag {
			return true
		}
	}
	return false
}

// allowed is the trunk that a call comes by; nil: it was turned away.
func (s *SIP) allowed(req *sip.Request, tx sip.ServerTransaction) *trunk {
	from := sourceOf(req).Addr()
	var asks bool
	for _, t := range s.trunks {
		if !t.is(from) || !t.by(req) {
			continue
		}
		if t.Theirs.Username == "" {
			return t
		}
		asks = true
	}
	if asks || s.anywhere() {
		t, stale := s.shown(req, true)
		if t != nil && (len(t.Allow) == 0 || t.is(from)) && t.by(req) {
			return t
		}
		s.respond(req, tx, s.challenge(req, stale))
		return nil
	}
	s.answer(req, tx, sip.StatusForbidden, "Forbidden")
	return nil
}

// callOf is what the conversation has to know of a call that came in.
func (s *SIP) callOf(l *leg, req *sip.Request) call.Call {
	c := s.call(l)
	c.To = userOf(&req.Recipient)
	if number, ok := caller(req, s.cfg.Country); ok {
		c.From = channels.Address{Kind: "tel", ID: number}
	} else {
		c.From, c.Withheld = withheld(), true
	}
	return c
}

func (s *SIP) call(l *leg) call.Call {
	return call.Call{Channel: Name, ID: l.name, Lang: s.cfg.Lang, Town: s.cfg.Town, Phrases: s.cfg.Phrases, Log: s.log, Now: s.cfg.Now}
}

// missed tells the town of somebody who is to be called back. The call is over; nobody waits.
func (s *SIP) missed(c call.Call) {
	s.mu.Lock()
	in, life := s.inbox, s.life
	s.mu.Unlock()
	if in == nil || c.Withheld {
		return
	}
	s.busy.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(life), 20*time.Second)
		defer cancel()
		e := channels.Event{Channel: Name, ID: c.ID + "/missed", From: c.From, To: c.To, Kind: channels.Missed, At: s.cfg.Now()}
		for {
			_, err := in.Receive(ctx, e)
			if err == nil {
				return
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				s.log.LogAttrs(ctx, slog.LevelError, "missed call not accepted", slog.String("call", c.ID), slog.Any("error", err))
				return
			}
		}
	})
}

// ringIn is a call to us from the first ring to the ACK. It returns once it is sure that there is a call or none: sipgo keeps
// the transaction for so long.
func (s *SIP) ringIn(l *leg, c call.Call, req *sip.Request, tx sip.ServerTransaction) {
	rangOff := make(chan struct{})
	off := sync.OnceFunc(func() { close(rangOff) })
	if !tx.OnCancel(func(*sip.Request) { off() }) {
		l.end("they rang off")
		s.missed(c)
		return
	}
	refuse := func(code int, reason string, headers ...sip.Header) {
		s.respond(req, tx, l.tagged(req, code, reason, nil, headers...))
		l.end(reason)
	}
	tx.Respond(l.tagged(req, sip.StatusTrying, "Trying", nil))
	var answer []byte
	var err error
	if len(req.Body()) == 0 {
		l.media, answer, err = media.Offer(s.media(l))
	} else if h := req.ContentType(); h == nil || !strings.HasPrefix(strings.ToLower(h.Value()), "application/sdp") {
		refuse(sip.StatusUnsupportedMediaType, "Unsupported Media Type", sip.NewHeader("Accept", "application/sdp"))
		return
	} else {
		l.media, answer, err = media.Answer(s.media(l), req.Body())
	}
	switch no := (*media.NoAudio)(nil); {
	case errors.As(err, &no):
		refuse(sip.StatusNotAcceptableHere, "Not Acceptable Here")
		return
	case err != nil:
		s.log.LogAttrs(context.Background(), slog.LevelError, "no sound for a call", slog.String("call", l.name), slog.Any("error", err))
		refuse(sip.StatusServiceUnavailable, "Service Unavailable", sip.NewHeader("Retry-After", "10"))
		return
	}
	if !lists(req, "Require", "100rel") {
		tx.Respond(l.tagged(req, sip.StatusRinging, "Ringing", nil))
	}
	ring := time.NewTimer(l.trunk.Ring)
	defer ring.Stop()
	select {
	case <-ring.C:
	case <-rangOff:
	case <-tx.Done():
	case <-l.over: // a BYE instead of a CANCEL
		s.respond(req, tx, l.tagged(req, sip.StatusRequestTerminated, "Request Terminated", nil))
		s.missed(c)
		return
	}
	ok := l.tagged(req, sip.StatusOK, "OK", answer, append(l.timerHeaders(req), allow(), sip.NewHeader("Supported", "timer"))...)
	u := l.expect(req)
	l.media.Start() // an ACK may be late; the caller's first words and ours are not
	err = tx.Respond(ok)
	select {
	case <-rangOff: // before the answer got out
		l.end("they rang off before we answered")
		s.missed(c)
		return
	default:
	}
	select {
	case <-tx.Done():
		l.end("the way back was lost")
		return
	default:
	}
	if err != nil {
		l.log("the answer could not be sent")
	}
	s.busy.Go(func() { s.hold(l, c) })
	go l.keep()
	l.sure(u, tx, ok)
}

// unsure is an INVITE of theirs that we answered, and whose ACK has not come.
type unsure struct {
	cseq  uint32
	offer bool // ours was the offer: their answer comes with the ACK
	done  chan struct{}
}

// expect is before an INVITE of theirs is answered with 2xx.
func (l *leg) expect(req *sip.Request) *unsure {
	u := &unsure{cseq: req.CSeq().SeqNo, offer: len(req.Body()) == 0, done: make(chan struct{})}
	l.mu.Lock()
	l.unsure = u
	l.mu.Unlock()
	return u
}

// sure sends the answer to an INVITE again until its ACK comes (RFC 3261, §13.3.1.4). Without one the call is ended.
func (l *leg) sure(u *unsure, tx sip.ServerTransaction, ok *sip.Response) {
	wait := l.line.t1
	again, last := time.NewTimer(wait), time.NewTimer(64*l.line.t1)
	defer again.Stop()
	defer last.Stop()
	for {
		select {
		case <-u.done:
			return
		case ack := <-tx.Acks(): // of who sends it with the branch of the INVITE
			l.ack(ack)
		case <-l.over:
			return
		case <-again.C:
			tx.Respond(ok)
			wait = min(2*wait, 8*l.line.t1)
			again.Reset(wait)
		case <-last.C:
			l.ringOff("no ACK")
			return
		}
	}
}

// ack takes an ACK. The first one confirms the call.
func (l *leg) ack(req *sip.Request) {
	l.mu.Lock()
	u := l.unsure
	if u == nil || req.CSeq().SeqNo != u.cseq {
		l.mu.Unlock()
		return
	}
	l.unsure = nil
	l.mu.Unlock()
	if u.offer {
		if err := l.media.Accept(req.Body()); err != nil {
			l.line.busy.Go(l.bye)
		}
	}
	close(u.done)
	l.confirm()
}

// media is what a call's sound is agreed on by.
func (s *SIP) media(l *leg) media.Config {
	to := l.source.Addr()
	c := media.Config{
		Bind: netip.IPv4Unspecified(), Advertise: leaving(to), Ports: s.cfg.Ports, SRTP: l.trunk.SRTP, Wide: s.cfg.Wide, Text: s.cfg.Text, Now: s.cfg.Now, Patience: s.still,
	}
	if to.Is6() {
		c.Bind = netip.IPv6Unspecified()
	}
	if o, ok := s.socketFor(l.transport, to); ok && !o.addr.Addr().IsUnspecified() && o.addr.Addr().Is4() == to.Is4() {
		c.Bind, c.Advertise = o.addr.Addr(), o.addr.Addr()
	}
	if a := s.advertised(); a.IsValid() && a.Is4() == to.Is4() {
		c.Advertise = a
	}
	return c
}

// advertised is the address that Config.Advertise stands for, as looked up when the line opened.
func (s *SIP) advertised() netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.public
}
