package exchange

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// cellar is a provider that keeps recordings and pictures until they are fetched and dropped.
type cellar struct {
	*post
	mu                            sync.Mutex
	has                           map[string][]byte
	fetched                       map[string]int
	dropped                       []string
	trouble, undropped, unfetched error         // of each fetch and drop; of each drop; of each fetch
	gate                          chan struct{} // when not nil, each fetch waits for one value
	began                         chan struct{} // when not nil, tells each fetch that begins
}

func (c *cellar) Fetch(ctx context.Context, ref string) (channels.Attachment, error) {
	if c.began != nil {
		c.began <- struct{}{}
	}
	if c.gate != nil {
		<-c.gate
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := cmp.Or(c.trouble, c.unfetched); err != nil {
		return channels.Attachment{}, err
	}
	b, ok := c.has[ref]
	if !ok {
		return channels.Attachment{}, channels.Gone(errors.New("not there"), "404")
	}
	c.fetched[ref]++
	return channels.Attachment{Type: "whatever/they-say", Bytes: b}, nil
}

func (c *cellar) Drop(ctx context.Context, ref string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := cmp.Or(c.trouble, c.undropped); err != nil {
		return err
	}
	if _, ok := c.has[ref]; ok {
		c.dropped = append(c.dropped, ref)
	}
	delete(c.has, ref)
	return nil
}

func (c *cellar) left() (refs []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ref := range c.has {
		refs = append(refs, ref)
	}
	slices.Sort(refs)
	return refs
}

// remote is a town that is told things on a chat whose provider keeps what comes along.
func remote(t *testing.T, change ...setting) (*town, *cellar) {
	c := &cellar{post: &post{name: "chat", traits: render.Telegram}, has: map[string][]byte{}, fetched: map[string]int{}}
	w := telling(t, append(change, func(_ *town, s *Settings) { s.Channels = append(s.Channels, c) })...)
	return w, c
}

// sends is a message by chat, with what the provider keeps.
func (w *town) sends(c *cellar, who, words string, kind string, along ...[]byte) channels.Event {
	e := w.text(who, words)
	e.Channel, e.From.Kind = "chat", "chat"
	for i, b := range along {
		ref := fmt.Sprintf("https://provider.example/%s/%d", e.ID, i)
		c.mu.Lock()
		c.has[ref] = b
		c.mu.Unlock()
		e.Media = append(e.Media, engine.Media{Type: kind, Ref: ref})
	}
	return e
}

func (c *cellar) expect(t *testing.T, left, dropped int) {
	t.Helper()
	if got := c.left(); len(got) != left || len(c.dropped) != dropped {
		t.Fatalf("the provider keeps %v and dropped %v, want %d and %d", got, c.dropped, left, dropped)
	}
}

func TestWhatAProviderKeepsIsFetchedAfterTheTurn(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, c := remote(t, on)
		w.hear(w.sends(c, "ana", "NOTE", ""))
		e := w.sends(c, "ana", "", "image/jpeg", snapshot(1))
		first := w.hear(e)
		w.expect(first, "Tell us about it.")
		w.kept(0)
		c.expect(t, 1, 0)
		if again := w.hear(e); again != first {
			t.Fatalf("again: %q, first %q", again, first)
		}
		w.x.Tick(t.Context())
		w.kept(1)
		c.expect(t, 0, 1)
		w.hear(w.sends(c, "ana", "", "audio/x-wav", sound(2)))
		w.hear(w.sends(c, "ana", "skip", ""))
		w.hear(w.sends(c, "ana", "1", ""))
		w.hear(w.sends(c, "ana", "yes", ""))
		w.x.Tick(t.Context())
		w.kept(2)
		c.expect(t, 0, 2)
		record := named(t, w.requests()[0].Record)
		if got := w.have(record["look"][0], redrawn(t, snapshot(1))); bytes.Contains(got.Bytes, []byte("SECRET PLACE")) {
			t.Fatal("what the camera wrote is kept")
		}
		id, _ := channels.MediaID(record["words"][0].Ref)
		m, err := w.store.Media(t.Context(), id)
		if err != nil || m.Type != "audio/ogg" || !m.Until.Equal(m.At.Add(14*24*time.Hour)) {
			t.Fatal(m.Type, m.Until, err) // by its bytes, for as long as the dialog says
		}
		s, _ := w.store.Stats(t.Context())
		w.x.Tick(t.Context())
		if again, _ := w.store.Stats(t.Context()); again.Timers != s.Timers || len(c.fetched) != 2 || c.fetched[e.Media[0].Ref] != 1 {
			t.Fatalf("fetched %v; %d timers, then %d", c.fetched, s.Timers, again.Timers)
		}
	})
}

