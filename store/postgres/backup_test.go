package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
)

var noon = time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)

func somebody(n int) store.Resident { return store.Resident{0: byte(n), 1: byte(n >> 8), 15: 1} }

// speak is a turn with something of everything.
func speak(t testing.TB, s *Store, n int, more ...func(*store.Change)) {
	t.Helper()
	r := somebody(n)
	row, err := s.Load(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	v := row.Version
	phone := fmt.Sprintf("+1555%07d", n)
	c := &store.Change{Resident: r, Read: v, At: noon, State: fmt.Append(nil, "spoken words ", n), Inbound: store.Inbound{byte(n), byte(v), 9}, Reply: fmt.Append(nil, "spoken reply ", n)}
	if v == 0 {
		c.Link = []store.Address{{Key: s.secrets.Address("tel", phone), Kind: "tel", Address: phone}}
		c.Requests = []store.RequestEvent{{Reference: fmt.Sprint("R-", n), Kind: store.Opened, At: noon, Resident: r, Personal: []byte("spoken name")}}
		c.Letters = []store.Letter{{ID: [16]byte{1, byte(n)}, At: noon, Words: "spoken letter"}}
		c.Media = []store.Media{{ID: [16]byte{2, byte(n)}, Type: "audio/ogg", Bytes: bytes.Repeat([]byte("spoken"), 50_000), At: noon}}
		c.Outbox = []store.Message{{ID: [16]byte{3, byte(n)}, Channel: "sms", Kind: "tel", Due: noon, Body: []byte("spoken message")}}
	}
	for _, f := range more {
		f(c)
	}
	if o, err := s.Commit(t.Context(), c); err != nil || o.Kind != store.Applied {
		t.Fatal(o, err)
	}
}

func TestBackupAndRestore(t *testing.T) {
	ctx := t.Context()
	s := open(t, address(t))
	for n := range 4 {
		speak(t, s, n)
	}
	speak(t, s, 1, func(c *store.Change) { c.State = []byte("last words") })
	file := filepath.Join(t.TempDir(), "copy")
	if err := s.Backup(ctx, file); err != nil {
		t.Fatal(err)
	}
	for name, secrets := range map[string][]string{file: {"spoken", "+1555"}, keysOf(file): {"spoken", "+1555"}} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range secrets {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s shows %q", filepath.Base(name), word)
			}
		}
	}
	// Somewhere else, where two said since what a copy can't know.
	to := address(t)
	other := open(t, to)
	stop := s.secrets.Address("tel", "+15550000002")
	speak(t, other, 2, func(c *store.Change) { c.OptOuts = []store.OptOut{{Address: stop, Out: true, At: noon, Word: "STOP"}} })
	if err := Restore(ctx, file, to, testKeys(t)); err == nil || !strings.Contains(err.Error(), "isn't empty") {
		t.Fatalf("restored over a database: %v", err)
	}
	for _, n := range []int{2, 3} {
		if err := other.Erase(ctx, somebody(n), noon); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.pool.Exec(ctx, "DELETE FROM request_event; DELETE FROM request"); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Restore(ctx, file, to, testKeys(t)); err != nil {
		t.Fatal(err)
	}
	back := open(t, to)
	if row, err := back.Load(ctx, somebody(1)); err != nil || string(row.State) != "last words" || row.Version != 2 {
		t.Fatalf("%+v, %v", row, err)
	}
	if b, ok, err := back.Reply(ctx, somebody(0), store.Inbound{0, 0, 9}); err != nil || !ok || string(b) != "spoken reply 0" {
		t.Fatalf("%q, %v, %v", b, ok, err)
	}
	if m, err := back.Media(ctx, [16]byte{2, 1}); err != nil || len(m.Bytes) != 300_000 {
		t.Fatalf("%d bytes, %v", len(m.Bytes), err)
	}
	if l, err := back.Letters(ctx, somebody(0), 9); err != nil || len(l) != 1 || l[0].Words != "spoken letter" {
		t.Fatalf("%+v, %v", l, err)
	}
	for _, n := range []int{2, 3} {
		if row, err := back.Load(ctx, somebody(n)); err != nil || row.Version != 0 {
			t.Fatalf("somebody is back who was erased since: %+v, %v", row, err)
		}
	}
	if out, err := back.OptedOut(ctx, stop); err != nil || !out {
		t.Fatal("a STOP since was forgotten", err)
	}
	if m, err := back.Messages(ctx, store.Unsure, 9); err != nil || len(m) != 2 {
		t.Fatalf("in doubt: %+v, %v", m, err)
	}
	st, err := back.Stats(ctx)
	if err != nil || st.Conversations != 2 || st.Media != 2 || st.MediaBytes != 600_000 || st.Requests != 4 {
		t.Fatalf("%+v, %v", st, err)
	}
	speak(t, back, 1) // numbers go on where they were
	speak(t, back, 7)

	// Not without the keys, not with another copy's, not cut short.
	second := filepath.Join(t.TempDir(), "second")
	if err := s.Backup(ctx, second); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(to string) error{
		"no keys":   func(string) error { return nil },
		"another's": func(to string) error { return copyOf(keysOf(to), keysOf(second)) },
		"cut": func(to string) error {
			return errors.Join(copyOf(keysOf(to), keysOf(file)), os.Truncate(to, int64(len(b)-9)))
		},
		"something else": func(to string) error {
			return errors.Join(copyOf(keysOf(to), keysOf(file)), os.WriteFile(to, []byte("hello\n"), 0o600))
		},
	} {
		from := filepath.Join(t.TempDir(), "spoilt")
		if err := errors.Join(copyOf(from, file), spoil(from)); err != nil {
			t.Fatal(err)
		}
		to := address(t)
		if err := Restore(ctx, from, to, testKeys(t)); err == nil {
			t.Errorf("restored: %s", name)
		}
		if st, err := open(t, to).Stats(ctx); err != nil || st.Conversations != 0 {
			t.Errorf("%s: %+v, %v", name, st, err)
		}
	}
}

