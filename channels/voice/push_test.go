package voice

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/twilio/twiliotest"
	"github.com/townline/townline/dialogs/render"
)

var resident = channels.Address{Kind: "tel", ID: theirs}

// word is what an error means for a push, in a word.
func word(_ string, err error) string {
	if err == nil {
		return "sent"
	}
	if code, ok := channels.IsGone(err); ok {
		return "gone " + code
	}
	if channels.InDoubt(err) {
		return "doubt"
	}
	if after, ok := channels.Retrying(err); ok {
		if !errors.Is(err, channels.ErrNotRung) {
			return "retry after it rang"
		}
		return "retry " + after.String()
	}
	return err.Error()
}

// folder is the account's.
const folder = "/2010-04-01/Accounts/" + account

func newFakeTwilio(t testing.TB) *twiliotest.Fake {
	return twiliotest.New(t, twiliotest.Account{SID: account, Token: token, Now: noon})
}

func lastAsked(f *twiliotest.Fake) url.Values {
	asked := f.Asked()
	return asked[len(asked)-1]
}

func at(f *twiliotest.Fake) func(*Config) { return func(c *Config) { c.BaseURL = f.URL } }

func reminder(words string) render.Page {
	return render.Page{Lang: "es", Asks: "choice", Listen: &oneKey, Spoken: []render.Spoken{{Words: words, Pause: 400}}}
}

// A call goes out: the town says its name, a key is pressed, and what the call is about is said, by any server of the town.
func TestCallOut(t *testing.T) {
	for _, c := range []struct {
		name   string
		page   render.Page
		script []string
		heard  []string
		told   string
		ended  string
	}{
		{"about something", reminder("¿Quiere seguir?"), []string{"1", "2"}, []string{"es Hola, le llama Elmwood. Para hablar con nosotros ahora, marque 1.", "es ¿Quiere seguir?", "en Goodbye."}, "/1 2", "hangup"},
		{"as if they had rung", render.Page{}, []string{"1", "2"}, []string{"en Hello, this is Elmwood. To talk with us now, press 1.", "en Well?", "en For help, press 0.", "en Goodbye."}, "/1 Dialed /2 2", "hangup"},
		{"who answers says their name first", render.Page{}, []string{"…", "5", "1", "2"}, []string{"en Hello, this is Elmwood. To talk with us now, press 1.", "en Hello, this is Elmwood. To talk with us now, press 1.", "en Hello, this is Elmwood. To talk with us now, press 1.", "en Well?", "en For help, press 0.", "en Goodbye."}, "/1 Dialed /2 2", "hangup"},
		{"a machine presses nothing", reminder("¿Quiere seguir?"), []string{"…", "…", "…"}, []string{"es Hola, le llama Elmwood. Para hablar con nosotros ahora, marque 1.", "es Hola, le llama Elmwood. Para hablar con nosotros ahora, marque 1.", "es Hola, le llama Elmwood. Para hablar con nosotros ahora, marque 1."}, "", "hangup"},
		{"about very much", reminder(noise(6000)), []string{"1", "2"}, []string{"es Hola, le llama Elmwood. Para hablar con nosotros ahora, marque 1.", "es " + noise(6000), "en Goodbye."}, "/1 2", "hangup"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake := newFakeTwilio(t)
			var replies []channels.Reply
			if len(c.page.Spoken) == 0 {
				replies = append(replies, asks("Well?", oneKey))
			}
			in := &paper{replies: append(replies, ends("Goodbye."))}
			line := newLine(t, func(c *Config) { c.BaseURL, c.Sound = fake.URL, sound })
			receipt, err := line.Deliver(t.Context(), resident, c.page, "k 1")
			if err != nil || !isSID(receipt, "CA") {
				t.Fatalf("%q, %v", receipt, err)
			}
			asked := lastAsked(fake)
			if asked.Get("To") != theirs || asked.Get("From") != ours || asked.Get("StatusCallback") != public+"/voice/twilio/status?key=k+1" || asked.Get("Timeout") != "25" || asked.Get("TimeLimit") != "3600" || len(asked.Get("Twiml")) > 4000 {
				t.Errorf("Twilio was asked %v", asked)
			}
			if strings.Contains(asked.Encode(), "seguir") {
				t.Error("what the call is about can be read in it")
			}
			answering := line
			if len(c.page.Spoken) == 1 && len(c.page.Spoken[0].Words) < 1000 {
				answering = newLine(t, nil) // another server
			}
			p := newPhone(t, answering, in, c.script...)
			p.form = []string{"Direction", "outbound-api", "From", ours, "To", theirs, "CallSid", receipt}
			p.again = true
			document := strings.ReplaceAll(asked.Get("Twiml"), public, "")
			if document == "" {
				document = p.ask(strings.TrimPrefix(asked.Get("Url"), public), standard())
			}
			target, f := p.run(must[tag](t)(looser(document)))
			for target != "" {
				target, f = p.run(must[tag](t)(looser(p.ask(target, f))))
			}
			if p.ended != c.ended || !reflect.DeepEqual(p.heard, c.heard) {
				t.Errorf("ended by %s, heard %q\nwant %q", p.ended, p.heard, c.heard)
			}
			var told []string
			for _, e := range in.all() {
				w := e.Words
				if e.Kind == channels.Dialed {
					w = "Dialed"
				}
				told = append(told, strings.TrimPrefix(e.ID, receipt)+" "+w)
				if e.From != resident || e.To != ours || !e.Out {
					t.Errorf("%+v", e)
				}
			}
			if got := strings.Join(told, " "); got != c.told {
				t.Errorf("the town was told %q, want %q", got, c.told)
			}
		})
	}
}

