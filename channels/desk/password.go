package desk

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// What a password costs whoever guesses: RFC 9106 (section 4) and OWASP's sheet on storing passwords, the least of memory that
// it gives for argon2id: a town's server may be small.
const (
	hashName    = "argon2id"
	hashMemory  = 19 << 10 // KiB
	hashPasses  = 2
	hashThreads = 1
	saltBytes   = 16
	hashBytes   = 32

	// LeastPassword is how many characters a password has at least.
	LeastPassword = 10
	mostPassword  = 1024 // bytes
)

var errHash = errors.New("that is no password's hash: \"townline desk password\" makes one")

// Hash makes what stands in the settings for a password. It has neither commas nor dollar signs in it, which files and shells
// would take for something else.
func Hash(password string, chance io.Reader) (string, error) {
	switch {
	case utf8.RuneCountInString(password) < LeastPassword:
		return "", fmt.Errorf("a password has %d characters at least", LeastPassword)
	case len(password) > mostPassword:
		return "", errors.New("that is too long for a password")
	}
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(chance, salt); err != nil {
		return "", err
	}
	sum := argon2.IDKey([]byte(password), salt, hashPasses, hashMemory, hashThreads, hashBytes)
	return fmt.Sprintf("%s:%d:%d:%d:%s:%s", hashName, hashMemory, hashPasses, hashThreads, enc.EncodeToString(salt), enc.EncodeToString(sum)), nil
}

var enc = base64.RawURLEncoding

// hashed is a password as the settings have it.
type hashed struct {
	memory, passes uint32
	threads        uint8
	salt, sum      []byte
}

// parseHash reads what Hash made.
func parseHash(s string) (hashed, error) {
	part := strings.Split(s, ":")
	if len(part) != 6 || part[0] != hashName {
		return hashed{}, errHash
	}
	number := func(s string, least, most uint64) uint64 {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil || n < least || n > most {
			return 0
		}
		return n
	}
	h := hashed{memory: uint32(number(part[1], 8<<10, 1<<20)), passes: uint32(number(part[2], 1, 16)), threads: uint8(number(part[3], 1, 16))}
	var err error
	if h.salt, err = enc.DecodeString(part[4]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return hashed{}, errHash
	}
	if h.sum, err = enc.DecodeString(part[5]); err != nil || len(h.sum) < 16 || len(h.sum) > 64 || h.memory == 0 || h.passes == 0 || h.threads == 0 {
		return hashed{}, errHash
	}
	return h, nil
}

// CheckHash says what is wrong with a hash.
func CheckHash(s string) error {
	_, err := parseHash(s)
	return err
}

// is says whether this is the password. It takes as long for any other.
func (h *hashed) is(password string) bool {
	sum := argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.threads, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}
