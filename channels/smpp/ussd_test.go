package smpp

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/menu"
	"github.com/townline/townline/dialogs/render"
)

// dialect is how one phone company speaks, octet by octet.
type dialect struct {
	name    string
	profile string
	change  func(*Menus)
	dial    []parameter
	answer  []parameter
	abort   []parameter
	ask     []parameter // what it wants to see
	end     []parameter
	session string
}

func op(n byte) parameter            { return parameter{tagUSSDOp, []byte{n}} }
func its(b ...byte) parameter        { return parameter{tagITSSession, b} }
func reference(b ...byte) parameter  { return parameter{tagUserReference, b} }
func vendor(b ...byte) parameter     { return parameter{0x1501, b} }
func all(p ...parameter) []parameter { return p }

var dialects = []dialect{
	{"standard", "standard", nil, all(op(1), its(1, 2)), all(op(18), its(1, 2)), all(op(0x81), its(1, 2)), all(op(2), its(1, 2)), all(op(17), its(1, 3)), "0102"},
	{"the session's end in its number", "standard", nil, all(op(1), its(1, 2)), all(op(18), its(1, 2)), all(op(18), its(1, 3)), all(op(2), its(1, 2)), all(op(17), its(1, 3)), "0102"},
	{"6d", "6d", nil, all(op(1), its(0x2A, 4)), all(op(18), its(0x2A, 4)), all(op(0x81), its(0x2A, 4)), all(op(2), its(0x2A, 4)), all(op(0x17), its(0x2A, 5)), "2a04"},
	{"mica", "mica", nil, all(op(1), reference(9, 9)), all(op(18), reference(9, 9)), all(op(0x17), reference(9, 9)), all(op(2), reference(9, 9)), all(op(0x17), reference(9, 9)), "0909"},
	{"SMPP's own session info", "standard", func(m *Menus) { m.Session = ByITSOctet }, all(op(1), its(7, 2)), all(op(18), its(7, 4)), all(op(18), its(7, 5)), all(op(2), its(7, 4)), all(op(17), its(7, 5)), "07"},
	{"as it comes", "standard", func(m *Menus) { m.Session = ByITSWhole }, all(op(1), its(7, 3)), all(op(18), its(7, 3)), all(op(0x81), its(7, 3)), all(op(2), its(7, 3)), all(op(17), its(7, 3)), "0703"},
	{"a vendor's parameter and operations", "standard", func(m *Menus) {
		m.Session, m.SessionTag, m.Dial, m.Answer, m.Abort, m.Ask, m.End = ByTag, 0x1501, []byte{32}, []byte{33}, []byte{35}, 40, 41
	}, all(op(32), vendor('a', 'b', 'c')), all(op(33), vendor('a', 'b', 'c')), all(op(35), vendor('a', 'b', 'c')), all(op(40), vendor('a', 'b', 'c')), all(op(41), vendor('a', 'b', 'c')), "616263"},
	{"no number at all", "standard", func(m *Menus) { m.Session = ByNumber }, all(op(1)), all(op(18)), all(op(0x81)), all(op(2)), all(op(17)), ""},
}

// menuOf is a deliver_sm of a menu.
func menuOf(words string, p []parameter) sm {
	return sm{service: "USSD", from: resident, to: "384", words: words, parameters: p}
}

func openMenus(t testing.TB, c *smsc, profile string, change func(*Menus)) *town {
	return openLine(t, c, func(g *Config) {
		m, ok := MenusOf(profile)
		if !ok {
			t.Fatal(profile)
		}
		m.Code = "*384*123#"
		if change != nil {
			change(&m)
		}
		g.Menus, g.Pushes = &m, true
	})
}

