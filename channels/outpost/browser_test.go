//go:build unix

package outpost

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// until waits for something that another process does.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for range 2000 {
		if so() {
			return
		}
		tick := time.NewTimer(10 * time.Millisecond)
		<-tick.C
	}
	t.Fatal("in vain: ", what)
}

// screens is a machine's pages, and the folder that browsers' profiles lie in.
func screens(t *testing.T, b *Browser) (asked func() []string) {
	t.Helper()
	var seen = make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := r.URL.Query().Get("screen"); name != "" {
			b.Shown(name)
			seen <- name
		}
		fmt.Fprint(w, "<!DOCTYPE html><title>page</title><h1>Hello")
	}))
	t.Cleanup(server.Close)
	b.URL, b.Dir = server.URL+"/", fast(t)
	var all []string
	return func() []string {
		for {
			select {
			case s := <-seen:
				all = append(all, s)
			default:
				return all
			}
		}
	}
}

func profiles(t *testing.T, b *Browser) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(b.Dir, "townline-screen-*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// keep runs a browser until the test ends, and checks that nothing of it is left then.
func keep(t *testing.T, b *Browser) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if left := profiles(t, b); len(left) > 0 {
			t.Error("left behind:", left)
		}
	})
}

func TestEachVisitorHasABrowserOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	script := filepath.Join(dir, "chromium")
	// It notes who it is and what it was told, asks for its page, leaves something in its profile, and has a child.
	text := `#!/bin/sh
for a; do case "$a" in --user-data-dir=*) profile="${a#*=}";; esac; last="$a"; done
echo "$$ $*" >>` + log + `
echo "what somebody said" >"$profile/History"
sleep 1000 & curl -s "$last" >/dev/null
wait
`
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	b := &Browser{Path: script, Scale: 1.476, Mic: true, Flags: []string{"--lang=en"}}
	asked := screens(t, b)
	stale := filepath.Join(b.Dir, "townline-screen-of-a-program-that-was-killed")
	if err := os.MkdirAll(filepath.Join(stale, "Default"), 0o700); err != nil {
		t.Fatal(err)
	}
	keep(t, b)
	started := func() (pids []int, said []string) {
		text, _ := os.ReadFile(log)
		for _, l := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			pid, flags, _ := strings.Cut(l, " ")
			if n, err := strconv.Atoi(pid); err == nil {
				pids, said = append(pids, n), append(said, flags)
			}
		}
		return pids, said
	}
	until(t, "the first browser", func() bool { return slices.Equal(asked(), []string{"1"}) })
	first := profiles(t, b)
	if len(first) != 1 || first[0] == stale {
		t.Fatal(first)
	}
	_, said := started()
	for _, flag := range []string{
		"--kiosk ", "--incognito ", "--user-data-dir=" + first[0], "--no-first-run ", "--autoplay-policy=no-user-gesture-required ",
		"--force-device-scale-factor=1.476 ", "--use-fake-ui-for-media-stream ", "--lang=en ", "EXCLUDE 127.0.0.1",
	} {
		if !strings.Contains(said[0], flag) {
			t.Errorf("without %q: %s", flag, said[0])
		}
	}
	if strings.Contains(said[0], "no-sandbox") {
		t.Error("without its sandbox")
	}
	dead := func(pid int) bool { return syscall.Kill(-pid, 0) != nil }

	b.Fresh()
	until(t, "a second browser", func() bool { return slices.Equal(asked(), []string{"1", "2"}) })
	until(t, "the end of the first", func() bool { pids, _ := started(); return dead(pids[0]) })
	until(t, "the end of its profile", func() bool { now := profiles(t, b); return len(now) == 1 && now[0] != first[0] })

	pids, _ := started()
	if err := syscall.Kill(-pids[1], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "another for the one that died", func() bool { return slices.Equal(asked(), []string{"1", "2", "3"}) })
	if now := profiles(t, b); len(now) != 1 {
		t.Error(now)
	}
}

// Two kiosks on one machine share the folder for profiles: neither removes the other's, whatever they are called.
func TestTwoKiosksOnOneMachine(t *testing.T) {
	dir := t.TempDir()
	names := []string{"library", "library-screen", "*", ""}
	made := map[string]string{}
	for _, name := range names {
		b := &Browser{Name: name, Dir: dir}
		for _, what := range []string{"screen", "paper", "slip"} {
			folder, err := os.MkdirTemp(dir, b.folder(what))
			if err != nil {
				t.Fatal(err)
			}
			made[folder] = name
		}
	}
	for _, name := range names {
		if err := (&Browser{Name: name, Dir: dir}).sweep(); err != nil {
			t.Fatal(err)
		}
		for folder, whose := range made {
			_, err := os.Stat(folder)
			if gone := err != nil; gone != (whose == name) {
				t.Errorf("%q swept: %s of %q is gone: %t", name, filepath.Base(folder), whose, gone)
			}
			if whose == name {
				delete(made, folder)
			}
		}
	}
}

// A browser that lives and shows nothing is replaced; one that shows its page is left alone.
func TestABrowserThatHangs(t *testing.T) {
	dir := t.TempDir()
	script, count := filepath.Join(dir, "chromium"), filepath.Join(dir, "count")
	text := `#!/bin/sh
echo >>` + count + `
for last; do :; done
if [ "$(wc -l <` + count + `)" -gt 2 ]; then curl -s "$last" >/dev/null; fi
sleep 1000
`
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	b := &Browser{Path: script, late: 300 * time.Millisecond}
	asked := screens(t, b)
	keep(t, b)
	begun := func() int {
		lines, _ := os.ReadFile(count)
		return len(lines)
	}
	until(t, "one that shows its page", func() bool { return len(asked()) > 0 })
	until(t, "the end of the others", func() bool { return len(profiles(t, b)) == 1 })
	n, shown := begun(), len(asked())
	if n < 3 {
		t.Error(n, "browsers")
	}
	b.Fresh() // and all goes on as ever
	until(t, "the next visitor's", func() bool { return begun() == n+1 && len(asked()) > shown })
}

func TestThereIsNoBrowser(t *testing.T) {
	b := &Browser{Path: "/nowhere/chromium", Dir: t.TempDir()}
	if err := b.Run(t.Context()); err == nil {
		t.Error("it runs all the same")
	}
	if left := profiles(t, b); len(left) > 0 {
		t.Error("left behind:", left)
	}
}

// A browser dies, and no other can be opened: that is told, and whoever watches over the program starts it anew.
func TestThereIsNoBrowserAnyMore(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "chromium")
	profiles := filepath.Join(dir, "profiles")
	if err := os.MkdirAll(profiles, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, []byte("#!/bin/sh\nrm -rf "+profiles+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	b := &Browser{Path: script, Dir: profiles}
	if err := b.Run(t.Context()); err == nil {
		t.Error("it runs all the same")
	}
}

// chromium is the real one, without a screen.
func chromium(t *testing.T) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("the browser is needed: install the package chromium:", err)
	}
	return &Browser{Path: path, Flags: []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"}}
}

func TestTheRealBrowser(t *testing.T) {
	b := chromium(t)
	asked := screens(t, b)
	keep(t, b)
	until(t, "the first browser", func() bool { return slices.Equal(asked(), []string{"1"}) })
	b.Fresh()
	until(t, "a second browser", func() bool { return slices.Equal(asked(), []string{"1", "2"}) })
	until(t, "the end of the first profile", func() bool { return len(profiles(t, b)) == 1 })
}
