package preview

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/channeltest"
	"github.com/townline/townline/locales"
)

// desktop is the browser with the telephones: it asks for orders, carries them out, and tells what was done.
type desktop struct {
	t       testing.TB
	mux     *http.ServeMux
	closing chan struct{} // of the town

	mu    sync.Mutex
	calls map[string]string        // that a number is in
	said  map[string][]string      // last, by the call
	heard map[string]chan struct{} // closed once what came of a message was listened to, by its id
	tells int
	how   channeltest.Outage
	got   []string // what was heard in calls of the town's
}

func newDesktop(t testing.TB, all []channels.Channel, in channels.Inbox, closing chan struct{}) *desktop {
	d := &desktop{t: t, mux: http.NewServeMux(), calls: map[string]string{}, said: map[string][]string{}, heard: map[string]chan struct{}{}, closing: closing}
	for _, c := range all {
		c.(channels.Mounter).Mount(d.mux, in)
	}
	return d
}

// tellOf is what the page posts for m.
func tellOf(m channeltest.Message) (path string, w told) {
	w = told{From: m.From, Call: m.Visit, ID: m.ID, What: "line", Words: m.Words}
	switch {
	case m.Kind == channels.Dialed:
		return "call/dial", w
	case m.Kind == channels.HungUp:
		w.What = "hungup"
	case len(m.Words) == 1 && strings.Contains("0123456789*#", m.Words) && m.Page != nil && m.Page.Listen != nil && m.Page.Listen.Keys == 1:
		w.What, w.Key, w.Words = "key", m.Words, ""
	}
	return "call/told", w
}

func (d *desktop) ask(ctx context.Context, r *http.Request) channeltest.Answer {
	rec := httptest.NewRecorder()
	d.mux.ServeHTTP(rec, r.WithContext(ctx))
	a := channeltest.Answer{Verdict: channeltest.Refused, Said: fmt.Sprint(rec.Code), Status: rec.Code, Header: rec.Header(), Body: rec.Body.Bytes()}
	switch {
	case rec.Code < 300:
		a.Verdict = channeltest.Taken
	case rec.Code >= 500:
		a.Verdict = channeltest.Later
	}
	return a
}

func (d *desktop) tell(w told) channeltest.Answer {
	d.mu.Lock()
	d.tells++
	if w.ID == "" {
		w.ID = fmt.Sprint("tell ", d.tells)
	}
	d.mu.Unlock()
	return d.ask(d.t.Context(), posted("call/told", w))
}

// news are the orders of a call after a number of them; it waits for one.
func (d *desktop) news(from, call string, after int, wait time.Duration) (out ordered) {
	ctx, done := context.WithTimeout(d.t.Context(), wait)
	defer done()
	q := url.Values{"from": {from}, "call": {call}, "after": {fmt.Sprint(after)}}
	_ = json.Unmarshal(d.ask(ctx, httptest.NewRequest("GET", "http://localhost/preview/call/orders?"+q.Encode(), nil)).Body, &out)
	return out
}

// plays carries orders out until nothing more comes; what was said last is returned.
func (d *desktop) plays(from, call string, after int) (said []string) {
	fresh := true
	for wait := 5 * time.Second; ; wait = 2 * time.Second {
		out := d.news(from, call, after, wait)
		if len(out.Orders) == 0 || out.Call != call {
			return said
		}
		for _, o := range out.Orders {
			after = o.Number
			if o.Do != "say" {
				fresh = true
				continue
			}
			if fresh {
				said, fresh = nil, false
			}
			for _, part := range o.Parts {
				said = append(said, part.Words)
				time.Sleep(time.Duration(len(part.Words)) * 10 * time.Millisecond)
			}
			d.tell(told{From: from, Call: call, What: "done", Order: o.Number})
		}
	}
}

// had is how many orders there are of the call that a message belongs to.
func (d *desktop) had(m channeltest.Message) int {
	out := d.news(m.From, m.Visit, 0, time.Millisecond)
	if out.Call != m.Visit {
		return 0
	}
	return len(out.Orders)
}

