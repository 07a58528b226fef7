package postgres

import "github.com/townline/townline/store"

// Pressure tells how full the way to the database is. It never waits.
func (s *Store) Pressure() store.Pressure {
	pool := s.pool.Stat()
	return store.Pressure{Queue: len(s.queue), QueueMost: cap(s.queue), Connections: int(pool.AcquiredConns()), ConnectionsMost: int(pool.MaxConns())}
}
