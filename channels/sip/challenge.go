package sip

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

const (
	realm      = "townline"
	nonceTime  = 2 * time.Minute // that a nonce may be used for
	mostNonces = 4096            // of which counts are remembered
)

// challenges makes nonces and knows its own again. Nothing is kept of one before it was used well.
type challenges struct {
	key [32]byte
	now func() time.Time

	mu    sync.Mutex
	used  map[string]int // nonce → the highest count seen
	since time.Time      // no nonce made by then is good any more: how often it was used is forgotten
}

// nonce is the time, and a seal on it and on whom it was given to.
func (c *challenges) nonce(to string, at time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli()))
	h := hmac.New(sha256.New, c.key[:])
	h.Write(b)
	h.Write([]byte(to))
	return base64.RawURLEncoding.EncodeToString(append(b, h.Sum(nil)[:16]...))
}

// good says whether a nonce is ours, and still holds.
func (c *challenges) good(nonce, to string) (ours, fresh bool) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != 24 {
		return false, false
	}
	at := time.UnixMilli(int64(binary.BigEndian.Uint64(b)))
	if subtle.ConstantTimeCompare([]byte(c.nonce(to, at)), []byte(nonce)) != 1 {
		return false, false
	}
	age := c.now().Sub(at)
	c.mu.Lock()
	defer c.mu.Unlock()
	return true, age >= 0 && age < nonceTime && at.After(c.since)
}

// count takes note of a count. It says false when the nonce was used with it, or a higher one, before.
func (c *challenges) count(nonce string, n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n <= c.used[nonce] {
		return false
	}
	if len(c.used) >= mostNonces {
		clear(c.used) // who used one of these is asked again
		c.since = c.now()
	}
	if c.used == nil {
		c.used = map[string]int{}
	}
	c.used[nonce] = n
	return true
}

// shown is the trunk whose name and password a request shows, and whether what it shows was right once. Each use of a nonce
// counts once, where spend says so.
func (s *SIP) shown(req *sip.Request, spend bool) (t *trunk, stale bool) {
	header := req.GetHeader("Authorization")
	if header == nil {
		return nil, false
	}
	shown, err := digest.ParseCredentials(header.Value())
	if err != nil || shown.Realm != realm {
		return nil, false
	}
	ours, fresh := s.locks.good(shown.Nonce, sourceOf(req).Addr().String())
	if !ours || shown.QOP != "auth" || shown.Nc < 1 {
		return nil, false
	}
	for _, x := range s.trunks {
		// All are tried, whatever the name: how long it takes tells nobody which names there are.
		want, err := digest.Digest(&digest.Challenge{Realm: realm, Nonce: shown.Nonce, Algorithm: shown.Algorithm, QOP: []string{"auth"}},
			digest.Options{Method: req.Method.String(), URI: shown.URI, Username: x.Theirs.Username, Password: x.Theirs.Password, Count: shown.Nc, Cnonce: shown.Cnonce})
		by := strings.ToUpper(shown.Algorithm)
		if err != nil || x.Theirs.Username == "" || by != "SHA-256" && (x.Theirs.Strict || by != "MD5" && by != "") {
			continue
		}
		right := subtle.ConstantTimeCompare([]byte(want.Response), []byte(strings.ToLower(shown.Response)))
		if right&subtle.ConstantTimeCompare([]byte(x.Theirs.Username), []byte(shown.Username)) == 1 {
			t = x
		}
	}
	switch {
	case t == nil:
		return nil, false
	case !fresh, spend && !s.locks.count(shown.Nonce, shown.Nc):
		return nil, true
	}
	return t, false
}

// challenge asks for a name and a password: the same whether there is such a name or not. The best should come first (RFC 8760,
// §2.4), but many telephones read no further than the first line and know MD5 alone.
func (s *SIP) challenge(req *sip.Request, stale bool) *sip.Response {
	res := sip.NewResponseFromRequest(req, sip.StatusUnauthorized, "Unauthorized", nil)
	offered := []string{"MD5", "SHA-256"}
	if s.strict() {
		offered = offered[1:]
	}
	for _, algorithm := range offered {
		c := digest.Challenge{Realm: realm, Nonce: s.locks.nonce(sourceOf(req).Addr().String(), s.cfg.Now()), Algorithm: algorithm, QOP: []string{"auth"}, Stale: stale}
		res.AppendHeader(sip.NewHeader("WWW-Authenticate", c.String()))
	}
	return res
}

// strict says that no trunk shows its password by MD5.
func (s *SIP) strict() bool {
	return !slices.ContainsFunc(s.trunks, func(t *trunk) bool { return t.Theirs.Username != "" && !t.Theirs.Strict })
}
