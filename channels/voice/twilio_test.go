package voice

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

const opening = `<?xml version="1.0" encoding="UTF-8"?><Response>`

// give mounts a line and gives it one request.
func give(line *Twilio, in channels.Inbox, r *http.Request) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	line.Mount(mux, in)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

func statusOf(p *phone, state string, more ...string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.mux.ServeHTTP(w, signed("/voice/twilio/status", standard(append([]string{"CallStatus", state}, more...)...)))
	return w
}

// What Twilio asks, what the town is told, and what Twilio gets.
func TestRequests(t *testing.T) {
	const gather = `<Gather input="dtmf" action="/voice/twilio/turn?n=2&amp;l=en" method="POST" numDigits="1" timeout="10" finishOnKey="#" actionOnEmptyResult="true">`
	const third = `<Gather input="dtmf" action="/voice/twilio/turn?n=3&amp;l=en" method="POST" numDigits="1" timeout="10" finishOnKey="#" actionOnEmptyResult="true">`
	const ear = `<Play>/voice/twilio/silence/500.wav</Play>`
	const question = `<Say voice="Polly.Joanna" language="en-US">Buses or trees?</Say><Play>/voice/twilio/silence/400.wav</Play><Say voice="Polly.Joanna" language="en-US">For help, press 0.</Say>`
	withheld := func(e channels.Event) channels.Event {
		e.From, e.Withheld = channels.Address{Kind: "tel", ID: "withheld:" + callSID}, true
		return e
	}
	media := event(channels.Message, "/2", "")
	media.Media = []engine.Media{{Type: "audio/wav", Ref: "https://api.twilio.com/2010-04-01/Accounts/" + account + "/Recordings/RE00000000000000000000000000000001"}}
	recording := []string{"RecordingSid", "RE00000000000000000000000000000001", "RecordingUrl", "https://evil.example/x", "RecordingDuration"}
	slow := asks("Buses or trees?", oneKey)
	slow.Pages[0].Pace, slow.Pages[0].Gain = 85, 6
	for _, c := range []struct {
		name   string
		target string
		form   []string
		reply  channels.Reply
		event  *channels.Event // nil: none
		want   string
	}{
		{"a call comes in", "/voice/twilio", nil, asks("Buses or trees?", oneKey), new(event(channels.Dialed, "/1", "")), gather + question + "</Gather>"},
		{"from nobody", "/voice/twilio", []string{"From", "anonymous"}, asks("Buses or trees?", oneKey), new(withheld(event(channels.Dialed, "/1", ""))), gather + question + "</Gather>"},
		{"from ANONYMOUS, on the keys", "/voice/twilio", []string{"From", "+266696687"}, asks("Buses or trees?", oneKey), new(withheld(event(channels.Dialed, "/1", ""))), gather + question + "</Gather>"},
		{"from Restricted", "/voice/twilio", []string{"From", "Restricted"}, asks("Buses or trees?", oneKey), new(withheld(event(channels.Dialed, "/1", ""))), gather + question + "</Gather>"},
		{"from a SIP address", "/voice/twilio", []string{"From", "sip:ann@example.org"}, asks("Buses or trees?", oneKey), new(withheld(event(channels.Dialed, "/1", ""))), gather + question + "</Gather>"},
		{"from nothing", "/voice/twilio", []string{"From", ""}, asks("Buses or trees?", oneKey), new(withheld(event(channels.Dialed, "/1", ""))), gather + question + "</Gather>"},
		{"a number that is vouched for is a number", "/voice/twilio", []string{"StirVerstat", "TN-Validation-Passed-A"}, asks("Buses or trees?", oneKey), new(event(channels.Dialed, "/1", "")), gather + question + "</Gather>"},
		{"slower and louder", "/voice/twilio", nil, slow, new(event(channels.Dialed, "/1", "")), gather + `<Say voice="Polly.Joanna" language="en-US"><prosody rate="85%" volume="+6dB">Buses or trees?</prosody></Say><Play>/voice/twilio/silence/400.wav</Play><Say voice="Polly.Joanna" language="en-US"><prosody rate="85%" volume="+6dB">For help, press 0.</prosody></Say></Gather>`},
		{"a key", "/voice/twilio/turn?n=2&l=en", []string{"Digits", "2"}, asks("Buses or trees?", oneKey), new(event(channels.Message, "/2", "2")), ear + third + question + "</Gather>"},
		{"the star", "/voice/twilio/turn?n=2&l=en", []string{"Digits", "*"}, asks("Buses or trees?", oneKey), new(event(channels.Message, "/2", "*")), ear + third + question + "</Gather>"},
		{"rubbish on the keys", "/voice/twilio/turn?n=2&l=en", []string{"Digits", "A1<w>\x002"}, asks("Buses or trees?", oneKey), new(event(channels.Message, "/2", "12")), ear + third + question + "</Gather>"},
		{"nothing but rubbish", "/voice/twilio/turn?n=2&l=en", []string{"Digits", "ABCD"}, asks("Buses or trees?", oneKey), new(event(channels.Quiet, "/2", "")), third + question + "</Gather>"},
		{"silence", "/voice/twilio/turn?n=2&l=en", []string{"Digits", ""}, asks("Buses or trees?", oneKey), new(event(channels.Quiet, "/2", "")), third + question + "</Gather>"},
		{"digits", "/voice/twilio/turn?n=2&l=en", []string{"Digits", "12"}, asks("Buses or trees?", entry), new(event(channels.Message, "/2", "12")),
			ear + `<Gather input="dtmf" action="/voice/twilio/turn?n=3&amp;l=en" method="POST" numDigits="4" timeout="10" finishOnKey="#" actionOnEmptyResult="true">` + question + "</Gather>"},
		{"a pause", "/voice/twilio/turn?n=2&l=en", []string{"Digits", "5"}, asks("Buses or trees?", render.Listen{Keys: 1, Wait: 10, Hold: true}), new(event(channels.Message, "/2", "5")),
			ear + `<Gather input="dtmf" action="/voice/twilio/turn?n=3&amp;l=en" method="POST" numDigits="1" timeout="180" finishOnKey="#" actionOnEmptyResult="true">` + question + "</Gather>"},
		{"own words", "/voice/twilio/turn?n=2&l=en", []string{"Digits", "1"}, asks("Buses or trees?", voice), new(event(channels.Message, "/2", "1")),
			ear + `<Gather input="dtmf" action="/voice/twilio/turn?n=3&amp;l=en" method="POST" numDigits="1" timeout="1">` + question + `</Gather><Record action="/voice/twilio/turn?n=3&amp;l=en&amp;r=1" method="POST" maxLength="120" timeout="4" finishOnKey="0123456789*#" playBeep="true" trim="trim-silence"/><Redirect method="POST">/voice/twilio/turn?n=3&amp;l=en&amp;q=1</Redirect>`},
		{"nothing was recorded", "/voice/twilio/turn?n=2&l=en&q=1", nil, ends("Goodbye."), new(event(channels.Quiet, "/2", "")), `<Say voice="Polly.Joanna" language="en-US">Goodbye.</Say><Hangup/>`},
		{"a recording", "/voice/twilio/turn?n=2&l=en&r=1", append(recording, "5", "Digits", "#"), ends("Goodbye."), &media, ear + `<Say voice="Polly.Joanna" language="en-US">Goodbye.</Say><Hangup/>`},
		{"a recording, ended by a digit", "/voice/twilio/turn?n=2&l=en&r=1", append(recording, "5", "Digits", "1"), ends("Goodbye."), &media, ear + `<Say voice="Polly.Joanna" language="en-US">Goodbye.</Say><Hangup/>`},
		{"a recording that isn't one", "/voice/twilio/turn?n=2&l=en&r=1", []string{"RecordingSid", "../../x", "RecordingDuration", "9"}, ends("Goodbye."), new(event(channels.Quiet, "/2", "")), `<Say voice="Polly.Joanna" language="en-US">Goodbye.</Say><Hangup/>`},
		{"a person", "/voice/twilio/turn?n=2&l=en", []string{"Digits", "1"}, passes("works"), new(event(channels.Message, "/2", "1")),
			ear + `<Say voice="Polly.Joanna" language="en-US">A person comes.</Say><Dial action="/voice/twilio/turn?n=3&amp;l=en&amp;b=1" method="POST" timeout="25"><Number>+15550100998</Number></Dial>`},
		{"a person, for nobody", "/voice/twilio/turn?n=2&l=en", []string{"Digits", "1", "From", "anonymous"}, passes(""), new(withheld(event(channels.Message, "/2", "1"))),
			ear + `<Say voice="Polly.Joanna" language="en-US">A person comes.</Say><Dial action="/voice/twilio/turn?n=3&amp;l=en&amp;b=1" method="POST" timeout="25" callerId="+15005550006"><Number>+15550100999</Number></Dial>`},
		{"nobody answers there", "/voice/twilio/turn?n=2&l=en&b=1", []string{"DialCallStatus", "no-answer"}, asks("Buses or trees?", oneKey), new(event(channels.Returned, "/2", "")), third + question + "</Gather>"},
		{"the person rang off", "/voice/twilio/turn?n=2&l=en&b=1", []string{"DialCallStatus", "completed"}, asks("Buses or trees?", oneKey), nil, "<Hangup/>"},
		{"an end", "/voice/twilio/turn?n=2&l=en", []string{"Digits", "1"}, ends("Good & <bye>."), new(event(channels.Message, "/2", "1")), ear + `<Say voice="Polly.Joanna" language="en-US">Good &amp; &lt;bye&gt;.</Say><Hangup/>`},
		{"nothing to say", "/voice/twilio/turn?n=2&l=en", []string{"Digits", "1"}, channels.Reply{}, new(event(channels.Message, "/2", "1")), third + "</Gather>"},
		{"speech that was not asked for", "/voice/twilio/turn?n=2&l=en", []string{"SpeechResult", "buses", "Confidence", "0.9"}, asks("Buses or trees?", oneKey), new(event(channels.Quiet, "/2", "")), third + question + "</Gather>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			line, in := newLine(t, plainVoice), &paper{replies: []channels.Reply{c.reply}}
			w := give(line, in, signed(c.target, standard(c.form...)))
			if want := opening + c.want + "</Response>"; w.Code != http.StatusOK || w.Body.String() != want {
				t.Errorf("answered %d %s\nwant %s", w.Code, w.Body, want)
			}
			if _, err := parse(w.Body.String()); err != nil {
				t.Error(err)
			}
			var want []channels.Event
			if c.event != nil {
				want = []channels.Event{*c.event}
			}
			if got := in.all(); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if c.event != nil && !in.bounded {
				t.Error("the turn had no deadline")
			}
			if again := give(line, in, signed(c.target, standard(c.form...))); again.Body.String() != w.Body.String() || len(in.all()) != len(want) {
				t.Errorf("the same again: %s", again.Body)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	typed := func(r *http.Request, kind string) *http.Request {
		r.Header.Set("Content-Type", kind)
		return r
	}
	key := standard("Digits", "1")
	forged := signed("/voice/twilio/turn?n=2", key)
	forged.Header.Set("X-Twilio-Signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	unsigned := signed("/voice/twilio", standard())
	unsigned.Header.Del("X-Twilio-Signature")
	tampered := signed("/voice/twilio/turn?n=2", key)
	tampered.Body = io.NopCloser(strings.NewReader(strings.Replace(key.Encode(), "Digits=1", "Digits=2", 1)))
	elsewhere := signed("/voice/twilio/turn?n=2", key)
	elsewhere.URL.RawQuery, elsewhere.RequestURI = "n=3", "/voice/twilio/turn?n=3"
	for _, c := range []struct {
		name string
		r    *http.Request
		want int
	}{
		{"forged", forged, 403}, {"unsigned", unsigned, 403}, {"another key", tampered, 403}, {"another turn", elsewhere, 403},
		{"a status, forged", func() *http.Request {
			r := signed("/x", standard("CallStatus", "completed"))
			r.URL.Path, r.RequestURI = "/voice/twilio/status", "/voice/twilio/status"
			return r
		}(), 403},
		{"no call", signed("/voice/twilio", url.Values{"From": {theirs}}), 400},
		{"a call by another name", signed("/voice/twilio", standard("CallSid", "CAzz")), 400},
		{"no turn", signed("/voice/twilio/turn", key), 400}, {"turn nought", signed("/voice/twilio/turn?n=0", key), 400},
		{"no number", signed("/voice/twilio/turn?n=two", key), 400}, {"endless", signed("/voice/twilio/turn?n=99999999999", key), 400},
		{"a seal of nobody's", signed("/voice/twilio/turn?n=2&s=AAAA", key), 400}, {"an ear of nobody's", signed("/voice/twilio/turn?n=2&h=AAAA", key), 400},
		{"neither form nor JSON", typed(signed("/voice/twilio", standard()), "text/plain"), 400},
		{"too large", signed("/voice/twilio", standard("X", strings.Repeat("x", 70_000))), 413},
		{"by another method", httptest.NewRequest("GET", "/voice/twilio", nil), 405},
		{"a recording of nobody's", httptest.NewRequest("GET", "/voice/twilio/said/AAAA", nil), 404},
		{"an endless silence", httptest.NewRequest("GET", "/voice/twilio/silence/99999999.wav", nil), 404},
		{"a silence of another kind", httptest.NewRequest("GET", "/voice/twilio/silence/500.mp3", nil), 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := &paper{replies: []channels.Reply{asks("Well?", oneKey)}}
			if w := give(newLine(t, nil), in, c.r); w.Code != c.want {
				t.Errorf("answered %d %s, want %d", w.Code, w.Body, c.want)
			}
			if got := in.all(); len(got) > 0 {
				t.Errorf("the town was told %+v", got)
			}
		})
	}
}

// What comes late gets what is on show now, and changes nothing.
func TestLate(t *testing.T) {
	line, in := newLine(t, plainVoice), &paper{replies: []channels.Reply{asks("One?", oneKey), asks("Two?", oneKey), asks("Three?", oneKey), asks("Four?", oneKey)}}
	mux := http.NewServeMux()
	line.Mount(mux, in)
	ask := func(target string, form ...string) string {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, signed(target, standard(form...)))
		return w.Body.String()
	}
	ask("/voice/twilio")
	ask("/voice/twilio/turn?n=2", "Digits", "1")
	now := ask("/voice/twilio/turn?n=3", "Digits", "1")
	late := ask("/voice/twilio/turn?n=2", "Digits", "2")
	if !strings.Contains(late, "Three?") || !strings.Contains(late, "?n=4&amp;") {
		t.Errorf("a late turn got %s", late)
	}
	if again := ask("/voice/twilio/turn?n=3", "Digits", "1"); again != now {
		t.Errorf("the same turn got %s, then %s", now, again)
	}
	for _, e := range in.all() {
		if e.Words == "2" {
			t.Errorf("what came late was taken for an answer: %+v", e)
		}
	}
}

// Who rings off in the midst of a recording has said it: it is taken though nobody listens to a document any more, when the
// store is away for a moment too, and whether Twilio's word that the call is over comes before it or after. They have rung off
// once more after it: what somebody said who showed no number must not stay for nobody.
func TestRungOffWhileRecording(t *testing.T) {
	recorded := standard("RecordingSid", recordingSID, "RecordingDuration", "5", "Digits", "hangup")
	for _, first := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			in := &paper{replies: []channels.Reply{asks("Well?", voice)}}
			p := newPhone(t, newLine(t, plainVoice), in)
			p.ask("/voice/twilio", standard())
			if first {
				statusOf(p, "completed")
			}
			in.mu.Lock()
			in.broken = errors.New("disk full")
			in.mu.Unlock()
			time.AfterFunc(lateRest/2, func() {
				in.mu.Lock()
				defer in.mu.Unlock()
				in.broken = nil
			})
			p.ask("/voice/twilio/turn?n=2&l=en&r=1", recorded)
			if !first {
				statusOf(p, "completed")
			}
			var told []channels.EventKind
			said := 0
			for _, e := range in.all() {
				if told = append(told, e.Kind); len(e.Media) > 0 && e.ID == callSID+"/2" {
					said++
				}
			}
			if said != 1 || told[len(told)-1] != channels.HungUp {
				t.Errorf("told %v, with %d recordings", told, said)
			}
		})
	}
}

