package signature

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

var noon = time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)

func TestCheck(t *testing.T) {
	secret, body := []byte("0123456789abcdef"), []byte("words")
	for name, c := range map[string]struct {
		change func(http.Header)
		secret string
		what   string
		body   string
		now    time.Time
		want   error
	}{
		"as it was signed":   {},
		"at the last moment": {now: noon.Add(Window)},
		"another's":          {secret: "fedcba9876543210", want: errWrong},
		"of something else":  {what: "reply", want: errWrong},
		"another body":       {body: "word", want: errWrong},
		"too late":           {now: noon.Add(Window + time.Second), want: errStale},
		"from the future":    {now: noon.Add(-Window - time.Second), want: errStale},
		"unsigned":           {change: func(h http.Header) { h.Del(Header) }, want: errWrong},
		"a later time":       {change: func(h http.Header) { h.Set(TimeHeader, "1") }, want: errWrong},
		"no clock's time": {change: func(h http.Header) {
			h.Set(TimeHeader, "noon")
			h.Set(Header, Sign(secret, "push", "noon", body))
		}, want: errWrong},
	} {
		h := http.Header{}
		Put(secret, "push", h, body, noon)
		if c.change != nil {
			c.change(h)
		}
		key, what, said, now := "0123456789abcdef", "push", "words", noon
		if c.secret != "" {
			key = c.secret
		}
		if c.what != "" {
			what = c.what
		}
		if c.body != "" {
			said = c.body
		}
		if !c.now.IsZero() {
			now = c.now
		}
		if err := Check([]byte(key), what, h, []byte(said), now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// A gateway that was written by this page keeps working.
func TestSignIsAsDocumented(t *testing.T) {
	// printf 'push\n1805112000\nwords' | openssl dgst -sha256 -hmac 0123456789abcdef
	const want = "05118c9379c6205bbc22d531028645688528dab81b1868acde311a446d17bd52"
	if got := Sign([]byte("0123456789abcdef"), "push", "1805112000", []byte("words")); got != want {
		t.Error(got)
	}
}
