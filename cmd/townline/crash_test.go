package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/townline/townline/channels/signature"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

var (
	kills     = flag.Int("kills", 50, "how often TestKilledInTraffic kills the town")
	residents = flag.Int("residents", 200, "how many residents text at the same time")
)

// crashDialog takes any words, so that a turn that was answered and then lost shows at once: the next words are taken for
// the lost ones, and the question after them is the wrong one.
const crashDialog = `dialog: crash
version: 1
title: Three words
purpose: consultation
language: en
start: WORDS
who: anyone
secrecy: public
decides: The council decides on 1 May and is not bound by this. Its answer comes by 1 June.
steps:
  - id: first
    type: text
    limit: 100
    say: What is the first word?
  - id: second
    type: text
    limit: 100
    say: What is the second word?
  - id: third
    type: text
    limit: 100
    say: What is the third word?
  - id: agree
    type: consent
    say: May the town keep these words?
    refuse: Nothing was kept.
  - id: saved
    type: submit
  - id: receipt
    type: end
    say: Thank you. Your receipt is ${reference}.
`

const crashSecret = "a-secret-of-thirty-two-characters"

// traffic is residents who text a town that is killed again and again. What they were told is held against what they are
// told later, and against the store in the end.
type traffic struct {
	url     string
	client  *http.Client
	stop    atomic.Bool // no conversation is begun any more
	broken  atomic.Bool // no message is sent any more
	answers atomic.Int64
	retries atomic.Int64
	repeats atomic.Int64

	mu    sync.Mutex
	wrong []string
	done  map[string]bool // conversations that ran to their end, by name
	maybe map[string]bool // and those whose last answer got no reply: it counts once, or not at all
}

func (tr *traffic) say(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if len(tr.wrong) < 20 {
		tr.wrong = append(tr.wrong, fmt.Sprintf(format, args...))
	}
	tr.stop.Store(true)
	tr.broken.Store(true)
}

// sent is a message that was answered.
type sent struct{ id, words, reply string }

// resident holds conversations until traffic stops.
type resident struct {
	tr     *traffic
	number string
	chance *rand.Rand
	count  int
	recent []sent                                                // the last that were answered
	by     func(number string, m sent) (reply string, err error) // one try; nil: a signed request to the gateway's door
}

func (r *resident) live() {
	for n := 1; !r.tr.stop.Load(); n++ {
		name := fmt.Sprintf("%s-%d", r.number, n)
		for i, turn := range [...][2]string{
			{"WORDS", "What is the first word?"}, {name + "-a", "What is the second word?"}, {name + "-b", "What is the third word?"},
			{name + "-c", "May the town keep these words?"}, {"yes", "Thank you. Your receipt is"},
		} {
			reply, ok := r.text(turn[0])
			if !ok {
				return
			}
			if !strings.Contains(reply, turn[1]) {
				r.tr.say("%s, message %d: after %q it said %q, not %q", name, i+1, turn[0], reply, turn[1])
				return
			}
		}
		r.tr.mu.Lock()
		r.tr.done[name] = true
		r.tr.mu.Unlock()
	}
}

// text sends one message until it is answered, and now and then an old one again.
func (r *resident) text(words string) (string, bool) {
	r.count++
	m := sent{id: fmt.Sprintf("%s/%d", r.number, r.count), words: words}
	reply, ok := r.deliver(m)
	if !ok {
		return "", false
	}
	m.reply = reply
	r.recent = append(r.recent, m)
	if len(r.recent) > 12 { // the last 16 are promised
		r.recent = r.recent[1:]
	}
	if r.chance.IntN(8) == 0 {
		old := r.recent[r.chance.IntN(len(r.recent))]
		again, ok := r.deliver(old)
		if !ok {
			return "", false
		}
		r.tr.repeats.Add(1)
		if again != old.reply {
			r.tr.say("%s was answered %q, and when it came again %q", old.id, old.reply, again)
		}
	}
	return reply, true
}

// deliver is what a gateway does: the same message again until there is a 2xx, read whole.
func (r *resident) deliver(m sent) (string, bool) {
	try := r.by
	if try == nil {
		try = r.tr.texts
	}
	for ; !r.tr.broken.Load(); r.tr.retries.Add(1) {
		reply, err := try(r.number, m)
		if err == nil {
			r.tr.answers.Add(1)
			return reply, true
		}
		pause := time.NewTimer(time.Duration(5+r.chance.IntN(40)) * time.Millisecond)
		<-pause.C
	}
	return "", false
}

// texts hands a message to the gateway's door.
func (tr *traffic) texts(number string, m sent) (string, error) {
	body, _ := json.Marshal(map[string]string{"id": m.id, "from": number, "to": "+12025550000", "text": m.words})
	return tr.post(body)
}

