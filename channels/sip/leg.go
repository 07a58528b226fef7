package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/townline/townline/channels/sip/media"
)

// leg is one call as SIP sees it, from its INVITE to its BYE. (RFC 3261 calls it a dialog; here that is what the town says.)
type leg struct {
	line      *SIP
	trunk     *trunk
	name      string // for logs and events
	key       string // in SIP.legs
	ours      bool   // we rang
	callID    string
	source    netip.AddrPort // where its requests come from
	transport string         // "UDP", "TCP" or "TLS"
	media     *media.Session

	mu       sync.Mutex
	local    sip.FromHeader
	remote   sip.ToHeader
	target   sip.Uri
	routes   []string
	allows   map[string]bool // what the other side says it takes
	cseq     uint32          // of our last request
	seen     uint32          // of theirs
	asking   bool            // a re-INVITE or UPDATE of ours is under way
	unsure   *unsure         // one of theirs that we answered and that isn't confirmed
	refer    chan int        // what becomes of a call passed on, by NOTIFY
	interval time.Duration
	refresh  bool          // it is ours to refresh
	renewed  chan struct{} // the session was refreshed

	confirmed chan struct{} // closed by the first ACK
	over      chan struct{} // closed when the call has ended, whoever ended it
	ending    sync.Once
	acking    sync.Once
}

// newLeg is a call that a request of somebody else's begins.
func (s *SIP) newLeg(req *sip.Request, t *trunk) (*leg, error) {
	contact, from, to := req.Contact(), req.From(), req.To()
	if contact == nil {
		return nil, errors.New("sip: there is no Contact")
	}
	tag, _ := from.Params.Get("tag")
	l := &leg{
		line: s, trunk: t, name: s.nameOf(req.CallID().Value(), tag), callID: req.CallID().Value(), source: sourceOf(req), transport: sip.NetworkToUpper(req.Transport()),
		local:  sip.FromHeader{Address: *to.Address.Clone(), Params: sip.NewParams()},
		remote: sip.ToHeader{Address: *from.Address.Clone(), Params: from.Params.Clone()},
		target: *contact.Address.Clone(), allows: methods(req),
		// A number in CSeq of our own has nothing to do with theirs.
		cseq: 1, seen: req.CSeq().SeqNo,
		renewed: make(chan struct{}, 1), confirmed: make(chan struct{}), over: make(chan struct{}),
	}
	l.local.Params.Add("tag", token())
	for _, h := range req.GetHeaders("Record-Route") {
		l.routes = append(l.routes, splitList(h.Value())...)
	}
	return l, nil
}

// tagged is a response with our tag.
func (l *leg) tagged(req *sip.Request, code int, reason string, body []byte, headers ...sip.Header) *sip.Response {
	res := sip.NewResponseFromRequest(req, code, reason, nil)
	if code > 100 {
		tag, _ := l.local.Params.Get("tag")
		res.To().Params.Add("tag", tag)
	}
	if code > 100 && code < 300 && (req.Method == sip.INVITE || req.Method == sip.UPDATE) {
		res.AppendHeader(l.contact())
	}
	for _, h := range headers {
		res.AppendHeader(h)
	}
	if body != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		res.SetBody(body)
	}
	return res
}

// contact is where the other side finds us.
func (l *leg) contact() *sip.ContactHeader {
	return l.line.contact(l.transport, l.source.Addr())
}

func (s *SIP) contact(transport string, to netip.Addr) *sip.ContactHeader {
	host, port := s.reached(transport, to)
	c := &sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "townline", Host: host, Port: port, UriParams: sip.NewParams()}}
	if transport != "UDP" {
		c.Address.UriParams.Add("transport", strings.ToLower(transport))
	}
	return c
}

// via is the top Via of a request.
func (s *SIP) via(transport string, to netip.Addr) *sip.ViaHeader {
	host, port := s.reached(transport, to)
	v := &sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: transport, Host: host, Port: port, Params: sip.NewParams()}
	v.Params.Add("branch", "z9hG4bK"+token())
	v.Params.Add("rport", "")
	return v
}

// request is one of ours within the call.
func (l *leg) request(method sip.RequestMethod, body []byte, kind string, headers ...sip.Header) *sip.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	if method != sip.ACK {
		l.cseq++
	}
	return l.build(method, l.cseq, body, kind, headers...)
}

