package smpp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linxGnu/gosmpp/data"
)

// A phone company that takes the connection and then says nothing is given up within five seconds, and tried again.
func TestMuteBind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSMSC(t)
		c.onBind = func(*session) bool { return false }
		openLine(t, c, nil)
		time.Sleep(4900 * time.Millisecond)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.binds < 1 || len(c.sessions) < 1 {
			t.Fatalf("%d binds", c.binds)
		}
		select {
		case <-c.sessions[0].gone:
		default:
			t.Error("it still waits")
		}
	})
}

// Pauses between binds grow, more where the password is wrong: accounts are locked.
func TestBindsAgain(t *testing.T) {
	for _, c := range []struct {
		name        string
		password    string
		least, most int // binds in an hour
	}{{"unreachable", "secret", 60, 140}, {"a wrong password", "other", 10, 25}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newSMSC(t)
				var tries atomic.Int64
				w := openLine(t, m, func(g *Config) {
					g.Password = c.password
					if c.password == "secret" {
						m.password = "another still"
						g.dial = func(context.Context, string) (net.Conn, error) {
							tries.Add(1)
							return nil, errors.New("connection refused")
						}
					}
				})
				time.Sleep(time.Hour)
				m.mu.Lock()
				n := int(tries.Load()) + m.binds
				m.mu.Unlock()
				if n < c.least || n > c.most {
					t.Errorf("%d tries in an hour", n)
				}
				w.stop()
				if log := w.log.String(); !strings.Contains(log, "the bind broke") || c.password == "other" && !strings.Contains(log, "look at system_id") || strings.Contains(log, "other") {
					t.Errorf("the log says %.300q", log)
				}
			})
		})
	}
}

func TestTwoBinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openLine(t, newSMSC(t), func(g *Config) { g.Separate = true })
		other := <-w.came
		roles := map[data.CommandIDType]*session{w.role: w.session, other.role: other}
		in, out := roles[data.BIND_RECEIVER], roles[data.BIND_TRANSMITTER]
		if in == nil || out == nil {
			t.Fatalf("%v and %v", w.role, other.role)
		}
		if s := in.deliver(sm{from: resident, to: "1", words: "2"}); s != statusOK {
			t.Error(s)
		}
		if _, err := w.text("x"); err != nil {
			t.Error(err)
		}
	})
}

// Nobody there any more, on a line that still stands: it is noticed, and opened again.
func TestSilentLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSMSC(t)
		w := openLine(t, c, nil)
		c.mute.Store(true)
		time.Sleep(39 * time.Second)
		select {
		case <-w.session.gone:
			t.Fatal("it was given up too soon")
		default:
		}
		time.Sleep(2 * time.Second)
		select {
		case <-w.session.gone:
		default:
			t.Fatal("it wasn't noticed")
		}
		c.mute.Store(false)
		<-c.came
		if _, err := w.text("x"); err != nil {
			t.Error(err)
		}
	})
}

// A phone company that never stops talking, so that a piece of the next PDU always waits, isn't taken for a silent one.
func TestBusyLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSMSC(t)
		w := openLine(t, c, nil)
		c.mute.Store(true) // who answers here is the test
		piece := raw(alert, 1, make([]byte, 8))
		w.conn.Write(piece[:10])
		for range 180 {
			time.Sleep(time.Second)
			next := append([]byte(nil), piece[10:]...)
			for sequence := range uint32(8) {
				next = append(next, raw(enquireLink|response, sequence+2, nil)...)
			}
			if _, err := w.conn.Write(append(next, piece[:10]...)); err != nil {
				t.Fatal("it was given up: ", err)
			}
		}
	})
}

// The phone company says goodbye: it gets its answer, and the line is opened again.
func TestTheirGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openLine(t, newSMSC(t), nil)
		if f := <-w.request(unbind, nil); f.status() != statusOK || !f.answers(unbind) {
			t.Errorf("% X", f)
		}
		<-w.came
	})
}

