package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/townline/townline/config"
	watchfiles "github.com/townline/townline/config/watch"
	"github.com/townline/townline/store"
)

func newWatch() *cobra.Command {
	return &cobra.Command{
		Use:   "watch DIR",
		Short: "Write the alarms, the board and the runbook for Prometheus and Grafana",
		Long: `Write into a folder what watches a running town: the alarms for Prometheus, a board for Grafana, and a page that
lists every figure and says what to do about every alarm. Files of these names that are there are replaced.`,
		Example: "  townline watch /etc/prometheus/townline",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			return fs.WalkDir(watchfiles.Files(), ".", func(name string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				text, err := fs.ReadFile(watchfiles.Files(), name)
				if err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(args[0], name))
				return os.WriteFile(filepath.Join(args[0], name), text, 0o644)
			})
		},
	}
}

// disk is a place on the machine's disks that the town writes to.
type disk struct{ folder, path string }

// writtenTo are the folders that must not be full.
func writtenTo(c *config.Config) (all []disk) {
	add := func(name, path string, on bool) {
		if on && path != "" {
			all = append(all, disk{name, path})
		}
	}
	add("store", filepath.Dir(c.Store.Path), true)
	add("smpp", c.SMPP.Dir, len(c.SMPP.Operators) > 0)
	add("ussd", c.USSD.Dir, c.USSD.On())
	add("audio", c.Audio.Dir, true)
	add("backups", c.Watch.Backups, true)
	return all
}

// nearest is the folder itself, or the first above it that is there: a folder may be made later.
func nearest(path string) string {
	for {
		if _, err := os.Stat(path); err == nil {
			return path
		}
		up := filepath.Dir(path)
		if up == path {
			return path
		}
		path = up
	}
}

// newestBackup is when something was last put where backups are; zero: nothing is there.
func newestBackup(dir string) (newest time.Time, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return newest, err
	}
	for _, e := range entries {
		// The keys and what was put aside are parts of a copy; what is hidden, or still being written, is none.
		if strings.HasPrefix(e.Name(), ".") || strings.HasSuffix(e.Name(), ".keys") || strings.HasSuffix(e.Name(), asideEnding) {
			continue
		}
		if i, err := e.Info(); err == nil && i.ModTime().After(newest) && (i.IsDir() || i.Size() > 0) {
			newest = i.ModTime()
		}
	}
	return newest, nil
}

// certificateEnd is until when the certificate in a file is good.
func certificateEnd(file string) (time.Time, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return time.Time{}, errors.New("there is no certificate in it")
	}
	one, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}, err
	}
	return one.NotAfter, nil
}

// pressed is a store that tells how full it is.
type pressed interface{ Pressure() store.Pressure }

// surroundings are the figures of what a town stands on: its disks, the way to its store, backups, certificates.
type surroundings struct {
	c     *config.Config
	store pressed // nil: it doesn't tell

	queue, queueMost, connections, connectionsMost, commits, free, size, age, ageMost, ends, build *prometheus.Desc
}

// watchSurroundings registers them; s may be nil.
func watchSurroundings(metrics prometheus.Registerer, c *config.Config, s store.Store) error {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("townline_"+name, help, labels, nil)
	}
	p, _ := s.(pressed)
	return metrics.Register(&surroundings{
		c: c, store: p,
		queue:           desc("store_queue", "Changes that wait to be committed."),
		queueMost:       desc("store_queue_most", "Changes that can wait; more have to wait outside."),
		connections:     desc("store_connections", "Connections to the database that are in use."),
		connectionsMost: desc("store_connections_most", "Connections to the database that there can be."),
		commits:         desc("store_commits_total", "Commits, each of all that waited."),
		free:            desc("disk_free_bytes", "Bytes left on the disk of a folder that the town writes to.", "folder"),
		size:            desc("disk_bytes", "Bytes of that disk.", "folder"),
		age:             desc("backup_age_seconds", "Since the newest backup was made; where watch.backups says where they are."),
		ageMost:         desc("backup_age_most_seconds", "How old it may grow, as watch.backups_every says."),
		ends:            desc("certificate_ends_timestamp_seconds", "Until when a certificate is good.", "certificate"),
		build:           desc("build_info", "Always 1; which townline this is.", "version"),
	})
}

// Describe: see prometheus.Collector.
func (s *surroundings) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.queue, s.queueMost, s.connections, s.connectionsMost, s.commits, s.free, s.size, s.age, s.ageMost, s.ends, s.build} {
		to <- d
	}
}

// Collect: see prometheus.Collector. What can't be read is left out.
func (s *surroundings) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(s.build, 1, versionLine())
	if s.store != nil {
		p := s.store.Pressure()
		gauge(s.queue, float64(p.Queue))
		gauge(s.queueMost, float64(p.QueueMost))
		gauge(s.connections, float64(p.Connections))
		gauge(s.connectionsMost, float64(p.ConnectionsMost))
		if p.Commits > 0 {
			to <- prometheus.MustNewConstMetric(s.commits, prometheus.CounterValue, float64(p.Commits))
		}
	}
	for _, f := range writtenTo(s.c) {
		if free, all, err := diskSpace(nearest(f.path)); err == nil {
			gauge(s.free, float64(free), f.folder)
			gauge(s.size, float64(all), f.folder)
		}
	}
	if dir := s.c.Watch.Backups; dir != "" {
		gauge(s.ageMost, s.c.Watch.Every.Seconds())
		// A folder without a backup has had none since 1970: that is late by any measure.
		if newest, err := newestBackup(dir); err == nil && !newest.IsZero() {
			gauge(s.age, time.Since(newest).Seconds())
		} else {
			gauge(s.age, float64(time.Now().Unix()))
		}
	}
	if s.c.SIP.Cert != "" {
		if ends, err := certificateEnd(s.c.SIP.Cert); err == nil {
			gauge(s.ends, float64(ends.Unix()), "sip")
		}
	}
}
