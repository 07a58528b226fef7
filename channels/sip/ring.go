package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/townline/townline/channels/sip/media"
)

// refused is why a call of ours didn't come about.
type refused struct{ code int }

func (r *refused) Error() string { return fmt.Sprintf("sip: the call was not taken: %d", r.code) }

// errUnanswered is a call of ours that rang and was not taken.
var errUnanswered = errors.New("sip: nobody answered")

// invitation is an INVITE of ours, with what it takes to get it answered: a password, another interval.
type invitation struct {
	line  *SIP
	trunk *trunk
	req   *sip.Request
	tx    sip.ClientTransaction
	next  func(*sip.Request) // numbers the request anew
}

// send sends it until there is a final answer. rang is told of the first ring. When ctx ends it is taken back.
func (i *invitation) send(ctx context.Context, rang func()) (*sip.Response, error) {
	var asked [2]bool
	if _, err := i.trunk.keys.show(i.req, i.trunk.login()); err != nil {
		return nil, err
	}
	for range 5 {
		// The transaction outlives ctx: there is a CANCEL to be sent.
		tx, err := i.line.client.TransactionRequest(context.WithoutCancel(ctx), i.req, asItIs)
		if err != nil {
			return nil, i.line.unsent(err)
		}
		i.tx = tx
		res, err := i.await(ctx, rang)
		if err != nil {
			return nil, err
		}
		again := false
		switch {
		case (res.StatusCode == sip.StatusUnauthorized || res.StatusCode == sip.StatusProxyAuthRequired) && i.trunk.Password != "":
			if again, err = i.trunk.keys.take(res, &asked); err != nil {
				return nil, err
			}
		case res.StatusCode == 422:
			if least := first(res, "Min-SE"); least != "" && i.req.RemoveHeader("Session-Expires") {
				i.req.AppendHeader(sip.NewHeader("Session-Expires", least))
				i.req.RemoveHeader("Min-SE")
				i.req.AppendHeader(sip.NewHeader("Min-SE", least))
				again = true
			}
		}
		if !again {
			return res, nil
		}
		fresh := i.req.Clone()
		fresh.Laddr = i.req.Laddr
		fresh.ReplaceHeader(newBranch(i.req.Via()))
		i.next(fresh)
		if _, err := i.trunk.keys.show(fresh, i.trunk.login()); err != nil {
			return nil, err
		}
		i.req = fresh
	}
	return nil, errors.New("sip: asked again and again")
}

// await is the final answer, or ctx's error once the call is taken back. An answer that comes all the same is returned.
func (i *invitation) await(ctx context.Context, rang func()) (*sip.Response, error) {
	for heard := false; ; {
		select {
		case res := <-i.tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
			heard = true
			if res.StatusCode > 100 && rang != nil {
				rang()
				rang = nil
			}
		case <-i.tx.Done():
			return nil, errSilence
		case <-ctx.Done():
			return i.takeBack(ctx, heard)
		}
	}
}

// takeBack cancels it, which can be done once anything was heard of it (RFC 3261, §9.1).
func (i *invitation) takeBack(ctx context.Context, heard bool) (*sip.Response, error) {
	late := time.NewTimer(64 * i.line.t1)
	defer late.Stop()
	sent := false
	for {
		if heard && !sent {
			sent = true
			i.line.busy.Go(i.cancel)
		}
		select {
		case res := <-i.tx.Responses():
			switch {
			case res.IsProvisional():
				heard = true
			case res.IsSuccess():
				return res, nil
			default:
				return nil, ctx.Err()
			}
		case <-i.tx.Done():
			return nil, ctx.Err()
		case <-late.C:
			i.tx.Terminate()
			return nil, ctx.Err()
		}
	}
}

func (i *invitation) cancel() {
	req := sip.NewRequest(sip.CANCEL, *i.req.Recipient.Clone())
	req.AppendHeader(i.req.Via().Clone())
	sip.CopyHeaders("Route", i.req, req)
	for _, h := range []sip.Header{i.req.From(), i.req.To(), i.req.CallID(), i.req.MaxForwards()} {
		req.AppendHeader(sip.HeaderClone(h))
	}
	req.AppendHeader(&sip.CSeqHeader{SeqNo: i.req.CSeq().SeqNo, MethodName: sip.CANCEL})
	req.SetBody(nil)
	i.line.direct(req, i.req.Transport(), i.req.Destination())
	ctx, cancel := context.WithTimeout(context.Background(), 16*i.line.t1)
	defer cancel()
	if tx, err := i.line.client.TransactionRequest(ctx, req, asItIs); err == nil {
		final(ctx, tx)
		tx.Terminate()
	}
}

