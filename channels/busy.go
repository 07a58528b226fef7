package channels

import (
	"errors"
	"log/slog"
)

// ErrBusy is within an error of Inbox marked by Retry when more comes in than the town can hold: nothing is wrong with the event, nor with
// the town. The adapter asks the provider, or the resident, to come again, and needn't write it down: the town does, for all.
var ErrBusy = errors.New("more comes in than can be held")

// gate is an inbox that knows beforehand what it would turn away.
type gate interface {
	Full(channel string) bool
}

// Full says whether in would answer an event of a channel with ErrBusy now. An adapter whose provider comes again asks before it reads a
// request, so that turning it away costs next to nothing.
func Full(in Inbox, channel string) bool {
	g, ok := in.(gate)
	return ok && g.Full(channel)
}

// Level is at which level the failure of a turn goes into an adapter's log: what the town notes for all is none of the adapter's.
func Level(err error) slog.Level {
	if errors.Is(err, ErrBusy) {
		return slog.LevelDebug
	}
	return slog.LevelError
}
