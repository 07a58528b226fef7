package telegram

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// example is a block of README.md, by the name in the comment before it.
func example(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "<!-- "+name+" -->\n```sh\n")
	if !ok {
		t.Fatalf("README.md has no %s", name)
	}
	block, _, _ := strings.Cut(rest, "```\n")
	return block
}

func shell(t *testing.T, script string, env ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	c.Env = append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v (curl and openssl are needed: install their packages)\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestCommandsOfTheREADME(t *testing.T) {
	f := newFake(t)
	if got := shell(t, example(t, "check.sh"), "TOWNLINE_TELEGRAM_API="+f.URL, "TOWNLINE_TELEGRAM_TOKEN="+token, "NO_PROXY=*"); !strings.Contains(got, `"username":"ElmwoodBot"`) {
		t.Errorf("getMe: %s", got)
	}
	if made := shell(t, example(t, "secret.sh")); !secretShape.MatchString(made) {
		t.Errorf("the secret %q is none that will do", made)
	}
}

// What README.md lists as the command menu is the command menu.
func TestCommandMenuOfTheREADME(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := regexp.MustCompile(`(?m)^\| (?:` + "`/[a-z]+` ?" + `){2,}\|`).FindString(string(b))
	var all []string
	for _, c := range menuCommands {
		all = append(all, "`/"+c.name+"`")
	}
	if want := "| " + strings.Join(all, " ") + " |"; listed != want {
		t.Errorf("listed %s, want %s", listed, want)
	}
}
