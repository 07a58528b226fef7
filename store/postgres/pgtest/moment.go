package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
)

// Archiving are arguments for a server that archives its log in a folder of its own.
func Archiving() []string {
	return []string{"-c", "archive_mode=on", "-c", "archive_command=mkdir -p ../archive && cp %p ../archive/%f"}
}

// Base is a copy of a server as it is now, which isn't started.
func (s *Server) Base() (*Server, error) {
	b, err := newServer("", nil)
	if err != nil {
		return nil, err
	}
	copies, err := b.command("pg_basebackup", "-D", filepath.Join(b.Dir, "data"), "-h", s.Dir, "-U", "town", "-c", "fast", "--no-sync")
	if err != nil {
		return nil, err
	}
	if text, err := copies.CombinedOutput(); err != nil {
		os.RemoveAll(b.Dir)
		return nil, fmt.Errorf("pg_basebackup: %w: %s", err, text)
	}
	return b, nil
}

// StartAt starts a copy from before a moment, and brings it to it by the log that another server archived.
func (s *Server) StartAt(moment string, archived *Server) error {
	s.args = []string{"-c", "restore_command=cp " + filepath.Join(archived.Dir, "archive") + "/%f %p", "-c", "recovery_target_time=" + moment,
		"-c", "recovery_target_action=promote"}
	signal := filepath.Join(s.Dir, "data", "recovery.signal")
	if err := os.WriteFile(signal, nil, 0o600); err != nil {
		return err
	}
	if s.as != nil {
		if err := os.Chown(signal, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return err
		}
	}
	return s.Start()
}
