package smpp

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linxGnu/gosmpp/pdu"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

func TestMessages(t *testing.T) {
	for _, c := range []struct {
		name  string
		m     sm
		from  string
		words string // "" with from "": nobody was told
	}{
		{"plain", sm{from: resident, to: "15001", words: "HABARI"}, resident, "HABARI"},
		{"national", sm{from: "0712345678", to: "15001", words: "1"}, resident, "1"},
		{"without a plus", sm{from: "255712345678", to: "15001", words: "1"}, resident, "1"},
		{"00 before it, said to be international", sm{from: "00255712345678", fromTON: 1, to: "15001", words: "1"}, resident, "1"},
		{"UCS-2", sm{from: resident, to: "1", coding: 8, user: []byte{4, 0x16}}, resident, "Ж"},
		{"in message_payload", sm{from: resident, to: "1", words: strings.Repeat("a", 300), payload: true}, resident, strings.Repeat("a", 300)},
		{"with a header of another kind", sm{from: resident, to: "1", class: 0x40, user: append([]byte{4, 4, 2, 0x15, 0x81}, "2"...)}, resident, "2"},
		{"one part of one", sm{from: resident, to: "1", class: 0x40, user: append([]byte{5, 0, 3, 9, 1, 1}, "2"...)}, resident, "2"},
		{"part 5 of 3 is a text of its own", sm{from: resident, to: "1", class: 0x40, user: append([]byte{5, 0, 3, 9, 3, 5}, "2"...)}, resident, "2"},
		{"nothing", sm{from: resident, to: "1"}, resident, ""},
		{"a name", sm{from: "BANK", fromTON: 5, to: "1", words: "1"}, "", ""},
		{"a name that isn't said to be one", sm{from: "BANK", to: "1", words: "1"}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := openLine(t, newSMSC(t), nil)
				if s := w.deliver(c.m); s != statusOK {
					t.Fatalf("answered with %v", s)
				}
				all := w.in.all()
				if c.from == "" {
					if len(all) != 0 {
						t.Errorf("%+v", all)
					}
					return
				}
				if len(all) != 1 || all[0].From != (channels.Address{Kind: "tel", ID: c.from}) || all[0].Words != c.words || all[0].To != c.m.to || all[0].ID == "" || all[0].Channel != "smpp.mtn" {
					t.Errorf("%+v", all)
				}
			})
		})
	}
}

// data_sm carries messages too.
func TestDataSM(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openLine(t, newSMSC(t), nil)
		body := append([]byte("\x00\x01\x01255712345678\x00\x00\x0115001\x00"), 0, 0, 0)
		f := <-w.request(dataSM, appendParameter(body, tagMessagePayload, []byte("2")))
		if f.status() != statusOK || !f.answers(dataSM) || len(w.in.all()) != 1 || w.in.all()[0].Words != "2" {
			t.Errorf("% X, %+v", f, w.in.all())
		}
	})
}

// It is acknowledged once it is on disk, and not before.
func TestAcknowledgedOnceKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openLine(t, newSMSC(t), nil)
		w.in.hold = make(chan struct{})
		answer := w.request(deliverSM, sm{from: resident, to: "1", words: "1"}.body())
		synctest.Wait()
		select {
		case f := <-answer:
			t.Fatalf("answered with %v before it was kept", f.status())
		default:
		}
		close(w.in.hold)
		if f := <-answer; f.status() != statusOK {
			t.Errorf("answered with %v", f.status())
		}
	})
	synctest.Test(t, func(t *testing.T) { // a turn without end
		w := openLine(t, newSMSC(t), nil)
		w.in.hold = make(chan struct{})
		defer close(w.in.hold)
		began := time.Now()
		if s := w.deliver(sm{from: resident, to: "1", words: "1"}); s != statusSystem || time.Since(began) > patience+time.Second {
			t.Errorf("answered with %v after %v", s, time.Since(began))
		}
	})
}

