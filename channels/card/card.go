// Package card prints what a call will ask, for people who like to see it before they hear it: research found that a printed
// card helps older callers more than anything else. What it says of a question is taken from the very pages that are said in
// a call, so it can't differ from what is heard.
package card

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

// Settings are what a card needs to know of the town beside its dialogs.
type Settings struct {
	Talk     *talk.Town
	Number   string // to call, as it is to be printed
	Texts    string // the number to text; "" where no text messages are taken
	CallBack bool   // who lets it ring once is called back
	Now      time.Time
}

// Sheet is one sheet of paper: about one dialog, or about the town.
type Sheet struct {
	Lang  string
	RTL   bool
	Town  string
	Title string

	Call  string // "Call 555 0100"
	Text  string // "Or text MAIN to 555 0100"
	First string // "If we ask for your language first, press 1."; "" in a town of one language
	Reach string // "When we answer, press:"
	Path  []string

	About     []string // what it is
	Questions []Question
	KeysTitle string
	Keys      []Key
	Notes     []string // what it costs, how long it takes, that nothing is lost
	Decides   string   // heading
	Decided   string   // who decides, and when
}

// Question is one question as it is heard.
type Question struct {
	Number string // "Question 1"
	Words  string
	Some   string // that not everybody is asked
	How    []string
	Keys   []Key
}

// Key is one key and what it does.
type Key struct {
	Key, Does string
	Word      string // to text for the same; "" where there is none
}

// Tight says whether there is so much that the lines move closer together. The letters stay as large as they are.
func (s *Sheet) Tight() bool {
	lines := 0
	for _, q := range s.Questions {
		lines += 2 + len(q.How) + len(q.Keys)
	}
	return lines > 50
}

// Short says whether keys fit beside one another, as yes and no do.
func (*Sheet) Short(keys []Key) bool {
	letters := 0
	for _, k := range keys {
		letters += 4 + utf8.RuneCountInString(k.Does)
	}
	return len(keys) <= 3 && letters <= 18
}

// lang is the language of a sheet.
func (s *Settings) lang(tag string) *locales.Language { return s.Talk.Locales.Language(tag) }

func arg(name, value string) locales.Arg { return locales.Arg{Name: name, Value: value} }

// sheet is what every sheet has.
func (s *Settings) sheet(tag string) Sheet {
	l := s.lang(tag)
	phrase := func(key string) string { return l.Phrase(key, locales.Full) }
	out := Sheet{Lang: tag, RTL: l.RTL, Town: s.Talk.Name, KeysTitle: phrase("@card.keys"), Reach: phrase("@card.reach")}
	if s.Number != "" {
		out.Call = l.Phrase("@card.call", locales.Full, arg("number", figures(s.Number)))
	}
	if keys := keysTo(s.menu(""), tag); len(keys) > 0 {
		out.First = l.Phrase("@card.first", locales.Full, arg("keys", strings.Join(keys, ", ")))
	}
	out.Keys = []Key{
		{Key: "0", Does: phrase("@card.key.help")}, {Key: "9", Does: phrase("@card.key.again")}, {Key: "*", Does: phrase("@card.key.back")},
		{Key: "8", Does: phrase("@card.key.more")}, {Key: "#", Does: phrase("@card.key.end")},
	}
	out.Notes = []string{phrase("@card.nothing")}
	if s.CallBack {
		out.Notes = append(out.Notes, phrase("@card.free"))
	}
	out.Notes = append(out.Notes, phrase("@card.cost"))
	return out
}

// figures keeps a number in its order, and on one line, in text of either direction.
func figures(number string) string {
	return "\u2066" + strings.ReplaceAll(number, " ", "\u00a0") + "\u2069"
}

