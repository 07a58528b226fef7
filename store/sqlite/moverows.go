package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/moving"
)

// Count: see moving.From.
func (e *End) Count(_ context.Context, t *moving.Table) (int64, error) {
	switch t.Name {
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
		return p.byResident("SELECT resident, version, state, answered FROM conversation", p.conversation)
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

	answers        []moving.Answer
	answered, ages []byte
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

// byResident goes through a table of residents' rows.
func (p *pouring) byResident(query string, each func(statement) error) error {
	if p.after == nil {
		return p.t.each(each, query+" ORDER BY k")
	}
	return p.t.each(each, query+" WHERE k > ? ORDER BY k", rowOf(store.Resident(p.after[0].Bytes)))
}

func (p *pouring) conversation(q statement) error {
	p.kept = p.kept[:0]
	for i := range 3 {
		p.take(q, i, i)
	}
	p.answers = p.answers[:0]
	for answered := p.bytes(q, 3); len(answered) >= answeredSize; answered = answered[answeredSize:] {
		seq := seqOf(answered)
		a := moving.Answer{Inbound: store.Inbound(answered[:8]), Age: uint64(seq)}
		if there, err := p.t.one(func(q statement) error { a.Reply = p.bytes(q, 0); return nil }, "SELECT body FROM reply WHERE seq = ?", seq); err != nil {
			return err
		} else if there {
			p.answers = append(p.answers, a)
		}
	}
	p.answered, p.ages = moving.AppendAnswers(p.answered[:0], p.ages[:0], p.answers)
	p.row[3], p.row[4] = moving.Value{Bytes: p.answered}, moving.Value{Bytes: p.ages}
	return p.give()
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
		var answers []moving.Answer
		insert = func() (err error) {
			answers, err = t.takeConversation(values, answers[:0])
			return err
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

// takeConversation writes a row, with the replies that it knows.
func (t *tables) takeConversation(v []moving.Value, answers []moving.Answer) ([]moving.Answer, error) {
	answers, err := moving.ReadAnswers(answers, v[3].Bytes, v[4].Bytes)
	if err != nil {
		return answers, err
	}
	k := rowOf(store.Resident(v[0].Bytes))
	var known [answeredSize * answeredMax]byte
	entry := known[:0]
	for i, a := range answers[:min(len(answers), answeredMax)] {
		var seq int64
		if i > 0 && a.Age == answers[i-1].Age { // they share it
			seq = seqOf(entry[len(entry)-answeredSize:])
		} else if seq, err = t.takeReply(k, a); err != nil {
			return answers, err
		}
		var b [16]byte
		binary.BigEndian.PutUint64(b[8:], uint64(seq))
		entry = append(append(entry, a.Inbound[:]...), b[10:]...)
	}
	return answers, t.exec(insertRow, k, v[0].Bytes, v[1].Int, entry, v[2].Bytes)
}

// takeReply writes a reply at the place that its age says, or the next that is free.
func (t *tables) takeReply(k int64, a moving.Answer) (int64, error) {
	for seq := seqFor(a.Age); ; seq++ {
		if seq>>48 != 0 {
			return 0, errors.New("there is no place left for replies")
		}
		if err := t.exec("INSERT INTO reply(seq, k, body) VALUES(?, ?, ?) ON CONFLICT DO NOTHING", seq, k, a.Reply); err != nil {
			return 0, err
		}
		if t.Changes() > 0 {
			return seq, nil
		}
	}
}

// seqFor is a place as it is here, of 48 bits, for an age. Those of PostgreSQL are longer: the week, and in its last 50 bits the microsecond
// and ten more bits. Of these four microseconds are one place here, and weeks count from 2025.
func seqFor(age uint64) int64 {
	const weeks = 2869
	if age>>48 == 0 {
		return int64(age)
	}
	week := max(age>>50, weeks) - weeks
	return int64(week<<38 | age&(1<<50-1)>>12)
}
