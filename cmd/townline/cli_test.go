package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	if os.Getenv(ackEarly) != "" {
		os.Exit(run(context.Background(), openEarly, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	if os.Getenv(stalls) != "" {
		os.Exit(run(context.Background(), openStalled, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	if file := os.Getenv(clocks); file != "" {
		os.Exit(run(withClock(context.Background(), newWrongClock(file)), openStore, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	if os.Getenv(narrows) != "" {
		os.Exit(run(context.Background(), openNarrow, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	if os.Getenv(hello) != "" {
		sayHello()
	}
	if order := os.Getenv(forger); order != "" {
		forge(order)
	}
	dir, err := os.MkdirTemp("", "townline")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "townline")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Stderr = os.Stderr
	err = build.Run()
	status := 1
	if err == nil {
		status = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

// place is a folder that commands are run in.
type place struct {
	t   testing.TB
	dir string
	env []string
}

func newPlace(t testing.TB) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir()}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "TOWNLINE_") {
			p.env = append(p.env, e)
		}
	}
	return p
}

// write makes a file.
func (p *place) write(name, text string) {
	p.t.Helper()
	name = filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// change replaces a text in a file.
func (p *place) change(name, from, to string) {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil || !strings.Contains(string(b), from) {
		p.t.Fatalf("%s has no %q (%v)", name, from, err)
	}
	p.write(name, strings.ReplaceAll(string(b), from, to))
}

// answer is what a command said.
type answer struct {
	out, err string
	status   int
}

// run runs townline with a command line and what is typed.
func (p *place) run(typed string, args ...string) answer {
	p.t.Helper()
	ctx, done := context.WithTimeout(p.t.Context(), time.Minute)
	defer done()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = p.dir, p.env, strings.NewReader(typed)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return answer{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// must checks the status, and that the output holds texts.
func (a answer) must(t *testing.T, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d", a.status, status)
	}
	for _, text := range texts {
		if !strings.Contains(a.out+a.err, text) {
			t.Errorf("there is no %q", text)
		}
	}
	if t.Failed() {
		t.Fatalf("it said\n%s%s", a.out, a.err)
	}
}

// running is a served town.
type running struct {
	t    testing.TB
	cmd  *exec.Cmd
	url  string
	errs *report
}

// report is what the program says on its standard error: a file, so that all of it is there to be read at any moment.
type report struct{ *os.File }

func (r *report) String() string {
	b, err := os.ReadFile(r.Name())
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// serve starts the town and waits until it is ready.
func (p *place) serve(args ...string) *running {
	p.t.Helper()
	r, err := start(binary, p.dir, p.env, args...)
	if err != nil {
		p.t.Fatal(err)
	}
	r.t = p.t
	p.t.Cleanup(func() { _ = r.cmd.Process.Kill(); _ = r.cmd.Wait() })
	return r
}

// start runs serve on a free port, and returns once it said that it is open.
func start(program, dir string, env []string, args ...string) (*running, error) {
	if !strings.Contains(strings.Join(args, " "), "--listen") {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	return launch(program, dir, env, "serve", args...)
}

// launch runs a command that stays, and returns once it said that it is open.
func launch(program, dir string, env []string, command string, args ...string) (*running, error) {
	errs, err := os.CreateTemp(dir, "errors-*.txt")
	if err != nil {
		return nil, err
	}
	defer errs.Close()
	r := &running{errs: &report{errs}}
	r.cmd = exec.Command(program, append([]string{command}, args...)...)
	r.cmd.Dir, r.cmd.Env, r.cmd.Stderr = dir, env, errs
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	var said bytes.Buffer
	line := make([]byte, 1)
	for !strings.HasSuffix(said.String(), "\n\n") {
		if _, err := io.ReadFull(out, line); err != nil {
			_ = r.cmd.Wait()
			return nil, fmt.Errorf("%s ended: %s%s", command, said.String(), r.errs)
		}
		said.Write(line)
	}
	for _, one := range strings.Fields(said.String()) {
		if strings.HasPrefix(one, "http://") {
			host, _, _ := strings.Cut(strings.TrimPrefix(one, "http://"), "/")
			r.url = "http://" + host
		}
	}
	return r, nil
}

// stop asks the process to end, and returns how it did.
func (r *running) stop() error {
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return r.cmd.Wait()
}

// text sends one text from a handset of the preview, and returns the town's words.
func (r *running) text(from, words string) string {
	r.t.Helper()
	body, _ := json.Marshal(map[string]any{"from": from, "words": words, "after": 0})
	resp, err := http.Post(r.url+"/preview/send", "application/json", bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	var state struct {
		Texts []struct{ By, Words string }
		Kept  []struct {
			Title, Note string
			Lines       []struct{ Name, Value string }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%d %v", resp.StatusCode, err)
	}
	var out []string
	for i := len(state.Texts) - 1; i >= 0 && state.Texts[i].By == "town"; i-- {
		out = append([]string{state.Texts[i].Words}, out...)
	}
	return strings.Join(out, "\n")
}

// get returns status and body.
func (r *running) get(path string) (int, string) {
	r.t.Helper()
	resp, err := http.Get(r.url + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestHelpAndMistakesOnTheCommandLine(t *testing.T) {
	p := newPlace(t)
	p.run("", "help").must(t, 0, "Writing dialogs:", "Running the town:")
	p.run("").must(t, 0, "Writing dialogs:")
	p.run("", "version").must(t, 0, "townline ")
	p.run("", "chek").must(t, 2, `there is no command "chek"`, `did you mean "check"?`)
	p.run("", "serve", "--lisen", "x").must(t, 2, "lisen")
	p.run("", "results").must(t, 2)
	p.run("", "completion", "bash").must(t, 0, "bash completion")
	p.run("", "schema").must(t, 0, `"$schema"`)
	p.run("", "schema", "places").must(t, 0, `"places.schema.json"`)
	p.run("", "schema", "translation").must(t, 0, `"source"`)
	p.run("", "schema", "x").must(t, 2, "no schema")
	p.run("", "__complete", "results", "").must(t, 0, "main-street")
	p.run("", "__complete", "simulate", "oak", "--channel", "").must(t, 0, "voice")
}

func TestConfigShowsAndHides(t *testing.T) {
	p := newPlace(t)
	p.env = append(p.env, "TOWNLINE_SMS_GATEWAY_SECRET=a-very-secret-word")
	a := p.run("", "config", "--listen", "127.0.0.1:99")
	a.must(t, 0, "127.0.0.1:99", "--listen", "TOWNLINE_SMS_GATEWAY_SECRET", "(hidden)")
	if strings.Contains(a.out, "a-very-secret-word") {
		t.Error("the secret is shown")
	}
	p.write("townline.yaml", "lisen: x\ntown: {timezone: Mars, languages: [en, tlh], desk_hours: whenever}\n")
	p.run("", "config").must(t, 1, "did you mean listen?", "Mars", `"tlh"`, "town.desk_hours")
	p.run("", "serve").must(t, 1, "did you mean listen?")
	p.run("", "config", "--config", "none.yaml").must(t, 1, "there is no file none.yaml")
}

func TestInitPassesItsOwnCheckAndTest(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", "mytown", "--name", "Mill Valley", "--timezone", "Europe/Madrid").must(t, 0, "cd mytown", "townline serve")
	p.run("", "init", "mytown").must(t, 1, "is there already")
	p.run("", "init", "other", "--timezone", "Mars").must(t, 2, "not a time zone")
	p.dir = filepath.Join(p.dir, "mytown")
	a := p.run("", "check")
	a.must(t, 0, "2 dialogs checked, nothing to mend")
	p.run("", "test").must(t, 0, "All 5 tests hold.")
	p.run("", "config").must(t, 0, "Mill Valley", "Europe/Madrid")
	p.run("tap\n", "simulate", "oak-park").must(t, 0, "What should come to Oak Park?", "A water tap")
	r := p.serve()
	if got := r.text("+12025550101", "LIGHT"); !strings.Contains(got, "What is wrong with the light?") {
		t.Errorf("it said %q", got)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

func TestCheckFindsAndMends(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", ".").must(t, 0)
	p.change("dialogs/oak-park.yaml", "when: thing is other", "when: thing is othr")
	p.change("dialogs/oak-park.es.yaml", "    text: Columpios", "    txt: Columpios")
	p.change("dialogs/oak-park.test.yaml", "channels: [sms, ussd]", "channels: [sms, uss]")
	a := p.run("", "check", "dialogs")
	a.must(t, 1, "dialogs/oak-park.yaml:", "othr", `"other"`, "dialogs/oak-park.es.yaml:", "dialogs/oak-park.test.yaml:", "problems to mend")
	if !strings.Contains(a.out, "^") {
		t.Errorf("no excerpt in\n%s", a.out)
	}
	one := p.run("", "check", "dialogs/street-light.yaml")
	one.must(t, 0, "1 dialog checked, nothing to mend")

	var problems []struct {
		File, Code, Message string
		Line                int
	}
	j := p.run("", "check", "--json", "dialogs")
	if err := json.Unmarshal([]byte(j.out), &problems); err != nil || j.status != 1 || len(problems) < 3 {
		t.Errorf("status %d, %v: %s", j.status, err, j.out)
	}
	for _, pr := range problems {
		if !strings.HasPrefix(pr.File, "dialogs/") || pr.Line < 1 || pr.Code == "" {
			t.Errorf("%+v", pr)
		}
	}
	p.run("", "test", "dialogs").must(t, 1)
	p.run("", "check", "nowhere").must(t, 1, `there is no file or folder "nowhere"`)
	p.write("empty/readme.txt", "nothing")
	p.run("", "check", "empty").must(t, 1, "No dialog was found here")
}

func TestAFailedConversationIsShown(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", ".").must(t, 0)
	p.change("dialogs/street-light.test.yaml", "bot: stay away from it", "bot: hold on to it")
	p.run("", "test").must(t, 1, "FAIL  street-light: Hanging wires", "hold on to it", "1 of 5 tests failed")
	p.run("", "test", "-q", "dialogs/oak-park.test.yaml").must(t, 0, "All 3 tests hold.")
}

func TestTheSampleTownIsSound(t *testing.T) {
	p := newPlace(t)
	p.run("", "check").must(t, 0, "nothing to mend")
	p.run("", "test", "-q").must(t, 0, "tests hold")
}

func TestSimulate(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", ".").must(t, 0)
	for _, c := range []struct {
		channel, typed string
		want           []string
	}{
		{"sms", "1\n1\n1\n/record\n", []string{"Please check your answers", "Thank you. Your receipt is", "Came by: sms"}},
		{"voice", "1\n1\n1\n/record\n", []string{"♪", "Came by: voice", "voice ends"}},
		{"ussd", "A water tap\n1\nyes\n/record\n", []string{"Came by: ussd"}},
		{"telegram", "A water tap\n1\n1\n/record\n", []string{"Came by: telegram", "A water tap"}},
		{"kiosk", "1\n1\n1\n/record\n", []string{"| **", "Came by: kiosk"}},
		{"sms", "/wait 1 day\n", []string{"a message comes by sms:", "Something new for Oak Park"}},
		{"sms", "/switch voice\n1\n", []string{"now by voice", "♪"}},
		{"voice", "/hangup\n/call\n/quiet\n", []string{"♪"}},
		{"voice", "0\n8\n7\n1\n/wait 2 days\n/call\n", []string{"We call you, in the daytime", "the town calls; /call answers", "You have a survey to finish"}},
		{"sms", "/nonsense\n/wait x\n/switch x\n/help\n/record\n/photo\n", []string{"there is no /nonsense", "not a stretch of time", `no channel "x"`, "keeps no record yet"}},
	} {
		a := p.run(c.typed, "simulate", "oak-park", "--channel", c.channel)
		a.must(t, 0, c.want...)
	}
	p.run("", "simulate", "dialogs/oak-park.yaml", "--lang", "es").must(t, 0, "Una cosa nueva para Oak Park")
	p.run("", "simulate", "oak-prk").must(t, 1, `did you mean "oak-park"?`)
	p.run("", "simulate", "oak-park", "--channel", "pigeon").must(t, 2, "there is no channel")
	p.run("", "simulate", "oak-park", "--at", "soon").must(t, 2, "is not a time")
	p.run("", "simulate", "oak-park", "--forward", "70 days").must(t, 0, "closed")
}

func TestResultsRequestsAndBackup(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", ".").must(t, 0)
	p.run("", "results", "oak-park").must(t, 1, "there is no store")
	r := p.serve()
	for i, thing := range []string{"tap", "tap", "swings"} {
		from := fmt.Sprintf("+1202555010%d", i+1)
		for _, words := range []string{"OAK", thing, "1", "yes"} {
			r.text(from, words)
		}
	}
	for _, words := range []string{"LIGHT", "dark", "12 Mill Road", "1"} {
		r.text("+12025550104", words)
	}

	// All of it while the town is running.
	p.run("", "results", "oak-park").must(t, 0, "3 answers: preview 3", "A water tap", "66.7 %", "--without preview")
	p.run("", "results", "oak-park", "--without", "preview").must(t, 0, "0 answers")
	p.run("", "results", "oak-parc").must(t, 1, `did you mean "oak-park"?`)
	p.run("", "results", "street-light").must(t, 1, "not a consultation")
	p.run("", "results", "oak-park", "--csv", "--json").must(t, 2, "choose one")
	rows, err := csv.NewReader(strings.NewReader(p.run("", "results", "oak-park", "--csv").out)).ReadAll()
	if err != nil || len(rows) < 5 || len(rows[0]) != 8 {
		t.Errorf("%v: %v", err, rows)
	}
	var counted struct {
		Total     int
		Questions []struct {
			Step   string
			Counts []struct {
				ID    string
				Count int
			}
		}
	}
	if err := json.Unmarshal([]byte(p.run("", "results", "oak-park", "--json").out), &counted); err != nil || counted.Total != 3 {
		t.Errorf("%v %+v", err, counted)
	}

	a := p.run("", "requests", "list", "--status", "open")
	a.must(t, 0, "public-works", "open", "Mill Road")
	var listed []listed
	if err := json.Unmarshal([]byte(p.run("", "requests", "list", "--json").out), &listed); err != nil || len(listed) != 1 {
		t.Fatalf("%v %+v", err, listed)
	}
	shown := p.run("", "requests", "show", listed[0].Reference)
	shown.must(t, 0, "What is wrong with the light?", "It is dark", "opened by resident")
	if strings.Contains(shown.out, "+12025550104") {
		t.Error("the number is shown without being asked for")
	}
	p.run("", "requests", "show", listed[0].Reference, "--personal").must(t, 0, "+12025550104")
	p.run("", "requests", "show", "000-000-0").must(t, 1, "there is no request")
	p.run("", "requests", "list", "--since", "yesterday").must(t, 2, "not a day")
	p.run("", "requests", "list", "--status", "closed").must(t, 0, "no such requests")

	// A copy made now holds all of that, and what comes later is not in it.
	p.run("", "backup", "copy.db").must(t, 0, "Copied to copy.db")
	p.run("", "backup", "copy.db").must(t, 1, "is there already")
	p.run("", "restore", "copy.db").must(t, 1)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"town.db", "town.db-wal", "town.db-shm"} {
		if err := os.Remove(filepath.Join(p.dir, f)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(p.dir, "town.key"), filepath.Join(p.dir, "away.key")); err != nil {
		t.Fatal(err)
	}
	p.run("", "restore", "copy.db").must(t, 1, "keys are needed")
	if err := os.Rename(filepath.Join(p.dir, "away.key"), filepath.Join(p.dir, "town.key")); err != nil {
		t.Fatal(err)
	}
	p.run("", "restore", "copy.db").must(t, 0, "is in place")
	p.run("", "results", "oak-park").must(t, 0, "3 answers")
}

func TestInterimResultsOfAVote(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", ".").must(t, 0)
	p.change("dialogs/oak-park.yaml", "who: anyone ", "who: number ")
	r := p.serve()
	for _, words := range []string{"OAK", "tap", "1", "yes"} {
		r.text("+12025550101", words)
	}
	p.run("", "results", "oak-park").must(t, 1, "is a vote that is open until", "--staff")
	p.run("", "results", "oak-park", "--csv").must(t, 1, "--staff")
	p.run("", "results", "oak-park", "--staff").must(t, 0, "1 answer")
}

func TestServe(t *testing.T) {
	p := newPlace(t)
	r := p.serve("--log-format", "json", "--log-level", "debug")
	for path, want := range map[string]string{"/healthz": "alive", "/readyz": "ready", "/metrics": "townline_turns_total", "/preview": "<!doctype html>"} {
		if status, body := r.get(path); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d", path, status)
		}
	}
	if got := r.text("+12025550101", "MAIN"); !strings.Contains(got, "Elmwood") {
		t.Errorf("it said %q", got)
	}
	if got := r.text("+12025550102", "no such word"); got == "" {
		t.Error("a stranger got no answer")
	}
	status, _ := r.get("/sms/twilio")
	if status != http.StatusNotFound {
		t.Errorf("without a Twilio account its address answers %d", status)
	}
	resp, err := http.Post(r.url+"/preview/send", "application/json", strings.NewReader(strings.Repeat("x", mostBody+1)))
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a huge body got %d", resp.StatusCode)
	}
	req, _ := http.NewRequest("GET", r.url+"/metrics", nil)
	req.Header.Set("X-Forwarded-For", "203.0.113.5")
	if resp, err = http.DefaultClient.Do(req); err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusNotFound {
		t.Errorf("figures go out through a proxy: %d", resp.StatusCode)
	}
	if err := r.stop(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	for _, personal := range []string{"2025550101", "no such word", "MAIN"} {
		if strings.Contains(r.errs.String(), personal) {
			t.Errorf("%q stands in the log:\n%s", personal, r.errs)
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(r.errs.String()), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("the log holds %q", line)
		}
	}
}

func TestPreviewIsOnlyHereUnlessSwitchedOn(t *testing.T) {
	p := newPlace(t)
	r := p.serve("--preview", "off")
	if status, _ := r.get("/preview"); status != http.StatusNotFound {
		t.Errorf("switched off, it answers %d", status)
	}
}

func TestATownWithProblemsSaysSo(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", ".").must(t, 0)
	p.change("dialogs/street-light.yaml", "type: choice", "type: choise")
	r := p.serve()
	if got := r.text("+12025550101", "LIGHT"); strings.Contains(got, "What is wrong with the light?") {
		t.Errorf("a dialog with problems is in service: %q", got)
	}
	if !strings.Contains(r.errs.String(), "choise") {
		t.Errorf("nobody is told: %s", r.errs)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	p.change("dialogs/street-light.yaml", "type: choise", "type: choice")
	p.change("dialogs/oak-park.yaml", "options:\n      benches: Benches in the shade", "options:\n      benches: Benches in the sun")
	p.change("dialogs/oak-park.es.yaml", "source: Benches in the shade", "source: Benches in the sun")
	r = p.serve()
	if !strings.Contains(r.errs.String(), "raise `version` to 2") {
		t.Errorf("a published version was changed, and nobody is told: %s", r.errs)
	}
	if got := r.text("+12025550101", "OAK"); !strings.Contains(got, "shade") {
		t.Errorf("the published words are not in service: %q", got)
	}
}

func TestAVoteWithCodes(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	p.run("", "codes", "library-hours").must(t, 2, "how many")
	p.run("", "codes", "main-street", "--new", "1").must(t, 1, "asks for no code")
	rows, err := csv.NewReader(strings.NewReader(p.run("", "codes", "library-hours", "--new", "3").out)).ReadAll()
	if err != nil || len(rows) != 4 || len(rows[1][0]) != codeDigits+2 {
		t.Fatalf("%v %q", err, rows)
	}
	vote := func(from, code string) string {
		var last string
		for _, words := range []string{"BOOKS", code, "monday", "1", "yes"} {
			last = r.text(from, words)
		}
		return last
	}
	if got := vote("+12025550101", rows[1][0]); !strings.Contains(got, "Your vote is in the box") {
		t.Errorf("a good code: %q", got)
	}
	if got := vote("+12025550102", rows[1][0]); strings.Contains(got, "in the box") {
		t.Errorf("a code that was used: %q", got)
	}
	if got := vote("+12025550103", "1111 1111 1111"); strings.Contains(got, "in the box") {
		t.Errorf("a made-up code: %q", got)
	}
	p.run("", "results", "library-hours", "--staff").must(t, 0, "1 answer")
}
