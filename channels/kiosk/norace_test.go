//go:build !race

package kiosk_test

const everyWalk = 2_000
