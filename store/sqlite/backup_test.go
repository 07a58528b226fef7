package sqlite

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/townline/townline/store"
	"zombiezen.com/go/sqlite"
)

var noon = time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)

func otherKeys(t testing.TB) *store.Keys {
	t.Helper()
	k, err := store.LoadKeys("", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{8}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// town is a database in a folder of its own, and what tests say of it.
type town struct {
	testing.TB
	*Store
	keys *store.Keys
	dir  string
}

func newTown(t testing.TB) *town {
	dir := t.TempDir()
	return &town{t, open(t, filepath.Join(dir, "town.db")), testKeys(t), dir}
}

func (t *town) path(name string) string { return filepath.Join(t.dir, name) }

func number(n int) store.Resident { return store.Resident{0: byte(n), 1: byte(n >> 8), 15: 1} }

// speak gives a resident a number, a conversation, a response, a message that waits and a request.
func (t *town) speak(n int) {
	t.Helper()
	r, tel := number(n), fmt.Sprintf("+1555%07d", n)
	row, err := t.Load(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	c := &store.Change{Resident: r, Read: row.Version, At: noon, State: fmt.Appendf(nil, "spoken words %d", n), Reply: fmt.Appendf(nil, "spoken reply %d", n),
		Inbound: store.Inbound{byte(n), byte(n >> 8), byte(row.Version), 9}, Link: []store.Address{{Key: t.keys.Address("tel", tel), Kind: "tel", Address: tel}},
		Responses: []store.Response{{ID: [16]byte{byte(n), byte(n >> 8), byte(row.Version)}, Poll: "p", At: noon}},
		Outbox:    []store.Message{{ID: [16]byte{byte(n), byte(n >> 8), byte(row.Version)}, Channel: "sms", Kind: "tel", Due: noon, Body: []byte("spoken message")}}}
	if row.Version == 0 {
		c.Requests = []store.RequestEvent{{Reference: fmt.Sprint("R-", n), Kind: store.Opened, At: noon, Resident: r, Personal: []byte("spoken name")}}
	}
	if o, err := t.Commit(t.Context(), c); err != nil || o.Kind != store.Applied {
		t.Fatal(o, err)
	}
}

func (t *town) said(n int) string {
	t.Helper()
	row, err := t.Load(t.Context(), number(n))
	if err != nil {
		t.Fatal(err)
	}
	return string(row.State)
}

func (t *town) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestBackupAndRestore(tt *testing.T) {
	t := newTown(tt)
	for n := range 20 {
		t.speak(n)
	}
	claimed, err := t.Claim(t.Context(), store.Want{Channels: []string{"sms"}, Class: 2, N: 3}, noon, time.Minute)
	t.must(err)
	t.must(t.Settle(t.Context(), noon, []store.Settled{{ID: claimed[0].ID, State: store.Sent, Receipt: "SM1"}}))
	t.must(t.Erase(t.Context(), number(1), noon))
	t.must(t.Backup(t.Context(), t.path("copy")))
	for _, name := range []string{"copy", "copy.keys", "town.db", "town.db.erased", "town.db-wal"} {
		stat, err := os.Stat(t.path(name))
		t.must(err)
		if stat.Mode().Perm() != 0o600 {
			t.Errorf("%s may be read by others: %v", name, stat.Mode())
		}
	}
	for _, name := range []string{"copy.part", "copy.part.keys", "copy-wal", "copy-shm", "copy-journal"} {
		if exists(t.path(name)) {
			t.Errorf("%s is left behind", name)
		}
	}
	t.speak(2)
	t.speak(77)                                          // after the copy: not in it
	t.must(t.Erase(t.Context(), number(3), noon.Add(1))) // after the copy: gone from it too

	if err := Restore(t.path("copy"), t.path("town.db"), t.keys); err == nil {
		t.Fatal("a database in use was written over")
	}
	t.must(t.Close())
	// The machine is lost, but for the copy and the file of erasures.
	for _, name := range []string{"town.db", "town.db-wal", "town.db-shm"} {
		os.Remove(t.path(name))
	}
	if err := Restore(t.path("copy"), t.path("town.db"), otherKeys(t)); !errors.Is(err, store.ErrKeys) {
		t.Fatalf("restored with another town's keys: %v", err)
	}
	if exists(t.path("town.db")) || exists(t.path("town.db.part")) {
		t.Fatal("a failed restore left something")
	}
	t.must(Restore(t.path("copy"), t.path("town.db"), t.keys))
	for _, name := range []string{"town.db.part", "town.db.keys", "town.db.part.keys"} {
		if exists(t.path(name)) {
			t.Errorf("%s is left behind", name)
		}
	}
	t.Store = open(t, t.path("town.db"))
	for n := range 20 {
		want := fmt.Sprintf("spoken words %d", n)
		if n == 1 || n == 3 {
			want = ""
		}
		if got := t.said(n); got != want {
			t.Errorf("resident %d said %q", n, got)
		}
	}
	if t.said(77) != "" {
		t.Error("the copy knows what came after it")
	}
	if row, err := t.Load(t.Context(), number(2)); err != nil || row.Version != 1 {
		t.Errorf("resident 2 is at version %d, %v", row.Version, err)
	}
	st, err := t.Stats(t.Context())
	t.must(err)
	// 20 messages: 1 sent, 2 of people who were erased, and the rest may have been sent since.
	if st.Queued != 0 || st.Unsure < 17 || st.Conversations != 18 || st.Responses != 18 {
		t.Errorf("%+v", st)
	}
	again, err := t.Claim(t.Context(), store.Want{Channels: []string{"sms"}, Class: 2, N: 100}, noon.Add(time.Hour), time.Minute)
	t.must(err)
	for _, m := range again {
		if !m.Unsure || string(m.Body) != "spoken message" || m.Address == "" {
			t.Errorf("claimed after the restore: %+v", m)
		}
	}
	if len(again) != int(st.Unsure) {
		t.Errorf("%d of %d can be settled", len(again), st.Unsure)
	}
	r, err := t.Request(t.Context(), "R-3")
	t.must(err)
	if r.Personal != nil || r.Resident != (store.Resident{}) {
		t.Error("an erased person is back in a request")
	}
}

// TestErasureReachesCopies: once the keys of a copy are deleted, nobody's own words can be had from it, with whatever keys.
func TestErasureReachesCopies(tt *testing.T) {
	t := newTown(tt)
	for n := range 5 {
		t.speak(n)
	}
	t.must(t.Backup(t.Context(), t.path("copy")))
	var wrapped [][]byte
	t.must(t.read(t.Context(), func(q *tables) error {
		return q.each(func(s statement) error { wrapped = append(wrapped, column(s, 0)); return nil }, "SELECT wrapped FROM resident_key")
	}))
	file, err := os.ReadFile(t.path("copy"))
	t.must(err)
	keys, err := os.ReadFile(t.path("copy.keys"))
	t.must(err)
	for _, w := range wrapped {
		if bytes.Contains(file, w) {
			t.Error("a key is in the copy itself")
		}
		if !bytes.Contains(keys, w) {
			t.Error("a key is missing beside the copy")
		}
	}
	for name, b := range map[string][]byte{"copy": file, "copy.keys": keys} {
		for _, word := range []string{"spoken", "+1555"} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s shows %q", name, word)
			}
		}
	}
	os.Remove(t.path("copy.keys"))
	if err := Restore(t.path("copy"), t.path("other.db"), t.keys); err == nil || !strings.Contains(err.Error(), "copy.keys") {
		t.Fatalf("restored without keys: %v", err)
	}
}

func TestRestoreRefuses(tt *testing.T) {
	t := newTown(tt)
	t.speak(1)
	t.must(t.Backup(t.Context(), t.path("monday")))
	t.speak(2)
	t.must(t.Backup(t.Context(), t.path("tuesday")))
	read := func(name string) []byte {
		b, err := os.ReadFile(t.path(name))
		t.must(err)
		return b
	}
	write := func(name string, b []byte) { t.must(os.WriteFile(t.path(name), b, 0o600)) }
	for name, spoil := range map[string]func(){
		"the keys of another copy": func() { write("spoilt.keys", read("monday.keys")) },
		"no database":              func() { write("spoilt", []byte("hello")) },
		"no keys":                  func() { write("spoilt.keys", nil) },
		"cut":                      func() { b := read("spoilt"); write("spoilt", b[:len(b)/2]) },
		"damaged": func() {
			b := read("spoilt")
			for i := 4096; i < len(b); i += 512 {
				b[i] ^= 0xff
			}
			write("spoilt", b)
		},
	} {
		write("spoilt", read("tuesday"))
		write("spoilt.keys", read("tuesday.keys"))
		spoil()
		if err := Restore(t.path("spoilt"), t.path("new.db"), t.keys); err == nil {
			t.Errorf("%s: restored", name)
		}
		if exists(t.path("new.db")) {
			t.Fatalf("%s: something was put in place", name)
		}
	}
	if err := Restore(t.path("nothing"), t.path("new.db"), t.keys); err == nil {
		t.Error("restored nothing")
	}
	t.must(Restore(t.path("tuesday"), t.path("new.db"), t.keys))
	if err := Restore(t.path("tuesday"), t.path("new.db"), t.keys); err == nil {
		t.Error("written over")
	}
	if err := t.Backup(t.Context(), t.path("tuesday")); err == nil {
		t.Error("a copy was written over another")
	}
}

// TestBackupUnderLoad: a copy made in traffic is whole: each conversation in it has exactly its turns' records.
func TestBackupUnderLoad(tt *testing.T) {
	t := newTown(tt)
	for n := range 50 {
		t.speak(n)
	}
	var wg sync.WaitGroup
	var stop atomic.Bool
	var turns atomic.Int64
	for w := range 8 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				n := (w*50/8 + i%6) % 50
				r := number(n)
				row, err := t.Load(t.Context(), r)
				if err != nil {
					t.Error(err)
					return
				}
				v := row.Version
				if _, err := t.Commit(t.Context(), &store.Change{Resident: r, Read: v, At: noon, State: fmt.Appendf(nil, "%d", v+1),
					Responses: []store.Response{{ID: [16]byte{1, byte(n), byte(v), byte(v >> 8)}, Poll: fmt.Sprint("r", n), At: noon}}}); err != nil {
					t.Error(err)
					return
				}
				turns.Add(1)
			}
		})
	}
	for i := range 4 {
		before := turns.Load()
		t.must(t.Backup(t.Context(), t.path(fmt.Sprint("copy", i))))
		for turns.Load() == before && !t.Failed() { // traffic went on
			runtime.Gosched()
		}
	}
	stop.Store(true)
	wg.Wait()
	for i := range 4 {
		t.must(Restore(t.path(fmt.Sprint("copy", i)), t.path(fmt.Sprint("new", i)), t.keys))
		s := open(t, t.path(fmt.Sprint("new", i)))
		for n := range 50 {
			row, err := s.Load(t.Context(), number(n))
			t.must(err)
			records := uint64(0)
			t.must(s.Responses(t.Context(), fmt.Sprint("r", n), func(store.Response) error { records++; return nil }))
			if row.Version != records+1 {
				t.Errorf("copy %d: resident %d is at version %d with %d records", i, n, row.Version, records)
			}
			if row.Version > 1 && string(row.State) != fmt.Sprint(row.Version) {
				t.Errorf("copy %d: resident %d is at version %d with state %s", i, n, row.Version, row.State)
			}
		}
	}
}

