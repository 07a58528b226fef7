package menu

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/sealed"
)

// Who is told that a text message will come has it on disk: if the process dies before the turn is held, the next one holds it and
// texts what came of it.

const (
	// keeping is how long a promise may take to be on disk: where the disk is what is slow, nothing is promised.
	keeping = 500 * time.Millisecond

	// promised is for how long a promise holds that could not be kept.
	promised = 24 * time.Hour
)

// promise is a request whose turn takes long. nil is none.
type promise struct {
	name    string
	written chan struct{} // closed once err says whether it is on disk
	err     error
}

// keptIn is the folder of a channel's promises; nil: they are kept in memory only.
func keptIn(c *Config) *sealed.Folder {
	if c.Dir == "" {
		return nil
	}
	return &sealed.Folder{Box: sealed.NewBox(c.Secret, "menu 1"), Dir: filepath.Join(c.Dir, c.Channel), Ends: ".promise", About: c.Channel}
}

// promise begins to put e on disk.
func (m *Menu) promise(e channels.Event) *promise {
	if m.kept == nil {
		return nil
	}
	p := &promise{name: rand.Text(), written: make(chan struct{})}
	plain, err := json.Marshal(e)
	if err != nil {
		p.err = err
		close(p.written)
		return p
	}
	m.enter()
	go func() {
		defer m.leave()
		defer close(p.written)
		p.err = m.kept.Write(p.name, plain)
	}()
	return p
}

// holds says whether a promise is on disk by now, or needs not be.
func (m *Menu) holds(p *promise) bool {
	if m.kept == nil {
		return true
	}
	select {
	case <-p.written:
		if p.err != nil {
			m.log.Error("menu: a text can't be promised", slog.String("channel", m.cfg.Channel), slog.Any("error", p.err))
		}
		return p.err == nil
	default:
		return false
	}
}

// settled forgets a promise that was kept, or wasn't given.
func (m *Menu) settled(p *promise) {
	if p == nil {
		return
	}
	m.enter()
	go func() {
		defer m.leave()
		<-p.written
		if p.err != nil {
			return
		}
		if err := m.kept.Remove(p.name); err != nil {
			m.log.Error("menu: a promise that was kept is still on disk", slog.String("channel", m.cfg.Channel), slog.Any("error", err))
		}
	}()
}

// Resume keeps what an earlier process promised. Call it once, before requests come in, and again where they come in again after Close.
func (m *Menu) Resume(in channels.Inbox) {
	m.mu.Lock()
	if m.over {
		m.over, m.closed = false, make(chan struct{})
	}
	m.mu.Unlock()
	if m.kept == nil {
		return
	}
	names, err := m.kept.Names()
	if err != nil {
		m.log.Error("menu: what was promised before can't be read", slog.String("channel", m.cfg.Channel), slog.Any("error", err))
	}
	for _, name := range names {
		p := &promise{name: name, written: make(chan struct{})}
		close(p.written)
		e, err := m.recalled(name)
		if err != nil {
			m.log.Error("menu: a promise can't be read", slog.String("channel", m.cfg.Channel), slog.Any("error", err))
			continue
		}
		if time.Since(e.At) > promised {
			m.counts.lost.Add(1)
			m.log.Error("menu: a text that was promised a day ago is not sent any more", slog.String("channel", m.cfg.Channel))
			m.settled(p)
			continue
		}
		m.enter()
		go func() {
			defer m.leave()
			select {
			case m.late <- struct{}{}:
				m.keeps(context.Background(), in, e, p, false)
			case <-m.ending():
			}
		}()
	}
}

func (m *Menu) recalled(name string) (e channels.Event, err error) {
	plain, err := m.kept.Read(name)
	if err == nil {
		err = json.Unmarshal(plain, &e)
	}
	return e, err
}
