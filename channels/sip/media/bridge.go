package media

import (
	"errors"
	"sync"
)

// Bridge joins two calls: each hears the other, until one of them is closed or Part is called. Play goes before what the
// other side says. Keys pressed still come to Key, and go to the other side as well.
func (s *Session) Bridge(other *Session) error {
	if s == other {
		return errors.New("media: a call isn't joined to itself")
	}
	there, back := &joint{}, &joint{}
	if err := s.join(other, there, back); err != nil {
		return err
	}
	if err := other.join(s, back, there); err != nil {
		s.leave(other)
		return err
	}
	return nil
}

func (s *Session) join(other *Session, into, from *joint) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed || !s.agreed:
		return errors.New("media: a call that isn't on can't be joined")
	case s.other != nil:
		return errors.New("media: the call is joined already")
	}
	s.other, s.into, s.joint = other, into, from
	s.order = order{}
	return nil
}

// Part ends a Bridge.
func (s *Session) Part() {
	s.mu.Lock()
	other := s.other
	s.mu.Unlock()
	if other != nil {
		s.leave(other)
		other.leave(s)
	}
}

func (s *Session) leave(other *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.other == other {
		s.other, s.into, s.joint = nil, nil, nil
	}
}

// joint holds what one call of a bridge says until the other one sends it. It waits for 60 ms before it begins, which is
// as uneven as packets may be; when clocks differ, what is too much is left out.
type joint struct {
	mu      sync.Mutex
	rate    int // of who takes; 0: they took nothing yet
	ring    [16000 / 4]int16
	first   int
	size    int
	flowing bool
	double  doubler
	halve   halver
	room    [4 * maxBody]int16
	keys    []byte
}

func (j *joint) say(pcm []int16, rate int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.rate == 0:
		return
	case rate < j.rate:
		pcm = j.double.double(j.room[:], pcm)
	case rate > j.rate:
		pcm = j.halve.halve(pcm)
	}
	for _, x := range pcm {
		j.ring[(j.first+j.size)%len(j.ring)] = x
		if j.size < len(j.ring) {
			j.size++
		} else {
			j.first = (j.first + 1) % len(j.ring)
		}
	}
	if most := j.rate / 5; j.size > most { // 200 ms behind: catch up
		drop := j.size - j.rate*6/100
		j.first, j.size = (j.first+drop)%len(j.ring), j.size-drop
	}
}

// take fills f, which is 20 ms, with as much as there is.
func (j *joint) take(f []int16) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	if rate := 50 * len(f); rate != j.rate {
		j.rate, j.size, j.flowing = rate, 0, false
	}
	if !j.flowing && j.size < 3*len(f) {
		return 0
	}
	n := min(len(f), j.size)
	for i := range n {
		f[i] = j.ring[(j.first+i)%len(j.ring)]
	}
	j.first, j.size = (j.first+n)%len(j.ring), j.size-n
	j.flowing = n == len(f)
	return n
}

func (j *joint) press(key byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.keys) < mostWaiting {
		j.keys = append(j.keys, key)
	}
}

func (j *joint) key() (byte, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.keys) == 0 {
		return 0, false
	}
	key := j.keys[0]
	j.keys = append(j.keys[:0], j.keys[1:]...)
	return key, true
}

// typing is a key that we press on the other side (RFC 4733): 100 ms, and its end three times.
type typing struct {
	on    bool
	event byte
	beats int
	stamp uint32
	rest  int // beats of silence until the next
}

const (
	keyBeats = 5
	keyEnds  = 3
)

// composeKey writes the next packet of a key that came over the bridge.
func (s *Session) composeKey(body []byte) (size int, header packet, ok bool) {
	t := &s.typing
	if t.rest > 0 {
		t.rest--
		return 0, packet{}, false
	}
	if !t.on {
		if s.joint == nil || !s.terms.keys.is {
			return 0, packet{}, false
		}
		key, ok := s.joint.key()
		if !ok {
			return 0, packet{}, false
		}
		*t = typing{on: true, stamp: s.sound.stamp}
		for i := range len(keyNames) {
			if keyNames[i] == key {
				t.event = byte(i)
			}
		}
	}
	t.beats++
	length := min(t.beats, keyBeats) * beatBytes
	body[0], body[1], body[2], body[3] = t.event, 10, byte(length>>8), byte(length)
	if t.beats >= keyBeats {
		body[1] |= 0x80
	}
	header = s.sound.header(s.terms.keys.sends, t.beats == 1, t.stamp)
	if t.beats == keyBeats+keyEnds-1 {
		t.on, t.rest = false, 3
	}
	return 4, header, true
}
