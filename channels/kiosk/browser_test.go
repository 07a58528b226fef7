package kiosk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// The screen of the sample kiosk: 15.6 inches upright, 1080 × 1920 at 142 pixels an inch, scaled so that a CSS pixel is 1/96 inch.
const (
	kioskWide = 732
	kioskHigh = 1301
)

// chromium shows the pages of a test run. Where the package chromium-headless-shell is installed it is that, the same engine
// without a window around it: it takes half the time. It is started by whoever asks first, and closed by TestMain.
var chromium = sync.OnceValues(func() (context.Context, error) {
	path, err := exec.LookPath("chromium-headless-shell")
	if err != nil {
		return windowed()
	}
	return start(path)
})

// windowed is the whole browser, for what the engine alone doesn't have: the pages that Back brings back from memory.
var windowed = sync.OnceValues(func() (context.Context, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, fmt.Errorf("these tests look at pages in Chromium: install the package chromium: %w", err)
	}
	return start(path)
})

// started are the browsers that have to be closed.
var started = make(chan context.Context, 2)

func start(path string) (context.Context, error) {
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(kioskWide, kioskHigh),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), // as `townline kiosk` sets it
		chromedp.Flag("mute-audio", true), chromedp.Flag("hide-scrollbars", true),
	)
	allocated, _ := chromedp.NewExecAllocator(context.Background(), flags...)
	ctx, _ := chromedp.NewContext(allocated)
	started <- ctx
	return ctx, chromedp.Do(ctx, chromedp.Navigate("about:blank"))
}

func TestMain(m *testing.M) {
	code := m.Run()
	close(started)
	for ctx := range started {
		_ = chromedp.Cancel(ctx)
	}
	os.Exit(code)
}

// screen is one person's browser: no cookie, cache or history is shared with another's.
type screen struct {
	t   testing.TB
	ctx context.Context
}

// look is how a screen is set up.
type look struct {
	wide, high int64
	scale      float64
	touch      bool
	noScript   bool
	window     bool // in the whole browser
	guarded    bool // the page's own content security policy stays in force; otherwise judges may add their scripts
	media      []*emulation.MediaFeature
	patience   time.Duration
}

// newScreen opens a browser context of its own; it is disposed of when the test ends.
func newScreen(t testing.TB, l look) *screen {
	t.Helper()
	browser := chromium
	if l.window {
		browser = windowed
	}
	root, err := browser()
	if err != nil {
		t.Fatal(err)
	}
	if l.wide == 0 {
		l.wide, l.high = kioskWide, kioskHigh
	}
	if l.patience == 0 {
		l.patience = 9 * time.Minute
	}
	ctx, dispose := chromedp.NewContext(root, chromedp.WithNewBrowserContext())
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	t.Cleanup(func() { cancel(); dispose() })
	s := &screen{t, ctx}
	s.do(chromedp.EmulateViewport(l.wide, l.high, chromedp.EmulateScale(max(l.scale, 1))))
	command(s, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	if l.touch {
		command(s, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
	}
	if l.noScript {
		command(s, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	}
	if !l.guarded {
		command(s, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
	}
	if l.media != nil {
		command(s, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: l.media})
	}
	return s
}

func (s *screen) do(steps ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	if err := chromedp.Do(s.ctx, steps...); err != nil {
		s.t.Fatal(err)
	}
}

// command sends one of the browser's own.
func command[P, R any](s *screen, c cdp.Command[P, R], params P) R {
	s.t.Helper()
	r, err := chromedp.Call(s.ctx, c, params)
	if err != nil {
		s.t.Fatalf("%s: %v", c.Method, err)
	}
	return r
}

// open loads a page and waits until it is whole.
func (s *screen) open(url string) {
	s.t.Helper()
	s.do(chromedp.Navigate(url))
}

// eval asks the page.
func eval[T any](s *screen, js string) T {
	s.t.Helper()
	for n := 0; ; n++ {
		v, err := chromedp.Run(s.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
		if err == nil {
			return v
		}
		if n == 20 || !strings.Contains(err.Error(), "navigated") && !strings.Contains(err.Error(), "context") {
			s.t.Fatalf("%.200s: %v", js, err)
		}
		s.wait(25 * time.Millisecond) // the page is on its way out
	}
}

// run does something in the page.
func (s *screen) run(js string) {
	s.t.Helper()
	eval[bool](s, "{"+js+"};true")
}

// until waits for something to be true in the page, which may be another page by then.
func (s *screen) until(js string) {
	s.t.Helper()
	if !s.within(15*time.Second, js) {
		s.t.Fatalf("not true in 15 s: %s\nat %s", js, s.where())
	}
}

func (s *screen) within(d time.Duration, js string) bool {
	s.t.Helper()
	end := time.After(d)
	for pause := 4 * time.Millisecond; ; pause = min(pause*3/2, 50*time.Millisecond) { // asking keeps the browser busy
		v, err := chromedp.Run(s.ctx, chromedp.Evaluate[bool]("!!("+js+")"))
		if err == nil && v {
			return true
		}
		if err != nil && s.ctx.Err() != nil {
			s.t.Fatalf("%s: %v", js, err)
		}
		select {
		case <-end:
			return false
		case <-time.After(pause):
		}
	}
}

// where describes the page on show, for a failure's report.
func (s *screen) where() string {
	v, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](`location.href+"\n"+document.body.innerText.slice(0,1500)`))
	if err != nil {
		return err.Error()
	}
	return v
}

// wait lets d pass in the page.
func (s *screen) wait(d time.Duration) {
	s.t.Helper()
	select {
	case <-time.After(d):
	case <-s.ctx.Done():
		s.t.Fatal(s.ctx.Err())
	}
}

// key presses and lets go of one key, by its DOM name: "Tab", "Enter", "ArrowDown", "F1", "5".
func (s *screen) key(name string) {
	s.t.Helper()
	s.down(name, false)
	s.up(name)
}

// keys that aren't a character, with their Windows codes.
func keyCode(name string) (code int64, text string) {
	switch name {
	case "Enter":
		return 13, "\r"
	case " ":
		return 32, " "
	}
	codes := map[string]int64{
		"Tab": 9, "Escape": 27, "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
		"ArrowDown": 40, "Backspace": 8, "Delete": 46, "F1": 112, "F2": 113, "F3": 114, "F4": 115, "F5": 116,
	}
	if c, ok := codes[name]; ok {
		return c, ""
	}
	return int64(strings.ToUpper(name)[0]), name
}

// down presses a key, or holds it: a held key comes again and again.
func (s *screen) down(name string, again bool) {
	s.t.Helper()
	code, text := keyCode(name)
	p := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: name, Code: name, WindowsVirtualKeyCode: code, NativeVirtualKeyCode: code, Text: text, UnmodifiedText: text, AutoRepeat: &again}
	switch {
	case name == "*":
		p.WindowsVirtualKeyCode, p.Code = 106, "NumpadMultiply"
	case len(name) == 1 && name[0] >= '0' && name[0] <= '9':
		p.Code = "Digit" + name
	case text == "":
		p.Type = input.DispatchKeyEventTypeRawKeyDown
	}
	command(s, input.DispatchKeyEvent, p)
}

func (s *screen) up(name string) {
	s.t.Helper()
	code, _ := keyCode(name)
	command(s, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: name, Code: name, WindowsVirtualKeyCode: code, NativeVirtualKeyCode: code})
}

