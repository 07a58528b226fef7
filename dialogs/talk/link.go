package talk

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// Two phones, or a phone and a chat, of one person are put together by a code that one of them gets and the other sends. From then
// on the town knows one resident on both. Nobody gets a code, or gives one, who isn't sure to be at the phone: not on a call that
// came in, not behind a PIN, not at a screen that anybody may use.

// What is asked of putting together and of leaving.
const (
	LinkHall      HallKind = iota + 64 // on a call or a menu: get a code, or give one
	LinkEnterHall                      // which code
	LinkSureHall                       // whether to put the two together
	PartHall                           // whether to leave
)

// Linking is what is remembered of putting together.
type Linking struct {
	Digits string `cbor:"1,keyasint,omitempty"` // the code that was given last, without blanks
	Until  int64  `cbor:"2,keyasint,omitempty"` // unix seconds
	Given  uint8  `cbor:"3,keyasint,omitempty"` // codes on Day
	Day    string `cbor:"4,keyasint,omitempty"` // "2027-03-15"
	Called int64  `cbor:"5,keyasint,omitempty"` // until when a call of the town's offers it, as was asked for on a call; unix seconds
	Told   int64  `cbor:"6,keyasint,omitempty"` // when a text last told their number that a call asked for it
	Texted int64  `cbor:"7,keyasint,omitempty"` // when a call last had them texted what is on show
	Both   bool   `cbor:"8,keyasint,omitempty"` // there is more than one phone or chat
}

// LinkDigits is how many digits a code has. While many that nobody had are tried in the town, codes are as long as those that a
// conversation is taken along with (CodeDigits).
const LinkDigits = 6

// Good says whether the code is the one given last, and holds yet.
func (l *Linking) Good(code string, at int64) bool {
	return l != nil && l.Digits != "" && l.Digits == code && at < l.Until
}

// changed is a copy, to be changed.
func (l *Linking) changed() *Linking {
	if l == nil {
		return &Linking{}
	}
	c := *l
	return &c
}

func (h *Hall) ofLink() bool { return h != nil && h.Kind >= LinkHall && h.Kind <= PartHall }

// links says whether it is sure that whoever this is has the phone, or the chat, at hand.
func (x *hearing) links() bool {
	t := &x.h.Traits
	return !x.h.Behind && (t.Form == engine.Text || x.calls() && t.Address && x.h.Out)
}

// ParseLink reads a code to put together with, however its digits are parted.
func ParseLink(words string) (string, bool) {
	if len(words) > 60 {
		return "", false
	}
	var b strings.Builder
	for _, r := range locales.Fold(words) {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r != ' ' && r != '-' && r != '.' && r != '#':
			return "", false
		}
	}
	if b.Len() == CodeDigits {
		return ParseCode(b.String())
	}
	return b.String(), b.Len() == LinkDigits
}

// aboutLink takes a code that another phone, or a chat, got; it says whether it was one. With the word before it, it is one wherever
// it is said; alone only where nothing is asked that such digits could answer.
func (x *hearing) aboutLink() (bool, error) {
	if x.h.Kind != Words && x.h.Kind != Came || x.h.Choice != "" || len(x.h.Media) > 0 || x.typed() || x.calls() {
		return false, nil
	}
	code, named := x.linkIn(x.h.Words)
	if !named {
		var ok bool
		if code, ok = ParseLink(x.h.Words); !ok || len(code) != LinkDigits || !x.links() || !x.idle() || x.talks() {
			return false, nil
		}
	}
	switch {
	case !x.links():
		return true, x.noLink()
	case code == "":
		return true, x.goesOn(engine.PhraseCarryUnknown)
	}
	return true, x.linkWith(code)
}

// linkIn reads "LINK 482 173"; a code that can't be one is "".
func (x *hearing) linkIn(words string) (code string, ok bool) {
	at := strings.IndexFunc(words, unicode.IsDigit)
	if at <= 0 || at > 60 || len(words) > 120 {
		return "", false
	}
	word := strings.TrimRight(words[:at], " \t\n:=.,-#")
	for _, tag := range x.tongues() {
		if c, said := x.t.Locales.Language(tag).Command(word); said && c == locales.Link {
			code, _ = ParseLink(words[at:])
			return code, true
		}
	}
	return "", false
}

