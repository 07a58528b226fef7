package call

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

const (
	patience  = 12 * time.Second // that one try of a turn may take
	soon      = 3 * time.Second  // after which the caller is told that it takes a moment
	tryAgain  = 2 * time.Second  // between two tries
	awayAfter = 30 * time.Second // after which the caller isn't kept any longer
	lateTurns = 20 * time.Second // that a turn has once the caller is gone
	breath    = time.Second      // between the last word and the tone of a recording
	longHold  = 3 * time.Minute  // that a caller may have asked to be left alone for
	shortest  = 2 * time.Second  // of a recording that a key ended by accident or for help
	mostCut   = 3                // times that a key may cut one and the same part of last words short
	mostQuiet = 20               // silences in a row, after which nobody is taken to be there
)

// Hold holds a call from its first word to its last. It returns nil when the call ended as calls do: the conversation is
// over, the caller rang off, or was passed on. The line is then to be closed. What was answered by then is on disk.
func Hold(ctx context.Context, line Line, in channels.Inbox, c Call) error {
	h := held{line: line, in: in, Call: c}
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	err := h.hold(ctx)
	switch {
	case err == nil && !h.Withheld: // the last word was said, or a person has the call
	case err == nil, errors.Is(err, ErrGone), ctx.Err() != nil:
		h.late(ctx, channels.Event{Kind: channels.HungUp})
	}
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}

// held is a call while it is held.
type held struct {
	Call
	line  Line
	in    channels.Inbox
	keys  Keys
	turn  int
	lang  string  // of the last page
	early []Press // pressed while the turn was held
}

func (h *held) hold(ctx context.Context) (err error) {
	h.lang = h.Lang
	reply := channels.Reply{Pages: h.Pages}
	afterKey := h.Taken || len(h.Pages) > 0
	e := channels.Event{Kind: channels.Dialed}
	var listen render.Listen
	for quiet := 0; ; {
		if len(reply.Pages) == 0 {
			if reply, err = h.receive(ctx, e); err != nil {
				return err
			}
		}
		if n := len(reply.Pages); n > 0 && reply.Pages[n-1].Lang != "" {
			h.lang = reply.Pages[n-1].Lang
		}
		l, asks := Listening(reply.Pages)
		if asks {
			listen = l
		}
		asks = asks || len(reply.Pages) == 0 && listen != (render.Listen{}) // nothing new to say: the question stands
		if asks = asks && !reply.Over && reply.Pass == nil; !asks {
			if err = h.say(ctx, AllParts(reply.Pages, afterKey)); err != nil {
				return err
			}
		}
		switch {
		case asks:
			e, err = h.listen(ctx, AllParts(reply.Pages, afterKey), listen)
		case reply.Pass != nil && !reply.Over:
			var answered bool
			if answered, err = h.line.Pass(ctx, reply.Pass.Desk); answered && err == nil {
				return nil
			}
			e = channels.Event{Kind: channels.Returned}
		default:
			return nil
		}
		if err != nil {
			if e.Kind == channels.Message && (e.Words != "" || len(e.Attached) > 0) { // said, and rung off
				h.late(ctx, e)
			}
			return err
		}
		if quiet++; e.Kind != channels.Quiet {
			quiet = 0
		}
		if quiet == mostQuiet {
			return ErrGone
		}
		afterKey = e.Words != "" || len(e.Attached) > 0
		reply = channels.Reply{}
	}
}

// say plays parts to their end, whatever is pressed: last words, a reference among them. A part that a key cut short is
// said again, a few times.
func (h *held) say(ctx context.Context, parts []Part) error {
	for i, cut := 0, 0; i < len(parts); {
		whole, err := h.line.Play(ctx, parts[i:i+1])
		if err != nil {
			return err
		}
		if !whole {
			pressed, err := h.drain(ctx)
			if err != nil {
				return err
			}
			if cut++; pressed && cut <= mostCut {
				continue
			}
		}
		i, cut = i+1, 0
	}
	return nil
}

// drain puts by what was pressed. It says whether there was something.
func (h *held) drain(ctx context.Context) (bool, error) {
	for any := false; ; any = true {
		p, ok, err := h.line.Key(ctx, 0)
		if err != nil || !ok {
			return any, err
		}
		h.early = append(h.early[max(0, len(h.early)-mostKeys):], p)
	}
}

