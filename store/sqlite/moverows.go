package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/moving"
)

// Count: see moving.From.
func (e *End) Count(_ context.Context, t *moving.Table) (int64, error) {
	switch t.Name {
	case "reply": // of what is answered; one whose reply several share counts as often
		return e.t.number(fmt.Sprintf("SELECT coalesce(sum(length(answered) / %d), 0) FROM conversation", answeredSize))
	case "media_part":
		return e.t.number("SELECT count(*) FROM media_part WHERE NOT EXISTS(SELECT 1 FROM media_loose WHERE first = seq / ? * ?)", partRoom, partRoom)
	}
	return e.t.number(`SELECT count(*) FROM "` + t.Name + `"`)
}

// Pour: see moving.From. A resident's rows come in the order of the integers that they are found by.
func (e *End) Pour(ctx context.Context, t *moving.Table, after []byte, yield func(row []byte) error) error {
	p := &pouring{table: t, t: e.t, row: make([]moving.Value, len(t.Columns)), yield: func(b []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return yield(b)
	}}
	if after != nil {
		p.after = make([]moving.Value, len(t.Columns))
		if err := t.Read(after, p.after); err != nil {
			return err
		}
	}
	switch t.Name {
	case "resident_key":
		return p.byResident("SELECT resident, wrapped FROM resident_key", p.next)
	case "conversation":
		return p.byResident("SELECT resident, version, answered, state FROM conversation", p.conversation)
	case "reply":
		return p.byResident("SELECT resident, answered FROM conversation", p.replies)
	case "media_part":
		return p.parts()
	}
	var names, key, marks []string
	for _, c := range t.Columns {
		names = append(names, `"`+c.Name+`"`)
	}
	var args []any
	for _, i := range t.Key {
		key, marks = append(key, names[i]), append(marks, "?")
		if after != nil {
			args = append(args, bound(&t.Columns[i], &p.after[i]))
		}
	}
	query := "SELECT " + strings.Join(names, ", ") + ` FROM "` + t.Name + `"`
	if after != nil {
		query += " WHERE (" + strings.Join(key, ", ") + ") > (" + strings.Join(marks, ", ") + ")"
	}
	return e.t.each(p.next, query+" ORDER BY "+strings.Join(key, ", "), args...)
}

func bound(c *moving.Column, v *moving.Value) any {
	switch {
	case v.None:
		return nil
	case c.Kind == moving.Number, c.Kind == moving.Truth:
		return v.Int
	case c.Kind == moving.Text:
		return string(v.Bytes)
	}
	return v.Bytes
}

// pouring is one Pour under way.
type pouring struct {
	table *moving.Table
	t     *tables
	after []moving.Value // nil: from the beginning
	row   []moving.Value
	kept  []byte // what the row's values lie in
	out   []byte
	yield func([]byte) error
}

// next pours a row whose columns are the table's.
func (p *pouring) next(q statement) error {
	p.kept = p.kept[:0]
	for i := range p.table.Columns {
		p.take(q, i, i)
	}
	return p.give()
}

// take reads column i of the table from a column of the query.
func (p *pouring) take(q statement, i, from int) {
	v := &p.row[i]
	*v = moving.Value{}
	switch c := &p.table.Columns[i]; {
	case c.Maybe && q.ColumnIsNull(from):
		v.None = true
	case c.Kind == moving.Number, c.Kind == moving.Truth:
		v.Int = q.ColumnInt64(from)
	default:
		v.Bytes = p.bytes(q, from)
	}
}

// bytes are a column's; they are good until the next row.
func (p *pouring) bytes(q statement, from int) []byte {
	begin, size := len(p.kept), q.ColumnLen(from)
	if cap(p.kept)-begin < size {
		p.kept = make([]byte, 0, 2*(cap(p.kept)+size)) // earlier values of the row stay in the old one
		begin = 0
	}
	p.kept = p.kept[:begin+size]
	q.ColumnBytes(from, p.kept[begin:])
	return p.kept[begin : begin+size : begin+size]
}

func (p *pouring) give() (err error) {
	if p.out, err = p.table.Append(p.out[:0], p.row); err != nil {
		return err
	}
	return p.yield(p.out)
}

// byResident goes through a table of residents' rows; of who came last it goes on with what is left of theirs.
func (p *pouring) byResident(query string, each func(statement) error) error {
	if p.after == nil {
		return p.t.each(each, query+" ORDER BY k")
	}
	behind := " WHERE k > ? ORDER BY k"
	if p.table.Name == "reply" {
		behind = " WHERE k >= ? ORDER BY k"
	}
	return p.t.each(each, query+behind, rowOf(store.Resident(p.after[0].Bytes)))
}

func (p *pouring) conversation(q statement) error {
	p.kept = p.kept[:0]
	p.take(q, 0, 0)
	p.take(q, 1, 1)
	p.take(q, 3, 3)
	answered := p.bytes(q, 2)
	wide := make([]byte, 0, answeredMax*16)
	for ; len(answered) >= answeredSize; answered = answered[answeredSize:] {
		wide = append(wide, answered[:8]...)
		wide = binary.BigEndian.AppendUint64(wide, uint64(seqOf(answered)))
	}
	p.row[2] = moving.Value{Bytes: wide}
	return p.give()
}

