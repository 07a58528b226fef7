package postgres

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/postgres/pgtest"
)

// talk says so many messages of a resident to nodes in turn, and each again until it is answered. It returns how often it was refused
// for the time being.
func talk(ctx context.Context, nodes []*Store, n, messages int) (refused int, err error) {
	r := somebody(n)
	for m := range messages {
		in := store.Inbound{'m', byte(n), byte(m), byte(m >> 8)}
		for try := 0; ; try++ {
			s := nodes[(n+m+try)%len(nodes)]
			o, err := answer(ctx, s, r, in, m)
			if ctx.Err() != nil {
				return refused, ctx.Err()
			}
			if err != nil {
				refused++
				continue
			}
			if o.Kind == store.Conflict {
				continue
			}
			if want := fmt.Sprint("reply ", m); string(o.Reply) != want && o.Kind == store.Duplicate {
				return refused, fmt.Errorf("message %d of %d was answered %q", m, n, o.Reply)
			}
			break
		}
	}
	return refused, nil
}

func answer(ctx context.Context, s *Store, r store.Resident, in store.Inbound, m int) (store.Outcome, error) {
	row, err := s.Load(ctx, r)
	if err != nil {
		return store.Outcome{}, err
	}
	id := [16]byte{'i'}
	copy(id[1:], in[:])
	return s.Commit(ctx, &store.Change{Resident: r, Read: row.Version, At: noon, State: fmt.Append(row.State, "x"), Inbound: in, Reply: fmt.Append(nil, "reply ", m),
		Responses: []store.Response{{ID: id, Poll: "p", At: noon}},
		Outbox:    []store.Message{{ID: id, Channel: "sms", Kind: "tel", Due: noon, Body: []byte("b")}}})
}

// said checks that each message of each resident counted once.
func said(t *testing.T, s *Store, residents, messages int) {
	t.Helper()
	for n := range residents {
		row, err := s.Load(t.Context(), somebody(n))
		if err != nil || row.Version != uint64(messages) || len(row.State) != messages {
			t.Errorf("resident %d: version %d, %d turns in the state, %v; want %d", n, row.Version, len(row.State), err, messages)
		}
	}
	responses := 0
	if err := s.Responses(t.Context(), "p", func(store.Response) error { responses++; return nil }); err != nil || responses != residents*messages {
		t.Errorf("%d responses, %v; want %d", responses, err, residents*messages)
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Conversations != int64(residents) || st.Responses != int64(responses) || st.Queued != int64(responses) {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestNodes: residents who come by one node and by another are in one conversation, and each message counts once.
func TestNodes(t *testing.T) {
	at := address(t)
	nodes := []*Store{open(t, at), open(t, at), open(t, at)}
	const residents, messages = 12, 16 // so that whoever falls behind repeats what is known still
	var all sync.WaitGroup
	for n := range residents {
		for range 2 { // each message comes twice
			all.Go(func() {
				if refused, err := talk(t.Context(), nodes, n, messages); err != nil || refused > 0 {
					t.Errorf("%d times refused, %v", refused, err)
				}
			})
		}
	}
	all.Wait()
	said(t, nodes[0], residents, messages)
}

// TestLoadedTogether: those who ask for one row at once each get it whole.
func TestLoadedTogether(t *testing.T) {
	at := address(t)
	speak(t, open(t, at), 1)
	for range 20 {
		s := open(t, at) // which knows nobody's key
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				row, err := s.Load(t.Context(), somebody(1))
				if err != nil || string(row.State) != "spoken words 1" || len(row.Answered) != 1 {
					t.Errorf("%+v, %v", row, err)
				}
			})
		}
		all.Wait()
		if row, err := s.Load(t.Context(), somebody(2)); err != nil || row.Version != 0 || row.State != nil {
			t.Errorf("nobody: %+v, %v", row, err)
		}
	}
}

