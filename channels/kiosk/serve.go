package kiosk

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// guarded refuses requests by a host name that isn't ours, and sets the headers that keep pages to themselves.
func (k *Kiosk) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !k.knowsHost(r.Host) {
			http.Error(w, "this page is not to be had by this name", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // none at all would hide where a form comes from
		next.ServeHTTP(w, r)
	})
}

func (k *Kiosk) knowsHost(host string) bool {
	if k.s.Hosts == nil {
		return true
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return slices.ContainsFunc(k.s.Hosts, func(known string) bool { return strings.EqualFold(known, host) })
}

// event is what came from a visitor, as far as every event is alike.
func (k *Kiosk) event(v visit, e channels.Event) channels.Event {
	e.Channel, e.From, e.At = k.name, channels.Address{Kind: k.name, ID: v.id}, k.s.Clock()
	return e
}

// looked is what is on show for a visitor; nil when there is nothing.
func (k *Kiosk) looked(ctx context.Context, v visit) (*render.Page, error) {
	r, err := k.inbox.Receive(ctx, k.event(v, channels.Event{Kind: channels.Looked, ID: v.last}))
	if err != nil {
		return nil, err
	}
	return merged(r), nil
}

// show answers GET: where the visitor is.
func (k *Kiosk) show(w http.ResponseWriter, r *http.Request) {
	l := k.lookOf(r)
	lang := k.asked(r, l)
	v, ok := k.visitOf(r)
	if !ok {
		q := r.URL.Query()
		switch {
		case q.Has("begun"): // the cookie did not come back
			s := k.plain(lang, l, nil, "cookies", "cookies.text")
			s.Again = true
			s.back("", "try")
			s.finish()
			k.write(w, r, http.StatusOK, s)
		case q.Has("code"):
			k.write(w, r, http.StatusOK, k.codePage(lang, l, nil, &form{}, nil))
		default:
			k.write(w, r, http.StatusOK, k.welcome(lang, l, ""))
		}
		return
	}
	p, err := k.looked(r.Context(), v)
	if err != nil {
		k.away(w, r, lang, l, &v, nil, err)
		return
	}
	if p == nil { // nobody knows this visit any more
		k.forget(w, r)
		k.write(w, r, http.StatusOK, k.welcome(lang, l, ""))
		return
	}
	if r.URL.Query().Has("code") { // a code's picture was scanned while a visit is open
		k.write(w, r, http.StatusOK, k.codePage(lang, l, &v, &form{}, nil))
		return
	}
	f := k.draftOf(r, p)
	s := k.draw(p, v, l, f)
	if f != nil && f.lost {
		s.note("note", s.T("lost"))
	}
	s.finish()
	k.write(w, r, http.StatusOK, s)
}

// away tells that the town can't be reached. What was filled in stays on the page.
func (k *Kiosk) away(w http.ResponseWriter, r *http.Request, lang string, l look, v *visit, f *form, err error) {
	if r.Context().Err() == nil {
		k.s.Log.Log(r.Context(), channels.Level(err), "a page can't be served", "channel", k.name, "error", err)
	}
	w.Header().Set("Retry-After", "5")
	k.write(w, r, http.StatusServiceUnavailable, k.wait(lang, l, v, f))
}

// post takes a form.
func (k *Kiosk) post(w http.ResponseWriter, r *http.Request) {
	l := k.lookOf(r)
	lang := k.asked(r, l)
	f, err := readForm(w, r, &k.files)
	if err != nil {
		status := http.StatusBadRequest
		if errors.Is(err, errLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		s := k.plain(lang, l, nil, "large", "large.text")
		s.Again = true
		s.back("", "try")
		s.finish()
		k.write(w, r, status, s)
		return
	}
	defer k.files.give(f.took)
	l = l.with(f.do)
	v, ok := k.visitOf(r)
	if f.late && ok {
		k.away(w, r, lang, l, &v, f, errLoad)
		return
	}
	if !ok {
		k.arrive(w, r, f, l, lang)
		return
	}
	fresh := f.token == v.token()
	if f.do == "over.yes" {
		if fresh || f.token == v.end() {
			k.leave(w, r, v)
			return
		}
		http.Redirect(w, r, k.base, http.StatusSeeOther)
		return
	}
	if f.token == v.last && f.token != "" { // sent twice: it was taken
		http.Redirect(w, r, k.base, http.StatusSeeOther)
		return
	}
	p, err := k.looked(r.Context(), v)
	if err != nil {
		k.away(w, r, lang, l, &v, f, err)
		return
	}
	if p == nil {
		k.forget(w, r)
		k.write(w, r, http.StatusOK, k.welcome(lang, l, "again"))
		return
	}
	if !fresh {
		k.redraw(w, r, p, v, l, nil, func(s *view) { s.note("note", s.T("stale")) })
		return
	}
	k.press(w, r, p, v, l, f)
}

// redraw shows the page once more, with what was filled in and what there is to say about it. No turn is taken.
func (k *Kiosk) redraw(w http.ResponseWriter, r *http.Request, p *render.Page, v visit, l look, f *form, more ...func(*view)) {
	k.remember(w, r, nil, l)
	s := k.draw(p, v, l, f)
	if f != nil && f.lost && s.Kind == "question" {
		s.note("note", s.T("lost"))
	}
	for _, add := range more {
		add(s)
	}
	s.finish()
	k.write(w, r, http.StatusOK, s)
}

// press takes a button of the page on show.
func (k *Kiosk) press(w http.ResponseWriter, r *http.Request, p *render.Page, v visit, l look, f *form) {
	words := k.s.Phrases.Language(p.Lang)
	what, _, _ := strings.Cut(f.do, ".")
	if !k.records() {
		f.sound = nil
	}
	switch {
	case f.at == "code" && f.do != "on":
		k.code(w, r, p.Lang, l, &v, f)
		return
	case f.do == "settings", f.do == "over":
		f.at, f.lost = f.do, f.lost || f.files()
		k.redraw(w, r, p, v, l, f)
		return
	case f.do == "on":
		f.at = ""
		if hasCode(p) {
			f.at = "on"
		}
		if !f.typed && len(f.options) == 0 { // nothing was filled in when the page was left
			before := filled(p)
			before.at, before.lost = f.at, f.lost
			f = before
		}
		k.redraw(w, r, p, v, l, f)
		return
	case what == "size", what == "theme", what == "rate", what == "loud", what == "sound":
		k.redraw(w, r, p, v, l, f)
		return
	case f.do == "print":
		k.print(w, r, p, v, l)
		return
	case f.edit(p, words.Tag, k.s.Clock()):
		f.lost = f.lost || f.files()
		k.redraw(w, r, p, v, l, f)
		return
	}
	e, wrong, err := k.understood(r.Context(), f, p, words)
	if err != nil {
		k.away(w, r, p.Lang, l, &v, f, err)
		return
	}
	if wrong != nil {
		f.lost = f.files() && f.picture == nil // what is wrong with a picture is said already
		k.redraw(w, r, p, v, l, f, func(s *view) { s.wrong(wrong) })
		return
	}
	e.ID = v.token()
	reply, err := k.inbox.Receive(r.Context(), k.event(v, e))
	if err != nil {
		k.away(w, r, p.Lang, l, &v, f, err)
		return
	}
	v.last = e.ID
	k.layAside(w, r, p, f)
	if n := merged(reply); n != nil && slices.Contains(k.s.Languages, n.Lang) {
		l.Lang = n.Lang
	}
	k.remember(w, r, &v, l)
	http.Redirect(w, r, k.base, http.StatusSeeOther)
}

// arrive takes a form of somebody who has no visit yet.
func (k *Kiosk) arrive(w http.ResponseWriter, r *http.Request, f *form, l look, lang string) {
	what, to, _ := strings.Cut(f.do, ".")
	if f.do == "over.yes" && f.token == nobody {
		k.forget(w, r)
		http.Redirect(w, r, k.base, http.StatusSeeOther)
		return
	}
	if what == "language" && slices.Contains(k.s.Languages, to) {
		l.Lang, lang = to, to
	}
	k.remember(w, r, nil, l)
	switch {
	case f.token != "": // of a visit that is over
		k.write(w, r, http.StatusOK, k.welcome(lang, l, "again"))
	case f.do == "settings":
		k.write(w, r, http.StatusOK, k.choose(lang, l))
	case f.at == "settings" && f.do != "on":
		k.write(w, r, http.StatusOK, k.choose(lang, l))
	case f.do == "code":
		k.write(w, r, http.StatusOK, k.codePage(lang, l, nil, &form{}, nil))
	case f.at == "code" && f.do != "on":
		k.code(w, r, lang, l, nil, f)
	case f.do == "begin", f.do == "next", f.do == "", what == "language":
		k.begin(w, r, l, lang, nil, nil)
	default:
		k.write(w, r, http.StatusOK, k.welcome(lang, l, ""))
	}
}

// choose is the settings' page before a visit.
func (k *Kiosk) choose(lang string, l look) *view {
	s := k.newView(lang, l, nil)
	if k.s.Town != "" {
		s.Service = s.say("", k.s.Town)
	}
	s.Stage = "settings"
	s.settings(&form{})
	s.finish()
	return s
}

// code takes the page that asks for a code: of somebody who has a visit, or, where that is nil, none yet.
func (k *Kiosk) code(w http.ResponseWriter, r *http.Request, lang string, l look, open *visit, f *form) {
	if f.do == "next" || f.do == "" {
		if strings.TrimSpace(f.text) == "" {
			k.write(w, r, http.StatusOK, k.codePage(lang, l, open, f, &mistake{key: "screen.wrong.write", field: "t"}))
			return
		}
		k.begin(w, r, l, lang, open, f)
		return
	}
	f.at = ""
	f.edit(&render.Page{}, lang, k.s.Clock())
	k.write(w, r, http.StatusOK, k.codePage(lang, l, open, f, nil))
}

// begin starts a visit, with a code that was brought or without; in a visit that is open, the code is brought to it.
func (k *Kiosk) begin(w http.ResponseWriter, r *http.Request, l look, lang string, open *visit, code *form) {
	v, err := newVisit(k.s.Entropy)
	if err != nil {
		k.away(w, r, lang, l, open, code, err)
		return
	}
	if open != nil {
		v = *open
	}
	events := []channels.Event{{Kind: channels.Dialed, Lang: lang}}
	if code != nil {
		events = append(events, channels.Event{Words: strings.TrimSpace(code.text), Lang: lang})
	}
	for _, e := range events {
		e.ID = v.token()
		if _, err = k.inbox.Receive(r.Context(), k.event(v, e)); err != nil {
			k.away(w, r, lang, l, open, code, err)
			return
		}
		v.last = e.ID
	}
	l.Lang = lang
	k.remember(w, r, &v, l)
	http.Redirect(w, r, k.base+"?begun", http.StatusSeeOther)
}

// leave ends a visit: nothing of it stays in the browser, nor in the shelf.
func (k *Kiosk) leave(w http.ResponseWriter, r *http.Request, v visit) {
	if _, err := k.inbox.Receive(r.Context(), k.event(v, channels.Event{Kind: channels.HungUp, ID: v.end()})); err != nil {
		k.s.Log.Error("the end of a visit can't be told", "channel", k.name, "error", err)
	}
	if k.s.Sound != nil {
		k.s.Sound.Forget(v.voice())
	}
	k.asides.forget(v.voice())
	k.forget(w, r)
	if k.s.Over != nil {
		k.s.Over(v.id)
	}
	http.Redirect(w, r, k.base, http.StatusSeeOther)
}
