package pgtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Freeze stops the server and all that works for it, as a machine does whose disk or host hangs, until Thaw.
func (s *Server) Freeze() { s.signalAll(syscall.SIGSTOP) }

// Thaw lets it go on.
func (s *Server) Thaw() { s.signalAll(syscall.SIGCONT) }

// signalAll reaches the server first, so that it begins nothing new.
func (s *Server) signalAll(how syscall.Signal) {
	_ = s.cmd.Process.Signal(how)
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range all {
		b, err := os.ReadFile(file)
		if err != nil { // it has ended since
			continue
		}
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		if len(fields) < 2 || string(fields[1]) != strconv.Itoa(s.cmd.Process.Pid) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			_ = syscall.Kill(pid, how)
		}
	}
}

// Again starts a server that was killed: what worked for it may still be about to end.
func (s *Server) Again() error {
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		if err = s.Start(); err == nil {
			return nil
		}
		pause := time.NewTimer(50 * time.Millisecond)
		<-pause.C
	}
	return fmt.Errorf("PostgreSQL doesn't start again: %w", err)
}