// PDUs that would have closed the bind of others, or made the phone company send them again for ever.
func TestPoison(t *testing.T) {
	good := sm{from: resident, to: "15001", words: "1"}.body()
	cut := func(b []byte, n int) []byte { return b[:len(b)-n] }
	udhi := func(user ...byte) []byte { return sm{from: resident, to: "1", class: 0x40, user: user}.body() }
	for _, c := range []struct {
		name    string
		command uint32
		body    []byte
		status  status
		nack    bool
		kept    bool
	}{
		{"nothing in it", deliverSM, nil, statusOK, false, true},
		{"cut off", deliverSM, cut(good, 1), statusOK, false, true},
		{"an address without end", deliverSM, append([]byte{0, 1, 1}, strings.Repeat("9", 200)...), statusOK, false, true},
		{"a parameter cut off", deliverSM, append(good[:len(good):len(good)], 5, 1, 0, 4, 1), statusOK, false, true},
		{"a parameter of 65,535 octets that aren't there", deliverSM, append(good[:len(good):len(good)], 5, 1, 0xFF, 0xFF), statusOK, false, true},
		{"half a parameter", deliverSM, append(good[:len(good):len(good)], 5, 1, 0), statusOK, false, true},
		{"a header, and nothing there", deliverSM, udhi(), statusOK, false, true},
		{"a header longer than all", deliverSM, udhi(0xFF, 'A'), statusOK, false, true},
		{"an element longer than its header", deliverSM, udhi(3, 0, 9, 1, 'A'), statusOK, false, true},
		{"octets that are no words", deliverSM, sm{from: resident, to: "1", coding: 4, user: []byte{0, 1, 2}}.body(), statusOK, false, true},
		{"data_sm cut off", dataSM, []byte{0, 1}, statusOK, false, true},
		{"an unknown command", 0x999, nil, statusBadCommand, true, false},
		{"a command that isn't ours", 0x03, []byte("x\x00\x00\x00\x00"), statusBadCommand, true, false},
		{"a vendor's command", 0x00010200, []byte("anything"), statusBadCommand, true, false},
		{"too long", deliverSM, make([]byte, mostFrame+10), statusOK, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				w := openLine(t, newSMSC(t), func(g *Config) { g.Dir = dir })
				for range 2 { // it comes again
					f := <-w.request(c.command, c.body)
					if f.status() != c.status || f.is(genericNack) != c.nack {
						t.Errorf("answered with % X", f)
					}
				}
				if s := w.deliver(sm{from: resident, to: "1", words: "still here"}); s != statusOK || len(w.in.all()) != 1 {
					t.Errorf("after it: %v, %d events", s, len(w.in.all()))
				}
				w.stop()
				if strings.Contains(w.log.String(), "712345678") {
					t.Error("the log holds a number")
				}
				if n := strings.Count(w.log.String(), "can't be read"); c.kept && n != 1 {
					t.Errorf("it is told %d times", n)
				}
			})
			all, _, err := ReadUnread(dir, []byte("0123456789abcdef"))
			if err != nil || len(all) != map[bool]int{true: 1}[c.kept] {
				t.Fatalf("%d are kept, %v", len(all), err)
			}
			if c.kept && (all[0].Operator != "mtn" || all[0].Reason == "" || !strings.Contains(c.name, "too long") && !strings.HasSuffix(string(all[0].PDU), string(c.body))) {
				t.Errorf("%+v", all[0])
			}
			if _, _, err := ReadUnread(dir, []byte("another, and not the town's")); c.kept && err == nil {
				t.Error("it can be read without the key")
			}
		})
	}
	t.Run("where nothing can be kept", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := openLine(t, newSMSC(t), nil)
			if f := <-w.request(deliverSM, nil); f.status() != statusSystem {
				t.Errorf("answered with % X", f)
			}
		})
	})
	t.Run("answers that can't be read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := openLine(t, newSMSC(t), nil)
			w.conn.Write(raw(submitSM|response, 4711, nil))
			w.conn.Write(raw(0x999|response, 1, []byte("x")))
			if _, err := w.text("x"); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("lengths that can't be right", func(t *testing.T) {
		for _, head := range [][]byte{{0, 0, 0, 15}, {0x7F, 0xFF, 0xFF, 0xFF}, {0, 0, 0, 0}} {
			synctest.Test(t, func(t *testing.T) {
				w := openLine(t, newSMSC(t), nil)
				w.conn.Write(append(head, make([]byte, 12)...))
				<-w.gone // nobody knows where the next one begins
				if len(w.nacks) != 1 || frame(w.nacks[0]).status() != statusBadLength {
					t.Errorf("% X", w.nacks)
				}
				if s := (<-w.came).deliver(sm{from: resident, to: "1", words: "again"}); s != statusOK {
					t.Error(s)
				}
			})
		}
	})
}

