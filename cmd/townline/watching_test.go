package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io/fs"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/townline/townline/config"
	watchfiles "github.com/townline/townline/config/watch"
)

var (
	typeLine = regexp.MustCompile(`(?m)^# TYPE (townline_\w+) (\w+)$`)
	rowLine  = regexp.MustCompile("(?m)^\\| `(townline_\\w+)` \\| (\\w+) \\| ([^|]*) \\|")
	sample   = regexp.MustCompile(`(?m)^(townline_\w+?)(?:_bucket|_sum|_count)?\{(.*)\} `)
	label    = regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)
)

// onEverything is a town with a line of each kind that has figures.
var onEverything = []string{
	"TOWNLINE_REDIS_URL=redis://127.0.0.1:1", "TOWNLINE_SMPP_OPERATORS=mtn host=127.0.0.1:1 system_id=town from=15001 ussd=standard texts=on", "TOWNLINE_SMPP_PASSWORDS=mtn=secret",
	"TOWNLINE_KIOSK_OUTPOSTS=library=0123456789abcdef0123456789abcdef", "TOWNLINE_USSD_GATEWAYS=plain", "TOWNLINE_USSD_SECRETS=plain=0123456789abcdef0123456789abcdef",
	"TOWNLINE_USSD_CODE=*384*123#", "TOWNLINE_WATCH_BACKUPS=.", "TOWNLINE_LIMITS_BUDGET=sms=5000 segments/day", "TOWNLINE_SMS_GATEWAY_SECRET=0123456789abcdef0123456789abcdef",
	"TOWNLINE_PREVIEW=on",
}

// Every figure is in the table of config/watch/README.md, and every line of the table is a figure, of the same kind and labels.
func TestFiguresAreThoseOfTheTable(t *testing.T) {
	p := newPlace(t)
	p.env = append(p.env, onEverything...)
	town := p.serve()
	town.text("+12025550101", "MEND")
	at := free(t)
	machine, err := launch(binary, t.TempDir(), append(slices.Clone(p.env), "TOWNLINE_KIOSK_OUTPOSTS=", "TOWNLINE_KIOSK_SECRET=0123456789abcdef0123456789abcdef"),
		"kiosk", "--kiosk-centre", town.url, "--kiosk-name", "library", "--kiosk-listen", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = machine.cmd.Process.Kill(); _ = machine.cmd.Wait() })
	machine.url, machine.t = "http://"+at, t

	table, err := fs.ReadFile(watchfiles.Files(), "README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, m := range rowLine.FindAllStringSubmatch(string(table), -1) {
		want[m[1]] = m[2]
	}
	surroundings := certified(t) + compared(t)
	var all string
	got := map[string]string{}
	for try := 0; ; try++ {
		_, ours := town.get("/metrics")
		_, theirs := machine.get("/metrics")
		all = ours + theirs + surroundings
		for _, m := range typeLine.FindAllStringSubmatch(all, -1) {
			got[m[1]] = m[2]
		}
		// The duty of timers is taken, and the kiosk heard of, a moment after both are open.
		if maps.Equal(got, want) || try == 100 {
			break
		}
		<-time.NewTimer(100 * time.Millisecond).C
	}
	for name, kind := range got {
		if want[name] != kind {
			t.Errorf("%s, a %s, is in the table as %q", name, kind, want[name])
		}
	}
	for name := range want {
		if got[name] == "" {
			t.Errorf("the table has %s, which nobody shows", name)
		}
	}
	labels := map[string]map[string]bool{}
	for _, m := range rowLine.FindAllStringSubmatch(string(table), -1) {
		labels[m[1]] = map[string]bool{"le": m[2] == "histogram"}
		for l := range strings.SplitSeq(m[3], ", ") {
			labels[m[1]][l] = true
		}
	}
	for _, m := range sample.FindAllStringSubmatch(all, -1) {
		of := labels[m[1]]
		if of == nil {
			continue // told above, or it ends like a part of a histogram
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			if !of[l[1]] {
				t.Errorf("%s has a label %q, which the table doesn't say", m[1], l[1])
			}
			if strings.Contains(l[2], "5550101") {
				t.Errorf("%s shows %s=%s", m[1], l[1], l[2])
			}
		}
	}
	_, ours := town.get("/metrics")
	_, theirs := machine.get("/metrics")
	for _, text := range []string{ours, theirs} {
		problems, err := promlint.New(strings.NewReader(text)).Lint()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if strings.HasPrefix(p.Metric, "townline_") {
				t.Errorf("%s: %s", p.Metric, p.Text)
			}
		}
	}
}

// certificate writes one that is good until a time.
func certificate(t *testing.T, until time.Time) (file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "town"}, NotAfter: until},
		&x509.Certificate{SerialNumber: big.NewInt(1)}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "town.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// certified is what the figures say of a certificate.
func certified(t *testing.T) string {
	ends := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	reg := prometheus.NewPedanticRegistry()
	if err := watchSurroundings(reg, &config.Config{Store: config.Store{Path: filepath.Join(t.TempDir(), "town.db")}, SIP: config.SIP{Cert: certificate(t, ends)}}, nil); err != nil {
		t.Fatal(err)
	}
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() == "townline_certificate_ends_timestamp_seconds" && f.GetMetric()[0].GetGauge().GetValue() == float64(ends.Unix()) {
			return "# HELP " + f.GetName() + " x\n# TYPE " + f.GetName() + " gauge\n" + f.GetName() + "{certificate=\"sip\"} 1\n"
		}
	}
	t.Error("the end of the certificate is not among the figures")
	return ""
}

func TestWatchWritesItsFiles(t *testing.T) {
	p := newPlace(t)
	p.run("", "watch", "alarms").must(t, 0, "alarms.yaml", "board.json", "README.md")
	for _, name := range []string{"alarms.yaml", "board.json", "prometheus.yaml", "README.md"} {
		if b, err := os.ReadFile(filepath.Join(p.dir, "alarms", name)); err != nil || len(b) < 200 {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	p.run("", "watch").must(t, 2)
}

// Of a copy there are three files; only the copy itself says how old it is.
func TestTheNewestBackup(t *testing.T) {
	dir := t.TempDir()
	day := time.Date(2026, 11, 2, 3, 4, 5, 0, time.UTC)
	for name, age := range map[string]int{"monday.db": 0, "sunday.db": -1, "monday.db.keys": 1, "monday.db" + asideEnding: 2, ".tuesday.db": 3} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte("copy"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, day, day.AddDate(0, 0, age)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := newestBackup(dir); err != nil || !got.Equal(day) {
		t.Errorf("%v %v", got, err)
	}
}
