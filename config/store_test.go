package config

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestPostgresAddress(t *testing.T) {
	for address, shown := range map[string]string{
		"postgres://town:hush@db.example.org:5432/town?sslmode=verify-full": "postgres://town@db.example.org:5432/town?sslmode=verify-full",
		"postgres://town@a,b/town?sslmode=require":                          "postgres://town@a,b/town?sslmode=require",
		"postgres://town@localhost:5432,127.0.0.1:5433/town":                "postgres://town@localhost:5432,127.0.0.1:5433/town",
		"postgresql:///town?host=/run/postgresql&password=hush":             "postgresql:///town?host=%2Frun%2Fpostgresql",
	} {
		t.Setenv("TOWNLINE_STORE_URL", address)
		c, err := Load(Source{File: write(t, "town: {name: A, timezone: UTC}\n")})
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if c.Store.Postgres.Reveal() != address || c.Store.Place() != shown || filepath.Base(c.Store.Path) != besideStore {
			t.Errorf("%s: place %s, beside it %s", address, c.Store.Place(), c.Store.Path)
		}
		for _, v := range c.Values {
			if strings.Contains(v.Text, "hush") {
				t.Errorf("%s shows a password: %s", v.Key, v.Text)
			}
		}
	}
}
