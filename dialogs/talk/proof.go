package talk

import (
	"time"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// Whoever calls can show any number. A call alone therefore destroys nothing: what it asks for is confirmed from the number itself,
// by a text message from there, or on a call that the town makes to it.

const (
	askedFor  = 48 * time.Hour  // that a wish to be erased waits for the call that confirms it
	askedSoon = 3 * time.Minute // until that call: the telephone must be free again
	toldOnce  = 24 * time.Hour  // between two texts that tell a number that it is to be erased
	stopLate  = 5 * time.Minute // until STOP closes the outbox: the text that tells of it must be out by then
)

// claimed says whether the resident's number is only what a caller shows.
func (x *hearing) claimed() bool { return x.calls() && x.h.Traits.Address && !x.h.Out }

// tell texts the number that the call seems to come from.
func (x *hearing) tell(phrase string) {
	for _, p := range render.Render(x.words(nil, x.lang()), []engine.Prompt{{Key: phrase, Step: -1}}, render.SMS) {
		x.said.Texts = append(x.said.Texts, Text{Page: p})
	}
}

// wipe erases all that is kept, where it is sure who asks; else it has that confirmed.
func (x *hearing) wipe() error {
	switch {
	case !x.claimed():
		x.effect(engine.Effect{Kind: engine.EraseAll}, nil)
		x.m = Memory{On: x.m.On, Lang: x.m.Lang}
		x.show(x.words(nil, x.lang()), []engine.Prompt{{Key: engine.PhraseErased, Step: -1}}, 0, true)
		return nil
	case x.h.Texted && !x.m.Stopped:
		now := x.h.At.Unix()
		if x.m.ToldErase != 0 && now-x.m.ToldErase < int64(toldOnce/time.Second) {
			return x.onwardWith("@speech.erase.told")
		}
		x.m.ToldErase = now
		x.tell("@erase.text")
		return x.onwardWith("@speech.erase.sent")
	case x.rings() && !x.m.Stopped:
		x.m.Wipe = x.h.At.Add(askedFor).Unix()
		x.effect(engine.Effect{Kind: engine.RingBack, At: x.h.At.Add(askedSoon)}, nil)
		x.bye("@speech.erase.ring")
		return nil
	}
	return x.onwardWith("@speech.erase.desk")
}

// wipes asks whoever answers the town's own call whether all is to be erased, if that was asked for; it says whether it did.
func (x *hearing) wipes() bool {
	if !x.h.Out || !x.calls() || x.m.Wipe <= x.h.At.Unix() {
		return false
	}
	x.m.Hall = &Hall{Kind: EraseHall, Note: "@speech.erase.asked"}
	return true
}

// stops looks after STOP from a call: it holds at once, and the number is told, as somebody else may have asked for it.
func (x *hearing) stops(e *engine.Effect) {
	x.m.Reach, x.m.Due = AsBefore, false
	if x.claimed() && x.h.Texted && !x.m.Stopped {
		x.tell("@stop.text") // however often: each needs a START from the number itself
		e.At = x.h.At.Add(stopLate)
	}
}

// startsByText says whether START counts in a text message alone: whoever said STOP has written before, and a call may be anybody's.
func (x *hearing) startsByText() bool { return x.claimed() && x.h.Texted && x.m.Stopped }
