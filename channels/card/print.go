package card

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"regexp"
)

// Paper is what a card is printed on.
type Paper string

const (
	A4     Paper = "a4"
	Letter Paper = "letter"
)

// MostPages of one sheet: its two sides.
const MostPages = 2

//go:embed card.html
var cardFile string

// HTML is sheets as a document of its own, to be printed by any browser.
func HTML(paper Paper, sheets []Sheet) ([]byte, error) {
	if paper != A4 && paper != Letter {
		return nil, fmt.Errorf("card: there is no paper %q; there are a4 and letter", string(paper))
	}
	t, err := template.New("card").Parse(cardFile)
	if err != nil {
		return nil, fmt.Errorf("card: %w", err)
	}
	var b bytes.Buffer
	lang, size := "en", map[Paper]string{A4: "A4", Letter: "letter"}[paper]
	if len(sheets) > 0 {
		lang = sheets[0].Lang
	}
	err = t.Execute(&b, struct {
		Lang   string
		Paper  template.CSS
		Sheets []*Sheet
	}{lang, template.CSS(size), pointers(sheets)}) //nolint:gosec // one of two words of ours
	if err != nil {
		return nil, fmt.Errorf("card: %w", err)
	}
	return b.Bytes(), nil
}

func pointers(sheets []Sheet) []*Sheet {
	out := make([]*Sheet, len(sheets))
	for i := range sheets {
		out[i] = &sheets[i]
	}
	return out
}

var pageObject = regexp.MustCompile(`/Type\s*/Page\b[^s]`)

// Pages counts the pages of a PDF that a browser made.
func Pages(pdf []byte) int { return len(pageObject.FindAll(pdf, -1)) }