// A machine that Twilio knows for one is not spoken to.
func TestMachine(t *testing.T) {
	for answeredBy, want := range map[string]bool{"machine_start": false, "machine_end_beep": false, "fax": false, "human": true, "unknown": true, "": true} {
		f := standard("Direction", "outbound-api", "AnsweredBy", answeredBy)
		document := give(newLine(t, nil), &paper{}, signed("/voice/twilio/out?k=k1&l=en&t=1", f)).Body.String()
		if got := strings.Contains(document, "<Gather"); got != want {
			t.Errorf("%q: %s", answeredBy, document)
		}
	}
}

// looser is parse without the limit on size, for a page that is longer than any.
func looser(document string) (tag, error) {
	root, err := parse(document)
	if err != nil && len(document) > mostDocument && err.Error() == fmt.Sprintf("%d bytes", len(document)) {
		return parseAny(document)
	}
	return root, err
}

// noise is so many letters that can't be written shorter.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = 'a' + byte(x>>24)%26
	}
	return string(b)
}

// What becomes of a call that went out is reported, and only who was there can ring off.
func TestCallOutReports(t *testing.T) {
	for _, c := range []struct {
		name  string
		keys  []string // pressed before
		state string
		took  string
		want  channels.Delivery
		told  int // HungUp among what the town was told
	}{
		{"answered", []string{"1"}, "completed", "42", channels.Delivery{State: channels.Arrived, Took: 42 * time.Second, At: noon}, 1},
		{"answered, and held to its end", []string{"1", "end"}, "completed", "42", channels.Delivery{State: channels.Arrived, Took: 42 * time.Second, At: noon}, 0},
		{"answered by another server", nil, "completed", "42", channels.Delivery{State: channels.Arrived, Took: 42 * time.Second, At: noon}, 0},
		{"nobody presses the key", []string{"nothing"}, "completed", "20", channels.Delivery{State: channels.Failed, Code: "no-key", Took: 20 * time.Second, At: noon}, 0},
		{"another server had the key", []string{"end"}, "completed", "42", channels.Delivery{State: channels.Arrived, Took: 42 * time.Second, At: noon}, 0},
		{"nobody answers", nil, "no-answer", "0", channels.Delivery{State: channels.Failed, Code: "no-answer", At: noon}, 0},
		{"busy", nil, "busy", "", channels.Delivery{State: channels.Failed, Code: "busy", At: noon}, 0},
		{"no such number", nil, "failed", "", channels.Delivery{State: channels.Failed, Code: "failed", At: noon}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := &paper{replies: []channels.Reply{asks("Well?", oneKey), ends("Goodbye.")}}
			p := newPhone(t, newLine(t, nil), in)
			p.form = []string{"Direction", "outbound-api", "From", ours, "To", theirs}
			for _, k := range c.keys {
				switch k {
				case "end":
					p.ask("/voice/twilio/turn?n=2", standard("Digits", "1"))
				case "nothing":
					p.ask("/voice/twilio/out?k=k1&l=en&t=3", standard())
				default:
					p.ask("/voice/twilio/out?k=k1&l=en&t=1", standard("Digits", k))
				}
			}
			w := httptest.NewRecorder()
			p.mux.ServeHTTP(w, signed("/voice/twilio/status?key=k1", standard(append(p.form, "CallStatus", c.state, "CallDuration", c.took)...)))
			if w.Code != http.StatusNoContent {
				t.Errorf("answered %d", w.Code)
			}
			if want := []reported{{Name, callSID, c.want}}; !reflect.DeepEqual(in.reports, want) {
				t.Errorf("reported %+v, want %+v", in.reports, want)
			}
			gone := 0
			for _, e := range in.all() {
				if e.Kind == channels.HungUp {
					gone++
				}
			}
			if gone != c.told {
				t.Errorf("told %+v", in.all())
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	fake := newFakeTwilio(t)
	line := newLine(t, at(fake))
	for _, c := range []struct {
		status, code int
		want         string
	}{
		{400, 13224, "gone 13224"}, {400, 13227, "gone 13227"}, {400, 21211, "gone 21211"}, {400, 21214, "gone 21214"}, {400, 21215, "gone 21215"},
		{400, 21216, "gone 21216"}, {400, 21217, "gone 21217"}, {429, 20429, "retry 5s"}, {503, 0, "retry 0s"}, {500, 20500, "retry 0s"},
		{401, 20003, "retry 5m0s"}, {504, 0, "doubt"}, {400, 21605, "gone 21605"},
	} {
		fake.Set(twiliotest.Refuses(c.status, c.code), false)
		receipt, err := line.Deliver(t.Context(), resident, render.Page{}, "k")
		if got := word(receipt, err); got != c.want {
			t.Errorf("%d %d: %s, want %s", c.status, c.code, got, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), theirs[1:]) || strings.Contains(err.Error(), token)) {
			t.Errorf("the error says %q", err)
		}
	}
	for name, to := range map[string]channels.Address{"chat": {Kind: "telegram", ID: "5"}, "short code": {Kind: "tel", ID: "72345"}, "nobody": {Kind: "tel", ID: "withheld:CA1"}} {
		if got := word(line.Deliver(t.Context(), to, render.Page{}, "k")); got != "gone address" {
			t.Errorf("%s: %s", name, got)
		}
	}
	// An answer that gets lost is a call that may have been made.
	fake.Set(func(w http.ResponseWriter) bool {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
		return true
	}, true)
	if got := word(line.Deliver(t.Context(), resident, render.Page{}, "lost")); got != "doubt" {
		t.Errorf("an answer that got lost: %s", got)
	}
	fake.Set(nil, false)
	if sent, err := line.Look(t.Context(), "lost", ""); !sent || err != nil {
		t.Errorf("looked for by this process: %v, %v", sent, err)
	}
	if receipt, sent, err := newLine(t, at(fake)).Find(t.Context(), resident, render.Page{}, "lost", noon); receipt == "" || !sent || err != nil {
		t.Errorf("found by another: %q, %v, %v", receipt, sent, err)
	}
	if _, sent, err := newLine(t, at(fake)).Find(t.Context(), resident, render.Page{}, "lost", noon.Add(time.Hour)); sent || err != nil {
		t.Errorf("a call of an hour before: %v, %v", sent, err)
	}
	fake.Note("Calls", theirs, "", "inbound", noon.Add(2*time.Hour))
	if _, sent, _ := newLine(t, at(fake)).Find(t.Context(), resident, render.Page{}, "x", noon.Add(2*time.Hour)); sent {
		t.Error("a call of the resident's was taken for ours")
	}
	if sent, err := line.Look(t.Context(), "", "CA"+strings.Repeat("f", 32)); sent || err != nil {
		t.Errorf("a call that Twilio doesn't know: %v, %v", sent, err)
	}
	if _, err := newLine(t, at(fake)).Look(t.Context(), "unknown", ""); err == nil {
		t.Error("what is not known was told")
	}
	// Nobody listens there: nothing was sent.
	closed := newLine(t, func(c *Config) { c.BaseURL = "http://127.0.0.1:1" })
	if got := word(closed.Deliver(t.Context(), resident, render.Page{}, "k")); got != "retry 0s" {
		t.Errorf("unreachable: %s", got)
	}
}

const recordingSID = "RE00000000000000000000000000000001"

func TestFetch(t *testing.T) {
	fake := newFakeTwilio(t)
	line := newLine(t, at(fake))
	ref := line.recordingRef(recordingSID)
	outcome := func() string {
		a, err := line.Fetch(t.Context(), ref)
		if err == nil {
			return fmt.Sprintf("%s %d", channels.KindOf(a.Bytes), len(a.Bytes))
		}
		return strings.Replace(word("", err), "retry after it rang", "retry", 1)
	}
	for _, c := range []struct{ state, want string }{
		{"processing", "retry"}, {"in-progress", "retry"}, {"absent", "gone absent"}, {"deleted", "gone deleted"}, {string(singing(5)), "audio/wav 80044"},
		{"RIFF" + strings.Repeat("x", channels.MostBytes), "gone size"},
	} {
		fake.Records(recordingSID, c.state)
		if got := outcome(); got != c.want {
			t.Errorf("%.12s: %s, want %s", c.state, got, c.want)
		}
	}
	if err := line.Drop(t.Context(), ref); err != nil || len(fake.Deleted()) != 1 {
		t.Errorf("dropped: %v", err)
	}
	if err := line.Drop(t.Context(), ref); err != nil {
		t.Errorf("gone already: %v", err)
	}
	if got := outcome(); got != "gone deleted" {
		t.Errorf("after it was dropped: %s", got)
	}
	fake.Set(twiliotest.Refuses(503, 0), false)
	if got := outcome(); !strings.HasPrefix(got, "retry") {
		t.Errorf("Twilio away: %s", got)
	}
	if _, again := channels.Retrying(line.Drop(t.Context(), ref)); !again {
		t.Error("what could not be dropped isn't tried again")
	}
	n := fake.Count()
	for _, other := range []string{"", "https://evil.example/x", "https://api.twilio.com" + folder + "/Recordings/../Calls", line.recordingRef("RE" + strings.Repeat("g", 32)), strings.Replace(ref, account, "AC"+strings.Repeat("b", 32), 1)} {
		if _, err := line.Fetch(t.Context(), other); word("", err) != "gone ref" {
			t.Errorf("%s: %v", other, err)
		}
		if err := line.Drop(t.Context(), other); word("", err) != "gone ref" {
			t.Errorf("%s: %v", other, err)
		}
	}
	if fake.Count() != n {
		t.Error("something else was asked for")
	}
}

// Twilio sends elsewhere for a file: the account's password doesn't go along, and nothing is fetched without encryption.
func TestFetchElsewhere(t *testing.T) {
	fake := newFakeTwilio(t)
	asked := 0
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked++ }))
	defer other.Close()
	fake.Set(func(w http.ResponseWriter) bool {
		w.Header().Set("Location", other.URL+"/x.wav")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}, false)
	line := newLine(t, at(fake))
	if _, err := line.Fetch(t.Context(), line.recordingRef(recordingSID)); err == nil || asked > 0 {
		t.Errorf("fetched in the open: %v, %d", err, asked)
	}
}

