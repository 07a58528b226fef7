package sip

import (
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// known are the methods that we take.
var known = []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "NOTIFY"}

func allow() sip.Header { return sip.NewHeader("Allow", strings.Join(known, ", ")) }

// checked turns away what can't be a request of a call, and all that doesn't come from a trunk.
func (s *SIP) checked(take func(*sip.Request, sip.ServerTransaction)) func(*sip.Request, sip.ServerTransaction) {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		from, to, id, cseq := req.From(), req.To(), req.CallID(), req.CSeq()
		if from == nil || to == nil || id == nil || cseq == nil || len(id.Value()) > 256 || cseq.MethodName != req.Method {
			s.answer(req, tx, sip.StatusBadRequest, "Bad Request")
			return
		}
		if tag, ok := from.Params.Get("tag"); !ok || len(tag) > 256 {
			s.answer(req, tx, sip.StatusBadRequest, "Bad Request")
			return
		}
		at := sourceOf(req)
		if s.welcome(at.Addr()) || s.guard.admitted(at) {
			take(req, tx)
			return
		}
		switch { // strangers get here by TCP
		case req.IsAck():
		case !s.anywhere():
			s.answer(req, tx, sip.StatusForbidden, "Forbidden")
		default:
			t, stale := s.shown(req, false)
			if t == nil {
				s.respond(req, tx, s.challenge(req, stale))
				return
			}
			s.guard.admit(at)
			take(req, tx)
		}
	}
}

// answer answers a request that belongs to no call.
func (s *SIP) answer(req *sip.Request, tx sip.ServerTransaction, code int, reason string, headers ...sip.Header) {
	res := sip.NewResponseFromRequest(req, code, reason, nil)
	for _, h := range headers {
		res.AppendHeader(h)
	}
	s.respond(req, tx, res)
}

// respond sends a response. ACK has none.
func (s *SIP) respond(req *sip.Request, tx sip.ServerTransaction, res *sip.Response) {
	if !req.IsAck() {
		tx.Respond(res) // who doesn't hear it asks again
	}
}

// leg is the call that a request is within; nil: there is none.
func (s *SIP) leg(req *sip.Request) *leg {
	ours, ok := req.To().Params.Get("tag")
	if !ok {
		return nil
	}
	s.mu.Lock()
	l := s.legs[req.CallID().Value()+"\x00"+ours]
	s.mu.Unlock()
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	theirs, _ := l.remote.Params.Get("tag")
	if tag, _ := req.From().Params.Get("tag"); tag != theirs {
		return nil
	}
	return l
}

// within is for requests within a call: they come from where the call does, and in their order.
func (s *SIP) within(req *sip.Request, tx sip.ServerTransaction) *leg {
	l := s.leg(req)
	if l == nil || sourceOf(req).Addr() != l.source.Addr() && !l.trunk.is(sourceOf(req).Addr()) {
		s.answer(req, tx, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return nil
	}
	if !l.in(req) {
		s.answer(req, tx, sip.StatusInternalServerError, "Out Of Order", sip.NewHeader("Retry-After", "1"))
		return nil
	}
	return l
}

func (s *SIP) acked(req *sip.Request, _ sip.ServerTransaction) {
	if l := s.leg(req); l != nil {
		l.ack(req)
	}
}

func (s *SIP) byed(req *sip.Request, tx sip.ServerTransaction) {
	if l := s.within(req, tx); l != nil {
		s.answer(req, tx, sip.StatusOK, "OK")
		l.end("they rang off")
	}
}

// cancelled is a CANCEL of what there is not, or no longer: the others are sipgo's.
func (s *SIP) cancelled(req *sip.Request, tx sip.ServerTransaction) {
	s.answer(req, tx, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
}

func (s *SIP) optioned(req *sip.Request, tx sip.ServerTransaction) {
	if _, ok := req.To().Params.Get("tag"); ok && s.within(req, tx) == nil {
		return
	}
	code, reason := sip.StatusOK, "OK"
	s.mu.Lock()
	if s.closing || s.life == nil {
		code, reason = sip.StatusServiceUnavailable, "Service Unavailable"
	}
	s.mu.Unlock()
	s.answer(req, tx, code, reason, allow(), sip.NewHeader("Accept", "application/sdp"), sip.NewHeader("Supported", "timer"))
}

// referred: nobody has us ring a number by asking for it.
func (s *SIP) referred(req *sip.Request, tx sip.ServerTransaction) {
	s.answer(req, tx, sip.StatusGlobalDecline, "Decline")
}

// informed is a key pressed, from where keys don't come with the sound.
func (s *SIP) informed(req *sip.Request, tx sip.ServerTransaction) {
	l := s.within(req, tx)
	if l == nil {
		return
	}
	kind := ""
	if h := req.ContentType(); h != nil {
		kind, _, _ = strings.Cut(strings.ToLower(h.Value()), ";")
	}
	switch strings.TrimSpace(kind) {
	case "application/dtmf-relay", "application/dtmf":
	case "":
		s.answer(req, tx, sip.StatusOK, "OK")
		return
	default:
		s.answer(req, tx, sip.StatusUnsupportedMediaType, "Unsupported Media Type", sip.NewHeader("Accept", "application/dtmf-relay, application/dtmf"))
		return
	}
	s.answer(req, tx, sip.StatusOK, "OK")
	if key, ok := infoKey(req.Body()); ok {
		l.media.PressKey(key)
	}
}

// infoKey is the key in the body of an INFO: "Signal=5", a number for the signs, or "5" alone.
func infoKey(body []byte) (byte, bool) {
	signal := ""
	for line := range strings.Lines(string(body[:min(len(body), 512)])) {
		name, value, found := strings.Cut(line, "=")
		switch {
		case found && strings.EqualFold(strings.TrimSpace(name), "signal"):
			signal = strings.TrimSpace(value)
		case !found && signal == "":
			signal = strings.TrimSpace(line)
		}
	}
	switch signal {
	case "10":
		return '*', true
	case "11":
		return '#', true
	case "12", "13", "14", "15":
		return 'A' + signal[1] - '2', true
	}
	if len(signal) != 1 {
		return 0, false
	}
	key := signal[0]
	if key >= 'a' && key <= 'd' {
		key -= 'a' - 'A'
	}
	return key, key >= '0' && key <= '9' || key == '*' || key == '#' || key >= 'A' && key <= 'D'
}

// methods are those that a message says its sender takes.
func methods(m sip.Message) map[string]bool {
	out := map[string]bool{}
	for _, h := range m.GetHeaders("Allow") {
		for name := range strings.SplitSeq(h.Value(), ",") {
			if name = strings.ToUpper(strings.TrimSpace(name)); len(out) < 32 {
				out[name] = true
			}
		}
	}
	return out
}

// lists says whether a header that holds a list names an extension.
func lists(m sip.Message, header, name string) bool {
	return slices.ContainsFunc(listed(m, header), func(x string) bool { return strings.EqualFold(x, name) })
}

// listed are the names in a header that holds a list.
func listed(m sip.Message, headers ...string) (out []string) {
	for _, header := range headers {
		for _, h := range m.GetHeaders(header) {
			for name := range strings.SplitSeq(h.Value(), ",") {
				if name = strings.TrimSpace(name); name != "" && len(out) < 32 {
					out = append(out, name)
				}
			}
		}
	}
	return out
}
