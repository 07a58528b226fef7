package exchange

import (
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/postgres"
	"github.com/townline/townline/store/postgres/pgtest"
)

var onPostgres = flag.Bool("postgres", false, "run all that is tested on each store on a PostgreSQL server too, and not only some of it")

// always are tests that run on PostgreSQL whatever the flag says: together they write all that a turn can write.
var always = []string{"TestConversationLeavesARecord", "TestRepeatedMessageGetsTheSameReply", "TestRoll", "TestSecretBallotLeavesNoTraceInTheConversation",
	"TestSimilarRequestIsJoined", "TestTwoNumbersPutTogether", "TestATalkWithThePersonAtTheDesk", "TestStopOutlivesErasing", "TestReminderAfterADay", "TestPushedChannel",
	"TestMediaIsKeptWithItsTurn"}

var theServer *pgtest.Server // nil until a test asks for it

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if theServer != nil {
		theServer.Remove()
	}
	os.Exit(code)
}

// onPostgresToo says whether a test runs on PostgreSQL, and starts a server for the first that does.
func onPostgresToo(t *testing.T) bool {
	t.Helper()
	if !*onPostgres && !slices.Contains(always, t.Name()) {
		return false
	}
	if theServer == nil {
		var err error
		if theServer, err = pgtest.Start(); err != nil {
			t.Fatal(err)
		}
	}
	return true
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
