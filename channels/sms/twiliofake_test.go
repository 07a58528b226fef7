package sms

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeTwilio is as much of Twilio's REST interface as pushes need. Prism holds it, too, to Twilio's own document.
type fakeTwilio struct {
	*httptest.Server
	mu     sync.Mutex
	refuse func(w http.ResponseWriter) bool // true: it has answered
	keep   bool                             // note the message also where refuse answers
	asked  []url.Values                     // forms of messages
	sent   []map[string]any                 // newest first
	calls  int
}

func newFakeTwilio(t testing.TB) *fakeTwilio {
	f := &fakeTwilio{}
	mux := http.NewServeMux()
	const messages = "/2010-04-01/Accounts/" + account + "/Messages"
	mux.HandleFunc("POST "+messages+".json", f.create)
	mux.HandleFunc("GET "+messages+".json", f.list)
	mux.HandleFunc("GET "+messages+"/{sid}", f.fetch)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.calls++
		if user, password, _ := r.BasicAuth(); user != account || password != token {
			refusal(w, 401, 20003)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// refusal is Twilio's way to say no, with the number in it as Twilio does.
func refusal(w http.ResponseWriter, status, code int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"code":%d,"message":"The number +15550100123 did not work","more_info":"https://www.twilio.com/docs/errors/%d","status":%d}`, code, code, status)
}

func (f *fakeTwilio) create(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	f.asked = append(f.asked, r.PostForm)
	if f.refuse != nil && !f.keep && f.refuse(w) {
		return
	}
	m := f.write(r.PostForm.Get("To"), r.PostForm.Get("Body"), noon)
	if f.refuse != nil && f.refuse(w) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(m)
}

// set says what is answered from now on.
func (f *fakeTwilio) set(refuse func(http.ResponseWriter) bool, keep bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse, f.keep = refuse, keep
}

// count is how often it was called.
func (f *fakeTwilio) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// latest is the SID of the message that was listed last.
func (f *fakeTwilio) latest() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent[0]["sid"].(string)
}

// note lists a message.
func (f *fakeTwilio) note(to, body, direction string, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.write(to, body, at)["direction"] = direction
}

func (f *fakeTwilio) write(to, body string, at time.Time) map[string]any {
	sid := fmt.Sprintf("SM%032x", len(f.sent)+1)
	stamp := at.Format(time.RFC1123Z)
	m := map[string]any{"sid": sid, "account_sid": account, "to": to, "from": "+15005550006", "body": body, "status": "queued",
		"direction": "outbound-api", "date_created": stamp, "date_updated": stamp, "date_sent": nil, "num_media": "0", "num_segments": "1",
		"api_version": "2010-04-01", "error_code": nil, "error_message": nil, "price": nil, "price_unit": "USD", "messaging_service_sid": nil,
		"uri": "/2010-04-01/Accounts/" + account + "/Messages/" + sid + ".json", "subresource_uris": map[string]string{"media": "/x"}}
	f.sent = append([]map[string]any{m}, f.sent...)
	return m
}

func (f *fakeTwilio) list(w http.ResponseWriter, r *http.Request) {
	if f.refuse != nil && f.refuse(w) {
		return
	}
	q := r.URL.Query()
	size, _ := strconv.Atoi(q.Get("PageSize"))
	page, _ := strconv.Atoi(q.Get("Page"))
	if page > 0 && q.Get("PageToken") != "PT"+strconv.Itoa(page) {
		refusal(w, 400, 20001)
		return
	}
	all := []map[string]any{}
	for _, m := range f.sent {
		if m["to"] == q.Get("To") {
			all = append(all, m)
		}
	}
	self := "/2010-04-01/Accounts/" + account + "/Messages.json?To=" + url.QueryEscape(q.Get("To")) + "&PageSize=" + q.Get("PageSize")
	answer := map[string]any{"page": page, "page_size": size, "start": page * size, "end": min(len(all), (page+1)*size), "uri": self,
		"first_page_uri": self + "&Page=0", "previous_page_uri": nil, "next_page_uri": nil,
		"messages": all[min(len(all), page*size):min(len(all), (page+1)*size)]}
	if len(all) > (page+1)*size {
		answer["next_page_uri"] = self + "&Page=" + strconv.Itoa(page+1) + "&PageToken=PT" + strconv.Itoa(page+1)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

func (f *fakeTwilio) fetch(w http.ResponseWriter, r *http.Request) {
	if f.refuse != nil && f.refuse(w) {
		return
	}
	for _, m := range f.sent {
		if m["sid"] == strings.TrimSuffix(r.PathValue("sid"), ".json") {
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(m)
			return
		}
	}
	refusal(w, 404, 20404)
}
