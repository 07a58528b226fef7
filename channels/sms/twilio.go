package sms

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/dialogs/render"
)

// TwilioConfig is a town's account with Twilio.
type TwilioConfig struct {
	AccountSID string   // "AC" and 32 hex digits
	AuthTokens []string // the one in use first; a second while it is replaced, further ones of subaccounts
	From       string   // the number that texts come from, or the SID of a messaging service (MG…)
	WhatsApp   string   // the number that WhatsApp messages come from; "": From
	PublicURL  string   // how Twilio reaches this server: "https://talk.example.org"
	Country    string   // two letters: of numbers that come without one; usually not needed
	Content    Content  // WhatsApp buttons and lists, where the town made templates for them

	BaseURL string           // instead of https://api.twilio.com, for tests and proxies
	HTTP    *http.Client     // nil: one of our own
	Log     *slog.Logger     // nil: none
	Now     func() time.Time // nil: time.Now
}

// Twilio is a town's texts by Twilio: webhooks in, TwiML back, pushes by REST. Mount serves WhatsApp's messages as well,
// which Twilio sends to the same address; WhatsApp returns the channel that pushes there.
type Twilio struct {
	cfg     TwilioConfig
	account *twilio.Account
	log     *slog.Logger
	now     func() time.Time
	recent  twilio.Recent
}

var (
	_ channels.Channel = (*Twilio)(nil)
	_ channels.Mounter = (*Twilio)(nil)
	_ channels.Settler = (*Twilio)(nil)
	_ channels.Finder  = (*Twilio)(nil)
)

var serviceSID = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)

// NewTwilio checks c and makes the channel.
func NewTwilio(c TwilioConfig) (*Twilio, error) {
	account, err := twilio.NewAccount(twilio.Settings{AccountSID: c.AccountSID, AuthTokens: c.AuthTokens, PublicURL: c.PublicURL, BaseURL: c.BaseURL, HTTP: c.HTTP, Now: c.Now})
	if err != nil {
		return nil, fmt.Errorf("sms: %w", err)
	}
	if c.From != "" && !serviceSID.MatchString(c.From) {
		from, ok := channels.Number(c.From, c.Country)
		if !ok {
			return nil, errors.New("sms: Twilio's number must look like +15550100, or be the SID of a messaging service (MG…)")
		}
		c.From = from
	}
	if c.WhatsApp = strings.TrimPrefix(c.WhatsApp, whatsAppPrefix); c.WhatsApp != "" {
		from, ok := channels.Number(c.WhatsApp, c.Country)
		if !ok {
			return nil, errors.New("sms: the number of WhatsApp must look like +15550100")
		}
		c.WhatsApp = from
	}
	if c.From == "" && c.WhatsApp == "" {
		return nil, errors.New("sms: Twilio's number is missing")
	}
	if err := c.Content.check(); err != nil {
		return nil, err
	}
	t := &Twilio{cfg: c, account: account, log: c.Log, now: c.Now}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if t.now == nil {
		t.now = time.Now
	}
	return t, nil
}

func (t *Twilio) Name() string { return TwilioName }

func (t *Twilio) Traits() render.Traits { return render.SMS }

// Mount serves POST /sms/twilio, where messages come in, and POST /sms/twilio/status, where Twilio tells what became of
// pushes.
func (t *Twilio) Mount(mux *http.ServeMux, in channels.Inbox) {
	mux.HandleFunc("POST /sms/twilio", func(w http.ResponseWriter, r *http.Request) {
		f, ok := t.open(w, r)
		if !ok {
			return
		}
		e, err := t.event(f)
		if errors.Is(err, errNobody) {
			t.log.LogAttrs(r.Context(), slog.LevelInfo, "text message from a name, which can't be answered", trace(TwilioName, f.Value("MessageSid")))
			writeTwiML(w, nil)
			return
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply, ok := receive(w, r, in, t.log, e)
		if !ok {
			return
		}
		if f.Value("OptOutType") != "" {
			reply.Pages = nil // Twilio has answered the resident itself
		}
		writeTwiML(w, reply.Pages)
	})
	mux.HandleFunc("POST /sms/twilio/status", func(w http.ResponseWriter, r *http.Request) {
		if f, ok := t.open(w, r); ok {
			t.status(w, r, in, f)
		}
	})
}

// open reads a request of Twilio's. Where ok is false, it is answered.
func (t *Twilio) open(w http.ResponseWriter, r *http.Request) (f twilio.Form, ok bool) {
	f, err := t.account.Open(w, r)
	if errors.Is(err, twilio.ErrUnsigned) {
		t.log.LogAttrs(r.Context(), slog.LevelWarn, "signature of Twilio's is wrong: is public_url the address set at Twilio, and the auth token in force?",
			slog.String("channel", TwilioName), slog.Bool("signed", r.Header.Get("X-Twilio-Signature") != ""))
	}
	return f, err == nil
}