// Another server of the town, or this one after it was started anew, goes on with the call.
func TestAnotherServer(t *testing.T) {
	town, set := sampleTown(t)
	d := set.All()[0]
	house := newHouse(town, "en")
	first := newPhone(t, newLine(t, nil), house)
	w := &walker{house: house, dialog: d.ID, others: ids(set)}
	target, f := "/voice/twilio", standard()
	for range 30 {
		first.mux = http.NewServeMux()
		newLine(t, nil).Mount(first.mux, house)
		document := first.ask(target, f)
		root, err := parse(document)
		if err != nil {
			t.Fatal(err)
		}
		first.script = []string{w.act()}
		if target, f = first.run(root); target == "" {
			break
		}
	}
	if first.ended != "hangup" {
		t.Errorf("ended by %q", first.ended)
	}
}

// A turn is retried until it is taken, at each turn of a call, whether it was lost on the way there or back.
func TestRetriesAtEachTurn(t *testing.T) {
	town, set := sampleTown(t)
	d := set.Get("street-problem")
	walk := func(trouble func(h *house, turn int)) (*house, *phone) {
		h := newHouse(town, "en")
		p := newPhone(t, newLine(t, nil), h)
		w := &walker{house: h, dialog: d.ID, others: ids(set), seed: 1}
		target, f := "/voice/twilio", standard()
		for turn := 1; target != ""; turn++ {
			if trouble != nil {
				trouble(h, turn)
			}
			for {
				root, err := parse(p.ask(target, f))
				if err != nil {
					t.Fatal(err)
				}
				waits := root.tags[len(root.tags)-1].name == "Redirect" && !slices.ContainsFunc(root.tags, func(t tag) bool { return t.name == "Gather" })
				if !waits {
					p.script = []string{w.act()}
				}
				if target, f = p.run(root); !waits || target == "" {
					break
				}
			}
		}
		return h, p
	}
	plain, straight := walk(nil)
	if len(plain.r.Kept()) != 1 {
		t.Fatalf("%d records", len(plain.r.Kept()))
	}
	for turn := 1; turn <= straight.turns+len(plain.told); turn++ {
		for name, trouble := range map[string]func(*house){"refused": func(h *house) { h.refuses = 2 }, "lost": func(h *house) { h.lost = 1 }} {
			h, p := walk(func(h *house, at int) {
				if at == turn {
					trouble(h)
				}
			})
			if h.records(t) != plain.records(t) || !reflect.DeepEqual(h.told, plain.told) {
				t.Errorf("%s at turn %d: told %v\nwant %v", name, turn, h.told, plain.told)
			}
			if p.ended != straight.ended {
				t.Errorf("%s at turn %d: ended by %s", name, turn, p.ended)
			}
		}
	}
}

