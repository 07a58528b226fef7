package channeltest

import (
	"bytes"
	"encoding/json"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestThePageOnAddingAChannel takes the code of channels/README.md as it stands there, lays it over the module, builds the program
// with it, and holds the example to the suite.
func TestThePageOnAddingAChannel(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "channels", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	whole, lines := 0, 0
	for _, code := range blocks(t, string(page)) {
		name, list, isLine := strings.Cut(code.name, ", in ")
		text := code.text
		if isLine {
			text = into(t, filepath.Join(root, name), list, text)
			lines++
		} else {
			if _, err := os.Stat(filepath.Join(root, name)); err == nil {
				t.Fatalf("%s is there already: the page's example needs another name", name)
			}
			whole++
		}
		if sound, err := format.Source([]byte(text)); err != nil || !isLine && string(sound) != text {
			t.Errorf("%s: gofmt would write it otherwise (%v)", name, err)
		}
		file := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(root, name)] = file
	}
	if whole != 3 || lines != 3 {
		t.Fatalf("the page has %d whole files and %d lines, want 3 and 3", whole, lines)
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	over := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(over, b, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(dir, name string, args ...string) {
		t.Helper()
		c := exec.Command(name, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
		}
	}
	test, program := filepath.Join(dir, "filedrop.test"), filepath.Join(dir, "townline")
	run(root, "go", "test", "-c", "-vet=off", "-overlay", over, "-o", test, "./channels/filedrop")
	run(dir, test, "-test.run", "Conforms")
	run(root, "go", "build", "-overlay", over, "-o", program, "./cmd/townline")
	answers(t, dir, program)
}

// answers starts the program and lays a text there.
func answers(t *testing.T, dir, program string) {
	t.Helper()
	texts := filepath.Join(dir, "texts")
	if err := os.MkdirAll(filepath.Join(texts, "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(texts, "in", "17.txt"), []byte("+12025550101\nMAIN"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	serve := exec.CommandContext(t.Context(), program, "serve", "--listen", "127.0.0.1:0")
	serve.Dir, serve.Stdout, serve.Stderr = dir, &said, &said
	serve.Env = append(os.Environ(), "TOWNLINE_FILEDROP_FOLDER="+texts, "TOWNLINE_AUDIO_VOICES=")
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = serve.Process.Signal(os.Interrupt)
		if err := serve.Wait(); err != nil || t.Failed() {
			t.Errorf("the program ended with %v and said\n%s", err, said.String())
		}
	}()
	look, out := time.NewTicker(50*time.Millisecond), filepath.Join(texts, "out", "17-1.txt")
	defer look.Stop()
	for until := time.After(30 * time.Second); ; {
		select {
		case <-look.C:
			b, err := os.ReadFile(out)
			if err != nil {
				continue
			}
			if !strings.HasPrefix(string(b), "+12025550101\n") || !strings.Contains(string(b), "Main Street") {
				t.Errorf("the town answers %q", b)
			}
			return
		case <-until:
			t.Error("the town doesn't answer")
			return
		}
	}
}

// block is a piece of code on a page. name is its first line.
type block struct{ name, text string }

func blocks(t *testing.T, page string) (all []block) {
	t.Helper()
	_, rest, ok := strings.Cut(page, "\n## Add a channel in an afternoon\n")
	if !ok {
		t.Fatal("the page doesn't say how to add a channel")
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	for {
		_, after, ok := strings.Cut(rest, "\n```go\n// ")
		if !ok {
			return all
		}
		code, then, ok := strings.Cut(after, "\n```\n")
		if !ok {
			t.Fatal("a piece of code has no end")
		}
		name, text, _ := strings.Cut(code, "\n")
		all = append(all, block{name, strings.TrimPrefix(text, "\n") + "\n"})
		rest = then
	}
}

// into puts a line at the end of a list in a file: "ways" is the list that ways() returns, or that arrows is.
func into(t *testing.T, file, list, line string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, one := range []struct{ from, to string }{{"\nfunc " + list + "(", "\n\t}\n}\n"}, {"\nvar " + list + " = ", "\n}\n"}} {
		if begin := strings.Index(text, one.from); begin >= 0 {
			end := begin + strings.Index(text[begin:], one.to) + 1
			return text[:end] + strings.TrimRight(line, "\n") + "\n" + text[end:]
		}
	}
	t.Fatalf("there is no list %q in %s", list, file)
	return ""
}