func (l *leg) build(method sip.RequestMethod, cseq uint32, body []byte, kind string, headers ...sip.Header) *sip.Request {
	target := *l.target.Clone()
	target.Headers = nil
	req := sip.NewRequest(method, target)
	req.AppendHeader(l.line.via(l.transport, l.source.Addr()))
	for _, r := range l.routes {
		req.AppendHeader(sip.NewHeader("Route", r))
	}
	from, to := l.local, l.remote
	callID, forwards := sip.CallIDHeader(l.callID), sip.MaxForwardsHeader(70)
	req.AppendHeader(&from)
	req.AppendHeader(&to)
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: cseq, MethodName: method})
	req.AppendHeader(&forwards)
	if method == sip.INVITE || method == sip.UPDATE || method == sip.REFER {
		req.AppendHeader(l.contact())
	}
	for _, h := range headers {
		req.AppendHeader(h)
	}
	if kind != "" {
		req.AppendHeader(sip.NewHeader("Content-Type", kind))
	}
	req.SetBody(body)
	l.address(req)
	return req
}

// address says where a request goes: to the next hop where the trunk is known to be there, else to where the call came from,
// which is what a NAT lets through. Nobody's Contact makes us send elsewhere.
func (l *leg) address(req *sip.Request) {
	next := l.target
	if len(l.routes) > 0 {
		var params sip.HeaderParams
		if _, err := sip.ParseAddressValue(l.routes[0], &next, &params); err != nil {
			next = l.target
		}
	}
	to := l.source
	if a, err := netip.ParseAddr(next.Host); err == nil && l.transport == "UDP" && (a == l.source.Addr() || l.trunk.is(a)) {
		port := next.Port
		if port == 0 {
			port = sip.DefaultPort(l.transport)
		}
		to = netip.AddrPortFrom(a, uint16(port))
	}
	l.line.direct(req, l.transport, to.String())
}

// direct has a request leave to an address, by the socket that answers come to.
func (s *SIP) direct(req *sip.Request, transport, to string) {
	req.SetTransport(transport)
	req.SetDestination(to)
	if at, err := netip.ParseAddrPort(to); err == nil && transport == "UDP" {
		if o, ok := s.socketFor(transport, at.Addr()); ok {
			req.Laddr = sip.Addr{IP: net.IP(o.addr.Addr().AsSlice()), Port: int(o.addr.Port())}
		}
	}
}

// do sends a request within the call and waits for what becomes of it, showing the password where it is asked for.
func (l *leg) do(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	number := func(r *sip.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.cseq++
		r.CSeq().SeqNo = l.cseq
	}
	res, err := l.line.do(ctx, l.trunk, req, number)
	if err == nil || ctx.Err() != nil {
		return res, err
	}
	back, ok := l.dialBack()
	if !ok {
		return res, err
	}
	again := req.Clone()
	again.ReplaceHeader(newBranch(req.Via()))
	l.line.direct(again, l.transport, back)
	return l.line.do(ctx, l.trunk, again, number)
}

// dialBack is where the other side takes connections, when the one that the call came by is gone: its Contact says so, which is
// believed only of the same machine or one of the trunk's.
func (l *leg) dialBack() (to string, ok bool) {
	l.mu.Lock()
	target := l.target
	l.mu.Unlock()
	a, err := netip.ParseAddr(strings.Trim(target.Host, "[]"))
	if err != nil || l.ours || l.transport == "UDP" || a != l.source.Addr() && !l.trunk.is(a) {
		return "", false
	}
	port := target.Port
	if port == 0 {
		port = sip.DefaultPort(l.transport)
	}
	back := netip.AddrPortFrom(a, uint16(port))
	return back.String(), back != l.source
}

// do sends a request that is no INVITE. next numbers it anew when it has to be sent again with a password.
func (s *SIP) do(ctx context.Context, t *trunk, req *sip.Request, next func(*sip.Request)) (*sip.Response, error) {
	var asked [2]bool
	if _, err := t.keys.show(req, t.login()); err != nil {
		return nil, err
	}
	for range 4 {
		tx, err := s.client.TransactionRequest(ctx, req, asItIs)
		if err != nil {
			return nil, s.unsent(err)
		}
		res, err := final(ctx, tx)
		tx.Terminate()
		if err != nil {
			return nil, err
		}
		if res.StatusCode != sip.StatusUnauthorized && res.StatusCode != sip.StatusProxyAuthRequired || t.Password == "" {
			return res, nil
		}
		if again, err := t.keys.take(res, &asked); err != nil || !again {
			return res, err
		}
		fresh := req.Clone()
		fresh.Laddr = req.Laddr
		fresh.ReplaceHeader(newBranch(req.Via()))
		next(fresh)
		if _, err := t.keys.show(fresh, t.login()); err != nil {
			return nil, err
		}
		req = fresh
	}
	return nil, errors.New("sip: asked for the password again and again")
}

func newBranch(v *sip.ViaHeader) *sip.ViaHeader {
	c := v.Clone()
	c.Params.Remove("branch")
	c.Params.Add("branch", "z9hG4bK"+token())
	return c
}

// asItIs has sipgo add nothing.
func asItIs(*sipgo.Client, *sip.Request) error { return nil }