func (p *pouring) replies(q statement) error {
	p.kept = p.kept[:0]
	who, answered := p.bytes(q, 0), p.bytes(q, 1)
	skip := p.after != nil && string(who) == string(p.after[0].Bytes)
	for ; len(answered) >= answeredSize; answered = answered[answeredSize:] {
		if skip {
			skip = string(answered[:8]) != string(p.after[1].Bytes)
			continue
		}
		body, err := p.t.reply(seqOf(answered))
		if err != nil {
			return err
		}
		p.row[0], p.row[1], p.row[2], p.row[3] = moving.Value{Bytes: who}, moving.Value{Bytes: answered[:8]}, moving.Value{Int: seqOf(answered)}, moving.Value{Bytes: body}
		if err := p.give(); err != nil {
			return err
		}
	}
	return nil
}

// parts pours the parts of media, and no loose ones.
func (p *pouring) parts() error {
	query, args := "SELECT id, size, first FROM media ORDER BY id", []any(nil)
	if p.after != nil {
		query, args = "SELECT id, size, first FROM media WHERE id >= ? ORDER BY id", []any{p.after[0].Bytes}
	}
	return p.t.each(func(q statement) error {
		id, first := column(q, 0), q.ColumnInt64(2)
		from := first
		if p.after != nil && string(id) == string(p.after[0].Bytes) {
			from += p.after[1].Int + 1
		}
		return p.t.each(func(q statement) error {
			p.kept = p.kept[:0]
			p.row[0], p.row[1], p.row[2] = moving.Value{Bytes: id}, moving.Value{Int: q.ColumnInt64(0) - first}, moving.Value{Bytes: p.bytes(q, 1)}
			return p.give()
		}, "SELECT seq, body FROM media_part WHERE seq >= ? AND seq < ? ORDER BY seq", from, first+partRoom)
	}, query, args...)
}

// placeOf is where the parts of a media go that moves in: anywhere, and the same when it is tried again.
func placeOf(media []byte) int64 {
	h := sha256.Sum256(media)
	return int64(binary.BigEndian.Uint64(h[:8])>>1) / partRoom * partRoom
}

// take adds rows that were poured.
func (t *tables) take(table *moving.Table, rows [][]byte) error {
	if len(rows) == 0 {
		return nil
	}
	values := make([]moving.Value, len(table.Columns))
	var insert func() error
	switch table.Name {
	case "resident_key":
		insert = func() error {
			return t.exec(insertKey, rowOf(store.Resident(values[0].Bytes)), values[0].Bytes, values[1].Bytes)
		}
	case "conversation":
		insert = func() error { return t.takeConversation(values) }
	case "reply":
		insert = func() error {
			return t.exec("INSERT INTO reply(seq, k, body) VALUES(?, ?, ?) ON CONFLICT DO NOTHING", values[2].Int, rowOf(store.Resident(values[0].Bytes)), values[3].Bytes)
		}
	case "media":
		insert = func() error {
			return t.exec("INSERT INTO media(id, resident, type, at, until, size, first) VALUES(?, ?, ?, ?, ?, ?, ?)", values[0].Bytes, values[1].Bytes,
				string(values[2].Bytes), values[3].Int, values[4].Int, values[5].Int, placeOf(values[0].Bytes))
		}
	case "media_part":
		insert = func() error {
			if n := values[1].Int; n < 0 || n >= partRoom {
				return errors.New("a recording has too many parts")
			}
			return t.exec("INSERT INTO media_part(seq, body) VALUES(?, ?)", placeOf(values[0].Bytes)+values[1].Int, values[2].Bytes)
		}
	default:
		query := insertOf(table)
		insert = func() error {
			s, err := t.prepare(query)
			if err != nil {
				return err
			}
			for i := range values {
				bind(s, i+1, &table.Columns[i], &values[i])
			}
			return run(s)
		}
	}
	for _, b := range rows {
		if err := table.Read(b, values); err != nil {
			return err
		}
		if err := insert(); err != nil {
			return err
		}
	}
	return nil
}

func insertOf(t *moving.Table) string {
	var names, marks []string
	for _, c := range t.Columns {
		names, marks = append(names, `"`+c.Name+`"`), append(marks, "?")
	}
	return `INSERT INTO "` + t.Name + `"(` + strings.Join(names, ", ") + ") VALUES(" + strings.Join(marks, ", ") + ")"
}

func bind(s statement, param int, c *moving.Column, v *moving.Value) {
	switch {
	case v.None:
		s.BindNull(param)
	case c.Kind == moving.Number, c.Kind == moving.Truth:
		s.BindInt64(param, v.Int)
	case c.Kind == moving.Text:
		s.BindText(param, string(v.Bytes))
	default:
		s.BindBytes(param, v.Bytes)
	}
}

func (t *tables) takeConversation(v []moving.Value) error {
	var narrow [answeredSize * answeredMax]byte
	n := 0
	for wide := v[2].Bytes; len(wide) > 0; wide = wide[16:] {
		if len(wide) < 16 || n+answeredSize > len(narrow) || binary.BigEndian.Uint64(wide[8:])>>48 != 0 {
			return errors.New("what a conversation has answered can't be read")
		}
		copy(narrow[n:], wide[:8])
		copy(narrow[n+8:], wide[10:16])
		n += answeredSize
	}
	return t.exec(insertRow, rowOf(store.Resident(v[0].Bytes)), v[0].Bytes, v[1].Int, narrow[:n], v[3].Bytes)
}
