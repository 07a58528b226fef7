// Package menu is what all menus on a phone's screen (USSD) share, whichever way their requests come: a gateway waits a few
// seconds for a screen, and whoever dialled sees no screen at all when it is late. So a turn is given three seconds. One
// that takes longer goes on by itself, and the resident gets its outcome by text message, or dials again. What is promised is on
// disk before the screen says it, so that a process that dies loses none of it.
package menu

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/sealed"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// Phrases that a menu ends with when the town's answer can't be had.
const (
	PhraseLate  = "@ussd.late"  // a text message will come
	PhraseWait  = "@ussd.wait"  // please dial again in some minutes: it goes on meanwhile, and nothing is lost
	PhraseAgain = "@ussd.again" // please dial again: nothing is promised
)

const (
	// Patience is what a turn may take before the screen is sent without it. The shortest-tempered gateway gives five
	// seconds for all of it.
	Patience = 3 * time.Second

	mostLate   = 1000            // turns that go on by themselves at the same time
	oneTry     = 2 * time.Minute // of a turn that goes on
	firstPause = 500 * time.Millisecond
	mostPause  = 30 * time.Second
	ending     = 8 * time.Second // for what still goes on when the town closes
)

// Config is what a Menu needs to know of its channel and its town.
type Config struct {
	Channel string
	Traits  render.Traits
	Phrases *locales.Catalogue
	Lang    string       // the town's first language
	Texts   bool         // the town can send text messages
	Dir     string       // for what was promised, until it is kept; "": memory
	Secret  []byte       // what is in Dir is sealed with it
	Log     *slog.Logger // nil: none
}

// Menu holds the turns of one channel of menus. It keeps nothing of them: which request is new and which came before is
// told by what is on disk, so that any server of the town can take any of them. It is safe for concurrent use.
type Menu struct {
	cfg    Config
	log    *slog.Logger
	counts Counts
	langs  langs
	kept   *sealed.Folder // nil: memory

	late   chan struct{} // holds a token for each turn that goes on by itself
	mu     sync.Mutex
	going  int           // turns under way
	idle   chan struct{} // closed when there are none any more; nil: nobody waits
	closed chan struct{} // once the town closes: what failed isn't waited for any more
	over   bool          // it is
}

// New makes the menus of a channel.
func New(c Config) *Menu {
	m := &Menu{cfg: c, log: c.Log, kept: keptIn(&c), late: make(chan struct{}, mostLate), closed: make(chan struct{})}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	return m
}

// Counts of what went on.
func (m *Menu) Counts() *Counts { return &m.counts }

// outcome of a turn.
type outcome struct {
	reply channels.Reply
	err   error
}

// Turn hands e to the town and returns the screen to show, within Patience. The turn itself isn't given up, neither then
// nor when ctx ends because the phone is gone. An error, which only somebody who went gets, means that nothing was taken.
func (m *Menu) Turn(ctx context.Context, in channels.Inbox, e channels.Event) (Screen, error) {
	ctx = context.WithoutCancel(ctx)
	own, giveUp := context.WithCancel(ctx)
	done, gone := make(chan outcome), make(chan *promise, 1) // closed where nobody waits for what comes of it
	m.enter()
	go func() {
		defer m.leave()
		defer giveUp()
		try, cancel := context.WithTimeout(own, oneTry)
		defer cancel()
		o := receive(try, in, e)
		select {
		case done <- o:
		case p, late := <-gone:
			if late {
				m.keeps(own, in, e, p, o.err == nil)
			}
		}
	}()
	o, p, late := m.waits(e, done)
	if !late {
		m.settled(p)
		if o.err != nil {
			m.counts.failed.Add(1)
			m.log.LogAttrs(ctx, channels.Level(o.err), "menu not held", slog.String("channel", m.cfg.Channel), slog.Any("error", o.err))
			if e.Kind == channels.HungUp {
				return Screen{}, o.err
			}
			return m.last(e, PhraseAgain), nil
		}
		return m.screen(e, o.reply), nil
	}
	m.counts.late.Add(1)
	if e.Kind == channels.HungUp { // nobody is there to be told
		close(gone)
		return Screen{Over: true}, nil
	}
	holds := m.holds(p)
	select {
	case m.late <- struct{}{}:
		gone <- p
	default: // the store is away, and for long: what is not on disk by now is not promised
		giveUp()
		close(gone)
		m.settled(p)
		return m.last(e, PhraseAgain), nil
	}
	m.log.LogAttrs(ctx, slog.LevelWarn, "menu ended: its turn takes long and goes on by itself", slog.String("channel", m.cfg.Channel))
	switch {
	case !holds:
		return m.last(e, PhraseAgain), nil
	case m.cfg.Texts:
		return m.last(e, PhraseLate), nil
	}
	return m.last(e, PhraseWait), nil
}

