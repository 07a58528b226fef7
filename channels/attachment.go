package channels

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/townline/townline/dialogs/engine"
)

// Limits of what comes with one event.
const (
	MostBytes    = 8 << 20  // of one recording or picture: an hour of speech in Opus at 16 kbit/s has 7.2 MB
	MostAttached = 16 << 20 // of all that come with one event
	mostPieces   = 10       // as many as one MMS may bring (Twilio, "Accepted content types for media")
)

// Phrases (locales) that tell the resident why something that came with an event isn't kept.
const (
	RefusedKind   = "@media.kind"   // it is no recording and no picture, or of a kind that we can't open
	RefusedLong   = "@media.long"   // it is too long, or there are too many
	RefusedBallot = "@media.ballot" // it could show who gave an answer that nobody is to be tied to
)

// Taken is a recording or a picture that may be kept.
type Taken struct {
	engine.Media          // Type by its first bytes, Ref by its id
	ID           [16]byte // of the media in the store
	Bytes        []byte
}

// Take looks at what came with an event: recordings and pictures of known kinds are taken, as much as can be kept. What the
// device says of their kind doesn't count, their first bytes do. id names the n-th of what came. refused is the phrase that
// tells the resident of what was not taken, "" where all was.
func Take(attached []Attachment, id func(n int) [16]byte) (taken []Taken, refused string) {
	total := 0
	for n := range attached {
		b := attached[n].Bytes
		if len(b) == 0 {
			continue
		}
		kind := KindOf(b)
		switch {
		case kind == "":
			if refused == "" {
				refused = RefusedKind
			}
		case len(b) > MostBytes || total+len(b) > MostAttached || len(taken) == mostPieces:
			refused = RefusedLong
		default:
			total += len(b)
			one := Taken{ID: id(n), Bytes: b}
			one.Type, one.Ref = kind, MediaRef(one.ID)
			taken = append(taken, one)
		}
	}
	return taken, refused
}

const mediaRef = "media:"

// MediaRef is how answers and records name a media of the store's.
func MediaRef(id [16]byte) string { return mediaRef + hex.EncodeToString(id[:]) }

// MediaID reads what MediaRef made; false for other names, such as a provider's address.
func MediaID(ref string) (id [16]byte, ok bool) {
	digits, ours := strings.CutPrefix(ref, mediaRef)
	if !ours || len(digits) != 2*len(id) {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(digits))
	return id, err == nil && MediaRef(id) == ref
}

// VisitMedia is the id of the n-th media that came with a turn of a visit at an outpost. The centre gives it the same one.
func VisitMedia(from Address, number uint64, n int) [16]byte {
	b := append([]byte("media\x00"+from.Kind+"\x00"+from.ID+"\x00"), make([]byte, 12)...)
	binary.BigEndian.PutUint64(b[len(b)-12:], number)
	binary.BigEndian.PutUint32(b[len(b)-4:], uint32(n))
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}

// head is how far into a container the names of what is in it stand.
const head = 4096

// KindOf is the MIME type of a recording or a picture by its bytes; "" for everything else, films among it.
func KindOf(b []byte) string {
	begins := func(with string) bool { return len(b) >= len(with) && string(b[:len(with)]) == with }
	first := b[:min(len(b), head)]
	holds := func(any ...string) bool {
		for _, s := range any {
			if bytes.Contains(first, []byte(s)) {
				return true
			}
		}
		return false
	}
	switch {
	case begins("\xff\xd8\xff"):
		return "image/jpeg"
	case begins("\x89PNG\r\n\x1a\n"):
		return "image/png"
	case begins("GIF87a"), begins("GIF89a"):
		return "image/gif"
	case begins("RIFF") && len(b) >= 12:
		switch string(b[8:12]) {
		case "WEBP":
			return "image/webp"
		case "WAVE":
			return "audio/wav"
		}
	case begins("OggS\x00"): // RFC 3533; codecs by the first words of their streams
		if holds("OpusHead", "\x01vorbis", "Speex   ", "\x7fFLAC") && !holds("\x80theora", "BBCD") {
			return "audio/ogg"
		}
	case begins("\x1a\x45\xdf\xa3"): // RFC 9559; codecs by their CodecID
		if holds("webm", "matroska") && holds("A_OPUS", "A_VORBIS", "A_PCM", "A_AAC") && !holds("V_") {
			return "audio/webm"
		}
	case begins("\x00\x00") && len(b) >= 12 && string(b[4:8]) == "ftyp":
		if handles(b, "soun") && !handles(b, "vide") {
			return "audio/mp4"
		}
	case begins("fLaC"):
		return "audio/flac"
	case begins("#!AMR\n"), begins("#!AMR-WB\n"):
		return "audio/amr"
	case begins("ID3"), len(b) >= 4 && frameOfMP3(b):
		return "audio/mpeg"
	case len(b) >= 7 && b[0] == 0xff && b[1]&0xf6 == 0xf0 && b[2]&0x3c <= 12<<2: // ADTS (ISO/IEC 13818-7, 6.2)
		return "audio/aac"
	}
	return ""
}

// handles says whether a track of a file of ISO/IEC 14496-12 is of a kind: its handler box names it (8.4.3).
func handles(b []byte, kind string) bool {
	for {
		at := bytes.Index(b, []byte("hdlr"))
		if at < 0 || len(b) < at+16 {
			return false
		}
		if string(b[at+12:at+16]) == kind {
			return true
		}
		b = b[at+4:]
	}
}

// frameOfMP3 knows the head of a frame of ISO/IEC 11172-3 (2.4.1.3), layer III.
func frameOfMP3(b []byte) bool {
	rate, freq := b[2]>>4, b[2]>>2&3
	return b[0] == 0xff && b[1]&0xe6 == 0xe2 && b[1]>>3&3 != 1 && rate > 0 && rate < 15 && freq < 3
}
