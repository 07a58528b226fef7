package smpp

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
)

// role is what a bind is for.
type role uint8

const (
	transceiver role = iota
	transmitter
	receiver
)

func (r role) sends() bool { return r != receiver }

// bind is one connection to the phone company on which we are known. Of gosmpp it uses the PDUs; its Session isn't used: that
// can't be waited for at its bind, tells nobody which of its requests have left when it breaks, sends answers by way of
// what waits to be sent, and gives up at the first PDU that it can't read.
type bind struct {
	role  role
	conn  net.Conn
	in    *bufio.Reader
	times times

	mu       sync.Mutex
	buffer   []byte     // what is to be written
	leaving  []departed // the requests in it
	pending  map[uint32]*request
	sequence uint32
	order    uint64 // of all that was ever put in the buffer
	unproved []proof
	closed   bool
	cause    error // why it is closed
	last     error // why it is to be closed once all is written

	told func(id string) // called with the number of each message that was taken, before who waits for it is; nil: nobody

	wake chan struct{} // rung when there is something to write
	gone chan struct{} // closed when the connection is
}

// times are how long a bind waits.
type times struct {
	connect time.Duration // for the connection, and for the answer to bind: each
	write   time.Duration
	enquire time.Duration // between two enquire_link
	answer  time.Duration // for the answer to enquire_link and unbind
	again   time.Duration // before a bind that broke is tried again, the first time
	longest time.Duration // and at most
	stall   time.Duration // without the answer to a submit_sm until nothing more is sent, and it is asked whether anybody is there
}

// request is one that waits for its answer.
type request struct {
	order  uint64
	left   bool // it was handed to the network: nobody knows whether it arrived
	sent   time.Time
	answer chan answer // holds one
}

// answer is what became of a request.
type answer struct {
	status status
	nacked bool   // by generic_nack
	id     string // message_id
	err    error  // there was none: the bind broke
	left   bool
}

// departed is a request in the buffer, and where it stands there.
type departed struct {
	r          *request
	begin, end int
}

// proof is what to do once the other side must have read all that was written before order.
type proof struct {
	order uint64
	then  func()
}

var (
	errBindGone = errors.New("there is no bind")
	errMute     = errors.New("the phone company doesn't answer")
	errUnbound  = errors.New("the phone company ended the bind")
	errClosing  = errors.New("shutting down")
)

// bindError is a bind that was refused.
type bindError struct{ status status }

func (e bindError) Error() string {
	if unlucky(e.status) {
		return fmt.Sprintf("the bind was refused with %v: look at system_id, password, system_type, and whether it may come from this address", e.status)
	}
	return fmt.Sprintf("the bind was refused with %v", e.status)
}

// login is what is shown when binding.
type login struct {
	systemID, password, systemType string
	addressRange                   string
	ton, npi                       byte
}

// open binds over a connection that was just made.
func open(conn net.Conn, r role, l login, t times) (*bind, error) {
	b := &bind{
		role: r, conn: conn, in: newReader(conn), times: t, pending: map[uint32]*request{},
		wake: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	if err := b.login(l); err != nil {
		conn.Close()
		return nil, err
	}
	return b, nil
}

func (b *bind) login(l login) error {
	kind := [...]pdu.BindingType{transceiver: pdu.Transceiver, transmitter: pdu.Transmitter, receiver: pdu.Receiver}[b.role]
	q := pdu.NewBindRequest(kind)
	q.SystemID, q.Password, q.SystemType = l.systemID, l.password, l.systemType
	q.AddressRange = pdu.NewAddressRangeWithTonNpiAddr(l.ton, l.npi, l.addressRange)
	b.sequence = 1
	b.conn.SetDeadline(time.Now().Add(b.times.connect))
	defer b.conn.SetDeadline(time.Time{})
	if _, err := b.conn.Write(numbered(marshal(q), 1)); err != nil {
		return fmt.Errorf("bind: %w", bare(err))
	}
	for {
		f, _, err := next(b.in)
		if err != nil {
			return fmt.Errorf("bind: %w", bare(err))
		}
		switch {
		case f.answers(commandOf(q.CommandID)), f.is(genericNack):
			if f.status() != statusOK || f.is(genericNack) {
				return bindError{f.status()}
			}
			return nil
		case f.is(enquireLink): // some ask before they answer
			if _, err := b.conn.Write(numbered(marshal(pdu.NewEnquireLinkResp()), f.sequence())); err != nil {
				return fmt.Errorf("bind: %w", bare(err))
			}
		}
	}
}

// marshal is a PDU in octets.
func marshal(p pdu.PDU) []byte {
	b := pdu.NewBuffer(make([]byte, 0, 256))
	p.Marshal(b)
	return b.Bytes()
}

// numbered puts a sequence number into a PDU: gosmpp has one count for the whole process.
func numbered(octets []byte, sequence uint32) []byte {
	binary.BigEndian.PutUint32(octets[12:], sequence)
	return octets
}

// bare is an error of the network's, without the addresses that it names.
func bare(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errMute
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err
	}
	return err
}