// shows checks a screen.
func shows(t *testing.T, m *pdu.SubmitSM, words string, want []parameter) {
	t.Helper()
	if got := string(octetsIn(m)); got != words || m.ServiceType != "USSD" || m.DestAddr.Address() != "255712345678" || m.SourceAddr.Address() != "384" || m.RegisteredDelivery != 0 {
		t.Errorf("a screen %q to %+v from %+v of %q", got, m.DestAddr, m.SourceAddr, m.ServiceType)
	}
	if len(m.OptionalParameters) != len(want) {
		t.Errorf("%d parameters, want %d", len(m.OptionalParameters), len(want))
	}
	for _, p := range want {
		if got := m.OptionalParameters[pdu.Tag(p.tag)].Data; string(got) != string(p.value) {
			t.Errorf("parameter %04X is % X, want % X", uint16(p.tag), got, p.value)
		}
	}
}

// A dialog by menu, as each phone company speaks it.
func TestMenuDialects(t *testing.T) {
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := openMenus(t, newSMSC(t), d.profile, d.change)
				w.in.answer = func(e channels.Event) channels.Reply {
					switch {
					case e.Kind == channels.Dialed:
						return say("Which? 1 Bus 2 Lamp")
					case e.Words == "2":
						r := say("Thank you.")
						r.Over = true
						return r
					}
					return channels.Reply{}
				}
				for i, step := range []struct {
					words string
					with  []parameter
					kind  channels.EventKind
					want  string
					show  string
					of    []parameter
				}{
					{"*384*123*7#", d.dial, channels.Dialed, "7", "Which? 1 Bus 2 Lamp", nil},
					{"2", d.answer, channels.Message, "2", "Thank you.", d.end},
				} {
					if s := w.deliver(menuOf(step.words, step.with)); s != statusOK {
						t.Fatalf("step %d was answered with %v", i, s)
					}
					synctest.Wait()
					e := w.in.all()[i]
					if e.Channel != "ussd.smpp.mtn" || e.Kind != step.kind || e.Words != step.want || e.Session == nil || e.Session.ID != d.session || e.ID != "" || e.From.ID != resident {
						t.Errorf("%+v, session %+v", e, e.Session)
					}
					want := step.of
					if want == nil {
						want = d.ask
						if d.name == "SMPP's own session info" {
							want = all(op(2), its(7, 2))
						}
					}
					shows(t, w.sent()[i], step.show, want)
				}
				if s := w.deliver(menuOf("", d.abort)); s != statusOK {
					t.Errorf("the end was answered with %v", s)
				}
				synctest.Wait()
				if e := w.in.all(); len(e) != 3 || e[2].Kind != channels.HungUp || e[2].Session.ID != d.session || len(w.sent()) != 2 {
					t.Errorf("%+v, %d screens", e, len(w.sent()))
				}
			})
		})
	}
}

func say(texts ...string) channels.Reply {
	var r channels.Reply
	for _, text := range texts {
		r.Pages = append(r.Pages, render.Page{Text: text, Lang: "en"})
	}
	return r
}

func TestDialled(t *testing.T) {
	m, _ := MenusOf("standard")
	for _, c := range []struct{ code, words, want string }{
		{"*384*123#", "*384*123#", ""},
		{"*384*123#", "*384*123*1*2#", "1*2"},
		{"*384*123#", "*384*1234#", ""},
		{"*384*123#", "*711#", ""},
		{"*384#", "*384*5", "5"},
		{"", "*384*5#", ""},
		{"*384*123#", "", ""},
	} {
		m.Code = c.code
		if got := m.dialled(c.words); got != c.want {
			t.Errorf("%q of %q: %q", c.words, c.code, got)
		}
	}
}

