package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/moving"
	"github.com/townline/townline/store/sealing"
	"zombiezen.com/go/sqlite"
)

// End is a database that a town leaves, or that it moves to. Until the town has left, and while it arrives, nobody else can open it.
type End struct {
	file string
	keys *store.Keys
	t    *tables
}

var _ moving.To = (*End)(nil)

// moveCache is what a move may keep in memory, in KiB: indexes in another order than the rows come in would be read and written again and
// again.
const moveCache = 128 << 10

// exclusiveWait is how long others have to end.
const exclusiveWait = 500 * time.Millisecond

var alone = []string{"locking_mode=EXCLUSIVE", "page_size=4096", "journal_mode=WAL", "synchronous=NORMAL", "wal_autocheckpoint=8000", "secure_delete=ON",
	"temp_store=MEMORY", fmt.Sprintf("cache_size=-%d", moveCache)}

var beside = []string{"journal_mode=WAL", "query_only=ON", "temp_store=MEMORY", fmt.Sprintf("cache_size=-%d", 16<<10)}

// OpenEnd opens a database for a move. The one that a town leaves must be there, and nobody may be at work on it.
func OpenEnd(file string, keys *store.Keys, leaves bool) (*End, error) {
	e := &End{file: file, keys: keys}
	if err := e.open(leaves); err != nil {
		return nil, errors.Join(fmt.Errorf("store: open %s: %w", file, err), e.Close())
	}
	return e, nil
}

func (e *End) open(leaves bool) error {
	if leaves {
		if _, err := os.Stat(e.file); errors.Is(err, fs.ErrNotExist) {
			return errors.New("there is no store")
		}
		if err := e.look(); err != nil {
			return err
		}
		if n, err := e.Note(context.Background()); err == nil && n.Role == moving.Left { // nobody else can write any more
			return e.t.fits(e.keys)
		}
	} else if f, err := os.OpenFile(e.file, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	} else if err := f.Close(); err != nil {
		return err
	}
	if err := e.alone(); err != nil {
		return err
	}
	if err := e.t.recent(); err != nil {
		return err
	}
	if err := e.t.migrate(); err != nil {
		return err
	}
	return e.t.fits(e.keys)
}

// look opens the file for reading, beside others.
func (e *End) look() error { return e.connect(beside) }

// alone opens the file so that nobody else can.
func (e *End) alone() error {
	err := e.connect(alone)
	if err == nil {
		if err = e.t.exec("BEGIN EXCLUSIVE"); err == nil {
			err = e.t.exec("COMMIT")
		}
	}
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultBusy {
		return errAtWork
	}
	return err
}

var errAtWork = errors.New(`somebody is at work on it: end "townline serve" first, and whatever else has it open`)

func (e *End) connect(pragmas []string) error {
	if err := e.Close(); err != nil {
		return err
	}
	c, err := sqlite.OpenConn(e.file, sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	c.SetBusyTimeout(exclusiveWait)
	e.t = newTables(shipped{Conn: c})
	for _, p := range pragmas {
		if err := e.t.once("PRAGMA " + p); err != nil {
			return err
		}
	}
	return nil
}

// Close lets others open it.
func (e *End) Close() error {
	if e.t == nil {
		return nil
	}
	err := e.t.Close()
	e.t = nil
	return err
}

// Place: see moving.From.
func (e *End) Place() string { return "sqlite:" + e.file }

// Note: see moving.From.
func (e *End) Note(context.Context) (moving.Note, error) { return e.t.note() }

func (t *tables) note() (moving.Note, error) {
	var kept []byte
	if _, err := t.one(func(q statement) error { kept = column(q, 0); return nil }, "SELECT value FROM meta WHERE name = 'move'"); err != nil {
		return moving.Note{}, err
	}
	return moving.Read(kept)
}

// here refuses a database that the town has left, or hasn't reached yet.
func (t *tables) here() error {
	n, err := t.note()
	if err == nil && n.Refusal() != "" {
		err = fmt.Errorf("%w: %s", store.ErrMoved, n.Refusal())
	}
	return err
}

const writeNote = "INSERT INTO meta(name, value) VALUES('move', ?) ON CONFLICT DO UPDATE SET value = excluded.value"

// Leave: see moving.From. From then on others can open the file, and are told.
func (e *End) Leave(_ context.Context, n moving.Note) error {
	if err := e.t.steps(step{"PRAGMA synchronous=FULL", nil}, step{writeNote, []any{n.Kept()}}); err != nil {
		return err
	}
	return e.look()
}

// Stay: see moving.From.
func (e *End) Stay(context.Context) error {
	if err := e.alone(); err != nil {
		return err
	}
	return e.t.steps(step{"PRAGMA synchronous=FULL", nil}, step{"DELETE FROM meta WHERE name = 'move'", nil})
}

// Empty: see moving.To.
func (e *End) Empty(context.Context) (bool, error) {
	for _, t := range moving.Tables() {
		if full, err := e.t.one(nil, `SELECT 1 FROM "`+t.Name+`" LIMIT 1`); err != nil || full {
			return false, err
		}
	}
	return true, nil
}

// Take: see moving.To.
func (e *End) Take(_ context.Context, t *moving.Table, rows [][]byte, n moving.Note) error {
	if err := e.t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := e.t.take(t, rows)
	if err == nil {
		err = e.t.exec(writeNote, n.Kept())
	}
	if err == nil {
		err = e.t.exec("COMMIT")
	}
	if err != nil {
		e.t.exec("ROLLBACK")
	}
	return err
}

// Arrive: see moving.To. Who was erased and who said STOP is noted beside the database, as it is there.
func (e *End) Arrive(_ context.Context, n moving.Note) error {
	s := &Store{file: e.file, writer: e.t}
	if err := s.writeTombstones(); err != nil {
		return err
	}
	var stops []store.OptOut
	if err := e.t.each(func(q statement) error {
		stops = append(stops, store.OptOut{Address: column16(q, 0), Out: q.ColumnInt64(1) != 0, At: sealing.Moment(q.ColumnInt64(2)), Channel: q.ColumnText(3), Word: q.ColumnText(4)})
		return nil
	}, "SELECT address, out, at, channel, word FROM optout ORDER BY seq"); err != nil {
		return err
	}
	if err := s.noteStops(stops); err != nil {
		return err
	}
	if err := e.t.exec("PRAGMA synchronous=FULL"); err != nil {
		return err
	}
	if err := e.t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	steps := []step{{"UPDATE outbox SET state = 3, at = max(coalesce(at, 1), 1) WHERE state = 2", nil}, {writeNote, []any{n.Kept()}}}
	for name, query := range map[string]string{"conversations": "SELECT count(*) FROM conversation", "responses": "SELECT count(*) FROM response",
		"ballots": "SELECT count(*) FROM ballot", "requests": "SELECT count(*) FROM request", "media": "SELECT count(*) FROM media",
		"media_bytes": "SELECT coalesce(sum(size), 0) FROM media"} {
		steps = append(steps, step{"UPDATE counter SET n = (" + query + ") WHERE name = ?", []any{name}})
	}
	err := e.t.steps(steps...)
	if err == nil {
		err = e.t.exec("COMMIT")
	}
	if err != nil {
		e.t.exec("ROLLBACK")
		return err
	}
	return e.t.once("PRAGMA wal_checkpoint(TRUNCATE)")
}
