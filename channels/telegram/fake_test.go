package telegram

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/locales"
)

const (
	token  = "123456:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQrr"
	secret = "s3cret_of-32-letters-and-digits_"
)

// noon is the time in the tests that don't move it.
var noon = time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)

// fake is Telegram: the Bot API, with long polling and files. Whatever it is asked, answers or hands over is held to the published
// description.
type fake struct {
	*httptest.Server
	t    testing.TB
	spec *spec

	mu      sync.Mutex
	calls   []call
	refuse  []refusal
	updates []map[string]any
	came    chan struct{} // closed when an update is there
	asked   chan int64    // tells the offset of each getUpdates; nil: nobody listens
	offset  int64
	last    int64 // update_id
	message int
	files   map[string]file
}

// call is one call of the API.
type call struct {
	method string
	given  map[string]any
}

// refusal is what some calls get instead.
type refusal struct {
	method      string
	code        int
	description string
	after       int
	raw         string // instead of all that, with code as the status
	times       int
}

type file struct {
	path  string
	bytes []byte
}

func newFake(t testing.TB) *fake {
	f := &fake{t: t, spec: readSpec(t), came: make(chan struct{}), last: 100, message: 10, files: map[string]file{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	if path, ok := strings.CutPrefix(r.URL.Path, "/file/bot"+token+"/"); ok {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, one := range f.files {
			if one.path == path {
				w.Write(one.bytes)
				return
			}
		}
		http.NotFound(w, r)
		return
	}
	method, ok := strings.CutPrefix(r.URL.Path, "/bot"+token+"/")
	if !ok || r.Method != http.MethodPost && method != "getMe" {
		f.t.Errorf("%s %s", r.Method, strings.ReplaceAll(r.URL.Path, token, "TOKEN"))
		http.NotFound(w, r)
		return
	}
	given, err := params(r)
	if err == nil {
		err = f.spec.request(method, given)
	}
	if err != nil && (errors.Is(err, io.ErrUnexpectedEOF) || r.Context().Err() != nil) { // it was broken off
		return
	}
	if err != nil {
		f.t.Errorf("the request is not as described: %v", err)
		answerError(w, refusal{code: 400, description: "Bad Request: " + err.Error()})
		return
	}
	if method == "getUpdates" {
		f.poll(w, r, given)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call{method, given})
	for i := range f.refuse {
		if e := &f.refuse[i]; e.method == method && e.times > 0 {
			e.times--
			answerError(w, *e)
			return
		}
	}
	f.answer(w, method, f.result(method, given))
}

// params reads a call as the API does: a form whose values are text, or JSON where the type is none; or JSON as a whole.
func params(r *http.Request) (map[string]any, error) {
	given := map[string]any{}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/json" {
		return given, json.NewDecoder(r.Body).Decode(&given)
	}
	if r.ContentLength == 0 {
		return given, nil
	}
	if err := r.ParseMultipartForm(1 << 20); errors.Is(err, io.EOF) { // no fields at all
		return given, nil
	} else if err != nil {
		return nil, err
	}
	for name, values := range r.MultipartForm.Value {
		if len(values) != 1 {
			return nil, fmt.Errorf("%s comes %d times", name, len(values))
		}
		text := values[0]
		textual := slices.Contains([]string{"text", "callback_query_id", "file_id", "url", "secret_token", "language_code"}, name)
		var v any
		if textual || json.Unmarshal([]byte(text), &v) != nil {
			v = text
		}
		given[name] = v
	}
	return given, nil
}

func answerError(w http.ResponseWriter, e refusal) {
	if e.raw != "" {
		w.WriteHeader(e.code)
		io.WriteString(w, e.raw)
		return
	}
	out := map[string]any{"ok": false, "error_code": e.code, "description": e.description}
	if e.after > 0 {
		out["parameters"] = map[string]any{"retry_after": e.after}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.code)
	json.NewEncoder(w).Encode(out)
}

// answer sends a result, as far as it is one that the description allows.
func (f *fake) answer(w http.ResponseWriter, method string, result any) {
	b, err := json.Marshal(map[string]any{"ok": true, "result": result})
	if err != nil {
		f.t.Error(err)
	}
	var back struct{ Result any }
	if err := json.Unmarshal(b, &back); err != nil {
		f.t.Error(err)
	}
	if err := f.spec.answer(method, back.Result); err != nil {
		f.t.Errorf("the fake's answer is not as described: %v", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b)
}

// result is what a call gives; f.mu is held.
func (f *fake) result(method string, given map[string]any) any {
	switch method {
	case "sendMessage":
		f.message++
		return f.sent(f.message, given)
	case "editMessageText", "editMessageReplyMarkup":
		return f.sent(int(given["message_id"].(float64)), given)
	case "getMe":
		return map[string]any{"id": 123456, "is_bot": true, "first_name": "Elmwood", "username": "ElmwoodBot"}
	case "getFile":
		id := given["file_id"].(string)
		return map[string]any{"file_id": id, "file_unique_id": "u" + id, "file_size": len(f.files[id].bytes), "file_path": f.files[id].path}
	}
	return true
}

func (f *fake) sent(id int, given map[string]any) map[string]any {
	m := map[string]any{
		"message_id": id, "date": noon.Unix(), "chat": map[string]any{"id": given["chat_id"], "type": "private", "first_name": "Ann"},
		"from": map[string]any{"id": 123456, "is_bot": true, "first_name": "Elmwood"},
	}
	if text, ok := given["text"]; ok {
		m["text"] = text
	}
	return m
}

// poll hands over what is there from the offset on, as soon as there is anything.
func (f *fake) poll(w http.ResponseWriter, r *http.Request, given map[string]any) {
	offset := int64(given["offset"].(float64))
	f.mu.Lock()
	f.calls = append(f.calls, call{"getUpdates", given})
	for i := range f.refuse {
		if e := &f.refuse[i]; e.method == "getUpdates" && e.times > 0 {
			e.times--
			f.mu.Unlock()
			answerError(w, *e)
			return
		}
	}
	f.offset = max(f.offset, offset)
	f.updates = slices.DeleteFunc(f.updates, func(u map[string]any) bool { return u["update_id"].(int64) < f.offset })
	asked := f.asked
	f.mu.Unlock()
	if asked != nil {
		select {
		case asked <- offset:
		case <-r.Context().Done():
			return
		}
	}
	deadline := time.After(time.Duration(given["timeout"].(float64)) * time.Second)
	for {
		f.mu.Lock()
		if len(f.updates) > 0 {
			f.answer(w, "getUpdates", f.updates[:min(len(f.updates), int(given["limit"].(float64)))])
			f.mu.Unlock()
			return
		}
		came := f.came
		f.mu.Unlock()
		select {
		case <-came:
		case <-deadline:
			f.answer(w, "getUpdates", []any{})
			return
		case <-r.Context().Done():
			return
		}
	}
}

// update makes an update of what it holds.
func (f *fake) update(name string, what map[string]any) map[string]any {
	f.mu.Lock()
	f.last++
	u := map[string]any{"update_id": f.last, name: what}
	f.mu.Unlock()
	var plain any
	json.Unmarshal(encoded(f.t, u), &plain)
	if err := f.spec.one("update", "Update", plain, ""); err != nil {
		f.t.Errorf("the fake's update is not as described: %v", err)
	}
	return u
}

// hand queues updates for whoever asks.
func (f *fake) hand(all ...map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.updates = append(f.updates, all...)
	close(f.came)
	f.came = make(chan struct{})
}

// of are the calls of a method, in their order.
func (f *fake) of(method string) (all []map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c.method == method {
			all = append(all, c.given)
		}
	}
	return all
}

func (f *fake) refuses(all ...refusal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = append(f.refuse, all...)
}

func encoded(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b)
}

