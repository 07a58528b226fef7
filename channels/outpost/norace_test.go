//go:build !race

package outpost

const journeysAtFirst = 1000
