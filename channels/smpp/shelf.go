package smpp

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/townline/townline/channels/sealed"
)

// mark knows something again without saying what it is.
type mark = sealed.Mark

// newBox seals what a phone company handed over, as long as it must be kept.
func newBox(secret []byte) sealed.Box { return sealed.NewBox(secret, "smpp 1") }

// shelf is what of a phone company's messages must outlive the process: which were seen and may come again, and the parts of
// long ones that aren't whole. Memory is changed first and the journal after it.
type shelf struct {
	box     sealed.Box
	journal *journal // nil: memory only

	mu    sync.Mutex
	seen  map[mark]*sight
	parts map[mark]*unfinished
	held  int // octets of parts
}

// sight is a deliver_sm that came. SMPP gives it no number of its own: the same octets may be the same message again, because
// our answer was lost, or a resident who answers two questions with "1". What tells them apart is what became of our answer.
type sight struct {
	mark     mark
	id       [8]byte // of the event
	at       time.Time
	answered bool  // with yes
	bind     *bind // by which it was answered; nil: not, or by an earlier process
	slow     bool  // the answer took so long that the phone company may have given up
	earlier  bool  // an earlier process saw it, and nobody knows what became of it
	settled  bool  // it is a part that is kept, or whose message was handed in
}

const (
	seenSpan = time.Hour       // for how long a message may come again
	slowSpan = 2 * time.Minute // for how long one may that was answered late
	slowTurn = 5 * time.Second // what is late: phone companies wait for 5 to 60 s
)

// Kinds of entries in the journal.
const (
	entrySeen    = 's' // mark, id, time
	entryProved  = 'd' // mark: it can't come again
	entrySettled = 'a' // mark
	entryPart    = 'p' // key, and sealed the part
	entryWhole   = 'j' // key: it was handed in
)

func openShelf(c *Config) (*shelf, error) {
	s := &shelf{box: newBox(c.Secret), seen: map[mark]*sight{}, parts: map[mark]*unfinished{}}
	if c.Dir == "" {
		return s, nil
	}
	if len(c.Secret) < 16 {
		return nil, errors.New("smpp: a secret of 16 octets or more is needed to keep messages")
	}
	var err error
	s.journal, err = openJournal(filepath.Join(c.Dir, c.Operator+".journal"), s.recall, func() [][]byte { return s.live(time.Now()) })
	return s, err
}

// sight tells what is known of a message that came by b: a new sight, or the one that it repeats. It returns once that it
// came is on disk.
func (s *shelf) sight(m mark, b *bind, now time.Time) (*sight, error) {
	s.mu.Lock()
	v := s.seen[m]
	if v != nil && s.repeats(v, b, now) {
		s.mu.Unlock()
		return v, nil
	}
	v = &sight{mark: m, at: now}
	rand.Read(v.id[:])
	s.seen[m] = v
	s.mu.Unlock()
	err := s.journal.add(true, v.entry())
	if err != nil { // what isn't on disk was not seen
		s.mu.Lock()
		if s.seen[m] == v {
			delete(s.seen, m)
		}
		s.mu.Unlock()
	}
	return v, err
}

func (s *shelf) repeats(v *sight, b *bind, now time.Time) bool {
	since := now.Sub(v.at)
	switch {
	case since > seenSpan:
		return false
	case v.answered && v.slow:
		return since < slowSpan
	case v.answered:
		return v.bind != b // who had our answer by a bind that still stands writes the same again
	}
	return true
}

func (v *sight) event() string { return hex.EncodeToString(v.id[:]) }

func (v *sight) entry() []byte {
	e := append(append([]byte{entrySeen}, v.mark[:]...), v.id[:]...)
	return binary.BigEndian.AppendUint64(e, uint64(v.at.UnixMilli()))
}

// settled says whether v is a part that needs nothing more than its answer.
func (s *shelf) settled(v *sight) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return v.settled
}

// wasHeld says whether v was held before, or may have been.
func (s *shelf) wasHeld(v *sight) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return v.answered || v.earlier
}

// answered says that yes is about to be answered by b. It says whether that should be proved.
func (s *shelf) answered(v *sight, b *bind, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.answered, v.bind, v.slow = true, b, now.Sub(v.at) > slowTurn
	return !v.slow
}

// proved says that the phone company had our answer: the same again is another message.
func (s *shelf) proved(v *sight) {
	s.mu.Lock()
	if s.seen[v.mark] != v {
		s.mu.Unlock()
		return
	}
	delete(s.seen, v.mark)
	s.mu.Unlock()
	s.journal.add(false, append([]byte{entryProved}, v.mark[:]...))
}