// Of is the sheet of a dialog in a language. from and to are how many minutes it takes; 0 leaves that out.
func Of(s Settings, d *dialogs.Dialog, tag string, from, to int) Sheet {
	l, out := s.lang(tag), s.sheet(tag)
	words := s.words(d, tag)
	title, _ := d.Text(tag, "title")
	out.Title = title.Text
	if s.Texts != "" && d.Start != "" {
		out.Text = l.Phrase("@card.text", locales.Full, arg("word", "\u2066"+d.Start+"\u2069"), arg("number", figures(s.Texts)))
	}
	out.Path = keysTo(s.menu(tag), d.ID)
	for i := range d.Steps {
		st := &d.Steps[i]
		if st.Type.Asks() {
			break
		}
		if t, _ := d.Text(tag, st.ID); st.Type == dialogs.Say && st.When == nil && len(d.Insertions(st.ID)) == 0 {
			out.About = append(out.About, t.Text)
		}
	}
	for i := range d.Steps {
		if q, ok := s.question(words, d, i); ok {
			q.Number = l.Phrase("@card.question", locales.Full, arg("number", strconv.Itoa(len(out.Questions)+1)))
			out.Questions = append(out.Questions, q)
		}
	}
	out.Notes = append(s.when(d, l, from, to), out.Notes...)
	if decides, _ := d.Text(tag, "decides"); decides.Text != "" {
		out.Decides, out.Decided = l.Phrase("@card.decides", locales.Full), decides.Text
	}
	return out
}

// when says how long it takes, and until when it is open.
func (s *Settings) when(d *dialogs.Dialog, l *locales.Language, from, to int) []string {
	var out []string
	day := func(t time.Time) locales.Arg {
		if s.Talk.Zone != nil {
			t = t.In(s.Talk.Zone)
		}
		return arg("day", l.FormatDate(t, locales.Full))
	}
	if to > 0 {
		out = append(out, l.Phrase("@card.time", locales.Full, arg("from", strconv.Itoa(from)), arg("to", strconv.Itoa(to))))
	}
	if d.Opens.After(s.Now) {
		out = append(out, l.Phrase("@card.begins", locales.Full, day(d.Opens)))
	}
	if !d.Closes.IsZero() {
		out = append(out, l.Phrase("@card.until", locales.Full, day(d.Closes)))
	}
	return out
}

// words are those that calls are worded with.
func (s *Settings) words(d *dialogs.Dialog, tag string) *render.Words {
	now := s.Now
	if s.Talk.Zone != nil {
		now = now.In(s.Talk.Zone)
	}
	y, m, day := now.Date()
	return &render.Words{
		Dialog: d, Lang: s.lang(tag), Tag: tag, Catalogue: s.Talk.Locales, Languages: s.Talk.Languages, Town: s.Talk.Name,
		Country: s.Talk.Country, Emergency: s.Talk.Emergency, Today: time.Date(y, m, day, 0, 0, 0, 0, time.UTC),
	}
}

// OfTown is the sheet of the town: what can be had by telephone, and by which keys.
func OfTown(s Settings, tag string) Sheet {
	l, out := s.lang(tag), s.sheet(tag)
	out.Title = l.Phrase("@card.town", locales.Full, arg("town", s.Talk.Name))
	var q Question
	for i, p := range s.menu(tag) {
		if i == 0 {
			for _, u := range p.Spoken {
				if !optional(u, p) {
					q.Words = strings.TrimSpace(q.Words + " " + u.Words)
				}
			}
		}
		for _, o := range keysOf(p, out.Keys[3].Does) {
			o.Word = s.word(o.id)
			q.Keys = append(q.Keys, o.Key)
		}
	}
	out.Questions = []Question{q}
	if s.Texts != "" {
		out.Text = l.Phrase("@card.words", locales.Full, arg("number", figures(s.Texts)))
	}
	var others []string
	for _, other := range s.Talk.Languages {
		if other != tag {
			others = append(others, s.Talk.Locales.Language(other).Name)
		}
	}
	if len(others) > 0 {
		out.Notes = append(out.Notes, l.Phrase("@card.languages", locales.Full, arg("languages", l.List(others))))
	}
	return out
}

// word is what to text for a dialog; "" where there is none.
func (s *Settings) word(id string) string {
	if s.Texts == "" {
		return ""
	}
	for _, d := range s.Talk.Dialogs.Current() {
		if d.ID == id {
			return d.Start
		}
	}
	return ""
}
