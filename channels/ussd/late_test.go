package ussd

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/menu"
	"github.com/townline/townline/dialogs/render"
)

// texts is a channel for text messages that keeps what it sends.
type texts chan string

func (texts) Name() string          { return "sms.test" }
func (texts) Traits() render.Traits { return render.SMS }
func (s texts) Deliver(_ context.Context, to channels.Address, p render.Page, _ string) (string, error) {
	s <- to.ID + ": " + p.Text
	return "sent", nil
}

// dragging is a town that takes its time with what is keyed.
type dragging struct {
	*house
	gate chan struct{}
}

func (d dragging) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	if e.Kind == channels.Message && d.gate != nil {
		<-d.gate
	}
	return d.house.Receive(ctx, e)
}

// Whoever could not be answered in time is told so within the gateway's seconds, gets what came of it by text message, and
// goes on there; the town doesn't close before.
func TestALateAnswerIsTextedAndGoesOnThere(t *testing.T) {
	sent := make(texts, 8)
	h := newHouse(t, "hubtel", nil, sent)
	in := dragging{h, make(chan struct{})}
	h.mux = muxOf(h.line, in)
	running, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { h.exchange.Run(running); close(ran) }()
	defer func() { stop(); <-ran }()

	p := &phone{h: h, number: numbered(123)}
	p.dials(t, "session-1", "")
	h.clock.pass(10 * time.Second)
	words := (&walker{dialog: "street-problem"}).answers(&h.pages(p.number)[0])
	begun := time.Now()
	screen := p.sends(t, channels.Message, words)
	if took := time.Since(begun); took < menu.Patience || took > 4500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	if screen != "This takes a moment. We will send you a text message." || !p.over {
		t.Errorf("%q, over: %v", screen, p.over)
	}
	select {
	case text := <-sent:
		t.Fatalf("texted before it was done: %q", text)
	default:
	}
	// The town closes: what goes on is brought to its end first.
	closed := make(chan struct{})
	go func() { h.line.Wait(); close(closed) }()
	close(in.gate)
	<-closed
	select {
	case text := <-sent:
		if !strings.HasPrefix(text, p.number+": ") || !strings.Contains(text, "What is the problem?") || !strings.Contains(text, "1 Street light out") {
			t.Errorf("texted: %q", text)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was texted")
	}
	h.clock.pass(time.Minute)
	r, err := h.Receive(t.Context(), channels.Event{Channel: "sms.test", ID: "m1", From: channels.Address{Kind: "tel", ID: p.number}, Words: "1", At: h.clock.Now()})
	if err != nil || len(r.Pages) != 1 || !strings.Contains(r.Pages[0].Text, "Street and number") {
		t.Errorf("%+v %v", r, err)
	}
}

// A gateway that hangs up in the middle of a request has not cancelled it.
func TestAPhoneThatIsGoneCancelsNothing(t *testing.T) {
	h := newHouse(t, "hubtel", nil)
	p := &phone{h: h, number: numbered(123)}
	p.dials(t, "session-1", "")
	h.clock.pass(10 * time.Second)
	p.count = 2
	line, body := requestOf("hubtel", p, channels.Message, (&walker{dialog: "street-problem"}).answers(&h.pages(p.number)[0]))
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	h.mux.ServeHTTP(httptest.NewRecorder(), call(line, body).WithContext(gone))
	h.clock.pass(10 * time.Second)
	if screen := p.dials(t, "session-2", "1"); !strings.Contains(screen, "What is the problem?") {
		t.Errorf("%q", screen)
	}
}