// Send has a handset dial, press or ring off, and listens to what is said then.
func (d *desktop) Send(m channeltest.Message) channeltest.Answer {
	d.mu.Lock()
	was := d.calls[m.From]
	d.mu.Unlock()
	path, w := tellOf(m)
	if m.Kind == channels.Dialed && was != "" && was != m.Visit {
		d.tell(told{From: m.From, Call: was, What: "hungup"})
	}
	d.mu.Lock()
	listening, again := d.heard[m.ID]
	if !again {
		listening = make(chan struct{})
		d.heard[m.ID] = listening
		defer close(listening)
	}
	d.mu.Unlock()
	after := d.had(m)
	a := d.ask(d.t.Context(), posted(path, w))
	if a.Verdict != channeltest.Taken {
		return a
	}
	if again { // one ear listens
		<-listening
		after = d.had(m)
	}
	said := d.plays(m.From, m.Visit, after)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[m.From] = m.Visit
	if said != nil { // else what was said before is in the ear still
		d.said[m.Visit] = said
	}
	a.Shown = d.said[m.Visit]
	return a
}

// Close closes the town: calls end.
func (d *desktop) Close() error {
	close(d.closing)
	return nil
}

// Break has nobody be at the page, or nobody answer.
func (d *desktop) Break(how channeltest.Outage) bool {
	d.mu.Lock()
	d.how = how
	d.mu.Unlock()
	return how == channeltest.Well || how == channeltest.Unheard || how == channeltest.Hangs
}

// Got are the words that were heard once 1 was pressed.
func (d *desktop) Got() []string {
	time.Sleep(20 * time.Second) // it is said by now
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.got...)
}

// answers answers the calls of the town's to a number.
func (d *desktop) answers(number string) {
	for {
		select {
		case <-d.closing:
			return
		case <-time.After(time.Second):
		}
		d.mu.Lock()
		how := d.how
		d.mu.Unlock()
		if how == channeltest.Unheard {
			continue
		}
		out := d.news(number, "", 0, time.Millisecond)
		if how != channeltest.Well || out.Call == "" || len(out.Orders) == 0 || out.Orders[0].Do != "ring" {
			continue
		}
		d.tell(told{From: number, Call: out.Call, What: "answered", Yes: true})
		d.plays(number, out.Call, 1)
		after := len(d.news(number, out.Call, 0, time.Millisecond).Orders)
		d.tell(told{From: number, Call: out.Call, What: "key", Key: "1"})
		words := strings.Join(d.plays(number, out.Call, after), " ")
		d.tell(told{From: number, Call: out.Call, What: "hungup"})
		d.mu.Lock()
		d.got = append(d.got, words)
		d.mu.Unlock()
	}
}

func TestCallsConform(t *testing.T) {
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	var far *desktop
	var closing chan struct{}
	channeltest.Run(t, channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			closing = make(chan struct{})
			p := page(s)
			p.town.Closing = closing
			return []channels.Channel{NewTelephone(p, nil, phrases, "en"), p}
		},
		HTTP: &channeltest.HTTP{
			Request: func(m channeltest.Message) *http.Request { return posted(tellOf(m)) },
			Forged:  func(m channeltest.Message) map[string]*http.Request { return strangers(tellOf(m)) },
			Most:    mostBody,
		},
		Connect: func(t testing.TB, all []channels.Channel, in channels.Inbox) channeltest.Wire {
			far = newDesktop(t, all, in, closing)
			return far
		},
		Push: &channeltest.Push{Once: true, Provider: func(testing.TB, []channels.Channel) channeltest.Provider {
			go far.answers(first)
			return far
		}},
		Sorry: func(a channeltest.Answer) bool {
			return strings.Contains(strings.Join(a.Shown, " "), call.Say(phrases, "en", call.PhraseMoment)[0].Words)
		},
		Visits: true, Longest: mostWords,
		Not: map[channeltest.Check]string{channeltest.Pictures: "a call carries no pictures"},
	})
}