// A recording that is no answer is deleted at Twilio: taken back, or next to nothing before a key that was meant.
func TestUnwanted(t *testing.T) {
	for _, c := range []struct{ seconds, key, words string }{{"30", "*", "*"}, {"1", "0", "0"}, {"0", "#", ""}} {
		fake := newFakeTwilio(t)
		fake.Records(recordingSID, "completed")
		line, in := newLine(t, at(fake)), &paper{replies: []channels.Reply{ends("Goodbye.")}}
		give(line, in, signed("/voice/twilio/turn?n=2&r=1", standard("RecordingSid", recordingSID, "RecordingDuration", c.seconds, "Digits", c.key)))
		line.Wait()
		if got := in.all(); len(got) != 1 || got[0].Words != c.words || len(got[0].Media) > 0 || len(fake.Deleted()) != 1 {
			t.Errorf("%s s and %s: told %+v, deleted %v", c.seconds, c.key, got, fake.Deleted())
		}
	}
}

// What a caller said is played back to them: from the town's own store, which may take a moment to get it.
func TestSaid(t *testing.T) {
	tries := 0
	line := newLine(t, func(c *Config) {
		c.Media = func(_ context.Context, ref string) (channels.Attachment, error) {
			if tries++; tries < 3 || ref != "media:1" {
				return channels.Attachment{}, errors.New("not there")
			}
			return channels.Attachment{Type: "audio/wav", Bytes: singing(1)}, nil
		}
	})
	page := asks("You said:", oneKey)
	page.Pages[0].Spoken = append(page.Pages[0].Spoken, render.Spoken{Media: "media:1"})
	in := &paper{replies: []channels.Reply{page}}
	root := must[tag](t)(parse(give(line, in, signed("/voice/twilio", standard())).Body.String()))
	plays := root.tags[0].tags
	address := plays[len(plays)-1].words
	if strings.Contains(address, "media:1") {
		t.Errorf("the name is in %s", address)
	}
	w := give(line, in, httptest.NewRequest("GET", address, nil))
	if w.Code != 200 || channels.KindOf(w.Body.Bytes()) != "audio/wav" || w.Body.Len() < 16000 || w.Header().Get("Cache-Control") != "private, no-store" {
		t.Errorf("%d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
	for after, want := range map[time.Duration]int{time.Hour: 200, 3 * time.Hour: 404, -2 * time.Hour: 404} {
		now := noon.Add(after)
		late := newLine(t, func(c *Config) {
			c.Now = func() time.Time { return now }
			c.Media = func(context.Context, string) (channels.Attachment, error) {
				return channels.Attachment{Type: "audio/wav", Bytes: singing(1)}, nil
			}
		})
		if w := give(late, in, httptest.NewRequest("GET", address, nil)); w.Code != want {
			t.Errorf("%v after it was said: %d", after, w.Code)
		}
	}
}