// idle says whether six digits answer nothing that is on show.
func (x *hearing) idle() bool {
	if h := x.m.Hall; h != nil {
		return h.Kind == MenuHall || h.Kind == OfferHall || h.Kind == ExpiredHall || h.Kind == LinkHall || h.Kind == HelpHall
	}
	if x.m.Now == nil {
		return true
	}
	d := x.now()
	if d == nil || x.m.Now.Mode != engine.Asking || x.m.Now.Step < 0 {
		return false
	}
	switch d.Steps[x.m.Now.Step].Type {
	case dialogs.Choice, dialogs.YesNo, dialogs.Consent, dialogs.Review, dialogs.Similar:
		return true
	}
	return false
}

// goesOn shows what stood open, led by a phrase.
func (x *hearing) goesOn(note string) error {
	if x.talks() {
		x.m.Hall = nil
		x.beside(note)
		return nil
	}
	if x.m.Hall.ofLink() {
		return x.onwardWith(note)
	}
	if x.m.Hall == nil && x.now() != nil {
		now := *x.m.Now
		now.Page, now.Note = 0, note
		x.m.Now = &now
		return x.looked()
	}
	if x.m.Hall != nil && x.m.Hall.Inside {
		return x.onwardWith(note)
	}
	x.lobby(note)
	return x.hall()
}

// beside tells something about other phones and chats to whoever goes on talking with a clerk.
func (x *hearing) beside(note string, args ...engine.Arg) {
	var prompts []engine.Prompt
	if note != "" {
		prompts = append(prompts, engine.Prompt{Key: note, Step: -1, Args: args})
	}
	x.say(append(prompts, x.ofDesk("@desk.on"))...)
}

// linkHall opens what is asked of putting together. An open question comes back after it.
func (x *hearing) linkHall(kind HallKind, note string) error {
	h := &Hall{Kind: kind, Note: note, Inside: x.m.Hall == nil && x.now() != nil}
	if was := x.m.Hall; was != nil {
		h.Inside = was.Inside
		if kind == PartHall && !was.ofLink() {
			h.Last = was
		}
	}
	x.m.Hall = h
	return x.hall()
}

// link begins to put another phone or chat together with this one.
func (x *hearing) link() error {
	switch {
	case !x.links():
		return x.noLink()
	case x.calls() || x.dials():
		return x.linkHall(LinkHall, "")
	}
	return x.linkCode()
}

// noLink tells somebody who may be anybody how to be known for sure.
func (x *hearing) noLink() error {
	if !x.claimed() {
		return x.goesOn("@link.nowhere")
	}
	l := x.m.Linking.changed()
	now := x.h.At.Unix()
	switch {
	case x.h.Texted && !x.m.Stopped:
		if l.Told == 0 || now-l.Told >= int64(toldOnce.Seconds()) {
			l.Told = now
			x.m.Linking = l
			x.tell("@link.text")
		}
		return x.goesOn("@speech.link.sent")
	case x.rings() && !x.m.Stopped:
		l.Called = x.h.At.Add(askedFor).Unix()
		x.m.Linking = l
		x.effect(engine.Effect{Kind: engine.RingBack, At: x.h.At.Add(askedSoon)}, nil)
		x.bye("@speech.link.ring")
		return nil
	}
	return x.goesOn("@speech.link.desk")
}

// linksNow offers on the town's own call what was asked for on one that came in; it says whether it did.
func (x *hearing) linksNow() bool {
	l := x.m.Linking
	if !x.h.Out || !x.calls() || l == nil || l.Called <= x.h.At.Unix() {
		return false
	}
	l = l.changed()
	l.Called = 0
	x.m.Linking = l
	x.m.Hall = &Hall{Kind: LinkHall}
	return true
}

// linkCode gives a code, and shows where we are below it.
func (x *hearing) linkCode() error {
	l := x.m.Linking.changed()
	if l.Digits == "" || x.h.At.Unix() >= l.Until {
		out, err := x.ask(Effect{Effect: engine.Effect{Kind: engine.LinkCode, Waits: true}})
		switch {
		case err != nil:
			return err
		case out.Result["many"] == "yes":
			return x.goesOn("@link.many")
		case out.Result["code"] == "":
			return x.goesOn("@link.later")
		}
		day := x.h.At.Format("2006-01-02")
		if l.Day != day {
			l.Day, l.Given = day, 0
		}
		l.Given++
		l.Digits, l.Until = out.Result["code"], x.h.At.Add(LinkLasts).Unix()
		x.m.Linking = l
	}
	code := engine.Arg{Name: "code", Kind: engine.ArgCode, Value: inThrees(l.Digits)}
	if x.talks() {
		x.beside("@link.code", code)
		return nil
	}
	prompts := []engine.Prompt{{Key: "@link.code", Step: -1, Args: []engine.Arg{code}}}
	if x.m.Hall.ofLink() {
		inside := x.m.Hall.Inside
		x.m.Hall = nil
		if !inside || x.now() == nil {
			x.lobby("")
		}
	}
	d := x.now()
	if x.m.Hall == nil && d != nil {
		now := *x.m.Now
		now.Page, now.Note, now.From = 0, "", now.Step // the question alone
		x.m.Now = &now
		x.show(x.words(d, now.Lang), append(prompts, engine.Show(d, &now, x.h.Traits.Can, x.h.At)...), 0, false)
		return nil
	}
	if x.m.Hall == nil {
		x.lobby("")
	}
	x.show(x.words(nil, x.lang()), append(prompts, x.hallPrompts(x.lang())...), 0, false)
	return nil
}