// waits for what comes of a turn. Towards the end of Patience what is to be promised is put on disk.
func (m *Menu) waits(e channels.Event, done <-chan outcome) (o outcome, p *promise, late bool) {
	soon, patience := time.NewTimer(Patience-keeping), time.NewTimer(Patience)
	defer soon.Stop()
	defer patience.Stop()
	for {
		select {
		case o = <-done:
			return o, p, false
		case <-soon.C:
			if e.Kind != channels.HungUp {
				p = m.promise(e)
			}
		case <-patience.C:
			return o, p, true
		}
	}
}

// receive is in.Receive whose panic is an error: it would take the whole town with it, as nobody above recovers it here.
func receive(ctx context.Context, in channels.Inbox, e channels.Event) (o outcome) {
	defer func() {
		if recover() != nil {
			o = outcome{err: errors.New("menu: the turn broke")} // what the panic says may hold an answer
		}
	}()
	o.reply, o.err = in.Receive(ctx, e)
	return o
}

// keeps brings a turn that nobody waits for any more to its end, unless it was held, and then has the town text what came of it.
func (m *Menu) keeps(ctx context.Context, in channels.Inbox, e channels.Event, p *promise, held bool) {
	defer func() { <-m.late }()
	if held || m.insists(ctx, in, e) {
		e.Kind = channels.Overdue
		held = m.insists(ctx, in, e)
	}
	switch {
	case held:
		m.settled(p)
	case p != nil && m.holds(p):
		m.log.LogAttrs(ctx, slog.LevelWarn, "menu: a text that was promised is sent when the town opens again", slog.String("channel", m.cfg.Channel))
	default:
		m.counts.lost.Add(1)
		m.log.LogAttrs(ctx, slog.LevelError, "menu: a text that was promised can't be sent, as the town closes", slog.String("channel", m.cfg.Channel))
	}
}

// insists hands e to the town until it is taken, or the town closes: then once more, without a pause.
func (m *Menu) insists(ctx context.Context, in channels.Inbox, e channels.Event) bool {
	last := false
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		try, cancel := context.WithTimeout(ctx, oneTry)
		o := receive(try, in, e)
		cancel()
		if o.err == nil {
			return true
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-m.ending():
			wait.Stop()
			if !last {
				last = true
				continue
			}
			m.log.LogAttrs(ctx, slog.LevelError, "menu: a turn can't be held, and the town closes", slog.String("channel", m.cfg.Channel), slog.Any("error", o.err))
			return false
		}
	}
}

// ending is closed once the town closes.
func (m *Menu) ending() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}

func (m *Menu) enter() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.going++
}

func (m *Menu) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.going--; m.going == 0 && m.idle != nil {
		close(m.idle)
		m.idle = nil
	}
}

// Close waits for the turns that go on by themselves, for a few seconds: what failed isn't tried much longer. Call it when no
// request comes in any more.
func (m *Menu) Close() error {
	m.mu.Lock()
	if !m.over {
		m.over = true
		close(m.closed)
	}
	if m.going == 0 {
		m.mu.Unlock()
		return nil
	}
	if m.idle == nil {
		m.idle = make(chan struct{})
	}
	idle := m.idle
	m.mu.Unlock()
	end := time.NewTimer(ending)
	defer end.Stop()
	select {
	case <-idle:
		return nil
	case <-end.C:
		return errors.New("menu: turns that took long are given up")
	}
}

// Screen is what the phone shows.
type Screen struct {
	Text string
	Lang string // "" where it isn't known
	Over bool   // nothing is awaited any more: the gateway may close
}

// screen is the one screen of a reply. The conversation gives one page at a time, each of which fits: anything else is
// mended here as well as it can be, counted and logged, so that no gateway ever cuts in the middle of a word.
func (m *Menu) screen(e channels.Event, r channels.Reply) Screen {
	s := Screen{Over: r.Over}
	if e.Kind == channels.HungUp {
		return Screen{Over: true}
	}
	var words []string
	for i := range r.Pages {
		if r.Pages[i].Lang != "" {
			s.Lang = r.Pages[i].Lang
		}
		if text := strings.TrimSpace(r.Pages[i].Text); text != "" {
			words = append(words, text)
		}
	}
	if len(words) == 0 { // an answer to what was on show long ago
		return m.last(e, PhraseAgain)
	}
	m.langs.note(e.From.ID, s.Lang)
	text := strings.Join(words, "\n")
	var cut bool
	if s.Text, cut = render.Cut(shown(text), m.cfg.Traits); cut {
		m.counts.cut.Add(1)
		m.log.Error("a screen was longer than it may be, and was cut", slog.String("channel", m.cfg.Channel), slog.Int("pages", len(words)), slog.String("lang", s.Lang))
	}
	return s
}

// last is a screen in the town's own words, after which the menu is closed.
func (m *Menu) last(e channels.Event, phrase string) Screen {
	lang := m.langs.of(e.From.ID)
	if lang == "" {
		lang = m.cfg.Lang
	}
	text, _ := render.Cut(m.cfg.Phrases.Language(lang).Phrase(phrase, locales.Short), m.cfg.Traits)
	return Screen{Text: text, Lang: lang, Over: true}
}

// shown is s as a phone's screen can carry it: control characters but line feeds are left out.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r < 0x20, r >= 0x7f && r < 0xa0, r == '\ufffe', r == '\uffff':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
