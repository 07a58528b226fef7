package voice

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/channeltest"
)

func TestConforms(t *testing.T) {
	const keysOnly = "a telephone says nothing but keys, and what a voice says is not understood"
	channeltest.Run(t, channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			return []channels.Channel{newLine(t, func(c *Config) { c.Log, c.Now, c.BaseURL, c.HTTP, c.Country = s.Log, s.Now, s.Provider, s.Client, "US" })}
		},
		HTTP: &channeltest.HTTP{
			Request: func(m channeltest.Message) *http.Request {
				target, form := "/voice/twilio", standard("CallSid", "CA"+m.Visit, "From", m.From)
				if m.Kind == channels.Message {
					target = action(m.Last())
					form.Set("Digits", m.Words)
				}
				r := signed(target, form)
				r.Header.Del("X-Twilio-Signature")
				return r
			},
			Sign:  func(r *http.Request, body []byte) { sign(r, string(body)) },
			Shown: heardOf, Most: 64 << 10,
		},
		Push: &channeltest.Push{
			Takes: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusCreated)
				fmt.Fprintf(w, `{"sid":%q,"status":"queued"}`, callSID)
			},
			Got:    func(r *http.Request) string { return r.FormValue("To") },
			Sealed: "a page is only said once somebody has pressed a key: it goes through Twilio sealed",
		},
		Sorry: func(a channeltest.Answer) bool {
			return slices.ContainsFunc([]string{call.PhraseMoment, call.PhraseAway}, func(key string) bool {
				for _, part := range call.Say(phrases(t), "en", key) {
					if slices.Contains(a.Shown, part.Words) {
						return true
					}
				}
				return false
			})
		},
		Visits: true, Keys: true,
		Not: map[channeltest.Check]string{
			channeltest.TooLong: keysOnly, channeltest.Emoji: keysOnly, channeltest.StopStart: keysOnly,
			channeltest.Pictures: "a call carries no pictures",
		},
	})
}

// action is where Twilio goes on with what was pressed.
func action(a channeltest.Answer) string {
	root, err := parse(string(a.Body))
	if err != nil {
		return "/voice/twilio"
	}
	for _, t := range root.tags {
		if t.name == "Gather" || t.name == "Record" {
			return t.attr["action"]
		}
	}
	return "/voice/twilio"
}

// heardOf a document: the words of its sounds, in order.
func heardOf(a channeltest.Answer) (out []string) {
	root, err := parse(string(a.Body))
	if err != nil {
		return nil
	}
	all := root.tags
	for _, t := range root.tags {
		all = append(all, t.tags...)
	}
	for _, t := range all {
		if clip, ok := strings.CutPrefix(t.words, "/clip/"); ok {
			b, _ := base64.RawURLEncoding.DecodeString(clip)
			_, words, _ := strings.Cut(string(b), " ") // after the language, and the pace where there is one
			out = append(out, words)
		}
	}
	return out
}
