package kiosk

import (
	"html/template"
	"strconv"
	"strings"

	"rsc.io/qr"

	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// The pages that no dialog has: the first one, the settings, starting over, a code, and what goes wrong.

// welcome is the page that nobody has touched yet.
func (k *Kiosk) welcome(lang string, l look, note string) *view {
	s := k.newView(lang, l, nil)
	s.Kind = "welcome"
	switch {
	case l == usualLook(): // nothing is left to clear
		s.End = ""
	case s.Machine:
		s.Kind = "welcome again"
	}
	if k.s.Town != "" {
		s.Service = s.say("", k.s.Town)
	}
	if note != "" {
		s.note("note", s.T(note))
	}
	s.Heading = *s.say("", s.words("screen.welcome", locales.Arg{Name: "town", Value: k.s.Town}))
	s.read(&s.Heading)
	begin := "begin"
	if !s.Machine {
		begin = "begin.web"
	}
	next := s.press("begin", begin)
	next.ID, next.Class = "next", "go"
	s.Next = &next
	s.Early = true // the languages stand before it
	s.read(&next.said)
	for _, tag := range k.s.Languages {
		if tag == lang {
			continue
		}
		words := k.s.Phrases.Language(tag)
		d := door{Do: "language." + tag, Lang: tag, Dir: "ltr", Name: *s.sayIn(tag, "", words.Name)}
		d.Begin = said{words.Phrase("screen."+begin, locales.Screen), "p." + words.Tag + "." + begin}
		if words.RTL {
			d.Dir = "rtl"
		}
		d.Num = len(s.Doors) + 1
		s.Doors = append(s.Doors, d)
		s.read(&d.Name, &d.Begin)
	}
	s.Nav = append(s.Nav, s.tool("code", "havecode", "keyboard"))
	s.Tools = append(s.Tools, s.tool("settings", "settings", "text_size"))
	s.about()
	s.finish()
	return s
}

// codePage asks for the code that a conversation is brought with; v is nil before a visit.
func (k *Kiosk) codePage(lang string, l look, v *visit, f *form, m *mistake) *view {
	s := k.newView(lang, l, v)
	s.Kind, s.Stage = "code", "code"
	if k.s.Town != "" {
		s.Service = s.say("", k.s.Town)
	}
	s.wrong(m)
	s.Heading = *s.T("code.title")
	s.read(&s.Heading)
	s.after("text", s.T("code.how"))
	s.Fields = []field{{ID: "t", Name: "t", Value: f.text, Mode: "numeric", Label: *s.T("field.code")}}
	s.pad("")
	next := s.press("next", "next")
	next.ID, next.Class = "next", "go"
	s.Next = &next
	back := s.tool("on", "back", "back")
	back.ID = "back"
	s.Nav = []button{back}
	s.Tools = append(s.Tools, s.tool("settings", "settings", "text_size"))
	s.finish()
	return s
}

// settings is the page for letters, colours, voice and language.
func (s *view) settings(f *form) {
	s.Kind = "settings"
	s.Heading = *s.T("settings.title")
	s.read(&s.Heading)
	s.keep(f)
	choice := func(title string, now string, do string, names ...string) {
		g := group{Title: *s.T(title)}
		for _, n := range names {
			b := s.press(do+"."+n, do+"."+n)
			b.Toggle, b.Pressed = true, n == now
			b.Class = do + n
			g.Buttons = append(g.Buttons, b)
		}
		s.Groups = append(s.Groups, g)
	}
	choice("size", strconv.Itoa(s.Look.Size), "size", "1", "2", "3", "4")
	choice("theme", s.Look.Theme, "theme", themes...)
	if !s.Mute {
		on := "off"
		if s.Look.Sound {
			on = "on"
		}
		choice("sound", on, "sound", "on", "off")
		choice("loud", strconv.Itoa(s.Look.Loud), "loud", "1", "2", "3", "4", "5")
		choice("rate", strconv.Itoa(s.Look.Rate), "rate", "1", "2", "3", "4", "5", "6", "7")
	}
	g := group{Title: *s.T("language")}
	for _, tag := range s.k.s.Languages {
		words := s.k.s.Phrases.Language(tag)
		b := button{Do: "language." + tag, Lang: tag, Dir: "ltr", Toggle: true, Pressed: tag == s.Lang, said: *s.sayIn(tag, "", words.Name)}
		if words.RTL {
			b.Dir = "rtl"
		}
		g.Buttons = append(g.Buttons, b)
	}
	s.Groups = append(s.Groups, g)
	s.Early = true
	s.back("on", "on")
}

// back is the one way on from a page of the pages.
func (s *view) back(do, key string) {
	next := s.press(do, key)
	next.ID, next.Class = "next", "go"
	s.Next = &next
	s.read(&next.said)
}

// startOver asks whether all is to be left.
func (s *view) startOver(f *form) {
	s.Kind = "over"
	s.Heading = *s.T("over.title")
	s.read(&s.Heading)
	s.after("text", s.T("over.text"))
	s.keep(f)
	s.back("on", "over.no")
	s.Nav = append(s.Nav, s.press("over.yes", "over.yes"))
	s.read(&s.Nav[0].said)
}

// keep takes what was filled in along through a page that doesn't show it.
func (s *view) keep(f *form) {
	add := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				s.Kept = append(s.Kept, hidden{name, v})
			}
		}
	}
	add("o", f.options...)
	add("t", f.text)
	add("day", f.day)
	add("month", f.month)
	add("year", f.year)
	add("pad", f.pad)
	for _, v := range f.shares {
		s.Kept = append(s.Kept, hidden{"v", v})
	}
	if f.lost {
		add("lost", "1")
	}
}

