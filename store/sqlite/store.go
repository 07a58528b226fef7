// Package sqlite keeps the town's records in one file, with no server. One goroutine writes and commits together whatever
// queued while it was committing; readers have connections of their own; a keeper moves the write-ahead log into the
// database in the background. Several processes may have the file open, but one alone should serve.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/townline/townline/store"
	"zombiezen.com/go/sqlite"
)

// Store is a store.Store in one SQLite file.
type Store struct {
	file    string
	secrets *store.Keys
	keys    *keyring
	recent  recent
	whose   whose

	queue   chan *job
	jobs    sync.Pool    // of *job
	closing sync.RWMutex // held for reading while queueing
	closed  atomic.Bool
	writer  *tables // the writer's alone, but for SyncLog

	unsynced unsynced
	toSync   chan committed
	spare    chan []*job   // batches that were synced
	written  chan struct{} // closed when all is on disk

	readers chan *tables
	kept    sync.WaitGroup // the keeper
	keeper  *tables        // the keeper's alone
	stop    chan struct{}
	commits atomic.Uint64
	restart atomic.Int32 // what the keeper wants of the writer, between two batches
	owed    atomic.Bool  // a log that couldn't be emptied

	together together

	duties store.Duties // one process alone serves: its own nodes share them

	walWaiting atomic.Int64 // pages of the log that aren't in the database yet
	tombstones sync.Mutex   // the file of them
}

var _ store.Store = (*Store)(nil)

var errClosed = errors.New("store: closed")

// Memory is bounded: the writer's page cache, and one for each reader, which SQLite empties after every commit anyway.
const (
	writerCache = 16 << 10 // KiB
	readerCache = 512
	readerCount = 4
)

// pragmas that every connection begins with. Without a page size of 4,096, rows under 1,000 bytes would share pages less
// well; secure_delete overwrites what is erased.
func pragmas(cache int) []string {
	return []string{
		"page_size=4096",
		"journal_mode=WAL",
		"synchronous=FULL",
		"wal_autocheckpoint=0", // the keeper's work
		fmt.Sprintf("journal_size_limit=%d", walBound),
		"secure_delete=ON",
		"temp_store=MEMORY",
		fmt.Sprintf("cache_size=-%d", cache),
	}
}

// oldestSQLite is the first without the WAL-reset bug of 3.7.0 to 3.51.2, by which a checkpoint that races a writer can
// lose commits: we checkpoint from a second connection.
var oldestSQLite = [3]int{3, 51, 3}

// Open opens the database in file, which is made if it isn't there, and brings its schema up to date. It returns
// store.ErrKeys when it was written with other keys, and store.ErrNewer when by a newer townline.
func Open(file string, keys *store.Keys) (*Store, error) {
	s := &Store{file: file, secrets: keys, keys: &keyring{}, queue: make(chan *job, 4*maxBatch),
		unsynced: unsynced{of: map[store.Resident]uint64{}}, toSync: make(chan committed, mostUnsynced), spare: make(chan []*job, mostUnsynced+2),
		written: make(chan struct{}), stop: make(chan struct{}), readers: make(chan *tables, readerCount)}
	if err := s.open(); err != nil {
		s.closeConnections()
		return nil, fmt.Errorf("store: open %s: %w", filepath.Base(file), err)
	}
	s.unsynced.moved.L = &s.unsynced.mu
	go s.writes()
	go s.syncs()
	s.kept.Add(1)
	go s.keep()
	return s, nil
}