// box is a rectangle in CSS pixels of the window.
type box struct{ X, Y, W, H float64 }

func (b box) middle() (x, y float64) { return b.X + b.W/2, b.Y + b.H/2 }

const boxOf = `(e=>{const r=e.getBoundingClientRect();return{X:r.x,Y:r.y,W:r.width,H:r.height}})`

// find scrolls to an element and returns its box.
func (s *screen) find(css string) box {
	s.t.Helper()
	found := eval[*box](s, fmt.Sprintf(`(()=>{const e=document.querySelector(%q);if(!e)return null;e.scrollIntoView({block:"center",behavior:"instant"});return %s(e)})()`, css, boxOf))
	if found == nil {
		s.t.Fatalf("there is no %s\nat %s", css, s.where())
	}
	return *found
}

// tap touches an element with a finger, and lets go.
func (s *screen) tap(css string) {
	s.t.Helper()
	x, y := s.find(css).middle()
	s.touch(x, y)
}

func (s *screen) touch(x, y float64) {
	s.t.Helper()
	for _, p := range []input.DispatchTouchEventParams{
		{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{{X: x, Y: y}}},
		{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{}},
	} {
		// The browser tells of a touch once the page has dealt with it, and of one that met the page on its way out perhaps never.
		ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
		_, err := chromedp.Call(ctx, input.DispatchTouchEvent, p)
		cancel()
		if err != nil && (s.ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
			s.t.Fatalf("touch: %v", err)
		}
		if err != nil {
			s.t.Log("the browser doesn't tell what became of a touch")
		}
	}
}

// click presses an element with a mouse.
func (s *screen) click(css string) {
	s.t.Helper()
	x, y := s.find(css).middle()
	s.do(chromedp.MouseClickXY(x, y))
}

// slide touches one place, and lets go at another.
func (s *screen) slide(x, y, toX, toY float64) {
	s.t.Helper()
	command(s, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{{X: x, Y: y}}})
	for n := range 5 {
		part := float64(n+1) / 5
		command(s, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchMove, TouchPoints: []*input.TouchPoint{{X: x + (toX-x)*part, Y: y + (toY-y)*part}}})
	}
	command(s, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{}})
}

// picture is what the screen shows, of the whole page or of what is in the window.
func (s *screen) picture(whole bool) []byte {
	s.t.Helper()
	p := page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng}
	if whole { // the window is made as high as the page
		m := command(s, page.GetLayoutMetrics, struct{}{})
		s.do(chromedp.EmulateViewport(int64(m.CSSLayoutViewport.ClientWidth), int64(m.CSSContentSize.Height)))
		defer s.do(chromedp.EmulateViewport(int64(m.CSSLayoutViewport.ClientWidth), int64(m.CSSLayoutViewport.ClientHeight)))
	}
	r := command(s, page.CaptureScreenshot, p)
	return []byte(r.Data)
}

func (s *screen) decode(b []byte) *image.RGBA {
	s.t.Helper()
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		s.t.Fatal(err)
	}
	out := image.NewRGBA(img.Bounds())
	draw.Draw(out, out.Bounds(), img, image.Point{}, draw.Src)
	return out
}

// requests listens to what the browser asks for from now on.
func (s *screen) requests() func() []string {
	s.t.Helper()
	var mu sync.Mutex
	var l []string
	if err := chromedp.Listen(s.ctx, func(ev any) {
		if e, ok := ev.(*network.EventRequestWillBeSent); ok && !strings.HasPrefix(e.Request.URL, "data:") {
			mu.Lock()
			l = append(l, e.Request.Method+" "+e.Request.URL)
			mu.Unlock()
		}
	}); err != nil {
		s.t.Fatal(err)
	}
	command(s, network.Enable, network.EnableParams{})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), l...)
	}
}
