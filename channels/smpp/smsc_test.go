package smpp

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// smsc is a phone company of paper. It reads what we send with gosmpp's reader, and writes what comes in octet by octet.
type smsc struct {
	t        testing.TB
	password string
	answer   func(s *session, m *pdu.SubmitSM) // nil: yes, with a number
	onBind   func(s *session) bool             // false: it doesn't answer; nil: yes
	mute     atomic.Bool                       // no enquire_link is answered

	mu       sync.Mutex
	sessions []*session
	submits  []*pdu.SubmitSM
	binds    int
	came     chan *session // each that is bound
}

// session is one connection to it.
type session struct {
	smsc *smsc
	conn net.Conn
	role data.CommandIDType

	mu       sync.Mutex
	sequence uint32
	answers  map[uint32]chan frame
	unbound  bool
	nacks    []frame
	gone     chan struct{}
}

func newSMSC(t testing.TB) *smsc {
	return &smsc{t: t, password: "secret", came: make(chan *session, 100)}
}

// dial connects to it over a line without any length.
func (c *smsc) dial(context.Context, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	c.serve(ours)
	return theirs, nil
}

func (c *smsc) serve(conn net.Conn) *session {
	s := &session{smsc: c, conn: conn, answers: map[uint32]chan frame{}, gone: make(chan struct{})}
	c.mu.Lock()
	c.sessions = append(c.sessions, s)
	c.mu.Unlock()
	go func() {
		defer close(s.gone)
		defer conn.Close()
		s.read()
	}()
	return s
}

func (s *session) read() {
	for {
		p, err := pdu.Parse(s.conn)
		if err != nil {
			return
		}
		switch m := p.(type) {
		case *pdu.BindRequest:
			s.smsc.mu.Lock()
			s.smsc.binds++
			s.smsc.mu.Unlock()
			s.role = m.CommandID
			if s.smsc.onBind != nil && !s.smsc.onBind(s) {
				continue
			}
			r := m.GetResponse().(*pdu.BindResp)
			if m.Password != s.smsc.password {
				r.CommandStatus = data.ESME_RINVPASWD
				s.send(r)
				return
			}
			s.send(r)
			s.smsc.came <- s
		case *pdu.SubmitSM:
			s.smsc.mu.Lock()
			s.smsc.submits = append(s.smsc.submits, m)
			n := len(s.smsc.submits)
			answer := s.smsc.answer
			s.smsc.mu.Unlock()
			if answer != nil {
				answer(s, m)
				continue
			}
			s.yes(m, "m"+itoa(n))
		case *pdu.EnquireLink:
			if !s.smsc.mute.Load() {
				s.send(p.GetResponse())
			}
		case *pdu.Unbind:
			s.mu.Lock()
			s.unbound = true
			s.mu.Unlock()
			s.send(p.GetResponse())
			return
		case *pdu.GenericNack:
			s.mu.Lock()
			s.nacks = append(s.nacks, marshal(p))
			s.mu.Unlock()
			s.answered(uint32(p.GetSequenceNumber()), marshal(p))
		default:
			s.answered(uint32(p.GetSequenceNumber()), marshal(p))
		}
	}
}

func (s *session) answered(sequence uint32, f frame) {
	s.mu.Lock()
	c := s.answers[sequence]
	delete(s.answers, sequence)
	s.mu.Unlock()
	if c != nil {
		c <- f
	}
}

func (s *session) send(p pdu.PDU) { s.conn.Write(marshal(p)) }

// yes takes a message under a number.
func (s *session) yes(m *pdu.SubmitSM, id string) {
	r := m.GetResponse().(*pdu.SubmitSMResp)
	r.MessageID = id
	s.send(r)
}

// no refuses it.
func (s *session) no(m *pdu.SubmitSM, status data.CommandStatusType) {
	r := m.GetResponse().(*pdu.SubmitSMResp)
	r.CommandStatus = status
	s.send(r)
}

// request sends a PDU of our own making and returns its answer.
func (s *session) request(command uint32, body []byte) chan frame {
	s.mu.Lock()
	s.sequence++
	sequence := s.sequence
	c := make(chan frame, 1)
	s.answers[sequence] = c
	s.mu.Unlock()
	s.conn.Write(raw(command, sequence, body))
	return c
}

// raw is a PDU in octets.
func raw(command, sequence uint32, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(headerLen+len(body)))
	b = binary.BigEndian.AppendUint32(b, command)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, sequence)
	return append(b, body...)
}

// sm is a deliver_sm, as much of it as tests set.
type sm struct {
	service      string
	from         string // "+255712345678", or as it is
	to           string
	class        byte
	coding       byte
	user         []byte
	words        string // instead of user, as it is
	payload      bool   // in message_payload
	parameters   []parameter
	fromTON      int // 0: 1 with a plus, else 0
	registration byte
}

