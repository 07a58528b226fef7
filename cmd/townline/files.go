package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/locales"
)

// folder is dialogs to read: a file system, what to read in it, and how to name its files to whoever wrote them.
type folder struct {
	fsys  fs.FS
	paths []string // files; none: the whole
	name  string   // of the folder as it was given; "" is the one at hand
}

// shown is a file's name as its author knows it.
func (f folder) shown(file string) string {
	if file == "." && f.name != "" {
		return f.name
	}
	return filepath.Join(f.name, filepath.FromSlash(file))
}

// show puts the names that the author knows into problems.
func (f folder) show(problems dialogs.Problems) dialogs.Problems {
	for i := range problems {
		problems[i].File = f.shown(problems[i].File)
	}
	return problems
}

// folders sorts paths by the folder they are read in: a folder is read whole, files that lie side by side together. No
// path is the town's own folder, or the sample town.
func folders(c *config.Config, paths []string) ([]folder, error) {
	if len(paths) == 0 {
		if c.Dialogs == "" {
			return []folder{{fsys: library.FS(), name: "sample town"}}, nil
		}
		paths = []string{c.Dialogs}
	}
	var out []folder
next:
	for _, p := range paths {
		info, err := os.Stat(p)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no file or folder %q", p)
		} else if err != nil {
			return nil, err
		}
		if info.IsDir() {
			out = append(out, folder{fsys: os.DirFS(p), name: p})
			continue
		}
		dir, file := filepath.Split(p)
		dir = filepath.Clean("./" + dir)
		if filepath.IsAbs(p) {
			dir = filepath.Dir(p)
		}
		for i := range out {
			if out[i].name == dir && len(out[i].paths) > 0 {
				out[i].paths = append(out[i].paths, file)
				continue next
			}
		}
		out = append(out, folder{fsys: os.DirFS(dir), name: dir, paths: []string{file}})
	}
	return out, nil
}

// dialogFiles are the files among a folder's paths that hold dialogs; tests stand beside them, and a translation is read
// with its dialog.
func (f folder) dialogFiles() []string {
	var out []string
	for _, p := range f.paths {
		switch {
		case strings.HasSuffix(p, ".test.yaml"):
			p = strings.TrimSuffix(p, ".test.yaml") + ".yaml"
		case len(strings.Split(path.Base(p), ".")) == 3: // main-street.es.yaml
			if base := strings.Split(path.Base(p), ".")[0] + ".yaml"; exists(f.fsys, base) {
				p = base
			}
		}
		out = append(out, p)
	}
	return out
}

func exists(fsys fs.FS, name string) bool {
	_, err := fs.Stat(fsys, name)
	return err == nil
}

// load reads the dialogs of a folder.
func (f folder) load(c *config.Config, phrases *locales.Catalogue, now time.Time) (*dialogs.Set, dialogs.Problems) {
	set, problems := dialogs.Load(f.fsys, dialogs.Options{Zone: c.Town.Zone, Locales: phrases, Now: now}, f.dialogFiles()...)
	return set, f.show(problems)
}

// dialogNames completes the names of the town's dialogs, and paths of files.
func dialogNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	c, err := settings(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	all, err := folders(c, nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	set, _ := all[0].load(c, nil, time.Time{})
	var out []string
	for _, d := range set.All() {
		out = append(out, d.ID+"\t"+d.Title.Text)
	}
	return out, cobra.ShellCompDirectiveDefault
}
