package smpp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/linxGnu/gosmpp/data"
)

// Command ids that are read here (SMPP v3.4 §5.1.2.1). The highest bit marks a response.
const (
	response      uint32 = 1 << 31
	genericNack          = response
	bindReceiver  uint32 = 0x01
	bindTransmit  uint32 = 0x02
	submitSM      uint32 = 0x04
	deliverSM     uint32 = 0x05
	unbind        uint32 = 0x06
	bindTransceiv uint32 = 0x09
	outbind       uint32 = 0x0B
	enquireLink   uint32 = 0x15
	alert         uint32 = 0x102
	dataSM        uint32 = 0x103
)

const (
	headerLen = 16
	// mostFrame is longer than any PDU that has a meaning: the longest carries a message_payload of 64 KiB.
	mostFrame = 72 << 10
	// mostSkipped is how long a PDU may say it is and still be skipped. Beyond that the lengths themselves are not to be believed.
	mostSkipped = 1 << 20
)

// errLost says that it can't be told where the next PDU begins: the connection is of no more use.
var errLost = errors.New("a length that can't be right: the stream is lost")

// frame is one PDU as it came, from its length to its last octet.
type frame []byte

func (f frame) command() uint32              { return binary.BigEndian.Uint32(f[4:]) }
func (f frame) status() status               { return status(binary.BigEndian.Uint32(f[8:])) }
func (f frame) sequence() uint32             { return binary.BigEndian.Uint32(f[12:]) }
func (f frame) body() []byte                 { return f[headerLen:] }
func (f frame) is(command uint32) bool       { return f.command() == command }
func (f frame) answers(command uint32) bool  { return f.command() == command|response }
func newReader(r io.Reader) *bufio.Reader    { return bufio.NewReaderSize(r, mostFrame) }
func commandOf(id data.CommandIDType) uint32 { return uint32(id) }

// next reads one PDU. It stays what it is until the next call only. A PDU too long to be read is skipped: then only its
// header is returned, and long is true.
func next(r *bufio.Reader) (f frame, long bool, err error) {
	head, err := r.Peek(headerLen)
	if err != nil {
		if len(head) > 0 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, false, err
	}
	length := binary.BigEndian.Uint32(head)
	switch {
	case length < headerLen || length > mostSkipped:
		return nil, false, errLost
	case length > mostFrame:
		f = append(frame(nil), head...)
		_, err = r.Discard(int(length))
		return f, true, err
	}
	whole, err := r.Peek(int(length))
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, false, err
	}
	r.Discard(len(whole)) // what was peeked at stays in the buffer until the next read
	return whole, false, nil
}

// tag of an optional parameter (SMPP v3.4 §5.3.2).
type tag uint16

const (
	tagReceiptedID    tag = 0x001E
	tagUserReference  tag = 0x0204
	tagSarReference   tag = 0x020C
	tagSarTotal       tag = 0x020E
	tagSarNumber      tag = 0x020F
	tagNetworkError   tag = 0x0423
	tagMessagePayload tag = 0x0424
	tagMessageState   tag = 0x0427
	tagUSSDOp         tag = 0x0501
	tagITSSession     tag = 0x1383
)

// parameter is one optional parameter.
type parameter struct {
	tag   tag
	value []byte
}

// incoming is a deliver_sm or data_sm, taken apart. Its slices are the frame's.
type incoming struct {
	at           time.Time // when it came: it may wait behind others of its sender
	command      uint32
	sequence     uint32
	service      string
	from, to     address
	class        byte // esm_class
	protocol     byte
	coding       byte   // data_coding
	user         []byte // what was sent, with its header where class says that there is one
	parameters   []parameter
	fixed        []byte // all that stands before the optional parameters
	registration byte
}

// address is a number with what it is said to be.
type address struct {
	ton, npi byte
	number   string
}

var (
	errShort = errors.New("it ends too early")
	errRest  = errors.New("its last optional parameter is cut off")
)

