package kiosk

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// merged is a reply as one page: what several pages say, and what the last one asks.
func merged(r channels.Reply) *render.Page {
	if len(r.Pages) == 0 {
		return nil
	}
	p := r.Pages[len(r.Pages)-1]
	if len(r.Pages) > 1 {
		var all []render.Block
		for i := range r.Pages {
			all = append(all, r.Pages[i].Blocks...)
		}
		p.Blocks = all
	}
	return &p
}

// hasCode says whether a page shows a code to take the conversation along.
func hasCode(p *render.Page) bool {
	return slices.ContainsFunc(p.Blocks, func(b render.Block) bool { return b.Kind == "code" })
}

// draw makes the view of what is on show, or of one of the pages of the pages (f.at).
func (k *Kiosk) draw(p *render.Page, v visit, l look, f *form) *view {
	lang := p.Lang
	if lang == "" {
		lang = k.asked2(l)
	}
	s := k.newView(lang, l, &v)
	if p.Title != "" {
		s.Service = s.say("title", p.Title)
	} else if k.s.Town != "" {
		s.Service = s.say("", k.s.Town)
	}
	if f == nil {
		f = filled(p)
	}
	s.Stage = f.at
	switch {
	case f.at == "settings":
		s.settings(f)
	case f.at == "over":
		s.startOver(f)
	case hasCode(p) && f.at != "on":
		s.carry(p, f)
	case p.Over || p.Asks == "":
		s.end(p)
	default:
		s.question(p, f)
	}
	return s
}

// asked2 is the language of a page that has none of its own.
func (k *Kiosk) asked2(l look) string {
	if l.Lang != "" {
		return l.Lang
	}
	return k.s.Languages[0]
}

// question shows one question.
func (s *view) question(p *render.Page, f *form) {
	s.Kind = "question"
	s.progress(p.Way)
	s.read(s.Way)
	s.blocks(p)
	if n := most(p); n > 0 {
		s.after("text", s.say("", s.words("screen.most", locales.Arg{Name: "most", Count: n, Plural: true})))
	}
	s.fields(p, f)
	for _, o := range p.Options {
		if o.ID == "" || o.Digit == "" || p.Asks == dialogs.Review {
			continue
		}
		c := card{Digit: o.Digit, Icon: icon(o.Icon), Checked: slices.Contains(f.options, o.Digit), said: *s.say("", o.Label)}
		s.Cards = append(s.Cards, c)
		s.read(&c.said)
	}
	s.Many = p.Asks == dialogs.Choices
	s.nav(p, f)
}

// blocks parts what is said before the heading from what is said after it.
func (s *view) blocks(p *render.Page) {
	headed := false
	for _, b := range p.Blocks {
		words := s.say(b.Key, b.Words)
		switch {
		case b.Kind == "heading" && !headed:
			s.Heading, headed = *words, true
			s.read(words)
		case b.Kind == "item":
			it := item{Step: b.Key, Q: *words, Ans: *s.say("", b.Answer)}
			if b.Change {
				it.Change = s.T("change")
			}
			s.Items = append(s.Items, it)
			s.read(words, &it.Ans)
		case b.Kind == "code":
		case headed:
			s.after(b.Kind, words)
		default:
			s.note(b.Kind, words)
		}
	}
	if !headed && s.Kind == "question" && len(s.Notes) > 0 { // the last thing said is what is asked
		last := s.Notes[len(s.Notes)-1]
		s.Notes, s.Heading = s.Notes[:len(s.Notes)-1], last.said
	}
}

func (s *view) after(kind string, words *said) {
	s.After = append(s.After, line{kind, *words})
	s.read(words)
}

