package render

import (
	"strings"
	"unicode/utf8"
)

// pages lays out text: a page breaks between options, else between sentences, else between words. Only a word longer than
// a page is parted, between characters.
func (w *Words) pages(s *sheet, t Traits) []Page {
	groups := spread(s.options, t)
	pieces := w.pieces(s)
	if len(groups) == 1 {
		if text, ok := single(pieces, t); ok {
			return []Page{{Text: text, Options: shownOf(groups[0])}}
		}
	}
	l := layout{t: t, more: w.moreShown(t), heading: s.question.words, ends: s.ends}
	l.moreLine = measure("\n" + l.more.Digit + " " + l.more.Label)
	for i := range pieces {
		pieces[i].words, pieces[i].digit = pieces[i].line(), ""
	}
	return l.fill(pieces)
}

// piece is one line of a text page.
type piece struct {
	words  string
	digit  string // stands before the words, with a space
	shown  *Shown // the option that it offers
	breaks bool   // a page begins with it
	keep   bool   // rather on a page of its own than parted
}

func (p *piece) line() string {
	if p.digit == "" {
		return p.words
	}
	return p.digit + " " + p.words
}

func (w *Words) pieces(s *sheet) []piece {
	out := make([]piece, 0, len(s.lead)+len(s.items)+len(s.options)+3)
	for _, l := range s.lead {
		out = append(out, piece{words: l.words})
	}
	if s.question.words != "" {
		out = append(out, piece{words: s.question.words, keep: true})
	}
	for _, l := range s.items {
		out = append(out, piece{words: l.words, keep: true})
	}
	if s.how.words != "" {
		out = append(out, piece{words: s.how.words, keep: true})
	}
	for i := range s.options {
		o := &s.options[i]
		out = append(out, piece{words: o.shown.Label, digit: o.shown.Digit, shown: &o.shown, keep: true, breaks: i > 0 && o.group != s.options[i-1].group})
	}
	if s.skip.words != "" {
		out = append(out, piece{words: s.skip.words, keep: true})
	}
	return out
}

// layout fills pages one after the other.
type layout struct {
	t        Traits
	more     Shown
	moreLine size
	heading  string // said again over further options, where that is cheap
	ends     bool   // the key for more ends the answer on the last page, and doesn't lead back to the first
	page     strings.Builder
	used     size
	offer    *Shown // of the piece under way; counted on the page that its first words are on
	options  []Shown
	done     []Page
}

// single puts everything on one page, if that fits.
func single(pieces []piece, t Traits) (text string, ok bool) {
	var sum size
	options, room := 0, len(pieces)
	for i := range pieces {
		p := &pieces[i]
		if i > 0 {
			sum = sum.plus(newline)
		}
		sum = sum.plus(measure(p.words))
		room += len(p.words)
		if p.digit != "" {
			sum = sum.plus(measure(p.digit)).plus(space)
			room += len(p.digit) + 1
		}
		if p.shown != nil {
			options++
		}
	}
	if !sum.fits(t) || options > perPage(t) {
		return "", false
	}
	var b strings.Builder
	b.Grow(room)
	for i := range pieces {
		p := &pieces[i]
		if i > 0 {
			b.WriteByte('\n')
		}
		if p.digit != "" {
			b.WriteString(p.digit)
			b.WriteByte(' ')
		}
		b.WriteString(p.words)
	}
	text = b.String()
	if t.GSM && sum.typeset {
		text = Thrifty(text)
	}
	return text, true
}

func (l *layout) fill(pieces []piece) []Page {
	for i, p := range pieces {
		if p.breaks || p.shown != nil && len(l.options) == perPage(l.t) {
			l.flush()
		}
		l.place(p, i+1 == len(pieces))
	}
	if l.page.Len() > 0 || len(l.done) == 0 {
		l.done = append(l.done, Page{Text: l.take(), Options: l.options})
	}
	several := len(l.done) > 1
	for i := range l.done {
		p := &l.done[i]
		if several && (i+1 < len(l.done) || len(p.Options) > 0 && !l.ends) {
			p.Options = append(p.Options, l.more)
		}
	}
	return l.done
}

// place puts a piece on the page, or on the next, or on several.
func (l *layout) place(p piece, last bool) {
	size := measure(p.words)
	if !l.room(size, "\n", last) && p.keep && l.page.Len() > 0 && size.plus(l.moreLine).fits(l.t) {
		l.flush()
		if p.shown != nil {
			l.repeat(size)
		}
	}
	l.offer = p.shown
	if l.room(size, "\n", last) {
		l.write(p.words, "\n", size)
	} else {
		l.part(p.words, "\n", bySentence)
	}
}

