//go:build unix

package outpost

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// lockDir makes sure that nobody else works in a folder, until it is closed or the process ends.
func lockDir(dir string) (io.Closer, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("outpost: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("outpost: another townline works in %s", dir)
	}
	return f, nil
}
