package kiosk_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a program that shows text and takes keys, on a terminal of a hundred columns that is high enough for any page.
type terminal struct {
	t    testing.TB
	keys *os.File
	mu   sync.Mutex
	out  bytes.Buffer
}

func newTerminal(t testing.TB, name string, arguments ...string) *terminal {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("the text browser is needed: install the package %s: %v", name, err)
	}
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(keys.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 250, Col: 100}); err != nil {
		t.Fatal(err)
	}
	screen, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, arguments...)
	cmd.Env = append(os.Environ(), "TERM=vt100", "HOME="+t.TempDir(), "LANG=C.UTF-8")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = screen.Close()
	w := &terminal{t: t, keys: keys}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 4096)
		for {
			n, err := keys.Read(b)
			w.mu.Lock()
			w.out.Write(b[:n])
			w.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = keys.Close()
		<-done
	})
	return w
}

// press types keys.
func (w *terminal) press(keys string) {
	w.t.Helper()
	if _, err := io.WriteString(w.keys, keys); err != nil {
		w.t.Fatal(err)
	}
}

// said is all that was put on the screen so far.
func (w *terminal) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.String()
}

// quiet waits until nothing more is drawn for a moment.
func (w *terminal) quiet() {
	w.t.Helper()
	last, still := -1, 0
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		<-tick.C
		w.mu.Lock()
		n := w.out.Len()
		w.mu.Unlock()
		if still++; n != last {
			last, still = n, 0
		}
		if still >= 6 {
			return
		}
	}
	w.t.Fatal(fmt.Sprint("the screen doesn't come to rest: ", last, " bytes"))
}
