package sqlite

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/townline/townline/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks the file as ours: "twnl".
const applicationID = 0x74776e6c

// migrate brings the schema up to date, each migration in its own transaction. Other processes may be doing the same.
func (t *tables) migrate() error { return t.migrateWith(migrations) }

func (t *tables) migrateWith(migrations fs.ReadFileFS) error {
	names, err := fs.Glob(migrations, "migrations/*.sql") // sorted: 001_, 002_, …
	if err != nil {
		return err
	}
	for {
		at, err := t.number("PRAGMA user_version")
		if err != nil {
			return err
		}
		if at > int64(len(names)) {
			return fmt.Errorf("%w: its schema is number %d, this one knows %d", store.ErrNewer, at, len(names))
		}
		id, err := t.number("PRAGMA application_id")
		if err != nil {
			return err
		}
		if tables, err := t.number("SELECT count(*) FROM sqlite_schema"); err != nil {
			return err
		} else if tables > 0 && id != applicationID {
			return fmt.Errorf("store: this is a database of something else")
		}
		if at == int64(len(names)) {
			return nil
		}
		b, err := migrations.ReadFile(names[at])
		if err != nil {
			return err
		}
		if err := t.migrateTo(at+1, string(b)); err != nil {
			return fmt.Errorf("store: migration %s: %w", names[at], err)
		}
	}
}

func (t *tables) migrateTo(version int64, script string) error {
	if err := t.once("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := func() error {
		if now, err := t.number("PRAGMA user_version"); err != nil || now >= version {
			return err // another process did it meanwhile
		}
		for _, q := range statements(script) {
			if err := t.once(q); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
		if err := t.once(fmt.Sprintf("PRAGMA application_id=%d", applicationID)); err != nil {
			return err
		}
		return t.once(fmt.Sprintf("PRAGMA user_version=%d", version))
	}()
	if err == nil {
		err = t.once("COMMIT")
	}
	if err != nil {
		t.once("ROLLBACK")
	}
	return err
}

// statements splits a migration, in which no string or comment may hold a semicolon at a line's end.
func statements(script string) []string {
	var b strings.Builder
	for line := range strings.Lines(script) {
		if !strings.HasPrefix(line, "--") {
			b.WriteString(line)
		}
	}
	var all []string
	for q := range strings.SplitSeq(b.String(), ";\n") {
		if q = strings.TrimSpace(q); q != "" {
			all = append(all, q)
		}
	}
	return all
}
