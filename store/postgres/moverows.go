package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/moving"
)

// nameIn is what a column is called here.
func nameIn(c *moving.Column) string {
	switch c.Name {
	case "by":
		return "author"
	case "text":
		return "words"
	case "out":
		return "stopped"
	}
	return `"` + c.Name + `"`
}

func namesIn(t *moving.Table) (names []string) {
	for i := range t.Columns {
		names = append(names, nameIn(&t.Columns[i]))
	}
	return names
}

// Count: see moving.From.
func (e *End) Count(ctx context.Context, t *moving.Table) (int64, error) {
	if t.Name == "media_part" {
		return number(ctx, e.s.pool, "SELECT count(*) FROM media_part p WHERE NOT EXISTS(SELECT 1 FROM media_loose l WHERE l.first = p.first)")
	}
	return number(ctx, e.s.pool, "SELECT count(*) FROM "+t.Name)
}

// Pour: see moving.From.
func (e *End) Pour(ctx context.Context, t *moving.Table, after []byte, yield func(row []byte) error) error {
	p := &pouring{table: t, s: e.s, row: make([]moving.Value, len(t.Columns)), yield: yield}
	var behind []moving.Value
	if after != nil {
		behind = make([]moving.Value, len(t.Columns))
		if err := t.Read(after, behind); err != nil {
			return err
		}
	}
	switch t.Name {
	case "conversation":
		return p.conversations(ctx, behind)
	case "media_part":
		return p.parts(ctx, behind)
	}
	names := namesIn(t)
	var key, marks []string
	var args []any
	for n, i := range t.Key {
		key, marks = append(key, names[i]), append(marks, fmt.Sprint("$", n+1))
		if behind != nil {
			args = append(args, argument(&t.Columns[i], &behind[i]))
		}
	}
	query := "SELECT " + strings.Join(names, ", ") + " FROM " + t.Name
	if behind != nil {
		query += " WHERE (" + strings.Join(key, ", ") + ") > (" + strings.Join(marks, ", ") + ")"
	}
	return each(ctx, e.s.pool, func(r pgx.Rows) error {
		for i, raw := range r.RawValues() {
			if err := take(&p.row[i], &t.Columns[i], raw); err != nil {
				return err
			}
		}
		return p.give()
	}, query+" ORDER BY "+strings.Join(key, ", "), args...)
}

func argument(c *moving.Column, v *moving.Value) any {
	switch c.Kind {
	case moving.Number, moving.Truth:
		return v.Int
	case moving.Text:
		return string(v.Bytes)
	case moving.ID:
		return [16]byte(v.Bytes)
	}
	return v.Bytes
}

// take reads a value as PostgreSQL sends it in binary.
func take(v *moving.Value, c *moving.Column, raw []byte) error {
	*v = moving.Value{None: raw == nil}
	switch {
	case raw == nil:
	case c.Kind != moving.Number && c.Kind != moving.Truth:
		v.Bytes = raw
	case len(raw) == 1:
		v.Int = int64(raw[0])
	case len(raw) == 2:
		v.Int = int64(int16(binary.BigEndian.Uint16(raw)))
	case len(raw) == 4:
		v.Int = int64(int32(binary.BigEndian.Uint32(raw)))
	case len(raw) == 8:
		v.Int = int64(binary.BigEndian.Uint64(raw))
	default:
		return fmt.Errorf("%s has %d bytes", c.Name, len(raw))
	}
	return nil
}

// pouring is one Pour under way.
type pouring struct {
	table *moving.Table
	s     *Store
	row   []moving.Value
	out   []byte
	yield func([]byte) error
}

func (p *pouring) give() (err error) {
	if p.out, err = p.table.Append(p.out[:0], p.row); err != nil {
		return err
	}
	return p.yield(p.out)
}

// poured is how many conversations are read with their replies at a time.
const poured = 2_000

type pouredRow struct {
	resident     [16]byte
	version      int64
	known, state []byte
}

func (p *pouring) conversations(ctx context.Context, behind []moving.Value) error {
	query, args := "SELECT resident, version, known, state FROM conversation ORDER BY resident LIMIT $1", []any{poured}
	if behind != nil {
		args = append(args, [16]byte(behind[0].Bytes))
	}
	for {
		if len(args) > 1 {
			query = "SELECT resident, version, known, state FROM conversation WHERE resident > $2 ORDER BY resident LIMIT $1"
		}
		var rows []pouredRow
		if err := each(ctx, p.s.pool, func(r pgx.Rows) error {
			var row pouredRow
			err := r.Scan(&row.resident, &row.version, &row.known, &row.state)
			rows = append(rows, row)
			return err
		}, query, args...); err != nil {
			return err
		}
		said, err := p.said(ctx, rows)
		if err != nil {
			return err
		}
		for i := range rows {
			if err := p.conversation(&rows[i], said); err != nil {
				return err
			}
		}
		if len(rows) < poured {
			return nil
		}
		args = []any{poured, rows[len(rows)-1].resident}
	}
}

