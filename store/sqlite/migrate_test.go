package sqlite

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/store"
	"zombiezen.com/go/sqlite"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The databases that each migration made in its day, with a little of everything in them: none is ever written anew once it
// was published, since towns have such files.
const (
	firstDay  = "testdata/migration1.db"
	secondDay = "testdata/migration2.db"
	thirdDay  = "testdata/migration3.db"
	fourthDay = "testdata/migration4.db"
	golden    = "testdata/migration5.db" // today's
)

// TestUpgrade: a database of any day opens today, with all that was in it.
func TestUpgrade(tt *testing.T) {
	if *update {
		writeGolden(newTown(tt))
	}
	for name, stats := range map[string]store.Stats{
		firstDay:  {Conversations: 2, Responses: 3, Ballots: 1, Requests: 3, Queued: 1, Timers: 1},
		secondDay: {Conversations: 2, Responses: 3, Ballots: 1, Requests: 3, Queued: 1, Timers: 1, Media: 1, MediaBytes: partSize + 1},
		thirdDay:  {Conversations: 2, Responses: 3, Ballots: 1, Requests: 3, Queued: 1, Timers: 1, Media: 1, MediaBytes: partSize + 1},
		fourthDay: {Conversations: 2, Responses: 3, Ballots: 1, Requests: 3, Queued: 1, Timers: 1, Media: 1, MediaBytes: partSize + 1, Cases: 1},
		golden:    {Conversations: 2, Responses: 3, Ballots: 1, Requests: 3, Queued: 1, Timers: 1, Media: 1, MediaBytes: partSize + 1, Cases: 1},
	} {
		tt.Run(filepath.Base(name), func(t *testing.T) { upgrades(newTown(t), name, stats) })
	}
}

// writeGolden makes the database of today.
func writeGolden(t *town) {
	old := &town{t, open(t, t.path("golden.db")), t.keys, t.dir}
	for n := range 3 {
		old.speak(n)
	}
	old.speak(1)
	r := number(1)
	row, err := old.Load(t.Context(), r)
	t.must(err)
	if _, err := old.Commit(t.Context(), &store.Change{Resident: r, Read: row.Version, At: noon, State: []byte("last words"),
		Timers:   []store.Timer{{Name: "remind", At: noon}},
		Ballots:  []store.Ballot{{Poll: "bridge", Voter: [16]byte{1}, ID: [16]byte{2}, Day: "2027-03-15", Record: []byte("yes"), Linked: true}},
		OptOuts:  []store.OptOut{{Address: t.keys.Address("tel", "+15550000002"), Out: true, At: noon, Word: "STOP"}},
		Consents: []store.Consent{{ID: [16]byte{3}, Words: "May we?", Yes: true, At: noon}},
		Media:    []store.Media{sound(1, partSize+1)},
		Case:     &store.Case{State: store.Waiting, Desk: "roads", Since: noon, Last: noon, Unread: 1},
		Letters:  []store.Letter{{ID: [16]byte{4}, At: noon, Words: "spoken to the desk"}}}); err != nil {
		t.Fatal(err)
	}
	t.must(old.Publish(t.Context(), store.Published{ID: "light", Version: 1, Hash: "aa", At: noon, Source: []byte("say: hello")}))
	t.must(old.Reserve(t.Context(), "budget", [][16]byte{{7}}))
	t.must(old.Erase(t.Context(), number(2), noon))
	t.must(old.Close())
	c, err := sqlite.OpenConn(t.path("golden.db"), sqlite.OpenReadWrite)
	t.must(err)
	t.must(newTables(shipped{Conn: c}).once("PRAGMA journal_mode=DELETE"))
	t.must(newTables(shipped{Conn: c}).once("VACUUM"))
	t.must(c.Close())
	t.must(os.MkdirAll(filepath.Dir(golden), 0o755))
	t.must(copyTo(golden, t.path("golden.db")))
}

