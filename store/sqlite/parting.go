package sqlite

import (
	"context"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// part keeps what is replied to the last messages of who is erased, and forgets those of whom that was long ago.
func (t *tables) part(now time.Time, last []store.Parting) error {
	if len(last) == 0 {
		return nil
	}
	for i := range last {
		if err := t.exec(`INSERT INTO erased_reply(inbound, at, reply) VALUES(?1, ?2, ?3)
			ON CONFLICT DO UPDATE SET at = excluded.at, reply = CASE WHEN excluded.reply = x'' THEN reply ELSE excluded.reply END`,
			last[i].Inbound[:], now, append([]byte{}, last[i].Reply...)); err != nil {
			return err
		}
	}
	return t.unpart(now)
}

// unpart forgets what is too old to come again.
func (t *tables) unpart(now time.Time) error {
	return t.exec("DELETE FROM erased_reply WHERE at < ?", now.Add(-sealing.KeepParting))
}

// Parted: see store.Store.
func (s *Store) Parted(ctx context.Context, in store.Inbound) (reply []byte, ok bool, err error) {
	err = s.read(ctx, func(t *tables) error {
		ok, err = t.one(func(q statement) error { reply = column(q, 0); return nil }, "SELECT reply FROM erased_reply WHERE inbound = ?", in[:])
		return err
	})
	return reply, ok, err
}
