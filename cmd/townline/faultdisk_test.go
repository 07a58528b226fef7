package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// small puts a disk of so many megabytes in the place of a folder; false: only root can.
func small(t *testing.T, dir string, megabytes int) bool {
	t.Helper()
	if os.Getuid() != 0 {
		t.Log("without being root no disk is filled")
		return false
	}
	if err := syscall.Mount("townline", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		t.Fatalf("mount a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return true
}

// fill writes a file that takes all the room there is.
func fill(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	block := make([]byte, 1<<16)
	for err == nil {
		_, err = f.Write(block)
	}
	_ = f.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return nil
}

// fills takes all the room from a PostgreSQL under traffic. Now and then its log needs a new file meanwhile, for want of which it
// ends: then it is started when there is room again.
func (w *wreck) fills(d *pair, server int, chance *rand.Rand) error {
	full := filepath.Join(d.disks[server], "full")
	if err := fill(full); err != nil {
		return err
	}
	if server == d.main && d.tells(server, "CREATE TABLE too_much AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)") == nil {
		_ = os.Remove(full)
		return errors.New("there was room still")
	}
	if chance.IntN(2) == 0 {
		for range 10 { // 160 MB, of which the other server needs all: wal_keep_size
			if d.tells(d.main, "SELECT pg_switch_wal()") != nil {
				break
			}
		}
	}
	w.waits(time.Second + time.Duration(chance.IntN(2000))*time.Millisecond)
	if err := os.Remove(full); err != nil {
		return err
	}
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); w.waits(50 * time.Millisecond) {
		if d.tells(server, "SELECT 1") == nil {
			return d.waitsForBoth()
		}
	}
	d.servers[server].Stop(syscall.SIGQUIT)
	w.tally.Lock()
	w.full++
	w.tally.Unlock()
	if err := d.again(server); err != nil {
		return err
	}
	return d.waitsForBoth()
}
