package audio

import (
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/locales"
)

// loaded is read-only, and shared by all tests.
var loaded = sync.OnceValues(locales.Load)

func phrases(t testing.TB) *locales.Catalogue {
	t.Helper()
	c, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// voice is the machine's own. It may take its time: other tests may keep the machine busy.
func voice(t testing.TB) *Voice {
	t.Helper()
	v, err := FindVoice(t.Context(), Speech{Timeout: 3 * time.Minute})
	if err != nil {
		t.Fatal(err, "\nthe tests need espeak-ng, lame and opus-tools")
	}
	return v
}

func shelf(t testing.TB, s Stock) *Shelf {
	t.Helper()
	if s.Phrases == nil {
		s.Phrases = phrases(t)
	}
	made, err := NewShelf(s)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestKeys(t *testing.T) {
	s := shelf(t, Stock{})
	key := s.Key("en", "What should the town repair first?")
	if len(key) != 32 || !isKey(key) {
		t.Errorf("%q is no key", key)
	}
	for name, c := range map[string]struct {
		lang, words string
		same        bool
	}{
		"the same":              {"en", "What should the town repair first?", true},
		"spaces don't count":    {"en", "  What should\u00a0the town\nrepair first? ", true},
		"control characters":    {"en", "What should \x01the town repair first?", true},
		"another word":          {"en", "What should the town repair next?", false},
		"another mark":          {"en", "What should the town repair first!", false},
		"another language":      {"fr", "What should the town repair first?", false},
		"a language's own kind": {"en-US", "What should the town repair first?", false},
	} {
		if got := s.Key(c.lang, c.words) == key; got != c.same {
			t.Errorf("%s: the same key %v, want %v", name, got, c.same)
		}
	}
	if s.Key("es", "ma\u00f1ana") != s.Key("es", "man\u0303ana") {
		t.Error("a letter and its mark count as another letter")
	}
	for _, none := range []string{"", " \n", "\x01\x02"} {
		if got := s.Key("en", none); got != "" {
			t.Errorf("%q has the key %s", none, got)
		}
	}
}

// A clip made on one machine is found on another, where no voice is installed; not so where the voice or the pace is another.
func TestKeysDependOnSettingsNotOnTheMachine(t *testing.T) {
	const words = "Thank you."
	t.Setenv("PATH", t.TempDir())
	mute, err := FindVoice(t.Context(), Speech{})
	if err == nil || mute.Speaks("en") {
		t.Fatal("a voice was found where there is none")
	}
	bare := shelf(t, Stock{}).Key("en", words)
	if got := shelf(t, Stock{Voice: mute}).Key("en", words); got != bare {
		t.Error("the key depends on what is installed")
	}
	for name, s := range map[string]Speech{"rate": {Rate: 100}, "voice": {Voices: map[string]string{"en": "en-gb"}}} {
		other, _ := FindVoice(t.Context(), s)
		if shelf(t, Stock{Voice: other}).Key("en", words) == bare {
			t.Errorf("another %s has the same key", name)
		}
		if got := shelf(t, Stock{Voice: other}).Key("es", words) == shelf(t, Stock{}).Key("es", words); got != (name == "voice") {
			t.Errorf("another %s: Spanish keeps its key: %v", name, got)
		}
	}
}

func TestFormats(t *testing.T) {
	for _, f := range Formats() {
		if !f.known() || f.Type() == Format("wma").Type() {
			t.Errorf("%s is not known, or has no type", f)
		}
	}
	if Format("wma").known() {
		t.Error("wma is known")
	}
}