func upgrades(t *town, name string, want store.Stats) {
	t.must(copyTo(t.path("upgraded.db"), name))
	t.Store = open(t, t.path("upgraded.db"))
	ctx := t.Context()
	if t.said(0) != "spoken words 0" || t.said(1) != "last words" || t.said(2) != "" {
		t.Errorf("said %q, %q, %q", t.said(0), t.said(1), t.said(2))
	}
	if b, ok, err := t.Reply(ctx, number(1), store.Inbound{1, 0, 1, 9}); !ok || string(b) != "spoken reply 1" {
		t.Errorf("reply %q, %v, %v", b, ok, err)
	}
	if a, err := t.Addresses(ctx, number(1)); err != nil || len(a) != 1 || a[0].Address != "+15550000001" {
		t.Errorf("addresses %v, %v", a, err)
	}
	if r, err := t.Request(ctx, "R-1"); err != nil || string(r.Personal) != "spoken name" {
		t.Errorf("request %+v, %v", r, err)
	}
	if out, err := t.OptedOut(ctx, t.keys.Address("tel", "+15550000002")); !out || err != nil {
		t.Errorf("the ledger: %v, %v", out, err)
	}
	if c, err := t.Consents(ctx, number(1)); err != nil || len(c) != 1 || c[0].Words != "May we?" {
		t.Errorf("consents %v, %v", c, err)
	}
	if v, err := t.Voted(ctx, "bridge", [16]byte{1}); !v || err != nil {
		t.Errorf("the roll: %v, %v", v, err)
	}
	if v, err := t.OnRoll(ctx, "budget", [16]byte{7}); !v || err != nil {
		t.Errorf("the reserved roll: %v, %v", v, err)
	}
	if p, err := t.Dialog(ctx, "light", 1, "aa"); err != nil || string(p.Source) != "say: hello" {
		t.Errorf("published %v, %v", p, err)
	}
	if m, err := t.Claim(ctx, store.Want{Channels: []string{"sms"}, Class: 2, N: 9}, noon, time.Minute); err != nil || len(m) != 2 {
		t.Errorf("outbox %v, %v", m, err)
	}
	if d, err := t.Timers(ctx, noon, 9); err != nil || len(d) != 1 {
		t.Errorf("timers %v, %v", d, err)
	}
	st, err := t.Stats(ctx)
	st.WAL = 0
	if err != nil || st != want {
		t.Errorf("stats %+v, %v", st, err)
	}
	if want.Media > 0 {
		if m, err := t.Media(ctx, sound(1, 1).ID); err != nil || !bytes.Equal(m.Bytes, sound(1, partSize+1).Bytes) {
			t.Errorf("media of %d bytes, %v", len(m.Bytes), err)
		}
	}
	if l, err := t.Letters(ctx, number(1), 9); err != nil || len(l) != int(want.Cases) || len(l) == 1 && l[0].Words != "spoken to the desk" {
		t.Errorf("letters %+v, %v", l, err)
	}
	if k := t.record(1, sound(2, 1000)); k != store.Applied {
		t.Errorf("a recording: %v", k)
	}
	t.speak(0)
	t.speak(9)
}

// copyTo copies a file to one that need not be there.
func copyTo(to, from string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	return w.Close()
}

// TestMigrationsAreWhole: one that fails half-way leaves the schema as it was before it, and the ones before it done.
func TestMigrationsAreWhole(tt *testing.T) {
	t := newTown(tt)
	c, err := sqlite.OpenConn(t.path("m.db"))
	t.must(err)
	defer c.Close()
	w := newTables(shipped{Conn: c})
	scripts := fstest.MapFS{
		"migrations/001_a.sql": {Data: []byte("-- a comment; with a semicolon\nCREATE TABLE a(x);\nINSERT INTO a VALUES(1);\n")},
		"migrations/002_b.sql": {Data: []byte("CREATE TABLE b(x);\nINSERT INTO nowhere VALUES(1);\n")},
	}
	if err := w.migrateWith(scripts); err == nil || !strings.Contains(err.Error(), "002_b") {
		t.Fatalf("a broken migration: %v", err)
	}
	if n, err := w.number("SELECT count(*) FROM sqlite_schema"); n != 1 || err != nil {
		t.Fatalf("%d tables, %v", n, err)
	}
	scripts["migrations/002_b.sql"].Data = []byte("CREATE TABLE b(x);\nUPDATE a SET x = x + 1;\n")
	t.must(w.migrateWith(scripts))
	t.must(w.migrateWith(scripts)) // nothing is done twice
	if n, err := w.number("SELECT x FROM a"); n != 2 || err != nil {
		t.Fatalf("x is %d, %v", n, err)
	}
	delete(scripts, "migrations/002_b.sql")
	if err := w.migrateWith(scripts); !errors.Is(err, store.ErrNewer) {
		t.Fatalf("an older townline opened it: %v", err)
	}
}

// TestOldSQLite: the version check reads versions as numbers.
func TestOldSQLite(t *testing.T) {
	for version, ok := range map[string]bool{"3.51.3": true, "3.54.1": true, "4.0.0": true, "3.51.2": false, "3.9.0": false, "3.7.17": false, "x": false} {
		if err := recentEnough(version); (err == nil) != ok {
			t.Errorf("%s: %v", version, err)
		}
	}
}