// The store is away for half a minute: the caller is told to wait, then why the call ends.
func TestAway(t *testing.T) {
	for _, c := range []struct {
		name string
		form []string
		back bool // the wish to be called back can be noted
		want string
	}{
		{"", nil, false, "en We can't go on just now. Your answers so far are kept. Please call again in a few minutes. Goodbye."},
		{"and there again", nil, true, "en We can't go on just now. Your answers so far are kept. We will call you back soon. Goodbye."},
		{"and nobody to call back", []string{"From", "anonymous"}, true, "en We can't go on just now. Your answers so far are kept. Please call again in a few minutes. Goodbye."},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := noon
			in := &paper{broken: errors.New("disk full"), notes: c.back}
			p := newPhone(t, newLine(t, clock(&now)), in)
			p.form = c.form
			for target, f := "/voice/twilio", standard(); target != ""; now = now.Add(4 * time.Second) {
				target, f = p.run(must[tag](t)(parse(p.ask(target, f))))
			}
			if p.ended != "hangup" || p.heard[len(p.heard)-1] != c.want || p.heard[0] != "en One moment, please." || len(p.heard) != 9 {
				t.Errorf("ended by %s, heard %q", p.ended, p.heard)
			}
			if got := in.all(); c.back && c.form == nil && (len(got) != 1 || got[0].Kind != channels.Missed) {
				t.Errorf("told %+v", got)
			}
		})
	}
}

