package outpost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
)

// post sends bytes to a path of the centre, with the proof that secret makes of them.
func (w *world) post(secret, path string, at time.Time, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	ms, keys := strconv.FormatInt(at.UnixMilli(), 10), newLineKeys(secret)
	r.Header.Set(TimeHeader, ms)
	r.Header.Set(ProofHeader, keys.prove(path, ms, len(body)))
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	return rec
}

func sealed(t *testing.T, secret, path string, at time.Time, v any) []byte {
	t.Helper()
	plain, err := pack(v)
	if err != nil {
		t.Fatal(err)
	}
	return newLineKeys(secret).out.seal(plain, aboutRequest(path, strconv.FormatInt(at.UnixMilli(), 10)))
}

func TestWhoHasNoSecretLearnsNothing(t *testing.T) {
	w := newWorld(t, 20)
	now := w.clock.Now()
	good := sealed(t, lineSecret, "/outpost/library/sync", now, report{})
	if rec := w.post(lineSecret, "/outpost/library/sync", now, good); rec.Code != http.StatusOK {
		t.Fatal("with the secret:", rec.Code)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	var bodies []string
	const other = "another-secret-of-thirty-two-char"
	for name, c := range map[string]struct {
		secret, path string
		at           time.Time
		body         []byte
	}{
		"another secret":           {other, "/outpost/library/sync", now, sealed(t, other, "/outpost/library/sync", now, report{})},
		"another machine's secret": {lineSecret, "/outpost/hall/sync", now, good},
		"for another path":         {lineSecret, "/outpost/library/ask", now, good},
		"at another time":          {lineSecret, "/outpost/library/sync", now.Add(time.Second), good},
		"changed on the way":       {lineSecret, "/outpost/library/sync", now, flipped},
		"nobody's name":            {"nobody", "/outpost/nobody/sync", now, sealed(t, "nobody", "/outpost/nobody/sync", now, report{})},
		"another secret's proof":   {other, "/outpost/library/sync", now, good},
		"nothing":                  {lineSecret, "/outpost/library/sync", now, nil},
	} {
		rec := w.post(c.secret, c.path, c.at, c.body)
		if rec.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, rec.Code)
		}
		bodies = append(bodies, rec.Body.String())
	}
	if slices.Sort(bodies); bodies[0] != bodies[len(bodies)-1] {
		t.Error("who has no secret can tell machines apart:", bodies)
	}
}

// Who has no secret has nothing read: a stranger can't fill the centre's memory. Who has it says how much comes, and no more
// is read.
func TestNoStrangersBodyIsRead(t *testing.T) {
	w := newWorld(t, 23)
	const path = "/outpost/library/sync"
	keys, others := newLineKeys(lineSecret), newLineKeys("another-secret-of-thirty-two-char")
	at := strconv.FormatInt(w.clock.Now().UnixMilli(), 10)
	for name, c := range map[string]struct {
		proof string
		most  int // bytes that are read
		code  int
	}{
		"none":              {"", 0, http.StatusUnauthorized},
		"no number":         {"x.y", 0, http.StatusUnauthorized},
		"another's":         {others.prove(path, at, 1000), 0, http.StatusUnauthorized},
		"of another path":   {keys.prove("/outpost/hall/sync", at, 1000), 0, http.StatusUnauthorized},
		"of another time":   {keys.prove(path, at+"0", 1000), 0, http.StatusUnauthorized},
		"of another size":   {"9" + keys.prove(path, at, 1000), 0, http.StatusUnauthorized},
		"of less than none": {keys.prove(path, at, -1), 0, http.StatusUnauthorized},
		"of too much":       {keys.prove(path, at, MostReport+1), 0, http.StatusUnauthorized},
		"of less":           {keys.prove(path, at, 1000), 1001, http.StatusRequestEntityTooLarge},
	} {
		body := &flood{left: 1 << 20}
		r := httptest.NewRequest(http.MethodPost, path, body)
		r.Header.Set(TimeHeader, at)
		r.Header.Set(ProofHeader, c.proof)
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, r)
		if rec.Code != c.code || body.read > c.most {
			t.Errorf("a proof that is %s: status %d, %d bytes were read", name, rec.Code, body.read)
		}
	}
}

