// Package preview is a channel like any other whose handsets are on a web page: whoever runs townline holds a conversation
// by text message without an account at a phone company. What it shows is what a handset would: text, nothing else.
package preview

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// Name of the channel.
const Name = "preview"

// Handset is one person on the page, by the number of their phone.
type Handset struct {
	Number string `json:"number"` // E.164, of those that no real person has
	Name   string `json:"name"`
	About  string `json:"about"`
	Lang   string `json:"lang"` // that their chat is set to
	Busy   bool   `json:"busy"` // somebody else looks at them
}

// Handsets are the people of the page, and the only ones: 202-555-01xx is kept for fiction (ATIS, NANPA).
func Handsets() []Handset {
	return []Handset{
		{Number: "+12025550101", Name: "Sam", About: "chat in English", Lang: "en"},
		{Number: "+12025550102", Name: "Rosa", About: "chat in Spanish", Lang: "es"},
		{Number: "+12025550103", Name: "Amina", About: "chat in Arabic", Lang: "ar"},
		{Number: "+12025550104", Name: "Wei", About: "chat in Chinese", Lang: "zh"},
	}
}

// StartWord is one dialog that can be begun.
type StartWord struct {
	Word  string `json:"word"`
	Title string `json:"title"`
	About string `json:"about"` // "Consultation, until 31 March 2027"
}

// Line is one line of what the town keeps.
type Line struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Kept is one record as the town keeps it.
type Kept struct {
	Title string `json:"title"`
	Lines []Line `json:"lines"`
	Note  string `json:"note"`  // whether it can be led back to the number
	Plain string `json:"plain"` // the record as JSON
	Mark  string `json:"mark"`  // the same for the same answers, whichever way they came
}

// Town is what the page shows beside the phone. Functions may be called from any number of goroutines, and may block.
type Town struct {
	Name    string
	Hosts   []string                        // names by which the page may be called, besides addresses; others are refused (DNS rebinding)
	Here    bool                            // for this machine alone: what a proxy says it passes on is refused
	Words   func() []StartWord              // in menu order
	Kept    func(number string) []Kept      // what the handset's owner left behind, newest first; nil: not shown
	Forward func(d time.Duration) time.Time // moves the town's clock; nil: there is no such button
	Now     func() time.Time                // the town's clock
	Saw     func(channels.Address, string)  // this address, too, is the handset's owner; nil: nobody wants to know
	Closing <-chan struct{}                 // closed when the server closes: pages that wait are answered; nil: never
}

// Preview is the channel.
type Preview struct {
	town  Town
	inbox channels.Inbox
	calls bool   // there is a telephone, too
	code  string // of the menus; "": there is no phone for menus
	chats bool   // there is a chat, too
	booth bool   // there is a machine as in the community centre, too

	mu      sync.Mutex
	threads map[string]*thread            // of texts, by number
	talks   map[string]*thread            // of the chat, by number
	watched map[string]map[string]*window // by number and by the page's own name
}

var (
	_ channels.Channel = (*Preview)(nil)
	_ channels.Mounter = (*Preview)(nil)
)

// New returns the channel; it serves nothing until it is mounted.
func New(town Town) *Preview {
	p := &Preview{town: town, threads: map[string]*thread{}, talks: map[string]*thread{}, watched: map[string]map[string]*window{}}
	for _, h := range Handsets() {
		p.threads[h.Number] = &thread{changed: make(chan struct{})}
		p.talks[h.Number] = &thread{changed: make(chan struct{})}
		p.watched[h.Number] = map[string]*window{}
	}
	return p
}

// Name is "preview".
func (p *Preview) Name() string { return Name }

// Traits are those of text messages.
func (p *Preview) Traits() render.Traits {
	t := render.SMS
	t.Name = Name
	return t
}

// knows says whether a number is one of the handsets'.
func (p *Preview) knows(number string) bool {
	_, ok := p.threads[number] // the handsets never change
	return ok
}

// Deliver shows a page on the handset. The same key again shows nothing new.
func (p *Preview) Deliver(ctx context.Context, to channels.Address, page render.Page, key string) (string, error) {
	switch {
	case ctx.Err() != nil:
		return "", channels.Retry(ctx.Err(), 0)
	case strings.TrimSpace(page.Text) == "":
		return "", channels.Gone(errors.New("preview: there is nothing to show"), "empty")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.threads[to.ID]
	if !ok {
		return "", channels.Gone(errors.New("preview: no such handset"), "unknown")
	}
	if !t.has(key) {
		t.add(fromTown(page, p.town.Now()), key)
	}
	return key, nil
}
