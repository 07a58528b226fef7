// Package sip is the town's own telephone line: calls come and go by SIP, through a provider's trunk, a gateway to a
// landline or a PBX of the town, without any cloud. The sound is channels/sip/media's, the conversation channels/call's; here
// is the signalling (RFC 3261), on top of sipgo.
package sip

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/sip/media"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// Name of the channel.
const Name = "sip"

// Voice makes sound of one part of a page: words, the tone, a recording. It may block, and is called from any number of
// goroutines. An error is heard as two soft tones.
type Voice func(ctx context.Context, p call.Part) (media.Sound, error)

// Config is a town's telephone line.
type Config struct {
	Listen    []string    // "udp:0.0.0.0:5060", "tcp:…", "tls:…"
	TLS       *tls.Config // certificates for tls:, and the roots that a trunk's is verified by; nil: no tls:, the machine's roots
	Advertise string      // host or IP address by which a trunk reaches us; "": the one that packets to it leave from
	Ports     *media.Ports
	Trunks    []Trunk
	Desks     map[string]string // where a person is: E.164, or a whole "sip:…"; "" is the town's own desk
	Wide      bool              // G.722 may be used
	Text      bool              // real-time text is taken

	MostCalls    int           // at a time; 0: 60
	MostHalfOpen int           // calls that one address has begun and not confirmed; 0: 20
	Ringing      time.Duration // that somebody we ring has to answer; 0: 40 s
	Longest      time.Duration // that a call may be; 0: an hour
	Farewell     time.Duration // that calls have to end when the line closes; 0: 10 s

	Country string // two letters, for numbers written the way people there do
	Town    string // its name
	Lang    string // its first language
	Phrases *locales.Catalogue
	Voice   Voice
	Log     *slog.Logger // nil: none. It is told no number and no key: a call is named by a hash
	Now     func() time.Time

	packets func(host string) (net.PacketConn, error) // opens a socket for udp:; nil: the machine's
}

// SIP is the channel.
type SIP struct {
	cfg    Config
	log    *slog.Logger
	trunks []*trunk
	locks  challenges
	guard  guard

	ua     *sipgo.UserAgent
	client *sipgo.Client
	server *sipgo.Server
	t1     time.Duration // of RFC 3261: an estimate of the way there and back
	least  time.Duration // Min-SE of RFC 4028
	still  time.Duration // that a telephone may send nothing for before it is asked whether it is there; 0: 60 s
	gap    time.Duration // the longest a registration waits before it is tried again

	mu      sync.Mutex
	sockets []socket
	public  netip.Addr // what Advertise stands for
	inbox   channels.Inbox
	life    context.Context // of Listen; nil before
	closing bool
	legs    map[string]*leg // by Call-ID and our tag
	half    map[netip.Addr]int
	busy    tasks // calls that are held, and what is left to do after them
}

var (
	_ channels.Channel  = (*SIP)(nil)
	_ channels.Listener = (*SIP)(nil)
)

// New checks cfg. Nothing is opened before Listen.
func New(cfg Config) (*SIP, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Voice == nil || cfg.Phrases == nil {
		return nil, errors.New("sip: no voice or no phrases")
	}
	if cfg.packets == nil {
		cfg.packets = func(host string) (net.PacketConn, error) { return net.ListenPacket("udp", host) }
	}
	cfg.MostCalls = cmp.Or(cfg.MostCalls, 60)
	cfg.MostHalfOpen = cmp.Or(cfg.MostHalfOpen, 20)
	cfg.Ringing = cmp.Or(cfg.Ringing, 40*time.Second)
	cfg.Longest = cmp.Or(cfg.Longest, time.Hour)
	cfg.Farewell = cmp.Or(cfg.Farewell, 10*time.Second)
	s := &SIP{
		cfg: cfg, log: cfg.Log, t1: 500 * time.Millisecond, least: 90 * time.Second, gap: 5 * time.Minute,
		legs: map[string]*leg{}, half: map[netip.Addr]int{},
	}
	if cfg.Ports == nil {
		ports, err := media.NewPorts(0, 0)
		if err != nil {
			return nil, err
		}
		s.cfg.Ports = ports
	}
	if _, err := rand.Read(s.locks.key[:]); err != nil {
		return nil, fmt.Errorf("sip: %w", err)
	}
	s.locks.now, s.guard.now = cfg.Now, cfg.Now
	for _, t := range cfg.Trunks {
		made, err := newTrunk(t)
		if err != nil {
			return nil, err
		}
		s.trunks = append(s.trunks, made)
	}
	for name, number := range cfg.Desks {
		if _, err := s.desk(number, sip.Uri{Host: "localhost"}); err != nil {
			return nil, fmt.Errorf("sip: desk %q: %w", name, err)
		}
	}
	for _, l := range cfg.Listen {
		if _, err := parseListen(l); err != nil {
			return nil, err
		}
	}
	return s, s.build()
}

