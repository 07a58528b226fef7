package smpp

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

func TestOneText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openLine(t, newSMSC(t), func(c *Config) { c.Service, c.Validity = "CMT", 26*time.Hour })
		id, err := w.text("Karibu! {1} é")
		if id != "m1" || err != nil {
			t.Fatalf("%q, %v", id, err)
		}
		m := w.sent()[0]
		septets, _ := render.EncodeGSM("Karibu! {1} é")
		if !bytes.Equal(octetsIn(m), septets) || m.Message.Encoding().DataCoding() != 0 || m.EsmClass != 0 || m.RegisteredDelivery != 1 {
			t.Errorf("% X, %+v", octetsIn(m), m)
		}
		if m.DestAddr.Address() != "255712345678" || m.DestAddr.Ton() != 1 || m.DestAddr.Npi() != 1 || m.SourceAddr.Address() != "15001" || m.SourceAddr.Ton() != 3 {
			t.Errorf("from %+v to %+v", m.SourceAddr, m.DestAddr)
		}
		if m.ServiceType != "CMT" || m.ValidityPeriod != "000001020000000R" {
			t.Errorf("service_type %q, validity_period %q", m.ServiceType, m.ValidityPeriod)
		}
		if _, err := w.text("Ж"); err != nil || w.sent()[1].Message.Encoding().DataCoding() != 8 || !bytes.Equal(octetsIn(w.sent()[1]), []byte{4, 0x16}) {
			t.Errorf("%v, %+v", err, w.sent()[1])
		}
		for _, c := range []struct {
			to   channels.Address
			text string
			want string
		}{
			{channels.Address{Kind: "telegram", ID: "1"}, "x", "gone address"},
			{channels.Address{Kind: "tel", ID: resident}, " \n\x00", "gone empty"},
			{channels.Address{Kind: "tel", ID: resident}, strings.Repeat("a", 40000), "gone too-long"},
		} {
			if _, err := w.sms.Deliver(t.Context(), c.to, render.Page{Text: c.text}, "k"); what(err) != c.want {
				t.Errorf("%v", err)
			}
		}
	})
}

func TestSources(t *testing.T) {
	for _, c := range []struct {
		from     string
		ton, npi int
		want     [2]byte
		number   string
	}{
		{"+15550100", -1, -1, [2]byte{1, 1}, "15550100"},
		{"15001", -1, -1, [2]byte{3, 0}, "15001"},
		{"Elmwood", -1, -1, [2]byte{5, 0}, "Elmwood"},
		{"", -1, -1, [2]byte{0, 0}, ""},
		{"15001", 6, 0, [2]byte{6, 0}, "15001"},
	} {
		if a := source(c.from, c.ton, c.npi); a.Ton() != c.want[0] || a.Npi() != c.want[1] || a.Address() != c.number {
			t.Errorf("%q: %d %d %q", c.from, a.Ton(), a.Npi(), a.Address())
		}
	}
}

// Long texts, as each phone company wants them: each part has its own number, the last one is reported on.
func TestLongText(t *testing.T) {
	text := strings.Repeat("Your street is swept on Monday. ", 12) + "End." // 388 characters
	for _, c := range []struct {
		name string
		long Long
		set  Alphabet
	}{{"udh8", UDH8, GSM}, {"udh16", UDH16, GSM}, {"sar", SAR, GSM}, {"packed", UDH8, Packed}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := openLine(t, newSMSC(t), func(g *Config) { g.Long, g.Alphabet = c.long, c.set })
				id, err := w.text(text)
				sent := w.sent()
				if err != nil || len(sent) != 3 {
					t.Fatalf("%d parts, %v", len(sent), err)
				}
				u := unfinished{total: 3, parts: map[int]held{}}
				numbers, reports := map[int32]bool{}, 0
				for i, m := range sent {
					f, err := take(frame(marshal(asDeliver(m))))
					if err != nil {
						t.Fatal(err)
					}
					p, octets, head, err := f.open()
					if err != nil || p.total != 3 {
						t.Fatalf("%+v, %v", p, err)
					}
					if c.set == Packed {
						octets = unpack(octets, fillBits(head))
					}
					u.parts[p.number] = held{script: inGSM, octets: octets}
					numbers[m.SequenceNumber] = true
					if m.RegisteredDelivery == 1 {
						reports++
						if p.number != 3 || id != "m"+itoa(i+1) {
							t.Errorf("part %d is reported on, the receipt is %q", p.number, id)
						}
					}
				}
				if got := u.words(); got != text || len(numbers) != 3 || reports != 1 {
					t.Errorf("%q, %d numbers, %d reports", got, len(numbers), reports)
				}
			})
		})
	}
}

