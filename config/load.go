package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// FileName is looked for in the folder at hand when no file is named.
const FileName = "townline.yaml"

// prefix of names in the environment.
const prefix = "TOWNLINE_"

// Source says where to look.
type Source struct {
	File  string         // "" looks for FileName in the folder at hand, and does without
	Flags *pflag.FlagSet // those made by AddFlags; nil: none
	// Checks are by key what else to ask of a setting: by those who know what it is for. They get what is in force.
	Checks map[string]func(text string) error
}

// AddFlags adds a flag for each setting of keys that may have one.
func AddFlags(flags *pflag.FlagSet, keys ...string) {
	for _, s := range Settings() {
		for _, k := range keys {
			if s.Key == k && s.Flag {
				flags.String(flagName(k), "", s.About)
			}
		}
	}
}

func flagName(key string) string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(key)
}

// EnvName is the setting's name in the environment.
func EnvName(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// Load reads file, environment and flags, and checks all of it. The error is Mistakes with everything that is wrong, or
// says that the file can't be read.
func Load(s Source) (*Config, error) {
	r := reading{viper: viper.New(), source: s, file: map[string]written{}}
	name := s.File
	if name == "" {
		name = FileName
	}
	text, err := os.ReadFile(name)
	switch {
	case err == nil:
		r.name = name
		values := r.readFile(text)
		if err := r.viper.MergeConfigMap(values); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	case s.File == "" && errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s", s.File)
	default:
		return nil, fmt.Errorf("%s can't be read: %w", name, err)
	}
	for _, set := range Settings() {
		r.viper.SetDefault(set.Key, set.Default)
		if err := r.viper.BindEnv(set.Key, EnvName(set.Key)); err != nil {
			return nil, err
		}
		if s.Flags != nil && set.Flag {
			if f := s.Flags.Lookup(flagName(set.Key)); f != nil {
				if err := r.viper.BindPFlag(set.Key, f); err != nil {
					return nil, err
				}
			}
		}
	}
	r.readEnvironment(os.Environ())
	c := r.config()
	if len(r.mistakes) > 0 {
		return nil, r.mistakes
	}
	return c, nil
}

// reading is one Load under way.
type reading struct {
	viper    *viper.Viper
	source   Source
	name     string             // of the file; "" when there is none
	file     map[string]written // what the file sets
	mistakes Mistakes
	notes    []string
}

// written is a value in the file.
type written struct {
	line int
	text string
}

// readEnvironment finds names that were probably meant to be settings. Others that begin alike are let be: Kubernetes, for
// one, sets TOWNLINE_SERVICE_HOST beside a service called townline.
func (r *reading) readEnvironment(environ []string) {
	known := make([]string, 0, 32)
	for _, s := range Settings() {
		known = append(known, EnvName(s.Key))
	}
next:
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		for _, k := range known {
			if k == name {
				continue next
			}
		}
		if near := Near(strings.ToUpper(name), known); near != "" {
			r.mistakes = append(r.mistakes, Mistake{Where: name, Message: "there is no such setting", Mend: "did you mean " + near + "?"})
			continue
		}
		r.notes = append(r.notes, name+" is in the environment, but is no setting of townline")
	}
}

// from says where the value in force was set.
func (r *reading) from(s Setting) string {
	if s.Flag && r.source.Flags != nil {
		if f := r.source.Flags.Lookup(flagName(s.Key)); f != nil && f.Changed {
			return "--" + f.Name
		}
	}
	if os.Getenv(EnvName(s.Key)) != "" {
		return EnvName(s.Key)
	}
	if w, ok := r.file[s.Key]; ok && w.text != "" {
		return fmt.Sprintf("%s:%d", filepath.Base(r.name), w.line)
	}
	return "default"
}

// overruled says where a setting stands otherwise than it is in force; "": nowhere. Who gives a flag knows what they overrule.
func (r *reading) overruled(s Setting) string {
	from, w := r.from(s), r.file[s.Key]
	if strings.HasPrefix(from, "--") || r.inFile(s) || w.text == "" || w.text == strings.TrimSpace(r.viper.GetString(s.Key)) {
		return ""
	}
	return fmt.Sprintf("%s:%d", filepath.Base(r.name), w.line)
}

// inFile says whether the value in force is the file's.
func (r *reading) inFile(s Setting) bool {
	return r.name != "" && strings.HasPrefix(r.from(s), filepath.Base(r.name)+":")
}

// text returns the value in force; a path written in the file is taken from the file's folder.
func (r *reading) text(s Setting) string {
	t := strings.TrimSpace(r.viper.GetString(s.Key))
	if !s.Path || t == "" || !r.inFile(s) || s.Key == "store.url" && inPostgres(t) {
		return t
	}
	scheme, path := "", t
	if s.Key == "store.url" {
		var ok bool
		if scheme, path, ok = strings.Cut(t, ":"); !ok {
			return t
		}
		scheme += ":"
	}
	if filepath.IsAbs(path) || path == "" {
		return t
	}
	return scheme + filepath.Join(filepath.Dir(r.name), path)
}