// fields are what can be typed.
func (s *view) fields(p *render.Page, f *form) {
	if p.Asks == dialogs.Photo {
		s.Files = true
		s.Fields = []field{{ID: "photo", Name: "photo", Accept: "image/jpeg,image/png,image/gif", Label: *s.T("field.photo")}}
		s.read(&s.Fields[0].Label)
		return
	}
	e := p.Entry
	if e == nil {
		return
	}
	one := field{ID: "t", Name: "t", Value: f.text}
	switch p.Asks {
	case dialogs.Choices:
		return
	case dialogs.Budget:
		s.budget(p, f)
		return
	case dialogs.Date:
		s.date(p, f)
		return
	case dialogs.Number:
		one.Mode, one.Label, one.Less, one.More = "numeric", *s.T("field.number"), s.T("less"), s.T("plus")
		if !e.Whole {
			one.Mode = "decimal"
		}
		if e.HasMin {
			one.Bounds = append(one.Bounds, hidden{"min", plain(e.Min)})
		}
		if e.HasMax {
			one.Bounds = append(one.Bounds, hidden{"max", plain(e.Max)})
		}
		s.Early = true
		signs := ""
		if e.HasMin && e.Min < 0 {
			signs = "-"
		}
		if !e.Whole {
			signs += s.l.FormatNumber(0.5, locales.Full)[1:2]
		}
		s.pad(signs)
	case dialogs.Words:
		one.Area, one.Limit, one.Label, one.Alone = true, e.Limit, *s.T("field.text"), true
		s.keyboard(f)
		if e.Records && s.k.records() {
			s.Record, s.Files = true, true
		}
	case dialogs.Place:
		one.Limit, one.Label = e.Limit, *s.T("field.place")
		s.keyboard(f)
	case dialogs.Contact:
		one.Mode, one.Label = "tel", *s.T("field.phone")
		s.pad("+")
	case dialogs.Code:
		one.Label = *s.T("field.code")
		s.keyboard(f)
	case dialogs.Status:
		one.Label = *s.T("field.status")
		s.pad("")
	default:
		one.Label = *s.T("field.text")
	}
	s.read(&one.Label)
	s.Fields = append(s.Fields, one)
}

func (s *view) budget(p *render.Page, f *form) {
	s.Early, s.Total = true, p.Entry.Total
	s.LeftCount = s.say("", s.l.FormatNumber(float64(p.Entry.Total-total(f.shares)), locales.Full))
	s.Left = s.T("left")
	for i, o := range p.Options {
		value := "0"
		if i < len(f.shares) {
			value = f.shares[i]
		}
		sh := share{ID: "v" + strconv.Itoa(i), Value: value, Less: *s.T("less"), More: *s.T("plus"), said: *s.say("", o.Label)}
		s.Shares = append(s.Shares, sh)
		s.read(&sh.said)
	}
}

func (s *view) date(p *render.Page, f *form) {
	s.Early = true
	begin := s.k.s.Clock()
	if t, err := time.Parse(time.DateOnly, p.Entry.From); err == nil {
		begin = t
	}
	for i, one := range []struct{ id, value, most string }{{"day", f.day, "31"}, {"month", f.month, "12"}, {"year", f.year, "2200"}} {
		fl := field{Bounds: []hidden{{"min", "1"}, {"max", one.most}, {"start", strconv.Itoa([]int{begin.Day(), int(begin.Month()), begin.Year()}[i])}}, ID: one.id, Name: one.id, Value: one.value, Mode: "numeric", Label: *s.T("field." + one.id), Less: s.T("less"), More: s.T("plus")}
		if one.id == "month" {
			name := ""
			if n, err := strconv.Atoi(locales.Fold(one.value)); err == nil && n >= 1 && n <= 12 {
				name = s.l.Month(time.Month(n))
			}
			fl.Month = s.say("", name)
			var names []string
			for m := time.January; m <= time.December; m++ {
				names = append(names, s.l.Month(m))
			}
			s.Months = strings.Join(names, "|")
		}
		s.read(&fl.Label)
		s.Fields = append(s.Fields, fl)
	}
	s.pad("")
}

// pad shows the digits, and signs beside them, at the machine.
func (s *view) pad(signs string) {
	if !s.Machine {
		return
	}
	if s.Dir == "rtl" { // digits are read from the left there too
		s.KeysDir = "ltr"
	}
	for _, c := range split("123456789") { // as on a telephone
		s.Digits = append(s.Digits, s.key(c, s.Lang))
	}
	s.Digits = append(s.Digits, key{"del", *s.T("key.del")})
	for _, c := range split("0" + signs) {
		s.Digits = append(s.Digits, s.key(c, s.Lang))
	}
}

// key is one key of the screen; its clip is named by the sign.
func (s *view) key(sign, lang string) key {
	return key{sign, said{sign, "k." + lang + "." + strconv.FormatInt(int64([]rune(sign)[0]), 16)}}
}

