package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/moving"
)

// End is a database that a town leaves, or that it moves to. Two moves can't work on one at a time.
type End struct {
	s     *Store // without its writers
	place string
	alone *pgxpool.Conn // has the locks
	taken map[string][]uint32
}

var _ moving.To = (*End)(nil)

// More of our advisory locks, each with the schema's hash.
const (
	locksMove   = locksOurs + 3 // held by a move
	locksAtWork = locksOurs + 4 // held, shared, by each connection of a node or a command
)

// beAtWork is seen by a move as long as a connection lasts.
func beAtWork(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SELECT pg_advisory_lock_shared($1, hashtext(current_schema()))", pgx.QueryExecModeSimpleProtocol, int32(locksAtWork))
	return err
}

var errAtWork = errors.New(`somebody is at work on it: end each "townline serve" first, and whatever else has it open`)

// OpenEnd opens a database for a move. On the one that a town leaves nobody may be at work.
func OpenEnd(ctx context.Context, address string, keys *store.Keys) (*End, error) {
	c, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errAddress
	}
	settle(c)
	c.AfterConnect = nil
	for name, value := range map[string]string{"application_name": "townline move", "statement_timeout": "0", "idle_in_transaction_session_timeout": "0", "work_mem": "64MB", "maintenance_work_mem": "256MB",
		"plan_cache_mode": "auto", "enable_seqscan": "on"} {
		c.ConnConfig.RuntimeParams[name] = value
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("store: open PostgreSQL: %w", err)
	}
	e := &End{s: &Store{pool: pool, secrets: keys}, place: placeIn(c.ConnConfig), taken: map[string][]uint32{}}
	if err := e.open(ctx); err != nil {
		e.Close()
		return nil, fmt.Errorf("store: open %s: %w", e.place, err)
	}
	return e, nil
}

var errAddress = errors.New("store: the address of the PostgreSQL database can't be read: it is like postgres://user@host:5432/town")

// placeIn is an address as it may be shown.
func placeIn(c *pgx.ConnConfig) string {
	if strings.HasPrefix(c.Host, "/") {
		return fmt.Sprintf("postgres://%s@/%s?host=%s", c.User, c.Database, c.Host)
	}
	return fmt.Sprintf("postgres://%s@%s:%d/%s", c.User, c.Host, c.Port, c.Database)
}

func (e *End) open(ctx context.Context) (err error) {
	if e.alone, err = e.s.pool.Acquire(ctx); err != nil {
		return err
	}
	if first, err := e.lock(ctx, locksMove); err != nil {
		return err
	} else if !first {
		return errors.New("a move is under way")
	}
	if begun, err := there(ctx, e.s.pool, "SELECT 1 WHERE to_regclass('meta') IS NOT NULL"); err != nil {
		return err
	} else if begun {
		n, err := e.Note(ctx)
		if err != nil {
			return err
		}
		if n.Refusal() != "" { // nobody else can open it
			return e.s.fits(ctx)
		}
	}
	if first, err := e.lock(ctx, locksAtWork); err != nil {
		return err
	} else if !first {
		return errAtWork
	}
	if err := e.s.migrate(ctx); err != nil {
		return err
	}
	return e.s.fits(ctx)
}

// lock asks a few times: the server lets go of what a connection held a moment after that was closed.
func (e *End) lock(ctx context.Context, which int64) (had bool, err error) {
	for n := 1; ; n++ {
		err = e.alone.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, hashtext(current_schema()))", int32(which)).Scan(&had)
		if err != nil || had || n == 6 {
			return had, err
		}
		if err := pause(ctx, n); err != nil {
			return false, err
		}
	}
}

// letIn lets others open it, and find the note.
func (e *End) letIn(ctx context.Context) error {
	_, err := e.alone.Exec(ctx, "SELECT pg_advisory_unlock($1, hashtext(current_schema()))", int32(locksAtWork))
	return err
}

// Close ends the connections.
func (e *End) Close() error {
	if e.alone != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		e.alone.Exec(ctx, "SELECT pg_advisory_unlock_all()") // whoever opens it next needn't wait for the connection's end
		e.alone.Hijack().Close(ctx)
		e.alone = nil
	}
	e.s.pool.Close()
	return nil
}

// Place: see moving.From.
func (e *End) Place() string { return e.place }

// Note: see moving.From.
func (e *End) Note(ctx context.Context) (moving.Note, error) { return noteIn(ctx, e.s.pool) }

func noteIn(ctx context.Context, q querier) (moving.Note, error) {
	var kept []byte
	if err := each(ctx, q, func(r pgx.Rows) error { return r.Scan(&kept) }, "SELECT value FROM meta WHERE name = 'move'"); err != nil {
		return moving.Note{}, err
	}
	return moving.Read(kept)
}

