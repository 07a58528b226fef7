//go:build race

package kiosk_test

// everyWalk is less where races are looked for: each visit takes ten times as long.
const everyWalk = 100
