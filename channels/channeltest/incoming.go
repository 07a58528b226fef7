package channeltest

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/townline/townline/channels"
)

// walk holds the whole conversation: every page that the town replies is shown, word for word, and what is answered is kept.
func walk(b *bench) {
	h, r := b.inTown(), b.resident(0)
	r.begins()
	r.finishes(func(a Answer) { b.shows(a, h.pages(b.address(r.number))) })
	b.keeps(kept)
	for a, all := range h.seen {
		for _, n := range all {
			b.sound(n.Event)
			if n.Event.Kind != channels.Message && n.Event.Kind != channels.Dialed {
				continue
			}
			if a != b.address(r.number) {
				b.Errorf("an event is from %v, want %v", a, b.address(r.number))
			}
			if n.Event.Channel != b.channel().Name() {
				b.Errorf("an event came by %q, want %q", n.Event.Channel, b.channel().Name())
			}
		}
	}
}

// keeps says that the town kept these answers, and no others.
func (b *bench) keeps(want ...string) {
	b.Helper()
	if got := b.house.records(); !slices.Equal(got, want) {
		b.Errorf("kept %q, want %q", got, want)
	}
}

// sound says that an event is whole, whatever it was made of.
func (b *bench) sound(e channels.Event) {
	b.Helper()
	switch {
	case !slices.ContainsFunc(b.all, func(c channels.Channel) bool { return c.Name() == e.Channel }):
		b.Errorf("an event is from a channel %q", e.Channel)
	case e.From.Kind == "" || e.From.ID == "":
		b.Errorf("an event is from nobody: %q", e.From.Kind)
	case e.From.Kind == "tel" && !e.Withheld && strings.Trim(e.From.ID, "+0123456789") != "":
		b.Error("an event is from a number that is none")
	case e.ID == "" && e.Session == nil && e.Kind != channels.Looked:
		b.Error("an event has neither an id nor a place in a menu: it can't be told from another")
	case !utf8.ValidString(e.Words) || !utf8.ValidString(e.From.ID) || !utf8.ValidString(e.Choice):
		b.Errorf("an event is no UTF-8: %q, %q", e.Words, e.Choice)
	case e.At.IsZero() || e.At.After(b.now().Add(time.Second)):
		b.Errorf("an event is of %v, and it is %v", e.At, b.now())
	}
}

// twice sends everything twice, and what came before it once more: the same is shown, and nothing counts twice.
func twice(b *bench) {
	h, r := b.inTown(), b.resident(0)
	r.begins()
	r.finishes(func(a Answer) {
		again := b.took(r.again(len(r.before) - 1))
		if b.pushed() && len(again.Shown) > 0 {
			b.Errorf("a message that comes again is answered again: %q", again.Shown)
		} else if !b.pushed() && !slices.Equal(again.Shown, a.Shown) {
			b.Errorf("%q is shown, and when it comes again %q", a.Shown, again.Shown)
		}
		if len(r.before) > 1 && told(h.lastOf(b.address(r.number))) {
			r.again(len(r.before) - 2)
		}
	})
	b.keeps(kept)
}

// replayed sends all of a conversation again once it is over: in order, backwards, and much later.
func replayed(b *bench) {
	h, r := b.inTown(), b.resident(0)
	r.begins()
	r.finishes(nil)
	b.keeps(kept)
	if e := h.lastOf(b.address(r.number)); !told(e) && (e.Session == nil || e.Session.ID == "") {
		b.Log("its requests have neither an id nor a session: one that is replayed can't be told from a new one")
		return
	}
	for range 2 {
		for i := range r.before {
			r.again(i)
		}
		for i := range slices.Backward(r.before) {
			r.again(i)
		}
		b.keeps(kept)
		time.Sleep(10 * time.Minute)
	}
	if b.s.HTTP != nil && b.s.HTTP.Fresh {
		if a := r.again(len(r.before) - 1); a.Verdict != Refused {
			b.Errorf("what was signed twenty minutes ago is %s (%s)", a.Verdict, a.Said)
		}
	}
}

