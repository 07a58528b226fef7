// Package voice holds telephone calls through Twilio. Each turn is one small document of TwiML: what is said, and where what
// comes back is posted to. The number of the turn is in that address, so that whatever is posted twice counts once.
package voice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// Name of the channel. What stands before the dot is the name of the traits.
const Name = "voice.twilio"

// Config is a town's line with Twilio.
type Config struct {
	AccountSID string   // "AC" and 32 hex digits
	AuthTokens []string // the one in use first; a second while it is replaced, further ones of subaccounts
	From       string   // the number that the town calls from, and is called at
	PublicURL  string   // how Twilio reaches this server: "https://talk.example.org"
	Country    string   // two letters: of numbers that come without one

	Town     string             // its name, for calls that go out
	Lang     string             // the town's first language
	Phrases  *locales.Catalogue // needed
	Desks    map[string]string  // the numbers of persons that calls are passed to, by the desk's name; "" is the town's own
	CallBack bool               // calls are turned away, which costs the caller nothing, and called back
	Speech   bool               // answers may be spoken as well. What Twilio understood is always confirmed by a key

	// Sound is the address under which Twilio can fetch the sound of words, and whether there is a voice for them here. Where
	// there isn't, Twilio's own voice says them if it has the language; else what is at the address is played all the same.
	// nil: Twilio says everything.
	Sound func(p call.Part) (address string, here bool)
	// Media is a recording of a resident's, by the name that pages have for it. nil: it is played from Twilio.
	Media func(ctx context.Context, ref string) (channels.Attachment, error)

	BaseURL string           // instead of https://api.twilio.com, for tests and proxies
	HTTP    *http.Client     // nil: one of our own
	Log     *slog.Logger     // nil: none. It is never told a number, a key or a word
	Now     func() time.Time // nil: time.Now
}

// Twilio is a town's calls by Twilio. It is safe for concurrent use.
type Twilio struct {
	cfg     Config
	account *twilio.Account
	sealer  sealer
	path    string // of the public address, before ours
	log     *slog.Logger
	now     func() time.Time
	recent  twilio.Recent
	calls   calls
	pages   pages
	busy    sync.WaitGroup // recordings that nobody wants are being deleted
}

var (
	_ channels.Channel = (*Twilio)(nil)
	_ channels.Mounter = (*Twilio)(nil)
	_ channels.Settler = (*Twilio)(nil)
	_ channels.Finder  = (*Twilio)(nil)
	_ channels.Fetcher = (*Twilio)(nil)
)

// New checks c and makes the channel.
func New(c Config) (*Twilio, error) {
	account, err := twilio.NewAccount(twilio.Settings{AccountSID: c.AccountSID, AuthTokens: c.AuthTokens, PublicURL: c.PublicURL, BaseURL: c.BaseURL, HTTP: c.HTTP, Now: c.Now})
	if err != nil {
		return nil, fmt.Errorf("voice: %w", err)
	}
	var ok bool
	if c.From, ok = channels.Number(c.From, c.Country); !ok || !strings.HasPrefix(c.From, "+") {
		return nil, errors.New("voice: the number at Twilio must look like +15550100")
	}
	desks := make(map[string]string, len(c.Desks))
	for name, number := range c.Desks {
		if desks[name], ok = channels.Number(number, c.Country); !ok {
			return nil, fmt.Errorf("voice: the number of the desk %q must look like +15550100", name)
		}
	}
	c.Desks = desks
	if c.Phrases == nil {
		return nil, errors.New("voice: phrases are needed")
	}
	if c.Lang == "" {
		c.Lang = locales.Source
	}
	t := &Twilio{cfg: c, account: account, sealer: newSealer(c.AuthTokens), path: pathOf(c.PublicURL), log: c.Log, now: c.Now}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if t.now == nil {
		t.now = time.Now
	}
	return t, nil
}

// pathOf is what a public address has after its host, without the slash at the end.
func pathOf(public string) string {
	public, _, _ = strings.Cut(public, "#")
	_, rest, _ := strings.Cut(public, "://")
	_, path, ok := strings.Cut(rest, "/")
	if path = strings.TrimRight(path, "/"); !ok || path == "" {
		return ""
	}
	return "/" + path
}

func (t *Twilio) Name() string { return Name }

func (t *Twilio) Traits() render.Traits { return render.Voice }

// Wait waits until what goes on beside the calls is done: recordings that nobody wants are deleted at Twilio.
func (t *Twilio) Wait() { t.busy.Wait() }
