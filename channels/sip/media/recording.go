package media

import (
	"time"

	"github.com/townline/townline/channels/hearing"
	"github.com/townline/townline/channels/wav"
)

// recording is what somebody says while they are asked to. Each packet's sound is put where its time says, so that what
// was lost, or not sent because it was quiet, is as long as it was.
type recording struct {
	rate    int
	pcm     []int16
	most    int // samples
	began   int64
	silence int64 // beats
	voice   hearing.Voice
	heard   int64 // beat of the last voice
	spoken  int   // samples up to the end of the last voice
	words   int   // packets with voice
	next    uint32
	placed  bool
	done    bool
}

const fewestWords = 5 // packets: less than 100 ms is a noise

const longestGap = 10 * 8000 // ticks of RTP's clock; a longer one is another clock

func newRecording(rate int, most, silence time.Duration, now int64) *recording {
	return &recording{rate: rate, most: int(most.Seconds() * float64(rate)), silence: beats(silence), began: now, heard: now}
}

// beats are how many beats a time takes, the last one begun.
func beats(d time.Duration) int64 { return int64((d + beat - 1) / beat) }

// add puts in the sound of one packet; body is how many ticks it takes.
func (r *recording) add(stamp uint32, ticks int, pcm []int16, now int64) {
	if r.placed {
		if gap := int32(stamp - r.next); gap > 0 && gap <= longestGap {
			r.grow(int(gap) * r.rate / 8000)
		}
	}
	r.placed, r.next = true, stamp+uint32(ticks)
	n := min(len(pcm), r.most-len(r.pcm))
	if n < 0 {
		n = 0
	}
	r.pcm = append(r.pcm, pcm[:n]...)
	if r.voice.In(pcm) {
		r.heard, r.spoken = now, len(r.pcm)
		r.words++
	}
	r.done = r.done || len(r.pcm) >= r.most
}

func (r *recording) grow(n int) {
	n = max(0, min(n, r.most-len(r.pcm)))
	r.pcm = append(r.pcm, make([]int16, n)...)
}

// over says whether it has come to its end by itself.
func (r *recording) over(now int64) bool {
	return r.done || now-r.heard >= r.silence || now-r.began >= int64(r.most)*50/int64(r.rate)
}

// cut takes away the end.
func (r *recording) cut(d time.Duration) {
	r.pcm = r.pcm[:max(0, len(r.pcm)-int(d.Seconds()*float64(r.rate)))]
}

// wav is what was said, without the silence that ended it; nil when nothing was.
func (r *recording) wav(quiet bool) []byte {
	if r.words < fewestWords {
		return nil
	}
	pcm := r.pcm
	if quiet {
		pcm = pcm[:min(len(pcm), r.spoken+r.rate/4)]
	}
	return wav.Write(r.rate, pcm)
}