// forged has somebody else pretend to be the provider.
func forged(b *bench) {
	p := b.onPaper()
	f, ok := b.wire.(Forger)
	if b.door != nil {
		f, ok = b.door, true
	}
	if !ok {
		b.Fatal("its wire can't be forged on; say in Not why")
	}
	r := b.resident(0)
	b.took(r.comes())
	had := p.all()
	m := r.next(channels.Message, "1")
	answers := f.Forge(m)
	if len(answers) < 2 {
		b.Fatalf("only %d forged requests were tried", len(answers))
	}
	denied := 403
	if b.s.HTTP != nil && b.s.HTTP.Denied != 0 {
		denied = b.s.HTTP.Denied
	}
	for name, a := range answers {
		if a.Verdict != Refused && a.Verdict != Lost {
			b.Errorf("%s: %s (%s)", name, a.Verdict, a.Said)
		} else if b.s.HTTP != nil && a.Status != denied && a.Status != 401 && a.Status != 404 && a.Status != 307 { // by another address, which leads elsewhere
			b.Errorf("%s: status %d, want %d", name, a.Status, denied)
		}
	}
	if p.all() != had {
		b.Errorf("%d of what was forged reached the town", p.all()-had)
	}
	b.took(b.wire.Send(m)) // the right one passes all the same
	if len(p.heard()) != 1 {
		b.Errorf("the right one did not reach the town: %+v", p.heard())
	}
}

// spoiledTries is how many spoiled requests are sent.
const spoiledTries = 200

// rubbish sends what nobody would, signed and not: it is the sender's fault, and said to be.
func rubbish(b *bench) {
	p := b.onPaper()
	s, ok := b.wire.(Spoiler)
	if b.door != nil {
		s, ok = b.door, true
	}
	if !ok {
		b.Fatal("nothing can be spoiled on its wire; say in Not why")
	}
	good, chance := s.Good(), rand.New(rand.NewPCG(1, 2))
	fixed := [][]byte{nil, []byte("\x00"), []byte("\xff\xfe\xfd"), []byte("{"), []byte("[]"), []byte("null"), []byte("\"x\""), []byte("0"), []byte("%"), []byte("%zz=%&&=;"),
		bytes.Repeat([]byte("["), 5000), bytes.Repeat([]byte(`{"a":`), 1000), bytes.Repeat([]byte("a=b&"), 2000), []byte("<?xml version=\"1.0\"?><a/>"), []byte("--x\r\n\r\n")}
	for i := range spoiledTries {
		body, signed := []byte(nil), i%4 != 0
		if i < 2*len(fixed) {
			body, signed = fixed[i/2], i%2 == 0
		} else {
			body = spoil(chance, good)
		}
		had := p.all()
		a := s.Spoil(body, signed)
		if a.Verdict == Later && b.s.HTTP != nil {
			b.Errorf("%q: answered %s, as if it were our fault", body, a.Said)
		}
		if i < 2*len(fixed) && p.all() != had && (b.s.HTTP == nil || !b.s.HTTP.Public) {
			b.Errorf("%q: the town heard of it", body)
		}
		if b.s.HTTP != nil && !signed && b.s.HTTP.Sign != nil && p.all() != had {
			b.Errorf("%q: it isn't signed, and the town heard of it", body)
		}
	}
	for _, e := range p.events {
		b.sound(e)
	}
	r := b.resident(0)
	b.took(r.comes())
	was := len(p.heard())
	b.took(r.says("1"))
	if len(p.heard()) != was+1 {
		b.Error("after the rubbish a good message doesn't reach the town")
	}
}

// spoil changes a request here and there.
func spoil(chance *rand.Rand, good []byte) []byte {
	b := bytes.Clone(good)
	for range 1 + chance.IntN(4) {
		if len(b) == 0 {
			break
		}
		at := chance.IntN(len(b))
		switch chance.IntN(7) {
		case 0:
			b[at] = byte(chance.Uint32())
		case 1:
			b = b[:at]
		case 2:
			b = slices.Insert(b, at, bytes.Repeat(b[at:at+1], 1+chance.IntN(500))...)
		case 3: // a piece away
			b = slices.Delete(b, at, min(len(b), at+1+chance.IntN(20)))
		case 4: // a piece twice
			b = slices.Insert(b, at, b[at:min(len(b), at+1+chance.IntN(40))]...)
		case 5: // another number
			b = slices.Insert(b, at, []byte([]string{"-1", "99999999999999999999", "4294967296", "NaN", "1e400"}[chance.IntN(5)])...)
		case 6:
			b = slices.Insert(b, at, []byte([]string{"\x00", "\r\n", "%00", "\xc3", "&", "\"", "\\u0000", "\\ud800", "%ff", "{", "="}[chance.IntN(11)])...)
		}
	}
	return b
}