// listen says a page that asks, and waits for what comes back. After a key that is left alone it goes on with the sentence that
// the key cut short.
func (h *held) listen(ctx context.Context, parts []Part, l render.Listen) (channels.Event, error) {
	if _, err := h.drain(ctx); err != nil {
		return channels.Event{}, err
	}
	lead := time.Duration(0)
	if len(parts) > 0 {
		lead = parts[0].Silence
	}
	h.keys.Page(l, h.Now().Add(lead))
	early := h.early
	h.early = nil
	for i, p := range early {
		if words, whole, _ := h.keys.Press(p); whole {
			h.early = slices.DeleteFunc(early[i+1:], func(p Press) bool { return p.Line == "" }) // lines may be typed ahead
			return said(words), nil
		}
	}
	heard, waited := 0, time.Duration(0) // heard parts were said to their end
	for {
		n := sentence(parts[heard:])
		if n > 0 {
			whole, err := h.line.Play(ctx, parts[heard:heard+n])
			if err != nil {
				return channels.Event{}, err
			}
			if whole {
				heard += n
				continue
			}
		}
		wait := time.Duration(max(l.Wait, 1)) * time.Second
		switch {
		case n > 0: // only what cut it short
			wait = 0
		case l.Record > 0 && len(h.keys.got) == 0:
			wait = breath
		}
		p, ok, err := h.line.Key(ctx, wait)
		switch {
		case err != nil:
			return channels.Event{}, err
		case ok:
			words, complete, counted := h.keys.Press(p)
			if complete {
				return said(words), nil
			}
			if counted {
				heard = len(parts)
			}
			continue
		case n > 0:
			heard += n
			continue
		}
		if words := h.keys.Rest(); words != "" {
			return said(words), nil
		}
		if waited += wait; l.Hold && waited < longHold {
			continue
		}
		if l.Record > 0 {
			return h.record(ctx, l)
		}
		return channels.Event{Kind: channels.Quiet}, nil
	}
}

func said(words string) channels.Event { return channels.Event{Kind: channels.Message, Words: words} }

// record takes the caller's own voice after a tone.
func (h *held) record(ctx context.Context, l render.Listen) (channels.Event, error) {
	for {
		whole, err := h.line.Play(ctx, []Part{{Tone: true}})
		if err != nil {
			return channels.Event{}, err
		}
		if whole {
			break
		}
		for { // a key in the tone
			p, ok, err := h.line.Key(ctx, 0)
			if err != nil {
				return channels.Event{}, err
			}
			if !ok {
				break
			}
			if words, whole, _ := h.keys.Press(p); whole {
				return said(words), nil
			}
		}
	}
	pause := time.Duration(max(l.Pause, 2)) * time.Second
	wav, key, err := h.line.Record(ctx, time.Duration(l.Record)*time.Second, pause)
	return h.recorded(wav, key), err
}

// recorded is what a recording and the key that ended it come to. The star takes back what was said; any other key ends
// it, unless next to nothing was said: then it was the key that was meant.
func (h *held) recorded(wav []byte, key byte) channels.Event {
	long := voiced(wav)
	if key != 0 {
		h.keys.counts(Press{Key: key, At: h.Now()})
	}
	switch {
	case key == '*', key >= '0' && key <= '9' && long < shortest:
		return said(string(key))
	case long == 0:
		return channels.Event{Kind: channels.Quiet}
	}
	return channels.Event{Kind: channels.Message, Attached: []channels.Attachment{{Type: "audio/wav", Bytes: wav}}}
}

// event is e with all that each event of this call has.
func (h *held) event(e channels.Event) channels.Event {
	e.Channel, e.From, e.To, e.Withheld, e.Call, e.At = h.Channel, h.From, h.To, h.Withheld, h.ID, h.Now()
	e.Out = h.Taken || len(h.Pages) > 0
	if e.ID == "" {
		h.turn++
		e.ID = h.ID + "/" + strconv.Itoa(h.turn)
	}
	return e
}

