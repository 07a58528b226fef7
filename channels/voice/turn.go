package voice

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// pending is what came back of a turn, until it is taken. It goes through Twilio sealed when that takes several tries.
type pending struct {
	Kind      channels.EventKind `cbor:"1,keyasint,omitempty"`
	Words     string             `cbor:"2,keyasint,omitempty"`
	Recording string             `cbor:"3,keyasint,omitempty"` // of the caller's, as Twilio names it
	Since     int64              `cbor:"4,keyasint,omitempty"` // when it was first tried, in Unix seconds
}

func (p *pending) encode() []byte {
	b, err := engine.Encode(p)
	if err != nil {
		panic(err) // text and numbers can be encoded
	}
	return b
}

func (p *pending) decode(b []byte) error { return engine.Decode(b, p) }

// hold holds a turn and answers Twilio with what is said next.
func (t *Twilio) hold(w http.ResponseWriter, r *http.Request, in channels.Inbox, p place, what pending) {
	if what.Since == 0 {
		what.Since = t.now().Unix()
	}
	e := t.event(p.caller, channels.Event{Kind: what.Kind, Words: what.Words, ID: p.sid + "/" + strconv.Itoa(p.turn)})
	if what.Recording != "" {
		e.Media = t.media(what)
	}
	if what.Kind == channels.Looked {
		e.ID = ""
		p.turn-- // it takes no turn
	}
	reply, err := t.receive(r.Context(), in, e)
	if err != nil {
		t.again(w, r, in, p, what, err)
		return
	}
	p.afterKey = p.afterKey || what.Words != "" || what.Recording != ""
	for range 2 { // a desk without a number is one where nobody answers
		if reply.Over || reply.Pass == nil || t.cfg.Desks[reply.Pass.Desk] != "" {
			break
		}
		t.log.LogAttrs(r.Context(), slog.LevelError, "a call can't be passed on: the desk has no number", trace(p.sid), slog.String("desk", reply.Pass.Desk))
		p.turn++
		back := t.event(p.caller, channels.Event{Kind: channels.Returned, ID: p.sid + "/" + strconv.Itoa(p.turn)})
		if reply, err = t.receive(r.Context(), in, back); err != nil {
			t.again(w, r, in, p, pending{Kind: channels.Returned, Since: what.Since}, err)
			return
		}
	}
	t.answer(w, p, reply)
}

// answer answers turn p.turn.
func (t *Twilio) answer(w http.ResponseWriter, p place, reply channels.Reply) {
	if n := len(reply.Pages); n > 0 && reply.Pages[n-1].Lang != "" {
		p.lang = reply.Pages[n-1].Lang
	}
	listen, asks := call.Listening(reply.Pages)
	if len(reply.Pages) == 0 && !reply.Over { // nothing new to say: the question stands
		listen, asks = render.Listen{Keys: 1, Wait: 10}, true
	}
	asks = asks && !reply.Over && reply.Pass == nil
	t.calls.note(p.sid, func(k *known) {
		k.answered = max(k.answered, p.turn)
		k.ended = !asks // the last word was said, or a person gets the call; who comes back from there goes on
	})
	p.turn++
	d := t.document()
	d.reply(reply, p, listen, asks)
	twilio.Answer(w, d.close())
}

// lastWords takes a recording in the midst of which the caller rang off: there is nobody to be told to wait. That they are gone
// may have been told before it, so it is told once more: else it would leave somebody behind who showed no number.
func (t *Twilio) lastWords(w http.ResponseWriter, r *http.Request, in channels.Inbox, p place, what pending) {
	id := p.sid + "/" + strconv.Itoa(p.turn)
	var err error
	if what.Recording != "" {
		err = t.late(r.Context(), in, t.event(p.caller, channels.Event{ID: id, Media: t.media(what)}))
	}
	if err == nil {
		err = t.late(r.Context(), in, t.event(p.caller, channels.Event{Kind: channels.HungUp, ID: id + "/gone"}))
	}
	if err != nil {
		t.log.LogAttrs(r.Context(), slog.LevelError, "last turn of a call not accepted", slog.String("channel", Name), trace(p.sid), slog.Any("error", err))
		http.Error(w, "not now, please try again", http.StatusServiceUnavailable)
		return
	}
	d := t.document()
	d.empty("Hangup")
	twilio.Answer(w, d.close())
}

// media is the recording in what came back, as events name it.
func (t *Twilio) media(what pending) []engine.Media {
	return []engine.Media{{Type: "audio/wav", Ref: t.recordingRef(what.Recording)}}
}

var errSlow = errors.New("the turn takes long")

// receive hands an event to the town. After a while Twilio is answered before that is done: the turn goes on, and the next
// try finds it held.
func (t *Twilio) receive(ctx context.Context, in channels.Inbox, e channels.Event) (channels.Reply, error) {
	type outcome struct {
		reply channels.Reply
		err   error
	}
	done := make(chan outcome, 1)
	t.busy.Go(func() {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		reply, err := in.Receive(own, e)
		done <- outcome{reply, err}
	})
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), soon)
	defer cancel()
	select {
	case o := <-done:
		return o.reply, o.err
	case <-wait.Done():
		return channels.Reply{}, errSlow
	}
}

// again has Twilio come again with what could not be taken yet; the caller is told to wait. After half a minute the call is
// ended: with a promise to call back where that can be noted, else with the wish to call again.
func (t *Twilio) again(w http.ResponseWriter, r *http.Request, in channels.Inbox, p place, what pending, err error) {
	level := channels.Level(err)
	if errors.Is(err, errSlow) {
		level = slog.LevelWarn
	}
	t.log.LogAttrs(r.Context(), level, "turn of a call not accepted", slog.String("channel", Name), trace(p.sid), slog.Any("error", err))
	if t.now().Unix()-what.Since >= int64(awayAfter.Seconds()) {
		phrase := call.PhraseAway
		if !p.withheld {
			if reply, err := t.receive(r.Context(), in, t.event(p.caller, channels.Event{Kind: channels.Missed, ID: p.sid + "/away"})); err == nil && reply.Back {
				phrase = call.PhraseBack
			}
		}
		t.calls.note(p.sid, func(k *known) { k.ended = true })
		t.away(w, p, phrase)
		return
	}
	if what.Kind == channels.Looked {
		p.turn++
	}
	d := t.document()
	d.play(call.Say(t.cfg.Phrases, p.lang, call.PhraseMoment))
	d.empty("Pause", "length", restTime)
	d.element("Redirect", d.action(p, "s", t.sealer.close("turn", what.encode())), "method", "POST")
	twilio.Answer(w, d.close())
}
