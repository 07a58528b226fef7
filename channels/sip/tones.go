package sip

import (
	"math"
	"time"

	"github.com/townline/townline/channels/sip/media"
)

// The sounds that a line makes itself. They are made once, and not changed.
var (
	sorry = tones(0.1, tone{480, 250}, tone{0, 100}, tone{400, 350}) // in the place of what can't be said
	rings = tones(0.1, tone{425, 1000}, tone{0, 3000})               // while another telephone rings
	quiet = make([]int16, 16000)
)

// tone is of a pitch, for so many milliseconds; 0 is silence.
type tone struct{ hz, ms int }

func tones(level float64, all ...tone) media.Sound {
	at := func(rate int) (out []int16) {
		for _, t := range all {
			n := rate * t.ms / 1000
			for i := range n {
				ramp := min(1, float64(min(i, n-i))/float64(rate/100)) // 10 ms, so that it doesn't click
				out = append(out, int16(32767*level*ramp*math.Sin(2*math.Pi*float64(t.hz)*float64(i)/float64(rate))))
			}
		}
		return out
	}
	return media.Sound{At8: at(8000), At16: at(16000)}
}

// silence is that, for so long.
func silence(d time.Duration) media.Sound {
	n := int(d * 8000 / time.Second)
	if 2*n <= len(quiet) {
		return media.Sound{At8: quiet[:n], At16: quiet[:2*n]}
	}
	return media.Sound{At8: make([]int16, n), At16: make([]int16, 2*n)}
}
