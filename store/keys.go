package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Keys are the town's secrets. They are never in the database or its backups: without them a stolen copy shows no
// address and no conversation, and with them lost the same holds for the town itself.
type Keys struct {
	index []byte       // finds addresses
	seal  cipher.AEAD  // wraps the residents' own keys
	polls []byte       // root of one key a poll
	posts []byte       // opens what outposts seal
	check [16]byte     // recognises these keys
	veil  cipher.Block // over what index and polls come to, of keys that came after others; nil: these are a town's first
	roots []byte       // index, polls and posts of the first, for the keys that come next
	marks sync.Pool    // of *mark, by index
}

// mark is the hash of an address under way.
type mark struct {
	hash.Hash
	said []byte
	sum  [sha256.Size]byte
}

// ErrKeys says that the keys are not the ones that the database was written with.
var ErrKeys = errors.New("store: these are not the keys that the database was written with")

// What a key file begins with: a town's first, and those that came after others, which have what stays the same beside their secret.
const (
	keysHead  = "townline-keys-1 "
	laterHead = "townline-keys-2 "
)

// LoadKeys reads the keys from text (what a key file holds, or just its last word) or, when text is empty, from file,
// which is made with new keys when it doesn't exist. A file that others may read is refused. The caller backs the file
// up, apart from the database.
func LoadKeys(file, text string) (*Keys, error) {
	if text != "" {
		k, err := parseKeys(text)
		if err != nil {
			return nil, fmt.Errorf("store: the keys in the environment %w", err)
		}
		return k, nil
	}
	if file == "" {
		return nil, errors.New("store: no key file is named and no keys are in the environment")
	}
	stat, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKeys(file); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("store: make the key file: %w", err)
		}
		stat, err = os.Stat(file)
	}
	if err != nil {
		return nil, fmt.Errorf("store: read the key file: %w", err)
	}
	if wide := stat.Mode().Perm() & 0o077; wide != 0 {
		return nil, fmt.Errorf("store: others may read the key file %s (mode %04o): run chmod 600 %s", file, stat.Mode().Perm(), file)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("store: read the key file: %w", err)
	}
	k, err := parseKeys(string(b))
	if err != nil {
		return nil, fmt.Errorf("store: the key file %s %w", file, err)
	}
	return k, nil
}

func makeKeys(file string) error {
	var secret [32]byte
	rand.Read(secret[:])
	return writeKeys(file, keysHead+base64.StdEncoding.EncodeToString(secret[:])+"\n")
}

// writeKeys writes the file whole under another name first, so that no half-written key file is ever read.
func writeKeys(file, text string) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".keys-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	// Unlike a rename, a link fails when another process made the file meanwhile: that one's keys then count.
	if err := os.Link(f.Name(), file); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

func parseKeys(text string) (*Keys, error) {
	wrong := errors.New(`must hold 32 bytes in base64 (44 characters), as in "townline-keys-1 …="`)
	text, later := strings.CutPrefix(strings.TrimSpace(text), laterHead)
	words := strings.Fields(strings.TrimPrefix(text, keysHead))
	if len(words) != 1 && !later || len(words) != 2 && later {
		return nil, wrong
	}
	secret, err := base64.StdEncoding.DecodeString(words[0])
	if err != nil || len(secret) != 32 {
		return nil, wrong
	}
	if !later {
		return newKeys(secret, nil)
	}
	roots, err := base64.StdEncoding.DecodeString(words[1])
	if err != nil || len(roots) != 3*32 {
		return nil, errors.New("is cut short")
	}
	return newKeys(secret, roots)
}

// newKeys derives the keys from a secret. roots are those of the town's first keys; nil: these are.
func newKeys(secret, roots []byte) (*Keys, error) {
	k := &Keys{}
	var kek, check, veil []byte
	for _, d := range []struct {
		to   *[]byte
		name string
	}{{&k.index, "address index"}, {&kek, "residents' keys"}, {&k.polls, "polls"}, {&k.posts, "outposts"}, {&check, "check"}, {&veil, "veil"}} {
		b, err := hkdf.Key(sha256.New, secret, nil, "townline 1 "+d.name, 32)
		if err != nil {
			return nil, err
		}
		*d.to = b
	}
	copy(k.check[:], check)
	var err error
	if k.seal, err = newAEAD(kek); err != nil {
		return nil, err
	}
	if k.roots = roots; roots == nil {
		k.roots = slices.Concat(k.index, k.polls, k.posts)
		return k, nil
	}
	k.index, k.polls, k.posts = roots[:32], roots[32:64], roots[64:]
	k.veil, err = aes.NewCipher(veil)
	return k, err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(b)
}

