package sms

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/peers"
	"github.com/townline/townline/dialogs/render"
)

// phones is a phone company that speaks SMPP: testdata/smsc.js.
type phones struct {
	port string
	in   io.Writer
	said chan fromPhones
}

// fromPhones is one thing that it says.
type fromPhones struct {
	Port  int
	Bound string
	Taken *int // the status with which a delivery was answered

	ID, From, To, Words, UDH string // a text for a phone
	Coding, Receipt          int
}

// toTown is a text that a phone sends, or a receipt for one that it got.
type toTown struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Words   string `json:"words"`
	UDH     string `json:"udh,omitempty"`
	Coding  int    `json:"coding"`
	Receipt bool   `json:"receipt,omitempty"`
}

func startPhones(t *testing.T) *phones {
	t.Helper()
	c := exec.Command("node", "testdata/smsc.js", peers.NPM(t, "smpp"))
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p := &phones{in: in, said: make(chan fromPhones, 100)}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var one fromPhones
			if json.Unmarshal(lines.Bytes(), &one) == nil {
				p.said <- one
			}
		}
		close(p.said)
	}()
	p.port = strconv.Itoa(p.hear(t, "its port", func(f fromPhones) bool { return f.Port > 0 }).Port)
	return p
}

// hear waits until it says something; what it says else meanwhile is let go.
func (p *phones) hear(t *testing.T, what string, is func(fromPhones) bool) fromPhones {
	t.Helper()
	end := time.After(12 * time.Second)
	for {
		select {
		case f, ok := <-p.said:
			if !ok {
				t.Fatalf("the phone company has ended before it said %s", what)
			}
			if is(f) {
				return f
			}
		case <-end:
			t.Fatalf("the phone company does not say %s", what)
		}
	}
}

func (p *phones) send(t *testing.T, w toTown) {
	t.Helper()
	b, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		t.Fatal(err)
	}
}

// text waits for the next one that comes to a phone, and joins its parts.
func (p *phones) text(t *testing.T) (whole text, id string, coding int) {
	t.Helper()
	for {
		f := p.hear(t, "that a text came", func(f fromPhones) bool { return f.ID != "" })
		whole.from, whole.to, id, coding = f.From, f.To, f.ID, f.Coding
		whole.words += f.Words
		whole.parts++
		if f.UDH == "" || f.UDH[6:8] == f.UDH[8:10] { // the last of so many
			return whole, id, coding
		}
	}
}

// A town at a real Kannel that is bound to an SMSC: what a phone sends in each alphabet, whole or in parts, is what the town
// hears, and a receipt of the network's comes to the town.
func TestKannelAtAnSMSC(t *testing.T) {
	const number, short = "+255712345678", "Karibu é €\n1 Ndio"
	arabic := strings.TrimSpace(strings.Repeat("أخبر البلدية برأيك. ", 8))
	letters := []rune(arabic)
	in := &inbox{answer: func(e channels.Event) channels.Reply {
		if e.Words == arabic {
			return say(arabic)
		}
		return say(short)
	}}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p := startPhones(t)
	o := startKannel(t, strings.TrimPrefix(server.URL, "http://"), p.port, "smsc = smpp\nhost = 127.0.0.1\nsmsc-username = town\nsmsc-password = secret\nsystem-type = \"\"\ntransceiver-mode = true\n")
	kannel := newKannel(t, func(c *KannelConfig) {
		c.Now, c.From, c.SendURL, c.PublicURL = time.Now, "15001", "http://"+o.send+"/cgi-bin/sendsms", server.URL
		c.Username, c.Password = "townline", "password"
	})
	kannel.Mount(mux, in)
	p.hear(t, "that Kannel is bound", func(f fromPhones) bool { return f.Bound == "town" })

	for _, c := range []struct {
		name   string
		coding int
		parts  []string
		reply  text
		want   int // the reply's alphabet
	}{
		{"GSM", 0, []string{"Ñandù [é] €"}, text{"15001", number[1:], short, 1}, 0},
		{"UCS-2", 8, []string{"Ж 😀 é"}, text{"15001", number[1:], short, 1}, 0},
		{"Latin 1", 3, []string{"café"}, text{"15001", number[1:], short, 1}, 0},
		{"GSM in parts", 0, []string{"one é ", "two ", "three"}, text{"15001", number[1:], short, 1}, 0},
		{"UCS-2 in parts", 8, []string{string(letters[:60]), string(letters[60:120]), string(letters[120:])}, text{"15001", number[1:], arabic, 3}, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, words := range c.parts {
				w := toTown{From: number, To: "15001", Words: words, Coding: c.coding}
				if len(c.parts) > 1 {
					w.UDH = "05000307" + strconv.FormatInt(int64(0x100+len(c.parts)), 16)[1:] + strconv.FormatInt(int64(0x101+i), 16)[1:]
				}
				p.send(t, w)
			}
			got, _, coding := p.text(t)
			if got != c.reply || coding != c.want {
				t.Errorf("the phone got %+v in alphabet %d, want %+v in %d", got, coding, c.reply, c.want)
			}
			all := in.all()
			if e := all[len(all)-1]; e.Words != strings.Join(c.parts, "") || e.From.ID != number || e.To != "15001" {
				t.Errorf("the town heard %+v", e)
			}
		})
	}
	for _, c := range []struct {
		stat string
		want channels.DeliveryState
	}{{"DELIVRD", channels.Arrived}, {"UNDELIV", channels.Failed}} {
		t.Run(c.stat, func(t *testing.T) {
			key := "k-" + c.stat
			if _, err := kannel.Deliver(t.Context(), channels.Address{Kind: "tel", ID: number}, render.Page{Text: "Your light is mended."}, key); err != nil {
				t.Fatal(err)
			}
			_, id, _ := p.text(t)
			p.send(t, toTown{From: number, To: "15001", Receipt: true, Words: "id:" + id + " sub:001 dlvrd:001 submit date:2611230900 done date:2611230901 stat:" + c.stat + " err:000 text:Your light"})
			until(t, "the town is told "+c.stat, func() bool {
				return slices.ContainsFunc(in.allReports(), func(r reported) bool {
					return r.channel == KannelName && r.receipt == key && r.State == c.want
				})
			})
		})
	}
	if all := in.all(); len(all) != 5 {
		t.Errorf("the town heard %d texts", len(all))
	}
}