// send puts a request on its way. It is answered once: by the phone company, or by the end of the bind.
func (b *bind) send(octets []byte) (r *request, sequence uint32, err error) {
	r = &request{answer: make(chan answer, 1)}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil, 0, errBindGone
	}
	b.sequence = b.sequence%0x7FFFFFFF + 1
	sequence = b.sequence
	b.pending[sequence] = r
	begin := len(b.buffer)
	b.put(numbered(octets, sequence))
	r.order, r.sent = b.order, time.Now()
	b.leaving = append(b.leaving, departed{r, begin, len(b.buffer)})
	b.mu.Unlock()
	b.ring()
	return r, sequence, nil
}

// respond puts an answer on its way; then, which may be nil, is called once the other side must have read it.
func (b *bind) respond(octets []byte, sequence uint32, then func()) {
	b.mu.Lock()
	if !b.closed {
		b.put(numbered(octets, sequence))
		if then != nil {
			b.unproved = append(b.unproved, proof{b.order, then})
		}
	}
	b.mu.Unlock()
	b.ring()
}

func (b *bind) put(octets []byte) {
	b.buffer = append(b.buffer, octets...)
	b.order++
}

func (b *bind) ring() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// forget says that nobody waits for the answer of a request any more; it says what is known of it.
func (b *bind) forget(sequence uint32) (left bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.pending[sequence]
	if r == nil {
		return true
	}
	delete(b.pending, sequence)
	return r.left || b.withdraw(r)
}

// withdraw takes a request back that waits in the buffer. It says whether that was too late.
func (b *bind) withdraw(r *request) (late bool) {
	i := slices.IndexFunc(b.leaving, func(d departed) bool { return d.r == r })
	if i < 0 {
		return true
	}
	begin, end := b.leaving[i].begin, b.leaving[i].end
	b.buffer = slices.Delete(b.buffer, begin, end)
	b.leaving = slices.Delete(b.leaving, i, i+1)
	for j := i; j < len(b.leaving); j++ {
		b.leaving[j].begin -= end - begin
		b.leaving[j].end -= end - begin
	}
	return false
}

// write writes what is put in the buffer, all at once what came together, until the bind ends.
func (b *bind) write() {
	var buffer []byte
	var leaving []departed
	for {
		select {
		case <-b.wake:
		case <-b.gone:
			return
		}
		b.mu.Lock()
		buffer, b.buffer = b.buffer, buffer[:0]
		leaving, b.leaving = b.leaving, leaving[:0]
		for _, d := range leaving {
			d.r.left = true
		}
		last := b.last
		b.mu.Unlock()
		b.conn.SetWriteDeadline(time.Now().Add(b.times.write))
		n, err := b.conn.Write(buffer)
		if err != nil {
			b.mu.Lock()
			for _, d := range leaving {
				d.r.left = d.begin < n // not an octet of the others was taken
			}
			b.mu.Unlock()
			b.end(fmt.Errorf("write: %w", bare(err)))
			return
		}
		clear(leaving)
		if last != nil {
			b.end(last)
			return
		}
	}
}

// finish ends the bind once all that waits to be written is.
func (b *bind) finish(cause error) {
	b.mu.Lock()
	b.last = cause
	b.mu.Unlock()
	b.ring()
	<-b.gone
}

