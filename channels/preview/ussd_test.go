package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// asker is a town that asks two questions by menu.
type asker struct {
	mu    sync.Mutex
	heard []channels.Event
	down  bool
}

func (a *asker) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.down {
		return channels.Reply{}, errors.New("down")
	}
	if ctx.Err() != nil {
		return channels.Reply{}, ctx.Err()
	}
	a.heard = append(a.heard, e)
	switch {
	case e.Kind == channels.HungUp:
		return channels.Reply{}, nil
	case e.Words == "2":
		return channels.Reply{Over: true, Pages: []render.Page{{Text: "Спасибо", Lang: "ru"}}}, nil
	}
	return channels.Reply{Pages: []render.Page{{Text: "Which? 5 €\n1 Trees\n2 Buses", Lang: "en"}}}, nil
}

func (a *asker) Report(context.Context, string, string, channels.Delivery) error { return nil }

func (a *asker) events() []channels.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]channels.Event(nil), a.heard...)
}

func openMenus(t testing.TB, code string) (*USSD, *asker, string) {
	t.Helper()
	in, mux := &asker{}, http.NewServeMux()
	p := New(Town{Name: "Elmwood", Hosts: []string{"localhost"}, Words: func() []StartWord { return nil }, Now: func() time.Time { return noon }})
	u := newUSSD(t, p, code)
	p.Mount(mux, in)
	u.Mount(mux, in)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return u, in, s.URL
}

func newUSSD(t testing.TB, p *Preview, code string) *USSD {
	t.Helper()
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	return NewUSSD(p, code, phrases, "en", nil)
}

// keys sends one request of the phone's and returns what it shows.
func keys(t *testing.T, url, path, body string) Screen {
	t.Helper()
	status, text := do(t, "POST", url+"/preview/ussd/"+path, body, "Content-Type", asJSON)
	var got Screen
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", path, body, status, text)
	}
	return got
}

func TestAMenuOnThePage(t *testing.T) {
	_, in, url := openMenus(t, "")
	if _, body := do(t, "GET", url+"/preview/town", ""); !strings.Contains(body, `"code":"*384*123#"`) {
		t.Errorf("the page isn't told the code: %s", body)
	}
	got := keys(t, url, "dial", `{"from":"`+first+`","session":"s","number":1,"code":"*384*123#"}`)
	// The euro sign takes two septets.
	if want := "Which? 5 €\n1 Trees\n2 Buses en false 27 160 true"; brief(got) != want {
		t.Errorf("it shows %s, want %s", brief(got), want)
	}
	got = keys(t, url, "send", `{"from":"`+first+`","session":"s","number":2,"words":"2"}`)
	if want := "Спасибо ru true 7 70 false"; brief(got) != want {
		t.Errorf("it shows %s, want %s", brief(got), want)
	}
	if got = keys(t, url, "end", `{"from":"`+first+`","session":"s","number":3}`); got.Words != "" || !got.Over {
		t.Errorf("a menu that was closed shows %+v", got)
	}
	keys(t, url, "dial", `{"from":"`+first+`","session":"t","number":1,"code":"*384*123*1#"}`)

	from := channels.Address{Kind: "tel", ID: first}
	want := []channels.Event{
		{Channel: USSDName, Session: &channels.Session{ID: "s", Number: 1}, From: from, To: Name, Kind: channels.Dialed, At: noon},
		{Channel: USSDName, Session: &channels.Session{ID: "s", Number: 2}, From: from, To: Name, Kind: channels.Message, Words: "2", At: noon},
		{Channel: USSDName, Session: &channels.Session{ID: "s", Number: 3}, From: from, To: Name, Kind: channels.HungUp, At: noon},
		{Channel: USSDName, Session: &channels.Session{ID: "t", Number: 1}, From: from, To: Name, Kind: channels.Dialed, Words: "1", At: noon},
	}
	sameEvents(t, in.events(), want)
}

func brief(s Screen) string {
	return fmt.Sprint(s.Words, " ", s.Lang, " ", s.Over, " ", s.Units, " ", s.Most, " ", s.GSM)
}

func sameEvents(t *testing.T, got, want []channels.Event) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = asText(t, got[i])
		}
		if i < len(want) {
			w = asText(t, want[i])
		}
		if g != w {
			t.Errorf("the town heard\n%s\nwant\n%s", g, w)
		}
	}
}