// build makes the parts of sipgo and says who takes which request.
func (s *SIP) build() (err error) {
	tameLibrary()
	quiet := slog.New(slog.DiscardHandler) // sipgo's own lines have numbers in them
	s.ua, err = sipgo.NewUA(
		sipgo.WithUserAgent("townline"), sipgo.WithUserAgenTLSConfig(s.cfg.TLS),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet)),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})),
	)
	if err != nil {
		return fmt.Errorf("sip: %w", err)
	}
	if s.server, err = sipgo.NewServer(s.ua, sipgo.WithServerLogger(quiet)); err != nil {
		return fmt.Errorf("sip: %w", err)
	}
	if s.client, err = sipgo.NewClient(s.ua, sipgo.WithClientLogger(quiet)); err != nil {
		return fmt.Errorf("sip: %w", err)
	}
	s.server.OnInvite(s.checked(s.invited))
	s.server.OnAck(s.checked(s.acked))
	s.server.OnBye(s.checked(s.byed))
	s.server.OnCancel(s.checked(s.cancelled))
	s.server.OnOptions(s.checked(s.optioned))
	s.server.OnInfo(s.checked(s.informed))
	s.server.OnUpdate(s.checked(s.updated))
	s.server.OnNotify(s.checked(s.notified))
	s.server.OnRefer(s.checked(s.referred))
	s.server.OnNoRoute(s.checked(func(req *sip.Request, tx sip.ServerTransaction) {
		s.answer(req, tx, sip.StatusMethodNotAllowed, "Method Not Allowed", allow())
	}))
	return nil
}

// tameLibrary lets sipgo send what is longer than a packet of Ethernet: an answer by UDP goes where the question came from,
// and can't change to TCP (RFC 3261, §18.2.2). And it has it write no lines of its own: numbers and addresses are in them.
var tameLibrary = sync.OnceFunc(func() {
	sip.UDPMTUSize = 8192
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
})

// Name is "sip".
func (s *SIP) Name() string { return Name }

// Traits are those of speech.
func (s *SIP) Traits() render.Traits {
	t := render.Voice
	t.Name = Name
	return t
}

// Listen opens the line, registers with the trunks that ask for it and holds calls until ctx ends. Calls under way may then
// finish their sentence, and are told goodbye.
func (s *SIP) Listen(ctx context.Context, in channels.Inbox) error {
	public, err := s.lookUpAdvertised(ctx)
	if err != nil {
		return err
	}
	open, err := s.open()
	if err != nil {
		return err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	talks, hush := context.WithCancel(life)
	defer hush()
	var serving, registered sync.WaitGroup
	failed := make(chan error, len(open))
	for _, o := range open {
		serving.Go(func() { failed <- s.serve(o) })
	}
	s.awaitServing(open)
	s.mu.Lock()
	s.inbox, s.life, s.sockets, s.public, s.closing = in, talks, open, public, false
	s.mu.Unlock()
	known, leave := context.WithCancel(ctx)
	defer leave()
	for _, t := range s.trunks {
		registered.Go(func() { s.keepRegistered(known, t) })
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
		err = fmt.Errorf("sip: a socket broke: %w", cmp.Or(err, net.ErrClosed))
	}
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	hush()
	leave()
	registered.Wait()
	s.sayGoodbye()
	for _, o := range open {
		o.Close()
	}
	s.ua.Close()
	serving.Wait()
	return err
}

// sayGoodbye waits until calls have ended, and ends those that take too long.
func (s *SIP) sayGoodbye() {
	done := make(chan struct{})
	go func() { s.busy.Wait(); close(done) }()
	late := time.NewTimer(s.cfg.Farewell)
	defer late.Stop()
	select {
	case <-done:
		return
	case <-late.C:
	}
	s.mu.Lock()
	legs := make([]*leg, 0, len(s.legs))
	for _, l := range s.legs {
		legs = append(legs, l)
	}
	s.mu.Unlock()
	for _, l := range legs {
		s.busy.Go(l.bye)
	}
	last := time.NewTimer(4 * s.t1)
	defer last.Stop()
	select {
	case <-done:
	case <-last.C:
	}
}

// Calls is how many calls there are at present.
func (s *SIP) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.legs)
}

// nameOf is what a call is called in logs and events: nobody finds the number by it.
func (s *SIP) nameOf(callID, tag string) string {
	h := hmac.New(sha256.New, s.locks.key[:])
	h.Write([]byte(callID + "\x00" + tag))
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// token is what nobody can guess: a tag, a branch, a Call-ID.
func token() string { return rand.Text() }
