// Package kiosk is the large, spoken page: on the machine in the community centre (/kiosk), and the same on a resident's own
// phone or the library's computer (/web). A page is one request, complete without a script; nothing of a visit is kept in
// memory, so that a restart, or another node, goes on where the visitor is.
package kiosk

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// The two channels of this package.
const (
	Name    = "kiosk"
	WebName = "web"
)

// Settings are what the pages need to know. Phrases are needed; the zero value of everything else works.
type Settings struct {
	Town      string   // as residents call it
	Languages []string // the town's, first one first; nil: all that Phrases has
	Phrases   *locales.Catalogue
	Sound     Sound  // nil: nothing is read aloud, and the pages say so
	Texts     bool   // a code can be texted to a number that the visitor gives
	Number    string // the town's number, to be texted a code from a phone (QR); E.164
	PublicURL string // how a phone reaches the server; without a Number a code's QR leads to /web there
	Bot       string // the name of the town's bot at Telegram; without the two above a code's QR leads to it
	// Hosts are the names that the page may be called by, besides addresses; others are refused (DNS rebinding). nil: any.
	Hosts []string

	Idle       time.Duration // kiosk: nothing touched for so long, and the page asks whether somebody is there; 0: 3 min
	Warn       time.Duration // kiosk: and for so long again, and the visit is over; 0: 45 s
	Press      time.Duration // kiosk: the same control is not taken again for so long; 0: half a second
	Scan       time.Duration // kiosk: with one switch, the mark moves on after this; 0: no such switch
	Move       string        // kiosk: with two switches, the key that moves (KeyboardEvent.key); "": none
	Choose     string        // kiosk: and the one that chooses
	Phones     bool          // kiosk: speech only while headphones are connected
	Sink       string        // kiosk: speech only to the sound device whose label has this; "": any
	Microphone bool          // kiosk: the machine has one, and voices may be recorded

	// Over is told when a visit ends; visit is the ID of the visitor's address. It may be called twice for one visit, and
	// must not block.
	Over func(visit string)
	// Print prints what the visitor takes home. It may block until ctx ends, after some seconds. nil: there is no printer, and no
	// button.
	Print func(ctx context.Context, r Receipt) error

	// Line tells how a machine on its own stands with the town, for the set-up page. nil: the pages are the town's own.
	Line func(ctx context.Context) Line

	Clock   func() time.Time // nil: time.Now
	Entropy io.Reader        // nil: crypto/rand
	Log     *slog.Logger     // no answers, numbers or visits are written to it; nil: none
}

// Receipt is what a visitor takes home on paper: no answers and no name are on it.
type Receipt struct {
	Town      string
	Lang      string
	RTL       bool
	Title     string    // of the dialog; "" where there is none
	Reference string    // in groups of digits
	Lines     []string  // what happens next, in the visitor's language
	At        time.Time // when it was printed
}

// Sound is the shelf that clips come from; *audio.Shelf is one. It is safe for any number of goroutines.
type Sound interface {
	Speaks(lang string) bool
	Key(lang, words string) string
	Offer(visitor string, l audio.Line) string
	Forget(visitor string)
	Open(ctx context.Context, key string, f audio.Format) (*audio.Clip, error)
	Sorry(ctx context.Context, lang string, f audio.Format) *audio.Clip
}

// Kiosk is the channel: at the machine, or on the web.
type Kiosk struct {
	s     Settings
	name  string
	base  string // of its addresses: "/kiosk"
	own   bool   // residents' own screens, not the machine's
	frame bool   // another page of this server shows it in a frame
	inbox channels.Inbox
	paper *paper

	light, typed, full program // the script of pages where nothing is typed, where something is, and where voices are recorded
	policy             string

	pictures chan struct{} // holds a token while a picture is taken apart
	files    load          // what visitors are sending
	asides   asides
	printer  *printer
}

var (
	_ channels.Channel = (*Kiosk)(nil)
	_ channels.Mounter = (*Kiosk)(nil)
)

// New returns the channel of the machine, "kiosk"; it serves nothing until it is mounted.
func New(s Settings) *Kiosk { return newChannel(Name, s) }

// NewWeb returns the channel of residents' own screens, "web".
func NewWeb(s Settings) *Kiosk { return newChannel(WebName, s) }

// NewFramed returns a machine that is looked at in a frame of another page of this server, and of no other server's: a channel of
// its own, below base.
func NewFramed(name, base string, s Settings) *Kiosk {
	return complete(&Kiosk{s: s, name: name, base: base, frame: true})
}

func newChannel(name string, s Settings) *Kiosk {
	return complete(&Kiosk{s: s, name: name, base: "/" + name, own: name == WebName})
}

// complete fills in what isn't set, and makes what every page is made of.
func complete(k *Kiosk) *Kiosk {
	s := k.s
	if len(s.Languages) == 0 {
		s.Languages = s.Phrases.Tags()
	}
	if s.Idle <= 0 {
		s.Idle = 3 * time.Minute // VVSG 2.0, 7.2-O: two to five minutes
	}
	if s.Warn <= 0 {
		s.Warn = 45 * time.Second
	}
	if s.Clock == nil {
		s.Clock = time.Now
	}
	if s.Entropy == nil {
		s.Entropy = rand.Reader
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	k.s, k.pictures, k.printer = s, make(chan struct{}, 1), newPrinter()
	k.paper = newPaper(Name)
	if k.own {
		k.paper = newPaper(WebName)
	}
	needs := parts{Kiosk: k.atMachine(), Scan: s.Scan > 0}
	k.typed = newProgram(needs)
	needs.Plain = true
	k.light = newProgram(needs)
	k.policy = policyOf(k.paper.style, k.light, k.typed)
	if k.records() {
		needs.Plain, needs.Record = false, true
		k.full = newProgram(needs)
		k.policy = policyOf(k.paper.style, k.light, k.typed, k.full)
	}
	if k.frame {
		k.policy = strings.Replace(k.policy, "frame-ancestors 'none'", "frame-ancestors 'self'", 1)
	}
	return k
}

// Name is "kiosk" or "web".
func (k *Kiosk) Name() string { return k.name }

// Traits are those of a screen.
func (k *Kiosk) Traits() render.Traits {
	t := render.Kiosk
	if k.own {
		t = render.Web
	}
	t.Name = k.name
	return t
}

// Deliver refuses: a page shows what it is asked for, nobody can be reached on it later.
func (k *Kiosk) Deliver(context.Context, channels.Address, render.Page, string) (string, error) {
	return "", channels.Gone(errors.New(k.name+": nobody can be written to on a page"), "page")
}

// atMachine says whether this is the machine in the community centre.
func (k *Kiosk) atMachine() bool { return !k.own }

// records says whether voices may be recorded here.
func (k *Kiosk) records() bool { return !k.atMachine() || k.s.Microphone }

// Mount serves the pages below /kiosk or /web, on mux.
func (k *Kiosk) Mount(mux *http.ServeMux, in channels.Inbox) {
	k.inbox = patient{in}
	guard := http.NewCrossOriginProtection()
	handle := func(method, path string, h http.HandlerFunc) {
		mux.Handle(method+" "+k.base+path, k.guarded(guard.Handler(h)))
	}
	handle("GET", "", k.show)
	handle("GET", "/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "../"+path.Base(k.base), http.StatusMovedPermanently)
	})
	handle("POST", "", k.post)
	handle("GET", "/say.mp3", k.say)
	handle("POST", "/say", k.tell)
	handle("GET", "/audio/{clip}", k.clip)
	k.mountStaff(handle)
}