// TestErasedOnAnotherNode: a node that still has somebody's key writes nothing under it once another has erased them.
func TestErasedOnAnotherNode(t *testing.T) {
	at := address(t)
	here, there := open(t, at), open(t, at)
	speak(t, here, 1)
	speak(t, here, 2)
	if err := there.Erase(t.Context(), somebody(1), noon); err != nil {
		t.Fatal(err)
	}
	speak(t, there, 1, func(c *store.Change) { c.Requests, c.Letters, c.Media, c.Outbox = nil, nil, nil, nil })
	// The row is at the version that here knows, under another key.
	c := &store.Change{Resident: somebody(1), Read: 1, At: noon, State: []byte("sealed under a key that is gone")}
	if o, err := here.Commit(t.Context(), c); err != nil || o.Kind != store.Conflict {
		t.Fatal(o, err)
	}
	if o, err := here.Commit(t.Context(), c); err != nil || o.Kind != store.Applied { // now it has the new one
		t.Fatal(o, err)
	}
	for _, s := range []*Store{here, there} {
		if row, err := s.Load(t.Context(), somebody(1)); err != nil || string(row.State) != string(c.State) {
			t.Fatalf("%+v, %v", row, err)
		}
	}
	// And what is written to them beside another's turn is sealed under the key that they have.
	if err := there.Erase(t.Context(), somebody(1), noon); err != nil {
		t.Fatal(err)
	}
	speak(t, there, 1, func(c *store.Change) { c.Requests, c.Letters, c.Media, c.Outbox = nil, nil, nil, nil })
	c = &store.Change{Resident: somebody(2), Read: 1, At: noon, State: []byte("s"),
		Outbox: []store.Message{{ID: [16]byte{9}, Resident: somebody(1), Channel: "telegram", Kind: "tel", Due: noon, Body: []byte("to you")}}}
	if o, err := here.Commit(t.Context(), c); err != nil || o.Kind != store.Conflict {
		t.Fatal(o, err)
	}
	if o, err := here.Commit(t.Context(), c); err != nil || o.Kind != store.Applied {
		t.Fatal(o, err)
	}
	m, err := there.Claim(t.Context(), store.Want{Channels: []string{"telegram"}, Class: 2, N: 1}, noon, time.Minute)
	if err != nil || len(m) != 1 || string(m[0].Body) != "to you" {
		t.Fatalf("%+v, %v", m, err)
	}
}

