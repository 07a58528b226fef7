// Package twiliotest is as much of Twilio's REST interface as our tests need. Prism holds it, too, to Twilio's own document. Only
// tests import it.
package twiliotest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Numbers of the town's and of a resident's.
const (
	Ours   = "+15005550006"
	Theirs = "+15550100123" // it stands in refusals, as Twilio's do
)

// Account is what a fake is made for.
type Account struct {
	SID, Token string
	Now        time.Time // when everything is made
}

// Fake is Twilio. What it lists is newest first.
type Fake struct {
	*httptest.Server
	account Account

	mu         sync.Mutex
	refuse     func(http.ResponseWriter) bool
	keep       bool
	asked      []url.Values
	listed     map[string][]map[string]any // "Messages" and "Calls"
	recordings map[string]string           // SID → its state, or its sound
	deleted    []string
	count      int

	Dropped chan string // not nil: is told which recordings were deleted
}

// New starts one.
func New(t testing.TB, a Account) *Fake {
	f := &Fake{account: a, listed: map[string][]map[string]any{}, recordings: map[string]string{}}
	mux := http.NewServeMux()
	for _, kind := range []string{"Messages", "Calls"} {
		mux.HandleFunc("POST "+f.folder()+kind+".json", func(w http.ResponseWriter, r *http.Request) { f.create(w, r, kind) })
		mux.HandleFunc("GET "+f.folder()+kind+".json", func(w http.ResponseWriter, r *http.Request) { f.list(w, r, kind) })
		mux.HandleFunc("GET "+f.folder()+kind+"/{sid}", func(w http.ResponseWriter, r *http.Request) { f.fetch(w, r, kind) })
	}
	mux.HandleFunc("GET "+f.folder()+"Recordings/{sid}", f.recording)
	mux.HandleFunc("DELETE "+f.folder()+"Recordings/{sid}", f.drop)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.count++
		if user, password, _ := r.BasicAuth(); user != a.SID || password != a.Token {
			Refuse(w, http.StatusUnauthorized, 20003)
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

func (f *Fake) folder() string { return "/2010-04-01/Accounts/" + f.account.SID + "/" }

// Set says what is answered from now on: refuse says whether it has. Where keep is set, what was asked for is made first.
func (f *Fake) Set(refuse func(http.ResponseWriter) bool, keep bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse, f.keep = refuse, keep
}

// Refuse is Twilio's way to say no, with the number in it as Twilio does.
func Refuse(w http.ResponseWriter, status, code int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"code":%d,"message":"The number %s did not work","more_info":"https://www.twilio.com/docs/errors/%d","status":%d}`, code, Theirs, code, status)
}

// Refuses is for Set: everything is refused.
func Refuses(status, code int) func(http.ResponseWriter) bool {
	return func(w http.ResponseWriter) bool { Refuse(w, status, code); return true }
}

// Count is how often it was called.
func (f *Fake) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Asked are the forms by which something was asked for, oldest first.
func (f *Fake) Asked() []url.Values {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// Latest is the SID of what was made last.
func (f *Fake) Latest(kind string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.listed[kind][0]["sid"].(string)
}

// Note lists something that wasn't asked for here.
func (f *Fake) Note(kind, to, body, direction string, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.write(kind, to, body, at)["direction"] = direction
}

// Records has a recording in a state, or with its sound.
func (f *Fake) Records(sid, what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.recordings[sid] = what
}

// Deleted are the recordings that were deleted.
func (f *Fake) Deleted() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.deleted)
}

func (f *Fake) write(kind, to, body string, at time.Time) map[string]any {
	stamp := at.Format(time.RFC1123Z)
	m := map[string]any{"account_sid": f.account.SID, "to": to, "from": Ours, "status": "queued", "direction": "outbound-api",
		"date_created": stamp, "date_updated": stamp, "price": nil, "price_unit": "USD", "api_version": "2010-04-01"}
	var own map[string]any
	var sid string
	if kind == "Messages" {
		sid = fmt.Sprintf("SM%032x", len(f.listed[kind])+1)
		own = map[string]any{"body": body, "date_sent": nil, "num_media": "0", "num_segments": "1", "error_code": nil, "error_message": nil,
			"messaging_service_sid": nil, "subresource_uris": map[string]string{"media": "/x"}}
	} else {
		sid = fmt.Sprintf("CA%032x", len(f.listed[kind])+1)
		own = map[string]any{"to_formatted": to, "from_formatted": Ours, "start_time": nil, "end_time": nil, "duration": nil,
			"parent_call_sid": nil, "phone_number_sid": "PN" + f.account.SID[2:], "answered_by": nil, "forwarded_from": nil, "group_sid": nil,
			"caller_name": nil, "queue_time": "0", "trunk_sid": nil, "subresource_uris": map[string]string{"recordings": "/x"}}
	}
	m["sid"], m["uri"] = sid, f.folder()+kind+"/"+sid+".json"
	for name, value := range own {
		m[name] = value
	}
	f.listed[kind] = append([]map[string]any{m}, f.listed[kind]...)
	return m
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (f *Fake) create(w http.ResponseWriter, r *http.Request, kind string) {
	_ = r.ParseForm()
	f.asked = append(f.asked, r.PostForm)
	m := f.write(kind, r.PostForm.Get("To"), r.PostForm.Get("Body"), f.account.Now)
	if f.refuse != nil && f.refuse(w) {
		return
	}
	answer(w, http.StatusCreated, m)
}

func (f *Fake) list(w http.ResponseWriter, r *http.Request, kind string) {
	if f.refuse != nil && f.refuse(w) {
		return
	}
	q := r.URL.Query()
	size, _ := strconv.Atoi(q.Get("PageSize"))
	page, _ := strconv.Atoi(q.Get("Page"))
	if page > 0 && q.Get("PageToken") != "PT"+strconv.Itoa(page) {
		Refuse(w, http.StatusBadRequest, 20001)
		return
	}
	all := []map[string]any{}
	for _, m := range f.listed[kind] {
		if m["to"] == q.Get("To") {
			all = append(all, m)
		}
	}
	self := f.folder() + kind + ".json?To=" + url.QueryEscape(q.Get("To")) + "&PageSize=" + q.Get("PageSize")
	from, to := min(len(all), page*size), min(len(all), (page+1)*size)
	shown := map[string]any{"page": page, "page_size": size, "start": page * size, "end": to, "uri": self,
		"first_page_uri": self + "&Page=0", "previous_page_uri": nil, "next_page_uri": nil, strings.ToLower(kind): all[from:to]}
	if len(all) > to {
		shown["next_page_uri"] = self + "&Page=" + strconv.Itoa(page+1) + "&PageToken=PT" + strconv.Itoa(page+1)
	}
	answer(w, http.StatusOK, shown)
}

func (f *Fake) fetch(w http.ResponseWriter, r *http.Request, kind string) {
	if f.refuse != nil && f.refuse(w) {
		return
	}
	for _, m := range f.listed[kind] {
		if m["sid"] == strings.TrimSuffix(r.PathValue("sid"), ".json") {
			answer(w, http.StatusOK, m)
			return
		}
	}
	Refuse(w, http.StatusNotFound, 20404)
}

func (f *Fake) recording(w http.ResponseWriter, r *http.Request) {
	sid, isSound := strings.CutSuffix(r.PathValue("sid"), ".wav")
	sid = strings.TrimSuffix(sid, ".json")
	what, there := f.recordings[sid]
	if isSound {
		if !there || !strings.HasPrefix(what, "RIFF") {
			http.Error(w, "not there", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "audio/x-wav")
		_, _ = w.Write([]byte(what))
		return
	}
	if !there {
		Refuse(w, http.StatusNotFound, 20404)
		return
	}
	stamp, self := f.account.Now.Format(time.RFC1123Z), f.folder()+"Recordings/"+sid
	answer(w, http.StatusOK, map[string]any{"sid": sid, "account_sid": f.account.SID, "call_sid": "CA" + f.account.SID[2:], "status": what, "channels": 1, "source": "RecordVerb",
		"duration": "5", "date_created": stamp, "date_updated": stamp, "start_time": stamp, "api_version": "2010-04-01", "conference_sid": nil, "error_code": nil,
		"encryption_details": nil, "price": nil, "price_unit": "USD", "uri": self + ".json", "media_url": "https://api.twilio.com" + self, "subresource_uris": map[string]string{}})
}

func (f *Fake) drop(w http.ResponseWriter, r *http.Request) {
	sid := strings.TrimSuffix(r.PathValue("sid"), ".json")
	if _, there := f.recordings[sid]; !there {
		Refuse(w, http.StatusNotFound, 20404)
		return
	}
	delete(f.recordings, sid)
	f.deleted = append(f.deleted, sid)
	if f.Dropped != nil {
		f.Dropped <- sid
	}
	w.WriteHeader(http.StatusNoContent)
}
