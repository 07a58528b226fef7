package talk

import (
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// fill completes an input with what every input carries.
func (x *hearing) fill(in *engine.Input) {
	in.At, in.Can = x.h.At, x.h.Traits.Can
}

// step takes the open conversation one step on, with the town's answers in between, and shows what comes of it.
func (x *hearing) step(d *dialogs.Dialog, in engine.Input) error {
	x.fill(&in)
	x.mark("step")
	turn := engine.Step(d, *x.m.Now, in)
	menu, ended := false, false
	var opens HallKind
	for {
		var waits *engine.Effect
		for i := range turn.Effects {
			e := &turn.Effects[i]
			switch {
			case e.Waits:
				waits = e
			case e.Kind == engine.OpenMenu:
				menu = true
			case e.Kind == engine.OpenEar:
				opens = EarHall
			case e.Kind == engine.OpenReach:
				opens = ReachHall
			case e.Kind == engine.OpenErase:
				opens = EraseHall
			case e.Kind == engine.Ended:
				ended = true
			default:
				x.effect(*e, d)
			}
		}
		if waits == nil {
			break
		}
		out, err := x.ask(Effect{Effect: *waits, Dialog: d, Order: x.order(d, &turn.State, waits.Kind)})
		if err != nil {
			return err
		}
		if waits.Kind == engine.PassOn {
			x.waitsFor(out.Result)
			if out.Result["open"] == "yes" {
				x.pass(waits.To)
			}
		}
		out.Kind = engine.Outcome
		x.fill(&out)
		turn = engine.Step(d, turn.State, out)
	}
	s := turn.State
	x.m.Now = &s
	prompts := turn.Prompts
	if x.lead != nil && s.Mode == engine.Asking && *x.lead < s.From {
		s.From = *x.lead
		prompts = engine.Show(d, &s, x.h.Traits.Can, x.h.At)
	}
	switch {
	case menu:
		x.setAside()
		x.menu("")
		return x.hall()
	case ended:
		return x.ended(d, &s, prompts)
	case opens > 0:
		x.m.Hall = &Hall{Kind: opens, Inside: true}
		return x.hall()
	case s.Mode == engine.Paused && s.Note == engine.PhraseLater && x.parts(d, &s):
		return x.hall()
	}
	if s.Mode == engine.Paused && s.Note == engine.PhraseLater && x.h.Traits.Form == engine.Screen {
		s.Mode = engine.Asking // a screen forgets who was there: without a code nobody finds their answers again
		return x.carry(engine.Input{})
	}
	if len(prompts) > 0 {
		w := x.words(d, s.Lang)
		if in.Next != "" && s.Mode == engine.Asking && len(s.Part) > 0 {
			s.Page = pageOf(render.Render(w, prompts, x.h.Traits), in.Next)
		}
		x.show(w, prompts, s.Page, false)
	}
	if s.Mode == engine.Paused {
		x.said.Over = true
	}
	return nil
}

// ended shows the last words, and offers what was set aside.
func (x *hearing) ended(d *dialogs.Dialog, s *engine.State, prompts []engine.Prompt) error {
	x.m.Now, x.said.End = nil, s.End
	if x.said.Pass {
		x.m.Handed = s
	}
	erased := s.End == "erased"
	if erased {
		lang := x.m.Lang
		x.m = Memory{On: x.m.On, Lang: lang}
	}
	if len(prompts) == 0 {
		if s.End == "expired" && !s.Kept && d.Purpose != dialogs.Information {
			x.m.Hall = &Hall{Kind: ExpiredHall, Note: engine.PhraseExpired}
		}
		return nil
	}
	w := x.words(d, s.Lang)
	x.show(w, prompts, 0, true)
	if i := x.next(); i >= 0 && s.End != "handoff" {
		x.takeUp(i)
		x.lobby("")
		offer := x.hallPrompts(s.Lang)
		offer[0].Key = "@aside.offer"
		if whole := render.Render(w, append(prompts, offer...), x.h.Traits); len(whole) == 1 {
			x.said.Pages = nil
			x.show(w, append(prompts, offer...), 0, false)
			return nil
		}
		if x.paged() {
			x.said.Pages = render.Leading(w, prompts, x.h.Traits)
		}
		for i := range x.said.Pages {
			x.said.Pages[i].Over = false
		}
		x.show(w, offer, 0, false)
		return nil
	}
	if x.awaits(d, s) {
		for i := range x.said.Pages {
			x.said.Pages[i].Over = false
		}
		return x.hall()
	}
	return nil
}

// effect hands an effect to the exchange; some concern this memory as well.
func (x *hearing) effect(e engine.Effect, d *dialogs.Dialog) {
	switch e.Kind {
	case engine.SetLanguage:
		x.m.Lang = e.Lang
	case engine.OptOut:
		x.stops(&e)
		x.m.Stopped = true
		if d := x.m.Desk; d != nil && d.By == "call" { // nor does a clerk ring
			wants := *d
			wants.By = ""
			x.m.Desk = &wants
		}
	case engine.OptIn:
		x.m.Stopped = false
	case engine.SetTimer, engine.StopTimer:
		if d != nil {
			e.Timer += ":" + d.ID
		}
	}
	x.said.Effects = append(x.said.Effects, Effect{Effect: e, Dialog: d})
}