// flood is a long body, one byte at a time.
type flood struct{ left, read int }

func (c *flood) Read(b []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	c.left, c.read = c.left-1, c.read+1
	b[0] = 'x'
	return 1, nil
}

func TestAReplyAnswersItsRequestOnly(t *testing.T) {
	w := newWorld(t, 21)
	now := w.clock.Now()
	const path = "/outpost/library/sync"
	one, two := sealed(t, lineSecret, path, now, report{}), sealed(t, lineSecret, path, now, report{})
	keys := newLineKeys(lineSecret)
	reply := w.post(lineSecret, path, now, one).Body.Bytes()
	if _, err := keys.back.open(reply, aboutReply(path, one)); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.back.open(reply, aboutReply(path, two)); err == nil {
		t.Error("it answers another request as well")
	}
	if _, err := keys.out.open(reply, aboutRequest(path, strconv.FormatInt(now.UnixMilli(), 10))); err == nil {
		t.Error("it passes for a request")
	}
}

// An old call changes nothing: the time is under the seal.
func TestAnOldCall(t *testing.T) {
	w := newWorld(t, 22)
	b := w.booth("library", 0)
	b.sync()
	b.says("ann", "WORDS")
	b.sync()
	old := w.line.heard
	at := w.clock.Now()
	w.clock.pass(time.Hour)
	for _, body := range old {
		rec := w.post(lineSecret, "/outpost/library/sync", at, body)
		if rec.Code != http.StatusOK {
			continue // a question
		}
		plain, err := newLineKeys(lineSecret).back.open(rec.Body.Bytes(), aboutReply("/outpost/library/sync", body))
		if err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := unpack(plain, mostAnswer, &a); err != nil || !a.Astray || len(a.Verdicts) > 0 {
			t.Errorf("%+v %v", a, err)
		}
	}
}

// books that do what a test wants.
type books struct {
	channels.Books
	adopt func(t channels.Turn) (channels.Verdict, error)
}

func (b books) Adopt(ctx context.Context, t channels.Turn, aside func(string) error) (channels.Verdict, error) {
	if v, err := b.adopt(t); v != 0 || err != nil {
		return v, err
	}
	return b.Books.Adopt(ctx, t, aside)
}

// One visit's turn that can't be entered holds up nobody else, is tried again, and is put aside in the end.
func TestAPoisonedTurn(t *testing.T) {
	for _, how := range []string{"error", "panic"} {
		w := newWorld(t, 23)
		b := w.booth("library", 0)
		b.sync()
		poisoned := ""
		w.centre.s.Books = books{w.x, func(turn channels.Turn) (channels.Verdict, error) {
			if poisoned == "" {
				poisoned = turn.From.ID
			}
			if turn.From.ID != poisoned || turn.Number < 2 {
				return 0, nil
			}
			if how == "panic" {
				panic("what was said")
			}
			return 0, errors.New("never")
		}}
		b.says("ann", "WORDS", "poison", "b", "c", "yes")
		for n := range 9 {
			b.says("bob"+strconv.Itoa(n), "WORDS", "a", "b", "c", "yes")
			b.contact(t.Context())
			w.clock.pass(tryEvery)
			if got := len(w.polled("words")); got != n+1 {
				t.Fatalf("%s: %d of %d records", how, got, n+1)
			}
			if n, _ := b.Waiting(); n != 4 {
				t.Fatalf("%s: %d turns wait", how, n)
			}
		}
		for range 5 { // the ones after it can't be entered either
			b.says("last", "help")
			b.contact(t.Context())
			w.clock.pass(tryEvery)
		}
		b.sync()
		if all := w.centre.aside.All(); len(all) != 4 || all[0].Why != "failing" {
			t.Errorf("%s: put aside %+v", how, all)
		}
	}
}

