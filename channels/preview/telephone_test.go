package preview

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// hall is a town that asks for a key, then for a voice, passes on who presses 0, and says goodbye.
type hall struct {
	mu    sync.Mutex
	heard []channels.Event
}

func (h *hall) Receive(_ context.Context, e channels.Event) (channels.Reply, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard = append(h.heard, e)
	page := func(words string, l *render.Listen) channels.Reply {
		return channels.Reply{Pages: []render.Page{{Lang: "en", Pace: 85, Spoken: []render.Spoken{{Words: words, Pause: 400}}, Listen: l, Asks: engine.Pick}}}
	}
	switch {
	case e.Kind == channels.Dialed, e.Kind == channels.Returned:
		return page("For trees, press 1.", &render.Listen{Keys: 1, Wait: 10}), nil
	case e.Words == "0":
		r := page("One moment.", nil)
		r.Pass = &channels.Pass{Desk: "care"}
		return r, nil
	case e.Words == "1":
		return page("Speak after the tone.", &render.Listen{Keys: 1, Wait: 10, Record: 30, Pause: 3}), nil
	case len(e.Attached) > 0:
		r := page("Thank you.", nil)
		r.Over = true
		return r, nil
	}
	return channels.Reply{}, nil
}

func (h *hall) Report(context.Context, string, string, channels.Delivery) error { return nil }

func (h *hall) events() []channels.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]channels.Event(nil), h.heard...)
}

// voice says everything by its name.
type voice struct{}

func (voice) Address(u audio.Utterance) string {
	return fmt.Sprintf("%s-%d.wav", strings.ToLower(strings.Fields(u.Words + " x")[0]), u.Pace)
}
func (voice) ServeHTTP(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("clip")) }
func (voice) Speak(context.Context, audio.Utterance) (*audio.PCM, error) {
	loud := make([]int16, 16000)
	for i := range loud {
		loud[i] = int16(8000 * (i % 2))
	}
	return &audio.PCM{Wide: loud}, nil
}

const first = "+12025550101"

// handset is one page at the telephone.
type handset struct {
	t     *testing.T
	url   string
	call  string
	after int
	tells int
}

func ring(t *testing.T) (*Telephone, *hall, *handset) {
	t.Helper()
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	p := New(Town{Name: "Elmwood", Hosts: []string{"localhost"}, Words: func() []StartWord { return nil }, Now: time.Now})
	phone, in, mux := NewTelephone(p, voice{}, phrases, "en"), &hall{}, http.NewServeMux()
	p.Mount(mux, in)
	phone.Mount(mux, in)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return phone, in, &handset{t: t, url: s.URL}
}

func (h *handset) dials() {
	h.t.Helper()
	h.call = "call-1"
	if status, body := do(h.t, "POST", h.url+"/preview/call/dial", `{"from":"`+first+`","call":"call-1"}`, "Content-Type", asJSON); status != 200 {
		h.t.Fatalf("%d %s", status, body)
	}
}

// next is the order that comes next.
func (h *handset) next(what string) Order {
	h.t.Helper()
	for range 3 {
		_, body := do(h.t, "GET", fmt.Sprintf("%s/preview/call/orders?from=%s&call=%s&after=%d", h.url, url.QueryEscape(first), h.call, h.after), "")
		var got ordered
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			h.t.Fatalf("%v: %s", err, body)
		}
		h.call = got.Call
		for _, o := range got.Orders {
			h.after = o.Number
			if o.Do == what {
				return o
			}
			if o.Do == "say" {
				h.tell(told{What: "done", Order: o.Number})
			}
		}
	}
	h.t.Fatalf("there is no order to %s", what)
	return Order{}
}

func (h *handset) tell(w told) int {
	h.t.Helper()
	h.tells++
	w.From, w.Call = first, h.call
	if w.ID == "" {
		w.ID = fmt.Sprint(h.tells)
	}
	body, err := json.Marshal(w)
	if err != nil {
		h.t.Fatal(err)
	}
	status, _ := do(h.t, "POST", h.url+RecordingPath, string(body), "Content-Type", asJSON)
	return status
}

