package outpost

import (
	"bytes"
	"context"
	"crypto/hpke"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
)

// CentreSettings are what a Centre is made of.
type CentreSettings struct {
	Books    channels.Books
	Outposts map[string]string // their secrets by their names
	Seed     []byte            // 32 secret bytes, always the same: turns are sealed for the key that is made of them
	Aside    string            // file for turns that a person has to look at
	Town     func() Town       // what the outposts are told; Dialogs and Key are filled in
	Dialogs  func() []*dialogs.Dialog
	Clock    Clock        // nil: the machine's
	Log      *slog.Logger // nil: none
	Metrics  prometheus.Registerer
}

// Centre takes the turns of the town's outposts, and gives them its dialogs.
type Centre struct {
	s       CentreSettings
	clock   Clock
	log     *slog.Logger
	key     hpke.PrivateKey
	public  []byte
	lines   map[string]lineKeys
	aside   *Aside
	metrics *centreMetrics
}

var _ channels.Mounter = (*Centre)(nil)

// NewCentre puts a centre together. Close lets go of its file.
func NewCentre(s CentreSettings) (*Centre, error) {
	c := &Centre{s: s, clock: s.Clock, log: s.Log, lines: map[string]lineKeys{}}
	if c.clock == nil {
		c.clock = machine{}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if c.key, err = privateKey(s.Seed); err != nil {
		return nil, err
	}
	c.public = c.key.PublicKey().Bytes()
	names := make([]string, 0, len(s.Outposts))
	for name, secret := range s.Outposts {
		c.lines[name] = newLineKeys(secret)
		names = append(names, name)
	}
	slices.Sort(names)
	if c.aside, err = OpenAside(s.Aside); err != nil {
		return nil, err
	}
	if c.metrics, err = newCentreMetrics(s.Metrics, c, names); err != nil {
		return nil, errors.Join(err, c.aside.Close())
	}
	return c, nil
}

// Close lets go of the file of turns that were put aside.
func (c *Centre) Close() error { return c.aside.Close() }

// Mount answers the outposts' calls.
func (c *Centre) Mount(mux *http.ServeMux, _ channels.Inbox) {
	mux.HandleFunc("POST /outpost/{name}/"+callSync, func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, c.sync) })
	mux.HandleFunc("POST /outpost/{name}/"+callAsk, func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, c.ask) })
}

