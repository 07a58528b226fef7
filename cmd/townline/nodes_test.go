package main

import (
	"strings"
	"testing"
)

// One server alone has a town that is in one file; commands work beside it, and the next server has it once that one is gone.
func TestOneServerOnAFile(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	second := p.run("", "serve", "--listen", "127.0.0.1:0")
	second.must(t, 1, `another "townline serve" has townline.db`, "PostgreSQL")
	if strings.Contains(second.out, "open at") {
		t.Error(second)
	}
	p.run("", "requests").must(t, 0)
	if got := r.text("+12025550101", "MENU"); got == "" {
		t.Error("the first one doesn't answer any more")
	}
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait()
	if err := p.serve().stop(); err != nil {
		t.Fatal(err)
	}
}
