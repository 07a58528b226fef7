package kiosk_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	cdppage "github.com/chromedp/cdproto/page"

	"github.com/townline/townline/channels/kiosk"
)

// scene is a small server with one page for the script, and what came back from it. Each form that is sent is answered with
// the same page under the next number.
type scene struct {
	*httptest.Server
	mu     sync.Mutex
	body   string
	on     string // attributes of html
	record bool
	sent   []url.Values
	sounds []string                                   // files that came, "NAME TYPE SIZE"
	asked  []string                                   // clips that were asked for
	told   []string                                   // words that clips were asked for
	down   bool                                       // no page can be had
	hoarse bool                                       // no words are taken to be said
	gaps   []string                                   // keys that have no clip
	answer func(http.ResponseWriter, url.Values) bool // instead of the next page; false: as usual
}

// newScene serves body within a form at the kiosk. on is what html has beside the usual.
func newScene(t testing.TB, body, on string) *scene {
	t.Helper()
	c := &scene{body: body, on: "data-kiosk " + on}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// newWebScene is the same on the web.
func newWebScene(t testing.TB, body, on string) *scene {
	t.Helper()
	c := newScene(t, body, "")
	c.on = on
	return c
}

// length of a clip in the scenes.
const length = 250 * time.Millisecond

func (c *scene) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case strings.HasPrefix(r.URL.Path, "/kiosk/audio/"):
		key, _, _ := strings.Cut(path.Base(r.URL.Path), ".o")
		c.asked = append(c.asked, key)
		if slices.Contains(c.gaps, key) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "audio/wav")
		_, _ = w.Write(silence(length))
	case r.URL.Path == "/kiosk/say" && c.hoarse:
		http.Error(w, "too much at a time", http.StatusTooManyRequests)
	case r.URL.Path == "/kiosk/say":
		b, _ := io.ReadAll(r.Body)
		c.told = append(c.told, string(b))
		_, _ = io.WriteString(w, "told-"+string(b))
	case r.Method == http.MethodPost:
		if err := r.ParseMultipartForm(1 << 20); err != nil && r.MultipartForm != nil {
			http.Error(w, "not a form", http.StatusBadRequest)
			return
		}
		if do := r.Form.Get("do"); strings.HasPrefix(do, "sound.") { // a setting, and no turn
			c.on = strings.ReplaceAll(c.on, " data-sound", "")
			if do == "sound.on" {
				c.on += " data-sound"
			}
			_, _ = io.WriteString(w, c.page())
			return
		}
		if c.answer != nil && c.answer(w, r.Form) {
			return
		}
		if r.MultipartForm != nil {
			for _, f := range r.MultipartForm.File["sound"] {
				c.sounds = append(c.sounds, fmt.Sprintf("%s %s %t", f.Filename, f.Header.Get("Content-Type"), f.Size > 100))
			}
		}
		c.sent = append(c.sent, r.Form)
		http.Redirect(w, r, "/kiosk", http.StatusSeeOther)
	case r.URL.Path == "/kiosk" && c.down:
		hang(w)
	case r.URL.Path == "/kiosk":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, c.page())
	default:
		http.NotFound(w, r)
	}
}

// page is as the adapter would send it, without its looks. Of two attributes the first counts.
func (c *scene) page() string {
	n := len(c.sent) + 1
	return fmt.Sprintf(`<!doctype html><html %s lang="en" dir="ltr" data-base="/kiosk" data-page="question" data-size="2" data-theme="light" data-rate="4"><head><meta charset="utf-8"><title>Page %d</title><link rel="icon" href="data:,"><style>
[hidden]{display:none!important}html{overscroll-behavior:none}body{font:20px sans-serif;margin:8px}button,.opt{display:block;min-height:60px;min-width:200px;margin:6px 0}.vh{position:absolute;width:1px;height:1px;overflow:hidden}.playing{outline:5px solid}:focus-visible{outline:5px solid red}.pad button,.keys button{display:inline-block;min-width:60px}</style></head><body>
<header><p data-a="title">Main Street</p><p id="way" data-a="way">Question %d</p></header><main><form id="f" method="post" action="/kiosk" autocomplete="off"><input type="hidden" name="token" value="t%d">
%s
</form></main><p id="net" role="status"><span hidden data-a="away">Your answer is safe on this screen.</span></p>
<dialog id="idle"><h2 data-a="idle1">Are you there?</h2><p data-a="idle2">We will clear this screen.</p><p><span data-a="idle3">Time left:</span> <b id="left" aria-hidden="true"></b></p><form id="gone" method="post" action="/kiosk"><input type="hidden" name="token" value="end"><button type="button" id="more" data-a="more">More time</button><button name="do" value="over.yes" data-a="finish">Finish</button></form></dialog>
<script>%s</script></body></html>`, c.on, n, n, n, c.body, kiosk.Script(strings.Contains(c.on, "data-kiosk"), c.record, strings.Contains(c.on, "data-scan")))
}