// TestATurnThatFailsForAMoment is tried as often as others are entered meanwhile, and entered in the end: what was wrong was the centre.
func TestATurnThatFailsForAMoment(t *testing.T) {
	w := newWorld(t, 26)
	b := w.booth("library", 0)
	b.sync()
	first, fails := "", true
	w.centre.s.Books = books{w.x, func(turn channels.Turn) (channels.Verdict, error) {
		if first == "" {
			first = turn.From.ID
		}
		if fails && turn.From.ID == first {
			return 0, errors.New("a server that stands still has their row")
		}
		return 0, nil
	}}
	b.says("ann", "WORDS", "mine", "b", "c", "yes")
	for n := range 3 * patience {
		b.says("bob"+strconv.Itoa(n), "WORDS", "a", "b", "c", "yes")
		b.contact(t.Context())
		w.clock.pass(tryEvery / (4 * patience))
	}
	fails = false
	b.sync()
	if all, got := w.centre.aside.All(), len(w.polled("words")); len(all) != 0 || got != 3*patience+1 {
		t.Errorf("%d put aside, %d records", len(all), got)
	}
}

func TestTurnsSealedForAnotherTown(t *testing.T) {
	w := newWorld(t, 24)
	b := w.booth("library", 0)
	b.sync()
	b.says("ann", "WORDS")
	var err error
	if w.centre.key, err = privateKey([]byte("another seed of exactly 32 bytes")); err != nil {
		t.Fatal(err)
	}
	b.sync()
	if all := w.centre.aside.All(); len(all) != 1 || all[0].Why != "sealed" {
		t.Errorf("%+v", all)
	}
}

func TestWhatWasPutAsideStaysUntilSomebodyHasSeenToIt(t *testing.T) {
	w := newWorld(t, 25)
	b := w.booth("library", 0)
	b.sync()
	w.line.down = true
	b.says("ann", "ROLLV", "XYZ999", "sunday", "yes")
	w.line.down = false
	b.sync()
	for range 2 {
		w.open() // the centre is started anew
		all := w.centre.aside.All()
		if len(all) != 1 || all[0].Why != "code" {
			t.Fatalf("%+v", all)
		}
	}
	file := w.dir + "/aside"
	if _, err := OpenAside(file); err == nil {
		t.Error("two work with it")
	}
	listed, err := ReadAside(file)
	if err != nil || len(listed) != 1 {
		t.Fatal(listed, err)
	}
	turn, err := listed[0].Open(w.centre.s.Seed)
	if err != nil || len(turn.Done) == 0 {
		t.Fatal(turn, err)
	}
	if _, err := listed[0].Open([]byte("another seed of exactly 32 bytes")); err == nil {
		t.Error("anybody can read it")
	}
	var code []string
	for _, d := range turn.Done {
		if d.Effect.Kind == engine.Keep {
			code = d.Effect.Values
		}
	}
	if !slices.Equal(code, []string{"XYZ999"}) {
		t.Error(code)
	}
	if err := w.centre.aside.Settle(listed[0].ID); err != nil {
		t.Fatal(err)
	}
	w.open()
	if n := w.centre.aside.Len(); n != 0 {
		t.Error(n, "are aside still")
	}
	if all, err := ReadAside(w.dir + "/nothing"); err != nil || len(all) > 0 {
		t.Error(all, err)
	}
}

