package sip

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/sip/media"
)

// phone is the telephone at the other end of a leg, as call.Hold knows it.
type phone struct {
	leg  *leg
	show func(string) error // sends text beside the voice; nil: there is none

	mu    sync.Mutex
	lang  string             // of what was said last
	lines []string           // typed, and not taken yet
	stop  context.CancelFunc // ends what is being waited for, since a line was typed
}

var _ call.Line = (*phone)(nil)

func newPhone(l *leg) *phone {
	p := &phone{leg: l, lang: l.line.cfg.Lang}
	typed, show := l.media.Text()
	if p.show = show; typed != nil {
		go p.read(typed)
	}
	return p
}

// Play says parts in order. The next one is made while one is said. When the line closes, a part that was begun is said to
// its end.
func (p *phone) Play(ctx context.Context, parts []call.Part) (whole bool, err error) {
	making, cancel := context.WithCancel(ctx)
	defer cancel()
	next := p.making(making, parts, 0)
	for i := range parts {
		if err := p.ended(ctx); err != nil {
			return false, err
		}
		if p.typed() {
			return false, nil
		}
		var sound media.Sound
		select {
		case sound = <-next:
		case <-p.leg.over:
			return false, call.ErrGone
		case <-ctx.Done():
			return false, ctx.Err()
		}
		next = p.making(making, parts, i+1)
		p.write(parts[i])
		if whole, err := p.say(ctx, sound); err != nil || !whole {
			return false, err
		}
	}
	return true, p.ended(ctx)
}

// say plays one sound. It is whole unless a key or a line came before its end.
func (p *phone) say(ctx context.Context, sound media.Sound) (whole bool, err error) {
	own, done := p.interruptible(context.WithoutCancel(ctx))
	defer done()
	late := context.AfterFunc(ctx, func() {
		rest := time.NewTimer(p.leg.line.cfg.Farewell / 2)
		defer rest.Stop()
		select {
		case <-rest.C:
			done()
		case <-own.Done():
		}
	})
	defer late()
	played, err := p.leg.media.Play(own, sound)
	switch {
	case p.leg.gone():
		return false, call.ErrGone
	case p.typed():
		return false, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		return false, p.lost(err)
	}
	return played >= sound.Length(), nil
}

// Key is the next key, or line.
func (p *phone) Key(ctx context.Context, wait time.Duration) (call.Press, bool, error) {
	if line, ok := p.line(); ok {
		return call.Press{Line: line, At: p.leg.line.cfg.Now()}, true, nil
	}
	own, done := p.interruptible(ctx)
	defer done()
	key, at, ok, err := p.leg.media.Press(own, wait)
	if ok {
		return call.Press{Key: key, At: at}, true, nil
	}
	if line, ok := p.line(); ok {
		return call.Press{Line: line, At: p.leg.line.cfg.Now()}, true, nil
	}
	if gone := p.ended(ctx); gone != nil {
		return call.Press{}, false, gone
	}
	if err != nil {
		return call.Press{}, false, p.lost(err)
	}
	return call.Press{}, false, nil
}

// Record takes down the caller's voice.
func (p *phone) Record(ctx context.Context, most, silence time.Duration) ([]byte, byte, error) {
	wav, key, err := p.leg.media.Record(ctx, most, silence)
	if gone := p.ended(ctx); gone != nil {
		return wav, key, gone
	}
	if err != nil {
		return wav, key, p.lost(err)
	}
	return wav, key, nil
}

// ended is why the call is not held any longer; nil: it is.
func (p *phone) ended(ctx context.Context) error {
	if p.leg.gone() {
		return call.ErrGone
	}
	return ctx.Err()
}

// lost is a call whose sound broke.
func (p *phone) lost(err error) error {
	p.leg.line.log.LogAttrs(context.Background(), slog.LevelError, "the sound of a call broke", slog.String("call", p.leg.name), slog.Any("error", err))
	return call.ErrGone
}

// making makes the sound of a part while another is said.
func (p *phone) making(ctx context.Context, parts []call.Part, i int) <-chan media.Sound {
	made := make(chan media.Sound, 1)
	if i >= len(parts) {
		return made
	}
	part := parts[i]
	if part.Silence > 0 {
		made <- silence(part.Silence)
		return made
	}
	go func() {
		sound, err := p.leg.line.cfg.Voice(ctx, part)
		if err != nil && ctx.Err() == nil {
			p.leg.line.log.LogAttrs(ctx, slog.LevelError, "nothing to be heard", slog.String("call", p.leg.name), slog.String("lang", part.Lang), slog.Any("error", err))
		}
		if err != nil || sound.Length() == 0 {
			sound = sorry
		}
		made <- sound
	}()
	return made
}
