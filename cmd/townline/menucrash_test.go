package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/config"
	"github.com/townline/townline/store"
)

// stalls in the environment turns the test binary into a townline whose store commits nothing while this file is there.
const stalls = "STALL_COMMITS"

type stalled struct{ store.Store }

func openStalled(c *config.Config, mayMake bool) (store.Store, *store.Keys, error) {
	s, keys, err := openStore(c, mayMake)
	return stalled{s}, keys, err
}

func (s stalled) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	for {
		if _, err := os.Stat(os.Getenv(stalls)); err != nil {
			return s.Store.Commit(ctx, c)
		}
		pause := time.NewTimer(10 * time.Millisecond)
		select {
		case <-ctx.Done():
			return store.Outcome{}, ctx.Err()
		case <-pause.C:
		}
	}
}

// TestKilledAfterATextWasPromised: a menu is too slow, ends with the promise of a text, and the town is killed before the turn is
// on disk. When it opens again, what was keyed counts, and the text is sent.
func TestKilledAfterATextWasPromised(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	texts := make(chan string, 10)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct{ Text string }
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		texts <- m.Text
	}))
	defer gateway.Close()
	p := newPlace(t)
	stall := filepath.Join(p.dir, "stall")
	p.write("dialogs/crash.yaml", crashDialog)
	p.write("townline.yaml", "dialogs: dialogs\ntown: {name: Elmwood, timezone: UTC}\nstore: {url: 'sqlite:town.db', key_file: town.key}\n"+
		"ussd: {gateways: 'africastalking code=*384*123#', secrets: africastalking=0123456789abcdef}\nsms: {gateway: {secret: "+crashSecret+", url: '"+gateway.URL+"'}}\n")
	env := append(p.env, stalls+"="+stall)
	begin := func() *running {
		r, err := start(self, p.dir, env)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.cmd.Process.Kill(); _ = r.cmd.Wait() })
		return r
	}

	r := begin()
	u := &menuUser{client: &http.Client{Timeout: 20 * time.Second}, url: r.url + "/ussd/africastalking/0123456789abcdef", number: "+12025550143", session: "s1"}
	expect := func(text, want string) {
		t.Helper()
		if screen, err := u.asks(); err != nil || !strings.Contains(screen, want) {
			t.Fatalf("after %q: %q, %v: %s", text, screen, err, r.errs)
		}
	}
	expect("", "Three words")
	u.keyed = "1"
	expect("1", "8 more")
	u.keyed = "1*8"
	expect("8", "What is the first word?")
	if err := os.WriteFile(stall, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	u.keyed = "1*8*hello"
	expect("hello", "END This takes a moment. We will send you a text message.")
	if took := u.took[len(u.took)-1]; took > 4500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait()
	if len(texts) > 0 {
		t.Fatalf("texted already: %q", <-texts)
	}
	if err := os.Remove(stall); err != nil {
		t.Fatal(err)
	}

	r = begin()
	select {
	case text := <-texts:
		if !strings.Contains(text, "What is the second word?") {
			t.Errorf("texted: %q", text)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("nothing was texted: %s", r.errs)
	}
	if err := r.stop(); err != nil {
		t.Fatalf("%v: %s", err, r.errs)
	}
	if left, err := filepath.Glob(filepath.Join(p.dir, "ussd", "*", "*")); err != nil || len(left) > 0 || len(texts) > 0 {
		t.Errorf("left: %v, %d more texts, %v", left, len(texts), err)
	}
}
