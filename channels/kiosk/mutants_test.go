package kiosk_test

import (
	"fmt"
	"testing"
)

// mutant breaks a good page in one way, as a slip of ours would, and names the judges who must see it.
type mutant struct {
	name  string
	spoil string   // what is done to the page
	by    []string // each of these must find something; "vnu" judges the page as it would be sent
}

// The first fourteen are those of the proof that this kiosk began with: which checker sees what was measured there. No page
// checker of others saw a missing focus ring, text of 5.7:1 that counts as large, or a page that sticks out.
var mutants = []mutant{
	{"plays by itself", `const a=document.createElement("audio");a.autoplay=true;a.src="data:,";document.body.append(a)`, []string{"structure"}},
	{"pale text", css(`.txt,h1{color:#888!important}`), []string{"axe", "contrast"}},
	{"text of 5.7:1", css(`.txt,h1{color:#666!important}`), []string{"contrast"}},
	{"two of one id", `document.querySelectorAll("#f button")[1].id="next"`, []string{"structure", "vnu"}},
	{"the page leaves by itself", `const m=document.createElement("meta");m.httpEquiv="refresh";m.content="60;url=/";document.head.append(m)`, []string{"axe", "structure"}},
	{"no focus ring", css(`*:focus-visible,.opt:has(:focus-visible){outline:0!important;box-shadow:none!important}`), []string{"focus"}},
	{"a radio without words", `const i=document.querySelector(".opt input");i.parentNode.querySelectorAll("span,svg").forEach(e=>e.remove())`, []string{"axe"}},
	{"no language", `document.documentElement.removeAttribute("lang")`, []string{"axe", "structure"}},
	{"no title", `document.querySelector("title").remove()`, []string{"axe", "structure", "vnu"}},
	{"can't be enlarged", `const m=document.querySelector("meta[name=viewport]")||document.createElement("meta");m.name="viewport";m.content="width=device-width,initial-scale=1,user-scalable=no";document.head.append(m)`, []string{"axe", "structure"}},
	{"sticks out", css(`.txt{white-space:nowrap;width:900px;flex:none}`), []string{"wide"}},
	{"no legend", `const l=document.querySelector("legend");l.replaceWith(...l.childNodes)`, []string{"structure"}},
	{"its own order of focus", `document.querySelector("#next").tabIndex=5`, []string{"axe", "structure"}},
	{"small targets, close together", css(`.opt,button{min-height:0!important;min-width:0!important;padding:0!important;border:0!important;font-size:10px!important;line-height:1!important}.opt *,button *{width:8px!important;height:8px!important;overflow:hidden}*{gap:0!important}`), []string{"axe", "reach"}},

	{"a thin focus ring", css(`*:focus-visible,.opt:has(:focus-visible){outline:1px solid currentColor!important;box-shadow:none!important;border-color:inherit}`), []string{"focus"}},
	{"a focus ring of 1.5:1", css(`*:focus-visible,.opt:has(:focus-visible){outline:6px solid #ccc!important;box-shadow:none!important}`), []string{"focus"}},
	{"a bar over what has the focus", css(`body::after{content:"";position:fixed;inset:0 0 auto;height:100vh;background:#fff}`), []string{"focus"}},
	{"colours that change slowly", css(`.opt{transition:background-color .3s}`), []string{"motion"}},
	{"something that blinks", css(`@keyframes b{50%{opacity:.2}}#next{animation:b 1s infinite}`), []string{"motion"}},
	{"a question that can't be heard", `document.querySelectorAll("h1,h1 [data-a]").forEach(e=>e.removeAttribute("data-a"));document.querySelector("h1").closest("legend,fieldset,form")?.removeAttribute("data-a")`, []string{"spoken"}},
	{"an option that can't be heard", `const o=document.querySelector(".opt");o.removeAttribute("data-a");o.querySelectorAll("[data-a]").forEach(e=>e.removeAttribute("data-a"))`, []string{"spoken"}},
	{"targets of 18 mm", css(`.opt,button{min-height:68px!important;height:68px!important;padding-block:0!important}`), []string{"reach"}},
	{"cards that touch", css(`.opts{gap:0!important}`), []string{"reach"}},
	{"a div as a button", `const b=document.querySelector("#back,#help"),d=document.createElement("div");d.className=b.className;d.setAttribute("role","button");d.tabIndex=0;d.textContent=b.textContent;d.dataset.a="back";b.replaceWith(d)`, []string{"structure"}},
	{"the wrong language", `document.documentElement.lang="es"`, []string{"structure"}},
	{"Arabic from left to right", `document.documentElement.lang="ar";document.documentElement.dir="ltr"`, []string{"structure"}},
	{"a picture without words", `const s=document.querySelector("svg");s.removeAttribute("aria-hidden");s.closest("[aria-hidden]")?.removeAttribute("aria-hidden")`, []string{"structure"}},
	{"a handler in the page", `document.querySelector("#next").setAttribute("onclick","1")`, []string{"structure"}},
	{"a form that the browser remembers", `document.querySelector("#f").removeAttribute("autocomplete")`, []string{"structure"}},
	{"Enter goes back", `const n=document.querySelector("#next"),b=document.createElement("button");b.name="do";b.value="back";b.textContent="Back";document.querySelector("#f").prepend(b)`, []string{"structure"}},
	{"two headings", `document.querySelector("h1").after(document.querySelector("h1").cloneNode(true))`, []string{"structure"}},
	{"lines that are too long", css(`body{max-width:none!important;font-size:6px!important}h1{font-size:6px!important;max-width:none!important}`) + `;document.querySelector("h1").textContent="many words ".repeat(30)`, []string{"lines"}},
	{"text on text", css(`.txt{margin-inline-start:-5rem;white-space:nowrap}`), []string{"wide"}},
	{"a card without an edge", css(`.opt{border:0!important;background:none!important}`), []string{"contrast"}},
	{"an aria role that doesn't exist", `document.querySelector("#next").setAttribute("role","knob")`, []string{"axe", "vnu"}},
	{"style that isn't CSS", `const s=document.createElement("style");s.textContent="p{colour:red}";document.head.append(s)`, []string{"vnu"}},
	{"a heading within a button", `document.querySelector("#next").innerHTML="<div>Continue</div>"`, []string{"vnu"}},
}