// here refuses a database that the town has left, or hasn't reached yet.
func (s *Store) here(ctx context.Context) error {
	n, err := noteIn(ctx, s.pool)
	if err == nil && n.Refusal() != "" {
		err = fmt.Errorf("%w: %s", store.ErrMoved, n.Refusal())
	}
	return err
}

const writeNote = "INSERT INTO meta(name, value) VALUES('move', $1) ON CONFLICT(name) DO UPDATE SET value = excluded.value"

// A node that was cut off while the town left, and comes back, may still write: nothing is taken from it any more.
const (
	leftFunction = `CREATE OR REPLACE FUNCTION townline_left() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the town has moved away'; END $$`
	leftTrigger  = `CREATE TRIGGER townline_left BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION townline_left()`
	guarded      = `SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
		AND relname NOT IN ('meta', 'duty', 'townline_schema') ORDER BY relname`
)

// Leave: see moving.From.
func (e *End) Leave(ctx context.Context, n moving.Note) error {
	if err := pgx.BeginFunc(ctx, e.s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, leftFunction); err != nil {
			return err
		}
		if err := onEach(ctx, tx, leftTrigger); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, writeNote, n.Kept())
		return err
	}); err != nil {
		return err
	}
	return e.letIn(ctx)
}

func onEach(ctx context.Context, tx pgx.Tx, query string) error {
	var tables []string
	if err := each(ctx, tx, func(r pgx.Rows) error {
		var name string
		err := r.Scan(&name)
		tables = append(tables, name)
		return err
	}, guarded); err != nil {
		return err
	}
	for _, t := range tables {
		if _, err := tx.Exec(ctx, fmt.Sprintf(query, t)); err != nil {
			return err
		}
	}
	return nil
}

// Stay: see moving.From.
func (e *End) Stay(ctx context.Context) error {
	return pgx.BeginFunc(ctx, e.s.pool, func(tx pgx.Tx) error {
		if err := onEach(ctx, tx, "DROP TRIGGER IF EXISTS townline_left ON %s"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM meta WHERE name = 'move'")
		return err
	})
}

// Empty: see moving.To.
func (e *End) Empty(ctx context.Context) (bool, error) {
	for _, t := range moving.Tables() {
		if full, err := there(ctx, e.s.pool, "SELECT 1 FROM "+t.Name+" LIMIT 1"); err != nil || full {
			return false, err
		}
	}
	return true, nil
}

// Take: see moving.To.
func (e *End) Take(ctx context.Context, t *moving.Table, rows [][]byte, n moving.Note) error {
	if err := pgx.BeginFunc(ctx, e.s.pool, func(tx pgx.Tx) error {
		if t != nil {
			if err := e.take(ctx, tx, t, rows, n.At); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, writeNote, n.Kept())
		return err
	}); err != nil || t != nil {
		return err
	}
	return e.letIn(ctx)
}

// Arrive: see moving.To.
func (e *End) Arrive(ctx context.Context, n moving.Note) error {
	if err := pgx.BeginFunc(ctx, e.s.pool, func(tx pgx.Tx) error {
		if err := goOnFrom(ctx, tx); err != nil {
			return err
		}
		for _, query := range []string{"UPDATE outbox SET state = 3, at = greatest(coalesce(at, 1), 1) WHERE state = 2", "DELETE FROM counter",
			`INSERT INTO counter(name, slot, n) VALUES('conversations', 0, (SELECT count(*) FROM conversation)), ('responses', 0, (SELECT count(*) FROM response)),
			('ballots', 0, (SELECT count(*) FROM ballot)), ('requests', 0, (SELECT count(*) FROM request)), ('media', 0, (SELECT count(*) FROM media)),
			('media_bytes', 0, (SELECT coalesce(sum(size), 0)::bigint FROM media))`} {
			if _, err := tx.Exec(ctx, query); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, writeNote, n.Kept())
		return err
	}); err != nil {
		return err
	}
	_, err := e.s.pool.Exec(ctx, "ANALYZE")
	return err
}

// goOnFrom lets numbers go on behind those that came with rows.
func goOnFrom(ctx context.Context, tx pgx.Tx) error {
	for _, table := range []string{"request", "request_event", "outbox", "optout", "consent", "letter"} {
		if _, err := tx.Exec(ctx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%s', 'seq'), coalesce((SELECT max(seq) FROM %s), 0) + 1, false)", table, table)); err != nil {
			return err
		}
	}
	return nil
}

// weekOf a time, as places count them.
func weekOf(t time.Time) int64 { return t.UnixMicro() / weekLasts.Microseconds() }