// asDeliver is m as a phone company hands it on.
func asDeliver(m *pdu.SubmitSM) *pdu.DeliverSM {
	d := pdu.NewDeliverSM().(*pdu.DeliverSM)
	d.EsmClass, d.Message, d.OptionalParameters = m.EsmClass, m.Message, m.OptionalParameters
	return d
}

func TestVerdicts(t *testing.T) {
	for s, want := range map[data.CommandStatusType]string{
		data.ESME_ROK:              "taken",
		data.ESME_RTHROTTLED:       "throttled 1s",
		data.ESME_RMSGQFUL:         "throttled 1s",
		data.ESME_RSYSERR:          "retry 0s",
		data.ESME_RX_T_APPN:        "retry 0s",
		data.ESME_RUNKNOWNERR:      "retry 0s",
		0x0400:                     "retry 0s", // a vendor's own
		data.ESME_RINVDSTADR:       "bad number 0xb",
		data.ESME_RINVMSGLEN:       "gone 0x1",
		data.ESME_RX_R_APPN:        "gone 0x66",
		data.ESME_RINVSRCADR:       "throttled 5m0s",
		data.ESME_RINVEXPIRY:       "retry 5m0s",
		data.ESME_ROPTPARNOTALLWD:  "retry 5m0s",
		data.ESME_RDELIVERYFAILURE: "retry 0s",
	} {
		t.Run(s.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newSMSC(t)
				c.answer = func(se *session, m *pdu.SubmitSM) { se.no(m, s) }
				if s == 0 {
					c.answer = nil
				}
				if _, err := openLine(t, c, nil).text("x"); what(err) != want {
					t.Errorf("%s: %v", what(err), err)
				}
			})
		})
	}
	t.Run("generic_nack", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newSMSC(t)
			c.answer = func(se *session, m *pdu.SubmitSM) {
				n := nack(0)
				n.SetSequenceNumber(m.SequenceNumber)
				se.send(n)
			}
			if _, err := openLine(t, c, nil).text("x"); what(err) != "retry 5m0s" {
				t.Errorf("%s: %v", what(err), err)
			}
		})
	})
}

// What becomes of a text when the line breaks depends on whether it had left.
func TestBreaks(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(*session, *pdu.SubmitSM)
		want   string
		within time.Duration
	}{
		{"before the answer", func(s *session, _ *pdu.SubmitSM) { s.conn.Close() }, "doubt", time.Second},
		{"no answer at all", func(*session, *pdu.SubmitSM) {}, "doubt", 31 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newSMSC(t)
				m.answer = c.answer
				w := openLine(t, m, nil)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				began := time.Now()
				_, err := w.sms.Deliver(ctx, channels.Address{Kind: "tel", ID: resident}, render.Page{Text: "x"}, "k")
				if what(err) != c.want || time.Since(began) > c.within {
					t.Errorf("%s after %v: %v", what(err), time.Since(began), err)
				}
			})
		})
	}
	t.Run("there is no bind", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newSMSC(t)
			m.onBind = func(*session) bool { return false }
			w := openLine(t, m, nil)
			if _, err := w.text("x"); what(err) != "throttled 0s" {
				t.Errorf("%s: %v", what(err), err)
			}
		})
	})
	t.Run("bound again meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newSMSC(t)
			w := openLine(t, m, nil)
			w.conn.Close()
			synctest.Wait()
			if _, err := w.text("x"); err != nil { // waits for the next bind
				t.Error(err)
			}
		})
	})
}

