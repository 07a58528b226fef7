package voice

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
)

// What is only heard is asked about; a key decides.
func TestSpeech(t *testing.T) {
	on := func(c *Config) { c.Speech, c.Sound = true, nil }
	for _, c := range []struct{ key, want string }{{"1", "buses"}, {"2", ""}, {"", ""}, {"7", ""}} {
		in := &paper{replies: []channels.Reply{asks("Buses or trees?", oneKey), ends("Goodbye.")}}
		p := newPhone(t, newLine(t, on), in)
		first := p.ask("/voice/twilio", standard())
		if !strings.Contains(first, `input="dtmf speech"`) || !strings.Contains(first, `hints="Buses trams, Trees"`) {
			t.Errorf("asked by %s", first)
		}
		root := must[tag](t)(parse(p.ask("/voice/twilio/turn?n=2&l=en", standard("SpeechResult", "buses", "Confidence", "0.99"))))
		if got := in.all(); len(got) != 1 {
			t.Fatalf("taken without a word: %+v", got)
		}
		if words := root.tags[0].tags[0].words; words != "I heard: buses. If that is right, press 1. To try again, press 2." {
			t.Errorf("asked %q", words)
		}
		after := p.ask(root.tags[0].attr["action"], standard("Digits", c.key))
		told := in.all()
		if last := told[len(told)-1]; last.Words != c.want || last.ID == "" && c.want != "" {
			t.Errorf("%q: told %+v", c.key, last)
		}
		if want := map[bool]string{true: "Goodbye.", false: "Buses or trees?"}[c.want != ""]; !strings.Contains(after, want) {
			t.Errorf("%q: answered %s", c.key, after)
		}
	}
}

// A language that neither we nor Twilio can say is still heard as what our own voice makes of it.
func TestVoices(t *testing.T) {
	line := newLine(t, func(c *Config) {
		c.PublicURL = public + "/calls/"
		c.Sound = func(p call.Part) (string, bool) { return "/clip/x.wav", p.Lang == "en" }
	})
	for lang, want := range map[string]string{"en": "<Play>/calls/clip/x.wav</Play>", "es": `<Say voice="Polly.Lupe" language="es-US">Hola</Say>`, "so": "<Play>/calls/clip/x.wav</Play>"} {
		d := line.document()
		d.play([]call.Part{{Lang: lang, Words: "Hola"}})
		if got := string(d.close()); got != opening+want+"</Response>" {
			t.Errorf("%s: %s", lang, got)
		}
	}
	mute := newLine(t, plainVoice).document()
	mute.play([]call.Part{{Lang: "so", Words: "Salaan"}})
	if got := string(mute.close()); got != opening+`<Say voice="Polly.Joanna" language="en-US">Salaan</Say></Response>` {
		t.Error(got)
	}
}

func TestFallback(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		w := give(newLine(t, nil), &paper{broken: errors.New("disk full")}, httptest.NewRequest(method, "/voice/twilio/fallback?ErrorCode=11200", nil))
		root, err := parse(w.Body.String())
		if err != nil || len(root.tags) != 2 || root.tags[1].name != "Hangup" {
			t.Errorf("%s: %v %s", method, err, w.Body)
		}
	}
}

func TestSilence(t *testing.T) {
	w := give(newLine(t, nil), &paper{}, httptest.NewRequest("GET", "/voice/twilio/silence/500.wav", nil))
	b := w.Body.Bytes()
	if w.Code != 200 || len(b) != 58+4000 || channels.KindOf(b) != "audio/wav" || b[57+1] != 0xFF || !strings.Contains(w.Header().Get("Cache-Control"), "max-age") {
		t.Errorf("%d, %d bytes, %v", w.Code, len(b), w.Header())
	}
}
