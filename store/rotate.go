package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// TownsOwn is no poll's name: what Voter returns under it names rows and seals files of the town itself.
const TownsOwn = "of the town itself"

// Keys are changed by writing anew what is stored under them. Nobody has to be asked for their number: what an address or a voter is
// found by is a keyed hash that stays the same, and over it a permutation of 16 bytes that doesn't. Whoever has the earlier keys knows
// the hash, and it is nowhere any more.

// veiled is a keyed hash as it is stored.
func (k *Keys) veiled(hash [16]byte) [16]byte {
	if k.veil == nil {
		return hash
	}
	today := hash
	k.veil.Encrypt(today[:], today[:])
	return today
}

// Anew is what one of an address's or a voter's hashes that was stored under k is under the keys that come next.
func (k *Keys) Anew(next *Keys, stored [16]byte) [16]byte {
	if k.veil != nil {
		k.veil.Decrypt(stored[:], stored[:])
	}
	return next.veiled(stored)
}

// Lasting is an address's key as what is sealed remembers it: it stays the same when keys are changed.
func (k *Keys) Lasting(a AddressKey) AddressKey {
	if k.veil == nil {
		return a
	}
	first := a
	k.veil.Decrypt(first[:], first[:])
	return first
}

// Today is what an address whose key was remembered is found by.
func (k *Keys) Today(lasting AddressKey) AddressKey { return k.veiled(lasting) }

// Rewrap wraps a resident's key, which k had wrapped, under the keys that come next.
func (k *Keys) Rewrap(next *Keys, r Resident, wrapped []byte) ([]byte, error) {
	b, err := open(k.seal, append([]byte(nil), wrapped...), r[:])
	if err != nil {
		return nil, fmt.Errorf("store: open a resident's key: %w", err)
	}
	return appendSealed(nil, next.seal, b, r[:]), nil
}

// MakeNext writes a key file with the keys that come after k. It is an error if the file is there.
func (k *Keys) MakeNext(file string) error {
	var secret [32]byte
	rand.Read(secret[:])
	encode := base64.StdEncoding.EncodeToString
	return writeKeys(file, laterHead+encode(secret[:])+" "+encode(k.roots)+"\n")
}

// Follows says whether these keys were made to come after k, or after others that k came after.
func (k *Keys) Follows(earlier *Keys) error {
	if string(k.roots) != string(earlier.roots) || k.veil == nil {
		return errors.New("store: these keys were not made to come after the ones that are in use")
	}
	return nil
}

// Fingerprint lets people tell keys apart. It tells nothing about them.
func (k *Keys) Fingerprint() string {
	h := sha256.Sum256(k.check[:])
	return fmt.Sprintf("%x-%x-%x", h[:4], h[4:8], h[8:12])
}
