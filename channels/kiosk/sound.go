package kiosk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/locales"
)

// clip answers GET {base}/audio/KEY.mp3|.opus. A key is the shelf's own, or names words that every page has, so that a server
// that never showed the page finds them: "p.en.next" is the phrase screen.next in English, "k.en.61" the letter a.
func (k *Kiosk) clip(w http.ResponseWriter, r *http.Request) {
	key, ending, ok := cutLast(r.PathValue("clip"), ".")
	f := audio.Format(ending)
	if k.s.Sound == nil || !ok || f != audio.MP3 && f != audio.Opus {
		http.NotFound(w, r)
		return
	}
	lang := k.asked(r, k.lookOf(r))
	if key == "gap" {
		k.send(w, f, k.s.Sound.Sorry(r.Context(), lang, f))
		return
	}
	c, err := k.find(r.Context(), key, f)
	if err != nil {
		if r.Context().Err() != nil {
			return
		}
		var gap *audio.Gap
		if errors.As(err, &gap) && gap.Lang != "" {
			lang = gap.Lang
		}
		c = k.s.Sound.Sorry(r.Context(), lang, f)
	}
	k.send(w, f, c)
}

func (k *Kiosk) send(w http.ResponseWriter, f audio.Format, c *audio.Clip) {
	w.Header().Set("Content-Type", f.Type())
	w.Header().Set("Content-Length", strconv.Itoa(len(c.Bytes)))
	_, _ = w.Write(c.Bytes)
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// find opens the clip of a key of either kind.
func (k *Kiosk) find(ctx context.Context, key string, f audio.Format) (*audio.Clip, error) {
	kind, rest, _ := strings.Cut(key, ".")
	lang, name, named := strings.Cut(rest, ".")
	if !named {
		return k.s.Sound.Open(ctx, key, f)
	}
	l := audio.Line{Lang: lang}
	switch kind {
	case "p":
		l.Key = "@screen." + name
		l.Words = k.s.Phrases.Language(lang).Phrase(l.Key, locales.Screen)
	case "k":
		n, err := strconv.ParseInt(name, 16, 32)
		if err == nil && isKey(lang, rune(n)) {
			l.Words = string(rune(n))
		}
	}
	if l.Words == "" || !k.s.Phrases.Has(lang) {
		return nil, &audio.Gap{ClipKey: key}
	}
	return k.s.Sound.Open(ctx, k.s.Sound.Offer("", l), f)
}

// tell answers POST {base}/say: the key of the clip of words that the script wants to be heard, such as what was typed.
func (k *Kiosk) tell(w http.ResponseWriter, r *http.Request) {
	v, ok := k.visitOf(r)
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostText))
	words := strings.TrimSpace(clean(string(b)))
	if k.s.Sound == nil || !ok || err != nil || words == "" {
		http.Error(w, "nothing to say", http.StatusBadRequest)
		return
	}
	switch known, may := k.asides.may(v.voice(), k.s.Clock()); {
	case !may:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too much at a time", http.StatusTooManyRequests)
		return
	case !known: // whoever makes a visit up gets nothing said
		if p, err := k.looked(r.Context(), v); err != nil || p == nil {
			k.asides.forget(v.voice())
			http.Error(w, "nothing to say", http.StatusBadRequest)
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, k.s.Sound.Offer(v.voice(), audio.Line{Lang: k.asked(r, k.lookOf(r)), Words: words, Own: true}))
}

// say answers GET {base}/say.mp3: the page that is on show in one piece, for a browser without the script.
func (k *Kiosk) say(w http.ResponseWriter, r *http.Request) {
	l := k.lookOf(r)
	s := k.welcome(k.asked(r, l), l, "")
	if v, ok := k.visitOf(r); ok {
		p, err := k.looked(r.Context(), v)
		if err != nil {
			http.Error(w, "the town can't be reached", http.StatusServiceUnavailable)
			return
		}
		if p != nil {
			s = k.draw(p, v, l, nil)
		}
	}
	k.sayPage(w, r, s)
}

// sayPage sends a page's clips one after the other.
func (k *Kiosk) sayPage(w http.ResponseWriter, r *http.Request, s *view) {
	if s.Mute {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", audio.MP3.Type())
	for _, key := range s.aloud {
		c, err := k.find(r.Context(), key, audio.MP3)
		if r.Context().Err() != nil {
			return
		}
		if err != nil {
			c = k.s.Sound.Sorry(r.Context(), s.Lang, audio.MP3)
		}
		if _, err := w.Write(c.Bytes); err != nil {
			return
		}
	}
}
