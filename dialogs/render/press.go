package render

import (
	"strings"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// press reads a button that stands for a command; digits are read as keys are.
func (r *reader) press() (engine.Input, bool) {
	what, of, _ := strings.Cut(r.heard.Choice, " ")
	if r.q != nil && of == "" && r.has(what) { // an option that is called so
		return engine.Input{}, false
	}
	switch what {
	case PressSkip:
		return r.obey(locales.Skip, r.w.Lang.Tag), true
	case PressClear:
		in := told(locales.Skip)
		in.Values = []string{PressClear}
		return in, true
	case PressDone:
		if r.q != nil && r.q.Asks == dialogs.Choices {
			return r.enough(), true
		}
		return unclear(), true
	case PressPerson:
		return told(locales.Person), true
	case PressMenu:
		return told(locales.Menu), true
	case PressErase:
		return told(locales.Erase), true
	case PressCarry:
		in := told(locales.Carry)
		if words := seen(r.heard.Words); words != "" {
			number, _ := e164(words, r.w.Country)
			in.Values = []string{number}
		}
		return in, true
	case PressTongue:
		if of == "" {
			return told(locales.Tongue), true
		}
		in := told(locales.Tongue)
		in.Values = []string{of}
		return in, true
	case PressChange:
		if r.q != nil && r.q.Asks == dialogs.Review && of != "" {
			return said(of), true
		}
		return unclear(), true
	}
	return engine.Input{}, false
}
