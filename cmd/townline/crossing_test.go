package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// another opens a page in a browser of its own: no cookie of it is another's.
func (b *looker) another(url string) *looker {
	b.t.Helper()
	ctx, dispose := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	b.t.Cleanup(func() { dispose() })
	c := &looker{b.t, ctx}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1440, 940), chromedp.Navigate(url)); err != nil {
		b.t.Fatal(err)
	}
	c.ready()
	return c
}

// hurries has nothing move on the page, so that steps need not be waited for.
func (b *looker) hurries() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
	}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *looker) ready() {
	b.t.Helper()
	b.until(`$("handset").options.length > 1 && from && inside()?.querySelector("h1")`)
}

// goesTo presses "Go on here" of a device, and gives the steps that were shown.
func (b *looker) goesTo(device string) string {
	b.t.Helper()
	b.until(`!crossing`)
	b.click("#" + device + " .here")
	b.until(`crossing || document.querySelector("#steps .done, #steps .stuck")`)
	if !ask[bool](b, fmt.Sprintf(`waitsFor(()=>!crossing&&(document.querySelector("#steps .stuck")||document.querySelector("#steps .done")&&inHand===%q),60).then(()=>!crossing)`, device)) {
		b.t.Fatalf("it never comes to %s: %s", device, ask[string](b, `$("steps").innerText`))
	}
	return strings.ReplaceAll(ask[string](b, `[...document.querySelectorAll("#steps li")].map(l=>l.textContent).join(" · ")`), "\u00a0", " ")
}

// digits that are made anew each time.
var codes = regexp.MustCompile(`\d{3} \d{3} \d{3}`)

// question is what each device shows while it asks the second question about Main Street.
var question = map[string]string{
	"texts": `/What first on Main Street\?[^]*\d Trees/.test([...document.querySelectorAll("#thread .text.town")].at(-1)?.textContent)`,
	"call":  `/What should the city improve first[^]*press 1/.test($("said").textContent) && line.id`,
	"ussd":  `/What first on Main Street\?[^]*\d Trees/.test($("menu-text").textContent) && menu.id`,
	"chat":  `/What should the city improve first/.test([...document.querySelectorAll("#talk .text.town")].at(-1)?.textContent) && document.querySelector("#talk .buttons button")`,
	"booth": `/What should the city improve first/.test(inside().querySelector("h1").textContent)`,
}

