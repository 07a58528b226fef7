// Package ussd holds menus on any handset, through gateways that call over HTTP. It speaks the dialect of each: what a
// request says and how an answer is given is data and two small functions (dialect.go). It keeps no sessions: the exchange
// tells what is new from what is on disk, so that any server of the town can take any request.
package ussd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/menu"
	"github.com/townline/townline/channels/signature"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// Prefix stands before a gateway's name in the name of its channel: "ussd.hubtel".
const Prefix = "ussd."

// Sizes of a screen. 182 septets are 160 octets (3GPP TS 24.090 and 23.038); some gateways count characters and stop at 160.
const (
	LeastSeptets, UsualSeptets, MostSeptets = 100, 160, 182
	LeastUCS2, UsualUCS2, MostUCS2          = 60, 70, 80
)

// LeastSecret is the fewest characters of a shared secret.
const LeastSecret = 16

// Config is one gateway that the town is on.
type Config struct {
	Dialect string         // one of Dialects
	Code    string         // what residents dial: "*384*123#"; "": the gateway says it, or nothing can be dialled after it
	Allow   []netip.Prefix // networks that may call; none: any that shows the secret
	Proxies []netip.Prefix // the town's own, which say where a request comes from
	Secret  string         // in the address that the gateway calls; of the plain dialect: both sides sign with it
	Septets int            // most on one screen; 0: 160, or fewer where the gateway takes fewer
	UCS2    int            // most characters on one screen of Chinese or Arabic, …; 0: 70
	Star    bool           // the gateway passes the star key on by itself, so that it needs no stand-in

	Country string // two letters: of numbers that come without one
	Phrases *locales.Catalogue
	Lang    string // the town's first language
	Texts   bool   // the town can send text messages
	Dir     string // for what menus promised, until it is kept; "": memory
	Sealing []byte // what is in Dir is sealed with it

	Log *slog.Logger     // nil: none
	Now func() time.Time // nil: time.Now; of signatures and of when a request came
}

// USSD is the town's menus by one gateway.
type USSD struct {
	cfg     Config
	dialect dialect
	door    door
	menu    *menu.Menu
	log     *slog.Logger
	now     func() time.Time
}

var (
	_ channels.Channel = (*USSD)(nil)
	_ channels.Mounter = (*USSD)(nil)
)

// New checks c and makes the channel.
func New(c Config) (*USSD, error) {
	d, ok := dialectOf(c.Dialect)
	switch {
	case !ok:
		return nil, fmt.Errorf("ussd: nobody here speaks %q", c.Dialect)
	case c.Phrases == nil:
		return nil, errors.New("ussd: phrases are needed")
	case c.Secret == "" && (len(c.Allow) == 0 || c.Dialect == Plain):
		return nil, fmt.Errorf("ussd: anybody could call as %s: a secret is missing, or the networks that may", c.Dialect)
	case c.Secret != "" && len(c.Secret) < LeastSecret:
		return nil, fmt.Errorf("ussd: the secret of %s must have at least %d characters", c.Dialect, LeastSecret)
	case c.Secret != "" && c.Dialect != Plain && url.PathEscape(c.Secret) != c.Secret:
		return nil, fmt.Errorf("ussd: the secret of %s stands in an address: letters, digits, hyphens and underscores only", c.Dialect)
	case d.code && stem(c.Code) == "":
		return nil, fmt.Errorf("ussd: what residents dial must be known for %s", c.Dialect)
	case strings.Trim(c.Code, "0123456789*#") != "":
		return nil, fmt.Errorf("ussd: the code of %s must look like *384*123#", c.Dialect)
	}
	if t, most := c.Traits(), Ceiling(c.Dialect); t.Limit < LeastSeptets || t.Limit > most {
		return nil, fmt.Errorf("ussd: a screen of %s holds %d to %d septets", c.Dialect, LeastSeptets, most)
	} else if t.Limit16 < LeastUCS2 || t.Limit16 > MostUCS2 {
		return nil, fmt.Errorf("ussd: a screen of %s holds %d to %d characters of UCS-2", c.Dialect, LeastUCS2, MostUCS2)
	}
	u := &USSD{cfg: c, dialect: d, log: c.Log, now: c.Now, door: door{allow: c.Allow, proxies: c.Proxies, secret: c.Secret}}
	if c.Dialect == Plain {
		u.door.secret = "" // it isn't shown
	}
	if u.log == nil {
		u.log = slog.New(slog.DiscardHandler)
	}
	if u.now == nil {
		u.now = time.Now
	}
	u.menu = menu.New(menu.Config{Channel: u.Name(), Traits: u.Traits(), Phrases: c.Phrases, Lang: c.Lang, Texts: c.Texts, Dir: c.Dir, Secret: c.Sealing, Log: c.Log})
	return u, nil
}

