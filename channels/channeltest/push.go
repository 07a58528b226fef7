package channeltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// Push is the provider's interface that pages are pushed to.
type Push struct {
	// Takes answers a push as the provider does when it takes it.
	Takes http.HandlerFunc
	// Got is what a push says; "" of what isn't one.
	Got func(r *http.Request) string
	// Sealed says why what a push says can't be read from what the provider is handed; "": it can.
	Sealed string
	// Says is how the provider fails in its own words, where those of HTTP aren't enough.
	Says map[Outage]http.HandlerFunc
	// Unsure says why, after an outage that others can be tried again after at once, nobody knows here whether a page went.
	Unsure map[Outage]string
	// Once: the provider sends what comes twice under one key once, or says that it was heard, so that nothing is ever in doubt.
	Once bool
	// Provider is the other end where it isn't called over HTTP. The rest is empty then.
	Provider func(t testing.TB, all []channels.Channel) Provider
}

// Provider is an end of the wire that pages are pushed to.
type Provider interface {
	// Break has it fail from now on in a way; false: it can't fail that way.
	Break(how Outage) bool
	// Got are the words that it was handed, oldest first.
	Got() []string
}

// Outage is a way in which a provider fails.
type Outage string

const (
	Well     Outage = ""
	Unheard  Outage = "nobody listens"
	Broken   Outage = "it says that it is broken"
	Busy     Outage = "it takes no more for seven seconds"
	Hangs    Outage = "it never answers"
	CutsOff  Outage = "it cuts the line before it answers"
	Babbles  Outage = "what it answers can't be read"
	Declines Outage = "it says no"
)

// providerHost is where it is in a bubble.
const providerHost = "provider.example.org"

// provider is one that is called over HTTP, on a line without any length.
type provider struct {
	b      *bench
	client *http.Client
	lines  chan net.Conn
	server *http.Server
	closed chan struct{}

	mu    sync.Mutex
	how   Outage
	words []string
}

func newProvider(b *bench) *provider {
	p := &provider{b: b, lines: make(chan net.Conn), closed: make(chan struct{})}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		p.mu.Lock()
		how := p.how
		p.mu.Unlock()
		if how == Unheard {
			return nil, errors.New("connection refused")
		}
		ours, theirs := net.Pipe()
		select {
		case p.lines <- theirs:
			return ours, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}, DisableKeepAlives: true}
	p.client = &http.Client{Transport: transport, Timeout: 20 * time.Second}
	p.server = &http.Server{Handler: http.HandlerFunc(p.answer)}
	go func() { _ = p.server.Serve(p) }()
	return p
}

// Accept, Close and Addr make it a net.Listener.
func (p *provider) Accept() (net.Conn, error) {
	select {
	case c := <-p.lines:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *provider) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *provider) Addr() net.Addr { return &net.TCPAddr{} }

func (p *provider) close() {
	p.client.CloseIdleConnections()
	_ = p.server.Close()
}

func (p *provider) answer(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	how := p.how
	p.mu.Unlock()
	if own := p.b.s.Push.Says[how]; own != nil {
		own(w, r)
		return
	}
	switch how {
	case Broken:
		http.Error(w, "broken", http.StatusServiceUnavailable)
	case Busy:
		w.Header().Set("Retry-After", "7")
		http.Error(w, "busy", http.StatusTooManyRequests)
	case Declines:
		http.Error(w, "{}", http.StatusUnprocessableEntity)
	case Hangs:
		_, _ = io.Copy(io.Discard, r.Body) // else the server doesn't look whether anybody is there
		<-r.Context().Done()
	case CutsOff:
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			c.Close()
		}
	case Babbles:
		fmt.Fprint(w, "<html>zz")
	default:
		// It is read twice: once for what it says, once by the answer.
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if words := p.b.s.Push.Got(r); words != "" {
			p.mu.Lock()
			p.words = append(p.words, words)
			p.mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.Form, r.PostForm, r.MultipartForm = nil, nil, nil
		p.b.s.Push.Takes(w, r)
	}
}

func (p *provider) Break(how Outage) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.how = how
	return how != Babbles || !p.b.s.Push.Once
}

func (p *provider) Got() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.words...)
}

