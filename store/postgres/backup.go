package postgres

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// A copy is two files: FILE with everything but the residents' keys, and FILE.keys with those, wrapped. Whoever deletes an
// old FILE.keys makes the erasures since then reach that copy too. Each begins with a line that says what it is, and goes on with
// one section a table: a line with its name, then pieces of what COPY gave, each behind its length, and a length of zero.
func keysOf(file string) string { return file + ".keys" }

const copyHead = "townline postgres copy 1 "

// copied are the tables of a copy, and keyTable the one beside it.
var copied = []string{"meta", "counter", "conversation", "reply_week", "reply_0", "reply_1", "reply_2", "reply_3", "reply_4", "reply_5", "address", "response", "roll", "reserved", "ballot", "request", "request_event",
	"joiner", "outbox", "timer", "optout", "consent", "desk_case", "letter", "media", "media_part", "media_loose", "published", "erased"}

const keyTable = "resident_key"

// Backup: see store.Store. It reads one state of the database while turns go on, and refuses to write over a file.
func (s *Store) Backup(ctx context.Context, file string) error {
	return wrapped("backup", s.backup(ctx, file))
}

func (s *Store) backup(ctx context.Context, file string) (err error) {
	for _, f := range []string{file, keysOf(file)} {
		if _, err := os.Lstat(f); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already: name another file, or move it away", f)
		}
	}
	var pair [16]byte
	rand.Read(pair[:])
	var made []string
	defer func() {
		if err != nil { // one without the other would only be in the way
			for _, f := range made {
				os.Remove(f)
			}
		}
	}()
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		for _, query := range []string{"SET LOCAL statement_timeout = 0", "SET LOCAL idle_in_transaction_session_timeout = 0"} { // a disk may take long to sync
			if _, err := tx.Exec(ctx, query); err != nil {
				return err
			}
		}
		if err := writeCopy(ctx, tx, keysOf(file), pair, keyTable); err != nil {
			return err
		}
		made = append(made, keysOf(file))
		return writeCopy(ctx, tx, file, pair, copied...)
	})
}

// writeCopy writes a file whole under another name first.
func writeCopy(ctx context.Context, tx pgx.Tx, file string, pair [16]byte, tables ...string) error {
	part := file + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(part)
	defer f.Close()
	b := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintf(b, "%s%x\n", copyHead, pair)
	for _, table := range tables {
		fmt.Fprintf(b, "table %s\n", table)
		if _, err := tx.Conn().PgConn().CopyTo(ctx, pieces{b}, "COPY "+inOrder(table)+" TO STDOUT (FORMAT binary)"); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		b.Write([]byte{0, 0, 0, 0})
	}
	fmt.Fprintln(b, "end")
	if err := errors.Join(b.Flush(), f.Sync()); err != nil {
		return err
	}
	if err := os.Link(part, file); err != nil { // never over another
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// outboxCopied is the outbox without who has claimed what: in a copy all of that is in doubt.
const outboxCopied = "outbox(seq, id, resident, channel, kind, class, due, at, state, attempts, receipt, code, body, weight, until)"

// inOrder is a table, or the rows of one whose order would tell who voted what.
func inOrder(table string) string {
	switch table {
	case "outbox":
		return outboxCopied
	case "ballot":
		return "(SELECT * FROM ballot ORDER BY poll, id)"
	case "roll":
		return "(SELECT * FROM roll ORDER BY poll, voter)"
	}
	return table
}

// pieces puts its length before each.
type pieces struct{ w *bufio.Writer }

func (p pieces) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(len(b)))
	if _, err := p.w.Write(size[:]); err != nil {
		return 0, err
	}
	return p.w.Write(b)
}

// whole reads the pieces of one section.
type whole struct {
	r    *bufio.Reader
	left int
	end  bool
}

// mostPiece is far longer than what PostgreSQL gives at a time: a row.
const mostPiece = 1 << 30

func (p *whole) Read(b []byte) (int, error) {
	for p.left == 0 {
		if p.end {
			return 0, io.EOF
		}
		var size [4]byte
		if _, err := io.ReadFull(p.r, size[:]); err != nil {
			return 0, errCut
		}
		n := binary.BigEndian.Uint32(size[:])
		if n > mostPiece {
			return 0, errCut
		}
		p.left, p.end = int(n), n == 0
	}
	n, err := p.r.Read(b[:min(len(b), p.left)])
	p.left -= n
	if err == io.EOF {
		err = errCut
	}
	return n, err
}

var errCut = errors.New("the copy is cut short, or damaged")

// copyFile is a file of a copy that is being read.
type copyFile struct {
	*bufio.Reader
	pair string
}

func readCopy(r io.Reader) (*copyFile, error) {
	c := &copyFile{Reader: bufio.NewReaderSize(r, 1<<16)}
	line, err := c.line()
	if err != nil {
		return nil, err
	}
	pair, ours := strings.CutPrefix(line, copyHead)
	if b, err := hex.DecodeString(pair); !ours || err != nil || len(b) != 16 {
		return nil, errors.New("this isn't a copy of a townline database in PostgreSQL")
	}
	c.pair = pair
	return c, nil
}

