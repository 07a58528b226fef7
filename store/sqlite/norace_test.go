//go:build !race

package sqlite

const defaultSeeds = 500
