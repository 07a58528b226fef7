package kiosk

import (
	"html/template"
	"strconv"
	"time"

	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// said is words on a page, and the key of their clip.
type said struct {
	W string // the words
	A string // the clip's key
}

// view is all that page.html is filled with.
type view struct {
	Lang, Dir  string
	Base       string
	Machine    bool
	Kind       string // "welcome", "question", "carry", "settings", "over", "code", "end", "plain"
	Look       look
	Idle, Warn int      // seconds
	Set        []hidden // what the machine's owner set, for the script
	Months     string   // the names of all, parted by |
	Mute       bool     // there is no voice for the language
	About      string
	Title      string // of the window
	CSS        template.CSS
	JS         template.JS
	Service    *said // whose page it is: the dialog's title
	Way        *said
	At, Most   int
	Token      string
	End        string // token that ends the visit; "" before one
	Stage      string // form.at
	Pad        string
	Kept       []hidden // what was filled in and is not on show
	Files      bool     // the form carries files
	Wrong      *said
	WrongField string
	WrongTitle *said
	Notes      []line
	Heading    said
	After      []line
	Cards      []card
	Many       bool
	Fields     []field
	Shares     []share
	Left       *said // what is left to share; the number stands in LeftCount
	LeftCount  *said
	Total      int
	Digits     []key
	Keys       []key
	Layouts    []button
	KeysDir    string // where it is not the page's
	KeysLang   string
	KeysNote   *said
	Record     bool
	Items      []item
	Code       *said
	QR         template.HTML
	QRWords    *said
	Groups     []group
	Doors      []door
	Next       *button
	Early      bool // buttons stand before Continue: Enter must press Continue all the same
	Nav        []button
	Tools      []button
	Links      []link // to other pages of ours
	Aloud      string // where the page is to be heard in one piece; "": where the page on show is
	Again      bool   // the form asks for the page once more, and sends nothing
	Offline    *said
	IdleTitle  *said
	visitor    string
	l          *locales.Language
	k          *Kiosk
	aloud      []string // clips of what is read aloud, in order
}

type hidden struct{ Name, Value string }

// line is a paragraph. Kind is the block's.
type line struct {
	Kind string
	said
}

type card struct {
	Digit   string
	Icon    template.HTML
	Checked bool
	said
}

type field struct {
	ID, Name, Value string
	Mode            string // inputmode
	Area            bool
	Limit           int
	Label           said
	Less, More      *said // of the buttons beside it
	Month           *said // the month's name, beside its number
	Bounds          []hidden
	Accept          string
	Alone           bool // the heading says what it is for: the label is for those who can't see that
}

// share is one line of a budget.
type share struct {
	ID    string
	Value string
	Less  said
	More  said
	said
}

type key struct {
	Value string
	said
}

type item struct {
	Step   string
	Change *said
	Q, Ans said
}

// group is buttons of which one is pressed.
type group struct {
	Title   said
	Buttons []button
}

type button struct {
	ID, Do  string
	Class   string
	Icon    template.HTML
	Pressed bool
	Toggle  bool
	Num     string
	Lang    string
	Dir     string
	Rest    *said // words for the ear alone, after the others
	said
}

// door is a card of the first page: a language in its own name.
type door struct {
	Do, Lang, Dir string
	Num           int // the digit that presses it
	Name          said
	Begin         said
}

// Volume is how loud the voice is, in percent; 0: as the machine is set.
func (s *view) Volume() int {
	if s.Look.Loud == louds {
		return 0
	}
	return s.Look.Loud * 100 / louds
}

// nobody is the token that clears the screen where no visit has begun.
const nobody = "nobody"

// newView begins a page in lang for a visitor; "" for none.
func (k *Kiosk) newView(lang string, l look, v *visit) *view {
	words := k.s.Phrases.Language(lang)
	p := &view{
		Lang: lang, Dir: "ltr", Base: k.base, Machine: k.atMachine(), Kind: "plain", Look: l,
		CSS: k.paper.css, l: words, k: k,
		Mute: k.s.Sound == nil || !k.s.Sound.Speaks(lang),
	}
	if words.RTL {
		p.Dir = "rtl"
	}
	switch {
	case v != nil:
		p.Token, p.End, p.visitor = v.token(), v.end(), v.voice()
	case p.Machine: // a code that was half typed, or settings of somebody who left, are cleared too
		p.End = nobody
	}
	p.About = p.words("screen.about", locales.Arg{Name: "town", Value: k.s.Town})
	p.Offline = p.T("net")
	if p.Machine {
		p.Idle, p.Warn = int(k.s.Idle.Seconds()), int(k.s.Warn.Seconds())
		p.IdleTitle = p.T("idle.title")
		p.Set = k.set()
	}
	return p
}

// set is what the machine's owner set, as app.js and kiosk.js want it.
func (k *Kiosk) set() (out []hidden) {
	add := func(name, value string) {
		if value != "" {
			out = append(out, hidden{name, value})
		}
	}
	seconds := func(d time.Duration) string {
		if d <= 0 {
			return ""
		}
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
	}
	add("scan", seconds(k.s.Scan))
	if k.s.Press > 0 {
		add("press", strconv.FormatInt(k.s.Press.Milliseconds(), 10))
	}
	if k.s.Phones {
		add("phones", "1")
	}
	add("sink", k.s.Sink)
	add("move", k.s.Move)
	add("choose", k.s.Choose)
	return out
}

// words is a phrase as it stands on screens.
func (p *view) words(key string, args ...locales.Arg) string {
	return p.l.Phrase(key, locales.Screen, args...)
}

// T is one of the pages' own phrases, screen.<key>. Its clip is named by the phrase: every server finds it.
func (p *view) T(key string, args ...locales.Arg) *said {
	if len(args) > 0 {
		return p.say("", p.words("screen."+key, args...))
	}
	return &said{p.words("screen." + key), "p." + p.l.Tag + "." + key}
}

// say is other words on show: of the dialog, or the visitor's own.
func (p *view) say(key, words string) *said { return p.sayIn(p.Lang, key, words) }

func (p *view) sayIn(lang, key, words string) *said {
	if p.k.s.Sound == nil || words == "" {
		return &said{words, "none"}
	}
	return &said{words, p.k.s.Sound.Offer(p.visitor, audio.Line{Lang: lang, Key: key, Words: words})}
}

// read notes what is read aloud, in its order.
func (p *view) read(all ...*said) {
	for _, s := range all {
		if s != nil && s.W != "" {
			p.aloud = append(p.aloud, s.A)
		}
	}
}

// notes puts the lines that lead up to the question.
func (p *view) note(kind string, s *said) {
	p.Notes = append(p.Notes, line{kind, *s})
	p.read(s)
}

// press is a button with a phrase.
func (p *view) press(do, key string) button { return button{Do: do, said: *p.T(key)} }

// marks are drawn by letters: they are on every page, where a pictogram would take ten times as much.
var marks = map[string]template.HTML{
	"help":      `<i aria-hidden="true">?</i>`,
	"text_size": `<i aria-hidden="true">Aa</i>`,
	"back":      `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="m12 19-7-7 7-7M5 12h14"/></svg>`,
}

// tool is a button with a pictogram.
func (p *view) tool(do, key, pic string) button {
	b := p.press(do, key)
	b.Icon = marks[pic]
	if b.Icon == "" {
		b.Icon = icon(pic)
	}
	return b
}

// finish fills in what every page ends with.
func (p *view) finish() {
	head := p.Heading.W
	if p.WrongTitle != nil {
		head = p.WrongTitle.W + " – " + head
	}
	p.Title = head
	if p.Service != nil && p.Service.W != p.Heading.W {
		p.Title += " – " + p.Service.W
	} else if p.k.s.Town != "" {
		p.Title += " – " + p.k.s.Town
	}
}

// wrong shows what has to be put right.
func (p *view) wrong(m *mistake) {
	if m == nil {
		return
	}
	p.WrongTitle = p.T("check")
	if len(m.args) > 0 || m.key[0] == 'r' {
		p.Wrong = p.say("@"+m.key, p.words(m.key, m.args...))
	} else {
		p.Wrong = p.T(m.key[len("screen."):])
	}
	p.WrongField = m.field
	p.read(p.WrongTitle, p.Wrong)
}

// progress shows how far it is.
func (p *view) progress(w *engine.Way) {
	if w == nil || w.Most < 1 || w.At < 1 {
		return
	}
	key := "way"
	if w.Least != w.Most {
		key = "way.most"
	}
	at, most := min(w.At, w.Most), w.Most
	p.Way = p.say("", p.words("screen."+key, locales.Arg{Name: "at", Value: p.l.FormatNumber(float64(at), locales.Full)}, locales.Arg{Name: "most", Value: p.l.FormatNumber(float64(most), locales.Full)}))
	p.At, p.Most = at, most
}
