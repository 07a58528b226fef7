package kiosk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// secret is what somebody wrote at the kiosk, and nobody after them may find.
const secret = "zebrafinch umbrella"

// quick is a house whose machine asks after a second whether anybody is there.
func quick(h *house) { h.idle, h.warn = time.Second, 2*time.Second }

// told is the sample consultation up to the page after the secret was written, and sent, and written anew and not sent.
func told(t *testing.T, v *visit) {
	t.Helper()
	s := v.to(mainStreet, "Tell us anything else")
	old := v.page()
	v.run(fmt.Sprintf(`document.getElementById(%q).value=%q`, s.fields[0].id, secret))
	v.press(v, "#next")
	v.arrive(old)
	if !strings.Contains(v.sheet().words, secret) {
		t.Fatalf("the review doesn't show what was written: nothing was tested:\n%s", v.where())
	}
	old = v.page()
	v.press(v, button("change.ideas"))
	s = v.arrive(old)
	v.run(fmt.Sprintf(`document.getElementById(%q).value=%q`, s.fields[0].id, secret+" again"))
}

// inWindow is a hand at the whole browser, which has more places to keep something in.
func inWindow(h hand) hand {
	h.look.window = true
	return h
}

// TestNobodyThere: the machine asks, gives as much more time as is wanted, then leaves nothing.
func TestNobodyThere(t *testing.T) {
	h := newHouse(t, quick)
	v := come(t, h, h.serve(), inWindow(handNamed(t, "five keys")))
	told(t, v)
	const asked = `document.querySelector("dialog[open]")`
	for n := range 12 { // WCAG 2.2.1: at least ten times
		v.until(asked)
		if n == 0 {
			if eval[string](v.screen, "document.activeElement.id") != "more" {
				t.Error("the focus is not on what gives more time")
			}
			v.judge(view{lang: "en", kiosk: true, theme: "light"}, "reach", "contrast", "spoken")
		}
		v.wait(520 * time.Millisecond)
		v.key("Enter")
		v.until("!" + asked)
	}
	if got := eval[string](v.screen, `document.querySelector("textarea").value`); got != secret+" again" {
		t.Errorf("after twelve times more time the page holds %q", got)
	}
	v.until(asked)
	begun := time.Now()
	v.until(`document.documentElement.dataset.page==="welcome"`)
	if d := time.Since(begun); d < time.Second || d > 10*time.Second {
		t.Errorf("the page was empty after %v, not after the two seconds that the machine waits", d)
	}
	v.nothingLeft(h)
}

// TestStartedOver: who starts over, and says that they mean it, leaves nothing either.
func TestStartedOver(t *testing.T) {
	h := newHouse(t)
	v := come(t, h, h.serve(), inWindow(handNamed(t, "touch")))
	told(t, v)
	old := v.page()
	v.press(v, button("over"))
	v.arrive(old)
	old = v.page()
	v.press(v, button("over.yes"))
	v.arrive(old)
	v.until(`document.documentElement.dataset.page==="welcome"`)
	v.nothingLeft(h)
}

// TestFinished: so does whoever came to the end.
func TestFinished(t *testing.T) {
	h := newHouse(t)
	v := come(t, h, h.serve(), inWindow(handNamed(t, "touch")))
	told(t, v)
	old := v.page()
	v.press(v, "#next")
	v.arrive(old)
	s := v.follow(mainStreet)
	reference := ""
	for _, f := range strings.Fields(s.words) {
		if strings.Count(f, "-") == 2 {
			reference = strings.Trim(f, ".,")
		}
	}
	old = v.page()
	v.press(v, "#next")
	v.arrive(old)
	v.until(`document.documentElement.dataset.page==="welcome"`)
	v.nothingLeft(h)
	if reference != "" && strings.Contains(v.all(), reference) {
		t.Error("the reference is still there")
	}
	if n := len(h.records("main-street")); n != 1 {
		t.Errorf("%d records", n)
	}
}

func (v *visit) judge(at view, names ...string) {
	v.t.Helper()
	for _, name := range names {
		for _, f := range judgeNamed(v.t, name).look(v.screen, at) {
			v.t.Errorf("%s: %s", name, f)
		}
	}
}

// all is everything that the page on show holds: what is seen, what a screen reader gets, what is filled in, what is kept.
func (v *visit) all() string {
	v.t.Helper()
	var b strings.Builder
	b.WriteString(eval[string](v.screen, `(async()=>[document.documentElement.outerHTML,document.title,JSON.stringify([...document.querySelectorAll("input,textarea")].map(e=>e.value)),
		JSON.stringify({...localStorage}),JSON.stringify({...sessionStorage}),JSON.stringify(await indexedDB.databases()),JSON.stringify(await caches.keys().catch(()=>[])),document.cookie,name,JSON.stringify(history.state)].join("\n"))()`))
	for _, n := range command(v.screen, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		j, _ := json.Marshal(n)
		b.Write(j)
	}
	return b.String()
}

