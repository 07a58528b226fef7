package kiosk

import (
	"net/http"
	"testing"
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
