package dialogtest

import (
	"fmt"
	"strings"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

// Transcript holds the answers of t on one channel and in one language, and writes down every page as its channel shows it.
// Golden files of transcripts show in a review what a change does to what residents read.
func Transcript(town *talk.Town, d *dialogs.Dialog, t Test, channel, lang string) (string, []Failure) {
	t.Channels, t.Lang = []string{channel}, lang
	u := run{town: town, d: d, t: t, result: Result{Test: t}}
	if !u.sound() {
		return "", u.result.Failures
	}
	u.meet(channel)
	u.converse(map[string]bool{})
	if u.result.OK() {
		u.outcome()
	}
	u.r.readsOn() // last words may take several screens
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s, in %s\n", d.ID, channel, lang)
	for _, l := range u.r.Log {
		b.WriteString("\n")
		if l.Page == nil {
			fmt.Fprintf(&b, "%s: %s\n", l.Who, l.Words)
			continue
		}
		writePage(&b, l.Page, l.On)
	}
	for _, rec := range u.r.Kept() {
		fmt.Fprintf(&b, "\nkept: %s\n", worded(rec))
	}
	return b.String(), u.result.Failures
}

func writePage(b *strings.Builder, p *render.Page, t render.Traits) {
	b.WriteString("town")
	if t.GSM {
		n := render.Count(p.Text)
		code := "GSM 7-bit"
		if !n.GSM {
			code = "UCS-2"
		}
		fmt.Fprintf(b, " (%d units of %s", n.Units, code)
		if !t.Live {
			fmt.Fprintf(b, ", %d of a message", n.Segments)
		}
		b.WriteString(")")
	}
	if p.Of > 1 {
		fmt.Fprintf(b, " page %d of %d", p.Number, p.Of)
	}
	b.WriteString(":\n")
	line := func(s string) {
		for l := range strings.SplitSeq(s, "\n") {
			b.WriteString(strings.TrimRight("  | "+l, " ") + "\n")
		}
	}
	switch t.Form {
	case engine.Speech:
		for i := range p.Spoken {
			line(uttered(&p.Spoken[i]))
		}
		if l := p.Listen; l != nil && l.Record > 0 {
			line("(the tone)")
		}
	case engine.Screen:
		for _, x := range p.Blocks {
			line(strings.TrimSpace(fmt.Sprintf("%-9s %s %s", x.Kind, x.Words, x.Answer)))
		}
	default:
		line(p.Text)
	}
	if t.Form != engine.Speech && (t.Form == engine.Screen || t.Buttons > 0) {
		for _, o := range p.Options {
			line(fmt.Sprintf("[%s] %s", o.Digit, o.Label))
		}
	}
}
