package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/townline/townline/config"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

// ill is a town on this machine with something broken.
type ill struct {
	t *testing.T
	c *config.Config
	d *checkup
}

// examine is a town that is well, but for its server, which answers at a place of its own.
func examine(t *testing.T) *ill {
	t.Helper()
	dir := t.TempDir()
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "TOWNLINE_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("TOWNLINE_STORE_URL", "sqlite:"+filepath.Join(dir, "town.db"))
	t.Setenv("TOWNLINE_WATCH_BACKUPS", dir)
	t.Setenv("TOWNLINE_PAGES_KIOSK", "off") // nothing is read aloud: looking through all texts takes a while
	t.Setenv("TOWNLINE_PAGES_WEB", "off")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, map[string]string{"/healthz": "alive", "/readyz": "ready"}[r.URL.Path])
	}))
	t.Cleanup(server.Close)
	t.Setenv("TOWNLINE_LISTEN", strings.TrimPrefix(server.URL, "http://"))
	leave, err := aloneOnFile(&config.Config{Store: config.Store{Path: filepath.Join(dir, "town.db")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = leave() })
	root := &cobra.Command{}
	root.Flags().String("config", "", "")
	p := &ill{t: t, d: &checkup{cmd: root, open: openStore, now: time.Now(), client: &http.Client{}}}
	p.d.settings()
	if p.c = p.d.c; p.c == nil {
		t.Fatal(p.d.findings)
	}
	p.d.findings = nil
	return p
}

// town makes the store, and something in it.
func (p *ill) town(fill func(ctx context.Context, s store.Store)) {
	p.t.Helper()
	s, _, err := openStore(p.c, true)
	if err != nil {
		p.t.Fatal(err)
	}
	if fill != nil {
		fill(p.t.Context(), s)
	}
	if err := s.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// finds looks, and wants one finding that is about something and holds words, wrong or not.
func (p *ill) finds(wrong bool, about, words string) finding {
	p.t.Helper()
	p.d.findings, p.d.sound = nil, nil
	p.d.all(p.t.Context())
	for _, f := range p.d.findings {
		if f.About == about && strings.Contains(f.What, words) {
			if f.Wrong != wrong || f.Do == "" {
				p.t.Errorf("%+v: wrong should be %v, and something to do be said", f, wrong)
			}
			if p.d.wrong() != wrong && wrong {
				p.t.Error("the exit status doesn't say so")
			}
			return f
		}
	}
	p.t.Errorf("nothing is found about %s that says %q, but %+v", about, words, p.d.findings)
	return finding{}
}

// never wants nothing of the kind.
func (p *ill) never(about string) {
	p.t.Helper()
	p.d.findings, p.d.sound = nil, nil
	p.d.all(p.t.Context())
	for _, f := range p.d.findings {
		if f.About == about {
			p.t.Errorf("found %+v", f)
		}
	}
}

func TestDoctorOnATownThatIsWell(t *testing.T) {
	p := examine(t)
	p.town(nil)
	p.d.all(t.Context())
	if p.d.wrong() {
		t.Errorf("found %+v", p.d.findings)
	}
	for _, want := range []string{"settings", "server", "keys", "store", "outbox", "desk", "backups", "redis"} {
		if !strings.Contains(strings.Join(p.d.sound, ","), want) {
			t.Errorf("%s is not said to be well, only %v; %+v", want, p.d.sound, p.d.findings)
		}
	}
}

func TestDoctorOnSettingsAndTheServer(t *testing.T) {
	p := examine(t)
	p.town(nil)
	t.Run("mistake", func(t *testing.T) {
		q := examine(t)
		t.Setenv("TOWNLINE_LISTEN", "nowhere")
		q.d.c = nil
		q.t = t
		q.finds(true, "settings", "has no address and port")
	})
	t.Run("not running", func(t *testing.T) {
		q := examine(t)
		t.Setenv("TOWNLINE_LISTEN", free(t))
		q.t = t
		q.finds(true, "server", "not running here")
	})
	t.Run("another program", func(t *testing.T) {
		q := examine(t)
		other := httptest.NewServer(http.NotFoundHandler())
		defer other.Close()
		t.Setenv("TOWNLINE_LISTEN", strings.TrimPrefix(other.URL, "http://"))
		q.t = t
		q.finds(true, "server", "Another program")
	})
	t.Run("something mute", func(t *testing.T) {
		q := examine(t)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Close()
			}
		}()
		t.Setenv("TOWNLINE_LISTEN", l.Addr().String())
		q.t = t
		q.finds(true, "server", "doesn't answer as townline does")
	})
	t.Run("not ready", func(t *testing.T) {
		q := examine(t)
		sick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/readyz" {
				http.Error(w, "the store is away", http.StatusServiceUnavailable)
				return
			}
			fmt.Fprintln(w, "alive")
		}))
		defer sick.Close()
		t.Setenv("TOWNLINE_LISTEN", strings.TrimPrefix(sick.URL, "http://"))
		q.t = t
		q.finds(true, "server", "the store is away")
	})
	p.never("server")
}

