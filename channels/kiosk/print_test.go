package kiosk

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/dialogs/render"
)

// TestPrinted: the receipt has the number and what happens next.
func TestPrinted(t *testing.T) {
	var got Receipt
	b, in := at(t, Name, "end", func(s *Settings) { s.Print = func(_ context.Context, r Receipt) error { got = r; return nil } })
	n := len(in.heard)
	b.shows(`<bdi dir="ltr">482-173-5</bdi>`).press("print").shows(words().Language("en").Phrase("screen.print.yes", 3))
	if got.Reference != "482-173-5" || len(got.Lines) != 1 || got.Town != "Elmwood" || !got.At.Equal(noon) || len(in.heard) != n {
		t.Errorf("printed %+v", got)
	}
	b, _ = at(t, Name, "end")
	if strings.Contains(b.page, `value="print"`) {
		t.Error("there is a button for a printer that isn't there")
	}
}

// TestPrintedOnce: pressing again is no second sheet; after a printer that failed it is tried again, and in another language
// there is another one.
func TestPrintedOnce(t *testing.T) {
	sheets, broken := 0, true
	b, in := at(t, Name, "end", func(s *Settings) {
		s.Print = func(context.Context, Receipt) error {
			if broken {
				return errors.New("no paper")
			}
			sheets++
			return nil
		}
	})
	b.press("print").shows(`data-a="p.en.print.no"`)
	broken = false
	for range 3 {
		b.press("print").shows(`data-a="p.en.print.yes"`)
	}
	if sheets != 1 {
		t.Errorf("%d sheets", sheets)
	}
	in.next = []render.Page{pages()["end"]}
	if b.press("language.es").press("print"); sheets != 2 {
		t.Errorf("%d sheets after a turn", sheets)
	}
}

// TestPrinterThatHangs: nobody waits for it longer than a quarter of a minute, nor does who presses meanwhile print twice.
func TestPrinterThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		b, _ := at(t, Name, "end", func(s *Settings) {
			s.Print = func(ctx context.Context, _ Receipt) error {
				asked++
				<-ctx.Done()
				return ctx.Err()
			}
		})
		began := time.Now()
		other := *b
		other.jar = maps.Clone(b.jar)
		var both sync.WaitGroup
		for _, c := range []*caller{b, &other} {
			both.Go(func() { c.press("print") })
		}
		both.Wait()
		for _, c := range []*caller{b, &other} {
			c.shows(`data-a="p.en.print.no"`)
		}
		if took := time.Since(began); took != 15*time.Second || asked != 1 {
			t.Errorf("the printer was asked %d times, for %v", asked, took)
		}
	})
}