// From each device to each other: the same question stands there, and what was answered isn't asked again. The steps are those that a
// resident takes by hand.
func TestGoOnHereFromEachDeviceToEachOther(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	b := lookAt(t, r.url+"/preview")
	b.ready()
	b.hurries()
	b.click("#sound")
	ask[bool](b, `begins("MAIN"),true`)
	b.until(`document.querySelector("#keys button")`)
	ask[bool](b, `send("I live here"),true`)
	b.until(question["texts"])

	const home = "A code comes CODE · "
	want := []struct{ device, steps string }{
		{"call", "Call the town · Go on: press 1 · On it goes: Call"},
		{"texts", "Ring off · Text REPEAT · Go on: text 1 · On it goes: Text"},
		{"ussd", "Dial *384*123*1# · On it goes: USSD"},
		{"call", "Close the menu · Call the town · Go on: press 1 · On it goes: Call"},
		{"ussd", "Ring off · Dial *384*123*1# · On it goes: USSD"},
		{"texts", "Close the menu · Text REPEAT · On it goes: Text"},
		{"chat", "Text KIOSK · " + home + "Send the code in the chat CODE · On it goes: Chat"},
		{"texts", "Write in the chat KIOSK · " + home + "Text the code CODE · On it goes: Text"},
		{"booth", "Text KIOSK · " + home + "Type it at the kiosk CODE · On it goes: Kiosk"},
		{"texts", "Press “Take it along” on the kiosk · " + home + "Text the code CODE · Leave the kiosk · On it goes: Text"},
		{"ussd", "Dial *384*123*1# · On it goes: USSD"},
		{"chat", "Close the menu · Text KIOSK · " + home + "Send the code in the chat CODE · On it goes: Chat"},
		{"ussd", "Write in the chat KIOSK · " + home + "Dial *384*123*CODE# · On it goes: USSD"},
		{"booth", "Close the menu · Text KIOSK · " + home + "Type it at the kiosk CODE · On it goes: Kiosk"},
		{"chat", "Press “Take it along” on the kiosk · " + home + "Send the code in the chat CODE · Leave the kiosk · On it goes: Chat"},
		{"booth", "Write in the chat KIOSK · " + home + "Type it at the kiosk CODE · On it goes: Kiosk"},
		{"ussd", "Press “Take it along” on the kiosk · " + home + "Dial *384*123*CODE# · Leave the kiosk · On it goes: USSD"},
		{"call", "Close the menu · Call the town · Go on: press 1 · On it goes: Call"},
		{"chat", "Ring off · Text KIOSK · " + home + "Send the code in the chat CODE · On it goes: Chat"},
		{"call", "Write in the chat KIOSK · " + home + "Text the code, so that the town knows the phone CODE · Call the town · Go on: press 1 · On it goes: Call"},
		{"booth", "Ring off · Text KIOSK · " + home + "Type it at the kiosk CODE · On it goes: Kiosk"},
		{"call", "Press “Take it along” on the kiosk · " + home + "Text the code, so that the town knows the phone CODE · Call the town · Go on: press 1 · Leave the kiosk · On it goes: Call"},
	}
	from, walked := "texts", map[string]bool{}
	for _, w := range want {
		steps := codes.ReplaceAllString(b.goesTo(w.device), "CODE")
		steps = regexp.MustCompile(`\d{9}`).ReplaceAllString(steps, "CODE")
		if steps != w.steps {
			t.Fatalf("from %s to %s: %s\nwant %s", from, w.device, steps, w.steps)
		}
		b.until(question[w.device])
		walked[from+w.device] = true
		from = w.device
	}
	if len(walked) != 20 {
		t.Errorf("%d of 20 ways were walked", len(walked))
	}
}

