package audio

import (
	"container/list"
	"time"
)

const (
	usualKeep = 30 * time.Minute

	// mostWords bounds what offered words take in memory, in bytes: the pages of some ten thousand visitors.
	mostWords = 16 << 20
	// mostSounds bounds what clips take in memory, in bytes: some two hours of speech.
	mostSounds = 32 << 20
	// offerSize is what an offer takes beside its words.
	offerSize = 256
)

// offer is words on show. Which visitors have them on show decides when they are forgotten.
type offer struct {
	key      string
	line     Line
	visitors map[string]bool
	used     time.Time
}

// soundKey names one clip in memory.
type soundKey struct {
	key    string
	format Format
}

type kept struct {
	soundKey
	clip    *Clip
	private bool // it goes when its offer goes
}

// memory is what is on show and what was made of it: never on disk, bounded, the longest unused going first. Its caller
// holds the shelf's lock.
type memory struct {
	offers  map[string]*list.Element // of *offer, by key
	order   *list.List               // the longest unused first
	words   int                      // bytes
	visits  map[string]map[string]bool
	sounds  map[soundKey]*list.Element // of *kept
	played  *list.List
	sounded int // bytes
}

func newMemory() *memory {
	return &memory{
		offers: map[string]*list.Element{}, order: list.New(), visits: map[string]map[string]bool{},
		sounds: map[soundKey]*list.Element{}, played: list.New(),
	}
}

func (m *memory) offer(visitor, key string, l Line, now time.Time) {
	e, ok := m.offers[key]
	if !ok {
		e = m.order.PushBack(&offer{key: key, line: l, visitors: map[string]bool{}})
		m.offers[key] = e
		m.words += len(l.Words) + offerSize
	}
	o := e.Value.(*offer)
	o.used = now
	m.order.MoveToBack(e)
	if !o.visitors[visitor] {
		o.visitors[visitor] = true
		if m.visits[visitor] == nil {
			m.visits[visitor] = map[string]bool{}
		}
		m.visits[visitor][key] = true
	}
	for m.words > mostWords && m.order.Len() > 1 {
		m.drop(m.order.Front())
	}
}

// line returns the words of a key that is on show.
func (m *memory) line(key string, now time.Time) (Line, bool) {
	e, ok := m.offers[key]
	if !ok {
		return Line{}, false
	}
	o := e.Value.(*offer)
	o.used = now
	m.order.MoveToBack(e)
	return o.line, true
}

func (m *memory) forget(visitor string) {
	for key := range m.visits[visitor] {
		e := m.offers[key]
		o := e.Value.(*offer)
		delete(o.visitors, visitor)
		if len(o.visitors) == 0 {
			m.drop(e)
		}
	}
	delete(m.visits, visitor)
}

// expire drops what nobody used since a moment; it returns when the next one will be due, zero for never.
func (m *memory) expire(since time.Time) time.Time {
	for e := m.order.Front(); e != nil; e = m.order.Front() {
		if used := e.Value.(*offer).used; used.After(since) {
			return used
		}
		m.drop(e)
	}
	return time.Time{}
}

// drop forgets an offer and its sound.
func (m *memory) drop(e *list.Element) {
	o := m.order.Remove(e).(*offer)
	delete(m.offers, o.key)
	m.words -= len(o.line.Words) + offerSize
	for v := range o.visitors {
		if delete(m.visits[v], o.key); len(m.visits[v]) == 0 {
			delete(m.visits, v)
		}
	}
	for _, f := range Formats() {
		if s, ok := m.sounds[soundKey{o.key, f}]; ok && s.Value.(*kept).private {
			m.mute(s)
		}
	}
}

func (m *memory) sound(k soundKey) (*Clip, bool) {
	e, ok := m.sounds[k]
	if !ok {
		return nil, false
	}
	m.played.MoveToBack(e)
	return e.Value.(*kept).clip, true
}

func (m *memory) keep(k soundKey, c *Clip, private bool) {
	if e, ok := m.sounds[k]; ok {
		m.mute(e)
	}
	m.sounds[k] = m.played.PushBack(&kept{k, c, private})
	m.sounded += len(c.Bytes)
	for m.sounded > mostSounds && m.played.Len() > 1 {
		m.mute(m.played.Front())
	}
}

func (m *memory) mute(e *list.Element) {
	k := m.played.Remove(e).(*kept)
	delete(m.sounds, k.soundKey)
	m.sounded -= len(k.clip.Bytes)
}
