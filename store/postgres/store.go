// Package postgres keeps the town's records in PostgreSQL, for any number of nodes. What residents' turns write is committed together:
// a few goroutines each take whatever queued during their last commit, look once at all that it depends on, decide, and write it in
// one pipeline. Everything that the decisions rest on is locked or unique, so that it holds whatever other nodes do.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/townline/townline/store"
)

// Store is a store.Store in a PostgreSQL database.
type Store struct {
	pool    *pgxpool.Pool
	secrets *store.Keys
	earlier []*store.Keys // of Restore
	keys    keyring
	lately  lately
	ledger  ledger
	clock   sync.Mutex
	now     *serverTime

	queue    chan *job
	underWay underWay
	wanted   chan *wanted
	jobs     sync.Pool // of *job that wait for nothing
	wants    sync.Pool // of *wanted
	unmixed  sync.Map  // polls, by name
	stop     chan struct{}
	mixed    sync.WaitGroup // the mixer

	closing sync.RWMutex // held for reading while queueing
	closed  atomic.Bool
	written sync.WaitGroup // the writers and loaders

	commitMost time.Duration // 0: as it is for all
}

var _ store.Store = (*Store)(nil)

var errClosed = errors.New("store: closed")

const (
	// writerCount is how many batches may be under way at once: while one waits for the disk, the other is put together.
	writerCount = 2
	// mostConnections of one node, unless the address says otherwise (pool_max_conns).
	mostConnections = 12

	statementMost   = 15 * time.Second // for one statement
	lockMost        = 5 * time.Second  // for another's lock
	idleMost        = 30 * time.Second // of a transaction in which nothing happens
	commitMost      = 20 * time.Second // for a standby that the server waits for: while there is none it would wait for ever, and statementMost doesn't count
	connectMost     = 5 * time.Second
	connectionLives = 30 * time.Minute // so that connections find their way to a new primary, and load is spread again
)

// Open opens the database at an address ("postgres://user:password@host:5432/town?sslmode=verify-full") and brings its schema up to
// date. Several hosts may be named; the one that can be written to is taken. It returns store.ErrKeys when the database was written
// with other keys, and store.ErrNewer when by a newer townline.
func Open(ctx context.Context, address string, keys *store.Keys, more ...Option) (*Store, error) {
	c, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errors.New("store: the address of the PostgreSQL database can't be read: it is like postgres://user:password@host:5432/town")
	}
	if err := safe(c.ConnConfig); err != nil {
		return nil, err
	}
	settle(c)
	connected := c.AfterConnect
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := connected(ctx, conn); err != nil {
			return err
		}
		return fitting(ctx, conn, keys)
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("store: open PostgreSQL: %w", err)
	}
	s := &Store{pool: pool, secrets: keys, queue: make(chan *job, 4*maxBatch), wanted: make(chan *wanted, 4*maxBatch), stop: make(chan struct{})}
	for _, o := range more {
		o(s)
	}
	if err := s.migrate(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("store: open PostgreSQL: %w", err)
	}
	if err := s.fits(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("store: open PostgreSQL: %w", err)
	}
	if err := s.here(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("store: open PostgreSQL: %w", err)
	}
	if err := s.agree(ctx, true); err != nil {
		pool.Close()
		return nil, err
	}
	for range writerCount {
		s.written.Go(s.writes)
	}
	for range loaderCount {
		s.written.Go(s.loads)
	}
	s.mixed.Go(s.mixing)
	return s, nil
}

