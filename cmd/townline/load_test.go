package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	loadSID   = "AC00000000000000000000000000000000"
	loadToken = "0123456789abcdef0123456789abcdef"
	loadURL   = "https://talk.example.org"
	callers   = 64 // connections at the same time
)

// script is one conversation of the town that init makes; it is held again and again.
var script = [...]string{"OAK", "tap", "1", "yes"}

// loaded is a served town whose webhook is called with Twilio's signature.
type loaded struct {
	url    string
	client *http.Client
	next   atomic.Int64
	people int64
}

// call sends the next message of somebody, and waits for the reply.
func (l *loaded) call() error {
	n := l.next.Add(1) - 1
	person, round := n%l.people, n/l.people // everybody's first message, then everybody's second, …
	form := url.Values{
		"MessageSid": {fmt.Sprintf("SM%032d", n)}, "AccountSid": {loadSID}, "From": {fmt.Sprintf("+1415%07d", person)},
		"To": {"+12025550100"}, "Body": {script[round%int64(len(script))]}, "NumMedia": {"0"},
	}
	req, err := http.NewRequest(http.MethodPost, l.url+"/sms/twilio", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", twilioSignature(form))
	resp, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "<Message>")) {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return err
}

// twilioSignature signs the form of a text.
func twilioSignature(form url.Values) string { return twilioSigned("/sms/twilio", form) }

// twilioSigned signs a form as Twilio does: HMAC-SHA1 over the address and the sorted parameters.
func twilioSigned(path string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(loadToken))
	io.WriteString(mac, loadURL+path)
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		io.WriteString(mac, name+form.Get(name))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// BenchmarkSignedWebhook drives POST /sms/twilio of the built program over real HTTP, signed, with 64 callers and 10,000
// residents: turns/s as fast as it goes, then the times at half of that rate. Callers and town share the machine.
func BenchmarkSignedWebhook(b *testing.B) {
	l, r := openLoaded(b, 10_000)
	var failed atomic.Value
	b.ResetTimer()
	begun := time.Now()
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := l.call(); err != nil {
					failed.Store(err.Error())
					return
				}
			}
		})
	}
	all.Wait()
	full := float64(b.N) / time.Since(begun).Seconds()
	b.StopTimer()
	if err := failed.Load(); err != nil {
		b.Fatal(err)
	}
	times := halfLoad(b, l, full/2, min(3*time.Second, time.Duration(b.N)*time.Millisecond))
	b.ReportMetric(full, "turns/s")
	b.ReportMetric(ms(times, 50), "p50-ms")
	b.ReportMetric(ms(times, 99), "p99-ms")
	reportMemory(b, r.cmd.Process.Pid)
}

// BenchmarkMemoryAfter100000 holds 100,000 conversations and reports what the process keeps in memory. Run it with
// -benchtime 1x.
func BenchmarkMemoryAfter100000(b *testing.B) {
	for range b.N {
		l, r := openLoaded(b, 100_000)
		var left atomic.Int64
		left.Store(2 * 100_000) // each is begun and answered once
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for left.Add(-1) >= 0 {
					if err := l.call(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		reportMemory(b, r.cmd.Process.Pid)
	}
}

// BenchmarkStart measures from the process's first instruction to the first answer of /readyz.
func BenchmarkStart(b *testing.B) {
	p := newPlace(b)
	for range b.N {
		r, err := start(binary, p.dir, p.env)
		if err != nil {
			b.Fatal(err)
		}
		resp, err := http.Get(r.url + "/readyz")
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
		b.StopTimer()
		if err := r.stop(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func openLoaded(b *testing.B, people int64) (*loaded, *running) {
	b.Helper()
	p := newPlace(b)
	if a := p.run("", "init", "."); a.status != 0 {
		b.Fatal(a.err)
	}
	p.env = append(p.env, "TOWNLINE_PUBLIC_URL="+loadURL, "TOWNLINE_SMS_TWILIO_ACCOUNT_SID="+loadSID,
		"TOWNLINE_SMS_TWILIO_AUTH_TOKEN="+loadToken, "TOWNLINE_SMS_TWILIO_FROM=+12025550100", "TOWNLINE_LOG_LEVEL=warn")
	r := p.serve("--preview", "off")
	return &loaded{
		url: r.url, people: people,
		client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4 * callers}},
	}, r
}

// halfLoad sends at a steady rate, whether or not the last answer has come, and returns how long each took from the moment
// it was due: waiting in our own queue counts.
func halfLoad(b *testing.B, l *loaded, rate float64, length time.Duration) []time.Duration {
	n := max(int(rate*length.Seconds()), 1)
	due := make(chan time.Time, n)
	times := make([]time.Duration, n)
	var at atomic.Int64
	var all sync.WaitGroup
	for range 4 * callers {
		all.Go(func() {
			for when := range due {
				if err := l.call(); err != nil {
					b.Error(err)
					return
				}
				times[at.Add(1)-1] = time.Since(when)
			}
		})
	}
	begun, sent := time.Now(), 0
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for sent < n {
		<-tick.C
		for ; sent < n && float64(sent) < time.Since(begun).Seconds()*rate; sent++ {
			due <- begun.Add(time.Duration(float64(sent) / rate * float64(time.Second)))
		}
	}
	close(due)
	all.Wait()
	slices.Sort(times)
	return times
}

// ms is a percentile in milliseconds.
func ms(sorted []time.Duration, percent int) float64 {
	return float64(sorted[min(len(sorted)*percent/100, len(sorted)-1)].Microseconds()) / 1000
}

func reportMemory(b *testing.B, pid int) {
	all, own := megabytes(b, pid)
	b.ReportMetric(all, "MB")
	b.ReportMetric(own, "MB-own")
}

// megabytes is the memory of a process that is resident, in megabytes (Linux). The pages of files that are mapped, as SQLite's are,
// count in it: the system takes them back when it needs them. own is what is left without.
func megabytes(b testing.TB, pid int) (all, own float64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Log(err)
		return 0, 0
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kb); n == 1 {
			all = kb / 1024
		}
		if n, _ := fmt.Sscanf(line, "RssAnon: %f kB", &kb); n == 1 {
			own = kb / 1024
		}
	}
	return all, own
}
