package preview

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/townline/townline/channels"
)

//go:embed page
var files embed.FS

const (
	mostBody  = 8 << 10          // bytes of one request
	mostWords = 1600             // characters of one text: what Twilio takes, too
	patience  = 20 * time.Second // how long a page waits for news before it asks again
	turnTime  = 12 * time.Second // that a turn may take before the page is told to send it again
)

// Mount serves the page at /preview, on mux.
func (p *Preview) Mount(mux *http.ServeMux, in channels.Inbox) {
	p.inbox = in
	guard := http.NewCrossOriginProtection()
	handle := func(pattern string, h http.HandlerFunc) {
		mux.Handle(pattern, p.hosted(guard.Handler(h)))
	}
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	for name, kind := range map[string]string{
		"": "text/html", "app.js": "text/javascript", "phone.js": "text/javascript", "ussd.js": "text/javascript", "chat.js": "text/javascript",
		"machine.js": "text/javascript", "crossing.js": "text/javascript", "style.css": "text/css", "devices.css": "text/css",
	} {
		file := name
		if file == "" {
			file = "index.html"
		}
		text, err := fs.ReadFile(page, file)
		if err != nil {
			panic(err) // the file is embedded
		}
		pattern := "GET /preview/" + name
		if name == "" {
			pattern = "GET /preview"
			handle("GET /preview/{$}", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "../preview", http.StatusMovedPermanently)
			})
		}
		handle(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind+"; charset=utf-8")
			_, _ = w.Write(text)
		})
	}
	handle("GET /preview/town", p.showTown)
	handle("GET /preview/thread", p.showThread)
	handle("POST /preview/send", p.send)
	handle("POST /preview/forward", p.forward)
}

