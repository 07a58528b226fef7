package store

// Pressure is how full a store is on its way to the disk, at one moment.
type Pressure struct {
	Queue, QueueMost             int    // changes that wait to be committed
	Connections, ConnectionsMost int    // to the database that are in use
	Commits                      uint64 // so far, each of many changes; 0 where they aren't counted
}
