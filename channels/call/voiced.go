package call

import (
	"time"

	"github.com/townline/townline/channels/hearing"
	"github.com/townline/townline/channels/wav"
)

// voiced is how long a recording is, 0 where nothing is said in it: one fifth of a second of voice is the least. A
// recording of another kind than 16-bit PCM is taken to be one with a voice.
func voiced(recording []byte) time.Duration {
	if len(recording) == 0 {
		return 0
	}
	f, err := wav.Read(recording)
	samples, ok := f.Samples()
	if err != nil || !ok || f.Channels > 1 {
		return longHold
	}
	frame := f.Rate / 50
	frames := 0
	var voice hearing.Voice
	for at := 0; at+frame <= len(samples); at += frame {
		if voice.In(samples[at : at+frame]) {
			frames++
		}
	}
	if frames < 10 {
		return 0
	}
	return time.Duration(len(samples)) * time.Second / time.Duration(f.Rate)
}
