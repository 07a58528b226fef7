package desk

import (
	"context"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/channeltest"
	"github.com/townline/townline/dialogs/render"
)

// TestConforms holds the clerks' form to the suite: a clerk is to it what a resident is to a channel. What they say in a talk is what
// the town hears, and its reply is what the other side says there.
func TestConforms(t *testing.T) {
	hash, err := hashOnce()
	if err != nil {
		t.Fatal(err)
	}
	var d *Desk
	form := &channeltest.HTTP{Most: mostForm, Also: http.MethodGet, AnyType: true}
	shift := func() *http.Cookie { // logs in where a shift is over
		d.gate.mu.Lock()
		defer d.gate.mu.Unlock()
		if s := d.gate.open[form.Secret]; s == nil || s.over(d.s.Now()) {
			form.Secret = d.gate.begin("Anna", d.s.Now())
		}
		return &http.Cookie{Name: cookieName, Value: form.Secret}
	}
	form.Request = func(m channeltest.Message) *http.Request {
		c := shift()
		body := url.Values{"csrf": {d.gate.of(c.Value).csrf}, "token": {m.ID}, "do": {"say"}, "words": {m.Words}}
		r := httptest.NewRequest(http.MethodPost, "/desk/case/"+m.From[1:], strings.NewReader(body.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(c)
		return r
	}
	form.Forged = func(m channeltest.Message) map[string]*http.Request {
		with := func(name, value string) *http.Request {
			r := form.Request(m)
			r.Header.Set(name, value)
			return r
		}
		other := form.Request(m)
		q := url.Values{"csrf": {"of somebody else"}, "token": {m.ID}, "do": {"say"}, "words": {m.Words}}
		forged := httptest.NewRequest(http.MethodPost, other.URL.Path, strings.NewReader(q.Encode()))
		forged.Header = other.Header
		return map[string]*http.Request{"another site's page": with("Sec-Fetch-Site", "cross-site"), "another site's script": with("Origin", "https://evil.example.org"), "a form of somebody else's": forged}
	}
	form.Follow = func(_ channeltest.Message, a channeltest.Answer) *http.Request {
		page, ok := strings.CutSuffix(a.Header.Get("Location"), "#words")
		if !ok {
			return nil
		}
		r := httptest.NewRequest(http.MethodGet, page, nil)
		r.AddCookie(shift())
		return r
	}
	form.Shown = func(a channeltest.Answer) []string { return theirs(string(a.Body)) }
	channeltest.Run(t, channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			talks := &talks{now: s, letters: map[string][]channels.CaseLetter{}, acts: map[string]bool{}}
			if d, err = New(Settings{Town: "Elmwood", Cases: talks, Clerks: map[string]string{"Anna": hash}, Now: s.Now, Log: s.Log}); err != nil {
				t.Fatal(err)
			}
			talks.Desk, form.Secret = d, ""
			shift()
			return []channels.Channel{talks}
		},
		HTTP:    form,
		Address: func(number string) channels.Address { return channels.Address{Kind: "talk", ID: number[1:]} },
		Longest: channels.MostSaid,
		Not:     map[channeltest.Check]string{channeltest.Pictures: "a form carries words only"},
	})
}

var letter = regexp.MustCompile(`(?s)<li class="(\w+)">.*?<p class="words"[^>]*>(.*?)</p>`)

// theirs are the words of the other side that stand last on a page.
func theirs(page string) (out []string) {
	for _, m := range slices.Backward(letter.FindAllStringSubmatch(page, -1)) {
		if m[1] != "theirs" {
			break
		}
		out = append([]string{html.UnescapeString(m[2])}, out...)
	}
	return out
}

// talks are a town's talks: what a clerk says is handed to an inbox, under the act's token.
type talks struct {
	*Desk
	now channeltest.Setting
	in  channels.Inbox

	mu      sync.Mutex
	letters map[string][]channels.CaseLetter
	acts    map[string]bool
}

func (t *talks) Name() string { return "desk" }

func (t *talks) Traits() render.Traits {
	traits := render.Telegram
	traits.Name, traits.Photo, traits.Pushed = "desk", false, false
	return traits
}

func (t *talks) Deliver(context.Context, channels.Address, render.Page, string) (string, error) {
	return "", channels.Gone(errors.New("desk: nothing is pushed to a page"), "page")
}

func (t *talks) Mount(mux *http.ServeMux, in channels.Inbox) {
	t.in = in
	t.Desk.Mount(mux, in)
}

func (t *talks) Cases(context.Context, string) ([]channels.Case, error) { return nil, nil }

func (t *talks) Case(_ context.Context, id string) (channels.CaseWhole, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return channels.CaseWhole{
		Case: channels.Case{ID: id, Since: t.now.Now(), Last: t.now.Now(), Channel: "sms", Lang: "en", Reach: channels.Written}, Letters: slices.Clone(t.letters[id]),
	}, nil
}

func (t *talks) Act(ctx context.Context, a channels.CaseAct) error {
	switch words := strings.TrimSpace(a.Words); {
	case a.Kind != channels.CaseSay:
		return channels.ErrNoCase
	case strings.Trim(words, "\u200f\u00a0 ") == "":
		return channels.ErrSaidEmpty
	case !utf8.ValidString(words) || utf8.RuneCountInString(words) > channels.MostSaid:
		return channels.ErrSaidLong
	}
	r, err := t.in.Receive(ctx, channels.Event{
		Channel: "desk", ID: a.Token, From: channels.Address{Kind: "talk", ID: a.Case}, Kind: channels.Message, Words: a.Words, At: t.now.Now(),
	})
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.acts[a.Token] { // it was done before
		return nil
	}
	t.acts[a.Token] = true
	all := append(t.letters[a.Case], channels.CaseLetter{At: t.now.Now(), By: a.Clerk, Words: a.Words})
	for _, p := range r.Pages {
		all = append(all, channels.CaseLetter{At: t.now.Now(), Channel: "sms", Words: p.Text})
	}
	t.letters[a.Case] = all
	return nil
}
