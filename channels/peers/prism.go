package peers

import (
	"bufio"
	"context"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Prism puts Prism between us and a fake Twilio, and returns its address: it answers 4xx to calls, and 500 to answers, that
// Twilio's own OpenAPI document does not allow.
func Prism(t testing.TB, upstream string) string {
	t.Helper()
	modules := NPM(t, "twilio")
	document := filepath.Join(t.TempDir(), "twilio.json")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cut := exec.CommandContext(ctx, "node", filepath.Join(CI(t), "twilio-openapi.js"), filepath.Join(modules, "@twilio/cli-core/src/services/twilio-api/twilio_api_v2010.json"), document)
	if out, err := cut.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	address := Closed(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("node", filepath.Join(modules, "@stoplight/prism-cli/dist/index.js"), "proxy", "-h", "127.0.0.1", "-p", port, "--errors", document, upstream)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = c.Stdout
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
	})
	late := time.AfterFunc(45*time.Second, func() { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) })
	defer late.Stop()
	var said []string
	for lines := bufio.NewScanner(out); ; {
		if !lines.Scan() {
			t.Fatalf("Prism did not start:\n%s", strings.Join(said, "\n"))
		}
		said = append(said, lines.Text())
		if strings.Contains(lines.Text(), "Prism is listening") {
			break
		}
	}
	go io.Copy(io.Discard, out)
	return "http://" + address
}