// said reads the replies that rows know.
func (p *pouring) said(ctx context.Context, rows []pouredRow) (map[place][]byte, error) {
	var places [replyTables][]int64
	for i := range rows {
		for table, at := range byTable(rows[i].known) {
			places[table] = append(places[table], at...)
		}
	}
	said := make(map[place][]byte)
	for table, at := range places {
		if at == nil {
			continue
		}
		if err := each(ctx, p.s.pool, func(r pgx.Rows) error {
			var at int64
			var body []byte
			err := r.Scan(&at, &body)
			said[place(at)] = body
			return err
		}, fmt.Sprintf("SELECT place, body FROM reply_%d WHERE place = ANY($1)", table), at); err != nil {
			return nil, err
		}
	}
	return said, nil
}

func (p *pouring) conversation(row *pouredRow, said map[place][]byte) error {
	var all []moving.Answer
	entries(row.known, func(in store.Inbound, at place) bool {
		if body, kept := said[at]; kept {
			all = append(all, moving.Answer{Inbound: in, Reply: body, Age: uint64(at)})
		}
		return true
	})
	answered, ages := moving.AppendAnswers(nil, nil, all)
	p.row[0], p.row[1], p.row[2] = moving.Value{Bytes: row.resident[:]}, moving.Value{Int: row.version}, moving.Value{Bytes: row.state}
	p.row[3], p.row[4] = moving.Value{Bytes: answered}, moving.Value{Bytes: ages}
	return p.give()
}

// parts pours the parts of media, and no loose ones.
func (p *pouring) parts(ctx context.Context, behind []moving.Value) error {
	type media struct {
		id    [16]byte
		first int64
	}
	var last [16]byte
	next := int64(0) // of the last one's parts
	if behind != nil {
		last, next = [16]byte(behind[0].Bytes), behind[1].Int+1
	}
	for {
		var all []media
		if err := each(ctx, p.s.pool, func(r pgx.Rows) error {
			var m media
			err := r.Scan(&m.id, &m.first)
			all = append(all, m)
			return err
		}, "SELECT id, first FROM media WHERE id >= $1 ORDER BY id LIMIT $2", last, poured); err != nil {
			return err
		}
		for _, m := range all {
			if m.id != last {
				next = 0
			}
			if err := each(ctx, p.s.pool, func(r pgx.Rows) error {
				raw := r.RawValues()
				p.row[0] = moving.Value{Bytes: m.id[:]}
				if err := take(&p.row[1], &p.table.Columns[1], raw[0]); err != nil {
					return err
				}
				p.row[2] = moving.Value{Bytes: raw[1]}
				return p.give()
			}, "SELECT n, body FROM media_part WHERE first = $1 AND n >= $2 ORDER BY n", m.first, next); err != nil {
				return err
			}
			last, next = m.id, 1<<31-1
		}
		if len(all) < poured {
			return nil
		}
	}
}

// derived is a number made of an id, the same when a move is tried again.
func derived(what string, id []byte) int64 {
	h := sha256.Sum256(append([]byte(what+"\x00"), id...))
	return int64(binary.BigEndian.Uint64(h[:8]))
}

func keyOf(resident []byte) int64 { return derived("key", resident) }
func firstOf(media []byte) int64  { return derived("media", media) }
func movedTo(t time.Time) int64   { return weekOf(t) - 1 } // older than what is said here
func (p place) week() int64       { return int64(p) >> weekBits }
func placeFor(a uint64, w int64) place {
	if a>>weekBits != 0 { // of another PostgreSQL
		return place(a)
	}
	return place(w<<weekBits | int64(a))
}

