package talk

import "github.com/townline/townline/dialogs/render"

// Ear is how a caller wants to be spoken to. It is for one call, unless they want it kept.
type Ear struct {
	Slow  uint8 `cbor:"1,keyasint,omitempty"` // 1 slower, 2 slower still
	Loud  uint8 `cbor:"2,keyasint,omitempty"`
	Time  uint8 `cbor:"3,keyasint,omitempty"` // more time to answer
	Keep  bool  `cbor:"4,keyasint,omitempty"` // the next time as well
	Asked bool  `cbor:"5,keyasint,omitempty"` // on this call, whether the next time as well
}

const (
	mostEar   = 2  // slower, louder or longer than this there is not
	louder    = 6  // dB
	longer    = 10 // seconds
	slow      = 85 // percent of the usual pace
	verySlow  = 70
	usualPace = 0
)

// ear is how the caller wants to be spoken to by now.
func (x *hearing) ear() Ear {
	if x.m.Ear == nil {
		return Ear{}
	}
	return *x.m.Ear
}

// hears takes a wish from the menu of slower, louder and more time, and asks once a call whether it is for the next time as
// well.
func (x *hearing) hears(wish string) {
	inside := x.m.Hall.Inside
	e := x.ear()
	switch wish {
	case "slower":
		e.Slow = min(e.Slow+1, mostEar)
	case "louder":
		e.Loud = min(e.Loud+1, mostEar)
	case "time":
		e.Time = min(e.Time+1, mostEar)
	case "usual":
		x.m.Ear = nil
		x.m.Hall = &Hall{Kind: EarHall, Inside: inside}
		return
	case "pause":
		x.m.Hall = &Hall{Kind: HoldHall, Inside: inside}
		return
	}
	kind := EarHall
	if !e.Keep && !e.Asked {
		kind, e.Asked = KeepHall, true
	}
	x.m.Ear = &e
	x.m.Hall = &Hall{Kind: kind, Inside: inside}
}

// attune makes pages of a call as the caller wants to hear them.
func (x *hearing) attune(pages []render.Page) {
	e := x.ear()
	pace := [...]int{usualPace, slow, verySlow}[min(e.Slow, mostEar)]
	for i := range pages {
		p := &pages[i]
		p.Pace, p.Gain = pace, louder*int(min(e.Loud, mostEar))
		if p.Listen != nil {
			p.Listen.Wait += longer * int(min(e.Time, mostEar))
			p.Listen.Hold = x.m.Hall != nil && x.m.Hall.Kind == HoldHall
			if x.m.Hall != nil && x.m.Hall.Kind == CodeHall {
				p.Listen.Keys = CodeDigits
			}
		}
	}
}
