package postgres

import "encoding/binary"

// tid is where a row lies, as PostgreSQL sends it: the page, and which row on it. What is written to a row that was just read finds
// it there without going down the tree of ids once more. It is a hint: the write compares whose row that is and at which version, and
// a row that was moved since is looked for.
type tid [6]byte

// lies remembers a place together with the last bits of the version that the row had there: the next version lies elsewhere.
func lies(at tid, version uint64) uint64 {
	var b [8]byte
	copy(b[:], at[:])
	binary.BigEndian.PutUint16(b[len(at):], uint16(version))
	return binary.BigEndian.Uint64(b[:])
}

// place is where the row of a turn lies that was computed from a version, if that is known.
func (h *held) place(version uint64) (at tid, known bool) {
	row := h.row.Load()
	if row == 0 || uint16(row) != uint16(version) {
		return at, false
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], row)
	return tid(b[:]), true
}
