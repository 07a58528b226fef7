package voice

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

// fakeTwilio is as much of Twilio's REST interface as calls need. Prism holds it, too, to Twilio's own document.
type fakeTwilio struct {
	*httptest.Server
	mu         sync.Mutex
	refuse     func(w http.ResponseWriter) bool // true: it has answered
	keep       bool                             // note the call also where refuse answers
	asked      []url.Values                     // forms of calls
	sent       []map[string]any                 // newest first
	recordings map[string]string                // SID → its state, or its sound
	deleted    []string
	dropped    chan string // not nil: is told what was deleted
	calls      int
}

const folder = "/2010-04-01/Accounts/" + account

func newFakeTwilio(t testing.TB) *fakeTwilio {
	f := &fakeTwilio{recordings: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+folder+"/Calls.json", f.create)
	mux.HandleFunc("GET "+folder+"/Calls.json", f.list)
	mux.HandleFunc("GET "+folder+"/Calls/{sid}", f.fetch)
	mux.HandleFunc("GET "+folder+"/Recordings/{sid}", f.recording)
	mux.HandleFunc("DELETE "+folder+"/Recordings/{sid}", f.delete)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.calls++
		if user, password, _ := r.BasicAuth(); user != account || password != token {
			refusal(w, 401, 20003)
			return
		}
		if f.refuse != nil && !f.keep && f.refuse(w) {
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// set says what is answered from now on.
func (f *fakeTwilio) set(refuse func(http.ResponseWriter) bool, keep bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse, f.keep = refuse, keep
}

func (f *fakeTwilio) records(sid, what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.recordings[sid] = what
}

func (f *fakeTwilio) gone() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.deleted...)
}

func (f *fakeTwilio) lastAsked() url.Values {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[len(f.asked)-1]
}

// refusal is Twilio's way to say no, with the number in it as Twilio does.
func refusal(w http.ResponseWriter, status, code int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"code":%d,"message":"The number %s did not work","more_info":"https://www.twilio.com/docs/errors/%d","status":%d}`, code, theirs, code, status)
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func (f *fakeTwilio) create(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	f.asked = append(f.asked, r.PostForm)
	m := f.write(r.PostForm.Get("To"), noon)
	if f.refuse != nil && f.refuse(w) {
		return
	}
	answerJSON(w, http.StatusCreated, m)
}

func (f *fakeTwilio) write(to string, at time.Time) map[string]any {
	sid := fmt.Sprintf("CA%032x", len(f.sent)+1)
	stamp := at.Format(time.RFC1123Z)
	m := map[string]any{"sid": sid, "account_sid": account, "to": to, "to_formatted": to, "from": ours, "from_formatted": ours, "status": "queued", "direction": "outbound-api",
		"date_created": stamp, "date_updated": stamp, "start_time": nil, "end_time": nil, "duration": nil, "price": nil, "price_unit": "USD", "api_version": "2010-04-01",
		"parent_call_sid": nil, "phone_number_sid": "PN" + account[2:], "answered_by": nil, "forwarded_from": nil, "group_sid": nil, "caller_name": nil, "queue_time": "0", "trunk_sid": nil,
		"uri": folder + "/Calls/" + sid + ".json", "subresource_uris": map[string]string{"recordings": "/x"}}
	f.sent = append([]map[string]any{m}, f.sent...)
	return m
}

// note lists a call that somebody else made.
func (f *fakeTwilio) note(to, direction string, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.write(to, at)["direction"] = direction
}

func (f *fakeTwilio) list(w http.ResponseWriter, r *http.Request) {
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
	self := folder + "/Calls.json?To=" + url.QueryEscape(q.Get("To")) + "&PageSize=" + q.Get("PageSize")
	answer := map[string]any{"page": page, "page_size": size, "start": page * size, "end": min(len(all), (page+1)*size), "uri": self,
		"first_page_uri": self + "&Page=0", "previous_page_uri": nil, "next_page_uri": nil,
		"calls": all[min(len(all), page*size):min(len(all), (page+1)*size)]}
	if len(all) > (page+1)*size {
		answer["next_page_uri"] = self + "&Page=" + strconv.Itoa(page+1) + "&PageToken=PT" + strconv.Itoa(page+1)
	}
	answerJSON(w, 200, answer)
}

func (f *fakeTwilio) fetch(w http.ResponseWriter, r *http.Request) {
	for _, m := range f.sent {
		if m["sid"] == strings.TrimSuffix(r.PathValue("sid"), ".json") {
			answerJSON(w, 200, m)
			return
		}
	}
	refusal(w, 404, 20404)
}

func (f *fakeTwilio) recording(w http.ResponseWriter, r *http.Request) {
	sid, isSound := strings.CutSuffix(r.PathValue("sid"), ".wav")
	sid = strings.TrimSuffix(sid, ".json")
	what, there := f.recordings[sid]
	if isSound {
		if !there || !strings.HasPrefix(what, "RIFF") {
			http.Error(w, "not there", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "audio/x-wav")
		w.Write([]byte(what))
		return
	}
	if !there {
		refusal(w, 404, 20404)
		return
	}
	stamp := noon.Format(time.RFC1123Z)
	answerJSON(w, 200, map[string]any{"sid": sid, "account_sid": account, "call_sid": callSID, "status": what, "channels": 1, "source": "RecordVerb", "duration": "5",
		"date_created": stamp, "date_updated": stamp, "start_time": stamp, "api_version": "2010-04-01", "conference_sid": nil, "error_code": nil, "encryption_details": nil,
		"price": nil, "price_unit": "USD", "uri": folder + "/Recordings/" + sid + ".json", "media_url": "https://api.twilio.com" + folder + "/Recordings/" + sid, "subresource_uris": map[string]string{}})
}

func (f *fakeTwilio) delete(w http.ResponseWriter, r *http.Request) {
	sid := strings.TrimSuffix(r.PathValue("sid"), ".json")
	if _, there := f.recordings[sid]; !there {
		refusal(w, 404, 20404)
		return
	}
	delete(f.recordings, sid)
	f.deleted = append(f.deleted, sid)
	if f.dropped != nil {
		f.dropped <- sid
	}
	w.WriteHeader(http.StatusNoContent)
}