// A conversation that goes through all five devices ends with one record: the one that the same answers leave by text alone.
func TestAConversationOnFiveDevices(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	b := lookAt(t, r.url+"/preview")
	b.ready()
	b.hurries()
	b.click("#sound")
	ask[bool](b, `begins("MAIN"),true`)
	b.until(`document.querySelector("#keys button")`)
	ask[bool](b, `send("I live here"),true`)
	b.until(question["texts"])

	b.goesTo("call")
	b.until(question["call"])
	b.until(`$("waiting").classList.contains("on")`)
	ask[bool](b, `new Promise(ok=>setTimeout(()=>ok(true),700))`) // a finger that is faster is taken to shake
	key := ask[string](b, `/Trees and shade, press (\d)/.exec($("said").textContent)[1]`)
	b.click(fmt.Sprintf(`#keypad [data-key="%s"]`, key))
	b.until(`/Trees and shade/.test([...document.querySelectorAll("#said .town")].slice(-9).map(p=>p.textContent).join(" ")) && [...document.querySelectorAll("#said .resident")].length > 1 && $("waiting").classList.contains("on")`)
	if ask[bool](b, `/right, press 1/.test([...document.querySelectorAll("#said p")].slice(-4).map(p=>p.textContent).join(" "))`) {
		ask[bool](b, `new Promise(ok=>setTimeout(()=>ok(true),700))`)
		b.click(`#keypad [data-key="1"]`)
		b.until(`/most important first/.test($("said").textContent)`)
	}
	b.goesTo("ussd")
	for _, key := range []string{"1", "2", "3"} { // the order
		b.until(`menu.id && !$("reply").readOnly && !$("menu").hidden`)
		shown := ask[int](b, `menu.shown`)
		b.click(fmt.Sprintf(`#menu-keys [data-key="%s"]`, key))
		b.click("#menu-send")
		b.until(fmt.Sprintf(`menu.shown > %d`, shown))
	}
	b.goesTo("chat")
	b.until(`/10 coins/.test([...document.querySelectorAll("#talk .text.town")].at(-1).textContent)`)
	ask[bool](b, `$("message").value="5 3 2",$("chat-form").requestSubmit(),true`)
	b.until(`/in your own words/.test([...document.querySelectorAll("#talk .text.town")].at(-1).textContent)`)
	b.goesTo("booth")
	const press = `(()=>{const b=inside().querySelector('%s');b.click();return true})()`
	b.until(`inside().querySelector("[value=skip]") && "ready" in inside().documentElement.dataset`)
	ask[bool](b, fmt.Sprintf(press, "[value=skip]"))
	b.until(`/check your answers/i.test(inside().body.textContent) && "ready" in inside().documentElement.dataset`)
	ask[bool](b, `new Promise(ok=>setTimeout(()=>ok(true),600))`) // the same control isn't taken twice in half a second
	ask[bool](b, fmt.Sprintf(press, "#next"))
	b.until(`inside().querySelector("#o1") && "ready" in inside().documentElement.dataset`)
	ask[bool](b, fmt.Sprintf(press, "#o1"))
	ask[bool](b, `new Promise(ok=>setTimeout(()=>ok(true),600))`)
	ask[bool](b, fmt.Sprintf(press, "#next"))
	b.until(`document.querySelector("#kept .card")`)
	b.picture("five")
	if got := ask[string](b, `[...$("path").children].map(l=>l.textContent).join(" ")`); got != "Text Call USSD Chat Kiosk" {
		t.Errorf("the way was %s", got)
	}
	if n := ask[int](b, `document.querySelectorAll("#kept .card").length`); n != 1 {
		t.Errorf("%d records", n)
	}
	const fingerprint = `document.querySelector("#kept .card .mark code").textContent+"\n"+document.querySelector("#kept .card pre").textContent`
	mixed := ask[string](b, fingerprint)

	other := b.another(r.url + "/preview")
	if got := ask[string](other, `$("handset").value`); got == "+12025550101" {
		t.Error("a second browser looks at the same person")
	}
	for _, words := range []string{"MAIN", "I live here", "trees and shade", "1 2 3", "5 3 2", "skip", "1", "yes"} {
		ask[bool](other, fmt.Sprintf(`send(%q).then(a=>!!a)`, words))
	}
	other.until(`document.querySelector("#kept .card")`)
	if alone := ask[string](other, fingerprint); alone != mixed || !strings.Contains(mixed, `"first": ["trees"]`) {
		t.Errorf("by five devices\n%s\nby text alone\n%s", mixed, alone)
	}
	if ask[bool](b, `$("others").textContent !== ""`) || ask[bool](b, `[...document.querySelectorAll("#thread .text")].some(x=>x.textContent.includes("5 3 2"))`) {
		t.Error("what one browser does shows in the other")
	}
	p.run("", "results", "main-street").must(t, 0, "2")
}

// Whoever comes in a second window with the same person in hand is told.
func TestTwoWindowsOnOnePerson(t *testing.T) {
	r := newPlace(t).serve()
	b := lookAt(t, r.url+"/preview#2")
	b.ready()
	other := b.another(r.url + "/preview#2")
	if got := ask[string](other, `$("handset").value`); got != "+12025550102" {
		t.Errorf("an address that names Rosa opens %s", got)
	}
	other.until(`$("others").textContent`)
	third := b.another(r.url + "/preview")
	if got := ask[string](third, `$("handset").value`); got != "+12025550101" || ask[bool](third, `$("others").textContent !== ""`) {
		t.Errorf("who names nobody gets %s", got)
	}
}

