package exchange

import "time"

// Clock tells the time and wakes the workers. Tests and the simulator bring one that they move themselves.
type Clock interface {
	Now() time.Time
	// After returns a channel that gets one value when d has passed.
	After(d time.Duration) <-chan time.Time
}

// SystemClock is the machine's clock.
type SystemClock struct{}

func (SystemClock) Now() time.Time                         { return time.Now() }
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