func TestOpenRefuses(tt *testing.T) {
	t := newTown(tt)
	t.speak(1)
	t.must(t.Close())
	if _, err := Open(t.path("town.db"), otherKeys(t)); !errors.Is(err, store.ErrKeys) {
		t.Errorf("opened with another town's keys: %v", err)
	}
	c, err := sqlite.OpenConn(t.path("town.db"))
	t.must(err)
	t.must(newTables(shipped{Conn: c}).once("PRAGMA user_version=9999"))
	t.must(c.Close())
	if _, err := Open(t.path("town.db"), t.keys); !errors.Is(err, store.ErrNewer) {
		t.Errorf("a newer database was opened: %v", err)
	}
	t.must(os.WriteFile(t.path("text"), []byte(strings.Repeat("not a database ", 1000)), 0o600))
	if _, err := Open(t.path("text"), t.keys); err == nil {
		t.Error("a text was opened")
	}
	other, err := sqlite.OpenConn(t.path("other.db"))
	t.must(err)
	t.must(newTables(shipped{Conn: other}).once("CREATE TABLE theirs(x)"))
	t.must(other.Close())
	if _, err := Open(t.path("other.db"), t.keys); err == nil || !strings.Contains(err.Error(), "something else") {
		t.Errorf("another program's database was opened: %v", err)
	}
	if _, err := Open(t.path("no/such/folder.db"), t.keys); err == nil {
		t.Error("opened nothing")
	}
}