// recall takes an entry of the journal back into memory.
func (s *shelf) recall(entry []byte) {
	if len(entry) < 17 {
		return
	}
	m, rest := mark(entry[1:17]), entry[17:]
	switch entry[0] {
	case entrySeen:
		if len(rest) == 16 {
			s.seen[m] = &sight{mark: m, id: [8]byte(rest[:8]), at: time.UnixMilli(int64(binary.BigEndian.Uint64(rest[8:]))), earlier: true}
		}
	case entryProved:
		delete(s.seen, m)
	case entrySettled:
		if v := s.seen[m]; v != nil {
			v.settled = true
		}
	case entryPart:
		if plain, err := s.box.Open(rest, string(m[:])); err == nil {
			s.recallPart(m, plain)
		}
	case entryWhole:
		s.drop(m)
	}
}

// live are the entries that a journal made anew begins with.
func (s *shelf) live(now time.Time) (entries [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for m, v := range s.seen {
		if now.Sub(v.at) > seenSpan {
			delete(s.seen, m)
			continue
		}
		entries = append(entries, v.entry())
		if v.settled {
			entries = append(entries, append([]byte{entrySettled}, m[:]...))
		}
	}
	for key, u := range s.parts {
		for number := range u.parts {
			entries = append(entries, s.partEntry(key, u, number))
		}
	}
	return entries
}

// mostJournal is how long the journal may get before it is made anew.
const mostJournal = 4 << 20

// tidy forgets what can't come again, and makes a journal anew that is long, or that the disk took no more of.
func (s *shelf) tidy(now time.Time) error {
	if s.journal.length() > mostJournal || s.journal.failed() {
		return s.journal.renew(func() [][]byte { return s.live(now) })
	}
	s.live(now)
	return nil
}

func (s *shelf) close() error { return s.journal.close() }

// unfinished is a long message of which parts are missing.
type unfinished struct {
	id       [8]byte // of the event
	from, to string  // as the phone company writes them, with what they are
	total    int
	at       time.Time // when the last part came
	parts    map[int]held
}

// held is a part.
type held struct {
	mark   mark // of its sight
	script script
	octets []byte
}

const (
	partsPatience  = 10 * time.Minute // after the last part, until a message is handed in as it is. Phones send all within seconds
	mostUnfinished = 512
	mostHeld       = 4 << 20
)

var errShelfFull = errors.New("too many long messages wait for their parts")

// put keeps a part; whole says whether its message is whole now. It returns once the part is on disk.
func (s *shelf) put(key mark, p piece, from, to string, h held, now time.Time) (u *unfinished, whole bool, err error) {
	var entries [][]byte
	s.mu.Lock()
	u = s.parts[key]
	if old, ok := u.part(p.number); ok && (old.script != h.script || !slices.Equal(old.octets, h.octets)) {
		entries = s.setAside(key, u) // the reference begins another message: this one won't be whole
		u = nil
	}
	if u == nil {
		if len(s.parts) >= mostUnfinished || s.held+len(h.octets) > mostHeld {
			s.mu.Unlock()
			return nil, false, errors.Join(errShelfFull, s.journal.add(false, entries...))
		}
		u = &unfinished{from: from, to: to, total: p.total, parts: map[int]held{}}
		rand.Read(u.id[:])
		s.parts[key] = u
	}
	u.at = now
	if _, ok := u.parts[p.number]; !ok {
		h.octets = slices.Clone(h.octets)
		u.parts[p.number] = h
		s.held += len(h.octets)
		entries = append(entries, s.partEntry(key, u, p.number))
	}
	whole = len(u.parts) == u.total
	if v := s.seen[h.mark]; v != nil && !whole {
		v.settled = true
		entries = append(entries, append([]byte{entrySettled}, h.mark[:]...))
	}
	s.mu.Unlock()
	if len(entries) == 0 {
		return u, whole, nil
	}
	if err = s.journal.add(true, entries...); err != nil {
		s.takeBack(key, u, p.number, h.mark)
	}
	return u, whole, err
}

// takeBack forgets a part that could not be put on the disk: when it comes again it is to be kept, not only answered.
func (s *shelf) takeBack(key mark, u *unfinished, number int, m mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts[key] != u { // it was handed in meanwhile
		return
	}
	if v := s.seen[m]; v != nil {
		v.settled = false
	}
	s.held -= len(u.parts[number].octets)
	if delete(u.parts, number); len(u.parts) == 0 {
		delete(s.parts, key)
	}
}

// setAside gives an unfinished message a key of its own, under which it is handed in as it is. It returns what is to be added to
// the journal.
func (s *shelf) setAside(key mark, u *unfinished) (entries [][]byte) {
	var own mark
	rand.Read(own[:])
	delete(s.parts, key)
	u.at = time.Time{}
	s.parts[own] = u
	entries = append(entries, append([]byte{entryWhole}, key[:]...))
	for number := range u.parts {
		entries = append(entries, s.partEntry(own, u, number))
	}
	return entries
}

func (u *unfinished) part(number int) (h held, ok bool) {
	if u == nil {
		return held{}, false
	}
	h, ok = u.parts[number]
	return h, ok
}

// finish forgets a message that was handed in.
func (s *shelf) finish(key mark) error {
	s.mu.Lock()
	u := s.parts[key]
	if u == nil {
		s.mu.Unlock()
		return nil
	}
	entries := [][]byte{append([]byte{entryWhole}, key[:]...)}
	for _, h := range u.parts {
		if v := s.seen[h.mark]; v != nil && !v.settled {
			v.settled = true
			entries = append(entries, append([]byte{entrySettled}, h.mark[:]...))
		}
	}
	s.drop(key)
	s.mu.Unlock()
	return s.journal.add(true, entries...)
}

func (s *shelf) drop(key mark) {
	if u := s.parts[key]; u != nil {
		for _, h := range u.parts {
			s.held -= len(h.octets)
		}
		delete(s.parts, key)
	}
}

// due are the messages to hand in: those that are whole, and those whose other parts won't come any more.
func (s *shelf) due(now time.Time) (keys []mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, u := range s.parts {
		if len(u.parts) == u.total && now.Sub(u.at) > slowTurn || now.Sub(u.at) > partsPatience {
			keys = append(keys, key)
		}
	}
	return keys
}

// unfinished is the message with this key, as it is now; nil: it was handed in.
func (s *shelf) unfinished(key mark) *unfinished {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.parts[key]
	if u == nil {
		return nil
	}
	c := *u
	c.parts = make(map[int]held, len(u.parts))
	for n, h := range u.parts {
		c.parts[n] = h
	}
	return &c
}

// words are all that is there, in order; what is missing leaves a gap. Parts are joined before they are read, so that a
// character which was cut in two is whole again.
func (u *unfinished) words() string {
	var b []byte
	missing := false
	for n := 1; n <= u.total; {
		h, ok := u.parts[n]
		if !ok {
			missing = true
			n++
			continue
		}
		octets := slices.Clone(h.octets)
		for n++; n <= u.total; n++ {
			more, ok := u.parts[n]
			if !ok || more.script != h.script {
				break
			}
			octets = append(octets, more.octets...)
		}
		words, _ := read(octets, h.script)
		if missing {
			b = append(b, " … "...)
		}
		missing = false
		b = append(b, words...)
	}
	if missing {
		b = append(b, " …"...)
	}
	return string(b)
}

// partEntry is a part in the journal.
func (s *shelf) partEntry(key mark, u *unfinished, number int) []byte {
	h := u.parts[number]
	plain := append([]byte(nil), u.id[:]...)
	plain = append(plain, h.mark[:]...)
	plain = append(plain, byte(number), byte(u.total), byte(h.script))
	at := int64(0)
	if !u.at.IsZero() {
		at = u.at.UnixMilli()
	}
	plain = binary.BigEndian.AppendUint64(plain, uint64(at))
	plain = append(append(plain, byte(len(u.from))), u.from...)
	plain = append(append(plain, byte(len(u.to))), u.to...)
	plain = append(plain, h.octets...)
	return append(append([]byte{entryPart}, key[:]...), s.box.Seal(plain, string(key[:]))...)
}

func (s *shelf) recallPart(key mark, plain []byte) {
	c := cutter{rest: plain}
	id, m := c.octets(8), c.octets(16)
	number, total, how := int(c.octet()), int(c.octet()), script(c.octet())
	at := c.octets(8)
	from, to := string(c.octets(int(c.octet()))), string(c.octets(int(c.octet())))
	if c.err != nil || number < 1 || number > total {
		return
	}
	u := s.parts[key]
	if u == nil {
		u = &unfinished{id: [8]byte(id), from: from, to: to, total: total, parts: map[int]held{}}
		s.parts[key] = u
	}
	if ms := int64(binary.BigEndian.Uint64(at)); ms != 0 {
		u.at = latest(u.at, time.UnixMilli(ms))
	}
	if _, ok := u.parts[number]; !ok {
		u.parts[number] = held{mark: mark(m), script: how, octets: slices.Clone(c.rest)}
		s.held += len(c.rest)
	}
}
