package smpp

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/linxGnu/gosmpp/pdu"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/menu"
	"github.com/townline/townline/dialogs/render"
)

// Menus is how a phone company speaks USSD over SMPP. SMPP v3.4 names only the parameter (§5.3.2.44), so that each does it its
// own way: all of it is said here, and nothing of it stands in code.
type Menus struct {
	Code    string // what residents dial: "*384*123#"; "": what comes in the message when they dial isn't looked at
	Service string // service_type of what we send

	// Operations that come in (ussd_service_op).
	Dial   []byte // somebody dialled
	Answer []byte // somebody answered
	Abort  []byte // somebody went away, or waited too long
	Done   []byte // our last screen was shown

	// Operations that go out.
	Ask byte // a screen with a question
	End byte // the last screen

	Session    Session
	SessionTag uint16 // of the parameter, where Session is ByTag

	Septets, UCS2         int  // most on one screen; 0: 160 and 70
	CodingGSM, CodingUCS2 byte // data_coding of screens; CodingUCS2 0: 8
	Star                  bool // the phone company passes the star key on by itself
}

// Session is where the number of a session stands.
type Session uint8

const (
	ByITS       Session = iota // its_session_info: 15 bits, and the last one says that it is over
	ByITSOctet                 // its_session_info as SMPP v3.4 §5.3.2.43 has it: the first octet is the number; the second counts, and its last bit says that it is over
	ByITSWhole                 // its_session_info as it comes; over is only what the operation says
	ByReference                // user_message_reference
	ByTag                      // another parameter
	ByNumber                   // nowhere: a phone has one session at a time
)

// Operations of ussd_service_op (SMPP v3.4 §5.3.2.44).
const (
	opDial   = 1  // PSSR indication
	opAsk    = 2  // USSR request
	opEnd    = 17 // PSSR response
	opAnswer = 18 // USSR confirm
	opDone   = 19 // USSN confirm
)

// MenusOf are how the phone companies speak that are known by a name: "standard", as SMPP has it; "6d" and "mica", two platforms
// that many in Africa run, as vumi's transports for them read and write (praekelt/vumi, smpp/processors/sixdee.py and mica.py).
func MenusOf(name string) (m Menus, ok bool) {
	m = Menus{Service: "USSD", Dial: []byte{opDial}, Answer: []byte{opAnswer}, Done: []byte{3, opDone}, Ask: opAsk, End: opEnd, CodingUCS2: 8}
	switch name {
	case "standard":
		m.Abort = []byte{0x81}
	case "6d":
		m.Abort, m.End, m.Done = []byte{0x81}, 0x17, nil
	case "mica":
		m.Abort, m.End, m.Session, m.Done = []byte{0x17}, 0x17, ByReference, nil
	default:
		return Menus{}, false
	}
	return m, true
}

func (m *Menus) check() error {
	switch {
	case len(m.Service) > 5:
		return errors.New("a service_type has at most 5 characters")
	case strings.Trim(m.Code, "0123456789*#") != "":
		return errors.New("a code looks like *384*123#")
	case m.Ask == m.End:
		return errors.New("the operations of a question and of the last screen are the same")
	case m.Session == ByTag && m.SessionTag == 0:
		return errors.New("the parameter with the number of a session is missing")
	}
	t := m.Traits()
	if t.Limit < 60 || t.Limit > 182 || t.Limit16 < 40 || t.Limit16 > 80 {
		return errors.New("a screen holds 60 to 182 septets, and 40 to 80 characters of UCS-2")
	}
	return nil
}

// Traits are those of menus, with the size of this phone company's screens.
func (m *Menus) Traits() render.Traits {
	t := render.USSD
	if m.Septets != 0 {
		t.Limit = m.Septets
	}
	if m.UCS2 != 0 {
		t.Limit16 = m.UCS2
	}
	if m.Star {
		t.Star = "*"
	}
	return t
}

// Traits are those of menus, with the size of this phone company's screens.
func (u *USSD) Traits() render.Traits { return u.cfg.Menus.Traits() }

// Counts of what went on.
func (u *USSD) Counts() *menu.Counts { return u.screens.Counts() }

