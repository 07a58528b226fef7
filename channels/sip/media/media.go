// Package media is the sound of a telephone call, and its real-time text: SDP, RTP, keys, recordings. It knows no
// signalling: channels/sip hands it the descriptions that come with a call, and sends on those that it returns.
package media

import (
	"net/netip"
	"time"
)

// Config is a town's side of the media of one call.
type Config struct {
	Bind      netip.Addr     // address RTP is bound to
	Advertise netip.Addr     // address in SDP; zero: Bind
	Ports     *Ports         // even RTP ports are taken from here and given back; shared by all calls
	SRTP      Encryption     // what is asked of the other side
	Wide      bool           // G.722 may be used
	Text      bool           // real-time text (T.140) is taken where it is offered, and offered
	From      []netip.Prefix // where sound may come from, beside the address in the other side's SDP; empty: anywhere, once it is sure
	Now       func() time.Time

	Patience time.Duration // that nothing may be heard for before Gone; 0: 60 s
}

// Encryption says whether sound is encrypted by SRTP with the keys of the SDP (SDES). That is worth something only where
// the signalling is encrypted too.
type Encryption uint8

const (
	Off      Encryption = iota // never
	Offered                    // where the other side can
	Required                   // or there is no call
)

// NoAudio says why there can be no sound with what the other side described. The call is refused with 488.
type NoAudio struct{ Why string }

func (e *NoAudio) Error() string { return "media: " + e.Why }

// Stats is what became of a call's sound.
type Stats struct {
	Codec     string // "PCMU", "PCMA", "G722"
	Encrypted bool
	Sent      int           // packets
	Received  int           // packets taken
	Refused   int           // packets of somebody else, of another payload, or not authentic
	Lost      int           // packets the other side sent that never came
	Jitter    time.Duration // of arrival, at the end (RFC 3550)
	RoundTrip time.Duration // there and back, when the other side reports
	Late      time.Duration // the worst delay of a packet of ours against its time
}