// inThrees puts digits in groups of three.
func inThrees(digits string) string {
	var b strings.Builder
	for i, r := range digits {
		if i > 0 && i%3 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// linkWith looks for whoever got a code, and asks whether to put the two together.
func (x *hearing) linkWith(code string) error {
	out, err := x.ask(Effect{Effect: engine.Effect{Kind: engine.LinkWith, Waits: true, Values: []string{code}}})
	if err != nil {
		return err
	}
	if out.Result["join"] != "good" {
		return x.notLinked(out.Result["join"])
	}
	if err := x.linkHall(LinkSureHall, ""); err != nil {
		return err
	}
	x.m.Hall.Code = code
	return nil
}

// notLinked says why nothing was put together.
func (x *hearing) notLinked(why string) error {
	note := "@link.later"
	switch why {
	case "own":
		note = "@link.own"
	case "locked", "busy", "apart":
		note = "@link." + why
	case "unknown":
		note = engine.PhraseCarryUnknown
		if h := x.m.Hall; h != nil && h.Kind == LinkEnterHall {
			h.Note = note
			return x.hall()
		}
	}
	return x.goesOn(note)
}

// join puts this one together with whoever got the code.
func (x *hearing) join(code string) error {
	var other Memory
	out, err := x.ask(Effect{Effect: engine.Effect{Kind: engine.LinkWith, Waits: true, Values: []string{code, "yes"}}, Other: &other})
	if err != nil {
		return err
	}
	if out.Result["join"] != "good" {
		return x.notLinked(out.Result["join"])
	}
	x.joins(&other)
	x.tellOthers("@link.told", cmp.Or(other.Lang, x.lang()))
	note := "@link.done"
	if x.m.Stopped {
		note = "@link.stopped"
	}
	if i := x.next(); x.m.Now == nil && i >= 0 {
		x.takeUp(i)
		x.m.Hall = &Hall{Kind: LinkSureHall}
	}
	if len(other.Aside) > 0 || other.Now != nil { // pages break elsewhere
		x.m.Rest = nil
	}
	return x.goesOn(note)
}

// joins makes what is remembered of the other a part of x.m. Conversations of the other are set aside; where both hold the same one, the
// one that is further on stays. It is shown here as if it had been said here: the code was the proof.
func (x *hearing) joins(o *Memory) {
	m := &x.m
	theirs := slices.Clone(o.Aside)
	if o.Now != nil {
		theirs = append(theirs, *o.Now)
	}
	aside := make([]engine.State, 0, len(theirs)+len(m.Aside))
	for _, s := range theirs {
		d := x.t.Dialogs.Pinned(s.Pin)
		switch {
		case d == nil:
		case s.Held != nil:
			s = engine.Settle(d, s)
		}
		s = engine.Unveil(s)
		s.Page = 0
		if d != nil && x.calls() {
			s = engine.Veil(d, s)
		}
		same := func(a engine.State) bool { return a.Pin.ID == s.Pin.ID }
		i := slices.IndexFunc(m.Aside, same)
		switch {
		case m.Now != nil && same(*m.Now):
			if further(&s, m.Now) {
				m.Now = &s
			}
		case i >= 0:
			if further(&s, &m.Aside[i]) {
				m.Aside = slices.Clone(m.Aside)
				m.Aside[i] = s
			}
		default:
			aside = append(aside, s)
		}
	}
	m.Aside = append(aside, m.Aside...)
	for len(m.Aside) > most {
		x.untime(m.Aside[0].Pin.ID)
		m.Aside = m.Aside[1:]
	}
	if m.Lang == "" {
		m.Lang = o.Lang
	}
	if m.Code == nil {
		m.Code = o.Code
	}
	if m.Ear == nil {
		m.Ear = o.Ear
	}
	if m.Reach == AsBefore {
		m.Reach = o.Reach
	}
	if m.Desk == nil {
		m.Desk = o.Desk
	}
	for _, code := range o.Taken {
		if !slices.Contains(m.Taken, code) {
			m.Taken = append([]string{code}, m.Taken...)
		}
	}
	m.Taken = m.Taken[max(len(m.Taken)-most, 0):]
	m.Stopped = m.Stopped || o.Stopped
	m.Before = m.Before || o.Before
	m.ToldErase = max(m.ToldErase, o.ToldErase)
	l := m.Linking.changed()
	l.Both = true
	if o.Linking != nil {
		l.Told, l.Texted = max(l.Told, o.Linking.Told), max(l.Texted, o.Linking.Texted)
	}
	m.Linking = l
}

// tellOthers leaves word for whoever is at the other phones and chats.
func (x *hearing) tellOthers(phrase, lang string) {
	x.said.Others = render.Render(x.words(nil, lang), []engine.Prompt{{Key: phrase, Step: -1}}, render.SMS)
}

// further says whether of two conversations about the same dialog a is further on than b.
func further(a, b *engine.State) bool {
	switch {
	case a.Kept != b.Kept: // its record must not be made twice
		return a.Kept
	case a.Step != b.Step:
		return a.Step > b.Step
	}
	return a.Last > b.Last
}

// part asks whether this phone, or this chat, leaves.
func (x *hearing) part() error {
	if !x.links() {
		return x.goesOn("@parting.nowhere")
	}
	out, err := x.ask(Effect{Effect: engine.Effect{Kind: engine.LeaveHere, Waits: true}})
	if err != nil {
		return err
	}
	if out.Result["part"] != "good" {
		return x.goesOn("@parting.alone")
	}
	return x.linkHall(PartHall, "")
}

// parted leaves: what was said stays with the others, and whoever comes from here next begins anew.
func (x *hearing) parted() error {
	out, err := x.ask(Effect{Effect: engine.Effect{Kind: engine.LeaveHere, Waits: true, Values: []string{"yes"}}})
	if err != nil {
		return err
	}
	if out.Result["part"] != "good" {
		return x.goesOn("@parting.alone")
	}
	stood := x.m.Hall.Last // is still on show elsewhere
	x.tellOthers("@parting.told", x.lang())
	x.bye("@parting.done")
	x.m.Hall, x.m.Aloud = stood, false
	return nil
}

// onLink is what the halls of putting together ask.
func (x *hearing) onLink(p engine.Prompt) engine.Prompt {
	offer := func(key string, options ...string) {
		p.Key = key
		for i, o := range options {
			p.Options = append(p.Options, engine.Option{ID: o, Key: o, Place: i})
		}
	}
	switch x.m.Hall.Kind {
	case LinkHall:
		offer("@link.ask", "@link.get", "@link.have", "@help.on")
	case LinkSureHall:
		offer("@link.sure", "@link.yes", "@link.no")
	case PartHall:
		offer("@parting.ask", "@parting.yes", "@parting.no")
	case LinkEnterHall:
		p.Key, p.Asks = "@link.enter", dialogs.Code
	}
	return p
}

// chosenLink takes an answer to them.
func (x *hearing) chosenLink(id string) error {
	h := x.m.Hall
	if h.Kind == LinkEnterHall {
		code, ok := ParseLink(id)
		if !ok {
			h.Note = engine.PhraseCarryUnknown
			return x.hall()
		}
		return x.linkWith(code)
	}
	switch id {
	case "@link.get":
		return x.linkCode()
	case "@link.have":
		return x.linkHall(LinkEnterHall, "")
	case "@link.yes":
		return x.join(h.Code)
	case "@link.no":
		return x.goesOn("@link.not")
	case "@parting.yes":
		return x.parted()
	case "@parting.no":
		return x.goesOn("@link.not")
	}
	return x.goesOn("")
}

// aboutOthers takes the commands that go to another phone, or another channel; it says whether c is one.
func (x *hearing) aboutOthers(c locales.Command) (bool, error) {
	switch c {
	case locales.Link:
		return true, x.link()
	case locales.Part:
		return true, x.part()
	case locales.Text:
		return true, x.textMe()
	case locales.Ring:
		return true, x.ringMe()
	}
	return false, nil
}
