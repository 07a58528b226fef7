//go:build !race

package exchange

const (
	usualReminders = 2000
	alsoOnDisk     = true
)
