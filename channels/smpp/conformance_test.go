package smpp

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/channeltest"
	"github.com/townline/townline/channels/menu"
	"github.com/townline/townline/locales"
)

func TestConforms(t *testing.T) {
	const noID = "a deliver_sm has no id: one that was acknowledged doesn't come again, and one that wasn't counts once (slow store; TestSameAgain)"
	var office *phoneCompany
	channeltest.Run(t, channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			office = &phoneCompany{smsc: newSMSC(t)}
			office.smsc.answer = office.answers
			lines, err := New(Config{Operator: "mtn", Address: "smpp.example.net:2775", SystemID: "town", Password: "secret", From: "15001", TON: -1, NPI: -1,
				Country: "US", Lang: "en", Phrases: phrases(t), Receipts: true, Secret: []byte("0123456789abcdef"), Log: s.Log, dial: office.dial})
			if err != nil {
				t.Fatal(err)
			}
			return lines
		},
		Connect: func(t testing.TB, _ []channels.Channel, _ channels.Inbox) channeltest.Wire {
			office.bound = <-office.came
			return office
		},
		Push:     &channeltest.Push{Provider: func(testing.TB, []channels.Channel) channeltest.Provider { return office }},
		Patience: 30 * time.Second, Longest: 1600,
		Not: map[channeltest.Check]string{
			channeltest.Twice: noID, channeltest.Replayed: noID,
			channeltest.Forged:   "we call the phone company, by its address, a password and TLS: whoever answers there is it",
			channeltest.Jumps:    "no message says when it was sent, and the line has no clock but the machine's",
			channeltest.Pictures: "a short message carries words only",
		},
	})
}

func TestMenusConform(t *testing.T) {
	words := phrases(t)
	var office *phoneCompany
	channeltest.Run(t, channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			office = &phoneCompany{smsc: newSMSC(t)}
			office.smsc.answer = office.answers
			menus, _ := MenusOf("standard")
			menus.Code = "*384*123#"
			lines, err := New(Config{Operator: "mtn", Address: "smpp.example.net:2775", SystemID: "town", Password: "secret", TON: -1, NPI: -1, NoTexts: true, Menus: &menus,
				Country: "US", Lang: "en", Phrases: words, Secret: []byte("0123456789abcdef"), Log: s.Log, dial: office.dial})
			if err != nil {
				t.Fatal(err)
			}
			return lines
		},
		Connect: func(t testing.TB, _ []channels.Channel, _ channels.Inbox) channeltest.Wire {
			office.bound = <-office.came
			return handsets{office}
		},
		Sorry: func(a channeltest.Answer) bool {
			return slices.ContainsFunc([]string{menu.PhraseWait, menu.PhraseAgain}, func(key string) bool {
				return slices.Contains(a.Shown, words.Language("en").Phrase(key, locales.Short))
			})
		},
		Visits: true, Patience: 5 * time.Second, Longest: 160,
		Not: map[channeltest.Check]string{
			channeltest.Forged:   "we call the phone company, by its address, a password and TLS: whoever answers there is it",
			channeltest.Replayed: "a session's number has 15 bits and comes round again: one that is replayed whole, after it ended, is another",
			channeltest.Jumps:    "no message says when it was sent, and the line has no clock but the machine's",
			channeltest.Pictures: "a menu carries words only",
		},
	})
}

// handsets are phones that dial: what is sent to them is the next screen.
type handsets struct{ *phoneCompany }

func (h handsets) Send(m channeltest.Message) channeltest.Answer {
	words, how := "*384*123#", byte(opDial)
	if m.Kind == channels.Message {
		words, how = m.Words, opAnswer
	}
	visit, _ := strconv.Atoi(m.Visit[2:])
	was := len(h.Got())
	part := parted(h.t, words, UDH8, 1)[0]
	part.service, part.from, part.to = "USSD", m.From, "384"
	part.parameters = all(op(how), its(m.From[len(m.From)-1], byte(visit<<1)))
	ack := make(chan status, 1)
	go func() { ack <- h.latest().deliver(part) }()
	for { // a phone shows the screen when it comes, whether the message was acknowledged by then or not
		time.Sleep(time.Second / 10)
		if all := h.Got(); len(all) > was {
			return channeltest.Answer{Verdict: channeltest.Taken, Shown: all[len(all)-1:]}
		}
		select {
		case s := <-ack:
			if a := judged(s); a.Verdict != channeltest.Taken {
				return a
			}
			if time.Sleep(time.Second); len(h.Got()) == was {
				return channeltest.Answer{Verdict: channeltest.Taken}
			}
		default:
		}
	}
}