// keyboard shows the letters, at the machine.
func (s *view) keyboard(f *form) {
	if !s.Machine {
		return
	}
	pad := f.pad
	if pad == "" {
		pad = first(s.l.Tag, f.text)
	}
	lay := layoutOf(pad, s.l.Tag)
	s.Pad = lay.name
	own, caps := strings.CutSuffix(lay.name, capsPad)
	lang := own
	if lay.name == signPad {
		lang = s.Lang
	}
	if lang != s.Lang {
		s.KeysLang = lang
	}
	if dir := map[bool]string{true: "rtl", false: "ltr"}[lay.rtl]; dir != s.Dir {
		s.KeysDir = dir
	}
	for _, c := range lay.keys {
		s.Keys = append(s.Keys, s.key(c, lang))
	}
	s.Keys = append(s.Keys, key{"space", *s.T("key.space")}, key{"del", *s.T("key.del")})
	layout := func(name, sign, key string) {
		if name != lay.name {
			s.Layouts = append(s.Layouts, button{Do: "key.layout." + name, said: said{sign, "p." + s.l.Tag + "." + key}})
		}
	}
	tag := s.l.Tag
	script := string(split(spelled(tag))[0])
	switch {
	case lay.name == signPad, own != tag:
		layout(tag, script, "key.letters")
	case hasCaps(tag) && caps:
		layout(tag, "abc", "key.small")
	case hasCaps(tag):
		layout(tag+capsPad, "ABC", "key.caps")
	}
	if !hasCaps(tag) {
		layout("en", "abc", "key.latin")
	}
	layout(signPad, "123", "key.signs")
	if tag == "zh" {
		s.KeysNote = s.T("key.note")
	}
}

// nav are the buttons below the question.
func (s *view) nav(p *render.Page, f *form) {
	next := s.press("next", "next")
	if p.Asks == dialogs.Review && len(p.Options) > 0 {
		next.said = *s.say("", p.Options[0].Label)
		s.Early = true // change stands before it
	}
	next.ID, next.Class = "next", "go"
	s.Next = &next
	s.read(&next.said)
	add := func(id string, b button) {
		b.ID = id
		s.Nav = append(s.Nav, b)
		s.read(&b.said)
	}
	if slices.ContainsFunc(p.Options, func(o render.Shown) bool { return o.ID == "" && o.Digit == "8" }) {
		b := s.press("more", "more")
		b.Num = "8"
		add("", b)
	}
	switch {
	case p.Given && p.Asks == dialogs.Choices:
		add("", s.press("done", "done"))
	case p.Skip:
		add("", s.press("skip", "skip"))
	}
	if p.Way != nil || p.Title != "" {
		back := s.tool("back", "back", "back")
		add("back", back)
	}
	s.tools(p.Title != "")
}

// tools are the buttons that stand at the foot of each page of a visit.
func (s *view) tools(within bool) {
	help := s.tool("help", "help", "help")
	help.ID = "help"
	s.Tools = append(s.Tools, help, s.tool("settings", "settings", "text_size"))
	if within {
		s.Tools = append(s.Tools, s.press("carry", "carry"))
	}
	over := s.press("over", "over")
	over.ID = "over"
	s.Tools = append(s.Tools, over)
}

// end shows the last words.
func (s *view) end(p *render.Page) {
	s.Kind = "end"
	heading, ref := s.T("end"), false
	for _, b := range p.Blocks {
		ref = ref || b.Kind == "reference"
	}
	if ref {
		heading = s.T("done.all")
	}
	s.read(heading)
	s.blocks(p)
	if s.Heading.W != "" { // it asks nothing any more
		s.Notes = append(s.Notes, line{"text", s.Heading})
	}
	s.After, s.Notes = append(s.Notes, s.After...), nil
	s.Heading = *heading
	if ref {
		s.after("text", s.T("keep"))
	}
	next := s.press("over.yes", "finish")
	next.ID, next.Class = "next", "go"
	s.Next = &next
	s.read(&next.said)
	if ref && s.k.s.Print != nil {
		s.Nav = append(s.Nav, s.tool("print", "print", "print"))
	}
	s.Nav = append(s.Nav, s.press("menu", "menu"))
	s.Tools = append(s.Tools, s.tool("settings", "settings", "text_size"))
}

func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
