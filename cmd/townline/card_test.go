package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// tool runs a program of poppler-utils on a file.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s is needed: install the package poppler-utils: %v", name, err)
	}
	return string(out)
}

// The cards are on paper as they are meant: every sheet has two sides at most, and no letter is smaller than 16 points.
func TestTheCardIsPrinted(t *testing.T) {
	p := newPlace(t)
	p.run("", "card", "--lang", "es,fr,zh,ar", "--paper", "letter", "--number", "555 0100", "--text-number", "555 0111", "--callback", "--out", "cards.pdf").
		must(t, 0, "cards written to cards.pdf")
	file := filepath.Join(p.dir, "cards.pdf")
	if size := tool(t, "pdfinfo", file); !strings.Contains(size, "612 x 792") {
		t.Errorf("it isn't printed on letter:\n%s", size)
	}
	words := tool(t, "pdftotext", "-layout", file, "-")
	pages := strings.Split(strings.TrimSuffix(words, "\f"), "\f")
	behind := 0
	for i, page := range pages {
		if !strings.Contains(page, "555 0100") && !strings.Contains(page, "555\u00a00100") { // no header: the page before goes on
			behind++
		} else {
			behind = 0
		}
		if behind > 1 {
			t.Errorf("page %d is the third of a sheet:\n%s", i+1, page)
		}
	}
	marks := strings.NewReplacer("\u2066", "", "\u2069", "", "\u00a0", " ")
	one := marks.Replace(strings.Join(strings.Fields(tool(t, "pdftotext", "-raw", file, "-")), " "))
	for _, want := range []string{
		"Llame al", "Plan para Main Street", "O envíe la palabra", "¿Qué debe mejorar primero la ciudad en Main Street?", "Quién decide",
		"Ayuda, o hablar con una persona", "No se pierde nada.", "Deje sonar una vez", "Une visite à la maison", "请拨打", "我的报告办到哪一步了？", "BUDGET",
	} {
		if !strings.Contains(one, want) {
			t.Errorf("%q is not on paper", want)
		}
	}
	for _, m := range regexp.MustCompile(`<fontspec [^>]*size="(\d+)"`).FindAllStringSubmatch(tool(t, "pdftohtml", "-xml", "-i", "-zoom", "1", "-stdout", file), -1) {
		if size, err := strconv.Atoi(m[1]); err != nil || size < 16 {
			t.Errorf("there are letters of %s points", m[1])
		}
	}
}

func TestTheCardWithoutABrowser(t *testing.T) {
	p := newPlace(t)
	p.env = append(p.env, "PATH="+t.TempDir())
	p.run("", "card", "main-street", "--lang", "en", "--out", "card.pdf").must(t, 0, "1 card written to card.html", "Chromium, which is not installed", "--number")
	page, err := os.ReadFile(filepath.Join(p.dir, "card.html"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "What is your link to Elmwood?") || !strings.Contains(string(page), "size: A4") {
		t.Errorf("the page is %s", page)
	}
}

func TestCardsThatCantBe(t *testing.T) {
	p := newPlace(t)
	p.run("", "card", "--paper", "a3").must(t, 2, "there are a4 and letter")
	p.run("", "card", "--lang", "xx").must(t, 2, "does not speak")
	p.run("", "card", "--out", "card.doc").must(t, 2, "neither .pdf nor .html")
	p.run("", "card", "nothing").must(t, 1, `there is no dialog "nothing"`)
	p.run("", "card", "street-problem", "--lang", "so").must(t, 1, "nothing to print")
}