func TestAProviderThatIsDownIsAskedAgain(t *testing.T) {
	w, c := remote(t)
	w.hear(w.sends(c, "ana", "NOTE", ""))
	w.hear(w.sends(c, "ana", "", "image/jpeg", snapshot(1)))
	c.trouble = channels.Retry(errors.New("502"), 0)
	for range 5 {
		w.x.Tick(t.Context())
		w.kept(0)
		due, _ := w.store.NextDue(t.Context())
		if wait := due.Sub(w.clock.Now()); wait < firstBackOff/2 || wait > 16*firstBackOff {
			t.Fatalf("waits %v", wait)
		}
		w.clock.pass(due.Sub(w.clock.Now()))
	}
	c.trouble = nil
	w.x.Tick(t.Context())
	w.kept(1)
	c.expect(t, 0, 1)
}

func TestWhatIsKeptHereIsDroppedThereLater(t *testing.T) {
	w, c := remote(t)
	w.hear(w.sends(c, "ana", "NOTE", ""))
	w.hear(w.sends(c, "ana", "", "image/jpeg", snapshot(1)))
	c.undropped = errors.New("reset")
	w.x.Tick(t.Context())
	w.kept(1)
	c.expect(t, 1, 0)
	c.undropped = nil
	w.clock.pass(time.Minute)
	w.x.Tick(t.Context())
	c.expect(t, 0, 1)
	if len(c.fetched) != 1 {
		t.Fatalf("fetched %v", c.fetched)
	}
}

func TestWhatNoAnswerNamesIsOnlyDropped(t *testing.T) {
	w, c := remote(t)
	w.hear(w.sends(c, "ana", "", "image/jpeg", snapshot(1))) // nothing is open: no answer names it
	w.hear(w.sends(c, "ana", "NOTE", ""))
	w.hear(w.sends(c, "ana", "", "application/pdf", []byte("%PDF")))
	w.hear(w.sends(c, "ana", "", "image/jpeg", snapshot(2)))
	w.hear(w.sends(c, "ana", "back", ""))
	w.hear(w.sends(c, "ana", "", "image/jpeg", snapshot(3))) // instead of the second
	w.x.Tick(t.Context())
	w.kept(1)
	c.expect(t, 0, 4)
	if len(c.fetched) != 1 {
		t.Fatalf("fetched %v", c.fetched)
	}
	// One that is named no longer while it is being fetched isn't kept either.
	w.hear(w.sends(c, "ana", "back", ""))
	w.hear(w.sends(c, "ana", "", "image/jpeg", snapshot(4)))
	c.began, c.gate = make(chan struct{}), make(chan struct{})
	done := make(chan struct{})
	go func() { defer close(done); w.x.Tick(t.Context()) }()
	<-c.began
	w.hear(w.sends(c, "ana", "back", ""))
	w.hear(w.sends(c, "ana", "", "image/jpeg", snapshot(5)))
	c.gate <- struct{}{}
	<-done
	c.began, c.gate = nil, nil
	w.kept(0)
	w.clock.pass(time.Minute)
	w.x.Tick(t.Context())
	w.kept(1)
	c.expect(t, 0, 6)
}

func TestWhatProvidersSendIsLookedAt(t *testing.T) {
	w, c := remote(t)
	w.hear(w.sends(c, "ana", "NOTE", ""))
	w.hear(w.sends(c, "ana", "", "image/jpeg", []byte("<html>not found</html>")))
	w.hear(w.sends(c, "ana", "", "audio/mpeg", append(sound(1), make([]byte, channels.MostBytes)...)))
	w.x.Tick(t.Context())
	w.kept(0)
	c.expect(t, 0, 2)
}

