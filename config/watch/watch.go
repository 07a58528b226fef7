// Package watch holds what watches a running town: alarms for Prometheus, a board for Grafana, and the page that explains both.
package watch

import (
	"embed"
	"io/fs"
)

//go:embed README.md alarms.yaml board.json prometheus.yaml
var files embed.FS

// Files are those that "townline watch" writes.
func Files() fs.FS { return files }
