package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// chatTown is Telegram as the crowd has it: it keeps when which message reached which chat, and now and then refuses one, or takes
// it and doesn't say so.
type chatTown struct {
	*httptest.Server
	crowd *crowd
	path  atomic.Pointer[string] // that it calls
	last  atomic.Int64           // update_id

	mu      sync.Mutex
	chance  *rand.Rand
	chats   map[int64]*chatPages
	arrived int
	doubles int       // came twice while there was trouble: nobody could know whether they had left
	held    []waiting // were waited for in vain: they are still in the outbox
	trouble []trouble // when something was broken
}

// chatPages is what a chat shows.
type chatPages struct {
	came  chan string
	first map[string]time.Time // when each text came first
	lost  map[string]bool      // the town wasn't told that it had come
}

// waiting is somebody who had no answer when the crowd ended.
type waiting struct {
	chat int64
	next string
}

// trouble is a time in which something was broken.
type trouble struct{ from, to time.Time }

// afterwards is how long what a trouble left in doubt may be settled: a claim of a server that died holds for two minutes, and several may die in turn.
const afterwards = 12 * time.Minute

func newChatTown(t *testing.T, c *crowd, host string) *chatTown {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	f := &chatTown{crowd: c, chats: map[int64]*chatPages{}, chance: rand.New(rand.NewPCG(3, 3))}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(f.serve))
	_ = f.Listener.Close()
	f.Listener = l
	f.Start()
	t.Cleanup(f.Close)
	return f
}

func (f *chatTown) serve(w http.ResponseWriter, r *http.Request) {
	method, ok := strings.CutPrefix(r.URL.Path, "/bot"+botToken+"/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	switch method {
	case "setWebhook":
		path := strings.TrimPrefix(r.FormValue("url"), loadURL)
		f.path.Store(&path)
		io.WriteString(w, `{"ok":true,"result":true}`)
	case "sendMessage":
		id, _ := strconv.ParseInt(r.FormValue("chat_id"), 10, 64)
		f.mu.Lock()
		how := f.chance.IntN(100)
		f.mu.Unlock()
		if how == 0 {
			w.WriteHeader(http.StatusTooManyRequests)
			io.WriteString(w, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 1","parameters":{"retry_after":1}}`)
			return
		}
		f.shows(id, r.FormValue("text"), how == 1)
		if how == 1 { // it is shown, and the town isn't told
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, `{"ok":true,"result":{"message_id":%d,"date":1,"chat":{"id":%d,"type":"private"}}}`, f.last.Add(1), id)
	default:
		io.WriteString(w, `{"ok":true,"result":true}`)
	}
}

func (f *chatTown) chat(id int64) *chatPages {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.chats[id]
	if p == nil {
		p = &chatPages{came: make(chan string, 1000), first: map[string]time.Time{}, lost: map[string]bool{}}
		f.chats[id] = p
	}
	return p
}

func (f *chatTown) shows(id int64, text string, lost bool) {
	p, now := f.chat(id), time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.arrived++
	if !strings.Contains(text, "after ") && !strings.Contains(text, "Thank you for") { // only those have words of one conversation in them
		p.came <- text
		return
	}
	if first, twice := p.first[text]; !twice {
		p.first[text], p.lost[text] = now, lost
	} else {
		f.doubles++
		if !p.lost[text] && !f.inTrouble(first, now) {
			f.crowd.say("%q came to a chat twice, %v apart, and nothing was broken", text, now.Sub(first))
		}
	}
	p.came <- text
}

func (f *chatTown) shown() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.arrived
}

// inTrouble says whether something was broken between two moments, or so shortly before that it may have been in their way.
func (f *chatTown) inTrouble(from, to time.Time) bool {
	for _, t := range f.trouble {
		if t.from.Before(to) && (t.to.IsZero() || t.to.Add(5*time.Second).After(from)) {
			return true
		}
	}
	return false
}

// breaks notes that something is broken until what it returns is called.
func (f *chatTown) breaks() (mended func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trouble = append(f.trouble, trouble{from: time.Now()})
	n := len(f.trouble) - 1
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.trouble[n].to = time.Now()
	}
}

// judge looks that what never came is still in the outbox.
func (f *chatTown) judge(s store.Stats) {
	var left int64
	for _, w := range f.held {
		came := false
		for p := f.chat(w.chat); len(p.came) > 0; {
			came = strings.Contains(<-p.came, w.next) || came
		}
		if !came {
			left++
		}
	}
	if left > s.Queued+s.Unsure+s.Dead {
		f.crowd.say("%d messages to chats never came, and %d are in the outbox", left, s.Queued+s.Unsure+s.Dead)
	}
}

// chatter is somebody in a chat. Replies are pushed there.
type chatter struct {
	*crowd
	id     int64
	chance *rand.Rand
}

func (c *chatter) lives() {
	for n := 1; !c.stop.Load(); n++ {
		name := fmt.Sprintf("%d-%d", c.id, n)
		all := talks(name, n+1) // who: number leaves chats out
		for i, l := range all {
			c.thinks(c.chance)
			if !c.writes(l.words) {
				return
			}
			reply, ok := c.waits(l.next)
			if !ok {
				if i == len(all)-1 { // it is done, and only nobody was told
					c.mu.Lock()
					c.maybe[name] = true
					c.mu.Unlock()
					if len(all) == 2 {
						c.perhaps.Add(1)
					}
				}
				return
			}
			if i == len(all)-1 {
				c.ended(name, n+1, reply)
			}
		}
	}
}

// writes hands an update over until it is taken, and now and then once more.
func (c *chatter) writes(words string) bool {
	for c.chats.path.Load() == nil {
		if c.broken.Load() {
			return false
		}
		c.thinks(c.chance)
	}
	id := c.chats.last.Add(1)
	body, _ := json.Marshal(map[string]any{"update_id": id, "message": map[string]any{
		"message_id": id, "date": time.Now().Unix(), "text": words, "chat": map[string]any{"id": c.id, "type": "private"},
		"from": map[string]any{"id": c.id, "is_bot": false, "first_name": "Ann", "language_code": "en"},
	}})
	try := func() error {
		req, err := http.NewRequest(http.MethodPost, c.url+*c.chats.path.Load(), strings.NewReader(string(body)))
		if err != nil {
			return err
		}
		req.Header.Set("X-Telegram-Bot-Api-Secret-Token", faultSecret)
		_, err = c.asks(req)
		return err
	}
	for ; !c.broken.Load(); c.retries.Add(1) {
		if try() == nil {
			c.answers.Add(1)
			c.quiet.answered(time.Now())
			if c.chance.IntN(10) == 0 && try() == nil {
				c.repeats.Add(1)
			}
			return true
		}
		c.thinks(c.chance)
	}
	return false
}

// waits until a page with the next words comes. Others may only be those that came before.
func (c *chatter) waits(next string) (string, bool) {
	p := c.chats.chat(c.id)
	patience := time.NewTimer(afterwards)
	defer patience.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	var ended time.Time
	for {
		select {
		case text := <-p.came:
			if strings.Contains(text, next) {
				return text, true
			}
		case now := <-look.C:
			if c.broken.Load() {
				return "", false
			}
			if ended.IsZero() && c.stop.Load() {
				ended = now
			}
			if ended.IsZero() || now.Sub(ended) < *heldOut {
				continue
			}
			c.chats.mu.Lock()
			c.chats.held = append(c.chats.held, waiting{c.id, next})
			c.chats.mu.Unlock()
			return "", false
		case <-patience.C:
			c.say("a chat got no %q in %v", next, afterwards)
			return "", false
		}
	}
}
