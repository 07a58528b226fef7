package preview

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

const second = "+12025550102"

// openChat is a page with a chat, and whoever it saw.
func openChat(t testing.TB) (*Chat, *town, map[channels.Address]string, string) {
	t.Helper()
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	in, mux, saw := &town{}, http.NewServeMux(), map[channels.Address]string{}
	p := New(Town{
		Name: "Elmwood", Hosts: []string{"localhost"}, Words: func() []StartWord { return nil }, Now: func() time.Time { return noon },
		Saw: func(a channels.Address, number string) { saw[a] = number },
	})
	c := NewChat(p, voice{}, phrases, "en")
	p.Mount(mux, in)
	c.Mount(mux, in)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return c, in, saw, s.URL
}

// chats sends a message and returns what the chat shows after it.
func chats(t *testing.T, url string, m chatted) []Text {
	t.Helper()
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	status, text := do(t, "POST", url+ChatPath, string(body), "Content-Type", asJSON)
	var got state
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != http.StatusOK {
		t.Fatalf("%+v: %d %s", m, status, text)
	}
	return got.Talk
}

func TestAChat(t *testing.T) {
	_, in, saw, url := openChat(t)
	got := chats(t, url, chatted{From: second, ID: "one", Words: "MAIN"})
	if len(got) != 2 || got[0].Words != "MAIN" || got[0].By != "resident" || got[1].Words != "You said MAIN" || got[1].Segments != 0 {
		t.Errorf("it shows %+v", got)
	}
	e := in.heard[0]
	if e.Channel != ChatName || e.From != (channels.Address{Kind: "telegram", ID: "preview12025550102"}) || e.Lang != "es" || e.ID != "one" || e.Words != "MAIN" {
		t.Errorf("the town heard %+v", e)
	}
	if saw[e.From] != second {
		t.Errorf("it saw %v", saw)
	}
	if again := chats(t, url, chatted{From: second, ID: "one", Words: "MAIN"}); len(again) != 2 {
		t.Errorf("the same again shows %+v", again)
	}
	if after := chats(t, url, chatted{From: second, ID: "two", Choice: "2", Mark: "abc", Label: "2 Buses", Talk: 2}); len(after) != 2 || after[0].Words != "2 Buses" {
		t.Errorf("a button shows %+v", after)
	}
	if e := in.heard[2]; e.Choice != "2" || e.Pressed != "abc" || e.Words != "" {
		t.Errorf("of a button the town heard %+v", e)
	}
}