// bodies of pages.
const (
	navBody = `<div class="nav"><button id="next" name="do" value="next" data-a="next">Continue</button><button id="back" name="do" value="back" data-a="back">Back</button></div>
<div class="tools"><a id="say" href="/kiosk/say.mp3" data-a="listen">Listen</a><button id="help" name="do" value="help" data-a="help">Help</button></div>`
	threeBody = `<fieldset><legend><h1 data-a="q">Which?</h1></legend><div class="opts">
<label class="opt" data-a="bus"><input type="radio" name="o" value="1" id="o1"><span class="num">1</span><span class="txt">Bus</span></label>
<label class="opt" data-a="tree"><input type="radio" name="o" value="2"><span class="num">2</span><span class="txt">Trees</span></label>
<label class="opt" data-a="bench"><input type="radio" name="o" value="3"><span class="num">3</span><span class="txt">Benches</span></label></div></fieldset>` + navBody
	amountBody = `<fieldset><legend><h1 data-a="q">How many?</h1></legend><div class="field step"><label for="t" data-a="number">Number</label><button name="do" value="less.t" data-a="less">-</button><input id="t" name="t" inputmode="numeric"><button name="do" value="more.t" data-a="plus">+</button></div></fieldset>` + navBody +
		`<div class="pad"><button name="do" value="key.1" data-a="k.en.31">1</button><button name="do" value="key.2" data-a="k.en.32">2</button><button name="do" value="key.del" data-a="del">Delete</button></div>`
	dayBody = `<fieldset><legend><h1 data-a="q">When?</h1></legend>
<div class="field step"><label for="day" data-a="dl">Day</label><button name="do" value="less.day" data-a="less">-</button><input id="day" name="day" inputmode="numeric" data-min="1" data-max="31" data-start="15"><button name="do" value="more.day" data-a="plus">+</button></div>
<div class="field step"><label for="month" data-a="ml">Month</label><button name="do" value="less.month" data-a="less">-</button><input id="month" name="month" inputmode="numeric" data-min="1" data-max="12"><button name="do" value="more.month" data-a="plus">+</button><b id="month-name" data-a="none"></b></div>
<div class="field"><label for="year" data-a="yl">Year</label><input id="year" name="year" inputmode="numeric"></div>
<span hidden id="months">January|February|March|April|May|June|July|August|September|October|November|December</span></fieldset>` + navBody + `<div class="pad"><button name="do" value="key.1" data-a="k.en.31">1</button><button name="do" value="key.4" data-a="k.en.34">4</button></div>`
	budgetBody = `<fieldset><legend><h1 data-a="q">Share 10</h1></legend>
<div class="field step"><label for="v0" data-a="bus">Bus</label><button name="do" value="less.v0" data-a="less">-</button><input id="v0" name="v" value="0" inputmode="numeric"><button name="do" value="more.v0" data-a="plus">+</button></div>
<div class="field step"><label for="v1" data-a="tree">Trees</label><button name="do" value="less.v1" data-a="less">-</button><input id="v1" name="v" value="0" inputmode="numeric"><button name="do" value="more.v1" data-a="plus">+</button></div>
<p class="left"><span data-a="left">Left:</span> <b id="rest" data-total="10" data-a="none">10</b></p></fieldset>` + navBody
	wordsBody = `<input type="hidden" name="pad" value="en-caps"><fieldset><legend><h1 data-a="q">Say it</h1></legend><div class="field"><label for="t" data-a="text">Your words</label><textarea id="t" name="t" maxlength="12"></textarea></div></fieldset>` + navBody +
		`<div class="keys"><button name="do" value="key.A" data-a="k.en.41">A</button><button name="do" value="key.É" data-a="k.en.c9">É</button><button name="do" value="key.space" data-a="space">Space</button><button name="do" value="key.del" data-a="del">Delete</button><button name="do" value="key.layout.en" data-a="p.en.key.small">abc</button><button name="do" value="key.layout.signs" data-a="signs">123</button></div>`
	voiceBody = `<fieldset><legend><h1 data-a="q">Say it</h1></legend><div id="record" hidden data-records="120"><p data-a="r">Or record your voice.</p><button type="button" id="rec-start" data-a="rs">Start</button><button type="button" id="rec-stop" data-a="rp">Stop</button><button type="button" id="rec-play" data-a="rl">Listen to it</button><button type="button" id="rec-again" data-a="ra">Again</button><p hidden id="rec-no" data-a="rn">There is no microphone.</p></div></fieldset>` + navBody
)

