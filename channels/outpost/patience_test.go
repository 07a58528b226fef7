package outpost

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
)

// A turn with a recording in it, which fills a report by itself, holds up nobody when the centre can't enter it: what others
// said goes first, and it is put aside in the end.
func TestAPoisonedRecording(t *testing.T) {
	w := newWorld(t, 40)
	b := w.booth("library", 0)
	b.sync()
	poisoned := ""
	w.centre.s.Books = books{w.x, func(turn channels.Turn) (channels.Verdict, error) {
		if len(turn.Attached) > 0 {
			poisoned = turn.From.ID
		}
		if turn.From.ID == poisoned {
			return 0, errors.New("never")
		}
		return 0, nil
	}}
	w.line.down = true
	b.says("ann", "WORDS")
	w.line.down = false
	b.sync()
	e := b.event("ann", "")
	sound := strings.Repeat("what somebody said ", mostWeight/16)
	e.Attached = []channels.Attachment{{Type: "audio/ogg", Bytes: append([]byte("OggS\x00\x02"), []byte("OpusHead"+sound)...)}}
	if _, err := b.Receive(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	for n := range 2 * patience {
		b.says("bob", "WORDS", "a", "b", "c", "yes")
		more := true
		var err error
		for range 5 {
			if more, err = b.contact(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !more {
				break
			}
		}
		w.clock.pass(tryEvery)
		if more {
			t.Fatal("it calls again and again without a pause")
		}
		if got := len(w.polled("words")); got != n+1 {
			t.Fatalf("%d of %d records", got, n+1)
		}
	}
	if waiting, _ := b.Waiting(); waiting != 0 {
		t.Error(waiting, "turns wait")
	}
	if all := w.centre.aside.All(); len(all) != 1 || all[0].Why != "failing" {
		t.Errorf("put aside: %d", len(all))
	}
}

// More turns than fit in a report, of a visit that the centre can't enter, hold up nobody either.
func TestALongPoisonedVisit(t *testing.T) {
	w := newWorld(t, 41)
	b := w.booth("library", 0)
	b.sync()
	poisoned := ""
	w.centre.s.Books = books{w.x, func(turn channels.Turn) (channels.Verdict, error) {
		if poisoned == "" {
			poisoned = turn.From.ID
		}
		if turn.From.ID == poisoned {
			return 0, errors.New("never")
		}
		return 0, nil
	}}
	b.says("ann", "WORDS")
	for range mostParcels + 20 {
		b.says("ann", "help")
	}
	b.says("bob", "WORDS", "a", "b", "c", "yes")
	for range 5 {
		w.clock.pass(time.Minute)
		if _, err := b.contact(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(w.polled("words")); got != 1 {
		t.Error(got, "records")
	}
}

// A recording that takes minutes on a slow line is taken: the call began when it says, and nobody hangs up meanwhile.
func TestARecordingThatTakesMinutes(t *testing.T) {
	w := newWorld(t, 42)
	b := w.booth("library", 0)
	b.sync()
	b.says("ann", "WORDS")
	began := w.clock.Now()
	plain, err := pack(&report{})
	if err != nil {
		t.Fatal(err)
	}
	path, at := "/outpost/library/sync", strconv.FormatInt(began.UnixMilli(), 10)
	keys := newLineKeys(lineSecret)
	body := keys.out.seal(plain, aboutRequest(path, at))
	r := httptest.NewRequest(http.MethodPost, path, &slowly{bytes.NewReader(body), func() { w.clock.pass(2 * drift) }})
	r.Header.Set(TimeHeader, at)
	r.Header.Set(ProofHeader, keys.prove(path, at, len(body)))
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	if plain, err = keys.back.open(rec.Body.Bytes(), aboutReply(path, body)); err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := unpack(plain, mostAnswer, &a); err != nil || a.Astray {
		t.Errorf("%+v %v", a, err)
	}

	for size, least := range map[int]time.Duration{1 << 10: 20 * time.Second, 8 << 20: 30 * time.Minute} {
		if got := callTime(size); got < least || got > 2*least {
			t.Errorf("%d bytes may take %v", size, got)
		}
	}
	if o, err := Open(Settings{
		Name: "x", Secret: lineSecret, Centre: "http://centre.example", Dir: t.TempDir(), Channel: "kiosk", Locales: b.s.Locales, Entropy: chance(1),
	}); err != nil || o.client.Timeout > 0 && o.client.Timeout < callTime(8<<20) {
		t.Error("it hangs up before a recording can be there", err)
	} else {
		o.Close()
	}
}

// slowly calls pass when it was read.
type slowly struct {
	*bytes.Reader
	pass func()
}

func (s *slowly) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err == io.EOF {
		s.pass()
	}
	return n, err
}

// A disk that fails is told: only when the machine is opened anew it can hold turns again, and it has what it had.
func TestAMachineWhoseDiskFails(t *testing.T) {
	w := newWorld(t, 43)
	b := w.booth("library", 0)
	b.sync()
	w.line.down = true
	b.says("ann", "WORDS")
	select {
	case <-b.Failed():
		t.Fatal("it has failed already")
	default:
	}
	one := b.event("ann", "one")
	sync := b.journal.sync
	b.journal.sync = func(*os.File) error { return errors.New("no space left") }
	if _, err := b.Receive(t.Context(), one); err == nil {
		t.Fatal("it was held")
	}
	b.journal.sync = sync // there is space again: that alone doesn't tell what is on the disk
	if _, err := b.Receive(t.Context(), one); err == nil {
		t.Fatal("it was held")
	}
	select {
	case <-b.Failed():
	default:
		t.Error("nobody is told")
	}
	if err := b.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b.start()
	r, err := b.Receive(t.Context(), one) // the page sends it again
	if err != nil {
		t.Fatal(err)
	}
	w.expect(textOf(r), "What is the second word?")
}

// What is put aside without being entered is counted as well.
func TestRefusedTurnsAreCounted(t *testing.T) {
	w := newWorld(t, 44)
	b := w.booth("library", 0)
	b.sync()
	reg := prometheus.NewRegistry()
	reg.MustRegister(w.centre.metrics.turns)
	var err error
	if w.centre.key, err = privateKey([]byte("another seed of exactly 32 bytes")); err != nil {
		t.Fatal(err)
	}
	b.says("ann", "WORDS")
	b.sync()
	all, err := reg.Gather()
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	got := map[string]float64{}
	for _, m := range all[0].Metric {
		if m.Counter.GetValue() > 0 {
			got[m.Label[0].GetValue()+" "+m.Label[1].GetValue()] = m.Counter.GetValue()
		}
	}
	if want := map[string]float64{"library refused": 1}; !maps.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}
