package media

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Session is the media of one call. Play, Key and Record are for the one goroutine that holds the call; the others may be
// called from any. Waiting is counted in what the call sends, 50 packets a second, from Start on.
type Session struct {
	c     Config
	id    uint64
	name  string // what RTCP calls us
	rider rider
	work  sync.WaitGroup

	life sync.Mutex // Start and Close

	mu       sync.Mutex
	version  int
	offered  proposal
	terms    terms
	agreed   bool
	sent     []byte // description
	started  bool
	closed   bool
	stats    Stats
	changed  chan struct{} // closed when something happened that somebody may wait for
	alarm    int64         // in calm beats; 0: none
	beat     int64
	calm     int64 // beats that weren't on hold
	heard    int64 // beat of the last packet of the other side
	gone     chan struct{}
	isGone   bool
	late     time.Duration
	sound    *stream
	text     *texting // nil: never agreed
	writer   writer
	reader   reader
	order    order
	keyboard keyboard
	tones    tones
	halver   halver // for tones in wide sound

	playing   []int16 // what is left to say
	played    int     // samples of it
	isPlaying bool
	recording *recording
	joint     *joint   // what the other call of a bridge says
	into      *joint   // what we say to it
	other     *Session // of the bridge
	typing    typing

	frame  [320]int16
	opened [2 * maxBody]int16
	packet [headerSize + beatBytes + 64]byte
	paper  [512]byte // for RTCP
	out    [4]datagram
}

type datagram struct {
	from Socket
	to   netip.AddrPort
	b    []byte
}

// Answer takes the description that came with a call and returns ours: each m-line is answered, those we can't use with
// port 0. The error is a *NoAudio (488) or ErrNoPort (503).
func Answer(c Config, offer []byte) (s *Session, answer []byte, err error) {
	d, err := readSDP(offer)
	if err != nil {
		return nil, nil, &NoAudio{err.Error()}
	}
	t, err := agree(c, d, nil)
	if err != nil {
		return nil, nil, err
	}
	if s, err = newSession(c, t.text != nil); err != nil {
		return nil, nil, err
	}
	if s.text == nil {
		t.text = nil
	}
	if err := s.follow(t); err != nil {
		s.Close()
		return nil, nil, err
	}
	return s, s.describe(), nil
}

// Offer is for a call that we make, and for one that came without a description: then Accept takes the answer.
func Offer(c Config) (s *Session, offer []byte, err error) {
	if s, err = newSession(c, c.Text); err != nil {
		return nil, nil, err
	}
	c.Text = s.text != nil
	s.offered = propose(c)
	s.sent = s.offered.offer(s.c.Advertise, s.id, s.version, s.sound.ports.port, s.textPort())
	return s, s.sent, nil
}