// number numbers a request of ours anew.
func (l *leg) number(req *sip.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cseq++
	req.CSeq().SeqNo = l.cseq
}

// acknowledge sends the ACK of an answer, and sends it again whenever the answer comes again.
func (l *leg) acknowledge(i *invitation, res *sip.Response) {
	l.mu.Lock()
	ack := l.build(sip.ACK, res.CSeq().SeqNo, nil, "")
	l.mu.Unlock()
	for _, name := range []string{"Authorization", "Proxy-Authorization"} { // as the INVITE did (RFC 3261, §22.3)
		sip.CopyHeaders(name, i.req, ack)
	}
	send := func() {
		again := ack.Clone()
		again.Laddr = ack.Laddr
		l.line.client.WriteRequest(again, asItIs)
	}
	i.tx.OnRetransmission(func(r *sip.Response) {
		if r.IsSuccess() {
			send()
		}
	})
	send()
}

// ring rings a number by a trunk. The leg it returns has been answered. Numbers come from Deliver and from the town's desks,
// and from nowhere else.
func (s *SIP) ring(ctx context.Context, t *trunk, to sip.Uri) (*leg, error) {
	at, err := t.lookUp(ctx, t.host)
	if err != nil {
		return nil, s.unsent(err)
	}
	tag, id := token(), token()
	from := sip.Uri{Scheme: "sip", User: t.From, Host: t.host.name}
	if from.User == "" {
		from.User = t.Username
	}
	l := &leg{
		line: s, trunk: t, name: s.nameOf(id, tag), ours: true, callID: id, source: at, transport: t.Transport,
		local:  sip.FromHeader{DisplayName: s.cfg.Town, Address: from, Params: sip.NewParams()},
		remote: sip.ToHeader{Address: *to.Clone(), Params: sip.NewParams()},
		target: to, renewed: make(chan struct{}, 1), confirmed: make(chan struct{}), over: make(chan struct{}),
	}
	l.local.Params.Add("tag", tag)
	defer s.busy.Begin()()
	if !l.enter() {
		return nil, errFull
	}
	var offer []byte
	if l.media, offer, err = media.Offer(s.media(l)); err != nil {
		l.end("no sound")
		return nil, err
	}
	req := l.request(sip.INVITE, offer, "application/sdp", allow(), sip.NewHeader("Supported", "timer"),
		sip.NewHeader("Session-Expires", seconds(sessionTime)), sip.NewHeader("Min-SE", seconds(s.least)))
	if t.Transport == "TLS" {
		s.direct(req, t.Transport, peer{t.host.name, int(at.Port())}.String()) // its certificate is for the name
	}
	i := &invitation{line: s, trunk: t, req: req, next: l.number}
	ringing, cancel := context.WithTimeout(ctx, s.cfg.Ringing)
	defer cancel()
	s.mu.Lock()
	life := s.life
	s.mu.Unlock()
	defer context.AfterFunc(life, cancel)() // nobody is rung by a line that closes
	res, err := i.send(ringing, nil)
	switch {
	case err != nil && ctx.Err() == nil && ringing.Err() != nil:
		l.end("nobody answered")
		return nil, errUnanswered
	case err != nil:
		l.end("not answered")
		return nil, err
	case !res.IsSuccess():
		l.end(fmt.Sprint(res.StatusCode))
		return nil, &refused{res.StatusCode}
	}
	l.answered(res)
	l.acknowledge(i, res)
	if ringing.Err() != nil { // answered in the moment in which we gave up
		l.ringOff("too late")
		return nil, errUnanswered
	}
	if err := l.media.Accept(res.Body()); err != nil {
		l.ringOff("no sound")
		return nil, &refused{sip.StatusNotAcceptableHere}
	}
	l.media.Start()
	go l.keep()
	return l, nil
}

var errFull = errors.New("sip: the line is closed, or as many calls are held as may be")

// answered takes from the answer to a call of ours who it is that answered.
func (l *leg) answered(res *sip.Response) {
	l.mu.Lock()
	if at, err := netip.ParseAddrPort(res.Source()); err == nil { // who asks within the call looks for it once there is their tag
		l.source = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
	l.remote.Params = res.To().Params.Clone()
	if c := res.Contact(); c != nil && c.Address.Host != "" {
		l.target = *c.Address.Clone()
	}
	for _, h := range res.GetHeaders("Record-Route") {
		l.routes = append(l.routes, splitList(h.Value())...)
	}
	slices.Reverse(l.routes)
	l.allows = methods(res)
	if interval, _, ok := l.line.sessionAsked(res); ok && interval > 0 {
		l.interval, l.refresh = interval, !strings.Contains(strings.ToLower(first(res, "Session-Expires")), "refresher=uas")
	}
	l.mu.Unlock()
	l.confirm()
}
