package voice

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// Mount serves what Twilio calls: POST /voice/twilio when somebody rings, /voice/twilio/turn for each turn,
// /voice/twilio/out when a call that went out was answered, /voice/twilio/status when a call is over, /voice/twilio/fallback
// when all else fails; and sounds below GET /voice/twilio/.
func (t *Twilio) Mount(mux *http.ServeMux, in channels.Inbox) {
	handle := func(path string, do func(w http.ResponseWriter, r *http.Request, in channels.Inbox, f twilio.Form, c caller)) {
		mux.HandleFunc("POST /voice/twilio"+path, func(w http.ResponseWriter, r *http.Request) {
			f, err := t.account.Open(w, r)
			if errors.Is(err, twilio.ErrUnsigned) {
				t.log.LogAttrs(r.Context(), slog.LevelWarn, "signature of Twilio's is wrong: is public_url the address set at Twilio, and the auth token in force?",
					slog.String("channel", Name), slog.Bool("signed", r.Header.Get("X-Twilio-Signature") != ""))
			}
			if err != nil {
				return
			}
			c, ok := t.caller(f)
			if !ok {
				http.Error(w, "the parameter CallSid is missing", http.StatusBadRequest)
				return
			}
			do(w, r, in, f, c)
		})
	}
	handle("", t.rings)
	handle("/turn", t.turn)
	handle("/out", t.answered)
	handle("/status", t.status)
	mux.HandleFunc("/voice/twilio/fallback", t.fallback)
	mux.HandleFunc("GET "+silencePath+"{length}", t.serveSilence)
	mux.HandleFunc("GET /voice/twilio/said/{name}", t.serveSaid)
}

// trace names a call in logs: enough to find it again by Twilio's id, nothing about the resident.
func trace(sid string) slog.Attr {
	sum := sha256.Sum256([]byte(Name + "\x00" + sid))
	return slog.String("call", hex.EncodeToString(sum[:8]))
}

// rings answers a call that comes in.
func (t *Twilio) rings(w http.ResponseWriter, r *http.Request, in channels.Inbox, f twilio.Form, c caller) {
	t.log.LogAttrs(r.Context(), slog.LevelDebug, "a call comes in", trace(c.sid), slog.Bool("withheld", c.withheld), slog.String("attested", attestation(f.Value("StirVerstat"))))
	if t.cfg.CallBack && !c.withheld {
		t.callBack(w, r, in, c)
		return
	}
	t.hold(w, r, in, place{caller: c, turn: 1, lang: t.cfg.Lang}, pending{Kind: channels.Dialed})
}

// attestation is Twilio's word on a number as far as it is one that we know: it goes to the log.
func attestation(word string) string {
	switch word {
	case "TN-Validation-Passed-A", "TN-Validation-Passed-B", "TN-Validation-Passed-C", "TN-Validation-Failed-A", "TN-Validation-Failed-B",
		"TN-Validation-Failed-C", "TN-Validation-Failed", "No-TN-Validation":
		return word
	}
	return ""
}

// callBack turns a call away before it costs anything. Where nobody is going to call back, it is answered after all.
func (t *Twilio) callBack(w http.ResponseWriter, r *http.Request, in channels.Inbox, c caller) {
	reply, err := t.receive(r.Context(), in, t.event(c, channels.Event{Kind: channels.Missed, ID: c.sid + "/missed"}))
	switch {
	case err != nil:
		t.log.LogAttrs(r.Context(), slog.LevelError, "a missed call was not accepted", trace(c.sid), slog.Any("error", err))
		t.away(w, place{caller: c, lang: t.cfg.Lang}, call.PhraseAway)
		return
	case !reply.Back:
		t.hold(w, r, in, place{caller: c, turn: 1, lang: t.cfg.Lang}, pending{Kind: channels.Dialed})
		return
	}
	t.calls.note(c.sid, func(k *known) { k.ended = true })
	d := t.document()
	d.empty("Reject", "reason", "busy")
	twilio.Answer(w, d.close())
}

