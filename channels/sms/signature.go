package sms

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strings"
)

// Signatures checks X-Twilio-Signature: base64 of HMAC-SHA-1 over the address that Twilio was told to call and the sorted
// parameters of the form. Twilio signs the address as staff typed it, and calls another: without the fragment, the user's
// name and, as it pleases, the port, and with letters beyond ASCII escaped. So the address is put together from
// the configured public one, never from the Host header, and checked in each way of writing it. It is safe for
// concurrent use.
type Signatures struct {
	tokens [][]byte
	heads  []string // everything before the path that was asked for
	tails  []string // fragments
}

// NewSignatures takes the public address (scheme, host, and where a proxy strips one a path) and the auth tokens that are
// in force: more than one while a token is replaced, or with subaccounts, whose messages are signed with their own.
func NewSignatures(publicURL string, tokens ...string) (*Signatures, error) {
	u, err := url.Parse(publicURL)
	if err != nil {
		return nil, errors.New("sms: the public address can't be read")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.ForceQuery {
		return nil, errors.New("sms: the public address must look like https://talk.example.org")
	}
	s := &Signatures{}
	for _, t := range tokens {
		if t = strings.TrimSpace(t); t != "" {
			s.tokens = append(s.tokens, []byte(t))
		}
	}
	if len(s.tokens) == 0 {
		return nil, errors.New("sms: an auth token is missing")
	}

	// By hand, because url.URL does not give back what was typed.
	rest, fragment, _ := strings.Cut(publicURL, "#")
	scheme, rest, _ := strings.Cut(rest, "://")
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], strings.TrimRight(rest[i:], "/")
	}
	user := ""
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, authority = authority[:i+1], authority[i+1:]
	}
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i:]
	}
	other := "" // the other way to write the port
	if port == "" {
		other = map[string]string{"https": ":443", "http": ":80"}[strings.ToLower(scheme)]
	}
	for _, user := range unlike("", user) {
		for _, port := range unlike(port, other) {
			for _, host := range unlike(host, strings.ToLower(host)) {
				for _, path := range writings(path) {
					s.heads = append(s.heads, strings.ToLower(scheme)+"://"+user+host+port+path)
				}
			}
		}
	}
	s.tails = []string{""}
	if fragment != "" {
		s.tails = append(s.tails, "#"+fragment)
	}
	return s, nil
}

// Valid says whether signature is Twilio's over a request. requestURI is the request line's own (http.Request.RequestURI),
// body the raw body. Where the address has a bodySHA256, as with JSON, the body must match it.
func (s *Signatures) Valid(requestURI string, body []byte, signature string) bool {
	return s.check(requestURI, body, parseForm(body), signature)
}

// check is Valid for a body that was parsed already.
func (s *Signatures) check(requestURI string, body []byte, f form, signature string) bool {
	want, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || len(want) != sha1.Size {
		return false
	}
	requestURI = relative(requestURI)
	var signed []byte
	if sum, ok := bodySum(requestURI); ok {
		if !hmac.Equal([]byte(sha256Hex(body)), []byte(strings.ToLower(sum))) {
			return false
		}
	} else {
		signed = f.signed(make([]byte, 0, len(body)))
	}
	var sum [sha1.Size]byte
	for _, token := range s.tokens {
		mac := hmac.New(sha1.New, token)
		for _, middle := range writings(requestURI) {
			for _, tail := range s.tails {
				for _, head := range s.heads {
					mac.Reset()
					mac.Write([]byte(head))
					mac.Write([]byte(middle))
					mac.Write([]byte(tail))
					mac.Write(signed)
					if hmac.Equal(mac.Sum(sum[:0]), want) {
						return true
					}
				}
			}
		}
	}
	return false
}

// relative is the path and query of a request line, which some proxies send with the scheme and host in front.
func relative(requestURI string) string {
	if strings.HasPrefix(requestURI, "/") {
		return requestURI
	}
	if _, rest, ok := strings.Cut(requestURI, "://"); ok {
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			return rest[i:]
		}
	}
	return requestURI
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// bodySum is what the address says of the body.
func bodySum(requestURI string) (string, bool) {
	_, query, ok := strings.Cut(requestURI, "?")
	if !ok || !strings.Contains(query, "bodySHA256") {
		return "", false
	}
	return parseForm([]byte(query)).get("bodySHA256")
}

// writings are the ways in which one path and query may have been written when it was signed: as it came; with letters
// beyond ASCII and the apostrophe unescaped; with them escaped.
func writings(s string) []string {
	loose, strict := s, s
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '%' || c == '\'' || c >= 0x80 {
			loose, strict = unescaped(s), escaped(s)
			break
		}
	}
	return unlike(s, loose, strict)
}

func unescaped(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c, ok := unhex(s, i); ok && (c >= 0x80 || c == '\'') {
			b.WriteByte(c)
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func escaped(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x80 || c == '\'' {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unlike is its arguments without repetition.
func unlike(all ...string) []string {
	out := all[:0:0]
	for _, s := range all {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// form is a decoded form in the order in which it came. It is read as Twilio writes it: only & parts parameters (net/url
// refuses a bare semicolon), and an escape that is none stays as it is.
type form []param

type param struct{ name, value string }

func parseForm(body []byte) form {
	rest := string(body)
	f := make(form, 0, 32)
	for rest != "" {
		var one string
		one, rest, _ = strings.Cut(rest, "&")
		if one == "" {
			continue
		}
		name, value, _ := strings.Cut(one, "=")
		f = append(f, param{unquery(name), unquery(value)})
	}
	return f
}

// get returns the first value of a parameter.
func (f form) get(name string) (string, bool) {
	for i := range f {
		if f[i].name == name {
			return f[i].value, true
		}
	}
	return "", false
}

// value returns the first value of a parameter, or "".
func (f form) value(name string) string {
	v, _ := f.get(name)
	return v
}

// signed appends what Twilio signs of a form: names and values in the order of the names, and where a name comes more
// than once each different value once, in order.
func (f form) signed(b []byte) []byte {
	sorted := slices.Clone(f)
	slices.SortFunc(sorted, func(a, b param) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.value, b.value))
	})
	for _, p := range slices.Compact(sorted) {
		b = append(b, p.name...)
		b = append(b, p.value...)
	}
	return b
}

func unquery(s string) string {
	i := strings.IndexAny(s, "+%")
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	b = append(b, s[:i]...)
	for ; i < len(s); i++ {
		if s[i] == '+' {
			b = append(b, ' ')
			continue
		}
		if c, ok := unhex(s, i); ok {
			b = append(b, c)
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// unhex reads an escape such as %C3 at s[i].
func unhex(s string, i int) (byte, bool) {
	if s[i] != '%' || i+2 >= len(s) {
		return 0, false
	}
	high, ok1 := digit(s[i+1])
	low, ok2 := digit(s[i+2])
	return high<<4 | low, ok1 && ok2
}

func digit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
