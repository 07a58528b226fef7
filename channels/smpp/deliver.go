package smpp

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

const (
	// sendPatience is how long one message may take where whoever sends it sets no limit.
	sendPatience = time.Minute
	// bindPatience is how long a message waits for a bind.
	bindPatience = 10 * time.Second
	// shortWait is before a part is tried again that the phone company can't take now.
	shortWait = time.Second
)

// Deliver sends p as one text, in as many parts as it takes. The receipt is the number that the phone company gave its last
// part: of that alone it tells what became of it. When it ends, each part is accounted for: taken, refused, never sent, or in
// doubt. Who is in doubt about one part is in doubt about the whole.
func (s *SMS) Deliver(ctx context.Context, to channels.Address, p render.Page, key string) (string, error) {
	text := strings.TrimSpace(plain(p.Text))
	switch {
	case to.Kind != "tel":
		return "", channels.Gone(errors.New("smpp: only a number can be sent a text"), "address")
	case text == "":
		return "", channels.Gone(errors.New("smpp: there is nothing to send"), "empty")
	}
	parts, ok := cut(text, s.nextReference(), s.cfg.Long, s.cfg.Alphabet)
	if !ok {
		return "", channels.Gone(errors.New("smpp: the text is too long"), "too-long")
	}
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, sendPatience)
		defer cancel()
	}
	s.early.begin()
	id, err := s.deliver(ctx, to.ID, parts)
	if d, ok := s.early.end(id); ok {
		s.reportAgain(id, d)
	}
	s.metrics.sent(len(parts), err)
	return id, err
}

// nextReference is one that no message of the last 255 had. It is never above 255: see letters.room.
func (l *line) nextReference() uint16 { return uint16(l.reference.Add(1) & 0xFF) }

// deliver sends the first part, and the rest together once that was taken: so a number that can't be reached is known before
// half a message went there.
func (s *SMS) deliver(ctx context.Context, to string, parts []part) (id string, err error) {
	last := len(parts) - 1
	if id, err = s.submit(ctx, s.text(to, &parts[0], last == 0), false); err != nil || last == 0 {
		return id, err
	}
	type told struct {
		number int
		id     string
		err    error
	}
	all := make(chan told, last)
	for i := 1; i <= last; i++ {
		go func() {
			id, err := s.submit(ctx, s.text(to, &parts[i], i == last), true)
			all <- told{i, id, err}
		}()
	}
	for range last {
		t := <-all
		if t.err != nil {
			err = errors.Join(err, fmt.Errorf("part %d of %d: %w", t.number+1, len(parts), t.err))
		}
		if t.number == last {
			id = t.id
		}
	}
	if err != nil {
		return "", channels.Doubt(fmt.Errorf("smpp: %s: others were taken: %w", s.cfg.Operator, err))
	}
	return id, nil
}

// text is the submit_sm of a part.
func (s *SMS) text(to string, p *part, last bool) []byte {
	m := pdu.NewSubmitSM().(*pdu.SubmitSM)
	m.ServiceType = s.cfg.Service
	m.SourceAddr = source(s.cfg.From, s.cfg.TON, s.cfg.NPI)
	m.DestAddr = destination(to)
	if p.header {
		m.EsmClass = classHeader
	}
	if s.cfg.Receipts && last {
		m.RegisteredDelivery = 1
	}
	m.ValidityPeriod = relative(s.cfg.Validity)
	m.Message.SetMessageDataWithEncoding(p.octets, coding(p.coding))
	if p.total > 1 && !p.header {
		m.RegisterOptionalParam(pdu.Field{Tag: pdu.TagSarMsgRefNum, Data: []byte{byte(p.ref >> 8), byte(p.ref)}})
		m.RegisterOptionalParam(pdu.Field{Tag: pdu.TagSarTotalSegments, Data: []byte{byte(p.total)}})
		m.RegisterOptionalParam(pdu.Field{Tag: pdu.TagSarSegmentSeqnum, Data: []byte{byte(p.number)}})
	}
	return marshal(m)
}

// coding is a data_coding as gosmpp wants it. The octets are ready.
type coding byte

func (c coding) DataCoding() byte              { return byte(c) }
func (coding) Encode(s string) ([]byte, error) { return []byte(s), nil }
func (coding) Decode(b []byte) (string, error) { return string(b), nil }

var _ data.Encoding = coding(0)

// Types of numbers and numbering plans (SMPP v3.4 §5.2.5, .6).
const (
	tonInternational = 1
	tonNetwork       = 3 // a short code
	tonName          = 5 // letters
	npiTelephone     = 1
)

