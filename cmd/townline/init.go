package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/dialogs"
)

// begin is a town to begin with: every file in it passes check and test.
//
//go:embed begin
var begin embed.FS

func newInit() *cobra.Command {
	var name, zone string
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a folder with a town of your own to begin with",
		Long: `Make a folder with a town of your own to begin with: its settings, two dialogs, a translation, tests, and
the schemas by which an editor completes and explains what you write. Nothing that is there is overwritten.`,
		Example: `  townline init mytown --name "Mill Valley" --timezone America/Los_Angeles`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			clock, err := time.LoadLocation(zone)
			if err != nil || zone == "" {
				return usage{fmt.Errorf("%q is not a time zone; write it like America/New_York or Europe/Madrid", zone)}
			}
			if strings.ContainsAny(name, "\"\\\n") || strings.TrimSpace(name) == "" {
				return usage{errors.New("the town's name can't be empty, and can't hold quotes")}
			}
			written, err := makeTown(args[0], name, zone, time.Now().In(clock)) // open from today, as the town counts days
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			for _, f := range written {
				fmt.Fprintln(out, "wrote", filepath.Join(args[0], f))
			}
			fmt.Fprintf(out, `
What to do next:

  cd %s
  townline check               find what is wrong with the dialogs: nothing, so far
  townline test                hold the conversations that the tests describe
  townline simulate oak-park   hold one yourself, in this terminal
  townline serve               open the town; then http://127.0.0.1:8080/preview

Change dialogs/oak-park.yaml in any editor, and check it again.
`, args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "Elmwood", "name of the town, as residents say it")
	cmd.Flags().StringVar(&zone, "timezone", "America/New_York", "zone of the town's clocks")
	return cmd
}

// makeTown writes the files and returns their names. It writes nothing when one of them is there already.
func makeTown(dir, name, zone string, now time.Time) ([]string, error) {
	files := map[string][]byte{}
	var order []string
	add := func(file string, text []byte) {
		files[file] = text
		order = append(order, file)
	}
	fill := strings.NewReplacer("{{name}}", name, "{{timezone}}", zone,
		"{{opens}}", now.Format(time.DateOnly), "{{closes}}", now.AddDate(0, 0, 60).Format(time.DateOnly))
	err := fs.WalkDir(begin, "begin", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := begin.ReadFile(file)
		if err != nil {
			return err
		}
		comment := ""
		switch {
		case path.Base(file) == "townline.yaml":
		case strings.HasSuffix(file, ".test.yaml"):
			comment = "# yaml-language-server: $schema=../.schemas/tests.schema.json\n"
		case strings.HasSuffix(file, ".places.yaml"):
			comment = "# yaml-language-server: $schema=../.schemas/places.schema.json\n"
		case strings.Count(path.Base(file), ".") >= 2:
			comment = "# yaml-language-server: $schema=../.schemas/translation.schema.json\n"
		default:
			comment = "# yaml-language-server: $schema=../.schemas/dialog.schema.json\n"
		}
		add(strings.TrimPrefix(file, "begin/"), []byte(comment+fill.Replace(string(text))))
		return nil
	})
	if err != nil {
		return nil, err
	}
	add(".schemas/dialog.schema.json", dialogs.Schema())
	add(".schemas/places.schema.json", dialogs.PlacesSchema())
	add(".schemas/translation.schema.json", dialogs.TranslationSchema())
	add(".schemas/tests.schema.json", dialogs.TestFileSchema())
	add(".gitignore", []byte("*.db\n*.db-*\n*.db.*\n*.key\n*.keys\n*.erased\n"))
	for _, f := range order {
		if _, err := os.Stat(filepath.Join(dir, f)); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is there already; choose another folder", filepath.Join(dir, f))
		}
	}
	for _, f := range order {
		to := filepath.Join(dir, filepath.FromSlash(f))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(to, files[f], 0o644); err != nil {
			return nil, err
		}
	}
	return order, nil
}
