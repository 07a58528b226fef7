// Package outpost keeps a machine in a community centre at work when it is cut off. The machine holds every turn itself, keeps
// it in a sealed file before its page is shown, and forwards it to the centre, in order; being cut off is only a longer queue.
// The other half, Centre, takes the turns at the town's server.
package outpost

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

// Clock is where the time comes from. Its times have a monotonic reading where they can: then a wall clock that is set
// meanwhile changes no turn's age.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// Settings are what an Outpost is made of.
type Settings struct {
	Name    string // as the centre knows it
	Secret  string // shared with the centre
	Centre  string // "https://talk.example.org"
	Dir     string // of its own; made where it is not there
	Channel string // what its turns come by: "kiosk"
	Traits  render.Traits
	Locales *locales.Catalogue
	// Due gives the day that a request is promised for, so many working days from now in the town's time; nil: none is.
	Due     func(now time.Time, days int) string
	Client  *http.Client // nil: the usual one
	Clock   Clock        // nil: the machine's
	Entropy io.Reader    // visits, references, the order of options; crypto/rand.Reader
	Log     *slog.Logger // nil: none. It is never told what was said
	Metrics prometheus.Registerer
}

// Outpost holds turns. Open makes it; it forwards what it holds while Run runs.
type Outpost struct {
	s        Settings
	base     string // URL of the centre's calls
	path     string
	wires    lineKeys
	shut     box // seals the town on disk
	marks    []byte
	clock    Clock
	log      *slog.Logger
	client   *http.Client
	lock     io.Closer
	journal  *journal
	metrics  *metrics
	place    atomic.Pointer[place]
	replaced sync.Mutex // one town at a time is put in place
	up       atomic.Bool
	tried    atomic.Bool // to reach the centre
	bell     chan struct{}
	arrived  chan struct{}

	chance  sync.Mutex
	entropy *bufio.Reader

	mu     sync.Mutex
	next   uint64 // number of the next entry
	visits map[[16]byte]*visit
	queue  []*entry     // not yet acknowledged, in order
	tidied sync.RWMutex // held for writing while the journal is written anew
	bare   int64        // length of the journal when there is no turn in it
	latest int64        // the latest time in the journal when it was opened, in unix milliseconds
}

var _ channels.Inbox = (*Outpost)(nil)

// ErrNoTown is returned by Receive while the outpost has never been in touch with its centre.
var ErrNoTown = errors.New("outpost: the centre was never reached, so there are no dialogs yet")

// Open makes an outpost, or wakes it up as it was. A second one in the same folder is refused.
func Open(s Settings) (o *Outpost, err error) {
	if s.Name == "" || s.Secret == "" || s.Centre == "" || s.Dir == "" || s.Locales == nil || s.Entropy == nil || s.Channel == "" {
		return nil, errors.New("outpost: name, secret, centre, folder, channel, phrases and a source of randomness are needed")
	}
	path := "/outpost/" + s.Name + "/"
	o = &Outpost{
		s: s, base: strings.TrimSuffix(s.Centre, "/") + path, path: path, wires: newLineKeys(s.Secret), shut: newBox([]byte(s.Secret), "town"),
		marks: derive([]byte(s.Secret), "marks", 32), clock: s.Clock, log: s.Log, client: s.Client, bell: make(chan struct{}, 1), arrived: make(chan struct{}, 1),
		entropy: bufio.NewReaderSize(s.Entropy, 512), visits: map[[16]byte]*visit{}, next: 1,
	}
	if o.clock == nil {
		o.clock = machine{}
	}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	if o.client == nil {
		o.client = &http.Client{} // each call has its own time
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("outpost: %w", err)
	}
	if o.lock, err = lockFile(filepath.Join(s.Dir, "lock")); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			o.lock.Close()
		}
	}()
	k, err := readTown(s.Dir, o.shut)
	if err != nil {
		return nil, err
	}
	if k != nil {
		p, err := newPlace(*k, s.Locales, nil)
		if err != nil {
			o.log.Warn("the town that was kept can't be used: waiting for the centre", "error", err)
		} else {
			o.settle(p)
		}
	}
	journal, torn, err := openJournal(filepath.Join(s.Dir, "turns"), o.recall)
	if err != nil {
		return nil, fmt.Errorf("outpost: %w", err)
	}
	o.journal = journal
	o.onward()
	if torn > 0 {
		o.log.Warn("the last write was cut off: it is in turns.torn; nobody was told that it was kept", "bytes", torn)
	}
	if o.metrics, err = newMetrics(s.Metrics, o); err != nil {
		o.journal.close()
		return nil, err
	}
	return o, nil
}

