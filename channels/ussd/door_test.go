package ussd

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels/signature"
)

// ask is a request that each dialect takes.
func ask(dialect string) (line, body string) { return wire[dialect][0].line, wire[dialect][0].body }

// Nobody gets in who doesn't show who they are, on any dialect, and nothing of what they sent is read.
func TestNobodyGetsInUnknown(t *testing.T) {
	for _, dialect := range Dialects() {
		line, body := ask(dialect)
		for _, key := range []string{"", "0123456789abcde", "0123456789abcdef0", "elsewhere"} {
			log, lines := logged()
			in := &inbox{}
			r := call(strings.ReplaceAll(strings.ReplaceAll(line, "/KEY", "/"+key), "KEY", key), body)
			if dialect == Plain {
				signed(r, "another-secret-16", body, noon)
			}
			if strings.HasSuffix(r.URL.Path, "/") || strings.Contains(r.URL.Path, "//") {
				r.URL.Path = strings.ReplaceAll(strings.TrimSuffix(r.URL.Path, "/"), "//", "/")
			}
			status, answer := asks(muxOf(newUSSD(t, dialect, func(c *Config) { c.Log = log }), in), r)
			if status != 403 || len(in.all()) > 0 || strings.Contains(answer, testSecret) {
				t.Errorf("%s with %q: %d %s", dialect, key, status, answer)
			}
			if strings.Contains(lines.String(), "246912184") || key != "" && strings.Contains(lines.String(), key) || !strings.Contains(lines.String(), "can't be trusted") {
				t.Errorf("%s: %s", dialect, lines)
			}
		}
	}
}

func TestWithNothingToShowAGatewayIsRefused(t *testing.T) {
	for _, dialect := range Dialects() {
		c := configured(t, dialect)
		c.Secret = ""
		if _, err := New(c); err == nil {
			t.Errorf("%s is open to all", dialect)
		}
		c.Allow = prefixes("192.0.2.0/24")
		if _, err := New(c); (err == nil) == (dialect == Plain) {
			t.Errorf("%s by its network alone: %v", dialect, err)
		}
		c.Secret = "short"
		if _, err := New(c); err == nil {
			t.Errorf("%s with a short secret", dialect)
		}
	}
	for name, change := range map[string]func(*Config){
		"nobody's dialect":    func(c *Config) { c.Dialect = "morse" },
		"no phrases":          func(c *Config) { c.Phrases = nil },
		"secret with a slash": func(c *Config) { c.Secret = "0123456789/abcdef" },
		"code with letters":   func(c *Config) { c.Code = "*HELP#" },
		"wide screen":         func(c *Config) { c.Septets = 183 },
		"narrow screen":       func(c *Config) { c.Septets = 99 },
		"wide UCS-2":          func(c *Config) { c.UCS2 = 81 },
		"hollatags over 160":  func(c *Config) { c.Dialect, c.Septets = "hollatags", 161 },
		"nalo over 120":       func(c *Config) { c.Dialect, c.Septets = "nalo", 121 },
		"airtel without code": func(c *Config) { c.Dialect, c.Code = "airtel", "" },
	} {
		c := configured(t, "hubtel")
		change(&c)
		if _, err := New(c); err == nil {
			t.Error(name)
		}
	}
}

