//go:build unix

package outpost

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lp stands in for CUPS: it notes what it was told, and keeps what it was given.
func lp(t *testing.T, status string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	text := `#!/bin/sh
for a; do last="$a"; done
echo "$*" >` + dir + `/told
cp "$last" ` + dir + `/given
exit ` + status + "\n"
	if err := os.WriteFile(filepath.Join(dir, "lp"), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return dir
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var slip = Slip{
	Town: "Elmwood", Lang: "en", Title: "Report a street problem", Reference: "482-173-905-5",
	Lines: []string{"We reply by 28 November. You can ask where it stands at any time, with this number, at the kiosk or by text."}, At: "23 November 2026",
}

// A printer that hangs keeps nobody: lp is ended, with all that it has started and that holds the line to us.
func TestAPrinterThatHangs(t *testing.T) {
	cups := lp(t, "0")
	pids := filepath.Join(cups, "pids")
	if err := os.WriteFile(filepath.Join(cups, "lp"), []byte("#!/bin/sh\ntrap '' TERM\nsleep 1000 &\necho $$ $! >"+pids+"\nwait\nsleep 1000\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	printed := make(chan error, 1)
	go func() { printed <- (&Printer{Queue: "receipts", Dir: t.TempDir()}).Print(ctx, slip) }()
	until(t, "lp at work", func() bool { b, _ := os.ReadFile(pids); return strings.HasSuffix(string(b), "\n") })
	end()
	select {
	case err := <-printed:
		if err == nil {
			t.Error("it says that it printed")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it is still waited for")
	}
	for _, pid := range strings.Fields(read(t, pids)) {
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		until(t, "the end of all that it started", func() bool {
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			return err != nil && syscall.Kill(n, 0) != nil || strings.Contains(string(stat), ") Z ")
		})
	}
	if printTime > 15*time.Second {
		t.Error("somebody stands there for", printTime)
	}
}

func TestASlipInPlainText(t *testing.T) {
	cups := lp(t, "0")
	p := Printer{Queue: "receipts", Dir: t.TempDir()}
	if err := p.Print(t.Context(), slip); err != nil {
		t.Fatal(err)
	}
	told, given := read(t, cups+"/told"), read(t, cups+"/given")
	for _, want := range []string{"-d receipts ", "-t slip ", "cpi=6", "lpi=3"} {
		if !strings.Contains(told, want) {
			t.Errorf("without %q: %s", want, told)
		}
	}
	for _, want := range []string{"Elmwood\nReport a street problem\n\n482-173-905-5\n\nWe reply by 28 November."} {
		if !strings.Contains(given, want) {
			t.Errorf("without %q:\n%s", want, given)
		}
	}
	for _, l := range strings.Split(given, "\n") {
		if len(l) > textWidth {
			t.Errorf("%q doesn't fit", l)
		}
	}
	if left, _ := filepath.Glob(p.Dir + "/*"); len(left) > 0 {
		t.Error("left behind:", left)
	}
}

func TestASlipInEveryScript(t *testing.T) {
	cups := lp(t, "0")
	b := chromium(t)
	b.Dir = fast(t)
	for _, s := range []Slip{
		slip,
		{Town: "إلموود", Lang: "ar", RTL: true, Title: "الإبلاغ عن مشكلة", Reference: "482-173-905-5", Lines: []string{"سنرد قبل ٢٨ نوفمبر."}, At: "٢٣ نوفمبر"},
		{Town: "Elmwood", Lang: "zh", Title: "报告街道问题", Reference: "482-173-905-5", Lines: []string{"我们会在11月28日前答复您。"}, At: "2026年11月23日"},
	} {
		p := Printer{Queue: "receipts", Browser: b, Dir: fast(t)}
		if err := p.Print(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if told := read(t, cups+"/told"); strings.Contains(told, s.Reference) || strings.Contains(told, s.Title) {
			t.Error("the job's name tells:", told)
		}
		text, err := exec.Command("pdftotext", "-layout", cups+"/given", "-").Output()
		if err != nil {
			t.Fatal("a reader of PDF is needed: install the package poppler-utils:", err)
		}
		if !strings.Contains(string(text), s.Reference) || strings.Count(string(text), "\f") != 1 {
			t.Errorf("%s: %q", s.Lang, text)
		}
		fonts, err := exec.Command("pdffonts", cups+"/given").Output()
		if err != nil {
			t.Fatal(err)
		}
		if s.Lang == "ar" && !strings.Contains(string(fonts), "NotoSansArabic") || s.Lang == "zh" && !strings.Contains(string(text), "11月28日") {
			t.Errorf("%s: %s\n%s", s.Lang, text, fonts)
		}
		for _, dir := range []string{p.Dir, b.Dir} {
			if left, _ := filepath.Glob(dir + "/*"); len(left) > 0 {
				t.Error("left behind:", left)
			}
		}
	}
}

func TestAPrinterThatRefuses(t *testing.T) {
	lp(t, "1")
	p := Printer{Queue: "receipts", Dir: t.TempDir()}
	if err := p.Print(t.Context(), slip); err == nil {
		t.Error("it was printed")
	}
	if left, _ := filepath.Glob(p.Dir + "/*"); len(left) > 0 {
		t.Error("left behind:", left)
	}
}