// serve opens a call, has it answered and seals the answer. Whoever has no secret learns nothing, not even the names.
func (c *Centre) serve(w http.ResponseWriter, r *http.Request, answer func(ctx context.Context, name string, plain []byte, astray bool) (any, error)) {
	began := c.clock.Now() // a recording may be minutes on its way: that makes no call an old one
	name := r.PathValue("name")
	keys, known := c.lines[name]
	if !known {
		keys = newLineKeys(name)
	}
	at := r.Header.Get(TimeHeader)
	size, proved := keys.proved(r.URL.Path, at, r.Header.Get(ProofHeader))
	if !proved || !known {
		http.Error(w, "unknown", http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(size)))
	if err != nil {
		http.Error(w, "too long, or cut off", http.StatusRequestEntityTooLarge)
		return
	}
	channels.Trust(w)
	plain, err := keys.out.open(body, aboutRequest(r.URL.Path, at))
	if err != nil {
		http.Error(w, "unknown", http.StatusUnauthorized)
		return
	}
	ms, _ := strconv.ParseInt(at, 10, 64) // under the seal
	off := began.Sub(time.UnixMilli(ms))
	a, err := answer(r.Context(), name, plain, off.Abs() > drift)
	if err == nil {
		plain, err = pack(a)
	}
	if err != nil {
		c.log.Error("an outpost's call was not answered", "outpost", name, "error", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(keys.back.seal(plain, aboutReply(r.URL.Path, body)))
}

func (c *Centre) ask(ctx context.Context, _ string, plain []byte, astray bool) (any, error) {
	var q question
	if err := unpack(plain, MostReport, &q); err != nil {
		return nil, err
	}
	a := reply{Now: c.clock.Now().UnixMilli(), Astray: astray}
	if astray {
		return a, nil
	}
	in, err := c.s.Books.Ask(ctx, channels.Question{
		Channel: q.Channel, From: channels.Address{Kind: q.Kind, ID: q.Visit}, Pin: q.Pin, Effect: q.Effect,
	})
	if err != nil {
		return nil, err
	}
	a.Input, a.Known = in, true
	return a, nil
}

func (c *Centre) sync(ctx context.Context, name string, plain []byte, astray bool) (any, error) {
	var r report
	if err := unpack(plain, MostReport, &r); err != nil {
		return nil, err
	}
	a := answer{Now: c.clock.Now().UnixMilli(), Astray: astray}
	if astray {
		return a, nil
	}
	a.Verdicts = c.enter(ctx, name, r.Turns)
	left := 0
	for _, v := range a.Verdicts {
		if v == 0 {
			left++
		}
	}
	c.metrics.report(name, c.clock.Now(), r.Waiting-len(r.Turns)+left, time.Duration(r.Oldest)*time.Millisecond, left == 0 && r.Waiting == len(r.Turns))
	current := c.s.Dialogs()
	t := c.s.Town()
	t.Key, t.Dialogs = c.public, nil
	for _, d := range current {
		t.Dialogs = append(t.Dialogs, d.Pin)
	}
	if !bytes.Equal(t.hash(), r.Town) {
		a.Town = &t
		for _, d := range current {
			if !slices.Contains(r.Hashes, d.Hash) {
				a.Dialogs = append(a.Dialogs, dialogs.Bundle(d))
			}
		}
	}
	return a, nil
}

// patience is how often a turn fails before it is put aside, if others succeed meanwhile; an outpost counts one try a minute.
const patience = 10

// enter enters turns, those of one visit in their order. One that fails holds up nobody else.
func (c *Centre) enter(ctx context.Context, name string, all []parcel) []channels.Verdict {
	out := make([]channels.Verdict, len(all))
	failed := map[channels.Address]bool{}
	var stuck []int
	good := false
	for i := range all {
		t, err := c.open(name, &all[i])
		if err != nil {
			if c.put(name, &all[i], "sealed", err) == nil {
				out[i] = channels.Refused
			}
			continue
		}
		if failed[t.From] || ctx.Err() != nil {
			continue
		}
		v, err := c.adopt(ctx, name, t, &all[i])
		if err != nil {
			failed[t.From] = true
			stuck = append(stuck, i)
			c.log.Error("a turn was not entered", "outpost", name, "tries", all[i].Tries+1, "error", err)
			continue
		}
		out[i], good = v, good || v == channels.Entered
	}
	for _, i := range stuck {
		if good && all[i].Tries+1 >= patience && c.put(name, &all[i], "failing", nil) == nil {
			out[i] = channels.Refused
		}
	}
	for _, v := range out {
		if v != 0 {
			c.metrics.verdict(name, v)
		}
	}
	return out
}

// adopt enters one turn. A turn that makes the program fail is an error like others.
func (c *Centre) adopt(ctx context.Context, name string, t channels.Turn, p *parcel) (v channels.Verdict, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("outpost: entering a turn failed: %T", r) // what it says may hold what was said
		}
	}()
	return c.s.Books.Adopt(ctx, t, func(why string) error { return c.put(name, p, why, nil) })
}

// open unseals a turn. Its time is by the centre's clock: as long ago as the machine says, whatever its clock showed.
func (c *Centre) open(name string, p *parcel) (channels.Turn, error) {
	t, err := (&Put{Outpost: name, Sealed: p.Sealed}).open(c.key)
	if err != nil {
		return t, err
	}
	t.At = p.held(c.clock.Now())
	return t, nil
}

// put puts a turn aside, still sealed.
func (c *Centre) put(name string, p *parcel, why string, err error) error {
	id := sha256.Sum256(p.Sealed)
	at := p.held(c.clock.Now())
	added, bad := c.aside.put(Put{ID: [16]byte(id[:16]), Outpost: name, At: at.UnixMilli(), Why: why, Sealed: p.Sealed})
	if bad != nil {
		c.log.Error("a turn could not be put aside", "outpost", name, "why", why, "error", bad)
		return bad
	}
	if added {
		c.log.Warn("a turn was put aside: see townline outposts", "outpost", name, "why", why, "error", err)
	}
	return nil
}