// A chat that is set to a language is held in it, and a press on a button whose question is over answers nothing.
func TestAChatInSpanish(t *testing.T) {
	r := newPlace(t).serve()
	b := lookAt(t, r.url+"/preview#2")
	b.ready()
	ask[bool](b, `says({words:"MAIN"}).then(()=>true)`)
	b.until(`document.querySelector("#talk .buttons button")?.closest("[lang=es]")`)
	old := ask[string](b, `JSON.stringify({choice:"1",mark:[...document.querySelectorAll("#talk .text")].length&&"x",label:"old"})`)
	if ask[int](b, `document.querySelectorAll("#talk .buttons").length`) != 1 {
		t.Error("there is more than one keyboard")
	}
	b.click("#talk .buttons button")
	b.until(`document.querySelectorAll("#talk .text.resident").length === 2 && document.querySelectorAll("#talk .text.town").length === 2`)
	question := ask[string](b, `[...document.querySelectorAll("#talk .text.town")].at(-1).lastChild.previousSibling.textContent`)
	late := ask[string](b, `says(`+old+`).then(a=>a.map(t=>t.words).join("\n"))`)
	if !strings.Contains(late, question) {
		t.Errorf("after a late press it says\n%s\nand asked\n%s", late, question)
	}
	b.until(`document.querySelectorAll("#talk .buttons").length === 1`)
}

// How the page looks: nothing for axe to find, no scroll bar across, at widths from a small phone's to a large screen's, light
// and dark, with a conversation from right to left.
func TestThePageIsForEverybody(t *testing.T) {
	r := newPlace(t).serve()
	axe, err := os.ReadFile("../../.ci/npm/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(`axe judges this page: run "make peers":`, err)
	}
	b := lookAt(t, r.url+"/preview#3")
	b.ready()
	b.hurries()
	ask[bool](b, `says({words:"STATUS"}).then(()=>true)`)
	b.until(`document.querySelector("#talk [lang=ar]")`)
	ask[bool](b, `send("MAIN").then(()=>true)`)
	b.until(`document.querySelector("#keys button")`)
	for _, scheme := range []string{"light", "dark"} {
		if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}}); err != nil {
			t.Fatal(err)
		}
		for _, size := range [][2]int64{{360, 740}, {1280, 800}, {1920, 1080}} {
			if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(size[0], size[1])); err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("%s-%d", scheme, size[0])
			if wide := ask[int](b, `document.documentElement.scrollWidth-document.documentElement.clientWidth`); wide > 0 {
				t.Errorf("%s: the page is %d wider than the screen", name, wide)
			}
			if high := ask[int](b, `Math.max(...[...document.querySelectorAll(".body")].map(x=>x.scrollHeight-x.clientHeight))`); high > 1 {
				t.Errorf("%s: something stands %d out of its device", name, high)
			}
			b.picture(name)
			found := b.judged(string(axe))
			if len(found) > 0 {
				t.Errorf("%s:\n%s", name, strings.Join(found, "\n"))
			}
		}
	}
}

// judged runs axe on the page itself; the kiosk's own tests judge what is in its frame.
func (b *looker) judged(axe string) (found []string) {
	b.t.Helper()
	if !ask[bool](b, `typeof axe!=="undefined"`) {
		if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[any](axe+";null")); err != nil && !errors.Is(err, context.Canceled) {
			b.t.Fatal(err)
		}
	}
	said := ask[string](b, `axe.run(document,{iframes:false,runOnly:["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]}).then(r=>JSON.stringify(r.violations.flatMap(v=>v.nodes.map(n=>v.id+": "+n.target.join(" ")+" "+((n.any[0]||n.all[0]||n.none[0])?.message||"").slice(0,160)))))`)
	if err := json.Unmarshal([]byte(said), &found); err != nil {
		b.t.Fatal(err)
	}
	return found
}
