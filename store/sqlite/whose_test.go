package sqlite

import (
	"testing"

	"github.com/townline/townline/store"
)

// TestWhose: whose an address was is not kept, and not put together with a row, once any has moved since it was read, nor while one moves.
func TestWhose(t *testing.T) {
	var w whose
	a, r := store.AddressKey{1}, store.Resident{2}
	keeps := func(want bool, epoch uint64) {
		t.Helper()
		w.put(a, r, epoch)
		if got, known, _ := w.get(a); known != want || known && got != r {
			t.Fatalf("%v, %v", got, known)
		}
		if w.still(epoch) != want {
			t.Fatal("whether it still holds")
		}
	}
	_, _, before := w.get(a)
	keeps(true, before)
	w.move(true)
	_, _, during := w.get(a)
	keeps(false, before)
	keeps(false, during)
	w.move(false)
	keeps(false, before)
	keeps(false, during)
	_, _, after := w.get(a)
	keeps(true, after)
	w.forget()
	keeps(false, after)
	_, _, after = w.get(a)
	for i := range 3 * whoseHalf {
		w.put(store.AddressKey{3, byte(i), byte(i >> 8)}, r, after)
	}
	if n := len(w.newer) + len(w.older); n > 2*whoseHalf {
		t.Fatalf("%d are kept", n)
	}
	if !moves([]*job{{}, {do: func(*tables) error { return nil }, then: func() {}}}) || moves([]*job{{do: func(*tables) error { return nil }}}) {
		t.Error("an erasure moves addresses, and nothing else that is no turn")
	}
	for _, c := range []store.Change{{Unlink: []store.AddressKey{a}}, {Newcomer: &store.Newcomer{}}, {Merged: &store.Merged{}}} {
		if !moves([]*job{{turn: sealedTurn{change: &c}}}) {
			t.Errorf("%+v", c)
		}
	}
	if moves([]*job{{turn: sealedTurn{change: &store.Change{Link: []store.Address{{Key: a}}}}}}) {
		t.Error("a first address is nobody else's")
	}
}
