//go:build !race

package library_test

const everyWalk = 2_000