func (c *Config) newMenu() *menu.Menu {
	if c.Menus == nil {
		return nil
	}
	return menu.New(menu.Config{
		Channel: "ussd.smpp." + c.Operator, Traits: c.Menus.Traits(), Phrases: c.Phrases, Lang: c.Lang, Texts: c.Pushes, Dir: c.Dir, Secret: c.Secret, Log: c.Log,
	})
}

// isMenu says whether a deliver_sm belongs to a menu.
func (in *incoming) isMenu() bool {
	_, ok := in.parameter(tagUSSDOp)
	return ok || in.service == "USSD"
}

// step is what a deliver_sm of a menu comes to.
type step struct {
	kind    channels.EventKind
	words   string
	session string
	ours    bool // it only says that our last screen was shown
}

// step reads a deliver_sm of a menu. words is its text.
func (m *Menus) step(in *incoming, words string) step {
	session, over := m.session(in)
	s := step{session: session}
	op, ok := in.number(tagUSSDOp)
	is := func(ops []byte) bool { return ok && slices.Contains(ops, byte(op)) }
	words = strings.TrimSpace(words)
	switch {
	case is(m.Done) && !over:
		s.ours = true
	case over || is(m.Abort):
		s.kind = channels.HungUp
	case is(m.Dial) || !is(m.Answer) && strings.HasPrefix(words, "*") && strings.HasSuffix(words, "#"):
		s.kind, s.words = channels.Dialed, m.dialled(words)
	default: // an answer, or an operation that nobody told us of: vumi takes it for an answer too
		s.words = words
	}
	return s
}

// dialled is what was dialled after the town's code: "1" of "*384*123*1#".
func (m *Menus) dialled(words string) string {
	stem := strings.TrimSuffix(m.Code, "#")
	rest, ok := strings.CutPrefix(strings.TrimSuffix(words, "#"), stem)
	if stem == "" || !ok {
		return ""
	}
	if rest, ok = strings.CutPrefix(rest, "*"); !ok {
		return "" // another code, which begins alike, or nothing
	}
	return rest
}

// session is the number of a session, and whether the phone company says that it is over.
func (m *Menus) session(in *incoming) (id string, over bool) {
	value, ok := in.parameter(m.sessionTag())
	if !ok || m.Session == ByNumber || len(value) > 64 {
		return "", false
	}
	if last := len(value) - 1; last == 1 {
		switch m.Session {
		case ByITS:
			return hex.EncodeToString([]byte{value[0], value[1] &^ 1}), value[1]&1 != 0
		case ByITSOctet:
			return hex.EncodeToString(value[:1]), value[1]&1 != 0
		}
	}
	return hex.EncodeToString(value), false
}

func (m *Menus) sessionTag() tag {
	switch m.Session {
	case ByReference:
		return tagUserReference
	case ByTag:
		return tag(m.SessionTag)
	}
	return tagITSSession
}

// screen is the submit_sm of a screen in answer to in.
func (m *Menus) screen(in *incoming, text string, over bool) []byte {
	p := pdu.NewSubmitSM().(*pdu.SubmitSM)
	p.ServiceType = m.Service
	p.SourceAddr, p.DestAddr = in.to.pdu(), in.from.pdu()
	l := lettersFor(text, GSM)
	dcs := m.CodingGSM
	if l.coding != 0 {
		if dcs = m.CodingUCS2; dcs == 0 {
			dcs = l.coding
		}
	}
	p.Message.SetMessageDataWithEncoding(l.write(text, 0), coding(dcs))
	op := m.Ask
	if over {
		op = m.End
	}
	p.RegisterOptionalParam(pdu.Field{Tag: pdu.TagUssdServiceOp, Data: []byte{op}})
	if value, ok := in.parameter(m.sessionTag()); ok && m.Session != ByNumber {
		value = slices.Clone(value)
		if last := len(value) - 1; last == 1 && (m.Session == ByITS || m.Session == ByITSOctet) {
			value[1] &^= 1
			if over {
				value[1] |= 1
			}
		}
		p.RegisterOptionalParam(pdu.Field{Tag: pdu.Tag(m.sessionTag()), Data: value})
	}
	return marshal(p)
}

func (a address) pdu() pdu.Address {
	p := pdu.NewAddressWithTonNpi(a.ton, a.npi)
	p.SetAddress(a.number)
	return p
}

