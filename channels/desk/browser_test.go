package desk

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/townline/townline/channels"
)

const axeFile = "../../.ci/npm/node_modules/axe-core/axe.min.js"

// window is a clerk's browser, with what they press.
type window struct {
	t   *testing.T
	ctx context.Context
}

func (w *town) window() *window {
	w.t.Helper()
	path, err := exec.LookPath("chromium-headless-shell")
	if err != nil {
		if path, err = exec.LookPath("chromium"); err != nil {
			w.t.Fatal("these tests look at pages in Chromium: install the package chromium:", err)
		}
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 900))
	allocated, closeAll := chromedp.NewExecAllocator(context.WithoutCancel(w.t.Context()), flags...)
	ctx, _ := chromedp.NewContext(allocated)
	w.t.Cleanup(func() { _ = chromedp.Cancel(ctx); closeAll() })
	late, done := context.WithTimeout(ctx, 2*time.Minute)
	w.t.Cleanup(done)
	b := &window{w.t, late}
	b.goTo("about:blank")
	command(b, cdppage.SetBypassCSP, cdppage.SetBypassCSPParams{Enabled: true}) // the judge adds its script
	command(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	b.goTo(w.server.URL + "/desk")
	return b
}

// command sends one of the browser's own.
func command[P, R any](b *window, c cdp.Command[P, R], params P) R {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, c, params)
	if err != nil {
		b.t.Fatalf("%s: %v", c.Method, err)
	}
	return r
}

func (b *window) goTo(url string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(url)); err != nil {
		b.t.Fatal(err)
	}
}

// eval asks the page.
func eval[T any](b *window, js string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.200s: %v", js, err)
	}
	return v
}

func (b *window) is(js string) string {
	b.t.Helper()
	return eval[string](b, "String("+js+")")
}

// comes waits until something holds, perhaps on another page.
func (b *window) comes(js string) {
	b.t.Helper()
	for end := time.After(10 * time.Second); ; {
		v, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+js+")"))
		if err == nil && v {
			return
		}
		select {
		case <-end:
			b.t.Fatalf("%s doesn't come:\n%s", js, b.is(`document.body.innerText`))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// press presses one key: a character, Tab or Enter; with Ctrl held where held is 2.
func (b *window) press(name string, held int64) {
	b.t.Helper()
	code, text := map[string]int64{"Tab": 9, "Enter": 13}[name], ""
	switch name {
	case "Enter":
		text = "\r"
	case "Tab":
	default:
		text = name
	}
	if held != 0 {
		text = ""
	}
	command(b, input.DispatchKeyEvent, input.DispatchKeyEventParams{
		Type: input.DispatchKeyEventTypeKeyDown, Key: name, WindowsVirtualKeyCode: code, Text: text, UnmodifiedText: text, Modifiers: held,
	})
	command(b, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: name, WindowsVirtualKeyCode: code})
}

func (b *window) types(words string) {
	b.t.Helper()
	for _, r := range words {
		b.press(string(r), 0)
	}
}

// tab presses Tab until what has the focus is called so.
func (b *window) tab(name string) {
	b.t.Helper()
	for range 30 {
		b.press("Tab", 0)
		if got := b.is(`(document.activeElement.labels?.[0] || document.activeElement).innerText.trim()`); strings.HasPrefix(got, name) {
			if b.is(`getComputedStyle(document.activeElement).outlineStyle`) == "none" {
				b.t.Fatalf("nobody sees that %q has the focus", name)
			}
			return
		}
	}
	b.t.Fatalf("Tab doesn't come to %q", name)
}

func (b *window) logIn() {
	b.t.Helper()
	b.comes(`document.querySelector("h1")?.innerText === "Log in"`)
	b.press("Tab", 0)
	if got := b.is(`document.activeElement.innerText`); got != "To the main part" {
		b.t.Fatal("the first thing that Tab comes to:", got)
	}
	b.tab("Your name at the desk")
	b.types("Anna")
	b.tab("Your password")
	b.types(password)
	b.press("Enter", 0)
	b.comes(`document.querySelector("h1")?.innerText === "Who waits"`)
}

