package sip

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// sessionTime is how long a call of ours may go on without being refreshed.
const sessionTime = 30 * time.Minute

// sessionAsked is what a request says of refreshing the session (RFC 4028): how often, and whether it is ours to do. ok is
// false when that would be too often.
func (s *SIP) sessionAsked(m sip.Message) (interval time.Duration, ours, ok bool) {
	h := first(m, "Session-Expires", "x")
	if h == "" {
		return 0, false, true
	}
	text, params, _ := strings.Cut(h, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	if err != nil {
		return 0, false, true
	}
	interval = time.Duration(n) * time.Second
	if interval < s.least {
		return 0, false, false
	}
	return interval, strings.Contains(strings.ToLower(strings.ReplaceAll(params, " ", "")), "refresher=uas"), true
}

// first is the first header of one of these names; "" where there is none.
func first(m sip.Message, names ...string) string {
	for _, n := range names {
		if hs := m.GetHeaders(n); len(hs) > 0 {
			return hs[0].Value()
		}
	}
	return ""
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// timerHeaders are what an answer says of refreshing.
func (l *leg) timerHeaders(req *sip.Request) []sip.Header {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.interval == 0 {
		return nil
	}
	supported := lists(req, "Supported", "timer") || lists(req, "k", "timer")
	if !supported {
		l.refresh = true // who can't refresh is refreshed
	}
	who := "uac"
	if l.refresh {
		who = "uas"
	}
	out := []sip.Header{sip.NewHeader("Session-Expires", seconds(l.interval)+";refresher="+who)}
	if supported {
		out = append(out, sip.NewHeader("Require", "timer"))
	}
	return out
}

// reinvited is a change to a call there is: hold, resume, a moved address, or none, to refresh it.
func (l *leg) reinvited(req *sip.Request, tx sip.ServerTransaction) {
	l.mu.Lock()
	glare, u := l.asking, l.unsure
	l.mu.Unlock()
	early := false
	if u != nil { // its ACK may have been overtaken
		late := time.NewTimer(l.line.t1)
		select {
		case <-u.done:
		case <-l.over:
		case <-late.C:
			early = true
		}
		late.Stop()
	}
	switch {
	case glare:
		l.line.answer(req, tx, sip.StatusRequestPending, "Request Pending")
		return
	case early:
		l.line.answer(req, tx, sip.StatusInternalServerError, "Earlier INVITE Pending", sip.NewHeader("Retry-After", strconv.Itoa(rand.IntN(10))))
		return
	}
	answer, ok := l.changed(req, tx)
	if !ok {
		return
	}
	res := l.tagged(req, sip.StatusOK, "OK", answer, append(l.timerHeaders(req), allow(), sip.NewHeader("Supported", "timer"))...)
	u = l.expect(req)
	tx.Respond(res)
	l.sure(u, tx, res)
}

// updated is the same by UPDATE (RFC 3311), which needs no ACK.
func (s *SIP) updated(req *sip.Request, tx sip.ServerTransaction) {
	l := s.within(req, tx)
	if l == nil {
		return
	}
	l.mu.Lock()
	glare := l.asking || l.unsure != nil
	l.mu.Unlock()
	if glare && len(req.Body()) > 0 {
		s.answer(req, tx, sip.StatusRequestPending, "Request Pending")
		return
	}
	var answer []byte
	ok := true
	if len(req.Body()) > 0 {
		answer, ok = l.changed(req, tx)
	} else if ok = l.refreshed(req, tx); ok {
		l.moved(req.Contact())
	}
	if ok {
		s.respond(req, tx, l.tagged(req, sip.StatusOK, "OK", answer, append(l.timerHeaders(req), allow(), sip.NewHeader("Supported", "timer"))...))
	}
}

// changed takes a new description. ok is false when it was refused: the call goes on as it was.
func (l *leg) changed(req *sip.Request, tx sip.ServerTransaction) (answer []byte, ok bool) {
	if !l.refreshed(req, tx) {
		return nil, false
	}
	if len(req.Body()) == 0 {
		l.moved(req.Contact())
		return l.media.Proposal(), true
	}
	answer, err := l.media.Renew(req.Body())
	if err != nil {
		l.line.respond(req, tx, l.tagged(req, sip.StatusNotAcceptableHere, "Not Acceptable Here", nil))
		return nil, false
	}
	l.moved(req.Contact())
	return answer, true
}

// refreshed takes what a request of theirs says of refreshing.
func (l *leg) refreshed(req *sip.Request, tx sip.ServerTransaction) bool {
	interval, ours, ok := l.line.sessionAsked(req)
	if !ok {
		l.line.answer(req, tx, 422, "Session Interval Too Small", sip.NewHeader("Min-SE", seconds(l.line.least)))
		return false
	}
	l.mu.Lock()
	l.interval, l.refresh = interval, ours
	l.mu.Unlock()
	l.tick()
	return true
}

func (l *leg) tick() {
	select {
	case l.renewed <- struct{}{}:
	default:
	}
}

// keep refreshes the session while the call lasts, or ends the call when the other side should have and didn't.
func (l *leg) keep() {
	for {
		l.mu.Lock()
		interval, ours := l.interval, l.refresh
		l.mu.Unlock()
		lapses := interval - min(32*time.Second, interval/3)
		due := lapses
		if ours {
			due = interval / 2
		}
		timer := time.NewTimer(due)
		if interval == 0 {
			timer.Stop()
		}
		select {
		case <-l.over:
			timer.Stop()
			return
		case <-l.media.Gone():
			timer.Stop()
			if l.there() {
				l.media.Linger()
				continue
			}
			l.ringOff("nothing was heard any more")
			return
		case <-l.renewed:
			timer.Stop()
		case <-timer.C:
			if !ours {
				l.ringOff("the session lapsed")
				return
			}
			if err := l.refreshNow(time.Now().Add(lapses-due), interval/16); err != nil {
				l.ringOff("the session could not be refreshed")
				return
			}
		}
	}
}

// there says whether the other side still knows the call. A telephone that sends no sound while nobody speaks is not gone.
func (l *leg) there() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 16*l.line.t1)
	defer cancel()
	res, err := l.do(ctx, l.request(sip.OPTIONS, nil, ""))
	return err == nil && res.StatusCode != sip.StatusCallTransactionDoesNotExists && res.StatusCode != sip.StatusRequestTimeout
}

