package talk

import (
	"strings"
	"time"
	"unicode"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// Several residents may share one phone. Who chooses a PIN is somebody of their own behind it (Heard.Behind): this package holds
// a conversation with each of them as with anybody else. What it asks without a PIN, and says to a wrong one, is the same
// whether or not there is anybody behind one.

// Opened is the kind of what is heard first of somebody who gave their PIN; Words is what else they said.
const Opened Kind = 32

// What is asked of PINs.
const (
	PINHall        HallKind = iota + 32 // use one, choose one, go on without
	PINEnterHall                        // which
	PINUnknownHall                      // it opened nothing
	PINChooseHall                       // a new one
	PINTwiceHall                        // the same once more
	PINMineHall                         // whether what was said here so far goes behind it
	PINOpenHall                         // one's own is open: close it, choose another
)

// How many digits a PIN has.
const (
	leastPIN = 4
	mostPIN  = 6
)

// pinPatience is how long what is asked of PINs waits for an answer: the phone may be in other hands by then.
const pinPatience = 15 * time.Minute

func (h *Hall) ofPIN() bool { return h != nil && h.Kind >= PINHall && h.Kind <= PINOpenHall }

// digits says whether a PIN itself is what the hall waits for.
func (h *Hall) digits() bool {
	return h.Kind == PINEnterHall || h.Kind == PINChooseHall || h.Kind == PINTwiceHall
}

// unread is what to lead with after something that is no answer.
func (h *Hall) unread() string {
	if h.digits() {
		return "@pin.digits"
	}
	return engine.PhraseRetry + string(engine.Pick) + ".1"
}

// shares says whether PINs are of any use here: the town sees which number it is.
func (x *hearing) shares() bool { return x.h.Traits.Address || x.h.Behind }

// found says whether what a caller says is found again: by their number, or by a PIN.
func (x *hearing) found() bool { return x.h.Traits.Address || x.h.Behind }

// aboutPIN takes what can only be about a PIN, whatever is on show; it says whether that was it.
func (x *hearing) aboutPIN() (bool, error) {
	if h := x.m.Hall; h.ofPIN() && x.h.At.Unix() > h.At+int64(pinPatience.Seconds()) {
		x.leavePIN()
	}
	if x.h.Kind != Words || x.h.Choice != "" || x.calls() || x.typed() || !x.shares() {
		return false, nil
	}
	if x.h.Behind && x.says(locales.Lock) {
		return true, x.lockPIN()
	}
	pin, rest, ok := x.pinIn(x.h.Words)
	word := ok
	if !ok && x.m.Hall != nil && (x.m.Hall.Kind == PINHall || x.m.Hall.Kind == PINUnknownHall) {
		pin, rest, ok = digitsOf(x.h.Words)
		ok = ok && rest == "" && len(pin) >= leastPIN
	}
	if !ok {
		return false, nil
	}
	if x.h.Behind { // perhaps it is another's: whoever the number finds without a PIN is told it
		x.said.Leave = true
		return true, nil
	}
	if err := x.enterPIN(pin, rest); err != nil || !x.said.Opens {
		return true, err
	}
	x.unheard = word
	return true, nil
}

// says says whether the words are this command in a language of the town.
func (x *hearing) says(c locales.Command) bool {
	for _, tag := range x.tongues() {
		if said, ok := x.t.Locales.Language(tag).Command(x.h.Words); ok {
			return said == c
		}
	}
	return false
}

// pinIn reads "PIN 4821" and what else the message says.
func (x *hearing) pinIn(words string) (pin, rest string, ok bool) {
	at := strings.IndexFunc(words, unicode.IsDigit)
	if at <= 0 || at > 60 {
		return "", "", false
	}
	word := strings.TrimRight(words[:at], " \t\n:=.,-#")
	for _, tag := range x.tongues() {
		if c, said := x.t.Locales.Language(tag).Command(word); said && c == locales.PIN {
			return digitsOf(words[at:])
		}
	}
	return "", "", false
}

// digitsOf reads the digits that words begin with.
func digitsOf(words string) (digits, rest string, ok bool) {
	words = strings.TrimSpace(words)
	end := strings.IndexFunc(words, func(r rune) bool { return !unicode.IsDigit(r) })
	if end < 0 {
		end = len(words)
	}
	digits = locales.Fold(words[:end])
	if rest = words[end:]; rest != "" && unicode.IsLetter([]rune(rest)[0]) {
		return "", "", false
	}
	return digits, strings.TrimLeft(rest, " \t\n.,:;-#"), digits != "" && len(digits) <= 20
}

// pinHall opens what is asked of PINs. What stood before comes back when nothing comes of it.
func (x *hearing) pinHall(kind HallKind, note string) error {
	h := &Hall{Kind: kind, Note: note, At: x.h.At.Unix()}
	switch was := x.m.Hall; {
	case was.ofPIN():
		h.Last, h.PIN = was.Last, was.PIN
	case was == nil:
	case was.Kind == HelpHall && was.Inside:
	case was.Kind == HelpHall:
		x.lobby("")
		h.Last = x.m.Hall
	default:
		h.Last = was
	}
	if kind != PINTwiceHall && kind != PINMineHall {
		h.PIN = ""
	}
	x.m.Hall = h
	return x.hall()
}

// leavePIN puts back what stood before PINs were spoken of.
func (x *hearing) leavePIN() {
	if h := x.m.Hall; h.ofPIN() {
		x.m.Hall = nil
		if h.Last != nil {
			last := *h.Last
			x.m.Hall = &last
		}
	}
}

// withoutPIN goes on with what stood before.
func (x *hearing) withoutPIN() error {
	x.leavePIN()
	if x.m.Hall == nil && x.now() == nil {
		x.lobby("")
	}
	return x.looked()
}

// pin opens the way to a PIN; behind one, the way to close or change it.
func (x *hearing) pin() error {
	switch {
	case !x.shares():
		x.lobby("@pin.nowhere")
		return x.hall()
	case x.h.Behind:
		return x.pinHall(PINOpenHall, "")
	}
	return x.pinHall(PINHall, "")
}

// lockPIN closes what a PIN opened.
func (x *hearing) lockPIN() error {
	if !x.h.Behind {
		return x.pin()
	}
	x.effect(engine.Effect{Kind: engine.ShutPIN}, nil)
	x.m.Hall = nil
	x.show(x.words(nil, x.lang()), []engine.Prompt{{Key: "@pin.closed", Step: -1}}, 0, true)
	return nil
}

func (x *hearing) onPIN(p engine.Prompt) engine.Prompt {
	offer := func(key string, options ...string) {
		p.Key = key
		for i, o := range options {
			p.Options = append(p.Options, engine.Option{ID: o, Key: o, Place: i})
		}
	}
	switch x.m.Hall.Kind {
	case PINHall:
		offer("@pin.ask", "@pin.have", "@pin.choose", "@pin.without")
	case PINUnknownHall:
		offer("@pin.unknown", "@pin.again", "@pin.without", "@pin.choose")
	case PINMineHall:
		offer("@pin.mine", "@pin.mine.yes", "@pin.mine.no")
	case PINOpenHall:
		offer("@pin.is", "@pin.shut", "@pin.other", "@help.on")
	case PINEnterHall:
		p.Key, p.Asks = "@pin.enter", dialogs.Code
	case PINChooseHall:
		p.Key, p.Asks = "@pin.new", dialogs.Code
	case PINTwiceHall:
		p.Key, p.Asks = "@pin.twice", dialogs.Code
	}
	return p
}

// chosenPIN takes an answer to what is asked of PINs.
func (x *hearing) chosenPIN(id string) error {
	h := x.m.Hall
	if h.digits() {
		pin, rest, ok := digitsOf(id)
		if !ok || rest != "" || len(pin) < leastPIN || len(pin) > mostPIN {
			return x.pinHall(h.Kind, "@pin.digits")
		}
		id = pin
	}
	switch h.Kind {
	case PINEnterHall:
		return x.enterPIN(id, "")
	case PINChooseHall:
		if EasyPIN(id) {
			return x.pinHall(PINChooseHall, "@pin.easy")
		}
		h.PIN = id
		return x.pinHall(PINTwiceHall, "")
	case PINTwiceHall:
		switch {
		case id != h.PIN:
			return x.pinHall(PINChooseHall, "@pin.differs")
		case x.h.Behind:
			return x.choosePIN(h.PIN, ChangePIN)
		case !x.m.Before && x.m.Now == nil && len(x.m.Aside) == 0:
		case !x.claimed(): // else anybody who shows this number could have what was said from it, behind a PIN of their own
			return x.pinHall(PINMineHall, "")
		}
		return x.choosePIN(h.PIN, NewPIN)
	}
	switch id {
	case "@pin.have", "@pin.again":
		return x.pinHall(PINEnterHall, "")
	case "@pin.choose", "@pin.other":
		return x.pinHall(PINChooseHall, "")
	case "@pin.mine.yes":
		if l := x.m.Linking; l != nil && l.Both && !x.claimed() {
			x.leavePIN()
			return x.goesOn("@link.pin")
		}
		if x.claimed() {
			return x.choosePIN(h.PIN, NewPIN)
		}
		return x.choosePIN(h.PIN, MovePIN)
	case "@pin.mine.no":
		return x.choosePIN(h.PIN, NewPIN)
	case "@pin.shut":
		return x.lockPIN()
	}
	return x.withoutPIN()
}

// enterPIN asks the town whom a PIN of this number finds. Whoever that is goes on with the rest of what was said.
func (x *hearing) enterPIN(pin, rest string) error {
	if len(pin) < leastPIN || len(pin) > mostPIN {
		return x.pinHall(PINEnterHall, "@pin.digits")
	}
	out, err := x.ask(Effect{Effect: engine.Effect{Kind: engine.EnterPIN, Waits: true, Values: []string{pin}}})
	switch {
	case err != nil:
		return err
	case out.Result["pin"] == "good":
		x.leavePIN()
		x.said.Opens, x.said.Rest = true, rest
		return nil
	case out.Result["pin"] == "locked":
		return x.pinsLocked()
	}
	return x.pinHall(PINUnknownHall, "")
}

// pinsLocked says that no PIN can be used; on a call that came in, which may be locked alone, that it can elsewhere.
func (x *hearing) pinsLocked() error {
	if x.calls() && !x.h.Out {
		x.lobby("@speech.pin.locked")
	} else {
		x.lobby("@pin.locked")
	}
	return x.hall()
}

// What choosing a PIN does: the second value of engine.ChoosePIN.
const (
	NewPIN    = "new"    // somebody new is behind it, and whoever the number finds without it stays as they are
	MovePIN   = "move"   // whoever was here is behind it with all that they said, and the number finds somebody new
	ChangePIN = "change" // whoever is behind the one before is behind this one
)

// choosePIN sets a PIN. It is open from then on.
func (x *hearing) choosePIN(pin, how string) error {
	out, err := x.ask(Effect{Effect: engine.Effect{Kind: engine.ChoosePIN, Waits: true, Values: []string{pin, how}}})
	switch {
	case err != nil:
		return err
	case out.Result["pin"] == "easy":
		return x.pinHall(PINChooseHall, "@pin.easy")
	case out.Result["pin"] != "good":
		return x.pinsLocked()
	}
	x.leavePIN()
	left := x.m
	if how == NewPIN {
		x.m = Memory{Lang: left.Lang, On: left.On, Ear: left.Ear}
	}
	called := x.claimed()
	x.h.Behind, x.h.Traits.Address, x.h.Traits.Behind = true, false, true
	note := "@pin.set"
	switch {
	case x.dials():
		note = "@pin.set.menu"
	case called && (left.Before || left.Now != nil || len(left.Aside) > 0):
		note = "@speech.pin.set"
	}
	x.lobby(note)
	if err := x.hall(); err != nil || how != NewPIN {
		return err
	}
	own := x.m
	x.m, x.said.Newcomer = left, &own
	return nil
}

// opened greets somebody who gave their PIN.
func (x *hearing) opened() error {
	if x.h.Once {
		x.m.Hall = &Hall{Kind: PINChooseHall, Note: "@pin.once", At: x.h.At.Unix()}
		return x.hall()
	}
	switch h := x.m.Hall; {
	case h.ofPIN():
		x.m.Hall = nil
	case h != nil && h.Kind == ExpiredHall && x.h.Refused == "":
		x.h.Refused = h.Note // nobody could tell them before
	}
	if x.h.Words != "" {
		x.h.Kind = Words
		return x.heard(false)
	}
	if x.withdrawn() {
		return x.hall()
	}
	note := "@pin.open"
	if x.h.Traits.Live {
		note = "@pin.open.live"
	}
	x.lobby(note)
	return x.hall()
}

// EasyPIN says whether a PIN is among the first that somebody would try: one digit or two over and over, digits that go up
// or down, a year, the middle column of the keys.
func EasyPIN(pin string) bool {
	n := len(pin)
	step := func(i int) int { return int(pin[i]) - int(pin[i-1]) }
	runs, period := true, 0
	for i := 2; i < n; i++ {
		runs = runs && step(i) == step(1)
	}
	for p := 1; p <= n/2; p++ {
		same := true
		for i := p; i < n; i++ {
			same = same && pin[i] == pin[i-p]
		}
		if same {
			period = p
			break
		}
	}
	switch {
	case n < leastPIN, period > 0, runs && step(1) >= -1 && step(1) <= 1:
		return true
	case n == 4 && (pin[:2] == "19" || pin[:2] == "20"), n == 6 && (pin[2:4] == "19" || pin[2:4] == "20"): // a year, a month and a year
		return true
	case n == 4 && pin[0] == pin[1] && pin[2] == pin[3]:
		return true
	}
	return pin == "2580" || pin == "0852" || pin == "1004" || pin == "1379" || pin == "147258" || pin == "159753" || pin == "112233"
}
