package sealing

import (
	"fmt"
	"time"
)

// What is sealed under a resident's key is bound to its use.
const (
	UseState    = "state"
	UseReply    = "reply"
	UseAddress  = "address"
	UseBody     = "body"
	UsePersonal = "personal"
	UseLetter   = "letter"
)

// PartSize is how much of a recording or a picture is written in one transaction: turns that come in meanwhile wait for one part,
// never for all of them.
const PartSize = 128 << 10

// PartsOf is how many parts so many bytes have.
func PartsOf(size int) int { return (size + PartSize - 1) / PartSize }

// UsePart binds a part to its media and its place, and the last one to how many there are.
func UsePart(id [16]byte, n, parts int) string { return fmt.Sprintf("media %x %d/%d", id, n, parts) }

// Known is how many of a resident's messages are known with their replies, and half of that what stays of each of two who are merged.
const Known = 16

// What was settled is kept for a while, for late receipts and for staff.
const (
	KeepSettled = 7 * 24 * time.Hour
	KeepDead    = 30 * 24 * time.Hour
	// KeepLoose is how long parts may wait for their turn: far longer than a commit takes. After that it was cut short.
	KeepLoose = 24 * time.Hour
	// KeepParting is how long a provider may bring again what somebody said who was erased.
	KeepParting = 3 * 24 * time.Hour
)

// LeastUrgent is the class of what waits longest.
const LeastUrgent = 2

// Stamp is how a time is written: milliseconds since 1970; 0 is the zero time.
func Stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Moment is the time that Stamp wrote.
func Moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
