package sms

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/dialogs/render"
)

// KannelConfig is a Kannel of the town's own: its smsbox calls us for each message, and we call its sendsms.
type KannelConfig struct {
	Secret    string   // the parameter key of the get-url and of delivery reports; at least 16 characters
	Allow     []string // addresses or networks that may call; none: only this machine
	Proxies   channels.Proxies
	SendURL   string // "http://127.0.0.1:13013/cgi-bin/sendsms"; "": nothing can be pushed
	Username  string // of sendsms
	Password  string
	From      string // the number that texts come from; "": what Kannel is set to
	SMSC      string // id of the smsc to send by; "": Kannel chooses
	PublicURL string // how Kannel reaches this server, for delivery reports; "": none are asked for
	Country   string // two letters: of numbers that come without one

	HTTP *http.Client     // nil: one of our own
	Log  *slog.Logger     // nil: none
	Now  func() time.Time // nil: time.Now
}

// Kannel is a town's texts by its own Kannel.
type Kannel struct {
	cfg    KannelConfig
	allow  []netip.Prefix
	client http.Client
	log    *slog.Logger
	now    func() time.Time
}

var (
	_ channels.Channel = (*Kannel)(nil)
	_ channels.Mounter = (*Kannel)(nil)
)

// plainSecret is one that stands in an address as it is: Kannel would take an escape in dlr-url for one of its own.
var plainSecret = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// leastSecret is the fewest characters of a shared secret.
const leastSecret = 16

// NewKannel checks c and makes the channel.
func NewKannel(c KannelConfig) (*Kannel, error) {
	if len(c.Secret) < leastSecret || !plainSecret.MatchString(c.Secret) {
		return nil, errors.New("sms: Kannel's secret must have at least 16 letters, digits, hyphens or underscores")
	}
	k := &Kannel{cfg: c, log: c.Log, now: c.Now}
	allow := c.Allow
	if len(allow) == 0 {
		allow = []string{"127.0.0.0/8", "::1"}
	}
	for _, s := range allow {
		p, err := network(s)
		if err != nil {
			return nil, errors.New("sms: an address that may call as Kannel must look like 10.0.0.5 or 10.0.0.0/24")
		}
		k.allow = append(k.allow, p)
	}
	for _, s := range []string{c.SendURL, c.PublicURL} {
		if u, err := url.Parse(s); s != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			return nil, errors.New("sms: an address of Kannel's must look like http://127.0.0.1:13013/cgi-bin/sendsms")
		}
	}
	if c.SendURL != "" && (c.Username == "" || c.Password == "") {
		return nil, errors.New("sms: the user or the password of Kannel's sendsms is missing")
	}
	if c.HTTP != nil {
		k.client = *c.HTTP
	} else {
		k.client.Timeout = 20 * time.Second
	}
	k.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if k.now == nil {
		k.now = time.Now
	}
	return k, nil
}

func network(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return a.Unmap().Prefix(a.Unmap().BitLen())
}

func (k *Kannel) Name() string { return KannelName }

// Traits are those of texts, without pictures.
func (k *Kannel) Traits() render.Traits {
	t := render.SMS
	t.Photo = false
	return t
}

// Mount serves /sms/kannel, where messages come in, and /sms/kannel/dlr, where Kannel tells what became of pushes; both by
// GET, as Kannel calls a get-url, or POST with a form.
func (k *Kannel) Mount(mux *http.ServeMux, in channels.Inbox) {
	message := func(w http.ResponseWriter, r *http.Request) {
		f, ok := k.open(w, r)
		if !ok {
			return
		}
		e, err := k.event(f)
		switch {
		case errors.Is(err, errNobody), errors.Is(err, errNoWords):
			k.log.LogAttrs(r.Context(), slog.LevelInfo, "text message left alone", slog.String("channel", KannelName), slog.Any("reason", err))
			writeText(w, nil)
			return
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if reply, ok := receive(w, r, in, k.log, e); ok {
			writeText(w, reply.Pages)
		}
	}
	for _, path := range [...]string{"/sms/kannel", "/sms/kannel/dlr"} { // GET would take it: a turn, and no answer
		mux.HandleFunc("HEAD "+path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) })
	}
	mux.HandleFunc("GET /sms/kannel", message)
	mux.HandleFunc("POST /sms/kannel", message)
	delivered := func(w http.ResponseWriter, r *http.Request) {
		f, ok := k.open(w, r)
		if !ok {
			return
		}
		receipt := f.Value("id")
		bits, err := strconv.Atoi(f.Value("type"))
		if receipt == "" || err != nil {
			http.Error(w, "id or type is missing", http.StatusBadRequest)
			return
		}
		state, ok := dlrState(bits)
		if !ok || report(w, r, in, k.log, KannelName, receipt, channels.Delivery{State: state, Code: dlrCode(bits), At: k.now()}) {
			w.WriteHeader(http.StatusOK) // not 204: Kannel takes that for a failure and calls again
		}
	}
	mux.HandleFunc("GET /sms/kannel/dlr", delivered)
	mux.HandleFunc("POST /sms/kannel/dlr", delivered)
}