// settle fills in what the address leaves open.
func settle(c *pgxpool.Config) {
	if !strings.Contains(c.ConnString(), "pool_max_conns") {
		c.MaxConns = mostConnections
	}
	c.MaxConns = max(c.MaxConns, writerCount+loaderCount+2)
	c.MaxConnLifetime, c.MaxConnLifetimeJitter = connectionLives, connectionLives/10
	c.ConnConfig.ConnectTimeout = connectMost
	if m := c.ConnConfig.DefaultQueryExecMode; m == pgx.QueryExecModeExec || m == pgx.QueryExecModeSimpleProtocol {
		c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe // types must be known
	}
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		takeColumns(conn)
		return beAtWork(ctx, conn)
	}
	if c.ConnConfig.ValidateConnect == nil {
		c.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	ms := func(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }
	for name, value := range map[string]string{"application_name": "townline", "synchronous_commit": "on", "statement_timeout": ms(statementMost),
		"lock_timeout": ms(lockMost), "idle_in_transaction_session_timeout": ms(idleMost), "jit": "off",
		"plan_cache_mode": "force_generic_plan", // each query has one good plan, by an index; planning it anew costs more than running it
		"enable_seqscan":  "off",                // and it may be made while there is hardly anybody: it stays while the town grows
	} {
		if _, set := c.ConnConfig.RuntimeParams[name]; !set {
			c.ConnConfig.RuntimeParams[name] = value
		}
	}
}

// fits compares the keys with those that the database began with.
func (s *Store) fits(ctx context.Context) error {
	check := s.secrets.Check()
	var known []byte
	if _, err := s.pool.Exec(ctx, "INSERT INTO meta(name, value) VALUES('keys', $1) ON CONFLICT DO NOTHING", check[:]); err != nil {
		return err
	}
	if err := s.pool.QueryRow(ctx, "SELECT value FROM meta WHERE name = 'keys'").Scan(&known); err != nil {
		return err
	}
	if !s.secrets.Fits(known) {
		return errOthers
	}
	return nil
}

var errOthers = fmt.Errorf("%w: is it another town's key file, or one made anew after the first was lost?", store.ErrKeys)

// fitting refuses a connection to a database whose keys were changed since the node was started. One that was cut off meanwhile, and comes
// back, would find nobody by their number, and no STOP, and would let everybody vote once more.
func fitting(ctx context.Context, conn *pgx.Conn, keys *store.Keys) error {
	var known []byte
	err := conn.QueryRow(ctx, "SELECT value FROM meta WHERE name = 'keys'", pgx.QueryExecModeSimpleProtocol).Scan(&known)
	switch {
	case code(err) == "42P01", errors.Is(err, pgx.ErrNoRows): // it is new
		return nil
	case err == nil && !keys.Fits(known):
		return errOthers
	}
	return err
}

// Close finishes what was queued and closes the connections. Reads that are under way are waited for.
func (s *Store) Close() error {
	s.closing.Lock()
	if s.closed.Load() {
		s.closing.Unlock()
		return nil
	}
	s.closed.Store(true)
	close(s.queue)
	close(s.wanted)
	s.closing.Unlock()
	s.written.Wait()
	close(s.stop)
	s.mixed.Wait()
	s.pool.Close()
	return nil
}

// Ping commits a small change.
func (s *Store) Ping(ctx context.Context) error {
	if s.closed.Load() {
		return errClosed
	}
	if err := s.ledger.whole(); err != nil {
		return err
	}
	_, err := s.pool.Exec(ctx, "INSERT INTO meta(name, value) VALUES('ping', '') ON CONFLICT(name) DO UPDATE SET value = excluded.value")
	return err
}

// Stats: see store.Store.
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	var st store.Stats
	err := s.pool.QueryRow(ctx, `SELECT
		coalesce((SELECT sum(n) FROM counter WHERE name = 'conversations'), 0)::bigint, coalesce((SELECT sum(n) FROM counter WHERE name = 'responses'), 0)::bigint,
		coalesce((SELECT sum(n) FROM counter WHERE name = 'ballots'), 0)::bigint, coalesce((SELECT sum(n) FROM counter WHERE name = 'requests'), 0)::bigint,
		coalesce((SELECT sum(n) FROM counter WHERE name = 'media'), 0)::bigint, coalesce((SELECT sum(n) FROM counter WHERE name = 'media_bytes'), 0)::bigint,
		(SELECT count(*) FROM outbox WHERE state = 1), (SELECT count(*) FROM outbox WHERE state IN (2, 3) AND state = 3),
		(SELECT count(*) FROM outbox WHERE state = 6), (SELECT count(*) FROM timer), (SELECT count(*) FROM desk_case)`).Scan(
		&st.Conversations, &st.Responses, &st.Ballots, &st.Requests, &st.Media, &st.MediaBytes, &st.Queued, &st.Unsure, &st.Dead, &st.Timers, &st.Cases)
	if err != nil {
		return st, fmt.Errorf("store: count: %w", err)
	}
	return st, nil
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
}