func TestDoctorOnKeys(t *testing.T) {
	p := examine(t)
	p.town(nil)
	file := keyFile(p.c)
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	p.finds(true, "keys", "Others on this machine")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	p.finds(true, "keys", "There is no key file")
	if err := os.WriteFile(file, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.finds(true, "keys", "can't be used")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := store.LoadKeys(file, ""); err != nil { // made anew: another town's
		t.Fatal(err)
	}
	p.finds(true, "keys", "not those of this store")
}

func TestDoctorOnTheStore(t *testing.T) {
	p := examine(t)
	p.finds(false, "store", "There is no store")
	p.town(nil)
	p.never("store")
	whole, err := os.ReadFile(p.c.Store.Path)
	if err != nil {
		t.Fatal(err)
	}
	schema := func(n byte) { // SQLite keeps user_version in bytes 60 to 63 of the file
		b := append([]byte(nil), whole...)
		b[63] = n
		if err := os.WriteFile(p.c.Store.Path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at, newest, err := sqlite.Schema(p.c.Store.Path)
	if err != nil || at != newest || at == 0 {
		t.Fatalf("step %d of %d, %v", at, newest, err)
	}
	schema(byte(newest) - 1)
	p.finds(false, "store", fmt.Sprintf("at step %d of %d", newest-1, newest))
	if now, _, _ := sqlite.Schema(p.c.Store.Path); now != newest-1 {
		t.Error("looking has changed the store")
	}
	schema(byte(newest) + 1)
	p.finds(true, "store", "a newer townline")
	if err := os.WriteFile(p.c.Store.Path, []byte(strings.Repeat("no database at all ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	p.finds(true, "store", "doesn't answer")
	t.Setenv("TOWNLINE_STORE_URL", "postgres://town@"+free(t)+"/town?sslmode=disable")
	t.Setenv("TOWNLINE_STORE_KEY_FILE", keyFile(p.c))
	f := p.finds(true, "store", "doesn't answer")
	if strings.Contains(f.What, "\n") {
		t.Errorf("more than a line: %q", f.What)
	}
}

func TestDoctorOnWhatWaits(t *testing.T) {
	p := examine(t)
	who := store.Resident{1}
	keys, err := store.LoadKeys(keyFile(p.c), "")
	if err != nil {
		t.Fatal(err)
	}
	ago := func(d time.Duration) time.Time { return p.d.now.Add(-d) }
	p.town(func(ctx context.Context, s store.Store) {
		c := &store.Change{
			Resident: who, At: ago(3 * time.Hour), State: []byte{1}, Link: []store.Address{{Key: keys.Address("tel", "+12025550177"), Kind: "tel", Address: "+12025550177"}},
			Outbox: []store.Message{
				{ID: [16]byte{1}, Resident: who, Channel: "sms.gateway", Kind: "tel", Due: ago(2 * time.Hour), Body: []byte("x")},
				{ID: [16]byte{2}, Resident: who, Channel: "sms.kannel", Kind: "tel", Due: ago(time.Minute), Body: []byte("x")},
				{ID: [16]byte{3}, Resident: who, Channel: "telegram", Kind: "tel", Due: ago(time.Hour), Body: []byte("x")},
			},
			Timers: []store.Timer{{Resident: who, Name: "remind", At: ago(time.Hour)}},
			Case:   &store.Case{State: store.Waiting, Since: ago(30 * 24 * time.Hour), Last: ago(30 * 24 * time.Hour), Unread: 1, Lang: "en"},
		}
		if out, err := s.Commit(ctx, c); err != nil || out.Kind != store.Applied {
			t.Fatal(out, err)
		}
		if err := s.Settle(ctx, p.d.now, []store.Settled{{ID: [16]byte{3}, State: store.Dead, Code: "30008"}}); err != nil {
			t.Fatal(err)
		}
	})
	f := p.finds(true, "outbox", "1 message on sms.gateway (replies) should have left")
	if f.Since == nil || p.d.now.Sub(*f.Since).Round(time.Minute) != 2*time.Hour {
		t.Errorf("since %v", f.Since)
	}
	p.finds(false, "outbox", "telegram (replies) not sent (30008)")
	p.finds(true, "timers", "did not happen")
	if f := p.finds(true, "desk", "1 resident waits for a person"); f.Since == nil {
		t.Error("since when is not said")
	}
	var out strings.Builder
	p.d.tell(&out)
	for _, never := range []string{"5550177", "sms.kannel"} {
		if strings.Contains(out.String(), never) {
			t.Errorf("%q is told:\n%s", never, out.String())
		}
	}
	for _, want := range []string{"Wrong (outbox):", "    Since ", "2 hours", "As it should be: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
	if look := strings.Index(out.String(), "Look ("); look < strings.LastIndex(out.String(), "Wrong (") {
		t.Error("what is wrong doesn't come first")
	}
}

func TestDoctorOnBackupsAndCertificates(t *testing.T) {
	p := examine(t)
	p.finds(true, "backups", "There is no backup")
	t.Setenv("TOWNLINE_WATCH_BACKUPS", "")
	p.finds(false, "backups", "Nobody looks")
	dir := t.TempDir()
	t.Setenv("TOWNLINE_WATCH_BACKUPS", dir)
	file := filepath.Join(dir, "monday.db")
	if err := os.WriteFile(file, []byte("copy"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.never("backups")
	if err := os.Chtimes(file, time.Now(), p.d.now.Add(-30*time.Hour-time.Minute)); err != nil {
		t.Fatal(err)
	}
	p.finds(true, "backups", "30 hours old")
	t.Setenv("TOWNLINE_WATCH_BACKUPS", filepath.Join(dir, "nowhere"))
	p.finds(true, "backups", "can't be read")

	// The settings want a line beside a certificate: the part is looked at by itself.
	for until, wrong := range map[time.Duration]bool{-time.Hour: true, 72 * time.Hour: false} {
		p.d.findings = nil
		p.d.c.SIP.Cert = certificate(t, p.d.now.Add(until))
		p.d.certificates()
		if len(p.d.findings) != 1 || p.d.findings[0].Wrong != wrong {
			t.Errorf("%v: %+v", until, p.d.findings)
		}
	}
	p.d.findings = nil
	p.d.c.SIP.Cert = certificate(t, p.d.now.Add(90*24*time.Hour))
	if p.d.certificates(); len(p.d.findings) > 0 {
		t.Errorf("%+v", p.d.findings)
	}
	p.d.c.SIP.Cert = file
	if p.d.certificates(); len(p.d.findings) != 1 {
		t.Errorf("%+v", p.d.findings)
	}
}

func TestDoctorOnRedisDisksAndTheClock(t *testing.T) {
	p := examine(t)
	t.Setenv("TOWNLINE_REDIS_URL", "redis://"+free(t))
	p.finds(true, "redis", "doesn't answer")
	p.d.findings = nil
	p.d.clock(time.Now().Add(-20*time.Second), "the database", skewMost)
	p.d.clock(time.Now().Add(time.Minute), "Redis", skewMost)
	p.d.clock(time.Now().Add(time.Second), "Twilio", skewMost)
	if len(p.d.findings) != 2 || !strings.Contains(p.d.findings[0].What, "ahead of that of the database") || !strings.Contains(p.d.findings[1].What, "behind that of Redis") {
		t.Errorf("%+v", p.d.findings)
	}
	if os.Geteuid() != 0 { // who is root may write anywhere
		if err := os.Chmod(filepath.Dir(p.c.Store.Path), 0o500); err != nil {
			t.Fatal(err)
		}
		p.finds(true, "disk", "Nothing can be written")
	}
}

func TestDoctorOnPrograms(t *testing.T) {
	p := examine(t)
	t.Setenv("PATH", t.TempDir())
	t.Setenv("TOWNLINE_PAGES_WEB", "on")
	p.finds(false, "programs", "Nothing is read aloud")
	p.d.c.Kiosk.Printer, p.d.c.Kiosk.Browser = "receipts", "/nowhere/chromium"
	p.d.findings = nil
	p.d.programs(t.Context())
	if len(p.d.findings) != 3 {
		t.Errorf("%+v", p.d.findings)
	}
}

// world is the world as far as it is asked.
type world map[string]func() (*http.Response, error)

func (a world) RoundTrip(r *http.Request) (*http.Response, error) {
	for part, answer := range a {
		if strings.Contains(r.URL.String(), part) {
			return answer()
		}
	}
	return nil, errors.New("nobody is there")
}

func answering(status int, body string, age time.Duration) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Date": {time.Now().Add(-age).UTC().Format(http.TimeFormat)}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func TestDoctorFarAway(t *testing.T) {
	for name, c := range map[string]struct {
		world world
		about string
		words string
	}{
		"public address: nobody":       {world{}, "public_url", "Nobody answers"},
		"public address: other":        {world{"talk.example.org": answering(200, "Welcome to nginx", 0)}, "public_url", "Another program"},
		"public address: no such name": {world{"talk.example.org": func() (*http.Response, error) { return nil, &net.DNSError{Name: "talk.example.org"} }}, "public_url", "no machine of the name"},
		"clock":                        {world{"talk.example.org": answering(200, "alive", 5*time.Minute)}, "clock", "ahead of that of the public address"},
		"twilio: away":                 {world{}, "sms.twilio", "doesn't answer"},
		"twilio: wrong token":          {world{"api.twilio.com": answering(401, "{}", 0)}, "sms.twilio", "token is wrong"},
		"twilio: no credit":            {world{"api.twilio.com": answering(200, `{"status":"suspended"}`, 0)}, "sms.twilio", "is suspended"},
		"telegram: away":               {world{}, "telegram", "doesn't answer"},
		"telegram: wrong token":        {world{"/getMe": answering(401, `{"ok":false}`, 0)}, "telegram", "doesn't know the bot's token"},
		"telegram: never told":         {world{"/getMe": answering(200, `{"result":{"username":"b"}}`, 0), "/getWebhookInfo": answering(200, `{"result":{"url":""}}`, 0)}, "telegram", "not told where to call"},
		"telegram: another server":     {world{"/getMe": answering(200, `{"result":{}}`, 0), "/getWebhookInfo": answering(200, `{"result":{"url":"https://old.example.org/telegram"}}`, 0)}, "telegram", "another server"},
		"telegram: can't call": {world{"/getMe": answering(200, `{"result":{}}`, 0), "/getWebhookInfo": answering(200, fmt.Sprintf(`{"result":{"url":"https://talk.example.org/telegram","pending_update_count":3,"last_error_date":%d}}`, time.Now().Add(-time.Minute).Unix()), 0)},
			"telegram", "3 messages wait there"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &checkup{now: time.Now(), far: true, client: &http.Client{Transport: c.world}, c: &config.Config{PublicURL: "https://talk.example.org", Town: config.Town{Zone: time.UTC}}}
			d.c.SMS.Twilio = config.Twilio{AccountSID: "AC0", AuthToken: []config.Secret{config.NewSecret("very-secret")}}
			d.c.Telegram = config.Telegram{Token: config.NewSecret("1:very-secret"), Webhook: true}
			d.reach(t.Context())
			found := false
			for _, f := range d.findings {
				found = found || f.About == c.about && strings.Contains(f.What, c.words) && f.Wrong && f.Do != ""
				if strings.Contains(fmt.Sprint(f), "very-secret") {
					t.Errorf("a secret is told: %+v", f)
				}
			}
			if !found {
				t.Errorf("%q is not found, but %+v", c.words, d.findings)
			}
		})
	}
	d := &checkup{now: time.Now(), client: &http.Client{}, c: &config.Config{Town: config.Town{Zone: time.UTC}}}
	d.c.SMPP.Operators = []config.Operator{{Name: "mtn", Host: free(t)}}
	d.reach(t.Context())
	if len(d.findings) != 1 || d.findings[0].About != "smpp.operators: mtn" {
		t.Errorf("%+v", d.findings)
	}
}

// A proxy that passes on what the README says, and keeps /healthz to itself, is right; one that leaves a way in out isn't.
func TestDoctorOnTheProxyBeforeIt(t *testing.T) {
	town := newServer(slog.New(slog.DiscardHandler), prometheus.NewRegistry(), nil).handler()
	var passed []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.ContainsFunc(passed, func(p string) bool { return strings.HasPrefix(r.URL.Path, p) }) {
			town.ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	defer proxy.Close()
	for _, c := range []struct {
		passed []string
		want   string
	}{
		{[]string{"/sms/", "/telegram/", "/ussd/", "/voice/", "/web"}, ""},
		{[]string{"/"}, ""},
		{[]string{"/healthz", "/sms/"}, "What comes to /voice/, /web "},
		{[]string{"/sms/", "/web"}, "What comes to /voice/ "},
		{nil, "Another program"},
	} {
		d := &checkup{now: time.Now(), client: proxy.Client(), c: &config.Config{PublicURL: proxy.URL, Town: config.Town{Zone: time.UTC}}}
		d.c.SMS.Twilio.AccountSID, d.c.Voice.Twilio.From, d.c.Pages.Web = "AC0", "+12025550100", true
		passed = c.passed
		d.public(t.Context())
		if len(d.findings) > 1 || (len(d.findings) == 1) != (c.want != "") || c.want != "" && !strings.Contains(d.findings[0].What, c.want) {
			t.Errorf("%v passed on: %+v", c.passed, d.findings)
		}
	}
}

// A proxy that hides who calls opens the figures to all, and makes forgers and residents one.
func TestDoctorOnAProxyThatHidesWhoCalls(t *testing.T) {
	for figures, want := range map[string]bool{"townline_turns_total 1\n": true, "Not here": false} {
		d := &checkup{now: time.Now(), c: &config.Config{PublicURL: "https://talk.example.org", Town: config.Town{Zone: time.UTC}}}
		d.client = &http.Client{Transport: world{"org/metrics": answering(200, figures, 0), "org/healthz": answering(200, "alive", 0)}}
		d.public(t.Context())
		if len(d.findings) > 1 || (len(d.findings) == 1 && d.findings[0].Wrong && strings.Contains(d.findings[0].What, "Anybody can read")) != want {
			t.Errorf("%q: %+v", figures, d.findings)
		}
	}
	for counted, want := range map[string]bool{"": false, unnamedFigure + " 0\n": false, "# TYPE " + unnamedFigure + " counter\n" + unnamedFigure + " 7\n": true} {
		d := &checkup{client: &http.Client{Transport: world{"/metrics": answering(200, counted, 0)}}}
		d.figures(t.Context(), "127.0.0.1:8080")
		if (len(d.findings) == 1 && strings.Contains(d.findings[0].What, "nobody named")) != want {
			t.Errorf("%q: %+v", counted, d.findings)
		}
	}
}

// A certificate that is over, and one that nobody trusts, by a real handshake.
func TestDoctorOnThePublicCertificate(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") }))
	defer server.Close()
	d := &checkup{now: time.Now(), client: &http.Client{}, c: &config.Config{PublicURL: server.URL, Town: config.Town{Zone: time.UTC}}}
	d.public(t.Context())
	if len(d.findings) != 1 || !strings.Contains(d.findings[0].What, "none that the world trusts") {
		t.Errorf("%+v", d.findings)
	}
	d.findings, d.client = nil, server.Client()
	if d.public(t.Context()); len(d.findings) > 0 {
		t.Errorf("%+v", d.findings)
	}
	d.now = server.Certificate().NotAfter.Add(-48 * time.Hour)
	if d.public(t.Context()); len(d.findings) != 1 || !strings.Contains(d.findings[0].What, "ends in 2 days") {
		t.Errorf("%+v", d.findings)
	}
}

func TestDoctorAtTheTerminal(t *testing.T) {
	p := newPlace(t)
	p.env = append(p.env, "TOWNLINE_LISTEN="+free(t))
	p.run("", "doctor").must(t, 1, "Wrong (server): The town is not running here", "Start it: townline serve.", "As it should be: settings")
	a := p.run("", "doctor", "--json")
	var told struct {
		Wrong    bool
		Findings []finding
		Sound    []string
	}
	if err := json.Unmarshal([]byte(a.out), &told); err != nil || a.status != 1 || !told.Wrong || len(told.Findings) == 0 || len(told.Sound) == 0 {
		t.Errorf("%v %d %s", err, a.status, a.out)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "townline.db")); err == nil {
		t.Error("it made a store")
	}
	if _, err := os.Stat(filepath.Join(p.dir, "townline.key")); err == nil {
		t.Error("it made keys")
	}
}
