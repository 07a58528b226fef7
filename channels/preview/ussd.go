package preview

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/menu"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// USSDName is the name of the channel that menus on the page have.
const USSDName = Name + ".ussd"

// USSD is the page's phone for menus: whoever dials the town's code gets one screen at a time, as any handset shows it. The
// page is the phone company, too: it gives each menu an id, counts what is sent, asks again where an answer was lost, and
// cuts off who is slow. Nothing of a menu is kept here, and no screen waits longer for the town than a gateway would.
type USSD struct {
	p    *Preview
	menu *menu.Menu
	stem string // of the town's code: "*384*123"
}

var (
	_ channels.Channel = (*USSD)(nil)
	_ channels.Mounter = (*USSD)(nil)
)

// usualCode is dialled where the town has no code of its own.
const usualCode = "*384*123#"

// NewUSSD puts a phone for menus beside the texts of p, before either is mounted. code is what residents dial; "": one
// that is made up. lang is the town's first language; log may be nil.
func NewUSSD(p *Preview, code string, phrases *locales.Catalogue, lang string, log *slog.Logger) *USSD {
	if code == "" {
		code = usualCode
	}
	p.code = code
	u := &USSD{p: p, stem: strings.TrimSuffix(code, "#")}
	u.menu = menu.New(menu.Config{Channel: USSDName, Traits: u.Traits(), Phrases: phrases, Lang: lang, Texts: true, Log: log})
	return u
}

// Name is "preview.ussd".
func (u *USSD) Name() string { return USSDName }

// Traits are those of menus.
func (u *USSD) Traits() render.Traits {
	t := render.USSD
	t.Name = USSDName
	return t
}

// Deliver refuses: a menu is open only while the resident holds it open.
func (u *USSD) Deliver(context.Context, channels.Address, render.Page, string) (string, error) {
	return "", channels.Gone(errors.New("preview: nobody can be written to by menu"), "menu")
}

// Wait waits for the turns that took longer than the phone waited.
func (u *USSD) Wait() { _ = u.menu.Close() }

const (
	mostKeyed   = 160 // characters of one answer: what a screen holds
	mostDialled = 60  // of a code
)

// Mount serves the menus' part of the page. The page itself is Preview's.
func (u *USSD) Mount(mux *http.ServeMux, in channels.Inbox) {
	guard := http.NewCrossOriginProtection()
	u.p.inbox = in
	for path, take := range map[string]http.HandlerFunc{"dial": u.takeDial, "send": u.takeSend, "end": u.takeEnd} {
		mux.Handle("POST /preview/ussd/"+path, u.p.hosted(guard.Handler(take)))
	}
}

// keyed is one request of the phone's: {"from": "+1…", "session": "…", "number": 2, "words": "1"}. The same number in the
// same session again is the same request.
type keyed struct {
	From    string `json:"from"`
	Session string `json:"session"`
	Number  int    `json:"number"` // its place in the session; 1 is the code
	Code    string `json:"code"`   // dial
	Words   string `json:"words"`  // send
}

// Screen is what the phone shows next.
type Screen struct {
	Words string `json:"words"`
	Lang  string `json:"lang,omitempty"`
	Over  bool   `json:"over"`  // the menu closes with it
	Units int    `json:"units"` // how long it is: septets, or UCS-2 where GSM is false
	Most  int    `json:"most"`  // how long it may be
	GSM   bool   `json:"gsm"`
	Kept  []Kept `json:"kept"`
	Now   string `json:"now"`
}

// takeDial opens a menu by the town's code, and perhaps what is dialled after it.
func (u *USSD) takeDial(w http.ResponseWriter, r *http.Request) {
	in, ok := u.read(w, r)
	if !ok {
		return
	}
	words, ok := u.dialled(in.Code)
	if !ok {
		http.Error(w, "this code leads nowhere", http.StatusNotFound)
		return
	}
	u.take(w, r, in, channels.Dialed, words)
}

// takeSend takes an answer to the screen on show.
func (u *USSD) takeSend(w http.ResponseWriter, r *http.Request) {
	if in, ok := u.read(w, r); ok {
		u.take(w, r, in, channels.Message, in.Words)
	}
}

// takeEnd closes a menu: the resident cancelled, or was slow.
func (u *USSD) takeEnd(w http.ResponseWriter, r *http.Request) {
	if in, ok := u.read(w, r); ok {
		u.take(w, r, in, channels.HungUp, "")
	}
}

// dialled is what was dialled after the town's code: "*384*123*1#" is "1". ok is false for another's code.
func (u *USSD) dialled(code string) (words string, ok bool) {
	code = strings.Join(strings.Fields(code), "")
	rest, ok := strings.CutPrefix(code, u.stem)
	if !ok || len(code) > mostDialled {
		return "", false
	}
	if rest, ok = strings.CutSuffix(rest, "#"); !ok || rest == "" {
		return "", ok
	}
	words, ok = strings.CutPrefix(rest, "*")
	return words, ok && words != "" && strings.Trim(words, "0123456789*") == ""
}

func (u *USSD) read(w http.ResponseWriter, r *http.Request) (in keyed, ok bool) {
	if !u.p.read(w, r, &in) {
		return in, false
	}
	if !u.p.knows(in.From) || in.Session == "" || len(in.Session) > 64 || in.Number < 1 || !utf8.ValidString(in.Words) || utf8.RuneCountInString(in.Words) > mostKeyed {
		http.Error(w, "there is no such handset, or the answer is too long", http.StatusBadRequest)
		return in, false
	}
	return in, true
}

// take hands a request to the town. A page that has gone away meanwhile changes nothing about it.
func (u *USSD) take(w http.ResponseWriter, r *http.Request, in keyed, kind channels.EventKind, words string) {
	shown, err := u.menu.Turn(r.Context(), u.p.inbox, channels.Event{
		Channel: USSDName, From: channels.Address{Kind: "tel", ID: in.From}, To: Name, Kind: kind, Words: words,
		Session: &channels.Session{ID: in.Session, Number: in.Number}, At: u.p.town.Now(),
	})
	if err != nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the town can't take this now", http.StatusServiceUnavailable)
		return
	}
	state := u.p.state(in.From, 1<<30)
	out := Screen{Words: shown.Text, Lang: shown.Lang, Over: shown.Over, Kept: state.Kept, Now: state.Now}
	n, t := render.Count(shown.Text), u.Traits()
	if out.Units, out.Most, out.GSM = n.Units, t.Limit, n.GSM; !n.GSM {
		out.Most = t.Limit16
	}
	answer(w, out)
}