func TestWhatCantBeHadIsDropped(t *testing.T) {
	w, c := remote(t)
	w.hear(w.sends(c, "ana", "NOTE", ""))
	w.hear(w.sends(c, "ana", "", "image/jpeg", snapshot(1)))
	c.unfetched = channels.Gone(errors.New("too large"), "size")
	w.x.Tick(t.Context())
	w.clock.pass(time.Minute)
	w.x.Tick(t.Context())
	w.kept(0)
	c.expect(t, 0, 1)
}

func TestNoVoiceIsFetchedForABallot(t *testing.T) {
	w, c := remote(t)
	w.hear(w.sends(c, "ana", "SECRET", ""))
	w.hear(w.sends(c, "ana", "skip", ""))
	got := w.hear(w.sends(c, "ana", "", "audio/ogg", sound(1)))
	w.expect(got, "Tell us about it.")
	// A first message that begins the ballot and brings a picture along.
	w.hear(w.sends(c, "bea", "PRIVATE", "image/jpeg", snapshot(1)))
	w.x.Tick(t.Context())
	w.kept(0)
	c.expect(t, 0, 2)
	if len(c.fetched) != 0 {
		t.Fatalf("fetched %v", c.fetched)
	}
}

func TestWhoIsErasedIsNotFetched(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, c := remote(t, on)
		w.hear(w.sends(c, "ana", "NOTE", ""))
		w.hear(w.sends(c, "ana", "", "image/jpeg", snapshot(1)))
		w.hear(w.sends(c, "ana", "erase", ""))
		w.expect(w.hear(w.sends(c, "ana", "yes", "")), "We keep nothing about you")
		c.trouble = errors.New("away")
		w.x.Tick(t.Context())
		c.expect(t, 1, 0)
		c.trouble = nil
		w.clock.pass(time.Hour)
		w.x.Tick(t.Context())
		w.kept(0)
		c.expect(t, 0, 1)
		if len(c.fetched) != 0 {
			t.Fatalf("fetched %v", c.fetched)
		}
		// Erased while it is being fetched.
		w.hear(w.sends(c, "bea", "NOTE", ""))
		w.hear(w.sends(c, "bea", "", "image/jpeg", snapshot(2)))
		c.began, c.gate = make(chan struct{}), make(chan struct{})
		done := make(chan struct{})
		go func() { defer close(done); w.x.Tick(t.Context()) }()
		<-c.began
		w.hear(w.sends(c, "bea", "erase", ""))
		w.hear(w.sends(c, "bea", "yes", ""))
		c.gate <- struct{}{}
		<-done
		w.x.Tick(t.Context())
		w.kept(0)
		c.expect(t, 0, 2)
	})
}

// TestWhatNobodySentIsNotKept: who withholds their number, records something and rings off before it is sent has left nothing.
func TestWhatNobodySentIsNotKept(t *testing.T) {
	for _, sent := range []bool{false, true} {
		w, c := remote(t)
		hidden := func(kind channels.EventKind, words, media string, along ...[]byte) {
			e := w.sends(c, "x", words, media, along...)
			e.Kind, e.Withheld = kind, true
			w.hear(e)
		}
		hidden(channels.Message, "NOTE", "")
		hidden(channels.Message, "", "image/jpeg", snapshot(1))
		want := 0
		if sent {
			want = 1
			for _, words := range []string{"in words", "skip", "1", "yes"} {
				hidden(channels.Message, words, "")
			}
		}
		if n := len(w.requests()); n != want {
			t.Fatalf("%d requests", n)
		}
		hidden(channels.HungUp, "", "")
		w.x.Tick(t.Context())
		w.kept(want)
		c.expect(t, 0, 1)
		if _, known, err := w.store.Find(t.Context(), w.x.keys.Address(withheldKind, "x")); err != nil || known != sent {
			t.Fatalf("sent %v, and they are known: %v; %v", sent, known, err)
		}
	}
}

