package smpp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
)

// box seals what is kept on disk: AES-256-GCM with random nonces under a key from the town's secret.
type box struct {
	aead cipher.AEAD
	key  []byte // of marks
}

func newBox(secret []byte) box {
	block, err := aes.NewCipher(derived(secret, "box"))
	if err != nil {
		panic(err) // 32 octets are a key
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return box{aead, derived(secret, "mark")}
}

func derived(secret []byte, use string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, "townline smpp 1 "+use, 32)
	if err != nil {
		panic(err) // 32 octets are never too many
	}
	return key
}

func (b box) seal(plain []byte, about string) []byte {
	out := make([]byte, b.aead.NonceSize(), b.aead.NonceSize()+len(plain)+b.aead.Overhead())
	rand.Read(out)
	return b.aead.Seal(out, out, plain, []byte(about))
}

var errSeal = errors.New("smpp: the seal is broken or another's")

func (b box) open(sealed []byte, about string) ([]byte, error) {
	n := b.aead.NonceSize()
	if len(sealed) < n {
		return nil, errSeal
	}
	plain, err := b.aead.Open(nil, sealed[:n], sealed[n:], []byte(about))
	if err != nil {
		return nil, errSeal
	}
	return plain, nil
}

// mark knows something again without saying what it is: who has the marks and not the key can't try numbers and answers out.
type mark [16]byte

func (b box) mark(use string, parts ...[]byte) (m mark) {
	h := hmac.New(sha256.New, b.key)
	h.Write([]byte(use))
	for _, p := range parts {
		h.Write([]byte{0, byte(len(p) >> 16), byte(len(p) >> 8), byte(len(p))})
		h.Write(p)
	}
	copy(m[:], h.Sum(nil))
	return m
}
