package kiosk_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
)

// judge looks at the page on a screen and says in plain words what is wrong with it: nothing, for a good page.
type judge struct {
	name string
	look func(s *screen, v view) []string
}

// view is what a judge is told about the page.
type view struct {
	lang  string // that it should be in
	kiosk bool   // at the kiosk: targets for a finger
	theme string
}

// judges of one page as it is on the screen. vnu judges what was sent, and many pages at a time: see nu.
var judges = []judge{
	{"axe", axe},
	{"structure", func(s *screen, v view) []string { return findings(s, fmt.Sprintf("J.structure(%q)", v.lang)) }},
	{"spoken", func(s *screen, v view) []string { return findings(s, "J.spoken()") }},
	{"reach", reach},
	{"contrast", contrast},
	{"motion", func(s *screen, v view) []string { return findings(s, "J.motion()") }},
	{"wide", func(s *screen, v view) []string { return findings(s, "J.wide().concat(J.overlap())") }},
	{"lines", lines},
	{"focus", focus},
}

func judgeNamed(t testing.TB, name string) judge {
	t.Helper()
	for _, j := range judges {
		if j.name == name {
			return j
		}
	}
	t.Fatalf("there is no judge %q", name)
	return judge{}
}

// findings asks the judges' script, which is added to the page where it isn't yet.
func findings(s *screen, js string) []string {
	s.t.Helper()
	if !eval[bool](s, `typeof J!=="undefined"`) {
		s.run(judgesScript(s.t) + ";globalThis.J=J")
	}
	return eval[[]string](s, js)
}

func judgesScript(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/judges.js")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// peers is where the tools from npm are; "make peers" puts them there.
const peers = "../../.ci/npm/node_modules"

var axeScript = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile(peers + "/axe-core/axe.min.js")
	if err != nil {
		return "", fmt.Errorf("axe judges these pages: run \"make peers\": %w", err)
	}
	return string(b), nil
})

// axe runs every rule that axe-core has, those too that are off by default (AAA, target-size, experimental ones). Only
// "hidden-content" is left out: it can't pass where anything is hidden, and what we hide is judged when it is shown.
// What axe can't decide ("incomplete") counts like what it refuses.
func axe(s *screen, _ view) []string {
	s.t.Helper()
	if !eval[bool](s, `typeof axe!=="undefined"`) {
		script, err := axeScript()
		if err != nil {
			s.t.Fatal(err)
		}
		s.run(script)
	}
	return eval[[]string](s, `axe.run(document,{resultTypes:["violations","incomplete"],rules:Object.fromEntries(axe.getRules().map(r=>[r.ruleId,{enabled:r.ruleId!=="hidden-content"}]))}).then(r=>{
		const say=(kind,l)=>l.flatMap(v=>v.nodes.map(n=>kind+v.id+": "+n.target.join(" ")+" "+((n.any[0]||n.all[0]||n.none[0])?.message||"").slice(0,160)));
		return say("",r.violations).concat(say("undecided: ",r.incomplete))})`)
}

// reach: 20 mm and 2.54 mm apart for a finger at the kiosk (a CSS pixel is 1/96 inch there); 44 px on a resident's own screen (WCAG 2.5.5).
func reach(s *screen, v view) []string {
	s.t.Helper()
	if v.kiosk {
		return findings(s, "J.reach(75.6,9.6)")
	}
	return findings(s, "J.reach(44,0)")
}

// contrasts that each theme promises its text: the least, and for the soft one the most as well (VVSG 2.0 7.1-C and D).
var contrasts = map[string][2]float64{"light": {10, 21}, "dark": {10, 21}, "high": {20, 21}, "soft": {4.5, 8}}

func contrast(s *screen, v view) []string {
	s.t.Helper()
	c, ok := contrasts[v.theme]
	if !ok {
		c = [2]float64{7, 21}
	}
	return findings(s, fmt.Sprintf("J.contrast(%v,%v)", c[0], c[1]))
}

func lines(s *screen, v view) []string {
	s.t.Helper()
	if v.lang == "zh" {
		return findings(s, "J.lines(40)")
	}
	return findings(s, "J.lines(80)")
}

// stop is where the focus is.
type stop struct {
	Name  string
	Looks string // what it is, how large, in which colours, and in which part of the page
	Box   box
	Seen  bool
}

// focus walks through the page with Tab. What has the focus must be in sight, and show it by at least as many pixels as a
// line of 2 px around it has, each 3:1 against what it was without the focus (WCAG 2.4.7, 2.4.11 to 2.4.13). Tab comes to
// everything that can be pressed, and round again.
func focus(s *screen, _ view) []string {
	s.t.Helper()
	return walk(s, &sync.Map{})
}

