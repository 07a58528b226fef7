package exchange

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/postgres"
	"github.com/townline/townline/store/postgres/pgtest"
	"github.com/townline/townline/store/redis/redistest"
)

var onPostgres = flag.Bool("postgres", false, "have every town on a PostgreSQL and a Redis server that would be on a store in memory or in a file, and not only some of them")

// always are tests that run on PostgreSQL whatever the flag says: together they write all that a turn can write.
var always = []string{"TestConversationLeavesARecord", "TestRepeatedMessageGetsTheSameReply", "TestRoll", "TestSecretBallotLeavesNoTraceInTheConversation",
	"TestSimilarRequestIsJoined", "TestTwoNumbersPutTogether", "TestATalkWithThePersonAtTheDesk", "TestStopOutlivesErasing", "TestReminderAfterADay", "TestPushedChannel",
	"TestMediaIsKeptWithItsTurn"}

// simulated are tests whose towns share a store in memory whatever the flag says: a town on a server each would only be made and left.
var simulated = []string{"TestNodesSimulation", "TestMergeSimulation"}

// What towns on servers are on; nil until a test asks for it. It is outside of every bubble of time: while somebody in one waits for
// it, their time stands still.
var (
	theServer *pgtest.Server
	theRedis  *redistest.Server
	theNodes  []*redistest.Leases // the towns' own, and another: one that is alone asks for no lease
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := 1
	if err := serveAll(*onPostgres); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	for _, n := range theNodes {
		if err := n.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if theRedis != nil {
		theRedis.Remove()
	}
	if theServer != nil {
		theServer.Remove()
	}
	os.Exit(code)
}

// serveAll starts the servers, where they are wanted and don't run yet.
func serveAll(wanted bool) (err error) {
	if !wanted || theNodes != nil {
		return nil
	}
	if theServer, err = pgtest.Start(); err != nil {
		return err
	}
	if theRedis, err = redistest.Start(); err != nil {
		return err
	}
	theNodes, err = theRedis.Join(2)
	return err
}

func startServers(t *testing.T) {
	t.Helper()
	if err := serveAll(true); err != nil {
		t.Fatal(err)
	}
}

func inPostgres(t testing.TB) store.Store {
	t.Helper()
	keys, err := store.LoadKeys(t.TempDir()+"/town.keys", "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), theServer.Empty(t), keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
