package channels

import (
	"net/http"
	"strconv"
	"time"
)

// longestWait bounds what a provider may wish for.
const longestWait = 24 * time.Hour

// RetryAfter reads Retry-After (RFC 9110 §10.2.3), seconds or a date; 0 where there is none.
func RetryAfter(s string, now time.Time) time.Duration {
	if s == "" {
		return 0
	}
	if n, err := strconv.Atoi(s); err == nil {
		return min(max(time.Duration(min(n, 1<<30))*time.Second, 0), longestWait)
	}
	if at, err := http.ParseTime(s); err == nil {
		return min(max(at.Sub(now), 0), longestWait)
	}
	return 0
}
