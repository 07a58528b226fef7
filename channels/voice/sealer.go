package voice

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// sealer closes what goes through Twilio in an address and comes back: answers that could not be taken at once, pages of
// calls that go out, names of recordings. Addresses are in logs, Twilio's and those of proxies.
type sealer struct {
	boxes []cipher.AEAD // by the auth token in use, then those before it
	nonce []byte
}

func newSealer(tokens []string) sealer {
	var s sealer
	for _, token := range tokens {
		if token = strings.TrimSpace(token); token == "" {
			continue
		}
		key := sha256.Sum256([]byte("townline voice address\x00" + token))
		block, err := aes.NewCipher(key[:])
		if err != nil {
			panic(err) // 32 bytes are a key
		}
		box, err := cipher.NewGCM(block)
		if err != nil {
			panic(err) // AES has its block size
		}
		s.boxes = append(s.boxes, box)
		if s.nonce == nil {
			key := sha256.Sum256([]byte("townline voice nonce\x00" + token))
			s.nonce = key[:]
		}
	}
	return s
}

// close seals b for one use: what is sealed for one isn't opened for another. The same gives the same.
func (s *sealer) close(use string, b []byte) string {
	mac := hmac.New(sha256.New, s.nonce)
	mac.Write([]byte(use))
	mac.Write([]byte{0})
	mac.Write(b)
	nonce := mac.Sum(nil)[:s.boxes[0].NonceSize()]
	return base64.RawURLEncoding.EncodeToString(s.boxes[0].Seal(nonce, nonce, b, []byte(use)))
}

func (s *sealer) open(use, sealed string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return nil, false
	}
	for _, box := range s.boxes {
		if n := box.NonceSize(); len(b) > n {
			if open, err := box.Open(nil, b[:n], b[n:], []byte(use)); err == nil {
				return open, true
			}
		}
	}
	return nil, false
}
