//go:build race

package sip

// slow says that the race detector looks on: what is measured is measured without it.
const slow = true
