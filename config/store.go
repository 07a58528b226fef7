package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Store is where everything is kept.
type Store struct {
	Path     string // the SQLite file; with PostgreSQL, what lies beside the store is named as if there were one
	Postgres Secret // the address of a PostgreSQL database instead, which may have a password in it
	KeyFile  string
	Keys     Secret // the text of a key file, from the environment: no file is read or made then
}

// Place is the store in words for staff, without a password.
func (s Store) Place() string {
	if s.Postgres.IsSet() {
		return hidePassword(s.Postgres.Reveal())
	}
	return s.Path
}

// besideStore is what the files beside a store are named by that is no file itself.
const besideStore = "townline.db"

func inPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// hidePassword is an address of a database as it may be shown.
func hidePassword(address string) string {
	if !inPostgres(address) {
		return address
	}
	u, err := url.Parse(address)
	if err != nil {
		return "postgres:"
	}
	if q := u.Query(); q.Has("password") || q.Has("sslpassword") {
		q.Del("password")
		q.Del("sslpassword")
		u.RawQuery = q.Encode()
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	return u.String()
}

// farHost is the first host of an address that isn't this machine.
func farHost(u *url.URL) string {
	hosts := strings.Split(u.Host, ",")
	if u.Host == "" {
		hosts = strings.Split(u.Query().Get("host"), ",")
	}
	for _, h := range hosts {
		name := h
		if n, _, err := net.SplitHostPort(h); err == nil {
			name = n
		}
		ip := net.ParseIP(strings.Trim(name, "[]"))
		if name != "" && name != "localhost" && !strings.HasPrefix(name, "/") && (ip == nil || !ip.IsLoopback()) {
			return name
		}
	}
	return ""
}

// store reads where everything is kept.
func (r *reading) store(c *Config, s Setting, text string) {
	if !inPostgres(text) {
		kind, path, ok := strings.Cut(text, ":")
		if !ok || kind != "sqlite" || path == "" {
			if strings.Contains(text, "@") { // there may be a password in it
				text = kind + ":…"
			}
			r.wrong(s.Key, fmt.Sprintf("%q is not a place to keep things", text), "write sqlite: and a file, such as sqlite:town.db, or the address of a PostgreSQL database, such as postgres://town@db.example.org/town")
		}
		c.Store.Path = path
		return
	}
	c.Store.Postgres, c.Store.Path = NewSecret(text), besideStore
	if r.inFile(s) {
		c.Store.Path = filepath.Join(filepath.Dir(r.name), besideStore)
		if hidePassword(text) != text {
			r.wrong(s.Key, "a password may not be written here", "leave it out and set PGPASSWORD or PGPASSFILE, or set "+EnvName(s.Key)+" instead of this line")
		}
	}
	if u, err := url.Parse(text); err != nil || u.Host == "" && !u.Query().Has("host") || strings.Trim(u.Path, "/") == "" {
		r.wrong(s.Key, fmt.Sprintf("%q is not the address of a database", hidePassword(text)), "write it like postgres://town@db.example.org/town?sslmode=verify-full")
	} else if far := farHost(u); far != "" && !u.Query().Has("sslmode") && os.Getenv("PGSSLMODE") == "" {
		r.wrong(s.Key, "doesn't say whether the way to "+far+" is encrypted", "add sslmode=verify-full, or sslmode=disable where the way is safe by itself")
	}
}
