// Package dialogs is the model of a dialog: what staff write in YAML, loaded strictly, checked, and compiled into
// steps that are read downwards. It knows nothing of channels, stores or conversations.
package dialogs

import (
	"time"
)

// Pin names exactly one published content of one dialog. A conversation finishes on the pin it began with.
type Pin struct {
	_       struct{} `cbor:",toarray"`
	ID      string
	Version int
	Hash    string // the first 16 hex digits of SHA-256 over everything that compiles into the dialog, translations included
}

// Purpose says what kind of record a dialog leaves.
type Purpose string

const (
	Consultation Purpose = "consultation" // counted; leaves a response or a ballot
	Request      Purpose = "request"      // worked on; leaves a service request with a history
	Information  Purpose = "information"  // leaves nothing (the status of a request, opening hours)
)

// Who may answer a consultation.
type Who string

const (
	Anyone    Who = "anyone"
	OneNumber Who = "number" // one answer a phone number
	Roll      Who = "roll"   // a code from a letter
)

// Secrecy says how long, and whether, an answer can be led back to a person. Residents are told it truthfully.
type Secrecy string

const (
	Public       Secrecy = "public"       // the answer stays linked to the resident
	Confidential Secrecy = "confidential" // a link exists until the consultation closes, then it is destroyed
	Secret       Secrecy = "secret"       // no link is ever written
)

// Service is the town's side of a request.
type Service struct {
	Code       string
	Department string
	Days       int // working days until the promised reply; gives ${due}
}

// Dialog is one compiled dialog: `use` steps are copied in, conditions are parsed, translations are attached. It is
// immutable after loading and may be shared by any number of goroutines.
type Dialog struct {
	Pin
	Title        Text
	Purpose      Purpose
	Service      Service
	Language     string   // of the wording inline
	Languages    []string // further languages, complete and fresh, in the author's order
	Start        string   // the word to text, upper case; "" when reached by the menu only
	Hidden       bool     // not in the menu (`menu: false`)
	Opens        time.Time
	Closes       time.Time // zero: no end
	Who          Who
	Secrecy      Secrecy
	Decides      Text
	RemindAfter  time.Duration // 0: no reminder
	ExpireAfter  time.Duration // 0: the town's default (DefaultExpire)
	Steps        []Step
	Translations map[string]map[string]Text // language → key → text
	File         string                     // where it was loaded from, for problems and previews; not part of the pin

	index    map[string]int      // step id → index
	inserted map[string][]string // text key → names in ${…}, over all its variants; set by the compiler
	texts    map[string]Text     // text key → wording in Language
	keys     []string            // of texts, in the dialog's order
	foreign  map[string]string   // text key → the dialog that it came from by `use`
	files    map[string]*entries // language → the dialog's own translation file, as it stands

	written map[string]map[string]written // language → text key → where it was written
}

// DefaultExpire is how long a silent conversation is kept where a dialog does not say.
const DefaultExpire = 7 * 24 * time.Hour

// Index returns the place of the step called id in Steps, or -1.
func (d *Dialog) Index(id string) int {
	if i, ok := d.index[id]; ok {
		return i
	}
	return -1
}

// AllLanguages is the source language first, then the others in the author's order.
func (d *Dialog) AllLanguages() []string {
	return append([]string{d.Language}, d.Languages...)
}

// Recordable says whether the voice of whoever answers may be kept: it tells who they are, so never with a ballot that the town
// promises not to tie to a person.
func (d *Dialog) Recordable() bool {
	return d.Purpose != Consultation || d.Secrecy == Public
}

// Type is what a step asks or does.
type Type string

const (
	Say     Type = "say"
	Choice  Type = "choice"
	Choices Type = "choices"
	Rank    Type = "rank"
	Budget  Type = "budget"
	YesNo   Type = "yesno"
	Number  Type = "number"
	Scale   Type = "scale"
	Date    Type = "date"
	Words   Type = "text"
	Place   Type = "place"
	Photo   Type = "photo"
	Contact Type = "contact"
	Similar Type = "similar"
	Review  Type = "review"
	Consent Type = "consent"
	Submit  Type = "submit"
	Status  Type = "status"
	Handoff Type = "handoff"
	Use     Type = "use" // never in a compiled dialog
	End     Type = "end"

	Code Type = "code" // put in front by the compiler where `who: roll`: the code from the letter. Authors can't write it.
)

