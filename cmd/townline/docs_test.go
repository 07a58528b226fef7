package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// shBlocks finds what stands between ```sh and ``` in a document.
var shBlocks = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// preamble makes the documents' commands fit for a test: the server runs in the background and is waited for; it is built
// already; the whole test suite isn't run within itself, but its recipe must be there.
const preamble = `
serving= standing=
over() { if [ -n "$serving" ]; then kill $serving 2>/dev/null; wait $serving 2>/dev/null; fi; serving=; }
trap 'over; if [ -n "$standing" ]; then kill $standing 2>/dev/null; wait $standing 2>/dev/null; fi' EXIT
open() {
  over
  command townline "$@" & serving=$!
  for try in $(seq 100); do curl -fs "http://$LISTEN/readyz" >/dev/null && return; sleep 0.1; done
  echo "it did not open"; exit 1
}
stand() {
  command townline "$@" & standing=$!
  for try in $(seq 100); do curl -fs "http://$TOWNLINE_KIOSK_LISTEN/readyz" >/dev/null && return; sleep 0.1; done
  echo "the kiosk did not open"; exit 1
}
townline() { case "$1" in serve) open "$@";; kiosk) stand "$@";; *) command townline "$@";; esac; }
go() {
  [ "$*" = "run ./cmd/townline serve" ] || { echo "go $*?"; exit 1; }
  (cd "$REPO" && command go vet ./cmd/townline)
  open serve
}
make() { command make -C "$REPO" -n "$@" >/dev/null; }
`

// documents calls yield for each Markdown file of the repository.
func documents(t *testing.T, yield func(repo, name string, text []byte)) {
	t.Helper()
	repo, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(repo, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		if entry.IsDir() || filepath.Ext(file) != ".md" {
			return nil
		}
		text, err := os.ReadFile(file)
		name, _ := filepath.Rel(repo, file)
		yield(repo, name, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// links finds what documents point to within the repository.
var links = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)

func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	found := 0
	documents(t, func(repo, name string, text []byte) {
		for _, link := range links.FindAllSubmatch(text, -1) {
			found++
			if _, err := os.Stat(filepath.Join(repo, filepath.Dir(name), string(link[1]))); err != nil {
				t.Errorf("%s points to %s, which is not there", name, link[1])
			}
		}
	})
	if found < 5 {
		t.Errorf("only %d links were found", found)
	}
}

// TestCommandsInDocuments runs every command of every document, in the order in which they stand, each document in a
// folder of its own. Those of channels/sms and channels/telegram are run by those packages, against a gateway and a Bot API.
func TestCommandsInDocuments(t *testing.T) {
	found, elsewhere := 0, []string{"channels/sms", "channels/telegram"}
	documents(t, func(repo, name string, text []byte) {
		blocks := shBlocks.FindAllSubmatch(text, -1)
		if len(blocks) == 0 || slices.Contains(elsewhere, filepath.ToSlash(filepath.Dir(name))) {
			return
		}
		found += len(blocks)
		t.Run(name, func(t *testing.T) { runDocument(t, repo, blocks) })
	})
	if found < 5 {
		t.Errorf("only %d blocks of commands were found", found)
	}
}

func runDocument(t *testing.T, repo string, blocks [][][]byte) {
	listen, screen := free(t), free(t)
	var script strings.Builder
	script.WriteString("set -eu\n" + preamble)
	for _, b := range blocks {
		script.WriteString("set -x\n" + strings.NewReplacer("127.0.0.1:8080", listen, "127.0.0.1:8090", screen).Replace(string(b[1])) + "\nset +x\n")
	}
	p := newPlace(t)
	ctx, done := context.WithTimeout(t.Context(), 3*time.Minute)
	defer done()
	cmd := exec.CommandContext(ctx, "bash", "-c", script.String())
	cmd.Dir = p.dir
	cmd.Env = append(p.env, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "REPO="+repo, "LISTEN="+listen, "TOWNLINE_LISTEN="+listen, "TOWNLINE_KIOSK_LISTEN="+screen)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestDocumentsFailWhenACommandDoes keeps the test above from passing whatever stands in a document.
func TestDocumentsFailWhenACommandDoes(t *testing.T) {
	if blocks := shBlocks.FindAllStringSubmatch("words\n```sh\ntownline chek\n```\n", -1); len(blocks) != 1 || blocks[0][1] != "townline chek\n" {
		t.Fatalf("found %q", blocks)
	}
	cmd := exec.Command("bash", "-c", "set -eu\n"+preamble+"townline chek\ntrue\n")
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	if cmd.Run() == nil {
		t.Error("a command that fails is passed over")
	}
}
