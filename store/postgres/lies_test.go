package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
)

// TestARowThatMoved: where a row was read is only a hint. What moves rows about, as VACUUM FULL does, or another's row in that place, costs a look.
func TestARowThatMoved(t *testing.T) {
	s := open(t, address(t))
	people := []store.Resident{{1}, {2}, {3}}
	turn := func(n int, r store.Resident, read uint64) {
		t.Helper()
		o, err := s.Commit(t.Context(), &store.Change{Resident: r, Read: read, At: time.Unix(1, 0), Inbound: store.Inbound{byte(n), r[0]}, State: []byte{byte(n), r[0]}, Reply: []byte("yes")})
		if err != nil || o.Kind != applied {
			t.Fatal(n, r[0], o.Kind, err)
		}
	}
	read := func(n int, r store.Resident) {
		t.Helper()
		if c, err := s.Load(t.Context(), r); err != nil || c.Version != uint64(n) || string(c.State) != string([]byte{byte(n), r[0]}) {
			t.Fatalf("after %d: %v, version %d, % x", n, err, c.Version, c.State)
		}
	}
	all := func(n int, do func(n int, r store.Resident)) {
		t.Helper()
		for _, r := range people {
			do(n, r)
		}
	}
	begin := func(n int, r store.Resident) { t.Helper(); turn(n, r, uint64(n-1)) }
	all(1, begin)
	all(1, read)
	all(2, begin)
	all(2, read)
	if _, err := s.pool.Exec(t.Context(), "VACUUM FULL conversation", pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	all(3, begin)
	all(3, read)
	keys := make([]*held, len(people))
	for i, r := range people {
		keys[i] = s.keys.get(r)
	}
	first := keys[0].row.Load()
	for i := range keys { // each finds the next one's row where it was told
		next := first
		if i+1 < len(keys) {
			next = keys[i+1].row.Load()
		}
		keys[i].row.Store(next)
	}
	all(4, begin)
	all(4, read)
}

// TestWhereARowLies: what was just read is written where it lies, and only if it was read at that version.
func TestWhereARowLies(t *testing.T) {
	var h held
	if _, known := h.place(0); known {
		t.Error("a place is known of what was never read")
	}
	at := tid{0, 1, 2, 3, 0, 7}
	h.row.Store(lies(at, 1<<16+5))
	if got, known := h.place(1<<16 + 5); !known || got != at {
		t.Error("as it was read:", got, known)
	}
	if _, known := h.place(1<<16 + 6); known {
		t.Error("the next version lies elsewhere")
	}

	s := open(t, address(t))
	conn, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), "PREPARE f AS "+takeFound, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	plan := ""
	if err := each(t.Context(), conn, func(r pgx.Rows) error {
		plan += string(r.RawValues()[0]) + "\n"
		return nil
	}, "EXPLAIN EXECUTE f(NULL, NULL, NULL, NULL, NULL, 1)", pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(plan, "Tid Scan") || strings.Contains(plan, "Index") {
		t.Error(plan)
	}
}

// TestWhatIsThereAlready: a message or a record under an id that is there is left out, and its turn goes on.
func TestWhatIsThereAlready(t *testing.T) {
	s := open(t, address(t))
	for n := range uint64(3) {
		o, err := s.Commit(t.Context(), &store.Change{Resident: store.Resident{1}, Read: n, At: time.Unix(1, 0), State: []byte{byte(n)},
			Outbox:    []store.Message{{ID: [16]byte{1}, Channel: "sms", Kind: "tel", Due: time.Unix(1, 0), Body: []byte("hello")}},
			Responses: []store.Response{{ID: [16]byte{1}, Poll: "parks", Channel: "sms", Lang: "en", At: time.Unix(1, 0), Record: []byte("a")}}})
		if err != nil || o.Kind != applied {
			t.Fatal(n, o.Kind, err)
		}
	}
	for _, table := range []string{"outbox", "response"} {
		if n, err := number(t.Context(), s.pool, "SELECT count(*) FROM "+table); err != nil || n != 1 {
			t.Errorf("%s: %d %v", table, n, err)
		}
	}
	if c, err := s.Load(t.Context(), store.Resident{1}); err != nil || c.Version != 3 {
		t.Error(c.Version, err)
	}
}
