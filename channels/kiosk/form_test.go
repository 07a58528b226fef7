package kiosk

import (
	"bytes"
	"image"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs/render"
)

// TestRefused: what no page of ours sends.
func TestRefused(t *testing.T) {
	b, in := at(t, WebName, "text")
	n := len(in.heard)
	form := "application/x-www-form-urlencoded"
	good := b.form().Encode() + "&do=next&t=x"
	for _, c := range []struct {
		name, kind, body string
		header           []string
		want             int
	}{
		{"another site", form, good, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another site, older browser", form, good, []string{"Origin", "https://evil.example"}, 403},
		{"JSON", "application/json", "{}", nil, 400},
		{"no type", "", good, nil, 400},
		{"bad escapes", form, "t=%zz", nil, 400},
		{"many fields", form, strings.Repeat("v=1&", 100), nil, 413},
		{"a long field", form, "t=" + strings.Repeat("x", mostText+1), nil, 413},
		{"a huge form", form, "t=" + strings.Repeat("x", mostForm), nil, 413},
		{"half a multipart", "multipart/form-data; boundary=x", "--x\r\nContent-Disp", nil, 400},
		{"no boundary", "multipart/form-data", "--x", nil, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			if b.ask(http.MethodPost, "/web", c.kind, c.body, c.header...); b.status != c.want {
				t.Errorf("status %d, want %d", b.status, c.want)
			}
		})
	}
	if len(in.heard) != n {
		t.Errorf("the town heard %+v", in.heard[n:])
	}
	for path, want := range map[string]int{"/web/audio/x.wav": 404, "/web/audio/x": 404, "/web/nothing": 404} {
		if b.get(path); b.status != want {
			t.Errorf("%s: %d", path, b.status)
		}
	}
	b.ask(http.MethodDelete, "/web", "", "")
	if b.status != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", b.status)
	}
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{"token=x&do=next&o=1&o=3", "t=%F0%9F%98%80&do=key.a", "v=5&v=3&do=more.v1", "day=31&month=2&year=27&do=less.day", "do=key.layout.ar&pad=zh-caps&at=code", "phone=+1&at=carry&do=key.del"} {
		f.Add(s)
	}
	l := words().Language("en")
	k := New(Settings{Phrases: words(), Texts: true})
	v, err := newVisit(counting(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := parseForm(body)
		if err != nil {
			return
		}
		for name, p := range pages() {
			form := *got
			form.options = append([]string(nil), got.options...)
			form.shares = append([]string(nil), got.shares...)
			if !form.edit(&p, "en", noon) {
				e, wrong := answer(&form, &p, l)
				if wrong == nil && e.Choice == "" && e.Words == "" && len(e.Attached) == 0 {
					t.Fatalf("%s: %q is an answer that says nothing", name, body)
				}
			}
			s := k.draw(&p, v, usualLook(), &form)
			s.finish()
			var b bytes.Buffer
			if err := k.paper.page.Execute(&b, s); err != nil {
				t.Fatalf("%s: %q: %v", name, body, err)
			}
		}
	})
}

// TestTooMuchAtATime: where others are sending too much, what was typed beside a picture is still there, nothing is answered by
// mistake, and what was taken is given back.
func TestTooMuchAtATime(t *testing.T) {
	in := &town{next: []render.Page{pages()["photo"], pages()["end"]}}
	b, k := served(t, NewWeb(Settings{Phrases: words(), Entropy: counting(7)}), in)
	b.get("/web").press("begin")
	n := len(in.heard)
	k.files.bytes.Store(mostLoad - loadStep)
	b.upload("photo", "a.jpg", make([]byte, 2*loadStep))
	if b.status != http.StatusServiceUnavailable || b.heads.Get("Retry-After") == "" || len(in.heard) != n {
		t.Errorf("status %d, and the town heard %+v", b.status, in.heard[n:])
	}
	lost := words().Language("en").Phrase("screen.lost", 3)
	b.shows(lost).press("on").shows(lost, `name="photo"`)
	if len(in.heard) != n {
		t.Errorf("the question was skipped: %+v", in.heard[n:])
	}
	if left := k.files.bytes.Load(); left != mostLoad-loadStep {
		t.Errorf("%d bytes were not given back", left-(mostLoad-loadStep))
	}
	k.files.bytes.Store(0)
	var raw bytes.Buffer
	if err := jpeg.Encode(&raw, image.NewRGBA(image.Rect(0, 0, 40, 30)), nil); err != nil {
		t.Fatal(err)
	}
	if b.upload("photo", "a.jpg", raw.Bytes()); len(in.last().Attached) != 1 || k.files.bytes.Load() != 0 {
		t.Errorf("heard %+v, %d bytes kept", in.last(), k.files.bytes.Load())
	}
	b.upload("photo", "a.jpg", make([]byte, mostFile+1))
	if b.status != http.StatusRequestEntityTooLarge || k.files.bytes.Load() != 0 {
		t.Errorf("status %d, %d bytes kept", b.status, k.files.bytes.Load())
	}
}
