package kiosk

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

//go:embed page/page.html
var pageFile string

//go:embed page/style.css
var styleFile string

// paper is what every page is made of. It never changes.
type paper struct {
	page  *template.Template
	css   template.CSS
	style string // the style's hash, as a content security policy names it
	zips  sync.Pool
}

func newPaper(channel string) *paper {
	css := squeeze(linesFor(channel, styleFile))
	return &paper{
		page: template.Must(template.New("page").Parse(pageFile)),
		css:  template.CSS(css), style: hashOf(css), // a file of ours
		zips: sync.Pool{New: func() any {
			z, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
			if err != nil {
				panic(err) // the level is one of gzip's own
			}
			return z
		}},
	}
}

// program is a script, and its hash as a content security policy names it.
type program struct {
	code template.JS
	hash string
}

func newProgram(p parts) program {
	js, hash := script(p)
	return program{template.JS(js), hash} // files of ours
}

// policyOf is the content security policy of all pages of a channel, because the script shows one in the place of another.
func policyOf(style string, programs ...program) string {
	hashes := ""
	for _, p := range programs {
		hashes += " '" + p.hash + "'"
	}
	return "default-src 'none'; script-src" + hashes + "; style-src '" + style + "'; connect-src 'self'; media-src 'self' blob:; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// linesFor leaves out the lines of a style sheet that are for another channel.
func linesFor(channel, css string) string {
	css = strings.ReplaceAll(css, "\n"+channel+":", "\n")
	return regexp.MustCompile(`\n(?:`+Name+`|`+WebName+`):.*`).ReplaceAllString(css, "")
}

// squeeze takes comments, and blanks that mean nothing, out of a style sheet.
func squeeze(css string) string {
	css = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(css, "")
	css = regexp.MustCompile(`\s*\n\s*`).ReplaceAllString(css, "")
	return strings.TrimSpace(strings.ReplaceAll(css, ";}", "}"))
}

// write sends a page: one answer, small, and nobody may keep it.
func (k *Kiosk) write(w http.ResponseWriter, r *http.Request, status int, s *view) {
	s.JS = k.light.code
	switch {
	case s.Record:
		s.JS = k.full.code
	case len(s.Fields)+len(s.Shares) > 0:
		s.JS = k.typed.code
	}
	var b bytes.Buffer
	if err := k.paper.page.Execute(&b, s); err != nil {
		k.s.Log.Error("a page can't be written", "channel", k.name, "error", err)
		http.Error(w, "this page can't be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", k.policy)
	if !k.records() { // one page may be shown in the place of another, under its policy
		h.Set("Permissions-Policy", "microphone=()")
	}
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var small bytes.Buffer
		z := k.paper.zips.Get().(*gzip.Writer)
		z.Reset(&small)
		_, err := z.Write(b.Bytes())
		if err == nil {
			err = z.Close()
		}
		k.paper.zips.Put(z)
		if err == nil {
			h.Set("Content-Encoding", "gzip")
			b = small
		}
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes())
	}
}