// eventually waits for an event of a kind.
func eventually(t *testing.T, in *hall, kind channels.EventKind) channels.Event {
	t.Helper()
	end := time.After(10 * time.Second)
	for {
		for _, e := range in.events() {
			if e.Kind == kind {
				return e
			}
		}
		select {
		case <-end:
			t.Fatalf("no event of kind %d: %+v", kind, in.events())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestACallOnThePage(t *testing.T) {
	_, in, h := ring(t)
	h.dials()
	h.dials() // the same press of the button again
	say := h.next("say")
	if len(say.Parts) != 1 || say.Parts[0].Words != "For trees, press 1." || say.Parts[0].Clip != "for-85.wav" || say.Parts[0].Lang != "en" {
		t.Fatalf("it says %+v", say.Parts)
	}
	if _, sound := do(t, "GET", h.url+"/preview/clip/for-85.wav", ""); sound != "for-85.wav" {
		t.Errorf("the clip is %s", sound)
	}
	h.tell(told{What: "done", Order: say.Number})
	if listen := h.next("listen"); listen.Wait != 10 {
		t.Errorf("it waits for %v s", listen.Wait)
	}
	h.tell(told{What: "key", Key: "1", ID: "press"})
	h.tell(told{What: "key", Key: "1", ID: "press"}) // told again
	again := h.next("say")
	if again.Parts[0].Silence != 0.5 {
		t.Errorf("after a key there is no silence: %+v", again.Parts)
	}
	h.tell(told{What: "done", Order: again.Number})
	record := h.next("record")
	if record.Most != 30 || record.Silence != 3 {
		t.Errorf("it records %+v", record)
	}
	h.tell(told{What: "said", Order: record.Number, Words: "more benches"})
	h.next("over")

	heard := in.events()
	if len(heard) != 3 || heard[0].Kind != channels.Dialed || heard[1].Words != "1" || len(heard[2].Attached) != 1 {
		t.Fatalf("the town heard %+v", heard)
	}
	for i, e := range heard {
		if e.Channel != CallName || e.From != (channels.Address{Kind: "tel", ID: first}) || e.ID != fmt.Sprintf("call-1/%d", i+1) {
			t.Errorf("event %d is %+v", i, e)
		}
	}
	if wav := heard[2].Attached[0].Bytes; !bytes.HasPrefix(wav, []byte("RIFF")) || len(wav) != 44+32000 {
		t.Errorf("the recording has %d bytes", len(wav))
	}
}

func TestAKeySilences(t *testing.T) {
	_, in, h := ring(t)
	h.dials()
	h.next("say") // and it isn't said to its end
	h.tell(told{What: "key", Key: "1"})
	if say := h.next("say"); !strings.HasPrefix(say.Parts[1].Words, "Speak") {
		t.Errorf("it says %+v", say.Parts)
	}
	h.tell(told{What: "hungup"})
	if e := eventually(t, in, channels.HungUp); e.Channel != CallName {
		t.Errorf("%+v", e)
	}
	if status := h.tell(told{What: "key", Key: "2"}); status != http.StatusNoContent {
		t.Errorf("a key after the end: %d", status)
	}
}

func TestNobodyAtTheDesk(t *testing.T) {
	_, in, h := ring(t)
	h.dials()
	h.tell(told{What: "done", Order: h.next("say").Number})
	h.next("listen")
	h.tell(told{What: "key", Key: "0"})
	pass := h.next("pass")
	if pass.Desk != "care" {
		t.Errorf("it passes to %q", pass.Desk)
	}
	h.tell(told{What: "passed", Order: pass.Number})
	eventually(t, in, channels.Returned)
}

func TestTheTownCalls(t *testing.T) {
	phone, in, h := ring(t)
	to := channels.Address{Kind: "tel", ID: first}
	delivered := make(chan error, 1)
	go func() {
		_, err := phone.Deliver(t.Context(), to, render.Page{Lang: "en", Spoken: []render.Spoken{{Words: "Your report is done."}}}, "key")
		delivered <- err
	}()
	h.next("ring")
	if _, err := phone.Deliver(t.Context(), to, render.Page{}, "other"); err == nil {
		t.Error("it rings twice at once")
	} else if _, again := channels.Retrying(err); !again {
		t.Errorf("an engaged handset is given up: %v", err)
	}
	h.tell(told{What: "answered", Yes: true})
	if err := <-delivered; err != nil {
		t.Fatal(err)
	}
	who := h.next("say")
	if !strings.Contains(who.Parts[0].Words, "Elmwood") {
		t.Errorf("it doesn't say who is calling: %+v", who.Parts)
	}
	h.tell(told{What: "done", Order: who.Number})
	h.next("listen")
	h.tell(told{What: "key", Key: "1"})
	silence := h.next("say") // last words come part by part
	h.tell(told{What: "done", Order: silence.Number})
	page := h.next("say")
	if page.Parts[0].Words != "Your report is done." {
		t.Errorf("it says %+v", page.Parts)
	}
	h.tell(told{What: "done", Order: page.Number})
	h.next("over")
	if _, err := phone.Deliver(t.Context(), to, render.Page{}, "key"); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if got := len(in.events()); got != 0 {
		t.Errorf("the town heard %d events of its own call", got)
	}
	if _, err := phone.Deliver(t.Context(), channels.Address{Kind: "tel", ID: "+19995550100"}, render.Page{}, "x"); err == nil {
		t.Error("it rings at nobody's")
	} else if _, gone := channels.IsGone(err); !gone {
		t.Errorf("%v", err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	phone, _, h := ring(t)
	delivered := make(chan error, 1)
	go func() {
		_, err := phone.Deliver(t.Context(), channels.Address{Kind: "tel", ID: first}, render.Page{Text: "x"}, "key")
		delivered <- err
	}()
	h.next("ring")
	h.tell(told{What: "answered"})
	if _, again := channels.Retrying(<-delivered); !again {
		t.Error("who doesn't answer isn't tried again")
	}
}

func TestAMissedCall(t *testing.T) {
	_, in, h := ring(t)
	if status, body := do(t, "POST", h.url+"/preview/call/missed", `{"from":"`+first+`","id":"m"}`, "Content-Type", asJSON); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, body)
	}
	if e := in.events()[0]; e.Kind != channels.Missed || e.ID != "m" || e.Channel != CallName {
		t.Errorf("%+v", e)
	}
}

func TestTheTelephoneRefuses(t *testing.T) {
	_, in, h := ring(t)
	h.dials()
	h.next("say")
	large := base64.StdEncoding.EncodeToString(make([]byte, mostRecording+1))
	for _, c := range []struct {
		name, path, body string
		header           []string
		want             int
	}{
		{"another site", "/preview/call/dial", `{"from":"` + first + `","call":"x"}`, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a form", "/preview/call/dial", `{}`, []string{"Content-Type", "text/plain"}, 415},
		{"a real number", "/preview/call/dial", `{"from":"+12025559999","call":"x"}`, nil, 400},
		{"a call without a name", "/preview/call/dial", `{"from":"` + first + `"}`, nil, 400},
		{"a second call", "/preview/call/dial", `{"from":"` + first + `","call":"x"}`, nil, 409},
		{"a missed call of nobody", "/preview/call/missed", `{"from":"x","id":"1"}`, nil, 400},
		{"another's call", RecordingPath, `{"from":"` + first + `","call":"x","what":"key","key":"1"}`, nil, 410},
		{"two keys", RecordingPath, `{"from":"` + first + `","call":"call-1","what":"key","key":"12"}`, nil, 400},
		{"no sound", RecordingPath, `{"from":"` + first + `","call":"call-1","what":"recorded","recording":"%%"}`, nil, 400},
		{"a huge recording", RecordingPath, `{"from":"` + first + `","call":"call-1","what":"recorded","recording":"` + large + `"}`, nil, 400},
		{"a long line", RecordingPath, `{"from":"` + first + `","call":"call-1","what":"line","words":"` + strings.Repeat("x", mostWords+1) + `"}`, nil, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := append([]string{"Content-Type", asJSON}, c.header...)
			if status, body := do(t, "POST", h.url+c.path, c.body, header...); status != c.want {
				t.Errorf("%d %s, want %d", status, body, c.want)
			}
		})
	}
	if status, _ := do(t, "GET", h.url+"/preview/call/orders?from=x", ""); status != http.StatusNotFound {
		t.Errorf("orders for nobody: %d", status)
	}
	if got := len(in.events()); got != 1 {
		t.Errorf("the town heard %+v", in.events())
	}
}

// Whatever a page tells, the line goes on.
func FuzzTold(f *testing.F) {
	f.Add("key", "1", "", 1, true)
	f.Add("recorded", "#", "UklGRg==", 2, false)
	f.Add("said", "", "", -5, false)
	f.Fuzz(func(t *testing.T, what, key, words string, order int, yes bool) {
		l := newLine(NewTelephone(New(Town{}), nil, nil, "en"), first)
		l.order(Order{Do: "say"})
		l.tell(told{What: what, Key: key, Words: words, Order: order, Yes: yes, ID: "x"}, []byte(words), time.Time{})
		if len(l.presses) > 1 || len(l.orders) != 1 {
			t.Errorf("%d keys, %d orders", len(l.presses), len(l.orders))
		}
	})
}

// Whoever finds the page can't fill the machine's memory with what nobody asked for.
func TestWhatNobodyAskedForIsNotKept(t *testing.T) {
	l := newLine(NewTelephone(New(Town{}), nil, nil, "en"), first)
	l.order(Order{Do: "record"})
	l.order(Order{Do: "say"})
	for n := range 10 * mostTold {
		l.tell(told{What: "recorded", Order: n, Words: "words"}, make([]byte, 1000), time.Time{})
		l.tell(told{What: "passed", Order: n}, nil, time.Time{})
		l.tell(told{What: "key", Key: "1"}, nil, time.Time{})
	}
	if len(l.recorded) > 0 || len(l.passed) > 0 || len(l.presses) > mostTold {
		t.Errorf("%d recordings, %d answers of desks, %d keys", len(l.recorded), len(l.passed), len(l.presses))
	}
}
