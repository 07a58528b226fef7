package ussd

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

// Headers of the plain dialect's signature, the same both ways.
const (
	TimestampHeader = "X-Townline-Timestamp" // Unix seconds, when it was signed
	SignatureHeader = "X-Townline-Signature" // hex of HMAC-SHA-256 under the secret over method, path, timestamp and body, with line feeds between
)

// signedReply stands in the place of the method in what we sign, so that nothing that one side signed can be given back to it.
const signedReply = "reply"

// Window is how far the clocks of the two sides may be apart, and how long a request may be given again: it gets the same
// answer then, and changes nothing.
const Window = 5 * time.Minute

// Sign returns the signature over a method (or "reply"), the path that is called, a timestamp (Unix seconds, in digits) and
// a body.
func Sign(secret []byte, method, path, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(method + "\n" + path + "\n" + timestamp + "\n"))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

var (
	errUnsigned = errors.New("its signature is wrong")
	errStale    = errors.New("its timestamp is more than five minutes off: check the clocks")
)

// verify checks a signature and, once that is right, its age.
func verify(secret []byte, r *http.Request, body []byte, now time.Time) error {
	timestamp := r.Header.Get(TimestampHeader)
	want := Sign(secret, r.Method, r.URL.Path, timestamp, body)
	if !hmac.Equal([]byte(want), []byte(strings.ToLower(r.Header.Get(SignatureHeader)))) {
		return errUnsigned
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return errUnsigned
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > Window || age < -Window {
		return errStale
	}
	return nil
}

// seal signs an answer.
func seal(secret []byte, path string, h http.Header, body []byte, now time.Time) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	h.Set(TimestampHeader, timestamp)
	h.Set(SignatureHeader, Sign(secret, signedReply, path, timestamp, body))
}
