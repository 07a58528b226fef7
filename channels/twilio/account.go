package twilio

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/townline/townline/channels"
)

// Account is a town's account with Twilio. It is safe for concurrent use.
type Account struct {
	SID        string
	signatures *Signatures
	public     string
	base       *url.URL
	client     http.Client
	now        func() time.Time
}

// Settings of an account.
type Settings struct {
	AccountSID string   // "AC" and 32 hex digits
	AuthTokens []string // the one in use first; a second while it is replaced, further ones of subaccounts
	PublicURL  string   // how Twilio reaches this server: "https://talk.example.org"

	BaseURL string           // instead of https://api.twilio.com, for tests and proxies
	HTTP    *http.Client     // nil: one of our own
	Now     func() time.Time // nil: time.Now
}

var (
	accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	tokenChars = regexp.MustCompile(`^[a-zA-Z0-9]+$`) // twilio-go refuses others
)

// NewAccount checks s.
func NewAccount(s Settings) (*Account, error) {
	if !accountSID.MatchString(s.AccountSID) {
		return nil, errors.New("twilio: the account SID must be AC and 32 hex digits")
	}
	signatures, err := NewSignatures(s.PublicURL, s.AuthTokens...)
	if err != nil {
		return nil, err
	}
	for _, t := range signatures.tokens {
		if !tokenChars.Match(t) {
			return nil, errors.New("twilio: an auth token has letters and digits only")
		}
	}
	a := &Account{SID: s.AccountSID, signatures: signatures, public: s.PublicURL, now: s.Now}
	if s.BaseURL != "" {
		if a.base, err = url.Parse(s.BaseURL); err != nil || a.base.Host == "" {
			return nil, errors.New("twilio: the address of the REST interface can't be read")
		}
	}
	if s.HTTP != nil {
		a.client = *s.HTTP
	} else {
		a.client.Timeout = 20 * time.Second
	}
	a.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if a.now == nil {
		a.now = time.Now
	}
	return a, nil
}

func (a *Account) token() string { return string(a.signatures.tokens[0]) }

// Address is how Twilio reaches a path of this server's, query and all.
func (a *Account) Address(path string) string {
	public, fragment, _ := strings.Cut(a.public, "#")
	s := strings.TrimRight(public, "/") + path
	if fragment != "" {
		s += "#" + fragment
	}
	return s
}

// bodyLimit is the most that Twilio may post. Its largest message, ten pictures and 1,600 characters that take nine bytes
// each when escaped, is under 24 KiB.
const bodyLimit = 64 << 10

const formType = "application/x-www-form-urlencoded"

// ErrUnsigned is the error of a request that is not Twilio's.
var ErrUnsigned = errors.New("the signature is wrong")

// Open reads a request of Twilio's and checks its signature before anything else of it counts. Where err isn't nil, the
// request is answered.
func (a *Account) Open(w http.ResponseWriter, r *http.Request) (f Form, err error) {
	if r.ContentLength > bodyLimit {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return nil, errors.New("the request is too large")
	}
	read := bytes.NewBuffer(make([]byte, 0, max(r.ContentLength, 0)+bytes.MinRead))
	_, err = read.ReadFrom(http.MaxBytesReader(w, r.Body, bodyLimit))
	body := read.Bytes()
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return nil, err
	} else if err != nil {
		http.Error(w, "the request broke off", http.StatusBadRequest)
		return nil, err
	}
	f = ParseForm(body)
	if !a.signatures.Check(r.RequestURI, body, f, r.Header.Get("X-Twilio-Signature")) {
		http.Error(w, ErrUnsigned.Error(), http.StatusForbidden)
		return nil, ErrUnsigned
	}
	channels.Trust(w)
	sent := r.Header.Get("Content-Type")
	if sent == formType || sent == formType+"; charset=UTF-8" { // as Twilio writes it
		return f, nil
	}
	kind, _, err := mime.ParseMediaType(sent)
	switch {
	case err == nil && kind == "application/json":
		if f, err = ParseJSON(body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return nil, err
		}
	case err != nil || kind != formType:
		err = errors.New("a form or JSON is expected")
		http.Error(w, err.Error(), http.StatusBadRequest)
		return nil, err
	}
	return f, nil
}
