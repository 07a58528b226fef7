package exchange

import (
	"context"

	"github.com/townline/townline/store"
)

// Leases give a resident's turn to one node at a time, as far as they can: store/redis does. They save a turn that would be stepped
// twice and promise nothing; what holds is the version in the store.
type Leases interface {
	// Lease waits for the turn, not for long, and returns what gives it back. It may not fail: without it, the turn goes on.
	Lease(ctx context.Context, resident [16]byte) (give func())
}

// share makes the turns of residents wait for other nodes too.
func (x *Exchange) share(l Leases) {
	if l != nil {
		x.residents.beside = func(ctx context.Context, r store.Resident) func() { return l.Lease(ctx, r) }
	}
}
