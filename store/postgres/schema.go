package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
)

// Seen is what a database says of itself before it is opened.
type Seen struct {
	Schema, Newest int       // it has, and this program knows
	Clock          time.Time // of the server, as it answered
	Standby        bool      // it can't be written to
	Version        string
}

// Look asks a database what it is, and changes nothing.
func Look(ctx context.Context, address string) (seen Seen, err error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return seen, err
	}
	seen.Newest = len(names)
	c, err := pgx.ParseConfig(address)
	if err != nil {
		return seen, errors.New("store: the address of the PostgreSQL database can't be read")
	}
	c.ConnectTimeout = connectMost
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return seen, fmt.Errorf("store: %w", err)
	}
	defer conn.Close(ctx)
	var there bool
	err = conn.QueryRow(ctx, "SELECT clock_timestamp(), pg_is_in_recovery(), current_setting('server_version'), to_regclass('townline_schema') IS NOT NULL").
		Scan(&seen.Clock, &seen.Standby, &seen.Version, &there)
	if err == nil && there {
		err = conn.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM townline_schema").Scan(&seen.Schema)
	}
	if err == nil && seen.Schema > seen.Newest {
		err = store.ErrNewer
	}
	return seen, err
}
