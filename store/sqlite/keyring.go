package sqlite

import (
	"sync"

	"github.com/townline/townline/store"
)

// keyring holds residents' keys that were opened lately: opening one costs more than using it. Two halves of a map: when
// the newer is full, the older is dropped.
type keyring struct {
	mu           sync.Mutex
	epoch        uint64 // moves when a resident is erased
	newer, older map[store.Resident]*store.Key
}

// 2 × 1,024 keys of about 1.2 KB.
const keyringHalf = 1024

// get returns a key, and the epoch to hand to put when there is none.
func (k *keyring) get(r store.Resident) (*store.Key, uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.newer[r]; key != nil {
		return key, k.epoch
	}
	key := k.older[r]
	if key != nil {
		k.add(r, key)
	}
	return key, k.epoch
}

// put keeps a key that was read since epoch, unless somebody was erased since: it might be theirs.
func (k *keyring) put(r store.Resident, key *store.Key, epoch uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if epoch == k.epoch {
		k.add(r, key)
	}
}

func (k *keyring) add(r store.Resident, key *store.Key) {
	if k.newer == nil || len(k.newer) >= keyringHalf {
		k.older, k.newer = k.newer, make(map[store.Resident]*store.Key, keyringHalf)
	}
	k.newer[r] = key
}

func (k *keyring) drop(r store.Resident) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.epoch++
	delete(k.newer, r)
	delete(k.older, r)
}

func (k *keyring) now() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.epoch
}