// errSilence is what nobody answered.
var errSilence = errors.New("sip: no answer")

// final is the last word on a request.
func final(ctx context.Context, tx sip.ClientTransaction) (*sip.Response, error) {
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
		case <-tx.Done():
			return nil, errSilence
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// errUnsent is of what never left.
var errUnsent = errors.New("sip: not sent")

// unsent is why a request never left, without the number that sipgo puts in.
func (s *SIP) unsent(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("%w: the name is not known: %s", errUnsent, dns.Err)
	case errors.As(err, &op):
		return fmt.Errorf("%w: %s: %w", errUnsent, op.Op, op.Err)
	}
	return errUnsent
}

// in says that a request of theirs is the next one, and takes note where the call has moved to.
func (l *leg) in(req *sip.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := req.CSeq().SeqNo; n <= l.seen && req.Method != sip.ACK {
		return false
	} else if req.Method != sip.ACK {
		l.seen = n
	}
	return true
}

// moved takes the new Contact of a re-INVITE, an UPDATE or the answer to one.
func (l *leg) moved(c *sip.ContactHeader) {
	if c == nil || c.Address.Host == "" {
		return
	}
	l.mu.Lock()
	l.target = *c.Address.Clone()
	l.mu.Unlock()
}

// takes says whether the other side says that it takes a method.
func (l *leg) takes(m sip.RequestMethod) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.allows[string(m)]
}

// enter counts the leg among the line's. It says false when there are too many.
func (l *leg) enter() bool {
	s := l.line
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life == nil || s.closing || len(s.legs) >= s.cfg.MostCalls || !l.ours && s.half[l.source.Addr()] >= s.cfg.MostHalfOpen {
		return false
	}
	tag, _ := l.local.Params.Get("tag")
	l.key = l.callID + "\x00" + tag
	s.legs[l.key] = l
	if !l.ours {
		s.half[l.source.Addr()]++
	}
	return true
}

// confirm notes the first ACK: the call counts as half open no longer.
func (l *leg) confirm() {
	l.acking.Do(func() {
		close(l.confirmed)
		l.halfOpenNoMore()
	})
}

func (l *leg) halfOpenNoMore() {
	if l.ours {
		return
	}
	s := l.line
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.half[l.source.Addr()]--; s.half[l.source.Addr()] <= 0 {
		delete(s.half, l.source.Addr())
	}
}

// end ends the leg on our side. It says whether it was the first to do so.
func (l *leg) end(why string) (first bool) {
	l.ending.Do(func() {
		first = true
		close(l.over)
		s := l.line
		s.mu.Lock()
		delete(s.legs, l.key)
		s.mu.Unlock()
		l.acking.Do(l.halfOpenNoMore)
		attrs := []slog.Attr{slog.String("call", l.name), slog.String("trunk", l.trunk.Name), slog.String("why", why)}
		if l.media != nil {
			m := l.media.Close()
			attrs = append(attrs, slog.String("codec", m.Codec), slog.Bool("encrypted", m.Encrypted), slog.Int("sent", m.Sent),
				slog.Int("received", m.Received), slog.Int("lost", m.Lost), slog.Int("refused", m.Refused), slog.Duration("jitter", m.Jitter))
		}
		s.log.LogAttrs(context.Background(), slog.LevelInfo, "call ended", attrs...)
	})
	return first
}

// bye ends the call, and tells the other side. A call that was not confirmed yet can't be ended so (RFC 3261, §15): it is
// waited for, as long as the answer is repeated.
func (l *leg) bye() {
	if !l.ours {
		select {
		case <-l.confirmed:
		case <-l.over:
			return
		case <-time.After(64 * l.line.t1):
		}
	}
	l.ringOff("we rang off")
}

// ringOff ends the call at once.
func (l *leg) ringOff(why string) {
	if !l.end(why) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 16*l.line.t1)
	defer cancel()
	if res, err := l.do(ctx, l.request(sip.BYE, nil, "")); err != nil {
		l.line.log.LogAttrs(ctx, slog.LevelDebug, "nobody heard that we rang off", slog.String("call", l.name), slog.Any("error", err))
	} else if res.StatusCode >= 300 && res.StatusCode != sip.StatusCallTransactionDoesNotExists {
		l.line.log.LogAttrs(ctx, slog.LevelDebug, "ringing off was not taken", slog.String("call", l.name), slog.Int("code", res.StatusCode))
	}
}

// gone says whether the call has ended.
func (l *leg) gone() bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

// log tells the operator of the call, by a name that leads to nobody.
func (l *leg) log(what string) {
	l.line.log.LogAttrs(context.Background(), slog.LevelInfo, what, slog.String("call", l.name), slog.String("trunk", l.trunk.Name))
}
