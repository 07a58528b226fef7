package desk

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A browser at which a clerk logged in is known from then on: strangers who try passwords in the clerk's name, from however many
// addresses, don't keep them out there. It keeps a token (OWASP, "device cookies") which any server of the town can check, and which
// ends with the password: its key is made of what the settings have of that.
const (
	knownTime   = 180 * 24 * time.Hour
	knownPrefix = "townline-desk-known-" // and a mark of the clerk: several may use one browser
)

func knownName(clerk string) string {
	sum := sha256.Sum256([]byte(clerk))
	return knownPrefix + hex.EncodeToString(sum[:4])
}

// mark is what a token of this clerk's is checked by.
func (h *hashed) mark(clerk, rest string) string {
	key := sha256.Sum256(append(append([]byte("townline desk, a known browser\x00"), h.salt...), h.sum...))
	m := hmac.New(sha256.New, key[:])
	m.Write([]byte(clerk + "\x00" + rest))
	return enc.EncodeToString(m.Sum(nil))
}

// meet makes the token for a browser at which a clerk has just logged in.
func (g *gate) meet(clerk string) string {
	h := g.clerks[clerk]
	rest := rand.Text() + "." + strconv.FormatInt(g.now().Add(knownTime).Unix(), 10)
	return rest + "." + h.mark(clerk, rest)
}

// browser is what a browser is counted by that is known as a clerk's; "": it isn't.
func (g *gate) browser(r *http.Request, clerk string) string {
	h, ok := g.clerks[clerk]
	c, err := r.Cookie(knownName(clerk))
	if !ok || err != nil || len(c.Value) > 200 {
		return ""
	}
	at := strings.LastIndexByte(c.Value, '.')
	if at < 0 || !hmac.Equal([]byte(c.Value[at+1:]), []byte(h.mark(clerk, c.Value[:at]))) {
		return ""
	}
	id, until, _ := strings.Cut(c.Value[:at], ".")
	if end, err := strconv.ParseInt(until, 10, 64); err != nil || !g.now().Before(time.Unix(end, 0)) {
		return ""
	}
	return id
}
