package outpost

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Slip is what a visitor takes home on paper. No answer and no name is on it.
type Slip struct {
	Town      string
	Lang      string
	RTL       bool
	Title     string
	Reference string // in groups of digits
	Lines     []string
	At        string // the day, in the visitor's language
}

// Printer prints slips by CUPS, in large type. The name of the job says nothing, and nothing of it stays on the machine.
type Printer struct {
	Queue   string
	Name    string   // of the kiosk
	Browser *Browser // makes the page, in every script that the screen can show; nil: plain text, for Latin scripts
	Dir     string   // for the page, until it is handed over; "": in memory, or where temporary files are
}

//go:embed slip.html
var slipFile string

// printTime is how long a person is kept waiting for the printer to take a slip.
const printTime = 15 * time.Second

// Print hands a slip to the printer's queue and returns once CUPS has it.
func (p *Printer) Print(ctx context.Context, s Slip) error {
	ctx, cancel := context.WithTimeout(ctx, printTime)
	defer cancel()
	parent := p.Dir
	if parent == "" {
		parent = (&Browser{}).dir()
	}
	dir, err := os.MkdirTemp(parent, (&Browser{Name: p.Name}).folder("slip"))
	if err != nil {
		return fmt.Errorf("outpost: print: %w", err)
	}
	defer os.RemoveAll(dir)
	if p.Browser == nil {
		file := filepath.Join(dir, "slip.txt")
		if err := os.WriteFile(file, []byte(s.text()), 0o600); err != nil {
			return fmt.Errorf("outpost: print: %w", err)
		}
		// Six characters to the inch are letters of 20 points.
		return p.lp(ctx, file, "-o", "cpi=6", "-o", "lpi=3", "-o", "page-left=36")
	}
	html, pdf := filepath.Join(dir, "slip.html"), filepath.Join(dir, "slip.pdf")
	b, err := s.page()
	if err != nil {
		return err
	}
	if err := os.WriteFile(html, b, 0o600); err != nil {
		return fmt.Errorf("outpost: print: %w", err)
	}
	if err := p.Browser.PDF(ctx, html, pdf); err != nil {
		return err
	}
	return p.lp(ctx, pdf)
}

func (p *Printer) lp(ctx context.Context, file string, options ...string) error {
	args := append([]string{"-d", p.Queue, "-t", "slip", "-o", "job-sheets=none"}, options...)
	cmd := exec.CommandContext(ctx, "lp", append(args, "--", file)...)
	ownGroup(cmd)
	cmd.Cancel = func() error { killGroup(cmd); return nil } // with what it has started: that may hold the line to us
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("outpost: lp: %w: %s", errors.Join(err, ctx.Err()), bytes.TrimSpace(out))
	}
	return nil
}

func (s *Slip) page() ([]byte, error) {
	t, err := template.New("slip").Parse(slipFile)
	if err != nil {
		return nil, fmt.Errorf("outpost: print: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, s); err != nil {
		return nil, fmt.Errorf("outpost: print: %w", err)
	}
	return b.Bytes(), nil
}

// textWidth is how many characters of plain text fit on a line of the narrowest paper at six to the inch: 7 inches.
const textWidth = 40

func (s *Slip) text() string {
	var b strings.Builder
	for _, block := range append([]string{s.Town, s.Title, "", s.Reference, ""}, append(s.Lines, "", s.At)...) {
		width := 0
		for _, word := range strings.Fields(block) {
			n := len([]rune(word))
			if width > 0 && width+1+n > textWidth {
				b.WriteByte('\n')
				width = 0
			}
			if width > 0 {
				b.WriteByte(' ')
				width++
			}
			b.WriteString(word)
			width += n
		}
		b.WriteByte('\n')
	}
	return b.String()
}
