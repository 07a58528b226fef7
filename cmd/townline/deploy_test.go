package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/townline/townline/config"
	"github.com/townline/townline/store"
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
	if strings.Contains(here, "\nProcSubset=pid") {
		t.Error("when the server started is reckoned by /proc/stat: the alarm ServerRestartsOften would never ring")
	}
	if said, _ := judge(strings.Replace(here, "ProtectHome=yes", "ProtectHouse=yes", 1)); !strings.Contains(said, "ProtectHouse") {
		t.Error("a directive that there is not passes")
	}
}

// commandsIn are the commands at the head of a file in config/deploy: comments that are set in.
func commandsIn(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(deploy + name)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for line := range strings.Lines(string(text)) {
		if command, ok := strings.CutPrefix(line, "#   "); ok {
			all.WriteString(command)
		}
	}
	return all.String()
}

func follow(t *testing.T, dir, commands string) {
	t.Helper()
	cmd := exec.Command("bash", "-euc", commands)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, commands)
	}
}

// What the unit's head says puts the settings where its user can read them, who is nobody that there was before, and the secrets where
// root alone can.
func TestDeployUnitIsInstalled(t *testing.T) {
	p := newPlace(t)
	for _, name := range []string{"townline", "townline.yaml", "townline.service"} {
		p.write(name, "")
	}
	root := filepath.Join(p.dir, "root")
	if err := errors.Join(os.MkdirAll(root+"/usr/local/bin", 0o755), os.MkdirAll(root+"/etc/systemd/system", 0o755)); err != nil {
		t.Fatal(err)
	}
	follow(t, p.dir, "umask 077\n"+strings.NewReplacer(" /usr/", " "+root+"/usr/", " /etc/", " "+root+"/etc/", "systemctl", "true").Replace(commandsIn(t, "townline.service")))
	for name, want := range map[string]os.FileMode{"/etc/townline": 0o755, "/etc/townline/townline.yaml": 0o644, "/etc/townline/secrets": 0o600, "/usr/local/bin/townline": 0o755, "/etc/systemd/system/townline.service": 0o644} {
		if info, err := os.Stat(root + name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// What the compose file's head says makes all that its servers read, as they read it.
func TestDeployComposeIsPrepared(t *testing.T) {
	dir := t.TempDir()
	commands := commandsIn(t, "compose.yaml")
	if os.Getuid() != 0 {
		commands = strings.ReplaceAll(commands, "chown ", "true ")
	}
	follow(t, dir, commands)
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	if _, err := store.LoadKeys(filepath.Join(dir, "secrets/keys"), ""); err != nil {
		t.Error(err)
	}
	if got, want := read("secrets/pgpass"), "postgres:5432:town:town:"+read("secrets/postgres"); got != want || len(want) < 60 {
		t.Errorf("%q, not %q", got, want)
	}
	var file struct {
		Town struct{ Environment map[string]string } `yaml:"x-town"`
	}
	text, err := os.ReadFile(deploy + "compose.yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &file)
	}
	if err != nil || len(file.Town.Environment) == 0 {
		t.Fatal("the servers have no settings", err)
	}
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "TOWNLINE_") {
			t.Setenv(name, "")
		}
	}
	for name, value := range file.Town.Environment {
		t.Setenv(name, value)
	}
	for line := range strings.Lines(read("town.env")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		t.Setenv(name, value)
	}
	if err := os.WriteFile(filepath.Join(dir, "town/townline.yaml"), []byte("public_url: https://talk.example.org\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Source{File: filepath.Join(dir, "town/townline.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Store.Postgres.IsSet() || !strings.Contains(c.Redis.Reveal(), read("secrets/redis")) || len(c.Proxies) != 1 || c.Nodes.Leave == 0 || filepath.IsAbs(c.Store.Path) {
		t.Errorf("%+v", c)
	}
	for name, value := range file.Town.Environment {
		if name == "TOWNLINE_PROXIES" && !strings.Contains(string(text), "ipv4_address: "+value) {
			t.Errorf("the balancer isn't at %s", value)
		}
	}
}

// Secrets that lie beside the compose file are no part of a container that is built, or of a commit.
func TestDeploySecretsStayOut(t *testing.T) {
	ignored, err := os.ReadFile("../../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config/deploy/secrets", "config/deploy/town.env", "config/deploy/town"} {
		if !strings.Contains(string(ignored), "\n"+name+"\n") {
			t.Errorf("%s goes into a container", name)
		}
		if out, err := exec.Command("git", "-C", "../..", "check-ignore", "--no-index", name+"/keys").CombinedOutput(); err != nil {
			t.Errorf("%s goes into a commit: %s", name, out)
		}
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
			TmpFS    []string `yaml:"tmpfs"`
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
		// What a town notes beside the database has to outlive its container.
		if town := strings.HasPrefix(name, "town"); town && !slices.ContainsFunc(s.Volumes, func(v string) bool { return v == name+":/data" }) || slices.ContainsFunc(s.TmpFS, func(f string) bool { return strings.HasPrefix(f, "/data") }) {
			t.Errorf("%s: what is kept in /data is lost, or shared: %v", name, s.Volumes)
		}
		for _, secret := range s.Secrets {
			if file.Secrets[secret]["file"] == "" {
				t.Errorf("%s wants a secret %s that there is not", name, secret)
			}
		}
	}
	var front struct {
		Networks struct {
			Front struct {
				IPAM struct {
					Config []struct {
						Subnet netip.Prefix
						Range  netip.Prefix `yaml:"ip_range"`
					}
				} `yaml:"ipam"`
			}
		}
		Services struct {
			Balancer struct {
				Networks struct {
					Front struct {
						Address netip.Addr `yaml:"ipv4_address"`
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &front); err != nil {
		t.Fatal(err)
	}
	// Addresses are given out from the first on, and the servers start before the balancer.
	at := front.Services.Balancer.Networks.Front.Address
	if ranges := front.Networks.Front.IPAM.Config; len(ranges) != 1 || !ranges[0].Range.IsValid() || ranges[0].Range.Contains(at) || !ranges[0].Subnet.Contains(at) {
		t.Errorf("another may have got the balancer's address %v before it: %+v", at, ranges)
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
