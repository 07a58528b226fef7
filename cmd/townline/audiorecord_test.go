package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/locales"
)

// clerk is a line with somebody on it who records texts: they say what is in words, and press keys, in this order.
type clerk struct {
	t     *testing.T
	booth *booth
	does  []string // a key, or a recording's name; "" is nothing
	wavs  map[string][]byte
	heard []string
}

func (c *clerk) next() string {
	if len(c.does) == 0 {
		return "gone"
	}
	did := c.does[0]
	c.does = c.does[1:]
	return did
}

func (c *clerk) Play(ctx context.Context, parts []call.Part) (bool, error) {
	for _, p := range parts {
		sound, err := c.booth.heard(ctx, p)
		if err != nil || len(sound.At8) == 0 {
			c.t.Errorf("%+v is silence: %v", p, err)
		}
		switch {
		case p.Tone:
			c.heard = append(c.heard, "(tone)")
		case p.Media != "":
			c.heard = append(c.heard, "(take)")
		case p.Words != "":
			c.heard = append(c.heard, p.Words)
		}
	}
	return true, nil
}

func (c *clerk) Key(_ context.Context, wait time.Duration) (call.Press, bool, error) {
	if wait == 0 { // before the tone
		return call.Press{}, false, nil
	}
	switch key := c.next(); key {
	case "gone":
		return call.Press{}, false, call.ErrGone
	case "":
		return call.Press{}, false, nil
	default:
		return call.Press{Key: key[0]}, true, nil
	}
}

func (c *clerk) Record(context.Context, time.Duration, time.Duration) ([]byte, byte, error) {
	name := c.next()
	if name == "gone" {
		return nil, 0, call.ErrGone
	}
	if wav := c.wavs[name]; wav != nil {
		return wav, '#', nil
	}
	return nil, (name + "\x00")[0], nil
}

func (c *clerk) Pass(context.Context, string) (bool, error) { return false, nil }

// A clerk records two texts, is cut off, and is asked only for the third the next time.
func TestRecordByTelephone(t *testing.T) {
	dir := t.TempDir()
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	voice, err := audio.FindVoice(t.Context(), audio.Speech{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]string{"hello": "The library is open every day.", "bye": "Come and see us soon.", "more": "Ask for the summer list."}
	var script []audio.Line
	for _, key := range []string{"hello", "bye", "more"} {
		script = append(script, audio.Line{Lang: "en", Dialog: "hours", Key: key, Words: words[key], Use: audio.OnCalls})
	}
	shelf, err := audio.NewShelf(audio.Stock{Dir: dir, Voice: voice, Phrases: phrases, Script: script})
	if err != nil {
		t.Fatal(err)
	}
	wavs := map[string][]byte{}
	for key, said := range words { // read by a voice
		p, err := shelf.Speak(t.Context(), audio.Utterance{Lang: "en", Words: said})
		if err != nil {
			t.Fatal(err)
		}
		wavs[key] = p.WAV()
	}
	session := func(does ...string) *clerk {
		stock, err := shelf.Inventory()
		if err != nil {
			t.Fatal(err)
		}
		b := &booth{reading: audio.NewReading(stock.Unrecorded()), stock: stock, shelf: shelf}
		c := &clerk{t: t, booth: b, does: does, wavs: wavs}
		if err := b.hold(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := session("hello", "1", "", "bye", "2", "bye", "1", "gone")
	heard := strings.Join(first.heard, " ")
	for _, want := range []string{"There are 3 texts", words["hello"], "(tone)", "(take)", "It is kept.", "I heard nothing", words["bye"], "(tone)", "(take)", words["more"]} {
		_, after, ok := strings.Cut(heard, want)
		if !ok {
			t.Fatalf("no %q in what is left of %q", want, strings.Join(first.heard, " "))
		}
		heard = after
	}
	if first.booth.reading.Kept != 2 {
		t.Errorf("%d kept", first.booth.reading.Kept)
	}
	for _, name := range []string{"hello", "bye"} {
		if _, err := os.Stat(filepath.Join(dir, "recordings/en/hours", name+".wav")); err != nil {
			t.Error(err)
		}
	}
	second := session("more", "1")
	if got := strings.Join(second.heard, " "); !strings.Contains(got, "There is one text") || !strings.Contains(got, "That was the last text") || strings.Contains(got, words["hello"]) {
		t.Error(got)
	}
}

func TestRecordByTelephoneNeedsALine(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", "town").must(t, 0)
	p.dir = filepath.Join(p.dir, "town")
	p.run("", "audio", "record", "--lang", "en").must(t, 2, "say whom to ring")
	p.run("", "audio", "record", "--call", "+12025550142", "--lang", "en").must(t, 2, "say where to keep the recordings")
	p.run("", "audio", "record", "--call", "+12025550142", "--lang", "en", "--dir", "audio").must(t, 1, "no line of its own to ring by")
}