// What tells a message that comes again from one that says the same again.
func TestSameAgain(t *testing.T) {
	one := sm{from: resident, to: "15001", words: "1"}
	for _, c := range []struct {
		name string
		do   func(t *testing.T, w *town)
		ids  int // different events
		all  int
	}{
		{"a resident answers two questions alike", func(t *testing.T, w *town) {
			w.deliver(one)
			w.deliver(one)
		}, 2, 2},
		{"it could not be kept, and comes again", func(t *testing.T, w *town) {
			w.in.fail(errAway)
			if s := w.deliver(one); s != statusSystem {
				t.Errorf("answered with %v", s)
			}
			w.in.fail(nil)
			w.deliver(one)
		}, 1, 2},
		{"the phone company didn't wait for our answer", func(t *testing.T, w *town) {
			w.in.hold = make(chan struct{})
			first := w.request(deliverSM, one.body())
			second := w.request(deliverSM, one.body())
			time.Sleep(7 * time.Second)
			close(w.in.hold)
			if a, b := (<-first).status(), (<-second).status(); a != statusOK || b != statusOK {
				t.Errorf("answered with %v and %v", a, b)
			}
		}, 1, 2},
		{"it waited behind another, and the phone company didn't wait for our answer", func(t *testing.T, w *town) {
			w.in.hold = make(chan struct{})
			before := w.request(deliverSM, sm{from: resident, to: "15001", words: "2"}.body())
			first := w.request(deliverSM, one.body())
			time.Sleep(7 * time.Second)
			second := w.request(deliverSM, one.body())
			close(w.in.hold)
			for _, answer := range []chan frame{before, first, second} {
				if f := <-answer; f.status() != statusOK {
					t.Errorf("answered with %v", f.status())
				}
			}
		}, 2, 3},
		{"the line broke before our answer came", func(t *testing.T, w *town) {
			w.in.hold = make(chan struct{})
			w.request(deliverSM, one.body())
			synctest.Wait()
			w.conn.Close()
			close(w.in.hold)
			(<-w.came).deliver(one)
		}, 1, 2},
		{"the line broke, and nobody knows whether our answer came", func(t *testing.T, w *town) {
			w.deliver(one)
			w.conn.Close()
			(<-w.came).deliver(one)
		}, 1, 2},
		{"the line broke after they had our answer", func(t *testing.T, w *town) {
			w.deliver(one)
			if _, err := w.text("the next question"); err != nil { // answered, so all before it was read
				t.Error(err)
			}
			w.conn.Close()
			(<-w.came).deliver(one)
		}, 2, 2},
		{"an hour later it is another in any case", func(t *testing.T, w *town) {
			w.deliver(one)
			w.conn.Close()
			s := <-w.came
			time.Sleep(seenSpan + time.Minute)
			s.deliver(one)
		}, 2, 2},
		{"the phone company counts its messages itself", func(t *testing.T, w *town) {
			for n := range 2 {
				w.in.fail(errAway)
				m := one
				m.parameters = []parameter{{tagUserReference, []byte{0, byte(n)}}}
				w.deliver(m)
			}
		}, 2, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := openLine(t, newSMSC(t), nil)
				c.do(t, w)
				synctest.Wait()
				ids := map[string]bool{}
				all := w.in.all()
				for _, e := range all {
					ids[e.ID] = true
				}
				if len(ids) != c.ids || len(all) != c.all {
					t.Errorf("%d events with %d ids, want %d with %d", len(all), len(ids), c.all, c.ids)
				}
			})
		})
	}
}

// The process goes away at any point: what comes again is the same message still, until our answer was surely read.
func TestSameAgainAfterRestart(t *testing.T) {
	dir := t.TempDir()
	journal := filepath.Join(dir, "mtn.journal")
	var ids []string
	for _, away := range []error{errAway, errAway, nil, nil} {
		synctest.Test(t, func(t *testing.T) {
			w := openLine(t, newSMSC(t), func(c *Config) { c.Dir = dir })
			w.in.fail(away)
			w.deliver(sm{from: resident, to: "15001", words: "1"})
			ids = append(ids, w.in.all()[0].ID)
		})
		// On disk is neither the number nor what was said, nor what either could be found out from.
		b, err := os.ReadFile(journal)
		if err != nil || len(b) == 0 || strings.Contains(string(b), "712345678") {
			t.Errorf("%v, %q", err, b)
		}
		if err := os.WriteFile(journal, append(b, 1, 2, 3), 0o600); err != nil { // a torn end
			t.Fatal(err)
		}
	}
	if ids[0] != ids[1] || ids[1] != ids[2] || ids[2] == ids[3] {
		t.Errorf("%q", ids)
	}
}

// parted makes the parts of a text as phones do.
func parted(t testing.TB, words string, long Long, ref uint16) (all []sm) {
	t.Helper()
	parts, ok := cut(words, ref, long, GSM)
	if !ok {
		t.Fatal("too long")
	}
	for _, p := range parts {
		m := sm{from: resident, to: "15001", coding: p.coding, user: p.octets}
		if p.header {
			m.class = classHeader
		} else if p.total > 1 {
			m.parameters = []parameter{{tagSarReference, []byte{byte(p.ref >> 8), byte(p.ref)}}, {tagSarTotal, []byte{byte(p.total)}}, {tagSarNumber, []byte{byte(p.number)}}}
		}
		all = append(all, m)
	}
	return all
}

