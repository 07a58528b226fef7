//go:build unix

package outpost

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// lockFile makes sure that nobody else has the file locked, until it is closed or the process ends.
func lockFile(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("outpost: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("outpost: another townline works in %s", filepath.Dir(name))
	}
	return f, nil
}
