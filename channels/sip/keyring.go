package sip

import (
	"fmt"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// keyring is what a trunk has asked us before, so that the next request shows the password at once. The zero value is
// ready.
type keyring struct {
	mu    sync.Mutex
	asked [2]*digest.Challenge // by a server, by a proxy
	count [2]int
}

const (
	byServer = iota
	byProxy
)

var asking = [2]struct{ question, answer string }{
	byServer: {"WWW-Authenticate", "Authorization"},
	byProxy:  {"Proxy-Authenticate", "Proxy-Authorization"},
}

// take remembers what a response asks, for show. again is false when trying again can't help: what was just shown was an
// answer to a question as new as can be, and was wrong all the same. asked is of one request and its repetitions.
func (k *keyring) take(res *sip.Response, asked *[2]bool) (again bool, err error) {
	who := byServer
	if res.StatusCode == sip.StatusProxyAuthRequired {
		who = byProxy
	}
	var best *digest.Challenge
	for _, h := range res.GetHeaders(asking[who].question) {
		c, err := digest.ParseChallenge(h.Value())
		if err != nil {
			continue
		}
		for i := range c.QOP {
			c.QOP[i] = strings.ToLower(strings.TrimSpace(c.QOP[i]))
		}
		c.Algorithm = strings.ToUpper(c.Algorithm)
		if digest.CanDigest(c) && (best == nil || best.Algorithm == "" || best.Algorithm == "MD5") {
			best = c
		}
	}
	if best == nil {
		return false, fmt.Errorf("sip: %d asks for a password in a way that is not known here", res.StatusCode)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	again = !asked[who] || best.Stale && k.asked[who] != nil && best.Nonce != k.asked[who].Nonce
	asked[who] = true
	k.asked[who], k.count[who] = best, 0
	if !again {
		k.asked[who] = nil // the next request asks anew
	}
	return again, nil
}

// show puts the password on a request, as it was asked for last. It says whether there was anything to show.
func (k *keyring) show(req *sip.Request, l Login) (bool, error) {
	if l.Password == "" {
		return false, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	any := false
	for who, c := range k.asked {
		if c == nil {
			continue
		}
		k.count[who]++
		shown, err := digest.Digest(c, digest.Options{Method: req.Method.String(), URI: req.Recipient.Addr(), Username: l.Username, Password: l.Password, Count: k.count[who]})
		if err != nil {
			return any, fmt.Errorf("sip: %w", err)
		}
		req.RemoveHeader(asking[who].answer)
		req.AppendHeader(sip.NewHeader(asking[who].answer, shown.String()))
		any = true
	}
	return any, nil
}
