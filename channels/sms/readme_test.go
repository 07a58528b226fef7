package sms

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// example is a block of README.md, by the name in the comment before it.
func example(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "<!-- "+name+" -->\n```")
	if !ok {
		t.Fatalf("README.md has no %s", name)
	}
	_, rest, _ = strings.Cut(rest, "\n")
	block, _, _ := strings.Cut(rest, "```\n")
	return block
}

// town is a gateway on a real port with the real clock, and the environment that the examples need.
func town(t *testing.T, in channels.Inbox) (*Gateway, []string) {
	g := newGateway(t, func(c *GatewayConfig) { c.Now = time.Now })
	mux := http.NewServeMux()
	g.Mount(mux, in)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return g, []string{"TOWNLINE_URL=" + server.URL, "TOWNLINE_SECRET=" + gatewaySecret, "NO_PROXY=*"}
}

// deliver pushes one text and returns where its outcome will be. It is on the shelf when deliver returns.
func deliver(t *testing.T, g *Gateway, key, text string) <-chan string {
	t.Helper()
	outcome := make(chan string, 1)
	before := len(g.shelf.waiting())
	go func() {
		receipt, err := g.Deliver(t.Context(), resident, render.Page{Text: text}, key)
		outcome <- word(receipt, err)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(g.shelf.waiting()) == before {
		if ctx.Err() != nil {
			t.Fatal("the text does not get on the shelf")
		}
	}
	return outcome
}

func TestReadmeExamples(t *testing.T) {
	in := &inbox{}
	g, env := town(t, in)
	for range 2 {
		if got := run(t, "", env, "/bin/sh", "-euc", example(t, "message.sh")); got != `{"replies":[{"text":"Reply 1"}]}` {
			t.Errorf("message.sh: %s", got)
		}
	}
	if got := in.all(); len(got) != 1 || got[0].Words != "Main Street" || got[0].From != resident {
		t.Errorf("message.sh: %+v", got)
	}
	outcome := deliver(t, g, "a1b2", "Your street light is mended.")
	if got := run(t, "", env, "/bin/sh", "-euc", example(t, "outbox.sh")); got != `{"messages":[{"id":"a1b2","to":"+15550100123","text":"Your street light is mended."}]}` {
		t.Errorf("outbox.sh: %s", got)
	}
	if got := run(t, "", env, "/bin/sh", "-euc", example(t, "report.sh")); got != `{}` {
		t.Errorf("report.sh: %s", got)
	}
	if got := <-outcome; got != "sent a1b2" {
		t.Error(got)
	}
}

// The script for Gammu, with a gammu-smsd-inject that writes down what it is told.
func TestReadmeGammu(t *testing.T) {
	in := &inbox{answer: func(e channels.Event) channels.Reply {
		if e.Words == "quiet" {
			return channels.Reply{}
		}
		return say("Karibu \"é\" \\ 100%\n1 Ndio", "2 Hapana")
	}}
	g, env := town(t, in)
	dir := t.TempDir()
	script, told := filepath.Join(dir, "townline-gammu"), filepath.Join(dir, "told")
	write := func(path, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(script, example(t, "townline-gammu"), 0o700)
	write(filepath.Join(dir, "gammu-smsd-inject"), "#!/bin/sh\nprintf '<%s>' \"$@\" >> '"+told+"'\n", 0o700)
	conf := "TOWNLINE_SPOOL='" + filepath.Join(dir, "spool") + "'\n"
	for _, one := range env[:2] {
		name, value, _ := strings.Cut(one, "=")
		conf += name + "='" + value + "'\n"
	}
	write(filepath.Join(dir, "conf"), conf, 0o600)
	env = []string{"TOWNLINE_CONF=" + filepath.Join(dir, "conf"), "PATH=" + dir + ":" + os.Getenv("PATH"), "NO_PROXY=*"}
	saw := func() string {
		b, err := os.ReadFile(told)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		os.Remove(told)
		return string(b)
	}

	const words = "Habari \"1\" \\n & 100% é 😀\nline two"
	one := append(env, "SMS_MESSAGES=1", "DECODED_PARTS=0", "SMS_1_NUMBER=+15550100123", "SMS_1_TEXT="+words)
	for range 2 { // Gammu may run it again for the same text
		run(t, "", one, "/bin/sh", script, "IN20270315_1.txt")
		if got, want := saw(), "<TEXT><+15550100123><-text><Karibu \"é\" \\ 100%\n1 Ndio\n\n2 Hapana><-autolen><1000>"; got != want {
			t.Errorf("replied %q, want %q", got, want)
		}
	}
	run(t, "", append(env, "SMS_MESSAGES=2", "DECODED_PARTS=0", "SMS_1_NUMBER=+15550100123", "SMS_1_TEXT=one ", "SMS_2_TEXT=two"), "/bin/sh", script, "7", "8")
	run(t, "", append(env, "SMS_MESSAGES=2", "DECODED_PARTS=1", "SMS_1_NUMBER=+15550100123", "SMS_1_TEXT=x", "DECODED_1_TEXT=long"), "/bin/sh", script, "9")
	run(t, "", append(env, "SMS_MESSAGES=2", "DECODED_PARTS=1", "SMS_1_NUMBER=+15550100123", "SMS_1_TEXT=x", "DECODED_0_TEXT=old"), "/bin/sh", script, "10")
	saw()
	run(t, "", append(env, "SMS_MESSAGES=1", "SMS_1_NUMBER=+15550100123", "SMS_1_TEXT=quiet"), "/bin/sh", script, "11")
	if got := saw(); got != "" {
		t.Errorf("replied %q to what needs no reply", got)
	}
	var heard []string
	for _, e := range in.all() {
		heard = append(heard, e.ID+": "+e.Words)
	}
	if got, want := strings.Join(heard, "; "), "gammu-IN20270315_1.txt: "+words+"; gammu-7 8: one two; gammu-9: long; gammu-10: old; gammu-11: quiet"; got != want {
		t.Errorf("heard %q\nwant  %q", got, want)
	}

	// Pushes: each is sent once, also where the report was lost.
	outcome := deliver(t, g, "k/1", "It's mended: \\n 100%\nThank you")
	run(t, "", env, "/bin/sh", script, "send")
	if got, want := saw(), "<TEXT><+15550100123><-text><It's mended: \\n 100%\nThank you><-autolen><1000>"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	if got := <-outcome; got != "sent k/1" {
		t.Error(got)
	}
	outcome = deliver(t, g, "k/1", "It's mended: \\n 100%\nThank you")
	run(t, "", env, "/bin/sh", script, "send")
	if got := saw(); got != "" {
		t.Errorf("sent again: %q", got)
	}
	if got := <-outcome; got != "sent k/1" {
		t.Error(got)
	}
	run(t, "", env, "/bin/sh", script, "send")
	if got := saw(); got != "" {
		t.Errorf("sent %q with nothing to send", got)
	}

	// A text that the town didn't take is handed over later, and answered then, once.
	write(filepath.Join(dir, "conf"), strings.Replace(conf, gatewaySecret, "another-secret-0123456789", 1), 0o600)
	c := exec.Command("/bin/sh", script, "12")
	c.Env = append(os.Environ(), append(env, "SMS_MESSAGES=1", "SMS_1_NUMBER=+15550100123", "SMS_1_TEXT=later")...)
	if out, err := c.CombinedOutput(); err == nil {
		t.Errorf("the town's refusal is no failure: %s", out)
	}
	write(filepath.Join(dir, "conf"), conf, 0o600)
	waits, err := filepath.Glob(filepath.Join(dir, "spool", "in-*"))
	if err != nil || len(waits) != 1 {
		t.Fatalf("%q wait, %v", waits, err)
	}
	for range 2 {
		run(t, "", env, "/bin/sh", script, "send")
		if got := saw(); got != "" {
			t.Errorf("sent %q while Gammu may still be trying", got)
		}
	}
	if err := os.Chtimes(waits[0], time.Time{}, time.Now().Add(-5*time.Minute)); err != nil {
		t.Fatal(err)
	}
	run(t, "", env, "/bin/sh", script, "send")
	if got, want := saw(), "<TEXT><+15550100123><-text><Karibu \"é\" \\ 100%\n1 Ndio\n\n2 Hapana><-autolen><1000>"; got != want {
		t.Errorf("replied %q, want %q", got, want)
	}
	run(t, "", env, "/bin/sh", script, "send")
	if got := saw(); got != "" {
		t.Errorf("replied again: %q", got)
	}
	if all := in.all(); all[len(all)-1].ID != "gammu-12" || all[len(all)-1].Words != "later" {
		t.Errorf("the town heard %+v", all[len(all)-1])
	}
}

// What a gateway with an address gets is signed as README.md says.
func TestReadmePush(t *testing.T) {
	var got outgoing
	phone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		env := []string{"now=" + r.Header.Get("X-Townline-Timestamp"), "body=" + string(body), "TOWNLINE_SECRET=" + gatewaySecret}
		sum := run(t, "", env, "/bin/sh", "-euc", `printf 'push\n%s\n%s' "$now" "$body" | openssl dgst -sha256 -hmac "$TOWNLINE_SECRET" -r | cut -d ' ' -f 1`)
		if strings.TrimSpace(sum) != r.Header.Get("X-Townline-Signature") {
			t.Errorf("openssl says %s, we say %s", sum, r.Header.Get("X-Townline-Signature"))
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
	}))
	defer phone.Close()
	g := newGateway(t, func(c *GatewayConfig) { c.URL = phone.URL })
	if got := word(g.Deliver(t.Context(), resident, render.Page{Text: "é"}, "k1")); got != "sent k1" {
		t.Error(got)
	}
	if got.ID != "k1" || got.To != resident.ID || got.Text != "é" {
		t.Errorf("%+v", got)
	}
}

// The get-url of README.md brings every parameter that is read.
func TestReadmeKannel(t *testing.T) {
	conf := example(t, "kannel.conf")
	_, url, ok := strings.Cut(conf, `get-url = "http://127.0.0.1:8080`)
	if !ok {
		t.Fatal("no get-url")
	}
	url, _, _ = strings.Cut(url, `"`)
	for escape, value := range map[string]string{"SECRET": kannelSecret, "%p": "255712345678", "%P": "15001", "%a": "a+b", "%b": "a++b", "%C": "UTF-8",
		"%c": "0", "%I": "0f3c", "%i": "FAKE1", "%T": "1800000000", "%u": ""} {
		if !strings.Contains(url, escape) {
			t.Errorf("get-url lacks %s", escape)
		}
		url = strings.Replace(url, escape, value, 1)
	}
	in := &inbox{}
	if w := answerOf(newKannel(t, nil), in, fromKannel(url)); w.Code != 200 || len(in.events) != 1 || in.events[0].Words != "a  b" || in.events[0].ID != "0f3c" {
		t.Errorf("%d, %+v", w.Code, in.events)
	}
}
