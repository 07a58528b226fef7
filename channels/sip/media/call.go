package media

import (
	"context"
	"time"
)

// Play says a sound. It returns at the end, as soon as a key comes (nil; also when one was waiting already: then nothing is
// said), or when ctx ends. played is how much of it was sent.
func (s *Session) Play(ctx context.Context, sound Sound) (played time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.keyboard.waiting) > 0 && !s.closed {
		return 0, ctx.Err()
	}
	rate := s.terms.codec.rate()
	s.playing, s.played = sound.at(rate), 0
	s.isPlaying = len(s.playing) > 0
	err = s.await(ctx, 0, func() bool { return !s.isPlaying })
	whole := len(s.playing) == 0
	s.playing, s.isPlaying = nil, false
	if whole {
		return sound.Length(), err
	}
	return time.Duration(s.played) * time.Second / time.Duration(rate), err
}

// Key is the next key pressed: '0'…'9', '*', '#', 'A'…'D'. Keys pressed during Play are kept in order. Without one for as
// long as wait, ok is false; with a wait of 0 or less only what was pressed already counts.
func (s *Session) Key(ctx context.Context, wait time.Duration) (key byte, ok bool, err error) {
	key, _, ok, err = s.Press(ctx, wait)
	return key, ok, err
}

// Press is Key with the time when it was pressed, which may be long before it is asked for.
func (s *Session) Press(ctx context.Context, wait time.Duration) (key byte, at time.Time, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	until := s.calm + max(0, beats(wait))
	err = s.await(ctx, until, func() bool { return len(s.keyboard.waiting) > 0 || s.calm >= until })
	if err != nil || len(s.keyboard.waiting) == 0 {
		return 0, time.Time{}, false, err
	}
	first := s.keyboard.take()
	return first.key, first.at, true, nil
}

// Record takes down what is said: for most at the longest, until it is quiet for as long as silence, or until a key is
// pressed, which is returned and not kept for Key. What was said is returned with an error, too. wav is nil when nothing was said.
func (s *Session) Record(ctx context.Context, most, silence time.Duration) (wav []byte, key byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := newRecording(s.terms.codec.rate(), most, silence, s.calm)
	s.recording, s.order = r, order{}
	for {
		until := min(r.heard+r.silence, r.began+beats(most))
		err = s.await(ctx, until, func() bool { return len(s.keyboard.waiting) > 0 || r.over(s.calm) || s.calm >= until })
		if err != nil || len(s.keyboard.waiting) > 0 || r.over(s.calm) {
			break
		}
	}
	s.recording = nil
	s.drain(r, true)
	quiet := err == nil
	if err == nil && len(s.keyboard.waiting) > 0 {
		key, quiet = s.keyboard.take().key, false
		if !s.terms.keys.is { // its sound is in there
			r.cut(80 * time.Millisecond)
		}
	}
	return r.wav(quiet), key, err
}

// PressKey is a key that came by SIP INFO. The same press by RTP counts once.
func (s *Session) PressKey(key byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range len(keyNames) {
		if keyNames[i] == key {
			s.press(key, byInfo)
		}
	}
}

func (s *Session) press(key byte, by way) {
	if counts, _ := s.keyboard.press(key, by, s.beat, s.c.Now()); counts {
		s.pressed(key, by)
	}
}

// pressed silences what is said: the packet at work was the last. And what is recorded ends there.
func (s *Session) pressed(key byte, by way) {
	s.isPlaying = false
	if r := s.recording; r != nil {
		if by != bySound { // else it is drained already, up to the key
			s.drain(r, true)
		}
		r.done = true
	}
	if s.into != nil {
		s.into.press(key)
	}
	s.wake()
}
