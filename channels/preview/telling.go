package preview

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/wav"
)

// RecordingPath is where recordings come in: MostBytes of one request may.
const (
	RecordingPath = "/preview/call/told"
	MostBytes     = mostRecording*4/3 + mostBody
)

const (
	mostRecording = 6 << 20 // bytes of one recording: three minutes of 16-bit sound at 16 kHz
	mostTold      = 64      // ids that are remembered, and keys that wait to be taken
)

// Mount serves the telephone's part of the page. The page itself is Preview's.
func (t *Telephone) Mount(mux *http.ServeMux, in channels.Inbox) {
	guard := http.NewCrossOriginProtection()
	handle := func(pattern string, h http.HandlerFunc) {
		mux.Handle(pattern, t.p.hosted(guard.Handler(h)))
	}
	t.p.inbox = in
	handle("POST /preview/call/dial", t.takeDial)
	handle("POST /preview/call/missed", t.takeMissed)
	handle("POST "+RecordingPath, t.takeTold)
	handle("GET /preview/call/orders", t.showOrders)
	if t.sound != nil {
		handle("GET /preview/clip/{clip}", t.sound.ServeHTTP)
	}
}

// told is one thing that the page tells: {"from": "+1…", "id": "…", "call": "…", "what": "key", "key": "2"}.
type told struct {
	From      string `json:"from"`
	ID        string `json:"id"` // the same when it is told again
	Call      string `json:"call"`
	What      string `json:"what"`
	Order     int    `json:"order"` // done, recorded, said, passed: which
	Key       string `json:"key"`   // key, recorded
	Words     string `json:"words"` // line, said
	Yes       bool   `json:"yes"`   // passed, answered
	Recording string `json:"recording"`
}

// ordered is what the page is to do next.
type ordered struct {
	Call   string  `json:"call"` // "" where there is none
	Orders []Order `json:"orders"`
	Over   bool    `json:"over"`
	Kept   []Kept  `json:"kept"`
	Now    string  `json:"now"`
}

// takeDial begins a call: {"from": "+1…", "call": "…"}.
func (t *Telephone) takeDial(w http.ResponseWriter, r *http.Request) {
	var in told
	if !t.p.read(w, r, &in) {
		return
	}
	if !t.p.knows(in.From) || in.Call == "" || len(in.Call) > 64 {
		http.Error(w, "there is no such handset", http.StatusBadRequest)
		return
	}
	if _, ok := t.dial(in.From, in.Call); !ok {
		http.Error(w, "this handset is in a call", http.StatusConflict)
		return
	}
	out, _, _ := t.news(in.From, in.Call, 0)
	answer(w, out)
}

