package postgres

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
	"github.com/townline/townline/store/storetest"
)

// BenchmarkTurn: durable turns, by how many talk at once and how many conversations are stored. The CPU is the client's alone. The server
// has what is stored in its buffers, as one has that was up for a while. Beside it is the bound: as many rows of that size updated by
// PostgreSQL in one statement, committed, with nothing looked at or sealed.
func BenchmarkTurn(b *testing.B) {
	for _, n := range []uint64{10_000, 1_000_000} {
		at := ""
		for _, residents := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("%dk/%d", n/1000, residents), func(b *testing.B) {
				if at == "" {
					at = population(b, n)
				}
				s := open(b, at)
				cpu := theServer.CPU()
				storetest.Load(b, residents, func(t *storetest.Talker) { t.Talk(b, s, n) })
				b.ReportMetric(float64((theServer.CPU()-cpu).Microseconds())/float64(b.N), "server-µs/turn")
			})
		}
		b.Run(fmt.Sprintf("%dk/bound", n/1000), func(b *testing.B) {
			if at == "" {
				at = population(b, n)
			}
			bound(b, at, n)
		})
	}
}

// population fills a database with so many conversations.
func population(b *testing.B, n uint64) string {
	b.Helper()
	at := address(b)
	s := open(b, at)
	start := time.Now()
	t := storetest.NewTalker()
	conn, err := pgx.Connect(b.Context(), at)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(b.Context())
	type begun struct {
		r              [16]byte
		id             int64
		wrapped, state []byte
	}
	for from := uint64(0); from < n; from += 50_000 {
		var all []begun
		for i := from; i < min(from+50_000, n); i++ {
			r := storetest.Stored(i)
			key, wrapped, err := s.newKey(r)
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, begun{r, key.id, wrapped, key.Seal(nil, t.State[:], sealing.UseState)})
		}
		for table, row := range map[string]func(i int) []any{
			"resident_key": func(i int) []any { return []any{all[i].r, all[i].id, all[i].wrapped} },
			"conversation": func(i int) []any { return []any{all[i].r, int64(1), all[i].id, []byte{}, all[i].state} },
		} {
			columns := map[string][]string{"resident_key": {"resident", "id", "wrapped"}, "conversation": {"resident", "version", "key", "known", "state"}}[table]
			if _, err := conn.CopyFrom(b.Context(), pgx.Identifier{table}, columns, pgx.CopyFromSlice(len(all), func(i int) ([]any, error) { return row(i), nil })); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, query := range []string{"VACUUM ANALYZE conversation", "VACUUM ANALYZE resident_key", "CHECKPOINT",
		"CREATE EXTENSION IF NOT EXISTS pg_prewarm SCHEMA public", // a server that was just filled has none of it in its buffers
		"SELECT public.pg_prewarm(t::regclass) FROM unnest(ARRAY['conversation', 'conversation_pkey', 'resident_key', 'resident_key_pkey']) AS t"} {
		if _, err := conn.Exec(b.Context(), query); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d conversations written in %v", n, time.Since(start).Round(time.Second))
	return at
}

// bound updates rows of the same size in groups of 256, one after the other.
func bound(b *testing.B, at string, n uint64) {
	conn, err := pgx.Connect(b.Context(), at)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(b.Context())
	t := storetest.NewTalker()
	b.ResetTimer()
	start, done := time.Now(), 0
	for ; done < b.N; done += maxBatch {
		ids, states := make([][16]byte, maxBatch), make([][]byte, maxBatch)
		for i := range ids {
			var r [8]byte
			t.Random.Read(r[:])
			ids[i], states[i] = storetest.Stored(binary.LittleEndian.Uint64(r[:])%n), make([]byte, len(t.State)+store.Sealing)
			t.Random.Read(states[i])
		}
		if _, err := conn.Exec(b.Context(), `UPDATE conversation c SET version = c.version + 1, state = u.state FROM unnest($1::uuid[], $2::bytea[]) AS u(resident, state)
			WHERE c.resident = u.resident`, ids, states); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(done)/time.Since(start).Seconds(), "turns/s")
}