func (m sm) body() []byte {
	b := append([]byte(m.service), 0)
	ton := byte(m.fromTON)
	from, plus := strings.CutPrefix(m.from, "+")
	if plus && ton == 0 {
		ton = 1
	}
	b = append(append(append(b, ton, 1), from...), 0)
	b = append(append(append(b, 0, 1), m.to...), 0)
	b = append(b, m.class, 0, 0, 0, 0, m.registration, 0, m.coding, 0)
	user := m.user
	if m.words != "" {
		user = []byte(m.words)
	}
	if m.payload {
		b = append(b, 0)
		b = appendParameter(b, tagMessagePayload, user)
	} else {
		b = append(append(b, byte(len(user))), user...)
	}
	for _, p := range m.parameters {
		b = appendParameter(b, p.tag, p.value)
	}
	return b
}

func appendParameter(b []byte, t tag, value []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(t))
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// deliver sends one and waits for its answer; 0xFFFF: there was none.
func (s *session) deliver(m sm) status {
	select {
	case f := <-s.request(deliverSM, m.body()):
		return f.status()
	case <-s.gone:
		return 0xFFFF
	}
}

const resident = "+255712345678"

var errAway = errors.New("the store is away")

// inbox is an exchange of paper.
type inbox struct {
	mu      sync.Mutex
	events  []channels.Event // all, those that come again too
	reports []reported
	broken  error
	answer  func(channels.Event) channels.Reply
	hold    chan struct{} // turns wait for it; nil: they don't
}

type reported struct {
	receipt string
	channels.Delivery
}

func (in *inbox) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	if in.hold != nil {
		select {
		case <-in.hold:
		case <-ctx.Done():
			return channels.Reply{}, ctx.Err()
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.events = append(in.events, e)
	if in.broken != nil {
		return channels.Reply{}, in.broken
	}
	if in.answer == nil {
		return channels.Reply{}, nil
	}
	return in.answer(e), nil
}

func (in *inbox) Report(_ context.Context, _, receipt string, d channels.Delivery) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.broken != nil {
		return in.broken
	}
	in.reports = append(in.reports, reported{receipt, d})
	return nil
}

func (in *inbox) fail(err error) {
	in.mu.Lock()
	in.broken = err
	in.mu.Unlock()
}

// clear forgets what came.
func (in *inbox) clear() {
	in.mu.Lock()
	in.events = nil
	in.mu.Unlock()
}

func (in *inbox) all() []channels.Event {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]channels.Event(nil), in.events...)
}

func (in *inbox) allReports() []reported {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]reported(nil), in.reports...)
}

// words are those of all events, in order.
func (in *inbox) words() (all []string) {
	for _, e := range in.all() {
		all = append(all, e.Words)
	}
	return all
}

// town is a line to a phone company, and both ends of it.
type town struct {
	*smsc
	*session // the first bind
	sms      *SMS
	ussd     *USSD
	in       *inbox
	log      *strings.Builder
	stop     func() // and wait
}

// open sets a line up and waits until it is bound.
func openLine(t testing.TB, c *smsc, change func(*Config)) *town {
	t.Helper()
	town := &town{smsc: c, in: &inbox{}, log: &strings.Builder{}}
	cfg := Config{
		Operator: "mtn", Address: "smpp.example.net:2775", SystemID: "town", Password: "secret", From: "15001", TON: -1, NPI: -1,
		Country: "TZ", Lang: "en", Phrases: phrases(t), Receipts: true, Secret: []byte("0123456789abcdef"), dial: c.dial,
		Log: slog.New(slog.NewTextHandler(&locked{w: town.log}, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	lines, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		switch l := l.(type) {
		case *SMS:
			town.sms = l
		case *USSD:
			town.ussd = l
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- lines[0].(channels.Listener).Listen(ctx, town.in) }()
	var once sync.Once
	town.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("closing: %v", err)
			}
		})
	}
	t.Cleanup(town.stop)
	if c.onBind == nil && cfg.Password == c.password {
		town.session = <-c.came
	}
	return town
}

var loadPhrases = sync.OnceValues(locales.Load)

func phrases(t testing.TB) *locales.Catalogue {
	t.Helper()
	c, err := loadPhrases()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// locked is a writer for many.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// text sends one text to the resident.
func (w *town) text(words string) (string, error) {
	return w.sms.Deliver(context.Background(), channels.Address{Kind: "tel", ID: resident}, render.Page{Text: words}, "key")
}

// sent are the texts that were submitted, as a phone reads them.
func (c *smsc) sent() []*pdu.SubmitSM {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*pdu.SubmitSM(nil), c.submits...)
}

func octetsIn(m *pdu.SubmitSM) []byte {
	b, _ := m.Message.GetMessageData()
	return b
}

func itoa(n int) string {
	var b []byte
	for ; n > 0 || b == nil; n /= 10 {
		b = append([]byte{byte('0' + n%10)}, b...)
	}
	return string(b)
}

// what an error says is to be done.
func what(err error) string {
	if err == nil {
		return "taken"
	}
	if code, ok := channels.IsGone(err); ok {
		if errors.Is(err, channels.ErrBadNumber) {
			return "bad number " + code
		}
		return "gone " + code
	}
	if channels.InDoubt(err) {
		return "doubt"
	}
	after, ok := channels.Retrying(err)
	switch {
	case !ok:
		return "nothing said"
	case errors.Is(err, channels.ErrThrottled):
		return "throttled " + after.Round(time.Second).String()
	}
	return "retry " + after.Round(time.Second).String()
}