// takeMissed lets it ring once: the town may call back.
func (t *Telephone) takeMissed(w http.ResponseWriter, r *http.Request) {
	var in told
	if !t.p.read(w, r, &in) {
		return
	}
	if !t.p.knows(in.From) || in.ID == "" || len(in.ID) > 64 {
		http.Error(w, "there is no such handset", http.StatusBadRequest)
		return
	}
	_, err := t.p.inbox.Receive(r.Context(), channels.Event{
		Channel: CallName, ID: in.ID, From: channels.Address{Kind: "tel", ID: in.From}, To: Name, Kind: channels.Missed, At: t.p.town.Now(),
	})
	if err != nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the town can't take this now", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// showOrders answers with the orders after ?after=N of the call of ?from=…, waiting for one.
func (t *Telephone) showOrders(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	number := q.Get("from")
	if !t.p.knows(number) {
		http.Error(w, "there is no such handset", http.StatusNotFound)
		return
	}
	after, err := strconv.Atoi(q.Get("after"))
	if err != nil || after < 0 {
		after = 0
	}
	wait, done := context.WithTimeout(r.Context(), patience)
	defer done()
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	for {
		out, changed, news := t.news(number, q.Get("call"), after)
		if !news {
			select {
			case <-changed:
				continue
			case <-look.C: // a new call of the town's begins with a line of its own
				continue
			case <-wait.Done():
			case <-t.p.town.Closing:
			}
		}
		answer(w, out)
		return
	}
}

// news is what a page that is at order after of a call has to know; news is false where that is nothing. changed is closed
// when there may be some.
func (t *Telephone) news(number, id string, after int) (out ordered, changed <-chan struct{}, news bool) {
	state := t.p.state(number, 1<<30)
	out = ordered{Call: id, Orders: []Order{}, Kept: state.Kept, Now: state.Now}
	l := t.line(number)
	if l == nil {
		out.Call = ""
		return out, nil, id != ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = time.Now()
	switch {
	case l.id == id:
		out.Over = l.over
	case l.over || l.gone: // an old call is nothing new
		out.Call = ""
		return out, l.changed, id != ""
	default:
		out.Call, after = l.id, 0
	}
	if after < len(l.orders) {
		out.Orders, news = slices.Clone(l.orders[after:]), true
	}
	return out, l.changed, news
}

// lookAgain is how often a page that waits looks whether the town has called.
const lookAgain = time.Second

// takeTold takes what happened on the page. The same again changes nothing.
func (t *Telephone) takeTold(w http.ResponseWriter, r *http.Request) {
	var in told
	if !t.p.readUpTo(w, r, &in, MostBytes) {
		return
	}
	l := t.line(in.From)
	if l == nil || l.id != in.Call {
		http.Error(w, "there is no such call", http.StatusGone)
		return
	}
	if !utf8.ValidString(in.Words) || utf8.RuneCountInString(in.Words) > mostWords || len(in.ID) > 64 || len(in.Key) > 1 {
		http.Error(w, "this can't be read", http.StatusBadRequest)
		return
	}
	wav, err := base64.StdEncoding.DecodeString(in.Recording)
	if err != nil || len(wav) > mostRecording {
		http.Error(w, "this can't be heard", http.StatusBadRequest)
		return
	}
	if in.What == "said" {
		wav = spoken(r.Context(), t.sound, t.lang, in.Words)
	}
	l.tell(in, wav, t.p.town.Now())
	w.WriteHeader(http.StatusNoContent)
}

// tell notes what the page told.
func (l *line) tell(in told, wav []byte, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = time.Now()
	if in.ID != "" {
		if slices.Contains(l.told, in.ID) {
			return
		}
		l.told = append(l.told[max(0, len(l.told)-mostTold):], in.ID)
	}
	var key byte
	if in.Key != "" {
		key = in.Key[0]
	}
	switch in.What {
	case "key", "line":
		if len(l.presses) >= mostTold {
			return
		}
	case "recorded", "said":
		if !l.waits(in.Order, "record") {
			return
		}
	case "passed":
		if !l.waits(in.Order, "pass") {
			return
		}
	}
	switch in.What {
	case "key":
		l.presses = append(l.presses, call.Press{Key: key, At: now})
	case "line":
		l.presses = append(l.presses, call.Press{Line: in.Words, At: now})
	case "done":
		l.done = max(l.done, in.Order)
	case "recorded", "said":
		l.typed = in.Words
		if l.recorded == nil {
			l.recorded = map[int]Recorded{}
		}
		l.recorded[in.Order] = Recorded{wav, key}
	case "passed":
		if l.passed == nil {
			l.passed = map[int]bool{}
		}
		l.passed[in.Order] = in.Yes
	case "answered":
		l.answered, l.gone = in.Yes, !in.Yes
	case "hungup":
		l.gone = true
	}
	l.happened()
}

// waits says whether an order is the last one and is to do that: what nobody waits for is not kept. The caller holds the lock.
func (l *line) waits(order int, do string) bool {
	return order > 0 && order == len(l.orders) && l.orders[order-1].Do == do
}

// spoken is typed words as if somebody had said them: by the machine's voice where there is one, else a hum as long.
func spoken(ctx context.Context, sound Sound, lang, words string) []byte {
	const rate = 16000
	if sound != nil {
		if p, err := sound.Speak(ctx, audio.Utterance{Lang: lang, Words: words}); err == nil {
			return wav.Write(rate, p.Wide)
		}
	}
	hum := make([]int16, rate*min(60, 1+len([]rune(words))/12))
	for i := range hum {
		hum[i] = int16(4000 * (i / 40 % 2)) // 200 Hz
	}
	return wav.Write(rate, hum)
}