func TestWhatAChatCarries(t *testing.T) {
	_, in, _, url := openChat(t)
	var drawing bytes.Buffer
	if err := png.Encode(&drawing, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	in64 := base64.StdEncoding.EncodeToString
	webm := append([]byte("\x1aE\xdf\xa3....webm...A_OPUS"), make([]byte, 64)...)
	for i, c := range []struct {
		m        chatted
		attached string // kind of what came
		words    string
	}{
		{chatted{As: "picture", Bytes: in64(drawing.Bytes())}, "image/jpeg", ""},
		{chatted{As: "voice", Bytes: in64(webm)}, channels.KindOf(webm), ""},
		{chatted{As: "voice", Words: "the lamp is out"}, "audio/wav", ""},
		{chatted{As: "place", Words: "geo:44.977800,-93.265000"}, "", "geo:44.977800,-93.265000"},
	} {
		c.m.From, c.m.ID = first, string(rune('a'+i))
		got := chats(t, url, c.m)
		if shown := got[len(got)-2]; shown.Carried != c.m.As {
			t.Errorf("%s is shown as %+v", c.m.As, shown)
		}
		e := in.heard[len(in.heard)-1]
		kind := ""
		if len(e.Attached) == 1 {
			kind = channels.KindOf(e.Attached[0].Bytes)
		}
		if kind != c.attached || kind == "" && c.words == "" || e.Words != c.words {
			t.Errorf("of a %s the town heard %q and %q", c.m.As, kind, e.Words)
		}
	}
}

// Buttons are a page's options and what else answers it; the last words have none, and an older page's are told by its mark.
func TestButtonsOfAPage(t *testing.T) {
	c, _, _, _ := openChat(t)
	two := []render.Shown{{ID: "a", Digit: "1", Label: "Trees", Chosen: true}, {ID: "b", Digit: "2", Label: "Buses"}, {ID: "c", Label: "an amount"}}
	for _, x := range []struct {
		name  string
		page  render.Page
		want  string
		share bool
	}{
		{"a choice", render.Page{Lang: "en", Mark: "m", Options: two}, "1 Trees✓, 2 Buses", false},
		{"that may be left out", render.Page{Lang: "en", Mark: "m", Skip: true, Options: two[1:]}, "2 Buses, skip", false},
		{"of several", render.Page{Lang: "en", Mark: "m", Skip: true, Given: true, Options: two}, "1 Trees✓, 2 Buses, done", false},
		{"the last words", render.Page{Lang: "en", Mark: "m", Over: true, Options: two}, "", false},
		{"without a mark", render.Page{Lang: "en", Options: two}, "", false},
		{"a place", render.Page{Lang: "en", Asks: dialogs.Place}, "", true},
	} {
		m, all := c.shown(x.page), []string{}
		for _, k := range m.Keys {
			switch {
			case k.Digit == "":
				all = append(all, k.Choice)
			case k.Chosen:
				all = append(all, k.Digit+" "+k.Label+"✓")
			default:
				all = append(all, k.Digit+" "+k.Label)
			}
			if k.Label == "" || k.Choice == "" {
				t.Errorf("%s: a button that says or does nothing: %+v", x.name, k)
			}
		}
		if got := strings.Join(all, ", "); got != x.want || m.Share != x.share || len(m.Keys) > 0 && m.Mark != "m" {
			t.Errorf("%s: %s, %v, %q; want %s", x.name, got, m.Share, m.Mark, x.want)
		}
	}
}

func TestAPushInAChat(t *testing.T) {
	c, _, _, url := openChat(t)
	for range 2 {
		if _, err := c.Deliver(t.Context(), ChatOf(first), render.Page{Text: "Still there?"}, "key"); err != nil {
			t.Fatal(err)
		}
	}
	if _, body := do(t, "GET", url+"/preview/thread?from=%2B12025550101", ""); strings.Count(body, "Still there?") != 1 {
		t.Errorf("the page got %s", body)
	}
	if _, body := do(t, "GET", url+"/preview/thread?from=%2B12025550102", ""); strings.Contains(body, "Still there?") {
		t.Error("it is shown to another, too")
	}
	for _, to := range []channels.Address{{Kind: "telegram", ID: "12025550101"}, {Kind: "telegram", ID: "7"}, {Kind: "tel", ID: first}, ChatOf("+12025550199")} {
		if _, err := c.Deliver(t.Context(), to, render.Page{Text: "x"}, "other"); err == nil {
			t.Errorf("%v gets it", to)
		} else if _, gone := channels.IsGone(err); !gone {
			t.Error(err)
		}
	}
}

func TestTheChatRefuses(t *testing.T) {
	_, in, _, url := openChat(t)
	for _, c := range []struct {
		name, body string
		header     []string
		want       int
	}{
		{"another site", `{"from":"` + first + `","id":"1","words":"x"}`, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a name that leads here", `{"from":"` + first + `","id":"1","words":"x"}`, []string{"Host", "evil.example"}, 421},
		{"a form", `{}`, []string{"Content-Type", "text/plain"}, 415},
		{"nobody's chat", `{"from":"+12025559999","id":"1","words":"x"}`, nil, 400},
		{"a message without a name", `{"from":"` + first + `","words":"x"}`, nil, 400},
		{"a long message", `{"from":"` + first + `","id":"1","words":"` + strings.Repeat("é", mostWords+1) + `"}`, nil, 400},
		{"a long button", `{"from":"` + first + `","id":"1","choice":"` + strings.Repeat("1", 40) + `"}`, nil, 400},
		{"a button of no page", `{"from":"` + first + `","id":"1","choice":"1"}`, nil, 415},
		{"no picture", `{"from":"` + first + `","id":"1","as":"picture","bytes":"aGVsbG8="}`, nil, 415},
		{"a picture that is a voice", `{"from":"` + first + `","id":"1","as":"voice","bytes":"/9j/"}`, nil, 415},
		{"a picture that can't be opened", `{"from":"` + first + `","id":"1","as":"picture","bytes":"/9j/4AAQ"}`, nil, 415},
		{"no bytes", `{"from":"` + first + `","id":"1","as":"picture","bytes":"%%"}`, nil, 415},
		{"words for a place", `{"from":"` + first + `","id":"1","as":"place","words":"STOP"}`, nil, 415},
		{"something else", `{"from":"` + first + `","id":"1","as":"film","bytes":"aGVsbG8="}`, nil, 415},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := append([]string{"Content-Type", asJSON}, c.header...)
			if status, body := do(t, "POST", url+ChatPath, c.body, header...); status != c.want {
				t.Errorf("%d %s, want %d", status, body, c.want)
			}
		})
	}
	if len(in.heard) != 0 {
		t.Errorf("the town heard %+v", in.heard)
	}
	in.down = true
	if status, _ := do(t, "POST", url+ChatPath, `{"from":"`+first+`","id":"1","words":"x"}`, "Content-Type", asJSON); status != http.StatusServiceUnavailable {
		t.Errorf("while the town is away: %d", status)
	}
}

// Whatever a page says, nothing but words, a press, a place or what can be opened comes to the town.
func FuzzChatted(f *testing.F) {
	f.Add("MAIN", "", "", "", "")
	f.Add("", "1", "mark", "", "")
	f.Add("geo:1,2", "", "", "place", "")
	f.Add("", "", "", "picture", "/9j/4AAQ")
	c, _, _, _ := openChat(f)
	f.Fuzz(func(t *testing.T, words, choice, mark, as, bytes string) {
		in := chatted{From: first, ID: "1", Words: words, Choice: choice, Mark: mark, As: as, Bytes: bytes}
		person, ok := c.person(&in)
		if !ok {
			return
		}
		e, _, ok := c.event(t.Context(), &in, person)
		if !ok {
			return
		}
		for _, a := range e.Attached {
			if channels.KindOf(a.Bytes) == "" {
				t.Errorf("%q came as %s", bytes, a.Type)
			}
		}
		if e.Choice != "" && (e.Pressed == "" || e.Words != "") || len(e.Attached) == 0 && e.Choice == "" && e.Words != words {
			t.Errorf("%+v", e)
		}
	})
}
