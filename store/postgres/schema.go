package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/townline/townline/store"
)

// Seen is what a database says of itself before it is opened.
type Seen struct {
	Schema, Newest int       // it has, and this program knows; more than that is no error where the newer one leaves older nodes at work
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
	c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		c.ValidateConnect = nil // of several that one is meant; a standby can say what it is, too
		conn, err = pgx.ConnectConfig(ctx, c)
	}
	if err != nil {
		return seen, fmt.Errorf("store: %w", err)
	}
	defer conn.Close(ctx)
	var there, counts bool
	err = conn.QueryRow(ctx, "SELECT clock_timestamp(), pg_is_in_recovery(), current_setting('server_version'), to_regclass('townline_schema') IS NOT NULL,"+
		" EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('townline_schema') AND attname = 'oldest')").
		Scan(&seen.Clock, &seen.Standby, &seen.Version, &there, &counts)
	if err == nil && there {
		err = conn.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM townline_schema").Scan(&seen.Schema)
	}
	oldest := seen.Schema
	if err == nil && counts {
		err = conn.QueryRow(ctx, "SELECT coalesce(max(oldest), 0) FROM townline_schema").Scan(&oldest)
	}
	if err == nil && seen.Schema > seen.Newest && oldest > seen.Newest {
		err = store.ErrNewer
	}
	return seen, err
}
