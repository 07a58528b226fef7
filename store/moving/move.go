package moving

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// From is a store that is poured out.
type From interface {
	Place() string // for people; without a password
	// Note returns what is noted of a move; the zero Note: nothing.
	Note(ctx context.Context) (Note, error)
	// Leave notes that the town has left: whoever opens the store from then on is refused with store.ErrMoved. It fails while anybody works on it.
	Leave(ctx context.Context, n Note) error
	// Stay takes that back.
	Stay(ctx context.Context) error
	Count(ctx context.Context, t *Table) (int64, error)
	// Pour calls yield for each row behind a position (nil: from the beginning), in an order of its own that is always the same. A row is
	// good until yield returns.
	Pour(ctx context.Context, t *Table, after []byte, yield func(row []byte) error) error
}

// To is a store that is filled.
type To interface {
	From
	// Empty says whether there is nothing in it.
	Empty(ctx context.Context) (bool, error)
	// Take adds rows and the note that they were, whole or not at all.
	Take(ctx context.Context, t *Table, rows [][]byte, n Note) error
	// Arrive makes it a store to open: what is made anew is made, what a sender had claimed is unsure.
	Arrive(ctx context.Context, n Note) error
}

// Role of a store in a move.
type Role string

const (
	Left     Role = "left"     // it is elsewhere
	Arriving Role = "arriving" // it is being filled
	Arrived  Role = "arrived"  // it is here
)

// Note is what each of the two stores knows of a move.
type Note struct {
	Move  string // names it in both
	Role  Role
	Other string // the other one's place
	At    time.Time
	Came  int    `json:",omitempty"` // Arriving: so many tables are there
	After []byte `json:",omitempty"` // and of the next the rows up to this position
	Sums  []Sum  `json:",omitempty"` // of what came, by table
}

// Read reads a note that was kept; of nothing, the zero Note.
func Read(kept []byte) (n Note, err error) {
	if len(kept) == 0 {
		return n, nil
	}
	if err := json.Unmarshal(kept, &n); err != nil {
		return Note{}, errors.New("what is noted of a move can't be read")
	}
	return n, nil
}

// Kept is a note as it is kept.
func (n Note) Kept() []byte {
	b, err := json.Marshal(n)
	if err != nil { // it has only what can be written
		panic(err)
	}
	return b
}

// Refusal is why a store can't be opened, or "".
func (n Note) Refusal() string {
	switch n.Role {
	case Left:
		return fmt.Sprintf("the town moved to %s on %s: name that as store.url, or take the move back with \"townline move --back\"", n.Other, n.At.UTC().Format(time.DateOnly))
	case Arriving:
		return fmt.Sprintf("the town is being moved here from %s: give the same \"townline move\" again, and it goes on where it stopped", n.Other)
	}
	return ""
}

// Progress is told now and then.
type Progress struct {
	Table      string
	Checking   bool  // it is read again and compared
	Done, From int64 // rows
}

// A batch is taken whole: as many rows, or as many bytes.
const (
	batchRows  = 20_000
	batchBytes = 8 << 20
)

// Move pours all of from into to, and goes on where it was cut short. Whatever happens, one of the two at most can be opened.
func Move(ctx context.Context, from From, to To, now time.Time, tell func(Progress)) error {
	n, err := begin(ctx, from, to, now)
	if err != nil || n.Role == Arrived {
		return err
	}
	tables := Tables()
	for len(n.Sums) < len(tables) {
		n.Sums = append(n.Sums, Sum{})
	}
	for ; n.Came < len(tables); n.Came, n.After = n.Came+1, nil {
		if err := pour(ctx, &tables[n.Came], &n, from, to, tell); err != nil {
			return fmt.Errorf("%s: %w", tables[n.Came].Name, err)
		}
	}
	for i := range tables {
		if err := check(ctx, &tables[i], n.Sums[i], to, tell); err != nil {
			return fmt.Errorf("%s: %w", tables[i].Name, err)
		}
	}
	return to.Arrive(ctx, Note{Move: n.Move, Role: Arrived, Other: n.Other, At: now})
}

// Back takes a move back that isn't over: from can be opened again. to is nil where it is lost.
func Back(ctx context.Context, from From, to To) error {
	n, err := from.Note(ctx)
	if err != nil {
		return err
	}
	if n.Role != Left {
		return fmt.Errorf("nothing was moved away from %s", from.Place())
	}
	if to != nil {
		other, err := to.Note(ctx)
		if err != nil {
			return err
		}
		if other.Move == n.Move && other.Role != Arriving {
			return fmt.Errorf("the move is over, and %s may have gone on since: move it from there to a new place instead", to.Place())
		}
	}
	return from.Stay(ctx)
}