// TestRestoreIsWhole: a copy is in place together with the erasures since, or not at all.
func TestRestoreIsWhole(t *testing.T) {
	ctx := t.Context()
	s := open(t, address(t))
	speak(t, s, 1)
	file := filepath.Join(t.TempDir(), "copy")
	if err := s.Backup(ctx, file); err != nil {
		t.Fatal(err)
	}
	to := address(t)
	other := open(t, to)
	if err := other.Erase(ctx, somebody(1), noon); err != nil {
		t.Fatal(err)
	}
	if _, err := other.pool.Exec(ctx, `CREATE FUNCTION dies() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'here it ends'; END $$;
		CREATE TRIGGER dies BEFORE INSERT ON erased FOR EACH ROW EXECUTE FUNCTION dies()`); err != nil {
		t.Fatal(err)
	}
	if err := Restore(ctx, file, to, testKeys(t)); err == nil || !strings.Contains(err.Error(), "here it ends") {
		t.Fatalf("it went on: %v", err)
	}
	if row, err := other.Load(ctx, somebody(1)); err != nil || row.Version != 0 {
		t.Errorf("somebody is back who was erased since: %v", err)
	}
}

// TestACopyThatFailsLeavesNothing: it can be made again under the same name.
func TestACopyThatFailsLeavesNothing(t *testing.T) {
	s := open(t, address(t))
	file := filepath.Join(t.TempDir(), "copy")
	if err := os.Mkdir(file+".part", 0o700); err != nil { // in its way
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), file); err == nil {
		t.Fatal("there is a copy")
	}
	if err := errors.Join(os.Remove(file+".part"), s.Backup(t.Context(), file)); err != nil {
		t.Error(err)
	}
}

func copyOf(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// TestCopyHasAllTables: a new table is in copies, or named here as not.
func TestCopyHasAllTables(t *testing.T) {
	s := open(t, address(t))
	known := append(slices.Clone(copied), keyTable, "townline_schema", "duty", "erased_reply")
	if err := each(context.Background(), s.pool, func(r pgx.Rows) error {
		var name string
		err := r.Scan(&name)
		if !slices.Contains(known, name) {
			t.Errorf("table %s is in no copy", name)
		}
		return err
	}, "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"); err != nil {
		t.Fatal(err)
	}
}

func FuzzCopy(f *testing.F) {
	f.Add([]byte(copyHead + "00112233445566778899aabbccddeeff\ntable meta\n\x00\x00\x00\x02ab\x00\x00\x00\x00end\n"))
	f.Add([]byte(copyHead + "00112233445566778899aabbccddeeff\ntable meta\n\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := readCopy(bytes.NewReader(b))
		if err != nil {
			return
		}
		for {
			name, rows, err := c.section(copied)
			if err != nil || name == "" {
				return
			}
			if n, err := io.Copy(io.Discard, rows); n > int64(len(b)) || err == nil && n == int64(len(b)) {
				t.Fatal(n, err)
			} else if err != nil {
				return
			}
		}
	})
}