func TestLongMessages(t *testing.T) {
	text := strings.Repeat("The lamp at the corner of Main Street is out. ", 10) + "Thanks {1} €."
	russian := strings.Repeat("Фонарь на углу не горит. ", 10)
	for _, long := range []Long{UDH8, UDH16, SAR} {
		for name, words := range map[string]string{"GSM": text, "UCS-2": russian + "😀"} {
			t.Run(fmt.Sprint(name, long), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := openLine(t, newSMSC(t), nil)
					all := parted(t, words, long, 77)
					slices.Reverse(all)
					all = append(all[:2], append([]sm{all[0]}, all[2:]...)...) // one comes twice
					for i, m := range all {
						if s := w.deliver(m); s != statusOK {
							t.Fatalf("part %d was answered with %v", i, s)
						}
					}
					if got := w.in.words(); len(got) != 1 || got[0] != words {
						t.Errorf("%q", got)
					}
				})
			})
		}
	}
}

func TestLongMessageTroubles(t *testing.T) {
	text := strings.Repeat("0123456789", 40) // three parts
	first, second, third := text[:153], text[153:306], text[306:]
	for _, c := range []struct {
		name string
		do   func(t *testing.T, w *town, p []sm)
		want []string
	}{
		{"a part never comes", func(t *testing.T, w *town, p []sm) {
			w.deliver(p[0])
			w.deliver(p[2])
			time.Sleep(partsPatience + time.Minute)
		}, []string{first + " … " + third}},
		{"the last never comes", func(t *testing.T, w *town, p []sm) {
			w.deliver(p[0])
			w.deliver(p[1])
			time.Sleep(partsPatience + time.Minute)
		}, []string{first + second + " …"}},
		{"the store is away when the last comes", func(t *testing.T, w *town, p []sm) {
			w.deliver(p[0])
			w.deliver(p[1])
			w.in.fail(errAway)
			if s := w.deliver(p[2]); s != statusSystem {
				t.Errorf("answered with %v", s)
			}
			w.in.fail(nil)
			w.in.clear()
			if s := w.deliver(p[2]); s != statusOK {
				t.Errorf("answered with %v", s)
			}
		}, []string{text}},
		{"the store is away, and the last never comes again", func(t *testing.T, w *town, p []sm) {
			w.deliver(p[0])
			w.deliver(p[1])
			w.in.fail(errAway)
			w.deliver(p[2])
			w.in.fail(nil)
			w.in.clear()
			time.Sleep(time.Minute)
		}, []string{text}},
		{"the last comes again after it was whole", func(t *testing.T, w *town, p []sm) {
			for _, m := range p {
				w.deliver(m)
			}
			w.conn.Close()
			s := <-w.came
			s.deliver(p[2])
			time.Sleep(partsPatience + time.Minute)
		}, []string{text}},
		{"the reference is used again before it was whole", func(t *testing.T, w *town, p []sm) {
			w.deliver(p[0])
			for _, m := range parted(t, strings.Repeat("abcdefghij", 40), UDH8, 5) {
				w.deliver(m)
			}
			time.Sleep(time.Minute)
		}, []string{strings.Repeat("abcdefghij", 40), first + " …"}},
		{"the same text twice", func(t *testing.T, w *town, p []sm) {
			for range 2 {
				for _, m := range p {
					w.deliver(m)
				}
			}
		}, []string{text, text}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := openLine(t, newSMSC(t), nil)
				c.do(t, w, parted(t, text, UDH8, 5))
				synctest.Wait()
				if got := w.in.words(); !slices.Equal(got, c.want) {
					t.Errorf("got  %q\nwant %q", got, c.want)
				}
			})
		})
	}
}