// Ceiling is how many septets a screen of a gateway can hold at most.
func Ceiling(dialect string) int {
	if d, ok := dialectOf(dialect); ok && d.most > 0 {
		return d.most
	}
	return MostSeptets
}

func (u *USSD) Name() string { return Prefix + u.cfg.Dialect }

// Traits are those of menus, with the size of this gateway's screens.
func (u *USSD) Traits() render.Traits { return u.cfg.Traits() }

// Traits of the gateway that c is of: those of menus, with the size of its screens.
func (c Config) Traits() render.Traits {
	t := render.USSD
	t.Limit, t.Limit16 = min(UsualSeptets, Ceiling(c.Dialect)), UsualUCS2
	if c.Septets != 0 {
		t.Limit = c.Septets
	}
	if c.UCS2 != 0 {
		t.Limit16 = c.UCS2
	}
	if c.Star {
		t.Star = "*"
	}
	return t
}

// Deliver refuses: a menu is open only while the resident holds it open.
func (u *USSD) Deliver(context.Context, channels.Address, render.Page, string) (string, error) {
	return "", channels.Gone(errors.New("ussd: nobody can be written to by menu"), "menu")
}

// Counts of what went on.
func (u *USSD) Counts() *menu.Counts { return u.menu.Counts() }

// Wait waits for the turns that took longer than the gateway waited: they are to be on disk before the town closes.
func (u *USSD) Wait() {
	if err := u.menu.Close(); err != nil {
		u.log.Error("menus did not close well", slog.String("channel", u.Name()), slog.Any("error", err))
	}
}

// Mount serves /ussd/<dialect>, and the same with the secret behind it, which some gateways find easier than a parameter.
func (u *USSD) Mount(mux *http.ServeMux, in channels.Inbox) {
	u.menu.Resume(in)
	serve := func(w http.ResponseWriter, r *http.Request) { u.serve(w, r, in) }
	paths := []string{"/ussd/" + u.cfg.Dialect}
	if u.cfg.Dialect != Plain {
		paths = append(paths, paths[0]+"/{secret}")
	}
	for _, path := range paths {
		if u.dialect.get {
			look := path + first(u.dialect.look, u.dialect.path)
			mux.HandleFunc("GET "+look, serve)
			mux.HandleFunc("HEAD "+look, refuseHead) // GET would take it: a turn, and no screen
		}
		if u.dialect.post {
			mux.HandleFunc("POST "+path+u.dialect.path, serve)
		}
	}
}

func refuseHead(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) }

const (
	// bodyLimit is the most that a gateway may post: an answer of 182 characters, or all of a session's, with some names.
	bodyLimit = 16 << 10

	// bodyTime is how long a body may take. With menu.Patience it stays under the five seconds of the hastiest gateway.
	bodyTime = 1500 * time.Millisecond
)

// signedReply stands in the place of the method in what we sign, so that nothing that one side signed can be given back to it.
const signedReply = "reply"

var errTooLarge = errors.New("the request is too large")

