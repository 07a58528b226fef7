package outpost

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// lines opens a journal and returns what is in it.
func lines(t testing.TB, name string) (j *journal, all []string, torn int) {
	t.Helper()
	j, torn, err := openJournal(name, func(b []byte, at int64) error { all = append(all, string(b)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return j, all, torn
}

func TestAJournalIsReadAsItWasWritten(t *testing.T) {
	name := filepath.Join(t.TempDir(), "turns")
	j, all, _ := lines(t, name)
	if len(all) > 0 {
		t.Fatal(all)
	}
	var want []string
	var places []int64
	for i := range 20 {
		s := fmt.Sprintf("turn %d %s", i, bytes.Repeat([]byte{'x'}, i*100))
		at, err := j.append([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		want, places = append(want, s), append(places, at)
	}
	for i, at := range places {
		if b, err := j.read(at); err != nil || string(b) != want[i] {
			t.Fatal(i, err)
		}
	}
	if _, err := j.read(places[1] + 1); err == nil {
		t.Error("a place in the middle was read")
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := j.append(nil); !errors.Is(err, os.ErrClosed) {
		t.Error("after the end:", err)
	}
	j, all, torn := lines(t, name)
	defer j.close()
	if !slices.Equal(all, want) || torn != 0 {
		t.Fatal(all, torn)
	}
	at, err := j.rewrite([][]byte{[]byte("a"), []byte("b")})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := j.read(at[1]); err != nil || string(b) != "b" {
		t.Fatal(b, err)
	}
	if _, err := j.append([]byte("c")); err != nil {
		t.Fatal(err)
	}
	other, all, _ := lines(t, name)
	defer other.close()
	if !slices.Equal(all, []string{"a", "b", "c"}) {
		t.Fatal(all)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
}

// Wherever the power went: every whole frame counts, and nothing else.
func TestAJournalCutAnywhere(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := lines(t, filepath.Join(dir, "whole"))
	for i := range 4 {
		if _, err := j.append(fmt.Append(nil, "turn ", i)); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	whole, err := os.ReadFile(filepath.Join(dir, "whole"))
	if err != nil {
		t.Fatal(err)
	}
	each := len(whole) / 4
	for cut := range len(whole) + 1 {
		name := filepath.Join(dir, "cut")
		if err := os.WriteFile(name, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		j, all, torn := lines(t, name)
		if len(all) != cut/each || torn != cut%each {
			t.Fatalf("cut at %d: %q, %d torn", cut, all, torn)
		}
		if _, err := j.append([]byte("after")); err != nil {
			t.Fatal(err)
		}
		j.close()
		j, all, torn = lines(t, name)
		if len(all) != cut/each+1 || all[len(all)-1] != "after" || torn != 0 {
			t.Fatalf("cut at %d, then: %q, %d torn", cut, all, torn)
		}
		j.close()
		if scraps, err := os.ReadFile(name + ".torn"); cut%each > 0 && (err != nil || !bytes.Equal(scraps, whole[cut-cut%each:cut])) {
			t.Fatalf("cut at %d: the scraps are %q %v", cut, scraps, err)
		}
		os.Remove(name + ".torn")
	}
}

// A disk that went bad in the middle takes the frame that it is in, and no other.
func TestAJournalDamagedInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "turns")
	var want []string
	j, _, _ := lines(t, name)
	for i := range 5 {
		want = append(want, fmt.Sprint("turn ", i))
		if _, err := j.append([]byte(want[i])); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	whole, _ := os.ReadFile(name)
	each := len(whole) / 5
	for bit := range len(whole) * 8 {
		bad := bytes.Clone(whole)
		bad[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		j, all, torn := lines(t, name)
		j.close()
		hit := bit / 8 / each
		if left := append(slices.Clone(want[:hit]), want[hit+1:]...); !slices.Equal(all, left) || torn != each {
			t.Fatalf("bit %d: %q, %d torn", bit, all, torn)
		}
	}
}

func TestManyWriteAtTheSameTime(t *testing.T) {
	name := filepath.Join(t.TempDir(), "turns")
	j, _, _ := lines(t, name)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for n := range 20 {
				s := fmt.Sprint(i, " ", n)
				at, err := j.append([]byte(s))
				if err != nil {
					t.Error(err)
					return
				}
				if b, err := j.read(at); err != nil || string(b) != s {
					t.Errorf("%q is %q, %v", s, b, err)
				}
			}
		})
	}
	all.Wait()
	j.close()
	j, got, _ := lines(t, name)
	defer j.close()
	if len(got) != 320 {
		t.Error(len(got))
	}
	next := map[string]int{}
	for _, s := range got {
		var who string
		var n int
		if _, err := fmt.Sscan(s, &who, &n); err != nil || next[who] != n {
			t.Fatalf("%q where %d comes", s, next[who])
		}
		next[who]++
	}
}

// A turn that is not on the disk itself is not kept: the page waits for it, and those who come at the same time share one wait.
func TestAppendWaitsForTheDisk(t *testing.T) {
	j, _, _ := lines(t, filepath.Join(t.TempDir(), "turns"))
	defer j.close()
	synced, wait := make(chan int64), make(chan error)
	j.sync = func(f *os.File) error {
		info, err := f.Stat()
		synced <- info.Size()
		return errors.Join(err, <-wait)
	}
	done := make(chan error, 9)
	add := func() { _, err := j.append([]byte("turn")); done <- err }
	go add()
	one := <-synced
	for range 8 {
		go add()
	}
	for waiting := 0; waiting < 8; {
		j.mu.Lock()
		waiting = len(j.pending)
		j.mu.Unlock()
	}
	if len(done) > 0 {
		t.Fatal("it was kept before it was on disk")
	}
	wait <- nil
	if size := <-synced; size != 9*one {
		t.Errorf("%d bytes are written with the second wait, not %d", size, 9*one)
	}
	if err := <-done; err != nil || len(done) > 0 {
		t.Fatal(err, len(done))
	}
	bad := errors.New("the disk is gone")
	wait <- bad
	for range 8 {
		if err := <-done; !errors.Is(err, bad) {
			t.Error(err)
		}
	}
}

// What could not be written is not taken for written, nor is anything after it.
func TestADiskThatFails(t *testing.T) {
	name := filepath.Join(t.TempDir(), "turns")
	j, _, _ := lines(t, name)
	if _, err := j.append([]byte("one")); err != nil {
		t.Fatal(err)
	}
	j.file.Close() // every write fails from now on
	for range 2 {
		if _, err := j.append([]byte("two")); err == nil {
			t.Fatal("it was written")
		}
	}
	if j.trouble() == nil {
		t.Error("no trouble")
	}
	j, all, _ := lines(t, name)
	defer j.close()
	if !slices.Equal(all, []string{"one"}) {
		t.Error(all)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(append(frameOf([]byte("one")), frameOf(nil)...), uint8(3))
	f.Add(frameMark[:], uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		count := func(b []byte) (all [][]byte, whole, scraps []byte) {
			whole, scraps, err := frames(b, func(c []byte, at int64) error { all = append(all, bytes.Clone(c)); return nil })
			if err != nil {
				t.Fatal(err)
			}
			return all, whole, scraps
		}
		all, whole, scraps := count(b)
		if len(whole)+len(scraps) != len(b) {
			t.Fatalf("%d and %d of %d bytes", len(whole), len(scraps), len(b))
		}
		again, same, none := count(whole)
		if len(again) != len(all) || !bytes.Equal(same, whole) || len(none) > 0 {
			t.Fatal("what was whole isn't any more")
		}
		// Garbage before and behind takes nothing of a whole frame.
		mixed := append(append(bytes.Repeat([]byte{cut}, int(cut)%9), frameOf(b)...), cut)
		got, _, _ := count(mixed)
		if len(got) == 0 || !bytes.Equal(got[len(got)-1], b) && !slices.ContainsFunc(got, func(c []byte) bool { return bytes.Equal(c, b) }) {
			t.Fatalf("%q is not among %q", b, got)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	j, _, _ := lines(b, filepath.Join(b.TempDir(), "turns"))
	defer j.close()
	content := bytes.Repeat([]byte{1}, 4000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.append(content); err != nil {
			b.Fatal(err)
		}
	}
}