func TestWhereARequestComesFrom(t *testing.T) {
	allow, proxies := prefixes("192.0.2.0/24", "2001:db8::/32"), prefixes("10.0.0.1/32", "10.0.0.2/32", "127.0.0.1/32")
	for _, c := range []struct {
		remote    string
		forwarded []string
		proxied   bool
		opens     bool
	}{
		{"192.0.2.7:1234", nil, false, true},
		{"[::ffff:192.0.2.7]:1234", nil, false, true},
		{"[2001:db8::1%eth0]:1234", nil, false, true},
		{"198.51.100.7:1234", nil, false, false},
		{"127.0.0.1:1234", nil, false, false},
		{"nonsense", nil, false, false},
		// Anybody can write the header: it counts only from the town's own proxy.
		{"198.51.100.7:1234", []string{"192.0.2.7"}, false, false},
		{"192.0.2.7:1234", []string{"192.0.2.7"}, false, false},
		{"10.0.0.1:1234", []string{"192.0.2.7"}, false, false},
		{"10.0.0.1:1234", []string{"192.0.2.7"}, true, true},
		{"10.0.0.1:1234", []string{"192.0.2.7", "10.0.0.2"}, true, true},
		{"10.0.0.1:1234", []string{"192.0.2.7, 198.51.100.7"}, true, false},
		{"10.0.0.1:1234", []string{"192.0.2.7, 198.51.100.7, 10.0.0.2"}, true, false},
		{"10.0.0.1:1234", []string{"rubbish"}, true, false},
		{"10.0.0.1:1234", nil, true, false},
		{"192.0.2.7:1234", []string{"203.0.113.9"}, true, false}, // no proxy of the town's
	} {
		line, body := ask("hubtel")
		r := call(strings.ReplaceAll(line, "KEY", testSecret), body)
		r.RemoteAddr = c.remote
		for _, f := range c.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		in := &inbox{}
		status, _ := asks(muxOf(newUSSD(t, "hubtel", func(u *Config) {
			u.Allow = allow
			if c.proxied {
				u.Proxies = proxies
			}
		}), in), r)
		if (status == 200) != c.opens || (status == 403) == c.opens || len(in.all()) > 0 != c.opens {
			t.Errorf("%+v: %d", c, status)
		}
	}
	// The secret is needed as well where both are set.
	line, body := ask("hubtel")
	r := call(strings.ReplaceAll(line, "KEY", "no-secret-at-all-here"), body)
	r.RemoteAddr = "192.0.2.7:1234"
	if status, _ := asks(muxOf(newUSSD(t, "hubtel", func(u *Config) { u.Allow = allow }), &inbox{}), r); status != 403 {
		t.Errorf("the right network with a wrong secret: %d", status)
	}
}

func TestSignatures(t *testing.T) {
	_, body := ask(Plain)
	for name, c := range map[string]struct {
		change func(r *http.Request)
		status int
	}{
		"right":          {func(*http.Request) {}, 200},
		"capitals":       {func(r *http.Request) { r.Header.Set(signature.Header, strings.ToUpper(r.Header.Get(signature.Header))) }, 200},
		"unsigned":       {func(r *http.Request) { r.Header.Del(signature.Header) }, 403},
		"no time":        {func(r *http.Request) { r.Header.Del(signature.TimeHeader) }, 403},
		"another secret": {func(r *http.Request) { signed(r, "another-secret-16", body, noon) }, 403},
		"another body":   {func(r *http.Request) { signed(r, testSecret, body+" ", noon) }, 403},
		"another time":   {func(r *http.Request) { r.Header.Set(signature.TimeHeader, fmt.Sprint(noon.Unix()+1)) }, 403},
		"another path": {func(r *http.Request) {
			r.Header.Set(signature.Header, signature.Sign([]byte(testSecret), "POST\n/ussd/other", r.Header.Get(signature.TimeHeader), []byte(body)))
		}, 403},
		"another method": {func(r *http.Request) {
			r.Header.Set(signature.Header, signature.Sign([]byte(testSecret), "PUT\n/ussd/plain", r.Header.Get(signature.TimeHeader), []byte(body)))
		}, 403},
		"our own answer": {func(r *http.Request) {
			r.Header.Set(signature.Header, signature.Sign([]byte(testSecret), signedReply+"\n/ussd/plain", r.Header.Get(signature.TimeHeader), []byte(body)))
		}, 403},
		"five minutes late":  {func(r *http.Request) { signed(r, testSecret, body, noon.Add(-signature.Window)) }, 200},
		"too late":           {func(r *http.Request) { signed(r, testSecret, body, noon.Add(-signature.Window-time.Second)) }, 403},
		"from the future":    {func(r *http.Request) { signed(r, testSecret, body, noon.Add(signature.Window+time.Second)) }, 403},
		"a time of no clock": {func(r *http.Request) { r.Header.Set(signature.TimeHeader, "now") }, 403},
	} {
		in := &inbox{}
		r := call("POST /ussd/plain", body)
		c.change(r)
		status, _ := asks(muxOf(newUSSD(t, Plain, nil), in), r)
		if status != c.status || len(in.all()) > 0 != (c.status == 200) {
			t.Errorf("%s: %d", name, status)
		}
	}
}