// source is the address that something comes from; ton and npi below 0 are what it looks like.
func source(from string, ton, npi int) pdu.Address {
	digits := strings.TrimPrefix(from, "+")
	looks := [2]int{tonNetwork, 0}
	switch {
	case digits == "":
		looks = [2]int{0, 0}
	case strings.Trim(digits, "0123456789*#") != "":
		looks = [2]int{tonName, 0}
	case digits != from:
		looks = [2]int{tonInternational, npiTelephone}
	}
	if ton < 0 {
		ton = looks[0]
	}
	if npi < 0 {
		npi = looks[1]
	}
	a := pdu.NewAddressWithTonNpi(byte(ton), byte(npi))
	a.SetAddress(digits)
	return a
}

func destination(to string) pdu.Address {
	digits := strings.TrimPrefix(to, "+")
	a := pdu.NewAddressWithTonNpi(0, npiTelephone)
	if digits != to {
		a.SetTon(tonInternational)
	}
	a.SetAddress(digits)
	return a
}

// relative is a time from now as SMPP writes it (v3.4 §7.1.1.2).
func relative(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	s := int(d / time.Second)
	return fmt.Sprintf("0000%02d%02d%02d%02d000R", min(s/86400, 99), s/3600%24, s/60%60, s%60)
}

// submit sends one PDU and waits for its answer. Where again is true, it is sent again as long as it was surely not taken,
// until ctx ends: other parts of it were.
func (l *line) submit(ctx context.Context, octets []byte, again bool) (id string, err error) {
	for {
		a, err := l.once(ctx, octets, false)
		if err != nil {
			if after, ok := channels.Retrying(err); ok && again && l.wait(ctx, max(after, shortWait)) {
				continue
			}
			return "", err
		}
		if v := judge(a.status); v == taken && !a.nacked {
			return l.cfg.IDs.answered(a.id), nil
		}
		err = l.refusal(a)
		if after, ok := channels.Retrying(err); ok && again && l.wait(ctx, max(after, shortWait)) {
			continue
		}
		return "", err
	}
}

// wait says whether there was time for it.
func (l *line) wait(ctx context.Context, d time.Duration) bool {
	if at, ok := ctx.Deadline(); ok && time.Until(at) < d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	case <-l.ending():
		return false
	}
}

// refusal is the error after an answer that is no yes.
func (l *line) refusal(a answer) error {
	err := fmt.Errorf("smpp: %s: the phone company refused it with %v", l.cfg.Operator, a.status)
	if a.nacked { // it could not read it, and says with 0 that it didn't take it
		return channels.Retry(fmt.Errorf("smpp: %s: the phone company could not read it (generic_nack %v)", l.cfg.Operator, a.status), staffPause)
	}
	switch judge(a.status) {
	case slower:
		return channels.Retry(fmt.Errorf("%w: %w", err, channels.ErrThrottled), l.gate.slow())
	case stopped:
		return channels.Retry(fmt.Errorf("%w: %w", err, channels.ErrThrottled), staffPause)
	case longLater:
		return channels.Retry(err, staffPause)
	case nowhere:
		return channels.Gone(fmt.Errorf("%w: %w", err, channels.ErrBadNumber), "0x"+strconv.FormatUint(uint64(a.status), 16))
	case refused:
		return channels.Gone(err, "0x"+strconv.FormatUint(uint64(a.status), 16))
	}
	return channels.Retry(err, 0)
}

// once sends a PDU, at most once. The error is Retry where it surely wasn't sent, and Doubt where that isn't known.
func (l *line) once(ctx context.Context, octets []byte, live bool) (answer, error) {
	fail := func(err error) error { return fmt.Errorf("smpp: %s: %w", l.cfg.Operator, err) }
	for {
		b, err := l.bindIn(ctx)
		if err != nil {
			return answer{}, channels.Retry(fail(fmt.Errorf("%w: %w", err, channels.ErrThrottled)), 0)
		}
		leave, err := l.gate.enter(ctx, live)
		if err != nil {
			return answer{}, channels.Retry(fail(fmt.Errorf("there was no turn to send it in time: %w", channels.ErrThrottled)), 0)
		}
		r, sequence, err := b.send(octets)
		if err != nil { // it broke while we waited
			leave()
			continue
		}
		a := l.await(ctx, b, r, sequence)
		leave()
		switch {
		case a.err == nil:
			if judge(a.status) != slower {
				l.gate.taken()
			}
			return a, nil
		case a.left:
			return answer{}, channels.Doubt(fail(fmt.Errorf("there was no answer: %w", a.err)))
		case ctx.Err() != nil:
			return answer{}, channels.Retry(fail(a.err), 0)
		}
		// It waited to be written when the bind broke: nobody has seen it.
	}
}

func (l *line) bindIn(ctx context.Context) (*bind, error) {
	ctx, cancel := context.WithTimeout(ctx, bindPatience)
	defer cancel()
	return l.sending(ctx)
}

func (l *line) await(ctx context.Context, b *bind, r *request, sequence uint32) answer {
	select {
	case a := <-r.answer:
		return a
	case <-ctx.Done():
	}
	left := b.forget(sequence)
	select {
	case a := <-r.answer: // it came just now
		return a
	default:
		return answer{err: ctx.Err(), left: left}
	}
}
