package redis

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// burnt is how much CPU this process, and the server's, have used since it was first asked.
func (s *server) burnt() (ours, theirs time.Duration) {
	s.t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.SplitSeq(s.say("INFO cpu"), "\r\n") {
		for _, of := range []string{"used_cpu_sys:", "used_cpu_user:"} {
			if text, ok := strings.CutPrefix(line, of); ok {
				seconds, err := strconv.ParseFloat(text, 64)
				if err != nil {
					s.t.Fatal(err)
				}
				theirs += time.Duration(seconds * float64(time.Second))
			}
		}
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), theirs
}

// BenchmarkLease is what the turns of so many residents at once pay for their leases: taken and given back.
func BenchmarkLease(b *testing.B) {
	for _, atOnce := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(atOnce), func(b *testing.B) {
			s := start(b)
			n, other := s.join(), s.join()
			counted(b, n, 2)
			counted(b, other, 2)
			ours, theirs := s.burnt()
			b.ReportAllocs()
			b.ResetTimer()
			var all sync.WaitGroup
			for i := range atOnce {
				all.Go(func() {
					for range b.N / atOnce {
						leased(n, b.Context(), [16]byte{byte(i)})()
					}
				})
			}
			all.Wait()
			b.StopTimer()
			oursNow, theirsNow := s.burnt()
			b.ReportMetric(float64((oursNow-ours).Nanoseconds())/float64(b.N)/1e3, "µs-of-ours/op")
			b.ReportMetric(float64((theirsNow-theirs).Nanoseconds())/float64(b.N)/1e3, "µs-of-redis/op")
		})
	}
}