// take adds rows that were poured.
func (e *End) take(ctx context.Context, tx pgx.Tx, t *moving.Table, rows [][]byte, at time.Time) error {
	values := make([]moving.Value, len(t.Columns))
	each := func(do func() error) error {
		for _, b := range rows {
			if err := t.Read(b, values); err != nil {
				return err
			}
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	}
	switch t.Name {
	case "resident_key":
		return e.copyIn(ctx, tx, "resident_key", []string{"resident", "id", "wrapped"}, func(w *copying) error {
			return each(func() error { return w.row(values[0], moving.Value{Int: keyOf(values[0].Bytes)}, values[1]) })
		})
	case "conversation":
		return e.takeConversations(ctx, tx, values, each, movedTo(at))
	case "media":
		return e.copyIn(ctx, tx, "media", append(namesIn(t), "first"), func(w *copying) error {
			return each(func() error {
				return w.row(append(values[:len(values):len(values)], moving.Value{Int: firstOf(values[0].Bytes)})...)
			})
		})
	case "media_part":
		return e.copyIn(ctx, tx, "media_part", []string{"first", "n", "body"}, func(w *copying) error {
			return each(func() error { return w.row(moving.Value{Int: firstOf(values[0].Bytes)}, values[1], values[2]) })
		})
	}
	return e.copyIn(ctx, tx, t.Name, namesIn(t), func(w *copying) error { return each(func() error { return w.row(values...) }) })
}

func (e *End) takeConversations(ctx context.Context, tx pgx.Tx, values []moving.Value, each func(func() error) error, week int64) error {
	type reply struct {
		at   place
		body []byte
	}
	var said [replyTables][]reply
	if err := e.copyIn(ctx, tx, "conversation", []string{"resident", "version", "key", "known", "state"}, func(w *copying) error {
		var answers []moving.Answer
		return each(func() (err error) {
			if answers, err = moving.ReadAnswers(answers[:0], values[3].Bytes, values[4].Bytes); err != nil {
				return err
			}
			known := make([]byte, 0, len(answers)*entrySize)
			for i, a := range answers {
				at := placeFor(a.Age, week)
				if i == 0 || a.Age != answers[i-1].Age { // else they share it
					said[at.table()] = append(said[at.table()], reply{at, a.Reply})
				}
				b := entry(a.Inbound, at)
				known = append(known, b[:]...)
			}
			return w.row(values[0], values[1], moving.Value{Int: keyOf(values[0].Bytes)}, moving.Value{Bytes: known}, values[2])
		})
	}); err != nil {
		return err
	}
	for table, all := range said {
		if all == nil {
			continue
		}
		week := int64(0)
		if err := e.copyIn(ctx, tx, fmt.Sprint("reply_", table), []string{"place", "body"}, func(w *copying) error {
			for _, r := range all {
				week = max(week, r.at.week())
				if err := w.row(moving.Value{Int: int64(r.at)}, moving.Value{Bytes: r.body}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE reply_week SET week = greatest(week, $2) WHERE slot = $1", table, week); err != nil {
			return err
		}
	}
	return nil
}

// copying writes rows as COPY takes them in binary.
type copying struct {
	b     []byte
	types []uint32
}

func newCopying(types ...uint32) *copying {
	return &copying{types: types, b: append([]byte("PGCOPY\n\xff\r\n\x00"), make([]byte, 8)...)}
}

func (w *copying) send(ctx context.Context, tx pgx.Tx, to string) error {
	w.b = append(w.b, 0xff, 0xff)
	_, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(w.b), "COPY "+to+" FROM STDIN (FORMAT binary)")
	return err
}

func (w *copying) row(values ...moving.Value) error {
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(len(values)))
	for i := range values {
		v := &values[i]
		if v.None {
			w.b = binary.BigEndian.AppendUint32(w.b, 0xffffffff)
			continue
		}
		size := func(n int) { w.b = binary.BigEndian.AppendUint32(w.b, uint32(n)) }
		switch w.types[i] {
		case pgtype.Int8OID:
			size(8)
			w.b = binary.BigEndian.AppendUint64(w.b, uint64(v.Int))
		case pgtype.Int4OID:
			if int64(int32(v.Int)) != v.Int {
				return errors.New("a number is too large")
			}
			size(4)
			w.b = binary.BigEndian.AppendUint32(w.b, uint32(v.Int))
		case pgtype.Int2OID:
			if int64(int16(v.Int)) != v.Int {
				return errors.New("a number is too large")
			}
			size(2)
			w.b = binary.BigEndian.AppendUint16(w.b, uint16(v.Int))
		case pgtype.BoolOID:
			size(1)
			w.b = append(w.b, byte(v.Int))
		default:
			size(len(v.Bytes))
			w.b = append(w.b, v.Bytes...)
		}
	}
	return nil
}

// copyIn copies rows into a table.
func (e *End) copyIn(ctx context.Context, tx pgx.Tx, table string, columns []string, write func(*copying) error) error {
	types, err := e.types(ctx, tx, table, columns)
	if err != nil {
		return err
	}
	w := newCopying(types...)
	if err := write(w); err != nil {
		return err
	}
	return w.send(ctx, tx, table+"("+strings.Join(columns, ", ")+")")
}

// types are those of a table's columns.
func (e *End) types(ctx context.Context, tx pgx.Tx, table string, columns []string) ([]uint32, error) {
	if known := e.taken[table]; known != nil {
		return known, nil
	}
	rows, err := tx.Query(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+table+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	var types []uint32
	for _, f := range rows.FieldDescriptions() {
		types = append(types, f.DataTypeOID)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, err
	}
	e.taken[table] = types
	return types, nil
}