func (h handsets) Good() []byte { return menuOf("zanzibar", all(op(opDial), its(1, 2))).body() }

// phoneCompany is an SMSC as the suite wants it.
type phoneCompany struct {
	*smsc
	mu    sync.Mutex
	bound *session
	ref   uint16
	how   channeltest.Outage
}

// dial fails while nobody listens.
func (o *phoneCompany) dial(ctx context.Context, address string) (net.Conn, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.how == channeltest.Unheard {
		return nil, &net.OpError{Op: "dial", Err: errAway}
	}
	return o.smsc.dial(ctx, address)
}

// latest is the bind that stands.
func (o *phoneCompany) latest() *session {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		select {
		case o.bound = <-o.came:
		default:
			return o.bound
		}
	}
}

func (o *phoneCompany) Send(m channeltest.Message) channeltest.Answer {
	o.mu.Lock()
	o.ref++
	ref := o.ref
	o.mu.Unlock()
	a := channeltest.Answer{Verdict: channeltest.Taken}
	for _, part := range parted(o.t, m.Words, UDH8, ref) {
		part.from = m.From
		if a = judged(o.latest().deliver(part)); a.Verdict != channeltest.Taken {
			return a
		}
	}
	return a
}

// judged is what a phone company makes of a status.
func judged(s status) channeltest.Answer {
	a := channeltest.Answer{Verdict: channeltest.Refused, Said: fmt.Sprintf("%#x", uint32(s))}
	switch s {
	case statusOK:
		a.Verdict = channeltest.Taken
	case statusSystem, statusQueueFull:
		a.Verdict = channeltest.Later
	case 0xFFFF:
		a.Verdict = channeltest.Lost
	}
	return a
}

func (o *phoneCompany) Good() []byte {
	return sm{from: resident, to: "15001", words: "zanzibar", parameters: []parameter{{tagUserReference, []byte{1, 2}}}}.body()
}

func (o *phoneCompany) Spoil(body []byte, _ bool) channeltest.Answer {
	s := o.latest()
	select {
	case f := <-s.request(deliverSM, body):
		return judged(f.status())
	case <-s.gone:
		time.Sleep(time.Minute) // it is bound anew
		return channeltest.Answer{Verdict: channeltest.Lost}
	}
}

// Break has it fail. A phone company that is closed takes nothing until the line is bound again.
func (o *phoneCompany) Break(how channeltest.Outage) bool {
	o.mu.Lock()
	was := o.how
	o.how = how
	o.mu.Unlock()
	if how == channeltest.Unheard {
		o.latest().conn.Close()
	}
	if was == channeltest.Unheard || was == channeltest.CutsOff || was == channeltest.Hangs {
		time.Sleep(5 * time.Minute)
		o.latest()
	}
	return how != channeltest.Babbles
}

func (o *phoneCompany) answers(s *session, m *pdu.SubmitSM) {
	o.mu.Lock()
	how := o.how
	o.mu.Unlock()
	switch how {
	case channeltest.Broken:
		s.no(m, data.ESME_RSYSERR)
	case channeltest.Busy:
		s.no(m, data.ESME_RTHROTTLED)
	case channeltest.Declines:
		s.no(m, data.ESME_RINVDSTADR)
	case channeltest.Hangs:
	case channeltest.CutsOff:
		s.conn.Close()
	default:
		s.yes(m, "m"+itoa(int(m.SequenceNumber)))
	}
}

// Got are the texts that were submitted, as a phone joins them.
func (o *phoneCompany) Got() (out []string) {
	long := map[uint16]*unfinished{}
	for _, m := range o.sent() {
		f, err := take(frame(marshal(asDeliver(m))))
		if err != nil {
			o.t.Error(err)
			continue
		}
		p, octets, _, err := f.open()
		if err != nil {
			o.t.Error(err)
			continue
		}
		one := held{script: scriptOf(m.Message.Encoding().DataCoding(), GSM), octets: octets}
		if p.total < 2 {
			words, _ := read(octets, one.script)
			out = append(out, words)
			continue
		}
		u := long[p.ref]
		if u == nil {
			u = &unfinished{total: p.total, parts: map[int]held{}}
			long[p.ref] = u
		}
		if u.parts[p.number] = one; len(u.parts) == u.total {
			out = append(out, u.words())
			delete(long, p.ref)
		}
	}
	return out
}
