// Package peers finds the programs that tests hold us against. Where one is missing a test fails and says what to install: it is
// never passed over. Only tests import it.
package peers

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Program finds one of a Debian package by any of its names.
func Program(t testing.TB, pack string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is not here: run .ci/run, or install the package %s", names[0], pack)
	return ""
}

// NPM is the folder with the peers that are written for Node; pack is the one that the test needs.
func NPM(t testing.TB, pack string) string {
	t.Helper()
	dir := os.Getenv("TOWNLINE_NPM")
	if dir == "" {
		dir = filepath.Join(CI(t), "npm", "node_modules")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, pack, "package.json")); err != nil {
		t.Fatalf("npm's %s is missing in %s: run .ci/run, or npm ci --prefix .ci/npm", pack, dir)
	}
	return dir
}

// CI is the folder of what only tests need.
func CI(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, ".ci")
		}
	}
	t.Fatal("this test doesn't run in the module's folder")
	return ""
}

// Closed is an address of this machine's on which nobody listens.
func Closed(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
