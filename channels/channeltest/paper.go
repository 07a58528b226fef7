package channeltest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// paper is an inbox that asks for own words, again and again: the same message gets the same reply.
type paper struct {
	mu      sync.Mutex
	events  []channels.Event // each once; looks, silences and hang-ups aren't among them
	given   map[string]channels.Reply
	last    map[channels.Address]channels.Reply
	words   string // of the replies
	broken  error
	stuck   time.Duration // each turn takes so long, or until the adapter gives it up
	reports int
}

func newPaper() *paper {
	return &paper{given: map[string]channels.Reply{}, last: map[channels.Address]channels.Reply{}, words: "Reply"}
}

func (p *paper) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	p.mu.Lock()
	stuck := p.stuck
	p.mu.Unlock()
	if stuck > 0 {
		select {
		case <-time.After(stuck):
		case <-ctx.Done():
			return channels.Reply{}, channels.Retry(ctx.Err(), 0)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		return channels.Reply{}, channels.Retry(p.broken, 0)
	}
	switch e.Kind {
	case channels.Looked, channels.Quiet:
		return p.last[e.From], nil
	case channels.HungUp, channels.Overdue:
		return channels.Reply{}, nil
	}
	key := e.Channel + "\x00" + e.ID
	if r, again := p.given[key]; again && e.ID != "" {
		return r, nil
	}
	p.events = append(p.events, e)
	r := pageOf(fmt.Sprintf("%s %d", p.words, len(p.events)))
	p.given[key], p.last[e.From] = r, r
	return r, nil
}

// pageOf asks for own words, or digits, in whatever form.
func pageOf(words string) channels.Reply {
	return channels.Reply{Pages: []render.Page{{
		Lang: "en", Asks: dialogs.Words, Number: 1, Of: 1, Title: "A bench", Way: &engine.Way{At: 1, Least: 2, Most: 2}, Entry: &render.Entry{Limit: 10_000},
		Text: words, Spoken: []render.Spoken{{Words: words}}, Blocks: []render.Block{{Kind: "heading", Key: "q", Words: words}},
		Listen: &render.Listen{Keys: 12, Wait: 10},
	}}}
}

func (p *paper) Report(context.Context, string, string, channels.Delivery) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reports++
	return nil
}

// heard are the messages, in order.
func (p *paper) heard() (out []channels.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e.Kind == channels.Message {
			out = append(out, e)
		}
	}
	return out
}

// all is how much came.
func (p *paper) all() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.events) + p.reports
}

func (p *paper) set(change func(*paper)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}
