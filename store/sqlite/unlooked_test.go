package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/townline/townline/store"
)

// TestUnlooked: a row that was read is written without being read again, and what another process wrote meanwhile is seen all the same.
func TestUnlooked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "town.db")
	ours := open(t, file)
	r := store.Resident{1}
	n := byte(0)
	commit := func(s *Store, read uint64, want store.OutcomeKind) {
		t.Helper()
		n++
		c := &store.Change{Resident: r, Read: read, At: noon, State: []byte{n}, Inbound: store.Inbound{n}, Reply: []byte{n}}
		if o, err := s.Commit(t.Context(), c); err != nil || o.Kind != want {
			t.Fatalf("turn %d: %v, %v", n, o, err)
		}
	}
	replies := func() (count int64) {
		if err := ours.read(t.Context(), func(t *tables) (err error) {
			count, err = t.number("SELECT count(*) FROM reply")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return count
	}
	commit(ours, 0, store.Applied)
	other := open(t, file)
	load := func(s *Store, version uint64, answered ...byte) {
		t.Helper()
		row, err := s.Load(t.Context(), r)
		if err != nil || row.Version != version || len(row.Answered) != len(answered) {
			t.Fatalf("%+v, %v", row, err)
		}
		for i, n := range answered {
			if row.Answered[i] != (store.Inbound{n}) {
				t.Fatalf("answered %v, want %v", row.Answered, answered)
			}
			if b, ok, err := s.Reply(t.Context(), r, row.Answered[i]); err != nil || !ok || b[0] != n {
				t.Fatalf("reply %d: %v %v %v", n, b, ok, err)
			}
		}
	}
	load(other, 1, 1)
	if _, known := other.recent.answered(r, 1); !known {
		t.Fatal("what was read isn't known")
	}
	load(other, 1, 1)
	load(ours, 1, 1)
	commit(ours, 1, store.Applied)
	commit(other, 1, store.Conflict)
	if got := replies(); got != 2 {
		t.Fatalf("%d replies after two turns", got)
	}
	load(other, 2, 2, 1)
	commit(other, 2, store.Applied)
	load(other, 3, 4, 2, 1)
	for v := uint64(3); v < 20; v++ {
		load(other, v, other.newest(t, r)...)
		commit(other, v, store.Applied)
	}
	got := other.newest(t, r)
	if len(got) != answeredMax || got[0] != n || got[answeredMax-1] != n-answeredMax+1 {
		t.Fatalf("answered %v", got)
	}
	n -= 3
	load(other, 20, got...)
	commit(other, 20, store.Duplicate)
}

// newest is what a row has answered.
func (s *Store) newest(t *testing.T, r store.Resident) (all []byte) {
	t.Helper()
	row, err := s.Load(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range row.Answered {
		all = append(all, in[0])
	}
	return all
}

// TestUnlookedAfterErasure: what was answered by a row that was read isn't taken for what is answered by another that begins under its id.
func TestUnlookedAfterErasure(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "town.db"))
	r := store.Resident{1}
	say := func(read uint64, in byte, state []byte, want store.OutcomeKind) {
		t.Helper()
		c := &store.Change{Resident: r, Read: read, At: noon, State: state, Inbound: store.Inbound{in}, Reply: []byte{in}}
		if o, err := s.Commit(t.Context(), c); err != nil || o.Kind != want {
			t.Fatalf("message %d: %v, %v", in, o, err)
		}
	}
	say(0, 1, make([]byte, 2*recentState), store.Applied) // too long to be kept: it is read
	s.newest(t, r)
	if err := s.Erase(t.Context(), r, noon); err != nil {
		t.Fatal(err)
	}
	say(0, 2, []byte{2}, store.Applied)
	s.newest(t, r)
	say(1, 3, []byte{3}, store.Applied)
	if got := s.newest(t, r); len(got) != 2 || got[0] != 3 || got[1] != 2 {
		t.Errorf("answered %v, want 3 and 2", got)
	}
	say(2, 2, []byte{4}, store.Duplicate)
}
