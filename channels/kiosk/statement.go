package kiosk

import (
	"html/template"
	"net/http"
	"time"

	"github.com/townline/townline/locales"
)

// mountStaff serves what is about the pages, not of a conversation: the statement for residents, the table of clauses, and at
// the machine the set-up page.
func (k *Kiosk) mountStaff(handle func(method, path string, h http.HandlerFunc)) {
	handle("GET", "/accessibility", k.showStatement)
	handle("GET", "/accessibility.mp3", func(w http.ResponseWriter, r *http.Request) {
		l := k.lookOf(r)
		k.sayPage(w, r, k.statement(k.asked(r, l), l, nil))
	})
	handle("GET", "/accessibility/clauses", k.showClauses)
	if k.atMachine() {
		handle("GET", "/setup", near(k.s.PublicURL, k.showSetup))
		handle("POST", "/setup", near(k.s.PublicURL, k.tryPrinter))
	}
}

// showStatement answers GET {base}/accessibility: what helps whom, what is not solved, and who helps then. A visit goes on
// where it was.
func (k *Kiosk) showStatement(w http.ResponseWriter, r *http.Request) {
	l := k.lookOf(r)
	var visitor *visit
	if v, ok := k.visitOf(r); ok {
		visitor = &v
	}
	k.write(w, r, http.StatusOK, k.statement(k.asked(r, l), l, visitor))
}

// statement is the page. What it says of the voices and of the town's number is true on this server.
func (k *Kiosk) statement(lang string, l look, v *visit) *view {
	s := k.newView(lang, l, v)
	s.Kind, s.Aloud = "statement", "accessibility.mp3"
	if k.s.Town != "" {
		s.Service = s.say("", k.s.Town)
	}
	tell := func(key string, args ...locales.Arg) { s.after("text", s.T("statement."+key, args...)) }
	part := func(key string) { s.after("part", s.T("statement."+key)) }
	s.Heading = *s.T("statement.title")
	s.read(&s.Heading)
	if k.s.Town != "" {
		tell("town", locales.Arg{Name: "town", Value: k.s.Town})
	}
	tell("for")
	part("helps")
	tell("letters")
	if !s.Mute {
		tell("aloud")
	}
	if s.Machine {
		tell("keys")
		tell("clear", locales.Arg{Name: "minutes", Count: max(1, int(k.s.Idle.Minutes())), Plural: true})
	} else {
		tell("own")
		tell("day")
	}
	part("not")
	if silent := k.silent(); len(silent) > 0 {
		tell("voice", locales.Arg{Name: "languages", Value: s.l.List(silent)})
	}
	tell("sign")
	tell("letter")
	part("trouble")
	if k.s.Number != "" {
		tell("ask.number", locales.Arg{Name: "number", Value: leftToRight(k.s.Number)})
	} else {
		tell("ask")
	}
	tell("way")
	part("checked")
	day, err := time.Parse(time.DateOnly, Reviewed)
	if err != nil {
		panic(err) // a constant of ours
	}
	tell("rules")
	for _, rules := range Standards() {
		s.after("text", s.say("", string(rules.Standard)))
	}
	tell("machines")
	tell("date", locales.Arg{Name: "date", Value: s.l.FormatDate(day, locales.Full)})
	s.Again = true
	s.back("on", "back")
	if !s.Machine { // the table has no buttons for the machine, and nobody clears it away there
		s.Links = append(s.Links, link{Href: k.base + "/accessibility/clauses", said: *s.T("statement.clauses")})
	}
	s.finish()
	return s
}

// leftToRight keeps the order of a telephone number's signs where one writes from the right (Unicode Standard Annex 9).
func leftToRight(number string) string { return "\u2066" + number + "\u2069" }

// silent names the languages of the town that have no voice, each by its own name.
func (k *Kiosk) silent() (names []string) {
	for _, tag := range k.s.Languages {
		if k.s.Sound == nil || !k.s.Sound.Speaks(tag) {
			names = append(names, k.s.Phrases.Language(tag).Name)
		}
	}
	return names
}

// link leads to another page of ours.
type link struct {
	Href string
	Icon template.HTML
	said
}

// about is the link to the statement, for the first page and the settings.
func (s *view) about() {
	s.Links = append(s.Links, link{s.Base + "/accessibility", icon("wheelchair"), *s.T("statement.link")})
}