// each calls f for every row.
func each(ctx context.Context, q querier, f func(pgx.Rows) error, query string, args ...any) error {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// there says whether a query has a row.
func there(ctx context.Context, q querier, query string, args ...any) (found bool, err error) {
	err = each(ctx, q, func(pgx.Rows) error { found = true; return nil }, query, args...)
	return found, err
}

// number returns the first column of the first row, or 0.
func number(ctx context.Context, q querier, query string, args ...any) (n int64, err error) {
	err = each(ctx, q, func(r pgx.Rows) error { return r.Scan(&n) }, query, args...)
	return n, err
}

// attempts is how often what another's lock or a lost connection stopped is tried.
const attempts = 6

// write runs do in a transaction, and again where another transaction was in the way. do must leave nothing behind but what is in tx.
func (s *Store) write(ctx context.Context, do func(tx pgx.Tx) error) error {
	return s.inTx(ctx, pgx.TxOptions{}, do)
}

// snapshot lets do read one state of the database, whatever is committed meanwhile.
func (s *Store) snapshot(ctx context.Context, do func(tx pgx.Tx) error) error {
	return s.inTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, do)
}

func (s *Store) inTx(ctx context.Context, o pgx.TxOptions, do func(tx pgx.Tx) error) error {
	if s.closed.Load() {
		return errClosed
	}
	return s.tryTx(ctx, o, do)
}

// writeLast is write, also while the store is being closed.
func (s *Store) writeLast(ctx context.Context, do func(tx pgx.Tx) error) error {
	return s.tryTx(ctx, pgx.TxOptions{}, do)
}

func (s *Store) tryTx(ctx context.Context, o pgx.TxOptions, do func(tx pgx.Tx) error) error {
	var err error
	for n := range attempts {
		if n > 0 {
			if e := pause(ctx, n); e != nil {
				return err
			}
		}
		var committing bool
		committing, err = s.once(ctx, o, do)
		s.noticed(err)
		if err == nil || !inTheWay(err) && (committing || !lost(err)) {
			return err
		}
	}
	return err
}

// once says whether it got as far as the commit, which may then have been done.
func (s *Store) once(ctx context.Context, o pgx.TxOptions, do func(tx pgx.Tx) error) (committing bool, err error) {
	tx, err := s.pool.BeginTx(ctx, o)
	if err != nil {
		return false, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) // nothing, once it is committed
	if err := do(tx); err != nil {
		return false, err
	}
	end, cancel := context.WithTimeout(ctx, cmp.Or(s.commitMost, commitMost))
	defer cancel()
	return true, tx.Commit(end)
}

// pause waits longer each time, and not as long as others who were stopped at once.
func pause(ctx context.Context, n int) error {
	wait := time.NewTimer(time.Duration(1+rand.IntN(5<<n)) * time.Millisecond)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// inTheWay tells that another transaction was: nothing was written, and the same may be tried again.
func inTheWay(err error) bool {
	switch code(err) {
	case "40001", "40P01", "55P03", "23505": // serialization, deadlock, lock not had in time, unique: somebody else was first, and is seen by now
		return true
	}
	return false
}

// lost tells that the connection or its server went away, or that it can't be written to any more.
func lost(err error) bool {
	switch code(err) {
	case "57P01", "57P02", "57P03", "25006", "08006", "08003", "08001": // shut down, crashed, starting, read-only since a failover, connections
		return true
	case "":
		var refused *pgconn.ConnectError
		return errors.As(err, &refused) || pgconn.SafeToRetry(err)
	}
	return false
}

// noticed drops all connections once one says that its server is no primary any more.
func (s *Store) noticed(err error) {
	if code(err) == "25006" {
		s.pool.Reset()
	}
}

func code(err error) string {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}
