package sip

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/peers"
	"github.com/townline/townline/channels/sip/media"
)

// softphone is baresip: a telephone of somebody else's make, on this machine.
type softphone struct {
	t   testing.TB
	dir string
	ctl net.Conn
}

// newSoftphone starts one. account is what follows its address in baresip's accounts file.
func newSoftphone(t testing.TB, account string) *softphone {
	t.Helper()
	program := peers.Program(t, "baresip-core", "baresip")
	dir := t.TempDir()
	modules := ""
	for _, at := range []string{"/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules"} {
		if _, err := os.Stat(at); err == nil {
			modules = at
		}
	}
	at, ctl := free(t), free(t)
	config := fmt.Sprintf("sip_listen 127.0.0.1:%d\nsip_verify_server no\naudio_source aufile,%s/quiet.wav\naudio_player aufile,%s/heard.wav\naudio_alert aufile,/dev/null\nsnd_path %s\n"+
		"audio_buffer 20-160\nrtp_timeout 0\nmodule_path %s\nmodule g711.so\nmodule sndfile.so\nmodule aufile.so\nmodule srtp.so\nmodule_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\n"+
		"module ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:%d\n", at, dir, dir, dir, modules, ctl)
	for name, text := range map[string]string{"config": config, "accounts": fmt.Sprintf("<sip:+12025550123@127.0.0.1:%d>;regint=0;audio_codecs=PCMU/8000/1%s\n", at, account), "contacts": "", "quiet.wav": string(wavOf(make([]int16, 30*8000)))} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := &diary{}
	c := exec.Command(program, "-f", dir)
	c.Dir, c.Stdout, c.Stderr = dir, out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Signal(os.Interrupt)
		late := time.AfterFunc(3*time.Second, func() { c.Process.Kill() })
		defer late.Stop()
		c.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	p := &softphone{t: t, dir: dir}
	eventually(t, func() (up bool) {
		var err error
		p.ctl, err = net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(ctl))
		return err == nil
	})
	t.Cleanup(func() { p.ctl.Close() })
	return p
}

// does has it do something.
func (p *softphone) does(command, params string) {
	p.t.Helper()
	b, err := json.Marshal(map[string]string{"command": command, "params": params, "token": "t"})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.ctl, "%d:%s,", len(b), b); err != nil {
		p.t.Fatal(err)
	}
}

// heard is what came out of its loudspeaker.
func (p *softphone) heard() []int16 {
	p.t.Helper()
	names, err := filepath.Glob(filepath.Join(p.dir, "dump-*-dec.wav"))
	if err != nil || len(names) != 1 {
		p.t.Fatal(names, err)
	}
	var sound media.Sound
	eventually(p.t, func() bool { // it says how long it is once it is closed, a moment after the call
		b, err := os.ReadFile(names[0])
		if err != nil {
			p.t.Fatal(err)
		}
		if sound, err = media.ReadWAV(b); err != nil {
			p.t.Fatal(err)
		}
		return len(sound.At8) > 0
	})
	return sound.At8
}

// wavOf is a WAV file of 8 kHz.
func wavOf(samples []int16) []byte {
	le := binary.LittleEndian
	b := append([]byte("RIFF"), 0, 0, 0, 0)
	le.PutUint32(b[4:], uint32(36+2*len(samples)))
	b = append(b, "WAVEfmt "...)
	for _, x := range []uint32{16, 1 | 1<<16, 8000, 16000, 2 | 16<<16} {
		b = le.AppendUint32(b, x)
	}
	b = le.AppendUint32(append(b, "data"...), uint32(2*len(samples)))
	for _, x := range samples {
		b = le.AppendUint16(b, uint16(x))
	}
	return b
}

// levels is a sound of all levels that G.711 has, so that what arrives can be compared sample by sample.
func levels(n int) media.Sound {
	var s media.Sound
	for i := range n {
		code := byte(i * 7 % 127)
		if i%2 == 1 {
			code |= 0x80
		}
		x := muLevel(code)
		s.At8, s.At16 = append(s.At8, x), append(s.At16, x, x)
	}
	return s
}

// A telephone of another make holds a whole consultation: plain, and by TLS with SRTP, where it hears what was meant, sample
// by sample.
func TestConsultationsByBaresip(t *testing.T) {
	t.Parallel()
	answers, kept := script(t)
	for _, c := range []struct{ name, listen, account, uri string }{
		{"plain", "udp", "", ""},
		{"encrypted", "tls", ";mediaenc=srtp-mand;transport=tls", ";transport=tls"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			peers.Program(t, "baresip-core", "baresip")
			prompt := levels(4000)
			o := open(t, func(cfg *Config) {
				cfg.Listen = []string{c.listen + ":127.0.0.1:0"}
				cfg.Trunks[0].Transport = c.listen
				if c.listen == "tls" {
					cfg.TLS, cfg.Trunks[0].SRTP = certificate(t), media.Required
				}
				cfg.Voice = func(context.Context, call.Part) (media.Sound, error) { return prompt, nil }
			}, usual)
			h := newHouse(t, o.SIP)
			turns := make(chan channels.Event, 100)
			o.move(overhears{h, turns})
			p := newSoftphone(t, c.account)
			p.does("dial", fmt.Sprintf("sip:town@%s%s", o.sockets[0].addr, c.uri))
			for _, answer := range slices.Concat(answers, []string{""}) {
				select {
				case <-turns:
				case <-time.After(10 * time.Second):
					t.Fatal("the town heard nothing")
				}
				wait := time.NewTimer(1500 * time.Millisecond) // the page has begun by then, and one prompt of it is over
				<-wait.C
				for _, key := range answer {
					p.does("sndcode", string(key))
					wait := time.NewTimer(400 * time.Millisecond)
					<-wait.C
					p.does("sndcode", "\x04") // let go
				}
			}
			eventually(t, func() bool { return o.Calls() == 0 && strings.Contains(o.log.String(), "call ended") })
			if got := h.records(t); !slices.Equal(got, kept) {
				t.Errorf("kept %q, want %q", got, kept)
			}
			if encrypted := strings.Contains(o.log.String(), "encrypted=true"); encrypted != (c.listen == "tls") {
				t.Errorf("encrypted is %v", encrypted)
			}
			var heard, want []byte
			for _, x := range p.heard() {
				heard = binary.LittleEndian.AppendUint16(heard, uint16(x))
			}
			for _, x := range prompt.At8 {
				want = binary.LittleEndian.AppendUint16(want, uint16(x))
			}
			if !bytes.Contains(heard, want) {
				t.Errorf("the prompt is not in what was heard, %d samples", len(heard)/2)
			}
		})
	}
}

// overhears is a town that tells each event that it has answered.
type overhears struct {
	channels.Inbox
	told chan channels.Event
}

func (o overhears) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	r, err := o.Inbox.Receive(ctx, e)
	o.told <- e
	return r, err
}