// TestReopen: a copy of the files taken at any moment, as after a crash of the machine that lost nothing synced, opens with
// all that was acknowledged by then.
func TestReopen(tt *testing.T) {
	t := newTown(tt)
	for round := range 6 {
		for n := range 10 {
			t.speak(round*10 + n)
		}
		t.must(t.Erase(t.Context(), number(round*10), noon))
		dir := t.path(fmt.Sprint("crash", round))
		t.must(os.Mkdir(dir, 0o700))
		for _, name := range []string{"town.db", "town.db-wal"} { // without the shared memory and the file of erasures
			b, err := os.ReadFile(t.path(name))
			t.must(err)
			t.must(os.WriteFile(filepath.Join(dir, name), b, 0o600))
		}
		after := &town{t, open(t, filepath.Join(dir, "town.db")), t.keys, dir}
		for n := range (round + 1) * 10 {
			want := fmt.Sprintf("spoken words %d", n)
			if n%10 == 0 {
				want = ""
			}
			if got := after.said(n); got != want {
				t.Fatalf("round %d: resident %d said %q", round, n, got)
			}
		}
		noted, err := readTombstones(after.path("town.db.erased"))
		t.must(err)
		if len(noted) != round+1 {
			t.Fatalf("round %d: %d erasures are noted", round, len(noted))
		}
		after.speak(500)
	}
}

