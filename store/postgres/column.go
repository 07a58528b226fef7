package postgres

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// column is an array as PostgreSQL takes it, put together while its values come: pgx's own way through reflection costs a fifth of a
// turn. It is used again for the next batch.
type column struct {
	of    uint32 // the type of its values
	n     int
	bytes []byte // each value behind its length
}

func (c *column) empty() { c.n, c.bytes = 0, c.bytes[:0] }

func (c *column) size(n int) {
	c.n++
	c.bytes = binary.BigEndian.AppendUint32(c.bytes, uint32(n))
}

func (c *column) uuid(v [16]byte) {
	c.size(len(v))
	c.bytes = append(c.bytes, v[:]...)
}

func (c *column) blob(v []byte) {
	c.size(len(v))
	c.bytes = append(c.bytes, v...)
}

func (c *column) text(v string) {
	v = words(v)
	c.size(len(v))
	c.bytes = append(c.bytes, v...)
}

func (c *column) int64(v int64) {
	c.size(8)
	c.bytes = binary.BigEndian.AppendUint64(c.bytes, uint64(v))
}

func (c *column) tid(v tid) {
	c.size(len(v))
	c.bytes = append(c.bytes, v[:]...)
}

func (c *column) int32(v int32) {
	c.size(4)
	c.bytes = binary.BigEndian.AppendUint32(c.bytes, uint32(v))
}

// columnHead is what an array begins with.
const columnHead = 20

// appendTo writes the array behind what there is.
func (c *column) appendTo(b []byte) []byte {
	b = slices.Grow(b, columnHead+len(c.bytes))
	for _, v := range [...]uint32{1, 0, c.of, uint32(c.n), 1} { // dimensions, no NULL in it, type, length, first index
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return append(b, c.bytes...)
}

// columnCodec lets a connection take columns beside what it takes anyway.
type columnCodec struct{ pgtype.Codec }

func (c columnCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ours := value.(*column); ours && format == pgtype.BinaryFormatCode {
		return columnPlan{}
	}
	return c.Codec.PlanEncode(m, oid, format, value)
}

type columnPlan struct{}

func (columnPlan) Encode(value any, buf []byte) ([]byte, error) {
	c, ours := value.(*column)
	if !ours || c.of == 0 {
		return nil, errors.New("this is no column")
	}
	return c.appendTo(buf), nil
}

// wide makes room for so many bytes in what a connection is about to send, instead of a little more for each statement. It is a message of nothing.
type wide int

func (wide) Frontend() {}

func (wide) Decode([]byte) error { return nil }

func (n wide) Encode(b []byte) ([]byte, error) { return slices.Grow(b, int(n)), nil }

// takeColumns makes a connection take columns.
func takeColumns(conn *pgx.Conn) {
	m := conn.TypeMap()
	for _, oid := range []uint32{pgtype.UUIDArrayOID, pgtype.ByteaArrayOID, pgtype.Int8ArrayOID, pgtype.Int4ArrayOID, pgtype.TextArrayOID, pgtype.TIDArrayOID} {
		if t, known := m.TypeForOID(oid); known {
			m.RegisterType(&pgtype.Type{Name: t.Name, OID: oid, Codec: columnCodec{t.Codec}})
		}
	}
}
