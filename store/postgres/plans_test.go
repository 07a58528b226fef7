package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestPlans: the queries that grow with the town use an index, whatever their values, and lists aren't sorted as a whole.
func TestPlans(t *testing.T) {
	s := open(t, address(t))
	conn, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, setting := range []string{"enable_seqscan = off", "enable_sort = off", "plan_cache_mode = force_generic_plan"} {
		if _, err := conn.Exec(t.Context(), "SET "+setting); err != nil {
			t.Fatal(err)
		}
	}
	defer conn.Exec(t.Context(), "RESET ALL")
	for n, q := range []struct {
		query, types string
		sorts        bool // what it found, which is little
	}{
		{selectRows, "uuid[]", false},
		{selectMet, "uuid[]", false},
		{selectRowsToWrite, "uuid[]", true},
		{selectQueued, "text, smallint, bigint, bigint", false},
		{selectTaken, "bigint, text, bigint", false},
		{nextOf, "text[], integer", false},
		{requestColumns + " ORDER BY r.opened DESC, r.seq DESC LIMIT 9", "", false},
		{requestColumns + " WHERE r.dialog = $1 AND r.opened >= $2 ORDER BY r.opened DESC, r.seq DESC LIMIT 9", "text, bigint", false},
		{requestColumns + " WHERE r.dialog = $1 AND r.place = $2 AND r.opened >= $3 ORDER BY r.opened DESC, r.seq DESC LIMIT 9", "text, text, bigint", false},
		{requestColumns + " WHERE r.status = $1 ORDER BY r.opened DESC, r.seq DESC LIMIT 9", "text", false},
		{"SELECT resident, name, at FROM timer WHERE at <= $1 ORDER BY at, resident, name LIMIT $2", "bigint, bigint", false},
		{"SELECT stopped FROM optout WHERE address = $1 ORDER BY seq DESC LIMIT 1", "uuid", false},
		{caseColumns + " ORDER BY since, resident LIMIT $1", "bigint", false},
		{caseColumns + " WHERE desk = $1 ORDER BY since, resident LIMIT $2", "text, bigint", false},
		{selectLetters, "uuid, bigint", false},
		{"SELECT id FROM ballot WHERE poll = $1" + nextPage + " ORDER BY id LIMIT $2", "text, bigint, uuid", false},
		{"DELETE FROM response WHERE resident = $1", "uuid", false},
		{"DELETE FROM outbox WHERE resident = $1", "uuid", false},
		{"UPDATE roll SET ballot = NULL, resident = NULL WHERE resident = $1", "uuid", false},
		{forgetMessages, "uuid, bigint, text", false},
		{overtaken, "uuid, bigint, text", false},
		{updateRows, "uuid[], bigint[], bytea[], bytea[]", false},
		{takeRows, "uuid[], bigint[], bigint[], bytea[], bytea[], bigint", false},
		{"SELECT body FROM reply_0 WHERE place = $1", "bigint", false},
		{"DELETE FROM reply_5 WHERE place = ANY($1)", "bigint[]", false},
		{dropOverdue, "integer, bigint", false},
	} {
		name := fmt.Sprint("plan", n)
		declared := ""
		nulls := ""
		if q.types != "" {
			declared = "(" + q.types + ")"
			nulls = "(" + strings.TrimSuffix(strings.Repeat("NULL, ", strings.Count(q.types, ",")+1), ", ") + ")"
		}
		if _, err := conn.Exec(t.Context(), "PREPARE "+name+declared+" AS "+q.query, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", q.query, err)
		}
		var plan []string
		if err := each(t.Context(), conn, func(r pgx.Rows) error {
			var line string
			err := r.Scan(&line)
			plan = append(plan, line)
			return err
		}, "EXPLAIN EXECUTE "+name+nulls, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", q.query, err)
		}
		text := strings.Join(plan, "\n")
		if strings.Contains(text, "Seq Scan") || strings.Contains(text, "Sort") && !q.sorts {
			t.Errorf("%s\n%s", q.query, text)
		}
	}
}

// TestPlansOfAYoungTown: what each turn asks goes by indexes also where the plan was made before anybody was there: it stays while the
// town grows.
func TestPlansOfAYoungTown(t *testing.T) {
	s := open(t, address(t))
	conn, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for n, q := range []struct{ query, types string }{
		{selectRows, "uuid[]"},
		{selectMet, "uuid[]"},
		{selectRowsToWrite, "uuid[]"},
		{updateRows, "uuid[], bigint[], bytea[], bytea[]"},
		{takeRows, "uuid[], bigint[], bigint[], bytea[], bytea[], bigint"},
	} {
		name := fmt.Sprint("young", n)
		if _, err := conn.Exec(t.Context(), "PREPARE "+name+"("+q.types+") AS "+q.query, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", q.query, err)
		}
		nulls := strings.TrimSuffix(strings.Repeat("NULL, ", strings.Count(q.types, ",")+1), ", ")
		var plan strings.Builder
		if err := each(t.Context(), conn, func(r pgx.Rows) error {
			var line string
			err := r.Scan(&line)
			fmt.Fprintln(&plan, line)
			return err
		}, "EXPLAIN EXECUTE "+name+"("+nulls+")", pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", q.query, err)
		}
		if text := plan.String(); strings.Contains(text, "Seq Scan") {
			t.Errorf("%s\n%s", q.query, text)
		}
	}
}
