// Package storetest is the one suite that every store passes.
package storetest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// Run proves the contract on a store. open returns an empty one; the test closes it by its own cleanup. It may be asked for
// several at once.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, open func(t *testing.T) store.Store)
	}{
		{"Turns", turns},
		{"Replies", replies},
		{"Conflicts", conflicts},
		{"Wholeness", wholeness},
		{"ManyAtOnce", manyAtOnce},
		{"Addresses", addresses},
		{"Meet", meet},
		{"MeetAtOnce", meetAtOnce},
		{"Newcomers", newcomers},
		{"NewcomersWhole", newcomersWhole},
		{"Merged", merged},
		{"MergedReplies", mergedReplies},
		{"MergedBeside", mergedBeside},
		{"MergedWhole", mergedWhole},
		{"MergedRaces", mergedRaces},
		{"Marks", marks},
		{"Cases", cases},
		{"Letters", letters},
		{"Answered", answered},
		{"OptOuts", optOuts},
		{"Consents", consents},
		{"Responses", responses},
		{"Roll", roll},
		{"BallotOrder", ballotOrder},
		{"Requests", requests},
		{"RequestQueries", requestQueries},
		{"Outbox", outbox},
		{"OutboxOrder", outboxOrder},
		{"OutboxLease", outboxLease},
		{"OutboxReclaim", outboxReclaim},
		{"OutboxOptOut", outboxOptOut},
		{"OutboxForgets", outboxForgets},
		{"OutboxWorkers", outboxWorkers},
		{"OutboxWants", outboxWants},
		{"OutboxForgives", outboxForgives},
		{"OutboxUntil", outboxUntil},
		{"OutboxContacts", outboxContacts},
		{"OutboxPiles", outboxPiles},
		{"Timers", timers},
		{"Published", published},
		{"Duties", duties},
		{"DutiesAtOnce", dutiesAtOnce},
		{"Media", media},
		{"MediaOnce", mediaOnce},
		{"MediaTime", mediaTime},
		{"MediaWhole", mediaWhole},
		{"MediaErased", mediaErased},
		{"Erase", erase},
		{"EraseAndBeginAgain", eraseAndBeginAgain},
		{"Parted", parted},
		{"Stats", stats},
		{"Cancelled", cancelled},
		{"Backup", backup},
		{"Closed", closed},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open) })
	}
}

// noon is when everything happens, unless it happens later.
var noon = time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)

// town is a store with what tests say of it.
type town struct {
	*testing.T
	store.Store
}

func begin(t *testing.T, open func(t *testing.T) store.Store) town {
	t.Helper()
	return town{t, open(t)}
}

func resident() (r store.Resident) { rand.Read(r[:]); return r }

func id() (b [16]byte) { rand.Read(b[:]); return b }

func inbound(name string) (in store.Inbound) {
	sum := sha256.Sum256([]byte(name))
	copy(in[:], sum[:])
	return in
}

func addressKey(address string) (k store.AddressKey) {
	sum := sha256.Sum256([]byte(address))
	copy(k[:], sum[:])
	return k
}

func tel(number string) store.Address {
	return store.Address{Key: addressKey(number), Kind: "tel", Address: number}
}

func numbered(n int) (b [16]byte) { binary.BigEndian.PutUint64(b[8:], uint64(n)); return b }

func (t town) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// commit expects an outcome.
func (t town) commit(want store.OutcomeKind, c *store.Change) store.Outcome {
	t.Helper()
	if c.At.IsZero() {
		c.At = noon
	}
	o, err := t.Commit(t.Context(), c)
	t.must(err)
	if o.Kind != want {
		t.Fatalf("outcome %v, want %v", o.Kind, want)
	}
	return o
}

// turn applies a change on top of whatever there is.
func (t town) turn(r store.Resident, change func(c *store.Change)) {
	t.Helper()
	row, err := t.Load(t.Context(), r)
	t.must(err)
	c := &store.Change{Resident: r, Read: row.Version, State: []byte("state"), At: noon}
	if change != nil {
		change(c)
	}
	t.commit(store.Applied, c)
}

func (t town) load(r store.Resident) store.Conversation {
	t.Helper()
	row, err := t.Load(t.Context(), r)
	t.must(err)
	return row
}

func (t town) equal(what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%v", got), fmt.Sprintf("%v", want); g != w {
		t.Fatalf("%s: got %s, want %s", what, g, w)
	}
}