func (c *copyFile) line() (string, error) {
	b, err := c.ReadSlice('\n')
	if err != nil {
		return "", errCut
	}
	return string(b[:len(b)-1]), nil
}

// section returns the next table's name and what COPY gave; "" after the last.
func (c *copyFile) section(known []string) (string, io.Reader, error) {
	line, err := c.line()
	if err != nil {
		return "", nil, err
	}
	if line == "end" {
		return "", nil, nil
	}
	name, _ := strings.CutPrefix(line, "table ")
	for _, k := range known {
		if k == name {
			return k, &whole{r: c.Reader}, nil
		}
	}
	return "", nil, errCut
}

// Restore puts a copy that Backup made in from and from.keys into the database at an address, which must be empty but for what it notes
// of erasures and of opt-outs (files that Noting names count as well): those are kept, and whoever was erased since the copy was made is erased from it. What waited to
// be sent may have been sent since, so it is Unsure. The keys are those that the copied database was written with (or see After).
func Restore(ctx context.Context, from, address string, keys *store.Keys, more ...Option) error {
	return wrapped("restore "+filepath.Base(from), restore(ctx, from, address, keys, more))
}

func restore(ctx context.Context, from, address string, keys *store.Keys, more []Option) error {
	s, err := Open(ctx, address, keys, more...)
	if err != nil {
		return err
	}
	defer s.Close()
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
			return err
		}
		for _, table := range copied {
			switch table {
			case "erased", "optout", "meta", "counter", "reply_week":
				continue
			}
			if full, err := there(ctx, tx, "SELECT 1 FROM "+table+" LIMIT 1"); err != nil {
				return err
			} else if full {
				return errors.New("the database isn't empty: name another, or move what is in it away")
			}
		}
		for _, query := range []string{"DELETE FROM meta", "DELETE FROM counter", "DELETE FROM reply_week", "CREATE TEMP TABLE erased_since ON COMMIT DROP AS SELECT * FROM erased",
			"CREATE TEMP TABLE optout_since ON COMMIT DROP AS SELECT * FROM optout", "DELETE FROM erased", "DELETE FROM optout"} {
			if _, err := tx.Exec(ctx, query); err != nil {
				return err
			}
		}
		pair, err := fill(ctx, tx, from, copied...)
		if err != nil {
			return err
		}
		if other, err := fill(ctx, tx, keysOf(from), keyTable); err != nil {
			return err
		} else if other != pair {
			return errors.New("the two files are not of one copy")
		}
		var known []byte
		if err := each(ctx, tx, func(r pgx.Rows) error { return r.Scan(&known) }, "SELECT value FROM meta WHERE name = 'keys'"); err != nil {
			return err
		}
		if !keys.Fits(known) {
			if err := s.rekeyed(ctx, tx, known); err != nil {
				return err
			}
		}
		for _, table := range []string{"request", "request_event", "outbox", "optout", "consent", "letter"} {
			if _, err := tx.Exec(ctx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%s', 'seq'), coalesce((SELECT max(seq) FROM %s), 0) + 1, false)", table, table)); err != nil {
				return err
			}
		}
		for _, query := range []string{
			"UPDATE outbox SET state = 3, at = greatest(at, 1) WHERE state IN (1, 2)",
			`INSERT INTO optout(address, stopped, at, channel, word) SELECT address, stopped, at, channel, word FROM optout_since n
				WHERE NOT EXISTS (SELECT 1 FROM optout o WHERE o.address = n.address AND o.at = n.at AND o.stopped = n.stopped) ORDER BY at, seq`,
		} {
			if _, err := tx.Exec(ctx, query); err != nil {
				return err
			}
		}
		erased := map[store.Resident]int64{}
		if err := each(ctx, tx, func(r pgx.Rows) error {
			var who [16]byte
			var at int64
			err := r.Scan(&who, &at)
			erased[who] = at
			return err
		}, "SELECT n.resident, n.at FROM erased_since n WHERE NOT EXISTS (SELECT 1 FROM erased o WHERE o.resident = n.resident AND o.at >= n.at)"); err != nil {
			return err
		}
		for r, at := range erased { // here: were the process killed behind it, nobody would know of them any more
			if err := eraseIn(ctx, tx, r, sealing.Moment(at)); err != nil {
				return err
			}
		}
		return nil
	})
}

// fill puts the tables of a file in place and returns what pairs it with the other.
func fill(ctx context.Context, tx pgx.Tx, file string, tables ...string) (pair string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("a copy is two files, one of them ends in .keys: %w", err)
	}
	defer f.Close()
	c, err := readCopy(f)
	if err != nil {
		return "", err
	}
	for {
		name, rows, err := c.section(tables)
		if err != nil || name == "" {
			return c.pair, err
		}
		into := name
		if name == "outbox" {
			into = outboxCopied
		}
		if _, err := tx.Conn().PgConn().CopyFrom(ctx, rows, "COPY "+into+" FROM STDIN (FORMAT binary)"); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
}