// end ends the bind; cause says why. Every request that waits is answered.
func (b *bind) end(cause error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.closed, b.cause = true, cause
	pending := b.pending
	b.pending = nil
	for _, r := range pending {
		r.answer <- answer{err: cause, left: r.left}
	}
	b.mu.Unlock()
	close(b.gone)
	b.conn.Close()
}

// answered hands an answer to who waits for it, and does what was to be done once all before it had arrived. It says whether
// anybody waits.
func (b *bind) answered(sequence uint32, a answer) bool {
	b.mu.Lock()
	r := b.pending[sequence]
	delete(b.pending, sequence)
	var proved []proof
	if r != nil {
		n := 0
		for n < len(b.unproved) && b.unproved[n].order < r.order {
			n++
		}
		proved = b.unproved[:n:n]
		b.unproved = b.unproved[n:]
	}
	b.mu.Unlock()
	for _, p := range proved {
		p.then()
	}
	if r == nil {
		return false
	}
	r.answer <- a
	return true
}

// oldest is when the request was sent that has waited longest for its answer; zero: none waits.
func (b *bind) oldest() (at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.pending {
		if at.IsZero() || r.sent.Before(at) {
			at = r.sent
		}
	}
	return at
}

// read reads until the bind ends. heard takes what isn't an answer; f is only as it is until heard returns.
func (b *bind) read(heard func(f frame, long bool), late func(f frame)) error {
	var set time.Time
	for {
		// Where more always waits to be read, the deadline moves on too.
		if now := time.Now(); b.in.Buffered() == 0 || now.Sub(set) > time.Second {
			b.conn.SetReadDeadline(now.Add(b.times.enquire + 2*b.times.answer))
			set = now
		}
		f, long, err := next(b.in)
		if err != nil {
			if errors.Is(err, errLost) {
				b.respond(marshal(nack(statusBadLength)), 0, nil)
				b.finish(err)
			}
			return bare(err)
		}
		if long {
			heard(f, true)
			continue
		}
		if f.command()&response == 0 {
			heard(f, false)
			continue
		}
		a := answer{status: f.status(), nacked: f.is(genericNack)}
		if f.answers(submitSM) {
			if a.id = messageID(f); b.told != nil {
				b.told(a.id)
			}
		}
		if !b.answered(f.sequence(), a) {
			late(f)
		}
	}
}

// ask sends a request of one header and waits for its answer.
func (b *bind) ask(ctx context.Context, p pdu.PDU) error {
	r, sequence, err := b.send(marshal(p))
	if err != nil {
		return err
	}
	wait := time.NewTimer(b.times.answer)
	defer wait.Stop()
	select {
	case a := <-r.answer:
		return a.err
	case <-wait.C:
		b.forget(sequence)
		return errMute
	case <-ctx.Done():
		b.forget(sequence)
		return ctx.Err()
	}
}

// enquire asks now and then whether anybody is there, until the bind ends. Who doesn't answer isn't.
func (b *bind) enquire(ctx context.Context) {
	tick := time.NewTicker(b.times.enquire)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := b.ask(ctx, pdu.NewEnquireLink()); err != nil && ctx.Err() == nil {
				b.end(err)
			}
		case <-b.gone:
			return
		}
	}
}

// unbind says goodbye and waits until that was heard.
func (b *bind) unbind() {
	err := b.ask(context.Background(), pdu.NewUnbind())
	b.end(errors.Join(errClosing, err))
}

func nack(s status) pdu.PDU {
	p := pdu.NewGenericNack().(*pdu.GenericNack)
	p.CommandStatus = data.CommandStatusType(s)
	return p
}

// reply is the answer to a request of the phone company's.
func reply(command uint32, s status) pdu.PDU {
	switch command {
	case deliverSM:
		p := pdu.NewDeliverSMResp().(*pdu.DeliverSMResp)
		p.CommandStatus = data.CommandStatusType(s)
		return p
	case dataSM:
		p := pdu.NewDataSMResp().(*pdu.DataSMResp)
		p.CommandStatus = data.CommandStatusType(s)
		return p
	case enquireLink:
		return pdu.NewEnquireLinkResp()
	case unbind:
		return pdu.NewUnbindResp()
	}
	return nack(s)
}
