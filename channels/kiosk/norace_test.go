//go:build !race

package kiosk_test

const everyWalk = 10_000