// verdictOf what Deliver says is to be done.
func verdictOf(err error) string {
	if err == nil {
		return "taken"
	}
	if _, ok := channels.IsGone(err); ok {
		return "gone"
	}
	if channels.InDoubt(err) {
		return "doubt"
	}
	switch after, ok := channels.Retrying(err); {
	case !ok:
		return "nothing said"
	case errors.Is(err, channels.ErrThrottled):
		return "throttled " + after.String()
	}
	return "retry"
}

// pusher is the other end of what is pushed.
func (b *bench) pusher() Provider {
	b.Helper()
	if b.s.Push == nil {
		b.Fatal("it says that replies are pushed, and not to what")
	}
	if b.s.Push.Provider != nil {
		return b.s.Push.Provider(b, b.all)
	}
	return b.far
}

// down pushes pages to a provider that works, and to one that fails in each way that it can.
func down(b *bench) {
	to, page := b.address(numbers[0]), pageOf(marker + " 👍 مرحبا").Pages[0]
	b.onPaper()
	if b.s.Push == nil {
		if _, err := b.channel().Deliver(context.Background(), to, page, "k1"); verdictOf(err) != "gone" {
			b.Errorf("it can't push, and Deliver says %q: %v", verdictOf(err), err)
		}
		return
	}
	pusher := b.pusher()
	before := len(pusher.Got())
	deliver := func(key string) (string, string) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		receipt, err := b.channel().Deliver(ctx, to, page, key)
		if err != nil && (strings.Contains(err.Error(), marker) || strings.Contains(err.Error(), numbers[0][1:]) || strings.Contains(err.Error(), providerHost)) {
			b.Errorf("an error tells too much: %v", err)
		}
		if err != nil && receipt != "" {
			b.Errorf("an error, and a receipt all the same: %q %v", receipt, err)
		}
		return receipt, verdictOf(err)
	}
	if receipt, v := deliver("k1"); v != "taken" || receipt == "" {
		b.Fatalf("a page is %s, receipt %q", v, receipt)
	}
	if got := pusher.Got()[before:]; len(got) != 1 || b.s.Push.Sealed == "" && !strings.Contains(got[0], marker+" 👍 مرحبا") {
		b.Errorf("the provider was handed %q", got)
	}
	unsure := "doubt" // it may have gone
	if b.s.Push.Once {
		unsure = "retry"
	}
	for _, outage := range []struct {
		how  Outage
		want string
	}{{Unheard, "retry"}, {Broken, "retry"}, {Declines, "gone"}, {Hangs, unsure}, {CutsOff, unsure}, {Babbles, unsure}, {Busy, "throttled 7s"}} {
		how, want := outage.how, outage.want
		if !pusher.Break(how) {
			continue
		}
		if b.s.Push.Unsure[how] != "" {
			want = "doubt"
		}
		_, v := deliver("k " + string(how))
		if b.s.Push.Provider != nil { // how long, only HTTP says
			v, want = strings.Fields(v)[0], strings.Fields(want)[0]
		}
		if v != want && !(how == Unheard && v == "throttled") { // all of it waits then
			b.Errorf("%s: %s, want %s", how, v, want)
		}
	}
	pusher.Break(Well)
	time.Sleep(time.Minute)
	if _, v := deliver("k2"); v != "taken" {
		b.Errorf("the provider is well again, and a page is %s", v)
	}
	for name, c := range map[string]struct {
		to   channels.Address
		page render.Page
	}{
		"to another kind of address": {channels.Address{Kind: "carrier-pigeon", ID: "1"}, page},
		"nothing but spaces":         {to, render.Page{Lang: "en", Text: " \n"}},
	} {
		if c.page.Text != page.Text && b.channel().Traits().Form == engine.Speech {
			continue // who is rung without a page is asked as if they had rung
		}
		if _, err := b.channel().Deliver(context.Background(), c.to, c.page, "k3"); verdictOf(err) != "gone" {
			b.Errorf("%s: %s (%v), want gone", name, verdictOf(err), err)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.channel().Deliver(ended, to, page, "k4"); err == nil {
		b.Error("it was told not to wait any more, and says that it pushed")
	}
}
