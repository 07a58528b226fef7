package sqlite

import "github.com/townline/townline/store"

// Pressure tells how full the way to the disk is. It never waits.
func (s *Store) Pressure() store.Pressure {
	return store.Pressure{
		Queue: len(s.queue), QueueMost: cap(s.queue), Connections: cap(s.readers) - len(s.readers), ConnectionsMost: cap(s.readers), Commits: s.commits.Load(),
	}
}
