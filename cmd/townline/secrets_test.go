package main

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

// What is secret is never shown: not by "config", not in the log at its most talkative, not in figures, not in an answer to whoever knocks,
// and not where something fails for it. Every secret that can be set has a mark to be found by.
func TestSecretsAreNeverShown(t *testing.T) {
	p := newPlace(t)
	p.write("townline.yaml", everyWay+`smpp: {operators: ["mtn host=127.0.0.1:1 system_id=town from=15001"], passwords: [mtn=MARKsmpp]}
sip: {listen: ["udp:127.0.0.1:0"], advertise: 127.0.0.1, trunks: [main host=127.0.0.1:9 user=town from=+15550100 allow=192.0.2.0/24], passwords: [main=MARK-sip-password], callers: [main=pbx:MARK-sip-caller]}
log: {level: debug}
desk: {clerks: []}
`)
	p.env = append(p.env, "TOWNLINE_REDIS_URL=redis://:MARK-redis-password@127.0.0.1:1")
	const mark = "MARK"
	hides := func(where, text string) {
		t.Helper()
		if i := strings.Index(text, mark); i >= 0 {
			t.Errorf("%s shows a secret: …%s…", where, text[max(0, i-120):min(len(text), i+60)])
		}
	}
	shown := p.run("", "config")
	hides("config", shown.out+shown.err)
	if !strings.Contains(shown.out, "sms.gateway.secret") {
		t.Fatalf("config shows no settings: %s%s", shown.out, shown.err)
	}
	hides("config --json", p.run("", "config", "--json").out)
	// Wrong settings are told without what was written.
	bad := newPlace(t)
	bad.write("townline.yaml", "sms: {gateway: {secret: MARKshort}}\nusdd: {secrets: [hubtel=MARK x]}\nussd: {secrets: [nobody=MARKMARKMARKMARKMARK]}\nredis: {url: MARK}\n")
	told := bad.run("", "config")
	hides("a mistake", told.out+told.err)

	r := p.serve("--preview", "off")
	body := func(resp *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b) + strings.Join(resp.Header.Values("Location"), " ")
	}
	get := func(path string) {
		t.Helper()
		resp, err := http.Get(r.url + path)
		hides(path, body(resp, err))
	}
	for _, all := range forgeries() {
		for _, f := range all {
			method, path, isGet := strings.Cut(f[0], " ")
			switch {
			case !strings.Contains(f[0], "/"):
				continue
			case isGet && method == http.MethodGet:
				get(path)
				continue
			}
			resp, err := http.Post(r.url+f[0], f[1], strings.NewReader(f[2]))
			hides(f[0], body(resp, err))
		}
	}
	// Right secrets, in the address where gateways want them there, for a turn that is held and for one that can't be read.
	dial := url.Values{"sessionId": {"1"}, "phoneNumber": {"+14155550100"}, "text": {""}, "serviceCode": {"*384*123#"}}
	for _, path := range []string{"/ussd/africastalking?key=MARK-ussd-0123456789", "/ussd/africastalking/MARK-ussd-0123456789", "/ussd/hubtel?key=MARK-ussd-0123456789"} {
		resp, err := http.PostForm(r.url+path, dial)
		hides(path, body(resp, err))
	}
	get("/sms/kannel?key=MARK-kannel-0123456789&from=%2B14155550100&text=HELP&id=1")
	get("/sms/kannel?key=MARK-kannel-0123456789&text=x")
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/kiosk", "/web", "/desk", "/debug/pprof/", "/debug/vars"} {
		get(path)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/profile", "/debug/vars"} {
		if resp, err := http.Get(r.url + path); err != nil || resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %v %v", path, resp.Status, err)
		}
	}
	for _, path := range []string{"/healthz", "/metrics", "/kiosk", "/web", "/nowhere"} {
		resp, err := http.Get(r.url + path)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'", "Referrer-Policy": ""} {
			if got := resp.Header.Get(name); got == "" || !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	log := r.errs.String()
	hides("the log", log)
	if !strings.Contains(log, "level=DEBUG") || !strings.Contains(log, "sms.kannel") || !strings.Contains(log, "signature") {
		t.Errorf("nothing happened:\n%s", log)
	}
	keys, err := os.ReadFile(p.dir + "/townline.key")
	if err != nil {
		t.Fatal(err)
	}
	if k := strings.TrimSpace(string(keys)); strings.Contains(log, k[:min(20, len(k))]) {
		t.Error("the log shows the town's keys")
	}
}