// TestNothingInTheClear: the files of a database in use show nobody's words, number or name.
func TestNothingInTheClear(tt *testing.T) {
	t := newTown(tt)
	for n := range 10 {
		t.speak(n)
	}
	for _, name := range []string{"town.db", "town.db-wal"} {
		b, err := os.ReadFile(t.path(name))
		t.must(err)
		for _, word := range []string{"spoken", "+1555"} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s shows %q", name, word)
			}
		}
	}
	// And after an erasure nothing of the resident's is in them, not even sealed.
	var key, state []byte
	t.must(t.read(t.Context(), func(q *tables) error {
		_, err := q.one(func(s statement) error { key, state = column(s, 0), column(s, 1); return nil },
			"SELECT wrapped, state FROM resident_key JOIN conversation USING(k) WHERE k = ?", rowOf(number(4)))
		return err
	}))
	if len(key) == 0 || len(state) == 0 {
		t.Fatal("no row to look for")
	}
	t.must(t.Erase(t.Context(), number(4), noon))
	t.must(t.Close())
	b, err := os.ReadFile(t.path("town.db"))
	t.must(err)
	if bytes.Contains(b, key) || bytes.Contains(b, state) {
		t.Error("what was erased is still in the file")
	}
}

// TestMergedKeyIsGone: the key of somebody who was merged is neither in the files nor in a copy, and with it what it had sealed.
func TestMergedKeyIsGone(tt *testing.T) {
	t := newTown(tt)
	t.speak(1)
	t.speak(4)
	if k := t.record(4, sound(1, 3000)); k != store.Applied {
		t.Fatal(k)
	}
	var key, state, address, part []byte
	t.must(t.read(t.Context(), func(q *tables) error {
		_, err := q.one(func(s statement) error {
			key, state, address, part = column(s, 0), column(s, 1), column(s, 2), column(s, 3)
			return nil
		}, `SELECT wrapped, state, sealed, body FROM resident_key JOIN conversation USING(k) JOIN address a ON a.resident = conversation.resident
			JOIN media_part WHERE k = ?`, rowOf(number(4)))
		return err
	}))
	in := func(file string) (n int) {
		b, err := os.ReadFile(t.path(file))
		t.must(err)
		for _, secret := range [][]byte{key, state, address, part} {
			if len(secret) == 0 {
				t.Fatal("nothing to look for")
			}
			if bytes.Contains(b, secret) {
				n++
			}
		}
		return n
	}
	if in("town.db-wal")+in("town.db") < 4 {
		t.Fatal("they aren't where this test looks for them")
	}
	one, two := number(1), number(4)
	mine, err := t.Load(t.Context(), one)
	t.must(err)
	theirs, err := t.Load(t.Context(), two)
	t.must(err)
	o, err := t.Commit(t.Context(), &store.Change{Resident: one, Read: mine.Version, At: noon, State: []byte("one"), Merged: &store.Merged{Resident: two, Read: theirs.Version}})
	t.must(err)
	if o.Kind != store.Applied {
		t.Fatal(o)
	}
	t.must(t.Backup(t.Context(), t.path("copy")))
	for _, name := range []string{"town.db", "town.db-wal", "copy", "copy.keys"} {
		if n := in(name); n > 0 {
			t.Errorf("%s has %d of what was theirs alone", name, n)
		}
	}
}

