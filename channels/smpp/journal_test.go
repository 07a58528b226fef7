package smpp

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A journal that is made anew while others add to it loses nothing that anybody was told is on the disk.
func TestJournalRenewed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.journal")
	var mu sync.Mutex
	memory := map[string]bool{}
	live := func() (all [][]byte) {
		mu.Lock()
		defer mu.Unlock()
		for e := range memory {
			all = append(all, []byte(e))
		}
		return all
	}
	j, err := openJournal(name, func([]byte) {}, live)
	if err != nil {
		t.Fatal(err)
	}
	var adders sync.WaitGroup
	for a := range 4 {
		adders.Go(func() {
			for n := range 50 {
				e := strconv.Itoa(a) + "/" + strconv.Itoa(n)
				mu.Lock()
				memory[e] = true
				mu.Unlock()
				if err := j.add(n%5 == 0, []byte(e)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		if err := j.renew(live); err != nil {
			t.Error(err)
		}
	}
	adders.Wait()
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	again, err := openJournal(name, func(e []byte) { found[string(e)] = true }, func() [][]byte { return nil })
	if err != nil || len(found) != 200 {
		t.Fatalf("%d of 200 are there, %v", len(found), err)
	}
	if again.length() != 0 {
		t.Error("what isn't live any more is still there")
	}
	again.close()
}

// The same for sure: one is added just when what is live was told.
func TestJournalRenewedMeanwhile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.journal")
	j, err := openJournal(name, func([]byte) {}, func() [][]byte { return nil })
	if err != nil {
		t.Fatal(err)
	}
	added := make(chan error, 1)
	err = j.renew(func() [][]byte {
		go func() { added <- j.add(true, []byte("late")) }()
		select {
		case err := <-added:
			added <- err
		case <-time.After(20 * time.Millisecond): // it waits, as it should
		}
		return nil
	})
	if err = errors.Join(err, <-added, j.close()); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(name); err != nil || !strings.Contains(string(b), "late") {
		t.Errorf("%q, %v", b, err)
	}
}

// What the disk didn't take isn't said to be kept, however often it comes, until it does; and then nothing is missing.
func TestPartsOnFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
		if err != nil {
			t.Fatalf("a Linux with /dev/full is needed: %v", err)
		}
		dir := t.TempDir()
		w := openLine(t, newSMSC(t), func(c *Config) { c.Dir = dir })
		parts := parted(t, strings.Repeat("0123456789", 20), UDH8, 7)
		j := w.sms.shelf.journal
		j.mu.Lock()
		disk := j.file
		j.file = full
		j.mu.Unlock()
		for range 3 {
			if s := w.deliver(parts[0]); s != statusSystem {
				t.Fatalf("answered with %v", s)
			}
		}
		j.mu.Lock()
		j.file = disk
		j.mu.Unlock()
		w.deliver(parts[0])
		kept := 0
		b, err := os.ReadFile(j.name)
		if err != nil {
			t.Fatal(err)
		}
		other := filepath.Join(t.TempDir(), "other")
		if err := os.WriteFile(other, b, 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := openJournal(other, func(e []byte) {
			if e[0] == entryPart {
				kept++
			}
		}, func() [][]byte { return nil })
		if err != nil || kept != 1 {
			t.Errorf("%d parts are on the disk, %v", kept, err)
		}
		again.close()
		w.deliver(parts[1])
		if got := w.in.words(); len(got) != 1 || got[0] != strings.Repeat("0123456789", 20) {
			t.Errorf("%q", got)
		}
	})
}

// A journal that could not be put on the disk once is made anew as soon as the disk takes something again.
func TestJournalMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		w := openLine(t, newSMSC(t), func(c *Config) { c.Dir = dir })
		j := w.sms.shelf.journal
		j.mu.Lock()
		j.broken = errors.New("the disk was away")
		j.mu.Unlock()
		m := sm{from: resident, to: "15001", words: "1"}
		if s := w.deliver(m); s != statusSystem {
			t.Errorf("answered with %v", s)
		}
		time.Sleep(time.Minute)
		if s := w.deliver(m); s != statusOK || len(w.in.words()) != 1 {
			t.Errorf("answered with %v, %q", s, w.in.words())
		}
	})
}

// A disk that takes no more: who waits for it is told, and nothing half written hides what comes after.
func TestJournalOnFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatalf("a Linux with /dev/full is needed: %v", err)
	}
	j := &journal{file: full, name: "full"}
	if err := j.add(true, []byte("x")); err == nil {
		t.Error("a full disk took it")
	}
	if j.length() != 0 {
		t.Errorf("%d octets are said to be there", j.length())
	}
}
