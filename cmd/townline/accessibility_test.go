package main

import (
	"strings"
	"testing"
)

func TestAccessibility(t *testing.T) {
	p := newPlace(t)
	whole := p.run("", "accessibility")
	whole.must(t, 0, "WCAG 2.2", "1.1.1 Non-text content (A)", "channels/kiosk TestPages", "EN 301 549", "Section 508", "VVSG 2.0", "hardware")
	open := p.run("", "accessibility", "--open")
	open.must(t, 0, "not met", "by hand", "2.2.3 No timing (AAA)")
	if strings.Contains(open.out, "    by test:") || len(open.out) >= len(whole.out) {
		t.Error("what is proved is not left out")
	}
	p.run("", "accessibility", "--markdown").must(t, 0, "# Accessibility", "| 1.1.1 Non-text content (A) |")
	p.run("", "accessibility", "--html").must(t, 0, "<!doctype html>", "<h3>1.1.1 Non-text content (A)</h3>")
	p.run("", "accessibility", "--html", "--markdown").must(t, 2)
}
