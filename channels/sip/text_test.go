package sip

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/sip/media"
)

// A telephone with text beside the voice shows what is said, and what is typed there is an answer.
func TestRealTimeText(t *testing.T) {
	t.Parallel()
	o := open(t, func(c *Config) { c.Text = true })
	ports, err := media.NewPorts(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	telephone, offer, err := media.Offer(media.Config{Bind: netip.MustParseAddr("127.0.0.1"), Ports: ports, Text: true})
	if err != nil {
		t.Fatal(err)
	}
	defer telephone.Close()
	d := o.wire().dial()
	d.send("INVITE", string(offer))
	res := d.status(200)
	if err := telephone.Accept(res.Body()); err != nil {
		t.Fatal(err)
	}
	telephone.Start()
	d.took(res)
	d.send("ACK", "")
	if e := o.town.next(t); e.Kind != channels.Dialed {
		t.Errorf("%+v", e)
	}
	shown, write := telephone.Text()
	read(t, shown, "Which one?\n")
	if err := write("The brok\bken onn\be\n"); err != nil {
		t.Fatal(err)
	}
	if e := o.town.next(t); e.Words != "The broken one" {
		t.Errorf("%+v", e)
	}
	read(t, shown, "Which one?\n")
}

func read(t *testing.T, shown <-chan string, want string) {
	t.Helper()
	got := ""
	for late := time.After(5 * time.Second); !strings.Contains(got, want); {
		select {
		case s := <-shown:
			got += s
		case <-late:
			t.Fatalf("shown is %q", got)
		}
	}
}

// What is typed is a line at its end, or when nothing more comes; what is too much is let go.
func TestTyped(t *testing.T) {
	p := &phone{}
	typed := make(chan string)
	done := make(chan bool)
	go func() { p.read(typed); close(done) }()
	stopped := false
	p.mu.Lock()
	p.stop = func() { stopped = true }
	p.mu.Unlock()
	for _, s := range []string{"ye", "s\n", "\n", "  \n", "\b\b", "é\ba\n", strings.Repeat("x", 2*mostTyped), "\n"} {
		typed <- s
	}
	for range 2 * mostLines {
		typed <- "more\n"
	}
	close(typed)
	<-done
	if !stopped || len(p.lines) != mostLines || p.lines[0] != "yes" || p.lines[1] != "a" || len(p.lines[2]) != mostTyped {
		t.Errorf("%v %q", stopped, p.lines)
	}
	if line, ok := p.line(); !ok || line != "yes" {
		t.Error(line)
	}
	p.write(call.Part{Lang: "es", Words: "Hola"})
	if p.lang != "es" {
		t.Error(p.lang)
	}
}
