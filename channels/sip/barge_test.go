package sip

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/peers"
	"github.com/townline/townline/channels/sip/media"
)

// A key silences what is said with its first packet, while it is still held, and what follows begins before it is let go.
// What was said by then is what was meant, byte for byte.
func TestAHeldKey(t *testing.T) {
	playsCaptures(t)
	peers.Program(t, "sip-tester", "sipp")
	// Every level of G.711 but both zeros, which are silence: what an encoder makes of them isn't a matter of taste.
	var want []byte
	var prompt media.Sound
	for i := range 9 * 8000 {
		code := byte(i * 7 % 127)
		if i%2 == 1 {
			code |= 0x80
		}
		x := muLevel(code)
		want = append(want, code)
		prompt.At8, prompt.At16 = append(prompt.At8, x), append(prompt.At16, x, x)
	}
	o := open(t, func(c *Config) {
		c.Ports = ownPorts(t)
		c.Voice = func(context.Context, call.Part) (media.Sound, error) { return prompt, nil }
	}, usual)
	var mu sync.Mutex
	var all []packet
	sniffer := sniff(t, func(p packet) {
		mu.Lock()
		defer mu.Unlock()
		if p.from >= firstPort && p.from <= lastPort || p.to >= firstPort && p.to <= lastPort {
			all = append(all, p)
		}
	})
	r := newRecorder(t)
	with := behaviour{Formats: "0 101", Lines: []string{"a=rtpmap:101 telephone-event/8000"}, Keys: []pressed{{Capture: r.event(101, '2', 2000, 0), Pause: 1000}}, Goes: 3000}
	if err := sipp(t, scenario(t, "caller.xml", with), o.addr.String()); err != nil {
		t.Fatal(err)
	}
	sniffer.close()
	for _, want := range []channels.EventKind{channels.Dialed, channels.Message, channels.HungUp} {
		if e := o.town.next(t); e.Kind != want {
			t.Errorf("%+v", e)
		}
	}
	quiet := bytes.Repeat([]byte{0xff}, 160)
	var said []byte
	pressed, after, begunAgain, released := false, 0, false, false
	for i := range all {
		format, _, _, _, ok := all[i].rtp()
		if !ok {
			continue
		}
		switch sound := all[i].payload[12:]; {
		case format == 101:
			pressed = true
			released = released || sound[1]&0x80 != 0
		case format == 0 && all[i].from <= lastPort && all[i].from >= firstPort:
			loud := !bytes.Equal(sound, quiet)
			switch {
			case !pressed && loud:
				said = append(said, sound...)
			case loud && !begunAgain && all[i].at-pressedAt(all) < 300*time.Millisecond:
				after++
				said = append(said, sound...)
			case loud && !released:
				begunAgain = true
			}
		}
	}
	if after > 1 {
		t.Errorf("%d packets were said after the key", after)
	}
	if !begunAgain {
		t.Error("nothing was said before the key was let go")
	}
	if at := bytes.Index(want, said); len(said) < 160*30 || at != 0 {
		same := 0
		for same < min(len(said), len(want)) && said[same] == want[same] {
			same++
		}
		t.Errorf("%d bytes were heard, %d of them as they were meant", len(said), same)
	}
}

// pressedAt is when the first packet of a key went by.
func pressedAt(all []packet) time.Duration {
	for i := range all {
		if format, _, _, _, ok := all[i].rtp(); ok && format == 101 {
			return all[i].at
		}
	}
	return 0
}

// muLevel is what a byte of PCMU stands for (G.711, table 2a).
func muLevel(code byte) int16 {
	c := ^code
	v := (int(c&15)<<3+132)<<(c>>4&7) - 132
	if c&0x80 != 0 {
		v = -v
	}
	return int16(v)
}