// However slow the disk is that it is kept on: what else comes doesn't wait for it.
func TestPoisonOnSlowDisk(t *testing.T) {
	w := openLine(t, newSMSC(t), func(c *Config) { c.Dir = t.TempDir() })
	w.sms.poison.mu.Lock()
	kept := w.request(deliverSM, []byte{0, 1, 1, '2', 0})
	answered := make(chan frame)
	go func() { answered <- <-w.request(enquireLink, nil) }()
	select {
	case <-answered:
	case <-time.After(5 * time.Second):
		t.Error("the line stands still")
		go func() { <-answered }()
	}
	w.sms.poison.mu.Unlock()
	if f := <-kept; f.status() != statusOK {
		t.Errorf("answered with %v", f.status())
	}
}

// Over TLS the phone company shows a certificate for its name, by somebody we trust, or isn't talked to.
func TestTLS(t *testing.T) {
	own, pool := certificate(t, "smpp.example.net")
	_, others := certificate(t, "smpp.example.net")
	for _, c := range []struct {
		name   string
		server string
		roots  *x509.CertPool
		ok     bool
	}{
		{"the right one", "smpp.example.net", pool, true},
		{"another name", "smpp.example.org", pool, false},
		{"by nobody we trust", "smpp.example.net", others, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own}})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			m := newSMSC(t)
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					m.serve(conn)
				}
			}()
			dial := dialer(&tls.Config{RootCAs: c.roots, ServerName: c.server}, 4*time.Second)
			conn, err := dial(t.Context(), l.Addr().String())
			if (err == nil) != c.ok {
				t.Fatalf("%v", err)
			}
			if err != nil {
				return
			}
			g := Config{Operator: "x"}
			g.usual()
			b, err := open(conn, transceiver, login{systemID: "town", password: "secret"}, g.times)
			if err != nil {
				t.Fatal(err)
			}
			b.end(errClosing)
		})
	}
}

func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	as := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, as, as, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	c, _ := x509.ParseCertificate(der)
	pool.AddCert(c)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestConfigs(t *testing.T) {
	good := Config{Operator: "mtn", Address: "smpp.example.net:2775", SystemID: "town", Password: "x", From: "1", TON: -1, NPI: -1}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"no name":            func(c *Config) { c.Operator = "" },
		"a name with a dot":  func(c *Config) { c.Operator = "a.b" },
		"no port":            func(c *Config) { c.Address = "smpp.example.net" },
		"no system_id":       func(c *Config) { c.SystemID = "" },
		"a long system_id":   func(c *Config) { c.SystemID = strings.Repeat("a", 16) },
		"a long system_type": func(c *Config) { c.SystemType = strings.Repeat("a", 13) },
		"a long from":        func(c *Config) { c.From = strings.Repeat("1", 21) },
		"a window of none":   func(c *Config) { c.Window = -1 },
		"neither":            func(c *Config) { c.NoTexts = true },
		"one for both":       func(c *Config) { m, _ := MenusOf("standard"); c.Menus, c.Window = &m, 1 },
		"the same operation": func(c *Config) { m, _ := MenusOf("standard"); m.End = m.Ask; c.Menus = &m },
		"a folder, no key":   func(c *Config) { c.Dir = t.TempDir() },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
