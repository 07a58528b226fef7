package outpost

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Three kinds of seals keep what residents said from whoever takes the machine, or listens on the line:
//
//   - a turn on its way to the centre: HPKE (RFC 9180; DHKEM X25519, HKDF-SHA256, AES-256-GCM) to the centre's key. The
//     machine itself can't open it again;
//   - what a visit is to go on with: AES-256-GCM under a key from the visitor's own secret, which is in the browser's cookie and
//     nowhere on disk. When the browser forgets it, nobody can;
//   - what goes over the line: AES-256-GCM under keys from the secret that outpost and centre share, each way its own.

var errSeal = errors.New("outpost: the seal is broken or another's")

// box is AES-256-GCM with random nonces; one key seals far fewer than the 2^32 messages that NIST SP 800-38D, 8.3, allows.
type box struct{ aead cipher.AEAD }

const boxNonce = 12

func newBox(secret []byte, use string) box {
	key, err := hkdf.Key(sha256.New, secret, nil, "townline outpost 1 "+use, 32)
	if err != nil {
		panic(err) // 32 bytes are never too many
	}
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	a, err := cipher.NewGCM(b)
	if err != nil {
		panic(err)
	}
	return box{a}
}

func (b box) seal(plain []byte, about string) []byte {
	out := make([]byte, boxNonce, boxNonce+len(plain)+b.aead.Overhead())
	rand.Read(out)
	return b.aead.Seal(out, out, plain, []byte(about))
}

func (b box) open(sealed []byte, about string) ([]byte, error) {
	if len(sealed) < boxNonce {
		return nil, errSeal
	}
	plain, err := b.aead.Open(nil, sealed[:boxNonce], sealed[boxNonce:], []byte(about))
	if err != nil {
		return nil, errSeal
	}
	return plain, nil
}

// derive makes n bytes of a secret for one use.
func derive(secret []byte, use string, n int) []byte {
	b, err := hkdf.Key(sha256.New, secret, nil, "townline outpost 1 "+use, n)
	if err != nil {
		panic(err)
	}
	return b
}

func mark(key []byte, what string) (m [16]byte) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(what))
	copy(m[:], h.Sum(nil))
	return m
}

// letter says what HPKE seals are for, and by whom.
func letter(outpost string) []byte { return []byte("townline outpost 1 turn\x00" + outpost) }

// forCentre seals a turn; key is the centre's public one.
func forCentre(key hpke.PublicKey, outpost string, plain []byte) ([]byte, error) {
	b, err := hpke.Seal(key, hpke.HKDFSHA256(), hpke.AES256GCM(), letter(outpost), plain)
	if err != nil {
		return nil, fmt.Errorf("outpost: seal a turn: %w", err)
	}
	return b, nil
}

func openTurn(key hpke.PrivateKey, outpost string, sealed []byte) ([]byte, error) {
	b, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.AES256GCM(), letter(outpost), sealed)
	if err != nil {
		return nil, errSeal
	}
	return b, nil
}

func publicKey(b []byte) (hpke.PublicKey, error) {
	k, err := ecdh.X25519().NewPublicKey(b)
	if err != nil {
		return nil, fmt.Errorf("outpost: the centre's key: %w", err)
	}
	return hpke.NewDHKEMPublicKey(k)
}

func privateKey(seed []byte) (hpke.PrivateKey, error) {
	k, err := ecdh.X25519().NewPrivateKey(seed)
	if err != nil {
		return nil, fmt.Errorf("outpost: the centre's key: %w", err)
	}
	return hpke.NewDHKEMPrivateKey(k)
}
