package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/config"
	"github.com/townline/townline/store"
)

var overload = flag.Duration("overload", 0, "how long TestOverloaded overloads; 0: a moment, without a look at the figures")

// narrows is set for a townline whose store commits so many turns a second.
const narrows = "TOWNLINE_TEST_NARROWS"

// narrowed commits one change at a time, each in its time.
type narrowed struct {
	store.Store
	each time.Duration
	door chan struct{}
}

func openNarrow(c *config.Config, mayMake bool) (store.Store, *store.Keys, error) {
	s, keys, err := openStore(c, mayMake)
	rate, _ := strconv.Atoi(os.Getenv(narrows))
	return &narrowed{s, time.Second / time.Duration(rate), make(chan struct{}, 1)}, keys, err
}

func (s *narrowed) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	select {
	case s.door <- struct{}{}:
	case <-ctx.Done():
		return store.Outcome{}, ctx.Err()
	}
	begun := time.Now()
	go func() { // the next one may when this one's time is over
		<-time.After(s.each - time.Since(begun))
		<-s.door
	}()
	return s.Store.Commit(ctx, c)
}

// TestOverloaded offers the served town five times the signed texts that its store takes, for -overload, whether or not the last were
// answered: what is taken in is answered in time, the rest at once with 503 and when to come again, and as much is done as can be.
func TestOverloaded(t *testing.T) {
	const capacity, times = 40, 5
	length := max(*overload, 2*time.Second)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t)
	p.env = append(p.env, narrows+"="+fmt.Sprint(capacity), "TOWNLINE_PUBLIC_URL="+loadURL, "TOWNLINE_SMS_TWILIO_ACCOUNT_SID="+loadSID,
		"TOWNLINE_SMS_TWILIO_AUTH_TOKEN="+loadToken, "TOWNLINE_SMS_TWILIO_FROM=+12025550100", "TOWNLINE_LOG_LEVEL=warn")
	r, err := start(self, p.dir, p.env, "--preview", "off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill(); _ = r.cmd.Wait() })
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}
	var mu sync.Mutex
	var held, away []time.Duration
	inTime := 0
	begun := time.Now()
	end := begun.Add(length)
	ask := func(n int) {
		form := url.Values{"MessageSid": {fmt.Sprintf("SM%032d", n)}, "AccountSid": {loadSID}, "From": {fmt.Sprintf("+1415%07d", n)}, "To": {"+12025550100"}, "Body": {"MAIN"}, "NumMedia": {"0"}}
		req, err := http.NewRequest(http.MethodPost, r.url+"/sms/twilio", strings.NewReader(form.Encode()))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Twilio-Signature", twilioSignature(form))
		due := time.Now()
		resp, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		_ = resp.Body.Close()
		took := time.Since(due)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case resp.StatusCode == http.StatusOK:
			if held = append(held, took); !time.Now().After(end) {
				inTime++
			}
		case resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "":
			away = append(away, took)
		default:
			t.Errorf("it answers %s", resp.Status)
		}
	}
	var all sync.WaitGroup
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := 0; time.Now().Before(end); <-tick.C {
		for ; float64(n) < time.Since(begun).Seconds()*capacity*times; n++ {
			all.Go(func() { ask(n) })
		}
	}
	all.Wait()
	slices.Sort(held)
	slices.Sort(away)
	if len(held) == 0 || len(away) == 0 {
		t.Fatalf("%d were answered, %d turned away", len(held), len(away))
	}
	goodput := float64(inTime) / length.Seconds() / capacity
	t.Logf("%d offered a second where %d can be held, for %v: %d answered, p50 %.0f ms, p99 %.0f ms; %d asked to come again, p50 %.1f ms, p99 %.0f ms; %.0f %% of what can be was done",
		capacity*times, capacity, length, len(held), ms(held, 50), ms(held, 99), len(away), ms(away, 50), ms(away, 99), 100*goodput)
	if *overload == 0 {
		return
	}
	if ms(held, 99) > 3000 || ms(away, 99) > 1500 || goodput < 0.9 {
		t.Error("that is not good enough: 3 s, 1.5 s and 90 % are")
	}
}
