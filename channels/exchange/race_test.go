//go:build race

package exchange

// The race detector makes the store many times slower.
const usualReminders = 400
