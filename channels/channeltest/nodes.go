package channeltest

import (
	"context"
	"flag"
	"testing"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/postgres"
	"github.com/townline/townline/store/postgres/pgtest"
	"github.com/townline/townline/store/redis/redistest"
)

var onPostgres = flag.Bool("postgres", false, "try adapters with a town of two nodes, on a PostgreSQL and a Redis server, and not on a file")

// nodesInTown is how many there are where a town isn't on a file: what comes in goes to one after the other, as a plain load balancer
// has it.
const nodesInTown = 2

// nodesPoll is ten times what the program has: each look is real work, and hours pass here.
const nodesPoll = 20 * time.Second

// servers are what a town of several nodes is on. They are outside of every bubble, and their time is the real one. While somebody
// in a bubble waits for them, the bubble's time stands still.
type servers struct {
	rows   *pgtest.Server
	leases []*redistest.Leases // a node each
}

// serve starts servers, for one test and all that is in it.
func serve(t *testing.T) *servers {
	t.Helper()
	rows, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rows.Remove)
	shared, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shared.Remove)
	nodes, err := shared.Join(nodesInTown)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, n := range nodes {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return &servers{rows, nodes}
}

// open is a store of one node, in the database at an address.
func (s *servers) open(b *bench, address string, keys *store.Keys) store.Store {
	b.Helper()
	kept, err := postgres.Open(context.Background(), address, keys)
	if err != nil {
		b.Fatal(err)
	}
	return kept
}
