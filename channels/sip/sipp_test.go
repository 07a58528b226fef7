package sip

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/peers"
	"github.com/townline/townline/dialogs/render"
)

// playsCaptures says whether sipp can play packets here: it writes them to the wire itself, which only root may.
func playsCaptures(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may send the packets that sipp plays")
	}
}

// pressed is one key of a scenario: by INFO, or by what is in a capture.
type pressed struct {
	Info    string
	Capture string
	CSeq    int
	Pause   int // milliseconds before it
}

// behaviour fills in testdata/caller.xml.
type behaviour struct {
	Formats string
	Lines   []string
	Keys    []pressed
	Goes    int // milliseconds after which they ring off; 0: the town does
}

// scenario writes testdata/NAME, filled in.
func scenario(t testing.TB, name string, with any) string {
	t.Helper()
	made, err := template.ParseFiles("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := made.Execute(&b, with); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// free is a UDP port that nobody uses, even, with the next three free as well: sipp takes four for sound and pictures. It is none
// of those that the system gives away, so that no other test is given one of them in the next moment.
func free(t testing.TB) int {
	t.Helper()
	for range 100 {
		first := lastPort + 1 + 4*rand.IntN(2000) // what is ours is told from what is sipp's by the port
		if all := held(first, 4); len(all) == 4 {
			return first
		}
	}
	t.Fatal("no free port")
	return 0
}

// held are those of n ports that are free; nobody has them any more when it returns.
func held(first, n int) (all []*net.UDPConn) {
	for port := first; port < first+n; port++ {
		if c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}); err == nil {
			all = append(all, c)
			defer c.Close()
		}
	}
	return all
}

// sipp runs a scenario to its end and says what it came to.
func sipp(t testing.TB, scenario string, args ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	defer cancel()
	errors := filepath.Join(t.TempDir(), "errors")
	c := exec.CommandContext(ctx, peers.Program(t, "sip-tester", "sipp"), append([]string{
		"-sf", absolute(t, scenario), "-i", "127.0.0.1", "-mi", "127.0.0.1", "-mp", strconv.Itoa(free(t)), "-s", "+12025550100",
		"-m", "1", "-nostdin", "-trace_err", "-error_file", errors, "-timeout", "45s", "-timeout_error",
	}, args...)...)
	c.Dir = t.TempDir()
	out, err := c.CombinedOutput()
	if err != nil {
		told, _ := os.ReadFile(errors)
		t.Logf("sipp: %v\n%s\n%s", err, told, out[max(0, len(out)-2000):])
	}
	return err
}

// Whole consultations by real packets, however a telephone tells its keys: the town keeps the same each time.
func TestConsultationsBySipp(t *testing.T) {
	t.Parallel()
	answers, kept := script(t)
	for _, c := range []struct {
		name    string
		formats string
		lines   []string
		key     func(*recorder, byte, int) pressed
	}{
		{"events at 101", "0 8 101", []string{"a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15"}, func(r *recorder, key byte, _ int) pressed { return pressed{Capture: r.event(101, key, 120, 160)} }},
		{"events at 96 that begin with nothing, A-law", "8 0 96", []string{"a=rtpmap:96 telephone-event/8000"}, func(r *recorder, key byte, _ int) pressed { return pressed{Capture: r.event(96, key, 60, 0)} }},
		{"INFO", "0", nil, func(_ *recorder, key byte, n int) pressed { return pressed{Info: string(key), CSeq: n + 2} }},
		{"tones in the sound", "0", nil, func(r *recorder, key byte, _ int) pressed { return pressed{Capture: r.tone(key, 100)} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, with := newRecorder(t), behaviour{Formats: c.formats, Lines: c.lines}
			for _, answer := range answers {
				pause := 1400 // the page has begun by then
				for _, key := range []byte(answer) {
					p := c.key(r, key, len(with.Keys))
					p.Pause, pause = pause, 350
					with.Keys = append(with.Keys, p)
				}
			}
			if with.Keys[0].Capture != "" {
				playsCaptures(t)
			}
			peers.Program(t, "sip-tester", "sipp")
			o := open(t, nil, usual)
			h := newHouse(t, o.SIP)
			o.move(h)
			if err := sipp(t, scenario(t, "caller.xml", with), o.addr.String()); err != nil {
				t.Fatal(err)
			}
			if got := h.records(t); !slices.Equal(got, kept) {
				t.Errorf("kept %q, want %q", got, kept)
			}
		})
	}
}

