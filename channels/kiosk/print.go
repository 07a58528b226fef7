package kiosk

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/townline/townline/dialogs/render"
)

// printTime is how long somebody is kept waiting for the printer.
const printTime = 15 * time.Second

// mostPrinted is how many pages are known to have been printed.
const mostPrinted = 64

// printer prints one receipt at a time, and each once: a button that is pressed again, or by a shaking hand, is no second sheet.
type printer struct {
	busy chan struct{} // holds a token while something is printed
	done []string      // tokens of the pages whose receipts were printed, the last one last
}

func newPrinter() *printer { return &printer{busy: make(chan struct{}, 1)} }

// once calls print, unless it did so for this page and it worked.
func (p *printer) once(ctx context.Context, page string, print func() error) error {
	select {
	case p.busy <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.busy }()
	if err := ctx.Err(); err != nil {
		return err // its time is over as well
	}
	if slices.Contains(p.done, page) {
		return nil
	}
	if err := print(); err != nil {
		return err
	}
	p.done = append(p.done, page)
	p.done = p.done[max(len(p.done)-mostPrinted, 0):]
	return nil
}

// print prints the receipt, and says whether it worked.
func (k *Kiosk) print(w http.ResponseWriter, r *http.Request, p *render.Page, v visit, l look) {
	words := "print.no"
	if rec, ok := k.receipt(p); ok && k.s.Print != nil {
		ctx, end := context.WithTimeout(r.Context(), printTime)
		defer end()
		if err := k.printer.once(ctx, v.token(), func() error { return k.s.Print(ctx, rec) }); err != nil {
			k.s.Log.Error("a receipt can't be printed", "error", err)
		} else {
			words = "print.yes"
		}
	}
	k.redraw(w, r, p, v, l, nil, func(s *view) { s.note("note", s.T(words)) })
}

// receipt is what is printed of a last page; false when there is no reference on it.
func (k *Kiosk) receipt(p *render.Page) (Receipt, bool) {
	words := k.s.Phrases.Language(p.Lang)
	rec := Receipt{Town: k.s.Town, Lang: p.Lang, RTL: words.RTL, Title: p.Title, At: k.s.Clock()}
	for _, b := range p.Blocks {
		switch b.Kind {
		case "reference":
			rec.Reference = b.Words
		case "text", "note":
			rec.Lines = append(rec.Lines, b.Words)
		}
	}
	return rec, rec.Reference != "" && (p.Over || p.Asks == "")
}
