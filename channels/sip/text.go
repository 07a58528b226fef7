package sip

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/townline/townline/channels/call"
)

const (
	lineIdle  = 6 * time.Second // after which what was typed counts as a line, since not everybody ends it with Enter
	mostTyped = 2000            // bytes of one line
	mostLines = 16              // typed ahead
)

// read makes lines of what is typed on a telephone with real-time text (T.140).
func (p *phone) read(typed <-chan string) {
	idle := time.NewTimer(lineIdle)
	defer idle.Stop()
	var line []byte
	for {
		select {
		case s, ok := <-typed:
			if !ok {
				return
			}
			for _, r := range s {
				switch r {
				case '\b':
					_, n := utf8.DecodeLastRune(line)
					line = line[:len(line)-n]
				case '\n':
					p.enter(line)
					line = line[:0]
				default:
					if len(line) < mostTyped {
						line = utf8.AppendRune(line, r)
					}
				}
			}
			idle.Reset(lineIdle)
		case <-idle.C:
			p.enter(line)
			line = line[:0]
		}
	}
}

// enter takes a line that is whole. It silences what is being said, like a key.
func (p *phone) enter(line []byte) {
	words := strings.TrimSpace(string(line))
	if words == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.lines) < mostLines {
		p.lines = append(p.lines, words)
	}
	if p.stop != nil {
		p.stop()
	}
}

// interruptible is ctx until a line is typed.
func (p *phone) interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	own, cancel := context.WithCancel(ctx)
	p.mu.Lock()
	p.stop = cancel
	if len(p.lines) > 0 {
		cancel()
	}
	p.mu.Unlock()
	return own, cancel
}

func (p *phone) typed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines) > 0
}

func (p *phone) line() (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.lines) == 0 {
		return "", false
	}
	line := p.lines[0]
	p.lines = p.lines[1:]
	return line, true
}

// write shows what is said.
func (p *phone) write(part call.Part) {
	p.mu.Lock()
	if part.Lang != "" {
		p.lang = part.Lang
	}
	p.mu.Unlock()
	if p.show != nil && part.Words != "" {
		p.show(part.Words + "\n")
	}
}
