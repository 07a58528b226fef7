package kiosk

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
)

//go:embed page/clauses.html
var clausesFile string

//go:embed page/staff.css
var staffStyle string

// Reviewed is the day on which the table was last gone through as a whole, as the statement says it.
const Reviewed = "2026-11-23"

// Format is a way to write the table of clauses.
type Format string

const (
	Text     Format = "text"
	Markdown Format = "markdown"
	HTML     Format = "html"
)

// standardPart is a standard with its clauses, as they are printed.
type standardPart struct {
	Standard Standard
	Edition  string
	Clauses  []Clause
	Sum      string
}

func standardParts(list []Clause) []standardPart {
	var out []standardPart
	for _, s := range Standards() {
		p := standardPart{Standard: s.Standard, Edition: s.Edition, Sum: sum(Count(list, s.Standard))}
		for _, c := range list {
			if c.Standard == s.Standard {
				p.Clauses = append(p.Clauses, c)
			}
		}
		if len(p.Clauses) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// sum tells the counts in words: "57 by test, 9 by hand, 0 …".
func sum(n map[Verdict]int) string {
	var out []string
	for _, v := range Verdicts() {
		out = append(out, fmt.Sprintf("%d %s", n[v], v))
	}
	return strings.Join(out, ", ")
}

// Evidence is what there is to show for a clause, in one line.
func (c Clause) Evidence() string {
	var out []string
	if len(c.Like) > 0 {
		out = append(out, "As EN 301 549, "+strings.Join(c.Like, " and ")+".")
	}
	switch {
	case len(c.Tests) == 0:
	case c.Verdict == Proved:
		out = append(out, strings.Join(c.Tests, ", ")+".")
	case c.Only != "":
		out = append(out, "On the web: "+strings.Join(c.Tests, ", ")+".")
	default:
		out = append(out, "Of a part: "+strings.Join(c.Tests, ", ")+".")
	}
	if c.Note != "" {
		out = append(out, c.Note)
	}
	return strings.Join(out, " ")
}

// Says is the verdict in words, with where it holds.
func (c Clause) Says() string {
	if c.Only != "" {
		return string(c.Verdict) + " at the machine"
	}
	return string(c.Verdict)
}

// WriteConformance writes list, all of Conformance or some of it. HTML is a page of its own.
func WriteConformance(w io.Writer, f Format, list []Clause) error {
	switch f {
	case HTML:
		return writeClausesPage(w, list, "")
	case Markdown:
		return writeMarkdown(w, list)
	}
	return writeText(w, list)
}

func writeText(w io.Writer, list []Clause) error {
	var b bytes.Buffer
	for _, p := range standardParts(list) {
		fmt.Fprintf(&b, "%s\n  %s\n  %s\n\n", p.Standard, p.Edition, p.Sum)
		for _, c := range p.Clauses {
			fmt.Fprintf(&b, "%s %s%s: %s\n", c.Number(), c.Title, inBrackets(c), c.Asks)
			fmt.Fprintf(&b, "    %s: %s\n", c.Says(), c.Evidence())
		}
		b.WriteString("\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

func inBrackets(c Clause) string {
	var l []string
	if c.Level != "" {
		l = append(l, c.Level)
	}
	if c.Memory {
		l = append(l, "from memory")
	}
	if len(l) == 0 {
		return ""
	}
	return " (" + strings.Join(l, ", ") + ")"
}

func writeMarkdown(w io.Writer, list []Clause) error {
	var b bytes.Buffer
	b.WriteString("# Accessibility: clause by clause\n\n" + aboutTable + "\n")
	cell := strings.NewReplacer("|", "\\|", "\n", " ")
	for _, p := range standardParts(list) {
		fmt.Fprintf(&b, "\n## %s\n\n%s. %s.\n\n| Clause | What it asks | How we know |\n|---|---|---|\n", p.Standard, p.Edition, p.Sum)
		for _, c := range p.Clauses {
			fmt.Fprintf(&b, "| %s %s%s | %s | **%s** %s |\n", c.Number(), cell.Replace(c.Title), inBrackets(c), cell.Replace(c.Asks), c.Says(), cell.Replace(c.Evidence()))
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

const aboutTable = "What each clause asks is told in our words, not the standard's. \"By test\" is proved by the tests that are named, each time they run; \"by hand\" is for a person to look at or listen to; \"hardware\" depends on what is bought and where it is put; \"from memory\" marks a clause whose text could not be had, and is to be checked before it is relied on. The last look at all of it: " + Reviewed + "."

// staffPage is a template of a page for staff, in English, with its style.
func staffPage(file string) *template.Template {
	return template.Must(template.New("staff").Parse(file))
}

// staffCSS is their style, as it stands in the pages.
func staffCSS() template.CSS { return template.CSS(squeeze(staffStyle)) } // a file of ours

// writeClausesPage writes the table as a page; back is where its link leads to, "" for none.
func writeClausesPage(w io.Writer, list []Clause, back string) error {
	return staffPage(clausesFile).Execute(w, struct {
		CSS   template.CSS
		About string
		Back  string
		Sum   string
		Parts []standardPart
	}{staffCSS(), aboutTable, back, sum(Count(list, "")), standardParts(list)})
}

// sendStaff sends a page for staff. script is what stands in its script element, "" for none; devices are what it may use.
func (k *Kiosk) sendStaff(w http.ResponseWriter, status int, page []byte, script, devices string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	scripts := ""
	if script != "" {
		scripts = "script-src '" + hashOf(script) + "'; "
	}
	h.Set("Content-Security-Policy", "default-src 'none'; "+scripts+"style-src '"+hashOf(string(staffCSS()))+"'; media-src 'self' blob:; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Permissions-Policy", devices)
	w.WriteHeader(status)
	_, _ = w.Write(page)
}

// showClauses answers GET {base}/accessibility/clauses: the table, in English.
func (k *Kiosk) showClauses(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	if err := writeClausesPage(&b, Conformance(), k.base+"/accessibility"); err != nil {
		k.s.Log.Error("a page can't be written", "channel", k.name, "error", err)
		http.Error(w, "this page can't be shown", http.StatusInternalServerError)
		return
	}
	k.sendStaff(w, http.StatusOK, b.Bytes(), "", "microphone=(), camera=(), geolocation=()")
}
