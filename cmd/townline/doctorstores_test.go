package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/config"
	"github.com/townline/townline/store/postgres/pgtest"
)

// A new town in PostgreSQL needs no keys yet, a second server of one does; a standby is told from its primary, wherever it stands in the
// address, and so is what an older or a newer townline wrote.
func TestDoctorOnPostgres(t *testing.T) {
	primary, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(primary.Remove)
	p := examine(t)
	set := func(address string) {
		t.Setenv("TOWNLINE_STORE_URL", address)
		if p.d.settings(); p.d.c == nil {
			t.Fatal(p.d.findings)
		}
		p.c = p.d.c
	}
	file := filepath.Join(t.TempDir(), "keys")
	t.Setenv("TOWNLINE_STORE_KEY_FILE", file)
	set("postgres://town@" + free(t) + "/town?sslmode=disable")
	p.finds(false, "keys", "no key file")
	set(primary.Address())
	p.finds(false, "keys", "no keys yet")
	p.finds(false, "store", "is empty")
	p.town(nil)
	p.never("keys")
	p.never("store")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	p.finds(true, "keys", "nothing that is kept can be read")
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}

	standby, err := primary.Standby()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(standby.Remove)
	both := func(first, then string) string { return "postgres://town@/postgres?host=" + first + "," + then }
	for _, address := range []string{standby.Address(), standby.Address() + "&target_session_attrs=read-write"} {
		set(address)
		p.finds(true, "store", "is a standby")
	}
	set(both(standby.Dir, primary.Dir))
	p.never("store")

	conn, err := pgx.Connect(t.Context(), primary.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	set(primary.Address())
	for _, c := range []struct {
		change, words string
		wrong         bool
	}{
		{"UPDATE townline_schema SET version = version - 1", "this townline is newer", false},
		{"UPDATE townline_schema SET version = version + 5", "a newer townline has prepared", false}, // and says that this one may go on
		{"UPDATE townline_schema SET oldest = version", "written by a newer townline", true},
	} {
		if _, err := conn.Exec(t.Context(), c.change); err != nil {
			t.Fatal(err)
		}
		p.finds(c.wrong, "store", c.words)
	}
}

// What answers in Redis's place.
func TestDoctorOnOtherRedises(t *testing.T) {
	p := examine(t)
	first := startRedis(t)
	at, _ := url.Parse(first)
	locked := startRedis(t, "--requirepass", "word")
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	replica := startRedis(t, "--replicaof", at.Hostname()+" "+at.Port())
	for address, want := range map[string]string{
		replica: "is a replica",
		locked:  "doesn't know the password",
		"redis://:other@" + strings.TrimPrefix(locked, "redis://"): "doesn't know the password",
		"redis://" + strings.TrimPrefix(web.URL, "http://"):        "is no Redis",
	} {
		t.Setenv("TOWNLINE_REDIS_URL", address)
		f := p.finds(true, "redis", want)
		if strings.Contains(fmt.Sprint(f), "other") && !strings.Contains(f.Do, "other") {
			t.Errorf("a password is told: %+v", f)
		}
	}
	t.Setenv("TOWNLINE_REDIS_URL", first)
	p.never("redis")
}

// A setting that counts more than the file is told, and a server with another store than the command.
func TestDoctorOnWhatOverrulesTheFile(t *testing.T) {
	p := examine(t)
	file := filepath.Join(t.TempDir(), config.FileName)
	if err := os.WriteFile(file, []byte("store: {url: 'sqlite:elsewhere.db'}\nlog: {level: warn}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.d.cmd.Flags().Set("config", file); err != nil {
		t.Fatal(err)
	}
	f := p.finds(false, "settings", "store.url stands in townline.yaml:1, but what TOWNLINE_STORE_URL says counts")
	if strings.Contains(f.What, ".db") {
		t.Errorf("its value is told: %+v", f)
	}
	var out bytes.Buffer
	tellSources(p.d.c, slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	for _, want := range []string{"setting=store.url in=townline.yaml:1 counts=TOWNLINE_STORE_URL", "from=townline.yaml settings=log.level", "from=environment settings=\"listen store.url"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %s", want, &out)
		}
	}
	if strings.Contains(out.String(), ".db") {
		t.Errorf("a value is told: %s", &out)
	}
	t.Setenv("TOWNLINE_STORE_URL", "")
	p.finds(false, "settings", "A server runs here, and keeps nothing in ")
}
