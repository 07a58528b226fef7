package desk

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/channels"
)

//go:embed page
var files embed.FS

const (
	mostForm = 16 << 10         // bytes
	patience = 12 * time.Second // that an act may take before the clerk is told to try once more
	pageTime = 25 * time.Second // that all of a page may take
)

var _ channels.Mounter = (*Desk)(nil)

// Mount serves the page at /desk.
func (d *Desk) Mount(mux *http.ServeMux, _ channels.Inbox) {
	if !d.Served() {
		return
	}
	guard := http.NewCrossOriginProtection()
	handle := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, d.kept(guard.Handler(h))) }
	for name, kind := range map[string]string{"app.js": "text/javascript", "style.css": "text/css"} {
		text, err := fs.ReadFile(files, "page/"+name)
		if err != nil {
			panic(err) // the file is embedded
		}
		handle("GET /desk/"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind+"; charset=utf-8")
			_, _ = w.Write(text)
		})
	}
	handle("GET /desk/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "../desk", http.StatusMovedPermanently)
	})
	handle("GET /desk/login", d.showLogin)
	handle("POST /desk/login", d.logIn)
	handle("POST /desk/logout", d.inside(d.logOut))
	handle("GET /desk", d.inside(d.showList))
	handle("GET /desk/case/{id}", d.inside(d.showCase))
	handle("POST /desk/case/{id}", d.inside(d.act))
	handle("GET /desk/case/{id}/media", d.inside(d.showMedia))
}

// kept sets the headers that keep the page to itself.
func (d *Desk) kept(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; media-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
		next.ServeHTTP(w, r)
	})
}

// inside lets clerks through, with a form that is theirs; others are shown where to log in.
func (d *Desk) inside(h func(http.ResponseWriter, *http.Request, *shift)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), pageTime)
		defer cancel()
		r = r.WithContext(ctx)
		if err := r.ParseForm(); err != nil {
			unread(w, err)
			return
		}
		s := d.at(r)
		switch {
		case s == nil && r.URL.Query().Get("part") != "":
			http.Error(w, "log in", http.StatusUnauthorized)
			return
		case s == nil && len(d.s.Clerks) == 0:
			http.Error(w, "This page is for the town's own machine. Give your clerks passwords (desk.clerks), and they can use it anywhere.", http.StatusForbidden)
			return
		case s == nil && r.PathValue("id") != "" && strings.TrimSpace(r.PostFormValue("words")) != "":
			d.tooLate(w, r)
			return
		case s == nil:
			http.Redirect(w, r, d.up(r)+"desk/login", http.StatusSeeOther)
			return
		case r.Method == http.MethodPost && !s.meant(r) && r.PathValue("id") != "" && strings.TrimSpace(r.PostFormValue("words")) != "":
			d.showWhole(w, r, s, "That form was too old, and nothing was sent. Your words stand below: please look once more.", r.PostFormValue("words"), http.StatusForbidden)
			return
		case r.Method == http.MethodPost && !s.meant(r):
			http.Error(w, "That form is too old. Go back, and load the page again.", http.StatusForbidden)
			return
		}
		channels.Trust(w)
		h(w, r, s)
	}
}

// unread refuses a form that can't be read.
func unread(w http.ResponseWriter, err error) {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		http.Error(w, "That is too long. Go back, and write less.", http.StatusRequestEntityTooLarge)
		return
	}
	http.Error(w, "This form can't be read.", http.StatusBadRequest)
}

// up leads from a page to what stands beside /desk, wherever a proxy has put the town.
func (d *Desk) up(r *http.Request) string {
	return strings.Repeat("../", max(strings.Count(r.URL.Path, "/")-1, 0))
}

// here says whether a request comes from this very machine, through nobody else, by a name that no other site can have.
func (d *Desk) here(r *http.Request) bool {
	for _, name := range [...]string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"} {
		if len(r.Header[name]) > 0 {
			return false
		}
	}
	from, err := netip.ParseAddr(host(r.RemoteAddr))
	if err != nil || !from.Unmap().IsLoopback() {
		return false
	}
	name := host(r.Host)
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return true
	}
	return slices.ContainsFunc(d.s.Hosts, func(known string) bool { return strings.EqualFold(known, name) })
}

func host(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}
