package sealed

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Folder holds sealed files. It is safe for concurrent use.
type Folder struct {
	Box   Box
	Dir   string
	Ends  string // how the names of its files end
	About string // what they are sealed with
}

// Names are of the files that are there, without their ends, in order.
func (f *Folder) Names() (names []string, err error) {
	all, err := os.ReadDir(f.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, one := range all {
		if name, ok := strings.CutSuffix(one.Name(), f.Ends); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Path is where a file is.
func (f *Folder) Path(name string) string { return filepath.Join(f.Dir, name+f.Ends) }

// Read opens a file.
func (f *Folder) Read(name string) ([]byte, error) {
	sealed, err := os.ReadFile(f.Path(name))
	if err != nil {
		return nil, err
	}
	return f.Box.Open(sealed, f.About)
}

// Write seals a file. It returns once the file is on the disk, whole.
func (f *Folder) Write(name string, plain []byte) error {
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(f.Path(name)+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(f.Box.Seal(plain, f.About))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), f.Path(name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return SyncFolder(f.Dir)
}

// Remove forgets a file.
func (f *Folder) Remove(name string) error { return os.Remove(f.Path(name)) }

// SyncFolder returns once what was made and renamed in a folder is on the disk.
func SyncFolder(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
