package sip

import (
	"context"
	"errors"
	"log/slog"

	"github.com/townline/townline/channels/call"
)

// hold holds a call from its first word to the BYE.
func (s *SIP) hold(l *leg, c call.Call) {
	s.holdBy(newPhone(l), c)
}

func (s *SIP) holdBy(p *phone, c call.Call) {
	s.mu.Lock()
	in, life := s.inbox, s.life
	s.mu.Unlock()
	life, end := context.WithTimeout(life, s.cfg.Longest)
	defer end()
	err := call.Hold(life, p, in, c)
	if life.Err() != nil && !p.leg.gone() { // the line closes, or it has been long: what was answered is on disk, and they can call again
		ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Farewell/2)
		p.mu.Lock()
		lang := p.lang
		p.mu.Unlock()
		p.Play(ctx, call.Say(s.cfg.Phrases, lang, call.PhraseAway))
		cancel()
	} else if err != nil && !errors.Is(err, call.ErrAway) {
		s.log.LogAttrs(life, slog.LevelError, "a call ended early", slog.String("call", p.leg.name), slog.Any("error", err))
	}
	p.leg.bye()
}