// Steps that phone companies leave to us to make out.
func TestMenuSteps(t *testing.T) {
	m, _ := MenusOf("standard")
	m.Code = "*384#"
	for _, c := range []struct {
		name  string
		words string
		with  []parameter
		want  step
	}{
		{"no operation, and a code", "*384*4#", nil, step{kind: channels.Dialed, words: "4"}},
		{"no operation, and an answer", "4", nil, step{words: "4"}},
		{"an unknown operation", "4", all(op(99), its(1, 2)), step{words: "4", session: "0102"}},
		{"an answer that looks like a code", "*384#", all(op(18), its(1, 2)), step{words: "*384#", session: "0102"}},
		{"our last screen was shown", "", all(op(19), its(1, 2)), step{session: "0102", ours: true}},
		{"a session of one octet", "4", all(op(18), its(9)), step{words: "4", session: "09"}},
		{"a session of four", "4", all(op(18), its(1, 2, 3, 5)), step{words: "4", session: "01020305"}},
	} {
		in, err := take(raw(deliverSM, 1, menuOf(c.words, c.with).body()))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.step(in, c.words); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Screens in letters that GSM 7-bit lacks, and in the data_coding that a phone company wants.
func TestScreenCodings(t *testing.T) {
	m, _ := MenusOf("standard")
	m.CodingGSM, m.CodingUCS2 = 15, 72
	in, err := take(raw(deliverSM, 1, menuOf("1", all(op(18), its(1, 2))).body()))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]struct {
		coding byte
		octets string
	}{"Añadir €": {15, "41 7D 61 64 69 72 20 1B 65"}, "是": {72, "66 2F"}} {
		got, err := take(asDeliverFrame(m.screen(in, text, false)))
		if err != nil || got.coding != want.coding || string(got.user) != string(octetsOf(t, stripped(want.octets))) {
			t.Errorf("%q: data_coding %d, % X, %v", text, got.coding, got.user, err)
		}
	}
}

// asDeliverFrame is a submit_sm as if it had come.
func asDeliverFrame(f frame) frame { return raw(deliverSM, 1, f.body()) }

// A turn that takes too long: the last screen within three seconds, and the outcome by text message.
func TestMenuTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openMenus(t, newSMSC(t), "standard", nil)
		w.in.hold = make(chan struct{})
		began := time.Now()
		answer := w.request(deliverSM, menuOf("*384*123#", all(op(1), its(1, 2))).body())
		time.Sleep(menu.Patience + 100*time.Millisecond)
		sent := w.sent()
		if len(sent) != 1 {
			t.Fatalf("%d screens after %v", len(sent), time.Since(began))
		}
		shows(t, sent[0], "This takes a moment. We will send you a text message.", all(op(17), its(1, 3)))
		select {
		case f := <-answer:
			t.Fatalf("answered with %v before it was kept", f.status())
		default:
		}
		close(w.in.hold)
		if f := <-answer; f.status() != statusOK {
			t.Errorf("answered with %v", f.status())
		}
		synctest.Wait()
		if e := w.in.all(); len(e) != 2 || e[0].Kind != channels.Dialed || e[1].Kind != channels.Overdue || e[1].Session.ID != "0102" {
			t.Errorf("%+v", e)
		}
	})
}

// The store is away: the resident is told to dial again, and the phone company not to send it again.
func TestMenuNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openMenus(t, newSMSC(t), "standard", nil)
		w.in.fail(errAway)
		if s := w.deliver(menuOf("*384*123#", all(op(1), its(1, 2)))); s != statusRefused {
			t.Errorf("answered with %v", s)
		}
		synctest.Wait()
		shows(t, w.sent()[0], "We can't go on just now. Please dial again in a minute.", all(op(17), its(1, 3)))
		if s := w.deliver(menuOf("", all(op(0x81), its(1, 2)))); s != statusSystem { // that they went can come again
			t.Errorf("answered with %v", s)
		}
	})
}

