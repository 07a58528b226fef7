//go:build !race

package kiosk_test

const everyWalk = 1_000
