//go:build !race

package library_test

const everyWalk = 10_000
