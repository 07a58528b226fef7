package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"html"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

var outages = flag.Int("outages", 8, "how often TestKioskKilledInUse kills the machine, and as often the centre")

const kioskSecret = "0123456789abcdef0123456789abcdef"

// guest is somebody at the machine, with a browser that knows nothing but forms.
type guest struct {
	tr     *traffic
	chance *rand.Rand
	client *http.Client
	page   string
	at     string            // where its pages are; "": /kiosk of the town
	way    http.RoundTripper // to them; nil: as any
}

var (
	hiddenToken = regexp.MustCompile(`name="token" value="([^"]*)"`)
	anyTag      = regexp.MustCompile(`(?s)<style.*?</style>|<script.*?</script>|<[^>]*>`)
)

// ask sends one request until there is an answer, as the page's script does.
func (g *guest) ask(send func() (*http.Response, error)) bool {
	for !g.tr.broken.Load() {
		resp, err := send()
		if err == nil {
			b, bad := io.ReadAll(resp.Body)
			resp.Body.Close()
			if bad == nil && resp.StatusCode == http.StatusOK {
				g.page = string(b)
				g.tr.answers.Add(1)
				return true
			}
		}
		g.tr.retries.Add(1)
		pause := time.NewTimer(time.Duration(5+g.chance.IntN(40)) * time.Millisecond)
		<-pause.C
	}
	return false
}

func (g *guest) open() bool {
	jar, _ := cookiejar.New(nil)
	g.client = &http.Client{Jar: jar, Timeout: 10 * time.Second, Transport: g.way}
	if g.at == "" {
		g.at = g.tr.url + "/kiosk"
	}
	return g.ask(func() (*http.Response, error) { return g.client.Get(g.at) })
}

