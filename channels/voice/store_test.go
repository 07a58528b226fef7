package voice

import (
	"context"
	"crypto/rand"
	"errors"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

// own is a telephone line of the town's, as far as the exchange knows it.
type own struct{}

func (own) Name() string          { return "sip" }
func (own) Traits() render.Traits { return render.Voice }
func (own) Deliver(context.Context, channels.Address, render.Page, string) (string, error) {
	return "", channels.Gone(errors.New("nobody is rung"), "test")
}

// watched tells a walker what the town said last.
type watched struct {
	channels.Inbox
	house *house
}

func (w watched) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	r, err := w.Inbox.Receive(ctx, e)
	if err == nil && e.Kind != channels.HungUp {
		w.house.last = r
	}
	return r, err
}

var mediaID = regexp.MustCompile(`media:[0-9a-f]{32}`)

// The same keys and the same voice, through the real exchange to the real store, by a line of our own and by Twilio, every
// request made twice: two requests that are equal byte for byte, apart from the names of what was recorded. What Twilio had
// recorded is here afterwards, and not there any more.
func TestToTheStore(t *testing.T) {
	fake := newFakeTwilio(t)
	fake.Dropped = make(chan string, 16)
	line := newLine(t, func(c *Config) { c.BaseURL, c.Now = fake.URL, nil })
	dir := t.TempDir()
	keys := must[*store.Keys](t)(store.LoadKeys(dir+"/town.keys", ""))
	s := must[*sqlite.Store](t)(sqlite.Open(dir+"/town.db", keys))
	town, set := sampleTown(t)
	catalogue := exchange.NewCatalogue(s, exchange.SystemClock{})
	if problems, err := catalogue.Publish(t.Context(), set); err != nil || problems.Errors() {
		t.Fatal(err, problems)
	}
	town.Dialogs = catalogue
	town.Languages = town.Languages[:1]
	x := must[*exchange.Exchange](t)(exchange.New(exchange.Settings{Store: s, Keys: keys, Town: town, Entropy: rand.Reader, Channels: []channels.Channel{line, own{}}}))
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { x.Run(ctx); close(ran) }()
	defer func() {
		stop()
		<-ran
		line.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()

	in := watched{x, &house{}}
	w := &walker{house: in.house, dialog: "street-problem", seed: 1, others: ids(set)}
	caller := &spoken{walker: w, now: time.Now()}
	c := call.Call{Channel: "sip", ID: "c1", From: channels.Address{Kind: "tel", ID: "+15550100124"}, Lang: "en", Phrases: phrases(t), Now: func() time.Time { return caller.now }}
	if err := call.Hold(t.Context(), caller, in, c); err != nil {
		t.Fatal(err)
	}
	recorded := 0
	for _, a := range w.acts {
		if a == "voice" {
			recorded++
		}
	}
	for i := range recorded {
		fake.Records("RE0000000000000000000000000000000"+string(rune('1'+i)), string(singing(5)))
	}
	phone := newPhone(t, line, x, w.acts...)
	phone.again = true
	phone.rings("/voice/twilio")

	heard := slices.DeleteFunc(slices.Clone(caller.heard), names)
	compare(t, "the caller heard", heard, slices.DeleteFunc(slices.Clone(phone.heard), names))
	all := must[[]store.Request](t)(s.Requests(t.Context(), store.RequestQuery{}))
	if len(all) != 2 || recorded == 0 {
		t.Fatalf("%d requests, %d recordings; heard %q", len(all), recorded, phone.heard)
	}
	plain := func(r store.Request) string { return mediaID.ReplaceAllString(string(r.Record), "media:") }
	if plain(all[0]) != plain(all[1]) || all[0].Resident == all[1].Resident {
		t.Errorf("%q\n%q", plain(all[0]), plain(all[1]))
	}
	for range recorded {
		select {
		case <-fake.Dropped:
		case <-time.After(20 * time.Second):
			t.Fatalf("only %v were fetched and deleted", fake.Deleted())
		}
	}
	for _, r := range all {
		for _, name := range mediaID.FindAllString(string(r.Record), -1) {
			id, _ := channels.MediaID(name)
			if m, err := s.Media(t.Context(), id); err != nil || len(m.Bytes) != 80044 || m.Type != "audio/wav" {
				t.Errorf("%s, %s: %d bytes of %s, %v", r.Channel, name, len(m.Bytes), m.Type, err)
			}
		}
	}
}

// names says whether an utterance names what no two requests have in common: a recording, a reference.
func names(s string) bool {
	return mediaID.MatchString(s) || len(s) > 0 && s[0] == '/' || reference.MatchString(s)
}

var reference = regexp.MustCompile(`report number|I say it again`)