func asText(t *testing.T, e channels.Event) string {
	t.Helper()
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A request that was asked twice is told by its number: both are the same to the town.
func TestAMenuAsksAgain(t *testing.T) {
	_, in, url := openMenus(t, "")
	for range 2 {
		keys(t, url, "send", `{"from":"`+first+`","session":"s","number":2,"words":"1"}`)
	}
	if all := in.events(); len(all) != 2 || asText(t, all[0]) != asText(t, all[1]) {
		t.Errorf("the town heard %+v", all)
	}
}

func TestTheDialString(t *testing.T) {
	for _, c := range []struct {
		town, dialled, words string
		ok                   bool
	}{
		{"", "*384*123#", "", true},
		{"", " *384 *123 # ", "", true},
		{"", "*384*123*1#", "1", true},
		{"", "*384*123*1*23#", "1*23", true},
		{"*99#", "*99#", "", true},
		{"*99#", "*99*7#", "7", true},
		{"", "*384*123", "", false},
		{"", "*384*123*#", "", false},
		{"", "*384*1234#", "", false},
		{"", "*384*12#", "", false},
		{"", "*384*123*one#", "", false},
		{"", "*384*123*1##", "", false},
		{"", "*99#", "", false},
		{"", "#", "", false},
		{"", "", "", false},
		{"", "*384*123*" + strings.Repeat("1", mostDialled) + "#", "", false},
	} {
		u := newUSSD(t, New(Town{}), c.town)
		if words, ok := u.dialled(c.dialled); ok != c.ok || ok && words != c.words {
			t.Errorf("%q dialled in a town of %q is %q, %v; want %q, %v", c.dialled, c.town, words, ok, c.words, c.ok)
		}
	}
}

func FuzzDialString(f *testing.F) {
	f.Add("*384*123*1#")
	f.Add("*384*123#")
	u := newUSSD(f, New(Town{}), "")
	f.Fuzz(func(t *testing.T, code string) {
		words, ok := u.dialled(code)
		if !ok {
			return
		}
		again, ok := u.dialled("*384*123#")
		if words != "" {
			again, ok = u.dialled("*384*123*" + words + "#")
		}
		if !ok || again != words {
			t.Errorf("%q is %q, which dialled again is %q, %v", code, words, again, ok)
		}
	})
}

func TestThePhoneForMenusRefuses(t *testing.T) {
	u, in, url := openMenus(t, "")
	const hi = `{"from":"` + first + `","session":"s","number":1,"code":"*384*123#"}`
	for _, c := range []struct {
		name, path, body string
		header           []string
		want             int
	}{
		{"another site", "dial", hi, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a name that leads here", "dial", hi, []string{"Host", "evil.example"}, 421},
		{"a form", "dial", hi, []string{"Content-Type", "text/plain"}, 415},
		{"another's code", "dial", `{"from":"` + first + `","session":"s","number":1,"code":"*1#"}`, nil, 404},
		{"a real number", "dial", `{"from":"+12025559999","session":"s","number":1,"code":"*384*123#"}`, nil, 400},
		{"a menu without a name", "send", `{"from":"` + first + `","number":1}`, nil, 400},
		{"a menu with a huge name", "send", `{"from":"` + first + `","number":1,"session":"` + strings.Repeat("x", 65) + `"}`, nil, 400},
		{"a request without a place", "send", `{"from":"` + first + `","session":"s"}`, nil, 400},
		{"a long answer", "send", `{"from":"` + first + `","session":"s","number":2,"words":"` + strings.Repeat("é", mostKeyed+1) + `"}`, nil, 400},
		{"a huge body", "send", `{"words":"` + strings.Repeat("x", mostBody) + `"}`, nil, 413},
		{"the end of nobody's menu", "end", `{"session":"s","number":2}`, nil, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := append([]string{"Content-Type", asJSON}, c.header...)
			if status, body := do(t, "POST", url+"/preview/ussd/"+c.path, c.body, header...); status != c.want {
				t.Errorf("%d %s, want %d", status, body, c.want)
			}
		})
	}
	if all := in.events(); len(all) != 0 {
		t.Errorf("the town heard %+v", all)
	}
	if _, err := u.Deliver(t.Context(), channels.Address{Kind: "tel", ID: first}, render.Page{Text: "x"}, "key"); err == nil {
		t.Error("a menu takes what is pushed")
	} else if _, gone := channels.IsGone(err); !gone {
		t.Error(err)
	}
}

// While the town is away the phone says so, and a menu that was closed is told again.
func TestTheTownIsDownForMenus(t *testing.T) {
	_, in, url := openMenus(t, "")
	in.down = true
	got := keys(t, url, "dial", `{"from":"`+first+`","session":"s","number":1,"code":"*384*123#"}`)
	if !got.Over || !strings.Contains(got.Words, "dial again") || got.Lang != "en" {
		t.Errorf("it shows %+v", got)
	}
	if status, body := do(t, "POST", url+"/preview/ussd/end", `{"from":"`+first+`","session":"s","number":2}`, "Content-Type", asJSON); status != http.StatusServiceUnavailable || strings.Contains(body, "down") {
		t.Errorf("%d %s", status, body)
	}
}
