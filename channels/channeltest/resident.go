package channeltest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// resident is somebody with a device, on the other side of the provider.
type resident struct {
	b      *bench
	number string
	visits int
	before []Message
	seen   []Answer
	asked  map[string]int // how often each question was on show
}

func (b *bench) resident(n int) *resident {
	return &resident{b: b, number: numbers[n], asked: map[string]int{}}
}

// next is a message of theirs that isn't sent yet.
func (r *resident) next(kind channels.EventKind, words string) Message {
	time.Sleep(reading)
	r.b.sent++
	m := Message{
		ID: fmt.Sprintf("%032x", r.b.sent), From: r.number, Kind: kind, Words: words, At: r.b.now(),
		Visit: fmt.Sprintf("%s%030d", r.number[len(r.number)-2:], r.visits), Before: slices.Clone(r.before), Seen: slices.Clone(r.seen),
	}
	if r.b.house != nil {
		if pages := r.b.house.pages(r.b.address(r.number)); len(pages) > 0 {
			m.Page = &pages[len(pages)-1]
		}
	} else if len(r.seen) > 0 {
		m.Page = &pageOf("").Pages[0]
	}
	return m
}

// reading takes a while: what comes sooner, on a menu whose requests have no ids, came before.
const reading = 10 * time.Second

// send sends it, and keeps what came of it.
func (r *resident) send(m Message) Answer {
	a := r.b.sends(m)
	r.before, r.seen = append(r.before, m), append(r.seen, a)
	return a
}

func (r *resident) says(words string) Answer { return r.send(r.next(channels.Message, words)) }

// comes opens a visit, where there are visits.
func (r *resident) comes() Answer {
	if !r.b.s.Visits {
		return Answer{Verdict: Taken}
	}
	r.visits++
	r.before, r.seen = nil, nil
	return r.send(r.next(channels.Dialed, ""))
}

// again sends one of this visit's messages once more.
func (r *resident) again(i int) Answer { return r.b.sends(r.before[i]) }

// sends hands a message over. Where replies are pushed, what is shown is what comes in the next seconds.
func (b *bench) sends(m Message) Answer {
	if !b.pushed() {
		return b.wire.Send(m)
	}
	was := len(b.pusher().Got())
	a := b.wire.Send(m)
	time.Sleep(reading / 2)
	a.Shown = b.pusher().Got()[was:]
	return a
}

// pushed says whether replies are.
func (b *bench) pushed() bool { return b.channel().Traits().Pushed }

// begins comes and asks for the dialog about the bench, up to its first question.
func (r *resident) begins() {
	r.b.Helper()
	r.b.took(r.comes())
	if !r.b.s.Visits {
		r.b.took(r.says("BENCH"))
	}
	for range 10 {
		if r.offered("gate") != "" {
			return
		}
		r.b.took(r.says(r.answer()))
	}
	r.b.Fatalf("the dialog doesn't begin; on show is %q", r.shown())
}

// page is the last one that was replied; nil where pages are pushed.
func (r *resident) page() *render.Page {
	pages := r.b.house.pages(r.b.address(r.number))
	if len(pages) == 0 {
		return nil
	}
	return &pages[len(pages)-1]
}

// shown is what their device shows.
func (r *resident) shown() string {
	for _, a := range slices.Backward(r.seen) {
		if len(a.Shown) > 0 {
			return strings.Join(a.Shown, "\n")
		}
	}
	return ""
}

// offered is the digit of an option, by the page that was replied or by the words on show; "" where it isn't offered.
func (r *resident) offered(id string) string {
	if p := r.page(); p != nil {
		if i := slices.IndexFunc(p.Options, func(o render.Shown) bool { return o.ID == id }); i >= 0 {
			return p.Options[i].Digit
		}
		return ""
	}
	label := map[string]string{"bench": "A bench in the park", "gate": "At the gate", "stone": "Stone", "no": "No"}[id]
	for line := range strings.Lines(r.shown()) {
		if digit, words, ok := strings.Cut(strings.TrimSpace(line), " "); ok && words == label && strings.Trim(digit, "123456789") == "" {
			return digit
		}
	}
	return ""
}

// wants are the answers of everybody here.
func wants() []string { return []string{"bench", "gate", "stone", "no"} }

// kept is what the town keeps of them.
const kept = "spot=gate made=stone shade=no agree=yes"

// answer is what they say to what is on show.
func (r *resident) answer() string {
	p := r.page()
	if p != nil && p.Asks == dialogs.Consent || p == nil && strings.Contains(r.shown(), "May the town count") {
		return "1"
	}
	for _, id := range wants() {
		if digit := r.offered(id); digit != "" {
			return digit
		}
	}
	if p != nil && slices.ContainsFunc(p.Options, func(o render.Shown) bool { return o.ID == "" && o.Digit == "8" }) {
		return "8" // it goes on
	}
	return "1"
}

// finishes answers until their answers are counted. each, unless it is nil, is told of every answer on the way.
func (r *resident) finishes(each func(a Answer)) {
	r.b.Helper()
	was := len(r.b.house.records())
	for range 20 {
		a := r.b.took(r.says(r.answer()))
		if each != nil {
			each(a)
		}
		if len(r.b.house.records()) > was {
			return
		}
	}
	r.b.Fatalf("the dialog doesn't end; on show is %q", r.shown())
}

// took says that an answer tells the provider that all is well.
func (b *bench) took(a Answer) Answer {
	b.Helper()
	if a.Verdict != Taken {
		b.Fatalf("answered %s (%s): %s", a.Verdict, a.Said, a.Body)
	}
	return a
}

// shows says that an answer shows what was replied last, word for word.
func (b *bench) shows(a Answer, pages []render.Page) {
	b.Helper()
	all := strings.Join(a.Shown, "\n")
	if all == "" {
		b.Error("nothing is shown")
	}
	for i := range pages {
		for _, words := range wordsOf(&pages[i], b.channel().Traits()) {
			if !strings.Contains(all, words) {
				b.Errorf("%q is not shown in %q", words, all)
			}
		}
	}
}

// wordsOf a page, as its channel has them.
func wordsOf(p *render.Page, t render.Traits) (out []string) {
	switch t.Form {
	case engine.Speech:
		for _, s := range p.Spoken {
			out = append(out, s.Words)
		}
	case engine.Screen:
		for _, s := range p.Blocks {
			out = append(out, s.Words)
		}
	default:
		out = append(out, strings.TrimSpace(p.Text))
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}
