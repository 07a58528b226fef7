package voice

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	rest "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/townline/townline/dialogs/render"
)

// prism puts Prism between us and a fake Twilio: it answers 4xx to calls, and 500 to answers, that Twilio's own OpenAPI
// document does not allow.
func prism(t *testing.T, upstream string) string {
	t.Helper()
	modules := os.Getenv("TOWNLINE_NPM")
	if modules == "" {
		modules = filepath.Join("..", "..", ".ci", "npm", "node_modules")
	}
	modules = must[string](t)(filepath.Abs(modules))
	if _, err := os.Stat(filepath.Join(modules, "twilio", "package.json")); err != nil {
		t.Fatalf("the peers for Node are missing in %s: run .ci/run, or npm ci --prefix .ci/npm", modules)
	}
	document := filepath.Join(t.TempDir(), "twilio.json")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	make := exec.CommandContext(ctx, "node", "../../.ci/twilio-openapi.js", filepath.Join(modules, "@twilio/cli-core/src/services/twilio-api/twilio_api_v2010.json"), document)
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	free := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	c := exec.Command("node", filepath.Join(modules, "@stoplight/prism-cli/dist/index.js"), "proxy", "-h", "127.0.0.1", "-p", port, "--errors", document, upstream)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out := must[io.ReadCloser](t)(c.StdoutPipe())
	c.Stderr = c.Stdout
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		c.Wait()
	})
	late := time.AfterFunc(45*time.Second, func() { syscall.Kill(-c.Process.Pid, syscall.SIGKILL) })
	defer late.Stop()
	var told bytes.Buffer
	for lines := bufio.NewScanner(out); ; {
		if !lines.Scan() {
			t.Fatalf("Prism did not start:\n%s", &told)
		}
		told.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "Prism is listening") {
			break
		}
	}
	go io.Copy(io.Discard, out)
	return "http://127.0.0.1:" + port
}

// Every REST call that we make, and every answer of the fake that the other tests rely on, is one that Twilio's own
// document allows. The sound of a recording isn't in that document.
func TestPrism(t *testing.T) {
	fake := newFakeTwilio(t)
	base := prism(t, fake.URL)
	line := newLine(t, func(c *Config) { c.BaseURL = base })
	receipt, err := line.Deliver(t.Context(), resident, render.Page{}, "k")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := line.Deliver(t.Context(), resident, reminder("¿Quiere seguir?"), "k2"); err != nil {
		t.Error(err)
	}
	wordy := newLine(t, func(c *Config) { c.BaseURL, c.Town = base, strings.Repeat("Elmwood ", 500) })
	if _, err := wordy.Deliver(t.Context(), resident, render.Page{}, "k3"); err != nil {
		t.Error(err)
	}
	if asked := fake.lastAsked(); asked.Get("Url") == "" || asked.Has("Twiml") {
		t.Errorf("a long greeting went as %v", asked)
	}
	if sent, err := line.Look(t.Context(), "", receipt); !sent || err != nil {
		t.Errorf("by receipt: %v, %v", sent, err)
	}
	for range 60 {
		fake.note(theirs, "inbound", noon)
	}
	if found, sent, err := newLine(t, func(c *Config) { c.BaseURL = base }).Find(t.Context(), resident, render.Page{}, "k", noon); found == "" || !sent || err != nil {
		t.Errorf("in the list: %q, %v, %v", found, sent, err)
	}
	fake.records(recordingSID, "absent")
	about := line.account.Call(t.Context())
	if _, err := about.REST().FetchRecording(recordingSID, &rest.FetchRecordingParams{}); err != nil {
		t.Errorf("about a recording: %v", err)
	}
	if err := line.Drop(t.Context(), line.recordingRef(recordingSID)); err != nil || len(fake.gone()) != 1 {
		t.Errorf("dropped: %v", err)
	}

	// Prism does refuse: an answer with a SID that is none, and a call to nobody.
	fake.set(func(w http.ResponseWriter) bool {
		answerJSON(w, http.StatusCreated, map[string]string{"sid": "CA1"})
		return true
	}, false)
	if got := word(line.Deliver(t.Context(), resident, render.Page{}, "k4")); got != "retry 0s" {
		t.Errorf("Prism let a wrong answer pass: %s", got)
	}
	fake.set(nil, false)
	r := must[*http.Request](t)(http.NewRequest("POST", base+folder+"/Calls.json", strings.NewReader(url.Values{"Twiml": {"<Response/>"}, "Timeout": {"soon"}}.Encode())))
	r.SetBasicAuth(account, token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := must[*http.Response](t)(http.DefaultClient.Do(r))
	answer.Body.Close()
	if answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("Prism let a wrong call pass: %d", answer.StatusCode)
	}
}