// Asks says whether a step of this type waits for an answer of the resident.
func (t Type) Asks() bool {
	switch t {
	case Say, Submit, Handoff, Use, End:
		return false
	}
	return true
}

// Step is one entry of the list. Which fields count depends on Type; the checker refuses the others.
type Step struct {
	ID       string // "first"; "place.where" when it came by `use`
	Type     Type
	Say      Text
	When     *Condition // nil: always
	Optional bool
	Retry    []Text // author's wording for the first, second, … misunderstanding
	Why      Text   // the declared use of the answer
	Keep     time.Duration

	Options  []Option // choice, choices, rank, budget; scale: one per number, in order; place: the landmarks of From
	Rotate   bool     // a new order for each conversation; Last options stay last
	Total    int      // budget
	Min      float64  // number, scale
	Max      float64
	HasMin   bool
	HasMax   bool
	Whole    bool     // number: no decimals (the default; `decimals: true` allows them)
	Limit    int      // text: characters kept; choices: most options (0: all)
	Voice    bool     // text: a recording will do
	From     string   // place: name of the town's list of landmarks, which are its Options
	Earliest Day      // date
	Latest   Day      // date
	Compare  []string // similar: step ids
	Within   int      // similar: metres
	Days     int      // similar: how many days back
	To       string   // handoff: the desk
	Closed   Text     // handoff: said when nobody is there
	Refuse   Text     // consent: said when refused and not optional; the dialog ends, nothing is kept

	Pos Position
}

// Option is one possible answer.
type Option struct {
	ID   string
	Key  string // of its text: "<step>.<id>"; set by the compiler
	Text Text
	Last bool // "other"- and "unsure"-like: stays last when options rotate
}

// Text is one wording in one language. Missing variants fall back to Text, never to nothing.
type Text struct {
	Text   string
	Short  string   // SMS, USSD
	Speech string   // voice
	Icon   string   // name of a pictogram
	Also   []string // synonyms for reading (`also: [bus, coach]`), options only
}

// Position is a place in a source file; Line and Column count from 1, in characters.
type Position struct {
	File   string
	Line   int
	Column int
}

// Day is a bound of a date step: a fixed day, or a number of days from today.
type Day struct {
	Set   bool
	Fixed time.Time // zero: relative
	After int       // days from today: 0 today, 1 tomorrow
}

// On returns the day that bound means, when today is today (both at midnight UTC).
func (b Day) On(today time.Time) time.Time {
	if !b.Fixed.IsZero() {
		return b.Fixed
	}
	return today.AddDate(0, 0, b.After)
}

// Keys of texts, used by translations, prompts and recordings alike:
//
//	title, decides, <step>, <step>.<option>, <step>.retry.1, <step>.why, <step>.closed, <step>.refuse
//
// Text returns the wording of key in lang, falling back es-MX → es → source language; the second result is the language
// it was found in. An unknown key gives the zero Text.
func (d *Dialog) Text(lang, key string) (Text, string) {
	for l := lang; l != ""; l = parent(l) {
		if t, ok := d.Translations[l][key]; ok {
			return t, l
		}
	}
	return d.source(key), d.Language
}

// Keys are the keys of all texts in the dialog's order. The caller must not change them.
func (d *Dialog) Keys() []string { return d.keys }

func parent(lang string) string {
	for i := len(lang) - 1; i > 0; i-- {
		if lang[i] == '-' {
			return lang[:i]
		}
	}
	return ""
}

// Values of an answer are canonical: no language, no digits pressed, the same from every channel.
//
//	choice    one option id
//	choices   option ids, in the order of the dialog
//	rank      option ids, best first, all of them
//	budget    an amount for each option, in the order of the dialog: "5", "3", "2"
//	yesno     "yes" or "no"; consent and review ("ok") likewise
//	number    a decimal number without exponent: "12", "2.5"; scale a whole one
//	date      "2027-03-15"
//	text      the resident's own words, trimmed
//	place     the resident's own words, "geo:52.1,4.3" for a shared pin, or a landmark's wording in the dialog's Language,
//	          whatever it was called or pressed
//	contact   a phone number in E.164, "+15550100"
//	similar   the reference of the request that was joined, or "none"
//	code      the code as printed, folded to digits and upper-case letters

func (d *Dialog) source(key string) Text { return d.texts[key] }

// Insertions returns the names in ${…} of the text called key, over all its variants. The caller must not change it.
func (d *Dialog) Insertions(key string) []string { return d.inserted[key] }
