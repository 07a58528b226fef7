package postgres

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// merging is a Change's Merged with what is needed to seal theirs anew.
type merging struct {
	key, theirs *held // theirs is nil when they aren't here any more
	media       []moved
	sealed      []sealedRow
	known       [2][]byte // messages that they and the resident had answered
	resealed    []sealedReply
}

// moved is a media of the merged one's, whose parts were laid down again under the resident's key.
type moved struct {
	id    [16]byte
	size  int
	was   int64 // where its parts are
	first int64 // where they will be
}

// sealedRow is a row of theirs that is sealed, and now anew.
type sealedRow struct {
	put  string // a statement with the row's name and what is sealed
	name any
	body []byte
}

type sealedReply struct {
	at   place
	body []byte
}

// Where the merged one's sealed columns are, how they are found and how they are put back. Their names are ids or numbers.
var (
	sealedByID = []struct{ use, find, put string }{
		{sealing.UseAddress, "SELECT key, sealed FROM address WHERE resident = $1 FOR UPDATE", "UPDATE address SET sealed = $2 WHERE key = $1"},
		{sealing.UseBody, "SELECT id, body FROM outbox WHERE resident = $1 AND length(body) > 0 ORDER BY seq FOR UPDATE", "UPDATE outbox SET body = $2 WHERE id = $1"},
		{sealing.UseLetter, "SELECT id, sealed FROM letter WHERE resident = $1 FOR UPDATE", "UPDATE letter SET sealed = $2 WHERE id = $1"},
	}
	sealedByNumber = []struct{ find, put string }{
		{"SELECT seq, personal FROM request WHERE resident = $1 AND personal IS NOT NULL ORDER BY seq FOR UPDATE", "UPDATE request SET personal = $2 WHERE seq = $1"},
		{"SELECT seq, personal FROM request_event WHERE resident = $1 AND personal IS NOT NULL ORDER BY seq FOR UPDATE", "UPDATE request_event SET personal = $2 WHERE seq = $1"},
		{`SELECT seq, personal FROM request_event WHERE request IN (SELECT seq FROM request WHERE resident = $1) AND resident IS NULL
			AND personal IS NOT NULL ORDER BY seq FOR UPDATE`, "UPDATE request_event SET personal = $2 WHERE seq = $1"},
	}
)

// What else makes the merged one's rows, $2, the resident's, $1; in this order.
var mergeRows = []string{
	"UPDATE address SET resident = $1 WHERE resident = $2",
	"UPDATE response SET resident = $1 WHERE resident = $2",
	"UPDATE consent SET resident = $1 WHERE resident = $2",
	"UPDATE outbox SET resident = $1 WHERE resident = $2",
	"UPDATE letter SET resident = $1 WHERE resident = $2",
	"UPDATE roll SET resident = $1 WHERE resident = $2",
	"DELETE FROM timer t WHERE resident = $2 AND EXISTS (SELECT 1 FROM timer m WHERE m.resident = $1 AND m.name = t.name)",
	"UPDATE timer SET resident = $1 WHERE resident = $2",
	// Who had both opened or joined a request counts once from now on.
	`UPDATE request SET joined = joined - 1 WHERE joined > 0 AND seq IN (SELECT a.request FROM joiner a JOIN joiner b USING(request)
		WHERE a.resident = $1 AND b.resident = $2)`,
	"DELETE FROM joiner t WHERE resident = $2 AND EXISTS (SELECT 1 FROM joiner m WHERE m.resident = $1 AND m.request = t.request)",
	"UPDATE joiner SET resident = $1 WHERE resident = $2",
	"UPDATE request SET resident = $1 WHERE resident = $2",
	"UPDATE request_event SET resident = $1 WHERE resident = $2",
	"UPDATE desk_case m SET unread = m.unread + t.unread FROM desk_case t WHERE m.resident = $1 AND t.resident = $2",
	"DELETE FROM desk_case WHERE resident = $2 AND EXISTS (SELECT 1 FROM desk_case WHERE resident = $1)",
	"UPDATE desk_case SET resident = $1 WHERE resident = $2",
}

