package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v4"
)

const deploy = "../../config/deploy/"

// command is a program that a test can't do without.
func command(t *testing.T, name, from string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is needed: install the package %s", name, from)
	}
	return path
}

// The unit is one that systemd reads without a word, and that leaves a service next to nothing to do but its work.
func TestDeployUnit(t *testing.T) {
	analyze := command(t, "systemd-analyze", "systemd")
	text, err := os.ReadFile(deploy + "townline.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "townline.service")
	here := strings.ReplaceAll(string(text), "/usr/local/bin/townline", binary)
	judge := func(text string) (said string, exposure float64) {
		if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		verify, _ := exec.Command(analyze, "verify", unit).CombinedOutput()
		out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", unit).CombinedOutput()
		m := regexp.MustCompile(`Overall exposure level for townline.service: ([0-9.]+)`).FindSubmatch(out)
		if m == nil {
			t.Fatalf("%v %s", err, out)
		}
		exposure, _ = strconv.ParseFloat(string(m[1]), 64)
		return string(verify), exposure
	}
	said, exposure := judge(here)
	if strings.Contains(said, "townline.service") {
		t.Errorf("systemd says: %s", said)
	}
	if exposure > 1.5 {
		t.Errorf("the exposure is %v of 10", exposure)
	}
	t.Logf("exposure %v of 10", exposure)
	if said, _ := judge(strings.Replace(here, "ProtectHome=yes", "ProtectHouse=yes", 1)); !strings.Contains(said, "ProtectHouse") {
		t.Error("a directive that there is not passes")
	}
}

// The compose file has no secret in it, and no server in it may do more than the container promises.
func TestDeployCompose(t *testing.T) {
	text, err := os.ReadFile(deploy + "compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image    string
			ReadOnly bool     `yaml:"read_only"`
			CapDrop  []string `yaml:"cap_drop"`
			Security []string `yaml:"security_opt"`
			Networks any
			Ports    []string
			Volumes  []string
			Secrets  []string
		}
		Secrets  map[string]map[string]string
		Networks map[string]map[string]any
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"town1", "town2", "balancer", "postgres", "redis"} {
		s, ok := file.Services[name]
		if !ok || s.Image == "" {
			t.Errorf("there is no %s", name)
		}
		if len(s.Security) != 1 || s.Security[0] != "no-new-privileges:true" {
			t.Errorf("%s may get new privileges", name)
		}
		if name != "postgres" && (!s.ReadOnly || len(s.CapDrop) != 1) {
			t.Errorf("%s may write, or do more than it has to", name)
		}
		if (len(s.Ports) > 0) != (name == "balancer") {
			t.Errorf("%s: ports %v", name, s.Ports)
		}
		for _, secret := range s.Secrets {
			if file.Secrets[secret]["file"] == "" {
				t.Errorf("%s wants a secret %s that there is not", name, secret)
			}
		}
	}
	if file.Networks["inner"]["internal"] != true {
		t.Error("the stores can be reached from outside")
	}
	for _, line := range strings.Split(string(text), "\n") {
		if m := regexp.MustCompile(`(?i)password[^:]*:\s*(\S+)`).FindStringSubmatch(line); m != nil && !strings.HasPrefix(m[1], "/run/secrets/") && !strings.HasPrefix(line, "#") {
			t.Errorf("a password stands in it: %s", line)
		}
	}
}

var static = flag.Bool("static", false, "TestAlone builds the program as containers have it, and gives it a root with nothing else in it")

// aloneIn starts a program without privileges, in a root that can't be written but for one folder.
const aloneIn = `set -e
root=$1; data=$2; shift 2
mount --make-rprivate /
[ "$root" = / ] || mount --bind "$root" "$root"
mount --bind "$data" "$data"
mount -o remount,bind,ro "$root"
if touch "$(dirname "$data")/written" 2>/dev/null; then echo "the root can be written" >&2; exit 1; fi
exec setpriv --no-new-privs "$@"`

// The program needs one folder that it may write, and nothing else: as a user that is nobody, without privileges, it takes a message,
// keeps it there, and closes in order.
func TestAlone(t *testing.T) {
	unshare := command(t, "unshare", "util-linux")
	command(t, "setpriv", "util-linux")
	dir, err := os.MkdirTemp("", "alone") // nobody may walk into a test's own folder
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	data, program := filepath.Join(dir, "data"), filepath.Join(dir, "townline")
	if err := errors.Join(os.Mkdir(data, 0o777), os.Chmod(data, 0o777), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	root, inside, kept := "/", program, data
	make := exec.Command("cp", binary, program)
	if *static {
		root, inside, kept = dir, "/townline", "/data"
		make = exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
		make.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	args := []string{"--mount", "sh", "-c", aloneIn, "sh", root, data, "chroot", "--userspec=65532:65532", "--groups=", root}
	if os.Getuid() != 0 { // then it is nobody as it is
		args = []string{"--user", "--map-root-user", "--mount", "sh", "-c", aloneIn, "sh", root, data, "chroot", root}
	}
	cmd := exec.CommandContext(t.Context(), unshare, append(args, inside, "serve", "--listen", "127.0.0.1:0", "--preview", "off")...)
	cmd.Env = []string{"TOWNLINE_STORE_URL=sqlite:" + kept + "/townline.db", "TOWNLINE_SMS_KANNEL_SECRET=0123456789abcdef", "PATH=" + os.Getenv("PATH")}
	cmd.Dir = "/"
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	where := regexp.MustCompile(`http://[0-9.:]+`).FindString(line)
	if err != nil || where == "" {
		_ = cmd.Wait()
		t.Fatalf("it does not open: %v %q\n%s", err, line, errs.String())
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoNewPrivs:\t1\n", "Uid:\t65532\t65532\t65532\t65532\n", "CapEff:\t0000000000000000\n"} {
		if os.Getuid() == 0 && !bytes.Contains(status, []byte(want)) {
			t.Errorf("its status has no %q:\n%s", want, status)
		}
	}
	resp, err := http.Get(where + "/sms/kannel?key=0123456789abcdef&id=1&from=%2B14155550100&text=MAIN")
	if err != nil {
		t.Fatal(err)
	}
	reply, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || len(reply) < 20 {
		t.Errorf("%s %q %v", resp.Status, reply, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, lines)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, errs.String())
	}
	files, err := os.ReadDir(data)
	if err != nil || len(files) < 2 {
		t.Errorf("it kept %v %v", files, err)
	}
}