// usual has a line keep the times of the standard.
func usual(s *SIP) { s.t1 = 500 * time.Millisecond }

// move gives the line to another town.
func (o *opened) move(in channels.Inbox) {
	o.mu.Lock()
	o.inbox = in
	o.mu.Unlock()
}

// served starts a scenario that waits to be sent to, and returns where it waits and what becomes of it.
func served(t testing.TB, name string) (at string, ended <-chan error) {
	t.Helper()
	number := free(t)
	port := strconv.Itoa(number)
	path := scenario(t, name, nil)
	program := peers.Program(t, "sip-tester", "sipp")
	errors := filepath.Join(t.TempDir(), "errors")
	c := exec.Command(program, "-sf", path, "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", port, "-mp", strconv.Itoa(free(t)), "-m", "1",
		"-nostdin", "-trace_err", "-error_file", errors, "-timeout", "30s", "-timeout_error")
	c.Dir = t.TempDir()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		err := c.Wait()
		if err != nil {
			told, _ := os.ReadFile(errors)
			t.Logf("sipp: %v\n%s", err, told)
		}
		done <- err
	}()
	at = "127.0.0.1:" + port
	bound := fmt.Sprintf(":%04X ", number)
	eventually(t, func() bool {
		all, err := os.ReadFile("/proc/net/udp")
		return err == nil && strings.Contains(string(all), bound)
	})
	return at, done
}

// A registrar that looks at the password takes the right one, and no other.
func TestRegisterBySipp(t *testing.T) {
	for _, password := range []string{"s3cret", "wrong"} {
		at, ended := served(t, "registrar.xml")
		o := open(t, func(c *Config) {
			c.Trunks = []Trunk{{Name: "trunk", Registrar: at, Username: "centre", Password: password}}
		}, usual)
		if password == "s3cret" {
			eventually(t, func() bool { return o.Registered("trunk") })
			o.close()
		} else {
			eventually(t, func() bool { return strings.Contains(o.log.String(), "not taken: 403") })
			if o.Registered("trunk") {
				t.Error("registered with a wrong password")
			}
		}
		if err := <-ended; err != nil {
			t.Error(password, err)
		}
	}
}

// A call goes out with the right password, and with no other.
func TestDeliverBySipp(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"s3cret", "wrong"} {
		at, ended := served(t, "callee.xml")
		o := open(t, func(c *Config) {
			c.Trunks = []Trunk{{Name: "trunk", Host: at, From: "+12025550100", Username: "centre", Password: password}}
		}, usual)
		_, err := o.Deliver(t.Context(), ann, render.Page{Lang: "en", Over: true, Spoken: []render.Spoken{{Words: "Your light is mended."}}}, "key")
		if (err == nil) != (password == "s3cret") {
			t.Error(password, err)
		}
		if err := <-ended; err != nil {
			t.Error(password, err)
		}
	}
}

// sipp shows a password to us: with the right one there is a call, with a wrong one it is asked for again.
func TestAPasswordBySipp(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"s3cret", "wrong"} {
		o := open(t, func(c *Config) {
			c.Trunks = []Trunk{{Name: "roams", Theirs: Login{Username: "exchange", Password: "s3cret"}}}
		}, usual)
		if err := sipp(t, "testdata/password.xml", "-au", "exchange", "-ap", password, o.addr.String()); err != nil {
			t.Error(password, err)
		}
		eventually(t, func() bool { return o.Calls() == 0 })
		if called := len(o.town.signal) > 0; called != (password == "s3cret") {
			t.Errorf("%s: called is %v", password, called)
		}
	}
}

func TestTransferBySipp(t *testing.T) {
	t.Parallel()
	o := open(t, func(c *Config) { c.Desks = map[string]string{"": "+12025550150"} }, usual)
	o.town.answers(asksForAPerson(""))
	if err := sipp(t, "testdata/transfer.xml", o.addr.String()); err != nil {
		t.Error(err)
	}
	o.town.next(t)
	o.town.none(t)
}

func TestNoACKBySipp(t *testing.T) {
	t.Parallel()
	o := open(t, nil) // faster than the standard
	if err := sipp(t, "testdata/noack.xml", o.addr.String()); err != nil {
		t.Error(err)
	}
	eventually(t, func() bool { return o.Calls() == 0 })
}

func absolute(t testing.TB, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