// begin finds out how far a move is, or begins it. to is noted first: where from is left, there is always something that says how to go on.
func begin(ctx context.Context, from From, to To, now time.Time) (Note, error) {
	left, err := from.Note(ctx)
	if err != nil {
		return Note{}, err
	}
	n, err := to.Note(ctx)
	if err != nil {
		return Note{}, err
	}
	switch {
	case n.Role == Left:
		return n, errors.New(n.Refusal())
	case left.Role == Left && left.Move == n.Move:
		return n, nil // it goes on, or is over
	case left.Role == Left:
		return n, errors.New(left.Refusal())
	case n.Role == Arriving && (n.Came > 0 || n.After != nil):
		return n, fmt.Errorf("part of another move is in %s: empty it, or name a new place", to.Place())
	case n.Role != Arriving:
		if empty, err := to.Empty(ctx); err != nil {
			return n, err
		} else if !empty {
			return n, fmt.Errorf("there is something in %s: a town moves to a new place", to.Place())
		}
		var id [16]byte
		rand.Read(id[:])
		n = Note{Move: hex.EncodeToString(id[:]), Role: Arriving, Other: from.Place(), At: now}
		if err := to.Take(ctx, nil, nil, n); err != nil {
			return n, err
		}
	}
	return n, from.Leave(ctx, Note{Move: n.Move, Role: Left, Other: to.Place(), At: now})
}

// batch is some rows with the sum of all that came up to their end.
type batch struct {
	rows [][]byte
	all  []byte
	sum  Sum
}

// pour moves one table: a batch is read while the one before is written.
func pour(ctx context.Context, t *Table, n *Note, from From, to To, tell func(Progress)) error {
	there, err := from.Count(ctx, t)
	if err != nil {
		return err
	}
	sum := &n.Sums[n.Came]
	tell(Progress{Table: t.Name, Done: int64(sum.Rows), From: there})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	batches, read := make(chan *batch, 1), make(chan error, 1)
	go func() {
		defer close(batches)
		read <- fill(ctx, t, n.After, *sum, from, batches)
	}()
	for b := range batches {
		next := *n
		next.Sums = append([]Sum(nil), n.Sums...)
		next.Sums[n.Came] = b.sum
		if next.After, err = t.Position(b.rows[len(b.rows)-1]); err == nil {
			err = to.Take(ctx, t, b.rows, next)
		}
		if err != nil {
			stop()
			<-read
			return err
		}
		*n, sum = next, &next.Sums[n.Came]
		tell(Progress{Table: t.Name, Done: int64(sum.Rows), From: there})
	}
	if err := <-read; err != nil {
		return err
	}
	if int64(sum.Rows) != there {
		return fmt.Errorf("there are %d rows, and %d were read", there, sum.Rows)
	}
	return nil
}

// fill reads a table from a position on into batches.
func fill(ctx context.Context, t *Table, after []byte, sum Sum, from From, to chan<- *batch) error {
	b := &batch{}
	var ends []int
	send := func() error {
		begin := 0
		for _, end := range ends {
			b.rows = append(b.rows, b.all[begin:end:end])
			begin = end
		}
		b.sum = sum
		select {
		case to <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
		b, ends = &batch{all: make([]byte, 0, len(b.all))}, ends[:0] // the next is about as long
		return nil
	}
	err := from.Pour(ctx, t, after, func(row []byte) error {
		if err := sum.Add(t, row); err != nil {
			return err
		}
		b.all = append(b.all, row...)
		if ends = append(ends, len(b.all)); len(ends) < batchRows && len(b.all) < batchBytes {
			return nil
		}
		return send()
	})
	if err == nil && len(ends) > 0 {
		err = send()
	}
	return err
}

// tellEvery is how many rows are compared between two words of it.
const tellEvery = 50_000

// check reads what came, and compares it with what was poured.
func check(ctx context.Context, t *Table, want Sum, to To, tell func(Progress)) error {
	var got Sum
	say := func() { tell(Progress{Table: t.Name, Checking: true, Done: int64(got.Rows), From: int64(want.Rows)}) }
	say()
	if err := to.Pour(ctx, t, nil, func(row []byte) error {
		err := got.Add(t, row)
		if got.Rows%tellEvery == 0 {
			say()
		}
		return err
	}); err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("what came isn't what was sent (%d rows, and %d were): empty %s and begin anew", got.Rows, want.Rows, to.Place())
	}
	say()
	return nil
}