// part puts words on the page grain by grain, and goes to the next page where one doesn't fit.
func (l *layout) part(text, sep string, g grain) {
	for i, f := range split(text, g) {
		if i > 0 {
			sep = ""
			if f.space {
				sep = " "
			}
		}
		size := measure(f.words)
		room := l.room(size, sep, false)
		if !room && (g == byRune || size.plus(l.moreLine).fits(l.t)) {
			l.flush()
			room = true
		}
		if room {
			l.write(f.words, sep, size)
		} else {
			l.part(f.words, sep, g+1)
		}
	}
}

// repeat puts the question over options that go on on a new page, when it takes no more than a quarter of it.
func (l *layout) repeat(next size) {
	if l.heading == "" || len(l.done) == 0 {
		return
	}
	head := measure(l.heading)
	quarter := Traits{GSM: l.t.GSM, Limit: l.t.Limit / 4, Limit16: l.t.Limit16 / 4}
	if (l.t.Limit == 0 || head.fits(quarter)) && head.plus(newline).plus(next).plus(l.moreLine).fits(l.t) {
		l.write(l.heading, "", head)
	}
}

// room says whether words fit on the page with the line for more; the last ones of all don't need it.
func (l *layout) room(s size, sep string, last bool) bool {
	sum := l.used.plus(s)
	if l.page.Len() > 0 {
		sum = sum.plus(measure(sep))
	}
	if !last {
		sum = sum.plus(l.moreLine)
	}
	return sum.fits(l.t)
}

func (l *layout) write(text, sep string, s size) {
	if l.page.Len() > 0 {
		l.page.WriteString(sep)
		l.used = l.used.plus(measure(sep))
	}
	l.page.WriteString(text)
	l.used = l.used.plus(s)
	if l.offer != nil {
		l.options = append(l.options, *l.offer)
		l.offer = nil
	}
}

// flush ends the page with the line for more.
func (l *layout) flush() {
	if l.page.Len() == 0 {
		return
	}
	l.page.WriteString("\n" + l.more.Digit + " " + l.more.Label)
	l.done = append(l.done, Page{Text: l.take(), Options: l.options})
	l.options = nil
}

// take ends the page as it is. Typographic characters give way where that makes the page cheaper.
func (l *layout) take() string {
	text := l.page.String()
	l.page.Reset()
	l.used = size{}
	if l.t.GSM {
		text = Thrifty(text)
	}
	return text
}

// size is how much room words take, counted both ways, so that sizes can be added up.
type size struct {
	strange  bool // not to be had in GSM 7-bit, even with twins
	typeset  bool // with characters that have twins
	extended bool // with characters of the extension table
	septets  int
	units    int
	pairs    bool // with characters of two UTF-16 units
}

// What stands between words and between lines.
var newline, space = measure("\n"), measure(" ")

func measure(text string) size {
	var s size
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < utf8.RuneSelf && asciiWidth[c] == 1 {
			continue
		}
		s = measureRunes(text[i:])
		s.septets += i
		s.units += i
		return s
	}
	return size{septets: len(text), units: len(text)}
}

func measureRunes(text string) size {
	var s size
	for _, r := range text {
		s.units += width16(r)
		s.pairs = s.pairs || r > 0xffff
		n := septets(r)
		if n == 0 {
			twin, ok := twins[r]
			if !ok {
				s.strange = true
				continue
			}
			n, s.typeset = len(twin), true
		}
		s.extended = s.extended || n == 2
		s.septets += n
	}
	return s
}

func (s size) plus(o size) size {
	return size{s.strange || o.strange, s.typeset || o.typeset, s.extended || o.extended, s.septets + o.septets, s.units + o.units, s.pairs || o.pairs}
}

// fits says whether words of this size make one page. A page of several segments may lose a unit at each border where a
// pair would be torn.
func (s size) fits(t Traits) bool {
	if t.Limit <= 0 {
		return true
	}
	if !t.GSM {
		return s.units <= t.Limit
	}
	if s.strange {
		room := t.Limit16
		if s.pairs && room > oneUCS2 {
			room -= (room - 1) / joinedUCS2
		}
		return s.units <= room
	}
	room := t.Limit
	if s.extended && room > oneGSM {
		room -= (room - 1) / joinedGSM
	}
	return s.septets <= room
}
