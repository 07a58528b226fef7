package call

import (
	"encoding/binary"
	"time"

	"github.com/townline/townline/channels/hearing"
)

// voiced is how long a recording is, 0 where nothing is said in it: one fifth of a second of voice is the least. A
// recording of another kind than 16-bit PCM is taken to be one with a voice.
func voiced(wav []byte) time.Duration {
	if len(wav) == 0 {
		return 0
	}
	rate, samples := pcm(wav)
	if rate == 0 {
		return longHold
	}
	frame := make([]int16, rate/50)
	frames := 0
	var voice hearing.Voice
	for at := 0; at+2*len(frame) <= len(samples); at += 2 * len(frame) {
		for i := range frame {
			frame[i] = int16(binary.LittleEndian.Uint16(samples[at+2*i:]))
		}
		if voice.In(frame) {
			frames++
		}
	}
	if frames < 10 {
		return 0
	}
	return time.Duration(len(samples)/2) * time.Second / time.Duration(rate)
}

// pcm is the sound in a WAV file of 16-bit PCM with one channel; rate 0 for all others.
func pcm(wav []byte) (rate int, samples []byte) {
	if len(wav) < 12 || string(wav[:4]) != "RIFF" || string(wav[8:12]) != "WAVE" {
		return 0, nil
	}
	for b := wav[12:]; len(b) >= 8; {
		id, size := string(b[:4]), int(binary.LittleEndian.Uint32(b[4:8]))
		b = b[8:]
		chunk := b[:min(size, len(b))]
		b = b[min(size+size%2, len(b)):]
		switch id {
		case "fmt ":
			if len(chunk) < 16 || binary.LittleEndian.Uint16(chunk) != 1 || binary.LittleEndian.Uint16(chunk[2:]) != 1 || binary.LittleEndian.Uint16(chunk[14:]) != 16 {
				return 0, nil
			}
			if rate = int(binary.LittleEndian.Uint32(chunk[4:])); rate < 4000 || rate > 192000 {
				return 0, nil
			}
		case "data":
			return rate, chunk
		}
	}
	return 0, nil
}