func (s *Store) open() error {
	// SQLite gives its other files the mode of this one.
	f, err := os.OpenFile(s.file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	c, err := connectLate(s.file, sqlite.OpenReadWrite|sqlite.OpenCreate, pragmas(writerCache))
	if err != nil {
		return err
	}
	s.writer = newTables(c)
	if err := s.writer.recent(); err != nil {
		return err
	}
	if err := s.writer.migrate(); err != nil {
		return err
	}
	if err := s.writer.fits(s.secrets); err != nil {
		return err
	}
	if err := s.writer.here(); err != nil {
		return err
	}
	for range readerCount {
		c, err := connect(s.file, sqlite.OpenReadWrite, append(pragmas(readerCache), "query_only=ON"))
		if err != nil {
			return err
		}
		s.readers <- newTables(c)
	}
	if c, err = connect(s.file, sqlite.OpenReadWrite, pragmas(readerCache)); err != nil {
		return err
	}
	s.keeper = newTables(c)
	return s.writeTombstones()
}

func (t *tables) recent() error {
	var text string
	if _, err := t.one(func(q statement) error { text = q.ColumnText(0); return nil }, "SELECT sqlite_version()"); err != nil {
		return err
	}
	return recentEnough(text)
}

func recentEnough(text string) error {
	var v [3]int
	if _, err := fmt.Sscanf(text, "%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
		return fmt.Errorf("SQLite's version %q: %w", text, err)
	}
	for i := range v {
		if v[i] > oldestSQLite[i] {
			return nil
		}
		if v[i] < oldestSQLite[i] {
			return fmt.Errorf("SQLite %s can lose commits: 3.51.3 or later is needed", text)
		}
	}
	return nil
}

// fits compares the keys with those that the database began with.
func (t *tables) fits(keys *store.Keys) error {
	var known []byte
	look := func() (bool, error) {
		return t.one(func(q statement) error { known = column(q, 0); return nil }, "SELECT value FROM meta WHERE name = 'keys'")
	}
	// Looked for first: a command that only reads needn't wait until a busy town lets it write.
	found, err := look()
	if err != nil {
		return err
	}
	if !found {
		if err := t.exec("INSERT INTO meta(name, value) VALUES('keys', ?) ON CONFLICT DO NOTHING", keys.Check()); err != nil {
			return err
		}
		if _, err := look(); err != nil {
			return err
		}
	}
	if !keys.Fits(known) {
		return fmt.Errorf("%w: is it another town's key file, or one made anew after the first was lost?", store.ErrKeys)
	}
	return nil
}

// reader takes a connection for reading; giveBack returns it.
func (s *Store) reader(ctx context.Context) (*tables, error) {
	select {
	case t, ok := <-s.readers:
		if !ok {
			return nil, errClosed
		}
		return t, nil
	default:
	}
	select {
	case t, ok := <-s.readers:
		if !ok {
			return nil, errClosed
		}
		return t, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *Store) giveBack(t *tables) { s.readers <- t }

// read runs f with a connection for reading. What f saw is on disk when it returns.
func (s *Store) read(ctx context.Context, f func(*tables) error) error {
	t, err := s.reader(ctx)
	if err != nil {
		return err
	}
	err = f(t)
	s.giveBack(t)
	if e := s.unsynced.all(); err == nil {
		err = e
	}
	return err
}

// snapshot lets f read one state of the database, whatever is committed meanwhile.
func (t *tables) snapshot(f func() error) error {
	if err := t.exec("BEGIN"); err != nil {
		return err
	}
	err := f()
	if e := t.exec("COMMIT"); err == nil {
		err = e
	}
	return err
}

// Close finishes what was queued and closes the file. Reads that are under way are waited for.
func (s *Store) Close() error {
	s.closing.Lock()
	if s.closed.Load() {
		s.closing.Unlock()
		return nil
	}
	s.closed.Store(true)
	close(s.queue)
	s.closing.Unlock()
	<-s.written
	close(s.stop)
	s.kept.Wait()
	return s.closeConnections()
}

func (s *Store) closeConnections() error {
	var errs []error
	for range cap(s.readers) {
		select {
		case t := <-s.readers:
			errs = append(errs, t.Close())
			continue
		default:
		}
		if !s.closed.Load() { // opening failed before there were all
			break
		}
		errs = append(errs, (<-s.readers).Close())
	}
	if s.closed.Load() {
		close(s.readers)
	}
	for _, t := range []*tables{s.keeper, s.writer} {
		if t != nil {
			errs = append(errs, t.Close())
		}
	}
	return errors.Join(errs...)
}

// Ping commits a small change.
func (s *Store) Ping(ctx context.Context) error {
	return s.write(ctx, func(t *tables) error {
		return t.exec("INSERT INTO meta(name, value) VALUES('ping', x'00') ON CONFLICT DO UPDATE SET value = excluded.value")
	})
}

// Hold: see store.Store.
func (s *Store) Hold(ctx context.Context, duty string, node [16]byte, term time.Duration) (bool, error) {
	if s.closed.Load() {
		return false, errClosed
	}
	return s.duties.Hold(duty, node, term), ctx.Err()
}

// Nodes: see store.Store.
func (s *Store) Nodes(ctx context.Context) (int, error) {
	if s.closed.Load() {
		return 0, errClosed
	}
	return s.duties.Nodes(), ctx.Err()
}

// Stats: see store.Store.
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	var st store.Stats
	err := s.read(ctx, func(t *tables) error {
		for _, c := range []struct {
			to    *int64
			query string
		}{
			{&st.Conversations, "SELECT n FROM counter WHERE name = 'conversations'"},
			{&st.Responses, "SELECT n FROM counter WHERE name = 'responses'"},
			{&st.Ballots, "SELECT n FROM counter WHERE name = 'ballots'"},
			{&st.Requests, "SELECT n FROM counter WHERE name = 'requests'"},
			{&st.Queued, "SELECT count(*) FROM outbox WHERE state = 1"},
			{&st.Unsure, "SELECT count(*) FROM outbox WHERE state IN (2, 3) AND state = 3"},
			{&st.Dead, "SELECT count(*) FROM outbox WHERE state = 6"},
			{&st.Timers, "SELECT count(*) FROM timer"},
			{&st.Media, "SELECT n FROM counter WHERE name = 'media'"},
			{&st.Cases, "SELECT count(*) FROM desk_case"},
			{&st.MediaBytes, "SELECT n FROM counter WHERE name = 'media_bytes'"},
		} {
			n, err := t.number(c.query)
			if err != nil {
				return err
			}
			*c.to = n
		}
		return nil
	})
	st.WAL = s.walWaiting.Load() * pageSize
	return st, err
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return !errors.Is(err, fs.ErrNotExist)
}
