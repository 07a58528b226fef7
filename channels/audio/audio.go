// Package audio finds or makes the sound of what residents read: recordings by people first, then clips that a machine's
// voice made. It knows no channel: the kiosk, the web page and the telephone use the same shelf.
package audio

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Format is how the sound is written down; it is also the ending of a clip's file and address.
type Format string

const (
	MP3  Format = "mp3"  // 32 kbit/s, for any browser
	Opus Format = "opus" // 16 kbit/s in Ogg, for the kiosk's Chromium
	Wide Format = "wav"  // 16-bit samples at 16 kHz, levelled for the telephone: what Speak makes of it, a line takes
)

// Formats are those of pages.
func Formats() []Format { return []Format{MP3, Opus} }

// Type is the media type to serve a clip with.
func (f Format) Type() string {
	switch f {
	case MP3:
		return "audio/mpeg"
	case Opus:
		return "audio/ogg; codecs=opus"
	case Wide:
		return "audio/wav"
	}
	return "application/octet-stream"
}

// known says whether f is one of Formats.
func (f Format) known() bool { return f == MP3 || f == Opus }

// Use is where a text is heard.
type Use uint8

const (
	OnPages Use = 1 << iota
	OnCalls
	InPieces // on calls, as a part of sentences that are put together: good for nothing unless a person recorded it
)

// formats are those that a text needs. The zero Use is on pages.
func (u Use) formats() []Format {
	var out []Format
	if u == 0 || u&OnPages != 0 {
		out = append(out, MP3, Opus)
	}
	if u&(OnCalls|InPieces) != 0 {
		out = append(out, Wide)
	}
	return out
}

// Line is one thing to be said: words in a language, and where they come from.
type Line struct {
	Lang   string // BCP 47
	Dialog string // the dialog's id; "" for the town's own phrases and for words that no author wrote
	Key    string // of the text in the dialog, or of the phrase ("@yes"); "" when composed
	Words  string // as they are to be understood: insertions filled in
	Use    Use    // of a script's line: where it is heard
	Own    bool   // the visitor's own words: their clip is shared with nobody, not even with who typed the same
}

// Clip is a piece of sound.
type Clip struct {
	Key      string
	Format   Format
	Bytes    []byte // shared: must not be changed
	Recorded bool   // by a person
}

// tidy is words as they count for a key: in Unicode's composed form, one space between words, no control characters; a
// letter alone is small, because its name is the same.
func tidy(words string) string {
	words = norm.NFC.String(strings.ToValidUTF8(words, " "))
	words = strings.Join(strings.FieldsFunc(words, isGap), " ")
	if utf8.RuneCountInString(words) == 1 {
		return strings.ToLower(words)
	}
	return words
}

// isGap says whether r parts words: any kind of space, and whatever steers a terminal or a voice.
func isGap(r rune) bool {
	switch {
	case r <= ' ', r >= 0x7f && r <= 0xa0, r >= 0x2000 && r <= 0x200a, r == 0x2028, r == 0x2029, r == 0x202f, r == 0x3000, r == 0xfeff:
		return true
	}
	return false
}

// keyOf is the key of a clip: the first 16 bytes of SHA-256 over all that its sound depends on, in hex.
func keyOf(lang, voice string, pace int, words string) string {
	return digest(lang, voice, strconv.Itoa(pace), words)
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// isKey keeps whatever comes from outside from being taken for the name of a file.
func isKey(key string) bool {
	return len(key) == 32 && strings.Trim(key, "0123456789abcdef") == ""
}
