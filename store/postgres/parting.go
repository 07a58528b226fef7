package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// part keeps what is replied to the last messages of who is erased, and forgets those of whom that was long ago.
func part(ctx context.Context, tx pgx.Tx, now time.Time, last []store.Parting) error {
	if len(last) == 0 {
		return nil
	}
	var ids, replies [][]byte
	for i := range last {
		ids, replies = append(ids, last[i].Inbound[:]), append(replies, append([]byte{}, last[i].Reply...))
	}
	if _, err := tx.Exec(ctx, `INSERT INTO erased_reply(inbound, at, reply) SELECT DISTINCT ON (i) i, $2::bigint, r FROM unnest($1::bytea[], $3::bytea[]) AS u(i, r) ORDER BY i, length(r) DESC
		ON CONFLICT(inbound) DO UPDATE SET at = excluded.at, reply = CASE WHEN excluded.reply = '' THEN erased_reply.reply ELSE excluded.reply END`, ids, sealing.Stamp(now), replies); err != nil {
		return err
	}
	return unpart(ctx, tx, now)
}

// unpart forgets what is too old to come again.
func unpart(ctx context.Context, tx pgx.Tx, now time.Time) error {
	_, err := tx.Exec(ctx, "DELETE FROM erased_reply WHERE at < $1", sealing.Stamp(now.Add(-sealing.KeepParting)))
	return err
}

// Parted: see store.Store.
func (s *Store) Parted(ctx context.Context, in store.Inbound) (reply []byte, ok bool, err error) {
	err = each(ctx, s.pool, func(r pgx.Rows) error {
		ok = true
		return r.Scan(&reply)
	}, "SELECT reply FROM erased_reply WHERE inbound = $1", in[:])
	return reply, ok, wrapped("parted", err)
}
