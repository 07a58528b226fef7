//go:build race

package library_test

// everyWalk is fewer under the race detector, which makes each walk ten times as slow; what it looks for shows in a few.
const everyWalk = 500
