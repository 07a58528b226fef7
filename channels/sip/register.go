package sip

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// lookAgain is how often the addresses of a trunk's machines are looked up.
const lookAgain = 5 * time.Minute

// registration is what a trunk's registrar knows us by: one, for as long as the line is open.
type registration struct {
	line  *SIP
	trunk *trunk
	id    string
	tag   string
	cseq  uint32
	last  time.Duration // what it asked us to come back within
}

// keepRegistered knows where a trunk's machines are, and is registered with it until ctx ends. Then it takes its leave.
func (s *SIP) keepRegistered(ctx context.Context, t *trunk) {
	r := &registration{line: s, trunk: t, id: token(), tag: token(), last: t.Expires}
	failed, due := 0, time.Duration(0) // due is when the registrar is asked the next time
	for {
		wait := lookAgain
		if t.Host != "" {
			if _, err := t.lookUp(ctx, t.host); err != nil && ctx.Err() == nil {
				s.log.LogAttrs(ctx, slog.LevelWarn, "a trunk was not found", slog.String("trunk", t.Name), slog.Any("error", s.unsent(err)))
				wait = min(wait, s.gap)
			}
		}
		switch {
		case t.Registrar == "":
		case due > 0:
			t.lookUp(ctx, t.registrar) // calls may come from there; where it can't be found, what was found before holds
			wait = min(wait, due)
		default:
			lasts, err := r.ask(ctx, r.last)
			t.mu.Lock()
			was := t.registered
			t.registered = err == nil
			t.mu.Unlock()
			switch {
			case ctx.Err() != nil:
			case err != nil:
				failed++
				// Twice as long each time, and never all at once with others.
				due = min(s.gap, 4*s.t1<<min(failed, 12))
				due = due/2 + rand.N(due/2+1)
				s.log.LogAttrs(ctx, slog.LevelWarn, "not registered", slog.String("trunk", t.Name), slog.Any("error", err), slog.Duration("again", due))
			default:
				failed = 0
				due = lasts - min(lasts/5, 30*time.Second)
				if !was {
					s.log.LogAttrs(ctx, slog.LevelInfo, "registered", slog.String("trunk", t.Name), slog.Duration("lasts", lasts))
				}
			}
			wait = min(wait, due)
		}
		if !s.rest(ctx, t, wait) {
			t.mu.Lock()
			was := t.registered
			t.registered = false
			t.mu.Unlock()
			if was {
				leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), 4*s.t1)
				r.ask(leave, 0)
				cancel()
			}
			return
		}
		due -= wait
	}
}

// pathTime is how long a NAT keeps the way to us open when nothing goes by.
const pathTime = 25 * time.Second

// rest waits, and keeps open the way back through a NAT meanwhile. It says false when ctx ends.
func (s *SIP) rest(ctx context.Context, t *trunk, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	path := time.NewTicker(max(pathTime*s.t1/(500*time.Millisecond), time.Millisecond))
	defer path.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case <-ctx.Done():
			return false
		case <-path.C:
			t.mu.Lock()
			registered, at := t.registered, t.registrarAt
			t.mu.Unlock()
			if !registered || t.Registrar == "" || t.Transport != "UDP" {
				continue
			}
			if o, ok := s.socketFor("UDP", at.Addr()); ok {
				o.packets.WriteTo([]byte("\r\n\r\n"), net.UDPAddrFromAddrPort(at))
			}
		}
	}
}

// ask registers for so long, or not any longer for 0. lasts is what was granted.
func (r *registration) ask(ctx context.Context, want time.Duration) (lasts time.Duration, err error) {
	s, t := r.line, r.trunk
	at, err := t.lookUp(ctx, t.registrar)
	if err != nil {
		return 0, s.unsent(err)
	}
	t.mu.Lock()
	t.registrarAt = at
	t.mu.Unlock()
	ours := sip.Uri{Scheme: "sip", User: t.Username, Host: t.registrar.name}
	contact := s.contact(t.Transport, at.Addr())
	contact.Address.User = t.Username
	for range 2 {
		r.cseq++
		req := sip.NewRequest(sip.REGISTER, sip.Uri{Scheme: "sip", Host: t.registrar.name, Port: t.registrar.port})
		from := sip.FromHeader{Address: ours, Params: sip.NewParams()}
		from.Params.Add("tag", r.tag)
		to := sip.ToHeader{Address: ours, Params: sip.NewParams()}
		id, forwards := sip.CallIDHeader(r.id), sip.MaxForwardsHeader(70)
		for _, h := range []sip.Header{
			s.via(t.Transport, at.Addr()), &from, &to, &id, &sip.CSeqHeader{SeqNo: r.cseq, MethodName: sip.REGISTER}, &forwards, contact,
			sip.NewHeader("Expires", seconds(want)), allow(),
		} {
			req.AppendHeader(h)
		}
		req.SetBody(nil)
		where := at.String()
		if t.Transport == "TLS" {
			where = peer{t.registrar.name, int(at.Port())}.String()
		}
		s.direct(req, t.Transport, where)
		res, err := s.do(ctx, t, req, func(again *sip.Request) {
			r.cseq++
			again.CSeq().SeqNo = r.cseq
		})
		switch {
		case err != nil:
			return 0, err
		case res.StatusCode == sip.StatusIntervalToBrief:
			least, err := strconv.ParseUint(first(res, "Min-Expires"), 10, 31)
			if err != nil || want == 0 {
				return 0, &refused{res.StatusCode}
			}
			want = time.Duration(least) * time.Second
			r.last = want
			continue
		case !res.IsSuccess():
			return 0, &refused{res.StatusCode}
		}
		return max(granted(res, contact, want), 10*time.Second), nil
	}
	return 0, errors.New("sip: no registration lasts long enough")
}

// granted is how long a registration of ours lasts: the answer lists all there are of this name.
func granted(res *sip.Response, ours *sip.ContactHeader, asked time.Duration) time.Duration {
	lasts := asked
	if n, err := strconv.ParseUint(first(res, "Expires"), 10, 31); err == nil {
		lasts = time.Duration(n) * time.Second
	}
	for _, h := range res.GetHeaders("Contact") {
		for _, one := range splitList(h.Value()) {
			var uri sip.Uri
			var params sip.HeaderParams
			if _, err := sip.ParseAddressValue(one, &uri, &params); err != nil || uri.Host != ours.Address.Host || uri.Port != ours.Address.Port {
				continue
			}
			if text, ok := params.Get("expires"); ok {
				if n, err := strconv.ParseUint(text, 10, 31); err == nil {
					return min(asked, time.Duration(n)*time.Second)
				}
			}
		}
	}
	return min(asked, lasts)
}

// splitList splits a header at commas that are not within < > or quotes.
func splitList(s string) (out []string) {
	depth, quoted, from := 0, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			depth++
		case c == '>':
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[from:]))
}

// Registered says whether a trunk knows where we are; true as well where none asks.
func (s *SIP) Registered(name string) bool {
	for _, t := range s.trunks {
		if t.Name == name {
			t.mu.Lock()
			defer t.mu.Unlock()
			return t.registered || t.Registrar == ""
		}
	}
	return false
}