// Close lets go of the folder. What was not forwarded is forwarded when it is opened again.
func (o *Outpost) Close() error { return errors.Join(o.journal.close(), o.lock.Close()) }

// Town is what conversations are held with; false until the centre was reached once.
func (o *Outpost) Town() (t *talk.Town, facts Town, ok bool) {
	p := o.place.Load()
	if p == nil {
		return nil, Town{}, false
	}
	return p.talk, p.facts, true
}

// Arrived gets a value when the town was put in place or has changed, also when it was on disk already.
func (o *Outpost) Arrived() <-chan struct{} { return o.arrived }

// settle puts a town in place.
func (o *Outpost) settle(p *place) {
	o.place.Store(p)
	select {
	case o.arrived <- struct{}{}:
	default:
	}
}

// Ready says why no turn can be held; nil when one can.
func (o *Outpost) Ready(context.Context) error {
	if o.place.Load() == nil {
		return ErrNoTown
	}
	return o.journal.trouble()
}

// Failed is closed when the disk failed: Ready says how. No turn can be held until the outpost is opened anew.
func (o *Outpost) Failed() <-chan struct{} { return o.journal.failed }

// Waiting is how many turns wait for the centre, and for how long the oldest has.
func (o *Outpost) Waiting() (n int, oldest time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		return 0, 0
	}
	return len(o.queue), o.age(o.queue[0])
}

// Up says whether the centre was there when it was last tried.
func (o *Outpost) Up() bool { return o.up.Load() }

// Report: nothing is pushed from an outpost.
func (o *Outpost) Report(context.Context, string, string, channels.Delivery) error { return nil }

// now is the time by the centre's clock, as far as it is known.
func (o *Outpost) now(p *place) time.Time { return o.clock.Now().Add(p.offset).In(p.talk.Zone) }

// onward sets the time, as far as it is known, to the latest in the journal where it was before that: the clock of a machine
// without a battery falls back when the power goes, and nobody can tell it better until the centre is reached.
func (o *Outpost) onward() {
	p := o.place.Load()
	if p == nil {
		return
	}
	if back := time.UnixMilli(o.latest).Sub(o.now(p)); o.latest > 0 && back > 0 {
		later := *p
		later.offset += back
		o.place.Store(&later)
		o.log.Warn("the clock has fallen back: going on from the last time that is known", "by", back.Round(time.Second))
	}
}

// random fills b.
func (o *Outpost) random(b []byte) error {
	o.chance.Lock()
	defer o.chance.Unlock()
	if _, err := io.ReadFull(o.entropy, b); err != nil {
		return fmt.Errorf("outpost: randomness: %w", err)
	}
	return nil
}

// chanceOf is an outpost's randomness as a reader.
type chanceOf struct{ o *Outpost }

func (c chanceOf) Read(b []byte) (int, error) {
	if err := c.o.random(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// ring wakes Run.
func (o *Outpost) ring() {
	select {
	case o.bell <- struct{}{}:
	default:
	}
}

// short names a visit in the log: nobody can tell whose it is.
func short(id [16]byte) string { return hex.EncodeToString(id[:4]) }

// machine is the machine's clock.
type machine struct{}

func (machine) Now() time.Time                         { return time.Now() }
func (machine) After(d time.Duration) <-chan time.Time { return time.After(d) }