func (tr *traffic) post(body []byte) (string, error) {
	req, err := http.NewRequest(http.MethodPost, tr.url+"/sms/gateway", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	signature.Put([]byte(crashSecret), req.URL.Path, req.Header, body, time.Now())
	return tr.asks(req)
}

// asks sends a request, and returns what a 2xx said.
func (tr *traffic) asks(req *http.Request) (string, error) {
	resp, err := tr.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(resp.Status)
	}
	return string(text), nil
}

// crash lets residents text a town that is killed so many times, and returns what went wrong.
func crash(t *testing.T, program string, env []string, kills, residents int) *traffic {
	t.Helper()
	p := newPlace(t)
	p.write("dialogs/crash.yaml", crashDialog)
	p.write("townline.yaml", "dialogs: dialogs\ntown: {name: Elmwood, timezone: UTC}\nstore: {url: 'sqlite:town.db', key_file: town.key}\nlog: {level: error}\n")
	env = append(append(p.env, "TOWNLINE_SMS_GATEWAY_SECRET="+crashSecret), env...)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := free.Addr().String()
	_ = free.Close()

	tr := &traffic{
		url: "http://" + listen, done: map[string]bool{},
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: residents}},
	}
	var all sync.WaitGroup
	for i := range residents {
		r := &resident{tr: tr, number: fmt.Sprintf("+1202555%04d", i), chance: rand.New(rand.NewPCG(uint64(i), 1))}
		all.Go(r.live)
	}
	chance := rand.New(rand.NewPCG(7, 7))
	kills += kills / 9 // beside each nine kills, one time it is asked to end
	for n := range kills + 1 {
		up, err := start(program, p.dir, env, "--listen", listen)
		if err != nil {
			tr.say("start %d: %v", n+1, err)
			break
		}
		if n == kills { // the last one lives until everybody has finished
			tr.stop.Store(true)
			all.Wait()
			if err := up.stop(); err != nil {
				tr.say("it ended with %v: %s", err, up.errs)
			}
			break
		}
		// Not before something was answered, so that each life has traffic; then at any moment.
		for before := tr.answers.Load(); tr.answers.Load() == before && !tr.broken.Load(); {
			pause := time.NewTimer(time.Millisecond)
			<-pause.C
		}
		life := time.NewTimer(time.Duration(chance.IntN(600)) * time.Millisecond)
		<-life.C
		if n%10 == 9 { // asked to end, it must do so cleanly in the midst of traffic
			if err := up.stop(); err != nil {
				tr.say("asked to end, it ended with %v: %s", err, up.errs)
			}
		} else {
			_ = up.cmd.Process.Kill()
			_ = up.cmd.Wait()
		}
		if tr.broken.Load() {
			break
		}
	}
	all.Wait()
	if !tr.broken.Load() {
		tr.compare(t, p.dir)
	}
	return tr
}

