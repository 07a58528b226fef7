package telegram

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"sync"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// inbox is an exchange of paper: the same update gets the same reply.
type inbox struct {
	mu      sync.Mutex
	events  []channels.Event // each once
	seen    map[string]bool
	tries   map[string]int
	fails   func(e channels.Event, try int) error // nil: takes everything
	replies func(channels.Event) channels.Reply
	gate    chan struct{} // when not nil, each turn waits for one value
	took    chan channels.Event
}

func (in *inbox) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	if in.gate != nil {
		select {
		case <-in.gate:
		case <-ctx.Done():
			return channels.Reply{}, ctx.Err()
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.tries == nil {
		in.tries, in.seen = map[string]int{}, map[string]bool{}
	}
	in.tries[e.ID]++
	if in.fails != nil {
		if err := in.fails(e, in.tries[e.ID]); err != nil {
			return channels.Reply{}, err
		}
	}
	if !in.seen[e.ID] {
		in.seen[e.ID] = true
		in.events = append(in.events, e)
		if in.took != nil {
			in.took <- e
		}
	}
	if in.replies != nil {
		return in.replies(e), nil
	}
	return channels.Reply{}, nil
}

func (in *inbox) Report(context.Context, string, string, channels.Delivery) error {
	return errors.New("Telegram reports nothing")
}

func (in *inbox) all() []channels.Event {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]channels.Event(nil), in.events...)
}

func logging(to *bytes.Buffer) func(*Config) {
	return func(c *Config) {
		c.Log = slog.New(slog.NewTextHandler(&guarded{to: to}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

// who is the resident's chat, where it isn't a part of something else, such as an address in a stack or the number of a line.
var who = regexp.MustCompile(`(^|[^0-9A-Za-z:.])77([^0-9A-Za-z]|$)`)

func tellsWho(log string) bool { return who.MatchString(log) }

// guarded writes one after the other.
type guarded struct {
	mu sync.Mutex
	to *bytes.Buffer
}

func (g *guarded) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.to.Write(b)
}

// cutting breaks every connection off once the request is there.
type cutting struct{}

func (cutting) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

func say(texts ...string) channels.Reply {
	var r channels.Reply
	for _, text := range texts {
		r.Pages = append(r.Pages, render.Page{Text: text})
	}
	return r
}
