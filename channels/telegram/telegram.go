// Package telegram holds conversations with residents in Telegram: updates come in by a webhook or by long polling, one after the
// other of each chat; pages go out as messages with buttons under them.
package telegram

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// Name of the channel, and Kind of its addresses: the ID of one is the number of the resident's chat.
const (
	Name = "telegram"
	Kind = "telegram"
)

// Config is a town's bot.
type Config struct {
	Token     string // of BotFather: "123456:ABC-DEF…"
	Webhook   bool   // Telegram calls us; else we ask Telegram
	Secret    string // Webhook: what Telegram shows in each call, 16 to 256 letters, digits, "_" or "-"
	PublicURL string // Webhook: how Telegram reaches this server: "https://talk.example.org"
	Languages []string
	Phrases   *locales.Catalogue

	BaseURL string           // instead of https://api.telegram.org: a Bot API server of one's own, a test's
	HTTP    *http.Client     // nil: one of our own
	Log     *slog.Logger     // nil: none
	Now     func() time.Time // nil: time.Now
}

// Telegram is a town's bot at work. It is safe for concurrent use.
type Telegram struct {
	cfg    Config
	api    *api
	log    *slog.Logger
	now    func() time.Time
	chats  chats
	poison poison
	groups declined
	order  [64]sync.Mutex // one update of a chat at a time, where Telegram calls
	side   beside
	hushed atomic.Int64 // when a forged call was last logged
	pause  func(tries int) time.Duration
}

var (
	_ channels.Channel  = (*Telegram)(nil)
	_ channels.Mounter  = (*Telegram)(nil)
	_ channels.Listener = (*Telegram)(nil)
	_ channels.Fetcher  = (*Telegram)(nil)
)

var (
	tokenShape  = regexp.MustCompile(`^[0-9]{1,20}:[A-Za-z0-9_-]{20,128}$`)
	secretShape = regexp.MustCompile(`^[A-Za-z0-9_-]{16,256}$`)
)

// New checks c and makes the channel. Nothing is asked of Telegram before Listen.
func New(c Config) (*Telegram, error) {
	if !tokenShape.MatchString(c.Token) {
		return nil, errors.New("telegram: the token must look like 123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11")
	}
	if c.Phrases == nil || len(c.Languages) == 0 {
		return nil, errors.New("telegram: phrases and languages are needed")
	}
	if c.Webhook {
		if !secretShape.MatchString(c.Secret) {
			return nil, errors.New("telegram: a webhook needs a secret of 16 to 256 letters, digits, _ or -")
		}
		if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || u.Scheme != "https" {
			return nil, errors.New("telegram: Telegram calls addresses that begin with https only")
		}
	}
	if c.BaseURL = strings.TrimRight(c.BaseURL, "/"); c.BaseURL == "" {
		c.BaseURL = "https://api.telegram.org"
	} else if u, err := url.Parse(c.BaseURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("telegram: the address of the Bot API can't be read")
	}
	t := &Telegram{cfg: c, log: c.Log, now: c.Now, pause: pause}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if t.now == nil {
		t.now = time.Now
	}
	var err error
	if t.api, err = newAPI(c.BaseURL, c.Token, c.HTTP, t.log); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Telegram) Name() string { return Name }

// Traits are Telegram's: eight buttons, which are the seven options that have a digit everywhere and 8 for more; a hundred would
// fit, and nobody would read them. A label may have 64 characters; a phone shows the first 20 to 40 of a button that has a row of
// its own, so the digit stands in front of it, and the whole stands in the words above. Nothing can be said in answer to an
// update that the limits and the outbox would know of, so replies are pushed.
func (t *Telegram) Traits() render.Traits {
	traits := render.Telegram
	traits.Pushed = true
	return traits
}

// Path is where Telegram calls: nobody can guess it, and it says nothing of the token.
func (t *Telegram) Path() string {
	sum := sha256.Sum256([]byte("townline's webhook\x00" + t.cfg.Token))
	return "/telegram/" + hex.EncodeToString(sum[:8])
}

// Wait returns when what goes on beside the turns is over: buttons that are taken away, presses that are confirmed.
func (t *Telegram) Wait() { t.side.wait() }

// beside does small things that no turn waits for, so many at a time; do says false of what is more, and leaves it out.
type beside struct {
	mu    sync.Mutex
	count int
	idle  chan struct{} // closed when nothing is left
}

const (
	mostBeside     = 500
	besidePatience = 20 * time.Second
)

func (b *beside) do(f func(context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.count == mostBeside {
		return false
	}
	if b.count++; b.count == 1 {
		b.idle = make(chan struct{})
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), besidePatience)
		defer cancel()
		f(ctx)
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.count--; b.count == 0 {
			close(b.idle)
		}
	}()
	return true
}

// wait may be called while more is begun; it returns at a moment when nothing is left.
func (b *beside) wait() {
	b.mu.Lock()
	idle := b.idle
	b.mu.Unlock()
	if idle != nil {
		<-idle
	}
}

// pause between tries: a second, doubled up to a minute.
func pause(tries int) time.Duration { return min(time.Second<<min(max(tries-1, 0), 10), time.Minute) }
