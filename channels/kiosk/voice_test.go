package kiosk_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/townline/townline/channels/audio"
)

// voice is a shelf of clips that all sound alike: a short tone. It remembers which words were asked for, in their order.
type voice struct {
	mu    sync.Mutex
	words map[string]string // by key
	owner map[string]string
	asked []string // keys
}

func newVoice() *voice { return &voice{words: map[string]string{}, owner: map[string]string{}} }

func (v *voice) Speaks(lang string) bool { return lang != "so" }

func (v *voice) Key(lang, words string) string {
	sum := sha256.Sum256([]byte(lang + "\x00" + words))
	return hex.EncodeToString(sum[:8])
}

func (v *voice) Offer(visitor string, l audio.Line) string {
	key := v.Key(l.Lang, l.Words)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.words[key] = l.Words
	v.owner[key] = visitor
	return key
}

func (v *voice) Forget(visitor string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, who := range v.owner {
		if who == visitor {
			delete(v.words, key)
			delete(v.owner, key)
		}
	}
}

func (v *voice) Open(_ context.Context, key string, f audio.Format) (*audio.Clip, error) {
	v.mu.Lock()
	v.asked = append(v.asked, key)
	_, known := v.words[key]
	v.mu.Unlock()
	if !known {
		return nil, fmt.Errorf("nobody offered %s", key)
	}
	b, err := os.ReadFile("testdata/short." + string(f))
	return &audio.Clip{Key: key, Format: f, Bytes: b}, err
}

func (v *voice) Sorry(_ context.Context, _ string, f audio.Format) *audio.Clip {
	b, err := os.ReadFile("testdata/short." + string(f))
	if err != nil {
		return nil
	}
	return &audio.Clip{Key: "sorry", Format: f, Bytes: b}
}

// heard are the words that were asked for so far, in their order; a word that was asked for twice running counts once.
func (v *voice) heard() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []string
	for _, key := range slices.Compact(slices.Clone(v.asked)) {
		out = append(out, v.words[key])
	}
	return out
}
