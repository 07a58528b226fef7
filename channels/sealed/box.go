// Package sealed keeps what must outlive the process and isn't in the store yet: sealed under a secret of the town's, each in a
// file that is written whole or not at all.
package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
)

// Box seals what is kept on disk: AES-256-GCM with random nonces under a key from the town's secret.
type Box struct {
	aead  cipher.AEAD
	marks []byte // their key
}

// NewBox makes a box for one use: what is sealed for another doesn't open in it.
func NewBox(secret []byte, use string) Box {
	block, err := aes.NewCipher(derived(secret, use+" box"))
	if err != nil {
		panic(err) // 32 octets are a key
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return Box{aead, derived(secret, use+" mark")}
}

func derived(secret []byte, use string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, "townline "+use, 32)
	if err != nil {
		panic(err) // 32 octets are never too many
	}
	return key
}

// Seal seals plain. It opens only by the same word of what it is about.
func (b Box) Seal(plain []byte, about string) []byte {
	out := make([]byte, b.aead.NonceSize(), b.aead.NonceSize()+len(plain)+b.aead.Overhead())
	rand.Read(out)
	return b.aead.Seal(out, out, plain, []byte(about))
}

var errSeal = errors.New("the seal is broken or another's")

// Open opens what Seal sealed.
func (b Box) Open(sealed []byte, about string) ([]byte, error) {
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

// Mark knows something again without saying what it is: who has the marks and not the key can't try numbers and answers out.
type Mark [16]byte

// Mark of something that consists of these parts.
func (b Box) Mark(use string, parts ...[]byte) (m Mark) {
	h := hmac.New(sha256.New, b.marks)
	h.Write([]byte(use))
	for _, p := range parts {
		h.Write([]byte{0, byte(len(p) >> 16), byte(len(p) >> 8), byte(len(p))})
		h.Write(p)
	}
	copy(m[:], h.Sum(nil))
	return m
}
