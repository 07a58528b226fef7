package main

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestTalkAtTheDesk: a resident asks for a person by text, and a clerk answers at a terminal beside the running town.
func TestTalkAtTheDesk(t *testing.T) {
	p := newPlace(t)
	p.env = append(p.env, "TOWNLINE_TOWN_DESK_HOURS=Mon-Sun 0:00-24:00", "USER=root")
	p.run("", "desk", "list").must(t, 1, "no town is running here", "townline serve")
	r := p.serve()
	const phone = "+12025550101"
	p.run("", "desk", "list").must(t, 0, "Nobody waits.")
	r.text(phone, "FIX")
	if got := r.text(phone, "person"); !strings.Contains(got, "A person will answer you here soon") {
		t.Fatal(got)
	}
	id := regexp.MustCompile(`(?m)^[0-9a-f]{6}`).FindString(p.run("", "desk", "list").out)
	if id == "" {
		t.Fatal("nobody waits")
	}
	p.run("", "desk", "show", id).must(t, 0, "Report a street problem", "Who has it: nobody", "goes to them as a message", "They see:")
	p.run("", "desk", "take", id).must(t, 2, "residents read your name")
	p.run("quit\n", "desk").must(t, 2, "residents read your name")
	p.run("", "desk", "take", id, "--as", "Anna").must(t, 0, "It is yours.")
	p.run("", "desk", "say", id, "Mine!", "--as", "Bert").must(t, 1, "A colleague has this talk. Nothing was sent.")
	p.run("", "desk", "say", "zz", "Hello").must(t, 1, `there is no talk "zz"`)
	p.run("", "desk", "say", id).must(t, 2)
	typed := "help\nsay too early\nopen 1\nsay Good morning, which street?\nhum\n\nback One moment.\nlist\nquit\n"
	p.run(typed, "desk", "--as", "Anna").must(t, 0, "who waits", "open a talk first", "It is on its way.", "to say something, begin with: say", "It goes on without a person.", "Nobody waits.")
	p.run("", "requests", "list").must(t, 0, "closed")

	// The words that were said, and the question again.
	_, page := r.get("/preview/thread?from=" + url.QueryEscape(phone) + "&after=0")
	for _, want := range []string{"Anna: Good morning, which street?", "Anna: One moment.", "We go on: Report a street problem"} {
		if !strings.Contains(page, want) {
			t.Fatalf("no %q in %s", want, page)
		}
	}
	if logged := r.errs.String(); strings.Contains(logged, "Good morning") || strings.Contains(logged, phone) {
		t.Fatal("what was said is in the log")
	}
	if s, err := os.Stat(filepath.Join(p.dir, "townline.db.desk")); err != nil || s.Mode().Perm() != 0o600 {
		t.Fatal(s, err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "townline.db.desk")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("the socket stays:", err)
	}
}

// TestTheDesksSocketOutlivesAKill: the next town takes the place of one that was killed.
func TestTheDesksSocketOutlivesAKill(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	if err := r.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait()
	p.run("", "desk", "list").must(t, 1, "no town is running here")
	p.serve()
	p.run("", "desk", "list").must(t, 0, "Nobody waits.")
}

// TestAClerkWithAPassword: what "townline desk password" prints lets a clerk in on the page, and nobody else.
func TestAClerkWithAPassword(t *testing.T) {
	p := newPlace(t)
	p.run("short\n", "desk", "password").must(t, 1, "10 characters at least")
	made := p.run("open sesame, please\n", "desk", "password")
	made.must(t, 0, "argon2id:")
	hash := strings.TrimSpace(made.out)
	if strings.Contains(made.out+made.err, "sesame") {
		t.Fatal(made)
	}
	p.write("townline.yaml", "desk:\n  clerks: [Anna="+hash+"]\n")
	p.run("", "config").must(t, 0, "desk.clerks", "(hidden)")
	r := p.serve()
	if status, page := r.get("/desk"); status != http.StatusOK || !strings.Contains(page, "Log in") || strings.Contains(page, "Who waits") {
		t.Fatal(status, page) // on this very machine as well, once there are clerks
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	for _, c := range []struct {
		password string
		status   int
	}{{"open sesame, pleas", http.StatusForbidden}, {hash, http.StatusForbidden}, {"open sesame, please", http.StatusOK}} {
		resp, err := client.PostForm(r.url+"/desk/login", url.Values{"name": {"Anna"}, "password": {c.password}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Fatal(c.password, resp.StatusCode)
		}
	}
	p.write("townline.yaml", "desk:\n  clerks: [Anna=open sesame]\n")
	p.run("", "config").must(t, 1, "townline desk password")
}
