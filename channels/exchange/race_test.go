//go:build race

package exchange

// The race detector makes a store in a file many times slower: hours that pass on one are tried without it.
const alsoOnDisk = false

// What the detector looks for shows in a few.
const menusAtFirst, mergesAtFirst = 60, 30