// read finds what is theirs and seals it anew. Their key is locked, so that nothing comes to be sealed under it meanwhile.
func (g *merging) read(ctx context.Context, conn *pgxpool.Conn, c *store.Change, v *view) error {
	g.sealed, g.resealed = nil, nil
	g.known = [2][]byte{v.rows[c.Merged.Resident].known, v.rows[c.Resident].known}
	was := [16]byte(c.Merged.Resident)
	var a asking
	found := func(use, put string, name any, body []byte) error {
		plain, err := g.theirs.Open(body, use)
		if err != nil {
			return fmt.Errorf("open what was a merged resident's: %w", err)
		}
		g.sealed = append(g.sealed, sealedRow{put, name, g.key.Seal(nil, plain, use)})
		return nil
	}
	for _, col := range sealedByID {
		a.each(func(r pgx.Rows) error {
			var id [16]byte
			var body []byte
			if err := r.Scan(&id, &body); err != nil {
				return err
			}
			return found(col.use, col.put, id, body)
		}, col.find, was)
	}
	for _, col := range sealedByNumber {
		a.each(func(r pgx.Rows) error {
			var seq int64
			var body []byte
			if err := r.Scan(&seq, &body); err != nil {
				return err
			}
			return found(sealing.UsePersonal, col.put, seq, body)
		}, col.find, was)
	}
	for table, at := range byTable(g.known[0]) {
		if at == nil {
			continue
		}
		a.each(func(r pgx.Rows) error {
			var at int64
			var body []byte
			if err := r.Scan(&at, &body); err != nil {
				return err
			}
			plain, err := g.theirs.Open(body, sealing.UseReply)
			if err != nil {
				return fmt.Errorf("open what was replied to a merged resident: %w", err)
			}
			g.resealed = append(g.resealed, sealedReply{place(at), g.key.Seal(nil, plain, sealing.UseReply)})
			return nil
		}, fmt.Sprintf("SELECT place, body FROM reply_%d WHERE place = ANY($1) FOR UPDATE", table), at)
	}
	return send(ctx, conn, &a.Batch)
}

// write makes all that is the merged one's the resident's, and destroys their row and key. It returns which messages are known: the newest
// of each, by their age.
func (g *merging) write(w *page, c *store.Change) (known []byte) {
	r, was := [16]byte(c.Resident), [16]byte(c.Merged.Resident)
	room := [2]int{sealing.Known / 2, sealing.Known / 2}
	if c.Inbound != (store.Inbound{}) {
		room[1]--
	}
	var left [2][]byte
	for i, k := range g.known {
		n := min(len(k), room[i]*entrySize)
		left[i] = k[:n]
		dropReplies(&w.Batch, k[n:])
	}
	for _, p := range g.resealed {
		w.Queue(fmt.Sprintf("UPDATE reply_%d SET body = $2 WHERE place = $1", p.at.table()), int64(p.at), p.body)
	}
	for len(left[0])+len(left[1]) > 0 {
		newer := 0
		if len(left[0]) == 0 || len(left[1]) > 0 && bytes.Compare(left[1][8:entrySize], left[0][8:entrySize]) > 0 {
			newer = 1
		}
		known, left[newer] = append(known, left[newer][:entrySize]...), left[newer][entrySize:]
	}
	for _, s := range g.sealed {
		w.Queue(s.put, s.name, s.body)
	}
	for _, query := range mergeRows {
		w.Queue(query, r, was)
	}
	for _, m := range g.media {
		// Those that were swept meanwhile leave what was laid down for them.
		w.Queue("UPDATE media SET resident = $2, first = $3 WHERE id = $1 AND resident = $4", m.id, r, m.first, was)
		w.Queue("DELETE FROM media_loose WHERE first = $1", m.first)
		w.Queue("DELETE FROM media_part p WHERE first IN ($1, $2) AND NOT EXISTS (SELECT 1 FROM media m WHERE m.first = p.first)", m.was, m.first)
	}
	w.Queue("DELETE FROM conversation WHERE resident = $1", was)
	w.Queue("DELETE FROM resident_key WHERE resident = $1", was)
	w.conversations--
	return known
}