func newSession(c Config, text bool) (*Session, error) {
	if !c.Advertise.IsValid() {
		c.Advertise = c.Bind
	}
	if !c.Advertise.IsValid() || c.Advertise.IsUnspecified() || c.Ports == nil {
		return nil, errors.New("media: neither an address to advertise nor one that is bound")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	ports, err := c.Ports.take(c.Bind)
	if err != nil {
		return nil, err
	}
	var r [24]byte
	rand.Read(r[:])
	s := &Session{c: c, id: binary.BigEndian.Uint64(r[:]) >> 2, name: base64.RawStdEncoding.EncodeToString(r[8:]),
		version: 1, changed: make(chan struct{}), gone: make(chan struct{}), sound: newStream(ports, c.From)}
	s.rider.tick = s.tick
	if text {
		if ports, err := c.Ports.take(c.Bind); err == nil { // without it there still is sound
			s.text = newTexting(newStream(ports, c.From))
		}
	}
	return s, nil
}

func (s *Session) textPort() int {
	if s.text == nil {
		return 0
	}
	return s.text.stream.ports.port
}

// Accept takes the answer to Offer, more than one where several come (early media, forking), to Proposal, or to Description
// where that was sent as an offer. The error is a *NoAudio: the call is ended.
func (s *Session) Accept(answer []byte) error {
	d, err := readSDP(answer)
	if err != nil {
		return &NoAudio{err.Error()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := accept(s.c, s.offered, d)
	if err != nil {
		return err
	}
	return s.follow(t)
}

// Renew answers a re-INVITE or UPDATE: hold, resume, a moved address. An error is a *NoAudio (488); the call goes on as it was.
func (s *Session) Renew(offer []byte) (answer []byte, err error) {
	d, err := readSDP(offer)
	if err != nil {
		return nil, &NoAudio{err.Error()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var old *terms
	if s.agreed {
		old = &s.terms
	}
	t, err := agree(s.c, d, old)
	if err != nil {
		return nil, err
	}
	if s.text == nil { // text that is asked for later has no port
		t.text = nil
	}
	if err := s.follow(t); err != nil {
		return nil, err
	}
	return s.describe(), nil
}

// follow does from now on as was agreed.
func (s *Session) follow(t terms) error {
	news := t.version != s.terms.version
	if err := s.sound.follow(t.path, news); err != nil {
		return err
	}
	if t.text != nil && s.text != nil {
		if err := s.text.follow(*t.text, news); err != nil {
			return err
		}
	}
	if !s.agreed || t.codec != s.terms.codec {
		s.writer, s.reader = newWriter(t.codec), newReader(t.codec)
		s.order = order{}
	}
	s.terms, s.agreed = t, true
	s.heard = s.beat
	return nil
}

// describe writes our side.
func (s *Session) describe() []byte { return s.write(s.terms) }

// write writes our side of terms; the version goes up when it says anything new.
func (s *Session) write(t terms) []byte {
	s.offered = t.again()
	now := func() []byte {
		return t.answer(s.c.Advertise, s.id, s.version, s.sound.ports.port, s.textPort())
	}
	if b := now(); s.sent == nil || string(b) == string(s.sent) {
		s.sent = b
		return b
	}
	s.version++
	s.sent = now()
	return s.sent
}

// Proposal answers a re-INVITE that brings no description; what comes with its ACK goes to Accept. It is what we last sent, but
// never on hold, or a call that was put on hold could not be taken up again in this way: it is for them to say so once more.
func (s *Session) Proposal() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.agreed || s.terms.flow == (flow{true, true}) {
		return s.sent
	}
	open := s.terms
	open.flow = flow{true, true}
	return s.write(open)
}

// Description is what we last sent, for a re-INVITE or UPDATE of our own that only refreshes.
func (s *Session) Description() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// Held says that the other side has put us on hold. Prompts and waiting stand still until it resumes.
func (s *Session) Held() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held()
}

func (s *Session) held() bool { return s.agreed && !s.terms.flow.takes }

// Start sends and receives from now on, before the ACK. Silence is sent between prompts.
func (s *Session) Start() {
	s.life.Lock()
	defer s.life.Unlock()
	s.mu.Lock()
	if s.started || s.closed {
		s.mu.Unlock()
		return
	}
	s.started = true
	s.listen()
	s.mu.Unlock()
	s.c.Ports.wheel.join(&s.rider)
}

// listen reads all sockets.
func (s *Session) listen() {
	s.sound.control.due = nextReport(0)
	s.read(s.sound.ports.rtp, s.receive)
	s.read(s.sound.ports.rtcp, s.receiveReport)
	if s.text != nil {
		s.text.stream.control.due = nextReport(0)
		s.read(s.text.stream.ports.rtp, s.receiveText)
		s.read(s.text.stream.ports.rtcp, s.receiveTextReport)
	}
}

func (s *Session) read(from Socket, take func(b []byte, from netip.AddrPort)) {
	s.work.Go(func() {
		b := make([]byte, 2048)
		for wrong := 0; wrong < 100; {
			n, at, err := from.ReadFromUDPAddrPort(b)
			switch {
			case errors.Is(err, net.ErrClosed):
				return
			case err != nil:
				wrong++
			default:
				wrong = 0
				take(b[:n], at)
			}
		}
	})
}

// Close ends it, and gives the ports back. Whatever waits returns net.ErrClosed. A second Close does nothing but tell the same.
func (s *Session) Close() Stats {
	s.life.Lock()
	defer s.life.Unlock()
	s.mu.Lock()
	if s.closed {
		defer s.mu.Unlock()
		return s.stats
	}
	s.closed = true
	started := s.started
	s.wake()
	s.mu.Unlock()
	s.Part()
	if started {
		s.c.Ports.wheel.leave(&s.rider)
	}
	s.mu.Lock()
	s.stats = s.account()
	streams := []*stream{s.sound}
	if s.text != nil {
		streams = append(streams, s.text.stream)
	}
	if started && s.agreed {
		for _, one := range streams {
			if d, ok := s.report(one, s.paper[:0], true); ok {
				d.from.WriteToUDPAddrPort(d.b, d.to)
			}
		}
	}
	s.mu.Unlock()
	for _, one := range streams {
		one.ports.close()
	}
	s.work.Wait()
	for _, one := range streams {
		s.c.Ports.giveBack(one.ports)
	}
	if s.text != nil {
		close(s.text.in)
	}
	return s.stats
}

func (s *Session) account() Stats {
	v := s.sound
	return Stats{Codec: s.terms.codec.name(), Encrypted: s.terms.path.encrypted, Sent: int(v.sent), Received: v.before.received + v.received,
		Refused: v.refused, Lost: v.lost(), Jitter: time.Duration(v.jitter / 8000 * float64(time.Second)), RoundTrip: v.control.trip, Late: s.late}
}

// Gone is closed when neither RTP nor RTCP came for 60 s although the call isn't on hold.
func (s *Session) Gone() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

// Linger waits another 60 s once Gone was closed: the other side is known to be there.
func (s *Session) Linger() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = s.beat
	if s.isGone {
		s.isGone, s.gone = false, make(chan struct{})
	}
}

// wake lets all who wait look again.
func (s *Session) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// await waits, with the lock held before and after, until ready says so. until is a calm beat at which it looks again; 0: none.
func (s *Session) await(ctx context.Context, until int64, ready func() bool) error {
	for {
		switch {
		case s.closed:
			return net.ErrClosed
		case ready():
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if until > s.calm && (s.alarm == 0 || until < s.alarm) {
			s.alarm = until
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		s.mu.Lock()
	}
}