// What was pressed while the store was away isn't lost, and isn't to be read in an address.
func TestAwayKeepsKeys(t *testing.T) {
	line, in := newLine(t, nil), &paper{replies: []channels.Reply{asks("Well?", oneKey)}, broken: errors.New("disk full")}
	document := give(line, in, signed("/voice/twilio/turn?n=2&l=en", standard("Digits", "47113"))).Body.String()
	if strings.Contains(document, "47113") {
		t.Errorf("the keys are in %s", document)
	}
	root := must[tag](t)(parse(document))
	in.broken = nil
	give(line, in, signed(root.tags[len(root.tags)-1].words, standard()))
	if got := in.all(); len(got) != 1 || got[0].Words != "47113" || got[0].ID != callSID+"/2" {
		t.Errorf("the town was told %+v", got)
	}
}

// A turn that takes long is gone on with; meanwhile the caller is told so, well before Twilio would give up.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, in := newLine(t, nil), &paper{replies: []channels.Reply{asks("Well?", oneKey)}, wait: make(chan struct{})}
		began := time.Now()
		w := give(line, in, signed("/voice/twilio", standard()))
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("answered after %v", took)
		}
		root := must[tag](t)(parse(w.Body.String()))
		close(in.wait)
		line.Wait()
		give(line, in, signed(root.tags[len(root.tags)-1].words, standard()))
		if got := in.all(); len(got) != 1 {
			t.Errorf("the town was told %+v", got)
		}
	})
}

