package kiosk

import (
	"context"
	"net/http"
	"slices"
	"sync"
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

	mu    sync.Mutex
	under map[string]*printing // by the page's token, those that wait or are printed now
	done  []string             // tokens of the pages whose receipts were printed, the last one last
}

// printing is a receipt on its way: whoever presses meanwhile hears what became of it.
type printing struct {
	over chan struct{} // closed once err is known
	err  error
}

func newPrinter() *printer {
	return &printer{busy: make(chan struct{}, 1), under: map[string]*printing{}}
}

// once calls print, unless it did so for this page and it worked, or does so now: then it waits for that.
func (p *printer) once(ctx context.Context, page string, print func() error) error {
	p.mu.Lock()
	if slices.Contains(p.done, page) {
		p.mu.Unlock()
		return nil
	}
	if s, ok := p.under[page]; ok {
		p.mu.Unlock()
		select {
		case <-s.over:
			return s.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s := &printing{over: make(chan struct{})}
	p.under[page] = s
	p.mu.Unlock()
	s.err = p.alone(ctx, print)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.under, page)
	if s.err == nil {
		p.done = append(p.done, page)
		p.done = p.done[max(len(p.done)-mostPrinted, 0):]
	}
	close(s.over)
	return s.err
}

// alone calls print when no other page is being printed.
func (p *printer) alone(ctx context.Context, print func() error) error {
	select {
	case p.busy <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.busy }()
	if err := ctx.Err(); err != nil {
		return err // its time is over as well
	}
	return print()
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