// compare holds the store against what residents were told.
func (tr *traffic) compare(t *testing.T, dir string) {
	t.Helper()
	keys, err := store.LoadKeys(filepath.Join(dir, "town.key"), "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(filepath.Join(dir, "town.db"), keys)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tr.kept(t, s)
}

// kept looks that a store has what was answered to its end, once and whole, and nothing else.
func (tr *traffic) kept(t *testing.T, s store.Store) {
	t.Helper()
	seen := map[string]int{}
	for dialog, words := range map[string]func(string) map[string]string{"crash": crashWords, "keys": keysWords} {
		err := s.Responses(t.Context(), dialog, func(resp store.Response) error {
			var r engine.Record
			if err := engine.Decode(resp.Record, &r); err != nil {
				return err
			}
			first, _ := r.Answer("first")
			name := strings.TrimSuffix(first.Values[0], "-a")
			seen[name]++
			for step, want := range words(name) {
				if a, _ := r.Answer(step); len(a.Values) != 1 || a.Values[0] != want {
					tr.say("%s: %s is on record as %q", name, step, a.Values)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range tr.done {
		if seen[name] != 1 {
			tr.say("%s was answered to its end, and is on record %d times", name, seen[name])
		}
	}
	for name, n := range seen {
		if n != 1 || !tr.done[name] && !tr.maybe[name] {
			tr.say("%s is on record %d times; its end was answered: %v", name, n, tr.done[name])
		}
	}
}

// crashWords are what is on record of a conversation of the crash dialog.
func crashWords(name string) map[string]string {
	return map[string]string{"first": name + "-a", "second": name + "-b", "third": name + "-c"}
}

// TestKilledInTraffic kills the town again and again while residents text it. Every message that was answered with a 2xx
// must be on record once, the same message again must get the same answer, and nobody may see a contradiction.
func TestKilledInTraffic(t *testing.T) {
	begun := time.Now()
	tr := crash(t, binary, nil, *kills, *residents)
	for _, w := range tr.wrong {
		t.Error(w)
	}
	if len(tr.done) < *residents || tr.repeats.Load() == 0 || *kills > 0 && tr.retries.Load() == 0 {
		t.Errorf("there was too little traffic to tell: %d conversations, %d repeats, %d retries", len(tr.done), tr.repeats.Load(), tr.retries.Load())
	}
	t.Logf("%d residents, %d kills: %d conversations, %d messages answered, %d tried again, %d repeated after their answer; %s",
		*residents, *kills, len(tr.done), tr.answers.Load(), tr.retries.Load(), tr.repeats.Load(), time.Since(begun).Round(time.Second))
}

// TestAnsweringBeforeTheCommitIsCaught runs the same on a program that answers before the turn is on disk: this very test
// binary, with the store of openEarly. Left alone it must pass, or it would be caught for another reason.
func TestAnsweringBeforeTheCommitIsCaught(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env := []string{ackEarly + "=1"}
	if tr := crash(t, self, env, 0, 20); len(tr.wrong) > 0 {
		t.Fatalf("without a kill it is wrong already: %v", tr.wrong)
	}
	if tr := crash(t, self, env, 20, 200); len(tr.wrong) == 0 {
		t.Error("a town that answers before the commit was not caught")
	} else {
		t.Logf("caught: %s", tr.wrong[0])
	}
}

// ackEarly in the environment turns the test binary into a townline with the store of openEarly.
const ackEarly = "ACK_BEFORE_COMMIT"

// early is a store that answers before the commit. Whoever reads what is not committed yet waits for it.
type early struct {
	store.Store
	mu      sync.Mutex
	pending map[store.Resident]chan struct{}
}

func openEarly(c *config.Config, mayMake bool) (store.Store, *store.Keys, error) {
	s, keys, err := openStore(c, mayMake)
	if err != nil {
		return nil, nil, err
	}
	return &early{Store: s, pending: map[store.Resident]chan struct{}{}}, keys, nil
}

func (e *early) wait(r store.Resident) {
	e.mu.Lock()
	busy := e.pending[r]
	e.mu.Unlock()
	if busy != nil {
		<-busy
	}
}

func (e *early) Load(ctx context.Context, r store.Resident) (store.Conversation, error) {
	e.wait(r)
	return e.Store.Load(ctx, r)
}

func (e *early) Meet(ctx context.Context, a store.AddressKey) (store.Conversation, bool, error) {
	r, ok, err := e.Find(ctx, a)
	if err != nil || !ok {
		return store.Conversation{}, ok, err
	}
	e.wait(r)
	return e.Store.Meet(ctx, a)
}

func (e *early) Find(ctx context.Context, a store.AddressKey) (store.Resident, bool, error) {
	r, ok, err := e.Store.Find(ctx, a)
	for err == nil && !ok { // a resident who is being made
		e.mu.Lock()
		var busy chan struct{}
		for _, b := range e.pending {
			busy = b
		}
		e.mu.Unlock()
		if busy == nil {
			return e.Store.Find(ctx, a)
		}
		<-busy
		r, ok, err = e.Store.Find(ctx, a)
	}
	return r, ok, err
}

func (e *early) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	e.wait(c.Resident)
	kept, busy := *c, make(chan struct{})
	kept.State, kept.Reply = slices.Clone(c.State), slices.Clone(c.Reply) // c is used again
	kept.Responses, kept.Link = slices.Clone(c.Responses), slices.Clone(c.Link)
	kept.Timers, kept.Untimers, kept.Consents = slices.Clone(c.Timers), slices.Clone(c.Untimers), slices.Clone(c.Consents)
	e.mu.Lock()
	e.pending[c.Resident] = busy
	e.mu.Unlock()
	go func() {
		_, _ = e.Store.Commit(context.WithoutCancel(ctx), &kept)
		e.mu.Lock()
		delete(e.pending, kept.Resident)
		e.mu.Unlock()
		close(busy)
	}()
	return store.Outcome{Kind: store.Applied}, nil
}

// Close waits for what was answered already.
func (e *early) Close() error {
	e.mu.Lock()
	var busy []chan struct{}
	for _, b := range e.pending {
		busy = append(busy, b)
	}
	e.mu.Unlock()
	for _, b := range busy {
		<-b
	}
	return e.Store.Close()
}
