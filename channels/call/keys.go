package call

import (
	"time"

	"github.com/townline/townline/dialogs/render"
)

// bounce is how long after a key that counted another is taken for the same press, by a finger that shakes or a key that
// is worn. Nobody hears a page, decides and presses within it.
const bounce = 400 * time.Millisecond

// trail is how long after the last digit that an answer takes another one is still meant for it: a year where a day and a
// month are enough. It ends with a hash key.
const trail = 2 * time.Second

// mostKeys of one answer are kept: the longest that any question takes is a sum of money or a phone number.
const mostKeys = 32

// Keys makes answers of key presses, one page after the other. The zero value is ready for the first page. It is not safe
// for use by several goroutines.
type Keys struct {
	listen render.Listen
	began  time.Time
	got    []byte
	last   byte      // that counted, on any page
	at     time.Time // when
	trails bool      // an entry was as long as it can be, and perhaps more of it comes
}

// Page begins the next page. began is when its first word is said, after the silence for the handset.
func (k *Keys) Page(l render.Listen, began time.Time) {
	k.listen, k.began, k.got = l, began, k.got[:0]
}

// Press takes a key. Where it makes the answer whole, words are the answer. counted is false for a key that is left alone: a
// bounce, an answer to what nobody has begun to say, a hash key that ends nothing.
//
// What is pressed before a page is begun can't be an answer to it: somebody presses again because nothing is heard yet. But
// it can be help (0), or the wish to take the last answer back (*), and these count.
func (k *Keys) Press(p Press) (words string, whole, counted bool) {
	if p.Line != "" {
		k.got = k.got[:0]
		return p.Line, true, true
	}
	key := p.Key
	if k.trails {
		if since := p.At.Sub(k.at); since >= 0 && since < trail && key != '*' {
			k.at = p.At
			k.trails = key != '#'
			return "", false, false
		}
		k.trails = false
	}
	switch {
	case key < '0' && key != '*' && key != '#', key > '9':
		return "", false, false
	case key == '#':
		if len(k.got) == 0 {
			return "", false, false
		}
		k.counts(p)
		return k.take(), true, true
	}
	entry := k.listen.Keys > 1
	since := p.At.Sub(k.at)
	switch {
	case k.last != 0 && since >= 0 && since < bounce && (!entry || len(k.got) == 0 && key == k.last):
		return "", false, false
	case p.At.Before(k.began) && key != '*' && (key != '0' || entry):
		return "", false, false
	}
	k.counts(p)
	if !entry || key == '*' && len(k.got) == 0 {
		k.got = append(k.got[:0], key)
		return k.take(), true, true
	}
	k.got = append(k.got, key)
	if len(k.got) >= min(k.listen.Keys, mostKeys) {
		k.trails = true
		return k.take(), true, true
	}
	return "", false, true
}

// Rest is what was pressed so far, when the wait for more is over; "" when nothing was.
func (k *Keys) Rest() string { return k.take() }

func (k *Keys) counts(p Press) { k.last, k.at = p.Key, p.At }

func (k *Keys) take() string {
	words := string(k.got)
	k.got = k.got[:0]
	return words
}
