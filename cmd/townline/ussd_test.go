package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// types presses keys of a keyboard: letters and digits as they are, the rest by name.
func (b *looker) types(keys ...string) {
	b.t.Helper()
	codes := map[string]int64{"Enter": 13, "Escape": 27, "Tab": 9, "Backspace": 8}
	for _, key := range keys {
		code, named := codes[key]
		if !named {
			if _, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: key}); err != nil {
				b.t.Fatal(err)
			}
			continue
		}
		p := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key, Code: key, WindowsVirtualKeyCode: code, NativeVirtualKeyCode: code}
		if key == "Enter" {
			p.Text = "\r"
		}
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
			p.Type = kind
			if _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, p); err != nil {
				b.t.Fatal(err)
			}
			p.Text = ""
		}
	}
}

// dials opens a menu by keyboard alone, and returns its first screen.
func (b *looker) dials() string {
	b.t.Helper()
	ask[bool](b, `($("code").focus(),true)`)
	b.types("Enter")
	first := b.screen(1)
	if !ask[bool](b, `$("dialler").getClientRects().length === 0 && document.activeElement.id === "reply"`) {
		b.t.Error("the menu does not stand over the dialler, with the keyboard in its input")
	}
	return first
}

// screen waits for the n-th screen of a menu.
func (b *looker) screen(n int) string {
	b.t.Helper()
	b.until(fmt.Sprintf(`menu.shown >= %d && !$("reply").readOnly`, n))
	return ask[string](b, `$("menu-text").textContent`)
}

// answers types an answer and sends it.
func (b *looker) answers(words string) string {
	b.t.Helper()
	n := ask[int](b, `menu.shown`)
	b.types(words, "Enter")
	return b.screen(n + 1)
}

// walks answers a menu to its end.
func (b *looker) walks(screen string, wishes []wish) (seen []string) {
	b.t.Helper()
	for range 40 {
		seen = append(seen, screen)
		if ask[bool](b, `menu.over`) {
			return seen
		}
		answer := ""
		for _, w := range wishes {
			if m := regexp.MustCompile(w.hears).FindStringSubmatch(screen); m != nil {
				if answer = w.presses; answer == "" {
					answer = m[1]
				}
				break
			}
		}
		if answer == "" {
			b.t.Fatalf("nothing to say to %q", screen)
		}
		screen = b.answers(answer)
	}
	b.t.Fatal("the menu never ends")
	return nil
}

// dialsIn are the answers by menu of somebody who takes part in the consultation on Main Street.
var dialsIn = []wish{
	{`(?m)^(\d) Main Street plan`, ""},
	{`(?m)^(\d) I live here`, ""},
	{`(?m)^(\d) More frequent buses`, ""},
	{`(?m)^(\d) Safer crossings`, ""},
	{`(?m)^(\d) Places to sit`, ""},
	{`(?m)^(\d) Better lighting`, ""},
	{`(?m)^(\d) All correct`, ""},
	{`Buses: how much`, "5"},
	{`Trees: how much`, "3"},
	{`Bike lane: how much`, "2"},
	{`own words`, "skip"},
	{`(?m)^(\d) Yes`, ""},
	{`(?m)^(8) more`, ""},
}

// A whole consultation by menu and keyboard leaves the record that the same answers leave by text message, and no screen is
// longer than a phone's.
func TestAConsultationByMenu(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	b := lookAt(t, r.url+"/preview")
	b.until(`$("code").value === "*384*123#"`)
	seen := b.walks(b.dials(), dialsIn)
	if focus := ask[string](b, `document.activeElement.id`); focus != "menu-cancel" {
		t.Errorf("at the end the keyboard is at %s", focus)
	}
	b.until(`document.querySelector("#kept .card")`)
	const kept = `[...document.querySelectorAll("#kept .card")].map(c=>[...c.querySelectorAll("dl div")].map(d=>d.querySelector("dt").textContent+": "+d.querySelector("dd").textContent).filter(l=>!/\d{3}-\d{3}-\d|Came by/.test(l)).join("\n")).join("\n\n")`
	byMenu := ask[string](b, kept)
	if came := ask[string](b, `document.querySelector("#kept").textContent`); !strings.Contains(came, "USSD menu") {
		t.Errorf("nothing came by menu: %s", came)
	}
	b.picture("menu-last")
	b.types("Enter")
	b.until(`$("menu").hidden && document.activeElement.id === "ussd-dial"`)

	for _, words := range []string{"MAIN", "I live here", "More frequent buses", "1 2 3", "5 3 2", "skip", "1", "yes"} {
		r.text("+12025550102", words)
	}
	ask[bool](b, `$("handset").value="+12025550102",$("handset").onchange({target:$("handset")}),true`)
	b.until(`document.querySelector("#thread .text.town") && document.querySelector("#kept .card")`)
	if byText := ask[string](b, kept); byMenu != byText || !strings.Contains(byMenu, "More frequent buses") {
		t.Errorf("by menu\n%s\nby text message\n%s\nThe screens were\n%s", byMenu, byText, strings.Join(seen, "\n\n"))
	}
	p.run("", "results", "main-street").must(t, 0, "preview.ussd", "--without preview")
	p.run("", "results", "main-street", "--without", "preview").must(t, 0, "0 answers")
}

