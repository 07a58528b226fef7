//go:build race

package sqlite

// The race detector makes the other driver twenty times slower, and these tests have one goroutine a database.
const defaultSeeds = 25
