package postgres

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/postgres/pgtest"
)

// TestNobodyFollows: while the server waits for a standby that is gone, whoever claims is told that nobody knows whether they have, and isn't held
// for as long as that takes: a node that is asked to end can't wait for it.
func TestNobodyFollows(t *testing.T) {
	server, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(server.Dir)
	defer server.Stop(syscall.SIGQUIT)
	s := open(t, server.Address())
	m := store.Message{ID: [16]byte{1}, Channel: "sms", Kind: "tel", Due: noon, Body: []byte("words")}
	if o, err := s.Commit(t.Context(), &store.Change{Resident: store.Resident{1}, At: noon, State: []byte("state"), Outbox: []store.Message{m}}); err != nil || o.Kind != store.Applied {
		t.Fatal(o, err)
	}
	s.commitMost = 300 * time.Millisecond
	for _, query := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()"} {
		if _, err := s.pool.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(30 * time.Second)
	for waits := ""; waits != "nobody"; {
		if err := s.pool.QueryRow(t.Context(), "SELECT current_setting('synchronous_standby_names')").Scan(&waits); err != nil || time.Now().After(deadline) {
			t.Fatal("the server doesn't wait for anybody", err)
		}
	}
	if _, err := s.Claim(t.Context(), store.Want{Channels: []string{"sms"}, Class: 9, N: 1}, noon, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("claimed while nobody follows: %v", err)
	}
	for _, query := range []string{"ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"} {
		if _, err := s.pool.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	if again, err := s.Claim(t.Context(), store.Want{Channels: []string{"sms"}, Class: 9, N: 1}, noon, time.Minute); err != nil || len(again) != 0 {
		t.Errorf("claimed twice: %d, %v", len(again), err)
	}
}
