//go:build !unix

package outpost

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// lockFile makes sure that nobody else has the file locked, until it is closed: here the system itself refuses to remove a
// file that is open.
func lockFile(name string) (io.Closer, error) {
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("outpost: another townline works in %s", filepath.Dir(name))
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("outpost: %w", err)
	}
	return f, nil
}