// Parts outlive the process, and are sealed where they wait.
func TestLongMessageAfterRestart(t *testing.T) {
	text := strings.Repeat("Main Street ", 30)
	dir := t.TempDir()
	all := parted(t, text, UDH8, 9)
	for i, m := range all {
		synctest.Test(t, func(t *testing.T) {
			w := openLine(t, newSMSC(t), func(c *Config) { c.Dir = dir })
			if s := w.deliver(m); s != statusOK {
				t.Fatalf("part %d was answered with %v", i, s)
			}
			want := []string(nil)
			if i+1 == len(all) {
				want = []string{text}
			}
			if got := w.in.words(); !slices.Equal(got, want) {
				t.Errorf("after part %d: %q", i, got)
			}
			b, err := os.ReadFile(filepath.Join(dir, "mtn.journal"))
			if err != nil || strings.Contains(string(b), "Main") || strings.Contains(string(b), "712345678") {
				t.Errorf("%v: what was said can be read", err)
			}
		})
	}
}

// A line that was closed, since another server had it, is opened again: texts go and come, and a long message is put together from
// parts of both times.
func TestListensAgain(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := openLine(t, newSMSC(t), func(c *Config) { c.Dir, c.Menus = dir, &Menus{Ask: 2, End: 17} })
				all := parted(t, strings.Repeat("Main Street ", 30), UDH8, 9)
				if s := w.deliver(all[0]); s != statusOK {
					t.Fatal(s)
				}
				for range 3 {
					w.stop()
					if _, err := w.text("x"); what(err) != "throttled 0s" {
						t.Fatalf("on a closed line: %v", err)
					}
					ctx, cancel := context.WithCancel(context.Background())
					done := make(chan error, 1)
					go func() { done <- w.sms.Listen(ctx, w.in) }()
					w.session = <-w.came
					synctest.Wait() // the answer to the bind is read too
					w.stop = func() {
						cancel()
						if err := <-done; err != nil {
							t.Errorf("closing: %v", err)
						}
					}
					if _, err := w.text("x"); err != nil {
						t.Fatal(err)
					}
				}
				for _, m := range all[1:] {
					if s := w.deliver(m); s != statusOK {
						t.Fatal(s)
					}
				}
				if got := w.in.words(); len(got) != 1 || got[0] != strings.Repeat("Main Street ", 30) {
					t.Errorf("%q", got)
				}
				w.stop()
			})
		})
	}
}

// Who said STOP gets the last words at once; all others are answered through the outbox.
func TestLastWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openLine(t, newSMSC(t), nil)
		w.in.answer = func(channels.Event) channels.Reply {
			return channels.Reply{Pages: []render.Page{{Text: "You will hear no more."}}}
		}
		w.deliver(sm{from: resident, to: "15001", words: "STOP"})
		synctest.Wait()
		if sent := w.sent(); len(sent) != 1 || string(octetsIn(sent[0])) != "You will hear no more." || sent[0].DestAddr.Address() != "255712345678" {
			t.Errorf("%+v", sent)
		}
	})
}

// Messages of one resident are held in the order they came, those of others beside them.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openLine(t, newSMSC(t), nil)
		var want []string
		var answers []chan frame
		for n := range 50 {
			words := itoa(n)
			want = append(want, words)
			answers = append(answers, w.request(deliverSM, sm{from: resident, to: "1", words: words}.body()))
		}
		for _, a := range answers {
			if f := <-a; f.status() != statusOK {
				t.Fatal(f.status())
			}
		}
		if got := w.in.words(); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
}

// What came in is brought to its end, what was sent is waited for, and the phone company is told goodbye.
func TestGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSMSC(t)
		release := make(chan struct{})
		c.answer = func(s *session, m *pdu.SubmitSM) {
			go func() { <-release; s.yes(m, "m7") }()
		}
		w := openLine(t, c, nil)
		w.in.hold = make(chan struct{})
		answer := w.request(deliverSM, sm{from: resident, to: "1", words: "1"}.body())
		sent := make(chan string, 1)
		go func() { id, err := w.text("x"); sent <- id + what(err) }()
		synctest.Wait()
		closed := make(chan struct{})
		go func() { w.stop(); close(closed) }()
		time.Sleep(time.Second)
		if s := w.deliver(sm{from: resident, to: "1", words: "late"}); s != statusQueueFull {
			t.Errorf("what comes while closing was answered with %v", s)
		}
		if _, err := w.sms.Deliver(context.Background(), channels.Address{Kind: "tel", ID: resident}, render.Page{Text: "x"}, "k"); what(err) != "throttled 0s" {
			t.Errorf("%v", err)
		}
		close(w.in.hold)
		close(release)
		if f := <-answer; f.status() != statusOK {
			t.Errorf("answered with %v", f.status())
		}
		if got := <-sent; got != "m7taken" {
			t.Error(got)
		}
		<-closed
		if !w.unbound {
			t.Error("nobody said goodbye")
		}
	})
}
