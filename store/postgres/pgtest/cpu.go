package pgtest

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is how the kernel counts a process's time, on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// CPU is the time that the server has taken so far, all of its processes together.
func (s *Server) CPU() time.Duration {
	ours := strconv.Itoa(s.cmd.Process.Pid)
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	var ticks int64
	for _, file := range all {
		b, err := os.ReadFile(file)
		if err != nil { // it ended
			continue
		}
		// pid (name) state parent … utime stime and those of children that ended: the name may have blanks.
		f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		self := filepath.Base(filepath.Dir(file)) == ours
		if len(f) < 15 || !self && string(f[1]) != ours {
			continue
		}
		of := f[11:13]
		if self {
			of = f[11:15]
		}
		for _, field := range of {
			n, _ := strconv.ParseInt(string(field), 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * tick
}
