package media

import (
	"cmp"
	"net/netip"
	"time"
)

const goneAfter = time.Minute

// tick is what a call does every 20 ms. beats is more than 1 when the machine stood still: that time is left out in the
// clock of our packets, nothing of the sound.
func (s *Session) tick(beats int, late time.Duration) {
	s.mu.Lock()
	n := s.compose(beats, late)
	s.mu.Unlock()
	for _, d := range s.out[:n] {
		d.from.WriteToUDPAddrPort(d.b, d.to) // what a network can't take now is lost, as any packet may be
	}
}

// compose fills s.out. It runs in the wheel's goroutine alone.
func (s *Session) compose(beats int, late time.Duration) (n int) {
	if s.closed || !s.agreed {
		return 0
	}
	s.late = max(s.late, late+time.Duration(beats-1)*beat)
	s.beat += int64(beats)
	if s.held() {
		s.heard = s.beat
	} else {
		s.calm += int64(beats)
	}
	if s.alarm != 0 && s.calm >= s.alarm {
		s.alarm = 0
		s.wake()
	}
	if s.beat-s.heard >= int64(cmp.Or(s.c.Patience, goneAfter)/beat) && !s.isGone {
		s.isGone = true
		close(s.gone)
	}
	s.sound.stamp += uint32(beats) * beatBytes
	if d, ok := s.composeSound(); ok {
		s.out[n], n = d, n+1
	}
	if s.beat >= s.sound.control.due {
		s.sound.control.due = nextReport(s.beat)
		if d, ok := s.report(s.sound, s.paper[:0], false); ok {
			s.out[n], n = d, n+1
		}
	}
	if s.text == nil || s.terms.text == nil {
		return n
	}
	if d, ok := s.text.compose(s.beat); ok {
		s.out[n], n = d, n+1
	}
	if v := s.text.stream; s.beat >= v.control.due {
		v.control.due = nextReport(s.beat)
		if d, ok := s.report(v, s.text.paper[:0], false); ok {
			s.out[n], n = d, n+1
		}
	}
	return n
}

func (s *Session) composeSound() (datagram, bool) {
	v := s.sound
	to, ok := v.to()
	if !ok || s.held() {
		v.quiet = true
		return datagram{}, false
	}
	b := s.packet[:headerSize+beatBytes]
	marker := v.quiet
	v.quiet = false
	if size, header, ok := s.composeKey(b[headerSize:]); ok {
		header.writeHeader(b)
		b = b[:headerSize+size]
	} else {
		s.writer.write(b[headerSize:], s.nextFrame())
		v.header(s.terms.sound.sends, marker, v.stamp).writeHeader(b)
	}
	sealed, err := v.seal(b)
	if err != nil {
		return datagram{}, false
	}
	return datagram{v.ports.rtp, to, sealed}, true
}

// nextFrame is what is said in the next 20 ms: a prompt, the other call, or silence.
func (s *Session) nextFrame() []int16 {
	f := s.frame[:s.terms.codec.rate()/50]
	n := 0
	switch {
	case s.isPlaying:
		n = copy(f, s.playing)
		s.playing = s.playing[n:]
		s.played += n
		if len(s.playing) == 0 {
			s.isPlaying = false
			s.wake()
		}
	case s.joint != nil:
		n = s.joint.take(f)
	}
	clear(f[n:])
	return f
}

// report makes an RTCP packet of a stream, on paper.
func (s *Session) report(v *stream, paper []byte, leaving bool) (datagram, bool) {
	to, ok := v.reportsTo()
	if !ok {
		return datagram{}, false
	}
	b := v.writeReport(paper, s.name, s.c.Now(), leaving)
	if v.seals != nil {
		var err error
		if b, err = v.seals.sealRTCP(b, b); err != nil {
			return datagram{}, false
		}
	}
	from := v.ports.rtcp
	if v.path.mux {
		from = v.ports.rtp
	}
	return datagram{from, to, b}, true
}

// receive takes one datagram that came to the port for sound.
func (s *Session) receive(b []byte, from netip.AddrPort) {
	if isRTCP(b) {
		s.receiveReport(b, from)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !s.agreed {
		return
	}
	p, fresh, ok := s.sound.take(b, from, s.beat, s.terms.sound, s.terms.keys)
	if !ok {
		return
	}
	s.heard = s.beat
	if fresh {
		s.keyboard.forget()
		s.order = order{}
		if s.recording != nil {
			s.recording.placed = false
		}
	}
	if s.held() { // music, most likely
		return
	}
	if p.payload == s.terms.sound.takes {
		s.sound.arrive(p, s.c.Now())
		s.hear(p, false)
		return
	}
	s.hear(p, true)
	if s.keyboard.event(p, s.beat, s.c.Now()) {
		s.pressed(keyNames[p.body[0]], byEvent)
	}
}

func (s *Session) receiveReport(b []byte, from netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agreed && isRTCP(b) && s.sound.takeReport(b, from, s.c.Now()) {
		s.heard = s.beat
	}
}

// hear is told each packet of sound, in whatever order they come, and those without sound, which are counted with them.
func (s *Session) hear(p packet, void bool) {
	if s.terms.keys.is && s.recording == nil && s.into == nil || len(p.body) > maxBody {
		return // nobody listens
	}
	if s.order.far(p) {
		s.drain(s.recording, true)
	}
	s.order.put(p, void)
	s.drain(s.recording, false)
}

// drain gives what is in order to who listens.
func (s *Session) drain(r *recording, all bool) {
	for {
		stamp, body, ok := s.order.get(all)
		if !ok {
			return
		}
		pcm := s.reader.read(s.opened[:], body)
		if r != nil && !r.done {
			r.add(stamp, len(body), pcm, s.calm)
			if r.done {
				s.wake()
			}
		}
		if s.into != nil {
			s.into.say(pcm, s.terms.codec.rate())
		}
		if !s.terms.keys.is {
			narrow := pcm
			if s.terms.codec == wide {
				narrow = s.halver.halve(pcm)
			}
			if key := s.tones.hear(narrow); key != 0 {
				s.press(key, bySound)
			}
		}
	}
}
