package talk

import (
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// Whoever is here can go on by text message, or be called, at the number that the town knows for sure to be theirs.

// textMe texts the resident the question that is open. The next that is heard of them is the answer to it.
func (x *hearing) textMe() error {
	switch {
	case x.h.Traits.Texts: // this is one
		return x.goesOn("")
	case !x.h.Textable || x.m.Stopped:
		return x.goesOn("@textme.no")
	}
	l, now := x.m.Linking.changed(), x.h.At.Unix()
	if x.claimed() { // anybody can show this number
		if l.Texted != 0 && now-l.Texted < int64(toldOnce.Seconds()) {
			return x.goesOn("@textme.told")
		}
		l.Texted = now
		x.m.Linking = l
	}
	d := x.now()
	w, prompts := x.words(d, x.lang()), []engine.Prompt{{Key: "@textme.text", Step: -1}}
	if d != nil {
		s := *x.m.Now
		if s.Held != nil {
			s = engine.Settle(d, s)
		}
		s.Page, s.Note, s.From = 0, "", s.Step
		x.m.Now = &s
		w = x.words(d, s.Lang)
		prompts = append(prompts, engine.Show(d, &s, render.SMS.Can, x.h.At)...)
	} else {
		x.menu("")
		all := x.hallPrompts(x.lang())
		prompts = append(prompts, all[len(all)-1])
	}
	var stands *Hall // in the text
	if d == nil {
		stands = x.m.Hall
	}
	if pages := render.Render(w, prompts, render.SMS); len(pages) > 0 { // the first holds what to answer
		x.said.Texts = append(x.said.Texts, Text{Page: pages[0]})
	}
	x.bye("@textme.sent")
	x.m.Hall, x.m.Aloud = stands, false
	return nil
}

// ringMe has the resident called.
func (x *hearing) ringMe() error {
	if x.m.Stopped || !x.rings() && !x.h.Rings {
		return x.goesOn("@ringme.no")
	}
	x.effect(engine.Effect{Kind: engine.RingBack, At: x.h.At.Add(askedSoon)}, nil)
	if x.h.Traits.Live {
		x.bye("@ringme.soon")
		return nil
	}
	return x.goesOn("@ringme.soon")
}
