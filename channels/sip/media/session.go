package media

import (
	"context"
	"errors"
	"time"
)

var errSoon = errors.New("media: not built yet")

type wheel struct{}

// Session is the media of one call. Play, Key and Record are for the one goroutine that holds the call; the others may be
// called from any.
type Session struct{}

// Answer takes the description that came with a call and returns ours: each m-line is answered, those we can't use with
// port 0. The error is a *NoAudio (488) or ErrNoPort (503).
func Answer(c Config, offer []byte) (s *Session, answer []byte, err error) { return nil, nil, errSoon }

// Offer is for a call that we make, and for one that came without a description: then Accept takes the answer.
func Offer(c Config) (s *Session, offer []byte, err error) { return nil, nil, errSoon }

// Accept takes the answer to Offer, or to Description where that was sent as an offer. The error is a *NoAudio: the call is ended.
func (s *Session) Accept(answer []byte) error { return errSoon }

// Renew answers a re-INVITE or UPDATE: hold, resume, a moved address. An error is a *NoAudio (488); the call goes on as it was.
func (s *Session) Renew(offer []byte) (answer []byte, err error) { return nil, errSoon }

// Description is what we last sent, for a re-INVITE or UPDATE of our own, and to answer one that brings no description.
func (s *Session) Description() []byte { return nil }

// Held says that the other side has put us on hold. Prompts and waiting stand still until it resumes.
func (s *Session) Held() bool { return false }

// Start sends and receives from now on, before the ACK. Silence is sent between prompts.
func (s *Session) Start() {}

// Close ends it, and gives the ports back. Whatever waits returns net.ErrClosed. A second Close does nothing.
func (s *Session) Close() Stats { return Stats{} }

// Play says a sound. It returns at the end, as soon as a key comes (nil; also when one was waiting already: then nothing is
// said), or when ctx ends. played is how much of it was sent.
func (s *Session) Play(ctx context.Context, sound Sound) (played time.Duration, err error) {
	return 0, errSoon
}

// Key is the next key pressed: '0'…'9', '*', '#', 'A'…'D'. Keys pressed during Play are kept in order. Without one for as
// long as wait, ok is false; with a wait of 0 or less only what was pressed already counts.
func (s *Session) Key(ctx context.Context, wait time.Duration) (key byte, ok bool, err error) {
	return 0, false, errSoon
}

// Record takes down what is said: for most at the longest, until it is quiet for as long as silence, or until a key is
// pressed, which is returned and not kept for Key. wav is nil when nothing was said.
func (s *Session) Record(ctx context.Context, most, silence time.Duration) (wav []byte, key byte, err error) {
	return nil, 0, errSoon
}

// PressKey is a key that came by SIP INFO. The same press by RTP counts once.
func (s *Session) PressKey(key byte) {}

// Text is the real-time text of the call (T.140): what comes in, a few characters at a time, with '\b' for what was taken
// back, '\n' for a new line and U+FFFD where something was lost; and a function that sends. The channel is closed with the
// session. Both are nil where no text was agreed.
func (s *Session) Text() (<-chan string, func(string) error) { return nil, nil }

// Bridge joins two calls: each hears the other, until one of them is closed or Part is called. Play goes before what the
// other side says. Keys pressed still come to Key, and go to the other side as well.
func (s *Session) Bridge(other *Session) error { return errSoon }

// Part ends a Bridge.
func (s *Session) Part() {}

// Gone is closed when neither RTP nor RTCP came for 60 s although the call isn't on hold.
func (s *Session) Gone() <-chan struct{} { return nil }