// open checks where a request comes from and its secret. Where ok is false, it is answered.
func (k *Kannel) open(w http.ResponseWriter, r *http.Request) (f twilio.Form, ok bool) {
	from, err := k.cfg.Proxies.Origin(r)
	if err == nil && !channels.Within(k.allow, from) {
		err = errFrom
	}
	if err != nil {
		k.log.LogAttrs(r.Context(), slog.LevelWarn, "a call as Kannel that can't be trusted", slog.String("channel", KannelName), slog.Any("reason", err))
		http.Error(w, "not from here", http.StatusForbidden)
		return nil, false
	}
	if len(r.URL.RawQuery) > bodyLimit {
		refuse(w, errTooLarge)
		return nil, false
	}
	f = twilio.ParseForm([]byte(r.URL.RawQuery))
	if r.Method == http.MethodPost {
		body, err := readBody(w, r)
		if err != nil {
			refuse(w, err)
			return nil, false
		}
		f = append(f, twilio.ParseForm(body)...)
	}
	want, got := sha256.Sum256([]byte(k.cfg.Secret)), sha256.Sum256([]byte(f.Value("key")))
	if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		k.log.LogAttrs(r.Context(), slog.LevelWarn, "a call as Kannel with a wrong key: see sms.kannel.secret", slog.String("channel", KannelName))
		http.Error(w, "the key is wrong", http.StatusForbidden)
		return nil, false
	}
	channels.Trust(w)
	return f, true
}

var (
	errNoWords = errors.New("the message is binary")
	errFrom    = errors.New("it comes from an address that may not call: see sms.kannel.allow")
)

// event is a message of Kannel's, as get-url hands it over: from=%p to=%P text=%a bin=%b charset=%C coding=%c id=%I
// smsc=%i ts=%T udh=%u.
func (k *Kannel) event(f twilio.Form) (channels.Event, error) {
	e := channels.Event{Channel: KannelName, To: f.Value("to"), ID: f.Value("id"), At: k.now()}
	from := f.Value("from")
	if from == "" {
		return e, errors.New("from is missing")
	}
	number, ok := channels.Number(from, k.cfg.Country)
	if !ok {
		return e, errNobody
	}
	e.From = channels.Address{Kind: "tel", ID: number}
	if f.Value("coding") == "1" {
		return e, errNoWords
	}
	text := f.Value("text")
	if bin := f.Value("bin"); bin != "" {
		text = bin // %a squeezes spaces
	}
	e.Words = decode(text, f.Value("charset"), f.Value("coding"))
	if e.ID == "" {
		// Kannel gives no id when its box was set up without. A repeated call brings the same three again.
		sum := sha256.Sum256([]byte(number + "\x00" + f.Value("to") + "\x00" + f.Value("ts") + "\x00" + text))
		e.ID = "made-" + hex.EncodeToString(sum[:16])
	}
	if s, err := strconv.ParseInt(f.Value("ts"), 10, 64); err == nil && s > 0 {
		if at := time.Unix(s, 0); at.Before(e.At) {
			e.At = at
		}
	}
	return e, nil
}

// decode makes words of what Kannel hands over. It says which charset it used; where it doesn't, coding 2 is UCS-2 (3GPP
// TS 23.038 §4).
func decode(text, charset, coding string) string {
	switch strings.ToUpper(charset) {
	case "UTF-16BE", "UTF-16", "UCS-2", "UCS2", "UCS-2BE", "ISO-10646-UCS-2":
		return utf16BE(text)
	case "ISO-8859-1", "ISO8859-1", "LATIN1", "LATIN-1":
		return latin1(text)
	case "":
		if coding == "2" && strings.IndexByte(text, 0) >= 0 || coding == "2" && !utf8.ValidString(text) {
			return utf16BE(text)
		}
	}
	if !utf8.ValidString(text) {
		return latin1(text)
	}
	return text
}

func utf16BE(s string) string {
	units := make([]uint16, 0, len(s)/2)
	for i := 0; i+1 < len(s); i += 2 {
		units = append(units, uint16(s[i])<<8|uint16(s[i+1]))
	}
	if len(units) > 0 && units[0] == 0xFEFF {
		units = units[1:]
	}
	return string(utf16.Decode(units))
}

func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// writeText answers Kannel: all pages as one text message, which it splits and joins for the phone. It doesn't choose the
// alphabet itself: without X-Kannel-Coding a phone would show question marks.
func writeText(w http.ResponseWriter, pages []render.Page) {
	text := joined(pages)
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Cache-Control", "no-store")
	if text != "" {
		h.Set("X-Kannel-Coding", coding(text))
	}
	w.Write([]byte(text))
}

// joined is all pages as one text, with an empty line between.
func joined(pages []render.Page) string {
	var b strings.Builder
	for i := range pages {
		text := strings.TrimSpace(plain(pages[i].Text))
		if text == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(text)
	}
	return b.String()
}

// coding of a text for Kannel: "0" GSM 7-bit, "2" UCS-2.
func coding(text string) string {
	if render.Count(text).GSM {
		return "0"
	}
	return "2"
}

// Bits of a delivery report (Kannel's user guide, "Delivery reports").
const (
	dlrDelivered = 1
	dlrFailed    = 2
	dlrQueued    = 4
	dlrTaken     = 8
	dlrRejected  = 16
	dlrAll       = dlrDelivered | dlrFailed | dlrQueued | dlrTaken | dlrRejected
)

func dlrState(bits int) (channels.DeliveryState, bool) {
	switch {
	case bits&dlrDelivered != 0:
		return channels.Arrived, true
	case bits&(dlrFailed|dlrRejected) != 0:
		return channels.Failed, true
	case bits&(dlrQueued|dlrTaken) != 0:
		return channels.OnItsWay, true
	}
	return 0, false
}

func dlrCode(bits int) string {
	switch {
	case bits&dlrDelivered != 0:
		return ""
	case bits&dlrRejected != 0:
		return "rejected"
	case bits&dlrFailed != 0:
		return "failed"
	}
	return ""
}