// css is a change that adds a style.
func css(rules string) string {
	return fmt.Sprintf(`const s=document.createElement("style");s.textContent=%q;document.head.append(s)`, rules)
}

// TestMutants is the test of the tests: a good page passes every judge, and each mutant is seen by those who should see it.
func TestMutants(t *testing.T) {
	t.Parallel()
	good := goodPage(t)
	s := newScreen(t, look{})
	at := view{lang: "en", kiosk: true, theme: "light"}
	s.open(good)
	sent := map[string]string{"good": eval[string](s, outer)}
	for _, j := range judges {
		for _, f := range j.look(s, at) {
			t.Errorf("the good page: %s: %s", j.name, f)
		}
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			m := m
			on := &screen{t, s.ctx}
			on.open(good)
			before := eval[string](on, outer)
			on.run(m.spoil)
			html := eval[string](on, outer)
			if before == html {
				t.Fatal("the page is not changed by it")
			}
			for _, by := range m.by {
				if by == "vnu" {
					sent[m.name] = html
				} else if len(judgeNamed(t, by).look(on, at)) == 0 {
					t.Errorf("%s did not see it", by)
				}
			}
		})
	}
	said := nu(t, sent)
	for _, f := range said["good"] {
		t.Errorf("the good page: vnu: %s", f)
	}
	for name := range sent {
		if name != "good" && len(said[name]) == 0 {
			t.Errorf("%s: vnu did not see it", name)
		}
	}
}

const outer = `"<!doctype html>"+document.documentElement.outerHTML`

// goodPage is a question at the kiosk.
func goodPage(t *testing.T) string {
	t.Helper()
	g, url := exhibit(t, []string{"/kiosk"}, []string{"en"})
	for n, p := range g.all {
		if p.name == "choice" {
			return url + g.path(n)
		}
	}
	t.Fatal("there is no question")
	return ""
}