const (
	// screenPatience is how long a screen may take to be taken by the phone company: after that nobody looks at it any more.
	screenPatience = 10 * time.Second
)

// menu holds the turn of one request of a menu, shows the screen that comes of it, and answers the phone company once the turn
// is on disk.
func (l *line) menu(ctx context.Context, b *bind, m *incoming, in channels.Inbox) {
	_, octets, _, _ := m.open()
	words, _ := read(octets, scriptOf(m.coding, GSM))
	s := l.cfg.Menus.step(m, words)
	number, ok := l.number(m.from)
	switch {
	case s.ours:
		l.answer(b, m, statusOK, nil)
		return
	case !ok:
		l.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "a menu is from no telephone number", slog.String("channel", l.name()))
		l.answer(b, m, statusRefused, nil)
		return
	}
	e := channels.Event{
		Channel: "ussd." + l.name(), From: channels.Address{Kind: "tel", ID: number}, To: m.to.number, Kind: s.kind, Words: s.words,
		Session: &channels.Session{ID: s.session}, At: m.at,
	}
	v, err := l.shelf.sight(l.shelf.box.Mark("menu", m.same()...), b, e.At)
	if err != nil { // whoever looks at a screen can't wait for a disk to be mended
		l.cfg.Log.LogAttrs(ctx, slog.LevelError, "a menu could not be noted: the same again would be taken for another", slog.String("channel", e.Channel), slog.Any("error", err))
	}
	if e.Kind == channels.Message && l.shelf.wasHeld(v) { // the phone company didn't get our answer: a session has no ids to tell it by
		e.Kind, e.Words = channels.Looked, ""
	}
	w := &witness{Inbox: in, held: make(chan struct{})}
	shown, err := l.screens.Turn(ctx, w, e)
	switch {
	case e.Kind == channels.HungUp && err != nil:
		l.answer(b, m, statusSystem, nil)
	case w.on():
		l.yes(b, m, v)
	case w.failed.Load(): // they were told to dial again: it isn't to come again by itself
		l.answer(b, m, statusRefused, nil)
	default: // it goes on
		l.overdue.Go(func() {
			t := time.NewTimer(patience)
			defer t.Stop()
			select {
			case <-w.held:
				l.yes(b, m, v)
			case <-t.C:
				l.answer(b, m, statusSystem, nil)
			}
		})
	}
	if e.Kind == channels.HungUp || shown.Text == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, screenPatience)
	defer cancel()
	_, err = l.submitScreen(ctx, l.cfg.Menus.screen(m, shown.Text, shown.Over))
	l.metrics.screens.WithLabelValues(outcome(err)).Inc()
	if err == nil || channels.InDoubt(err) {
		return
	}
	l.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "a screen could not be shown", slog.String("channel", e.Channel), slog.Any("error", err))
	if l.cfg.Pushes && w.on() { // nobody saw it: it goes on by text message
		e.Kind = channels.Overdue
		l.overdue.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if _, err := in.Receive(ctx, e); err != nil {
				l.cfg.Log.LogAttrs(ctx, slog.LevelError, "a screen that could not be shown isn't texted either", slog.String("channel", e.Channel), slog.Any("error", err))
			}
		})
	}
}

// submitScreen sends a screen: again as long as it was surely not taken.
func (l *line) submitScreen(ctx context.Context, octets []byte) (id string, err error) {
	for {
		a, err := l.once(ctx, octets, true)
		if err == nil {
			if judge(a.status) == taken && !a.nacked {
				return a.id, nil
			}
			err = l.refusal(a)
		}
		after, ok := channels.Retrying(err)
		if !ok || after >= staffPause || !l.wait(ctx, max(after, shortWait)) {
			return "", err
		}
	}
}

// witness is an inbox that tells whether the first event was taken.
type witness struct {
	channels.Inbox
	held   chan struct{} // closed once it was
	taken  atomic.Bool
	failed atomic.Bool
}

func (w *witness) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	r, err := w.Inbox.Receive(ctx, e)
	switch {
	case err != nil:
		w.failed.Store(true)
	case w.taken.CompareAndSwap(false, true):
		close(w.held)
	}
	return r, err
}

// on says whether it is on disk.
func (w *witness) on() bool { return w.taken.Load() }