// serve answers one request. A status other than 200 is for whoever sets the gateway up; a resident is always shown a screen.
func (u *USSD) serve(w http.ResponseWriter, r *http.Request, in channels.Inbox) {
	key := first(r.PathValue("secret"), r.URL.Query().Get("key"))
	if key == "" && u.cfg.Dialect == "airtel" {
		key = r.URL.Query().Get("password") // with userid, as Comviva's gateway shows it
	}
	if err := u.door.opens(r, key); err != nil {
		u.refuse(w, r, err)
		return
	}
	body, err := read(w, r)
	if err == nil && u.cfg.Dialect == Plain {
		if err = signature.Check([]byte(u.cfg.Secret), r.Method+"\n"+r.URL.Path, r.Header, body, u.now()); err != nil {
			u.refuse(w, r, err)
			return
		}
	}
	var a asked
	if err == nil {
		channels.Trust(w)
		a, err = u.understand(r, body)
	}
	switch {
	case errors.Is(err, errTooLarge):
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	case errors.Is(err, errType):
		http.Error(w, err.Error(), http.StatusUnsupportedMediaType)
		return
	case err != nil:
		u.log.LogAttrs(r.Context(), slog.LevelWarn, "a gateway's request can't be read", slog.String("channel", u.Name()), slog.Any("reason", err))
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var screen menu.Screen
	// An end that names no phone (Infobip's has nothing but a reason) can't be noted, and needn't be: whoever dials again goes on.
	if nameless := a.kind == channels.HungUp && a.number == ""; !a.checks && !nameless {
		number, ok := channels.Number(a.number, u.cfg.Country)
		if !ok || number[0] != '+' { // a short code is nobody's phone
			u.log.LogAttrs(r.Context(), slog.LevelWarn, "a gateway's request is from no telephone number: is town.country right?", slog.String("channel", u.Name()))
			http.Error(w, errNoNumber.Error(), http.StatusBadRequest)
			return
		}
		e := a.event(u.Name(), number)
		e.At = u.now()
		if screen, err = u.menu.Turn(r.Context(), in, e); err != nil {
			w.Header().Set("Retry-After", "2")
			http.Error(w, "not now, please try again", http.StatusServiceUnavailable)
			return
		}
	}
	u.answer(w, r, &a, screen)
}

func (u *USSD) answer(w http.ResponseWriter, r *http.Request, a *asked, s menu.Screen) {
	out := answer{header: w.Header(), plain: strings.HasPrefix(r.Header.Get("Accept"), "text/plain")}
	u.dialect.write(&out, a, s)
	out.header.Set("Content-Length", strconv.Itoa(len(out.body)))
	out.header.Set("Cache-Control", "no-store")
	if u.cfg.Dialect == Plain {
		signature.Put([]byte(u.cfg.Secret), signedReply+"\n"+r.URL.Path, out.header, out.body, u.now())
	}
	w.Write(out.body)
}

func (u *USSD) refuse(w http.ResponseWriter, r *http.Request, err error) {
	u.log.LogAttrs(r.Context(), slog.LevelWarn, "a call as a gateway that can't be trusted", slog.String("channel", u.Name()), slog.Any("reason", err))
	http.Error(w, "this may not call here: "+err.Error(), http.StatusForbidden)
}

var errType = errors.New("the content type is not what this gateway sends")

// understand reads a request in the gateway's dialect.
func (u *USSD) understand(r *http.Request, body []byte) (asked, error) {
	q := request{body: body, session: r.PathValue("session"), act: r.PathValue("act"), code: u.cfg.Code}
	if r.Method == http.MethodPost && !u.dialect.takes(r.Header.Get("Content-Type")) {
		return asked{}, errType
	}
	if !u.dialect.json {
		text := r.URL.RawQuery
		if r.Method == http.MethodPost || text == "" {
			text += "&" + string(body)
		}
		var err error
		// A semicolon that the gateway left as it was is a resident's, and parts nothing.
		if q.form, err = url.ParseQuery(strings.ReplaceAll(strings.Trim(text, "&"), ";", "%3B")); err != nil {
			return asked{}, errors.New("the form can't be read")
		}
	}
	return u.dialect.read(&q)
}

// takes says whether a body of this type can be read. Many gateways send JSON under any name, or none.
func (d *dialect) takes(kind string) bool {
	if kind == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(kind)
	if err != nil {
		return false
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		return true
	case "application/json", "text/json", "text/plain":
		return d.json
	}
	return false
}

// read reads a body whole, while the phone waits.
func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > bodyLimit || len(r.URL.RawQuery) > bodyLimit {
		return nil, errTooLarge
	}
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	// Where there is no line to be impatient with, as in tests, nothing is slow either.
	line := http.NewResponseController(w)
	_ = line.SetReadDeadline(time.Now().Add(bodyTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, errors.New("the request broke off")
	}
	_ = line.SetReadDeadline(time.Time{})
	return body, nil
}
