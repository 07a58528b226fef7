//go:build linux || darwin || freebsd

package main

import "golang.org/x/sys/unix"

// diskSpace is how many bytes the disk of a folder has left, and in all.
func diskSpace(folder string) (free, all uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), uint64(s.Blocks) * uint64(s.Bsize), nil
}
