package cost

import (
	"time"
	"unicode/utf8"

	"github.com/townline/townline/dialogs/render"
)

// What a USSD menu is reckoned with, beside the words of its screens at 150 a minute.
const (
	NextScreen = 3 * time.Second   // until the network shows the next screen
	Typing     = time.Second       // to find and press one key, and as long to send
	MenuLasts  = 180 * time.Second // how long networks leave a menu open at least
	MenuWaits  = 30 * time.Second  // and how long for one answer
)

// Screens is a conversation by USSD menu, from dialling. Screens and keys are the dialog's own, time is that of all.
type Screens struct {
	Walk
	Menu    int           // screens until the dialog begins
	Shown   int           // screens of the dialog
	Keys    int           // pressed in the dialog, that which sends included
	Time    time.Duration // from dialling to the last screen
	Slowest time.Duration // the most for one screen, from when it is shown until the answer is sent
}

// Dials is how often it must be dialled when menus last no longer than they must: whoever dials again goes on.
func (s *Screens) Dials() int { return 1 + int((s.Time-1)/MenuLasts) }

func byMenu(traits render.Traits) manner[Screens] {
	return manner[Screens]{traits: traits, words: []string{fewWords, someWords}, add: addScreens, weight: func(s *Screens) int64 {
		return int64(s.Shown)<<40 + int64(s.Time/time.Millisecond)
	}}
}

func addScreens(t told) Screens {
	s := Screens{Walk: Walk{Turns: t.turns(t.begun), Asked: t.asked}}
	var reading time.Duration
	for i := range t.log {
		l := &t.log[i]
		if l.Page != nil {
			reading, _ = (&render.Page{Spoken: []render.Spoken{{Words: l.Page.Text}}}).Listening()
			s.Time += reading + NextScreen
			if i < t.begun {
				s.Menu++
			} else {
				s.Shown++
			}
			continue
		}
		if l.Who == "comes" {
			continue
		}
		keys := utf8.RuneCountInString(l.Words) + 1
		took := Typing * time.Duration(keys)
		s.Time += took
		s.Slowest = max(s.Slowest, reading+took)
		if i >= t.begun {
			s.Keys += keys
		}
	}
	return s
}

// Pages is a visit to the kiosk, from when the dialog begins.
type Pages struct {
	Walk
	Shown int
}

func byKiosk() manner[Pages] {
	return manner[Pages]{traits: render.Kiosk, words: []string{fewWords}, add: addPages, weight: func(p *Pages) int64 { return int64(p.Shown) }}
}

func addPages(t told) Pages {
	p := Pages{Walk: Walk{Turns: t.turns(t.begun), Asked: t.asked}}
	for i := range t.log[t.begun:] {
		if t.log[t.begun+i].Page != nil {
			p.Shown++
		}
	}
	return p
}