// turn takes what came back of a turn.
func (t *Twilio) turn(w http.ResponseWriter, r *http.Request, in channels.Inbox, f twilio.Form, c caller) {
	q := r.URL.Query()
	p := place{caller: c, lang: t.langOf(q.Get("l"))}
	n, err := strconv.Atoi(q.Get("n"))
	if err != nil || n < 1 || n > mostTurns {
		http.Error(w, "the number of the turn is missing", http.StatusBadRequest)
		return
	}
	p.turn = n
	var what pending
	switch {
	case q.Has("s"):
		b, ok := t.sealer.open("turn", q.Get("s"))
		if !ok || what.decode(b) != nil {
			http.Error(w, "this was not sealed here", http.StatusBadRequest)
			return
		}
	case q.Has("h"):
		b, ok := t.sealer.open("heard", q.Get("h"))
		if !ok {
			http.Error(w, "this was not sealed here", http.StatusBadRequest)
			return
		}
		if what = (pending{Kind: channels.Looked}); f.Value("Digits") == "1" {
			what = pending{Words: string(b)}
		}
	case q.Has("b"):
		if state := f.Value("DialCallStatus"); state == "completed" || state == "answered" {
			t.calls.note(c.sid, func(k *known) { k.ended = true })
			d := t.document()
			d.empty("Hangup")
			twilio.Answer(w, d.close())
			return
		}
		what.Kind = channels.Returned
	case q.Has("r"):
		if what = t.recorded(f, c); f.Value("Digits") == "hangup" {
			t.lastWords(w, r, in, p, what)
			return
		}
	case f.Value("Digits") != "":
		what.Words = keys(f.Value("Digits"))
	case t.cfg.Speech && f.Value("SpeechResult") != "":
		t.heard(w, p, plain(f.Value("SpeechResult")))
		return
	default:
		what.Kind = channels.Quiet
	}
	if what.Kind == channels.Message && what.Words == "" && what.Recording == "" {
		what.Kind = channels.Quiet
	}
	if k, ok := t.calls.get(c.sid); ok && n < k.answered && what.Kind != channels.Looked {
		// A late answer to what was on show before: it was taken then, or the call has gone on without it.
		what, p.turn = pending{Kind: channels.Looked}, k.answered+1
	}
	t.hold(w, r, in, p, what)
}

// mostTurns of a call are far more than any has.
const mostTurns = 100_000

// langOf is a language that an address names, where it is one of ours.
func (t *Twilio) langOf(tag string) string {
	if tag != "" && t.cfg.Phrases.Has(tag) {
		return tag
	}
	return t.cfg.Lang
}

// keys is what was pressed, of what a telephone has.
func keys(s string) string {
	b := make([]byte, 0, 32)
	for i := 0; i < len(s) && len(b) < 32; i++ {
		if c := s[i]; c >= '0' && c <= '9' || c == '*' || c == '#' && len(b) > 0 {
			b = append(b, c)
		}
	}
	return string(b)
}

// shortest is the least that counts as an answer, in seconds, when a key ended it that could have been meant by itself.
const shortest = 2

// recorded is what a recording and the key that ended it come to: as call.Hold has it.
func (t *Twilio) recorded(f twilio.Form, c caller) pending {
	sid, key := f.Value("RecordingSid"), f.Value("Digits")
	seconds, _ := strconv.Atoi(f.Value("RecordingDuration"))
	if !isSID(sid, "RE") {
		return pending{Kind: channels.Quiet}
	}
	switch {
	case key == "*", len(key) == 1 && key >= "0" && key <= "9" && seconds < shortest:
		t.unwanted(sid)
		return pending{Words: key}
	case seconds == 0:
		t.unwanted(sid)
		return pending{Kind: channels.Quiet}
	}
	return pending{Recording: sid}
}

// heard asks whether Twilio's ear is right. Nothing that was only heard is ever taken for an answer.
func (t *Twilio) heard(w http.ResponseWriter, p place, words string) {
	words = clip(words, mostHeard)
	d := t.document()
	d.begin("Gather", "input", "dtmf", "action", d.action(p, "h", t.sealer.close("heard", []byte(words))), "method", "POST",
		"numDigits", "1", "timeout", "10", "finishOnKey", "#", "actionOnEmptyResult", "true")
	d.play(call.Say(t.cfg.Phrases, p.lang, phraseHeard, locales.Arg{Name: "words", Value: words}))
	d.end("Gather")
	twilio.Answer(w, d.close())
}

