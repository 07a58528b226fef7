package menu

import (
	"hash/maphash"
	"sync"
)

// mostLangs is of how many phones the language is remembered.
const mostLangs = 4096

// langs remembers in which language this server lately answered a phone, so that "please dial again" comes in it when the
// store is away. Nothing depends on it. The zero value is ready.
type langs struct {
	mu   sync.Mutex
	seed maphash.Seed
	by   map[uint64]string
}

func (l *langs) key(phone string) uint64 {
	if l.by == nil {
		l.by, l.seed = make(map[uint64]string), maphash.MakeSeed()
	}
	return maphash.String(l.seed, phone)
}

func (l *langs) note(phone, lang string) {
	if lang == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.key(phone)
	if _, known := l.by[k]; !known && len(l.by) >= mostLangs {
		for other := range l.by { // any of them
			delete(l.by, other)
			break
		}
	}
	l.by[k] = lang
}

func (l *langs) of(phone string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.by[l.key(phone)]
}