// many are options that can be chosen together.
var manyBody = strings.ReplaceAll(threeBody, "radio", "checkbox")

// posts are the forms that came, as "do=next o=2".
func (c *scene) posts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var l []string
	for _, f := range c.sent {
		var parts []string
		for _, name := range []string{"token", "do", "o", "t", "v", "day", "month", "year", "pad"} {
			if v := f[name]; len(v) > 0 && (name != "token" || v[0] == "end") {
				parts = append(parts, name+"="+strings.Join(v, ","))
			}
		}
		l = append(l, strings.Join(parts, " "))
	}
	return l
}

// silence is a WAV file.
func silence(d time.Duration) []byte {
	const rate = 8000
	n := int(d.Seconds() * rate)
	b := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(36+n))...)
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"...)
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = append(b, "\x01\x00\x08\x00data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	for range n {
		b = append(b, 128)
	}
	return b
}

// ears notes in each page what is played, in heard, and what is stopped.
const ears = `globalThis.heard=[];globalThis.marks=[];globalThis.hushed=[];globalThis.rates=[];globalThis.tones=0;
{const play=HTMLMediaElement.prototype.play,pause=HTMLMediaElement.prototype.pause;
HTMLMediaElement.prototype.play=function(){const k=this.src.startsWith("blob:")?"blob":this.src.split("/").pop().replace(/\.(opus|mp3)$/,"");heard.push(decodeURIComponent(k));marks.push(document.querySelector(".playing")?.tagName);rates.push([this.playbackRate,this.preservesPitch,this.volume]);globalThis.sounding=this;return play.call(this)};
HTMLMediaElement.prototype.pause=function(){if(!this.paused)hushed.push(performance.now());return pause.call(this)};
const start=OscillatorNode.prototype.start;OscillatorNode.prototype.start=function(...a){tones++;return start.apply(this,a)}}`

// visit opens the scene's page on a new screen and waits until presses count.
func (c *scene) visit(t testing.TB, l look, before ...string) *screen {
	t.Helper()
	s := newScreen(t, l)
	s.before(append([]string{ears}, before...)...)
	s.open(c.URL + "/kiosk")
	s.until(ready)
	return s
}

// before runs scripts in each page before its own.
func (s *screen) before(scripts ...string) {
	s.t.Helper()
	for _, js := range scripts {
		command(s, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: js})
	}
}

const ready = `"ready" in document.documentElement.dataset`

// at waits until page n is there and presses count.
func (s *screen) at(n int) {
	s.t.Helper()
	s.until(fmt.Sprintf(`document.title==="Page %d"&&%s`, n, ready))
}

// numpad presses a key of a number pad.
func (s *screen) numpad(key, code string) {
	s.t.Helper()
	p := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key, Code: code, Text: key, UnmodifiedText: key, IsKeypad: new(true)}
	if key == "Enter" {
		p.Text, p.UnmodifiedText, p.WindowsVirtualKeyCode = "\r", "\r", 13
	}
	command(s, input.DispatchKeyEvent, p)
	p.Type, p.Text, p.UnmodifiedText = input.DispatchKeyEventTypeKeyUp, "", ""
	command(s, input.DispatchKeyEvent, p)
}

// keys presses several keys as fast as an unhurried hand.
func (s *screen) keys(names ...string) {
	s.t.Helper()
	for i, name := range names {
		if i > 0 && names[i-1] == name {
			s.wait(520 * time.Millisecond)
		}
		s.key(name)
	}
}

func expect[T any](t testing.TB, s *screen, js string, want T) {
	t.Helper()
	if got := eval[T](s, js); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s is %v, not %v", js, got, want)
	}
}

func (c *scene) wants(t testing.TB, posts ...string) {
	t.Helper()
	if got := c.posts(); !slices.Equal(got, posts) {
		t.Errorf("the server got %q, not %q", got, posts)
	}
}
