//go:build !race

package library_test

const everyWalk = 3_000