// press sends the form that is on show, now and then twice.
func (g *guest) press(do string, more ...string) bool {
	token := hiddenToken.FindStringSubmatch(g.page)
	if token == nil {
		g.tr.say("a page without a form: %s", g.text())
		return false
	}
	form := url.Values{"token": {token[1]}, "do": {do}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	send := func() (*http.Response, error) { return g.client.PostForm(g.at, form) }
	if g.chance.IntN(5) == 0 {
		g.tr.repeats.Add(1)
		if resp, err := send(); err == nil {
			resp.Body.Close()
		}
	}
	return g.ask(send)
}

func (g *guest) text() string {
	return strings.Join(strings.Fields(html.UnescapeString(anyTag.ReplaceAllString(g.page, " "))), " ")
}

// live answers the dialog again and again until traffic stops.
func (g *guest) live(who string) {
	for n := 1; !g.tr.stop.Load(); n++ {
		name := fmt.Sprintf("%s-%d", who, n)
		if !g.open() {
			return
		}
		for _, turn := range [...][]string{
			{"", "begin"}, {"What is the first word?", "next", "o", "1"}, {"What is the second word?", "next", "t", name + "-a"},
			{"What is the third word?", "next", "t", name + "-b"}, {"May the town keep these words?", "next", "t", name + "-c"},
			{"Your receipt is", "next", "o", "1"}, {"", "over"},
		} {
			if !g.press(turn[1], turn[2:]...) {
				return
			}
			if !strings.Contains(g.text(), turn[0]) {
				g.tr.say("%s: after %q it said %q, not %q", name, turn[1:], g.text(), turn[0])
				return
			}
			if turn[0] == "Your receipt is" {
				g.tr.mu.Lock()
				g.tr.done[name] = true
				g.tr.mu.Unlock()
			}
		}
		if strings.Contains(g.page, `value="over.yes"`) && !g.press("over.yes") {
			return
		}
	}
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestKioskKilledInUse kills the machine's townline and the centre's, again and again, while people answer at the machine.
// Whatever they were given a receipt for is on record at the centre, once.
func TestKioskKilledInUse(t *testing.T) {
	begun := time.Now()
	p := newPlace(t)
	p.write("dialogs/crash.yaml", crashDialog)
	p.write("townline.yaml", "dialogs: dialogs\ntown: {name: Elmwood, timezone: UTC}\nstore: {url: 'sqlite:town.db', key_file: town.key}\nlog: {level: error}\n")
	env := append(p.env, "TOWNLINE_KIOSK_OUTPOSTS=library="+kioskSecret, "TOWNLINE_KIOSK_SECRET="+kioskSecret)
	at, screen := free(t), free(t)
	up := func(command string, args ...string) *running {
		t.Helper()
		r, err := launch(binary, p.dir, env, command, args...)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	serve := func() *running { return up("serve", "--listen", at) }
	kiosk := func() *running {
		return up("kiosk", "--kiosk-centre", "http://"+at, "--kiosk-name", "library", "--kiosk-listen", screen, "--kiosk-dir", "machine")
	}
	centre, machine := serve(), kiosk()
	tr := &traffic{url: "http://" + screen, done: map[string]bool{}}
	var all sync.WaitGroup
	for i := range 6 {
		g := &guest{tr: tr, chance: rand.New(rand.NewPCG(uint64(i), 2))}
		all.Go(func() { g.live(fmt.Sprint("guest", i)) })
	}
	chance := rand.New(rand.NewPCG(9, 9))
	rest := func(most int) {
		life := time.NewTimer(time.Duration(chance.IntN(most)) * time.Millisecond)
		<-life.C
	}
	for range *outages {
		for before := tr.answers.Load(); tr.answers.Load() < before+5 && !tr.broken.Load(); {
			rest(20)
		}
		rest(500)
		_ = machine.cmd.Process.Kill()
		_ = machine.cmd.Wait()
		if chance.IntN(2) == 0 {
			_ = centre.cmd.Process.Kill()
			_ = centre.cmd.Wait()
			machine = kiosk() // it works alone
			rest(800)
			centre = serve()
		} else {
			machine = kiosk()
		}
	}
	tr.stop.Store(true)
	all.Wait()
	plain(t, filepath.Join(p.dir, "machine"), "guest")
	// Asked to end and begun again, it forwards the rest.
	if err := machine.stop(); err != nil {
		t.Errorf("the machine ended with %v: %s", err, machine.errs)
	}
	machine = kiosk()
	for waits := true; waits; rest(100) {
		if time.Since(begun) > 4*time.Minute {
			t.Fatalf("answers never reach the centre: %s", machine.errs)
		}
		m := get(t, "http://"+screen+"/metrics")
		waits = !strings.Contains(m, `townline_outpost_queue_turns{outpost="library"} 0`) || !strings.Contains(m, "townline_outpost_up 1")
	}
	if got := get(t, "http://"+at+"/metrics"); !strings.Contains(got, "townline_outpost_aside 0") {
		t.Error("something was put aside")
	}
	for _, r := range []*running{machine, centre} {
		if err := r.stop(); err != nil {
			t.Errorf("asked to end, it ended with %v: %s", err, r.errs)
		}
	}
	tr.compare(t, p.dir)
	for _, w := range tr.wrong {
		t.Error(w)
	}
	if len(tr.done) < 6 || tr.retries.Load() == 0 {
		t.Errorf("too little traffic to tell: %d visits, %d retries", len(tr.done), tr.retries.Load())
	}
	t.Logf("%d visits, %d pages, %d tried again, %d sent twice; %s", len(tr.done), tr.answers.Load(), tr.retries.Load(), tr.repeats.Load(), time.Since(begun).Round(time.Second))
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

// plain looks for words in a folder's files.
func plain(t *testing.T, dir string, words ...string) {
	t.Helper()
	looked := 0
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		for _, w := range words {
			if bytes.Contains(b, []byte(w)) {
				t.Errorf("%s tells %q", name, w)
			}
		}
		looked += len(b)
		return err
	})
	if err != nil || looked == 0 {
		t.Error("nothing to look at:", errors.Join(err))
	}
}

// The browser of a visit that is over goes, with its profile, and there is a new one; what was answered is forwarded.
func TestTheVisitEndsWithItsBrowser(t *testing.T) {
	p := newPlace(t)
	p.write("dialogs/crash.yaml", crashDialog)
	p.write("townline.yaml", "dialogs: dialogs\ntown: {name: Elmwood, timezone: UTC}\nstore: {url: 'sqlite:town.db', key_file: town.key}\n")
	profiles := filepath.Join(p.dir, "profiles")
	if err := os.Mkdir(profiles, 0o700); err != nil {
		t.Fatal(err)
	}
	browser := filepath.Join(p.dir, "chromium")
	script := "#!/bin/sh\nfor a; do last=\"$a\"; done\necho \"$*\" >>" + p.dir + "/opened\ncurl -sL \"$last\" >/dev/null\nexec sleep 1000\n"
	if err := os.WriteFile(browser, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	env := append(p.env, "TOWNLINE_KIOSK_OUTPOSTS=library="+kioskSecret, "TOWNLINE_KIOSK_SECRET="+kioskSecret, "XDG_RUNTIME_DIR="+profiles)
	at, screen := free(t), free(t)
	centre, err := launch(binary, p.dir, env, "serve", "--listen", at)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := launch(binary, p.dir, env, "kiosk", "--kiosk-centre", "http://"+at, "--kiosk-name", "library", "--kiosk-listen", screen, "--kiosk-browser", browser, "--kiosk-scale", "1.5")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, r := range []*running{machine, centre} {
			if err := r.stop(); err != nil {
				t.Errorf("it ended with %v: %s", err, r.errs)
			}
		}
		if left, _ := os.ReadDir(profiles); len(left) > 0 {
			t.Error("left behind:", left)
		}
	}()
	opened := func() []string {
		b, _ := os.ReadFile(p.dir + "/opened")
		return strings.Split(strings.TrimSpace(string(b)), "\n")
	}
	waitFor := func(what string, so func() bool) {
		t.Helper()
		for range 1500 {
			if so() {
				return
			}
			tick := time.NewTimer(10 * time.Millisecond)
			<-tick.C
		}
		t.Fatalf("in vain: %s: %s", what, machine.errs)
	}
	waitFor("a browser", func() bool { return len(opened()) == 1 && strings.Contains(opened()[0], "?screen=1") })
	tr := &traffic{url: "http://" + screen, done: map[string]bool{}}
	g := &guest{tr: tr, chance: rand.New(rand.NewPCG(1, 1))}
	g.open()
	for _, turn := range [][]string{{"begin"}, {"next", "o", "1"}, {"next", "t", "xylophone"}, {"next", "t", "b"}, {"next", "t", "c"}, {"next", "o", "1"}, {"over"}} {
		if !g.press(turn[0], turn[1:]...) {
			t.Fatal(tr.wrong)
		}
	}
	if strings.Contains(g.page, `value="over.yes"`) {
		g.press("over.yes")
	}
	waitFor("a new browser", func() bool { return len(opened()) == 2 && strings.Contains(opened()[1], "?screen=2") })
	waitFor("the end of the old profile", func() bool { left, _ := os.ReadDir(profiles); return len(left) == 1 })
	waitFor("a journal with nothing but the time in it", func() bool {
		info, err := os.Stat(filepath.Join(p.dir, "kiosk", "turns"))
		return err == nil && info.Size() < 100
	})
	for _, r := range []*running{machine, centre} {
		if log := r.errs.String(); strings.Contains(log, "xylophone") {
			t.Error("the log tells what was said:", log)
		}
	}
	if out := get(t, "http://"+at+"/metrics"); !strings.Contains(out, `townline_records_total{kind="response"} 1`) {
		t.Error("nothing is on record")
	}
}

const letterDialog = `dialog: letter
version: 1
title: The bridge
purpose: consultation
language: en
start: BRIDGE
opens: 2020-01-01
closes: 2099-01-01 20:00
who: roll
secrecy: secret
decides: The council decides and is not bound by this. Its answer comes by 1 June.
steps:
  - id: plan
    type: choice
    say: Which one?
    options:
      red: A red one
      blue: A blue one
      no_opinion: A blank vote
  - id: agree
    type: consent
    say: May the town count this vote?
    refuse: Nothing was kept.
  - id: saved
    type: submit
  - id: receipt
    type: end
    say: Thank you. Your receipt is ${reference}.
`

// A vote with a code that is on no letter, taken while nobody could look, is there for a clerk, but for what was chosen.
func TestOutpostsShowsWhatCouldNotBeCounted(t *testing.T) {
	p := newPlace(t)
	p.write("dialogs/letter.yaml", letterDialog)
	p.write("townline.yaml", "dialogs: dialogs\ntown: {name: Elmwood, timezone: UTC}\nstore: {url: 'sqlite:town.db', key_file: town.key}\n")
	p.env = append(p.env, "TOWNLINE_KIOSK_OUTPOSTS=library="+kioskSecret, "TOWNLINE_KIOSK_SECRET="+kioskSecret)
	at, screen := free(t), free(t)
	up := func(command string, args ...string) *running {
		t.Helper()
		r, err := launch(binary, p.dir, p.env, command, args...)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	down := func(r *running) {
		t.Helper()
		if err := r.stop(); err != nil {
			t.Fatalf("it ended with %v: %s", err, r.errs)
		}
	}
	centre := up("serve", "--listen", at)
	machine := up("kiosk", "--kiosk-centre", "http://"+at, "--kiosk-name", "library", "--kiosk-listen", screen)
	tr := &traffic{url: "http://" + screen, done: map[string]bool{}}
	g := &guest{tr: tr, chance: rand.New(rand.NewPCG(1, 1))}
	g.open()
	down(centre)
	for _, turn := range [][]string{{"begin"}, {"next", "o", "1"}, {"next", "t", "XYZ9999"}, {"next", "o", "2"}, {"next", "o", "1"}} {
		if !g.press(turn[0], turn[1:]...) {
			t.Fatal(tr.wrong)
		}
	}
	for _, want := range []string{"Your receipt is", "still has to check your code"} {
		if !strings.Contains(g.text(), want) {
			t.Fatalf("%q is not in %s", want, g.text())
		}
	}
	centre = up("serve", "--listen", at)
	for n := 0; !strings.Contains(get(t, "http://"+at+"/metrics"), "townline_outpost_aside 1"); n++ {
		if n > 1000 {
			t.Fatal(machine.errs)
		}
		tick := time.NewTimer(20 * time.Millisecond)
		<-tick.C
	}
	command := func(args ...string) (string, error) {
		cmd := exec.Command(binary, append([]string{"outposts"}, args...)...)
		cmd.Dir, cmd.Env = p.dir, p.env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	list, err := command()
	id := regexp.MustCompile(`(?m)^([0-9a-f]{8})  library `).FindStringSubmatch(list)
	if err != nil || id == nil || !strings.Contains(list, "a vote with a code that is on no letter") {
		t.Fatal(list, err)
	}
	shown, err := command("show", id[1])
	if err != nil || !strings.Contains(shown, "XYZ9999") || strings.Contains(shown, "blue") {
		t.Error(shown, err)
	}
	if out, err := command("settle", id[1]); err == nil {
		t.Error("while the server runs:", out)
	}
	down(machine)
	down(centre)
	if out, err := command("settle", id[1]); err != nil {
		t.Error(out, err)
	}
	if out, err := command(); err != nil || out != "Nothing was put aside.\n" {
		t.Error(out, err)
	}
	if out, err := command("show", "00000000"); err == nil {
		t.Error(out)
	}
}
