package kiosk

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/locales"
)

//go:embed page/setup.html
var setupFile string

//go:embed page/setup.js
var setupScript string

// Line is how a machine on its own stands with the town's server.
type Line struct {
	Centre  string        // address of the server
	Up      bool          // it was there when it was last tried
	Waiting int           // turns that are not forwarded yet
	Oldest  time.Duration // how long the first of them has waited
}

// near answers only who sits at the machine or in the same network, without a proxy between: nothing on the page is secret,
// but it is nobody else's.
func near(publicURL string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !channels.Near(r, publicURL) {
			http.NotFound(w, r)
			return
		}
		h(w, r)
	}
}

// setup is what the set-up page is filled with.
type setup struct {
	CSS      template.CSS
	Script   template.JS
	Base     string
	Panel    Panel
	Wrong    string // why the figures can't be
	PPI      string
	Scale    string
	PageW    int
	PageH    int
	FaceW    string
	FaceH    string
	Settings string // what the button for the size is called
	Small    bool   // less than 12 inches, or fewer dots than VVSG 2.0, 8.1-A asks for
	Letter   [sizes]Letter
	NeedH    string
	NeedX    string

	Now, Measured string // the scale in use, and how long the bar was
	Mended        string

	Voices  []voiceOf
	Samples []sample
	Mute    bool // there is no sound at all
	Printer bool
	Printed string
	Line    *Line
	Oldest  string
	Mic     bool
	Phones  bool
	Keys    []keyOf
	Sheet   []sheetPart
}

// voiceOf says whether a language can be heard.
type voiceOf struct {
	Tag, Name string
	Speaks    bool
}

// sample is words in a language, to see whether its letters are there.
type sample struct{ Tag, Dir, Name, Words string }

// keyOf is a key that a machine should have, by the names that browsers give it.
type keyOf struct{ Does, Keys string }

// sheetPart is a heading of the installation sheet with what is to be looked at.
type sheetPart struct {
	Place Place
	Lines []sheetLine
}

type sheetLine struct {
	Clauses string
	What    string
}

// showSetup answers GET /kiosk/setup.
func (k *Kiosk) showSetup(w http.ResponseWriter, r *http.Request) {
	p, wrong := readPanel(r.URL.Query())
	s := k.newSetup(r.Context(), p)
	if wrong != nil {
		s.Wrong = wrong.Error()
	}
	s.mend(r.URL.Query())
	k.sendSetup(w, s)
}

// tryPrinter answers POST /kiosk/setup: a receipt that is nobody's.
func (k *Kiosk) tryPrinter(w http.ResponseWriter, r *http.Request) {
	s := k.newSetup(r.Context(), usualPanel())
	words := k.s.Phrases.Language(k.s.Languages[0])
	switch {
	case k.s.Print == nil:
		s.Printed = "There is no printer: set kiosk.printer to the name of its CUPS queue."
	default:
		err := k.s.Print(r.Context(), Receipt{
			Town: k.s.Town, Lang: words.Tag, RTL: words.RTL, Title: words.Phrase("screen.welcome", locales.Screen, locales.Arg{Name: "town", Value: k.s.Town}),
			Reference: "123-456-7", Lines: []string{words.Phrase("screen.statement.for", locales.Screen)}, At: k.s.Clock(),
		})
		if err != nil {
			s.Printed = "It did not print: " + err.Error()
		} else {
			s.Printed = "It was sent to the printer. Look at the paper: can you read it from 500 mm?"
		}
	}
	k.sendSetup(w, s)
}

func (k *Kiosk) sendSetup(w http.ResponseWriter, s *setup) {
	s.CSS, s.Script = staffCSS(), template.JS(setupScript) // files of ours
	var b bytes.Buffer
	if err := staffPage(setupFile).Execute(&b, s); err != nil {
		k.s.Log.Error("a page can't be written", "channel", k.name, "error", err)
		http.Error(w, "this page can't be shown", http.StatusInternalServerError)
		return
	}
	status := http.StatusOK
	if s.Wrong != "" {
		status = http.StatusBadRequest
	}
	k.sendStaff(w, status, b.Bytes(), setupScript, "microphone=(self), camera=(), geolocation=()")
}