// Calls that are turned away cost nobody anything, and are called back.
func TestCallBack(t *testing.T) {
	on := func(c *Config) { c.CallBack = true }
	in := &paper{}
	line := newLine(t, on)
	p := newPhone(t, line, in)
	p.rings("/voice/twilio")
	statusOf(p, "busy")
	if got := in.all(); p.ended != "reject" || len(got) != 1 || got[0].Kind != channels.Missed || got[0].ID != callSID+"/missed" {
		t.Errorf("ended by %s, told %+v", p.ended, got)
	}
	in = &paper{replies: []channels.Reply{ends("Goodbye.")}}
	p = newPhone(t, newLine(t, on), in)
	p.form = []string{"From", "anonymous"}
	p.rings("/voice/twilio")
	if got := in.all(); p.ended != "hangup" || len(got) != 1 || got[0].Kind != channels.Dialed || !got[0].Withheld {
		t.Errorf("who can't be called back: ended by %s, told %+v", p.ended, got)
	}
	in = &paper{replies: []channels.Reply{ends("Goodbye.")}, enough: true}
	p = newPhone(t, newLine(t, on), in)
	p.again = true
	p.rings("/voice/twilio")
	if got := in.all(); p.ended != "hangup" || len(got) != 2 || got[1].Kind != channels.Dialed {
		t.Errorf("whom nobody is going to call back: ended by %s, told %+v", p.ended, got)
	}
	in = &paper{broken: errors.New("disk full")}
	p = newPhone(t, newLine(t, on), in)
	p.rings("/voice/twilio")
	if p.ended != "hangup" || len(p.heard) != 1 {
		t.Errorf("where it can't be noted: ended by %s, heard %q", p.ended, p.heard)
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		name   string
		before []string // done before: "rings", "ends"
		state  string
		form   []string
		want   channels.EventKind
		told   bool
	}{
		{"rung off", []string{"rings"}, "completed", nil, channels.HungUp, true},
		{"after the last word", []string{"rings", "ends"}, "completed", nil, 0, false},
		{"after the last word, from nobody", []string{"rings", "ends"}, "completed", []string{"From", "anonymous"}, channels.HungUp, true},
		{"while a person has the call", []string{"rings", "passed"}, "completed", nil, 0, false},
		{"once nobody answered there", []string{"rings", "passed", "back"}, "completed", nil, channels.HungUp, true},
		{"of a call that another server had", nil, "completed", nil, channels.HungUp, true},
		{"rung off before it was answered", nil, "no-answer", nil, channels.Missed, true},
		{"the same", nil, "canceled", nil, channels.Missed, true},
		{"rung off before it was answered, from nobody", nil, "no-answer", []string{"From", "anonymous"}, 0, false},
		{"on the way", []string{"rings"}, "in-progress", nil, 0, false},
		{"a word that Twilio added", []string{"rings"}, "teleported", nil, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := &paper{replies: []channels.Reply{asks("Well?", oneKey), ends("Goodbye.")}}
			if len(c.before) > 1 && c.before[1] == "passed" {
				in.replies = []channels.Reply{asks("Well?", oneKey), passes("works"), asks("Nobody is there.", oneKey)}
			}
			p := newPhone(t, newLine(t, nil), in)
			p.form = c.form
			for _, b := range c.before {
				switch b {
				case "rings":
					p.ask("/voice/twilio", standard())
				case "back":
					p.ask("/voice/twilio/turn?n=3&b=1", standard("DialCallStatus", "no-answer"))
				case "ends", "passed":
					p.ask("/voice/twilio/turn?n=2", standard("Digits", "1"))
				}
			}
			n := len(in.all())
			if w := statusOf(p, c.state, c.form...); w.Code != http.StatusNoContent {
				t.Errorf("answered %d", w.Code)
			}
			got := in.all()[n:]
			if c.told != (len(got) == 1) || c.told && got[0].Kind != c.want {
				t.Errorf("told %+v", got)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPhone(t, newLine(t, nil), &paper{broken: errors.New("disk full")})
		if w := statusOf(p, "completed"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("with the store away: %d", w.Code)
		}
	})
}

// A desk without a number is one where nobody answers; the call goes on.
func TestNoDesk(t *testing.T) {
	in := &paper{replies: []channels.Reply{passes("harbour"), asks("Nobody is there. Well?", oneKey)}}
	document := give(newLine(t, plainVoice), in, signed("/voice/twilio/turn?n=2", standard("Digits", "0"))).Body.String()
	if got := in.all(); len(got) != 2 || got[1].Kind != channels.Returned || got[1].ID != callSID+"/3" || !strings.Contains(document, "Nobody is there") || !strings.Contains(document, "?n=4&amp;") {
		t.Errorf("told %+v, answered %s", got, document)
	}
}

// Logs and errors hold no number, no key and no word.
func TestLogs(t *testing.T) {
	var log bytes.Buffer
	line := newLine(t, func(c *Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	in := &paper{replies: []channels.Reply{passes("harbour")}, broken: errors.New("disk full")}
	give(line, in, signed("/voice/twilio", standard("StirVerstat", "secret "+theirs)))
	give(line, in, signed("/voice/twilio/turn?n=2", standard("Digits", "47113")))
	in.broken = nil
	give(line, in, signed("/voice/twilio/turn?n=3", standard("Digits", "47113")))
	give(line, in, httptest.NewRequest("POST", "/voice/twilio", nil))
	if !strings.Contains(log.String(), "disk full") || !strings.Contains(log.String(), "harbour") {
		t.Errorf("nothing was logged: %s", &log)
	}
	for _, secret := range []string{theirs[1:], "47113", callSID, token} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, &log)
		}
	}
}

func TestNew(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"account": func(c *Config) { c.AccountSID = "AC1" }, "token": func(c *Config) { c.AuthTokens = nil }, "number": func(c *Config) { c.From = "town" },
		"short number": func(c *Config) { c.From = "72345" }, "address": func(c *Config) { c.PublicURL = "talk" }, "desk": func(c *Config) { c.Desks = map[string]string{"works": "x"} },
		"phrases": func(c *Config) { c.Phrases = nil },
	} {
		c := Config{AccountSID: account, AuthTokens: []string{token}, From: ours, PublicURL: public, Phrases: phrases(t)}
		if _, err := New(c); err != nil {
			t.Fatal(err)
		}
		if change(&c); true {
			if _, err := New(c); err == nil {
				t.Errorf("a wrong %s passes", name)
			}
		}
	}
}
