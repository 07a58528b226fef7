//go:build race

package ussd

// raced says that the tests run with the race detector.
const raced = true
