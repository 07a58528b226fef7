package media

import (
	"encoding/binary"
	"time"
)

// way is how a key press came.
type way uint8

const (
	byEvent way = iota // RFC 4733
	bySound            // its two tones
	byInfo             // SIP INFO
)

const keyNames = "0123456789*#ABCD" // by their event

// keyboard makes one key of each press, however often and in whatever ways it is told.
type keyboard struct {
	waiting []pressed
	recent  [8]press
	next    int

	last lastEvent
}

type lastEvent struct {
	is, ended bool
	event     byte
	stamp     uint32
	length    uint16
	beat      int64
	press     int // in recent
}

// goesOn says whether an event of the same key, ahead of this one by its clock, is still the same press.
func (l *lastEvent) goesOn(ahead uint32, length uint16, ended bool, beat int64) bool {
	soon := beat-l.beat <= sameEvent
	if l.ended {
		return ended && soon && length >= l.length
	}
	return ahead == uint32(l.length) || soon && length > l.length
}

// pressed is a key that waits to be taken.
type pressed struct {
	key byte
	at  time.Time
}

type press struct {
	key  byte
	by   way
	beat int64 // when it was last told
	met  bool  // the other way has told it too

	stamp uint32 // of its first event, if it was told by one since the stream began
	is    bool
}

const (
	mostWaiting = 64
	samePress   = 50 // beats: within a second, another way tells of the same press
	sameEvent   = 5  // beats
)

// event reads a telephone-event. A key counts at its first packet, whichever of them that is: nobody waits for the end.
func (k *keyboard) event(p packet, beat int64, at time.Time) (counts bool) {
	if len(p.body) < 4 || int(p.body[0]) >= len(keyNames) {
		return false
	}
	event, ended, length := p.body[0], p.body[1]&0x80 != 0, binary.BigEndian.Uint16(p.body[2:])
	l := &k.last
	if l.is {
		ahead := int32(p.stamp - l.stamp)
		switch {
		case ahead == 0 && event == l.event: // again, or its end, which is sent three times
			l.ended = l.ended || ended
			l.length = max(l.length, length)
			l.beat = beat
			k.recent[l.press].beat = beat
			return false
		case ahead < 0 && ahead > -8000 && beat-l.beat < samePress: // one of an older press that was late
			return false
		case k.told(keyNames[event], p.stamp): // however late: two presses never have one time
			return false
		case event == l.event && !p.marker && l.goesOn(uint32(ahead), length, ended, beat):
			// A press longer than one event can say goes on in the next one; and there are devices whose clock goes on
			// within one press.
			l.stamp, l.length, l.ended, l.beat = p.stamp, length, ended, beat
			k.recent[l.press].beat = beat
			return false
		}
	}
	l.is, l.event, l.stamp, l.length, l.ended, l.beat = true, event, p.stamp, length, ended, beat
	counts, l.press = k.press(keyNames[event], byEvent, beat, at)
	k.recent[l.press].stamp, k.recent[l.press].is = p.stamp, true
	return counts
}

// told says whether an event is of a press that was told before.
func (k *keyboard) told(key byte, stamp uint32) bool {
	for i := range k.recent {
		if r := &k.recent[i]; r.is && r.key == key && r.stamp == stamp {
			return true
		}
	}
	return false
}

// press says whether this is a press that wasn't told before, and keeps it for who waits, while there is room: nobody waits in a
// call that is joined with another, where it only goes there. place is where it is remembered.
func (k *keyboard) press(key byte, by way, beat int64, at time.Time) (counts bool, place int) {
	for i := range k.recent {
		r := &k.recent[(k.next+i)%len(k.recent)] // the oldest first
		if r.key == key && r.by != by && !r.met && beat-r.beat <= samePress {
			r.met = true
			return false, (k.next + i) % len(k.recent)
		}
	}
	place = k.next
	k.recent[place] = press{key: key, by: by, beat: beat}
	k.next = (k.next + 1) % len(k.recent)
	if len(k.waiting) < mostWaiting {
		k.waiting = append(k.waiting, pressed{key, at})
	}
	return true, place
}

// forget begins anew with events: another stream counts from elsewhere.
func (k *keyboard) forget() {
	k.last.is = false
	for i := range k.recent {
		k.recent[i].is = false
	}
}

func (k *keyboard) take() pressed {
	first := k.waiting[0]
	k.waiting = append(k.waiting[:0], k.waiting[1:]...)
	return first
}
