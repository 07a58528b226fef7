//go:build !race

package exchange

import (
	"flag"
	"testing"
	"testing/synctest"
)

const alsoOnDisk = true

const menusAtFirst, mergesAtFirst = 300, 150

var reminders = flag.Int("reminders", 2000, "reminders that fall due at once in TestRunOfReminders")

// Hours pass in this one, second by second: the race detector would take minutes over it.
func TestRunOfReminders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { runOfReminders(t, *reminders) })
}
