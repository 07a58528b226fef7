package media

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels/g711"
)

// TestEncryptedSoundIsTheSame: by SRTP the phone hears the same bytes, we hear the same bytes, and what was recorded on the
// way can't be played to us again.
func TestEncryptedSoundIsTheSame(t *testing.T) {
	for _, suite := range suites() {
		t.Run(suite.name, func(t *testing.T) {
			p := newPhone(t)
			theirs := newKeyLine("1", suite)
			conf := config(t)
			conf.SRTP = Required
			s, answer := answered(t, conf, sdp(fmt.Sprintf("m=audio %d RTP/SAVP 0 101", p.at().Port()), events, "a=crypto:"+theirs.String()))
			_, text, _ := strings.Cut(answer, "a=crypto:")
			text, _, _ = strings.Cut(text, "\r")
			ours, ok := readKeyLine(text)
			if !ok || ours.key == theirs.key {
				t.Fatal(answer)
			}
			var err error
			if p.seals, err = newLock(theirs); err != nil {
				t.Fatal(err)
			}
			if p.opens, err = newLock(ours); err != nil {
				t.Fatal(err)
			}
			prompt := SoundOf(8000, speech(8000, 1000))
			want := make([]byte, 50*beatBytes)
			w := newWriter(pcmu)
			w.write(want, prompt.At8)

			s.sound.seq = 65500 // its numbers begin again within the prompt
			done := s.says(t, prompt)
			s.beats(50)
			<-done
			var got []byte
			for range 50 {
				got = append(got, p.next().body...)
			}
			if !bytes.Equal(got, want) {
				t.Error("the prompt arrives changed")
			}

			s.mu.Lock()
			d, _ := s.report(s.sound, s.paper[:0], true)
			s.mu.Unlock()
			if b, err := p.opens.openRTCP(nil, d.b); err != nil || !newStream(pair{}, nil).readReports(b, time.Now()) || bytes.Contains(d.b, []byte(s.name)) {
				t.Errorf("our report can't be opened: %v", err)
			}
			plain := newStream(pair{}, nil).writeReport(nil, "x", time.Now(), false)
			sealed, err := p.seals.sealRTCP(nil, plain)
			if err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			if s.sound.takeReport(bytes.Clone(plain), p.at(), time.Now()) || !s.sound.takeReport(bytes.Clone(sealed), p.at(), time.Now()) || s.sound.takeReport(sealed, p.at(), time.Now()) {
				t.Error("of three reports, plain, encrypted and the same again, it isn't the second one that is taken")
			}
			s.mu.Unlock()

			recorded := s.records(t, time.Minute, time.Minute)
			var sent [][]byte
			for i := range 50 {
				b := p.pack(0, want[i*beatBytes:(i+1)*beatBytes])
				if bytes.Contains(b, want[i*beatBytes:i*beatBytes+16]) {
					t.Fatal("it isn't encrypted")
				}
				sent = append(sent, bytes.Clone(b))
				s.receive(b, p.at())
				if i == 20 { // the call is put on hold and goes on: with the same keys, and the count of packets
					for _, line := range []string{"a=sendonly", "a=sendrecv"} {
						if _, err := s.Renew(sdp(fmt.Sprintf("m=audio %d RTP/SAVP 0 101", p.at().Port()), events, "a=crypto:"+theirs.String(), line)); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			s.beats(3)
			for range 3 {
				p.next() // can be opened
			}
			for _, b := range sent {
				s.receive(bytes.Clone(b), p.at())
			}
			changed := bytes.Clone(p.pack(0, want[:160]))
			changed[30] ^= 1
			s.receive(changed, p.at())
			p.seals = nil
			s.receive(p.pack(0, want[:160]), p.at()) // not encrypted
			s.receive(p.event(101, true, p.stamp, 5, false, 0), p.at())
			s.PressKey('1')
			r := <-recorded
			_, heard, err := readWAV(r.wav)
			if err != nil || len(heard) != 8000 || r.key != '1' {
				t.Fatalf("%d samples, key %q, %v", len(heard), r.key, err)
			}
			for i, x := range heard {
				if g711.ToMu(x) != want[i] && want[i] != 0x7f {
					t.Fatalf("sample %d came changed", i)
				}
			}
			if got := s.Close(); got.Refused != 53 || got.Received != 50 || !got.Encrypted {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestNewKeysAreTaken: a re-INVITE may bring another key.
func TestNewKeysAreTaken(t *testing.T) {
	p := newPhone(t)
	conf := config(t)
	conf.SRTP = Required
	offer := func(k keyLine) []byte {
		return sdp(fmt.Sprintf("m=audio %d RTP/SAVP 0 101", p.at().Port()), events, "a=crypto:"+k.String())
	}
	first, second := newKeyLine("1", suites()[0]), newKeyLine("1", suites()[0])
	s, before := answered(t, conf, offer(first))
	p.seals, _ = newLock(first)
	s.receive(p.pack(0, make([]byte, 160)), p.at())
	after, err := s.Renew(offer(second))
	if err != nil || string(after) != before {
		t.Errorf("our key is another now: %v", err)
	}
	s.receive(p.pack(0, make([]byte, 160)), p.at())
	if got := s.account(); got.Refused != 1 {
		t.Errorf("the old key opens still: %+v", got)
	}
	p.seals, _ = newLock(second)
	s.receive(p.pack(0, make([]byte, 160)), p.at())
	if got := s.Close(); got.Received != 2 || got.Refused != 1 {
		t.Errorf("%+v", got)
	}
}
