package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// looker is a browser at the preview page.
type looker struct {
	t   *testing.T
	ctx context.Context
}

// lookAt opens the page in Chromium. Its microphone hears a beep every second.
func lookAt(t *testing.T, url string) *looker {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("these tests look at pages in Chromium: install the package chromium:", err)
	}
	allocated, end := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1440, 940),
		chromedp.Flag("mute-audio", true), chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", true),
	)...)
	ctx, close := chromedp.NewContext(allocated)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(func() { cancel(); close(); end() })
	b := &looker{t, ctx}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1440, 940), chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	b.until(`$("handset").options.length > 1 && !$("call").hidden`)
	return b
}

func ask[T any](b *looker, js string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.200s: %v", js, err)
	}
	return v
}

func (b *looker) until(js string) {
	b.t.Helper()
	end := time.After(20 * time.Second)
	for {
		if v, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+js+")")); err == nil && v {
			return
		}
		select {
		case <-end:
			said, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
			b.t.Fatalf("not in 20 s: %s\n%s", js, said)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// click presses a button with the mouse.
func (b *looker) click(css string) {
	b.t.Helper()
	at := ask[struct{ X, Y float64 }](b, fmt.Sprintf(`(()=>{const e=document.querySelector(%q);e.scrollIntoView({block:"center"});const r=e.getBoundingClientRect();return{X:r.x+r.width/2,Y:r.y+r.height/2}})()`, css))
	if err := chromedp.Do(b.ctx, chromedp.MouseClickXY(at.X, at.Y)); err != nil {
		b.t.Fatal(err)
	}
}

// picture is kept where TOWNLINE_PICTURES says, to be looked at.
func (b *looker) picture(name string) {
	dir := os.Getenv("TOWNLINE_PICTURES")
	if dir == "" {
		return
	}
	r, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
	if err == nil {
		err = os.WriteFile(dir+"/"+name+".png", []byte(r.Data), 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// wish is what a caller does when they hear something.
type wish struct{ hears, presses string }

// holds the call to its end: whenever the town listens, the first wish that what was said speaks to is done. A wish in
// brackets finds its key in what is said.
func (b *looker) holds(wishes []wish) (said []string) {
	b.t.Helper()
	for range 60 {
		b.until(`$("waiting").classList.contains("on") && [...document.querySelectorAll("#said p")].at(-1).className !== "resident" || !line.id`)
		if ask[bool](b, `!line.id`) {
			return said
		}
		// What was said since the last key.
		words := ask[string](b, `(()=>{const all=[...document.querySelectorAll("#said p")];const own=all.findLastIndex(p=>p.className==="resident");return all.slice(own+1).map(p=>p.textContent).join("\n")})()`)
		said = append(said, words)
		keys := ""
		for _, w := range wishes {
			if m := regexp.MustCompile(w.hears).FindStringSubmatch(words); m != nil {
				if keys = w.presses; keys == "" {
					keys = m[1]
				}
				break
			}
		}
		if keys == "" {
			b.t.Fatalf("nothing to say to %q at\n%s", words, ask[string](b, `$("said").innerText`))
		}
		select {
		case <-time.After(600 * time.Millisecond): // a finger that is faster is taken to shake
		case <-b.ctx.Done():
		}
		for _, key := range keys {
			b.click(fmt.Sprintf(`#keypad [data-key="%c"]`, key))
		}
	}
	b.t.Fatal("the call never ends")
	return nil
}

// consults are the wishes of somebody who takes part in the consultation on Main Street.
var consults = []wish{
	{`(?i)English, press (\d)`, ""},
	{`(?i)I live here, press (\d)`, ""},
	{`(?i)More frequent buses, press (\d)`, ""},
	{`(?i)Main Street plan, press (\d)`, ""},
	{`(?i)Safer crossings, press (\d)`, ""},
	{`(?i)Places to sit, press (\d)`, ""},
	{`(?i)Better lighting, press (\d)`, ""},
	{`(?i)right, press (\d)`, ""},
	{`How much for Buses`, "5#"},
	{`How much for Trees`, "3#"},
	{`How much for Bike lane`, "2#"},
	{`(?i)to leave this one out, press (\d)`, ""},
	{`(?i)yes, press (\d)`, ""},
	{`(?i)more choices, press (8)`, ""},
}

// A whole consultation by keypad leaves the record that the same answers leave by text message.
func TestAConsultationByTelephone(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	b := lookAt(t, r.url+"/preview")
	b.click("#sound") // off: words are read, and nothing is waited for
	b.click("#dial")
	b.until(`$("line").textContent === "On the line"`)
	said := b.holds(consults)
	b.until(`document.querySelector("#kept .card")`)
	const kept = `[...document.querySelectorAll("#kept .card")].map(c=>c.querySelector("h3").textContent+"\n"+[...c.querySelectorAll("dl div")].map(d=>d.querySelector("dt").textContent+": "+d.querySelector("dd").textContent).filter(l=>!/\d{3}-\d{3}-\d|Came by/.test(l)).join("\n")).join("\n\n")`
	byPhone := ask[string](b, kept)
	b.picture("consultation")

	for _, words := range []string{"MAIN", "I live here", "More frequent buses", "1 2 3", "5 3 2", "skip", "1", "yes"} {
		body, err := json.Marshal(map[string]string{"from": "+12025550102", "words": words, "id": words})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(r.url+"/preview/send", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	ask[bool](b, `$("handset").value="+12025550102",$("handset").onchange({target:$("handset")}),true`)
	b.until(`document.querySelector("#thread .text.town") && document.querySelector("#kept .card")`)
	if byText := ask[string](b, kept); byPhone != byText || !strings.Contains(byPhone, "More frequent buses") {
		t.Errorf("by telephone\n%s\nby text message\n%s\nThe call was\n%s", byPhone, byText, strings.Join(said, "\n\n"))
	}
	p.run("", "results", "main-street").must(t, 0, "--without preview")
}

// What is said is heard: the town's clips are sound that the browser can play, and a key stops it at once.
func TestTheTelephoneIsHeard(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	b := lookAt(t, r.url+"/preview")
	b.click("#dial")
	b.until(`line.source`)
	if seconds := ask[float64](b, `line.source.buffer.duration`); seconds < 0.4 || seconds > 30 {
		t.Errorf("the first sentence lasts %.1f s", seconds)
	}
	if level := ask[float64](b, `Math.sqrt(line.source.buffer.getChannelData(0).reduce((s,x)=>s+x*x,0)/line.source.buffer.length)`); level < 0.02 {
		t.Errorf("it is silent: %.4f", level)
	}
	b.picture("heard")
	if stopped := ask[bool](b, `(()=>{const s=line.source;let ended=false;s.onended=()=>{ended=true};press("1");return new Promise(ok=>setTimeout(()=>ok(ended&&line.source!==s),60))})()`); !stopped {
		t.Error("a key does not stop the voice")
	}
	b.click("#dial") // ring off
	b.until(`$("line").textContent === "No call."`)

	// The keys of a keyboard are keys of the telephone, but not where somebody writes.
	b.click("#sound")
	b.until(`!$("sound").checked`)
	b.click("#dial")
	b.until(`$("waiting").classList.contains("on")`)
	ask[bool](b, `document.body.dispatchEvent(new KeyboardEvent("keydown",{key:"9",bubbles:true})),$("text").dispatchEvent(new KeyboardEvent("keydown",{key:"8",bubbles:true})),true`)
	b.until(`[...document.querySelectorAll("#said .resident")].map(p=>p.lastChild.textContent).join("") === "9"`)
}

// What a caller says is recorded by the microphone, taken by the town, and played back.
func TestTheTelephoneRecords(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	b := lookAt(t, r.url+"/preview")
	b.click("#sound") // off, until there is something to record
	b.until(`!$("sound").checked`)
	b.click("#dial")
	for _, hears := range []string{`(?i)English, press (\d)`, `(?i)A visit at home, press (\d)`, `Is help needed today[^?]*\?[^?]*(?i)no, press (\d)`, `(?i)someone in my family, press (\d)`} {
		var key []string
		for end := time.Now().Add(20 * time.Second); key == nil; {
			b.until(`$("waiting").classList.contains("on")`)
			key = regexp.MustCompile(hears).FindStringSubmatch(ask[string](b, `$("said").textContent`))
			if time.Now().After(end) {
				t.Fatalf("%s is not said\n%s", hears, ask[string](b, `$("said").innerText`))
			}
		}
		ask[bool](b, `new Promise(ok=>setTimeout(()=>ok(true),600))`) // a finger that is faster is taken to shake
		if strings.Contains(hears, "family") {
			b.click("#sound")
		}
		b.click(fmt.Sprintf(`#keypad [data-key="%s"]`, key[1]))
	}
	b.until(`!$("spoken").hidden && !$("speak").hidden`)
	b.picture("recording")
	ask[bool](b, `new Promise(ok=>setTimeout(()=>ok(true),3000))`) // the microphone beeps meanwhile
	b.click("#spoken")
	b.until(`line.recording`)
	if seconds := ask[float64](b, `line.recording.duration`); seconds < 2 || seconds > 10 {
		t.Errorf("%.1f s are recorded", seconds)
	}
	b.until(`/your own words are played/.test($("said").textContent)`)
	b.until(`/right, press 1/.test($("said").textContent)`)
}
