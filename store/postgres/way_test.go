package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store/postgres/pgtest"
)

// TestSafe: which addresses are refused before anybody is asked.
func TestSafe(t *testing.T) {
	for address, safely := range map[string]bool{
		"postgres://town@/town?host=/run/postgresql":                            true,
		"postgres://town@127.0.0.1/town?sslmode=disable":                        true,
		"postgres://town@[::1]/town?sslmode=prefer":                             true,
		"postgres://town@localhost/town?sslmode=disable":                        true,
		"postgres://town@db/town?sslmode=disable":                               true, // a container's name
		"postgres://town@10.0.0.7/town?sslmode=disable":                         true,
		"postgres://town@db.example.org/town?sslmode=verify-full":               true,
		"postgres://town@198.51.100.7/town?sslmode=verify-full":                 true,
		"postgres://town@db.example.org/town?sslmode=disable":                   false,
		"postgres://town@db.example.org/town?sslmode=allow":                     false,
		"postgres://town@db.example.org/town":                                   false, // prefer: in the clear where it is refused
		"postgres://town@db.example.org/town?sslmode=require":                   false, // encrypted, to whoever answers
		"postgres://town@198.51.100.7/town?sslmode=disable":                     false,
		"postgres://town@127.0.0.1,db2.example.org/town?sslmode=disable":        false,
		"postgres://town@db1.example.org,db2.example.org/t?sslmode=verify-full": true,
	} {
		c, err := pgx.ParseConfig(address)
		if err != nil {
			t.Fatal(address, err)
		}
		if err := safe(c); (err == nil) != safely {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := Open(t.Context(), "postgres://town:hush@db.example.org/town?sslmode=disable", testKeys(t)); err == nil || !strings.Contains(err.Error(), "sslmode=verify-full") ||
		strings.Contains(err.Error(), "hush") {
		t.Error(err)
	}
}

// TestEncrypted: with verify-full a server is believed whose certificate the named authority signed for its name, and no other.
func TestEncrypted(t *testing.T) {
	server, authority, err := pgtest.StartSecured()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Remove()
	_, stranger, err := pgtest.Certificate(t.TempDir(), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	at := server.Secured(authority)
	s := open(t, at)
	speak(t, s, 1)
	if sealed, err := there(t.Context(), s.pool, "SELECT 1 FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl"); err != nil || !sealed {
		t.Error("the connection isn't encrypted", err)
	}
	for _, other := range []string{server.Secured(stranger), strings.Replace(at, "127.0.0.1", "localhost", 1)} { // signed by another; for another name
		if s, err := Open(t.Context(), other, testKeys(t)); err == nil {
			s.Close()
			t.Errorf("%s was believed", other)
		}
	}
}