// take takes a deliver_sm or data_sm apart. The error says what is wrong with it and nothing of what it holds. gosmpp's own
// reader isn't asked: a wrong length makes it give up the whole bind, and 0xFFFF is nothing to it.
func take(f frame) (*incoming, error) {
	in := &incoming{command: f.command(), sequence: f.sequence()}
	b := cutter{rest: f.body()}
	in.service = b.text("service_type", 6)
	in.from = b.address("source_addr")
	in.to = b.address("destination_addr")
	in.class = b.octet()
	if f.is(deliverSM) {
		in.protocol = b.octet()
		b.octet()                            // priority_flag
		b.text("schedule_delivery_time", 17) // unused in a deliver_sm
		b.text("validity_period", 17)        // the same
		in.registration = b.octet()
		b.octet() // replace_if_present_flag
		in.coding = b.octet()
		b.octet() // sm_default_msg_id
		in.user = b.octets(int(b.octet()))
	} else {
		in.registration = b.octet()
		in.coding = b.octet()
	}
	if b.err != nil {
		return nil, b.err
	}
	in.fixed = f.body()[:len(f.body())-len(b.rest)]
	for len(b.rest) > 0 {
		if len(b.rest) < 4 {
			return nil, errRest
		}
		t, n := tag(binary.BigEndian.Uint16(b.rest)), int(binary.BigEndian.Uint16(b.rest[2:]))
		if len(b.rest) < 4+n {
			return nil, fmt.Errorf("optional parameter 0x%04X: %w", uint16(t), errRest)
		}
		in.parameters = append(in.parameters, parameter{t, b.rest[4 : 4+n : 4+n]})
		b.rest = b.rest[4+n:]
	}
	if len(in.user) == 0 { // SMPP v3.4 §5.3.2.32: either short_message or message_payload
		in.user, _ = in.parameter(tagMessagePayload)
	}
	return in, nil
}

// parameter is the last one with this tag.
func (in *incoming) parameter(t tag) (value []byte, ok bool) {
	for i := len(in.parameters) - 1; i >= 0; i-- {
		if in.parameters[i].tag == t {
			return in.parameters[i].value, true
		}
	}
	return nil, false
}

// number is the value of a parameter of one or two octets; some send more of them than they should, with noughts in front.
func (in *incoming) number(t tag) (n int, ok bool) {
	value, ok := in.parameter(t)
	if !ok || len(value) == 0 || len(value) > 4 {
		return 0, false
	}
	for _, b := range value {
		n = n<<8 | int(b)
	}
	return n, true
}

// cutter cuts fields off, until one is too short.
type cutter struct {
	rest []byte
	err  error
}

func (c *cutter) octet() byte {
	if c.err != nil || len(c.rest) == 0 {
		c.err = errors.Join(c.err, errShort)
		return 0
	}
	b := c.rest[0]
	c.rest = c.rest[1:]
	return b
}

func (c *cutter) octets(n int) []byte {
	if c.err != nil || len(c.rest) < n {
		c.err = errors.Join(c.err, errShort)
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

// text is a C-octet string of at most most octets; a few more are let pass.
func (c *cutter) text(name string, most int) string {
	if c.err != nil {
		return ""
	}
	for i, b := range c.rest {
		if b == 0 {
			s := string(c.rest[:i])
			c.rest = c.rest[i+1:]
			return s
		}
		if i > most+slack {
			break
		}
	}
	c.err = fmt.Errorf("%s: %w", name, errUnended)
	return ""
}

// slack is how much longer than SMPP allows a text may be.
const slack = 48

var errUnended = errors.New("a text has no end")

func (c *cutter) address(name string) address {
	return address{c.octet(), c.octet(), c.text(name, 21)}
}

// messageID is what a submit_sm_resp holds: a C-octet string, or nothing where the message was refused (SMPP v3.4 §4.4.2).
func messageID(f frame) string {
	body := f.body()
	for i, b := range body {
		if b == 0 {
			return string(body[:i])
		}
		if i >= 65+slack {
			return ""
		}
	}
	return string(body)
}