// TestErasedWhileTheyBegin: whoever is erased while another node writes their first row waits for it, and leaves nothing of it.
func TestErasedWhileTheyBegin(t *testing.T) {
	s := open(t, address(t))
	r := somebody(1)
	beginner, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer beginner.Rollback(t.Context())
	if _, err := beginner.Exec(t.Context(), "SELECT pg_advisory_xact_lock($1)", beginning(r)); err != nil {
		t.Fatal(err)
	}
	erased := make(chan error, 1)
	go func() { erased <- s.Erase(t.Context(), r, noon) }()
	for waits := false; !waits; {
		select {
		case err := <-erased:
			t.Fatalf("erased before the row was written: %v", err)
		default:
		}
		if waits, err = there(t.Context(), s.pool, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := beginner.Exec(t.Context(), "INSERT INTO resident_key(resident, id, wrapped) VALUES($1, 1, '')", [16]byte(r)); err != nil {
		t.Fatal(err)
	}
	if _, err := beginner.Exec(t.Context(), "INSERT INTO conversation(resident, version, key, known, state) VALUES($1, 1, 1, '', '')", [16]byte(r)); err != nil {
		t.Fatal(err)
	}
	if err := beginner.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-erased; err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"conversation", "resident_key"} {
		if left, err := there(t.Context(), s.pool, "SELECT 1 FROM "+table); left || err != nil {
			t.Errorf("%s: %v, %v", table, left, err)
		}
	}
}

// TestServerKilled: whenever PostgreSQL dies, nothing that was acknowledged is lost, nothing counts twice, and the nodes go on by
// themselves once it is back.
func TestServerKilled(t *testing.T) {
	server, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		server.Stop(syscall.SIGINT)
		os.RemoveAll(server.Dir)
	}()
	nodes := []*Store{open(t, server.Address()), open(t, server.Address())}
	const residents, messages, kills = 16, 150, 5
	var all sync.WaitGroup
	var done atomic.Int64
	for n := range residents {
		all.Go(func() {
			defer done.Add(1)
			if _, err := talk(t.Context(), nodes, n, messages); err != nil {
				t.Error(err)
			}
		})
	}
	killed := 0
	for ; killed < kills && done.Load() < residents/2; killed++ {
		target := int64(residents * messages * (killed + 1) / (kills + 2)) // so far the traffic has come
		for done.Load() < residents/2 {
			n, err := number(t.Context(), nodes[0].pool, "SELECT count(*) FROM response")
			if err == nil && n >= target {
				break
			}
		}
		server.Stop(syscall.SIGQUIT)
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
	if killed < 3 {
		t.Fatalf("the server was killed %d times only", killed)
	}
	said(t, nodes[0], residents, messages)
}

// TestOpenTogether: nodes that start at once on an empty database make its tables once.
func TestOpenTogether(t *testing.T) {
	at := address(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			s, err := Open(t.Context(), at, testKeys(t))
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	speak(t, open(t, at), 1)
}

// TestOpenRefuses: other keys, a newer schema, no server, no address.
func TestOpenRefuses(t *testing.T) {
	at := address(t)
	s := open(t, at)
	speak(t, s, 1)
	others, err := store.LoadKeys("", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{8}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), at, others); !errors.Is(err, store.ErrKeys) {
		t.Errorf("other keys: %v", err)
	}
	known := shipped(t)
	next := func(n int, script string) string {
		name := fmt.Sprintf("migrations/%03d_next.sql", n)
		known[name] = &fstest.MapFile{Data: []byte(script)}
		return name
	}
	first := len(known)
	// One that fails half-way leaves nothing.
	broken := next(first+1, "CREATE TABLE broken(x integer); INSERT INTO nowhere VALUES(1);")
	if err := s.migrateWith(t.Context(), known); err == nil {
		t.Error("a broken migration went in")
	}
	if n, err := number(t.Context(), s.pool, "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'broken'"); n != 0 || err != nil {
		t.Error("half of it is there", n, err)
	}
	delete(known, broken)
	// A schema that only adds is no trouble to this townline, which goes on and can be started again; one that takes something away is.
	next(first+1, "CREATE TABLE more(x integer); ALTER TABLE conversation ADD more integer;")
	if err := s.migrateWith(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	speak(t, s, 2)
	older := open(t, at)
	speak(t, older, 3)
	if row, err := s.Load(t.Context(), somebody(3)); err != nil || row.Version != 1 {
		t.Error(row.Version, err)
	}
	next(first+2, fmt.Sprintf("-- works with: %d\nALTER TABLE conversation DROP more", first+1))
	if err := s.migrateWith(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), at, testKeys(t)); !errors.Is(err, store.ErrNewer) {
		t.Errorf("a newer schema: %v", err)
	}
	next(first+3, "CREATE TABLE still(x integer);") // what worked with neither before doesn't now
	if err := s.migrateWith(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), at, testKeys(t)); !errors.Is(err, store.ErrNewer) {
		t.Errorf("a newer schema: %v", err)
	}
	for _, bad := range []string{"postgres://town@/town?host=" + t.TempDir(), "postgres://town:hush@127.0.0.1:port/x"} {
		if _, err := Open(t.Context(), bad, testKeys(t)); err == nil || bytes.Contains([]byte(err.Error()), []byte("hush")) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// shipped are the migrations of this townline.
func shipped(t *testing.T) fstest.MapFS {
	t.Helper()
	all := fstest.MapFS{}
	names, err := migrations.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := migrations.ReadFile("migrations/" + n.Name())
		if err != nil {
			t.Fatal(err)
		}
		all["migrations/"+n.Name()] = &fstest.MapFile{Data: b}
	}
	return all
}
