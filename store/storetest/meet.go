package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// meet: an address leads to its resident's row, as both are now, whatever became of them.
func meet(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	expect := func(a store.Address, r store.Resident) {
		t.Helper()
		for range 2 { // what is remembered is the same
			got, known, err := t.Meet(ctx, a.Key)
			t.must(err)
			if r == (store.Resident{}) {
				if known {
					t.Fatalf("%s is somebody's: %+v", a.Address, got)
				}
				continue
			}
			if !known {
				t.Fatalf("%s is nobody's", a.Address)
			}
			t.equal("who is met", got.Resident, r)
			t.equal("their row", got, t.load(r))
			if got.Version == 0 || string(got.State) == "" {
				t.Fatalf("an empty row: %+v", got)
			}
			got.State[0]++ // it is the caller's
		}
	}
	phone, chat, other := tel("+15550130"), tel("+15550131"), tel("+15550132")
	expect(phone, store.Resident{})
	r, second, newcomer := resident(), resident(), resident()
	t.turn(r, func(c *store.Change) {
		c.Link = []store.Address{phone, chat}
		c.Inbound, c.Reply = inbound("a"), []byte("1")
	})
	expect(phone, r)
	expect(chat, r)
	t.turn(r, func(c *store.Change) { c.State, c.Inbound, c.Reply = []byte("later"), inbound("b"), []byte("2") })
	expect(phone, r)
	t.turn(second, func(c *store.Change) { c.Link = []store.Address{other} })
	expect(other, second)

	// Moved to somebody new, with the turn of whom it was.
	t.turn(r, func(c *store.Change) {
		c.Unlink, c.Newcomer = []store.AddressKey{chat.Key}, &store.Newcomer{Resident: newcomer, State: []byte("new"), Link: []store.Address{chat}}
	})
	expect(phone, r)
	expect(chat, newcomer)

	// Merged.
	t.turn(r, func(c *store.Change) { c.Merged = &store.Merged{Resident: second, Read: 1} })
	expect(other, r)
	expect(phone, r)

	// Taken off, and given to another.
	t.turn(r, func(c *store.Change) { c.Unlink = []store.AddressKey{other.Key} })
	expect(other, store.Resident{})
	t.turn(newcomer, func(c *store.Change) { c.Link = []store.Address{other} })
	expect(other, newcomer)

	t.must(t.Erase(ctx, r, noon))
	expect(phone, store.Resident{})
	expect(chat, newcomer)
	again := resident()
	t.turn(again, func(c *store.Change) { c.Link = []store.Address{phone} })
	expect(phone, again)
}

// meetAtOnce: numbers go to and fro between people while all are met. While a row is at the version that came with a number, the number is
// theirs: what is committed on top of it is about nobody else.
func meetAtOnce(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	const numbers, rounds, talkers = 4, 30, 3
	number := func(n int) store.Address { return tel(fmt.Sprint("+1555014", n)) }
	for n := range numbers {
		t.turn(resident(), func(c *store.Change) { c.State, c.Link = []byte(number(n).Address), []store.Address{number(n)} })
	}
	var movers, all sync.WaitGroup
	done := make(chan struct{})
	for n := range numbers {
		movers.Go(func() { // the number leaves its row for one that begins, which is all about it
			a := number(n)
			for i := 0; i < rounds; {
				row, known, err := t.Meet(ctx, a.Key)
				if err != nil || !known {
					t.Error(known, err)
					return
				}
				o, err := t.Commit(ctx, &store.Change{Resident: row.Resident, Read: row.Version, State: []byte("left"), At: noon, Unlink: []store.AddressKey{a.Key},
					Newcomer: &store.Newcomer{Resident: resident(), State: []byte(a.Address), Link: []store.Address{a}}})
				if err != nil {
					t.Error(err)
					return
				}
				if o.Kind == store.Applied {
					i++
				}
			}
		})
		for k := range talkers {
			all.Go(func() {
				a := number(n)
				for i := 0; ; i++ {
					select {
					case <-done:
						return
					default:
					}
					row, known, err := t.Meet(ctx, a.Key)
					if err != nil || !known || row.Version == 0 {
						t.Errorf("%v, %v, %+v", known, err, row)
						return
					}
					if string(row.State) != a.Address {
						t.Errorf("%s is met where it isn't any more: %q", a.Address, row.State)
						return
					}
					if (i+k)%2 == 0 {
						if _, err := t.Commit(ctx, &store.Change{Resident: row.Resident, Read: row.Version, State: row.State, At: noon.Add(time.Second)}); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
	}
	movers.Wait()
	close(done)
	all.Wait()
}