// TestFetchingSurvivesABadDay lets the process die, or the store fail, at every commit of a fetch.
func TestFetchingSurvivesABadDay(t *testing.T) {
	for at := range 8 {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			w, c := remote(t, func(w *town, _ *Settings) { w.store = onDisk(t) })
			w.hear(w.sends(c, "ana", "NOTE", ""))
			w.hear(w.sends(c, "ana", "", "image/jpeg", snapshot(1)))
			broken := &breaks{Store: w.store, at: at / 2, after: at%2 == 1}
			w.x.store = broken
			w.x.Tick(t.Context())
			w.x.store = w.store
			w.x.failing = failures{} // a new process remembers nothing
			for range 3 {
				w.clock.pass(errandLease + time.Second)
				w.x.Tick(t.Context())
			}
			w.kept(1)
			c.expect(t, 0, 1)
			s, _ := w.store.Stats(t.Context())
			w.clock.pass(time.Hour)
			w.x.Tick(t.Context())
			if again, _ := w.store.Stats(t.Context()); again.Timers != s.Timers {
				t.Fatal("a timer is left")
			}
		})
	}
}

// breaks is a store whose n-th commit and all after it fail, before or after they are on disk.
type breaks struct {
	store.Store
	mu    sync.Mutex
	n, at int
	after bool
}

func (b *breaks) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	b.mu.Lock()
	n := b.n
	b.n++
	b.mu.Unlock()
	if n < b.at {
		return b.Store.Commit(ctx, c)
	}
	if n == b.at && b.after {
		if _, err := b.Store.Commit(ctx, c); err != nil {
			return store.Outcome{}, err
		}
	}
	return store.Outcome{}, errFlaky
}

// leaving is somebody who sent a picture and has a code to go on elsewhere.
func leaving(t *testing.T) (*town, *cellar, string) {
	w, c := remote(t)
	w.hear(w.sends(c, "ana", "NOTE", ""))
	w.hear(w.sends(c, "ana", "", "image/jpeg", snapshot(1)))
	return w, c, codeForm.FindString(w.hear(w.sends(c, "ana", "kiosk", "")))
}

func TestAConversationIsTakenAlongBeforeItsRecordingIsFetched(t *testing.T) {
	w, c, code := leaving(t)
	w.expect(w.hear(w.sends(c, "bea", code, "")), "Tell us about it.")
	w.x.Tick(t.Context())
	w.kept(1)
	c.expect(t, 0, 1)
}

// TestAConversationIsTakenAlongWhileItsRecordingIsFetched: what the fetch finds is not dropped for the one who took it along.
func TestAConversationIsTakenAlongWhileItsRecordingIsFetched(t *testing.T) {
	w, c, code := leaving(t)
	c.began, c.gate = make(chan struct{}, 8), make(chan struct{})
	done := make(chan struct{})
	go func() { defer close(done); w.x.Tick(t.Context()) }()
	<-c.began
	w.expect(w.hear(w.sends(c, "bea", code, "")), "Tell us about it.")
	close(c.gate)
	<-done
	w.clock.pass(errandLease + time.Second)
	w.x.Tick(t.Context())
	w.kept(1)
	c.expect(t, 0, 1)
}

// TestARecordingIsNotFetchedBetweenTheHandsOfTwo: the conversation is the taker's already, and their own turn not on disk yet.
func TestARecordingIsNotFetchedBetweenTheHandsOfTwo(t *testing.T) {
	w, c, code := leaving(t)
	w.x.store = &between{Store: w.store, at: 2, do: func() { w.x.Tick(t.Context()) }}
	w.expect(w.hear(w.sends(c, "bea", code, "")), "Tell us about it.")
	w.x.store = w.store
	w.clock.pass(errandLease + time.Second)
	w.x.Tick(t.Context())
	w.kept(1)
	c.expect(t, 0, 1)
}

// between is a store before whose n-th commit something else happens.
type between struct {
	store.Store
	mu    sync.Mutex
	n, at int
	do    func()
}

func (b *between) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	b.mu.Lock()
	b.n++
	now := b.n == b.at
	b.mu.Unlock()
	if now {
		b.do()
	}
	return b.Store.Commit(ctx, c)
}

// snapshot is a picture, another for each n, with something that the camera wrote into it.
func snapshot(n int) []byte {
	img := image.NewGray(image.Rect(0, 0, 8, 8))
	img.Pix[n] = 255
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err)
	}
	return append(append(append([]byte{}, b.Bytes()[:2]...), "\xff\xfe\x00\x0eSECRET PLACE"...), b.Bytes()[2:]...)
}

func redrawn(t *testing.T, b []byte) []byte {
	t.Helper()
	drawn, err := channels.Redraw(b)
	if err != nil {
		t.Fatal(err)
	}
	return drawn.Bytes
}
