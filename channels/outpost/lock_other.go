//go:build !unix

package outpost

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// lockDir makes sure that nobody else works in a folder, until it is closed: here the system itself refuses to remove a file
// that is open.
func lockDir(dir string) (io.Closer, error) {
	name := filepath.Join(dir, "lock")
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("outpost: another townline works in %s", dir)
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("outpost: %w", err)
	}
	return f, nil
}