// Who cancels, or is slow, is offered to go on, by menu, text message or call.
func TestAMenuThatIsCutOff(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	b := lookAt(t, r.url+"/preview")
	screen := b.dials()
	for range 9 {
		if strings.Contains(screen, "What first on Main Street?") {
			break
		}
		n := slices.IndexFunc(dialsIn, func(w wish) bool { return regexp.MustCompile(w.hears).MatchString(screen) })
		screen = b.answers(regexp.MustCompile(dialsIn[n].hears).FindStringSubmatch(screen)[1])
	}
	b.picture("menu")
	b.types("Escape")
	b.until(`$("menu").hidden && !$("go-on").hidden && /Nothing is lost/.test($("ussd-note").textContent)`)
	b.picture("menu-cancelled")

	b.types("Enter") // the keyboard is at Dial again
	offer := b.screen(1)
	b.picture("menu-offer")
	if !regexp.MustCompile(`(?m)Main Street plan(.|\n)*^1 .+\n2 .+`).MatchString(offer) {
		t.Fatalf("nothing to go on with is offered: %q", offer)
	}
	if again := b.answers("1"); again != screen {
		t.Errorf("it goes on at %q, not at %q", again, screen)
	}
	b.types("Escape")
	b.until(`$("menu").hidden`)
	b.click("#go-on") // the code with what the offer asks for
	if again := b.screen(1); again != screen {
		t.Errorf("it goes on at %q, not at %q", again, screen)
	}
	// The phone company's patience is over.
	ask[bool](b, `(menu.slow=1,clock(false),menu.until=Date.now()+1000,clock(true),true)`)
	b.until(`/closed the menu/.test($("menu-text").textContent) && $("reply").hidden && !menu.id`)
	b.picture("menu-slow")
	b.types("Enter")
	ask[bool](b, `(menu.slow=60,true)`)

	// The same resident by text message.
	if offer := r.text("+12025550101", "hello"); !strings.Contains(offer, "What") {
		t.Errorf("by text message they are told %q", offer)
	}
}

// With its clock off, the phone company waits.
func TestTheMenuClock(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	b := lookAt(t, r.url+"/preview")
	b.dials()
	b.until(`$("menu-waiting").classList.contains("on") && /Answer within \d+ s · closes in \d:\d\d/.test($("menu-waits").textContent)`)
	ask[bool](b, `(menu.slow=1,true)`)
	b.click("#menu-clock")
	b.until(`!$("menu-clock").checked && !$("menu-waiting").classList.contains("on")`)
	ask[bool](b, `new Promise(ok=>setTimeout(()=>ok(true),1500))`)
	if ask[bool](b, `!menu.id`) {
		t.Error("the menu was closed all the same")
	}
	// What was typed is too long, or the code is another's.
	b.types("Escape")
	b.until(`$("menu").hidden`)
	ask[bool](b, `($("code").value="*1#",$("code").focus(),true)`)
	b.types("Enter")
	b.until(`/wrong code.*\*384\*123#/.test($("menu-text").textContent)`)
}

// The page is looked at as wide as a phone, a tablet and a desk have it, light and dark, and axe-core finds nothing to say.
func TestThePreviewPageIsSound(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	axe, err := os.ReadFile("../../.ci/npm/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal("axe judges this page: run \"make peers\":", err)
	}
	b := lookAt(t, r.url+"/preview")
	b.dials()
	b.answers("3")
	ask[bool](b, string(axe)+";true")
	for _, look := range []struct {
		name   string
		width  int64
		height int64
		scheme string
	}{{"desk", 1440, 940, "light"}, {"wide", 1920, 1000, "dark"}, {"tablet", 900, 1000, "light"}, {"phone", 390, 800, "dark"}, {"small-phone", 320, 640, "light"}} {
		if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(look.width, look.height)); err != nil {
			t.Fatal(err)
		}
		if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}}}); err != nil {
			t.Fatal(err)
		}
		b.until(`$("ussd").getBoundingClientRect().left >= 0 && $("ussd").getBoundingClientRect().right <= innerWidth`) // what is in hand is in sight
		if wide := ask[int64](b, `document.documentElement.scrollWidth`); wide > look.width {
			t.Errorf("%s: the page is %d px wide, the screen %d", look.name, wide, look.width)
		}
		if cut := ask[[]string](b, `[...document.querySelectorAll("#menu, #menu button, #reply, #menu-text")].filter(e=>{const r=e.getBoundingClientRect();return r.width<20||r.left<0||r.right>innerWidth}).map(e=>e.id)`); len(cut) > 0 {
			t.Errorf("%s: out of sight: %s", look.name, cut)
		}
		if cut := ask[[]string](b, `[...document.querySelectorAll(".body")].filter(e=>e.scrollHeight>e.clientHeight+1).map(e=>e.id||e.className)`); len(cut) > 0 {
			t.Errorf("%s: cut off at the bottom: %s", look.name, cut)
		}
		for _, found := range ask[[]string](b, `axe.run(document).then(r=>r.violations.flatMap(v=>v.nodes.map(n=>v.id+": "+n.target.join(" "))))`) {
			t.Errorf("%s: %s", look.name, found)
		}
		ask[bool](b, `(document.querySelector("#ussd").scrollIntoView({block:"center"}),true)`)
		b.picture("preview-" + look.name)
	}
}
