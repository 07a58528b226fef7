package kiosk

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

// TestClips: words of pages have clips that any server finds; the visitor's own go when they go.
func TestClips(t *testing.T) {
	b, _ := at(t, Name, "choice")
	for path, want := range map[string]string{
		"p.en.next.mp3": "<en:Continue>", "p.es.next.opus": "<es:Continuar>", "k.en.61.mp3": "<en:a>", "k.ar.2b.mp3": "<ar:+>", "k.en.4e00.mp3": "<sorry en>", "k.en.1f600.mp3": "<sorry en>", "gap.mp3": "<sorry en>",
		"p.en.nothing.mp3": "<sorry en>", "p.tlh.next.mp3": "<sorry en>", "0123.mp3": "<sorry en>",
	} {
		if b.get("/kiosk/audio/" + path); b.page != want {
			t.Errorf("%s is %q, want %q", path, b.page, want)
		}
	}
	if b.get("/kiosk/say.mp3"); b.page != "<en:Question 3 of 9 or fewer><en:How do you come?><en:On foot><en:By bicycle><en:By bus><en:Continue><en:Back>" {
		t.Errorf("the page says %s", b.page)
	}
	b.ask(http.MethodPost, "/kiosk/say", "text/plain", "Rosa")
	if key := b.page; b.get("/kiosk/audio/"+key+".mp3").page != "<en:Rosa>" {
		t.Errorf("%q says %q", key, b.page)
	}
	b.jar = nil
	b.ask(http.MethodPost, "/kiosk/say", "text/plain", "Rosa")
	if b.status != http.StatusBadRequest {
		t.Errorf("somebody without a visit had something said: %d", b.status)
	}
}

// TestWhatIsTypedIsSaidWithinReason: no hand comes to the end of what may be said, a program does; and a visit that is made up has
// nothing said.
func TestWhatIsTypedIsSaidWithinReason(t *testing.T) {
	now := noon
	b, in := at(t, WebName, "text", func(s *Settings) { s.Clock = func() time.Time { return now } })
	say := func() int { return b.ask(http.MethodPost, "/web/say", "text/plain", "Rosa").status }
	for n := range mostAtOnce {
		if say() != http.StatusOK {
			t.Fatalf("the %dth was too much", n+1)
		}
	}
	if in.looks > mostAtOnce/2 {
		t.Errorf("the town was asked %d times who that is", in.looks)
	}
	if say() != http.StatusTooManyRequests || b.heads.Get("Retry-After") == "" {
		t.Errorf("there is no end: %d", b.status)
	}
	now = now.Add(2 * time.Second)
	for n := range 2*eachSecond + 1 {
		want := http.StatusOK
		if n == 2*eachSecond {
			want = http.StatusTooManyRequests
		}
		if got := say(); got != want {
			t.Errorf("after two seconds, the %dth: %d", n+1, got)
		}
	}
	in.shown = nil // as for a visit that nobody knows
	v, err := newVisit(counting(99))
	if err != nil {
		t.Fatal(err)
	}
	b.jar["visit-web"] = v.cookie()
	if say() != http.StatusBadRequest {
		t.Errorf("a visit that was made up had something said: %d", b.status)
	}
	var a asides
	for n := range 3 * mostVisits {
		a.may(strconv.Itoa(n), now)
	}
	if len(a.visits) > mostVisits {
		t.Errorf("%d visits are remembered", len(a.visits))
	}
}