var errGlare = errors.New("sip: both asked at once")

// refreshNow has the other side say that the call goes on. Where it doesn't want to, and still knows the call, it is asked again
// every so often until the session lapses: nobody is hung up on for that (RFC 4028, §10).
func (l *leg) refreshNow(until time.Time, again time.Duration) error {
	for try := 0; ; try++ {
		err := l.refreshOnce()
		wait := again
		var no *refused
		switch {
		case errors.Is(err, errGlare) && try < 4:
			// Who made the call waits longer (RFC 3261, §14.1), so that both don't meet again.
			wait = time.Duration(rand.IntN(200)) * 10 * time.Millisecond
			if l.ours {
				wait = 2100*time.Millisecond + time.Duration(rand.IntN(190))*10*time.Millisecond
			}
			wait = wait * l.line.t1 / (500 * time.Millisecond)
		case errors.As(err, &no) && no.code != sip.StatusRequestTimeout && no.code != sip.StatusCallTransactionDoesNotExists && time.Now().Before(until):
		default:
			return err
		}
		select {
		case <-time.After(wait):
		case <-l.media.Gone():
			return nil
		case <-l.over:
			return nil
		}
	}
}

func (l *leg) refreshOnce() error {
	l.mu.Lock()
	if l.asking || l.unsure != nil {
		l.mu.Unlock()
		return errGlare
	}
	l.asking = true
	interval := l.interval
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.asking = false
		l.mu.Unlock()
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 64*l.line.t1)
	defer cancel()
	who := "uac"
	headers := []sip.Header{
		sip.NewHeader("Session-Expires", seconds(interval)+";refresher="+who), sip.NewHeader("Supported", "timer"), allow(),
	}
	var res *sip.Response
	var err error
	if l.takes(sip.UPDATE) {
		res, err = l.do(ctx, l.request(sip.UPDATE, nil, "", headers...))
	} else {
		res, err = l.reinvite(ctx, headers)
	}
	switch {
	case err != nil:
		return err
	case res.StatusCode == sip.StatusRequestPending:
		return errGlare
	case !res.IsSuccess():
		if res.StatusCode == sip.StatusMethodNotAllowed || res.StatusCode == sip.StatusNotImplemented { // whatever it said before: by re-INVITE, then
			l.mu.Lock()
			delete(l.allows, string(sip.UPDATE))
			l.mu.Unlock()
		}
		return &refused{res.StatusCode}
	}
	l.moved(res.Contact())
	return nil
}

// reinvite sends our description again, as it was.
func (l *leg) reinvite(ctx context.Context, headers []sip.Header) (*sip.Response, error) {
	req := l.request(sip.INVITE, l.media.Description(), "application/sdp", headers...)
	i := &invitation{line: l.line, trunk: l.trunk, req: req, next: l.number}
	res, err := i.send(ctx, nil)
	if err != nil || !res.IsSuccess() {
		return res, err
	}
	l.acknowledge(i, res)
	if len(res.Body()) > 0 {
		if err := l.media.Accept(res.Body()); err != nil {
			return res, err
		}
	}
	return res, nil
}
