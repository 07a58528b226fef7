package g711

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestG711 goes through every code, and compares every sample with sox, which rounds otherwise: neighbouring steps.
func TestG711(t *testing.T) {
	for i := range 256 {
		b := byte(i)
		if got := ToMu(FromMu(b)); got != b && b != 0x7f { // 0x7f is minus zero
			t.Errorf("µ-law %#x becomes %#x", b, got)
		}
		if got := ToA(FromA(b)); got != b {
			t.Errorf("A-law %#x becomes %#x", b, got)
		}
	}
	if ToMu(0) != 0xff || ToA(0) != 0xd5 || FromMu(0) != -32124 || FromA(0x2a) != -32256 {
		t.Error("silence and the loudest samples are not those of G.711")
	}
	var every []int16
	var raw []byte
	for i := -32768; i < 32768; i++ {
		every, raw = append(every, int16(i)), binary.LittleEndian.AppendUint16(raw, uint16(i))
	}
	for _, c := range []struct {
		name string
		to   func(int16) byte
		from func(byte) int16
	}{{"u-law", ToMu, FromMu}, {"a-law", ToA, FromA}} {
		theirs := soxed(t, raw, "-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1", "-", "-t", "raw", "-e", c.name, "-b", "8", "-")
		back := soxed(t, theirs, "-t", "raw", "-r", "8000", "-e", c.name, "-b", "8", "-c", "1", "-", "-t", "raw", "-e", "signed", "-b", "16", "-")
		differ := 0
		for i, x := range every {
			if int16(binary.LittleEndian.Uint16(back[2*i:])) != c.from(theirs[i]) {
				t.Fatalf("%s %#x is read as %d here", c.name, theirs[i], c.from(theirs[i]))
			}
			ours := c.to(x)
			if ours == theirs[i] || c.from(ours) == c.from(theirs[i]) { // minus zero is zero
				continue
			}
			differ++
			a, b := int(c.from(ours)), int(c.from(theirs[i]))
			if int(x) < min(a, b) || int(x) > max(a, b) || max(a, b)-min(a, b) > 2048 {
				t.Fatalf("%s of %d is %d here and %d there", c.name, x, a, b)
			}
		}
		t.Logf("%s: %d of 65,536 differ, each between both steps", c.name, differ)
		if differ > 1100 {
			t.Errorf("%s: %d samples differ from sox", c.name, differ)
		}
	}
}

// soxed is what sox makes of in.
func soxed(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(file, in, 0o600); err != nil {
		t.Fatal(err)
	}
	stdin, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	cmd := exec.Command("sox", append([]string{"-D"}, args...)...)
	cmd.Stdin = stdin
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sox: %v", err)
	}
	return out
}