func TestErasedFromTheLog(tt *testing.T) {
	t := newTown(tt)
	t.speak(4)
	var key []byte
	t.must(t.read(t.Context(), func(q *tables) error {
		_, err := q.one(func(s statement) error { key = column(s, 0); return nil }, "SELECT wrapped FROM resident_key")
		return err
	}))
	wal, err := os.ReadFile(t.path("town.db-wal"))
	t.must(err)
	if !bytes.Contains(wal, key) {
		t.Fatal("the key isn't where this test looks for it")
	}
	t.must(t.Erase(t.Context(), number(4), noon))
	for _, name := range []string{"town.db", "town.db-wal"} {
		// Where the keeper was just copying the log, it empties it in a moment.
		for end := time.Now().Add(5 * time.Second); ; runtime.Gosched() {
			b, err := os.ReadFile(t.path(name))
			t.must(err)
			if !bytes.Contains(b, key) {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: the key is left after the erasure", name)
			}
		}
	}
}

func TestTombstonesCutShort(tt *testing.T) {
	t := newTown(tt)
	for n := range 3 {
		t.speak(n)
		t.must(t.Erase(t.Context(), number(n), noon))
	}
	t.must(t.Close())
	whole, err := os.ReadFile(t.path("town.db.erased"))
	t.must(err)
	for cut := range len(whole) {
		t.must(os.WriteFile(t.path("town.db.erased"), whole[:cut], 0o600))
		s, err := Open(t.path("town.db"), t.keys)
		t.must(err)
		t.must(s.Close())
		noted, err := readTombstones(t.path("town.db.erased"))
		t.must(err)
		got := map[store.Resident]bool{}
		for _, e := range noted {
			got[e.resident] = true
		}
		for n := range 3 {
			if !got[number(n)] {
				t.Fatalf("cut to %d bytes: resident %d is no longer noted", cut, n)
			}
		}
	}
}

