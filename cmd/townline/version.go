package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	var sbom bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which townline this is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if b, ok := debug.ReadBuildInfo(); sbom && ok {
				return writeMaterials(cmd.OutOrStdout(), materialsOf(b))
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), versionLine())
			return err
		},
	}
	cmd.Flags().BoolVar(&sbom, "sbom", false, "list what it is made of, with versions and licences (CycloneDX, JSON)")
	return cmd
}

// versionLine is "townline v1.2.0 (go1.26.8 linux/amd64)", or the commit where there is no version.
func versionLine() string {
	version := "(unknown version)"
	if b, ok := debug.ReadBuildInfo(); ok {
		if version = b.Main.Version; version == "" || version == "(devel)" {
			version = "built by hand"
		}
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 && version == "built by hand" {
				version = "at commit " + s.Value[:12]
			}
		}
	}
	return fmt.Sprintf("townline %s (%s %s/%s)", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