// What somebody has seen to is destroyed, also while others are aside still.
func TestWhatWasSettledIsGone(t *testing.T) {
	name := t.TempDir() + "/aside"
	a, err := OpenAside(name)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for n, sealed := range []string{"the first", "the second", "the third"} {
		if _, err := a.put(Put{ID: [16]byte{byte(n + 1)}, Outpost: "library", Why: "code", Sealed: []byte(sealed)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Settle([16]byte{2}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("the second")) {
		t.Error("what was settled is on the disk")
	}
	if _, err := a.put(Put{ID: [16]byte{4}, Sealed: []byte("the fourth")}); err != nil {
		t.Fatal(err)
	}
	left, err := ReadAside(name)
	if err != nil {
		t.Fatal(err)
	}
	var sealed []string
	for _, p := range left {
		sealed = append(sealed, string(p.Sealed))
	}
	if want := []string{"the first", "the third", "the fourth"}; !slices.Equal(sealed, want) {
		t.Errorf("left are %q, want %q", sealed, want)
	}
}

func TestTheCentreKnowsHowItsMachinesFare(t *testing.T) {
	w := newWorld(t, 26)
	reg := prometheus.NewRegistry()
	if err := reg.Register(w.centre.metrics); err != nil {
		t.Fatal(err)
	}
	b := w.booth("library", 0)
	figure := func(want string) {
		t.Helper()
		all, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range all {
			for _, m := range f.Metric {
				if len(m.Label) == 1 {
					got = append(got, fmt.Sprint(strings.TrimPrefix(f.GetName(), "townline_outpost_"), " ", m.Label[0].GetValue(), " ", m.Gauge.GetValue()))
				}
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q, not %q", strings.Join(got, ", "), want)
		}
	}
	figure("") // it was never heard of
	b.sync()
	w.centre.s.Books = books{w.x, func(channels.Turn) (channels.Verdict, error) { return 0, errors.New("not today") }}
	b.says("ann", "WORDS", "one")
	w.clock.pass(time.Minute)
	b.contact(t.Context())
	w.clock.pass(90 * time.Second)
	figure("queue_age_seconds library 150, queue_turns library 2, silence_seconds library 90")
	w.centre.s.Books = w.x
	b.sync()
	figure("queue_age_seconds library 0, queue_turns library 0, silence_seconds library 0")
}

// Run forwards what is said without anybody asking, and stops when it is told to.
func TestRun(t *testing.T) {
	w := newWorld(t, 27)
	b := w.booth("library", 0)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { b.Run(ctx); close(done) }()
	<-b.Arrived()
	b.says("ann", "WORDS", "a", "b", "c", "yes")
	for len(w.polled("words")) == 0 {
		tick := time.NewTimer(time.Millisecond)
		<-tick.C
	}
	stop()
	<-done
}

func TestWhenATurnWasHeld(t *testing.T) {
	now := time.UnixMilli(1_000_000_000)
	for _, c := range []struct {
		p    parcel
		want int64
	}{
		{parcel{Ago: 5000, At: 77}, 999_995_000},     // whatever its clock showed
		{parcel{Ago: -1, At: 77}, 77},                // it was started anew: by its clock, as far as that was known
		{parcel{Ago: -1, At: 1_000_000_001}, 1e9},    // not in the future
		{parcel{Ago: 0, At: 2_000_000_000_000}, 1e9}, // at this moment
	} {
		if got := c.p.held(now).UnixMilli(); got != c.want {
			t.Errorf("%+v: %d, not %d", c.p, got, c.want)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	for _, v := range []any{report{Turns: []parcel{{Sealed: []byte("x")}}}, answer{Verdicts: []channels.Verdict{1}}, question{}, reply{}} {
		b, err := pack(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []any{&report{}, &answer{}, &question{}, &reply{}, &kept{}} {
			_ = unpack(b, 1<<16, v)
		}
	})
}

// Compressed bytes that would fill the memory are refused.
func TestABomb(t *testing.T) {
	b, err := pack(report{Turns: []parcel{{Sealed: make([]byte, 4<<20)}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 100<<10 {
		t.Fatal("no bomb:", len(b))
	}
	var r report
	if err := unpack(b, 1<<20, &r); !errors.Is(err, errLarge) {
		t.Error(err)
	}
}

var _ io.Closer = (*Centre)(nil)

// BenchmarkReceive is what a visitor waits for: the turn held, sealed twice and on disk.
func BenchmarkReceive(b *testing.B) {
	w := newWorld(b, 30)
	m := w.booth("library", 0)
	m.sync()
	w.line.down = true
	m.says("ann", "WORDS")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Receive(b.Context(), m.event("ann", "help")); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkForward is a hundred turns from the machine into the store.
func BenchmarkForward(b *testing.B) {
	w := newWorld(b, 31)
	m := w.booth("library", 0)
	m.sync()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for range 100 {
			if _, err := m.Receive(b.Context(), m.event("ann", "help")); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		m.sync()
	}
}