// TestTwoProcesses: a second one that has the file open (staff at the command line) confuses neither.
func TestTwoProcesses(tt *testing.T) {
	t := newTown(tt)
	other := &town{t, open(t, t.path("town.db")), t.keys, t.dir}
	for n := range 3 {
		t.speak(n)
		t.said(n)
	}
	words := func(s *town, read uint64, text string) store.OutcomeKind {
		t.Helper()
		o, err := s.Commit(t.Context(), &store.Change{Resident: number(1), Read: read, At: noon, State: []byte(text)})
		t.must(err)
		return o.Kind
	}
	if k := words(other, 1, "theirs"); k != store.Applied {
		t.Fatal(k)
	}
	row, err := t.Load(t.Context(), number(1)) // may be what this process wrote last
	t.must(err)
	if row.Version == 1 {
		if k := words(t, row.Version, "ours"); k != store.Conflict {
			t.Fatalf("written over the other's: %v", k)
		}
	}
	if got := t.said(1); got != "theirs" {
		t.Fatalf("after the conflict: %q", got)
	}
	if k := words(t, 2, "ours"); k != store.Applied {
		t.Fatal(k)
	}
	t.must(other.Erase(t.Context(), number(1), noon))
	if k := words(t, 3, "late"); k != store.Conflict {
		t.Fatalf("somebody who was erased: %v", k)
	}
	if got := t.said(1); got != "" {
		t.Fatalf("after the erasure: %q", got)
	}
	if k := words(t, 0, "begun again"); k != store.Applied {
		t.Fatal(k)
	}
	for _, s := range []*town{t, other} {
		if got := s.said(1); got != "begun again" {
			t.Fatalf("begun again: %q", got)
		}
	}
	if k := words(other, 1, "and on"); k != store.Applied {
		t.Fatal(k)
	}
}

// TestStopReachesCopies: who said STOP after the copy was made is let alone when it is put back, and who said START since
// is not.
func TestStopReachesCopies(tt *testing.T) {
	t := newTown(tt)
	ann, ben := t.keys.Address("tel", "+15550000001"), t.keys.Address("tel", "+15550000002")
	say := func(n int, a store.AddressKey, out bool, at time.Time) {
		row, err := t.Load(t.Context(), number(n))
		if err != nil {
			t.Fatal(err)
		}
		c := &store.Change{Resident: number(n), Read: row.Version, At: at, OptOuts: []store.OptOut{{Address: a, Out: out, At: at, Channel: "sms", Word: "STOP"}}}
		if o, err := t.Commit(t.Context(), c); err != nil || o.Kind != store.Applied {
			t.Fatal(o, err)
		}
	}
	t.speak(1)
	t.speak(2)
	say(2, ben, true, noon)
	if err := t.Backup(t.Context(), t.path("copy")); err != nil {
		t.Fatal(err)
	}
	say(1, ann, true, noon.Add(time.Hour))
	say(2, ben, false, noon.Add(time.Hour))
	noted, err := os.ReadFile(t.path("town.db.stops"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(noted, []byte("5550")) {
		t.Errorf("numbers are noted: %s", noted)
	}
	if err := os.WriteFile(t.path("back.db.stops"), append(noted, "\n12 true"...), 0o600); err != nil { // and a line cut short
		t.Fatal(err)
	}
	if err := Restore(t.path("copy"), t.path("back.db"), t.keys); err != nil {
		t.Fatal(err)
	}
	back := open(t, t.path("back.db"))
	for a, want := range map[store.AddressKey]bool{ann: true, ben: false} {
		if out, err := back.OptedOut(t.Context(), a); err != nil || out != want {
			t.Errorf("opted out: %v, %v, want %v", out, err, want)
		}
	}
}
