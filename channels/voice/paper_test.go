package voice

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// paper is a town of paper: the same event gets the same reply, another the next one.
type paper struct {
	mu      sync.Mutex
	events  []channels.Event // each once
	reports []reported
	replies []channels.Reply // the last one is given again and again
	given   map[string]channels.Reply
	last    channels.Reply
	broken  error
	notes   bool          // that somebody is to be called back is taken even so
	enough  bool          // nobody is called back any more
	wait    chan struct{} // not nil: a turn takes until it is closed
	bounded bool          // every turn had a deadline
}

type reported struct {
	channel, receipt string
	channels.Delivery
}

func (p *paper) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	if p.wait != nil {
		<-p.wait
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, p.bounded = ctx.Deadline()
	if p.broken != nil && !(p.notes && e.Kind == channels.Missed) {
		return channels.Reply{}, p.broken
	}
	if e.Kind == channels.Looked {
		p.events = append(p.events, e)
		return p.last, nil
	}
	if r, again := p.given[e.ID]; again {
		return r, nil
	}
	p.events = append(p.events, e)
	var r channels.Reply
	switch e.Kind {
	case channels.HungUp, channels.Missed:
		r.Back = e.Kind == channels.Missed && !p.enough
	default:
		if len(p.replies) > 0 {
			r = p.replies[0]
			if len(p.replies) > 1 {
				p.replies = p.replies[1:]
			}
		}
		p.last = r
	}
	if p.given == nil {
		p.given = map[string]channels.Reply{}
	}
	p.given[e.ID] = r
	return r, nil
}

func (p *paper) Report(_ context.Context, channel, receipt string, d channels.Delivery) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		return p.broken
	}
	p.reports = append(p.reports, reported{channel, receipt, d})
	return nil
}

func (p *paper) all() []channels.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]channels.Event(nil), p.events...)
}

func asks(words string, l render.Listen) channels.Reply {
	return channels.Reply{Pages: []render.Page{{Lang: "en", Asks: "choice", Listen: &l, Spoken: []render.Spoken{{Words: words, Pause: 400}, {Words: "For help, press 0."}},
		Options: []render.Shown{{ID: "buses", Digit: "1", Label: "Buses, trams"}, {ID: "trees", Digit: "2", Label: "Trees"}}}}}
}

func ends(words string) channels.Reply {
	return channels.Reply{Over: true, Pages: []render.Page{{Lang: "en", Over: true, Spoken: []render.Spoken{{Words: words}}}}}
}

func passes(desk string) channels.Reply {
	r := ends("A person comes.")
	r.Over, r.Pass = false, &channels.Pass{Desk: desk}
	return r
}

var (
	oneKey = render.Listen{Keys: 1, Wait: 10}
	entry  = render.Listen{Keys: 4, Wait: 10}
	voice  = render.Listen{Keys: 1, Wait: 10, Record: 120, Pause: 4}
)

// event is an event of a call from a number, at noon.
func event(kind channels.EventKind, id, words string) channels.Event {
	return channels.Event{Channel: Name, ID: callSID + id, From: channels.Address{Kind: "tel", ID: theirs}, To: ours, Kind: kind, Words: words, Call: callSID, At: noon}
}

func clock(now *time.Time) func(*Config) {
	return func(c *Config) { c.Now = func() time.Time { return *now } }
}

func plainVoice(c *Config) { c.Sound = nil }

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
