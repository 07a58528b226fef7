package channeltest

import (
	"context"
	"slices"
	"strings"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/locales"
)

// says has one resident say words, with an inbox of paper, and returns what the town heard.
func (b *bench) says(words string) (channels.Event, Answer) {
	b.Helper()
	p, r := b.paper, b.resident(0)
	if p == nil {
		p = b.onPaper()
	}
	b.took(r.comes())
	was := len(p.heard())
	a := r.says(words)
	all := p.heard()
	if len(all) == was {
		return channels.Event{}, a
	}
	if len(all) != was+1 {
		b.Errorf("one message, and the town heard %d", len(all)-was)
	}
	b.sound(all[was])
	return all[was], a
}

// hears says that words reach the town as they are, and that a reply in such words is shown as it is.
func (b *bench) hears(words string) {
	b.Helper()
	if b.paper == nil {
		b.onPaper()
	}
	b.paper.set(func(p *paper) { p.words = words })
	e, a := b.says(words)
	b.took(a)
	if !strings.HasSuffix(e.Words, words) { // a menu's gateway may give all that was keyed
		b.Errorf("%q was said, and the town heard %q", words, e.Words)
	}
	if b.pushed() {
		if _, err := b.channel().Deliver(context.Background(), b.address(numbers[0]), pageOf(words).Pages[0], "k"); err != nil {
			b.Error(err)
		}
		a.Shown = b.pusher().Got()
	}
	if !strings.Contains(strings.Join(a.Shown, "\n"), words) {
		b.Errorf("%q was replied, and %q is shown", words, a.Shown)
	}
}

// tooLong sends as much as the provider carries, and a whole page of it to a real town, which has a way on.
func tooLong(b *bench) {
	words := marker
	for len(words) < b.s.Longest {
		words += " long"
	}
	words = words[:b.s.Longest]
	b.onPaper()
	e, a := b.says(words)
	b.took(a)
	if !strings.HasSuffix(e.Words, words) {
		b.Errorf("%d characters were said, and the town heard %d", len(words), len(e.Words))
	}
	if b.s.HTTP != nil { // nobody has so much to say
		for _, n := range []int{10_000, 60_000} {
			e, a := b.says(strings.Repeat("long ", n/5))
			if a.Verdict == Later || e.ID != "" && len(e.Words) < n-5 && len(e.Words) < b.s.Longest {
				b.Errorf("%d characters: %s (%s), and the town heard %d", n, a.Verdict, a.Said, len(e.Words))
			}
		}
	}
}

// empty sends nothing at all, and nothing but spaces: whoever does that sees something, or nobody is bothered.
func empty(b *bench) {
	h := b.inTown()
	for i, words := range []string{"", " ", "\n\t", "\u200f\u00a0"} {
		r := b.resident(i)
		r.begins()
		a := r.says(words)
		if a.Verdict == Later || a.Verdict == Lost {
			b.Errorf("%q is answered %s (%s)", words, a.Verdict, a.Said)
		}
		if r.offered("stone") != "" {
			b.Errorf("%q was taken for an answer", words)
		}
		for _, n := range h.all(b.address(r.number)) {
			b.sound(n.Event)
		}
		r.finishes(nil)
	}
	b.keeps(kept, kept, kept, kept)
}

// emoji are one sign of many parts, an accent of its own, a flag, and signs beyond the first plane.
func emoji(b *bench) {
	b.hears(marker + " 👍🏽 👩‍👩‍👧‍👦 🇸🇴 e\u0301 𝄞 ☎️")
}

// rightToLeft says Arabic, with a number and brackets in it, as it is; and a whole conversation in it.
func rightToLeft(b *bench) {
	if !b.s.Keys {
		b.hears("مرحبا " + marker + " 12 (نعم) \u200fab\u200e")
		return
	}
	h, r := b.inTown("ar"), b.resident(0)
	r.begins()
	r.finishes(func(a Answer) { b.shows(a, h.pages(b.address(r.number))) })
	b.keeps(kept)
}

// stopWords are, for each language, words that stop, and words that start again.
func stopWords() map[string][2]string {
	return map[string][2]string{"en": {"STOP", "start"}, "es": {"Alto", "empezar"}, "fr": {"Arrêt", "commencer"}, "zh": {"停止", "开始"}, "ar": {"توقف", "بدء"}, "so": {"jooji", "bilow"}}
}

// stopStart stops and starts again in each language: the ledger knows, and the resident is told.
func stopStart(b *bench) {
	h, r := b.inTown("en", "es", "fr", "zh", "ar", "so"), b.resident(0)
	words, err := phrases()
	if err != nil {
		b.Fatal(err)
	}
	tags := words.Tags()
	slices.Sort(tags)
	address := b.address(r.number)
	for _, tag := range tags {
		w, ok := stopWords()[tag]
		if !ok {
			b.Fatalf("no words to stop in %s", tag)
		}
		for i, want := range []locales.Command{locales.Stop, locales.Start} {
			if got, _, _ := words.Command(w[i], tag); got != want {
				b.Fatalf("%q is %q in %s", w[i], got, tag)
			}
			if b.s.Visits {
				b.took(r.comes())
			}
			a := b.took(r.says(w[i]))
			out, err := h.store.OptedOut(context.Background(), h.keys.Address(address.Kind, address.ID))
			if err != nil {
				b.Fatal(err)
			}
			if out != (want == locales.Stop) {
				b.Errorf("after %q, in %s, the ledger says %v", w[i], tag, out)
			}
			if strings.TrimSpace(strings.Join(a.Shown, "")) == "" {
				b.Errorf("after %q nothing is shown", w[i])
			}
		}
	}
}

// pictures come along where the channel can carry them; elsewhere the words beside them count, and nothing of them is handed on.
func pictures(b *bench) {
	p, r := b.onPaper(), b.resident(0)
	b.took(r.comes())
	m := r.next(channels.Message, "1")
	m.Photo = "https://" + providerHost + "/photo/1.jpg"
	b.took(r.send(m))
	all := p.heard()
	if len(all) != 1 {
		b.Fatalf("the town heard %d messages", len(all))
	}
	e, can := all[0], b.channel().Traits().Photo
	b.sound(e)
	if got := len(e.Media)+len(e.Attached) == 1; got != can {
		b.Errorf("its traits say that it carries pictures: %v; the town was given %d and %d", can, len(e.Media), len(e.Attached))
	}
	if can && e.Words != "" && e.Words != "1" {
		b.Errorf("beside a picture %q was said", e.Words)
	}
}