// A screen that the phone company won't show goes on by text message; one that it can't show now is sent again.
func TestScreenNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSMSC(t)
		c.answer = func(s *session, m *pdu.SubmitSM) { s.no(m, data.ESME_RINVDSTADR) }
		w := openMenus(t, c, "standard", nil)
		w.in.answer = func(channels.Event) channels.Reply { return say("Which?") }
		w.deliver(menuOf("*384*123#", all(op(1), its(1, 2))))
		synctest.Wait()
		if e := w.in.all(); len(e) != 2 || e[1].Kind != channels.Overdue {
			t.Errorf("%+v", e)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := newSMSC(t)
		n := 0
		c.answer = func(s *session, m *pdu.SubmitSM) {
			if n++; n == 1 {
				s.no(m, data.ESME_RTHROTTLED)
				return
			}
			s.yes(m, "m")
		}
		w := openMenus(t, c, "standard", nil)
		w.in.answer = func(channels.Event) channels.Reply { return say("Which?") }
		w.deliver(menuOf("*384*123#", all(op(1), its(1, 2))))
		time.Sleep(2 * time.Second)
		if len(w.sent()) != 2 || len(w.in.all()) != 1 {
			t.Errorf("%d screens, %+v", len(w.sent()), w.in.all())
		}
	})
}

// A window full of texts leaves places for who looks at a screen.
func TestMenusBeforeTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSMSC(t)
		c.answer = func(s *session, m *pdu.SubmitSM) {
			if m.ServiceType == "USSD" {
				s.yes(m, "m")
			}
		}
		w := openMenus(t, c, "standard", nil)
		w.in.answer = func(channels.Event) channels.Reply { return say("Which?") }
		for range 20 {
			go w.text("x")
		}
		synctest.Wait()
		began := time.Now()
		w.deliver(menuOf("*384*123#", all(op(1), its(1, 2))))
		synctest.Wait()
		sent := w.sent()
		if last := sent[len(sent)-1]; last.ServiceType != "USSD" || time.Since(began) > time.Second {
			t.Errorf("%d were sent, the screen isn't among them after %v", len(sent), time.Since(began))
		}
		w.conn.Close()
	})
}

// A line for menus alone.
func TestMenusOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := MenusOf("standard")
		w := openLine(t, newSMSC(t), func(g *Config) { g.NoTexts, g.Menus = true, &m })
		if w.sms != nil || w.ussd.Name() != "ussd.smpp.mtn" || !w.ussd.Traits().Live || w.ussd.Counts().Late() != 0 {
			t.Errorf("%+v", w.ussd.Traits())
		}
		w.in.answer = func(channels.Event) channels.Reply { return say("Which?") }
		if s := w.deliver(menuOf("*384#", all(op(1), its(1, 2)))); s != statusOK {
			t.Error(s)
		}
		synctest.Wait()
		if len(w.sent()) != 1 {
			t.Errorf("%d screens", len(w.sent()))
		}
		if _, err := w.ussd.Deliver(t.Context(), channels.Address{}, render.Page{}, ""); what(err) != "gone menu" {
			t.Error(err)
		}
	})
}

// An answer that comes again, as the line broke before the phone company had our yes, counts once: what is on show is shown again.
func TestMenuAnswerComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSMSC(t)
		broken := false
		c.answer = func(s *session, m *pdu.SubmitSM) {
			if string(octetsIn(m)) == "Second?" && !broken {
				broken = true
				s.conn.Close()
				return
			}
			s.yes(m, "m")
		}
		w := openMenus(t, c, "standard", nil)
		w.in.answer = func(e channels.Event) channels.Reply {
			if e.Kind == channels.Dialed {
				return say("First?")
			}
			return say("Second?")
		}
		w.deliver(menuOf("*384*123#", all(op(1), its(1, 2))))
		answer := menuOf("1", all(op(18), its(1, 2)))
		w.deliver(answer)
		again := <-w.came
		if s := again.deliver(answer); s != statusOK {
			t.Errorf("answered with %v", s)
		}
		synctest.Wait()
		again.deliver(answer) // and now another question is answered alike
		synctest.Wait()
		var kinds []channels.EventKind
		for _, e := range w.in.all() {
			kinds = append(kinds, e.Kind)
		}
		want := []channels.EventKind{channels.Dialed, channels.Message, channels.Looked, channels.Message}
		if !slices.Equal(kinds, want) || len(w.sent()) != 4 {
			t.Errorf("%v, %d screens; want %v", kinds, len(w.sent()), want)
		}
	})
}
