package main

import (
	"context"
	"errors"

	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/kiosk"
)

// shelves are the shelf of a town's pages and the one before it: the town may get other dialogs in the middle of a visit. The page
// that is on show then is read aloud to its end, and when the visitor goes, their words leave both.
type shelves struct {
	kiosk.Sound
	before kiosk.Sound
}

// after puts a new shelf in front of those there were; of these the newest alone is kept.
func (s *shelves) after(now kiosk.Sound) *shelves {
	next := &shelves{Sound: now}
	if s != nil {
		next.before = s.Sound
	}
	return next
}

// Forget drops a visitor's words from both.
func (s *shelves) Forget(visitor string) {
	s.Sound.Forget(visitor)
	if s.before != nil {
		s.before.Forget(visitor)
	}
}

// Open finds a clip on either.
func (s *shelves) Open(ctx context.Context, key string, f audio.Format) (*audio.Clip, error) {
	c, err := s.Sound.Open(ctx, key, f)
	var gap *audio.Gap
	if s.before != nil && errors.As(err, &gap) {
		if old, bad := s.before.Open(ctx, key, f); bad == nil {
			return old, nil
		}
	}
	return c, err
}