// person is who writes.
func person(id int64) map[string]any {
	lang := "es"
	if id == english {
		lang = "en"
	}
	return map[string]any{"id": id, "is_bot": false, "first_name": "Ann", "language_code": lang}
}

// english is somebody whose phone speaks English; those of all others speak Spanish.
const english = 80

func privately(id int64) map[string]any {
	return map[string]any{"id": id, "type": "private", "first_name": "Ann"}
}

// said is a message of a person's, with what it holds.
func said(id int64, with map[string]any) map[string]any {
	m := map[string]any{"message_id": 5, "date": noon.Unix(), "chat": privately(id), "from": person(id)}
	for k, v := range with {
		m[k] = v
	}
	return m
}

func text(id int64, words string) map[string]any { return said(id, map[string]any{"text": words}) }

// pressing is a press on a button of a message.
func pressing(id int64, message int, data string) map[string]any {
	m := map[string]any{
		"message_id": message, "date": noon.Unix(), "chat": privately(id), "text": "…",
		"from": map[string]any{"id": 123456, "is_bot": true, "first_name": "Elmwood"},
	}
	return map[string]any{"id": "q" + strconv.Itoa(message), "from": person(id), "chat_instance": "1", "data": data, "message": m}
}

// allPhrases are read once: no test changes them.
var allPhrases = sync.OnceValues(locales.Load)

// newTelegram is a bot that knows the fake.
func newTelegram(t testing.TB, f *fake, change ...func(*Config)) *Telegram {
	t.Helper()
	phrases, err := allPhrases()
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Token: token, BaseURL: f.URL, Languages: []string{"en", "es", "zh"}, Phrases: phrases, Now: func() time.Time { return noon }, HTTP: f.Client()}
	for _, one := range change {
		one(&c)
	}
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	b.pause = func(int) time.Duration { return time.Millisecond }
	return b
}

func byWebhook(c *Config) {
	c.Webhook, c.Secret, c.PublicURL = true, secret, "https://talk.example.org/town/"
}

var resident = channels.Address{Kind: Kind, ID: "77"}