// Address returns the key under which an address is found.
func (k *Keys) Address(kind, address string) AddressKey {
	m, ok := k.marks.Get().(*mark)
	if !ok {
		m = &mark{Hash: hmac.New(sha256.New, k.index)}
	}
	m.Reset()
	m.said = append(append(append(m.said[:0], kind...), 0), address...)
	m.Write(m.said)
	clear(m.said)
	key := [16]byte(m.Sum(m.sum[:0])[:16])
	k.marks.Put(m)
	return k.veiled(key)
}

// Voter returns the mark of a voter (an address, or a code from a letter) on a poll's roll. Each poll has a key of its
// own, so that the rolls of two polls can't be laid side by side. What is TownsOwn stays the same when keys are changed.
func (k *Keys) Voter(poll, id string) [16]byte {
	var sum [sha256.Size]byte
	h := hmac.New(sha256.New, k.polls)
	h.Write([]byte(poll))
	h = hmac.New(sha256.New, h.Sum(sum[:0]))
	h.Write([]byte(id))
	mark := [16]byte(h.Sum(sum[:0])[:16])
	if poll == TownsOwn {
		return mark
	}
	return k.veiled(mark)
}

// Outposts returns the secret that the key is made of for which outposts seal what they forward. The caller must not change it.
func (k *Keys) Outposts() []byte { return k.posts }

// Check returns a value by which a database recognises its keys. It tells nothing about them.
func (k *Keys) Check() [16]byte { return k.check }

// Fits says whether check came from these keys.
func (k *Keys) Fits(check []byte) bool { return subtle.ConstantTimeCompare(k.check[:], check) == 1 }

// NewKey makes a resident's key and returns it with its wrapped form, which is what is stored.
func (k *Keys) NewKey(r Resident) (*Key, []byte, error) {
	var b [32]byte
	rand.Read(b[:])
	key, err := newKey(b[:])
	if err != nil {
		return nil, nil, err
	}
	return key, appendSealed(nil, k.seal, b[:], r[:]), nil
}

// Unwrap opens a resident's key; the wrapped form is bound to the resident.
func (k *Keys) Unwrap(r Resident, wrapped []byte) (*Key, error) {
	b, err := open(k.seal, wrapped, r[:])
	if err != nil {
		return nil, fmt.Errorf("store: open a resident's key: %w", err)
	}
	return newKey(b)
}

// Key seals what belongs to one resident, with AES-256-GCM. It is safe for any number of goroutines.
type Key struct {
	aead cipher.AEAD
}

func newKey(b []byte) (*Key, error) {
	a, err := newAEAD(b)
	if err != nil {
		return nil, err
	}
	return &Key{aead: a}, nil
}

// Seal appends plain, sealed, to dst. use names what it is for (a column): Open needs the same.
func (k *Key) Seal(dst, plain []byte, use string) []byte {
	return appendSealed(dst, k.aead, plain, []byte(use))
}

// Open opens sealed in place: what it returns lies in sealed's memory.
func (k *Key) Open(sealed []byte, use string) ([]byte, error) {
	return open(k.aead, sealed, []byte(use))
}

// Nonces are random: one key seals far fewer than the 2^32 messages that NIST SP 800-38D, 8.3, allows for those.
const nonceSize = 12

// Sealing adds this many bytes.
const Sealing = nonceSize + 16

func appendSealed(dst []byte, a cipher.AEAD, plain, use []byte) []byte {
	at := len(dst)
	if free := cap(dst) - at; free < len(plain)+Sealing {
		grown := make([]byte, at, at+len(plain)+Sealing)
		copy(grown, dst)
		dst = grown
	}
	dst = dst[:at+nonceSize]
	rand.Read(dst[at:])
	return a.Seal(dst, dst[at:], plain, use)
}

func open(a cipher.AEAD, sealed, use []byte) ([]byte, error) {
	if len(sealed) < Sealing {
		return nil, errors.New("too short to have been sealed")
	}
	return a.Open(sealed[nonceSize:nonceSize], sealed[:nonceSize], sealed[nonceSize:], use)
}