// Parts of one text: all of them, or in doubt. A part that can't be taken now is sent again, as others were.
func TestPartsTogether(t *testing.T) {
	text := strings.Repeat("a", 400)
	for _, c := range []struct {
		name   string
		answer func(n int) data.CommandStatusType // of the n-th submit_sm
		want   string
		sent   int
	}{
		{"the first is refused for good", func(n int) data.CommandStatusType { return data.ESME_RINVDSTADR }, "bad number 0xb", 1},
		{"the first can't be taken now", func(n int) data.CommandStatusType { return data.ESME_RTHROTTLED }, "throttled 1s", 1},
		{"the second can't be taken now", func(n int) data.CommandStatusType {
			if n == 2 {
				return data.ESME_RTHROTTLED
			}
			return 0
		}, "taken", 4},
		{"the second is refused for good", func(n int) data.CommandStatusType {
			if n == 2 {
				return data.ESME_RX_R_APPN
			}
			return 0
		}, "doubt", 3},
		{"the others can never be taken now", func(n int) data.CommandStatusType {
			if n > 1 {
				return data.ESME_RMSGQFUL
			}
			return 0
		}, "doubt", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newSMSC(t)
				n := 0
				m.answer = func(s *session, p *pdu.SubmitSM) {
					n++
					if status := c.answer(n); status != 0 {
						s.no(p, status)
						return
					}
					s.yes(p, "m")
				}
				w := openLine(t, m, nil)
				if _, err := w.text(text); what(err) != c.want {
					t.Errorf("%s: %v", what(err), err)
				}
				if c.sent >= 0 && len(w.sent()) != c.sent {
					t.Errorf("%d were sent, want %d", len(w.sent()), c.sent)
				}
			})
		})
	}
}

// No more than the window are on their way, and whoever is beyond waits: nothing is turned away.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSMSC(t)
		var waiting []*pdu.SubmitSM
		c.answer = func(_ *session, m *pdu.SubmitSM) { waiting = append(waiting, m) }
		w := openLine(t, c, func(g *Config) { g.Window = 4 })
		done := make(chan error, 10)
		for range 10 {
			go func() { _, err := w.text("x"); done <- err }()
		}
		taken := 0
		for taken < 10 {
			synctest.Wait()
			if n := len(waiting); n == 0 || n > 4 {
				t.Fatalf("%d are on their way", n)
			}
			all := waiting
			waiting = nil
			for _, m := range all {
				taken++
				w.yes(m, "m")
			}
		}
		for range 10 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openLine(t, newSMSC(t), func(g *Config) { g.Window, g.PerSecond = 100, 20 })
		began := time.Now()
		done := make(chan error, 101)
		for range 101 {
			go func() { _, err := w.text("x"); done <- err }()
		}
		for range 101 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 4900*time.Millisecond || took > 5100*time.Millisecond {
			t.Errorf("101 texts at 20 a second took %v", took)
		}
	})
}

// Told that it is too much, the whole line pauses: a second, two, four …
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSMSC(t)
		refusals := 4
		c.answer = func(s *session, m *pdu.SubmitSM) {
			if refusals--; refusals >= 0 {
				s.no(m, data.ESME_RTHROTTLED)
				return
			}
			s.yes(m, "m")
		}
		w := openLine(t, c, nil)
		began := time.Now()
		var pauses []string
		for {
			at := time.Now()
			_, err := w.text("x")
			pauses = append(pauses, time.Since(at).Round(time.Second).String()+" "+what(err))
			if err == nil {
				break
			}
		}
		want := "0s throttled 1s, 1s throttled 2s, 2s throttled 4s, 4s throttled 8s, 8s taken"
		if got := strings.Join(pauses, ", "); got != want {
			t.Errorf("%s after %v; want %s", got, time.Since(began), want)
		}
		if _, err := w.text("x"); err != nil || w.sms.gate.pause != 0 {
			t.Errorf("%v, a pause of %v", err, w.sms.gate.pause)
		}
	})
}

// A phone company that goes deaf gets no more than it has: what it was sent is in doubt, each one of it.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSMSC(t)
		deaf := true
		var waiting []*pdu.SubmitSM
		c.answer = func(s *session, m *pdu.SubmitSM) {
			if deaf {
				waiting = append(waiting, m)
				return
			}
			s.yes(m, "m")
		}
		w := openLine(t, c, func(g *Config) { g.Window = 10 })
		done := make(chan error, 10)
		send := func() { _, err := w.text("x"); done <- err }
		go send()
		time.Sleep(7 * time.Second)
		synctest.Wait()
		for range 3 {
			go send()
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(waiting) != 1 {
			t.Errorf("%d were sent to somebody who doesn't answer", len(waiting))
		}
		deaf = false
		w.yes(waiting[0], "m") // it wakes up
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
