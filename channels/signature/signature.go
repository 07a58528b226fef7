// Package signature signs what a gateway and the town say to one another over HTTP, the same both ways.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers of a signature.
const (
	TimeHeader = "X-Townline-Timestamp" // Unix seconds, when it was signed
	Header     = "X-Townline-Signature" // hex of HMAC-SHA-256 under the secret over what it is, timestamp and body, with line feeds between
)

// Window is how far the clocks of the two sides may be apart, and how long a request may be given again: it gets the same
// answer then, and changes nothing.
const Window = 5 * time.Minute

// Sign returns the signature over what is signed, a timestamp (Unix seconds, in digits) and a body. What the two sides sign must
// differ in what it is, so that nothing that one signed can be given back to it, or be taken for something else.
func Sign(secret []byte, what, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(what + "\n" + timestamp + "\n"))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

var (
	errWrong = errors.New("the signature is wrong")
	errStale = errors.New("the timestamp is more than five minutes off: check the clocks")
)

// Check checks a signature and, once that is right, its age.
func Check(secret []byte, what string, h http.Header, body []byte, now time.Time) error {
	timestamp := h.Get(TimeHeader)
	want := Sign(secret, what, timestamp, body)
	if !hmac.Equal([]byte(want), []byte(strings.ToLower(h.Get(Header)))) {
		return errWrong
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return errWrong
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > Window || age < -Window {
		return errStale
	}
	return nil
}

// Put signs a body that goes out.
func Put(secret []byte, what string, h http.Header, body []byte, now time.Time) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	h.Set(TimeHeader, timestamp)
	h.Set(Header, Sign(secret, what, timestamp, body))
}