// judge runs axe-core's rules of WCAG 2.2 A and AA, and its best practices.
func (b *window) judge() {
	b.t.Helper()
	script, err := os.ReadFile(axeFile)
	if err != nil {
		b.t.Fatal("axe judges these pages: run \"make peers\":", err)
	}
	for _, theme := range []string{"light", "dark"} {
		for _, wide := range []int64{1280, 320} {
			command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
			command(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: wide, Height: 900, DeviceScaleFactor: 1})
			eval[bool](b, string(script)+";true")
			found := eval[[]string](b, `axe.run(document,{resultTypes:["violations"]}).then(r=>r.violations.flatMap(v=>v.nodes.map(n=>v.id+": "+n.target.join(" "))))`)
			if len(found) > 0 {
				b.t.Errorf("%s, %d wide, %s:\n%s", theme, wide, b.is(`document.title`), strings.Join(found, "\n"))
			}
			if b.is(`document.documentElement.scrollWidth <= innerWidth`) != "true" {
				b.t.Errorf("%s is wider than a window of %d", b.is(`document.title`), wide)
			}
			if small := b.is(`[...document.querySelectorAll("button,input:not([type=hidden]),select,textarea")].filter(e=>e.getBoundingClientRect().height<44).length`); small != "0" {
				b.t.Errorf("%s: %s things to press are less than 44 high", b.is(`document.title`), small)
			}
		}
	}
	command(b, emulation.ClearDeviceMetricsOverride, cdp.Empty{})
}

func TestADeskByKeysAlone(t *testing.T) {
	w := open(t)
	w.cases.all[0].Lang = "ar"
	b := w.window()
	b.logIn()
	b.tab("Street problem")
	b.press("Enter", 0)
	b.comes(`document.querySelector("h1")?.innerText === "Street problem"`)
	if got := b.is(`getComputedStyle(document.querySelector(".letters .words")).direction`); got != "rtl" {
		t.Fatal("Arabic is read from", got)
	}
	b.tab("Your words")
	b.types("Good morning")
	b.press("Enter", 2)
	b.comes(`document.querySelector(".ours .words")?.innerText === "Good morning"`)
	if n := len(w.cases.did); n != 1 {
		t.Fatal(n)
	}
	if got := b.is(`document.activeElement.id`); got != "words" {
		t.Fatal("after an answer the focus is at", got)
	}

	// What is said meanwhile comes by itself, and leaves what is being written alone.
	b.types("half a sentence")
	w.cases.mu.Lock()
	w.cases.all[0].Letters = append(w.cases.all[0].Letters, channels.CaseLetter{At: monday, Channel: "sms", Words: "one more thing"})
	w.cases.mu.Unlock()
	b.is(`dispatchEvent(new Event("focus"))`)
	b.comes(`[...document.querySelectorAll(".theirs .words")].some(e => e.innerText === "one more thing")`)
	b.comes(`document.getElementById("told").innerText === "Something new was said."`)
	if got := b.is(`document.getElementById("words").value`); got != "half a sentence" {
		t.Fatal(got)
	}
}

func TestPagesOfTheDeskForEverybody(t *testing.T) {
	w := open(t)
	b := w.window()
	b.comes(`document.querySelector("h1")?.innerText === "Log in"`)
	b.judge()
	b.logIn()
	b.judge()
	for _, reach := range []channels.CaseReach{channels.Written, channels.Called} {
		w.cases.mu.Lock()
		w.cases.all[0].Reach, w.cases.all[0].Call, w.cases.all[0].Hidden = reach, "+12025550144", "secret"
		w.cases.mu.Unlock()
		b.goTo(w.server.URL + "/desk/case/c0ffee")
		b.comes(`document.querySelector("h1")?.innerText === "Street problem"`)
		b.judge()
	}
}