const (
	phraseHeard = "@call.heard"
	mostHeard   = 300 // characters of what was understood: a minute of speech is the most that Twilio takes at a time
)

// fallback is asked for when a document could not be had, or not be understood: it needs no store, and fails at nothing.
func (t *Twilio) fallback(w http.ResponseWriter, r *http.Request) {
	t.log.LogAttrs(r.Context(), slog.LevelWarn, "Twilio asked for the fallback: something went wrong with the document before", slog.String("channel", Name))
	t.away(w, place{lang: t.cfg.Lang}, call.PhraseAway)
}

// away ends a call that can't be held.
func (t *Twilio) away(w http.ResponseWriter, p place, phrase string) {
	d := t.document()
	d.play(call.Say(t.cfg.Phrases, p.lang, phrase))
	d.empty("Hangup")
	twilio.Answer(w, d.close())
}

// answered goes on with a call that went out, once somebody pressed the key. A machine presses nothing.
func (t *Twilio) answered(w http.ResponseWriter, r *http.Request, in channels.Inbox, f twilio.Form, c caller) {
	q := r.URL.Query()
	said, _ := strconv.Atoi(q.Get("t"))
	lang := t.langOf(q.Get("l"))
	switch {
	case f.Value("Digits") == "1":
	case isMachine(f.Value("AnsweredBy")), said >= ringsSaid:
		t.calls.note(c.sid, func(k *known) { k.untaken = true })
		d := t.document()
		d.empty("Hangup")
		twilio.Answer(w, d.close())
		return
	default:
		twilio.Answer(w, t.greeting(lang, q.Get("k"), q.Get("p"), said+1, false))
		return
	}
	t.calls.note(c.sid, func(k *known) { k.taken = true })
	page, ok := t.pages.open(&t.sealer, q.Get("p"), q.Get("k"))
	if !ok {
		t.hold(w, r, in, place{caller: c, turn: 1, lang: lang, afterKey: true}, pending{Kind: channels.Dialed})
		return
	}
	t.answer(w, place{caller: c, turn: 0, lang: lang, afterKey: true}, channels.Reply{Pages: []render.Page{page}})
}

// ringsSaid is how often it is said who is calling: who answers says their name first, and may miss the first words.
const ringsSaid = 3

func isMachine(answeredBy string) bool {
	return len(answeredBy) > 7 && answeredBy[:7] == "machine" || answeredBy == "fax"
}

// greeting says who is calling, and waits for the key that lets the call go on.
func (t *Twilio) greeting(lang, key, page string, said int, whole bool) []byte {
	d := t.document()
	d.whole = whole
	action := "/voice/twilio/out?k=" + url.QueryEscape(key) + "&l=" + url.QueryEscape(lang) + "&t=" + strconv.Itoa(said)
	if page != "" {
		action += "&p=" + page
	}
	d.begin("Gather", "input", "dtmf", "action", d.address(action), "method", "POST", "numDigits", "1", "timeout", "4", "finishOnKey", "#", "actionOnEmptyResult", "true")
	d.play(call.Say(t.cfg.Phrases, lang, call.PhraseRings, locales.Arg{Name: "town", Value: t.cfg.Town}))
	d.end("Gather")
	return d.close()
}

// event is e with all that each event of a call has.
func (t *Twilio) event(c caller, e channels.Event) channels.Event {
	e.Channel, e.From, e.To, e.Withheld, e.Out, e.Call, e.At = Name, c.from, c.to, c.withheld, c.out, c.sid, t.now()
	return e
}

const (
	soon      = 4 * time.Second  // after which a caller is told that it takes a moment: the turn goes on meanwhile
	patience  = 12 * time.Second // that one try of a turn may take
	awayAfter = 30 * time.Second // after which the caller isn't kept any longer
	restTime  = "2"              // seconds between two tries
)