// hosted refuses requests by a host name that isn't ours, and sets the headers that keep the page to itself.
func (p *Preview) hosted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.knowsHost(r.Host) {
			http.Error(w, "this page is not to be had by this name", http.StatusMisdirectedRequest)
			return
		}
		if p.town.Here && passedOn(r.Header) {
			http.Error(w, "this page is for the town's own machine; staff can switch it on", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// passedOn says whether a proxy tells that it asks for somebody else.
func passedOn(h http.Header) bool {
	for _, name := range [...]string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"} {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

// knowsHost takes addresses, which no other site can be called by, and the names that are the town's own.
func (p *Preview) knowsHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return slices.ContainsFunc(p.town.Hosts, func(known string) bool { return strings.EqualFold(known, host) })
}

func (p *Preview) showTown(w http.ResponseWriter, r *http.Request) {
	people := Handsets()
	for i := range people {
		people[i].Busy = p.others(people[i].Number, r.URL.Query().Get("window"))
	}
	answer(w, struct {
		Name     string      `json:"name"`
		Handsets []Handset   `json:"handsets"`
		Words    []StartWord `json:"words"`
		Forward  bool        `json:"forward"`
		Calls    bool        `json:"calls"`
		Code     string      `json:"code"` // of the menus
		Chats    bool        `json:"chats"`
		Booth    bool        `json:"booth"`
	}{p.town.Name, people, p.town.Words(), p.town.Forward != nil, p.calls, p.code, p.chats, p.booth})
}

// state is what a handset shows.
type state struct {
	Texts  []Text `json:"texts"`
	Talk   []Text `json:"talk,omitempty"` // in the chat
	Kept   []Kept `json:"kept"`
	Now    string `json:"now"`
	Others bool   `json:"others,omitempty"` // somebody else looks at this person
}

// number in a query; 0 where there is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// showThread answers with the texts after ?after=N of ?from=…, and what the chat shows after ?talk=N, waiting for one of either
// with ?wait=1. ?window=… is the page's own name.
func (p *Preview) showThread(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	after, talk := number(q.Get("after")), number(q.Get("talk"))
	p.mu.Lock()
	t, ok := p.threads[q.Get("from")]
	if !ok {
		p.mu.Unlock()
		http.Error(w, "there is no such handset", http.StatusNotFound)
		return
	}
	chat := p.talks[q.Get("from")]
	changed, talked, idle := t.changed, chat.changed, t.last <= after && chat.last <= talk
	p.mu.Unlock()
	defer p.looks(q.Get("from"), q.Get("window"))()
	if q.Get("wait") != "" && idle {
		ctx, done := context.WithTimeout(r.Context(), patience)
		select {
		case <-changed:
		case <-talked:
		case <-ctx.Done():
		case <-p.town.Closing:
		}
		done()
	}
	out := p.state(q.Get("from"), after)
	p.mu.Lock()
	out.Talk = chat.after(talk)
	p.mu.Unlock()
	out.Others = p.others(q.Get("from"), q.Get("window"))
	answer(w, out)
}

func (p *Preview) state(number string, after int) state {
	now := p.town.Now()
	s := state{Kept: []Kept{}, Now: now.Format("Monday 2 January 2006, 15:04")}
	if p.town.Kept != nil {
		s.Kept = append(s.Kept, p.town.Kept(number)...)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Texts = p.threads[number].after(after)
	return s
}

// send takes one text from a handset: {"from": "+1…", "words": "MAIN", "id": "…"}. The same id again is answered again.
func (p *Preview) send(w http.ResponseWriter, r *http.Request) {
	var in struct {
		From  string `json:"from"`
		Words string `json:"words"`
		ID    string `json:"id"`
		After int    `json:"after"`
	}
	if !p.read(w, r, &in) {
		return
	}
	p.mu.Lock()
	t, ok := p.threads[in.From]
	p.mu.Unlock()
	if !ok || !utf8.ValidString(in.Words) || utf8.RuneCountInString(in.Words) > mostWords || len(in.ID) > 64 {
		http.Error(w, "there is no such handset, or the text is too long", http.StatusBadRequest)
		return
	}
	if in.ID == "" {
		in.ID = rand.Text()
	}
	ctx, done := context.WithTimeout(r.Context(), turnTime)
	defer done()
	reply, err := p.inbox.Receive(ctx, channels.Event{
		Channel: Name, ID: in.ID, From: channels.Address{Kind: "tel", ID: in.From}, To: Name,
		Kind: channels.Message, Words: in.Words, At: p.town.Now(),
	})
	if err != nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the town can't take this now; please send it again", http.StatusServiceUnavailable)
		return
	}
	now := p.town.Now()
	p.mu.Lock()
	if !t.has(in.ID) {
		t.add(said("resident", in.Words, now), in.ID)
		for _, page := range reply.Pages {
			t.add(fromTown(page, now), "")
		}
	}
	p.mu.Unlock()
	answer(w, p.state(in.From, in.After))
}

// forward moves the town's clock: {"hours": 24}.
func (p *Preview) forward(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Hours int `json:"hours"`
	}
	if !p.read(w, r, &in) {
		return
	}
	if p.town.Forward == nil || in.Hours < 1 || in.Hours > 24*31 {
		http.Error(w, "the clock can't be moved here", http.StatusForbidden)
		return
	}
	now := p.town.Forward(time.Duration(in.Hours) * time.Hour)
	answer(w, state{Now: now.Format("Monday 2 January 2006, 15:04"), Texts: []Text{}, Kept: []Kept{}})
}

// read takes JSON only: a form of another site can't send that without being asked first.
func (p *Preview) read(w http.ResponseWriter, r *http.Request, into any) bool {
	return p.readUpTo(w, r, into, mostBody)
}

func (p *Preview) readUpTo(w http.ResponseWriter, r *http.Request, into any, most int64) bool {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) != "application/json" {
		http.Error(w, "send JSON", http.StatusUnsupportedMediaType)
		return false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		http.Error(w, "that is too long", http.StatusRequestEntityTooLarge)
		return false
	}
	if err != nil || json.Unmarshal(body, into) != nil {
		http.Error(w, "this can't be read", http.StatusBadRequest)
		return false
	}
	return true
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
