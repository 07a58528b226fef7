// Package smpp holds text messages and menus with residents straight with a phone company, over SMPP 3.4: no aggregator in
// between, and no Kannel. What a phone company hands over is acknowledged once it is on disk; what it is handed is accounted for
// one by one, whatever breaks in between.
package smpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// Config is what a phone company's form says, and what it leaves to us.
type Config struct {
	Operator   string      // how the town calls the phone company: letters and digits
	Address    string      // host:port
	TLS        *tls.Config // nil: without
	SystemID   string
	Password   string
	SystemType string
	Range      string // address_range of the bind; most leave it empty
	Separate   bool   // one bind to send and one to receive, instead of a transceiver

	NoTexts   bool   // it is for menus only
	From      string // the number, short code or name that texts come from
	TON, NPI  int    // of From; -1: as it looks
	Service   string // service_type of texts
	Long      Long
	Alphabet  Alphabet
	IDs       IDs
	Receipts  bool          // ask what becomes of texts
	Validity  time.Duration // how long the phone company tries to deliver a text; 0: as it likes
	Window    int           // most that are sent before one is answered; 0: 10
	PerSecond float64       // most that are sent in a second; 0: no limit of ours
	Enquire   time.Duration // between two enquire_link; 0: 30 s

	Menus *Menus // USSD; nil: none

	Country string             // two letters: of numbers that come without one
	Lang    string             // of those that we know nothing of
	Phrases *locales.Catalogue // of Menus
	Pushes  bool               // the town can send text messages: menus that take too long go on there

	Dir    string // for parts of long messages, what came and isn't acknowledged yet, and what could not be read; "": memory
	Secret []byte // what is in Dir is sealed with it

	Metrics prometheus.Registerer // nil: none
	Log     *slog.Logger          // nil: none

	dial  func(ctx context.Context, address string) (net.Conn, error) // nil: TCP
	times times                                                       // zero: the usual ones
}

// New makes a phone company's channels: texts, and menus where there are any. The first of them holds the connection.
func New(c Config) (lines []channels.Channel, err error) {
	l, err := newLine(c)
	if err != nil {
		return nil, err
	}
	if !c.NoTexts {
		lines = append(lines, &SMS{line: l})
	}
	if c.Menus != nil {
		lines = append(lines, &USSD{line: l, holds: c.NoTexts})
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("smpp: %s: neither texts nor menus", c.Operator)
	}
	return lines, nil
}

var operatorName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

func (c *Config) check() error {
	host, port, err := net.SplitHostPort(c.Address)
	switch {
	case !operatorName.MatchString(c.Operator):
		return errors.New("smpp: a phone company's name has letters, digits and hyphens")
	case err != nil || host == "" || port == "":
		return fmt.Errorf("smpp: %s: write its address like smpp.example.net:2775", c.Operator)
	case c.SystemID == "" || len(c.SystemID) > 15:
		return fmt.Errorf("smpp: %s: a system_id has 1 to 15 characters", c.Operator)
	case len(c.Password) > 8 && c.TLS == nil && len(c.Password) > 64: // v3.4 says 8, and many give longer ones
		return fmt.Errorf("smpp: %s: the password is too long", c.Operator)
	case len(c.SystemType) > 12:
		return fmt.Errorf("smpp: %s: a system_type has at most 12 characters", c.Operator)
	case len(c.From) > 20:
		return fmt.Errorf("smpp: %s: what texts come from has at most 20 characters", c.Operator)
	case len(c.Service) > 5:
		return fmt.Errorf("smpp: %s: a service_type has at most 5 characters", c.Operator)
	case c.Window < 0 || c.Window > mostWindow:
		return fmt.Errorf("smpp: %s: a window has 1 to %d places", c.Operator, mostWindow)
	case c.PerSecond < 0:
		return fmt.Errorf("smpp: %s: there is no rate below 0", c.Operator)
	}
	if c.Menus != nil {
		if err := c.Menus.check(); err != nil {
			return fmt.Errorf("smpp: %s: %w", c.Operator, err)
		}
	}
	return nil
}

const mostWindow = 1000

// SMS is a town's texts by a phone company.
type SMS struct{ *line }

// USSD is a town's menus by a phone company.
type USSD struct {
	*line
	holds bool // it holds the connection: there are no texts
}

var (
	_ channels.Channel  = (*SMS)(nil)
	_ channels.Listener = (*SMS)(nil)
	_ channels.Channel  = (*USSD)(nil)
	_ channels.Listener = (*USSD)(nil)
)

// Name is "smpp." and the phone company's.
func (s *SMS) Name() string { return "smpp." + s.cfg.Operator }

// Traits are those of texts, without pictures. What comes in is answered with a text of its own.
func (s *SMS) Traits() render.Traits {
	t := render.SMS
	t.Photo, t.Pushed = false, true
	return t
}

// Listen holds the connection until ctx ends.
func (s *SMS) Listen(ctx context.Context, in channels.Inbox) error { return s.listen(ctx, in) }

// Name is "ussd.smpp." and the phone company's.
func (u *USSD) Name() string { return "ussd.smpp." + u.cfg.Operator }

// Listen holds the connection until ctx ends, unless texts do.
func (u *USSD) Listen(ctx context.Context, in channels.Inbox) error {
	if u.holds {
		return u.listen(ctx, in)
	}
	<-ctx.Done()
	return nil
}

// Deliver refuses: a menu is shown to who dials it.
func (u *USSD) Deliver(context.Context, channels.Address, render.Page, string) (string, error) {
	return "", channels.Gone(errors.New("smpp: nobody can be shown a menu who didn't dial it"), "menu")
}

// usual fills in what was left to us.
func (c *Config) usual() {
	if c.Window == 0 {
		c.Window = 10
	}
	if c.Enquire == 0 {
		c.Enquire = 30 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.times == (times{}) {
		c.times = times{connect: 4 * time.Second, write: 10 * time.Second, enquire: c.Enquire, answer: 10 * time.Second, again: shortPause, longest: longPause, stall: 5 * time.Second}
	}
	if c.dial == nil {
		c.dial = dialer(c.TLS, c.times.connect)
	}
}

// dialer connects within a time, to whom the certificate names where there is one.
func dialer(secure *tls.Config, patience time.Duration) func(context.Context, string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: patience, KeepAlive: 15 * time.Second}
	if secure == nil {
		return func(ctx context.Context, address string) (net.Conn, error) {
			return plain.DialContext(ctx, "tcp", address)
		}
	}
	return func(ctx context.Context, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return (&tls.Dialer{NetDialer: plain, Config: secure}).DialContext(ctx, "tcp", address)
	}
}

// jittered is somewhere in the upper half of a pause, so that what broke together doesn't come back together.
func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
