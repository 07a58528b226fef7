// Package twilio is what text messages and calls through Twilio share: signatures, forms, the REST interface and what its
// refusals mean.
package twilio

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Signatures checks X-Twilio-Signature: base64 of HMAC-SHA-1 over the address that Twilio was told to call and the sorted
// parameters of the form. Twilio signs the address as staff typed it, and calls another: without the fragment, the user's
// name and, as it pleases, the port, and with letters beyond ASCII escaped. So the address is put together from
// the configured public one, never from the Host header, and checked in each way of writing it. It is safe for
// concurrent use.
type Signatures struct {
	tokens [][]byte
	macs   []*sync.Pool // of hash.Hash, by each token
	heads  [][]byte     // everything before the path that was asked for
	tails  [][]byte     // fragments
}

var strictly = base64.StdEncoding.Strict()

// NewSignatures takes the public address (scheme, host, and where a proxy strips one a path) and the auth tokens that are
// in force: more than one while a token is replaced, or with subaccounts, whose messages are signed with their own.
func NewSignatures(publicURL string, tokens ...string) (*Signatures, error) {
	u, err := url.Parse(publicURL)
	if err != nil {
		return nil, errors.New("twilio: the public address can't be read")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.ForceQuery {
		return nil, errors.New("twilio: the public address must look like https://talk.example.org")
	}
	s := &Signatures{}
	for _, t := range tokens {
		if t = strings.TrimSpace(t); t != "" {
			s.tokens = append(s.tokens, []byte(t))
			s.macs = append(s.macs, &sync.Pool{New: func() any { return hmac.New(sha1.New, []byte(t)) }})
		}
	}
	if len(s.tokens) == 0 {
		return nil, errors.New("twilio: an auth token is missing")
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
					s.heads = append(s.heads, []byte(strings.ToLower(scheme)+"://"+user+host+port+path))
				}
			}
		}
	}
	s.tails = [][]byte{nil}
	if fragment != "" {
		s.tails = append(s.tails, []byte("#"+fragment))
	}
	return s, nil
}

// Valid says whether signature is Twilio's over a request. requestURI is the request line's own (http.Request.RequestURI),
// body the raw body. Where the address has a bodySHA256, as with JSON, the body must match it.
func (s *Signatures) Valid(requestURI string, body []byte, signature string) bool {
	return s.Check(requestURI, body, ParseForm(body), signature)
}

// Check is Valid for a body that was parsed already.
func (s *Signatures) Check(requestURI string, body []byte, f Form, signature string) bool {
	want, err := strictly.DecodeString(signature)
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
		signed = f.Signed(make([]byte, 0, len(body)))
	}
	for i := range s.macs {
		if s.signed(i, writings(requestURI), signed, want) {
			return true
		}
	}
	return false
}

// signed says whether a token made want of an address that ends in one of middles, and of what is signed of the form.
func (s *Signatures) signed(token int, middles []string, form, want []byte) bool {
	mac := s.macs[token].Get().(hash.Hash)
	defer s.macs[token].Put(mac)
	sum := make([]byte, 0, sha1.Size)
	for _, m := range middles {
		middle := []byte(m)
		for _, tail := range s.tails {
			for _, head := range s.heads {
				mac.Reset()
				mac.Write(head)
				mac.Write(middle)
				mac.Write(tail)
				mac.Write(form)
				if hmac.Equal(mac.Sum(sum), want) {
					return true
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
	return ParseForm([]byte(query)).Get("bodySHA256")
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