// nothingLeft looks for the visit in the page on show, behind every entry of the browser's history (by its real Back, with
// its real cache of pages), in its cache and cookies, and in the server's log.
func (v *visit) nothingLeft(h *house) {
	v.t.Helper()
	gone := func(where string) {
		v.t.Helper()
		found := v.all()
		for _, s := range []string{"zebrafinch", "umbrella", "10 coins", "Tell us anything"} {
			if strings.Contains(found, s) {
				v.t.Errorf("%s: %q is still there", where, s)
			}
		}
	}
	gone("the page on show")
	for _, k := range command(v.screen, network.GetCookies, network.GetCookiesParams{}).Cookies {
		if strings.HasPrefix(k.Name, "visit") {
			v.t.Errorf("the cookie %s is still there", k.Name)
		}
	}
	cached := eval[string](v.screen, `fetch(document.documentElement.dataset.base,{cache:"only-if-cached",mode:"same-origin"}).then(r=>r.text(),()=>"")`)
	if strings.Contains(cached, "umbrella") || strings.Contains(cached, "coins") {
		v.t.Error("a page is still in the cache")
	}
	h0 := command(v.screen, page.GetNavigationHistory, struct{}{})
	for i := len(h0.Entries) - 1; i >= 0; i-- {
		if !strings.HasPrefix(h0.Entries[i].URL, "http") {
			continue
		}
		command(v.screen, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: h0.Entries[i].ID})
		v.wait(250 * time.Millisecond)
		v.until(`document.readyState==="complete"&&!document.documentElement.hidden`)
		gone(fmt.Sprintf("%d pages back", len(h0.Entries)-1-i))
	}
	if h.overs.Load() == 0 {
		v.t.Error("nobody was told that the visit is over")
	}
	log := h.log.String()
	for _, s := range []string{"zebrafinch", "umbrella", "live", "buses"} {
		if strings.Contains(log, s) {
			v.t.Errorf("the server's log holds %q:\n%s", s, log)
		}
	}
}

// TestBackIsReal: the browser of these tests does keep pages to go back to, so that the tests above look for something. A
// page without our script comes back with what was written in it.
func TestBackIsReal(t *testing.T) {
	h := newHouse(t)
	s := newScreen(t, look{noScript: true, window: true})
	url := h.serve()
	s.open(url + "/web")
	s.run(`document.title="kept"`)
	s.open(url + "/web?other")
	s.back()
	if title := eval[string](s, "document.title"); title != "kept" {
		t.Errorf("Back loads the page again: %q", title)
	}
}

// TestNothingOnDisk looks through the folder that the browser keeps of a person: at the machine each has one of their own,
// which goes with them, and even before it goes nothing is in it.
func TestNothingOnDisk(t *testing.T) {
	h := newHouse(t)
	url := h.serve()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		spoil string
	}{{"a visit", ""}, {"a page that keeps something", fmt.Sprintf(`localStorage.setItem("kept",%q)`, secret)}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(dir), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
			allocated, release := chromedp.NewExecAllocator(t.Context(), flags...)
			defer release()
			ctx, cancel := chromedp.NewContext(allocated)
			defer cancel()
			ctx, stop := context.WithTimeout(ctx, time.Minute)
			defer stop()
			v := &visit{screen: &screen{t, ctx}, hand: handNamed(t, "five keys"), url: url}
			v.do(chromedp.EmulateViewport(kioskWide, kioskHigh))
			v.open(url + "/kiosk")
			told(t, v)
			if c.spoil != "" {
				v.run(c.spoil)
			} else {
				old := v.page()
				v.press(v, button("over"))
				v.arrive(old)
				old = v.page()
				v.press(v, button("over.yes"))
				v.arrive(old)
			}
			if err := chromedp.Cancel(ctx); err != nil && ctx.Err() == nil {
				t.Fatal(err)
			}
			found := inFolder(t, dir, secret)
			if c.spoil == "" && len(found) > 0 {
				t.Errorf("%q is in %v", secret, found)
			}
			if c.spoil != "" && len(found) == 0 {
				t.Error("what a page kept was not found: the search finds nothing")
			}
		})
	}
}

// inFolder names the files that hold some words, in either of the ways that browsers write them.
func inFolder(t *testing.T, dir, words string) (found []string) {
	t.Helper()
	var wide []byte
	for _, u := range utf16.Encode([]rune(words)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		if err == nil && (bytes.Contains(b, []byte(words)) || bytes.Contains(b, wide)) {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
