package call

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"
)

// caller is a line with somebody at it who does one thing after each page: presses keys, speaks, says nothing, rings off.
type caller struct {
	does    []string // "2", "12#", "…" for silence, "voice 5s", "voice 5s *", "rings off"; the last one is done again and again
	barges  bool     // keys are pressed into what is said second
	desk    []string // that the call was passed to
	atTone  string   // pressed in the first tone
	leans   int      // keys that are pressed into last words
	strays  string   // keys that are pressed into what is said second, one each time it is said
	types   []string // typed before anything is said
	pressed func()   // called before anything is done
	begins  []Part   // what was said first
	answers bool     // somebody answers there
	heard   []string

	queue    []Press
	speaking time.Duration
	ends     byte
	recorded time.Duration
	gone     atomic.Bool
	waiting  bool
	asked    bool // something was said that can be answered
}

const keyTime = 500 * time.Millisecond

// next is what the caller does now.
func (c *caller) next() {
	if len(c.does) == 0 || !c.asked {
		return
	}
	c.asked = false
	if c.pressed != nil {
		c.pressed()
	}
	do := c.does[0]
	if len(c.does) > 1 {
		c.does = c.does[1:]
	}
	switch {
	case do == "…":
		c.waiting = true
	case do == "rings off":
		c.gone.Store(true)
	case strings.HasPrefix(do, "types "):
		c.queue = append(c.queue, Press{Line: do[len("types "):], At: time.Now()})
	case strings.HasPrefix(do, "voice "):
		var ends string
		var d string
		fmt.Sscan(do[len("voice "):], &d, &ends)
		c.speaking, _ = time.ParseDuration(d)
		if ends != "" {
			c.ends = ends[0]
		}
	default:
		for i := range do {
			c.queue = append(c.queue, Press{Key: do[i], At: time.Now().Add(time.Duration(i) * keyTime)})
		}
	}
}

func (c *caller) Play(ctx context.Context, parts []Part) (bool, error) {
	for _, line := range c.types {
		c.queue = append(c.queue, Press{Line: line, At: time.Now()})
	}
	c.types = nil
	if c.begins == nil {
		c.begins = parts
	}
	for _, p := range parts {
		if c.gone.Load() {
			return false, ErrGone
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if len(c.queue) > 0 {
			return false, nil
		}
		switch {
		case p.Tone:
			c.heard = append(c.heard, "(tone)")
			for i := range c.atTone {
				c.queue = append(c.queue, Press{Key: c.atTone[i], At: time.Now()})
			}
			if c.atTone != "" {
				c.atTone = ""
				return false, nil
			}
			time.Sleep(250 * time.Millisecond)
			continue
		case p.Silence > 0:
			time.Sleep(p.Silence)
			continue
		case p.Media != "":
			c.heard = append(c.heard, "("+p.Media+")")
		default:
			c.heard = append(c.heard, p.Words)
			c.asked = c.asked || p.Key != PhraseMoment
			if strings.HasPrefix(p.Words, "For help") && c.strays != "" {
				c.queue = append(c.queue, Press{Key: c.strays[0], At: time.Now()})
				c.strays = c.strays[1:]
				return false, nil
			}
			if strings.HasPrefix(p.Words, "Your number") && c.leans > 0 {
				c.leans--
				c.queue = append(c.queue, Press{Key: '5', At: time.Now()})
				return false, nil
			}
		}
		if c.barges && strings.HasPrefix(p.Words, "For help") {
			c.next()
			continue
		}
		time.Sleep(time.Second)
	}
	return len(c.queue) == 0, nil
}

func (c *caller) Key(ctx context.Context, wait time.Duration) (Press, bool, error) {
	if len(c.queue) == 0 && wait > 0 && !c.gone.Load() && !c.waiting && c.speaking == 0 {
		c.next()
	}
	switch {
	case c.gone.Load():
		return Press{}, false, ErrGone
	case len(c.queue) > 0:
		p := c.queue[0]
		c.queue = c.queue[1:]
		if d := time.Until(p.At); d > 0 {
			time.Sleep(d)
		}
		return p, true, nil
	}
	c.waiting = false
	time.Sleep(wait)
	return Press{}, false, ctx.Err()
}

func (c *caller) Record(_ context.Context, most, silence time.Duration) ([]byte, byte, error) {
	d, key := min(c.speaking, most), c.ends
	c.speaking, c.ends = 0, 0
	time.Sleep(d)
	if key == 0 {
		time.Sleep(silence)
	}
	c.recorded = d
	if key == 'x' {
		c.gone.Store(true)
		return tone(d), 0, ErrGone
	}
	return tone(d), key, nil
}

func (c *caller) Pass(_ context.Context, desk string) (bool, error) {
	c.desk = append(c.desk, desk)
	return c.answers, nil
}

// tone is a recording of a voice that sings one note again and again; of no length it is a second of silence.
func tone(d time.Duration) []byte {
	if d == 0 {
		return sung(time.Second, 20)
	}
	return sung(d, 8000)
}

func sung(d time.Duration, level float64) []byte {
	const rate = 8000
	n := int(d.Seconds() * rate)
	le := binary.LittleEndian
	b := append([]byte("RIFF"), le.AppendUint32(nil, uint32(36+2*n))...)
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, 2*rate)
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(2*n))
	for i := range n {
		loud := level
		if i%2000 > 1400 { // as syllables come
			loud = min(level, 20)
		}
		b = le.AppendUint16(b, uint16(int16(loud*math.Sin(float64(i)/4))))
	}
	return b
}
