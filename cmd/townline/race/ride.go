package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// rider holds the dialog with everybody, again and again.
type rider struct {
	url, signed, account, token, to, answers string

	steps           []step
	callers, people int
	warm, length    time.Duration
	rounds          int // how often everybody holds the dialog; 0: until the time is over
	watched         []watched

	client *http.Client
	run    string // makes the messages' ids this run's own
	next   atomic.Int64
	came   sync.Map // number → chan string: answers by the REST API
}

// patience is how long an answer is waited for.
const patience = 20 * time.Second

// ride runs until it is over, or until an answer isn't what it should be.
func (r *rider) ride() (result, error) {
	if r.people < r.callers {
		return result{}, fmt.Errorf("%d callers need as many people: there are %d", r.callers, r.people)
	}
	var id [6]byte
	rand.Read(id[:])
	r.run = hex.EncodeToString(id[:])
	r.client = &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * r.callers}}
	if r.answers != "" {
		l, err := net.Listen("tcp", r.answers)
		if err != nil {
			return result{}, err
		}
		s := &http.Server{Handler: http.HandlerFunc(r.answered)}
		defer s.Close()
		go s.Serve(l)
	}
	begun := time.Now().Add(r.warm)
	ended := begun.Add(r.length)
	if r.rounds > 0 {
		ended = begun.Add(24 * time.Hour)
	}
	last := ended
	took := make([][]time.Duration, r.callers)
	errs := make(chan error, r.callers)
	var all sync.WaitGroup
	var stop atomic.Bool
	for c := range r.callers {
		all.Go(func() {
			for round := 0; r.rounds == 0 || round < r.rounds; round++ {
				for _, s := range r.steps {
					for person := c; person < r.people; person += r.callers {
						start := time.Now()
						if stop.Load() || start.After(last) {
							return
						}
						if err := r.turn(person, s); err != nil {
							stop.Store(true)
							errs <- fmt.Errorf("%q: %w", s.says, err)
							return
						}
						if end := time.Now(); start.After(begun) && end.Before(last) {
							took[c] = append(took[c], end.Sub(start))
						}
					}
				}
			}
		})
	}
	time.Sleep(time.Until(begun))
	before := look(r.watched)
	own := ownCPU()
	over := make(chan struct{})
	go func() {
		defer close(over)
		all.Wait()
	}()
	select {
	case <-over:
		ended = time.Now()
	case <-time.After(time.Until(ended)):
	}
	own = ownCPU() - own
	after := look(r.watched)
	<-over
	select {
	case err := <-errs:
		return result{}, err
	default:
	}
	times := slices.Concat(took...)
	if len(times) == 0 {
		return result{}, fmt.Errorf("no turn was over within %s", ended.Sub(begun))
	}
	slices.Sort(times)
	ms := func(percent int) float64 { return float64(times[len(times)*percent/100].Microseconds()) / 1000 }
	n := float64(len(times))
	out := result{Turns: len(times), Rate: n / ended.Sub(begun).Seconds(), P50: ms(50), P99: ms(99), Most: float64(times[len(times)-1].Microseconds()) / 1000,
		CPU: map[string]float64{}, Memory: map[string]float64{}, Driver: float64(own.Microseconds()) / n}
	for i, w := range r.watched {
		out.Watched = append(out.Watched, w.name)
		out.CPU[w.name] = float64((after[i].cpu - before[i].cpu).Microseconds()) / n
		out.Memory[w.name] = float64(after[i].memory) / (1 << 20)
	}
	return out, nil
}

// turn says one thing for one person, and waits for the answer.
func (r *rider) turn(person int, s step) error {
	from := fmt.Sprintf("+1415%07d", person)
	form := url.Values{
		"MessageSid": {fmt.Sprintf("SM%s%020d", r.run, r.next.Add(1))}, "AccountSid": {r.account}, "From": {from},
		"To": {r.to}, "Body": {s.says}, "NumMedia": {"0"},
	}
	var came chan string
	if r.answers != "" {
		came = make(chan string, 8)
		r.came.Store(from, came)
		defer r.came.Delete(from)
	}
	req, err := http.NewRequest(http.MethodPost, r.url, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", sign(r.signed, r.token, form))
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", resp.Status, body)
	}
	said := string(body)
	if came == nil {
		if !strings.Contains(said, s.holds) {
			return fmt.Errorf("the answer doesn't hold %q: %s", s.holds, said)
		}
		return nil
	}
	for late := time.After(patience); !strings.Contains(said, s.holds) || !strings.Contains(said, "\n"); {
		select {
		case more := <-came:
			said += "\n" + more
		case <-late:
			return fmt.Errorf("no answer with %q came: %s", s.holds, said)
		}
	}
	return nil
}

// answered takes a message as Twilio's REST API does.
func (r *rider) answered(w http.ResponseWriter, req *http.Request) {
	to, body := req.PostFormValue("To"), req.PostFormValue("Body")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"sid": "SM%s%020d", "status": "queued"}`, r.run, r.next.Add(1))
	if c, ok := r.came.Load(to); ok {
		select {
		case c.(chan string) <- body:
		default: // far more than an answer has
		}
	}
}

// sign signs a form as Twilio does: HMAC-SHA1 over the address and the sorted parameters.
func sign(url, token string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	io.WriteString(mac, url)
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

func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
