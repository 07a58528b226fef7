package audio

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// addressAge is for how long, at the least, the address of a clip is good: a provider fetches it within seconds. It is good
// for no longer than twice that, so that an address in somebody's log is worth nothing.
const addressAge = 3 * time.Hour

// Address is the last part of an address under which a provider can fetch the sound of an utterance, such as Twilio for its
// <Play>: "Xh3k…Yq.wav". The utterance itself is in it, sealed with the town's secret: every server of the town can say it,
// one that was started meanwhile too, nothing has to be offered before, and who reads the address learns nothing and can make
// up none of their own. The same utterance has the same address for some hours.
func (s *Shelf) Address(u Utterance) string {
	return s.addressAt(u, time.Now())
}

func (s *Shelf) addressAt(u Utterance, now time.Time) string {
	u = u.usual()
	plain := []byte(strings.Join([]string{strconv.FormatInt(now.Unix()/int64(addressAge/time.Second), 36), u.Lang, u.Dialog, u.Key,
		strconv.Itoa(u.Pace), strconv.Itoa(u.Gain), u.Words}, "\x00"))
	box, nonceKey := s.seal()
	mac := hmac.New(sha256.New, nonceKey)
	_, _ = mac.Write(plain)
	nonce := mac.Sum(nil)[:box.NonceSize()] // of the words, so that the same have the same address, and no two others share a nonce
	return base64.RawURLEncoding.EncodeToString(box.Seal(nonce, nonce, plain, nil)) + ".wav"
}

// ErrNoAddress is the error of an address that this town never made, or made too long ago.
var ErrNoAddress = errors.New("audio: nothing is at this address")

// Uttered reads an address.
func (s *Shelf) Uttered(address string) (Utterance, error) {
	return s.utteredAt(address, time.Now())
}

func (s *Shelf) utteredAt(address string, now time.Time) (Utterance, error) {
	name, ok := strings.CutSuffix(address, ".wav")
	sealed, err := base64.RawURLEncoding.DecodeString(name)
	box, _ := s.seal()
	if !ok || err != nil || len(sealed) < box.NonceSize() {
		return Utterance{}, ErrNoAddress
	}
	plain, err := box.Open(nil, sealed[:box.NonceSize()], sealed[box.NonceSize():], nil)
	if err != nil {
		return Utterance{}, ErrNoAddress
	}
	parts := strings.SplitN(string(plain), "\x00", 7)
	if len(parts) != 7 {
		return Utterance{}, ErrNoAddress
	}
	made, err := strconv.ParseInt(parts[0], 36, 64)
	if since := now.Unix()/int64(addressAge/time.Second) - made; err != nil || since < -1 || since > 1 {
		return Utterance{}, ErrNoAddress
	}
	u := Utterance{Lang: parts[1], Dialog: parts[2], Key: parts[3], Words: parts[6]}
	u.Pace, _ = strconv.Atoi(parts[4])
	u.Gain, _ = strconv.Atoi(parts[5])
	return u, nil
}

// seal is the box that addresses are made with, and the key of their nonces.
func (s *Shelf) seal() (box cipher.AEAD, nonceKey []byte) {
	derive := func(what string) []byte {
		mac := hmac.New(sha256.New, s.secret)
		_, _ = mac.Write([]byte("townline clip address " + what))
		return mac.Sum(nil)
	}
	block, err := aes.NewCipher(derive("seal"))
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	if box, err = cipher.NewGCM(block); err != nil {
		panic(err) // AES has its block size
	}
	return box, derive("nonce")
}

// WAV is the sound at an address: G.711 µ-law at 8 kHz. Where an utterance can't be heard, it is SpeakSorry's; its error is
// ErrNoAddress alone, or that of ctx.
func (s *Shelf) WAV(ctx context.Context, address string) ([]byte, error) {
	u, err := s.Uttered(address)
	if err != nil {
		return nil, err
	}
	p, err := s.Speak(ctx, u)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		p = s.SpeakSorry(ctx, u.Lang, u.Pace, u.Gain)
	}
	return p.WAV(), nil
}

// ServeHTTP answers GET …/{clip} with the sound at that address. Mount it where a provider may reach it: it needs no
// signature, since nobody can make up an address.
func (s *Shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := s.WAV(r.Context(), r.PathValue("clip"))
	switch {
	case errors.Is(err, ErrNoAddress):
		http.NotFound(w, r)
	case err != nil:
		http.Error(w, "not now", http.StatusServiceUnavailable)
	default:
		h := w.Header()
		h.Set("Content-Type", "audio/wav")
		h.Set("Content-Length", strconv.Itoa(len(b)))
		h.Set("Cache-Control", "private, no-store") // it may hold a resident's words
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(b)
	}
}
