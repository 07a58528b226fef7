package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// watched is a process of the town's; its children and theirs are part of it (PostgreSQL has one a connection).
type watched struct {
	name string
	pid  int
}

// taken is what a process has taken, with its children.
type taken struct {
	cpu    time.Duration
	memory int64 // bytes; what processes share is counted once
}

// clockTick is how the kernel counts a process's time, on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// look reads what each has taken so far (Linux). Of a process that isn't there any more it says nothing.
func look(all []watched) []taken {
	if len(all) == 0 {
		return nil
	}
	parents, ticks := map[int]int{}, map[int]int64{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil { // it ended
			continue
		}
		// pid (name) state parent … utime stime and those of children that ended: the name may have blanks.
		f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if len(f) < 15 {
			continue
		}
		parents[pid], _ = strconv.Atoi(string(f[1]))
		for _, field := range f[11:15] {
			n, _ := strconv.ParseInt(string(field), 10, 64)
			ticks[pid] += n
		}
	}
	out := make([]taken, len(all))
	for pid := range parents {
		for i, w := range all {
			for at, deep := pid, 0; at > 1 && deep < 16; at, deep = parents[at], deep+1 {
				if at == w.pid {
					out[i].cpu += time.Duration(ticks[pid]) * clockTick
					out[i].memory += memory(pid)
					break
				}
			}
		}
	}
	return out
}

// memory is a process's share of what is resident.
func memory(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "Pss: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	return 0
}
