package postgres

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/postgres/pgtest"
)

// TestRoles: what roles.sql says each user may do is all that they may do.
func TestRoles(t *testing.T) {
	server, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Remove()
	ctx := t.Context()
	as := func(who string) string { return strings.Replace(server.Address(), "town@", who+"@", 1) }
	admin, err := pgx.Connect(ctx, server.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(ctx)
	script, err := os.ReadFile("roles.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(ctx, string(script), pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, as("town_node"), testKeys(t)); err == nil || !strings.Contains(err.Error(), "by the user who owns them") {
		t.Fatalf("a node before there are tables: %v", err)
	}
	owner, err := Open(ctx, as("town_owner"), testKeys(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
	// A node does all that a node does.
	s := open(t, as("town_node"))
	speak(t, s, 1)
	speak(t, s, 2)
	day := time.Now().UTC()
	cast := func(n byte, day time.Time) {
		t.Helper()
		speak(t, s, 2, func(c *store.Change) {
			c.Ballots = []store.Ballot{{Poll: "main-street", Voter: [16]byte{n}, ID: [16]byte{n}, Channel: "text", Day: day.Format(time.DateOnly), Record: []byte{'r', n}}}
			c.Responses = []store.Response{{ID: [16]byte{n}, Poll: "streets", At: noon, Record: []byte("r")}}
		})
	}
	cast(1, day)
	cast(2, day.AddDate(0, 0, -2))
	if _, err := s.CloseRoll(ctx, "main-street"); err != nil {
		t.Error(err)
	}
	if _, err := s.Claim(ctx, store.Want{Channels: []string{"sms"}, Class: 2, N: 9}, noon.AddDate(1, 0, 0), time.Minute); err != nil {
		t.Error(err)
	}
	if err := s.turnTo(ctx, 9999); err != nil {
		t.Error("a week's table can't be emptied:", err)
	}
	if err := s.Erase(ctx, somebody(1), noon); err != nil {
		t.Error(err)
	}
	if err := s.Sweep(ctx, noon); err != nil {
		t.Error(err)
	}
	if err := s.Backup(ctx, t.TempDir()+"/copy"); err != nil {
		t.Error(err)
	}
	refused := func(who string, queries ...string) {
		t.Helper()
		c, err := pgx.Connect(ctx, as(who))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(ctx)
		for _, q := range queries {
			if _, err := c.Exec(ctx, q); code(err) != "42501" {
				t.Errorf("%s may %s: %v", who, q, err)
			}
		}
	}
	refused("town_node", "CREATE TABLE more(x integer)", "ALTER TABLE conversation ADD more integer", "DROP TABLE timer", "CREATE INDEX ON timer(at)",
		"CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'", "CREATE ROLE another", "COPY meta TO '/tmp/meta'", "CREATE TABLE public.more(x integer)")
	var tables []string
	if err := each(ctx, s.pool, func(r pgx.Rows) error {
		var name string
		err := r.Scan(&name)
		if !strings.HasPrefix(name, "result_") {
			tables = append(tables, "SELECT 1 FROM "+name)
		}
		return err
	}, "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'town'"); err != nil || len(tables) < 20 {
		t.Fatal(len(tables), err)
	}
	refused("town_results", append(tables, "DELETE FROM result_ballot", "CREATE TABLE more(x integer)")...)
	c, err := pgx.Connect(ctx, as("town_results"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	var n int
	var record []byte
	if err := c.QueryRow(ctx, "SELECT count(*), string_agg(record, '') FROM result_ballot WHERE poll = 'main-street'").Scan(&n, &record); err != nil || n != 1 || string(record) != "r\x02" {
		t.Errorf("%d ballots, %q, %v; want the one of the day before yesterday", n, record, err)
	}
	for _, view := range []string{"result_response", "result_request"} {
		if err := c.QueryRow(ctx, "SELECT count(*) FROM "+view).Scan(&n); err != nil || n == 0 {
			t.Errorf("%s: %d rows, %v", view, n, err)
		}
	}
}
