package twilio

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

const token = "12345678901234567890123456789012"

func TestNewSignatures(t *testing.T) {
	for _, c := range []struct{ public, token string }{
		{"", token}, {"h.example.org", token}, {"ftp://h.example.org", token}, {"https://", token},
		{"https://h.example.org?a=b", token}, {"https://h.example.org", ""}, {"https://h.example.org", " "},
	} {
		if _, err := NewSignatures(c.public, c.token); err == nil {
			t.Errorf("NewSignatures(%q, %q) took it", c.public, c.token)
		}
	}
}

// The example of Twilio's documentation ("Validating Signatures from Twilio").
func TestSignatureOfTheManual(t *testing.T) {
	s, err := NewSignatures("https://mycompany.com", "12345")
	if err != nil {
		t.Fatal(err)
	}
	body := []byte("CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234&From=%2B14158675310&To=%2B18005551212")
	if !s.Valid("/myapp.php?foo=1&bar=2", body, "GvWf1cFY/Q7PnoempGyD5oXAezc=") {
		t.Error("refused")
	}
	if !s.Valid("http://10.0.0.1/myapp.php?foo=1&bar=2", body, "GvWf1cFY/Q7PnoempGyD5oXAezc=") {
		t.Error("refused with a proxy's request line")
	}
	if s.Valid("/myapp.php?foo=1&bar=3", body, "GvWf1cFY/Q7PnoempGyD5oXAezc=") {
		t.Error("another query passed")
	}
}

func FuzzSignature(f *testing.F) {
	f.Add("https://h.example.org", "/sms/twilio?a=b", "From=1&Body=a;b&Body=a", "")
	f.Add("https://u:p@[2001:db8::1]:8443/é#rc=3", "/sms/twilio?q=%C3%A9'", "x=%zz", "GvWf1cFY/Q7PnoempGyD5oXAezc=")
	f.Add("http://H.example.org:80/", "http://h/sms/twilio", "", "AAAA")
	f.Add("https://h.example.org", "/sms/twilio?bodySHA256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "", "")
	f.Fuzz(func(t *testing.T, public, target, body, signature string) {
		s, err := NewSignatures(public, token)
		if err != nil {
			return
		}
		target = relative(target)
		if s.Valid(target, []byte(body), signature) {
			t.Fatal("a signature made without the token passed")
		}
		// As Twilio signs it, with each way to write the address.
		sum, isJSON := bodySum(target)
		var params []byte
		if !isJSON {
			params = ParseForm([]byte(body)).Signed(nil)
		}
		for _, head := range s.heads {
			for _, tail := range s.tails {
				mac := hmac.New(sha1.New, []byte(token))
				mac.Write([]byte(string(head) + target + string(tail)))
				mac.Write(params)
				right := base64.StdEncoding.EncodeToString(mac.Sum(nil))
				want := !isJSON || strings.EqualFold(sum, sha256Hex([]byte(body)))
				if got := s.Valid(target, []byte(body), right); got != want {
					t.Fatalf("%s%s%s: %v, want %v", head, target, tail, got, want)
				}
				if s.Valid(target+"x", []byte(body), right) && relative(target+"x") != target {
					t.Fatalf("%s was signed, %sx passed", target, target)
				}
				if more := body + "&zz=1"; !slices.Contains(ParseForm([]byte(body)), Param{"zz", "1"}) && s.Valid(target, []byte(more), right) {
					t.Fatalf("%q was signed, %q passed", body, more)
				}
			}
		}
		if !slices.Equal(writings(target), unlike(writings(target)...)) {
			t.Error("one way to write it twice")
		}
	})
}