// receive hands an event to the town until it is taken. The caller is told when that takes a moment, and hears no silence.
func (h *held) receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	e = h.event(e)
	began := h.Now()
	for {
		r, err := h.try(ctx, e)
		if err == nil {
			return r, nil
		}
		if errors.Is(err, ErrGone) || ctx.Err() != nil {
			h.lateAnswer(ctx, e)
			return r, ErrGone
		}
		h.Log.LogAttrs(ctx, channels.Level(err), "turn of a call not accepted", slog.String("channel", h.Channel), slog.Any("error", err))
		if h.Now().Sub(began) >= awayAfter {
			err = h.away(ctx)
			if e.Kind == channels.Message { // it was said, and the caller was told that it is kept
				h.late(ctx, e)
			}
			return r, err
		}
		if err = h.moment(ctx); err == nil {
			err = h.rest(ctx, tryAgain)
		}
		if err != nil {
			h.lateAnswer(ctx, e)
			return r, err
		}
	}
}

// lateAnswer hands in what a caller said who is gone. That they had come is no news any more: by now they may have rung again.
func (h *held) lateAnswer(ctx context.Context, e channels.Event) {
	if e.Kind != channels.Dialed {
		h.late(ctx, e)
	}
}

// try is one try of a turn. It isn't given up because the caller rings off.
func (h *held) try(ctx context.Context, e channels.Event) (channels.Reply, error) {
	type outcome struct {
		reply channels.Reply
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		r, err := h.in.Receive(own, e)
		done <- outcome{r, err}
	}()
	slow := time.NewTimer(soon)
	defer slow.Stop()
	for gone := error(nil); ; {
		select {
		case o := <-done:
			if gone != nil {
				return o.reply, gone
			}
			return o.reply, o.err
		case <-slow.C:
			if gone = h.moment(ctx); gone == nil {
				slow.Reset(soon)
			}
		}
	}
}

// moment tells the caller to wait.
func (h *held) moment(ctx context.Context) error {
	return h.say(ctx, Say(h.Phrases, h.lang, PhraseMoment))
}

// rest waits; what is pressed meanwhile is put by.
func (h *held) rest(ctx context.Context, d time.Duration) error {
	until := h.Now().Add(d)
	for left := d; left > 0; left = until.Sub(h.Now()) {
		p, ok, err := h.line.Key(ctx, left)
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		h.early = append(h.early[max(0, len(h.early)-mostKeys):], p)
	}
	return nil
}

// away ends a call that the town can't hold: with a promise to call back where that could be noted, else with the wish to
// call again.
func (h *held) away(ctx context.Context) error {
	phrase := PhraseAway
	if !h.Withheld {
		own, cancel := context.WithTimeout(ctx, soon)
		if r, err := h.in.Receive(own, h.event(channels.Event{Kind: channels.Missed, ID: h.ID + "/away"})); err == nil && r.Back {
			phrase = PhraseBack
		}
		cancel()
	}
	if err := h.say(ctx, Say(h.Phrases, h.lang, phrase)); err != nil {
		return err
	}
	return ErrAway
}

// late hands in an event of a caller who is gone. Nobody waits for it any more, so it is tried for a while.
func (h *held) late(ctx context.Context, e channels.Event) {
	e = h.event(e)
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateTurns)
	defer cancel()
	for {
		_, err := h.in.Receive(own, e)
		if err == nil {
			return
		}
		again := time.NewTimer(tryAgain)
		select {
		case <-own.Done():
			again.Stop()
			h.Log.LogAttrs(ctx, slog.LevelError, "last turn of a call not accepted", slog.String("channel", h.Channel), slog.Any("error", err))
			return
		case <-again.C:
		}
	}
}

// Answered says who is calling, to somebody whom the town rang, and waits for the key that lets the call go on. Without it
// a machine has answered, or somebody who doesn't want the call.
func Answered(ctx context.Context, line Line, c Call) (bool, error) {
	town := locales.Arg{Name: "town", Value: c.Town}
	for range ringsSaid {
		if _, err := line.Play(ctx, Say(c.Phrases, c.Lang, PhraseRings, town)); err != nil {
			return false, err
		}
		for {
			p, ok, err := line.Key(ctx, ringsWait)
			if err != nil {
				return false, err
			}
			if !ok {
				break
			}
			if p.Key == '1' || strings.TrimSpace(p.Line) == "1" {
				return true, nil
			}
		}
	}
	return false, nil
}

// Who answers a call says their name first, and may miss the first words.
const (
	ringsSaid = 3
	ringsWait = 4 * time.Second
)
