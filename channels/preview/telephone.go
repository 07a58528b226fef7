package preview

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// CallName is the name of the channel that calls on the page have.
const CallName = Name + ".call"

// Sound makes what a call says. *audio.Shelf is one.
type Sound interface {
	// Address is the last part of the address under which ServeHTTP serves an utterance.
	Address(u audio.Utterance) string
	ServeHTTP(w http.ResponseWriter, r *http.Request)
	Speak(ctx context.Context, u audio.Utterance) (*audio.PCM, error)
}

// Telephone is the page's telephone: a line like any other, whose keypad, ear and mouth are the browser's. What is said, what
// the keys mean and how long a silence lasts is decided where it is for every line (channels/call).
type Telephone struct {
	p       *Preview
	sound   Sound // nil: nothing is heard, and the words are read
	phrases *locales.Catalogue
	lang    string

	mu    sync.Mutex
	calls map[string]*line     // by the handset's number; the last one of each
	keys  map[string]time.Time // of pages that were delivered lately
}

var (
	_ channels.Channel = (*Telephone)(nil)
	_ channels.Mounter = (*Telephone)(nil)
)

// NewTelephone puts a telephone beside the texts of p, before either is mounted. lang is the town's first language.
func NewTelephone(p *Preview, sound Sound, phrases *locales.Catalogue, lang string) *Telephone {
	p.calls = true
	return &Telephone{p: p, sound: sound, phrases: phrases, lang: lang, calls: map[string]*line{}, keys: map[string]time.Time{}}
}

// Name is "preview.call".
func (t *Telephone) Name() string { return CallName }

// Traits are those of a telephone.
func (t *Telephone) Traits() render.Traits {
	v := render.Voice
	v.Name = CallName
	return v
}

const (
	ringTime = 25 * time.Second // that the handset rings when the town calls
	redial   = time.Minute      // until the town tries again
	lineIdle = 45 * time.Second // without a sign of the page, after which nobody is there
)

// Deliver rings the handset. Who answers and presses 1 hears the page.
func (t *Telephone) Deliver(ctx context.Context, to channels.Address, page render.Page, key string) (string, error) {
	if !t.p.knows(to.ID) {
		return "", channels.Gone(errors.New("preview: no such handset"), "unknown")
	}
	t.mu.Lock()
	if _, twice := t.keys[key]; twice {
		t.mu.Unlock()
		return key, nil
	}
	if l := t.calls[to.ID]; l != nil && !l.ended() {
		t.mu.Unlock()
		return "", channels.Retry(errors.New("preview: the handset is engaged"), redial)
	}
	l := newLine(t, to.ID)
	t.calls[to.ID] = l
	t.mu.Unlock()
	l.order(Order{Do: "ring"})
	if err := l.await(ctx, ringTime, func() bool { return l.answered }); err != nil || !l.isAnswered() {
		l.end()
		if ctx.Err() != nil {
			return "", channels.Retry(ctx.Err(), redial)
		}
		return "", channels.Retry(errors.New("preview: nobody answered"), redial)
	}
	t.mu.Lock()
	t.keys[key] = t.p.town.Now()
	t.mu.Unlock()
	c := l.call(nil)
	c.Taken = true
	if page.String() != "" || len(page.Spoken) > 0 {
		c.Pages = []render.Page{page}
	}
	go func() {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		if yes, err := call.Answered(ctx, l, c); err != nil || !yes {
			l.end()
			return
		}
		l.hold(ctx, c)
	}()
	return key, nil
}

// dial begins a call of the handset's.
func (t *Telephone) dial(number, id string) (*line, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.calls[number]; l != nil && !l.ended() {
		if l.id == id { // the same press of the button again
			return l, true
		}
		return nil, false
	}
	l := newLine(t, number)
	l.id = id
	l.answered = true
	t.calls[number] = l
	go l.hold(context.Background(), l.call(nil))
	return l, true
}

// line of a handset, if it has one.
func (t *Telephone) line(number string) *line {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.calls[number]
}

// call is what the line knows of its call.
func (l *line) call(pages []render.Page) call.Call {
	return call.Call{
		Channel: CallName, ID: l.id, From: channels.Address{Kind: "tel", ID: l.number}, To: Name, Lang: l.t.lang, Town: l.t.p.town.Name,
		Pages: pages, Phrases: l.t.phrases, Now: l.t.p.town.Now,
	}
}

// hold holds the call to its end, or until the town closes.
func (l *line) hold(ctx context.Context, c call.Call) {
	defer l.end()
	ctx, done := context.WithCancel(ctx)
	defer done()
	go func() {
		select {
		case <-l.t.p.town.Closing:
			done()
		case <-ctx.Done():
		}
	}()
	_ = call.Hold(ctx, l, l.t.p.inbox, c) // a call that the town can't hold was ended with a sentence
}

func newLine(t *Telephone, number string) *line {
	return &line{t: t, id: rand.Text(), number: number, changed: make(chan struct{}), seen: time.Now()}
}
