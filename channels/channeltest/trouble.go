package channeltest

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/townline/townline/channels"
)

// said says whether an answer leaves nobody in the dark: the provider tries again, or the resident is told.
func (b *bench) said(a Answer) bool {
	return a.Verdict == Later || b.s.Sorry != nil && b.s.Sorry(a)
}

// patient says that a turn is given up before the provider gives up waiting. Behind HTTP, and where the resident is told to wait, the
// answer's own time is looked at (slow); on a line of an adapter's own nothing but the deadline says it.
func (b *bench) patient(ctx context.Context, e channels.Event) {
	if b.s.HTTP != nil || b.s.Sorry != nil || e.Kind == channels.Looked {
		return
	}
	if until, ok := ctx.Deadline(); !ok || time.Until(until) > b.patience() {
		b.Errorf("the provider waits %v, and a turn may take longer", b.patience())
	}
}

// slow has a store that takes long: an answer comes in time all the same, and the turn counts once.
func slow(b *bench) {
	h, r := b.inTown(), b.resident(0)
	r.begins()
	h.slower(time.Minute)
	m := r.next(channels.Message, r.answer())
	began := time.Now()
	a := r.send(m)
	if took := time.Since(began); took > b.patience() {
		b.Errorf("the provider waits %v, and was answered after %v", b.patience(), took)
	}
	if !b.said(a) {
		b.Errorf("a store that takes a minute: %s (%s), %q", a.Verdict, a.Said, a.Shown)
	}
	h.slower(0)
	time.Sleep(2 * time.Minute)
	switch {
	case a.Verdict == Later:
		a = b.took(r.again(len(r.before) - 1))
		if !b.pushed() {
			b.shows(a, h.pages(b.address(r.number)))
		}
	case b.s.Visits:
		b.took(r.comes())
	}
	r.finishes(nil)
	b.keeps(kept)
}

// closing sends a message to a town that is closing, and to one whose store is broken: nothing is accepted, and it is said.
func closing(b *bench) {
	h, r := b.inTown(), b.resident(0)
	r.begins()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := h.Drain(ctx); err != nil {
		b.Fatal(err)
	}
	was := len(h.all(b.address(r.number)))
	a := r.says(r.answer())
	if !b.said(a) {
		b.Errorf("the town is closing: %s (%s), %q", a.Verdict, a.Said, a.Shown)
	}
	if a.Verdict == Later && b.s.HTTP != nil && a.Header.Get("Retry-After") == "" {
		b.Error("the provider isn't told when to try again")
	}
	for _, n := range h.all(b.address(r.number))[was:] {
		if n.err == nil && n.Event.Kind != channels.Looked {
			b.Errorf("a town that is closed took %q", n.Event.Words)
		}
	}
}

// atOnce has a resident send two messages in the same moment, and a gateway the same one several times.
func atOnce(b *bench) {
	b.inTown()
	r := b.resident(0)
	r.begins()
	if !b.s.Visits { // a device with one screen, or one ear, does one thing after the other
		first, second := r.next(channels.Message, "2"), r.next(channels.Message, "2")
		var all sync.WaitGroup
		for _, m := range []Message{first, second} {
			all.Go(func() { b.took(b.wire.Send(m)) })
		}
		all.Wait()
		time.Sleep(reading)
		b.took(r.says("REPEAT")) // whichever of the two replies came first
		if r.offered("gate") != "" || r.offered("stone") != "" {
			b.Errorf("two answers at once, and on show is %q", r.shown())
		}
	} else {
		m := r.next(channels.Message, r.answer())
		answers := make([]Answer, 6)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = b.wire.Send(m) })
		}
		all.Wait()
		for _, a := range answers {
			b.took(a)
			if strings.Join(a.Shown, "") != strings.Join(answers[0].Shown, "") {
				b.Errorf("the same message at once is answered %q and %q", answers[0].Shown, a.Shown)
			}
		}
		r.before, r.seen = append(r.before, m), append(r.seen, answers[0])
	}
	r.finishes(nil)
	b.keeps(kept)
}

// jumps has the provider's clock be wrong, and the town's own set back and forth in the middle of a conversation.
func jumps(b *bench) {
	p, r := b.onPaper(), b.resident(0)
	b.took(r.comes())
	for _, d := range []time.Duration{-24 * time.Hour, -time.Minute, time.Minute, 24 * time.Hour, 20 * 365 * 24 * time.Hour, -29 * 365 * 24 * time.Hour} {
		m := r.next(channels.Message, "1")
		m.At = m.At.Add(d)
		was := len(p.heard())
		a := r.send(m)
		if a.Verdict == Later || a.Verdict == Lost {
			b.Errorf("the provider's clock is %v off: %s (%s)", d, a.Verdict, a.Said)
		}
		if all := p.heard(); len(all) > was {
			b.sound(all[len(all)-1])
		} else if a.Verdict == Taken {
			b.Errorf("the provider's clock is %v off: the message was lost", d)
		}
		if a.Verdict == Refused {
			r.before, r.seen = r.before[:len(r.before)-1], r.seen[:len(r.seen)-1]
		}
	}
	for _, d := range []time.Duration{-36 * time.Hour, 72 * time.Hour} {
		b.ahead.Add(int64(d))
		was := len(p.heard())
		a := r.says("1")
		if b.s.HTTP != nil && b.s.HTTP.Fresh && a.Verdict == Refused {
			continue // what is signed by another clock is an old one, or from times to come
		}
		b.took(a)
		if all := p.heard(); len(all) != was+1 {
			b.Errorf("the town's clock was set by %v, and %d messages came", d, len(all)-was)
		} else {
			b.sound(all[was])
		}
	}
}
