package ussd

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/townline/townline/channels"
)

// FuzzDialects gives any dialect any request: it is answered with a status that says what it is, never with one that blames
// the town, and what the town hears is text, from a number, of a session of bearable length.
func FuzzDialects(f *testing.F) {
	names := Dialects()
	for i, name := range names {
		for _, x := range wire[name] {
			line := strings.ReplaceAll(x.line, "KEY", testSecret)
			_, target, _ := strings.Cut(line, " ")
			path, query, _ := strings.Cut(target, "?")
			f.Add(uint8(i), strings.TrimPrefix(path, "/ussd/"+name), query, x.body)
		}
	}
	f.Add(uint8(0), "/"+testSecret, "", "sessionId=\xff&phoneNumber=%2B233246912184&text=\xf0\x9f")
	f.Add(uint8(1), "/"+testSecret, "", `{"SessionId":"\ud800","Mobile":1e400,"Type":null}`)
	var lines []*USSD
	for _, name := range names {
		lines = append(lines, newUSSD(f, name, nil))
	}
	f.Fuzz(func(t *testing.T, which uint8, path, query, body string) {
		name := names[int(which)%len(names)]
		in := &inbox{answer: func(e channels.Event) (channels.Reply, error) { return last("Thank you"), nil }}
		mux := muxOf(lines[int(which)%len(names)], in)
		for _, method := range []string{"GET", "POST"} {
			r := httptest.NewRequest(method, "/", strings.NewReader(body))
			r.URL.Path, r.URL.RawQuery = "/ussd/"+name+path, query
			if name == Plain {
				signed(r, testSecret, body, noon)
			}
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			switch w.Code {
			case 200:
				if kind := w.Header().Get("Content-Type"); kind == "application/json" && !json.Valid(w.Body.Bytes()) || !utf8.Valid(w.Body.Bytes()) {
					t.Fatalf("%s answers %q", name, w.Body)
				}
			case 301, 307, 308, 400, 403, 404, 405, 413, 415:
				if len(in.all()) > 0 && w.Code != 200 && method == "POST" {
					continue // of the GET before
				}
			default:
				t.Fatalf("%s: %d", name, w.Code)
			}
		}
		for _, e := range in.all() {
			if !utf8.ValidString(e.Words) || e.From.Kind != "tel" || e.From.ID[0] != '+' || len(e.From.ID) > 16 || e.Session == nil || len(e.Session.ID) > mostSession ||
				e.Session.Number < 0 || e.ID != "" || e.Kind == channels.HungUp && e.Words != "" && e.Session.Whole {
				t.Fatalf("%s: the town hears %+v %+v", name, e, e.Session)
			}
		}
	})
}

// FuzzDialled takes codes apart: what is left is what stood behind the town's own.
func FuzzDialled(f *testing.F) {
	f.Add("*384*123*1#", "*384*123#")
	f.Add("384*123", "*384*123#")
	f.Add("*384*1234#", "*384*123#")
	f.Add("*384*123**1#", "*384*123#")
	f.Fuzz(func(t *testing.T, all, code string) {
		words, ok := dialled(all, code)
		if words != "" && (!ok || !strings.HasSuffix(stem(all), "*"+words) || strings.Trim(words, "0123456789*#") != "") {
			t.Errorf("%q after %q is %q, %v", all, code, words, ok)
		}
		if ok && !strings.HasPrefix(stem(all), stem(code)) {
			t.Errorf("%q begins with %q", all, code)
		}
	})
}