func (k *Kiosk) newSetup(ctx context.Context, p Panel) *setup {
	s := &setup{
		Base: k.base, Panel: p, PPI: short(p.PPI(), 1), Scale: short(p.Scale(), 3), Letter: p.Letters(),
		Printer: k.s.Print != nil, Mic: k.s.Microphone, Phones: k.s.Phones, Mute: k.s.Sound == nil,
		Keys: k.keys(), Sheet: sheet(), Settings: k.s.Phrases.Language("en").Phrase("screen.settings", locales.Screen),
	}
	s.PageW, s.PageH = p.Page()
	wide, high := p.Millimetres()
	s.FaceW, s.FaceH = short(wide, 0), short(high, 0)
	s.Small = p.Diagonal < 12 || min(p.Wide, p.High) < 1080 || max(p.Wide, p.High) < 1920
	h, x := p.needs()
	s.NeedH, s.NeedX = short(h, 2), short(x, 2)
	for _, tag := range k.s.Languages {
		words := k.s.Phrases.Language(tag)
		s.Voices = append(s.Voices, voiceOf{tag, words.Name, k.s.Sound != nil && k.s.Sound.Speaks(tag)})
		dir := "ltr"
		if words.RTL {
			dir = "rtl"
		}
		s.Samples = append(s.Samples, sample{tag, dir, words.Name, words.Phrase("screen.next", locales.Screen)})
	}
	if k.s.Line != nil {
		l := k.s.Line(ctx)
		s.Line, s.Oldest = &l, "nothing waits"
		if l.Waiting > 0 {
			s.Oldest = "the first has waited for " + l.Oldest.Round(time.Second).String()
		}
	}
	return s
}

// keys that the machine should have, and how a browser names them; kiosk.js says what they do.
func (k *Kiosk) keys() []keyOf {
	l := []keyOf{
		{"up", "ArrowUp"}, {"down", "ArrowDown"}, {"choose", "Enter"}, {"go on", "ArrowRight, #"}, {"back", "ArrowLeft, *"},
		{"help", "F1, 0, /"}, {"listen", "F2, 9, ."}, {"the options", "1 to 7"}, {"more options", "8"}, {"one more, one less", "+ -"},
	}
	if k.s.Move != "" {
		l = append(l, keyOf{"switch: move", k.s.Move})
	}
	if k.s.Choose != "" {
		l = append(l, keyOf{"switch: choose", k.s.Choose})
	}
	return l
}

// sheet is the installation sheet: what the table of clauses says of the machine, its parts and its place. What several
// clauses ask for stands once, with all their numbers.
func sheet() []sheetPart {
	all := Conformance()
	also := map[string]string{} // by the number of a clause of EN 301 549: others that ask for the same
	for _, c := range all {
		for _, id := range c.Like {
			also[id] += "; " + c.name()
		}
	}
	var out []sheetPart
	for _, place := range Places() {
		p := sheetPart{Place: place}
		for _, c := range all {
			if c.Place != place || c.Note == "" {
				continue
			}
			l := sheetLine{c.name(), c.Note}
			if c.Standard == EN {
				l.Clauses += also[c.ID]
			}
			p.Lines = append(p.Lines, l)
		}
		out = append(out, p)
	}
	return out
}

func (c Clause) name() string { return string(c.Standard) + ", " + c.Number() }

var errPanel = errors.New("kiosk: that is no screen")

// readPanel reads the figures of a screen; what is not given is the usual. On an error the usual screen is returned.
func readPanel(q url.Values) (Panel, error) {
	p := usualPanel()
	figure := func(name string, now, least, most float64) (float64, error) {
		text := strings.ReplaceAll(strings.TrimSpace(q.Get(name)), ",", ".")
		if text == "" {
			return now, nil
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= least && n <= most) {
			return now, fmt.Errorf("%w: %q is not a figure between %v and %v for %s", errPanel, text, least, most, name)
		}
		return n, nil
	}
	var errs [4]error
	var wide, high float64
	p.Diagonal, errs[0] = figure("diagonal", p.Diagonal, 3, 120)
	wide, errs[1] = figure("wide", float64(p.Wide), 320, 20000)
	high, errs[2] = figure("high", float64(p.High), 320, 20000)
	p.Distance, errs[3] = figure("distance", p.Distance, 100, 5000)
	if err := errors.Join(errs[:]...); err != nil {
		return usualPanel(), err
	}
	p.Wide, p.High = int(wide), int(high)
	return p, nil
}

// mend works out the scale again from how long the bar was.
func (s *setup) mend(q url.Values) {
	s.Now, s.Measured = strings.TrimSpace(q.Get("now")), strings.TrimSpace(q.Get("bar"))
	if s.Now == "" {
		s.Now = s.Scale
	}
	if s.Measured == "" {
		return
	}
	now, err1 := strconv.ParseFloat(strings.ReplaceAll(s.Now, ",", "."), 64)
	bar, err2 := strconv.ParseFloat(strings.ReplaceAll(s.Measured, ",", "."), 64)
	if err1 != nil || err2 != nil || !(now >= 0.25 && now <= 10) || !(bar >= 20 && bar <= 500) {
		s.Wrong = "The scale is a figure such as 1.476, the length of the bar one such as 93.5."
		return
	}
	s.Mended = short(Mended(now, bar), 3)
}

// short writes a figure with as many places as are worth telling.
func short(n float64, places int) string { return strconv.FormatFloat(n, 'f', places, 64) }
