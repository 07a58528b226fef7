package sms

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/peers"
	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/channels/twilio/twiliotest"
	"github.com/townline/townline/dialogs/render"
)

const (
	account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	token   = "12345678901234567890123456789012"
)

// noon is the time in all tests.
var noon = time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)

func atNoon() time.Time { return noon }

// inbox is an exchange of paper: the same message gets the same reply, another gets the next one.
type inbox struct {
	mu       sync.Mutex
	events   []channels.Event // each once
	reports  []reported
	replies  map[string]channels.Reply
	answer   func(channels.Event) channels.Reply // nil: "Reply <number>"
	broken   error
	turned   int           // how many messages were refused
	deadline time.Duration // what the last event had
}

type reported struct {
	channel, receipt string
	channels.Delivery
}

func (in *inbox) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if at, ok := ctx.Deadline(); ok {
		in.deadline = time.Until(at)
	}
	if in.broken != nil {
		in.turned++
		return channels.Reply{}, in.broken
	}
	if r, ok := in.replies[e.Channel+e.ID]; ok {
		return r, nil
	}
	in.events = append(in.events, e)
	r := say(fmt.Sprintf("Reply %d", len(in.events)))
	if in.answer != nil {
		r = in.answer(e)
	}
	if in.replies == nil {
		in.replies = make(map[string]channels.Reply)
	}
	in.replies[e.Channel+e.ID] = r
	return r, nil
}

func (in *inbox) Report(_ context.Context, channel, receipt string, d channels.Delivery) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.broken != nil {
		return in.broken
	}
	in.reports = append(in.reports, reported{channel, receipt, d})
	return nil
}

// breakdown has everything refused with err; nil mends it.
func (in *inbox) breakdown(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.broken = err
}

// refused is how many messages were, by a breakdown.
func (in *inbox) refused() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.turned
}

func (in *inbox) all() []channels.Event {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]channels.Event(nil), in.events...)
}

func (in *inbox) allReports() []reported {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]reported(nil), in.reports...)
}

type form = twilio.Form

func newFakeTwilio(t testing.TB) *twiliotest.Fake {
	return twiliotest.New(t, twiliotest.Account{SID: account, Token: token, Now: noon})
}

func parseForm(s string) form { return twilio.ParseForm([]byte(s)) }

func twilioJSON(b []byte) (form, error) { return twilio.ParseJSON(b) }

func say(texts ...string) channels.Reply {
	var r channels.Reply
	for _, text := range texts {
		r.Pages = append(r.Pages, render.Page{Text: text})
	}
	return r
}

// run runs a program to its end and returns what it printed.
func run(t testing.TB, stdin string, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errs
	c.Env = append(os.Environ(), env...)
	if err := c.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// background starts a program that runs until the test is over, and returns the file that it writes to.
func background(t testing.TB, dir, name string, args ...string) (log string) {
	t.Helper()
	log = filepath.Join(dir, fmt.Sprintf("%s-%d.out", filepath.Base(name), time.Now().UnixNano()))
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c := exec.Command(name, args...)
	c.Dir, c.Stdout, c.Stderr = dir, out, out
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		c.Wait()
		if t.Failed() {
			said, _ := os.ReadFile(log)
			t.Logf("%s:\n%s", name, said[max(0, len(said)-4000):])
		}
	})
	return log
}

// until waits for something to hold.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	end, look := time.After(12*time.Second), time.NewTicker(10*time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-end:
			t.Fatalf("not in 12 s: %s", what)
		}
	}
}

func answers(t testing.TB, address string) {
	t.Helper()
	until(t, "something answers at "+address, func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// freePort is one that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	_, port, _ := strings.Cut(peers.Closed(t), ":")
	return port
}
