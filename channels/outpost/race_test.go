//go:build race

package outpost

// The race detector makes each journey several times as long; what it looks for shows in a few.
const journeysAtFirst = 200