// walk is focus; rings are the controls that were seen to show it, by all that makes their looks: of those it isn't measured
// again.
func walk(s *screen, rings *sync.Map) []string {
	s.t.Helper()
	findings(s, "[]")
	s.until(`!("kiosk" in document.documentElement.dataset)||"ready" in document.documentElement.dataset`)
	var out []string
	all := eval[int](s, `J.targets(document.querySelector("dialog[open]")||document).length`)
	first, met := "", 0
	for range 2*all + 10 {
		s.key("Tab")
		s.wait(110 * time.Millisecond) // sooner it is a shaking hand
		at := eval[*stop](s, "J.at()")
		if at == nil { // between the last and the first the browser has things of its own
			continue
		}
		if at.Name == first {
			break
		}
		if met++; first == "" {
			first = at.Name
		}
		if !at.Seen {
			out = append(out, "has the focus and can't be seen: "+at.Name)
			continue
		}
		if _, known := rings.Load(at.Looks); known {
			continue
		}
		const rim = 16
		area := page.Viewport{X: math.Floor(at.Box.X - rim), Y: math.Floor(at.Box.Y - rim), Width: math.Ceil(at.Box.W + 2*rim), Height: math.Ceil(at.Box.H + 2*rim), Scale: 1}
		with := s.part(area)
		s.run(`globalThis.held=document.activeElement;held.blur()`)
		without := s.part(area)
		s.run(`held.focus({focusVisible:true,preventScroll:true})`)
		if n, want := changed(with, without), int(4*(at.Box.W+at.Box.H)); n < want {
			out = append(out, fmt.Sprintf("the focus shows by %d pixels, less than %d: %s", n, want, at.Name))
		} else {
			rings.Store(at.Looks, true)
		}
	}
	// of radios, and of nothing else, Tab comes to one of each group where the browser walks
	if least := eval[int](s, `(l=>l.length-Math.max(0,l.filter(e=>e.querySelector?.("input[type=radio]")).length-1))(J.targets(document.querySelector("dialog[open]")||document))`); met < least {
		out = append(out, fmt.Sprintf("Tab came to %d of %d", met, least))
	}
	return out
}

// part is a picture of a part of the window.
func (s *screen) part(area page.Viewport) *image.RGBA {
	s.t.Helper()
	fast := true
	at := eval[box](s, "({X:scrollX,Y:scrollY,W:0,H:0})")
	area.X += at.X
	area.Y += at.Y
	r := command(s, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng, Clip: &area, OptimizeForSpeed: &fast})
	return s.decode(r.Data)
}

// changed counts the pixels that differ by 3:1 or more.
func changed(a, b *image.RGBA) int {
	n := 0
	bounds := a.Bounds().Intersect(b.Bounds())
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			p, q := a.RGBAAt(x, y), b.RGBAAt(x, y)
			if p != q && ratioOf([3]uint8{p.R, p.G, p.B}, [3]uint8{q.R, q.G, q.B}) >= 3 {
				n++
			}
		}
	}
	return n
}

// ratioOf is the contrast ratio of WCAG 2.
func ratioOf(a, b [3]uint8) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c [3]uint8) float64 {
	var l float64
	for i, weight := range [3]float64{0.2126, 0.7152, 0.0722} {
		v := float64(c[i]) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		l += weight * v
	}
	return l
}

// nu runs the validator of the W3C over saved pages, their style included, and returns what it says of each.
func nu(t testing.TB, pages map[string]string) map[string][]string {
	t.Helper()
	dir := t.TempDir()
	arguments := []string{"-Xss2m", "-jar", peers + "/vnu-jar/build/dist/vnu.jar", "--Werror", "--also-check-css", "--format", "json", "--exit-zero-always"}
	names := slices.Sorted(maps.Keys(pages)) // files are called by their place in it: names may hold anything
	for i, name := range names {
		file := filepath.Join(dir, strconv.Itoa(i)+".html")
		if err := os.WriteFile(file, []byte(pages[name]), 0o600); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, file)
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "java", arguments...)
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("vnu: %v\n%.2000s", err, said.String())
	}
	var result struct {
		Messages []struct {
			URL      string `json:"url"`
			LastLine int    `json:"lastLine"`
			Message  string `json:"message"`
			Extract  string `json:"extract"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(said.Bytes(), &result); err != nil {
		t.Fatalf("vnu: %v\n%.2000s", err, said.String())
	}
	out := map[string][]string{}
	for _, m := range result.Messages {
		i, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(m.URL), ".html"))
		if err != nil || i >= len(names) {
			t.Fatalf("vnu speaks of %q: %s", m.URL, m.Message)
		}
		out[names[i]] = append(out[names[i]], fmt.Sprintf("line %d: %s: %.120s", m.LastLine, m.Message, m.Extract))
	}
	return out
}
