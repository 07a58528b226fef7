package sms

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

// Headers of the gateway's signature, the same both ways.
const (
	TimestampHeader = "X-Townline-Timestamp" // unix seconds, when it was signed
	SignatureHeader = "X-Townline-Signature" // hex of HMAC-SHA-256 under the secret over what it is, timestamp, body, with line feeds between
)

// What we sign ourselves; a gateway signs the path that it calls. So nothing that one side signed can be given back to it,
// or be taken for something else.
const (
	signedReply = "reply" // an answer to the gateway's own request
	signedPush  = "push"
)

// Window is how far the clocks of the two sides may be apart, and how long a request may be given again.
const Window = 5 * time.Minute

// Sign returns the signature over what is signed (the path that is called, "reply" or "push"), a timestamp (unix seconds, in
// digits) and a body.
func Sign(secret []byte, what, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(what))
	mac.Write([]byte{'\n'})
	mac.Write([]byte(timestamp))
	mac.Write([]byte{'\n'})
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

var (
	errUnsigned = errors.New("the signature is wrong")
	errStale    = errors.New("the timestamp is more than five minutes off: check the clocks")
)

// verify checks a signature and, once that is right, its age.
func verify(secret []byte, what string, h http.Header, body []byte, now time.Time) error {
	timestamp := h.Get(TimestampHeader)
	want := Sign(secret, what, timestamp, body)
	if !hmac.Equal([]byte(want), []byte(strings.ToLower(h.Get(SignatureHeader)))) {
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

// seal signs a body that goes out.
func seal(secret []byte, what string, h http.Header, body []byte, now time.Time) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	h.Set(TimestampHeader, timestamp)
	h.Set(SignatureHeader, Sign(secret, what, timestamp, body))
}