// carry shows the code to go on with elsewhere.
func (s *view) carry(p *render.Page, f *form) {
	s.Kind, s.Stage = "carry", "carry"
	s.Heading = *s.T("carry")
	s.read(&s.Heading)
	code := ""
	for _, b := range p.Blocks {
		if b.Kind == "heading" {
			break
		}
		words := s.say(b.Key, b.Words)
		if b.Kind == "code" {
			code = b.Words
			s.Code = words
			s.read(words)
			break
		}
		s.after(b.Kind, words)
	}
	if to := s.k.phoneAddress(code); to != "" {
		if img, err := qrImage(to); err == nil {
			s.QR, s.QRWords = img, s.T("carry.qr")
			s.read(s.QRWords)
		}
	}
	s.back("on", "carry.here")
	if s.k.s.Texts {
		s.Fields = append(s.Fields, field{ID: "phone", Name: "phone", Value: f.phone, Mode: "tel", Label: *s.T("carry.phone")})
		s.pad("+")
		s.read(&s.Fields[0].Label)
		s.Nav = append(s.Nav, s.press("carry", "carry.send"))
	}
	s.Nav = append(s.Nav, s.press("over.yes", "carry.finish"))
}

// phoneAddress is what a phone's camera is led to: a text message with the code, ready to send, or the page on the web, where the
// code stands where no server sees it; else the town's bot, which is sent it with /start.
func (k *Kiosk) phoneAddress(code string) string {
	code = strings.ReplaceAll(code, " ", "")
	switch {
	case k.s.Number != "":
		return "sms:" + k.s.Number + "?body=" + code
	case k.s.PublicURL != "":
		return k.s.PublicURL + "/" + WebName + "?code#" + code
	case k.s.Bot != "":
		return "https://t.me/" + k.s.Bot + "?start=" + code
	}
	return ""
}

// qrImage draws a QR code, with the quiet zone that readers need (ISO/IEC 18004: four modules).
func qrImage(words string) (template.HTML, error) {
	code, err := qr.Encode(words, qr.L)
	if err != nil {
		return "", err
	}
	const quiet = 4
	var path strings.Builder
	for y := range code.Size {
		at := 0 // where the pen is, in this row
		for x := 0; x < code.Size; x++ {
			n := 0
			for x+n < code.Size && code.Black(x+n, y) {
				n++
			}
			if n == 0 {
				continue
			}
			if at == 0 {
				path.WriteString("M" + strconv.Itoa(x+quiet) + " " + strconv.Itoa(y+quiet) + ".5h" + strconv.Itoa(n))
			} else {
				path.WriteString("m" + strconv.Itoa(x-at) + " 0h" + strconv.Itoa(n))
			}
			x += n
			at = x
		}
	}
	size := strconv.Itoa(code.Size + 2*quiet)
	return template.HTML(`<svg class="qr" viewBox="0 0 ` + size + ` ` + size + `" aria-hidden="true" shape-rendering="crispEdges"><path d="` + path.String() + `"/></svg>`), nil // numbers only
}

// plain is a page with one sentence and one way on.
func (k *Kiosk) plain(lang string, l look, v *visit, title, text string) *view {
	s := k.newView(lang, l, v)
	if k.s.Town != "" {
		s.Service = s.say("", k.s.Town)
	}
	s.Heading = *s.T(title)
	s.read(&s.Heading)
	s.after("text", s.T(text))
	return s
}

// wait is the page for when the town can't be reached: what was filled in is in it, and the button sends it again.
func (k *Kiosk) wait(lang string, l look, v *visit, f *form) *view {
	s := k.plain(lang, l, v, "wait", "wait.text")
	if f == nil {
		s.Again = true
		s.back("", "try")
	} else {
		s.Token, s.Stage = f.token, f.at
		do := f.do
		if f.files() && v != nil { // the browser alone has it: what is filled in is shown again, to be sent with it
			f.lost, s.Stage, do = true, "", "on"
			s.after("text", s.T("lost"))
		}
		s.keep(f)
		if f.phone != "" {
			s.Kept = append(s.Kept, hidden{"phone", f.phone})
		}
		s.back(do, "try")
	}
	s.finish()
	return s
}
