package media

import (
	"strings"

	"github.com/townline/townline/channels/g711"
)

// codec is how sound is written in a packet. All of ours take 8,000 bytes and 8,000 ticks of the RTP clock a second.
type codec uint8

const (
	pcmu codec = iota
	pcma
	wide // G.722
)

// name in SDP.
func (c codec) name() string { return [...]string{"PCMU", "PCMA", "G722"}[c] }

// payload is the type that RFC 3551 gives it.
func (c codec) payload() int { return [...]int{0, 8, 9}[c] }

// rate is how many samples a second it carries.
func (c codec) rate() int {
	if c == wide {
		return 16000
	}
	return 8000
}

// codecOf reads a name with its clock, as rtpmap has it. Some devices give the clock of G.722 as what it should have been.
func codecOf(encoding string) (codec, bool) {
	encoding = strings.TrimSuffix(strings.ToUpper(encoding), "/1")
	switch encoding {
	case "PCMU/8000":
		return pcmu, true
	case "PCMA/8000":
		return pcma, true
	case "G722/8000", "G722/16000":
		return wide, true
	}
	return 0, false
}

const (
	beatBytes = 160  // of each codec in 20 ms
	maxBody   = 1024 // bytes of sound in a packet that we take: 128 ms
)

// writer turns samples into bytes, reader the other way.
type writer struct {
	codec codec
	wide  *g722
}

func newWriter(c codec) writer { return writer{codec: c, wide: newG722()} }

// write fills out, which is as long as what pcm takes.
func (w *writer) write(out []byte, pcm []int16) {
	switch w.codec {
	case pcmu:
		for i, x := range pcm {
			out[i] = g711.ToMu(x)
		}
	case pcma:
		for i, x := range pcm {
			out[i] = g711.ToA(x)
		}
	default:
		w.wide.encode(out, pcm)
	}
}

type reader struct {
	codec codec
	wide  *g722
}

func newReader(c codec) reader { return reader{codec: c, wide: newG722()} }

// read fills as much of pcm as in gives, and returns it.
func (r *reader) read(pcm []int16, in []byte) []int16 {
	switch r.codec {
	case wide:
		r.wide.decode(pcm, in)
		return pcm[:2*len(in)]
	case pcma:
		for i, b := range in {
			pcm[i] = aTable[b]
		}
	default:
		for i, b := range in {
			pcm[i] = muTable[b]
		}
	}
	return pcm[:len(in)]
}
